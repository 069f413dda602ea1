//! What the client says: RFC 2131 table 5 and sections 4.1, 4.4.1 to 4.4.6, a sentence a test.

use core::net::Ipv4Addr;

use dhcp_core::client::{Config, Phase, Previous};
use dhcp_core::conflict::Acd;
use dhcp_core::id::HardwareAddr;
use dhcp_core::time::LeaseTime;
use dhcp_core::wire::frame::arp::Arp;

use crate::world::*;

const ZERO: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
const BROADCAST: Ipv4Addr = Ipv4Addr::BROADCAST;

/// A client that says all that it can say.
fn talkative() -> Config {
    let mut config = config(Acd::Off);
    config.host_name = dhcp_core::client::Octets::new(b"camera").unwrap();
    config.vendor_class = dhcp_core::client::Octets::new(b"hydrant").unwrap();
    config.lease_time = Some(LeaseTime::Secs(7_200));
    config.broadcast = true;
    config.with_option(77, b"truck").unwrap()
}

fn informing(config: Config) -> Sent {
    let mut desk = Desk::new(config, 1);
    desk.client.inform(desk.now, ADDRESS);
    desk.drain();
    desk.sent()
}

fn declining(config: Config) -> Sent {
    let mut desk = requesting(Config::clone(&config));
    desk.takes(&desk.reply(ACK));
    desk.arp(&Arp::announcement(STRANGER, ADDRESS));
    desk.sent()
}

fn releasing(config: Config) -> Sent {
    let mut desk = bound(config);
    desk.client.release();
    desk.drain();
    desk.sent()
}

fn codes(sent: &Sent) -> Vec<u8> {
    sent.options().into_iter().map(|(code, _)| code).collect()
}

/// The header of RFC 2131 section 2 in every message of a client.
#[test]
fn every_message_has_the_header_of_a_request() {
    let mut all = vec![
        selecting(talkative()).sent(),
        requesting(talkative()).sent(),
        rebooting(talkative()).sent(),
        renewing(talkative()).sent(),
        rebinding(talkative()).sent(),
        informing(talkative()),
        releasing(talkative()),
    ];
    let mut careful = talkative();
    careful.acd = Acd::Full;
    all.push(declining(careful));
    for sent in all {
        let octets = &sent.octets;
        assert_eq!(octets[..4], [1, 1, 6, 0], "op, htype, hlen, hops");
        assert_eq!(octets[28..34], MAC);
        assert!(octets[34..236].iter().all(|octet| *octet == 0), "chaddr's rest, sname, file");
        assert!(octets[16..28].iter().all(|octet| *octet == 0), "yiaddr, siaddr, giaddr");
        assert_eq!(octets[236..240], [99, 130, 83, 99], "the cookie");
        assert_eq!(octets[240], 53, "the type comes first");
        assert!(octets.len() >= 300, "BOOTP relay agents drop less (RFC 1542 section 2.1)");
        assert_eq!(sent.option(61), Some(CLIENT_ID.to_vec()), "RFC 2131 section 4.2: in each");
        assert_ne!(sent.xid(), 0);
    }
}

/// RFC 2131 table 5, first column.
#[test]
fn discover_asks_for_options_and_names_no_server() {
    let sent = selecting(talkative()).sent();
    assert_eq!(sent.message_type(), DISCOVER);
    assert_eq!((sent.transmit.source, sent.transmit.destination), (ZERO, BROADCAST));
    assert_eq!(sent.ciaddr(), ZERO);
    assert_eq!(codes(&sent), [53, 61, 51, 57, 55, 12, 60, 77]);
    assert_eq!(sent.option(55), Some(Config::PARAMETERS_DEFAULT.to_vec()));
    assert_eq!(sent.option(57), Some(1_024_u16.to_be_bytes().to_vec()));
    assert_eq!(sent.option(51), Some(7_200_u32.to_be_bytes().to_vec()));
    assert_eq!(sent.option(12), Some(b"camera".to_vec()));
    assert_eq!(sent.option(77), Some(b"truck".to_vec()));
}

