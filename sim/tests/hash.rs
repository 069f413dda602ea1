//! Is the same seed the same run on every machine? The hashes of fixed seeds, over every octet that was sent and when.
//!
//! A change of the core, the store, smoltcp or the world may change them, and is then committed with the new ones: `cargo test -p sim --test hash` prints
//! them. What must never happen is that they differ between two machines, two builds of one commit, debug and release, or 32 and 64 bits.

use sim::plan::{Plan, Shape};
use sim::world::run;

/// A seed of each shape, and the hash of an hour with 20 clients.
const HASHES: [(u64, Shape, u64); 4] = [
    (3, Shape::Plain, 0x903f_420f_0d8b_c271),
    (7, Shape::TwoServers, 0x2069_140d_a937_c2af),
    (1, Shape::Relay, 0x5263_268d_28b7_2edd),
    (13, Shape::Trunk, 0xd848_65a6_3584_e48f),
];

#[test]
fn fixed_seeds_have_the_same_hash_on_every_machine() {
    let found = HASHES.map(|(seed, ..)| {
        let plan = Plan::new(seed, 2, 20);
        (seed, plan.shape, run(&plan, false).trace.hash())
    });
    for (seed, shape, hash) in found {
        println!("    ({seed}, Shape::{shape:?}, {hash:#018x}),");
    }
    assert_eq!(found, HASHES);
}
