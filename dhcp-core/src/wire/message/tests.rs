extern crate std;

use std::vec;
use std::vec::Vec;

use super::*;

/// A BOOTREQUEST from 02:00:00:00:00:01 with xid 0x01020304, these options and no end mark.
fn message(options: &[u8]) -> Vec<u8> {
    let mut octets = vec![0; HEADER_LEN];
    octets[..4].copy_from_slice(&[1, 1, 6, 0]);
    octets[4..8].copy_from_slice(&[1, 2, 3, 4]);
    octets[28..34].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
    octets[236..240].copy_from_slice(&MAGIC_COOKIE);
    octets.extend(options);
    octets
}

#[test]
fn the_header_is_that_of_figure_1() {
    let mut octets = message(&[53, 1, 1, 255]);
    octets[3] = 2;
    octets[8..12].copy_from_slice(&[0, 7, 0x80, 0]);
    for (at, last) in [(12, 1), (16, 2), (20, 3), (24, 4)] {
        octets[at..at + 4].copy_from_slice(&[10, 0, 0, last]);
    }
    octets[44..47].copy_from_slice(b"srv");
    octets[108..112].copy_from_slice(b"boot");
    let mut scratch = Scratch::new();
    let message = Message::parse(&octets, &mut scratch).unwrap();
    assert_eq!((message.op(), message.hops(), message.xid()), (1, 2, 0x0102_0304));
    assert_eq!((message.secs(), message.broadcast()), (7, true));
    let addresses = [message.ciaddr(), message.yiaddr(), message.siaddr(), message.giaddr()];
    assert_eq!(addresses.map(|address| address.octets()[3]), [1, 2, 3, 4]);
    assert_eq!(message.hardware(), HardwareAddr::ethernet([2, 0, 0, 0, 0, 1]));
    assert_eq!((message.sname(), message.file()), (&b"srv"[..], &b"boot"[..]));
    assert_eq!(message.message_type(), Some(MessageType::Discover));
}

#[test]
fn what_is_no_message_has_a_reason() {
    let mut scratch = Scratch::new();
    let mut octets = message(&[]);
    assert!(Message::parse(&octets, &mut scratch).is_ok(), "BOOTP without options");
    let len = 239;
    assert_eq!(
        Message::parse(&octets[..len], &mut scratch).unwrap_err(),
        DecodeError::Truncated { len }
    );
    octets[2] = 17;
    assert_eq!(
        Message::parse(&octets, &mut scratch).unwrap_err(),
        DecodeError::HardwareLength { hlen: 17 }
    );
    octets[239] = 0;
    assert_eq!(Message::parse(&octets, &mut scratch).unwrap_err(), DecodeError::NoCookie);
}

#[test]
fn hlen_may_be_0_to_16_with_any_htype() {
    for hlen in 0..=16 {
        let mut octets = message(&[53, 1, 1]);
        (octets[1], octets[2]) = (200, hlen);
        let mut scratch = Scratch::new();
        let hardware = Message::parse(&octets, &mut scratch).unwrap().hardware();
        assert_eq!((hardware.htype(), hardware.octets().len()), (200, usize::from(hlen)));
    }
}

#[test]
fn an_option_of_the_wrong_length_is_as_good_as_absent() {
    let octets = message(&[50, 3, 10, 0, 0, 54, 0, 57, 1, 9, 61, 1, 7, 53, 1, 3]);
    let mut scratch = Scratch::new();
    let message = Message::parse(&octets, &mut scratch).unwrap();
    assert_eq!((message.requested_ip(), message.server_id()), (None, None));
    assert_eq!(message.max_message_size(), None);
    assert!(message.client_id().is_none(), "RFC 2132 section 9.14: at least 2 octets");
    assert_eq!(message.message_type(), Some(MessageType::Request));
}

#[test]
fn options_go_on_in_file_and_sname() {
    let mut octets = message(&[53, 1, 1, 52, 1, 3, 255]);
    octets[108..114].copy_from_slice(&[12, 2, b'a', b'b', 255, 9]);
    octets[44..50].copy_from_slice(&[50, 4, 10, 0, 1, 9]);
    let mut scratch = Scratch::new();
    let message = Message::parse(&octets, &mut scratch).unwrap();
    assert_eq!(message.host_name(), Some(&b"ab"[..]));
    assert_eq!(message.requested_ip(), Some(Ipv4Addr::new(10, 0, 1, 9)));
    assert_eq!((message.file(), message.sname()), (&b""[..], &b""[..]));
}

#[test]
fn an_overload_whose_first_part_is_empty_is_that_of_the_second() {
    let mut octets = message(&[53, 1, 1, 52, 0, 52, 1, 1, 255]);
    octets[108..112].copy_from_slice(&[12, 1, b'h', 255]);
    let mut scratch = Scratch::new();
    let message = Message::parse(&octets, &mut scratch).unwrap();
    assert_eq!(message.host_name(), Some(&b"h"[..]));
    assert_eq!(message.message_type(), Some(MessageType::Discover));
}

#[test]
fn an_overload_inside_an_overloaded_field_means_nothing() {
    let mut octets = message(&[53, 1, 1, 52, 1, 1, 255]);
    octets[108..112].copy_from_slice(&[52, 1, 2, 255]);
    octets[44..48].copy_from_slice(&[12, 2, b'a', b'b']);
    let mut scratch = Scratch::new();
    let message = Message::parse(&octets, &mut scratch).unwrap();
    assert_eq!(message.host_name(), None);
    assert_eq!(message.sname(), [12, 2, b'a', b'b']);
}

