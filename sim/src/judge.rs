//! Is what happens right? The invariants of the design, from what clients hold and what servers send; nothing here trusts a server's own view.

use core::fmt;
use core::net::Ipv4Addr;
use std::collections::BTreeMap;

use dhcp_core::id::HardwareAddr;
use dhcp_core::server::book::{LeaseBook, Standing};
use dhcp_core::time::{Instant, Timestamp};
use dhcp_core::wire::frame::Ethernet;
use dhcp_core::wire::frame::ipv4::{Checksums, Udp};
use dhcp_core::wire::message::{Message, MessageType, Scratch};

use crate::network::Site;
use crate::node::client::Held;

/// What does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Invariant 1.
    TwoOwners,
    /// Invariant 2.
    Forgotten,
    /// Invariant 3.
    NotInPool,
    /// Invariant 4.
    OtherAddress,
    /// Something of another VLAN.
    Crossed,
    /// Invariant 9.
    NotBound,
    /// An assertion of the code under test.
    Panic,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TwoOwners => "an address has two live owners",
            Self::Forgotten => "a server forgot an acknowledged lease",
            Self::NotInPool => "an address was given that is not in a pool",
            Self::OtherAddress => "a client with a live lease asked again and got another address",
            Self::Crossed => "something crossed from one VLAN to another",
            Self::NotBound => "a client is not bound though nothing stands in its way",
            Self::Panic => "an assertion failed",
        })
    }
}

/// A violation, and the sentence about it.
pub type Found = (Violation, String);

/// What a client holds, as far as it is judged.
#[derive(Clone, Copy, Debug)]
struct Claim {
    client: u16,
    mac: [u8; 6],
    server: Ipv4Addr,
    until: Instant,
}

/// What is known of who has what.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    claims: BTreeMap<Ipv4Addr, Claim>,
    of_client: BTreeMap<u16, Ipv4Addr>,
}

impl Judge {
    /// A client was looked at: it holds this, from a server of ours or none.
    ///
    /// # Errors
    /// Somebody else holds it, too; or it is not of the client's site.
    pub fn holds(
        &mut self,
        now: Instant,
        (client, mac): (u16, [u8; 6]),
        held: Option<Held>,
        site: &Site,
    ) -> Result<(), Found> {
        let old = self.of_client.get(&client).copied();
        if let Some(old) = old.filter(|old| held.is_none_or(|(address, ..)| address != *old)) {
            self.of_client.remove(&client);
            if self.claims.get(&old).is_some_and(|claim| claim.client == client) {
                self.claims.remove(&old);
            }
        }
        let Some((address, server, until)) = held else { return Ok(()) };
        if let Some(claim) = self.claims.get(&address)
            && claim.client != client
            && claim.until > now
        {
            let other = claim.client;
            let line = format!("{address} is client {client}'s and client {other}'s");
            return Err((Violation::TwoOwners, line));
        }
        let [_, net, ..] = address.octets();
        if net != site.net {
            let line = format!("client {client} of 10.{}.0.0/16 has {address}", site.net);
            return Err((Violation::Crossed, line));
        }
        self.claims.insert(address, Claim { client, mac, server, until });
        self.of_client.insert(client, address);
        Ok(())
    }

    /// A server started: all that its clients hold must be theirs.
    ///
    /// # Errors
    /// Something is not.
    pub fn started(
        &self,
        now: Instant,
        is_me: impl Fn(Ipv4Addr) -> bool,
        book: &impl LeaseBook,
        stamp: Timestamp,
    ) -> Result<(), Found> {
        let living = self.claims.iter().filter(|(_, claim)| claim.until > now);
        for (address, claim) in living.filter(|(_, claim)| is_me(claim.server)) {
            let entry = book.entry_at(*address, stamp);
            let known = entry.is_some_and(|entry| {
                let hardware = Some(HardwareAddr::ethernet(claim.mac));
                entry.standing == Standing::Bound && entry.hardware == hardware
            });
            if !known {
                let client = claim.client;
                let line = format!("client {client} has {address}, of which is known: {entry:?}");
                return Err((Violation::Forgotten, line));
            }
        }
        Ok(())
    }

    /// A server of ours sent a frame onto the VLAN of a site.
    ///
    /// # Errors
    /// It gives an address that it must not give.
    pub fn sent(&self, frame: &[u8], site: &Site) -> Result<(), Found> {
        let Ok((_, rest)) = Ethernet::parse(frame) else { return Ok(()) };
        let Ok(udp) = Udp::parse(rest, Checksums::Verify) else { return Ok(()) };
        let mut scratch = Scratch::new();
        let Ok(message) = Message::parse(udp.payload, &mut scratch) else { return Ok(()) };
        let gives = match message.message_type() {
            Some(MessageType::Offer | MessageType::Ack) => !message.yiaddr().is_unspecified(),
            _ => false,
        };
        let to = message.hardware().as_ethernet().unwrap_or_default();
        if gives && !site.is_lawful(message.yiaddr(), to) {
            let line = format!("{} was given to {}", message.yiaddr(), message.hardware());
            return Err((Violation::NotInPool, line));
        }
        Ok(())
    }
}
