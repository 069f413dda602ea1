//! How does a message travel on a segment? Ethernet with or without a tag, and inside it IPv4 or ARP.
//!
//! A frame is read down to what is in it, and what is not for us or is damaged has a reason. Frames are written whole into the
//! caller's buffer. Sources: IEEE 802.3 and 802.1Q for the frame, RFC 791, 768, 792 and 826 for what is inside.

pub mod arp;
pub mod icmp;
pub mod ipv4;

use core::error::Error;
use core::fmt;

/// Octets of an Ethernet header without a tag.
pub const ETHERNET_LEN: usize = 14;

/// Octets of an 802.1Q tag.
pub const TAG_LEN: usize = 4;

/// The destination of a frame for everybody.
pub const BROADCAST_MAC: [u8; 6] = [0xff; 6];

/// The type of IPv4.
pub const ETHERTYPE_IPV4: u16 = 0x0800;

/// The type of ARP.
pub const ETHERTYPE_ARP: u16 = 0x0806;

/// The type of an 802.1Q tag.
pub const ETHERTYPE_VLAN: u16 = 0x8100;

/// A frame's header (IEEE 802.3), with its tag (IEEE 802.1Q) if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ethernet {
    /// To whom.
    pub destination: [u8; 6],
    /// From whom.
    pub source: [u8; 6],
    /// 1 to 4094; a frame that is tagged with 0, for its priority alone, counts as untagged.
    pub vlan: Option<u16>,
    /// What is inside: [`ETHERTYPE_IPV4`], [`ETHERTYPE_ARP`] or something else.
    pub ethertype: u16,
}

impl Ethernet {
    /// Reads a frame's header and gives what follows it, padding included.
    ///
    /// # Errors
    /// [`FrameError::Truncated`]; [`FrameError::Vlan`] for the VLAN 4095, which is reserved; [`FrameError::NotOurs`] for a tag inside a tag, by
    /// which a frame could get into another VLAN than it says.
    pub fn parse(frame: &[u8]) -> Result<(Self, &[u8]), FrameError> {
        let (header, rest) =
            frame.split_first_chunk::<ETHERNET_LEN>().ok_or(FrameError::Truncated)?;
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = *header;
        let untagged = Self {
            destination: [d0, d1, d2, d3, d4, d5],
            source: [s0, s1, s2, s3, s4, s5],
            vlan: None,
            ethertype: u16::from_be_bytes([t0, t1]),
        };
        if untagged.ethertype != ETHERTYPE_VLAN {
            return Ok((untagged, rest));
        }
        let (tag, rest) = rest.split_first_chunk::<TAG_LEN>().ok_or(FrameError::Truncated)?;
        let [c0, c1, t0, t1] = *tag;
        // Three bits of priority and one of eligibility to be dropped stand before the VLAN's number.
        let vlan = match u16::from_be_bytes([c0, c1]) & 0x0fff {
            0 => None,
            0x0fff => return Err(FrameError::Vlan),
            vlan => Some(vlan),
        };
        let ethertype = u16::from_be_bytes([t0, t1]);
        if ethertype == ETHERTYPE_VLAN {
            return Err(FrameError::NotOurs);
        }
        Ok((Self { vlan, ethertype, ..untagged }, rest))
    }

    /// Octets that [`Ethernet::write`] writes.
    #[must_use]
    pub const fn header_len(&self) -> usize {
        if self.vlan.is_some() { ETHERNET_LEN + TAG_LEN } else { ETHERNET_LEN }
    }

    /// Writes the header at the front of `frame` and gives the rest of it; `None` when `frame` is too small.
    pub fn write<'f>(&self, frame: &'f mut [u8]) -> Option<&'f mut [u8]> {
        let (addresses, rest) = frame.split_first_chunk_mut::<12>()?;
        let (destination, source) = addresses.split_at_mut(6);
        destination.copy_from_slice(&self.destination);
        source.copy_from_slice(&self.source);
        let rest = match self.vlan {
            None => rest,
            Some(vlan) => {
                let (tag, rest) = rest.split_first_chunk_mut::<TAG_LEN>()?;
                let ([t0, t1], [v0, v1]) = (ETHERTYPE_VLAN.to_be_bytes(), vlan.to_be_bytes());
                *tag = [t0, t1, v0, v1];
                rest
            }
        };
        let (ethertype, rest) = rest.split_first_chunk_mut::<2>()?;
        *ethertype = self.ethertype.to_be_bytes();
        Some(rest)
    }
}

/// Why a frame, or what is in it, is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum FrameError {
    /// Shorter than a header, or than a header says.
    Truncated,
    /// Tagged with the reserved VLAN 4095.
    Vlan,
    /// Neither what was looked for nor anything that we know: another type, protocol or version.
    NotOurs,
    /// A part of an IP datagram. DHCP messages fit into one.
    Fragment,
    /// The checksum of the IP header, of UDP or of ICMP is wrong.
    Checksum,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "the frame is cut off",
            Self::Vlan => "the frame is tagged with the reserved VLAN 4095",
            Self::NotOurs => "the frame carries something else",
            Self::Fragment => "the frame carries a part of a datagram",
            Self::Checksum => "a checksum is wrong",
        })
    }
}

impl Error for FrameError {}

/// The Internet checksum (RFC 1071) of the octets of all parts, each of which but the last has an even length.
#[must_use]
pub fn checksum(parts: &[&[u8]]) -> u16 {
    // Words twice as wide and in the machine's own order add up to the same, folded (section 2).
    let mut sum: u64 = 0;
    for part in parts {
        let (words, rest) = part.as_chunks::<4>();
        sum += words.iter().map(|word| u64::from(u32::from_ne_bytes(*word))).sum::<u64>();
        let mut last = [0; 4];
        last.iter_mut().zip(rest).for_each(|(to, octet)| *to = *octet);
        sum += u64::from(u32::from_ne_bytes(last));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::from_be(u16::try_from(sum).expect("folded above"))
}

#[cfg(test)]
mod tests;
