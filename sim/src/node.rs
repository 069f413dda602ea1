//! Who is on the segments? Each node takes frames and the time, and sends frames; what is on which segment is the world's.

pub mod board;
pub mod client;
pub mod hostile;
pub mod informer;
pub mod relay;
pub mod server;
pub mod serves;
pub mod smoltcp;
pub mod squatter;

use core::net::Ipv4Addr;
use std::borrow::Cow;

use dhcp_core::time::Instant;
use dhcp_core::wire::frame::arp::Arp;
use dhcp_core::wire::frame::icmp::Echo;
use dhcp_core::wire::frame::ipv4::Udp;
use dhcp_core::wire::frame::{BROADCAST_MAC, ETHERTYPE_VLAN, Ethernet};

use crate::trace::Trace;

/// The longest frame: a message of 1,472 octets with its headers and a tag.
pub const FRAME_LEN_MAX: usize = 1_518;

/// What a node has at hand while it does something.
#[derive(Debug)]
pub struct Desk<'t> {
    /// The time.
    pub now: Instant,
    /// What happens is written down here.
    pub trace: &'t mut Trace,
    /// Frames that leave, each with the number of the port.
    pub sent: Vec<(usize, Vec<u8>)>,
}

impl Desk<'_> {
    /// Sends a UDP datagram.
    pub fn send_udp(&mut self, port: usize, ethernet: &Ethernet, udp: &Udp<'_>) {
        let mut frame = [0; FRAME_LEN_MAX];
        let len = udp.write_frame(ethernet, &mut frame).expect("a message fits into a frame");
        self.sent.push((port, frame.get(..len).expect("as long as was written").to_vec()));
    }

    /// Sends an ARP packet.
    pub fn send_arp(&mut self, port: usize, vlan: Option<u16>, arp: &Arp) {
        let mut frame = [0; 64];
        let len = arp.write_frame(vlan, &mut frame).expect("an ARP packet is short");
        self.sent.push((port, frame.get(..len).expect("as long as was written").to_vec()));
    }

    /// Asks for an echo, or gives it.
    pub fn send_echo(&mut self, port: usize, ethernet: &Ethernet, echo: &Echo) {
        let mut frame = [0; 64];
        let len = echo.write_frame(ethernet, &mut frame).expect("an echo is short");
        self.sent.push((port, frame.get(..len).expect("as long as was written").to_vec()));
    }

    /// Gives the echo that somebody asked for, if it was asked of this address.
    pub fn answer_echo(&mut self, mac: [u8; 6], own: Ipv4Addr, from: &Ethernet, datagram: &[u8]) {
        let Ok(echo) = Echo::parse(datagram) else { return };
        if echo.destination == own && !echo.reply {
            let (source, destination) = (own, echo.source);
            let ethernet = Ethernet { destination: from.source, ..to_all(mac, None) };
            self.send_echo(0, &ethernet, &Echo { source, destination, reply: true, ..echo });
        }
    }
}

/// The MAC address of a node: its kind and its number.
#[must_use]
pub const fn mac(kind: u8, number: u16) -> [u8; 6] {
    let [high, low] = number.to_be_bytes();
    [2, kind, 0, 0, high, low]
}

/// Whether a frame is for this MAC address or for everybody.
#[must_use]
pub fn is_for(frame: &[u8], mac: [u8; 6]) -> bool {
    frame.get(..6).is_some_and(|to| to == mac || to == BROADCAST_MAC)
}

/// A frame as somebody reads it who is on no VLAN.
#[must_use]
pub fn untagged(frame: &[u8]) -> Option<(Ethernet, &[u8])> {
    Ethernet::parse(frame).ok().filter(|(ethernet, _)| ethernet.vlan.is_none())
}

/// The frame with the tag of a VLAN in front of what is in it; without a VLAN as it is.
#[must_use]
pub fn tagged(frame: &[u8], vlan: Option<u16>) -> Cow<'_, [u8]> {
    let Some(vlan) = vlan else { return frame.into() };
    let (addresses, rest) = frame.split_at_checked(12).unwrap_or((frame, &[]));
    [addresses, &ETHERTYPE_VLAN.to_be_bytes(), &vlan.to_be_bytes(), rest].concat().into()
}

/// A header for everybody.
#[must_use]
pub const fn to_all(source: [u8; 6], vlan: Option<u16>) -> Ethernet {
    Ethernet { destination: BROADCAST_MAC, source, vlan, ethertype: 0 }
}

/// A message from port 68 to port 67.
#[must_use]
pub const fn request(source: Ipv4Addr, destination: Ipv4Addr, payload: &[u8]) -> Udp<'_> {
    Udp { source, destination, source_port: 68, destination_port: 67, payload }
}
