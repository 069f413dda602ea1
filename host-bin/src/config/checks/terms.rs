//! On what terms are addresses handed out? Defaults for what the file does not say, and lease times that fit each other.

use core::net::Ipv4Addr;

use dhcp_core::server::config::Identity;
use dhcp_core::time::LeaseTime;

use crate::config::draft::{DraftSubnet, Parameters};
use crate::config::model::Terms;
use crate::config::report::{Finding, Report};
use crate::config::source::Spanned;

/// Twelve hours, as the well-known server has it.
const LEASE_DEFAULT: LeaseTime = LeaseTime::Secs(43_200);

/// One day.
const LEASE_MAX: LeaseTime = LeaseTime::Secs(86_400);

/// Five minutes, so that no client keeps the journal busy; less when the default is less.
const LEASE_MIN: LeaseTime = LeaseTime::Secs(300);

/// The terms with defaults. Nothing is reported but what [`check`] does not see: it looks at the subnet's own parameters once.
pub(super) fn terms(subnet: &DraftSubnet, parameters: &Parameters, report: &mut Report) -> Terms {
    let own = core::ptr::eq(parameters, &raw const subnet.parameters);
    let (lease_min, lease_default, lease_max) = lease_times(subnet, parameters, own, report);
    if let Some(timeout) = &parameters.ping_timeout_millis
        && (own || subnet.parameters.ping_timeout_millis.map(|own| own.span) != Some(timeout.span))
    {
        report.add(
            Finding::note("how long an answer to a probe is waited for is not configured")
                .at(timeout.span, "changes nothing")
                .help(
                    "addresses are asked about ahead of time, so that no client waits: half a second by ARP, a second by ICMP echo",
                ),
        );
    }
    let options = parameters.options.iter();
    Terms {
        options: options.map(|(code, value)| (*code, value.value.clone())).collect(),
        lease_default,
        lease_min,
        lease_max,
        authoritative: parameters.authoritative.is_some_and(|yes| yes.value),
        identity: parameters.identity.map_or(Identity::ClientId, |identity| identity.value),
        serve_unknown: parameters.serve_unknown.is_none_or(|yes| yes.value),
        trust_host_name: parameters.trust_host_name.is_some_and(|yes| yes.value),
        next_server: parameters.next_server.map(|address| address.value),
        server_name: parameters
            .server_name
            .as_ref()
            .map_or_else(Vec::new, |name| name.value.clone()),
        boot_file: parameters.boot_file.as_ref().map_or_else(Vec::new, |file| file.value.clone()),
        ping_check: parameters.ping_check.is_none_or(|check| check.value),
    }
}

/// Minimum, default and maximum, in order.
fn lease_times(
    subnet: &DraftSubnet,
    parameters: &Parameters,
    own: bool,
    report: &mut Report,
) -> (LeaseTime, LeaseTime, LeaseTime) {
    let Parameters { lease_min: min, lease_max: max, lease_option, .. } = parameters;
    let default = parameters.lease_default.or(*lease_option);
    // What a pool inherits was looked at with its subnet.
    let same = |one: &Option<Spanned<LeaseTime>>, other: &Option<Spanned<LeaseTime>>| {
        one.map(|time| time.span) == other.map(|time| time.span)
    };
    let inherited = same(min, &subnet.parameters.lease_min)
        && same(max, &subnet.parameters.lease_max)
        && same(&default, &subnet.parameters.lease_default.or(subnet.parameters.lease_option));
    let mut tell = |finding: Finding| {
        if own || !inherited {
            report.add(finding);
        }
    };
    for time in [min, &default, max].into_iter().flatten() {
        if time.value == LeaseTime::Secs(0) && Some(time.span) != min.map(|min| min.span) {
            tell(Finding::error("a lease lasts at least one second").at(time.span, "zero"));
        }
    }
    let value =
        |time: &Option<Spanned<LeaseTime>>, unset: LeaseTime| time.map_or(unset, |time| time.value);
    let lease_max =
        value(max, LEASE_MAX.max(value(&default, LEASE_MAX)).max(value(min, LEASE_MAX)));
    let unset = LEASE_DEFAULT.min(lease_max).max(value(min, LeaseTime::Secs(0)).min(lease_max));
    let mut lease_default = value(&default, unset);
    let lease_min = value(min, LEASE_MIN.min(lease_default).min(lease_max));
    if let (Some(min), Some(max)) = (min, max)
        && min.value > max.value
    {
        tell(
            Finding::error(format!(
                "the shortest lease time {} is above the longest {}",
                min.value, max.value
            ))
            .at(min.span, "at least this")
            .at(max.span, "and at most this"),
        );
        return (lease_max, lease_max, lease_max);
    }
    if let (Some(default), Some(max)) = (default, max)
        && default.value > max.value
    {
        tell(
            Finding::warning(format!(
                "the default lease time {} is above the longest: clients get {}",
                default.value, max.value
            ))
            .at(default.span, "cut to the longest")
            .at(max.span, "the longest"),
        );
        lease_default = max.value;
    }
    if let (Some(default), Some(min)) = (default, min)
        && default.value < min.value
    {
        tell(
            Finding::warning(format!(
                "the default lease time {} is below the shortest: clients get {}",
                default.value, min.value
            ))
            .at(default.span, "raised to the shortest")
            .at(min.span, "the shortest"),
        );
        lease_default = min.value;
    }
    (lease_min, lease_default, lease_max)
}

/// Options that must agree with the subnet.
pub(super) fn check(subnet: &DraftSubnet, report: &mut Report) {
    let net = subnet.net.value;
    let agree = [(1, "netmask", net.netmask()), (28, "broadcast address", net.broadcast())];
    for (code, what, right) in agree {
        let Some(told) = subnet.parameters.options.get(&code) else { continue };
        let address = told.value.as_array::<4>().map(|octets| Ipv4Addr::from(*octets));
        if address.is_some_and(|address| address != right) {
            report.add(
                Finding::warning(format!(
                    "clients are told another {what} than the subnet {net} has"
                ))
                .at(told.span, format!("{right} would be right"))
                .at(subnet.net.span, "the subnet"),
            );
        }
    }
}
