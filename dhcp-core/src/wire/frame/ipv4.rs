//! What is in an IPv4 datagram? A UDP payload with its addresses and ports (RFC 791, RFC 768).

use core::net::Ipv4Addr;

use super::{ETHERTYPE_IPV4, Ethernet, FrameError, checksum};

/// Octets of an IPv4 header without options.
pub const IPV4_LEN: usize = 20;

/// Octets of a UDP header.
pub const UDP_LEN: usize = 8;

/// Octets in front of the payload of an untagged frame.
pub const OVERHEAD_LEN: usize = super::ETHERNET_LEN + IPV4_LEN + UDP_LEN;

pub(super) const PROTOCOL_ICMP: u8 = 1;
const PROTOCOL_UDP: u8 = 17;
const TIME_TO_LIVE: u8 = 64;

/// Whether the checksum over the payload is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksums {
    /// It must be right. The IP header's is always looked at.
    Verify,
    /// It is not filled in yet, as in packets of the same machine whose network card would do it.
    Offloaded,
}

/// The header of an IPv4 datagram, as far as it matters here, and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ipv4<'f> {
    pub(super) source: Ipv4Addr,
    pub(super) destination: Ipv4Addr,
    pub(super) protocol: u8,
    pub(super) payload: &'f [u8],
}

impl<'f> Ipv4<'f> {
    pub(super) fn parse(octets: &'f [u8]) -> Result<Self, FrameError> {
        let (first, _) = octets.split_first_chunk::<IPV4_LEN>().ok_or(FrameError::Truncated)?;
        let [
            version_ihl,
            _,
            l0,
            l1,
            _,
            _,
            f0,
            f1,
            _,
            protocol,
            _,
            _,
            s0,
            s1,
            s2,
            s3,
            d0,
            d1,
            d2,
            d3,
        ] = *first;
        if version_ihl >> 4 != 4 {
            return Err(FrameError::NotOurs);
        }
        let header_len = usize::from(version_ihl & 0x0f) * 4;
        let total_len = usize::from(u16::from_be_bytes([l0, l1]));
        // What follows the datagram is the frame's padding.
        let datagram = octets.get(..total_len).ok_or(FrameError::Truncated)?;
        let (header, payload) =
            datagram.split_at_checked(header_len).ok_or(FrameError::Truncated)?;
        if header_len < IPV4_LEN {
            return Err(FrameError::Truncated);
        }
        if checksum(&[header]) != 0 {
            return Err(FrameError::Checksum);
        }
        // More fragments, or an offset: the flag "don't fragment" and the reserved one are let pass.
        if u16::from_be_bytes([f0, f1]) & 0x3fff != 0 {
            return Err(FrameError::Fragment);
        }
        Ok(Self {
            source: Ipv4Addr::new(s0, s1, s2, s3),
            destination: Ipv4Addr::new(d0, d1, d2, d3),
            protocol,
            payload,
        })
    }
}

/// Writes an IPv4 header for `payload_len` octets and gives the room for them.
pub(super) fn write_header(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: u8,
    payload_len: usize,
    out: &mut [u8],
) -> Option<&mut [u8]> {
    let total_len = u16::try_from(IPV4_LEN + payload_len).ok()?;
    let (header, rest) = out.split_first_chunk_mut::<IPV4_LEN>()?;
    let [l0, l1] = total_len.to_be_bytes();
    let [s0, s1, s2, s3] = source.octets();
    let [d0, d1, d2, d3] = destination.octets();
    // Not to be fragmented, so the identification means nothing (RFC 6864).
    *header = [
        0x45,
        0,
        l0,
        l1,
        0,
        0,
        0x40,
        0,
        TIME_TO_LIVE,
        protocol,
        0,
        0,
        s0,
        s1,
        s2,
        s3,
        d0,
        d1,
        d2,
        d3,
    ];
    let [c0, c1] = checksum(&[header.as_slice()]).to_be_bytes();
    (header[10], header[11]) = (c0, c1);
    rest.get_mut(..payload_len)
}

