//! What does the client want done? Messages, ARP packets and events, in the order in which they are to be done.

use core::net::Ipv4Addr;

use crate::client::offer::Offer;
use crate::client::request::Intent;
use crate::wire::frame::arp::Arp;

/// One thing to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use]
pub enum Output {
    /// Send the octets that were written into the buffer.
    Transmit(Transmit),
    /// Broadcast an ARP packet.
    Arp(Arp),
    /// For the caller.
    Event(Event),
}

/// A message in the caller's buffer, to be sent from port 68 to port 67.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use]
pub struct Transmit {
    /// The IP source: our address, or 0.0.0.0 as long as we have none.
    pub source: Ipv4Addr,
    /// The IP destination: a server, or 255.255.255.255 in a broadcast frame.
    pub destination: Ipv4Addr,
    /// Octets of the message, from the beginning of the buffer.
    pub len: usize,
}

/// What the caller wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event {
    /// An offer came.
    Offered(Offer),
    /// There is a lease, and its address may be used from now on: see [`Client::lease`](crate::client::Client::lease).
    Bound,
    /// The lease goes on.
    Renewed {
        /// Whether any option differs from before: the interface is to be configured anew.
        changed: bool,
    },
    /// A server refused an address (NAK).
    Refused {
        /// Which server.
        server_id: Ipv4Addr,
    },
    /// The address that a server gave us is somebody else's. It was declined and not used.
    Conflict {
        /// The address.
        address: Ipv4Addr,
        /// Whose it is.
        by: [u8; 6],
    },
    /// Somebody else uses our address; we told everybody that it is ours.
    Defended {
        /// Who.
        by: [u8; 6],
    },
    /// The address may not be used any more, from now on.
    Lost {
        /// The address.
        address: Ipv4Addr,
        /// Why.
        why: Lost,
    },
    /// The server would rather have us without IPv4 (RFC 8925). We ask again after this time.
    Ipv6OnlyPreferred {
        /// `V6ONLY_WAIT`, at least 300 seconds.
        wait_secs: u32,
    },
    /// Nobody confirmed the address that we had before; we look for servers.
    RebootUnanswered {
        /// The address.
        address: Ipv4Addr,
    },
    /// An INFORM was answered: see [`Client::options`](crate::client::Client::options).
    Informed,
}

/// Why an address is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Lost {
    /// The lease ended before anybody renewed it.
    Expired,
    /// A server refused to renew it.
    Refused,
    /// Somebody else uses it and goes on doing so.
    Conflict {
        /// Who.
        by: [u8; 6],
    },
}

/// What waits to be taken by `poll_output`. A message is kept as what it says, and written when it is taken.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pending {
    Message { intent: Intent, xid: u32, secs: u16 },
    Arp(Arp),
    Event(Event),
}

/// One input makes at most this many outputs.
const OUTBOX_LEN: usize = 8;

/// First in, first out. When the caller does not take what is there, the oldest is lost, as on a network.
#[derive(Clone, Debug)]
pub(super) struct Outbox {
    pending: [Option<Pending>; OUTBOX_LEN],
}

impl Outbox {
    pub(super) const fn new() -> Self {
        Self { pending: [None; OUTBOX_LEN] }
    }

    pub(super) fn push(&mut self, pending: Pending) {
        if !self.pending.iter().any(Option::is_none) {
            self.pop();
        }
        if let Some(free) = self.pending.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(pending);
        }
    }

    pub(super) fn pop(&mut self) -> Option<Pending> {
        let first = self.pending.first_mut()?.take();
        self.pending.rotate_left(1);
        first
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pending.iter().all(Option::is_none)
    }
}
