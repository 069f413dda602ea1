//! Are the units of systemd right? What they start, with the rights that they leave it, and what systemd itself says of them.

use core::time::Duration;
use std::process::Command;

use hydrant::testbed::Node;

use crate::harness;
use crate::ours::HYDRANT;
use crate::tools;

/// A unit as it is installed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit {
    name: &'static str,
    text: &'static str,
}

/// The server's.
pub(crate) const SERVER: Unit =
    Unit { name: "hydrant.service", text: include_str!("../../systemd/hydrant.service") };

/// That of `hydrant keep`.
pub(crate) const KEEP: Unit =
    Unit { name: "hydrant-keep.service", text: include_str!("../../systemd/hydrant-keep.service") };

/// Where the README installs the program.
const INSTALLED: &str = "/usr/local/bin/hydrant";

impl Unit {
    fn value(&self, key: &str) -> &'static str {
        let mut values =
            self.text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        let value = values.next().unwrap_or_else(|| panic!("{} has no {key}", self.name));
        assert_eq!(values.next(), None, "{} has one {key}", self.name);
        value
    }

    /// Our program with what it may do there and no more, as far as `setpriv` can; its arguments are those of the test.
    pub(crate) fn command(&self, node: &Node, arguments: &[&str]) -> Command {
        let verb =
            self.value("ExecStart").strip_prefix(INSTALLED).unwrap().split_whitespace().next();
        assert_eq!(verb, arguments.first().copied(), "what {} starts", self.name);
        let capabilities = self.value("CapabilityBoundingSet").split_whitespace();
        let capabilities =
            capabilities.map(|name| name.strip_prefix("CAP_").unwrap().to_lowercase());
        let set = capabilities.fold("-all".to_owned(), |set, name| format!("{set},+{name}"));
        assert_eq!(self.value("NoNewPrivileges"), "yes");
        let mut command = node.command("setpriv").unwrap();
        command.args(["--bounding-set", &set, "--no-new-privs", HYDRANT]).args(arguments);
        command
    }
}

/// It passes over a key or a value that it does not know, and says so; then we had less protection than the file says.
#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    harness::run(&["systemd-analyze"], |bed| {
        let node = bed.node("any").unwrap();
        for unit in [SERVER, KEEP] {
            let here = tools::file(unit.name, &unit.text.replace(INSTALLED, HYDRANT));
            let mut analyze = node.start("systemd-analyze", ["verify", &here]).unwrap();
            let status = analyze.end(Duration::from_secs(30)).unwrap();
            let said = analyze.stdout() + &analyze.said();
            assert!(status.success() && said.is_empty(), "{}: {said}", unit.name);
        }
    });
}
