//! Cuts on a flash that is nearly full of live records: a new sector has no room then for what the change that waits replaces and for that change as well.

use sim::nor::{Leaves, Nor};

use crate::trace::{Ran, Trace, read, resume, run};

/// As far as the trace goes before the flash is full, the power is cut at every step, and again while the next run takes over.
fn nearly_full<const WORD: usize, const SECTOR: usize>(sectors: usize, seed: u64) -> usize {
    let mut trace = Trace::new(seed, 90, 8, 90);
    let fresh = Nor::<WORD, SECTOR>::new(sectors, seed);
    let Ran { nor: before, done } = run(fresh.clone(), &trace, 0, trace.ops.len());
    trace.ops.truncate(done);
    for step in 0..before.steps() {
        let mut nor = fresh.clone();
        nor.cut_after(step, if step % 2 == 0 { Leaves::Some } else { Leaves::Everything });
        let Ran { mut nor, done } = run(nor, &trace, 0, trace.ops.len());
        if !nor.power_on() {
            // What was refused at the end was tried, too.
            assert_eq!(done, trace.ops.len());
            break;
        }
        let from = resume(&trace, done, &read(&mut nor).0);
        // Behind the cut a sector is lost to the next run, for which the flash may be full. Nothing is forgotten even so.
        nor.cut_after(step % 61, Leaves::Some);
        let Ran { mut nor, done } = run(nor, &trace, from, trace.ops.len().min(from + 3));
        nor.power_on();
        resume(&trace, done, &read(&mut nor).0);
    }
    done
}

#[test]
fn a_change_that_replaces_another_is_all_or_nothing_on_a_flash_that_is_nearly_full() {
    let mut steps = 0;
    for seed in 0..2 {
        steps += nearly_full::<4, 512>(3, seed);
        steps += nearly_full::<1, 512>(2, seed);
        steps += nearly_full::<32, 1_024>(3, seed);
    }
    assert!(steps > 150, "the flashes took {steps} steps before they were full");
}
