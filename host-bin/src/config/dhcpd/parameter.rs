//! What do addresses come with? Parameters and options, which may stand in any scope.

use dhcp_core::server::config::Identity;

use crate::config::dhcpd::lexer::Token;
use crate::config::dhcpd::permit;
use crate::config::dhcpd::syntax::Statement;
use crate::config::dhcpd::words::Words;
use crate::config::draft::Parameters;
use crate::config::options::{Definition, Dictionary, Type};
use crate::config::report::{Finding, Report};
use crate::config::source::Spanned;
use crate::config::toml::TYPES;
use crate::config::value::{BOOT_FILE_LEN_MAX, SERVER_NAME_LEN_MAX};

/// Reads the statement when it is a parameter; false when it is not.
pub(super) fn read(
    statement: &Statement,
    dictionary: &Dictionary,
    into: &mut Parameters,
    report: &mut Report,
) -> bool {
    let words = &mut Words::of(statement);
    match statement.keyword().as_str() {
        "option" => return option(words, dictionary, into, report),
        "default-lease-time" => set(&mut into.lease_default, words.lease_time(report)),
        "min-lease-time" => set(&mut into.lease_min, words.lease_time(report)),
        "max-lease-time" => set(&mut into.lease_max, words.lease_time(report)),
        "authoritative" => into.authoritative = Some(Spanned::new(true, words.whole())),
        "not" => {
            if words.take("authoritative") {
                into.authoritative = Some(Spanned::new(false, words.whole()));
            } else {
                words.expected("`authoritative`", report);
                return true;
            }
        }
        "next-server" => set(&mut into.next_server, words.address(report)),
        "server-identifier" => set(&mut into.server_id, words.address(report)),
        "filename" => set(&mut into.boot_file, field(words, BOOT_FILE_LEN_MAX, report)),
        "server-name" => set(&mut into.server_name, field(words, SERVER_NAME_LEN_MAX, report)),
        "ping-check" => set(&mut into.ping_check, words.truth(report)),
        "ping-timeout" => {
            let secs = words.number(u32::MAX / 1_000, report);
            set(&mut into.ping_timeout_millis, secs.map(|secs| secs.map(|secs| secs * 1_000)));
        }
        "ping-timeout-ms" => set(&mut into.ping_timeout_millis, words.number(u32::MAX, report)),
        "boot-unknown-clients" => set(&mut into.serve_unknown, words.truth(report)),
        "use-host-decl-names" => set(&mut into.tell_names, words.truth(report)),
        "ignore-client-uids" => {
            let identity = |ignore| if ignore { Identity::Hardware } else { Identity::ClientId };
            set(&mut into.identity, words.truth(report).map(|ignore| ignore.map(identity)));
        }
        "allow" | "deny" | "ignore" => return permit::read(statement, into, report),
        _ => return false,
    }
    words.end(report);
    true
}

/// A value that could not be read leaves what was said before, so that no second error follows from it.
fn set<T>(into: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *into = value;
    }
}

/// A header field of limited length.
fn field(words: &mut Words<'_>, len_max: usize, report: &mut Report) -> Option<Spanned<Vec<u8>>> {
    let text = words.text(report)?;
    if text.value.len() > len_max {
        let finding = Finding::error(format!("at most {len_max} octets fit into the message"));
        report.add(finding.at(text.span, format!("{} octets", text.value.len())));
        return None;
    }
    Some(text)
}

/// `option NAME VALUE`. Definitions were read before; option spaces are told to be unsupported.
fn option(
    words: &mut Words<'_>,
    dictionary: &Dictionary,
    into: &mut Parameters,
    report: &mut Report,
) -> bool {
    let Some(name) = words.name(report) else { return true };
    if name.value.eq_ignore_ascii_case("space") {
        report.add(
            Finding::error("option spaces are not supported")
                .at(words.whole(), "an option space")
                .help("write the whole value as octets in hex: option vendor-encapsulated-options 01:04:..;"),
        );
        return true;
    }
    if is_definition(words) {
        return true;
    }
    let lower = name.value.to_ascii_lowercase();
    let plain = lower.strip_prefix("dhcp.").unwrap_or(&lower);
    if plain.contains('.') {
        report.add(
            Finding::error(format!("`{}` is in an option space, which is not supported", name.value))
                .at(name.span, "an option space")
                .help("write the whole value as octets in hex: option vendor-encapsulated-options 01:04:..;"),
        );
        return true;
    }
    let Some(value) = words.value(report) else { return true };
    into.set_option(dictionary, Spanned::new(plain, name.span), &value, report);
    true
}

/// Whether `code` comes next, with a number and `=`: a value may begin with that word too.
fn is_definition(words: &Words<'_>) -> bool {
    let mut ahead = words.clone();
    ahead.take("code")
        && ahead.next().is_some()
        && ahead.peek().is_none_or(|token| token.is_sign('=') || is_width(token))
}

/// `option NAME code width 1 = ..` is for option spaces.
fn is_width(token: &Token) -> bool {
    token.word().is_some_and(|word| word.eq_ignore_ascii_case("width"))
}

/// Adds the definition `option NAME code N = TYPE`, if the statement is one.
pub(super) fn define(statement: &Statement, dictionary: &mut Dictionary, report: &mut Report) {
    let words = &mut Words::of(statement);
    let Some(name) = words.peek().and_then(Token::word).map(str::to_ascii_lowercase) else {
        return;
    };
    words.next();
    if name == "space" || name.contains('.') || !is_definition(words) {
        return;
    }
    words.take("code");
    let Some(code) = words.number(254, report) else { return };
    if !words.take_sign('=') {
        words.expected("`=`", report);
        return;
    }
    let text = words.joined();
    let Some(kind) = Type::parse(&text.value) else {
        let finding = Finding::error(format!("`{}` is not a type", text.value));
        report.add(finding.at(text.span, "unknown type").help(TYPES));
        return;
    };
    match u8::try_from(code.value) {
        Ok(code @ 1..) => dictionary.define(&name, Definition { code, kind }),
        Ok(0) | Err(_) => {
            report.add(Finding::error("an option's code is 1 to 254").at(code.span, "not a code"));
        }
    }
}
