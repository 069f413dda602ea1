//! Is the address in use? RFC 5227 and RFC 2131 section 3.1 (5), through the client.

use dhcp_core::client::{Event, Ignored, Lost, Phase};
use dhcp_core::conflict::Acd;
use dhcp_core::wire::frame::arp::{Arp, Operation};

use crate::world::*;

fn probing(acd: Acd) -> Desk {
    let mut desk = requesting(config(acd));
    desk.takes(&desk.reply(ACK));
    assert_eq!(desk.phase(), Phase::Probing);
    desk.take();
    desk
}

fn arps(desk: &Desk) -> Vec<Arp> {
    desk.did
        .iter()
        .filter_map(|did| match did {
            Did::Arp(arp) => Some(*arp),
            Did::Sent(_) | Did::Told(_) => None,
        })
        .collect()
}

/// RFC 5227 section 2.1: the address is not used before the probes stayed without answer.
#[test]
fn the_address_is_not_used_before_it_was_probed() {
    let mut desk = probing(Acd::Full);
    let acked_at = desk.now;
    assert!(desk.client.lease().is_none());
    while desk.phase() == Phase::Probing {
        assert!(desk.client.lease().is_none());
        assert!(desk.events().is_empty());
        desk.wait();
    }
    let took = desk.now.millis_since(acked_at);
    assert!((4_000..=7_000).contains(&took), "{took}");
    assert_eq!(desk.events(), [Event::Bound]);
    assert!(desk.client.lease().is_some());
    desk.run_until(desk.now.plus_secs(10));
    let (probe, announcement) = (Arp::probe(MAC, ADDRESS), Arp::announcement(MAC, ADDRESS));
    assert_eq!(arps(&desk), [probe, probe, probe, announcement, announcement]);
    assert_eq!(desk.sent_count(), 0);
}

#[test]
fn bound_is_told_before_the_announcement_leaves() {
    let mut desk = probing(Acd::Quick);
    desk.run_until(desk.now.plus_secs(10));
    let order: Vec<bool> =
        desk.did.iter().map(|did| matches!(did, Did::Told(Event::Bound))).collect();
    assert_eq!(order, [false, true, false, false], "probe, bound, two announcements");
}

/// RFC 2131 section 3.1 (5): DECLINE, ten seconds at least, and from the beginning; not for the same address.
#[test]
fn an_address_in_use_is_declined_and_the_search_waits_for_ten_seconds() {
    for arp in [
        Arp::announcement(STRANGER, ADDRESS),
        Arp { operation: Operation::Reply, target: SERVER, ..Arp::announcement(STRANGER, ADDRESS) },
        Arp::probe(STRANGER, ADDRESS),
    ] {
        let mut desk = probing(Acd::Full);
        desk.wait();
        let noticed_at = desk.now;
        desk.arp(&arp);
        assert_eq!(desk.events(), [Event::Conflict { address: ADDRESS, by: STRANGER }]);
        assert_eq!(desk.sent().message_type(), DECLINE);
        assert_eq!(desk.sent_count(), 1);
        assert!(desk.client.lease().is_none());
        desk.wait();
        assert_eq!(desk.now.millis_since(noticed_at), 10_000);
        assert_eq!(desk.sent().message_type(), DISCOVER);
        assert_eq!(desk.sent().address_option(50), None);
    }
}

/// The address that a caller wishes for is not asked for again either, once it turned out to be in use.
#[test]
fn a_wish_that_is_in_use_is_dropped() {
    let mut wishing = config(Acd::Full);
    wishing.wish = Some(ADDRESS);
    let mut desk = requesting(wishing);
    desk.takes(&desk.reply(ACK));
    desk.arp(&Arp::announcement(STRANGER, ADDRESS));
    desk.wait();
    assert_eq!(desk.sent().message_type(), DISCOVER);
    assert_eq!(desk.sent().address_option(50), None);
}

/// RFC 5227 section 2.1.1: after ten conflicts, one attempt a minute.
#[test]
fn after_ten_conflicts_there_is_one_attempt_a_minute() {
    let mut desk = selecting(config(Acd::Full));
    for conflict in 1..=12 {
        desk.takes(&desk.reply(OFFER));
        desk.takes(&desk.reply(ACK));
        desk.arp(&Arp::announcement(STRANGER, ADDRESS));
        let declined_at = desk.now;
        desk.wait();
        let waited = desk.now.millis_since(declined_at);
        assert_eq!(waited, if conflict < 10 { 10_000 } else { 60_000 }, "conflict {conflict}");
    }
}

