//! How many instructions does what take? The lines of `measure`, read.

use std::collections::BTreeMap;
use std::path::Path;

use core::time::Duration;

use crate::board::{Board, Cable, Time};
use crate::chip::Chip;

/// Instructions by what was counted and how many leases there were.
pub type Counts = BTreeMap<(String, u32), u32>;

/// Runs the program with a clock that counts instructions.
///
/// # Panics
/// When it does not end well.
#[must_use]
pub fn counts(program: &Path, image: &[u8]) -> Counts {
    let chip = Chip::erased().with_image(image);
    let mut board = Board::start(program, &chip, Cable::None, Time::Instructions { shift: 6 });
    let status = board.wait(Duration::from_secs(60));
    let log = board.log.to_end();
    assert!(status.success(), "{}", log.join("\n"));
    log.iter().filter_map(|line| read(line)).collect()
}

/// `INFO  renew 31 1234`.
fn read(line: &str) -> Option<((String, u32), u32)> {
    let mut words = line.split_whitespace().skip(1);
    let name = words.next()?.to_owned();
    Some(((name, words.next()?.parse().ok()?), words.next()?.parse().ok()?))
}
