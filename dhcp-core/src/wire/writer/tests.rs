extern crate std;

use std::vec;
use std::vec::Vec;

use proptest::collection::vec as any_vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::wire::message::{Message, Scratch};

mod room;

const HEADER: Header<'_> = Header {
    op: 2,
    hops: 0,
    hardware: &HardwareAddr::ethernet([2, 0, 0, 0, 0, 1]),
    xid: 0x0102_0304,
    secs: 0,
    flags: 0x8000,
    ciaddr: Ipv4Addr::UNSPECIFIED,
    yiaddr: Ipv4Addr::new(10, 0, 1, 50),
    siaddr: Ipv4Addr::new(10, 0, 1, 1),
    giaddr: Ipv4Addr::UNSPECIFIED,
    sname: &[],
    file: &[],
};

const OFFER: ReplyOptions<'_> = ReplyOptions {
    message_type: Some(MessageType::Offer),
    server_id: Ipv4Addr::new(10, 0, 1, 1),
    times: Some([3_600, 1_800, 3_150]),
    rendered: &RenderedOptions::EMPTY,
    reserved: &[],
    netmask: None,
    subnet_selection: None,
    requested: None,
    message: None,
    client_id: None,
    relay_agent_info: None,
};

/// Mask, routers, two name servers and a domain, in an order that nobody would ask for.
const RENDERED: &RenderedOptions<'_> = &RenderedOptions::new(&[
    6, 8, 8, 8, 8, 8, 8, 8, 4, 4, 3, 4, 10, 0, 1, 3, 15, 1, b'x', 1, 4, 255, 255, 255, 0,
]);

fn written(header: &Header<'_>, options: &ReplyOptions<'_>, max_len: usize) -> (Vec<u8>, Written) {
    let mut out = vec![0xee; 1_500];
    let written = write_reply(header, options, max_len, &mut out).unwrap();
    assert!(out[written.len..].iter().all(|octet| *octet == 0xee) || written.len <= max_len);
    out.truncate(written.len);
    (out, written)
}

fn codes(octets: &[u8]) -> Vec<u8> {
    let mut scratch = Scratch::new();
    Message::parse(octets, &mut scratch).unwrap().raw_options().map(|(code, _)| code).collect()
}

#[test]
fn an_offer_has_these_octets() {
    let options = ReplyOptions { rendered: RENDERED, requested: Some(&[1, 3]), ..OFFER };
    let (octets, _) = written(&HEADER, &options, 548);
    assert_eq!(octets.len(), 300);
    assert_eq!(
        octets[..34],
        [
            2, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0x80, 0, 0, 0, 0, 0, 10, 0, 1, 50, 10, 0, 1, 1, 0, 0, 0,
            0, 2, 0, 0, 0, 0, 1
        ]
    );
    assert!(octets[34..236].iter().all(|octet| *octet == 0), "a used buffer is cleaned");
    assert_eq!(
        octets[236..280],
        [
            99, 130, 83, 99, 53, 1, 2, 54, 4, 10, 0, 1, 1, 51, 4, 0, 0, 14, 16, 58, 4, 0, 0, 7, 8,
            59, 4, 0, 0, 12, 78, 1, 4, 255, 255, 255, 0, 3, 4, 10, 0, 1, 3, 255
        ]
    );
    assert!(octets[280..].iter().all(|octet| *octet == 0));
}

#[test]
fn options_come_in_the_order_that_was_asked_for_with_the_mask_before_the_routers() {
    let asked = |list: &'static [u8]| {
        let options = ReplyOptions { rendered: RENDERED, requested: Some(list), ..OFFER };
        codes(&written(&HEADER, &options, 548).0)[5..].to_vec()
    };
    assert_eq!(asked(&[15, 6, 99, 1, 15]), [15, 6, 1]);
    assert_eq!(asked(&[3, 15, 1]), [1, 3, 15]);
    assert_eq!(asked(&[6]), [6, 1], "the mask is sent even if it was not asked for");
    let all = ReplyOptions { rendered: RENDERED, ..OFFER };
    assert_eq!(codes(&written(&HEADER, &all, 548).0)[5..], [1, 6, 3, 15]);
}

