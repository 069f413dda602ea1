//! When do we ask again? Back-off, renewal times, and how long we wait after a refusal (RFC 2131 sections 4.1 and 4.4.5).

use crate::rng::Rng;
use crate::time::{Instant, LeaseTime};

/// How long the client waits after a DECLINE before it looks for servers again, in seconds (RFC 2131 section 3.1 (5)).
pub const DECLINE_WAIT_SECS: u32 = 10;

/// How long a client stays without IPv4 at least when a server prefers that, in seconds (RFC 8925 section 3.4, `MIN_V6ONLY_WAIT`).
pub const V6ONLY_WAIT_SECS_MIN: u32 = 300;

const BACKOFF_MILLIS_MIN: u32 = 4_000;
const BACKOFF_DOUBLINGS_MAX: u8 = 4;
const JITTER_MILLIS: u32 = 1_000;
const RENEW_MILLIS_MIN: u64 = 60_000;
const NAK_WAIT_MILLIS_MIN: u32 = 1_000;
const NAK_DOUBLINGS_MAX: u8 = 6;

/// When to send again after the message was sent `tries` times: 4, 8, 16, 32, then 64 seconds, each plus or minus up to one (RFC 2131
/// section 4.1).
pub(super) fn backoff(now: Instant, tries: u8, rng: &mut Rng) -> Instant {
    let doublings = tries.saturating_sub(1).min(BACKOFF_DOUBLINGS_MAX);
    let jitter = rng.below(2 * JITTER_MILLIS + 1);
    now.plus_millis(u64::from((BACKOFF_MILLIS_MIN << doublings) - JITTER_MILLIS + jitter))
}

/// When to send again in RENEWING, where `until` is T2, or in REBINDING, where it is the end of the lease: after half of the
/// remaining time, but at least 60 s; not later than `until` (RFC 2131 section 4.4.5).
pub(super) fn half_of_the_rest(now: Instant, until: Instant) -> Instant {
    let half = until.millis_since(now) / 2;
    now.plus_millis(half.max(RENEW_MILLIS_MIN)).min(until)
}

/// When to search again after `refusals` NAKs in a row, counted from 1: 1 to 2 s, then twice as long each time, up to about a minute.
///
/// RFC 2131 has no such wait; without it, a server that offers and then refuses is asked as fast as the link allows.
pub(super) fn after_nak(now: Instant, refusals: u8, rng: &mut Rng) -> Instant {
    let doublings = refusals.saturating_sub(1).min(NAK_DOUBLINGS_MAX);
    let wait = NAK_WAIT_MILLIS_MIN << doublings;
    now.plus_millis(u64::from(wait + rng.below(JITTER_MILLIS + 1)))
}

/// How long a lease goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Term {
    /// For good: it is never renewed.
    Infinite,
    /// `renew_at` is before `rebind_at`, which is before `expires_at`.
    Finite {
        /// T1: ask our server again.
        renew_at: Instant,
        /// T2: ask any server.
        rebind_at: Instant,
        /// The address is no longer ours.
        expires_at: Instant,
    },
}

impl Term {
    /// The term of a lease of `duration` that was asked for at `since`. `t1` and `t2` are what the server says (options 58 and 59, in
    /// seconds); where they are not in order (0 < T1 < T2 < lease), the defaults of RFC 2131 section 4.4.5 take their place.
    ///
    /// Both are a little earlier than that, by up to one 32nd, so that clients which started together drift apart.
    #[must_use]
    pub(super) fn new(
        since: Instant,
        duration: LeaseTime,
        t1: Option<u32>,
        t2: Option<u32>,
        rng: &mut Rng,
    ) -> Self {
        let LeaseTime::Secs(secs) = duration else { return Self::Infinite };
        let lease = u64::from(secs) * 1_000;
        let millis = |secs: u32| u64::from(secs) * 1_000;
        let (t1_default, t2_default) = (lease / 2, lease / 8 * 7);
        let t1 = t1.map(millis).filter(|t1| *t1 > 0);
        let t2 = t2.map(millis).filter(|t2| *t2 > 0);
        let ordered = |t1: u64, t2: u64| (t1 < t2 && t2 < lease).then_some((t1, t2));
        let (t1, t2) = ordered(t1.unwrap_or(t1_default), t2.unwrap_or(t2_default))
            .unwrap_or((t1_default, t2_default));
        let t1_early = t1 - earlier(t1 / 32, rng);
        let t2_early = t2 - earlier((t2 / 32).min((t2 - t1) / 2), rng);
        Self::Finite {
            renew_at: since.plus_millis(t1_early),
            rebind_at: since.plus_millis(t2_early),
            expires_at: since.plus_millis(lease),
        }
    }