/// A container that runs already answers with the MAC address that the lease is for.
#[test]
fn our_own_mac_address_is_no_conflict() {
    let mut desk = probing(Acd::Full);
    desk.arp(&Arp { operation: Operation::Reply, ..Arp::announcement(MAC, ADDRESS) });
    desk.arp(&Arp::probe(MAC, ADDRESS));
    assert_eq!(desk.phase(), Phase::Probing);
    assert!(desk.did.is_empty());
}

#[test]
fn other_addresses_are_not_our_business() {
    let mut desk = probing(Acd::Full);
    desk.arp(&Arp::announcement(STRANGER, SERVER));
    desk.arp(&Arp { target: ADDRESS, ..Arp::announcement(STRANGER, SERVER) });
    assert_eq!(desk.phase(), Phase::Probing);
    settle(&mut desk);
    desk.arp(&Arp { target: ADDRESS, ..Arp::announcement(STRANGER, SERVER) });
    assert!(desk.did.is_empty(), "somebody only asks for our address");
}

/// RFC 5227 section 2.4 (b): defended once in ten seconds; the second time the address is given up.
#[test]
fn a_bound_address_is_defended_once_and_then_given_up() {
    for mut desk in
        [bound(config(Acd::Full)), renewing(config(Acd::Full)), rebinding(config(Acd::Full))]
    {
        desk.take();
        let phase = desk.phase();
        desk.arp(&Arp::announcement(STRANGER, ADDRESS));
        assert_eq!(arps(&desk), [Arp::announcement(MAC, ADDRESS)]);
        assert_eq!(desk.events(), [Event::Defended { by: STRANGER }]);
        assert_eq!(desk.phase(), phase);
        assert!(desk.client.lease().is_some());

        desk.now = desk.now.plus_secs(10);
        desk.arp(&Arp::announcement(STRANGER, ADDRESS));
        assert_eq!(desk.phase(), phase, "ten seconds later it is the first again");

        desk.take();
        desk.now = desk.now.plus_secs(9);
        desk.arp(&Arp::announcement(STRANGER, ADDRESS));
        let why = Lost::Conflict { by: STRANGER };
        assert_eq!(desk.events(), [Event::Lost { address: ADDRESS, why }]);
        assert_eq!(desk.sent().message_type(), DECLINE);
        assert_eq!(desk.phase(), Phase::Init);
        assert!(desk.client.lease().is_none());
    }
}

/// A renewal does not begin the check anew.
#[test]
fn a_renewed_address_is_not_probed_again() {
    let mut desk = renewing(config(Acd::Full));
    desk.take();
    desk.takes(&desk.reply(ACK));
    assert_eq!(desk.phase(), Phase::Bound);
    desk.run_until(desk.now.plus_secs(60));
    assert!(arps(&desk).is_empty());
}

/// RFC 5227 section 2.1: also an address that is confirmed after a restart is probed.
#[test]
fn a_confirmed_address_is_probed_too() {
    let mut desk = rebooting(config(Acd::Quick));
    desk.takes(&desk.reply(ACK));
    assert_eq!(desk.phase(), Phase::Probing);
    let acked_at = desk.now;
    while desk.phase() == Phase::Probing {
        desk.wait();
    }
    assert_eq!(desk.now.millis_since(acked_at), 200, "quick: one probe, 200 ms");
}

#[test]
fn a_lease_that_ends_while_it_is_probed_is_not_used() {
    let mut desk = requesting(config(Acd::Full));
    desk.now = desk.now.plus_millis(3_000);
    desk.takes(&desk.reply(ACK).lease_secs(5));
    assert_eq!(desk.phase(), Phase::Probing);
    desk.run_until(desk.now.plus_secs(3));
    assert!(desk.events().iter().all(|event| *event != Event::Bound));
    assert_eq!(desk.phase(), Phase::Selecting);
}

/// On a link without Ethernet addresses there is no ARP to speak.
#[test]
fn without_an_ethernet_address_there_are_no_probes() {
    let mut config = config(Acd::Full);
    config.hardware = dhcp_core::id::HardwareAddr::new(32, &[1; 16]).unwrap();
    let mut desk = Desk::new(config, 1);
    desk.start();
    desk.wait();
    let ours = |reply: Reply| Reply { htype: 32, hlen: 16, chaddr: [1; 16], ..reply };
    desk.ignores(&desk.reply(OFFER), Ignored::OtherHardware);
    desk.takes(&ours(desk.reply(OFFER)));
    desk.takes(&ours(desk.reply(ACK)));
    assert_eq!(desk.phase(), Phase::Bound);
}
