//! When does the next client begin, and who has waited too long? The loop of a run.

use core::net::Ipv4Addr;
use core::time::Duration;
use std::collections::VecDeque;
use std::fs;
use std::time::Instant;

use dhcp_core::wire::message::Scratch;
use hdrhistogram::Histogram;

use super::clients::{Clients, Step};
use super::disk::bare_sync;
use super::path::Wire;
use super::{
    Kind, LATENCY_NANOS_MAX, Latency, LoadError, Pace, Path, Plan, Progress, Report, check_private,
};

/// How many are at it while clients get the leases that a run begins with.
const PREPARING_IN_FLIGHT: u32 = 64;

/// How often a client that must have a lease before the run tries to get it.
const PREPARING_ROUNDS: u32 = 5;

/// How many exchanges begin before answers are looked at again.
const BEGIN_MAX: u64 = 64;

/// How many batches of answers are taken before the next exchange may begin: answers that wait in our socket make the server look slow.
const BATCHES_MAX: usize = 16;

/// How often progress is told.
const PROGRESS_PERIOD: Duration = Duration::from_millis(100);

/// The longest that the loop sleeps.
const NAP: Duration = Duration::from_millis(1);

/// Does what the plan says, and tells `progress` now and then.
///
/// # Errors
/// Every [`LoadError`].
pub async fn run(plan: &Plan, mut progress: impl FnMut(&Progress)) -> Result<Report, LoadError> {
    check_private(&plan.path)?;
    let all = u64::from(plan.clients) + u64::from(plan.preload);
    let count = u32::try_from(all).ok().filter(|count| *count <= Clients::MAX);
    let count = count.ok_or(LoadError::TooMany(all))?;
    let giaddr = match plan.path {
        Path::Relay { giaddr, .. } => giaddr,
        Path::Broadcast { .. } => Ipv4Addr::UNSPECIFIED,
    };
    let mut run = Run {
        clients: Clients::new(count, giaddr),
        wire: Wire::open(&plan.path).await?,
        scratch: Scratch::new(),
        timeout: plan.timeout,
    };
    let prepared = match plan.kind {
        Kind::Dora => plan.preload,
        Kind::Renew | Kind::Reboot => count,
    };
    // Those that only have to be there come last by number.
    run.prepare(count - prepared..count, &mut progress).await?;
    let cpu_before = plan.server_pid.and_then(cpu_time);
    let aim = Aim {
        kind: plan.kind,
        pace: plan.pace,
        numbers: 0..plan.clients,
        until: Until::Time(plan.time),
    };
    let mut report = run.drive(&aim, &mut progress).await?;
    let cpu_after = plan.server_pid.and_then(cpu_time);
    if let (Some(before), Some(after), true) = (cpu_before, cpu_after, report.done > 0) {
        let micros = after.saturating_sub(before).as_secs_f64() * 1e6;
        report.server_cpu_micros = Some(micros / report.done as f64);
    }
    if let Some(directory) = &plan.disk {
        let bare = bare_sync(directory, pause(plan.pace, &report));
        report.bare_sync = Some(bare.map_err(LoadError::io("write to the disk of the server"))?);
    }
    Ok(report)
}

/// For how long the server had nothing to sync after each sync: while one client alone is answered, it asks, is offered and asks again.
fn pause(pace: Pace, report: &Report) -> Duration {
    match pace {
        Pace::Closed { in_flight: 1 } => Duration::from_secs_f64(2e-6 * report.offer.p50),
        Pace::Closed { .. } | Pace::Open { .. } => Duration::ZERO,
    }
}

/// The CPU time that a process has used, its own and the kernel's for it; counted by the kernel in hundredths of a second.
fn cpu_time(process: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may contain anything; the fields behind it are numbers but for the first.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}

/// What one part of a run does.
struct Aim {
    kind: Kind,
    pace: Pace,
    /// The clients that take part.
    numbers: core::ops::Range<u32>,
    until: Until,
}

/// When no exchange begins any more.
enum Until {
    /// After this time.
    Time(Duration),
    /// When each client has had its turn once.
    Once,
}

struct Run {
    clients: Clients,
    wire: Wire,
    scratch: Scratch,
    timeout: Duration,
}

/// An exchange that is waited for.
struct Waiting {
    since: Instant,
    number: u32,
    round: u32,
}

/// When a client's exchange began, and when its last message left.
#[derive(Clone, Copy)]
struct Times {
    begun: Instant,
    sent: Instant,
}

impl Run {
    /// Gives each of these clients a lease.
    async fn prepare(
        &mut self,
        numbers: core::ops::Range<u32>,
        progress: &mut impl FnMut(&Progress),
    ) -> Result<(), LoadError> {
        let wanted = numbers.end - numbers.start;
        let pace = Pace::Closed { in_flight: PREPARING_IN_FLIGHT };
        for _ in 0..PREPARING_ROUNDS {
            if self.clients.with_address() >= wanted {
                break;
            }
            let numbers = numbers.clone();
            let aim = Aim { kind: Kind::Dora, pace, numbers, until: Until::Once };
            self.drive(&aim, progress).await?;
        }
        let had = self.clients.with_address();
        if had < wanted { Err(LoadError::NotPrepared { had, wanted }) } else { Ok(()) }
    }

