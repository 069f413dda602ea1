//! Reservations: by whom, inside and outside the pool, and what becomes of leases that stand in their way.

use core::net::Ipv4Addr;

use dhcp_core::id::HardwareAddr;
use dhcp_core::server::config::{Reservation, Who};

use crate::kit::*;

fn kit_with(known: &[Reservation<'static>]) -> Kit {
    let mut sorted = known.to_vec();
    sorted.sort_by_key(|known| known.who);
    Kit::one(|one| one.reservations = sorted.leak())
}

/// The same server, after the operator wrote `known` into the configuration.
fn then_reserved(kit: Kit, known: &[Reservation<'static>]) -> Kit {
    let mut one = subnet(1);
    one.reservations = leak(known);
    kit.reload(&[one, subnet(2)])
}

fn by_mac(client: u8, address: Ipv4Addr) -> Reservation<'static> {
    reserve(Who::Hardware(hardware(client)), Some(address))
}

#[test]
fn a_reserved_address_is_for_its_client_alone() {
    for reserved in [ip(1, 10), ip(1, 99)] {
        let mut kit = kit_with(&[by_mac(1, reserved)]);
        let stranger = kit.send(&discover(2).with_address(50, reserved)).offer();
        assert_ne!(stranger, reserved);
        assert_eq!(kit.lease(1), reserved, "in the pool or not");
        assert_eq!(kit.unicast(&renew(1, reserved)).ack(), reserved);
        assert_eq!(kit.send(&reboot(1, reserved)).ack(), reserved);
        assert_eq!(kit.send(&select(2, reserved)).nak(), "not-yours");
    }
}

#[test]
fn a_reserved_address_that_nobody_has_is_refused_to_strangers() {
    let mut kit = kit_with(&[by_mac(1, ip(1, 10))]);
    assert_eq!(kit.send(&select(2, ip(1, 10))).nak(), "reserved-for-another");
}

#[test]
fn a_client_identifier_goes_before_the_hardware_address() {
    let mut kit =
        kit_with(&[by_mac(1, ip(1, 50)), reserve(Who::ClientId(b"camera"), Some(ip(1, 51)))]);
    assert_eq!(kit.send(&discover(1).with(61, b"camera")).offer(), ip(1, 51));
    assert_eq!(kit.send(&discover(1).with(61, b"other")).offer(), ip(1, 50));
    assert_eq!(kit.send(&discover(2).with(61, b"camera")).offer(), ip(1, 51), "another card");
}

#[test]
fn a_name_selects_a_reservation_only_where_it_is_trusted() {
    let known = [reserve(Who::Name(b"camera"), Some(ip(1, 50)))];
    let mut kit = kit_with(&known);
    assert_eq!(kit.send(&discover(1).with(12, b"camera")).offer(), ip(1, 10));
    let mut kit = Kit::one(|one| {
        one.reservations = leak(&known);
        one.trust_host_name = true;
    });
    let named = |packet: Packet| packet.with(12, b"camera");
    assert_eq!(kit.send(&named(discover(1))).offer(), ip(1, 50));
    assert_eq!(kit.send(&named(select(1, ip(1, 50)))).ack(), ip(1, 50));
    assert_eq!(kit.send(&named(discover(2))).offer(), ip(1, 50), "the replaced camera");
    assert_eq!(kit.send(&discover(1)).offer(), ip(1, 10), "without the name");
}

#[test]
fn a_known_client_without_an_address_is_served_from_the_pool() {
    let known = [reserve(Who::Hardware(hardware(1)), None)];
    let mut kit = Kit::one(|one| {
        one.reservations = leak(&known);
        one.serve_unknown = false;
    });
    assert_eq!(kit.lease(1), ip(1, 10));
    assert_eq!(kit.send(&discover(2)).silence(), "unknown-client");
}

#[test]
fn a_reservation_has_options_of_its_own() {
    let known = Reservation {
        options: &[6, 4, 1, 1, 1, 1, 42, 4, 10, 0, 1, 9],
        next_server: Some(ip(1, 8)),
        boot_file: b"camera.img",
        ..by_mac(1, ip(1, 50))
    };
    let mut kit = kit_with(&[known]);
    let heard = kit.send(&discover(1));
    let offer = heard.reply();
    assert_eq!(offer.address(6), Some([1, 1, 1, 1].into()), "hides the subnet's");
    assert_eq!(offer.address(42), Some(ip(1, 9)));
    assert_eq!(offer.address(3), Some(ip(1, 3)), "the subnet's");
    assert_eq!(offer.siaddr, ip(1, 8));
    assert_eq!(offer.octets[108..119], *b"camera.img\0");
    let heard = kit.send(&discover(2));
    assert_eq!(heard.reply().option(42), None);
    assert_eq!(heard.reply().octets[108..236], [0; 128]);
}

#[test]
fn a_reservation_of_a_leased_address_takes_effect_at_the_holders_renewal() {
    let mut kit = Kit::article();
    let held = kit.lease(1);
    let mut kit = then_reserved(kit, &[by_mac(2, held)]);
    let meanwhile = kit.lease(2);
    assert_ne!(meanwhile, held, "somebody has it still");
    assert_eq!(kit.unicast(&renew(2, meanwhile)).ack(), meanwhile, "and there is no other");
    kit.pass_secs(1_800);
    let heard = kit.unicast(&renew(1, held));
    assert_eq!(heard.nak(), "reserved-for-another");
    assert_eq!(heard.record.unwrap().kind, "release");
    assert_ne!(kit.lease(1), held);
    assert_eq!(kit.unicast(&renew(2, meanwhile)).nak(), "other-address", "now it can move");
    assert_eq!(kit.lease(2), held);
}

#[test]
fn a_holder_that_looks_again_is_not_offered_what_is_reserved_for_another() {
    let mut kit = Kit::article();
    let held = kit.lease(1);
    let mut kit = then_reserved(kit, &[by_mac(2, held)]);
    let heard = kit.send(&discover(1));
    assert_ne!(heard.offer(), held);
    assert_eq!(heard.record.as_ref().unwrap().kind, "release");
    assert!(heard.held.is_none());
    assert_eq!(kit.send(&select(1, heard.offer())).ack(), heard.offer());
    assert_eq!(kit.lease(2), held);
}

/// Also when there is nothing to offer instead: the lease is over, and what is over is recorded.
#[test]
fn a_holder_that_looks_again_in_a_full_pool_gives_up_what_is_reserved_for_another() {
    let mut kit = Kit::one(|one| one.ranges = leak(&[range(1, 10, 10)]));
    let held = kit.lease(1);
    let known = [by_mac(2, held)];
    let mut one = subnet(1);
    (one.ranges, one.reservations) = (leak(&[range(1, 10, 10)]), leak(&known));
    let mut kit = kit.reload(&[one, subnet(2)]);
    let heard = kit.send(&discover(1));
    let record = heard.record.as_ref().unwrap();
    assert_eq!((record.kind, record.address), ("release", held));
    assert_eq!(heard.silence(), "pool-exhausted");
    assert_eq!(kit.lease(2), held);
}

#[test]
fn a_client_with_a_new_reservation_moves_there() {
    let mut kit = Kit::article();
    let old = kit.lease(1);
    let mut kit = then_reserved(kit, &[by_mac(1, ip(1, 50))]);
    assert_eq!(kit.send(&discover(1)).offer(), ip(1, 50), "when it looks for an address");
    assert_eq!(kit.unicast(&renew(1, old)).nak(), "other-address", "and when it renews");
    assert_eq!(kit.lease(1), ip(1, 50));
    assert_eq!(kit.send(&reboot(1, old)).nak(), "other-address");
    assert_eq!(kit.unicast(&renew(1, ip(1, 50))).ack(), ip(1, 50));
}

#[test]
fn a_reservation_of_the_address_that_the_client_has_changes_nothing() {
    let mut kit = Kit::article();
    let id = b"its identifier";
    let leased = kit.send(&discover(1).with(61, id)).offer();
    kit.send(&select(1, leased).with(61, id)).ack();
    let mut kit = then_reserved(kit, &[by_mac(1, leased)]);
    assert_eq!(kit.unicast(&renew(1, leased).with(61, id)).ack(), leased);
    assert_eq!(kit.send(&discover(1).with(61, id)).offer(), leased);
    assert_eq!(kit.send(&select(1, leased).with(61, id)).ack(), leased);
}

#[test]
fn a_reserved_address_in_quarantine_does_not_leave_its_client_without_any() {
    let mut kit = kit_with(&[by_mac(1, ip(1, 50))]);
    kit.lease(1);
    kit.send(&decline(1, ip(1, 50)));
    let meanwhile = kit.lease(1);
    assert_eq!(meanwhile, ip(1, 10));
    assert_eq!(kit.unicast(&renew(1, meanwhile)).ack(), meanwhile);
    kit.pass_secs(603);
    assert_eq!(kit.unicast(&renew(1, meanwhile)).nak(), "other-address");
    assert_eq!(kit.lease(1), ip(1, 50));
}

#[test]
fn a_reserved_client_in_a_full_subnet_hears_nothing_and_the_operator_why() {
    let mut kit = Kit::one(|one| one.ranges = &[]);
    let reservations = [by_mac(1, ip(1, 50)), by_mac(2, ip(1, 50))];
    kit = {
        let mut one = subnet(1);
        one.ranges = &[];
        one.reservations = leak(&reservations);
        kit.reload(&[one, subnet(2)])
    };
    kit.lease(1);
    assert_eq!(kit.send(&discover(2)).silence(), "reservation-taken");
}

#[test]
fn a_reservation_of_an_impossible_address_is_none() {
    for impossible in [US, ip(1, 0), ip(1, 255), ip(2, 9)] {
        let mut kit = kit_with(&[by_mac(1, impossible)]);
        assert_eq!(kit.lease(1), ip(1, 10), "{impossible}");
    }
}

#[test]
fn every_one_of_many_reservations_is_found() {
    let known: Vec<_> = (0..200).map(|client| by_mac(client, ip(1, 20 + client))).collect();
    let odd = reserve(Who::Hardware(HardwareAddr::new(6, &[1, 2, 3]).unwrap()), Some(ip(1, 240)));
    let mut kit = kit_with(&[known, vec![odd]].concat());
    for client in 0..200 {
        assert_eq!(kit.send(&discover(client)).offer(), ip(1, 20 + client));
    }
}
