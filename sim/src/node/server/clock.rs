//! What time does a server think it is? A wall clock as small computers have them, and a lease clock that follows it as a host's does (ADR 10).

use dhcp_core::rng::Rng;
use dhcp_core::time::{Instant, Timestamp};

/// The true time at the beginning of the run.
const EPOCH: Timestamp = Timestamp::from_secs(1_750_000_000);

/// The beginning of 2024: a wall clock that shows less was never set.
const SANE: Timestamp = Timestamp::from_secs(1_704_067_200);

/// What becomes of a wall clock without power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// There is none: a board.
    None,
    /// It goes on.
    Kept,
    /// It stands still, and goes on from there.
    Stopped,
    /// It begins in 1970.
    Lost,
}

/// A wall clock, and what the server keeps about it.
#[derive(Clone, Copy, Debug)]
pub(super) struct WallClock {
    kind: Kind,
    /// How far it is ahead of the true time, in seconds.
    ahead_secs: i64,
    /// How far it was when the server looked last.
    seen_secs: i64,
    off_since: Instant,
    /// The note in the state directory that the lease clock is known to be behind.
    pub(super) is_behind: bool,
}

fn true_secs(now: Instant) -> i64 {
    i64::from(EPOCH.as_secs()) + i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

impl WallClock {
    /// One of any kind, more or less right.
    pub(super) fn new(rng: &mut Rng) -> Self {
        let kind = match rng.below(6) {
            0 | 1 => Kind::None,
            2 | 3 => Kind::Kept,
            4 => Kind::Stopped,
            _ => Kind::Lost,
        };
        let ahead_secs = -i64::from(rng.below(2) * rng.below(10_000));
        Self { kind, ahead_secs, seen_secs: ahead_secs, off_since: Instant::ZERO, is_behind: false }
    }

    /// Whether the server has no wall clock.
    pub(super) fn is_none(&self) -> bool {
        self.kind == Kind::None
    }

    /// What it shows, if that can be; the server knows it from now on.
    pub(super) fn reads(&mut self, now: Instant) -> Option<Timestamp> {
        if self.is_none() {
            return None;
        }
        self.seen_secs = self.ahead_secs;
        let secs = u32::try_from(true_secs(now) + self.ahead_secs).ok()?;
        Some(Timestamp::from_secs(secs)).filter(|stamp| *stamp >= SANE)
    }

    /// Somebody sets it.
    pub(super) fn set(&mut self, ahead_secs: i32) {
        self.ahead_secs = i64::from(ahead_secs);
    }

    /// It has no power from now on. If it was set forward and nobody has looked yet, it was not: a server could not tell that from time that goes by.
    pub(super) fn power_off(&mut self, now: Instant) {
        self.ahead_secs = self.ahead_secs.min(self.seen_secs);
        self.off_since = now;
    }

    /// It has power again. What it shows is never further ahead than before: whether it was set meanwhile or much time went by, nobody could tell.
    pub(super) fn power_on(&mut self, now: Instant) {
        match self.kind {
            Kind::None | Kind::Kept => {}
            Kind::Stopped => {
                let off_ms = now.millis_since(self.off_since);
                self.ahead_secs -= i64::try_from(off_ms.div_ceil(1_000)).unwrap_or(i64::MAX);
            }
            Kind::Lost => self.ahead_secs = -true_secs(now),
        }
    }

    /// The lease clock's first time after a start, as a host has it: the wall clock's if it can be believed, and never before one that was recorded.
    pub(super) fn first_time(&mut self, now: Instant, recorded: Option<Timestamp>) -> Timestamp {
        let wall = self.reads(now);
        self.is_behind |= wall.is_none() && !self.is_none();
        match (recorded, wall) {
            // It turns out how far it is behind, and leases are prolonged by that.
            (Some(recorded), Some(_)) if self.is_behind => recorded,
            (Some(recorded), Some(wall)) => recorded.max(wall),
            (recorded, wall) => recorded.or(wall).unwrap_or_default(),
        }
    }
}
