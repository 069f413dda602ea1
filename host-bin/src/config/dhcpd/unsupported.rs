//! What does this server not do? Statements that change nothing here, with a warning; and all others, with an error.

use crate::config::dhcpd::KEYWORDS;
use crate::config::dhcpd::syntax::Statement;
use crate::config::dhcpd::words::Words;
use crate::config::options::nearest;
use crate::config::report::{Finding, Report};
use crate::config::value::Atom;
use crate::config::value::truth;

const DNS: &str = "this server does not update DNS";
const FILES: &str = "the state directory is given on the command line";
const OMAPI: &str = "there is no OMAPI: use `hydrant leases` and `hydrant stats`";
const JOURNAL: &str = "every lease is on the medium before it is acknowledged, many with one sync";
const BOOTP: &str = "BOOTP clients with a fixed address have it for good";

/// Statements without which the same is served, and why.
const HARMLESS: &[(&str, &str)] = &[
    ("adaptive-lease-time-threshold", "lease times do not depend on how full a pool is"),
    ("always-reply-rfc1048", "every reply to DHCP clients is in that form"),
    ("bind-local-address6", "this server is for IPv4"),
    ("check-secs-byte-order", "the field is not used"),
    ("db-time-format", FILES),
    ("ddns-domainname", DNS),
    ("ddns-dual-stack-mixed-mode", DNS),
    ("ddns-guard-id-must-match", DNS),
    ("ddns-hostname", DNS),
    ("ddns-local-address4", DNS),
    ("ddns-local-address6", DNS),
    ("ddns-other-guard-is-dynamic", DNS),
    ("ddns-rev-domainname", DNS),
    ("ddns-ttl", DNS),
    ("delayed-ack", JOURNAL),
    ("dhcp-cache-threshold", "a renewal is written when what was promised does not cover it"),
    ("do-forward-updates", DNS),
    ("do-reverse-updates", DNS),
    ("dont-use-fsync", JOURNAL),
    ("dynamic-bootp-lease-cutoff", BOOTP),
    ("dynamic-bootp-lease-length", BOOTP),
    ("key", "keys are for DNS updates and OMAPI, which are not done"),
    ("lease-file-name", FILES),
    ("lease-id-format", FILES),
    ("log-facility", "logs go to the standard error stream"),
    ("log-threshold-high", "a pool that runs short is told in `hydrant stats`"),
    ("log-threshold-low", "a pool that runs short is told in `hydrant stats`"),
    ("max-ack-delay", JOURNAL),
    ("omapi-key", OMAPI),
    ("omapi-port", OMAPI),
    ("persist-eui-64-leases", "this server is for IPv4"),
    ("pid-file-name", "no such file is written"),
    ("ping-cltt-secs", "every address is probed before it is offered to another client"),
    ("release-on-roam", "a client has one lease on a segment"),
    ("update-conflict-detection", DNS),
    ("update-optimization", DNS),
    ("update-static-leases", DNS),
    ("zone", DNS),
];

/// Switches that say what is done anyway; the other way round they cannot be had, and what that means.
const FIXED: &[(&str, bool, Other)] = &[
    ("one-lease-per-client", true, Other::Warning("a client always has one lease on a segment")),
    (
        "echo-client-id",
        true,
        Other::Warning("the client identifier is always sent back (RFC 6842)"),
    ),
    (
        "server-id-check",
        true,
        Other::Warning("messages that name another server are never answered"),
    ),
    ("ddns-updates", false, Other::Error(DNS)),
    ("always-broadcast", false, Other::Error("replies are broadcast to clients that ask for it")),
    ("get-lease-hostnames", false, Other::Error("names are not looked up in DNS")),
    ("use-lease-addr-for-default-route", false, Other::Error("proxy ARP routes are not given")),
    (
        "stash-agent-options",
        false,
        Other::Error("relay agent information is not kept for renewals"),
    ),
];

enum Other {
    Warning(&'static str),
    Error(&'static str),
}

/// Reports a statement that nobody else reads.
pub(super) fn report(statement: &Statement, report: &mut Report) {
    let keyword = statement.keyword();
    let span = statement.span();
    let words = Words::of(statement);
    if let Some((_, why)) = HARMLESS.iter().find(|(known, _)| *known == keyword) {
        let finding = Finding::warning(format!("`{keyword}` has no effect: {why}"));
        report.add(finding.at(span, "has no effect"));
    } else if let Some((_, usual, other)) = FIXED.iter().find(|(known, ..)| *known == keyword) {
        let told =
            words.clone().peek().and_then(|token| truth(&Atom::Word(token.word()?.to_owned())));
        report.add(match (told, other) {
            (Some(told), _) if told == *usual => return,
            (Some(_), Other::Warning(why)) => {
                Finding::warning(format!("`{keyword}` has no effect: {why}"))
                    .at(span, "has no effect")
            }
            (Some(_), Other::Error(why)) => {
                Finding::error(format!("`{keyword}` is not supported: {why}"))
                    .at(span, "not supported")
            }
            (None, _) => Finding::error("true or false is expected").at(span, "neither"),
        });
    } else {
        special(&keyword, statement, words, report);
    }
}

fn special(keyword: &str, statement: &Statement, mut words: Words<'_>, report: &mut Report) {
    let span = statement.span();
    let none = |words: &mut Words<'_>, usual: &[&str]| usual.iter().any(|usual| words.take(usual));
    let why = match keyword {
        "ddns-update-style" if none(&mut words, &["none"]) => return,
        "ddns-update-style" => "DNS is not updated; `none` is the only style",
        "local-port" if none(&mut words, &["67", "bootps"]) => return,
        "local-port" | "remote-port" => "the ports are 67 and 68",
        "min-secs" if none(&mut words, &["0"]) => return,
        "min-secs" => "clients are answered at once",
        "local-address" => "name the interfaces to be served on the command line: --interface IF",
        "subnet6"
        | "shared-network6"
        | "range6"
        | "prefix6"
        | "pool6"
        | "fixed-address6"
        | "dhcpv6-lease-file-name"
        | "limit-addrs-per-ia"
        | "prefix-length-mode" => "this server is for IPv4",
        "failover" | "load" | "peer" | "mclt" | "split" | "hba" => {
            "two servers that back each other up are not supported"
        }
        "class" | "subclass" | "match" | "spawn" | "lease" => {
            "classes of clients are not supported"
        }
        "if" | "elsif" | "else" | "switch" | "case" | "default" | "break" => {
            "conditions are not supported"
        }
        "on" | "execute" | "set" | "unset" | "eval" | "log" | "define" | "return" | "function" => {
            "statements that run on events are not supported"
        }
        "supersede" | "prepend" | "append" | "send" | "request" | "require" => {
            "this is for a client's configuration"
        }
        "vendor-option-space" | "site-option-space" | "dhcp-option-space" => {
            "option spaces are not supported"
        }
        _ => {
            let known = HARMLESS
                .iter()
                .map(|(known, _)| *known)
                .chain(FIXED.iter().map(|(known, ..)| *known));
            let finding = Finding::error(match keyword {
                "" => "a statement begins with a word".to_owned(),
                _ => format!("the statement `{keyword}` is not supported"),
            });
            let finding = finding.at(span, "not supported");
            report.add(match nearest(keyword, KEYWORDS.iter().copied().chain(known)) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding,
            });
            return;
        }
    };
    report.add(
        Finding::error(format!("the statement `{keyword}` is not supported: {why}"))
            .at(span, "not supported"),
    );
}
