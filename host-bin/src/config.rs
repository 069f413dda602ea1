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
pub(crate) mod render;
pub(crate) mod report;
pub(crate) mod source;
mod toml;
mod value;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

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
    let is_toml = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    match read_text(path) {
        Ok(text) => load_text(path, text, if is_toml { Language::Toml } else { Language::Dhcpd }),
        Err(error) => {
            let mut report = Report::default();
            report.add(Finding::error(format!("{} cannot be read: {error}", path.display())));
            Loaded { config: None, report, sources: Sources::default() }
        }
    }
}

/// Octets of the longest file. `include` may name anything that we may read; what never ends, as a device, ends here.
const FILE_LEN_MAX: usize = 16 * 1_024 * 1_024;

/// The text of a file.
fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let more_than_enough = FILE_LEN_MAX as u64 + 1;
    File::open(path)?.take(more_than_enough).read_to_string(&mut text)?;
    if text.len() > FILE_LEN_MAX {
        return Err(io::Error::other("it has more than 16 MiB, which no configuration needs"));
    }
    Ok(text)
}

/// Which of the two languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Toml,
    /// `dhcpd.conf`.
    Dhcpd,
}

/// Reads and checks a text; `path` is where it is said to come from.
pub(crate) fn load_text(path: &Path, text: String, language: Language) -> Loaded {
    let mut sources = Sources::default();
    let mut report = Report::default();
    let file = sources.add(path, text);
    let draft = match language {
        Language::Toml => toml::read(file, sources.text(file), &mut report),
        Language::Dhcpd => dhcpd::read(file, &mut sources, &mut report),
    };
    let config = checks::check(&draft, &mut report);
    report.sort();
    Loaded { config, report, sources }
}

#[cfg(test)]
pub(crate) mod tests;
