//! The power is cut at every step of a trace, and again at every step of the recovery.

use sim::nor::{Leaves, Nor};

use crate::trace::{Ran, Trace, read, resume, run};

/// Steps of the trace that the recovery is followed for: it erases a sector, begins it with what is live, and appends.
const FOLLOWED: usize = 3;

/// Every step whose number leaves `part` when divided by `parts`.
fn every_step<const WORD: usize, const SECTOR: usize>(
    sectors: usize,
    trace: &Trace,
    (part, parts): (usize, usize),
) {
    let fresh = Nor::<WORD, SECTOR>::new(sectors, 11);
    let all = run(fresh.clone(), trace, 0, trace.ops.len());
    assert_eq!(all.done, trace.ops.len());
    let erased: u64 = all.nor.wear().iter().map(|wear| wear.erased).sum();
    assert!(erased > 2 * sectors as u64, "the ring went round: {erased} erases");
    let mut cuts = 0_u64;
    for step in (0..all.nor.steps()).skip(part).step_by(parts) {
        for leaves in [Leaves::Nothing, Leaves::Some, Leaves::Everything] {
            let mut nor = fresh.clone();
            nor.cut_after(step, leaves);
            let Ran { mut nor, done } = run(nor, trace, 0, trace.ops.len());
            assert!(nor.power_on(), "the power was cut at step {step}");
            let (state, _) = read(&mut nor);
            let from = resume(trace, done, &state);
            let to = trace.ops.len().min(from + FOLLOWED);
            let undisturbed = run(nor.clone(), trace, from, to);
            assert_eq!(undisturbed.done, to);
            let mut after = undisturbed.nor;
            assert_eq!(read(&mut after).0, trace.states[to], "after a cut at step {step}");
            cuts += 1;
            // The recovery is the same whatever else the cut left; it is followed for the worst.
            if leaves == Leaves::Some {
                for again in 0..after.steps() - nor.steps() {
                    recovery_is_cut(nor.clone(), trace, (from, to), again);
                    cuts += 1;
                }
            }
        }
    }
    println!("{cuts} cuts with words of {WORD}");
}

/// The power is cut again after `step` steps of the recovery.
fn recovery_is_cut<const WORD: usize, const SECTOR: usize>(
    mut nor: Nor<WORD, SECTOR>,
    trace: &Trace,
    (from, to): (usize, usize),
    step: u64,
) {
    nor.cut_after(step, Leaves::Some);
    let Ran { mut nor, done } = run(nor, trace, from, to);
    assert!(nor.power_on(), "the power was cut again");
    let (state, _) = read(&mut nor);
    let from = resume(trace, done, &state);
    let to = trace.ops.len().min(from + 1);
    let Ran { mut nor, done } = run(nor, trace, from, to);
    assert_eq!(done, to);
    assert_eq!(read(&mut nor).0, trace.states[to]);
}

#[test]
fn no_cut_harms_a_flash_of_single_octets_first_part() {
    every_step::<1, 512>(4, &Trace::new(1, 210, 6, 20), (0, 3));
}

#[test]
fn no_cut_harms_a_flash_of_single_octets_second_part() {
    every_step::<1, 512>(4, &Trace::new(1, 210, 6, 20), (1, 3));
}

#[test]
fn no_cut_harms_a_flash_of_single_octets_third_part() {
    every_step::<1, 512>(4, &Trace::new(1, 210, 6, 20), (2, 3));
}

#[test]
fn no_cut_harms_a_flash_of_words_of_4() {
    every_step::<4, 512>(5, &Trace::new(2, 260, 8, 40), (0, 1));
}

#[test]
fn no_cut_harms_a_flash_of_words_of_8() {
    every_step::<8, 1_024>(3, &Trace::new(3, 300, 8, 200), (0, 1));
}

#[test]
fn no_cut_harms_a_flash_of_words_of_32() {
    every_step::<32, 1_024>(4, &Trace::new(4, 300, 8, 200), (0, 1));
}
