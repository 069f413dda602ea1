//! A node that uses an address without asking anybody. It answers ARP and echo requests for it.

use core::net::Ipv4Addr;

use dhcp_core::wire::frame::arp::{Arp, Operation};
use dhcp_core::wire::frame::{ETHERTYPE_ARP, ETHERTYPE_IPV4};

use super::server::reply_to;
use super::{Desk, untagged};

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
        let Some((ethernet, rest)) = untagged(frame) else { return };
        match ethernet.ethertype {
            ETHERTYPE_ARP => {
                let Ok(arp) = Arp::parse(rest) else { return };
                if arp.operation == Operation::Request && arp.target == self.address {
                    desk.send_arp(0, None, &reply_to(&arp, self.mac));
                }
            }
            ETHERTYPE_IPV4 => desk.answer_echo(self.mac, self.address, &ethernet, rest),
            _ => {}
        }
    }
}
