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

/// Every key of every scope, and of the tables that have their own.
#[test]
fn the_page_on_the_configuration_has_every_key() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("../docs/CONFIGURATION.md")).unwrap();
    let (_, source) = include_str!("toml.rs").split_once("let keys =").unwrap();
    let quoted = |text: &'static str| text.split('"').skip(1).step_by(2);
    let is_key = |word: &&str| {
        !word.is_empty() && word.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'-')
    };
    let arms = source.lines().filter(|line| line.contains("=>")).flat_map(quoted).filter(is_key);
    let arms = arms.chain(toml::reader::PARAMETER_KEYS.iter().copied()).collect::<Vec<_>>();
    assert!(arms.len() > 30, "{arms:?}");
    for key in arms {
        let named = page.contains(&format!("`{key}`"))
            || page.contains(&format!("[[{key}]]"))
            || page.contains(&format!("[[subnet.{key}]]"));
        assert!(named, "`{key}` is not in docs/CONFIGURATION.md");
    }
}

#[test]
fn what_a_reservation_cannot_have_is_refused_there() {
    let head = "[[subnet]]\nnetwork = \"10.0.1.0/24\"\nrange = \"10.0.1.2 - 10.0.1.9\"\n";
    let known = format!("{head}[[subnet.reservation]]\nname = \"camera\"\n");
    assert!(read_toml(&format!("{known}tell-names = true\n")).0.is_some());
    for key in ["trust-host-name", "authoritative", "ping-check"] {
        assert!(read_toml(&format!("{known}{key} = true\n")).0.is_none(), "{key}");
    }
}

#[test]
fn a_ping_timeout_is_told_to_change_nothing() {
    let net = "[[subnet]]\nnetwork = \"10.0.1.0/24\"\nrange = \"10.0.1.2 - 10.0.1.9\"\n";
    let notes = |more: &str| read_toml(&format!("{net}{more}")).1.count(report::Severity::Note);
    assert_eq!(notes("ping-timeout = \"2s\"\n"), notes("") + 1);
    assert_eq!(notes("ping-check = false\n"), notes(""));
}
