extern crate std;

use std::vec::Vec;

use super::*;
use crate::wire::frame::arp::Operation;

const OURS: [u8; 6] = [2, 0, 0, 0, 0, 1];
const THEIRS: [u8; 6] = [2, 0, 0, 0, 0, 2];
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 7);

fn begin(acd: Acd, seed: u64) -> (Watch, Rng) {
    let mut rng = Rng::seeded(seed);
    let watch = Watch::begin(Instant::ZERO, ADDRESS, OURS, acd, &mut rng).unwrap();
    (watch, rng)
}

/// Jumps from deadline to deadline and notes what was done when.
fn run(watch: &mut Watch, rng: &mut Rng) -> Vec<(u64, Step)> {
    let mut steps = Vec::new();
    while let Some(at) = watch.deadline() {
        let step = watch.handle_timeout(at, rng).expect("something is due at the deadline");
        steps.push((at.as_millis(), step));
        assert!(steps.len() < 20, "no loop without end");
    }
    steps
}

fn in_use_by_us() -> (Watch, Instant) {
    let (mut watch, mut rng) = begin(Acd::Full, 1);
    let (end, _) = *run(&mut watch, &mut rng).last().unwrap();
    (watch, Instant::from_millis(end))
}

/// RFC 5227 section 2.1.1: PROBE_WAIT, PROBE_NUM, PROBE_MIN, PROBE_MAX, ANNOUNCE_WAIT; section 2.3: ANNOUNCE_NUM, ANNOUNCE_INTERVAL.
#[test]
fn full_detection_keeps_the_times_of_rfc_5227() {
    for seed in 0..200 {
        let (mut watch, mut rng) = begin(Acd::Full, seed);
        let steps = run(&mut watch, &mut rng);
        let probe = Step::Send(Arp::probe(OURS, ADDRESS));
        let announcement = Step::Send(Arp::announcement(OURS, ADDRESS));
        let done: Vec<Step> = steps.iter().map(|(_, step)| *step).collect();
        assert_eq!(done, [probe, probe, probe, Step::Free, announcement, announcement]);
        let at: Vec<u64> = steps.iter().map(|(at, _)| *at).collect();
        assert!(at[0] <= 1_000, "PROBE_WAIT");
        assert!((1_000..=2_000).contains(&(at[1] - at[0])), "PROBE_MIN to PROBE_MAX");
        assert!((1_000..=2_000).contains(&(at[2] - at[1])), "PROBE_MIN to PROBE_MAX");
        assert_eq!(at[3] - at[2], 2_000, "ANNOUNCE_WAIT");
        assert_eq!(at[4], at[3], "the first announcement leaves at once");
        assert_eq!(at[5] - at[4], 2_000, "ANNOUNCE_INTERVAL");
    }
}

#[test]
fn quick_detection_takes_200_ms() {
    let (mut watch, mut rng) = begin(Acd::Quick, 3);
    let steps = run(&mut watch, &mut rng);
    assert_eq!(steps[0], (0, Step::Send(Arp::probe(OURS, ADDRESS))));
    assert_eq!(steps[1], (200, Step::Free));
    let mut rng = Rng::seeded(0);
    assert_eq!(Watch::begin(Instant::ZERO, ADDRESS, OURS, Acd::Off, &mut rng), None);
}

/// RFC 5227 section 2.1.1: a request or a reply whose sender address is the probed one.
#[test]
fn whoever_uses_the_probed_address_is_in_conflict() {
    for operation in [Operation::Request, Operation::Reply] {
        let (mut watch, _) = begin(Acd::Full, 1);
        let target = Ipv4Addr::new(10, 0, 1, 99);
        let arp = Arp { operation, target, ..Arp::announcement(THEIRS, ADDRESS) };
        assert_eq!(watch.handle_arp(Instant::ZERO, &arp), Verdict::InUse { by: THEIRS });
    }
}

/// RFC 5227 section 2.1.1: a probe for the same address from another hardware address.
#[test]
fn whoever_probes_for_the_same_address_is_in_conflict() {
    let (mut watch, _) = begin(Acd::Full, 1);
    let theirs = Arp::probe(THEIRS, ADDRESS);
    assert_eq!(watch.handle_arp(Instant::ZERO, &theirs), Verdict::InUse { by: THEIRS });
    let ours = Arp::probe(OURS, ADDRESS);
    assert_eq!(watch.handle_arp(Instant::ZERO, &ours), Verdict::Nothing, "our own echo");
    let question = Arp { sender: Ipv4Addr::new(10, 0, 1, 9), ..theirs };
    assert_eq!(watch.handle_arp(Instant::ZERO, &question), Verdict::Nothing, "only a question");
}

/// The container that the address is leased for may answer already: with our own hardware address.
#[test]
fn an_answer_from_our_own_hardware_address_is_no_conflict() {
    let (mut watch, _) = begin(Acd::Full, 1);
    let arp = Arp { operation: Operation::Reply, ..Arp::announcement(OURS, ADDRESS) };
    assert_eq!(watch.handle_arp(Instant::ZERO, &arp), Verdict::Nothing);
}

/// RFC 5227 section 2.4 (b).
#[test]
fn the_first_conflict_is_defended_and_the_second_within_ten_seconds_is_given_up() {
    let (mut watch, now) = in_use_by_us();
    let arp = Arp::announcement(THEIRS, ADDRESS);
    let announcement = Arp::announcement(OURS, ADDRESS);
    assert_eq!(watch.handle_arp(now, &arp), Verdict::Defend { by: THEIRS, announcement });
    let later = now.plus_secs(DEFEND_INTERVAL_SECS);
    assert_eq!(watch.handle_arp(later, &arp), Verdict::Defend { by: THEIRS, announcement });
    let soon = later.plus_millis(9_999);
    assert_eq!(watch.handle_arp(soon, &arp), Verdict::GiveUp { by: THEIRS });
}

#[test]
fn probes_of_others_for_our_address_are_not_conflicts_once_we_use_it() {
    let (mut watch, now) = in_use_by_us();
    assert_eq!(watch.handle_arp(now, &Arp::probe(THEIRS, ADDRESS)), Verdict::Nothing);
}

#[test]
fn nothing_is_done_before_its_time() {
    let (mut watch, mut rng) = begin(Acd::Full, 1);
    let at = watch.deadline().unwrap();
    if at > Instant::ZERO {
        assert_eq!(watch.handle_timeout(Instant::from_millis(at.as_millis() - 1), &mut rng), None);
    }
    assert!(watch.handle_timeout(at, &mut rng).is_some());
    assert!(watch.deadline().unwrap() > at);
}
