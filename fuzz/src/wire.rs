//! The wire layer alone: octets are a message or have a reason, and what is written is read back.

use core::net::Ipv4Addr;

use dhcp_core::id::HardwareAddr;
use dhcp_core::wire::frame::arp::Arp;
use dhcp_core::wire::frame::icmp::Echo;
use dhcp_core::wire::frame::ipv4::{Checksums, Udp};
use dhcp_core::wire::frame::{ETHERTYPE_ARP, ETHERTYPE_IPV4, Ethernet};
use dhcp_core::wire::message::{HEADER_LEN, Message, MessageType, Scratch};
use dhcp_core::wire::options::{OptionsWriter, RenderedOptions, code};
use dhcp_core::wire::writer::{Header, ReplyOptions, write_reply, write_request};

/// Any octets are a message or have a reason, and every accessor of a message agrees with the options as they stand there.
pub fn decode(octets: &[u8]) {
    let mut scratch = Scratch::new();
    let Ok(message) = Message::parse(octets, &mut scratch) else { return };
    assert!(octets.len() >= HEADER_LEN, "a message has a header");
    assert!(message.hardware().octets().len() <= HardwareAddr::LEN_MAX);
    let raw: Vec<(u8, &[u8])> = message.raw_options().collect();
    assert!(raw.len() <= octets.len(), "an option takes octets");
    for code in 0..=u8::MAX {
        let parts: Vec<&[u8]> =
            raw.iter().filter(|(found, _)| *found == code).map(|(_, part)| *part).collect();
        match message.option(code) {
            Some(value) => {
                assert_eq!(value, parts.concat(), "option {code} is the sum of its parts")
            }
            // What is split and too long for the scratch counts as absent.
            None => assert!(parts.is_empty() || parts.len() > 1, "option {code} is there"),
        }
    }
    // Of an option of fixed length the first of that length counts.
    let four = |code| {
        let mut values = raw.iter().filter(move |(found, _)| *found == code);
        values.find_map(|(_, value)| <[u8; 4]>::try_from(*value).ok())
    };
    let address = |code| four(code).map(Ipv4Addr::from);
    let number = |code| four(code).map(u32::from_be_bytes);
    assert_eq!(message.requested_ip(), address(code::REQUESTED_IP));
    assert_eq!(message.server_id(), address(code::SERVER_ID));
    assert_eq!(message.subnet_mask(), address(code::SUBNET_MASK));
    assert_eq!(message.subnet_selection(), address(code::SUBNET_SELECTION));
    assert_eq!(message.lease_secs(), number(code::LEASE_TIME));
    assert_eq!(message.renewal_secs(), number(code::RENEWAL_TIME));
    assert_eq!(message.rebinding_secs(), number(code::REBINDING_TIME));
    assert_eq!(message.v6only_wait_secs(), number(code::V6ONLY_PREFERRED));
    let has_type = raw.iter().any(|(code, _)| *code == code::MESSAGE_TYPE);
    assert_eq!(message.has_message_type(), has_type);
    assert!(message.message_type().is_none() || has_type);
    let identity = message.option(code::CLIENT_ID).filter(|id| (2..=255).contains(&id.len()));
    assert_eq!(message.client_id().map(|id| id.octets()), identity);
    assert_eq!(message.parameter_request_list(), message.option(code::PARAMETER_REQUEST_LIST));
    assert_eq!(message.host_name(), message.option(code::HOST_NAME));
    assert!(message.sname().len() <= 64 && message.file().len() <= 128);
    assert!(!message.sname().contains(&0) && !message.file().contains(&0));
    if message.link_selection().is_some() {
        assert!(message.relay_agent_info().is_some_and(|info| info.len() >= 6));
    }
}

