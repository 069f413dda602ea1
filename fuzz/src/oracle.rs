//! Two decoders of others beside ours: where all of them can say what a message says, they say the same.
//!
//! smoltcp reads the header and the options field as it stands. dhcproto reads into types: it is asked only what it can answer. It
//! panics when `hlen` is above 16 and its accessor is called; it gives up at the first option that it cannot read (a host name that is
//! not UTF-8); it asserts lengths of a few options in debug builds; of an option that comes in parts apart from each other it keeps the last; it does not look into `file` and `sname`.

use core::net::Ipv4Addr;

use dhcp_core::wire::message::{HEADER_LEN, MAGIC_COOKIE, Message, Scratch};
use dhcp_core::wire::options::{Options, code};
use dhcproto::v4::{self, DhcpOption, OptionCode};
use dhcproto::{Decodable, Decoder};
use smoltcp::wire::DhcpPacket;

/// What the others say of the same octets.
pub fn differential(octets: &[u8]) {
    let mut scratch = Scratch::new();
    let ours = Message::parse(octets, &mut scratch);
    let cookie = octets.get(HEADER_LEN - 4..HEADER_LEN) == Some(&MAGIC_COOKIE[..]);
    let hlen = octets.get(2).copied().unwrap_or_default();
    assert_eq!(ours.is_ok(), cookie && hlen <= 16, "cookie, hlen and length decide");
    if let Ok(ours) = &ours {
        smoltcp(octets, ours);
        dhcproto(octets, ours);
    }
}

fn smoltcp(octets: &[u8], ours: &Message<'_>) {
    let theirs = DhcpPacket::new_checked(octets).expect("240 octets are enough for smoltcp, too");
    assert_eq!(u8::from(theirs.opcode()), ours.op());
    assert_eq!((theirs.hops(), theirs.secs()), (ours.hops(), ours.secs()));
    assert_eq!(theirs.transaction_id(), ours.xid());
    assert_eq!(usize::from(theirs.hardware_len()), ours.hardware().octets().len());
    assert_eq!((theirs.client_ip(), theirs.your_ip()), (ours.ciaddr(), ours.yiaddr()));
    assert_eq!((theirs.server_ip(), theirs.relay_agent_ip()), (ours.siaddr(), ours.giaddr()));
    let main = octets.get(HEADER_LEN..).unwrap_or_default();
    assert!(
        theirs.options().map(|option| (option.kind, option.data)).eq(Options::new(main)),
        "the options field is read alike"
    );
}

/// Options whose length dhcproto asserts or subtracts from without looking: 80 and 81, 94, and those of bulk queries (151 to 155).
fn dhcproto_panics(main: &[u8]) -> bool {
    let len_of = |sought: u8| {
        let parts = Options::new(main).filter(move |(code, _)| *code == sought);
        // It joins parts that follow each other before it looks, so several are a length that nobody sent.
        parts.map(|(_, part)| part.len()).reduce(|_, _| usize::MAX)
    };
    let lens = [(80, 0..=0), (81, 3..=255), (94, 3..=3), (151, 1..=255)];
    let more = (152..=155).map(|code| (code, 4..=4));
    let mut lens = lens.into_iter().chain(more);
    lens.any(|(code, good)| len_of(code).is_some_and(|len| !good.contains(&len)))
}

fn dhcproto(octets: &[u8], ours: &Message<'_>) {
    let main = octets.get(HEADER_LEN..).unwrap_or_default();
    if dhcproto_panics(main) {
        return;
    }
    let theirs = v4::Message::decode(&mut Decoder::new(octets));
    let theirs = theirs.expect("dhcproto reads every header, and stops quietly among the options");
    assert_eq!((theirs.hops(), theirs.secs()), (ours.hops(), ours.secs()));
    assert_eq!((theirs.xid(), u16::from(theirs.flags())), (ours.xid(), ours.flags()));
    assert_eq!((theirs.ciaddr(), theirs.yiaddr()), (ours.ciaddr(), ours.yiaddr()));
    assert_eq!((theirs.siaddr(), theirs.giaddr()), (ours.siaddr(), ours.giaddr()));
    // `hlen` is at most 16 here, so that its accessor does not panic.
    assert_eq!(theirs.chaddr(), ours.hardware().octets());
    for (found, option) in theirs.opts().iter() {
        let found = u8::from(*found);
        let mut parts = Options::new(main).filter(|(code, _)| *code == found);
        let (Some((_, value)), None) = (parts.next(), parts.next()) else { continue };
        if Options::new(main).any(|(code, _)| code == code::OVERLOAD) {
            // We read on in `file` and `sname`, and may find more of it.
            continue;
        }
        assert_eq!(ours.option(found), Some(value), "option {found} is there for both");
        option_alike(option, value, ours);
    }
    let message_type = theirs.opts().get(OptionCode::MessageType);
    assert!(message_type.is_none() || ours.has_message_type());
}

/// Options that dhcproto keeps as what they are; a value of a length that is not the option's is not compared.
fn option_alike(option: &DhcpOption, value: &[u8], ours: &Message<'_>) {
    let four = <[u8; 4]>::try_from(value);
    let address = |theirs: &Ipv4Addr, ours: Option<Ipv4Addr>| {
        if four.is_ok() {
            assert_eq!(Some(*theirs), ours);
        }
    };
    let number = |theirs: &u32, ours: Option<u32>| {
        if four.is_ok() {
            assert_eq!(Some(*theirs), ours);
        }
    };
    #[allow(clippy::wildcard_enum_match_arm, reason = "the others have no accessor on our side")]
    match option {
        DhcpOption::RequestedIpAddress(theirs) => address(theirs, ours.requested_ip()),
        DhcpOption::ServerIdentifier(theirs) => address(theirs, ours.server_id()),
        DhcpOption::SubnetMask(theirs) => address(theirs, ours.subnet_mask()),
        DhcpOption::AddressLeaseTime(theirs) => number(theirs, ours.lease_secs()),
        DhcpOption::Renewal(theirs) => number(theirs, ours.renewal_secs()),
        DhcpOption::Rebinding(theirs) => number(theirs, ours.rebinding_secs()),
        DhcpOption::MaxMessageSize(theirs) if value.len() == 2 => {
            assert_eq!(Some(*theirs), ours.max_message_size());
        }
        DhcpOption::MessageType(theirs) if value.len() == 1 => {
            let known = ours.message_type().map(|kind| kind as u8);
            assert!(known.is_none_or(|known| known == u8::from(*theirs)));
        }
        DhcpOption::ClientIdentifier(theirs) => assert_eq!(theirs, value),
        DhcpOption::ClassIdentifier(theirs) => assert_eq!(theirs, value),
        DhcpOption::VendorExtensions(theirs) => assert_eq!(theirs, value),
        DhcpOption::ParameterRequestList(theirs) => {
            let codes = theirs.iter().map(|code| u8::from(*code));
            assert!(codes.eq(ours.parameter_request_list().unwrap_or_default().iter().copied()));
        }
        DhcpOption::Hostname(theirs) => {
            assert_eq!(Some(theirs.as_bytes()), ours.host_name());
        }
        DhcpOption::Unknown(theirs) => assert_eq!(theirs.data(), value),
        _ => {}
    }
}
