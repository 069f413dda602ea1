//! What does a `dhcpd.conf` say? The language of a well-known server, dhcpd.conf(5), to a [`Draft`].
//!
//! Words, then statements, then scopes: what is said in an outer block holds in the inner ones unless they say otherwise. What the
//! server does not do is an error with its place, or a warning where nothing is lost; it is never passed over in silence.

pub(crate) mod lexer;
mod parameter;
mod permit;
mod scope;
mod syntax;
mod unsupported;
mod words;

use std::path::{Path, PathBuf};

use crate::config::dhcpd::parameter::define;
use crate::config::dhcpd::scope::Reader;
use crate::config::dhcpd::syntax::Statement;
use crate::config::dhcpd::words::Words;
use crate::config::draft::Draft;
use crate::config::options::Dictionary;
use crate::config::read_text;
use crate::config::report::{Finding, Report};
use crate::config::source::{FileId, Sources};

/// How deep files may include files.
const INCLUDE_DEPTH_MAX: usize = 16;

/// The keywords that a statement can begin with, for finding missing semicolons and for guessing what was meant.
const KEYWORDS: &[&str] = &[
    "abandon-lease-time",
    "allow",
    "authoritative",
    "boot-unknown-clients",
    "ddns-update-style",
    "default-lease-time",
    "deny",
    "echo-client-id",
    "filename",
    "fixed-address",
    "group",
    "hardware",
    "host",
    "host-identifier",
    "ignore",
    "ignore-client-uids",
    "include",
    "max-lease-time",
    "min-lease-time",
    "next-server",
    "not",
    "one-lease-per-client",
    "option",
    "ping-check",
    "ping-timeout",
    "ping-timeout-ms",
    "pool",
    "range",
    "server-id-check",
    "server-identifier",
    "server-name",
    "shared-network",
    "subnet",
    "use-host-decl-names",
];

/// Reads a file that was already added to `sources`, and what it includes.
pub(crate) fn read(file: FileId, sources: &mut Sources, report: &mut Report) -> Draft {
    let statements = statements(file, sources, report, &mut Vec::new());
    let mut dictionary = Dictionary::default();
    definitions(&statements, &mut dictionary, report);
    let mut reader = Reader::new(&dictionary, report);
    reader.file(&statements);
    reader.finish()
}

/// The statements of a file, with those of included files in their place.
fn statements(
    file: FileId,
    sources: &mut Sources,
    report: &mut Report,
    including: &mut Vec<PathBuf>,
) -> Vec<Statement> {
    let path = sources.file(file).path.clone();
    let tokens = lexer::tokens(file, sources.text(file), report);
    let statements = syntax::statements(tokens, report);
    including.push(path);
    let statements = included(statements, sources, report, including);
    including.pop();
    statements
}

fn included(
    statements: Vec<Statement>,
    sources: &mut Sources,
    report: &mut Report,
    including: &mut Vec<PathBuf>,
) -> Vec<Statement> {
    let mut all = Vec::new();
    for mut statement in statements {
        if let Some(block) = statement.block.take() {
            statement.block = Some(included(block, sources, report, including));
            all.push(statement);
        } else if statement.keyword() == "include" {
            all.extend(include(&statement, sources, report, including));
        } else {
            all.push(statement);
        }
    }
    all
}

/// A relative path starts from the folder of the file that says `include`. Any file may be named that we may read, as the well-known server has it, and
/// a report shows lines of it: who checks others' configurations does so with no more rights than they have.
fn include(
    statement: &Statement,
    sources: &mut Sources,
    report: &mut Report,
    including: &mut Vec<PathBuf>,
) -> Vec<Statement> {
    let mut words = Words::of(statement);
    let Some(name) = words.text(report) else { return Vec::new() };
    words.end(report);
    let name_text = String::from_utf8_lossy(&name.value).into_owned();
    let folder = including.last().and_then(|path| path.parent()).unwrap_or(Path::new(""));
    let path = folder.join(&name_text);
    if including.contains(&path) || including.len() >= INCLUDE_DEPTH_MAX {
        let finding = Finding::error(format!("{} includes itself", path.display()));
        report.add(finding.at(name.span, "a circle of files"));
        return Vec::new();
    }
    match read_text(&path) {
        Ok(text) => {
            let file = sources.add(&path, text);
            statements(file, sources, report, including)
        }
        Err(error) => {
            let finding = Finding::error(format!("{} cannot be read: {error}", path.display()));
            report.add(finding.at(name.span, "included here"));
            Vec::new()
        }
    }
}

/// All definitions of options, wherever they stand; they hold for the whole file.
fn definitions(statements: &[Statement], dictionary: &mut Dictionary, report: &mut Report) {
    for statement in statements {
        if let Some(block) = &statement.block {
            definitions(block, dictionary, report);
        } else if statement.keyword() == "option" {
            define(statement, dictionary, report);
        }
    }
}
