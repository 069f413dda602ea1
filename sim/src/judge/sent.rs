//! May a server say that? To whom, on which VLAN, about which address, and in which form.

use core::net::Ipv4Addr;

use dhcp_core::time::Instant;
use dhcp_core::wire::frame::arp::{Arp, Operation};
use dhcp_core::wire::frame::icmp::Echo;
use dhcp_core::wire::frame::{ETHERTYPE_ARP, Ethernet};
use dhcp_core::wire::message::{Message, MessageType, Scratch};

use super::form::{form, informed, told_of};
use super::{Asked, Found, Judge, Question, ServerPlace, Violation, message, whole};
use crate::network::Site;
use crate::node::hostile::CLONED;

/// How long an offer is held at least, in seconds: less than that when a pool runs short.
const HELD_SECS: u32 = 9;

/// What a server says.
#[derive(Debug)]
pub struct Saying<'a> {
    /// When.
    pub now: Instant,
    /// Which server.
    pub place: ServerPlace,
    /// The frame, without the tag of the VLAN that it goes to.
    pub frame: &'a [u8],
    /// That VLAN.
    pub site: &'a Site,
    /// Whether this server is told what is reserved.
    pub knows_reservations: bool,
}

/// An address that is offered or granted.
#[derive(Clone, Copy, Debug)]
struct Gift {
    kind: MessageType,
    address: Ipv4Addr,
    to: [u8; 6],
    /// The request for it was somebody hostile's.
    spoofed: bool,
    /// When that came.
    asked_at: Instant,
}

impl Judge {
    /// A server of ours sent a frame onto the VLAN of a site.
    ///
    /// # Errors
    /// Nobody asked for it, it is for a machine of another VLAN or about one, it gives an address that it must not give, or it does not say what it must.
    pub fn sent(&mut self, saying: &Saying<'_>) -> Result<(), Found> {
        self.probe(saying);
        let mut scratch = Scratch::new();
        // To a client or to a relay agent.
        let found = message(saying.frame, 68, &mut scratch);
        let mut scratch = Scratch::new();
        let Some(message) = found.or_else(|| message(saying.frame, 67, &mut scratch)) else {
            return Ok(());
        };
        let to = message.hardware().as_ethernet().unwrap_or_default();
        let question = (saying.place, to, message.xid(), saying.site.net);
        let asked = self.answers(question, &message)?;
        if self.due.is_some_and(|(due, _)| due == question) {
            self.due = None;
        }
        form(&message, &asked)?;
        if let Some(ciaddr) = asked.informs {
            informed(saying, &message, ciaddr)?;
            return told_of(saying, &message, &asked, ciaddr);
        }
        let (kind, address) = (message.message_type(), message.yiaddr());
        let Asked { spoofed, at: asked_at, .. } = asked;
        let gift = |kind| Gift { kind, address, to, spoofed, asked_at };
        match kind {
            Some(kind @ (MessageType::Offer | MessageType::Ack)) if !address.is_unspecified() => {
                self.gives(saying, &gift(kind), message.server_id())?;
                told_of(saying, &message, &asked, address)
            }
            _ => Ok(()),
        }
    }

    /// Before it does anything else, a server answers what must be answered.
    ///
    /// # Errors
    /// It did not.
    pub fn answered(&mut self) -> Result<(), Found> {
        match self.due.take() {
            None => Ok(()),
            Some(((_, mac, xid, net), what)) => {
                let [.., high, low] = mac;
                let line =
                    format!("{what} from {high:02x}:{low:02x} in 10.{net}.0.0/16, {xid:08x}");
                Err((Violation::Unanswered, line))
            }
        }
    }

    fn probe(&mut self, saying: &Saying<'_>) {
        let Ok((ethernet, rest)) = Ethernet::parse(saying.frame) else { return };
        let target = if ethernet.ethertype == ETHERTYPE_ARP {
            let probe =
                |arp: &Arp| arp.operation == Operation::Request && arp.sender.is_unspecified();
            Arp::parse(rest).ok().filter(probe).map(|arp| arp.target)
        } else {
            Echo::parse(rest).ok().filter(|echo| !echo.reply).map(|echo| echo.destination)
        };
        if let Some(target) = target {
            self.probed.insert((saying.place, target), saying.now);
        }
    }

