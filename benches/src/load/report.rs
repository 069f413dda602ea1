//! What did the clients experience? Numbers of a run, for people and as JSON.

use core::fmt;
use core::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// How long something took, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Half were faster.
    pub p50: f64,
    /// 99 of 100 were faster.
    pub p99: f64,
    /// 999 of 1,000 were faster.
    pub p999: f64,
    /// The slowest.
    pub max: f64,
}

impl Latency {
    #[allow(clippy::cast_precision_loss, reason = "nanoseconds of some seconds at most")]
    pub(super) fn of(nanos: &Histogram<u64>) -> Self {
        let micros = |nanos: u64| nanos as f64 / 1_000.0;
        let at = |quantile| micros(nanos.value_at_quantile(quantile));
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: micros(nanos.max()) }
    }
}

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// For how long exchanges began, in seconds.
    pub secs: f64,
    /// Exchanges that began.
    pub begun: u64,
    /// Exchanges that ended with an ACK.
    pub done: u64,
    /// Exchanges that ended with a NAK.
    pub refused: u64,
    /// Exchanges in which a client heard nothing and gave up.
    pub lost: u64,
    /// Messages that this system did not take.
    pub unsent: u64,
    /// Answers that nobody waited for any more.
    pub stray: u64,
    /// Exchanges that ended with an ACK, each second.
    pub per_second: f64,
    /// How long exchanges took, from when they should have begun to the ACK, in microseconds.
    pub exchange: Latency,
    /// How long an OFFER took, in microseconds; zero when none was waited for.
    pub offer: Latency,
    /// How long an ACK took, in microseconds.
    pub ack: Latency,
    /// The server's CPU time for each exchange that ended with an ACK, in microseconds.
    pub server_cpu_micros: Option<f64>,
    /// How long a write of one record and its sync took on the server's disk just after the run, in microseconds; with the pauses between them that a run with
    /// one client at a time leaves.
    pub bare_sync: Option<Latency>,
}

impl Report {
    /// How many bare syncs an ACK takes beyond what an OFFER takes, which is not synced; of the medians.
    #[must_use]
    pub fn syncs(&self) -> Option<f64> {
        let bare = self.bare_sync.as_ref()?;
        Some((self.ack.p50 - self.offer.p50) / bare.p50.max(f64::EPSILON))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = self.lost as f64 * 100.0 / self.begun.max(1) as f64;
        writeln!(
            f,
            "{:.0} exchanges a second ({} in {:.1} s)",
            self.per_second, self.done, self.secs
        )?;
        writeln!(
            f,
            "lost {} ({percent:.2} %), refused {}, strays {}, not sent {}",
            self.lost, self.refused, self.stray, self.unsent
        )?;
        for (what, latency) in
            [("exchange", &self.exchange), ("OFFER", &self.offer), ("ACK", &self.ack)]
        {
            let Latency { p50, p99, p999, max } = latency;
            writeln!(
                f,
                "{what:<9} p50 {p50:>9.1} us   p99 {p99:>9.1} us   p99.9 {p999:>9.1} us   longest {max:>9.1} us"
            )?;
        }
        if let (Some(bare), Some(syncs)) = (&self.bare_sync, self.syncs()) {
            let (p50, beyond) =
                (bare.p50, if self.offer.p50 > 0.0 { " more than an OFFER" } else { "" });
            writeln!(f, "bare sync p50 {p50:>9.1} us   an ACK takes {syncs:.2} of it{beyond}")?;
        }
        match self.server_cpu_micros {
            Some(micros) => write!(f, "server CPU {micros:.1} us an exchange"),
            None => write!(f, "server CPU unknown: no --server-pid was given"),
        }
    }
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Whether clients get the leases that the run begins with.
    pub preparing: bool,
    /// How much of it is done, from 0 to 1.
    pub share: f64,
    /// Exchanges that ended with an ACK.
    pub done: u64,
    /// Exchanges in which a client gave up.
    pub lost: u64,
    /// Since the beginning of this part.
    pub elapsed: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_told_in_microseconds() {
        let mut nanos = Histogram::<u64>::new_with_bounds(1, 1_000_000_000, 3).unwrap();
        (1..=1_000).for_each(|micros| nanos.saturating_record(micros * 1_000));
        let Latency { p50, p99, p999, max } = Latency::of(&nanos);
        for (found, wanted) in [(p50, 500.0), (p99, 990.0), (p999, 999.0), (max, 1_000.0)] {
            assert!((found / wanted - 1.0).abs() < 0.002, "{found} {wanted}");
        }
    }
}