/// What was read is written, as a request and as a reply, and read again: it says the same.
pub fn round_trip(octets: &[u8]) {
    let mut scratch = Scratch::new();
    let Ok(message) = Message::parse(octets, &mut scratch) else { return };
    let header = Header {
        op: message.op(),
        hops: message.hops(),
        hardware: &message.hardware(),
        xid: message.xid(),
        secs: message.secs(),
        flags: message.flags(),
        ciaddr: message.ciaddr(),
        yiaddr: message.yiaddr(),
        siaddr: message.siaddr(),
        giaddr: message.giaddr(),
        sname: message.sname(),
        file: message.file(),
    };
    // Without what the writer writes itself.
    let own = |code: u8| matches!(code, 51..=54 | 58 | 59 | 61 | 82);
    let mut room = vec![0; octets.len() * 2 + 16];
    let mut rendered = OptionsWriter::new(&mut room);
    for code in (1..=254).filter(|code| !own(*code)) {
        if let Some(value) = message.option(code) {
            rendered.push(code, value).expect("splitting adds less than the octets that came");
        }
    }
    let rendered = rendered.finish();
    let message_type = message.message_type().unwrap_or(MessageType::Inform);
    as_request(&message, &header, message_type, rendered);
    let len_max = octets.first().map_or(548, |seed| 290 + usize::from(*seed) * 5);
    as_reply(&message, &header, message_type, rendered, len_max);
}

fn as_request(
    message: &Message<'_>,
    header: &Header<'_>,
    message_type: MessageType,
    rendered: &[u8],
) {
    let mut out = vec![0xee; HEADER_LEN + rendered.len() + 64];
    let len = write_request(header, message_type, &[rendered], &mut out);
    let len = len.expect("there is room for all that was rendered");
    assert!(len >= 300, "no message is shorter than BOOTP's");
    let written = out.get(..len).expect("what was written is in the buffer");
    let mut scratch = Scratch::new();
    let again = Message::parse(written, &mut scratch).expect("what is written is a message");
    same_header(&again, header);
    assert_eq!(again.message_type(), Some(message_type));
    for (code, _) in again.raw_options().filter(|(code, _)| *code != code::MESSAGE_TYPE) {
        assert_eq!(again.option(code), message.option(code), "option {code}");
    }
    for (code, _) in dhcp_core::wire::options::Options::new(rendered) {
        assert_eq!(again.option(code), message.option(code), "option {code}");
    }
}

fn as_reply(
    message: &Message<'_>,
    header: &Header<'_>,
    message_type: MessageType,
    rendered: &[u8],
    len_max: usize,
) {
    let server_id = message.server_id().unwrap_or(Ipv4Addr::new(10, 0, 1, 1));
    let options = ReplyOptions {
        message_type: Some(message_type),
        server_id,
        times: Some([3_600, 1_800, 3_150]),
        rendered: &RenderedOptions::new(rendered),
        reserved: &[],
        netmask: None,
        subnet_selection: None,
        requested: message.parameter_request_list(),
        message: None,
        client_id: message.option(code::CLIENT_ID),
        relay_agent_info: message.relay_agent_info(),
    };
    let mut out = vec![0xee; 1_472];
    let Some(written) = write_reply(header, &options, len_max, &mut out) else {
        assert!(len_max < 300, "only a buffer of less than 300 octets is refused");
        return;
    };
    assert!((300..=len_max).contains(&written.len), "{} of {len_max}", written.len);
    let octets = out.get(..written.len).expect("what was written is in the buffer");
    let mut scratch = Scratch::new();
    let again = Message::parse(octets, &mut scratch).expect("what is written is a message");
    same_header(&again, header);
    assert_eq!(again.message_type(), Some(message_type));
    assert_eq!(again.raw_options().next(), Some((code::MESSAGE_TYPE, &[message_type as u8][..])));
    assert_eq!((again.server_id(), again.lease_secs()), (Some(server_id), Some(3_600)));
    assert_eq!((again.renewal_secs(), again.rebinding_secs()), (Some(1_800), Some(3_150)));
    // Whatever is there is whole, and was asked for.
    for (code, _) in again.raw_options() {
        match code {
            code::MESSAGE_TYPE | code::SERVER_ID | code::LEASE_TIME => {}
            code::RENEWAL_TIME | code::REBINDING_TIME | code::OVERLOAD => {}
            _ => assert_eq!(again.option(code), message.option(code), "option {code}"),
        }
        let asked = options.requested.is_none_or(|list| list.contains(&code));
        assert!(asked || matches!(code, 1 | 51..=54 | 58 | 59 | 61 | 82), "option {code} unasked");
    }
    if let Some(info) = again.relay_agent_info() {
        assert_eq!(Some(info), message.relay_agent_info());
        let main = octets.get(HEADER_LEN..).unwrap_or_default();
        let last = dhcp_core::wire::options::Options::new(main).last();
        assert_eq!(last.map(|(code, _)| code), Some(code::RELAY_AGENT_INFO), "82 comes last");
    }
    if written.dropped == 0 {
        assert_eq!(again.option(code::CLIENT_ID), message.option(code::CLIENT_ID));
        assert_eq!(again.relay_agent_info(), message.relay_agent_info());
    }
}