#[test]
fn the_most_specific_value_hides_the_others() {
    let own: &[u8] = &[6, 4, 9, 9, 9, 9, 118, 1, 1];
    let selected = Ipv4Addr::new(10, 0, 9, 0);
    let options = ReplyOptions {
        reserved: own,
        rendered: RENDERED,
        subnet_selection: Some(selected),
        requested: Some(&[6, 15]),
        ..OFFER
    };
    let (octets, _) = written(&HEADER, &options, 548);
    assert_eq!(codes(&octets)[5..], [118, 6, 15, 1]);
    let mut scratch = Scratch::new();
    let message = Message::parse(&octets, &mut scratch).unwrap();
    assert_eq!(message.option(6), Some(&[9, 9, 9, 9][..]));
    assert_eq!(message.option(15), Some(&b"x"[..]));
    assert_eq!(message.subnet_selection(), Some(selected), "echoed though nobody asked for it");
}

#[test]
fn the_client_id_and_then_the_relays_information_come_last() {
    let options = ReplyOptions {
        rendered: RENDERED,
        client_id: Some(&[1, 2, 0, 0, 0, 0, 1]),
        relay_agent_info: Some(&[1, 2, 9, 9]),
        ..OFFER
    };
    let (octets, _) = written(&HEADER, &options, 548);
    assert!(codes(&octets).ends_with(&[61, 82]));
    let mut scratch = Scratch::new();
    let message = Message::parse(&octets, &mut scratch).unwrap();
    assert_eq!(message.relay_agent_info(), Some(&[1, 2, 9, 9][..]));
}

/// RFC 3046 section 2.2 with RFC 3396: several relay agents' information can be longer than one option.
#[test]
fn long_relay_information_goes_back_whole_and_last() {
    let info: Vec<u8> = (0..=255).chain(0..44).collect();
    let options = ReplyOptions {
        rendered: RENDERED,
        client_id: Some(&[0, 1]),
        relay_agent_info: Some(&info),
        ..OFFER
    };
    let (octets, result) = written(&HEADER, &options, 700);
    assert_eq!(result.dropped, 0);
    assert!(codes(&octets).ends_with(&[61, 82, 82]));
    let mut scratch = Scratch::new();
    let message = Message::parse(&octets, &mut scratch).unwrap();
    assert_eq!(message.relay_agent_info(), Some(&info[..]));
    let (octets, result) = written(&HEADER, &options, 400);
    assert_eq!((codes(&octets).contains(&82), result.dropped), (false, 1), "whole or not at all");
}

/// RFC 8925 section 3.3: the option is for clients that asked for it, and a client that sends no list asks for nothing.
#[test]
fn ipv6_only_preferred_is_for_clients_that_ask_for_it() {
    let rendered: &[u8] = &[108, 4, 0, 0, 7, 8, 15, 1, b'x'];
    let asked = |requested| {
        let options =
            ReplyOptions { rendered: &RenderedOptions::new(rendered), requested, ..OFFER };
        codes(&written(&HEADER, &options, 548).0)[5..].to_vec()
    };
    assert_eq!(asked(Some(&[15, 108])), [15, 108]);
    assert_eq!(asked(Some(&[15])), [15]);
    assert_eq!(asked(None), [15]);
}

#[test]
fn a_nak_has_no_times() {
    let nak = ReplyOptions {
        message_type: Some(MessageType::Nak),
        times: None,
        message: Some("wrong network"),
        ..OFFER
    };
    assert_eq!(codes(&written(&HEADER, &nak, 548).0), [53, 54, 56]);
}

