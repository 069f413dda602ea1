//! Somebody who means harm, or whose program is broken, with a cable to every VLAN, who hears all that is said there. What it may not do is speak in
//! another's name when that other is promised something: without authentication (RFC 3118) no server can tell. The judge knows what it sent.

use core::net::Ipv4Addr;
use std::collections::{BTreeMap, VecDeque};

use dhcp_core::rng::Rng;
use dhcp_core::wire::frame::Ethernet;
use dhcp_core::wire::frame::ipv4::{Checksums, Udp};
use dhcp_core::wire::message::MessageType::{self, Decline, Discover, Inform, Release, Request};
use dhcp_core::wire::message::{BOOT_REQUEST, HEADER_LEN, MAGIC_COOKIE, Message, Scratch};
use dhcp_core::wire::options::code::{
    CLIENT_ID, END, MESSAGE_TYPE, PAD, REQUESTED_IP, SERVER_ID, SUBNET_SELECTION,
};
use dhcp_core::wire::writer::MESSAGE_LEN_MIN;

use super::{Desk, mac, request, tagged, to_all};
use crate::network::Site;
use crate::octets::option;
use crate::plan::Deed;

/// How many messages of each kind are kept for later.
const KEPT_MAX: usize = 16;

/// How many addresses of a VLAN that are in use are remembered.
const SEEN_MAX: usize = 64;

/// The kind of the MAC addresses that it invents.
pub const INVENTED: u8 = 0xee;

/// The kind of those that it invents for other machines' client identifiers.
pub const CLONED: u8 = 0xec;

/// A VLAN as it knows it.
#[derive(Clone, Debug)]
pub struct Lair {
    /// The VLAN and its pools.
    pub site: Site,
    /// The server that it speaks to there.
    pub server: Ipv4Addr,
    /// Addresses that were given to others.
    pub seen: VecDeque<Ipv4Addr>,
}

/// A message that somebody else sent, in its frame without a tag.
#[derive(Clone, Debug)]
struct Kept {
    lair: usize,
    to_server: bool,
    frame: Vec<u8>,
}

/// A hostile node.
#[derive(Debug)]
pub struct Hostile {
    /// Its own MAC address.
    pub mac: [u8; 6],
    lairs: Vec<Lair>,
    rng: Rng,
    /// By the kind of the message.
    kept: BTreeMap<MessageType, VecDeque<Kept>>,
}

/// A message by hand.
#[derive(Clone, Debug)]
struct Forged {
    kind: MessageType,
    xid: u32,
    chaddr: [u8; 6],
    ciaddr: Ipv4Addr,
    options: Vec<(u8, Vec<u8>)>,
}

impl Forged {
    fn with(mut self, code: u8, value: &[u8]) -> Self {
        self.options.push((code, value.to_vec()));
        self
    }

    fn octets(&self) -> Vec<u8> {
        let mut octets = vec![BOOT_REQUEST, 1, 6, 0];
        octets.extend(self.xid.to_be_bytes());
        octets.extend([0; 4]);
        octets.extend(self.ciaddr.octets());
        octets.extend([0; 12]);
        octets.extend(self.chaddr);
        octets.resize(HEADER_LEN - MAGIC_COOKIE.len(), 0);
        octets.extend(MAGIC_COOKIE);
        octets.extend([MESSAGE_TYPE, 1, self.kind as u8]);
        for (code, value) in &self.options {
            octets.extend([*code, u8::try_from(value.len()).expect("an option is short")]);
            octets.extend(value);
        }
        octets.push(END);
        octets.resize(octets.len().max(MESSAGE_LEN_MIN), PAD);
        octets
    }
}

impl Hostile {
    /// On these VLANs.
    #[must_use]
    pub const fn new(mac: [u8; 6], lairs: Vec<Lair>, rng: Rng) -> Self {
        Self { mac, lairs, rng, kept: BTreeMap::new() }
    }

    /// Hears what others send on a VLAN.
    pub fn hear(&mut self, vlan: Option<u16>, frame: &[u8]) {
        let Some(place) = self.lairs.iter().position(|lair| lair.site.vlan == vlan) else { return };
        let Ok((_, rest)) = Ethernet::parse(frame) else { return };
        let Ok(udp) = Udp::parse(rest, Checksums::Verify) else { return };
        let mut scratch = Scratch::new();
        let Ok(message) = Message::parse(udp.payload, &mut scratch) else { return };
        let Some(kind) = message.message_type() else { return };
        if kind == MessageType::Ack
            && !message.yiaddr().is_unspecified()
            && let Some(lair) = self.lairs.get_mut(place)
        {
            if lair.seen.len() == SEEN_MAX {
                lair.seen.pop_front();
            }
            lair.seen.push_back(message.yiaddr());
        }
        let to_server = udp.destination_port == 67;
        let kept = self.kept.entry(kind).or_default();
        if kept.len() == KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(Kept { lair: place, to_server, frame: frame.to_vec() });
    }

    fn below(&mut self, len: usize) -> usize {
        self.rng.below(u32::try_from(len).expect("it remembers little")) as usize
    }

