//! When the client speaks: RFC 2131 sections 3.1, 4.1, 4.4.1 and 4.4.5, a sentence a test.

use dhcp_core::client::{Config, Event, Lost, Phase, Term};
use dhcp_core::conflict::Acd;
use dhcp_core::time::{Instant, LeaseTime};

use crate::world::*;

fn finite(desk: &Desk) -> [Instant; 3] {
    match desk.lease().binding.term {
        Term::Finite { renew_at, rebind_at, expires_at } => [renew_at, rebind_at, expires_at],
        Term::Infinite => panic!("the lease is finite"),
    }
}

/// Milliseconds between one message and the next, `count` times.
fn gaps(desk: &mut Desk, count: usize) -> Vec<u64> {
    let mut last = desk.now;
    (0..count)
        .map(|_| {
            desk.wait();
            let gap = desk.now.millis_since(last);
            last = desk.now;
            gap
        })
        .collect()
}

fn near(gap: u64, secs: u64) -> bool {
    (secs * 1_000 - 1_000..=secs * 1_000 + 1_000).contains(&gap)
}

/// RFC 2131 section 4.1: 4, 8, 16, 32, 64, 64 seconds, each give or take one.
#[test]
fn discover_is_sent_again_with_back_off() {
    for seed in 0..50 {
        let mut desk = Desk::new(config(Acd::Off), seed);
        desk.start();
        desk.wait();
        let gaps = gaps(&mut desk, 8);
        let expected = [4, 8, 16, 32, 64, 64, 64, 64];
        assert!(gaps.iter().zip(expected).all(|(gap, secs)| near(*gap, secs)), "{gaps:?}");
        assert_eq!(desk.sent_count(), 9);
    }
}

/// Machines that start together do not ask together: the jitter differs from one seed to the next.
#[test]
fn back_off_differs_from_one_client_to_the_next() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let mut desk = Desk::new(config(Acd::Off), seed);
        desk.start();
        desk.wait();
        seen.insert(gaps(&mut desk, 1)[0]);
    }
    assert!(seen.len() > 40, "{}", seen.len());
}

/// RFC 2131 section 4.4.1 asks for a random delay before the first message; how long is the caller's choice.
#[test]
fn the_first_message_waits_for_a_random_delay() {
    for (max, seed) in [(0, 1), (100, 2), (10_000, 3), (10_000, 4)] {
        let mut config = config(Acd::Off);
        config.start_delay_millis_max = max;
        let mut desk = Desk::new(config, seed);
        let before = desk.now;
        desk.start();
        desk.wait();
        assert!(desk.now.millis_since(before) <= u64::from(max));
        assert_eq!(desk.phase(), Phase::Selecting);
    }
}

/// RFC 2131 section 3.1 (5): four times in about 60 seconds, then from the beginning.
#[test]
fn request_is_given_up_after_a_minute() {
    let mut desk = requesting(config(Acd::Off));
    let began = desk.now;
    while desk.phase() == Phase::Requesting {
        desk.wait();
    }
    let took = desk.now.millis_since(began);
    assert!((56_000..=64_000).contains(&took), "{took}");
    let types: Vec<u8> = desk
        .did
        .iter()
        .filter_map(|did| match did {
            Did::Sent(sent) => Some(sent.message_type()),
            Did::Arp(_) | Did::Told(_) => None,
        })
        .collect();
    assert_eq!(types, [DISCOVER, REQUEST, REQUEST, REQUEST, REQUEST, DISCOVER]);
}

/// RFC 2131 section 3.2 (4); how patient it is can be told.
#[test]
fn rebooting_falls_back_to_init() {
    for (tries, secs) in [(1, 4), (2, 12), (4, 60)] {
        let mut config = config(Acd::Off);
        config.reboot_tries = tries;
        let mut desk = rebooting(config);
        let began = desk.now;
        while desk.phase() == Phase::Rebooting {
            desk.wait();
        }
        let took = desk.now.millis_since(began);
        let spread = u64::from(tries) * 1_000;
        assert!((secs * 1_000 - spread..=secs * 1_000 + spread).contains(&took), "{took}");
        assert_eq!(desk.phase(), Phase::Selecting);
        assert_eq!(desk.sent().address_option(50), Some(ADDRESS), "it is still wished for");
        assert_eq!(desk.events(), [Event::RebootUnanswered { address: ADDRESS }]);
    }
}

