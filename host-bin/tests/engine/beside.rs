//! While one batch is synced the next is decided on: nothing that needs a record leaves before it is durable, and everything else does.

use dhcp_core::server::PENDING_MAX;
use dhcp_core::wire::message::MessageType;

use crate::kit::{Kit, Told, discover, renew, select};

/// A kit whose syncs are on their way until `at_end`, and offers for these clients.
fn with_offers(dir: &std::path::Path, clients: core::ops::Range<u16>) -> (Kit, Vec<Told>) {
    let mut kit = Kit::in_dir(dir);
    // The first sector of a run is begun, which waits for the disk.
    kit.lease(9_999).unwrap();
    kit.switch.beside.set(true);
    let mut offers = Vec::new();
    for client in clients {
        offers.push(kit.ask(&discover(client), false).unwrap());
    }
    (kit, offers)
}

fn push_all(kit: &mut Kit, offers: &[Told]) {
    for offer in offers {
        kit.push(&select(offer.client, offer.yiaddr), false);
    }
}

/// The clients that were acknowledged, in this order.
fn acknowledged(kit: &Kit) -> Vec<u16> {
    let told = kit.told();
    let acks = told.iter().filter(|told| told.kind == MessageType::Ack);
    acks.map(|ack| ack.client).collect()
}

#[test]
fn offers_do_not_wait_for_others_records_and_acks_leave_when_theirs_are_durable() {
    let dir = tempfile::tempdir().unwrap();
    let (mut kit, offers) = with_offers(dir.path(), 0..6);
    push_all(&mut kit, &offers[..3]);
    kit.push(&discover(7), false);
    let synced = kit.switch.syncs.get();
    kit.take();
    assert_eq!(kit.told().iter().map(|told| told.client).collect::<Vec<_>>(), [7]);
    // Decided on meanwhile.
    push_all(&mut kit, &offers[3..]);
    kit.take();
    assert!(kit.told().is_empty() && kit.engine.is_syncing());
    assert_eq!(kit.switch.syncs.get(), synced);
    kit.switch.at_end.set(true);
    kit.take();
    assert_eq!(acknowledged(&kit), [0, 1, 2], "the sync covered those");
    kit.take();
    assert_eq!(acknowledged(&kit), [3, 4, 5]);
    assert_eq!(kit.switch.syncs.get(), synced + 2);
    kit.take();
    assert!(kit.told().is_empty() && !kit.engine.is_syncing());
}

#[test]
fn a_change_that_is_alone_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let (mut kit, offers) = with_offers(dir.path(), 0..1);
    let ack = kit.ask(&select(0, offers[0].yiaddr), false).unwrap();
    assert_eq!((ack.kind, kit.engine.is_syncing()), (MessageType::Ack, false));
}

#[test]
fn no_more_changes_are_on_their_way_than_the_core_keeps_account_of() {
    let dir = tempfile::tempdir().unwrap();
    let all = u16::try_from(PENDING_MAX).unwrap() + 10;
    let (mut kit, offers) = with_offers(dir.path(), 0..all);
    push_all(&mut kit, &offers[..40]);
    kit.take();
    push_all(&mut kit, &offers[40..]);
    kit.take();
    assert!(kit.engine.is_full() && kit.intake.len() == 10);
    kit.take();
    assert_eq!((kit.told().len(), kit.intake.len()), (0, 10), "nobody is turned away");
    kit.switch.at_end.set(true);
    let mut acks = 0;
    for _ in 0..3 {
        kit.take();
        acks += acknowledged(&kit).len();
    }
    assert_eq!((acks, kit.intake.len()), (offers.len(), 0));
}

#[test]
fn after_a_failure_neither_batch_is_acknowledged_and_both_are_when_the_disk_is_well() {
    let dir = tempfile::tempdir().unwrap();
    let (mut kit, offers) = with_offers(dir.path(), 0..6);
    push_all(&mut kit, &offers[..3]);
    kit.take();
    push_all(&mut kit, &offers[3..]);
    kit.take();
    kit.switch.sync_fails.set(true);
    kit.switch.at_end.set(true);
    kit.take();
    assert!(kit.told().is_empty() && kit.engine.is_failing());
    assert_eq!(kit.engine.counters().withheld, 6);
    kit.switch.sync_fails.set(false);
    push_all(&mut kit, &offers);
    kit.take();
    kit.settle();
    // Before that, the journal wrote again what the disk had not taken.
    assert_eq!(acknowledged(&kit), [0, 1, 2, 3, 4, 5]);
    assert!(!kit.engine.is_failing() && kit.notices.recovered == 1);
    drop(kit);
    let mut kit = Kit::in_dir(dir.path());
    for offer in offers {
        let ack = kit.ask(&renew(offer.client, offer.yiaddr), true).unwrap();
        assert_eq!((ack.kind, ack.yiaddr), (MessageType::Ack, offer.yiaddr));
    }
}

#[test]
fn what_is_on_its_way_can_be_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let (mut kit, offers) = with_offers(dir.path(), 0..4);
    push_all(&mut kit, &offers[..2]);
    kit.take();
    push_all(&mut kit, &offers[2..]);
    kit.take();
    kit.settle();
    assert_eq!(acknowledged(&kit), [0, 1, 2, 3]);
    assert!(!kit.engine.is_syncing());
    kit.settle();
    assert!(kit.told().is_empty());
}
