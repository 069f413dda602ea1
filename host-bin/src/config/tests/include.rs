//! What does `include` read, and where does it end?

use std::fs;
use std::path::PathBuf;

use super::*;

/// The report on a `dhcpd.conf` beside other files.
fn report(text: &str, others: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in others {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let path: PathBuf = folder.path().join("dhcpd.conf");
    fs::write(&path, text).unwrap();
    let Loaded { report, sources, .. } = load(&path);
    report.render(&sources, report::Look::Plain)
}

#[test]
fn an_included_file_is_found_beside_the_one_that_includes_it() {
    let said = report(
        "include \"pool.conf\";",
        &[("pool.conf", "subnet 10.0.1.0 netmask 255.255.255.0 { range 10.0.2.2 10.0.1.200; }")],
    );
    assert!(said.contains("pool.conf:1"), "{said}");
}

#[test]
fn files_that_include_each_other_are_a_circle() {
    let said = report("include \"a.conf\";", &[("a.conf", "include \"dhcpd.conf\";")]);
    assert!(said.contains("includes itself"), "{said}");
}

#[test]
fn what_never_ends_and_what_is_no_file_is_refused_where_it_is_included() {
    let said = report("include \"/dev/zero\";", &[]);
    assert!(said.contains("more than 16 MiB") && said.contains("included here"), "{said}");
    let said = report("include \"/dev\";", &[]);
    assert!(said.contains("/dev cannot be read"), "{said}");
}
