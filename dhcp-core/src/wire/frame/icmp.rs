//! Does anybody answer there? ICMP echo (RFC 792), for addresses behind a relay agent that ARP does not reach.

use core::net::Ipv4Addr;

use super::ipv4::{IPV4_LEN, Ipv4, PROTOCOL_ICMP, write_header};
use super::{ETHERTYPE_IPV4, Ethernet, FrameError, checksum};

/// Octets of an echo message without data.
pub const ECHO_LEN: usize = 8;

const ECHO_REPLY: u8 = 0;
const ECHO_REQUEST: u8 = 8;

/// An echo request or its reply; data is neither sent nor looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// From whom.
    pub source: Ipv4Addr,
    /// To whom.
    pub destination: Ipv4Addr,
    /// Whether it is the reply.
    pub reply: bool,
    /// The asker's number, which comes back.
    pub identifier: u16,
    /// The request's number, which comes back.
    pub sequence: u16,
}

impl Echo {
    /// Reads what follows an Ethernet header of type [`ETHERTYPE_IPV4`].
    ///
    /// # Errors
    /// Every [`FrameError`] but [`FrameError::Vlan`].
    pub fn parse(octets: &[u8]) -> Result<Self, FrameError> {
        let ip = Ipv4::parse(octets)?;
        if ip.protocol != PROTOCOL_ICMP {
            return Err(FrameError::NotOurs);
        }
        let (header, _) =
            ip.payload.split_first_chunk::<ECHO_LEN>().ok_or(FrameError::Truncated)?;
        if checksum(&[ip.payload]) != 0 {
            return Err(FrameError::Checksum);
        }
        let [kind, 0, _, _, i0, i1, s0, s1] = *header else { return Err(FrameError::NotOurs) };
        let reply = match kind {
            ECHO_REPLY => true,
            ECHO_REQUEST => false,
            _ => return Err(FrameError::NotOurs),
        };
        Ok(Self {
            source: ip.source,
            destination: ip.destination,
            reply,
            identifier: u16::from_be_bytes([i0, i1]),
            sequence: u16::from_be_bytes([s0, s1]),
        })
    }

    /// The ICMP message alone, for a socket that adds the IP header itself.
    #[must_use]
    pub fn message(&self) -> [u8; ECHO_LEN] {
        let kind = if self.reply { ECHO_REPLY } else { ECHO_REQUEST };
        let ([i0, i1], [s0, s1]) = (self.identifier.to_be_bytes(), self.sequence.to_be_bytes());
        let [c0, c1] = checksum(&[&[kind, 0, 0, 0, i0, i1, s0, s1]]).to_be_bytes();
        [kind, 0, c0, c1, i0, i1, s0, s1]
    }

    /// Writes a whole frame; its length, or `None` when `frame` is too small.
    #[must_use]
    pub fn write_frame(&self, ethernet: &Ethernet, frame: &mut [u8]) -> Option<usize> {
        let ethernet = Ethernet { ethertype: ETHERTYPE_IPV4, ..*ethernet };
        let room = ethernet.write(frame)?;
        write_header(self.source, self.destination, PROTOCOL_ICMP, ECHO_LEN, room)?
            .copy_from_slice(&self.message());
        Some(ethernet.header_len() + IPV4_LEN + ECHO_LEN)
    }
}
