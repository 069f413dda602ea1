//! What time is it, and how long is that? Two clocks and one duration, none of which this crate reads.
//!
//! [`Instant`] orders what happens while a program runs: retransmissions, holds, probes. [`Timestamp`] is written down
//! and must mean the same after a restart: the end of a lease. [`LeaseTime`] is what RFC 2131 calls a lease's duration.

use core::fmt;

/// Milliseconds on the caller's monotonic clock; its zero is the caller's. Nothing in this crate reads a clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Instant {
    millis: u64,
}

impl Instant {
    /// The caller's zero.
    pub const ZERO: Self = Self { millis: 0 };

    /// An instant `millis` milliseconds after the caller's zero.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self { millis }
    }

    /// Milliseconds since the caller's zero.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.millis
    }

    /// Whole seconds since the caller's zero.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.millis / 1_000
    }

    /// Saturates at the end of the clock.
    #[must_use]
    pub const fn plus_millis(self, millis: u64) -> Self {
        Self { millis: self.millis.saturating_add(millis) }
    }

    /// Saturates. An infinite lease (RFC 2131 section 3.3) is [`LeaseTime::Infinite`], never a number here.
    #[must_use]
    pub const fn plus_secs(self, secs: u32) -> Self {
        Self { millis: self.millis.saturating_add(secs as u64 * 1_000) }
    }

    /// Milliseconds from `earlier` to here; zero when `earlier` is later.
    #[must_use]
    pub const fn millis_since(self, earlier: Self) -> u64 {
        self.millis.saturating_sub(earlier.millis)
    }
}

/// Seconds on the lease clock, which goes on over restarts: Unix time where a wall clock is known, else the last
/// journaled time plus the time since start. It may be slow, which only keeps an address held longer; it must not be fast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Timestamp {
    secs: u32,
}

impl Timestamp {
    /// Later than every other value: the end of an infinite lease.
    pub const NEVER: Self = Self { secs: u32::MAX };

    /// `secs` seconds after the clock's zero; `u32::MAX` is [`Timestamp::NEVER`].
    #[must_use]
    pub const fn from_secs(secs: u32) -> Self {
        Self { secs }
    }

    /// Seconds since the clock's zero; `u32::MAX` for [`Timestamp::NEVER`].
    #[must_use]
    pub const fn as_secs(self) -> u32 {
        self.secs
    }

    /// The end of a lease of `duration` that begins here. A finite sum saturates one second short of
    /// [`Timestamp::NEVER`], so that a long lease never becomes an infinite one by accident.
    #[must_use]
    pub const fn plus(self, duration: LeaseTime) -> Self {
        match duration {
            LeaseTime::Infinite => Self::NEVER,
            LeaseTime::Secs(secs) => self.plus_secs(secs),
        }
    }

    /// As [`Timestamp::plus`] for a finite number of seconds. `NEVER` plus anything is `NEVER`.
    #[must_use]
    pub const fn plus_secs(self, secs: u32) -> Self {
        if self.secs == u32::MAX {
            return Self::NEVER;
        }
        let sum = self.secs.saturating_add(secs);
        Self { secs: if sum == u32::MAX { u32::MAX - 1 } else { sum } }
    }

    /// Seconds from `earlier` to here; zero when `earlier` is later. For [`Timestamp::NEVER`] the duration is infinite.
    #[must_use]
    pub const fn since(self, earlier: Self) -> LeaseTime {
        if self.secs == u32::MAX {
            return LeaseTime::Infinite;
        }
        LeaseTime::Secs(self.secs.saturating_sub(earlier.secs))
    }
}

/// The duration of a lease (RFC 2131 section 3.3; option 51). Infinite is a value of its own and orders last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LeaseTime {
    /// 0 to 4,294,967,294 seconds.
    Secs(u32),
    /// The address is the client's for good.
    Infinite,
}

impl LeaseTime {
    /// From option 51's number, where 0xffffffff means infinite.
    #[must_use]
    pub const fn from_wire(secs: u32) -> Self {
        if secs == u32::MAX { Self::Infinite } else { Self::Secs(secs) }
    }

    /// The number in option 51.
    #[must_use]
    pub const fn to_wire(self) -> u32 {
        match self {
            Self::Secs(secs) => secs,
            Self::Infinite => u32::MAX,
        }
    }

    /// T1, when the client asks its server again: half of the lease (RFC 2131 section 4.4.5).
    #[must_use]
    pub const fn renewal(self) -> Self {
        match self {
            Self::Secs(secs) => Self::Secs(secs / 2),
            Self::Infinite => Self::Infinite,
        }
    }

    /// T2, when the client asks any server: seven eighths of the lease (RFC 2131 section 4.4.5).
    #[must_use]
    pub const fn rebinding(self) -> Self {
        match self {
            // In this order nothing overflows, and what is lost is less than eight seconds.
            Self::Secs(secs) => Self::Secs(secs - secs / 8),
            Self::Infinite => Self::Infinite,
        }
    }
}

impl fmt::Display for LeaseTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secs(secs) => write!(f, "{secs} s"),
            Self::Infinite => f.write_str("infinite"),
        }
    }
}

/// The two clocks seen together: which [`Timestamp`] an [`Instant`] stands for. The caller makes one at start, from the
/// wall clock where there is one, else from the last time in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LeaseClock {
    at: Instant,
    stamp: Timestamp,
}

impl LeaseClock {
    /// At the instant `at` the lease clock shows `stamp`.
    #[must_use]
    pub const fn new(at: Instant, stamp: Timestamp) -> Self {
        Self { at, stamp }
    }

