//! What was a server asked, and what does it know from that? Requests that it may or must answer, addresses that are given back or in use.

use core::net::Ipv4Addr;

use dhcp_core::time::Instant;
use dhcp_core::wire::frame::arp::Arp;
use dhcp_core::wire::frame::icmp::Echo;
use dhcp_core::wire::frame::{ETHERTYPE_ARP, ETHERTYPE_IPV4};
use dhcp_core::wire::message::{Message, MessageType, Scratch};
use dhcp_core::wire::options::code::{ROUTERS, SUBNET_MASK};

use super::{Asked, Judge, ServerPlace, datagram, message};
use crate::network::{QUARANTINE_SECS, Site};
use crate::node::hostile::{CLONED, INVENTED};
use crate::node::untagged;

/// A request is forgotten when it got no reply in this time, in seconds.
const ASKED_SECS: u32 = 60;

/// How long before the end of its quarantine an address may be given again, in seconds: the lease clock shows whole ones, and a server that found out
/// itself began a little earlier than its client's DECLINE.
const EARLY_SECS: u32 = 10;

/// How soon after its probe an answer counts for sure, in milliseconds.
const ANSWER_MS: u64 = 450;

/// What a server heard.
#[derive(Debug)]
pub struct Hearing<'a> {
    /// When.
    pub now: Instant,
    /// Which server.
    pub place: ServerPlace,
    /// The frame, without the tag of the VLAN that it came in on.
    pub frame: &'a [u8],
    /// That VLAN.
    pub site: &'a Site,
    /// Whether the VLAN's pools have an address that is nobody's.
    pub has_room: bool,
    /// Whether it is authoritative.
    pub is_authority: bool,
    /// Whether it answers at once also whom it must ask by ARP first.
    pub is_prompt: bool,
}

impl Judge {
    /// A server of ours heard a frame; `is_me` tells which addresses are the server's own.
    pub fn heard(&mut self, hearing: &Hearing<'_>, is_me: impl Fn(Ipv4Addr) -> bool) {
        self.declined_last = None;
        self.due = None;
        self.informs = None;
        let Some((ethernet, rest)) = untagged(hearing.frame) else { return };
        match ethernet.ethertype {
            ETHERTYPE_ARP => {
                if let Ok(arp) = Arp::parse(rest) {
                    self.in_use(hearing, arp.sender, Some(arp.sender_mac));
                }
            }
            ETHERTYPE_IPV4 => {
                if let Ok(echo) = Echo::parse(rest) {
                    self.in_use(hearing, echo.source, None);
                }
                let mut scratch = Scratch::new();
                if let Some(message) = message(hearing.frame, 67, &mut scratch) {
                    self.asked(hearing, &message, is_me);
                }
            }
            _ => {}
        }
    }

    /// About which address somebody asked by INFORM in what was heard last.
    pub const fn take_informs(&mut self) -> Option<Ipv4Addr> {
        self.informs.take()
    }

    /// Somebody hostile sent a frame; relay agents pass it on.
    pub fn spoofed(&mut self, frame: &[u8]) {
        let mut scratch = Scratch::new();
        if let Some(message) = message(frame, 67, &mut scratch) {
            let mac = message.hardware().as_ethernet().unwrap_or_default();
            self.spoofed.insert((mac, message.xid()));
        }
    }

    /// Somebody spoke from an address.
    fn in_use(&mut self, hearing: &Hearing<'_>, address: Ipv4Addr, by: Option<[u8; 6]>) {
        let (now, of) = (hearing.now, (hearing.place, address));
        if by.is_none_or(|by| hearing.site.reserved_for(address) != Some(by)) {
            self.doubtful.insert(of);
        }
        // What is held or kept for somebody else than the speaker may be in quarantine now.
        let is_its = |mac: [u8; 6]| by == Some(mac);
        if self.offered.get(&of).is_some_and(|(mac, _)| !is_its(*mac)) {
            self.offered.remove(&of);
        }
        self.named.retain(|_, (named, mac)| *named != address || is_its(*mac));
        let asked = self.probed.get(&of).is_some_and(|at| at.plus_millis(ANSWER_MS) > now);
        if asked && self.statics.contains(&address) && !self.given.contains_key(&of) {
            self.quarantined(now, of);
        }
    }

    fn quarantined(&mut self, now: Instant, of: (ServerPlace, Ipv4Addr)) {
        if self.declined.get(&of).is_none_or(|until| *until <= now) {
            self.declined.insert(of, now.plus_secs(QUARANTINE_SECS - EARLY_SECS));
            self.declined_last = Some(of);
        }
    }

