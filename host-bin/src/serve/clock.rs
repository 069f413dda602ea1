//! What time is it? A monotonic clock for what happens now, and a wall clock that is believed only as far as it can be.
//!
//! Small computers start in 1970 or where they were switched off, and jump when they hear a time server. A lease must not end early because of that:
//! the lease clock only goes forward, it never goes ahead of a time that was recorded before, and when the wall clock turns out to be far
//! ahead of it, leases that run are prolonged by as much (see [`Correction`](dhcp_core::time::Correction)).

use std::time::{SystemTime, UNIX_EPOCH};

use dhcp_core::time::{Instant, Timestamp};

/// The beginning of 2024: a wall clock that shows less was never set.
const SANE_SECS_MIN: u64 = 1_704_067_200;

/// The clocks of this run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    zero: std::time::Instant,
}

impl Clock {
    /// Its zero is now.
    pub(crate) fn new() -> Self {
        Self { zero: std::time::Instant::now() }
    }

    /// Milliseconds since the start.
    pub(crate) fn now(&self) -> Instant {
        let millis = self.zero.elapsed().as_millis();
        Instant::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    /// The same moment as the runtime knows it.
    pub(crate) fn at(&self, instant: Instant) -> std::time::Instant {
        self.zero + core::time::Duration::from_millis(instant.as_millis())
    }
}

/// What the wall clock shows, if that can be.
pub(crate) fn wall() -> Option<Timestamp> {
    sane(SystemTime::now())
}

fn sane(time: SystemTime) -> Option<Timestamp> {
    let secs = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    let secs = u32::try_from(secs).ok().filter(|secs| u64::from(*secs) >= SANE_SECS_MIN)?;
    Some(Timestamp::from_secs(secs)).filter(|stamp| *stamp != Timestamp::NEVER)
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    #[test]
    fn a_clock_that_was_never_set_is_not_believed() {
        assert_eq!(sane(UNIX_EPOCH), None);
        assert_eq!(sane(UNIX_EPOCH + Duration::from_hours(24)), None);
        assert_eq!(sane(UNIX_EPOCH - Duration::from_secs(1)), None);
        assert_eq!(sane(UNIX_EPOCH + Duration::from_secs(1 << 33)), None);
        let today = 1_790_000_000;
        let expected = Some(Timestamp::from_secs(1_790_000_000));
        assert_eq!(sane(UNIX_EPOCH + Duration::from_secs(today)), expected);
    }
}
