//! Somebody who means harm, or whose program is broken. What it may not do is speak in another's name when that other gives something back:
//! without authentication (RFC 3118) no server can tell.

use core::net::Ipv4Addr;
use std::collections::VecDeque;

use dhcp_core::rng::Rng;
use dhcp_core::wire::frame::Ethernet;
use dhcp_core::wire::frame::ipv4::{Checksums, Udp};
use dhcp_core::wire::message::{Message, MessageType, Scratch};

use super::{Desk, mac, request, to_all};
use crate::plan::Deed;

/// How many messages of others are kept for later.
const KEPT_MAX: usize = 32;

/// A hostile node.
#[derive(Debug)]
pub struct Hostile {
    /// Its own MAC address.
    pub mac: [u8; 6],
    /// The server that it speaks to, and the lowest address of its pool.
    pub server: Ipv4Addr,
    /// The addresses that others have.
    pub pool: (Ipv4Addr, u32),
    /// The network of another VLAN, where there is one.
    pub elsewhere: Ipv4Addr,
    /// Chance.
    pub rng: Rng,
    /// What others sent.
    pub kept: VecDeque<Vec<u8>>,
}

/// A message by hand: type, `chaddr`, `ciaddr`, options 50 and 54.
fn message(
    kind: u8,
    xid: u32,
    chaddr: [u8; 6],
    ciaddr: Option<Ipv4Addr>,
    options: &[(u8, Ipv4Addr)],
) -> Vec<u8> {
    let mut octets = vec![1, 1, 6, 0];
    octets.extend(xid.to_be_bytes());
    octets.extend([0; 4]);
    octets.extend(ciaddr.unwrap_or(Ipv4Addr::UNSPECIFIED).octets());
    octets.extend([0; 12]);
    octets.extend(chaddr);
    octets.resize(236, 0);
    octets.extend([99, 130, 83, 99, 53, 1, kind]);
    for (code, address) in options {
        octets.extend([*code, 4]);
        octets.extend(address.octets());
    }
    octets.push(255);
    octets.resize(300, 0);
    octets
}

impl Hostile {
    /// Hears what others send.
    pub fn receive(&mut self, frame: &[u8]) {
        let Ok((_, rest)) = Ethernet::parse(frame) else { return };
        let Ok(udp) = Udp::parse(rest, Checksums::Verify) else { return };
        let mut scratch = Scratch::new();
        let Ok(message) = Message::parse(udp.payload, &mut scratch) else { return };
        // A RELEASE or DECLINE that is sent again is sent in another's name.
        let kind = message.message_type();
        if matches!(kind, Some(MessageType::Discover)) && udp.destination_port == 67 {
            if self.kept.len() == KEPT_MAX {
                self.kept.pop_front();
            }
            self.kept.push_back(frame.to_vec());
        }
    }

    fn victim(&mut self) -> Ipv4Addr {
        let (first, len) = self.pool;
        Ipv4Addr::from_bits(first.to_bits() + self.rng.below(len))
    }

    /// Sends a message of a machine that is not there.
    fn invent(&mut self, desk: &mut Desk<'_>, kind: u8, options: &[(u8, Ipv4Addr)]) {
        let invented = mac(0xee, u16::try_from(self.rng.below(65_536)).unwrap_or(0));
        let payload = message(kind, self.rng.next_u32(), invented, None, options);
        let udp = request(Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, &payload);
        desk.send_udp(0, &to_all(self.mac, None), &udp);
    }

    /// Does it, once of so many times.
    pub fn act(&mut self, desk: &mut Desk<'_>, deed: Deed) {
        let own = self.mac;
        let (to, any) = (self.server, Ipv4Addr::UNSPECIFIED);
        let all = to_all(own, None);
        match deed {
            Deed::Churn(_) => self.invent(desk, 1, &[]),
            Deed::Decline(_) => {
                let options = [(50, self.victim()), (54, to)];
                let payload = message(4, self.rng.next_u32(), own, None, &options);
                desk.send_udp(0, &all, &request(any, Ipv4Addr::BROADCAST, &payload));
            }
            Deed::Release(_) => {
                let victim = self.victim();
                let payload = message(7, self.rng.next_u32(), own, Some(victim), &[(54, to)]);
                desk.send_udp(0, &all, &request(victim, Ipv4Addr::BROADCAST, &payload));
            }
            Deed::Replay(_) => {
                if let Some(frame) = self.kept.pop_front() {
                    desk.sent.push((0, frame));
                }
            }
            Deed::Noise(_) => {
                let len = self.rng.below(600) as usize;
                let mut payload = message(1, 0, own, None, &[]);
                payload.resize(len, 0);
                for octet in payload.iter_mut().skip(4) {
                    if self.rng.below(3) == 0 {
                        [*octet, ..] = self.rng.next_u32().to_le_bytes();
                    }
                }
                let mut udp = request(any, Ipv4Addr::BROADCAST, &payload);
                if self.rng.below(2) == 0 {
                    (udp.source_port, udp.destination_port) = (67, 68);
                }
                desk.send_udp(0, &all, &udp);
            }
            Deed::Covet(_) => {
                let victim = self.victim();
                let (kind, options): (_, &[_]) = match self.rng.below(3) {
                    0 => (1, &[(50, victim)]),
                    // As if it had been offered the address, and as if it had had it before.
                    1 => (3, &[(50, victim), (54, to)]),
                    _ => (3, &[(50, victim)]),
                };
                self.invent(desk, kind, options);
            }
            Deed::Cross(_) => {
                let [a, b, ..] = self.elsewhere.octets();
                let victim = Ipv4Addr::new(a, b, 1, self.rng.next_u32().to_le_bytes()[0]);
                let (kind, options): (_, &[_]) = match self.rng.below(3) {
                    0 => (1, &[(118, self.elsewhere)]),
                    1 => (3, &[(118, self.elsewhere), (50, victim)]),
                    _ => (3, &[(50, victim), (54, to)]),
                };
                self.invent(desk, kind, options);
            }
            Deed::Rogue(_) => {}
        }
    }
}
