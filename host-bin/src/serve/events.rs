//! What is told to the operator, and how often? Every event becomes a line here; a flood of them becomes a few lines and a number.

use core::error::Error;
use core::fmt;

use dhcp_core::server::config::Link;
use dhcp_core::server::{Discard, Event};
use dhcp_core::time::Instant;
use tracing::{debug, error, info, warn};

use crate::chain::Chain;
use crate::serve::intake::Arrival;
use crate::serve::interfaces::Known;

/// How many lines of one kind are written at once, and how long it takes until another one may be, in milliseconds. Counters go on.
const BURST: u32 = 200;
const REFILL_MS: u64 = 10;

/// For what is dropped, a line each 5 s for each reason.
const DISCARD_BURST: u32 = 3;
const DISCARD_REFILL_MS: u64 = 5_000;

/// How often it is said again that changes cannot be written, in milliseconds.
const FAILING_MS: u64 = 60_000;

/// Writes the lines.
#[derive(Debug)]
pub(crate) struct Events {
    dealt: Limit,
    discarded: [Limit; Discard::ALL.len()],
    failing: Limit,
}

/// Lines that may be written now, and what was left out.
#[derive(Clone, Copy, Debug)]
struct Limit {
    burst: u32,
    refill_ms: u64,
    tokens: u32,
    filled_at: Instant,
    left_out: u64,
}

impl Limit {
    const fn new(burst: u32, refill_ms: u64) -> Self {
        Self { burst, refill_ms, tokens: burst, filled_at: Instant::ZERO, left_out: 0 }
    }

    /// Whether a line may be written; with how many were left out before it.
    fn take(&mut self, now: Instant) -> Option<LeftOut> {
        let earned = now.millis_since(self.filled_at) / self.refill_ms;
        if earned > 0 {
            let tokens = u64::from(self.tokens).saturating_add(earned).min(u64::from(self.burst));
            self.tokens = u32::try_from(tokens).unwrap_or(self.burst);
            self.filled_at = now;
        }
        match self.tokens.checked_sub(1) {
            Some(tokens) => {
                self.tokens = tokens;
                Some(LeftOut(core::mem::take(&mut self.left_out)))
            }
            None => {
                self.left_out += 1;
                None
            }
        }
    }
}

/// As it stands at the end of a line.
#[derive(Clone, Copy, Debug)]
struct LeftOut(u64);

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            more => write!(f, " (and {more} lines of this kind left out)"),
        }
    }
}

/// An interface and VLAN as people write it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'k>(pub(crate) &'k Known, pub(crate) Link);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(known, link) = self;
        match known.state(link.interface) {
            Some(state) => f.write_str(&state.name)?,
            None => f.write_str("?")?,
        }
        link.vlan.map_or(Ok(()), |vlan| write!(f, ".{vlan}"))
    }
}

impl Events {
    pub(crate) fn new() -> Self {
        Self {
            dealt: Limit::new(BURST, REFILL_MS),
            discarded: [Limit::new(DISCARD_BURST, DISCARD_REFILL_MS); Discard::ALL.len()],
            failing: Limit::new(1, FAILING_MS),
        }
    }

    /// What came of a message.
    pub(crate) fn message(
        &mut self,
        now: Instant,
        known: &Known,
        arrival: &Arrival<'_>,
        event: &Event,
    ) {
        let on = Named(known, arrival.ingress.link);
        let kind = event.name();
        match event {
            Event::Discarded(why) => self.discarded(now, on, arrival, *why),
            // Before it is acknowledged it is nothing yet.
            Event::Offered(_) | Event::Informed(_) => debug!(event = kind, %on, "{event}"),
            Event::Acknowledged(_) | Event::Refused(..) | Event::Released(_) => {
                if let Some(more) = self.dealt.take(now) {
                    info!(event = kind, %on, "{event}{more}");
                }
            }
            Event::Declined(_) | Event::Conflict { .. } => {
                if let Some(more) = self.dealt.take(now) {
                    warn!(event = kind, %on, "{event}{more}");
                }
            }
            // The core may learn to say more.
            other => debug!(event = kind, %on, "{other}"),
        }
    }

    fn discarded(&mut self, now: Instant, on: Named<'_>, arrival: &Arrival<'_>, why: Discard) {
        let place = Discard::ALL.iter().position(|known| known.name() == why.name());
        let limit = place.and_then(|place| self.discarded.get_mut(place));
        let Some(more) = limit.and_then(|limit| limit.take(now)) else { return };
        let name = why.name();
        let client = Client(arrival);
        // What the operator can do something about.
        let is_ours = matches!(
            why,
            Discard::PoolExhausted
                | Discard::ReservationTaken
                | Discard::NoServerAddress
                | Discard::ServerMessage
                | Discard::NoRoomForReply
        );
        if is_ours {
            warn!(event = "discarded", reason = name, %on, %client, "not answered: {why}{more}");
        } else {
            info!(event = "discarded", reason = name, %on, %client, "not answered: {why}{more}");
        }
    }

    /// What came of an answer to a probe.
    pub(crate) fn heard(&mut self, now: Instant, event: &Event) {
        if let Some(more) = self.dealt.take(now) {
            warn!(event = event.name(), "{event}{more}");
        }
    }

    /// Changes cannot be written.
    pub(crate) fn failed(&mut self, now: Instant, error: &dyn Error) {
        if let Some(more) = self.failing.take(now) {
            let why = Chain(error);
            error!(
                event = "record-failed",
                "leases cannot be written, and are not given: {why}{more}"
            );
        }
    }

    /// They can again.
    pub(crate) fn recovered(&mut self) {
        self.failing = Limit::new(1, FAILING_MS);
        warn!(event = "record-recovered", "leases are written again");
    }
}

/// Who sent a message, as far as can be seen.
struct Client<'a>(&'a Arrival<'a>);

impl fmt::Display for Client<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.client() {
            Some(hardware) => hardware.fmt(f),
            None => f.write_str("?"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_becomes_a_few_lines_and_a_number() {
        let mut limit = Limit::new(3, 5_000);
        let mut lines = |millis| limit.take(Instant::from_millis(millis)).map(|LeftOut(more)| more);
        assert_eq!([lines(0), lines(0), lines(1)], [Some(0), Some(0), Some(0)]);
        assert_eq!([lines(1), lines(2), lines(4_999)], [None, None, None]);
        assert_eq!([lines(5_001), lines(5_002)], [Some(3), None]);
        assert_eq!([lines(60_000), lines(60_000), lines(60_000)], [Some(1), Some(0), Some(0)]);
        assert_eq!(lines(60_000), None);
    }
}
