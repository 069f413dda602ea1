//! How do many clients share one interface? Frames and time go in, frames and events come out; whose a frame is, is decided here.
//!
//! ```text
//! socket -> hear(frame) -> the client whose MAC address it is -> poll() -> frame -> socket
//!                                                                      \-> event -> whoever asked for the lease
//! ```

use core::net::Ipv4Addr;

use dhcp_core::client::{Client, Event, Heard, MESSAGE_LEN_MAX, Output, Phase, Transmit};
use dhcp_core::time::Instant;
use dhcp_core::wire::frame::arp::{Arp, Operation};
use dhcp_core::wire::frame::ipv4::{Checksums, OVERHEAD_LEN, Udp};
use dhcp_core::wire::frame::{BROADCAST_MAC, ETHERTYPE_ARP, ETHERTYPE_IPV4, Ethernet};
use dhcp_core::wire::message::Scratch;
use dhcp_core::wire::{CLIENT_PORT, SERVER_PORT};

/// Octets of the longest frame that a client sends, with a tag.
pub(crate) const FRAME_LEN_MAX: usize = OVERHEAD_LEN + 4 + MESSAGE_LEN_MAX;

/// Clients behind one interface.
#[derive(Debug)]
pub(crate) struct Fleet {
    tag: Option<u16>,
    members: Vec<Member>,
}

/// A client's place in its fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(usize);

#[derive(Debug)]
struct Member {
    client: Client,
    mac: [u8; 6],
    answers_arp: bool,
    removed: bool,
    /// Where the last reply came from: the server, or the router on the way to it. Unicast goes there.
    next_hop: Option<[u8; 6]>,
    /// ARP answers that wait to be sent.
    answer: Option<Arp>,
}

/// One thing to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Send so many octets of the buffer.
    Send(usize),
    /// Tell whoever asked for the lease.
    Tell(Place, Event),
}

/// Not every hardware address can send Ethernet frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the hardware address is no Ethernet address")]
pub(crate) struct NotEthernet;

impl Fleet {
    /// None yet; with a tag, frames carry it, and frames without it are another segment's.
    pub(crate) const fn new(tag: Option<u16>) -> Self {
        Self { tag, members: Vec::new() }
    }

    /// Adds a client. `answers_arp` says that nobody else does it for its address: while it renews, the server must find it.
    ///
    /// # Errors
    /// [`NotEthernet`].
    pub(crate) fn add(&mut self, client: Client, answers_arp: bool) -> Result<Place, NotEthernet> {
        let mac = client.config().hardware.as_ethernet().ok_or(NotEthernet)?;
        let member =
            Member { client, mac, answers_arp, removed: false, next_hop: None, answer: None };
        match self.members.iter_mut().enumerate().find(|(_, member)| member.removed) {
            Some((place, removed)) => {
                *removed = member;
                Ok(Place(place))
            }
            None => {
                self.members.push(member);
                Ok(Place(self.members.len() - 1))
            }
        }
    }

    /// Stops a client without a word. Its place may become another's.
    pub(crate) fn remove(&mut self, place: Place) {
        if let Some(member) = self.members.get_mut(place.0) {
            member.client.stop();
            member.removed = true;
        }
    }

    /// A client that was added.
    pub(crate) fn client(&self, place: Place) -> &Client {
        &self.members.get(place.0).expect("only `add` makes places, and none goes away").client
    }

    /// A client that was added.
    pub(crate) fn client_mut(&mut self, place: Place) -> &mut Client {
        let member = self.members.get_mut(place.0);
        &mut member.expect("only `add` makes places, and none goes away").client
    }

    /// Where unicast of this client goes, until a reply says better.
    pub(crate) fn set_next_hop(&mut self, place: Place, next_hop: [u8; 6]) {
        if let Some(member) = self.members.get_mut(place.0) {
            member.next_hop = Some(next_hop);
        }
    }

    /// A frame that came in on the interface: its header with the tag, and what is inside.
    pub(crate) fn hear(
        &mut self,
        now: Instant,
        ethernet: &Ethernet,
        rest: &[u8],
        checksums: Checksums,
    ) {
        if ethernet.vlan != self.tag {
            return;
        }
        match ethernet.ethertype {
            ETHERTYPE_ARP => {
                if let Ok(arp) = Arp::parse(rest) {
                    self.members.iter_mut().for_each(|member| member.hear_arp(now, &arp));
                }
            }
            ETHERTYPE_IPV4 => {
                let Ok(udp) = Udp::parse(rest, checksums) else { return };
                if udp.destination_port == CLIENT_PORT {
                    self.hear_reply(now, ethernet.source, udp.payload);
                }
            }
            _ => {}
        }
    }

