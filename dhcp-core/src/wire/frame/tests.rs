extern crate std;

use core::net::Ipv4Addr;

use super::arp::{Arp, Operation};
use super::icmp::Echo;
use super::ipv4::{Checksums, OVERHEAD_LEN, Udp};
use super::*;

const ETHERNET: Ethernet = Ethernet {
    destination: [2, 0, 0, 0, 0, 2],
    source: [2, 0, 0, 0, 0, 1],
    vlan: None,
    ethertype: ETHERTYPE_IPV4,
};

const UDP: Udp<'_> = Udp {
    source: Ipv4Addr::new(10, 0, 1, 1),
    destination: Ipv4Addr::new(10, 0, 1, 50),
    source_port: 67,
    destination_port: 68,
    payload: b"payload",
};

#[test]
fn a_datagram_is_read_as_it_was_written() {
    for vlan in [None, Some(1), Some(4_094)] {
        let ethernet = Ethernet { vlan, ..ETHERNET };
        let mut frame = [0; 100];
        let len = UDP.write_frame(&ethernet, &mut frame).unwrap();
        assert_eq!(len, OVERHEAD_LEN + vlan.map_or(0, |_| TAG_LEN) + UDP.payload.len());
        // The rest of the buffer is the frame's padding.
        let (read, inside) = Ethernet::parse(&frame).unwrap();
        assert_eq!((read, Udp::parse(inside, Checksums::Verify)), (ethernet, Ok(UDP)));
    }
}

#[test]
fn a_frame_has_these_octets() {
    let mut frame = [0; 64];
    let tagged = Ethernet { vlan: Some(7), ..ETHERNET };
    let len = Udp { payload: &[0xab], ..UDP }.write_frame(&tagged, &mut frame).unwrap();
    assert_eq!(
        frame[..len],
        [
            2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0, 7, 8, 0, // Ethernet, tagged
            0x45, 0, 0, 29, 0, 0, 0x40, 0, 64, 17, 0x24, 0x9e, 10, 0, 1, 1, 10, 0, 1,
            50, // IPv4
            0, 67, 0, 68, 0, 9, 0x3e, 0x22, 0xab // UDP
        ]
    );
}

#[test]
fn a_priority_tag_is_no_vlan_and_4095_is_reserved() {
    let mut frame = [0; 64];
    Ethernet { vlan: Some(1), ..ETHERNET }.write(&mut frame).unwrap();
    (frame[14], frame[15]) = (0xe0, 0);
    assert_eq!(Ethernet::parse(&frame).unwrap().0.vlan, None);
    (frame[14], frame[15]) = (0xe0, 7);
    assert_eq!(Ethernet::parse(&frame).unwrap().0.vlan, Some(7));
    (frame[14], frame[15]) = (0x0f, 0xff);
    assert_eq!(Ethernet::parse(&frame), Err(FrameError::Vlan));
}

#[test]
fn a_frame_that_is_tagged_twice_is_not_ours() {
    let mut frame = [0; 64];
    frame[12..20].copy_from_slice(&[0x81, 0, 0, 10, 0x81, 0, 0, 20]);
    assert_eq!(Ethernet::parse(&frame).unwrap_err(), FrameError::NotOurs);
    frame[14..16].copy_from_slice(&[0x20, 0]);
    assert_eq!(Ethernet::parse(&frame).unwrap_err(), FrameError::NotOurs, "priority alone, too");
}

#[test]
fn damage_is_found_by_the_checksums() {
    let mut frame = [0; 49];
    assert_eq!(UDP.write_frame(&ETHERNET, &mut frame), Some(49));
    for at in ETHERNET_LEN..frame.len() {
        let mut damaged = frame;
        damaged[at] ^= 0x40;
        assert!(Udp::parse(&damaged[ETHERNET_LEN..], Checksums::Verify).is_err(), "octet {at}");
    }
    frame[48] ^= 1;
    let inside = &frame[ETHERNET_LEN..];
    assert_eq!(Udp::parse(inside, Checksums::Verify), Err(FrameError::Checksum));
    assert!(Udp::parse(inside, Checksums::Offloaded).is_ok());
}