    /// What the lease clock shows at `now`; before `at` it stands still.
    #[must_use]
    // Asked for in many places, and more than a call: one function is 220 octets of a microcontroller's code less, for 5 instructions a message.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub fn read(&self, now: Instant) -> Timestamp {
        self.stamp.plus_secs(whole_secs(now.millis_since(self.at)))
    }

    /// Moves forward to `stamp` when that is later, as after a time server was reached; never backward.
    pub fn advance(&mut self, now: Instant, stamp: Timestamp) {
        if stamp > self.read(now) {
            *self = Self::new(now, stamp);
        }
    }

    /// What the lease clock needs when a wall clock shows `wall`; none is one that was never set.
    #[must_use]
    pub fn correction(&self, now: Instant, wall: Option<Timestamp>) -> Correction {
        let shown = self.read(now);
        match wall {
            Some(wall) if wall > shown => {
                let ahead = wall.as_secs() - shown.as_secs();
                if ahead > AHEAD_SECS_MAX { Correction::Shift(ahead) } else { Correction::None }
            }
            Some(_) | None => Correction::None,
        }
    }
}

/// Whole seconds; what is more than fits, the most that does.
fn whole_secs(millis: u64) -> u32 {
    u32::try_from(millis).map_or_else(|_| whole_secs_of_many(millis), |millis| millis / 1_000)
}

/// As [`whole_secs`], from the 50th day on. A microcontroller divides 32 bits by an instruction, and 64 by a kilobyte of code: this divides 16 at a time.
#[cold]
#[inline(never)]
fn whole_secs_of_many(millis: u64) -> u32 {
    let (mut secs, mut rest) = (0_u64, 0);
    for digit in millis.to_be_bytes().as_chunks().0 {
        rest = rest << 16 | u32::from(u16::from_be_bytes(*digit));
        secs = secs << 16 | u64::from(rest / 1_000);
        rest %= 1_000;
    }
    u32::try_from(secs).unwrap_or(u32::MAX)
}

/// How far the wall clock may be ahead of the lease clock before leases are prolonged, in seconds: the seconds of the two do not begin together.
const AHEAD_SECS_MAX: u32 = 1;

/// What the lease clock needs: see [`LeaseClock::correction`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Correction {
    /// Nothing: it is right, or behind by less than 2 seconds, or ahead of a wall clock that cannot be believed.
    None,
    /// It is behind by this many seconds. Leases that run were given for a duration, and are to last as long: their ends move with the clock.
    Shift(u32),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_lease_never_becomes_infinite() {
        let end = Timestamp::from_secs(u32::MAX - 10).plus(LeaseTime::Secs(100));
        assert_eq!(end, Timestamp::from_secs(u32::MAX - 1));
        assert_eq!(Timestamp::from_secs(5).plus(LeaseTime::Infinite), Timestamp::NEVER);
        assert_eq!(Timestamp::NEVER.plus_secs(1), Timestamp::NEVER);
    }

    #[test]
    fn t1_is_before_t2_is_before_the_end() {
        for secs in [0, 1, 7, 8, 60, 3_600, u32::MAX - 1] {
            let lease = LeaseTime::Secs(secs);
            assert!(lease.renewal() <= lease.rebinding() && lease.rebinding() <= lease);
        }
        assert_eq!(LeaseTime::Secs(3_600).rebinding(), LeaseTime::Secs(3_150));
        assert_eq!(LeaseTime::Infinite.renewal(), LeaseTime::Infinite);
    }

    #[test]
    fn infinity_is_one_number_on_the_wire() {
        assert_eq!(LeaseTime::from_wire(u32::MAX), LeaseTime::Infinite);
        assert_eq!(LeaseTime::Infinite.to_wire(), u32::MAX);
        assert!(LeaseTime::Infinite > LeaseTime::Secs(u32::MAX - 1));
    }

    #[test]
    fn seconds_are_counted_for_as_long_as_the_clock_runs() {
        let most = u64::from(u32::MAX);
        for millis in [0, 999, 1_000, most, most + 1, most + 705, 1 << 40, most * 1_000 + 999] {
            assert_eq!(u64::from(whole_secs(millis)), millis / 1_000, "{millis}");
        }
        for millis in [(most + 1) * 1_000, u64::MAX] {
            assert_eq!(whole_secs(millis), u32::MAX, "{millis}");
        }
    }

    #[test]
    fn the_lease_clock_goes_forward_only() {
        let mut clock = LeaseClock::new(Instant::from_millis(500), Timestamp::from_secs(1_000));
        assert_eq!(clock.read(Instant::from_millis(2_499)), Timestamp::from_secs(1_001));
        clock.advance(Instant::from_millis(2_500), Timestamp::from_secs(900));
        assert_eq!(clock.read(Instant::from_millis(2_500)), Timestamp::from_secs(1_002));
        clock.advance(Instant::from_millis(2_500), Timestamp::from_secs(9_000));
        assert_eq!(clock.read(Instant::from_millis(3_500)), Timestamp::from_secs(9_001));
    }

    #[test]
    fn the_lease_clock_is_never_put_back_and_leases_are_prolonged_when_it_jumps() {
        let clock = LeaseClock::new(Instant::ZERO, Timestamp::from_secs(1_000));
        let now = Instant::from_millis(5_000);
        let wall = |secs| Some(Timestamp::from_secs(secs));
        assert_eq!(clock.correction(now, None), Correction::None);
        assert_eq!(clock.correction(now, wall(10)), Correction::None);
        assert_eq!(clock.correction(now, wall(1_005)), Correction::None);
        assert_eq!(clock.correction(now, wall(1_006)), Correction::None);
        assert_eq!(clock.correction(now, wall(1_007)), Correction::Shift(2));
        assert_eq!(clock.correction(now, wall(90_000)), Correction::Shift(88_995));
    }
}
