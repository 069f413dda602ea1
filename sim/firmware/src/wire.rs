//! Which frames are the server's, and what does its reply look like on the wire? It knows no server and no driver.

use core::net::Ipv4Addr;

use dhcp_core::server::config::Link;
use dhcp_core::server::{Destination, Ingress, Transmit};
use dhcp_core::wire::frame::arp::Arp;
use dhcp_core::wire::frame::ipv4::{Checksums, Udp};
use dhcp_core::wire::frame::{BROADCAST_MAC, ETHERTYPE_ARP, ETHERTYPE_IPV4, Ethernet};
use dhcp_core::wire::{CLIENT_PORT, SERVER_PORT};

/// What a frame is to this board.
#[derive(Clone, Copy, Debug)]
pub enum Incoming<'f> {
    /// A datagram to the DHCP server's port.
    Dhcp(Ethernet, Udp<'f>),
    /// An ARP packet: it may be the answer to a probe, and it may be for us.
    Arp(Arp),
    /// For the board as a host, or for nobody.
    Other,
}

impl<'f> Incoming<'f> {
    /// Looks into a frame. What is damaged is [`Incoming::Other`]: smoltcp passes over it.
    #[must_use]
    pub fn of(frame: &'f [u8]) -> Self {
        let Ok((ethernet, packet)) = Ethernet::parse(frame) else { return Self::Other };
        match ethernet.ethertype {
            ETHERTYPE_IPV4 => match Udp::parse(packet, Checksums::Verify) {
                Ok(udp) if udp.destination_port == SERVER_PORT => Self::Dhcp(ethernet, udp),
                Ok(_) | Err(_) => Self::Other,
            },
            ETHERTYPE_ARP => Arp::parse(packet).map_or(Self::Other, Self::Arp),
            _ => Self::Other,
        }
    }
}

/// Where a datagram came in. `ours` are the board's addresses, of which one is `local` for what was broadcast.
#[must_use]
pub fn ingress(ethernet: &Ethernet, udp: &Udp<'_>, ours: &[Ipv4Addr]) -> Ingress {
    let link = Link { interface: 0, vlan: ethernet.vlan };
    let unicast = ours.contains(&udp.destination);
    let first = ours.first().copied().unwrap_or(Ipv4Addr::UNSPECIFIED);
    Ingress { link, local: if unicast { udp.destination } else { first }, unicast }
}

/// Writes the frame of a reply to the message that came with `asker`; its length, or `None` when `frame` is too small.
///
/// A reply to an address goes to the station that the question came from, the client, its relay agent or the router in front of
/// it, so that nobody has to be asked by ARP.
#[must_use]
pub fn write_reply(
    transmit: &Transmit,
    payload: &[u8],
    asker: &Ethernet,
    mac: [u8; 6],
    frame: &mut [u8],
) -> Option<usize> {
    let (to_mac, destination, destination_port) = match transmit.destination {
        Destination::Relay(address) => (asker.source, address, SERVER_PORT),
        Destination::Client(address) => (asker.source, address, CLIENT_PORT),
        Destination::Hardware { mac, address } => (mac, address, CLIENT_PORT),
        Destination::Broadcast => (BROADCAST_MAC, Ipv4Addr::BROADCAST, CLIENT_PORT),
    };
    let ethernet = Ethernet {
        destination: to_mac,
        source: mac,
        vlan: transmit.link.vlan,
        ethertype: ETHERTYPE_IPV4,
    };
    let source = transmit.source;
    let udp = Udp { source, destination, source_port: SERVER_PORT, destination_port, payload };
    udp.write_frame(&ethernet, frame)
}