    fn lair(&mut self) -> usize {
        self.below(self.lairs.len())
    }

    fn at(&self, lair: usize) -> &Lair {
        self.lairs.get(lair).expect("it is one of them")
    }

    /// Another VLAN than this one, if there is one.
    fn other_than(&mut self, lair: usize) -> Option<usize> {
        let others = self.lairs.len().checked_sub(1).filter(|others| *others > 0)?;
        Some((lair + 1 + self.below(others)) % self.lairs.len())
    }

    /// An address on the VLAN that somebody else has, probably.
    fn victim(&mut self, lair: usize) -> Ipv4Addr {
        let (seen, site) = (self.at(lair).seen.len(), self.at(lair).site);
        match self.rng.below(8) {
            0 => site.reserved(u16::from(self.rng.below(2) == 1)).unwrap_or(site.pooled(0)),
            1 | 2 => site.pooled(self.rng.below(site.pool)),
            _ if seen == 0 => site.pooled(0),
            _ => {
                let place = self.below(seen);
                self.at(lair).seen.get(place).copied().unwrap_or(site.pooled(0))
            }
        }
    }

    fn forge(&mut self, kind: MessageType, chaddr: [u8; 6]) -> Forged {
        let xid = self.rng.next_u32();
        Forged { kind, xid, chaddr, ciaddr: Ipv4Addr::UNSPECIFIED, options: Vec::new() }
    }

    /// A message of a machine that is not there.
    fn invent(&mut self, kind: MessageType) -> Forged {
        let number = u16::try_from(self.rng.below(65_536)).expect("below 65,536");
        self.forge(kind, mac(INVENTED, number))
    }

    fn send(&self, desk: &mut Desk<'_>, lair: usize, forged: &Forged) {
        let payload = forged.octets();
        let udp = request(forged.ciaddr, Ipv4Addr::BROADCAST, &payload);
        desk.send_udp(0, &to_all(self.mac, self.at(lair).site.vlan), &udp);
    }

    /// Any kind of message that was heard, and of that kind any.
    fn recall(&mut self) -> Option<Kept> {
        let kinds = self.kept.len();
        let kind = if kinds == 0 { return None } else { self.below(kinds) };
        let len = self.kept.values().nth(kind)?.len();
        let place = self.below(len);
        self.kept.values().nth(kind)?.get(place).cloned()
    }

    /// Asks for an address that its client has for less than a second any more.
    pub fn inherit(&mut self, desk: &mut Desk<'_>, vlan: Option<u16>, address: Ipv4Addr) {
        if let Some(lair) = self.lairs.iter().position(|lair| lair.site.vlan == vlan) {
            let discover = self.invent(Discover).with(REQUESTED_IP, &address.octets());
            self.send(desk, lair, &discover);
        }
    }

    /// Does it, once of so many times.
    pub fn act(&mut self, desk: &mut Desk<'_>, deed: Deed) {
        let lair = self.lair();
        let (own, to) = (self.mac, self.at(lair).server.octets());
        match deed {
            Deed::Churn => {
                let discover = self.invent(Discover);
                self.send(desk, lair, &discover);
            }
            Deed::Decline => {
                let victim = self.victim(lair).octets();
                let decline =
                    self.forge(Decline, own).with(REQUESTED_IP, &victim).with(SERVER_ID, &to);
                self.send(desk, lair, &decline);
            }
            Deed::Release => {
                let ciaddr = self.victim(lair);
                let release = Forged { ciaddr, ..self.forge(Release, own).with(SERVER_ID, &to) };
                self.send(desk, lair, &release);
            }
            Deed::Replay => self.replay(desk),
            Deed::Noise => self.noise(desk, lair),
            Deed::Covet => {
                let victim = self.victim(lair).octets();
                let coveted = match self.rng.below(3) {
                    0 => self.invent(Discover).with(REQUESTED_IP, &victim),
                    // As if it had been offered the address, and as if it had had it before.
                    1 => self.invent(Request).with(REQUESTED_IP, &victim).with(SERVER_ID, &to),
                    _ => self.invent(Request).with(REQUESTED_IP, &victim),
                };
                self.send(desk, lair, &coveted);
            }
            Deed::Cross => {
                let there = self.other_than(lair).unwrap_or(lair);
                let network = self.at(there).site.network(0).subnet().network().octets();
                let victim = self.victim(there).octets();
                let crossing = match self.rng.below(3) {
                    0 => self.invent(Discover).with(SUBNET_SELECTION, &network),
                    1 => self
                        .invent(Request)
                        .with(SUBNET_SELECTION, &network)
                        .with(REQUESTED_IP, &victim),
                    _ => self.invent(Request).with(REQUESTED_IP, &victim).with(SERVER_ID, &to),
                };
                self.send(desk, lair, &crossing);
            }
            Deed::Clone => self.clone_client(desk),
            Deed::Inform => self.inform(desk, lair),
            Deed::Hop => {
                let there = self.other_than(lair);
                // Where there are no VLANs, a tag is one too many.
                let inner = there.map_or(Some(10), |there| self.at(there).site.vlan);
                let frame = match self.recall() {
                    Some(kept) if self.rng.below(2) == 0 => kept.frame,
                    Some(_) | None => {
                        let payload = self.invent(Discover).octets();
                        let udp = request(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, &payload);
                        let mut frame = vec![0; super::FRAME_LEN_MAX];
                        let len = udp.write_frame(&to_all(own, None), &mut frame);
                        frame.truncate(len.expect("a message fits into a frame"));
                        frame
                    }
                };
                let hop = tagged(&frame, inner);
                let hop = tagged(&hop, self.at(lair).site.vlan);
                desk.sent.push((0, hop.into_owned()));
            }
        }
    }

