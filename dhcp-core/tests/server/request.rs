//! RFC 2131 section 4.3.2: REQUEST, one message type that means four things.

use dhcp_core::server::Destination;

use crate::kit::*;

fn authoritative() -> Kit {
    Kit::one(|one| one.authoritative = true)
}

#[test]
fn an_ack_carries_the_fields_of_table_3() {
    let mut kit = Kit::article();
    let offered = kit.send(&discover(1)).offer();
    let heard = kit.send(&select(1, offered).with(55, &[1, 3, 6]));
    let ack = heard.reply();
    assert_eq!(heard.ack(), offered);
    assert_eq!((ack.ciaddr, ack.siaddr, ack.giaddr), (NOBODY, US, NOBODY));
    assert_eq!(ack.address(54), Some(US));
    assert_eq!([51, 58, 59].map(|code| ack.secs(code)), [Some(3_600), Some(1_800), Some(3_150)]);
    assert_eq!(ack.address(3), Some(ip(1, 3)));
    let record = heard.record.unwrap();
    assert_eq!((record.kind, record.address), ("bind", offered));
    assert_eq!(record.until, Some(kit.server.time(kit.now).plus_secs(3_603)));
}

#[test]
fn selecting_another_server_withdraws_our_offer_in_silence() {
    let mut kit = Kit::one(|one| one.ranges = leak(&[range(1, 10, 10)]));
    let offered = kit.send(&discover(1)).offer();
    let theirs = select(1, ip(1, 77)).with_address(54, ip(1, 2));
    assert_eq!(kit.send(&theirs).silence(), "other-server-chosen");
    assert_eq!(kit.send(&discover(2)).offer(), offered, "it is free again at once");
}

#[test]
fn selecting_another_server_does_not_end_a_lease() {
    let mut kit = Kit::one(|one| one.ranges = leak(&[range(1, 10, 10)]));
    kit.lease(1);
    let theirs = select(1, ip(1, 77)).with_address(54, ip(1, 2));
    assert_eq!(kit.send(&theirs).silence(), "other-server-chosen");
    assert_eq!(kit.send(&discover(2)).silence(), "pool-exhausted");
}

#[test]
fn any_of_our_server_identifiers_is_ours() {
    let mut kit = Kit::article();
    let offered = kit.send(&discover(1)).offer();
    let other_subnet = select(1, offered).with_address(54, ip(2, 1));
    assert_eq!(kit.send(&other_subnet).ack(), offered);
    let mut kit = Kit::one(|one| one.server_id = None);
    let heard = kit.send(&discover(1));
    assert_eq!(heard.reply().address(54), Some(US), "the address on the link");
    assert_eq!(kit.send(&select(1, heard.offer())).ack(), heard.offer());
}

#[test]
fn a_selected_offer_that_ran_out_is_still_granted_if_it_is_free() {
    let mut kit = Kit::article();
    let offered = kit.send(&discover(1)).offer();
    kit.pass_secs(61);
    assert_eq!(kit.send(&select(1, offered)).ack(), offered);
}

#[test]
fn a_selected_offer_that_a_restart_lost_is_granted() {
    let offered = Kit::article().send(&discover(1)).offer();
    let mut restarted = Kit::article();
    assert_eq!(restarted.send(&select(1, offered)).ack(), offered);
}

#[test]
fn a_selected_address_that_somebody_else_has_is_refused() {
    let mut kit = Kit::article();
    let leased = kit.lease(1);
    assert_eq!(kit.send(&select(2, leased)).nak(), "not-yours");
    let offered = kit.send(&discover(3)).offer();
    assert_eq!(kit.send(&select(2, offered)).nak(), "not-yours");
    assert_eq!(kit.send(&select(2, ip(2, 10)).with_address(54, US)).nak(), "wrong-network");
    assert_eq!(kit.send(&select(2, ip(1, 200))).nak(), "not-available");
    for lowest_or_highest in [0, 255] {
        assert_eq!(kit.send(&select(2, ip(1, lowest_or_highest))).nak(), "not-available");
    }
}

#[test]
fn a_client_with_a_lease_cannot_take_a_second() {
    let mut kit = Kit::article();
    let leased = kit.lease(1);
    assert_eq!(kit.send(&select(1, ip(1, 19))).nak(), "other-address");
    assert_eq!(kit.send(&reboot(1, leased)).ack(), leased);
}