    /// The end; `None` for an infinite lease.
    #[must_use]
    pub const fn expires_at(&self) -> Option<Instant> {
        match *self {
            Self::Infinite => None,
            Self::Finite { expires_at, .. } => Some(expires_at),
        }
    }

    /// Whether the lease is over at `now`.
    #[must_use]
    pub fn is_over(&self, now: Instant) -> bool {
        self.expires_at().is_some_and(|expires_at| expires_at <= now)
    }
}

fn earlier(up_to: u64, rng: &mut Rng) -> u64 {
    u64::from(rng.below(u32::try_from(up_to).unwrap_or(u32::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_millis(1_000_000);

    fn finite(secs: u32, t1: Option<u32>, t2: Option<u32>, seed: u64) -> [u64; 3] {
        match Term::new(NOW, LeaseTime::Secs(secs), t1, t2, &mut Rng::seeded(seed)) {
            Term::Finite { renew_at, rebind_at, expires_at } => {
                [renew_at, rebind_at, expires_at].map(|at| at.millis_since(NOW))
            }
            Term::Infinite => panic!("the lease is finite"),
        }
    }

    /// RFC 2131 section 4.1.
    #[test]
    fn back_off_is_4_8_16_32_64_seconds_give_or_take_one() {
        let mut rng = Rng::seeded(5);
        for (tries, secs) in [(1, 4), (2, 8), (3, 16), (4, 32), (5, 64), (6, 64), (255, 64), (0, 4)]
        {
            let (mut low, mut high) = (u64::MAX, 0);
            for _ in 0..500 {
                let wait = backoff(NOW, tries, &mut rng).millis_since(NOW);
                low = low.min(wait);
                high = high.max(wait);
            }
            assert!(low >= secs * 1_000 - 1_000 && high <= secs * 1_000 + 1_000, "{tries}");
            assert!(high - low > 1_500, "the jitter is used");
        }
    }

    /// RFC 2131 section 4.4.5.
    #[test]
    fn renewals_are_sent_again_after_half_of_the_rest_but_at_least_a_minute() {
        let wait = |secs| half_of_the_rest(NOW, NOW.plus_secs(secs)).millis_since(NOW);
        assert_eq!(wait(3_600), 1_800_000);
        assert_eq!(wait(100), 60_000);
        assert_eq!(wait(30), 30_000, "not later than the next state");
        assert_eq!(wait(0), 0);
    }

    #[test]
    fn refusals_are_waited_for_longer_each_time() {
        let mut rng = Rng::seeded(5);
        let mut last = 0;
        for refusals in 1..=7 {
            let wait = after_nak(NOW, refusals, &mut rng).millis_since(NOW);
            assert!(wait >= 1_000 && wait >= last / 2 && wait <= 65_000);
            assert!(wait >= 1_000 << (refusals - 1));
            last = wait;
        }
        assert!(after_nak(NOW, 255, &mut rng).millis_since(NOW) <= 65_000);
    }

    #[test]
    fn t1_t2_and_the_end_are_in_order_whatever_the_server_says() {
        let say = [None, Some(0), Some(1), Some(20), Some(30), Some(40), Some(u32::MAX)];
        for secs in [5, 6, 7, 8, 40, 60, 3_600, u32::MAX - 1] {
            for t1 in say {
                for t2 in say {
                    for seed in 0..20 {
                        let [renew, rebind, end] = finite(secs, t1, t2, seed);
                        assert!(
                            0 < renew && renew < rebind && rebind < end,
                            "{secs} {t1:?} {t2:?}"
                        );
                        assert_eq!(end, u64::from(secs) * 1_000);
                    }
                }
            }
        }
    }

    #[test]
    fn what_the_server_says_is_kept_when_it_is_in_order() {
        for seed in 0..50 {
            let [renew, rebind, _] = finite(3_600, Some(600), Some(1_200), seed);
            assert!((600_000 - 600_000 / 32..=600_000).contains(&renew));
            assert!((1_200_000 - 1_200_000 / 32..=1_200_000).contains(&rebind));
            let [renew, rebind, _] = finite(3_600, Some(3_500), None, seed);
            assert!((1_800_000 - 1_800_000 / 32..=1_800_000).contains(&renew), "T1 after T2");
            assert!(rebind <= 3_150_000);
        }
    }

    #[test]
    fn an_infinite_lease_has_no_times() {
        let mut rng = Rng::seeded(0);
        let term = Term::new(NOW, LeaseTime::Infinite, Some(5), Some(6), &mut rng);
        assert_eq!(term, Term::Infinite);
        assert!(!term.is_over(Instant::from_millis(u64::MAX)));
    }
}
