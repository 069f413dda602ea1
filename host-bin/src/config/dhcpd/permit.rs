//! Who is served? `allow`, `deny` and `ignore`, for a network and for a pool.

use crate::config::dhcpd::syntax::Statement;
use crate::config::dhcpd::words::Words;
use crate::config::draft::Parameters;
use crate::config::report::{Finding, Report};
use crate::config::source::Spanned;

/// Reads the statement; always true, since it is one of these by its keyword.
pub(super) fn read(statement: &Statement, into: &mut Parameters, report: &mut Report) -> bool {
    let mut words = Words::of(statement);
    let allow = statement.keyword() == "allow";
    let span = words.whole();
    let subject = words.joined().value;
    let warning =
        |why: &str| Finding::warning(format!("`{subject}`: {why}")).at(span, "has no effect");
    match (subject.as_str(), allow) {
        ("unknown-clients" | "unknown clients", allow) => {
            into.serve_unknown = Some(Spanned::new(allow, span));
        }
        ("known-clients" | "known clients", true) => {
            // Together with `allow unknown-clients` it means everybody.
            into.serve_unknown = into.serve_unknown.or(Some(Spanned::new(false, span)));
        }
        // As it is here anyway.
        ("all clients" | "booting" | "declines" | "client-updates" | "duplicates", true)
        | ("leasequery" | "dynamic bootp clients", false) => {}
        ("bootp", _) => report
            .add(warning("BOOTP clients are served if they have a fixed address, and else not")),
        ("dynamic bootp clients", true) => {
            report.add(warning(
                "BOOTP clients are served if they have a fixed address, and else not",
            ));
        }
        ("client-updates", false) => report.add(warning("this server does not update DNS")),
        ("duplicates", false) => report.add(
            unsupported(&subject, span)
                .help("`ignore-client-uids true;` keeps leases by hardware address alone"),
        ),
        _ => report.add(unsupported(&subject, span)),
    }
    true
}

fn unsupported(subject: &str, span: crate::config::source::Span) -> Finding {
    Finding::error(format!("a rule about `{subject}` is not supported")).at(span, "not supported")
}