    async fn drive(
        &mut self,
        aim: &Aim,
        progress: &mut impl FnMut(&Progress),
    ) -> Result<Report, LoadError> {
        let Run { clients, wire, scratch, timeout } = self;
        let preparing = matches!(aim.until, Until::Once);
        let begin = Instant::now();
        let first = aim.numbers.start;
        let mut times = vec![Times { begun: begin, sent: begin }; aim.numbers.len()];
        let mut report = Report::default();
        let histogram = || {
            let bounds = Histogram::<u64>::new_with_bounds(1, LATENCY_NANOS_MAX, 3);
            bounds.expect("the bounds are in order, and three digits are allowed")
        };
        let (mut exchange, mut offer, mut ack) = (histogram(), histogram(), histogram());
        let mut waiting: VecDeque<Waiting> = VecDeque::new();
        let mut heard = Vec::new();
        let mut in_flight = 0_u32;
        let mut next = 0_u32;
        let mut stopped_at = None;
        let mut told_at = begin;
        loop {
            let now = Instant::now();
            let elapsed = now - begin;
            let share = match aim.until {
                Until::Time(time) => elapsed.as_secs_f64() / time.as_secs_f64(),
                Until::Once => report.begun as f64 / aim.numbers.len().max(1) as f64,
            };
            if share >= 1.0 && stopped_at.is_none() {
                stopped_at = Some(now);
            }
            if stopped_at.is_some() && in_flight == 0 {
                break;
            }
            if now - told_at > PROGRESS_PERIOD {
                told_at = now;
                let (done, lost) = (report.done, report.lost);
                progress(&Progress { preparing, share: share.min(1.0), done, lost, elapsed });
            }
            // Who has waited too long.
            while let Some(oldest) = waiting.front().filter(|oldest| now - oldest.since > *timeout)
            {
                if clients.give_up(oldest.number, oldest.round) {
                    in_flight -= 1;
                    report.lost += 1;
                }
                waiting.pop_front();
            }
            // Who begins.
            let mut budget = match (stopped_at, aim.pace) {
                (Some(_), _) => 0,
                (None, Pace::Closed { in_flight: most }) => {
                    u64::from(most.saturating_sub(in_flight))
                }
                (None, Pace::Open { per_second }) => {
                    due(elapsed, per_second).saturating_sub(report.begun).min(BEGIN_MAX)
                }
            };
            let is_late = budget == BEGIN_MAX;
            let mut looked_at = 0;
            while budget > 0 && looked_at < aim.numbers.len() {
                if preparing && report.begun >= aim.numbers.len() as u64 {
                    break;
                }
                let number = first + next;
                next = if first + next + 1 == aim.numbers.end { 0 } else { next + 1 };
                looked_at += 1;
                if !clients.is_idle(number) {
                    continue;
                }
                let request = clients.begin(number, aim.kind);
                wire.push(&request);
                // In an open loop it should have begun when it was due; that this program is late does not make the server faster.
                let begun = match aim.pace {
                    Pace::Closed { .. } => now,
                    Pace::Open { per_second } => {
                        begin + Duration::from_secs_f64(report.begun as f64 / per_second)
                    }
                };
                if let Some(times) = times.get_mut((number - first) as usize) {
                    *times = Times { begun, sent: now };
                }
                waiting.push_back(Waiting { since: now, number, round: clients.round(number) });
                report.begun += 1;
                in_flight += 1;
                budget -= 1;
                looked_at = 0;
            }
            wire.flush();
            // Who is answered.
            heard.clear();
            let mut received = 0;
            for _ in 0..BATCHES_MAX {
                let count = wire.receive(|payload| heard.push(clients.hear(payload, scratch)))?;
                received += count;
                if count == 0 {
                    break;
                }
            }
            let now = Instant::now();
            for step in heard.drain(..) {
                let times_of =
                    |number: u32| times.get((number.wrapping_sub(first)) as usize).copied();
                let nanos = |since: Instant| {
                    u64::try_from(now.saturating_duration_since(since).as_nanos())
                        .unwrap_or(u64::MAX)
                };
                match step {
                    Step::Offered(number, request) => {
                        wire.push(&request);
                        if let Some(times_of) = times_of(number) {
                            offer.saturating_record(nanos(times_of.sent));
                        }
                        if let Some(times) = times.get_mut((number.wrapping_sub(first)) as usize) {
                            times.sent = now;
                        }
                    }
                    Step::Done(number) => {
                        in_flight -= 1;
                        report.done += 1;
                        if let Some(times) = times_of(number) {
                            exchange.saturating_record(nanos(times.begun));
                            ack.saturating_record(nanos(times.sent));
                        }
                    }
                    Step::Refused(_) => {
                        in_flight -= 1;
                        report.refused += 1;
                    }
                    Step::Stray => report.stray += 1,
                }
            }
            // What comes next leaves together with those that begin.
            if received == 0 && !is_late {
                wire.wait(NAP).await?;
            } else {
                // The sockets learn here that there is more.
                tokio::task::yield_now().await;
            }
        }
        report.secs = stopped_at.unwrap_or(begin).duration_since(begin).as_secs_f64();
        report.per_second = report.done as f64 / report.secs.max(f64::EPSILON);
        report.exchange = Latency::of(&exchange);
        report.offer = Latency::of(&offer);
        report.ack = Latency::of(&ack);
        report.unsent = core::mem::take(&mut wire.unsent);
        Ok(report)
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of some millions"
)]
fn due(elapsed: Duration, per_second: f64) -> u64 {
    (elapsed.as_secs_f64() * per_second) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_of_a_process_grows_with_its_work() {
        let own = std::process::id();
        let before = cpu_time(own).unwrap();
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(200) {
            core::hint::black_box(before);
        }
        assert!(cpu_time(own).unwrap() > before);
        assert_eq!(cpu_time(u32::MAX), None);
    }

    #[test]
    fn an_open_loop_owes_what_time_says() {
        assert_eq!(due(Duration::from_millis(1_500), 1_000.0), 1_500);
        assert_eq!(due(Duration::ZERO, 1_000.0), 0);
    }
}