#[test]
fn a_nak_has_no_lease_and_goes_to_all() {
    let mut kit = Kit::article();
    let heard =
        kit.send(&select(2, ip(2, 10)).with_address(54, US).with(61, b"client").with(55, &[1, 3]));
    let nak = heard.reply();
    assert_eq!(nak.kind(), Some(NAK));
    assert_eq!(nak.destination, Destination::Broadcast);
    assert_eq!((nak.ciaddr, nak.yiaddr, nak.siaddr), (NOBODY, NOBODY, NOBODY));
    assert_eq!(nak.address(54), Some(US));
    assert_eq!(nak.option(61), Some(b"client".as_slice()), "RFC 6842");
    assert_eq!(nak.option(56), Some(b"the address is not on this network".as_slice()));
    let mut codes = nak.codes.clone();
    codes.sort_unstable();
    assert_eq!(codes, [53, 54, 56, 61], "Table 3 allows no other");
}

#[test]
fn a_rebooting_client_gets_its_lease_confirmed() {
    let mut kit = Kit::article();
    let leased = kit.lease(1);
    kit.pass_secs(600);
    assert_eq!(kit.send(&reboot(1, leased)).ack(), leased);
    kit.pass_secs(5_000);
    assert_eq!(kit.send(&reboot(1, leased)).ack(), leased, "though it ran out: nobody else has it");
}

#[test]
fn a_rebooting_client_on_the_wrong_network_is_refused() {
    let mut kit = authoritative();
    assert_eq!(kit.send(&reboot(1, ip(9, 9))).nak(), "wrong-network");
    let mut kit = Kit::article();
    assert_eq!(kit.send(&reboot(1, ip(9, 9))).silence(), "not-authoritative");
    let leased = kit.lease(1);
    kit.on_second_link();
    assert_eq!(kit.send(&reboot(1, leased)).nak(), "wrong-network", "we know that it is wrong");
    assert_eq!(kit.send(&reboot(2, leased)).silence(), "not-authoritative");
}

#[test]
fn a_rebooting_client_that_we_have_no_record_of_hears_nothing() {
    for mut kit in [Kit::article(), authoritative()] {
        assert_eq!(kit.send(&reboot(1, ip(1, 15))).silence(), "no-record");
        assert_eq!(kit.count("event", "refused"), 0);
    }
}

#[test]
fn an_authority_refuses_what_is_provably_wrong() {
    let mut kit = authoritative();
    let leased = kit.lease(1);
    assert_eq!(kit.send(&reboot(2, leased)).nak(), "not-yours");
    assert_eq!(kit.send(&reboot(2, ip(1, 200))).nak(), "not-available");
    let mut kit = Kit::article();
    let leased = kit.lease(1);
    assert_eq!(kit.send(&reboot(2, leased)).silence(), "not-authoritative");
    assert_eq!(kit.send(&reboot(2, ip(1, 200))).silence(), "not-authoritative");
}

#[test]
fn a_rebooting_client_with_another_lease_is_refused() {
    let mut kit = Kit::article();
    kit.lease(1);
    assert_eq!(kit.send(&reboot(1, ip(1, 15))).nak(), "other-address");
    kit.pass_secs(5_000);
    assert_eq!(kit.send(&reboot(1, ip(1, 15))).nak(), "other-address", "we remember it");
}

#[test]
fn renewing_extends_the_lease_from_now() {
    let mut kit = Kit::article();
    let leased = kit.lease(1);
    kit.pass_secs(1_800);
    let heard = kit.unicast(&renew(1, leased));
    assert_eq!(heard.ack(), leased);
    let ack = heard.reply();
    assert_eq!(ack.secs(51), Some(3_600));
    assert_eq!(ack.ciaddr, leased);
    assert_eq!(ack.destination, Destination::Client(leased));
    let record = heard.record.unwrap();
    assert_eq!((record.kind, record.address), ("extend", leased));
    assert_eq!(record.until, Some(kit.server.time(kit.now).plus_secs(3_603)));
    kit.pass_secs(3_599);
    assert_eq!(kit.send(&discover(1)).offer(), leased);
}

#[test]
fn rebinding_extends_the_lease_too() {
    let mut kit = Kit::article();
    let leased = kit.lease(1);
    kit.pass_secs(3_200);
    let heard = kit.send(&renew(1, leased));
    assert_eq!(heard.ack(), leased);
    assert_eq!(heard.reply().destination, Destination::Client(leased));
}

