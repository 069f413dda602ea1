//! A disk that is full or broken: no ACK without a record, everything else is answered, and it ends by itself.

use dhcp_core::wire::message::MessageType;

use crate::kit::{Kit, Notices, discover, release, renew, select};

/// Both kinds of failure, in turn.
fn with_each_failure(test: impl Fn(&mut Kit, &dyn Fn(&Kit, bool))) {
    let write = |kit: &Kit, fails: bool| kit.switch.write_fails.set(fails);
    let sync = |kit: &Kit, fails: bool| kit.switch.sync_fails.set(fails);
    for fail in [&write as &dyn Fn(&Kit, bool), &sync] {
        let dir = tempfile::tempdir().unwrap();
        test(&mut Kit::in_dir(dir.path()), fail);
    }
}

#[test]
fn no_ack_leaves_without_its_record_and_offers_go_on() {
    with_each_failure(|kit, fail| {
        let kept = kit.lease(1).unwrap();
        fail(kit, true);
        let offer = kit.ask(&discover(2), false).unwrap();
        assert_eq!(offer.kind, MessageType::Offer);
        assert_eq!(kit.ask(&select(2, offer.yiaddr), false), None);
        assert_eq!(kit.ask(&select(2, offer.yiaddr), false), None, "nor the next time");
        assert!(kit.engine.is_failing() && kit.notices.failed > 0);
        assert_eq!(kit.engine.counters().withheld, 2);
        // A NAK commits us to nothing.
        let nak = kit.ask(&select(3, kept), false).unwrap();
        assert_eq!(nak.kind, MessageType::Nak);
    });
}

#[test]
fn it_goes_on_by_itself_when_the_disk_does() {
    with_each_failure(|kit, fail| {
        let offer = kit.ask(&discover(1), false).unwrap();
        fail(kit, true);
        assert_eq!(kit.ask(&select(1, offer.yiaddr), false), None);
        fail(kit, false);
        let ack = kit.ask(&select(1, offer.yiaddr), false).unwrap();
        assert_eq!((ack.kind, ack.yiaddr), (MessageType::Ack, offer.yiaddr));
        assert!(!kit.engine.is_failing());
        assert_eq!(kit.notices.recovered, 1);
    });
}

#[test]
fn what_was_acknowledged_is_there_after_a_restart_whatever_failed() {
    for fails_at in 0..12 {
        let dir = tempfile::tempdir().unwrap();
        let mut acknowledged = Vec::new();
        let mut kit = Kit::in_dir(dir.path());
        for client in 0..12 {
            kit.switch.sync_fails.set(client == fails_at);
            if let Some(offer) = kit.ask(&discover(client), false)
                && let Some(ack) = kit.ask(&select(client, offer.yiaddr), false)
            {
                acknowledged.push((client, ack.yiaddr));
            }
        }
        assert_eq!(acknowledged.len(), 11);
        drop(kit);
        let mut kit = Kit::in_dir(dir.path());
        for (client, address) in acknowledged {
            let offer = kit.ask(&discover(client), false).unwrap();
            assert_eq!(offer.yiaddr, address, "client {client}");
            let ack = kit.ask(&renew(client, address), true).unwrap();
            assert_eq!((ack.kind, ack.yiaddr), (MessageType::Ack, address));
        }
    }
}

#[test]
fn a_release_that_could_not_be_written_harms_nobody() {
    with_each_failure(|kit, fail| {
        let address = kit.lease(1).unwrap();
        fail(kit, true);
        assert_eq!(kit.ask(&release(1, address), true), None);
        fail(kit, false);
        assert_eq!(kit.lease(1), Some(address));
        assert_eq!(kit.notices, Notices { failed: kit.notices.failed, recovered: 1 });
    });
}