/// RFC 2131 table 4, SELECTING: server identifier and requested address MUST, ciaddr zero, broadcast.
#[test]
fn selecting_request_names_the_server_and_the_address() {
    let sent = requesting(talkative()).sent();
    assert_eq!(sent.message_type(), REQUEST);
    assert_eq!(sent.address_option(54), Some(SERVER));
    assert_eq!(sent.address_option(50), Some(ADDRESS));
    assert_eq!(sent.ciaddr(), ZERO);
    assert_eq!((sent.transmit.source, sent.transmit.destination), (ZERO, BROADCAST));
    assert_eq!(codes(&sent), [53, 61, 50, 54, 51, 57, 55, 12, 60, 77]);
}

/// RFC 2131 table 4, INIT-REBOOT: server identifier MUST NOT, requested address MUST, ciaddr zero, broadcast.
#[test]
fn init_reboot_request_carries_no_server_id() {
    let sent = rebooting(talkative()).sent();
    assert_eq!(sent.message_type(), REQUEST);
    assert_eq!(sent.address_option(54), None);
    assert_eq!(sent.address_option(50), Some(ADDRESS));
    assert_eq!(sent.ciaddr(), ZERO);
    assert_eq!((sent.transmit.source, sent.transmit.destination), (ZERO, BROADCAST));
}

/// RFC 2131 table 4, RENEWING: both MUST NOT, ciaddr our address, unicast.
#[test]
fn renewing_request_carries_no_server_id_and_goes_to_the_server() {
    let sent = renewing(talkative()).sent();
    assert_eq!(sent.message_type(), REQUEST);
    assert_eq!((sent.address_option(50), sent.address_option(54)), (None, None));
    assert_eq!(sent.ciaddr(), ADDRESS);
    assert_eq!((sent.transmit.source, sent.transmit.destination), (ADDRESS, SERVER));
}

/// RFC 2131 table 4, REBINDING: both MUST NOT, ciaddr our address, broadcast.
#[test]
fn rebinding_request_carries_no_server_id_and_goes_to_everybody() {
    let sent = rebinding(talkative()).sent();
    assert_eq!(sent.message_type(), REQUEST);
    assert_eq!((sent.address_option(50), sent.address_option(54)), (None, None));
    assert_eq!(sent.ciaddr(), ADDRESS);
    assert_eq!((sent.transmit.source, sent.transmit.destination), (ADDRESS, BROADCAST));
}

/// RFC 2131 section 3.4, table 5: INFORM has ciaddr, and neither requested address nor lease time.
#[test]
fn inform_asks_for_no_address_and_no_lease_time() {
    let sent = informing(talkative());
    assert_eq!(sent.message_type(), INFORM);
    assert_eq!(sent.ciaddr(), ADDRESS);
    assert_eq!(codes(&sent), [53, 61, 57, 55, 12, 60, 77]);
    assert_eq!((sent.transmit.source, sent.transmit.destination), (ADDRESS, BROADCAST));
}

/// RFC 2131 table 5: DECLINE has requested address and server identifier, ciaddr zero, secs and flags zero, and no other options.
#[test]
fn decline_says_which_address_of_which_server_and_nothing_else() {
    let mut config = talkative();
    config.acd = Acd::Full;
    let sent = declining(config);
    assert_eq!(sent.message_type(), DECLINE);
    assert_eq!(codes(&sent), [53, 61, 50, 54, 56]);
    assert_eq!((sent.address_option(50), sent.address_option(54)), (Some(ADDRESS), Some(SERVER)));
    assert_eq!((sent.ciaddr(), sent.secs(), sent.broadcast()), (ZERO, 0, false));
    assert_eq!((sent.transmit.source, sent.transmit.destination), (ZERO, BROADCAST));
}

/// RFC 2131 table 5: RELEASE has ciaddr and server identifier, no requested address, is unicast, and has no other options.
#[test]
fn release_goes_to_the_server_with_its_id() {
    let sent = releasing(talkative());
    assert_eq!(sent.message_type(), RELEASE);
    assert_eq!(codes(&sent), [53, 61, 54, 56]);
    assert_eq!(sent.address_option(54), Some(SERVER));
    assert_eq!((sent.ciaddr(), sent.secs(), sent.broadcast()), (ADDRESS, 0, false));
    assert_eq!((sent.transmit.source, sent.transmit.destination), (ADDRESS, SERVER));
}

