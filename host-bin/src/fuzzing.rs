//! What holds for every text that claims to be a configuration, and for every line on the control socket? The bodies of fuzz targets, here
//! because nothing outside of the crate sees what they look at.

use std::path::Path;

use dhcp_core::id::InstallationKey;
use dhcp_core::net::{Range, Subnet};
use dhcp_core::server::config::{ServerConfig, SubnetConfig};
use dhcp_core::wire::options::Options;

use crate::config::render::{Interface, Interfaces, Rendered};
use crate::config::report::{Look, Report, Severity};
use crate::config::{Language, Loaded, load_text};
use crate::control::protocol::{Response, Versioned};
use crate::control::server::{parse, written};

/// Reads a text as TOML.
///
/// # Panics
/// When a promise about configurations is broken.
pub fn toml(text: &str) {
    examine(&load_text(Path::new("fuzz.toml"), text.to_owned(), Language::Toml));
}

/// Reads a text as `dhcpd.conf`; a text that includes files is passed over, because they could be any file of the machine.
///
/// # Panics
/// When a promise about configurations is broken.
pub fn dhcpd(text: &str) {
    if !text.to_ascii_lowercase().contains("include") {
        examine(&load_text(Path::new("fuzz.conf"), text.to_owned(), Language::Dhcpd));
    }
}

/// Reads a line of the control socket as the server does, and as its client does: it is understood and said again alike, or refused with one line.
///
/// # Panics
/// When a promise about the protocol is broken.
pub fn control(line: &[u8]) {
    let one_line = |octets: &[u8]| !octets.is_empty() && !octets.contains(&b'\n');
    match parse(line) {
        Ok(request) => {
            let said = serde_json::to_vec(&Versioned::new(&request)).expect("JSON has all of it");
            assert!(one_line(&said), "a request is one line");
            assert_eq!(parse(&said), Ok(request), "what is said again means the same");
        }
        Err(message) => {
            assert!(!message.is_empty(), "a refusal has a reason");
            let said = written(&Response::Error { message });
            assert!(one_line(&said), "a response is one line, whatever was asked");
            let heard: Result<Versioned<Response>, _> = serde_json::from_slice(&said);
            assert!(heard.is_ok(), "the client reads what the server refuses with");
        }
    }
    if let Ok(Versioned { body, .. }) = serde_json::from_slice::<Versioned<Response>>(line) {
        let said = written(&body);
        assert!(one_line(&said), "a response is one line");
        let again: Versioned<Response> =
            serde_json::from_slice(&said).expect("it was just written");
        assert_eq!(again.body, body, "what is said again means the same");
    }
}

/// A report can be shown, and what is accepted keeps to what the core trusts in.
fn examine(loaded: &Loaded) {
    let Loaded { config, report, sources } = loaded;
    let errors = report.count(Severity::Error);
    assert!(config.is_none() || errors == 0, "what has errors is not served");
    assert!(config.is_some() || errors > 0, "what is refused has a reason");
    for finding in report.findings() {
        for (span, _) in &finding.labels {
            let text = sources.text(span.file);
            assert!(span.start <= span.end, "a place begins before it ends");
            assert!(text.get(span.start..span.end).is_some(), "a place is in its file");
        }
    }
    let shown = some_of(report).render(sources, Look::Plain);
    assert_eq!(shown.is_empty(), report.findings().is_empty(), "what was found is shown");
    assert!(report.lines(sources).all(|(_, line)| !line.is_empty()));
    let Some(config) = config else { return };
    for interfaces in [Interfaces::default(), one_interface()] {
        Rendered::new(config, &interfaces).with(InstallationKey([7; 16]), obeys);
    }
}

/// To draw an excerpt takes far longer than to find what is in it, and broken text has hundreds of findings: these are drawn, others with each text.
fn some_of(report: &Report) -> Report {
    const DRAWN_MAX: usize = 4;
    let findings = report.findings();
    let every = findings.len().div_ceil(DRAWN_MAX).max(1);
    let first = findings.iter().map(|finding| finding.message.len()).sum::<usize>() % every;
    let mut some = Report::default();
    findings.iter().skip(first).step_by(every).for_each(|finding| some.add(finding.clone()));
    some
}

fn one_interface() -> Interfaces {
    Interfaces(vec![Interface {
        number: 1,
        name: "eth0".to_owned(),
        mac: Some([2, 0, 0, 0, 0, 1]),
        addresses: vec![([10, 0, 1, 1].into(), 24)],
        serve: true,
    }])
}

/// What `SubnetConfig` and `ServerConfig` ask for.
fn obeys(server: &ServerConfig<'_>) {
    let mut ended = Vec::new();
    let mut last = None;
    for subnet in server.subnets {
        if last != Some(subnet.shared_network) {
            ended.extend(last.replace(subnet.shared_network));
            assert!(!ended.contains(&subnet.shared_network), "a segment's subnets stand together");
        }
        assert!(ascends(subnet.ranges, &subnet.subnet), "ranges ascend and are apart");
        assert!(ascends(subnet.excluded, &subnet.subnet), "exclusions ascend and are apart");
        let sorted = subnet.reservations.is_sorted_by(|one, other| one.who < other.who);
        assert!(sorted, "reservations ascend without doubles");
        assert!(subnet.lease_min <= subnet.lease_default, "lease times are in order");
        assert!(subnet.lease_default <= subnet.lease_max, "lease times are in order");
        assert!(subnet.server_name.len() <= 63 && subnet.boot_file.len() <= 127);
        whole(subnet.options.octets());
        for reservation in subnet.reservations {
            whole(reservation.options);
            assert!(reservation.boot_file.len() <= 127);
            inside(subnet, reservation.address);
        }
    }
}

fn ascends(ranges: &[Range], subnet: &Subnet) -> bool {
    let inside = |range: &Range| subnet.contains(range.first()) && subnet.contains(range.last());
    ranges.is_sorted_by(|one, other| one.last() < other.first()) && ranges.iter().all(inside)
}

fn inside(subnet: &SubnetConfig<'_>, address: Option<core::net::Ipv4Addr>) {
    assert!(address.is_none_or(|address| subnet.subnet.is_host(address)), "a host's address");
}

/// Rendered options can be read to their last octet.
fn whole(options: &[u8]) {
    let len: usize = Options::new(options).map(|(_, value)| value.len() + 2).sum();
    assert_eq!(len, options.len(), "options are rendered whole");
}
