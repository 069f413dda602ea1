//! What happened? A hash over everything, counts of it, and when asked for, a line of text for each thing.

use core::fmt;
use std::collections::BTreeMap;

use dhcp_core::time::Instant;

/// The record of a run. Two runs with the same hash sent the same octets at the same times.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    hash: u64,
    counts: BTreeMap<&'static str, u64>,
    /// The last lines; none unless they are wanted.
    story: Option<Vec<(Instant, String)>>,
}

/// A story keeps this many of its last lines.
const LINES_MAX: usize = 400;

impl Trace {
    /// With a story or without.
    #[must_use]
    pub fn new(story: bool) -> Self {
        Self { hash: 0xcbf2_9ce4_8422_2325, counts: BTreeMap::new(), story: story.then(Vec::new) }
    }

    /// Something that counts for the hash (64-bit FNV-1a).
    pub fn mix(&mut self, octets: &[u8]) {
        for octet in octets {
            self.hash = (self.hash ^ u64::from(*octet)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// Something that is counted.
    pub fn count(&mut self, name: &'static str) {
        *self.counts.entry(name).or_default() += 1;
        self.mix(name.as_bytes());
    }

    /// Something to be told, when somebody listens.
    pub fn tell(&mut self, now: Instant, line: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            if story.len() == LINES_MAX {
                story.drain(..LINES_MAX / 2);
            }
            story.push((now, line()));
        }
    }

    /// The hash of everything so far.
    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// How often what happened.
    #[must_use]
    pub const fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// The last lines of the story.
    #[must_use]
    pub fn story(&self) -> &[(Instant, String)] {
        self.story.as_deref().unwrap_or_default()
    }
}

/// A time as a person reads it: hours, minutes, seconds, milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Clock(pub Instant);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (secs, millis) = (self.0.as_secs(), self.0.as_millis() % 1_000);
        write!(f, "{:02}:{:02}:{:02}.{millis:03}", secs / 3_600, secs / 60 % 60, secs % 60)
    }
}
