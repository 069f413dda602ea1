//! Does the image cost no more than it may? Octets of flash, RAM and stack, and exact instruction counts, against `budget.toml`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use harness::budget::Budget;
use harness::counts::counts;
use harness::size::{Sizes, flash};
use harness::{program, truck};

#[test]
fn flash_and_static_memory_are_within_their_budget() {
    let (sizes, budget) = (Sizes::of(&program("firmware")), Budget::read().octets);
    println!("{sizes}");
    assert!(sizes.code() <= budget.code, "{} octets of code", sizes.code());
    assert!(sizes.text <= budget.text, "{} octets of flash", sizes.text);
    assert!(sizes.ram <= budget.ram, "{} octets of static RAM", sizes.ram);
}

#[test]
fn instructions_and_stack_are_within_their_budget_at_any_occupancy() {
    let counts = counts(&program("measure"), &truck::IMAGE);
    println!("{counts:#?}");
    let Budget { octets, instructions } = Budget::read();
    let of = |what: &str| -> Vec<u32> {
        counts.iter().filter(|((name, _), _)| name == what).map(|(_, count)| *count).collect()
    };
    // The counting itself: a delay of 1,000 cycles is a loop of 2,000 instructions here.
    let delay = of("delay");
    assert!((1_990..=2_020).contains(delay.first().unwrap()), "{delay:?} is not 2,000");
    for (what, most) in [("discover", instructions.discover), ("renew", instructions.renew)] {
        let [_, half, full] = of(what).try_into().unwrap();
        assert!(half.max(full) <= most, "{what}: {half} and {full} instructions");
        let grown = half + half * instructions.growth_percent / 100;
        assert!(full <= grown, "{what}: {half} instructions at 50 %, {full} at 99 %");
    }
    for (what, most) in [
        ("discover-again", instructions.discover_again),
        ("discover-used", instructions.discover_used),
    ] {
        let [count] = of(what).try_into().unwrap();
        assert!(count <= most, "{what}: {count} instructions");
    }
    let [stack] = of("stack").try_into().unwrap();
    assert!(u64::from(stack) <= octets.stack, "{stack} octets of stack");
}

/// A panic's place is named by its file in the repository or its package.
#[test]
fn the_image_names_no_folder_of_the_machine_that_built_it() {
    let flash = flash(&program("firmware"));
    let has = |name: &str| {
        let mut windows = flash.iter().flat_map(|section| section.windows(name.len()));
        windows.any(|window| window == name.as_bytes())
    };
    assert!(has("lease-store/src/journal.rs"), "a panic says where it was");
    let repository = harness::firmware().join("../..").canonicalize().unwrap();
    let home = std::env::var("HOME").unwrap();
    let cargo = std::env::var("CARGO_HOME").unwrap_or(format!("{home}/.cargo"));
    let machine = [repository.to_str().unwrap(), &home, &cargo, "registry/src", "index.crates.io"];
    for folder in machine.into_iter().filter(|folder| *folder != "/") {
        assert!(!has(folder), "{folder} stands in the image");
    }
}
