//! Cuts within the first octets of a new sector, several in a row: a published flash map loses items that it acknowledged there
//! (sequential-storage issue 136), because it writes behind what a cut left.

use sim::nor::{Leaves, Nor};

use crate::trace::{Ran, Trace, read, resume, run};

/// The erase before it, the header, and what follows at once.
const STEPS: u64 = 28;

fn three_cuts<const WORD: usize, const SECTOR: usize>(sectors: usize, trace: &Trace) {
    let fresh = Nor::<WORD, SECTOR>::new(sectors, 5);
    let Ran { nor: before, done } = run(fresh, trace, 0, trace.ops.len() - 6);
    for cuts in 0..STEPS.pow(3) {
        let (mut nor, mut from) = (before.clone(), done);
        for cut in [cuts % STEPS, cuts / STEPS % STEPS, cuts / STEPS.pow(2)] {
            // Every run begins a sector of its own.
            nor.cut_after(cut, if cuts % 2 == 0 { Leaves::Some } else { Leaves::Nothing });
            let ran = run(nor, trace, from, trace.ops.len());
            nor = ran.nor;
            nor.power_on();
            from = resume(trace, ran.done, &read(&mut nor).0);
        }
        let Ran { mut nor, .. } = run(nor, trace, from, trace.ops.len());
        assert_eq!(read(&mut nor).0, trace.states[trace.ops.len()], "cuts {cuts}");
    }
}

#[test]
fn three_cuts_in_the_header_lose_nothing_with_single_octets() {
    three_cuts::<1, 512>(4, &Trace::new(21, 60, 5, 20));
}

#[test]
fn three_cuts_in_the_header_lose_nothing_with_words_of_4() {
    three_cuts::<4, 512>(3, &Trace::new(22, 60, 5, 20));
}
