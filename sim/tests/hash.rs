//! Is the same seed the same run on every machine? The hashes of fixed seeds, over every octet that was sent and when.
//!
//! A change of the core, the store, smoltcp or the world may change them, and is then committed with the new ones: `cargo test -p sim --test hash` prints
//! them. What must never happen is that they differ between two machines, two builds of one commit, debug and release, or 32 and 64 bits.

use sim::plan::{Plan, Shape};
use sim::world::run;

/// A seed of each shape, and the hash of an hour with 20 clients.
const HASHES: [(u64, Shape, u64); 4] = [
    (3, Shape::Plain, 0x54e8_c21a_c292_1efb),
    (7, Shape::TwoServers, 0xc52c_6400_df03_890e),
    (1, Shape::Relay, 0xd0bc_8d45_d400_1630),
    (13, Shape::Trunk, 0x416c_8d8b_0923_e2ae),
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
