//! A relay agent (RFC 1542) that is the router between the clients' segment and the server's.

use core::net::Ipv4Addr;

use dhcp_core::wire::frame::ipv4::{Checksums, Udp};
use dhcp_core::wire::frame::{ETHERTYPE_IPV4, Ethernet};

use super::{Desk, to_all};

/// The clients' side, by the number of its port.
pub const CLIENTS: usize = 0;

/// The server's side.
pub const SERVER: usize = 1;

/// Offsets in a message.
const HOPS: usize = 3;
const FLAGS: usize = 10;
const YIADDR: usize = 16;
const GIADDR: usize = 24;
const CHADDR: usize = 28;

/// A relay agent.
#[derive(Clone, Copy, Debug)]
pub struct Relay {
    /// Its MAC address on both sides.
    pub mac: [u8; 6],
    /// Its address on the clients' side.
    pub giaddr: Ipv4Addr,
    /// The server's address and MAC address.
    pub server: (Ipv4Addr, [u8; 6]),
}

fn address_at(payload: &[u8], at: usize) -> Option<Ipv4Addr> {
    let octets: &[u8; 4] = payload.get(at..)?.first_chunk()?;
    Some(Ipv4Addr::from(*octets))
}

impl Relay {
    /// Takes a frame.
    pub fn receive(&self, desk: &mut Desk<'_>, port: usize, frame: &[u8]) {
        let Ok((ethernet, rest)) = Ethernet::parse(frame) else { return };
        if ethernet.ethertype == ETHERTYPE_IPV4
            && let Ok(udp) = Udp::parse(rest, Checksums::Verify)
        {
            self.datagram(desk, port, &udp);
        }
    }

    fn datagram(&self, desk: &mut Desk<'_>, port: usize, udp: &Udp<'_>) -> Option<()> {
        let (server, server_mac) = self.server;
        let to_server = Ethernet { destination: server_mac, ..to_all(self.mac, None) };
        let mut payload = udp.payload.to_vec();
        if port == CLIENTS && udp.destination == server {
            // A renewal is routed, not relayed.
            desk.send_udp(SERVER, &to_server, udp);
        } else if port == CLIENTS && udp.destination_port == 67 {
            let hops = payload.get_mut(HOPS)?;
            *hops = hops.checked_add(1)?;
            payload.get_mut(GIADDR..GIADDR + 4)?.copy_from_slice(&self.giaddr.octets());
            let relayed = Udp {
                source: self.giaddr,
                destination: server,
                source_port: 67,
                destination_port: 67,
                payload: &payload,
            };
            desk.send_udp(SERVER, &to_server, &relayed);
        } else if port == SERVER && udp.destination == self.giaddr {
            let broadcast = *payload.get(FLAGS)? & 0x80 != 0;
            let chaddr: &[u8; 6] = payload.get(CHADDR..)?.first_chunk()?;
            let yiaddr = address_at(&payload, YIADDR)?;
            let everybody = broadcast || yiaddr.is_unspecified();
            let all = to_all(self.mac, None);
            let ethernet = if everybody { all } else { Ethernet { destination: *chaddr, ..all } };
            let destination = if everybody { Ipv4Addr::BROADCAST } else { yiaddr };
            let (source, source_port, destination_port) = (self.giaddr, 67, 68);
            let payload = &payload;
            let reply = Udp { source, destination, source_port, destination_port, payload };
            desk.send_udp(CLIENTS, &ethernet, &reply);
        } else if port == SERVER {
            // An ACK of a renewal. The router knows who has the address from the message itself.
            let chaddr: &[u8; 6] = payload.get(CHADDR..)?.first_chunk()?;
            let ethernet = Ethernet { destination: *chaddr, ..to_all(self.mac, None) };
            desk.send_udp(CLIENTS, &ethernet, udp);
        }
        Some(())
    }
}