/// A UDP datagram and where it comes from and goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udp<'f> {
    /// The sender's address; 0.0.0.0 while it has none.
    pub source: Ipv4Addr,
    /// The receiver's address.
    pub destination: Ipv4Addr,
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// What is in it.
    pub payload: &'f [u8],
}

impl<'f> Udp<'f> {
    /// Reads what follows an Ethernet header of type [`ETHERTYPE_IPV4`].
    ///
    /// # Errors
    /// Every [`FrameError`] but [`FrameError::Vlan`].
    pub fn parse(octets: &'f [u8], checksums: Checksums) -> Result<Self, FrameError> {
        let ip = Ipv4::parse(octets)?;
        if ip.protocol != PROTOCOL_UDP {
            return Err(FrameError::NotOurs);
        }
        let (header, _) = ip.payload.split_first_chunk::<UDP_LEN>().ok_or(FrameError::Truncated)?;
        let [s0, s1, d0, d1, l0, l1, c0, c1] = *header;
        let len = usize::from(u16::from_be_bytes([l0, l1]));
        let datagram = ip.payload.get(..len).ok_or(FrameError::Truncated)?;
        let payload = datagram.get(UDP_LEN..).ok_or(FrameError::Truncated)?;
        let unchecked = [c0, c1] == [0, 0] || checksums == Checksums::Offloaded;
        if !unchecked && udp_checksum(ip.source, ip.destination, datagram) != 0 {
            return Err(FrameError::Checksum);
        }
        Ok(Self {
            source: ip.source,
            destination: ip.destination,
            source_port: u16::from_be_bytes([s0, s1]),
            destination_port: u16::from_be_bytes([d0, d1]),
            payload,
        })
    }

    /// Writes a whole frame: `ethernet` with the type of IPv4, whatever it says, then IP, UDP and the payload. Gives its length, or `None` when `frame` is
    /// too small. The frame is not padded to Ethernet's least length; the network card does that.
    #[must_use]
    pub fn write_frame(&self, ethernet: &Ethernet, frame: &mut [u8]) -> Option<usize> {
        let ethernet = Ethernet { ethertype: ETHERTYPE_IPV4, ..*ethernet };
        Some(ethernet.header_len() + self.write_packet(ethernet.write(frame)?)?)
    }

    /// Writes an IP packet without a frame around it, as raw IP sockets take it. Gives its length, or `None` when `packet` is too small.
    #[must_use]
    pub fn write_packet(&self, packet: &mut [u8]) -> Option<usize> {
        let udp_len = UDP_LEN + self.payload.len();
        let room = write_header(self.source, self.destination, PROTOCOL_UDP, udp_len, packet)?;
        let (header, payload) = room.split_first_chunk_mut::<UDP_LEN>()?;
        payload.copy_from_slice(self.payload);
        let ([s0, s1], [d0, d1]) =
            (self.source_port.to_be_bytes(), self.destination_port.to_be_bytes());
        let [l0, l1] = u16::try_from(udp_len).ok()?.to_be_bytes();
        *header = [s0, s1, d0, d1, l0, l1, 0, 0];
        // A sum of zero is sent as ones, since zero says that there is none (RFC 768).
        let sum = match udp_checksum(self.source, self.destination, room) {
            0 => 0xffff,
            sum => sum,
        };
        room.get_mut(6..8)?.copy_from_slice(&sum.to_be_bytes());
        Some(IPV4_LEN + udp_len)
    }
}

/// Over the pseudo-header, the header and the payload.
fn udp_checksum(source: Ipv4Addr, destination: Ipv4Addr, datagram: &[u8]) -> u16 {
    let [l0, l1] = u16::try_from(datagram.len()).unwrap_or(u16::MAX).to_be_bytes();
    checksum(&[&source.octets(), &destination.octets(), &[0, PROTOCOL_UDP, l0, l1], datagram])
}
