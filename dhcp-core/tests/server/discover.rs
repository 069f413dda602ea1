//! RFC 2131 section 4.3.1: what a client is offered.

use dhcp_core::id::ClientKey;
use dhcp_core::server::Event;
use dhcp_core::server::book::{LeaseBook, Standing};
use dhcp_core::server::config::SubnetIndex;
use dhcp_core::time::LeaseTime;

use crate::kit::*;

#[test]
fn an_offer_carries_the_fields_of_table_3() {
    let mut kit = Kit::article();
    let heard = kit.send(&discover(1).with(55, &[1, 3, 6]));
    let offer = heard.reply();
    assert_eq!(offer.kind(), Some(OFFER));
    assert_eq!(offer.octets[1..3], [1, 6], "htype and hlen");
    assert_eq!(offer.octets[4..8], [1, 2, 3, 4], "xid");
    assert_eq!((offer.ciaddr, offer.yiaddr, offer.giaddr), (NOBODY, ip(1, 10), NOBODY));
    assert_eq!(offer.octets[28..34], mac(1), "chaddr");
    assert_eq!(offer.flags, 0);
    assert_eq!(offer.address(54), Some(US), "the server identifier");
    assert_eq!(offer.secs(51), Some(3_600), "the lease time");
    assert_eq!((offer.secs(58), offer.secs(59)), (Some(1_800), Some(3_150)), "T1 and T2");
    assert_eq!(offer.address(1), Some([255, 255, 255, 0].into()));
    assert_eq!(offer.address(3), Some(ip(1, 3)));
    assert_eq!(offer.option(6), Some([8, 8, 8, 8, 8, 8, 4, 4].as_slice()));
    assert_eq!(offer.codes.first(), Some(&53), "the message type stands first");
    for client_only in [50, 55, 57] {
        assert_eq!(offer.option(client_only), None, "option {client_only} is the client's");
    }
    assert!(heard.record.is_none() && heard.held.is_none(), "an offer commits us to nothing");
}

#[test]
fn siaddr_is_the_server_unless_a_next_server_is_set() {
    let mut kit = Kit::article();
    assert_eq!(kit.send(&discover(1)).reply().siaddr, US);
    let mut kit = Kit::one(|one| one.next_server = Some(ip(1, 7)));
    assert_eq!(kit.send(&discover(1)).reply().siaddr, ip(1, 7));
}

#[test]
fn an_offered_address_is_not_offered_to_another_client() {
    let mut kit = Kit::article();
    let offers: Vec<_> = (1..=10).map(|client| kit.send(&discover(client)).offer()).collect();
    for (place, offer) in offers.iter().enumerate() {
        assert!(!offers[..place].contains(offer), "{offer} twice");
    }
    assert_eq!(kit.send(&discover(11)).silence(), "pool-exhausted");
    assert_eq!(kit.count("discarded", "pool-exhausted"), 1);
    assert_eq!(kit.count("event", "offered"), 10);
    assert_eq!(kit.count("received", "discover"), 11);
}

#[test]
fn a_client_that_asks_again_is_offered_the_same() {
    let mut kit = Kit::article();
    let first = kit.send(&discover(1)).offer();
    kit.send(&discover(2)).offer();
    assert_eq!(kit.send(&discover(1)).offer(), first);
    let wish = discover(1).with_address(50, ip(1, 17));
    assert_eq!(kit.send(&wish).offer(), first, "though it would like another");
}

#[test]
fn a_client_with_a_lease_is_offered_its_lease() {
    let mut kit = Kit::article();
    kit.lease(1);
    let leased = kit.lease(2);
    kit.pass_secs(100);
    assert_eq!(kit.send(&discover(2)).offer(), leased);
    let key = ClientKey::from_hardware(&kit.config.installation, &hardware(2));
    let now = kit.server.time(kit.now);
    let entry = kit.server.book().entry_of(SubnetIndex(0), &key, now).unwrap();
    assert_eq!(entry.standing, Standing::Bound, "an offer does not end the lease");
}

#[test]
fn a_client_whose_lease_ran_out_is_offered_its_previous_address() {
    let mut kit = Kit::article();
    kit.lease(1);
    let previous = kit.lease(2);
    kit.pass_secs(5_000);
    assert_eq!(kit.send(&discover(2)).offer(), previous);
}

#[test]
fn a_requested_address_is_offered_if_it_is_free() {
    let mut kit = Kit::article();
    assert_eq!(kit.send(&discover(1).with_address(50, ip(1, 17))).offer(), ip(1, 17));
    assert_ne!(kit.send(&discover(2).with_address(50, ip(1, 17))).offer(), ip(1, 17));
    assert_eq!(kit.send(&discover(3).with_address(50, ip(2, 17))).offer(), ip(1, 11), "not here");
    assert_eq!(kit.send(&discover(4).with_address(50, ip(1, 200))).offer(), ip(1, 12), "no pool");
}

