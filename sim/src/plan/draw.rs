//! What does a seed decide? First which dials are on in the run, each in half of the runs; then, epoch by epoch, how far they are turned and what happens when.

use dhcp_core::rng::Rng;

use super::{
    ClientPlan, Deed, EPOCH_MS, Epoch, FAULTS_MS, Faults, Incident, Kind, Plan, Shape, What,
};
use crate::nor::Leaves;

/// How a server's wall clock may be set, in seconds ahead of the true time: right more often than wrong, as one that was never set, behind, a little ahead,
/// hours, days.
const CLOCKS: [i32; 10] = [0, 0, 0, -1_749_000_000, -86_400, -900, 2, 40, 7_200, 259_200];

/// With more clients, the board has no room for what is declined, quarantined and held.
const BOARD_CLIENTS_MAX: u16 = 40;

/// The dials of a run.
#[derive(Clone, Copy, Debug)]
enum Dial {
    Drop,
    Duplicate,
    Corrupt,
    Late,
    Restart,
    Cut,
    Clock,
    Off,
    Release,
    Renew,
    Rogue,
    Squatters,
    Tight,
    Heirs,
    Board,
    /// One for each of [`DEEDS`].
    Deed(usize),
}

const DEEDS: [Deed; 9] = [
    Deed::Churn,
    Deed::Decline,
    Deed::Release,
    Deed::Replay,
    Deed::Noise,
    Deed::Covet,
    Deed::Cross,
    Deed::Clone,
    Deed::Hop,
];

impl Dial {
    const fn place(self) -> usize {
        match self {
            Self::Drop => 0,
            Self::Duplicate => 1,
            Self::Corrupt => 2,
            Self::Late => 3,
            Self::Restart => 4,
            Self::Cut => 5,
            Self::Clock => 6,
            Self::Off => 7,
            Self::Release => 8,
            Self::Renew => 9,
            Self::Rogue => 10,
            Self::Squatters => 11,
            Self::Tight => 12,
            Self::Heirs => 13,
            Self::Board => 14,
            Self::Deed(number) => 15 + number,
        }
    }
}

/// Which dials are on in the run: a bit each.
#[derive(Clone, Copy, Debug)]
struct Swarm(u32);

impl Swarm {
    const fn is_on(self, dial: Dial) -> bool {
        self.0 >> dial.place() & 1 == 1
    }

    /// How far the dial is turned in an epoch: not at all if it is off in this run, and in one epoch of four.
    fn turn(self, rng: &mut Rng, dial: Dial, max: u32) -> u32 {
        if !self.is_on(dial) || rng.below(4) == 0 { 0 } else { 1 + rng.below(max) }
    }
}

pub(super) fn pick(rng: &mut Rng, len: usize) -> usize {
    rng.below(u32::try_from(len).expect("a run is not that large")) as usize
}

impl Plan {
    /// What `seed` decides for so many epochs and clients without the dials that came later: the story that it had before there were any.
    #[must_use]
    pub fn first(seed: u64, epochs: usize, clients: u16) -> Self {
        let mut rng = Rng::seeded(seed);
        let shape = *Shape::ALL.get(pick(&mut rng, 4)).expect("one of four");
        let swarm = Swarm(rng.next_u32());
        let squatters = if swarm.is_on(Dial::Squatters) { 1 + rng.below(3) } else { 0 };
        let list = (0..clients).map(|number| ClientPlan::new(number, &mut rng)).collect();
        let mut plan = Self {
            seed,
            shape,
            clients: list,
            squatters: u16::try_from(squatters).expect("at most 3"),
            informers: 0,
            networks: 1,
            board: shape == Shape::Plain
                && clients <= BOARD_CLIENTS_MAX
                && swarm.is_on(Dial::Board),
            tight: swarm.is_on(Dial::Tight),
            heirs: swarm.is_on(Dial::Heirs),
            epochs: Vec::new(),
            defect: None,
        };
        for number in 0..epochs as u64 {
            plan.epochs.push(plan.epoch(&mut rng, swarm, number * EPOCH_MS));
        }
        plan
    }

    fn epoch(&self, rng: &mut Rng, swarm: Swarm, begin_ms: u64) -> Epoch {
        let faults = Faults {
            drop: swarm.turn(rng, Dial::Drop, 400),
            duplicate: swarm.turn(rng, Dial::Duplicate, 200),
            corrupt: swarm.turn(rng, Dial::Corrupt, 200),
            late: swarm.turn(rng, Dial::Late, 200),
            late_ms_max: 2_000,
        };
        let mut incidents = Vec::new();
        let mut happen = |rng: &mut Rng, dial: Dial, max: u32, what: &dyn Fn(&mut Rng) -> What| {
            for _ in 0..swarm.turn(rng, dial, max) {
                let faults_ms = u32::try_from(FAULTS_MS).expect("minutes");
                let at_ms = begin_ms + u64::from(rng.below(faults_ms));
                incidents.push(Incident { at_ms, what: what(rng) });
            }
        };
        let servers = self.servers();
        let server = |rng: &mut Rng| pick(rng, servers);
        happen(rng, Dial::Restart, 4, &|rng| What::Restart {
            server: server(rng),
            down_ms: rng.below(30_000),
        });
        happen(rng, Dial::Cut, 12, &|rng| What::Cut {
            server: server(rng),
            steps: rng.below(60),
            leaves: match rng.below(3) {
                0 => Leaves::Nothing,
                1 => Leaves::Everything,
                _ => Leaves::Some,
            },
        });
        happen(rng, Dial::Clock, 4, &|rng| What::Clock {
            server: server(rng),
            ahead_secs: *CLOCKS.get(pick(rng, CLOCKS.len())).expect("one of them"),
        });
        if !self.clients.is_empty() {
            let len = self.clients.len();
            let some = 4 + u32::try_from(len / 4).expect("a run is not that large");
            let client = |rng: &mut Rng| u16::try_from(pick(rng, len)).expect("a u16's");
            happen(rng, Dial::Off, some, &|rng| What::Off {
                client: client(rng),
                // Some are off for longer than a lease lasts.
                secs: 1 + if rng.below(3) == 0 { rng.below(2_400) } else { rng.below(600) },
                remembers: rng.below(2) == 0,
            });
            happen(rng, Dial::Release, some, &|rng| What::Release {
                client: client(rng),
                secs: 10 + rng.below(300),
            });
            happen(rng, Dial::Renew, some, &|rng| What::Renew { client: client(rng) });
        }
        for (number, deed) in DEEDS.into_iter().enumerate() {
            happen(rng, Dial::Deed(number), 4, &|rng| What::Hostile {
                deed,
                times: 1 + u16::try_from(rng.below(20)).expect("below 20"),
            });
        }
        happen(rng, Dial::Rogue, 2, &|rng| What::Rogue(rng.below(2) == 0));
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
                fickle: rng.below(4) == 0,
            },
        };
        Self { number, kind, on_ms: u64::from(rng.below(20_000)) }
    }
}