/// Section 4.4.6, by a program that was started anew and remembers the lease.
#[test]
fn a_remembered_lease_is_released_as_a_held_one_is() {
    let held = releasing(talkative());
    let mut desk = Desk::new(talkative(), 1);
    desk.client.release_previous(ADDRESS, SERVER);
    desk.drain();
    let sent = desk.sent();
    assert_ne!(sent.xid(), 0);
    assert_eq!((sent.options(), sent.transmit), (held.options(), held.transmit));
    assert_eq!((sent.ciaddr(), sent.secs()), (ADDRESS, 0));
    assert_eq!(desk.client.poll_timeout(), None, "and it stops");
}

/// RFC 2131 section 4.1: the flag is for clients that cannot hear unicast yet; who has an address can.
#[test]
fn the_broadcast_flag_is_set_only_where_it_is_needed() {
    assert!(selecting(talkative()).sent().broadcast());
    assert!(requesting(talkative()).sent().broadcast());
    assert!(rebooting(talkative()).sent().broadcast());
    assert!(!renewing(talkative()).sent().broadcast());
    assert!(!rebinding(talkative()).sent().broadcast());
    assert!(!informing(talkative()).broadcast());
    let mut hears = talkative();
    hears.broadcast = false;
    assert!(!selecting(hears).sent().broadcast());
}

/// RFC 2131 section 3.1 (3) and 4.4.1: xid of the OFFER, secs of the DISCOVER, also when it is sent again.
#[test]
fn selecting_request_has_the_xid_and_secs_of_the_discover() {
    let mut desk = selecting(config(Acd::Off));
    desk.wait();
    desk.wait();
    let discover = desk.sent();
    assert_eq!(discover.message_type(), DISCOVER);
    assert!(discover.secs() >= 10, "4 and 8 seconds, give or take one");
    desk.now = desk.now.plus_secs(2);
    desk.takes(&desk.reply(OFFER));
    for _ in 0..3 {
        let request = desk.sent();
        assert_eq!(request.message_type(), REQUEST);
        assert_eq!((request.xid(), request.secs()), (discover.xid(), discover.secs()));
        desk.wait();
    }
}

/// RFC 2131 section 4.4.1: secs counts from the beginning of the acquisition or renewal.
#[test]
fn secs_counts_from_the_beginning_of_acquisition_or_renewal() {
    let mut desk = selecting(config(Acd::Off));
    assert_eq!(desk.sent().secs(), 0);
    let began = desk.now;
    for _ in 0..5 {
        desk.wait();
        assert_eq!(u64::from(desk.sent().secs()), desk.now.millis_since(began) / 1_000);
    }
    let mut desk = renewing(config(Acd::Off));
    assert_eq!(desk.sent().secs(), 0);
    let began = desk.now;
    desk.wait();
    assert_eq!(u64::from(desk.sent().secs()), desk.now.millis_since(began) / 1_000);
    while desk.phase() == Phase::Renewing {
        desk.wait();
    }
    assert_eq!(u64::from(desk.sent().secs()), desk.now.millis_since(began) / 1_000, "goes on");
}

#[test]
fn secs_stays_at_its_largest_number() {
    let mut desk = selecting(config(Acd::Off));
    desk.run_until(desk.now.plus_secs(70_000));
    assert_eq!(desk.sent().secs(), u16::MAX);
}

/// RFC 2131 section 4.1: a new xid for each exchange; the same for a DISCOVER that is sent again.
#[test]
fn each_exchange_has_a_new_xid() {
    let mut desk = requesting(config(Acd::Off));
    let mut xids = vec![desk.xid()];
    desk.takes(&desk.reply(ACK));
    for _ in 0..3 {
        desk.wait();
        assert_eq!(desk.phase(), Phase::Renewing);
        xids.push(desk.xid());
        desk.takes(&desk.reply(ACK));
    }
    desk.client.release();
    desk.drain();
    xids.push(desk.sent().xid());
    desk.start();
    desk.wait();
    xids.push(desk.xid());
    let discover = desk.sent().xid();
    desk.wait();
    assert_eq!(desk.sent().xid(), discover);
    let count = xids.len();
    xids.sort_unstable();
    xids.dedup();
    assert_eq!(xids.len(), count);
}

