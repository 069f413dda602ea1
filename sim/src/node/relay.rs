//! A router between the clients' segment and the server's that is a relay agent, too (RFC 1542). It has the router's address in each of the clients' networks,
//! answers ARP for it, and asks by ARP before it sends a datagram on.

use core::net::Ipv4Addr;
use std::collections::BTreeMap;

use dhcp_core::time::Instant;
use dhcp_core::wire::frame::arp::{Arp, Operation};
use dhcp_core::wire::frame::icmp::Echo;
use dhcp_core::wire::frame::ipv4::{Checksums, IPV4_LEN, Udp};
use dhcp_core::wire::frame::{
    ETHERNET_LEN, ETHERTYPE_ARP, ETHERTYPE_IPV4, Ethernet, FrameError, checksum,
};
use dhcp_core::wire::options::code;

use super::server::reply_to;
use super::{Desk, to_all, untagged};
use crate::octets::{CHADDR, FLAGS, GIADDR, HOPS, XID, YIADDR, end, option};

/// The clients' side, by the number of its port.
pub const CLIENTS: usize = 0;

/// The server's side.
pub const SERVER: usize = 1;

/// What it adds to each request (RFC 3046): the circuit that it came in on.
pub const AGENT_INFO: [u8; 10] =
    [code::RELAY_AGENT_INFO, 8, 1, 6, b'p', b'o', b'r', b't', b'-', b'7'];

/// Where the destination stands in an IPv4 header.
const DESTINATION: usize = 16;

/// How long it is believed who has an address, in seconds.
const NEIGHBOUR_SECS: u32 = 60;

/// A router and relay agent.
#[derive(Clone, Debug)]
pub struct Relay {
    /// Its MAC address on both sides.
    pub mac: [u8; 6],
    /// Its addresses on the clients' side: their routers'.
    pub addresses: Vec<Ipv4Addr>,
    /// The server's address and MAC address.
    pub server: (Ipv4Addr, [u8; 6]),
    /// Who has which address on the clients' side, and since when that is known.
    pub neighbours: BTreeMap<Ipv4Addr, ([u8; 6], Instant)>,
    /// For each address that was asked about, the last datagram to it.
    pub waiting: BTreeMap<Ipv4Addr, Vec<u8>>,
}

fn address_at(octets: &[u8], at: usize) -> Option<Ipv4Addr> {
    let octets: &[u8; 4] = octets.get(at..)?.first_chunk()?;
    Some(Ipv4Addr::from(*octets))
}

/// Where a datagram goes; `None` when its header is damaged.
fn destination(datagram: &[u8]) -> Option<Ipv4Addr> {
    let header = datagram.get(..IPV4_LEN)?;
    let sound = header.first() == Some(&0x45) && checksum(&[header]) == 0;
    if sound { address_at(header, DESTINATION) } else { None }
}

/// Whether what is in the datagram was changed on the way.
fn is_damaged(datagram: &[u8]) -> bool {
    let udp = Udp::parse(datagram, Checksums::Verify).err();
    let echo = Echo::parse(datagram).err();
    [udp, echo].contains(&Some(FrameError::Checksum))
}

impl Relay {
    /// Takes a frame.
    pub fn receive(&mut self, desk: &mut Desk<'_>, port: usize, frame: &[u8]) {
        let Some((ethernet, rest)) = untagged(frame) else { return };
        match ethernet.ethertype {
            ETHERTYPE_ARP if port == CLIENTS => {
                if let Ok(arp) = Arp::parse(rest) {
                    self.arp(desk, &arp);
                }
            }
            ETHERTYPE_IPV4 => {
                self.datagram(desk, port, rest);
            }
            _ => {}
        }
    }

    fn arp(&mut self, desk: &mut Desk<'_>, arp: &Arp) {
        if arp.sender_mac == self.mac {
            return;
        }
        if !arp.sender.is_unspecified() && !self.addresses.contains(&arp.sender) {
            self.neighbours.insert(arp.sender, (arp.sender_mac, desk.now));
            if let Some(datagram) = self.waiting.remove(&arp.sender) {
                self.send(desk, CLIENTS, arp.sender_mac, &datagram);
            }
        }
        if arp.operation == Operation::Request && self.addresses.contains(&arp.target) {
            desk.send_arp(CLIENTS, None, &reply_to(arp, self.mac));
        }
    }

