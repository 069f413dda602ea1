//! What does the image weigh, and how many instructions does an answer take? `cargo run -p harness`: two tables. With `profile` behind it: which parts of
//! the work and which functions the instructions are in. With `functions`: which functions the octets are in.

use std::path::PathBuf;

use harness::counts::counts;
use harness::profile::{by_function, profiles};
use harness::size::Sizes;
use harness::{program, truck};

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(word) if word == "profile" => {
            for profile in profiles(&program("measure"), &truck::IMAGE) {
                println!("{profile}");
            }
        }
        Some(word) if word == "functions" => print!("{}", by_function(&program("firmware"))),
        measured => weigh(measured.map_or_else(|| program("measure"), Into::into)),
    }
}

fn weigh(measured: PathBuf) {
    println!("octets of the image\n{}\n", Sizes::of(&program("firmware")));
    println!("instructions, by what is done and how many leases there are");
    for ((what, leases), count) in counts(&measured, &truck::IMAGE) {
        println!("{count:>8}  {what} {leases}");
    }
}