#[test]
fn a_never_used_address_goes_before_one_that_somebody_had() {
    let mut kit = Kit::article();
    let used = kit.lease(1);
    kit.pass_secs(10_000);
    for client in 2..=10 {
        assert_ne!(kit.send(&discover(client)).offer(), used);
    }
    assert_eq!(kit.send(&discover(11)).offer(), used, "when nothing else is left");
}

#[test]
fn the_lease_time_is_the_clients_wish_within_bounds() {
    let mut kit = Kit::article();
    let cases = [
        (None, 3_600),
        (Some(600), 600),
        (Some(0), 60),
        (Some(59), 60),
        (Some(86_400), 7_200),
        (Some(u32::MAX), 7_200),
    ];
    for (wish, granted) in cases {
        let wish: Option<u32> = wish;
        let packet = match wish {
            Some(secs) => discover(1).with(51, &secs.to_be_bytes()),
            None => discover(1),
        };
        assert_eq!(kit.send(&packet).reply().secs(51), Some(granted), "{wish:?}");
    }
}

#[test]
fn an_infinite_lease_is_all_ones() {
    let mut kit = Kit::one(|one| one.lease_max = LeaseTime::Infinite);
    let heard = kit.send(&discover(1).with(51, &[255; 4]));
    let times = [51, 58, 59].map(|code| heard.reply().secs(code));
    assert_eq!(times, [Some(u32::MAX); 3]);
    kit.send(&select(1, heard.offer()).with(51, &[255; 4])).ack();
    kit.pass_secs(u32::MAX);
    assert_eq!(kit.send(&reboot(1, heard.offer())).ack(), heard.offer());
}

#[test]
fn an_offer_is_held_for_60_s() {
    let mut kit = Kit::one(|one| one.ranges = leak(&[range(1, 10, 10)]));
    // A pool of one is short from the start: 0 of 1 is not below a sixteenth of 1, so that the full hold applies.
    let offered = kit.send(&discover(1)).offer();
    kit.pass_secs(59);
    assert_eq!(kit.send(&discover(2)).silence(), "pool-exhausted");
    kit.pass_secs(1);
    assert_eq!(kit.send(&discover(2)).offer(), offered);
}

#[test]
fn an_offer_is_held_for_10_s_when_the_pool_runs_short() {
    let mut kit = Kit::one(|one| one.ranges = leak(&[range(1, 10, 41)]));
    for client in 1..=31 {
        kit.lease(client);
    }
    // 1 of 32 is free, less than one in sixteen.
    kit.send(&discover(32)).offer();
    kit.pass_secs(9);
    assert_eq!(kit.send(&discover(33)).silence(), "pool-exhausted");
    kit.pass_secs(1);
    kit.send(&discover(33)).offer();
}

#[test]
fn our_own_address_is_never_offered_though_a_pool_contains_it() {
    for server_id in [None, Some(US)] {
        let mut kit = Kit::one(|one| {
            one.ranges = leak(&[range(1, 0, 2)]);
            one.server_id = server_id;
        });
        assert_eq!(kit.send(&discover(1).with_address(50, US)).offer(), ip(1, 2));
        assert_eq!(kit.send(&discover(2)).silence(), "pool-exhausted");
        assert_eq!(kit.send(&select(3, US)).nak(), "not-available");
    }
}

#[test]
fn excluded_addresses_are_neither_offered_nor_leased() {
    let mut kit = Kit::one(|one| one.excluded = leak(&[range(1, 10, 18)]));
    assert_eq!(kit.send(&discover(1).with_address(50, ip(1, 12))).offer(), ip(1, 19));
    assert_eq!(kit.send(&select(2, ip(1, 12))).nak(), "not-available");
}

#[test]
fn a_subnet_can_serve_known_clients_only() {
    let mut kit = Kit::one(|one| one.serve_unknown = false);
    assert_eq!(kit.send(&discover(1)).silence(), "unknown-client");
    assert_eq!(kit.send(&select(1, ip(1, 10))).nak(), "not-served", "it says that we offered");
    assert_eq!(kit.send(&reboot(1, ip(1, 10))).silence(), "no-record");
    assert_eq!(kit.send(&renew(1, ip(1, 10))).silence(), "no-record");
}

#[test]
fn a_lease_of_a_client_that_is_not_served_any_more_ends_at_its_renewal() {
    let mut kit = Kit::article();
    let leased = kit.lease(1);
    let mut closed = subnet(1);
    closed.serve_unknown = false;
    let mut kit = kit.reload(&[closed, subnet(2)]);
    let heard = kit.unicast(&renew(1, leased));
    assert_eq!(heard.nak(), "not-served");
    assert_eq!(heard.record.unwrap().kind, "release");
    assert_eq!(kit.send(&discover(1)).silence(), "unknown-client");
}

#[test]
fn an_event_says_who_was_offered_what() {
    let mut kit = Kit::article();
    let heard = kit.send(&discover(1));
    assert_eq!(heard.event.to_string(), "offered 10.0.1.10 for 02:00:00:00:00:01");
    let Event::Offered(deal) = heard.event else { panic!("{:?}", heard.event) };
    assert_eq!((deal.hardware, deal.subnet), (hardware(1), SubnetIndex(0)));
}
