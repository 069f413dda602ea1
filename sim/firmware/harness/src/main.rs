//! What does the image weigh? `cargo run -p harness`: a table of the crates in it.

use harness::size::Sizes;

fn main() {
    let names: Vec<_> = std::env::args().skip(1).collect();
    let names = if names.is_empty() { vec!["firmware".to_owned()] } else { names };
    for name in names {
        println!("{name}\n{}", Sizes::of(&harness::program(&name)));
    }
}
