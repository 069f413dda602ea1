//! RFC 2131 section 3.1: the server commits the binding to persistent storage before it acknowledges.

use dhcp_core::server::config::ServerConfig;
use dhcp_core::server::{Durable, Lsn, PENDING_MAX};

use crate::kit::*;

fn slow_journal() -> Kit {
    Kit { journal_works: false, ..Kit::article() }
}

#[test]
fn an_ack_waits_for_its_record() {
    let mut kit = slow_journal();
    let offered = kit.send(&discover(1)).offer();
    let held = kit.send(&select(1, offered)).held.expect("the ACK is held");
    let Err(held) = held.release(Durable::synced_up_to(Lsn::ZERO)) else {
        panic!("released without its record")
    };
    assert!(held.release(Durable::synced_up_to(held.lsn())).is_ok());
}

#[test]
fn a_retransmission_waits_for_the_same_record() {
    let mut kit = slow_journal();
    let offered = kit.send(&discover(1)).offer();
    let first = kit.send(&select(1, offered)).held.unwrap();
    let again = kit.send(&select(1, offered));
    assert!(again.record.is_none());
    assert_eq!(again.held.expect("the record is still on its way").lsn(), first.lsn());
    kit.server.durable(Durable::synced_up_to(first.lsn()));
    assert!(kit.send(&select(1, offered)).held.is_none(), "now it is on the medium");
}

#[test]
fn another_clients_record_is_not_waited_for() {
    let mut kit = Kit::article();
    let leased = kit.lease(1);
    kit.journal_works = false;
    kit.lease(2);
    assert!(kit.send(&select(1, leased)).held.is_none());
}

#[test]
fn records_are_numbered_without_gaps() {
    let mut kit = slow_journal();
    for client in 1..=5 {
        let offered = kit.send(&discover(client)).offer();
        let record = kit.send(&select(client, offered)).record.unwrap();
        assert_eq!(record.lsn.get(), u64::from(client));
    }
}

#[test]
fn a_renewal_within_the_promise_needs_no_record() {
    let article = Kit::article().config;
    let config: &'static ServerConfig<'static> =
        Box::leak(Box::new(ServerConfig { promise_slack_secs: 86_400, ..*article }));
    let mut kit = Kit::from(config);
    let offered = kit.send(&discover(1)).offer();
    let record = kit.send(&select(1, offered)).record.unwrap();
    assert_eq!(record.until, Some(kit.server.time(kit.now).plus_secs(3_603 + 86_400)));
    let mut records = 0;
    for _ in 0..48 {
        kit.pass_secs(1_800);
        let heard = kit.unicast(&renew(1, offered));
        assert_eq!(heard.ack(), offered);
        assert_eq!(heard.held.is_some(), heard.record.is_some());
        records += usize::from(heard.record.is_some());
    }
    assert_eq!(records, 0, "a day of renewals is covered by one record");
    kit.pass_secs(1_800);
    assert_eq!(kit.unicast(&renew(1, offered)).record.unwrap().kind, "extend");
}

#[test]
fn a_failed_record_is_written_again_before_any_ack() {
    let mut kit = slow_journal();
    let offered = kit.send(&discover(1)).offer();
    let lost = kit.send(&select(1, offered)).held.unwrap();
    kit.server.not_durable();
    let again = kit.send(&select(1, offered));
    assert!(again.record.is_some());
    assert!(again.held.unwrap().lsn() > lost.lsn());
    assert_eq!(kit.send(&discover(2)).offer(), ip(1, 11), "and the address is nobody else's");
}

#[test]
fn a_full_ring_stops_what_needs_a_record_and_nothing_else() {
    let wide = [range(1, 10, 250)];
    let mut kit = Kit::one(|one| one.ranges = leak(&wide));
    kit.journal_works = false;
    let pending = u8::try_from(PENDING_MAX).unwrap();
    for client in 1..=pending {
        kit.lease(client);
    }
    let offered = kit.send(&discover(200)).offer();
    assert_eq!(kit.send(&select(200, offered)).silence(), "busy");
    assert_eq!(kit.unicast(&release(1, ip(1, 10))).silence(), "busy");
    kit.send(&message(201, INFORM).ciaddr(ip(1, 99))).reply();
    kit.server.durable(Durable::synced_up_to(Lsn::ZERO.next()));
    assert_eq!(kit.send(&select(200, offered)).ack(), offered);
}

#[test]
fn the_next_deadline_is_later_than_now() {
    let mut kit = Kit::article();
    for _ in 0..10 {
        kit.pass_secs(3);
        kit.server.poll(kit.now);
        assert!(kit.server.poll_timeout().unwrap() > kit.now);
    }
}
