//! Is what happens right? The invariants of the design, from what clients hold and what servers hear and send; nothing here trusts a server's own view.
//!
//! What clients hold is judged here. What a server was asked, and knows from that, is in `judge/heard.rs`; whether it may say what it says, in
//! `judge/sent.rs`, and whether it says that as it must, in `judge/form.rs`; what it must know after a start, in `judge/started.rs`.

mod form;
mod heard;
mod sent;
mod started;

use core::fmt;
use core::net::Ipv4Addr;
use std::collections::{BTreeMap, BTreeSet};

use dhcp_core::time::Instant;
use dhcp_core::wire::frame::ipv4::{Checksums, Udp};
use dhcp_core::wire::message::{Message, Scratch};

pub use self::heard::Hearing;
pub use self::sent::Saying;
use crate::network::Site;
use crate::node::client::{Grief, Held};
use crate::node::untagged;

/// Who checks an address needs less than this for it, in seconds; what was found while frames were lost may be wrong.
const CHECK_SECS: u32 = 10;

/// How long after the faults a lease may still run out, in seconds: a client that failed to renew waits for up to half of the rest of its lease.
const KEPT_SECS: u32 = 1_260 / 4;

/// What does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Invariant 1.
    TwoOwners,
    /// Invariant 2.
    Forgotten,
    /// Invariant 2, of an address that is nobody's for a while.
    Unquarantined,
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
    /// Invariant 9: what is bound stays bound.
    Lapsed,
    /// A lease that was promised.
    Refused,
    /// An address that is held for somebody.
    NotHeld,
    /// A message that must be answered, and was not.
    Unanswered,
    /// A reply that does not say what it must.
    IllFormed,
    /// What somebody changed who only asked.
    Changed,
    /// An assertion of the code under test; among them are those of invariants 6 and 7.
    Panic,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TwoOwners => "an address has two live owners",
            Self::Forgotten => "a server forgot an acknowledged lease",
            Self::Unquarantined => "a server forgot that an address is in quarantine",
            Self::NotInPool => "an address was given that is not in a pool",
            Self::OtherAddress => "a client with a live lease or a name got another address",
            Self::Unasked => "a server spoke that was not asked",
            Self::Declined => "an address was given that is in quarantine",
            Self::InUse => "a client that checks took an address that is in use",
            Self::Crossed => "something crossed from one VLAN to another",
            Self::NotBound => "a client waits in vain though nothing stands in its way",
            Self::Lapsed => "a client lost its lease though nothing stood in the way of a renewal",
            Self::Refused => "a server refused a lease that it had granted",
            Self::NotHeld => "an address was offered to two",
            Self::Unanswered => "a server did not answer",
            Self::IllFormed => "a reply does not say what it must",
            Self::Changed => "an INFORM changed what is leased",
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

/// A request that got no reply yet.
#[derive(Clone, Debug)]
struct Asked {
    /// How often it came.
    count: u32,
    /// When it came last.
    at: Instant,
    /// Whether it was somebody hostile who sent it last.
    spoofed: bool,
    /// It has no message type: its reply is RFC 951's.
    is_bootp: bool,
    /// It is an INFORM, from this `ciaddr`.
    informs: Option<Ipv4Addr>,
    /// What it asks for of the mask and the router.
    wants: Vec<u8>,
    /// Option 82.
    agent_info: Option<Vec<u8>>,
    giaddr: Ipv4Addr,
}

/// Where a request is from: server, machine, xid, and the network that it came in on.
type Question = (ServerPlace, [u8; 6], u32, u8);

