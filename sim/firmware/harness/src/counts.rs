//! How many instructions does what take? The lines of `measure`, read.

use std::collections::BTreeMap;
use std::path::Path;

use core::time::Duration;

use crate::board::{Board, Cable, Time};
use crate::chip::Chip;

/// Instructions by what was counted and how many leases there were.
pub type Counts = BTreeMap<(String, u32), u32>;

/// A line of the log: what was counted, how many leases there were, what came out, and the how many-th count it was, from zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// A name.
    pub what: String,
    /// Leases.
    pub leases: u32,
    /// Instructions, or octets of the stack.
    pub count: u32,
    /// Its place among all counts; the stack has none.
    pub number: Option<u32>,
}

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
    let lines = log.iter().filter_map(|line| Line::read(line));
    lines.map(|line| ((line.what, line.leases), line.count)).collect()
}

impl Line {
    /// `INFO  renew 31 1234 87`.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace().skip(1);
        let what = words.next()?.to_owned();
        let (leases, count) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Self { what, leases, count, number: words.next().and_then(|word| word.parse().ok()) })
    }
}
