//! A node that uses an address without asking anybody. It answers ARP for it.

use core::net::Ipv4Addr;

use dhcp_core::wire::frame::arp::{Arp, Operation};
use dhcp_core::wire::frame::{ETHERTYPE_ARP, Ethernet};

use super::Desk;
use super::server::reply_to;

/// A node with an address that somebody typed in.
#[derive(Clone, Copy, Debug)]
pub struct Squatter {
    /// Its MAC address.
    pub mac: [u8; 6],
    /// Its address, in the middle of a pool.
    pub address: Ipv4Addr,
}

impl Squatter {
    /// Takes a frame.
    pub fn receive(&self, desk: &mut Desk<'_>, frame: &[u8]) {
        let Ok((ethernet, rest)) = Ethernet::parse(frame) else { return };
        if ethernet.ethertype != ETHERTYPE_ARP {
            return;
        }
        let Ok(arp) = Arp::parse(rest) else { return };
        if arp.operation == Operation::Request && arp.target == self.address {
            let mut frame = [0; 64];
            let reply = reply_to(&arp, self.mac);
            let len = reply.write_frame(None, &mut frame).expect("an ARP packet is short");
            desk.sent.push((0, frame.get(..len).expect("as long as was written").to_vec()));
        }
    }
}
