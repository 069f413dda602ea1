//! What is going to happen in a run? Everything that a seed decides before the world begins, in a form that can be made smaller.
//!
//! A run is a row of epochs. In each one the dials of the faults are set anew, those that are on in this run at all; at its end it is calm, and everybody
//! must come to rest. A failure is made smaller by leaving out clients, incidents, and dials. What a seed decides is in `plan/draw.rs`, and what it decides
//! beside that, by dice of its own, in `plan/later.rs`.

mod draw;
mod later;

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
        /// It wishes for another time in each message.
        fickle: bool,
    },
    /// A container's: its lease is pinned.
    Container,
    /// smoltcp's.
    Smoltcp,
    /// Ours, with the client identifier of the client [`CLONED_CLIENT`]. Nothing can be promised to either.
    Clone,
}

/// The number of the client that clones are copied from.
pub const CLONED_CLIENT: u16 = 2;

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
    /// A server's wall clock is set, by a time server or by somebody, if it has one.
    Clock {
        /// Which.
        server: usize,
        /// How far it is ahead of the true time afterwards, in seconds; perhaps behind it.
        ahead_secs: i32,
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
    /// A client extends its lease before it must.
    Renew {
        /// Which.
        client: u16,
    },
    /// Somebody hostile does something.
    Hostile {
        /// What.
        deed: Deed,
        /// How often.
        times: u16,
    },
    /// A second server that nobody asked for, on or off.
    Rogue(bool),
    /// Somebody who has an address of its own asks for the rest (DHCPINFORM).
    Inform {
        /// Which of the informers.
        informer: u16,
        /// It asks the server that answered it last, and not all.
        unicast: bool,
    },
}

/// What somebody hostile does, each time on one of the VLANs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// A DISCOVER from an invented MAC address.
    Churn,
    /// A DECLINE of an address that somebody else has.
    Decline,
    /// A RELEASE of an address that somebody else has.
    Release,
    /// A message of any kind that somebody else sent is sent again, now or later, here or on another VLAN.
    Replay,
    /// Random octets to both ports.
    Noise,
    /// A DISCOVER or REQUEST for an address that somebody else has, from an invented MAC address.
    Covet,
    /// A DISCOVER or REQUEST that names another VLAN's network (RFC 3011) or address.
    Cross,
    /// A message with the client identifier of a machine on another VLAN.
    Clone,
    /// A message in a frame with a second tag, that of another VLAN, inside the first.
    Hop,
    /// An INFORM for an address that somebody else has, here or on another VLAN, in its own name or in that of an invented machine.
    Inform,
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
    /// How many nodes with an address of their own ask for the rest.
    pub informers: u16,
    /// How many networks share each segment or VLAN of clients.
    pub networks: u8,
    /// The server is the board of the example, with arrays for 64 leases.
    pub board: bool,
    /// Pools have hardly more addresses than there are clients.
    pub tight: bool,
    /// When a client is off and its lease runs out, somebody asks for its address in the lease's last second.
    pub heirs: bool,
    /// What happens to them.
    pub epochs: Vec<Epoch>,
    /// What is wrong on purpose; no seed decides that.
    pub defect: Option<Defect>,
}

impl Plan {
    /// How many servers there are, without the rogue one.
    #[must_use]
    pub const fn servers(&self) -> usize {
        match self.shape {
            Shape::TwoServers => 2,
            Shape::Plain | Shape::Relay | Shape::Trunk => 1,
        }
    }
}
