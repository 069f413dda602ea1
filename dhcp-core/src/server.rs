//! What does the server answer? Octets and time go in; a reply, a change to be recorded and an event come out.
//!
//! The server never sends and never writes. It says what is to be done, and an acknowledgement that needs a record comes
//! as a [`Held`], which gives its [`Transmit`] only for a proof that the record is durable (RFC 2131 section 3.1: the server commits
//! the binding to persistent storage before the DHCPACK).

pub mod book;
pub mod config;
pub mod counters;
mod decide;
mod event;
mod handle;
mod name;
mod pending;
mod poll;
mod probe;
mod reply;
mod select;
mod who;

use core::net::Ipv4Addr;

pub use self::event::{Deal, Discard, Event, Refusal};
pub use self::handle::{Scratch, Server};
pub use self::name::{NAME_LEN_MAX, sanitised};
pub use self::pending::PENDING_MAX;
pub use self::probe::{Probe, VETTING_MAX, Via};
use crate::server::book::Change;
use crate::server::config::Link;

/// A change's place in the order of all changes, counted from 1 since the start of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Lsn(u64);

impl Lsn {
    /// Before every change.
    pub const ZERO: Self = Self(0);

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The place after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Proof that every change up to and including one is on the medium and survives a power cut.
///
/// Only a journal makes one, after its medium was synced; nobody else calls [`Durable::synced_up_to`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durable(Lsn);

impl Durable {
    /// The journal's word: every change up to `lsn` is on the medium.
    #[must_use]
    pub const fn synced_up_to(lsn: Lsn) -> Self {
        Self(lsn)
    }

    /// The last change that is durable.
    #[must_use]
    pub const fn lsn(self) -> Lsn {
        self.0
    }
}

/// Where a packet came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ingress {
    /// The interface and VLAN.
    pub link: Link,
    /// Our address that it was sent to, or our address on the link when it was broadcast.
    pub local: Ipv4Addr,
    /// Whether it was sent to our own address, rather than broadcast.
    pub unicast: bool,
}

// The tag is a word, as that of `Change`.
/// How a reply reaches the client (RFC 2131 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u32)]
pub enum Destination {
    /// UDP to a relay agent, port 67.
    Relay(Ipv4Addr),
    /// UDP to a client that has this address, port 68.
    Client(Ipv4Addr),
    /// To a client that does not have its address yet: a frame to its hardware address with this IP destination, port 68, without ARP.
    Hardware {
        /// The frame's destination.
        mac: [u8; 6],
        /// The IP destination, `yiaddr`.
        address: Ipv4Addr,
    },
    /// To 255.255.255.255, port 68, in a broadcast frame.
    Broadcast,
}

/// A message in the caller's buffer that may leave now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use]
pub struct Transmit {
    /// To whom.
    pub destination: Destination,
    /// The IP source: the server identifier.
    pub source: Ipv4Addr,
    /// Where the request came in; the reply leaves there with the same tag, unless it is routed to a relay.
    pub link: Link,
    /// Octets of the message, from the beginning of the buffer.
    pub len: usize,
}

/// An acknowledgement in the caller's buffer that must wait for its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Held {
    transmit: Transmit,
    lsn: Lsn,
}

impl Held {
    /// The message may leave once the record is durable.
    ///
    /// # Errors
    /// The same `Held` again, when `durable` does not reach its record.
    pub fn release(self, durable: Durable) -> Result<Transmit, Self> {
        if durable.lsn() >= self.lsn { Ok(self.transmit) } else { Err(self) }
    }

    /// The change that it waits for.
    #[must_use]
    pub const fn lsn(&self) -> Lsn {
        self.lsn
    }
}

/// What is to be sent, if anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Reply {
    /// Nothing: see the event.
    None,
    /// Send it.
    Now(Transmit),
    /// Send it when its record is durable.
    Held(Held),
}

/// What came of one packet.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Outcome<'p> {
    /// At most one reply.
    pub reply: Reply,
    /// What must be appended to the journal, in the order of the numbers. Without a reply it is appended all the same.
    pub record: Option<(Lsn, Change<'p>)>,
    /// For the operator.
    pub event: Event,
}