    fn datagram(&mut self, desk: &mut Desk<'_>, port: usize, datagram: &[u8]) -> Option<()> {
        let (server, server_mac) = self.server;
        let to = destination(datagram)?;
        // Frames have a checksum, too, that no router passes by. Two damages on two hops could make up for each other in the datagram's.
        if is_damaged(datagram) {
            return None;
        }
        if self.addresses.contains(&to) || to.is_broadcast() {
            let udp = Udp::parse(datagram, Checksums::Verify).ok()?;
            return match port {
                CLIENTS if udp.destination_port == 67 => self.relay(desk, &udp),
                SERVER if udp.destination_port == 67 => self.relay_back(desk, &udp),
                _ => None,
            };
        }
        if port == CLIENTS && to == server {
            self.send(desk, SERVER, server_mac, datagram);
        } else if port == SERVER {
            self.send_on(desk, to, datagram);
        }
        Some(())
    }

    /// A datagram to a client, whose MAC address is known or asked for.
    fn send_on(&mut self, desk: &mut Desk<'_>, to: Ipv4Addr, datagram: &[u8]) {
        let known = self.neighbours.get(&to);
        let known = known.filter(|(_, since)| since.plus_secs(NEIGHBOUR_SECS) > desk.now);
        if let Some((mac, _)) = known.copied() {
            self.send(desk, CLIENTS, mac, datagram);
            return;
        }
        self.waiting.insert(to, datagram.to_vec());
        let request = Arp {
            operation: Operation::Request,
            sender_mac: self.mac,
            sender: self.beside(to),
            target_mac: [0; 6],
            target: to,
        };
        desk.send_arp(CLIENTS, None, &request);
    }

    /// Its address that shares most bits with this one: that of the same network.
    fn beside(&self, address: Ipv4Addr) -> Ipv4Addr {
        let differs = |own: &&Ipv4Addr| own.to_bits() ^ address.to_bits();
        *self.addresses.iter().min_by_key(differs).expect("a router has an address")
    }

    /// The `giaddr` of what it relays (RFC 1542 section 4.1.1): where it has several addresses, any of them.
    fn giaddr(&self, payload: &[u8]) -> Option<Ipv4Addr> {
        let place = usize::from(*payload.get(XID)?) % self.addresses.len();
        self.addresses.get(place).copied()
    }

    fn send(&self, desk: &mut Desk<'_>, port: usize, destination: [u8; 6], datagram: &[u8]) {
        let all = to_all(self.mac, None);
        let ethernet = Ethernet { destination, ethertype: ETHERTYPE_IPV4, ..all };
        let mut frame = vec![0; ETHERNET_LEN + datagram.len()];
        let room = ethernet.write(&mut frame).expect("there is room for a header");
        room.copy_from_slice(datagram);
        desk.sent.push((port, frame));
    }

    /// RFC 1542 section 4.1.1: a request becomes one to the server.
    fn relay(&self, desk: &mut Desk<'_>, udp: &Udp<'_>) -> Option<()> {
        let (server, server_mac) = self.server;
        let mut payload = udp.payload.to_vec();
        let hops = payload.get_mut(HOPS)?;
        *hops = hops.checked_add(1)?;
        let giaddr = self.giaddr(&payload)?;
        payload.get_mut(GIADDR..GIADDR + 4)?.copy_from_slice(&giaddr.octets());
        if let Some(end) = end(&payload) {
            payload.splice(end..end, AGENT_INFO);
        }
        let relayed = Udp {
            source: giaddr,
            destination: server,
            source_port: 67,
            destination_port: 67,
            payload: &payload,
        };
        let all = to_all(self.mac, None);
        desk.send_udp(SERVER, &Ethernet { destination: server_mac, ..all }, &relayed);
        Some(())
    }

    /// RFC 1542 section 4.1.2: a reply goes to the client, which may have no address yet, and without what was added (RFC 3046 section 2.1).
    fn relay_back(&self, desk: &mut Desk<'_>, udp: &Udp<'_>) -> Option<()> {
        let mut payload = udp.payload.to_vec();
        if let Some(info) = option(&payload, code::RELAY_AGENT_INFO) {
            payload.drain(info.start - 2..info.end);
        }
        let payload = payload.as_slice();
        let broadcast = *payload.get(FLAGS)? & 0x80 != 0;
        let chaddr: &[u8; 6] = payload.get(CHADDR..)?.first_chunk()?;
        let yiaddr = address_at(payload, YIADDR)?;
        let everybody = broadcast || yiaddr.is_unspecified();
        let all = to_all(self.mac, None);
        let ethernet = if everybody { all } else { Ethernet { destination: *chaddr, ..all } };
        let destination = if everybody { Ipv4Addr::BROADCAST } else { yiaddr };
        let giaddr = self.beside(udp.destination);
        let (source, source_port, destination_port) = (giaddr, 67, 68);
        let reply = Udp { source, destination, source_port, destination_port, payload };
        desk.send_udp(CLIENTS, &ethernet, &reply);
        Some(())
    }
}
