//! `docs/CONFORMANCE.md` says which test shows what: does each of them exist, and does each row say what shows it?

#![allow(
    clippy::unwrap_used,
    reason = "in a test a panic is the report; clippy sees the helpers as no tests"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The text of a file that the table names: from `dhcp-core/` or from the repository.
fn source(name: &str) -> Option<String> {
    let folders = [root().join("dhcp-core"), root()];
    folders.iter().find_map(|folder| fs::read_to_string(folder.join(name)).ok())
}

/// Whether `text` has a test of this name: a function behind `#[test]`, with comments and other attributes between them at most.
fn has_test(text: &str, name: &str) -> bool {
    let heading = format!("fn {name}(");
    let mut marked = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") {
            marked = true;
        } else if line.starts_with(&heading) {
            return marked || text.contains("proptest! {");
        } else if !line.is_empty() && !line.starts_with("//") && !line.starts_with("#[") {
            marked = false;
        }
    }
    false
}

/// `FILE::NAME` in backticks.
fn references(row: &str) -> impl Iterator<Item = (&str, &str)> {
    let quoted = row.split('`').skip(1).step_by(2);
    quoted.filter_map(|quoted| quoted.split_once("::")).filter(|(file, _)| file.ends_with(".rs"))
}

#[test]
fn every_test_that_the_conformance_table_names_exists() {
    let table = fs::read_to_string(root().join("docs/CONFORMANCE.md")).unwrap();
    let mut sources = BTreeMap::new();
    let mut missing = Vec::new();
    let (mut rows, mut tests) = (0, 0);
    for (line, row) in table.lines().enumerate().filter(|(_, row)| row.starts_with("| ")) {
        if row.starts_with("| Section") {
            continue;
        }
        rows += 1;
        let before = tests;
        for (file, name) in references(row) {
            tests += 1;
            let text = sources.entry(file.to_owned()).or_insert_with(|| source(file));
            if !text.as_ref().is_some_and(|text| has_test(text, name)) {
                missing.push(format!("line {}: {file}::{name}", line + 1));
            }
        }
        assert!(tests > before, "line {} names no test: {row}", line + 1);
    }
    assert!(missing.is_empty(), "no such test:\n{}", missing.join("\n"));
    assert!(rows > 100 && tests > rows, "{rows} rows and {tests} tests were read");
}

#[test]
fn a_test_is_known_by_its_mark() {
    let text = "#[test]\n/// Says so.\nfn one() {}\nfn helper() {}\n";
    assert!(has_test(text, "one"));
    assert!(!has_test(text, "helper") && !has_test(text, "two"));
}
