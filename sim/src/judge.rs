//! Is what happens right? The invariants of the design, from what clients hold and what servers hear and send; nothing here trusts a server's own view.

use core::fmt;
use core::net::Ipv4Addr;
use std::collections::{BTreeMap, BTreeSet};

use dhcp_core::id::HardwareAddr;
use dhcp_core::server::book::{LeaseBook, Standing};
use dhcp_core::time::{Instant, Timestamp};
use dhcp_core::wire::frame::Ethernet;
use dhcp_core::wire::frame::ipv4::{Checksums, Udp};
use dhcp_core::wire::message::{Message, MessageType, Scratch};

use crate::network::{QUARANTINE_SECS, Site};
use crate::node::client::Held;

/// A request is forgotten when it got no reply in this time, in seconds.
const ASKED_SECS: u32 = 60;

/// How long before the end of its quarantine an address may be given again, in seconds: the lease clock shows whole ones, and a server that found out
/// itself began a little earlier than its client's DECLINE.
const EARLY_SECS: u32 = 10;

/// Who checks an address needs less than this for it, in seconds; what was found while frames were lost may be wrong.
const CHECK_SECS: u32 = 10;

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
    /// Invariant 5.
    Unasked,
    /// An address that is in quarantine.
    Declined,
    /// An address that somebody uses without a lease.
    InUse,
    /// Something of another VLAN.
    Crossed,
    /// Invariant 9.
    NotBound,
    /// An assertion of the code under test; among them are those of invariants 6 and 7.
    Panic,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TwoOwners => "an address has two live owners",
            Self::Forgotten => "a server forgot an acknowledged lease",
            Self::NotInPool => "an address was given that is not in a pool",
            Self::OtherAddress => "a client with a live lease or a name got another address",
            Self::Unasked => "a server spoke that was not asked",
            Self::Declined => "an address was given that is in quarantine",
            Self::InUse => "a client that checks took an address that is in use",
            Self::Crossed => "something crossed from one VLAN to another",
            Self::NotBound => "a client is not bound though nothing stands in its way",
            Self::Panic => "an assertion failed",
        })
    }
}

/// A violation, and the sentence about it.
pub type Found = (Violation, String);

/// A client, as far as it is judged.
#[derive(Clone, Copy, Debug)]
pub struct Party {
    /// Its number.
    pub number: u16,
    /// Its MAC address.
    pub mac: [u8; 6],
    /// It has a name, and with it always the same address.
    pub named: bool,
    /// It asks the segment thoroughly before it uses an address.
    pub checks: bool,
    /// It uses what it holds.
    pub uses: bool,
}

/// What a client holds, as far as it is judged.
#[derive(Clone, Copy, Debug)]
struct Claim {
    client: u16,
    mac: [u8; 6],
    server: Ipv4Addr,
    until: Instant,
    used: bool,
}

/// A server, by its place in the world.
type ServerPlace = usize;

/// What is known of who has what.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    claims: BTreeMap<Ipv4Addr, Claim>,
    of_client: BTreeMap<u16, Ipv4Addr>,
    /// The last address of each name from each server.
    named: BTreeMap<(u16, Ipv4Addr), Ipv4Addr>,
    /// Requests that were heard and got no reply yet: from which machine with which xid, how many, and when the last came.
    asked: BTreeMap<(ServerPlace, [u8; 6], u32), (u32, Instant)>,
    /// To whom each address was acknowledged last.
    given: BTreeMap<(ServerPlace, Ipv4Addr), [u8; 6]>,
    /// Until when nobody may be given an address.
    declined: BTreeMap<(ServerPlace, Ipv4Addr), Instant>,
    /// The network that each machine is in.
    homes: BTreeMap<[u8; 6], u8>,
    /// Machines of which several have one identity.
    clones: BTreeSet<[u8; 6]>,
    /// Addresses that somebody uses without a lease.
    statics: BTreeSet<Ipv4Addr>,
    /// Since when no frame is lost.
    good_since: Option<Instant>,
}

impl Judge {
    /// There is a machine, in the network 10.`net`.0.0/16; perhaps with an identity that others have, too.
    pub fn meet(&mut self, mac: [u8; 6], net: u8, is_clone: bool) {
        self.homes.insert(mac, net);
        if is_clone {
            self.clones.insert(mac);
        }
    }

    /// Somebody uses an address without a lease.
    pub fn meet_static(&mut self, address: Ipv4Addr) {
        self.statics.insert(address);
    }

    /// From now on every frame comes, unharmed and in time; or no more.
    pub fn link_is_good(&mut self, now: Instant, good: bool) {
        self.good_since = good.then(|| self.good_since.unwrap_or(now));
    }

    /// A client gave its address back, or found it in use: it may get another.
    pub fn gave_back(&mut self, number: u16) {
        self.named.retain(|(client, _), _| *client != number);
    }

