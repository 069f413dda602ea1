//! How many clients does a server keep happy? Thousands of simulated ones ask it, and what they experience is measured.
//!
//! The clients are numbers; what each is waiting for is in `load/clients.rs`, how its messages travel in `load/path.rs`, and when the next one begins
//! in `load/drive.rs`. Any DHCP server will do. Traffic stays in the network namespace that this runs in.

mod clients;
mod disk;
mod drive;
mod path;
mod report;

use core::net::Ipv4Addr;
use core::time::Duration;
use std::fs;
use std::io;
use std::path::PathBuf;

use hydrant::net::WatchError;

pub use self::drive::run;
pub use self::report::{Latency, Progress, Report};

/// The longest latency that is told from longer ones, in nanoseconds: an hour.
const LATENCY_NANOS_MAX: u64 = 3_600 * 1_000_000_000;

/// What the clients do, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// DISCOVER, OFFER, REQUEST, ACK; each client in its turn.
    Dora,
    /// A REQUEST of a client that has its address, and the ACK. Through a relay agent, that is a client in REBINDING.
    Renew,
    /// A REQUEST of a client that was restarted, and the ACK.
    Reboot,
}

/// When the next client begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// So many are always at it: one begins when another is done.
    Closed {
        /// How many.
        in_flight: u32,
    },
    /// So many begin each second, whatever becomes of the others.
    Open {
        /// How many.
        per_second: f64,
    },
}

/// How messages travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Path {
    /// As a relay agent passes them on: UDP from port 67 of an address of ours to port 67 of the server.
    Relay {
        /// Our address, which the server answers to.
        giaddr: Ipv4Addr,
        /// The server's.
        server: Ipv4Addr,
    },
    /// As the clients send them: broadcast frames on this interface, each from its client's MAC address.
    Broadcast {
        /// The interface's name.
        interface: String,
    },
}

/// All that a run is told.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the clients do.
    pub kind: Kind,
    /// When they do it.
    pub pace: Pace,
    /// How they reach the server.
    pub path: Path,
    /// How many there are, at most 16,777,216 with those of `preload`.
    pub clients: u32,
    /// Others that have leases before the run begins.
    pub preload: u32,
    /// For how long exchanges begin.
    pub time: Duration,
    /// When a client that hears nothing gives up.
    pub timeout: Duration,
    /// The server's process, to tell its CPU time.
    pub server_pid: Option<u32>,
    /// A directory on the disk that the server writes to, to tell what a sync costs there without a server.
    pub disk: Option<PathBuf>,
}

/// Why there is no run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// This could reach a network that others use.
    #[error(
        "this is the network namespace of the machine itself; thousands of clients belong into one of their own (ip netns exec NAME ..)"
    )]
    NotPrivate,
    /// A system call failed.
    #[error("cannot {doing}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The kernel does not tell which interfaces there are.
    #[error("the interfaces cannot be listed")]
    Interfaces(#[source] WatchError),
    /// There is no such interface in this network namespace.
    #[error("there is no interface {0} in this network namespace")]
    NoInterface(String),
    /// The clients that must have leases before the run did not get them.
    #[error(
        "only {had} of {wanted} clients got the lease that the run begins with; is the pool large enough?"
    )]
    NotPrepared {
        /// How many got one.
        had: u32,
        /// How many should have.
        wanted: u32,
    },
    /// More clients than numbers for them.
    #[error("{0} clients are more than 16,777,216")]
    TooMany(u64),
}

impl LoadError {
    fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }
}

/// Refuses to run where the traffic could reach others: in the network namespace of process 1, unless the server is on this machine's loopback or this is
/// a private machine of the testbed.
///
/// # Errors
/// [`LoadError::NotPrivate`].
pub fn check_private(path: &Path) -> Result<(), LoadError> {
    let loopback = match path {
        Path::Relay { server, .. } => server.is_loopback(),
        Path::Broadcast { .. } => false,
    };
    let of = |process: &str| fs::read_link(format!("/proc/{process}/ns/net"));
    let elsewhere = match (of("thread-self"), of("1")) {
        (Ok(ours), Ok(first)) => ours != first,
        (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
    };
    if loopback || elsewhere || hydrant::testbed::private::inside() {
        Ok(())
    } else {
        Err(LoadError::NotPrivate)
    }
}