    /// Asks for the rest to somebody else's address, of one server or of all.
    fn inform(&mut self, desk: &mut Desk<'_>, lair: usize) {
        let there = self.other_than(lair).filter(|_| self.rng.below(2) == 0).unwrap_or(lair);
        let ciaddr = self.victim(there);
        let own = self.mac;
        let asked =
            if self.rng.below(2) == 0 { self.invent(Inform) } else { self.forge(Inform, own) };
        let payload = Forged { ciaddr, ..asked }.octets();
        let Lair { site, server, .. } = self.at(lair);
        let (vlan, server) = (site.vlan, *server);
        let to = if self.rng.below(2) == 0 { server } else { Ipv4Addr::BROADCAST };
        desk.send_udp(0, &to_all(own, vlan), &request(ciaddr, to, &payload));
    }

    /// What servers sent is only sent again on other VLANs: an old ACK could lengthen the lease of a client that counts it from there.
    fn replay(&mut self, desk: &mut Desk<'_>) {
        let Some(Kept { lair, to_server, frame }) = self.recall() else { return };
        let elsewhere = self.rng.below(2) == 0 || !to_server;
        let there = if elsewhere { self.other_than(lair) } else { Some(lair) };
        if let Some(there) = there.filter(|there| *there != lair && to_server)
            && self.rng.below(2) == 0
        {
            self.forward(desk, there, &frame);
            return;
        }
        if let Some(there) = there.or(to_server.then_some(lair)) {
            let frame = tagged(&frame, self.at(there).site.vlan);
            desk.sent.push((0, frame.into_owned()));
        }
    }

    /// Makes a RELEASE of what somebody else sent to its server, and sends it to that server's address on another VLAN, as if it had come through a router.
    fn forward(&mut self, desk: &mut Desk<'_>, there: usize, frame: &[u8]) {
        let Ok((_, rest)) = Ethernet::parse(frame) else { return };
        let Ok(udp) = Udp::parse(rest, Checksums::Verify) else { return };
        let mut payload = udp.payload.to_vec();
        if let Some(place) = option(&payload, MESSAGE_TYPE)
            && let Some([kind]) = payload.get_mut(place)
        {
            *kind = Release as u8;
        }
        let udp = request(udp.source, self.at(there).server, &payload);
        desk.send_udp(0, &to_all(self.mac, self.at(there).site.vlan), &udp);
    }

    fn noise(&mut self, desk: &mut Desk<'_>, lair: usize) {
        let len = self.rng.below(600) as usize;
        let mut payload = self.forge(Discover, self.mac).octets();
        payload.resize(len, 0);
        for octet in payload.iter_mut().skip(4) {
            if self.rng.below(3) == 0 {
                [*octet, ..] = self.rng.next_u32().to_le_bytes();
            }
        }
        let mut udp = request(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, &payload);
        if self.rng.below(2) == 0 {
            (udp.source_port, udp.destination_port) = (67, 68);
        }
        desk.send_udp(0, &to_all(self.mac, self.at(lair).site.vlan), &udp);
    }

    /// On the same VLAN nothing can be promised to two machines with one identity.
    fn clone_client(&mut self, desk: &mut Desk<'_>) {
        let Some(kept) = self.recall().filter(|kept| kept.to_server) else { return };
        let Some(there) = self.other_than(kept.lair) else { return };
        let Ok((_, rest)) = Ethernet::parse(&kept.frame) else { return };
        let Ok(udp) = Udp::parse(rest, Checksums::Verify) else { return };
        let Some(id) = option(udp.payload, CLIENT_ID).and_then(|place| udp.payload.get(place))
        else {
            return;
        };
        let number = u16::try_from(self.rng.below(65_536)).expect("below 65,536");
        let victims = [self.victim(kept.lair), self.victim(there)];
        let [here, elsewhere] = victims.map(|victim| victim.octets());
        let to = self.at(there).server.octets();
        let chaddr = mac(CLONED, number);
        let clone = match self.rng.below(4) {
            0 => self.forge(Discover, chaddr),
            1 => self.forge(Request, chaddr).with(REQUESTED_IP, &elsewhere).with(SERVER_ID, &to),
            2 => self.forge(Request, chaddr).with(REQUESTED_IP, &here),
            _ => self.forge(Decline, chaddr).with(REQUESTED_IP, &here).with(SERVER_ID, &to),
        };
        self.send(desk, there, &clone.with(CLIENT_ID, id));
    }
}
