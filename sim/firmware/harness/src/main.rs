//! What does the image weigh, and how many instructions does an answer take? `cargo run -p harness`: two tables.

use harness::counts::counts;
use harness::size::Sizes;
use harness::{program, truck};

fn main() {
    println!("octets of the image\n{}\n", Sizes::of(&program("firmware")));
    println!("instructions, by what is done and how many leases there are");
    let measured = std::env::args_os().nth(1).map_or_else(|| program("measure"), Into::into);
    for ((what, leases), count) in counts(&measured, &truck::IMAGE) {
        println!("{count:>8}  {what} {leases}");
    }
}