/// RFC 2131 section 4.4.5: T1 is half of the lease and T2 seven eighths, unless the server says otherwise (options 58, 59).
#[test]
fn t1_and_t2_are_the_servers_or_the_defaults() {
    let mut desk = requesting(config(Acd::Off));
    let asked_at = desk.now;
    desk.now = desk.now.plus_millis(700);
    desk.takes(&desk.reply(ACK));
    let [t1, t2, end] = finite(&desk).map(|at| at.millis_since(asked_at));
    assert!((1_743_750..=1_800_000).contains(&t1), "{t1}");
    assert!((3_051_562..=3_150_000).contains(&t2), "{t2}");
    assert_eq!(end, 3_600_000, "counted from the REQUEST (RFC 2131 section 4.4.1)");

    let mut desk = requesting(config(Acd::Off));
    let asked_at = desk.now;
    let ack = desk.reply(ACK).with(58, &320_u32.to_be_bytes()).with(59, &640_u32.to_be_bytes());
    desk.takes(&ack);
    let [t1, t2, end] = finite(&desk).map(|at| at.millis_since(asked_at));
    assert!((310_000..=320_000).contains(&t1) && (620_000..=640_000).contains(&t2));
    assert_eq!(end, 3_600_000);
}

#[test]
fn t1_and_t2_out_of_order_are_replaced_by_the_defaults() {
    for (t1, t2) in [(0, 0), (3_000, 2_000), (100, 9_000), (3_600, 3_600), (2_000, 2_000)] {
        let mut desk = requesting(config(Acd::Off));
        let ack = desk.reply(ACK);
        let ack = ack.with(58, &u32::to_be_bytes(t1)).with(59, &u32::to_be_bytes(t2));
        desk.takes(&ack);
        let [renew_at, rebind_at, expires_at] = finite(&desk);
        assert!(renew_at < rebind_at && rebind_at < expires_at);
        assert!(renew_at.millis_since(desk.now) > 1_700_000, "{t1} {t2}");
    }
}

/// RFC 2131 section 3.3: an infinite lease is never renewed.
#[test]
fn an_infinite_lease_is_never_renewed() {
    let mut desk = requesting(config(Acd::Off));
    desk.takes(&desk.reply(ACK).with(51, &[255; 4]));
    assert_eq!(desk.lease().binding.duration, LeaseTime::Infinite);
    assert_eq!(desk.client.poll_timeout(), None);
    // The caller may ask all the same; the server may then say something finite.
    desk.client.renew(desk.now);
    desk.drain();
    assert_eq!(desk.phase(), Phase::Renewing);
    assert_eq!(gaps(&mut desk, 3), [60_000; 3]);
    assert_eq!(desk.phase(), Phase::Renewing, "it does not expire");
    desk.takes(&desk.reply(ACK));
    assert_eq!(desk.lease().binding.duration, LeaseTime::Secs(LEASE_SECS));
}

/// RFC 2131 section 4.4.5: half of the remaining time to T2, at least 60 seconds.
#[test]
fn renewing_asks_again_after_half_of_the_time_to_t2() {
    let mut desk = renewing(config(Acd::Off));
    let [_, rebind_at, _] = finite(&desk);
    let mut last = desk.now;
    while desk.phase() == Phase::Renewing {
        let half = rebind_at.millis_since(last) / 2;
        desk.wait();
        if desk.phase() == Phase::Renewing {
            assert_eq!(desk.now.millis_since(last), half.max(60_000));
        }
        last = desk.now;
    }
    assert_eq!(desk.now, rebind_at);
}

/// RFC 2131 section 4.4.5: half of the remaining time to the end, at least 60 seconds; then the address is given up.
#[test]
fn rebinding_asks_again_after_half_of_the_time_to_the_end_and_then_gives_up() {
    let mut desk = rebinding(config(Acd::Off));
    let [_, _, expires_at] = finite(&desk);
    desk.take();
    let mut last = desk.now;
    while desk.phase() == Phase::Rebinding {
        let half = expires_at.millis_since(last) / 2;
        desk.wait();
        if desk.phase() == Phase::Rebinding {
            assert_eq!(desk.now.millis_since(last), half.max(60_000));
        }
        last = desk.now;
    }
    assert_eq!(desk.now, expires_at);
    assert_eq!(desk.events(), [Event::Lost { address: ADDRESS, why: Lost::Expired }]);
    assert!(desk.client.lease().is_none());
    assert_eq!(desk.phase(), Phase::Selecting, "the search begins at once");
    assert_eq!(desk.sent().address_option(50), Some(ADDRESS));
    assert_eq!(desk.sent().secs(), 0, "a new acquisition");
}