/// What is known of who has what.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    claims: BTreeMap<Ipv4Addr, Claim>,
    of_client: BTreeMap<u16, Ipv4Addr>,
    /// Leases that somebody hostile gave back in their clients' names, or moved.
    forfeited: BTreeMap<u16, (Ipv4Addr, Instant)>,
    /// Leases that somebody hostile gave back, perhaps before their clients heard of them: whose they were, and when. Until the next ACK of a later request.
    given_back: BTreeMap<Ipv4Addr, ([u8; 6], Instant)>,
    /// The last address of each name from each server, wherever that answers, and the name's MAC address.
    named: BTreeMap<(u16, Ipv4Addr), (Ipv4Addr, [u8; 6])>,
    asked: BTreeMap<Question, Asked>,
    /// What somebody hostile sent: as which machine, and with which xid.
    spoofed: BTreeSet<([u8; 6], u32)>,
    /// About which address the last message asked, if it was an INFORM.
    informs: Option<Ipv4Addr>,
    /// What must be answered before anything else happens, and how.
    due: Option<(Question, &'static str)>,
    /// For whom each address is held, and until when at least.
    offered: BTreeMap<(ServerPlace, Ipv4Addr), ([u8; 6], Instant)>,
    /// To whom each address was acknowledged last.
    given: BTreeMap<(ServerPlace, Ipv4Addr), [u8; 6]>,
    /// Until when nobody may be given an address.
    declined: BTreeMap<(ServerPlace, Ipv4Addr), Instant>,
    /// What was put into quarantine last; undone when the power is lost over it.
    declined_last: Option<(ServerPlace, Ipv4Addr)>,
    /// When a server asked last whether somebody uses an address.
    probed: BTreeMap<(ServerPlace, Ipv4Addr), Instant>,
    /// Reserved addresses that may be in somebody else's use, as far as a server can know.
    doubtful: BTreeSet<(ServerPlace, Ipv4Addr)>,
    /// The network that each machine is in.
    homes: BTreeMap<[u8; 6], u8>,
    /// Machines of which several have one identity.
    clones: BTreeSet<[u8; 6]>,
    /// Addresses that somebody uses without a lease.
    statics: BTreeSet<Ipv4Addr>,
    /// Since when no frame is lost.
    good_since: Option<Instant>,
    /// Since when nothing else happens, either.
    calm_since: Option<Instant>,
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

    /// Whether a server gave the address to somebody, who may use it for all that is known.
    #[must_use]
    pub fn is_given(&self, address: Ipv4Addr) -> bool {
        self.given.keys().any(|(_, given)| *given == address)
    }

    /// From now on every frame comes, unharmed and in time; or no more.
    pub fn link_is_good(&mut self, now: Instant, good: bool) {
        self.good_since = good.then(|| self.good_since.unwrap_or(now));
    }

    /// From now on nothing happens that stands in anybody's way; or no more.
    pub const fn calm_since(&mut self, calm_since: Option<Instant>) {
        self.calm_since = calm_since;
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
        let held = held.filter(|(address, _, until)| {
            *until > now && !self.is_forfeited(client, *address, *until)
        });
        let held = held.filter(|(address, _, until)| {
            // The ACK was on its way when somebody gave back what it grants.
            let late = self.of_client.get(&client) != Some(address)
                && self.given_back.get(address).is_some_and(|(of, _)| *of == mac);
            if late {
                self.given_back.remove(address);
                self.forfeited.insert(client, (*address, *until));
            }
            !late
        });
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
        // What was taken from it and given again it had checked before.
        let again = self.forfeited.get(&client).is_some_and(|(other, _)| *other == address);
        let used = again || before.is_some_and(|claim| claim.client == client && claim.used);
        let is_sure = self.good_since.is_some_and(|since| since.plus_secs(CHECK_SECS) <= now);
        if checks && uses && !used && is_sure && self.statics.contains(&address) {
            let line = format!("client {client} uses {address}");
            return Err((Violation::InUse, line));
        }
        if named
            && let Some((other, _)) = self.named.insert((client, whole(server)), (address, mac))
            && other != address
        {
            let line = format!("the name of client {client} has {other} and got {address}");
            return Err((Violation::OtherAddress, line));
        }
        self.claims.insert(address, Claim { client, mac, server, until, used: uses });
        self.of_client.insert(client, address);
        // It has a lease that nobody took from it.
        self.forfeited.remove(&client);
        Ok(())
    }

    /// A client that may have no other address goes from what it held to what a server offers it.
    ///
    /// # Errors
    /// That server has promised it what it held.
    pub fn leaves(
        &self,
        now: Instant,
        client: u16,
        (held, from, until): Held,
        (address, server): (Ipv4Addr, Ipv4Addr),
    ) -> Result<(), Found> {
        if whole(from) == whole(server) && until > now && !self.is_forfeited(client, held, until) {
            let line = format!("client {client} has {held} and was offered {address}");
            return Err((Violation::OtherAddress, line));
        }
        Ok(())
    }

    /// Whether somebody hostile gave this lease away: nothing is promised of it any more.
    fn is_forfeited(&self, client: u16, address: Ipv4Addr, until: Instant) -> bool {
        self.forfeited.get(&client) == Some(&(address, until))
    }

    /// Nothing is promised any more for the claim to this address: somebody hostile spoke for its client.
    fn forfeit(&mut self, address: Ipv4Addr) {
        let Some(claim) = self.claims.remove(&address) else { return };
        self.of_client.remove(&claim.client);
        self.forfeited.insert(claim.client, (address, claim.until));
        self.gave_back(claim.client);
    }

    /// A client lost a lease that it had; what it held when it was looked at last is still known.
    ///
    /// # Errors
    /// It need not have lost it. Who has something `reserved` moves to that when it becomes free, from anything else.
    pub fn grieves(
        &self,
        now: Instant,
        client: u16,
        grief: Grief,
        reserved: Option<Ipv4Addr>,
    ) -> Result<(), Found> {
        let (Grief::Refused(address) | Grief::Expired(address)) = grief;
        // What somebody hostile gave away is not promised.
        let claim = self.claims.get(&address).filter(|claim| claim.client == client);
        match grief {
            Grief::Refused(address) => {
                let moves = reserved.is_some_and(|reserved| reserved != address);
                if claim.is_some_and(|claim| claim.until > now) && !moves {
                    return Err((Violation::Refused, format!("{address} to client {client}")));
                }
            }
            Grief::Expired(address) => {
                let sure = self.calm_since.is_some_and(|since| since.plus_secs(KEPT_SECS) <= now);
                // Who did not check whether somebody uses the address may not be the one who hears the ACK.
                if sure && claim.is_some() && !self.statics.contains(&address) {
                    let line = format!("client {client} could not renew {address}");
                    return Err((Violation::Lapsed, line));
                }
            }
        }
        Ok(())
    }
}

/// The server that has this address: it has one in each of a site's networks, and this is the one in the first.
fn whole(server: Ipv4Addr) -> Ipv4Addr {
    let [ten, net, _, own] = server.octets();
    Ipv4Addr::new(ten, net, 0, own)
}

/// The message in a frame to this port, if the frame has no tag.
fn message<'f>(frame: &'f [u8], port: u16, scratch: &'f mut Scratch) -> Option<Message<'f>> {
    let udp = datagram(frame).filter(|udp| udp.destination_port == port)?;
    Message::parse(udp.payload, scratch).ok()
}

/// The datagram in a frame that has no tag.
fn datagram(frame: &[u8]) -> Option<Udp<'_>> {
    let (_, rest) = untagged(frame)?;
    Udp::parse(rest, Checksums::Verify).ok()
}