    /// The request that this is the reply to; each is answered once, where it came from.
    fn answers(&mut self, question: Question, message: &Message<'_>) -> Result<Asked, Found> {
        let (place, to, xid, net) = question;
        let (kind, hardware) = (message.message_type(), message.hardware());
        let Some(asked) = self.asked.get_mut(&question).filter(|asked| asked.count > 0) else {
            let mut elsewhere = self.asked.range((place, to, xid, 0)..=(place, to, xid, u8::MAX));
            let line = format!("{kind:?} to {hardware} in 10.{net}.0.0/16 with the xid {xid:08x}");
            let crossed = elsewhere.any(|((.., other), asked)| *other != net && asked.count > 0);
            let violation = if crossed { Violation::Crossed } else { Violation::Unasked };
            return Err((violation, line));
        };
        asked.count -= 1;
        Ok(asked.clone())
    }

    fn gives(
        &mut self,
        saying: &Saying<'_>,
        gift: &Gift,
        server_id: Option<Ipv4Addr>,
    ) -> Result<(), Found> {
        let Saying { now, place, site, .. } = *saying;
        let Gift { kind, address, to, .. } = *gift;
        let [_, net, ..] = address.octets();
        let line = || format!("{kind:?} of {address} to {to:02x?} in 10.{}.0.0/16", site.net);
        if net != site.net {
            return Err((Violation::Crossed, line()));
        }
        if !site.is_lawful(address, to) {
            return Err((Violation::NotInPool, line()));
        }
        if let Some(claim) = self.claims.get(&address)
            && claim.mac != to
            && claim.until > now
        {
            let line = format!("{}, but it is client {}'s", line(), claim.client);
            return Err((Violation::TwoOwners, line));
        }
        if self.declined.get(&(place, address)).is_some_and(|until| *until > now) {
            return Err((Violation::Declined, line()));
        }
        // Of whom there may be several here, so that one gives up what is held for the other: what is heard of a machine of another VLAN was sent again by
        // somebody who clones it, too.
        let clone = |mac: &[u8; 6]| {
            let stranger = self.homes.get(mac).is_some_and(|home| *home != site.net);
            stranger || self.clones.contains(mac) || mac.get(1) == Some(&CLONED)
        };
        if let Some((other, until)) = self.offered.get(&(place, address))
            && *other != to
            && *until > now
            && !clone(other)
        {
            return Err((Violation::NotHeld, format!("{}, held for {other:02x?}", line())));
        }
        let of_name = |((client, from), (named, mac)): (&(u16, Ipv4Addr), &(Ipv4Addr, [u8; 6]))| {
            (*named == address && Some(*from) == server_id.map(whole) && *mac != to)
                .then_some(*client)
        };
        if let Some(client) = self.named.iter().find_map(of_name) {
            let line = format!("{}, but it is kept for the name of client {client}", line());
            return Err((Violation::OtherAddress, line));
        }
        if kind == MessageType::Offer
            && saying.knows_reservations
            && let Some(reserved) = site.reserved_of(to)
            && reserved != address
            && !self.doubtful.contains(&(place, reserved))
        {
            return Err((Violation::OtherAddress, format!("{}, who has {reserved}", line())));
        }
        self.given_now(saying, gift);
        Ok(())
    }

    fn given_now(&mut self, saying: &Saying<'_>, gift: &Gift) {
        let Saying { now, place, site, .. } = *saying;
        let Gift { kind, address, to, spoofed, asked_at } = *gift;
        let here = |address: &Ipv4Addr| address.octets().get(1) == Some(&site.net);
        self.offered.retain(|(server, other), (mac, _)| {
            *server != place || *mac != to || *other == address || !here(other)
        });
        if kind == MessageType::Offer {
            self.offered.insert((place, address), (to, now.plus_secs(HELD_SECS)));
            return;
        }
        self.offered.remove(&(place, address));
        if self.given_back.get(&address).is_some_and(|(of, at)| *of == to && asked_at <= *at) {
            // The ACK waited until it was known by ARP where its client is, and what it grants was given back meanwhile.
            return;
        }
        self.given_back.remove(&address);
        // Who gets an address has no other from this server.
        self.given.retain(|(server, other), mac| *server != place || *mac != to || !here(other));
        self.given.insert((place, address), to);
        if spoofed {
            let moved = |(other, claim): (&Ipv4Addr, &super::Claim)| {
                (claim.mac == to && *other != address).then_some(*other)
            };
            if let Some(moved) = self.claims.iter().find_map(moved) {
                self.forfeit(moved);
            }
        }
    }
}
