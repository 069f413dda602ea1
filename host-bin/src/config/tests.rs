//! Both languages as tests use them.

mod include;
mod plan;

use std::path::Path;

use super::*;

/// A draft's text, checked.
pub(super) fn read_toml(text: &str) -> (Option<Config>, Report, Sources) {
    let mut sources = Sources::default();
    let mut report = Report::default();
    let file = sources.add(Path::new("test.toml"), text.to_owned());
    let draft = toml::read(file, sources.text(file), &mut report);
    let config = checks::check(&draft, &mut report);
    report.sort();
    (config, report, sources)
}

/// The configuration of a TOML text without errors.
pub(crate) fn good(text: &str) -> Config {
    let (config, report, sources) = read_toml(text);
    config.unwrap_or_else(|| panic!("{}", report.render(&sources, report::Look::Plain)))
}
