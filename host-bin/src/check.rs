//! Is the file right? `hydrant check FILE`: all that is wrong with it to stderr, what would be served to stdout; 0 or 1.

use core::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use dhcp_core::time::LeaseTime;

use crate::config::model::{Config, Subnet};
use crate::config::report::{Look, Report, Severity};
use crate::config::{Loaded, load};

/// Checks the file and says what was found.
pub(crate) fn run(path: &Path) -> ExitCode {
    let loaded = load(path);
    tell_findings(&loaded);
    let (text, code) = match &loaded.config {
        Some(config) => (summary(path, config, &loaded.report), ExitCode::SUCCESS),
        None => (refusal(path, &loaded.report), ExitCode::FAILURE),
    };
    let _ = std::io::stdout().write_all(text.as_bytes());
    code
}

/// All that was found, to stderr.
pub(crate) fn tell_findings(loaded: &Loaded) {
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let look = if colours { Look::Colour } else { Look::Plain };
    let findings = loaded.report.render(&loaded.sources, look);
    // There is nobody to tell when a stream is closed; the exit code is still right.
    let _ = std::io::stderr().write_all(findings.as_bytes());
}

fn refusal(path: &Path, report: &Report) -> String {
    format!("{}: refused, {}\n", path.display(), counts(report))
}

/// `2 errors, 1 note`.
fn counts(report: &Report) -> String {
    let kinds =
        [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
    let told = kinds.into_iter().filter_map(|(severity, word)| match report.count(severity) {
        0 => None,
        1 => Some(format!("1 {word}")),
        more => Some(format!("{more} {word}s")),
    });
    let told = told.collect::<Vec<_>>();
    if told.is_empty() { "nothing to remark".to_owned() } else { told.join(", ") }
}

/// What would be served, one line a subnet.
fn summary(path: &Path, config: &Config, report: &Report) -> String {
    let mut text = format!("{}: good, {}\n", path.display(), counts(report));
    for subnet in &config.subnets {
        writeln!(text, "  {}", line(subnet)).expect("a String takes everything");
    }
    text
}

/// How many addresses of a subnet are in ranges.
pub(crate) fn addresses(subnet: &Subnet) -> u32 {
    let ranges = subnet.pools.iter().flat_map(|pool| &pool.ranges);
    ranges.map(|range| range.len()).fold(0, u32::saturating_add)
}

/// `1 address`, `2 addresses`.
pub(crate) fn counted(count: u32, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

/// What is served in one subnet.
pub(crate) fn line(subnet: &Subnet) -> String {
    let ranges = || subnet.pools.iter().flat_map(|pool| &pool.ranges);
    let reservations = subnet.reservations().count();
    let place = match (&subnet.interface, subnet.vlan, &subnet.shared_network) {
        (Some(interface), Some(vlan), _) => format!(" on {interface}, VLAN {vlan}"),
        (Some(interface), None, _) => format!(" on {interface}"),
        (None, _, Some(name)) => format!(" in {name}"),
        (None, _, None) => String::new(),
    };
    let ranges = ranges().map(ToString::to_string).collect::<Vec<_>>();
    let handed_out = if ranges.is_empty() { "no range".to_owned() } else { ranges.join(", ") };
    let reserved = match reservations {
        0 => String::new(),
        1 => ", 1 reservation".to_owned(),
        more => format!(", {more} reservations"),
    };
    let mut times = subnet
        .pools
        .iter()
        .map(|pool| (pool.terms.lease_default, pool.terms.lease_max))
        .collect::<Vec<_>>();
    times.sort_unstable();
    times.dedup();
    let times =
        times.iter().map(|(default, max)| format!("{}, at most {}", time(*default), time(*max)));
    let times = times.collect::<Vec<_>>().join("; or ");
    let addresses = counted(addresses(subnet), "address", "addresses");
    format!("{}{place}: {handed_out} ({addresses}){reserved}; leases of {times}", subnet.net)
}

/// As a person says it: whole hours and days where they fit.
fn time(time: LeaseTime) -> String {
    match time {
        LeaseTime::Infinite => "unlimited time".to_owned(),
        LeaseTime::Secs(secs) if secs > 0 && secs % 86_400 == 0 => format!("{} d", secs / 86_400),
        LeaseTime::Secs(secs) if secs > 0 && secs % 3_600 == 0 => format!("{} h", secs / 3_600),
        LeaseTime::Secs(secs) if secs > 0 && secs % 60 == 0 => format!("{} min", secs / 60),
        LeaseTime::Secs(secs) => format!("{secs} s"),
    }
}
