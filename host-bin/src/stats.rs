//! What did the running server count? `hydrant stats`, for people and for programs.

use core::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::cli::serve::StatsArgs;
use crate::control::client::{Client, ClientError};
use crate::control::protocol::{Request, Response, Stats};
use crate::state::StateDir;

/// Shows the counters.
pub(crate) fn run(args: &StatsArgs) -> ExitCode {
    let state = StateDir::new(&args.state.state);
    match stats(&state) {
        Ok(stats) => {
            let text = if args.json { json(&stats) } else { text(&stats) };
            // There is nobody to tell when the stream is closed.
            let _ = io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(why) => crate::failed(&why),
    }
}

fn stats(state: &StateDir) -> Result<Stats, ClientError> {
    let mut server = Client::connect(&state.control_socket())?;
    let response = server.ask(Request::Stats {})?;
    let Response::Stats(stats) = response else { return Err(server.unexpected(&response)) };
    Ok(stats)
}

fn json(stats: &Stats) -> String {
    let mut text = serde_json::to_string_pretty(stats).expect("counters are what JSON has");
    text.push('\n');
    text
}

/// What was never counted is left out.
fn text(stats: &Stats) -> String {
    let mut text = format!("hydrant {}, up {}\n", stats.program, span(stats.uptime_secs));
    let mut line = |line: core::fmt::Arguments<'_>| {
        text.write_fmt(line).expect("a String takes everything");
        text.push('\n');
    };
    if stats.record_failing {
        line(format_args!("LEASES CANNOT BE WRITTEN: see the server's log"));
    }
    for subnet in &stats.subnets {
        let link = subnet.link.as_ref().map_or(String::new(), |link| format!(" on {link}"));
        let (net, free, all) = (&subnet.subnet, subnet.free, subnet.addresses);
        line(format_args!("{net}{link}: {free} of {all} addresses free"));
    }
    let mut group = None;
    for counter in stats.counters.iter().filter(|counter| counter.count > 0) {
        if group != Some(&counter.group) {
            group = Some(&counter.group);
            line(format_args!("{}", counter.group));
        }
        line(format_args!("  {:<28} {:>12}", counter.name, counter.count));
    }
    text
}

/// `3 d 4 h`, `4 h 5 min`, `5 min 6 s`.
fn span(secs: u64) -> String {
    let (days, hours, minutes) = (secs / 86_400, secs / 3_600 % 24, secs / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{secs} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", secs % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::protocol::{Counter, SubnetStats};

    #[test]
    fn what_was_counted_is_shown_and_nothing_else() {
        let counter = |name: &str, count| Counter {
            group: "discarded".to_owned(),
            name: name.to_owned(),
            count,
        };
        let stats = Stats {
            program: "0.1.0".to_owned(),
            uptime_secs: 90,
            record_failing: true,
            counters: vec![counter("no-subnet", 0), counter("pool-exhausted", 12)],
            subnets: vec![SubnetStats {
                subnet: "10.0.1.0/24".to_owned(),
                link: Some("eth0.7".to_owned()),
                free: 3,
                addresses: 199,
            }],
        };
        assert_eq!(
            text(&stats),
            "\
hydrant 0.1.0, up 1 min 30 s
LEASES CANNOT BE WRITTEN: see the server's log
10.0.1.0/24 on eth0.7: 3 of 199 addresses free
discarded
  pool-exhausted                         12
"
        );
    }

    #[test]
    fn a_span_has_two_units() {
        let told = [0, 59, 61, 7_260, 90_000].map(span);
        assert_eq!(told, ["0 s", "59 s", "1 min 1 s", "2 h 1 min", "1 d 1 h"]);
    }
}