    /// A client was looked at: it holds this, from a server of ours or none.
    ///
    /// # Errors
    /// Somebody else holds it, too; it is not of the client's site; it is not the one of the client's name; or somebody uses it without a lease.
    pub fn holds(
        &mut self,
        now: Instant,
        party: &Party,
        held: Option<Held>,
        site: &Site,
    ) -> Result<(), Found> {
        let Party { number: client, mac, named, checks, uses } = *party;
        let old = self.of_client.get(&client).copied();
        if let Some(old) = old.filter(|old| held.is_none_or(|(address, ..)| address != *old)) {
            self.of_client.remove(&client);
            if self.claims.get(&old).is_some_and(|claim| claim.client == client) {
                self.claims.remove(&old);
            }
        }
        let Some((address, server, until)) = held else { return Ok(()) };
        let before = self.claims.get(&address).copied();
        if let Some(claim) = before
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
        let used = before.is_some_and(|claim| claim.client == client && claim.used);
        let is_sure = self.good_since.is_some_and(|since| since.plus_secs(CHECK_SECS) <= now);
        if checks && uses && !used && is_sure && self.statics.contains(&address) {
            let line = format!("client {client} uses {address}");
            return Err((Violation::InUse, line));
        }
        if named
            && let Some(other) = self.named.insert((client, server), address)
            && other != address
        {
            let line = format!("the name of client {client} has {other} and got {address}");
            return Err((Violation::OtherAddress, line));
        }
        self.claims.insert(address, Claim { client, mac, server, until, used: uses });
        self.of_client.insert(client, address);
        Ok(())
    }

    /// A server started: all that its clients hold must be theirs.
    ///
    /// # Errors
    /// Something is not.
    pub fn started(
        &mut self,
        now: Instant,
        place: ServerPlace,
        is_me: impl Fn(Ipv4Addr) -> bool,
        book: &impl LeaseBook,
        stamp: Timestamp,
    ) -> Result<(), Found> {
        // A quarantine need not outlive a power cut (ADR 4), and what was asked before is not answered.
        self.declined.retain(|(server, _), _| *server != place);
        self.asked.retain(|(server, ..), _| *server != place);
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

    /// A server of ours heard a frame.
    pub fn heard(&mut self, now: Instant, place: ServerPlace, frame: &[u8]) {
        let mut scratch = Scratch::new();
        let Some(message) = message(frame, 67, &mut scratch) else { return };
        let mac = message.hardware().as_ethernet().unwrap_or_default();
        let (count, at) = self.asked.entry((place, mac, message.xid())).or_insert((0, now));
        (*count, *at) = (*count + 1, now);
        if self.asked.len() > 1_000 {
            self.asked.retain(|_, (_, at)| at.plus_secs(ASKED_SECS) > now);
        }
        if message.message_type() == Some(MessageType::Decline)
            && let Some(address) = message.requested_ip()
            && self.given.get(&(place, address)) == Some(&mac)
            && !self.clones.contains(&mac)
        {
            // The same DECLINE may come again and changes nothing then.
            self.given.remove(&(place, address));
            let until = now.plus_secs(QUARANTINE_SECS - EARLY_SECS);
            self.declined.insert((place, address), until);
        }
    }

    /// A server of ours sent a frame onto the VLAN of a site.
    ///
    /// # Errors
    /// Nobody asked for it, it is for a machine of another VLAN or about one, or it gives an address that it must not give.
    pub fn sent(
        &mut self,
        now: Instant,
        place: ServerPlace,
        frame: &[u8],
        site: &Site,
    ) -> Result<(), Found> {
        let mut scratch = Scratch::new();
        // To a client or to a relay agent.
        let found = message(frame, 68, &mut scratch);
        let mut scratch = Scratch::new();
        let Some(message) = found.or_else(|| message(frame, 67, &mut scratch)) else {
            return Ok(());
        };
        let kind = message.message_type();
        let hardware = message.hardware();
        let to = hardware.as_ethernet().unwrap_or_default();
        match self.asked.get_mut(&(place, to, message.xid())) {
            Some((count, _)) if *count > 0 => *count -= 1,
            _ => {
                let line = format!("{kind:?} to {hardware} with the xid {:08x}", message.xid());
                return Err((Violation::Unasked, line));
            }
        }
        let home = self.homes.get(&to).is_none_or(|net| *net == site.net);
        let [_, net, ..] = message.yiaddr().octets();
        let given = !message.yiaddr().is_unspecified();
        if !home || given && net != site.net {
            let yiaddr = message.yiaddr();
            let line = format!("{kind:?} of {yiaddr} to {hardware} in 10.{}.0.0/16", site.net);
            return Err((Violation::Crossed, line));
        }
        if !given || !matches!(kind, Some(MessageType::Offer | MessageType::Ack)) {
            return Ok(());
        }
        let address = message.yiaddr();
        if !site.is_lawful(address, to) {
            return Err((Violation::NotInPool, format!("{address} was given to {hardware}")));
        }
        if let Some(claim) = self.claims.get(&address)
            && claim.mac != to
            && claim.until > now
        {
            let client = claim.client;
            let line = format!("{kind:?} of {address} to {hardware}, but it is client {client}'s");
            return Err((Violation::TwoOwners, line));
        }
        if self.declined.get(&(place, address)).is_some_and(|until| *until > now) {
            return Err((Violation::Declined, format!("{address} was given to {hardware}")));
        }
        if kind == Some(MessageType::Ack) {
            // Who gets an address has no other from this server.
            self.given.retain(|(server, _), mac| *server != place || *mac != to);
            self.given.insert((place, address), to);
        }
        Ok(())
    }
}

/// The message in a frame to this port.
fn message<'f>(frame: &'f [u8], port: u16, scratch: &'f mut Scratch) -> Option<Message<'f>> {
    let (_, rest) = Ethernet::parse(frame).ok()?;
    let udp = Udp::parse(rest, Checksums::Verify).ok()?;
    if udp.destination_port != port {
        return None;
    }
    Message::parse(udp.payload, scratch).ok()
}