#[test]
fn parts_of_an_option_are_joined_across_fields() {
    let mut octets = message(&[61, 2, 0, 1, 53, 1, 1, 52, 1, 3, 61, 1, 2, 255]);
    octets[108..112].copy_from_slice(&[61, 1, 3, 255]);
    octets[44..48].copy_from_slice(&[61, 1, 4, 255]);
    let mut scratch = Scratch::new();
    let message = Message::parse(&octets, &mut scratch).unwrap();
    assert_eq!(message.client_id(), ClientId::new(&[0, 1, 2, 3, 4]));
    assert_eq!(message.option(61), Some(&[0, 1, 2, 3, 4][..]));
    assert_eq!(message.raw_options().filter(|(code, _)| *code == 61).count(), 4);
}

#[test]
fn a_repeated_option_of_fixed_length_counts_once() {
    let octets = message(&[53, 1, 3, 54, 4, 10, 0, 1, 1, 54, 4, 10, 0, 1, 2, 53, 1, 1]);
    let mut scratch = Scratch::new();
    let message = Message::parse(&octets, &mut scratch).unwrap();
    assert_eq!(message.message_type(), Some(MessageType::Request));
    assert_eq!(message.server_id(), Some(Ipv4Addr::new(10, 0, 1, 1)));
}

#[test]
fn what_does_not_fit_the_scratch_is_absent_and_the_rest_is_there() {
    let mut options = vec![53, 1, 1];
    for _ in 0..5 {
        options.extend([77, 255]);
        options.extend([1; 255]);
    }
    options.extend([12, 1, b'a', 12, 1, b'b']);
    let octets = message(&options);
    let mut scratch = Scratch::new();
    let message = Message::parse(&octets, &mut scratch).unwrap();
    assert_eq!(message.option(77), None);
    assert_eq!(message.host_name(), Some(&b"ab"[..]));
}

#[test]
fn the_link_is_selected_by_the_relay() {
    let octets = message(&[53, 1, 1, 82, 9, 1, 1, 7, 5, 4, 10, 0, 2, 0]);
    let mut scratch = Scratch::new();
    let selected = Message::parse(&octets, &mut scratch).unwrap().link_selection();
    assert_eq!(selected, Some(Ipv4Addr::new(10, 0, 2, 0)));
    let cut = message(&[53, 1, 1, 82, 5, 1, 1, 7, 5, 4]);
    let mut scratch = Scratch::new();
    assert_eq!(Message::parse(&cut, &mut scratch).unwrap().link_selection(), None);
}

#[test]
fn an_unknown_message_type_is_not_bootp() {
    let octets = message(&[53, 1, 18]);
    let mut scratch = Scratch::new();
    let message = Message::parse(&octets, &mut scratch).unwrap();
    assert!(message.message_type().is_none() && message.has_message_type());
}

/// Nobody clears the scratch between messages.
#[test]
fn what_an_earlier_message_left_in_the_scratch_is_not_read() {
    let each_code = |times, step| {
        let codes = (1..255_u8).filter(|code| *code != code::OVERLOAD).step_by(step);
        codes.flat_map(|code| [code, 1, code].repeat(times)).collect::<Vec<_>>()
    };
    let mut overloaded = message(&[53, 1, 1, 1, 1, 7, 61, 1, 9, 52, 1, 3]);
    overloaded[108..119].copy_from_slice(&[12, 2, b'a', b'b', 50, 1, 4, 53, 1, 3, 255]);
    overloaded[44..51].copy_from_slice(&[200, 1, 8, 61, 1, 6, 255]);
    let messages = [
        message(&each_code(1, 1)),
        message(&each_code(2, 3)),
        message(&[]),
        message(&[1, 1, 7, 53, 1, 1, 255, 61, 1, 9]),
        message(&[0, 31, 1, 3, 0, 200, 2, 4, 5, 254, 0, 64, 1]),
        message(&[12, 1, b'a', 53, 1, 1, 12, 1, b'b', 61, 0]),
        overloaded,
    ];
    for (earlier, later) in
        messages.iter().flat_map(|one| messages.iter().map(move |other| (one, other)))
    {
        let mut scratch = Scratch::new();
        Message::parse(earlier, &mut scratch).unwrap();
        let message = Message::parse(later, &mut scratch).unwrap();
        for code in 0..=255 {
            let parts = message.raw_options().filter(|(found, _)| *found == code);
            let parts: Vec<_> = parts.map(|(_, part)| part).collect();
            let expected = if parts.is_empty() { None } else { Some(parts.concat()) };
            assert_eq!(message.option(code), expected.as_deref(), "{code} of {later:?}");
            assert_eq!(message.has(code), expected.is_some(), "{code} of {later:?}");
        }
    }
}

#[test]
fn what_is_behind_65_535_octets_is_not_looked_at() {
    let last = usize::from(u16::MAX) - HEADER_LEN;
    for (pads, is_there) in [(last - 3, true), (last - 2, false), (last, false)] {
        let mut options = vec![code::PAD; pads];
        options.extend([53, 1, 3, 12, 1, b'a']);
        let octets = message(&options);
        let mut scratch = Scratch::new();
        let message = Message::parse(&octets, &mut scratch).unwrap();
        assert_eq!(message.message_type().is_some(), is_there, "{pads} pads");
        assert_eq!(message.host_name(), None, "{pads} pads");
    }
}