#[test]
fn bootp_gets_no_dhcp_option() {
    let bootp = ReplyOptions { message_type: None, times: None, rendered: RENDERED, ..OFFER };
    let (octets, _) = written(&HEADER, &bootp, 300);
    assert_eq!(codes(&octets), [1, 6, 3, 15]);
}

#[test]
fn file_and_sname_take_what_does_not_fit_before_anything_is_dropped() {
    let long = |code: u8, len: u8| [&[code, len][..], &vec![code; usize::from(len)]].concat();
    let rendered =
        [long(43, 10), long(66, 100), long(15, 60), long(67, 15), long(17, 200)].concat();
    let options = ReplyOptions { rendered: &RenderedOptions::new(&rendered), ..OFFER };
    let (octets, result) = written(&HEADER, &options, 300);
    assert_eq!((octets.len(), result.dropped), (300, 1), "only the root path has no room anywhere");
    let mut scratch = Scratch::new();
    let message = Message::parse(&octets, &mut scratch).unwrap();
    for (code, len) in [(43, 10), (66, 100), (15, 60), (67, 15)] {
        assert_eq!(message.option(code).map(<[u8]>::len), Some(len), "option {code}");
    }
    assert_eq!(message.option(52), Some(&[3][..]));
    // A name in `file` keeps that field.
    let (octets, result) = written(&Header { file: b"boot.img", ..HEADER }, &options, 300);
    let mut scratch = Scratch::new();
    assert_eq!(Message::parse(&octets, &mut scratch).unwrap().file(), b"boot.img");
    assert_eq!(result.dropped, 2);
}

#[test]
fn a_long_option_is_read_back_whole_wherever_its_parts_went() {
    let value: Vec<u8> = (0..=255).chain(0..44).collect();
    let rendered = [&[121, 255][..], &value[..255], &[121, 45], &value[255..]].concat();
    let options = ReplyOptions { rendered: &RenderedOptions::new(&rendered), ..OFFER };
    for max_len in [548, 600, 700] {
        let (octets, result) = written(&HEADER, &options, max_len);
        let mut scratch = Scratch::new();
        let message = Message::parse(&octets, &mut scratch).unwrap();
        assert_eq!((message.option(121), result.dropped), (Some(&value[..]), 0), "{max_len}");
    }
    let taken = Header { sname: b"srv", file: b"boot.img", ..HEADER };
    let (_, result) = written(&taken, &options, 548);
    assert_eq!(result.dropped, 1, "half an option is worse than none");
}

#[test]
fn a_buffer_of_less_than_300_octets_is_refused() {
    assert_eq!(write_reply(&HEADER, &OFFER, 548, &mut [0; 299]), None);
    assert_eq!(write_reply(&HEADER, &OFFER, 299, &mut [0; 548]), None);
}

#[test]
fn long_identities_do_not_push_out_what_a_reply_must_have() {
    let options = ReplyOptions {
        client_id: Some(&[7; 255]),
        relay_agent_info: Some(&[8; 200]),
        rendered: RENDERED,
        ..OFFER
    };
    let (octets, result) = written(&HEADER, &options, 548);
    assert_eq!((octets.len() <= 548, result.dropped), (true, 1));
    let found = codes(&octets);
    assert!(found.starts_with(&[53, 54, 51, 58, 59]) && found.contains(&82), "{found:?}");
    let options =
        ReplyOptions { client_id: Some(&[7; 50]), relay_agent_info: Some(&[8; 40]), ..options };
    let (octets, _) = written(&HEADER, &options, 300);
    assert!(codes(&octets).starts_with(&[53, 54, 51, 58, 59]), "neither fits beside the other");
}

