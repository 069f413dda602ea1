//! What is the server to do? A file in either of two languages becomes one [`Config`], or a report of everything that is wrong with it.
//!
//! ```text
//! toml, dhcpd  ->  draft  ->  checks  ->  model  ->  render (with the interfaces found)  ->  the core's ServerConfig
//!        \_________ report, with places in source ________/
//! ```

mod checks;
mod dhcpd;
mod draft;
pub(crate) mod model;
mod options;
#[allow(dead_code, reason = "only `serve` renders, and `check` does not")]
pub(crate) mod render;
#[allow(dead_code, reason = "only `serve` logs lines, and `check` does not")]
pub(crate) mod report;
pub(crate) mod source;
mod toml;
mod value;

use std::path::Path;

use crate::config::draft::Draft;
use crate::config::model::Config;
use crate::config::report::{Finding, Report};
use crate::config::source::Sources;

/// What came of reading a file.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// None when the report has errors.
    pub(crate) config: Option<Config>,
    /// Sorted: errors, warnings, notes.
    pub(crate) report: Report,
    /// The files, for showing the report.
    pub(crate) sources: Sources,
}

/// Reads and checks a file: TOML when its name ends in `.toml`, else `dhcpd.conf`.
pub(crate) fn load(path: &Path) -> Loaded {
    let mut sources = Sources::default();
    let mut report = Report::default();
    let draft = read(path, &mut sources, &mut report);
    let config = draft.and_then(|draft| checks::check(&draft, &mut report));
    report.sort();
    Loaded { config, report, sources }
}

fn read(path: &Path, sources: &mut Sources, report: &mut Report) -> Option<Draft> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            report.add(Finding::error(format!("{} cannot be read: {error}", path.display())));
            return None;
        }
    };
    let file = sources.add(path, text);
    let is_toml = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    Some(if is_toml {
        toml::read(file, sources.text(file), report)
    } else {
        dhcpd::read(file, sources, report)
    })
}

#[cfg(test)]
mod tests;
