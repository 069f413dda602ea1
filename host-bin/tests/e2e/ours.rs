//! Our own program: how is it called, and what does it answer?

use core::net::Ipv4Addr;
use core::time::Duration;

use hydrant::testbed::{Child, Node};
use serde_json::Value;

use crate::harness::DIR;

/// The program under test.
pub(crate) const HYDRANT: &str = env!("CARGO_BIN_EXE_hydrant");

/// No command for names takes longer here.
const COMMAND_MAX: Duration = Duration::from_secs(30);

/// What a command for names left.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) said: String,
}

impl Answer {
    /// The lease that `--format json` told.
    pub(crate) fn lease(&self) -> Value {
        assert!(matches!(self.code, Some(0 | 6)), "{self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn address(&self) -> Ipv4Addr {
        self.lease()["address"].as_str().unwrap().parse().unwrap()
    }
}

/// Runs `hydrant` to its end.
pub(crate) fn hydrant(node: &Node, arguments: &[&str]) -> Answer {
    let mut child = node.start(HYDRANT, arguments).unwrap();
    let status = child.end(COMMAND_MAX).unwrap_or_else(|error| panic!("{error}"));
    Answer { code: status.code(), stdout: child.stdout(), said: child.said() }
}

/// Where a node's client keeps what it knows.
pub(crate) fn client_state(node: &Node) -> String {
    format!("{DIR}/{}-client", node.name())
}

/// `hydrant lease` by DHCP on `eth0`, with one ARP probe only.
pub(crate) fn lease(node: &Node, name: &str, more: &[&str]) -> Answer {
    let state = client_state(node);
    let all = [
        "lease",
        name,
        "--interface",
        "eth0",
        "--via",
        "dhcp",
        "--probe",
        "quick",
        "--format",
        "json",
        "--state",
        &state,
    ];
    hydrant(node, &[&all, more].concat())
}

/// `hydrant lease NAME --foreground --configure` on `eth0`, until a signal ends it.
pub(crate) fn foreground(node: &Node, name: &str, more: &[&str]) -> Child {
    let state = client_state(node);
    let all = ["lease", name, "--interface", "eth0", "--foreground", "--configure", "--state"];
    node.start(HYDRANT, [&all[..], &[&state], more].concat()).unwrap()
}