#[test]
fn who_sleeps_past_the_end_of_the_lease_does_not_renew_it() {
    let mut desk = bound(config(Acd::Full));
    let [_, _, expires_at] = finite(&desk);
    desk.jump_to(expires_at.plus_secs(100_000));
    assert_eq!(desk.events(), [Event::Lost { address: ADDRESS, why: Lost::Expired }]);
    assert_eq!(desk.sent_count(), 1);
    assert_eq!(desk.sent().message_type(), DISCOVER);
}

/// A server that offers and refuses in turn is not asked at full speed.
#[test]
fn after_each_nak_the_search_waits_longer() {
    let mut desk = selecting(config(Acd::Off));
    let mut waits = Vec::new();
    for _ in 0..9 {
        desk.takes(&desk.reply(OFFER));
        desk.takes(&desk.reply(NAK));
        assert_eq!(desk.phase(), Phase::Init);
        let refused_at = desk.now;
        desk.wait();
        waits.push(desk.now.millis_since(refused_at));
    }
    for (wait, floor) in waits.iter().zip([1, 2, 4, 8, 16, 32, 64, 64, 64]) {
        assert!((floor * 1_000..=floor * 1_000 + 1_000).contains(wait), "{waits:?}");
    }
    desk.takes(&desk.reply(OFFER));
    desk.takes(&desk.reply(ACK));
    desk.wait();
    desk.takes(&desk.reply(NAK));
    let refused_at = desk.now;
    desk.wait();
    assert!(desk.now.millis_since(refused_at) <= 2_000, "a lease in between starts anew");
}

/// However fast a server answers and however short its leases are, the client sends a few messages a second at most.
#[test]
fn the_shortest_lease_does_not_make_a_flood() {
    let mut desk = requesting(config(Acd::Off));
    let shortest = Config::LEASE_SECS_MIN;
    desk.takes(&desk.reply(ACK).lease_secs(shortest));
    desk.take();
    let began = desk.now;
    while desk.now.millis_since(began) < 60_000 {
        desk.wait();
        if desk.client.state().exchange().is_some() {
            desk.takes(&desk.reply(ACK).lease_secs(shortest));
        }
    }
    assert!(desk.sent_count() <= 30, "{}", desk.sent_count());
    assert_eq!(desk.phase(), Phase::Bound);
}

/// The lease began with the first REQUEST: what was answered too late is over already.
#[test]
fn an_ack_that_comes_after_the_end_of_its_lease_is_no_lease() {
    let mut desk = requesting(config(Acd::Off));
    desk.wait();
    desk.wait();
    desk.takes(&desk.reply(ACK).lease_secs(5));
    assert!(desk.client.lease().is_none());
    assert!(desk.events().iter().all(|event| *event != Event::Bound));
    desk.wait();
    assert_eq!(desk.phase(), Phase::Selecting);
}

#[test]
fn inform_is_sent_again_with_back_off_and_answered_once() {
    let mut desk = Desk::new(config(Acd::Off), 1);
    desk.client.inform(desk.now, ADDRESS);
    desk.drain();
    let gaps = gaps(&mut desk, 5);
    assert!(gaps.iter().zip([4, 8, 16, 32, 64]).all(|(gap, secs)| near(*gap, secs)), "{gaps:?}");
    // RFC 2131 section 4.3.5: the ACK of an INFORM has neither lease time nor yiaddr.
    let ack = Reply { yiaddr: core::net::Ipv4Addr::UNSPECIFIED, ..desk.reply(ACK) }.without(51);
    desk.takes(&ack);
    assert_eq!(desk.phase(), Phase::Informed);
    assert_eq!(desk.client.poll_timeout(), None);
    assert!(desk.client.lease().is_none());
    let options = desk.client.options().unwrap();
    assert_eq!(options.dns().count(), 2);
}