#[test]
fn a_udp_checksum_of_zero_is_none() {
    let mut frame = [0; 49];
    UDP.write_frame(&ETHERNET, &mut frame).unwrap();
    (frame[40], frame[41], frame[48]) = (0, 0, b'?');
    assert!(Udp::parse(&frame[ETHERNET_LEN..], Checksums::Verify).is_ok());
}

#[test]
fn fragments_and_foreign_protocols_are_not_read() {
    let rewritten = |at: usize, octet: u8| {
        let mut frame = [0; 49];
        UDP.write_frame(&ETHERNET, &mut frame).unwrap();
        let (_, ip) = frame.split_at_mut(ETHERNET_LEN);
        (ip[at], ip[10], ip[11]) = (octet, 0, 0);
        let sum = checksum(&[&ip[..20]]).to_be_bytes();
        (ip[10], ip[11]) = (sum[0], sum[1]);
        Udp::parse(ip, Checksums::Verify).unwrap_err()
    };
    assert_eq!(rewritten(6, 0x20), FrameError::Fragment);
    assert_eq!(rewritten(7, 1), FrameError::Fragment);
    assert_eq!(rewritten(9, 6), FrameError::NotOurs);
    assert_eq!(rewritten(0, 0x65), FrameError::NotOurs);
    assert_eq!(rewritten(0, 0x44), FrameError::Truncated);
    assert_eq!(rewritten(3, 200), FrameError::Truncated);
}

#[test]
fn every_cut_of_a_frame_is_survived() {
    let mut frame = [0; 53];
    UDP.write_frame(&Ethernet { vlan: Some(7), ..ETHERNET }, &mut frame).unwrap();
    for len in 0..frame.len() {
        let udp = Ethernet::parse(&frame[..len])
            .and_then(|(_, inside)| Udp::parse(inside, Checksums::Verify));
        assert_eq!(udp, Err(FrameError::Truncated), "{len} octets");
    }
    for len in 0..frame.len() {
        assert_eq!(
            UDP.write_frame(&Ethernet { vlan: Some(7), ..ETHERNET }, &mut frame[..len]),
            None
        );
    }
}

#[test]
fn arp_is_read_as_it_was_written() {
    let address = Ipv4Addr::new(10, 0, 1, 50);
    let probe = Arp::probe(ETHERNET.source, address);
    let mut frame = [0; 60];
    let len = probe.write_frame(Some(3), &mut frame).unwrap();
    let (ethernet, inside) = Ethernet::parse(&frame[..len]).unwrap();
    assert_eq!((ethernet.destination, ethernet.vlan), (BROADCAST_MAC, Some(3)));
    assert_eq!((ethernet.ethertype, Arp::parse(inside)), (ETHERTYPE_ARP, Ok(probe)));
    assert!(probe.is_probe() && !Arp::announcement(ETHERNET.source, address).is_probe());
    let reply = Arp { operation: Operation::Reply, sender: address, target_mac: [9; 6], ..probe };
    reply.write_frame(None, &mut frame).unwrap();
    assert_eq!(Ethernet::parse(&frame).unwrap().0.destination, [9; 6]);
    frame[15] = 6;
    assert_eq!(Arp::parse(&frame[ETHERNET_LEN..]), Err(FrameError::NotOurs), "not Ethernet");
}

#[test]
fn an_echo_is_read_as_it_was_written() {
    let echo = Echo {
        source: UDP.source,
        destination: UDP.destination,
        reply: true,
        identifier: 0x1234,
        sequence: 9,
    };
    let mut frame = [0; 60];
    let len = echo.write_frame(&ETHERNET, &mut frame).unwrap();
    assert_eq!(Echo::parse(&frame[ETHERNET_LEN..len]), Ok(echo));
    frame[len - 1] ^= 1;
    assert_eq!(Echo::parse(&frame[ETHERNET_LEN..len]), Err(FrameError::Checksum));
    assert_eq!(Udp::parse(&frame[ETHERNET_LEN..len], Checksums::Verify), Err(FrameError::NotOurs));
}