/// The ACK of a renewal that was sent again hours ago must not count as one of now: every renewal has its own xid.
#[test]
fn a_renewal_that_is_sent_again_has_its_own_xid() {
    let mut desk = renewing(config(Acd::Off));
    let first = desk.reply(ACK);
    desk.wait();
    assert_eq!(desk.phase(), Phase::Renewing);
    assert_ne!(desk.xid(), first.xid);
    desk.ignores(&first, dhcp_core::client::Ignored::OtherXid);
    desk.takes(&desk.reply(ACK));
    assert_eq!(desk.lease().binding.since, desk.now);
}

#[test]
fn the_address_that_was_had_before_is_asked_for() {
    let mut desk = Desk::new(config(Acd::Off), 1);
    desk.client.start_seeking(desk.now, previous());
    desk.wait();
    assert_eq!(desk.sent().message_type(), DISCOVER);
    assert_eq!(desk.sent().address_option(50), Some(ADDRESS));

    let mut wishing = config(Acd::Off);
    let wish = Ipv4Addr::new(10, 0, 1, 77);
    wishing.wish = Some(wish);
    assert_eq!(selecting(wishing.clone()).sent().address_option(50), Some(wish));
    let mut desk = Desk::new(wishing, 1);
    desk.client.start_seeking(desk.now, Previous { server_id: Some(SERVER), address: None });
    desk.wait();
    assert_eq!(desk.sent().address_option(50), Some(wish));

    let mut desk = bound(config(Acd::Off));
    desk.client.release();
    desk.start();
    desk.wait();
    assert_eq!(desk.sent().address_option(50), Some(ADDRESS), "also after a release");
}

/// After a NAK the address is not asked for again (RFC 2131 section 4.4.2).
#[test]
fn a_refused_address_is_not_asked_for_again() {
    let mut desk = rebooting(config(Acd::Off));
    desk.takes(&desk.reply(NAK));
    desk.wait();
    assert_eq!(desk.sent().message_type(), DISCOVER);
    assert_eq!(desk.sent().address_option(50), None);
}

/// An address that no station can have is not asked for in INIT-REBOOT.
#[test]
fn init_reboot_needs_a_hosts_address() {
    for address in [None, Some(ZERO), Some(BROADCAST), Some(Ipv4Addr::new(224, 0, 0, 1))] {
        let mut desk = Desk::new(config(Acd::Off), 1);
        desk.start_with(Previous { address, server_id: None });
        assert_eq!(desk.phase(), Phase::Init);
    }
}

#[test]
fn the_longest_message_fits_its_buffer() {
    let mut config = Config::new(HardwareAddr::new(32, &[7; 16]).unwrap())
        .with_client_id(dhcp_core::id::ClientId::new(&[9; 255]).unwrap())
        .with_option(77, &[1; 126])
        .unwrap();
    config.host_name = dhcp_core::client::Octets::new(&[b'h'; 64]).unwrap();
    config.vendor_class = dhcp_core::client::Octets::new(&[b'v'; 64]).unwrap();
    config.parameters = dhcp_core::client::Octets::new(&[3; 64]).unwrap();
    config.lease_time = Some(LeaseTime::Infinite);
    let mut desk = Desk::new(config, 1);
    desk.start_with(previous());
    desk.wait();
    let sent = desk.sent();
    assert_eq!(sent.octets[1..3], [32, 16]);
    assert_eq!(sent.octets[28..44], [7; 16]);
    assert_eq!(codes(&sent), [53, 61, 50, 51, 57, 55, 12, 60, 77]);
    assert_eq!(sent.option(51), Some(vec![255; 4]));
}

#[test]
fn an_option_that_is_the_clients_own_or_does_not_fit_is_refused() {
    for code in [0, 12, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 255] {
        assert!(config(Acd::Off).with_option(code, b"x").is_none(), "{code}");
    }
    assert!(config(Acd::Off).with_option(77, b"").is_none());
    assert!(config(Acd::Off).with_option(77, &[0; 127]).is_none());
    let half = config(Acd::Off).with_option(77, &[0; 62]).unwrap();
    assert!(half.clone().with_option(78, &[0; 62]).is_some());
    assert!(half.with_option(78, &[0; 63]).is_none());
}
