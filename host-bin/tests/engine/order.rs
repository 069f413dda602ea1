//! Sixty-four at once: one sync for all, each answered once, the answers in the order of the questions.

use dhcp_core::server::PENDING_MAX;
use dhcp_core::server::book::LeaseBook as _;
use dhcp_core::wire::message::MessageType;

use crate::kit::{Kit, discover, release, select};

#[test]
fn a_batch_costs_one_sync() {
    let dir = tempfile::tempdir().unwrap();
    let mut kit = Kit::in_dir(dir.path());
    kit.lease(9_999).unwrap();
    let clients = 0..u16::try_from(PENDING_MAX).unwrap();
    for client in clients.clone() {
        kit.push(&discover(client), false);
    }
    let synced = kit.switch.syncs.get();
    kit.take();
    let offers = kit.told();
    assert_eq!(kit.switch.syncs.get(), synced, "an offer needs none");
    assert_eq!(
        offers.iter().map(|told| told.client).collect::<Vec<_>>(),
        clients.clone().collect::<Vec<_>>()
    );
    for offer in &offers {
        kit.push(&select(offer.client, offer.yiaddr), false);
    }
    kit.take();
    assert_eq!(kit.switch.syncs.get(), synced + 1);
    let acks = kit.told();
    assert_eq!(acks.len(), PENDING_MAX);
    for (ack, offer) in acks.iter().zip(&offers) {
        assert_eq!(
            (ack.kind, ack.yiaddr, ack.client),
            (MessageType::Ack, offer.yiaddr, offer.client)
        );
    }
    assert!(kit.intake.is_empty());
}

#[test]
fn what_does_not_fit_into_a_batch_waits_for_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let mut kit = Kit::in_dir(dir.path());
    for client in 0..100 {
        kit.push(&discover(client), false);
    }
    kit.take();
    assert_eq!((kit.told().len(), kit.intake.len()), (PENDING_MAX, 100 - PENDING_MAX));
    kit.take();
    assert_eq!((kit.told().len(), kit.intake.len()), (100 - PENDING_MAX, 0));
    kit.take();
    assert!(kit.told().is_empty());
}

#[test]
fn a_change_by_other_ways_than_dhcp_is_recorded_like_a_clients() {
    use dhcp_core::server::book::Change;
    let dir = tempfile::tempdir().unwrap();
    let mut kit = Kit::in_dir(dir.path());
    let address = kit.lease(1).unwrap();
    let time = kit.engine.server().time(kit.now);
    let key = kit.engine.server().book().entry_at(address, time).unwrap().key.unwrap();
    assert!(kit.engine.server_mut().book_mut().release(address, &key, time));
    let mut tell = |_: hydrant::serve::engine::Notice<'_, _>| {};
    assert!(kit.engine.record(&Change::Release { address }, &mut tell));
    assert!(kit.engine.commit(&mut tell).is_some());
    assert!(kit.engine.commit(&mut tell).is_none(), "there is nothing more");
    drop(kit);
    let mut kit = Kit::in_dir(dir.path());
    assert_eq!(kit.ask(&release(1, address), true), None);
    assert_eq!(kit.lease(2).map(|other| other != address), Some(true), "1 is remembered");
    assert_eq!(kit.lease(1), Some(address));
}