    /// `chaddr` says whose a reply is, whatever address the frame has; the client itself checks the rest.
    fn hear_reply(&mut self, now: Instant, source: [u8; 6], payload: &[u8]) {
        let chaddr = payload.get(28..34);
        for member in self.members.iter_mut().filter(|member| Some(&member.mac[..]) == chaddr) {
            match member.client.handle(now, payload, &mut Scratch::default()) {
                Heard::Taken => member.next_hop = Some(source),
                Heard::Ignored(why) => {
                    tracing::debug!(mac = ?member.mac, why = ?why, "reply ignored");
                }
            }
        }
    }

    /// Does what is due, and gives the next thing to be done; `None` when there is nothing left before [`Fleet::poll_timeout`].
    pub(crate) fn poll(&mut self, now: Instant, frame: &mut [u8; FRAME_LEN_MAX]) -> Option<Deed> {
        let tag = self.tag;
        self.members.iter_mut().enumerate().find_map(|(place, member)| {
            member.client.handle_timeout(now);
            member.poll(tag, Place(place), frame)
        })
    }

    /// When [`Fleet::poll`] next has work.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.members.iter().filter_map(|member| member.client.poll_timeout()).min()
    }
}

impl Member {
    fn hear_arp(&mut self, now: Instant, arp: &Arp) {
        self.client.handle_arp(now, arp);
        let renewing = match self.client.state().phase() {
            Phase::Renewing | Phase::Rebinding => true,
            Phase::Stopped
            | Phase::Init
            | Phase::Selecting
            | Phase::Requesting
            | Phase::InitReboot
            | Phase::Rebooting
            | Phase::Probing
            | Phase::Bound
            | Phase::Informing
            | Phase::Informed => false,
        };
        let address = self.client.lease().map(|lease| lease.binding.address);
        if self.answers_arp && renewing && asks_for(arp, address) {
            self.answer = Some(Arp {
                operation: Operation::Reply,
                sender_mac: self.mac,
                sender: arp.target,
                target_mac: arp.sender_mac,
                target: arp.sender,
            });
        }
    }

    fn poll(
        &mut self,
        tag: Option<u16>,
        place: Place,
        frame: &mut [u8; FRAME_LEN_MAX],
    ) -> Option<Deed> {
        const FITS: &str = "FRAME_LEN_MAX is the longest that a client sends";
        if let Some(answer) = self.answer.take() {
            return Some(Deed::Send(answer.write_frame(tag, frame).expect(FITS)));
        }
        let mut message = [0; MESSAGE_LEN_MAX];
        Some(match self.client.poll_output(&mut message)? {
            Output::Event(event) => Deed::Tell(place, event),
            Output::Arp(arp) => Deed::Send(arp.write_frame(tag, frame).expect(FITS)),
            Output::Transmit(transmit) => {
                let Transmit { source, destination, len } = transmit;
                let payload = message.get(..len).expect("the client wrote as much");
                let udp = Udp {
                    source,
                    destination,
                    source_port: CLIENT_PORT,
                    destination_port: SERVER_PORT,
                    payload,
                };
                let ethernet = Ethernet {
                    destination: self.frame_destination(destination),
                    source: self.mac,
                    vlan: tag,
                    ethertype: ETHERTYPE_IPV4,
                };
                Deed::Send(udp.write_frame(&ethernet, frame).expect(FITS))
            }
        })
    }

    /// Unicast goes where the last reply came from. When that is not known or was of no use, everybody gets the frame, and the
    /// station with the IP destination takes it: the address is not ours to ask by ARP with before it is configured.
    fn frame_destination(&self, destination: Ipv4Addr) -> [u8; 6] {
        let tries = self.client.state().exchange().map_or(1, |exchange| exchange.tries);
        match self.next_hop {
            Some(next_hop) if !destination.is_broadcast() && tries <= 1 => next_hop,
            Some(_) | None => BROADCAST_MAC,
        }
    }
}

fn asks_for(arp: &Arp, address: Option<Ipv4Addr>) -> bool {
    arp.operation == Operation::Request && !arp.is_probe() && Some(arp.target) == address
}

#[cfg(test)]
mod tests;
