//! RFC 2131 section 4.3.5 and RFC 1534: clients that want no lease.

use dhcp_core::server::config::Who;
use dhcp_core::server::{Destination, Event};

use crate::kit::*;

#[test]
fn an_inform_is_acknowledged_without_a_lease() {
    let mut kit = Kit::article();
    let heard = kit.send(&message(1, INFORM).ciaddr(ip(1, 77)).with(55, &[1, 3, 6, 51]));
    let ack = heard.reply();
    assert_eq!(ack.kind(), Some(ACK));
    assert_eq!((ack.ciaddr, ack.yiaddr), (ip(1, 77), NOBODY));
    assert_eq!([51, 58, 59].map(|code| ack.option(code)), [None; 3], "no lease times");
    assert_eq!((ack.address(54), ack.address(3)), (Some(US), Some(ip(1, 3))));
    assert_eq!(ack.destination, Destination::Client(ip(1, 77)));
    assert_eq!(heard.event, Event::Informed(ip(1, 77)));
    assert!(heard.record.is_none() && heard.held.is_none());
    assert_eq!(kit.send(&discover(2).with_address(50, ip(1, 77))).offer(), ip(1, 10));
}

#[test]
fn a_relayed_inform_is_answered_to_ciaddr_too() {
    let mut kit = Kit::article();
    let heard = kit.send(&message(1, INFORM).ciaddr(ip(2, 77)).relayed(ip(2, 3)));
    assert_eq!(heard.reply().destination, Destination::Client(ip(2, 77)));
    assert_eq!(heard.reply().address(3), Some(ip(2, 3)));
}

#[test]
fn an_inform_without_an_address_or_from_elsewhere_hears_nothing() {
    let mut kit = Kit::article();
    assert_eq!(kit.send(&message(1, INFORM)).silence(), "no-address");
    let elsewhere = message(1, INFORM).ciaddr(ip(2, 77));
    assert_eq!(kit.send(&elsewhere).silence(), "other-segment");
    assert_eq!(kit.unicast(&elsewhere).silence(), "other-segment");
    let forged = message(1, INFORM).ciaddr([8, 8, 8, 8].into());
    assert_eq!(kit.send(&forged).silence(), "other-segment");
    for no_host in [ip(1, 0), ip(1, 255)] {
        let forged = message(1, INFORM).ciaddr(no_host);
        assert_eq!(kit.send(&forged).silence(), "other-segment");
    }
}

#[test]
fn a_bootp_client_without_a_reservation_is_ignored() {
    let mut kit = Kit::article();
    assert_eq!(kit.send(&Packet::new(1)).silence(), "bootp-without-reservation");
    assert_eq!(kit.count("received", "bootp"), 1);
}

#[test]
fn a_bootp_client_with_a_reservation_has_its_address_for_good() {
    let known = [reserve(Who::Hardware(hardware(1)), Some(ip(1, 50)))];
    let mut kit = Kit::one(|one| {
        one.reservations = leak(&known);
        one.boot_file = b"rescue.img";
    });
    let heard = kit.send(&Packet::new(1));
    let reply = heard.reply();
    assert_eq!((reply.yiaddr, reply.siaddr), (ip(1, 50), US));
    for dhcp_only in 50..=61 {
        assert_eq!(reply.option(dhcp_only), None, "RFC 1534: option {dhcp_only} is DHCP's");
    }
    assert_eq!(reply.address(3), Some(ip(1, 3)));
    assert_eq!(reply.octets.len(), 300);
    assert_eq!(reply.octets[108..119], *b"rescue.img\0");
    assert!(heard.held.is_some(), "the lease is recorded first");
    let record = heard.record.unwrap();
    assert_eq!((record.kind, record.until), ("bind", Some(dhcp_core::time::Timestamp::NEVER)));
    kit.pass_secs(u32::MAX);
    assert_eq!(kit.send(&discover(2).with_address(50, ip(1, 50))).offer(), ip(1, 10));
}

#[test]
fn a_bootp_clients_address_can_be_somebody_elses_still() {
    let mut kit = Kit::article();
    let held = kit.lease(2);
    let known = [reserve(Who::Hardware(hardware(1)), Some(held))];
    let mut one = subnet(1);
    one.reservations = leak(&known);
    let mut kit = kit.reload(&[one, subnet(2)]);
    assert_eq!(kit.send(&Packet::new(1)).silence(), "reservation-taken");
}

#[test]
fn messages_that_only_servers_send_are_ignored() {
    for kind in [OFFER, ACK, NAK] {
        assert_eq!(Kit::article().send(&message(1, kind)).silence(), "server-message");
    }
    let mut reply = discover(1);
    reply.op = 2;
    assert_eq!(Kit::article().send(&reply).silence(), "not-a-request");
}

#[test]
fn message_types_that_we_do_not_speak_are_ignored() {
    for kind in [0, 9, 10, 255] {
        assert_eq!(Kit::article().send(&message(1, kind)).silence(), "unknown-message-type");
    }
}

/// However long the option is, a message that has it is not BOOTP (RFC 1534 section 2).
#[test]
fn a_message_type_that_is_too_long_to_join_is_not_bootp() {
    let known = [reserve(Who::Hardware(hardware(1)), Some(ip(1, 50)))];
    let mut kit = Kit::one(|one| one.reservations = leak(&known));
    let mut octets = Packet::new(1).octets();
    octets.truncate(240);
    for _ in 0..5 {
        octets.extend([53, 255]);
        octets.extend([0; 255]);
    }
    assert_eq!(kit.send_octets(&octets).silence(), "unknown-message-type");
}
