//! What do clients say, and what are they told? Frames of clients that a test plays, written octet by octet after RFC 2131 Table 5.

use core::net::Ipv4Addr;

use dhcp_core::wire::frame::ipv4::{Checksums, Udp};
use dhcp_core::wire::frame::{BROADCAST_MAC, ETHERTYPE_IPV4, Ethernet};
use dhcp_core::wire::message::{Message, MessageType, Scratch};

use crate::board::MAC;

/// A client, known by its hardware address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Client(pub [u8; 6]);

/// What a server said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// OFFER, ACK or NAK.
    pub kind: MessageType,
    /// `xid`.
    pub xid: u32,
    /// To whom: `chaddr`.
    pub client: Client,
    /// The address.
    pub yiaddr: Ipv4Addr,
    /// Option 54.
    pub server_id: Ipv4Addr,
    /// Option 51, in seconds.
    pub lease_secs: Option<u32>,
    /// The frame's destination.
    pub to_mac: [u8; 6],
}

impl Client {
    /// The client with this number.
    #[must_use]
    pub const fn numbered(number: u16) -> Self {
        let [high, low] = number.to_be_bytes();
        Self([2, 0, 0, 1, high, low])
    }

    /// Looks for servers.
    #[must_use]
    pub fn discover(&self, xid: u32) -> Vec<u8> {
        self.broadcast(xid, &[53, 1, 1, 55, 4, 1, 3, 6, 51])
    }

    /// Takes an offer (SELECTING).
    #[must_use]
    pub fn select(&self, xid: u32, offer: &Reply) -> Vec<u8> {
        let ([a, b, c, d], [e, f, g, h]) = (offer.yiaddr.octets(), offer.server_id.octets());
        let options = [53, 1, 3, 50, 4, a, b, c, d, 54, 4, e, f, g, h, 55, 3, 1, 3, 6];
        self.broadcast(xid, &options)
    }

    /// Asks whether its address still holds (INIT-REBOOT).
    #[must_use]
    pub fn reboot(&self, xid: u32, address: Ipv4Addr) -> Vec<u8> {
        let [a, b, c, d] = address.octets();
        self.broadcast(xid, &[53, 1, 3, 50, 4, a, b, c, d])
    }

    /// Extends its lease (RENEWING).
    #[must_use]
    pub fn renew(&self, xid: u32, address: Ipv4Addr, server: Ipv4Addr) -> Vec<u8> {
        self.frame(&self.message(xid, address, &[53, 1, 3]), address, MAC, server)
    }

    /// Gives its address back.
    #[must_use]
    pub fn release(&self, xid: u32, address: Ipv4Addr, server: Ipv4Addr) -> Vec<u8> {
        let [e, f, g, h] = server.octets();
        let message = self.message(xid, address, &[53, 1, 7, 54, 4, e, f, g, h]);
        self.frame(&message, address, MAC, server)
    }

    fn broadcast(&self, xid: u32, options: &[u8]) -> Vec<u8> {
        let message = self.message(xid, Ipv4Addr::UNSPECIFIED, options);
        self.frame(&message, Ipv4Addr::UNSPECIFIED, BROADCAST_MAC, Ipv4Addr::BROADCAST)
    }

    /// The UDP payload: the header, the cookie, the options and the end.
    #[must_use]
    pub fn message(&self, xid: u32, ciaddr: Ipv4Addr, options: &[u8]) -> Vec<u8> {
        let mut octets = vec![1, 1, 6, 0];
        octets.extend(xid.to_be_bytes());
        octets.extend([0; 4]);
        octets.extend(ciaddr.octets());
        octets.extend([0; 12]);
        octets.extend(self.0);
        octets.extend([0; 10 + 64 + 128]);
        octets.extend([99, 130, 83, 99]);
        octets.extend(options);
        octets.push(255);
        octets.resize(octets.len().max(300), 0);
        octets
    }

    fn frame(&self, payload: &[u8], source: Ipv4Addr, mac: [u8; 6], to: Ipv4Addr) -> Vec<u8> {
        let (source_port, destination_port) = (68, 67);
        let udp = Udp { source, destination: to, source_port, destination_port, payload };
        let ethernet =
            Ethernet { destination: mac, source: self.0, vlan: None, ethertype: ETHERTYPE_IPV4 };
        let mut frame = vec![0; 1_514];
        let len = udp.write_frame(&ethernet, &mut frame).expect("a message fits into a frame");
        frame.truncate(len);
        frame
    }
}

impl Reply {
    /// Reads a frame; `None` when it is no reply of a DHCP server.
    #[must_use]
    pub fn read(frame: &[u8]) -> Option<Self> {
        let (ethernet, packet) = Ethernet::parse(frame).ok()?;
        if ethernet.ethertype != ETHERTYPE_IPV4 {
            return None;
        }
        let udp = Udp::parse(packet, Checksums::Verify).ok()?;
        if (udp.source_port, udp.destination_port) != (67, 68) {
            return None;
        }
        let mut scratch = Scratch::new();
        let message = Message::parse(udp.payload, &mut scratch).ok()?;
        Some(Self {
            kind: message.message_type()?,
            xid: message.xid(),
            client: Client(message.hardware().as_ethernet()?),
            yiaddr: message.yiaddr(),
            server_id: message.server_id()?,
            lease_secs: message.lease_secs(),
            to_mac: ethernet.destination,
        })
    }
}
