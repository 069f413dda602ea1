//! Who answers ARP and ping for the board's own addresses? This file does, with smoltcp's wire formats, from every frame that is not DHCP.
//!
//! An answer goes to the station that the question came from, as the server's replies do, so that nobody has to be asked by ARP and nothing is kept between
//! frames: see docs/adr/0035 for why smoltcp's interface, with its caches, routes and sockets, is left out. Source: RFC 826 and RFC 792.

use core::net::Ipv4Addr;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    EthernetRepr, Icmpv4Message, Icmpv4Packet, IpProtocol, Ipv4Packet, Ipv4Repr,
};

const ETHERNET_LEN: usize = EthernetFrame::<&[u8]>::header_len();
const ARP_LEN: usize = 28;
const IPV4_LEN: usize = 20;
const TIME_TO_LIVE: u8 = 64;

/// Writes the frame that answers `frame` into `room` and gives its length; `None` when it is no question for one of `ours`, or is damaged or longer than `room`.
///
/// An ARP request is answered also when its sender has no address yet: whoever probes for one of ours (RFC 5227 section 2.1.1) hears that it is taken.
#[must_use]
pub fn answer(frame: &[u8], mac: [u8; 6], ours: &[Ipv4Addr], room: &mut [u8]) -> Option<usize> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    let asker = frame.src_addr();
    let ethertype = frame.ethertype();
    if !asker.is_unicast() {
        return None;
    }
    // Headers are arrays, so that what smoltcp writes into them is known to be within.
    let (header, packet) = room.split_first_chunk_mut::<ETHERNET_LEN>()?;
    let len = match ethertype {
        EthernetProtocol::Arp => arp_reply(frame.payload(), mac, ours, packet)?,
        EthernetProtocol::Ipv4 => echo_reply(frame.payload(), ours, packet)?,
        EthernetProtocol::Ipv6 | EthernetProtocol::Unknown(_) => return None,
    };
    let ethernet = EthernetRepr { src_addr: EthernetAddress(mac), dst_addr: asker, ethertype };
    ethernet.emit(&mut EthernetFrame::new_unchecked(header));
    Some(ETHERNET_LEN + len)
}

fn arp_reply(packet: &[u8], mac: [u8; 6], ours: &[Ipv4Addr], room: &mut [u8]) -> Option<usize> {
    let packet = packet.first_chunk::<ARP_LEN>()?;
    let request = ArpRepr::parse(&ArpPacket::new_checked(packet).ok()?).ok()?;
    let ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr,
        source_protocol_addr,
        target_hardware_addr: _,
        target_protocol_addr,
    } = request
    else {
        return None;
    };
    let reply = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Reply,
        source_hardware_addr: EthernetAddress(mac),
        source_protocol_addr: target_protocol_addr,
        target_hardware_addr: source_hardware_addr,
        target_protocol_addr: source_protocol_addr,
    };
    let room = room.first_chunk_mut::<ARP_LEN>().filter(|_| is_one(target_protocol_addr, ours))?;
    reply.emit(&mut ArpPacket::new_unchecked(room));
    Some(ARP_LEN)
}

fn echo_reply(packet: &[u8], ours: &[Ipv4Addr], room: &mut [u8]) -> Option<usize> {
    let checksums = ChecksumCapabilities::default();
    let packet = Ipv4Packet::new_checked(packet).ok()?;
    let request = Ipv4Repr::parse(&packet, &checksums).ok()?;
    let asker = request.src_addr;
    // An echo request to everybody, or from nobody that there could be one of, is passed over (RFC 1122 section 3.2.2).
    let answered = request.next_header == IpProtocol::Icmp
        && is_one(request.dst_addr, ours)
        && !(asker.is_unspecified() || asker.is_broadcast() || asker.is_multicast());
    let echo = Icmpv4Packet::new_checked(packet.payload()).ok().filter(|echo| {
        answered
            && echo.verify_checksum()
            && (echo.msg_type(), echo.msg_code()) == (Icmpv4Message::EchoRequest, 0)
    })?;
    let reply = Ipv4Repr {
        src_addr: request.dst_addr,
        dst_addr: asker,
        hop_limit: TIME_TO_LIVE,
        ..request
    };
    let (header, message) = room.split_first_chunk_mut::<IPV4_LEN>()?;
    let message = message.get_mut(..reply.payload_len)?;
    reply.emit(&mut Ipv4Packet::new_unchecked(header), &checksums);
    message.copy_from_slice(echo.into_inner());
    let mut message = Icmpv4Packet::new_unchecked(message);
    message.set_msg_type(Icmpv4Message::EchoReply);
    message.fill_checksum();
    Some(IPV4_LEN + reply.payload_len)
}

/// Whether it is one of `ours`, among which an unspecified one stands for none.
fn is_one(address: Ipv4Addr, ours: &[Ipv4Addr]) -> bool {
    !address.is_unspecified() && ours.contains(&address)
}
