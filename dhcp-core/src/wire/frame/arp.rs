//! Who has this address? ARP for IPv4 over Ethernet (RFC 826), and its use to find conflicts (RFC 5227).

use core::net::Ipv4Addr;

use super::{BROADCAST_MAC, ETHERTYPE_ARP, Ethernet, FrameError};

/// Octets of an ARP packet.
pub const ARP_LEN: usize = 28;

/// Ethernet, IPv4, and the lengths of their addresses.
const ETHERNET_IPV4: [u8; 6] = [0, 1, 0x08, 0x00, 6, 4];

/// Which of the two packets it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Operation {
    /// Asks who has `target`.
    Request = 1,
    /// Says that the sender has `sender`.
    Reply = 2,
}

/// An ARP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Arp {
    /// Request or reply.
    pub operation: Operation,
    /// The sender's hardware address.
    pub sender_mac: [u8; 6],
    /// The sender's address; 0.0.0.0 in a probe.
    pub sender: Ipv4Addr,
    /// The hardware address that is asked for, zero in a request.
    pub target_mac: [u8; 6],
    /// The address that is asked for.
    pub target: Ipv4Addr,
}

impl Arp {
    /// Asks whether anybody uses `address`, without claiming it (RFC 5227 section 2.1.1).
    #[must_use]
    pub const fn probe(sender_mac: [u8; 6], address: Ipv4Addr) -> Self {
        Self {
            operation: Operation::Request,
            sender_mac,
            sender: Ipv4Addr::UNSPECIFIED,
            target_mac: [0; 6],
            target: address,
        }
    }

    /// Says that `address` is the sender's from now on (RFC 5227 section 2.3).
    #[must_use]
    pub const fn announcement(sender_mac: [u8; 6], address: Ipv4Addr) -> Self {
        Self {
            operation: Operation::Request,
            sender_mac,
            sender: address,
            target_mac: [0; 6],
            target: address,
        }
    }

    /// Whether it is a probe: it asks for an address without having one.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.operation == Operation::Request && self.sender.is_unspecified()
    }

    /// Reads what follows an Ethernet header of type [`ETHERTYPE_ARP`].
    ///
    /// # Errors
    /// [`FrameError::Truncated`]; [`FrameError::NotOurs`] for other networks and operations.
    pub fn parse(octets: &[u8]) -> Result<Self, FrameError> {
        let (packet, _) = octets.split_first_chunk::<ARP_LEN>().ok_or(FrameError::Truncated)?;
        let (kind, rest) = packet.split_at(6);
        let operation = match rest {
            [0, 1, ..] if kind == ETHERNET_IPV4 => Operation::Request,
            [0, 2, ..] if kind == ETHERNET_IPV4 => Operation::Reply,
            _ => return Err(FrameError::NotOurs),
        };
        let [_, _, a, b, c, d, e, f, s0, s1, s2, s3, g, h, i, j, k, l, t0, t1, t2, t3] = *rest
        else {
            return Err(FrameError::Truncated);
        };
        Ok(Self {
            operation,
            sender_mac: [a, b, c, d, e, f],
            sender: Ipv4Addr::new(s0, s1, s2, s3),
            target_mac: [g, h, i, j, k, l],
            target: Ipv4Addr::new(t0, t1, t2, t3),
        })
    }

    /// Writes a whole frame: to everybody when it is a request, to `target_mac` when it is a reply. Gives its length, or `None` when
    /// `frame` is too small.
    #[must_use]
    pub fn write_frame(&self, vlan: Option<u16>, frame: &mut [u8]) -> Option<usize> {
        let destination = match self.operation {
            Operation::Request => BROADCAST_MAC,
            Operation::Reply => self.target_mac,
        };
        let ethernet =
            Ethernet { destination, source: self.sender_mac, vlan, ethertype: ETHERTYPE_ARP };
        let packet = ethernet.write(frame)?.first_chunk_mut::<ARP_LEN>()?;
        let [n0, n1, n2, n3, n4, n5] = ETHERNET_IPV4;
        let ([a, b, c, d, e, f], [s0, s1, s2, s3]) = (self.sender_mac, self.sender.octets());
        let ([g, h, i, j, k, l], [t0, t1, t2, t3]) = (self.target_mac, self.target.octets());
        let operation = self.operation as u8;
        *packet = [
            n0, n1, n2, n3, n4, n5, 0, operation, a, b, c, d, e, f, s0, s1, s2, s3, g, h, i, j, k,
            l, t0, t1, t2, t3,
        ];
        Some(ethernet.header_len() + ARP_LEN)
    }
}
