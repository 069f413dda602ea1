//! What is going to happen in a run? Everything that a seed decides before the world begins, in a form that can be made smaller.
//!
//! A run is a row of epochs. In each one the dials of the faults are set anew, each one off in half of the epochs; at its end it is calm, and everybody
//! must come to rest. A failure is made smaller by leaving out clients, incidents, and dials.

use dhcp_core::rng::Rng;

use crate::defect::Defect;
use crate::nor::Leaves;

/// An epoch, in milliseconds: faults first, and then a calm.
pub const EPOCH_MS: u64 = 30 * 60_000;

/// How long an epoch's faults last, in milliseconds.
pub const FAULTS_MS: u64 = 22 * 60_000;

/// How the segments are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One server, one segment.
    Plain,
    /// Two servers on one segment with a pool each, of which one is authoritative.
    TwoServers,
    /// A server, and clients behind a relay agent.
    Relay,
    /// Three VLANs on one trunk.
    Trunk,
}

impl Shape {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Plain, Self::TwoServers, Self::Relay, Self::Trunk];
}

/// What kind of client it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ours, with or without a client identifier.
    Ours {
        /// Whether it sends one.
        client_id: bool,
        /// Its address is checked before it is used: fully, quickly, or not.
        acd: u8,
        /// Option 51, if it sends it.
        lease_secs: Option<u32>,
    },
    /// A container's: its lease is pinned.
    Container,
    /// smoltcp's.
    Smoltcp,
    /// Ours, with the client identifier of another machine. Nothing can be promised to it.
    Clone,
}

/// A client of the run.
#[derive(Clone, Copy, Debug)]
pub struct ClientPlan {
    /// Its number, from which its MAC address and its chance follow.
    pub number: u16,
    /// What it is.
    pub kind: Kind,
    /// When it is switched on first, in milliseconds.
    pub on_ms: u64,
}

/// What the link does to frames, in thousandths, and for how long it delays them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Frames that a receiver does not get.
    pub drop: u32,
    /// Frames that come twice.
    pub duplicate: u32,
    /// Frames of which a bit is changed.
    pub corrupt: u32,
    /// Frames that come late, behind others.
    pub late: u32,
    /// How late at most, in milliseconds.
    pub late_ms_max: u32,
}

impl Faults {
    /// Whether every frame comes, unharmed and in time.
    #[must_use]
    pub const fn is_harmless(&self) -> bool {
        self.drop == 0 && self.corrupt == 0 && self.late == 0
    }
}

/// Something that happens once.
#[derive(Clone, Copy, Debug)]
pub struct Incident {
    /// When, in milliseconds.
    pub at_ms: u64,
    /// What.
    pub what: What,
}

/// What happens.
#[derive(Clone, Copy, Debug)]
pub enum What {
    /// A server loses its power while it does nothing.
    Restart {
        /// Which.
        server: usize,
        /// For how long.
        down_ms: u32,
    },
    /// A server loses its power while it writes.
    Cut {
        /// Which.
        server: usize,
        /// In how many steps of its flash.
        steps: u32,
        /// What that leaves behind.
        leaves: Leaves,
    },
    /// A server hears what the time is; or something earlier than that, which must change nothing.
    Time {
        /// Which.
        server: usize,
        /// By how much it is wrong, in seconds to the past.
        behind_secs: u32,
    },
    /// A client loses its power.
    Off {
        /// Which, by its place in the plan.
        client: u16,
        /// For how long.
        secs: u32,
        /// Whether it remembers its lease.
        remembers: bool,
    },
    /// A client gives its lease back and comes again later.
    Release {
        /// Which.
        client: u16,
        /// After how long it comes again; longer than any frame is late.
        secs: u32,
    },
    /// Somebody hostile does something.
    Hostile(Deed),
}

/// What somebody hostile does.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    /// DISCOVERs from that many invented MAC addresses.
    Churn(u16),
    /// DECLINEs of addresses that others have.
    Decline(u16),
    /// RELEASEs of addresses that others have.
    Release(u16),
    /// What others sent is sent again.
    Replay(u16),
    /// Random octets to both ports.
    Noise(u16),
    /// DISCOVERs and REQUESTs for addresses that others have, from invented MAC addresses.
    Covet(u16),
    /// DISCOVERs that name another VLAN's network (RFC 3011), and REQUESTs for its addresses.
    Cross(u16),
    /// A second server that nobody asked for, on or off.
    Rogue(bool),
}

/// What is decided for one epoch.
#[derive(Clone, Debug, Default)]
pub struct Epoch {
    /// What the link does, while it is not calm.
    pub faults: Faults,
    /// In the order of their times.
    pub incidents: Vec<Incident>,
}

/// Everything that a seed decides.
#[derive(Clone, Debug)]
pub struct Plan {
    /// For the chances that are taken while the world runs.
    pub seed: u64,
    /// How the segments are built.
    pub shape: Shape,
    /// Who is there.
    pub clients: Vec<ClientPlan>,
    /// How many nodes use addresses of the pool without asking.
    pub squatters: u16,
    /// What happens to them.
    pub epochs: Vec<Epoch>,
    /// What is wrong on purpose; no seed decides that.
    pub defect: Option<Defect>,
}