/// Names that hold a zero or fill their field end before it, so they are compared as far as a field goes.
fn same_header(message: &Message<'_>, header: &Header<'_>) {
    assert_eq!((message.op(), message.hops()), (header.op, header.hops));
    assert_eq!((message.xid(), message.secs()), (header.xid, header.secs));
    assert_eq!((message.flags(), message.hardware()), (header.flags, *header.hardware));
    assert_eq!((message.ciaddr(), message.yiaddr()), (header.ciaddr, header.yiaddr));
    assert_eq!((message.siaddr(), message.giaddr()), (header.siaddr, header.giaddr));
    let cut = |text: &[u8], len: usize| text.get(..len.min(text.len())).map(<[u8]>::to_vec);
    assert_eq!(Some(message.sname().to_vec()), cut(header.sname, 63));
    assert_eq!(Some(message.file().to_vec()), cut(header.file, 127));
}

/// Any frame is read or has a reason; what was read is written and read again.
pub fn frame(octets: &[u8]) {
    let Ok((ethernet, inside)) = Ethernet::parse(octets) else { return };
    assert!(ethernet.vlan.is_none_or(|vlan| (1..=4_094).contains(&vlan)));
    let mut out = vec![0xee; octets.len() + 128];
    let rest = ethernet.write(&mut out).expect("there is room for a header").len();
    let head = out.len() - rest;
    assert_eq!(head, ethernet.header_len());
    let (again, _) = Ethernet::parse(&out).expect("what is written is a frame");
    assert_eq!(again, ethernet);
    for checksums in [Checksums::Verify, Checksums::Offloaded] {
        if let Ok(udp) = Udp::parse(inside, checksums) {
            let len = udp.write_frame(&ethernet, &mut out).expect("there is room for the payload");
            let (again, inside) = read(&out, len);
            assert_eq!(again.ethertype, ETHERTYPE_IPV4);
            assert_eq!(Udp::parse(inside, Checksums::Verify), Ok(udp));
        }
    }
    if let Ok(arp) = Arp::parse(inside) {
        let len = arp.write_frame(ethernet.vlan, &mut out).expect("there is room for ARP");
        let (again, inside) = read(&out, len);
        assert_eq!((again.ethertype, again.vlan), (ETHERTYPE_ARP, ethernet.vlan));
        assert_eq!(Arp::parse(inside), Ok(arp));
    }
    if let Ok(echo) = Echo::parse(inside) {
        let len = echo.write_frame(&ethernet, &mut out).expect("there is room for an echo");
        let (_, inside) = read(&out, len);
        assert_eq!(Echo::parse(inside), Ok(echo));
    }
}

fn read(out: &[u8], len: usize) -> (Ethernet, &[u8]) {
    let frame = out.get(..len).expect("what was written is in the buffer");
    Ethernet::parse(frame).expect("what is written is a frame")
}