#[test]
fn a_request_is_written_as_it_is_read() {
    let header = Header { op: 1, yiaddr: Ipv4Addr::UNSPECIFIED, ..HEADER };
    let mut out = [0xee; 600];
    let rendered: [&[u8]; 2] = [&[61, 3, 0, 1, 2, 50, 4, 10, 0, 1, 9], &[55, 2, 1, 3]];
    let len = write_request(&header, MessageType::Request, &rendered, &mut out).unwrap();
    assert_eq!(len, 300);
    assert_eq!(codes(&out[..len]), [53, 61, 50, 55]);
    let long = [&[60, 255][..], &[1; 255]].concat();
    assert_eq!(write_request(&header, MessageType::Request, &[&long], &mut [0; 400]), None);
}

#[test]
fn the_fixed_options_are_there_however_long_what_is_echoed_is() {
    let (client_id, info) = ([5; 290], [6; 280]);
    let options =
        ReplyOptions { client_id: Some(&client_id), relay_agent_info: Some(&info), ..OFFER };
    let (octets, written) = written(&HEADER, &options, 548);
    assert_eq!(codes(&octets), [53, 54, 51, 58, 59]);
    assert_eq!(written.dropped, 2);
}

/// An option of a configuration: some of the codes that are treated apart, and short values, so that they meet.
fn any_option() -> impl Strategy<Value = Vec<u8>> {
    const CODES: &[u8] = &[0, 1, 1, 3, 6, 12, 15, 15, 51, 53, 61, 66, 82, 108, 255];
    let value =
        prop_oneof![3 => Just(4), 1 => 0..20_usize].prop_flat_map(|len| any_vec(any::<u8>(), len));
    (proptest::sample::select(CODES), value).prop_map(|(code, value)| {
        [&[code, u8::try_from(value.len()).unwrap()], value.as_slice()].concat()
    })
}

proptest! {
    /// The two ways to write a reply agree on every octet, and the shorter one is taken when it can be.
    #[test]
    fn what_is_written_straight_on_is_what_is_written_everywhere(
        rendered in any_vec(any_option(), 0..5),
        reserved in prop_oneof![Just(vec![]), any_vec(any_option(), 0..4)],
        requested in option::of(any_vec(prop_oneof![0..20_u8, Just(108)], 0..12)),
        kind in option::of(Just(MessageType::Ack)),
        times in option::of(any::<[u32; 3]>()),
        netmask in option::of(any::<[u8; 4]>().prop_map(Ipv4Addr::from)),
        message in option::of("[a-z]{0,30}"),
        client_id in option::of(any_vec(any::<u8>(), 0..20)),
        relay_agent_info in option::of(prop_oneof![any_vec(any::<u8>(), 0..20), Just(vec![7; 300])]),
        max_len in prop_oneof![300..560_usize, Just(560)],
    ) {
        let (rendered, reserved) = (rendered.concat(), reserved.concat());
        let options = ReplyOptions {
            message_type: kind,
            times: times.filter(|_| kind.is_some()),
            rendered: &RenderedOptions::new(&rendered),
            reserved: &reserved,
            netmask,
            requested: requested.as_deref(),
            message: message.as_deref(),
            client_id: client_id.as_deref(),
            relay_agent_info: relay_agent_info.as_deref(),
            ..OFFER
        };
        let mut out = [[0xee; 560]; 2];
        let [straight, everywhere] = &mut out;
        let written = write_reply(&HEADER, &options, max_len, straight).unwrap();
        let message = begin(&HEADER, max_len, everywhere).unwrap();
        // The fixed options; what else it writes is written anew.
        straight::write(&options, message);
        let expected = super::everywhere(&options, message);
        prop_assert_eq!(written, expected);
        prop_assert_eq!(&straight[..written.len], &everywhere[..expected.len]);
        let info_fits = relay_agent_info.as_ref().is_none_or(|info| info.len() < 256);
        let plain = options.rendered.is_in_order() || requested.is_some() && options.rendered.is_noted();
        if max_len == 560 && info_fits && plain && reserved.is_empty() {
            let message = begin(&HEADER, max_len, straight).unwrap();
            prop_assert!(straight::write(&options, message).is_some());
        }
    }
}