/// Whether a dial is on, and how far.
fn dial(rng: &mut Rng, max: u32) -> u32 {
    if rng.below(2) == 0 { 0 } else { 1 + rng.below(max) }
}

fn pick(rng: &mut Rng, len: usize) -> usize {
    rng.below(u32::try_from(len).expect("a run is not that large")) as usize
}

impl Plan {
    /// What `seed` decides for so many epochs and clients.
    #[must_use]
    pub fn new(seed: u64, epochs: usize, clients: u16) -> Self {
        let mut rng = Rng::seeded(seed);
        let shape = match rng.below(4) {
            0 => Shape::Plain,
            1 => Shape::TwoServers,
            2 => Shape::Relay,
            _ => Shape::Trunk,
        };
        let squatters = rng.below(3).try_into().expect("fewer than 3");
        let list = (0..clients).map(|number| ClientPlan::new(number, &mut rng)).collect();
        let mut plan =
            Self { seed, shape, clients: list, squatters, epochs: Vec::new(), defect: None };
        for number in 0..epochs as u64 {
            plan.epochs.push(plan.epoch(&mut rng, number * EPOCH_MS));
        }
        plan
    }

    /// How many servers there are, without the rogue one.
    #[must_use]
    pub const fn servers(&self) -> usize {
        match self.shape {
            Shape::TwoServers => 2,
            Shape::Plain | Shape::Relay | Shape::Trunk => 1,
        }
    }

    fn epoch(&self, rng: &mut Rng, begin_ms: u64) -> Epoch {
        let late = dial(rng, 200);
        let faults = Faults {
            drop: dial(rng, 400),
            duplicate: dial(rng, 200),
            corrupt: dial(rng, 200),
            late,
            late_ms_max: 2_000,
        };
        let mut incidents = Vec::new();
        let mut happen = |rng: &mut Rng, max: u32, what: &dyn Fn(&mut Rng) -> What| {
            for _ in 0..dial(rng, max) {
                let faults_ms = u32::try_from(FAULTS_MS).expect("minutes");
                let at_ms = begin_ms + u64::from(rng.below(faults_ms));
                incidents.push(Incident { at_ms, what: what(rng) });
            }
        };
        let servers = self.servers();
        let clients = self.clients.len();
        happen(rng, 4, &|rng| What::Restart {
            server: pick(rng, servers),
            down_ms: rng.below(30_000),
        });
        happen(rng, 12, &|rng| What::Cut {
            server: pick(rng, servers),
            steps: rng.below(60),
            leaves: match rng.below(3) {
                0 => Leaves::Nothing,
                1 => Leaves::Everything,
                _ => Leaves::Some,
            },
        });
        happen(rng, 4, &|rng| What::Time {
            server: pick(rng, servers),
            behind_secs: dial(rng, 900),
        });
        if clients > 0 {
            let some = 4 + u32::try_from(clients / 4).expect("a run is not that large");
            let client = |rng: &mut Rng| u16::try_from(pick(rng, clients)).expect("a u16's");
            happen(rng, some, &|rng| What::Off {
                client: client(rng),
                secs: 1 + rng.below(600),
                remembers: rng.below(2) == 0,
            });
            happen(rng, some, &|rng| What::Release {
                client: client(rng),
                secs: 10 + rng.below(300),
            });
        }
        let count = |rng: &mut Rng| 1 + u16::try_from(rng.below(20)).expect("below 20");
        happen(rng, 4, &|rng| What::Hostile(Deed::Churn(count(rng))));
        happen(rng, 4, &|rng| What::Hostile(Deed::Decline(count(rng))));
        happen(rng, 4, &|rng| What::Hostile(Deed::Release(count(rng))));
        happen(rng, 4, &|rng| What::Hostile(Deed::Replay(count(rng))));
        happen(rng, 4, &|rng| What::Hostile(Deed::Noise(count(rng))));
        happen(rng, 2, &|rng| What::Hostile(Deed::Rogue(rng.below(2) == 0)));
        // These came later; what a seed had decided before stays as it was.
        let rng = &mut Rng::seeded(self.seed ^ begin_ms << 32 ^ 0xc0_7e7);
        for deed in [Deed::Covet as fn(u16) -> Deed, Deed::Cross] {
            for _ in 0..dial(rng, 4) {
                let faults_ms = u32::try_from(FAULTS_MS).expect("minutes");
                let at_ms = begin_ms + u64::from(rng.below(faults_ms));
                incidents.push(Incident { at_ms, what: What::Hostile(deed(count(rng))) });
            }
        }
        incidents.sort_by_key(|incident| incident.at_ms);
        Epoch { faults, incidents }
    }
}

impl ClientPlan {
    fn new(number: u16, rng: &mut Rng) -> Self {
        let kind = match rng.below(16) {
            0..=2 => Kind::Smoltcp,
            3 => Kind::Container,
            4 if number > 4 => Kind::Clone,
            _ => Kind::Ours {
                client_id: rng.below(2) == 0,
                acd: u8::try_from(rng.below(3)).expect("below 3"),
                lease_secs: (rng.below(3) == 0).then(|| 60 + rng.below(1_200)),
            },
        };
        Self { number, kind, on_ms: u64::from(rng.below(20_000)) }
    }
}
