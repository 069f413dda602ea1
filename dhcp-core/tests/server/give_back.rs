//! RFC 2131 sections 4.3.3 and 4.3.4: DECLINE and RELEASE.

use dhcp_core::server::Event;

use crate::kit::*;

fn pool_of_one() -> Kit {
    Kit::one(|one| one.ranges = leak(&[range(1, 10, 10)]))
}

#[test]
fn a_declined_address_is_in_quarantine_for_a_time() {
    let mut kit = pool_of_one();
    let leased = kit.lease(1);
    let heard = kit.send(&decline(1, leased));
    assert!(heard.said.is_none() && matches!(heard.event, Event::Declined(_)), "{heard:?}");
    let record = heard.record.unwrap();
    assert_eq!((record.kind, record.address), ("quarantine", leased));
    assert_eq!(record.until, Some(kit.server.time(kit.now).plus_secs(600)));
    assert_eq!(kit.send(&discover(1)).silence(), "pool-exhausted");
    assert_eq!(kit.send(&select(2, leased)).nak(), "not-available");
    assert_eq!(kit.unicast(&renew(1, leased)).nak(), "not-available");
    kit.pass_secs(599);
    assert_eq!(kit.send(&discover(2)).silence(), "pool-exhausted");
    kit.pass_secs(1);
    assert_eq!(kit.send(&discover(2)).offer(), leased);
}

#[test]
fn an_offer_can_be_declined() {
    let mut kit = pool_of_one();
    let offered = kit.send(&discover(1)).offer();
    assert!(matches!(kit.send(&decline(1, offered)).event, Event::Declined(_)));
    assert_eq!(kit.send(&discover(1)).silence(), "pool-exhausted");
}

#[test]
fn only_the_owner_can_decline() {
    let mut kit = pool_of_one();
    assert_eq!(kit.send(&decline(2, ip(1, 10))).silence(), "not-owner", "nobody has it");
    let leased = kit.lease(1);
    assert_eq!(kit.send(&decline(2, leased)).silence(), "not-owner");
    assert_eq!(kit.unicast(&renew(1, leased)).ack(), leased);
}

#[test]
fn another_client_behind_the_same_hardware_address_cannot_decline() {
    let mut kit = pool_of_one();
    let offered = kit.send(&discover(1).with(61, b"first")).offer();
    kit.send(&select(1, offered).with(61, b"first")).ack();
    assert_eq!(kit.send(&decline(1, offered).with(61, b"other")).silence(), "not-owner");
    let heard = kit.send(&decline(1, offered).with(61, b"first"));
    assert!(matches!(heard.event, Event::Declined(_)), "{heard:?}");
}

#[test]
fn a_decline_names_the_address_and_us() {
    let mut kit = pool_of_one();
    let leased = kit.lease(1);
    assert_eq!(kit.send(&decline(1, leased).without(54)).silence(), "no-server-id");
    assert_eq!(kit.send(&decline(1, leased).without(50)).silence(), "no-address");
    let theirs = decline(1, leased).with_address(54, ip(1, 2));
    assert_eq!(kit.send(&theirs).silence(), "other-server-chosen");
    let elsewhere = decline(1, ip(2, 10));
    assert_eq!(kit.send(&elsewhere).silence(), "other-segment");
    assert_eq!(kit.unicast(&renew(1, leased)).ack(), leased);
}

#[test]
fn a_released_address_is_free_and_its_client_remembered() {
    let mut kit = Kit::article();
    let leased = kit.lease(1);
    let heard = kit.unicast(&release(1, leased));
    assert!(heard.said.is_none() && matches!(heard.event, Event::Released(_)), "{heard:?}");
    assert_eq!(heard.record.as_ref().unwrap().kind, "release");
    kit.lease(2);
    assert_eq!(kit.send(&discover(1)).offer(), leased);
    let mut kit = pool_of_one();
    let leased = kit.lease(1);
    kit.unicast(&release(1, leased));
    assert_eq!(kit.lease(2), leased);
}

#[test]
fn only_the_owner_can_release() {
    let mut kit = pool_of_one();
    let leased = kit.lease(1);
    assert_eq!(kit.unicast(&release(2, leased)).silence(), "not-owner");
    assert_eq!(kit.unicast(&release(1, ip(1, 99))).silence(), "not-owner");
    assert_eq!(kit.unicast(&release(1, NOBODY)).silence(), "no-address");
    let theirs = release(1, leased).with_address(54, ip(1, 2));
    assert_eq!(kit.unicast(&theirs).silence(), "other-server-chosen");
    assert_eq!(kit.unicast(&renew(1, leased)).ack(), leased);
    kit.unicast(&release(1, leased).without(54));
    assert_eq!(kit.unicast(&release(1, leased)).silence(), "not-owner", "once is enough");
}

#[test]
fn nobody_on_one_vlan_can_give_back_what_is_leased_on_another() {
    let mut kit = Kit::article();
    let leased = kit.lease(1);
    kit.on_second_link();
    assert_eq!(kit.unicast(&release(1, leased)).silence(), "other-segment");
    assert_eq!(kit.send(&release(1, leased)).silence(), "other-segment");
    assert_eq!(kit.send(&decline(1, leased)).silence(), "other-segment");
}
