//! Is the same seed the same run on every machine? The hashes of fixed seeds, over every octet that was sent and when.
//!
//! A change of the core, the store, smoltcp or the world may change them, and is then committed with the new ones: `cargo test -p sim --test hash` prints
//! them. What must never happen is that they differ between two machines, two builds of one commit, debug and release, or 32 and 64 bits.

use sim::plan::{Plan, Shape};
use sim::world::run;

/// A seed of each shape, and the hash of an hour with 20 clients, as it was before the later dials.
const FIRST_HASHES: [(u64, Shape, u64); 4] = [
    (3, Shape::Plain, 0x99a5_20da_60a4_5063),
    (7, Shape::TwoServers, 0x4777_41ff_b656_2b39),
    (1, Shape::Relay, 0x565b_ccff_d1d3_185f),
    (13, Shape::Trunk, 0x60fe_3ece_f368_8ee3),
];

/// The same with the later dials.
const HASHES: [(u64, Shape, u64); 4] = [
    (3, Shape::Plain, 0x99a5_20da_60a4_5063),
    (7, Shape::TwoServers, 0x2de9_46ed_de40_ad55),
    (1, Shape::Relay, 0xaeb3_f03a_efbf_b9e9),
    (13, Shape::Trunk, 0x9757_e498_af2a_9380),
];

fn check(expected: [(u64, Shape, u64); 4], plan: impl Fn(u64, usize, u16) -> Plan) {
    let found = expected.map(|(seed, ..)| {
        let plan = plan(seed, 2, 20);
        (seed, plan.shape, run(&plan, false).trace.hash())
    });
    for (seed, shape, hash) in found {
        println!("    ({seed}, Shape::{shape:?}, {hash:#018x}),");
    }
    assert_eq!(found, expected);
}

#[test]
fn fixed_seeds_have_the_same_hash_on_every_machine() {
    check(HASHES, Plan::new);
}

/// What a seed found before there were later dials, it goes on to find.
#[test]
fn without_the_later_dials_fixed_seeds_have_the_hash_that_they_had_before() {
    check(FIRST_HASHES, Plan::first);
}
