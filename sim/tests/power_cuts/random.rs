//! Long traces with many cuts at random places, on flashes of many sizes.

use dhcp_core::rng::Rng;
use proptest::prelude::*;
use sim::nor::{Leaves, Nor};

use crate::trace::{Ran, Trace, read, resume, run};

fn many_cuts<const WORD: usize, const SECTOR: usize>(sectors: usize, seed: u64) {
    let trace = Trace::new(seed, 2_000, 7, 60);
    let mut rng = Rng::seeded(seed);
    let mut nor = Nor::<WORD, SECTOR>::new(sectors, seed);
    let mut from = 0;
    while from < trace.ops.len() {
        let leaves = match rng.below(4) {
            0 => Leaves::Nothing,
            1 => Leaves::Everything,
            _ => Leaves::Some,
        };
        // Often at once, seldom after thousands of words.
        let reach = 1 << rng.below(14);
        nor.cut_after(u64::from(rng.below(reach)), leaves);
        let ran: Ran<WORD, SECTOR> = run(nor, &trace, from, trace.ops.len());
        nor = ran.nor;
        if !nor.power_on() {
            break;
        }
        from = resume(&trace, ran.done, &read(&mut nor).0);
    }
    assert_eq!(&read(&mut nor).0, trace.states.last().unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_however_often_the_power_is_cut(seed: u64, flash in 0..8) {
        match flash {
            0 => many_cuts::<1, 512>(5, seed),
            1 => many_cuts::<1, 4_096>(2, seed),
            2 => many_cuts::<4, 1_024>(3, seed),
            3 => many_cuts::<4, 4_096>(4, seed),
            4 => many_cuts::<8, 1_024>(4, seed),
            5 => many_cuts::<8, 8_192>(3, seed),
            6 => many_cuts::<32, 2_048>(3, seed),
            _ => many_cuts::<32, 16_384>(2, seed),
        }
    }
}