#[test]
fn renewing_an_address_that_we_forgot_goes_on_if_it_is_free() {
    let leased = Kit::article().lease(1);
    let mut amnesic = Kit::article();
    assert_eq!(amnesic.unicast(&renew(1, leased)).ack(), leased);
    let mut amnesic = Kit::article();
    assert_eq!(amnesic.send(&renew(1, leased)).silence(), "no-record", "it may be another's");
}

#[test]
fn renewing_an_address_that_somebody_else_has_is_refused() {
    let mut kit = Kit::article();
    let leased = kit.lease(1);
    assert_eq!(kit.unicast(&renew(2, leased)).nak(), "not-yours");
    assert_eq!(kit.send(&renew(2, leased)).silence(), "not-authoritative");
    let mut kit = authoritative();
    let leased = kit.lease(1);
    assert_eq!(kit.send(&renew(2, leased)).nak(), "not-yours");
}

#[test]
fn rebinding_on_the_wrong_network_is_refused() {
    let mut kit = Kit::article();
    let leased = kit.lease(1);
    kit.on_second_link();
    assert_eq!(kit.send(&renew(1, leased)).nak(), "wrong-network");
}

#[test]
fn a_client_that_names_the_server_when_it_renews_is_served() {
    let mut kit = Kit::article();
    let leased = kit.lease(1);
    let odd = renew(1, leased).with_address(54, US);
    assert_eq!(kit.unicast(&odd).ack(), leased);
}

#[test]
fn a_request_without_an_address_is_nothing() {
    let mut kit = Kit::article();
    assert_eq!(kit.send(&message(1, REQUEST)).silence(), "no-address");
    assert_eq!(kit.send(&message(1, REQUEST).with_address(54, US)).silence(), "no-address");
}

#[test]
fn a_retransmitted_request_is_answered_again_with_the_same() {
    let mut kit = Kit::article();
    let offered = kit.send(&discover(1)).offer();
    let first = kit.send(&select(1, offered));
    let second = kit.send(&select(1, offered));
    assert_eq!((first.ack(), second.ack()), (offered, offered));
    assert_eq!(first.reply().octets, second.reply().octets);
    assert!(second.record.is_none(), "what is recorded covers it");
}

#[test]
fn a_lease_that_ran_out_and_went_to_another_is_refused() {
    let mut kit = Kit::one(|one| one.ranges = leak(&[range(1, 10, 10)]));
    let address = kit.lease(1);
    kit.pass_secs(3_603);
    assert_eq!(kit.lease(2), address);
    assert_eq!(kit.unicast(&renew(1, address)).nak(), "not-yours");
    assert_eq!(kit.send(&discover(1)).silence(), "pool-exhausted");
}

#[test]
fn a_server_identifier_of_zero_is_nobodys() {
    let mut kit = Kit::article();
    kit.ingress.local = NOBODY;
    let offered = kit.send(&discover(1)).offer();
    let heard = kit.send(&select(1, offered).with_address(54, NOBODY));
    assert_eq!(heard.silence(), "other-server-chosen");
}

/// The ACK of a renewal may be lost; then the client uses the address until the end that it was told before.
#[test]
fn a_renewal_for_a_shorter_time_frees_the_address_no_earlier() {
    let mut kit = Kit::one(|one| one.ranges = leak(&[range(1, 10, 10)]));
    let leased = kit.lease(1);
    kit.pass_secs(10);
    let shorter = kit.unicast(&renew(1, leased).with(51, &[0, 0, 0, 60]));
    assert_eq!(shorter.reply().secs(51), Some(60));
    kit.pass_secs(3_589);
    assert_eq!(kit.send(&discover(2)).silence(), "pool-exhausted");
    kit.pass_secs(4);
    assert_eq!(kit.send(&discover(2)).offer(), leased);
}

/// The lease clock shows whole seconds: a lease that was granted late in one of them is still its client's when the clock shows its end.
#[test]
fn a_lease_ends_no_earlier_than_its_client_believes() {
    let mut kit = Kit::one(|one| one.ranges = leak(&[range(1, 10, 10)]));
    kit.now = kit.now.plus_millis(900);
    let leased = kit.lease(1);
    kit.now = kit.now.plus_millis(3_600_000 - 1);
    assert_eq!(kit.send(&discover(2)).silence(), "pool-exhausted");
    kit.now = kit.now.plus_millis(3_000);
    assert_eq!(kit.send(&discover(2)).offer(), leased);
}