    fn asked(
        &mut self,
        hearing: &Hearing<'_>,
        message: &Message<'_>,
        is_me: impl Fn(Ipv4Addr) -> bool,
    ) {
        let Hearing { now, place, site, .. } = *hearing;
        let mac = message.hardware().as_ethernet().unwrap_or_default();
        let spoofed = self.spoofed.contains(&(mac, message.xid()));
        let question = (place, mac, message.xid(), site.net);
        let kind = message.message_type();
        self.informs = (kind == Some(MessageType::Inform)).then(|| message.ciaddr());
        let asked = Asked {
            count: self.asked.get(&question).map_or(0, |asked| asked.count) + 1,
            at: now,
            spoofed,
            is_bootp: kind.is_none(),
            informs: self.informs,
            wants: message
                .parameter_request_list()
                .unwrap_or_default()
                .iter()
                .copied()
                .filter(|code| matches!(*code, SUBNET_MASK | ROUTERS))
                .collect(),
            agent_info: message.relay_agent_info().map(<[u8]>::to_vec),
            giaddr: message.giaddr(),
        };
        self.asked.insert(question, asked);
        if self.asked.len() > 1_000 {
            self.asked.retain(|_, asked| asked.at.plus_secs(ASKED_SECS) > now);
        }
        if !matches!(kind, Some(MessageType::Discover | MessageType::Inform)) {
            self.offered.retain(|(server, _), (of, _)| *server != place || *of != mac);
        }
        if kind == Some(MessageType::Decline)
            && let Some(address) = message.requested_ip()
        {
            self.doubtful.insert((place, address));
            if self.given.get(&(place, address)) == Some(&mac)
                && !self.clones.contains(&mac)
                && !spoofed
            {
                // The same DECLINE may come again and changes nothing then.
                self.given.remove(&(place, address));
                self.quarantined(now, (place, address));
            }
        }
        if spoofed {
            self.gave_away(hearing, message, mac);
        }
        self.expect(hearing, message, mac, is_me);
    }

    /// Somebody hostile gives an address back in its client's name. On another VLAN than the client's that must change nothing.
    fn gave_away(&mut self, hearing: &Hearing<'_>, message: &Message<'_>, mac: [u8; 6]) {
        let Hearing { now, place, site, .. } = *hearing;
        let address = match message.message_type() {
            Some(MessageType::Decline) => message.requested_ip(),
            Some(MessageType::Release) => Some(message.ciaddr()),
            _ => None,
        };
        let Some(address) = address else { return };
        let [_, net, ..] = address.octets();
        if net == site.net {
            if self.claims.get(&address).is_some_and(|claim| claim.mac == mac) {
                self.forfeit(address);
            }
            self.named.retain(|_, (_, named)| *named != mac);
            // What it finds out about the address is not heard any more.
            let again = self.given_back.get(&address).is_some_and(|(of, _)| *of == mac);
            if self.given.remove(&(place, address)) == Some(mac) || again {
                self.given_back.insert(address, (mac, now));
            }
        }
    }

    /// Whoever looks for an address, chose this server, or has an address here and asks for the rest, gets an answer.
    fn expect(
        &mut self,
        hearing: &Hearing<'_>,
        message: &Message<'_>,
        mac: [u8; 6],
        is_me: impl Fn(Ipv4Addr) -> bool,
    ) {
        let Hearing { place, site, has_room, is_prompt, is_authority, .. } = *hearing;
        let [_, kind, ..] = mac;
        let sane = self.homes.contains_key(&mac) || matches!(kind, INVENTED | CLONED);
        let giaddr = message.giaddr();
        let from_here = giaddr.is_unspecified() || site.is_router(giaddr);
        if !sane
            || !from_here
            || !message.subnet_selection().is_none_or(|address| site.contains(address))
        {
            return;
        }
        let question = (place, mac, message.xid(), site.net);
        let to = datagram(hearing.frame).map(|udp| udp.destination);
        let informs =
            to.is_some_and(|to| to.is_broadcast() || is_me(to)) && site.is_host(message.ciaddr());
        let chose_us = message.server_id().is_some_and(is_me);
        // What it had elsewhere, if it asks all servers for it: there, too, each knows all of the site's networks.
        let had = Some(message.ciaddr()).filter(|ciaddr| !ciaddr.is_unspecified());
        let is_foreign = had.or(message.requested_ip()).is_some_and(|had| !site.contains(had));
        let asks_all = message.server_id().is_none()
            && (!giaddr.is_unspecified() || to.is_some_and(|to| to.is_broadcast()));
        self.due = match message.message_type() {
            Some(MessageType::Discover) if has_room => Some((question, "a DISCOVER")),
            Some(MessageType::Request) if chose_us => Some((question, "a REQUEST to it")),
            Some(MessageType::Request) if is_authority && asks_all && is_foreign => {
                Some((question, "a REQUEST for another network's address"))
            }
            Some(MessageType::Inform) if informs && is_prompt => Some((question, "an INFORM")),
            _ => None,
        };
    }
}
