//! Our own server: how is it started, asked, and ended?

use core::net::Ipv4Addr;
use core::time::Duration;

use hydrant::testbed::{Child, Node, Segment, Testbed};
use rustix::process::Signal;
use serde_json::Value;

use crate::harness::DIR;
use crate::ours::{HYDRANT, hydrant};
use crate::tools;

/// `hydrant serve` in a node, with a configuration and a state directory that stay when it ends.
pub(crate) struct Serving {
    node: Node,
    pub(crate) config: String,
    pub(crate) state: String,
    more: Vec<String>,
    child: Child,
}

impl Serving {
    /// Starts it and waits until it is ready. `extension` decides the language of the configuration.
    pub(crate) fn start(node: &Node, extension: &str, config: &str) -> Self {
        Self::with(node, extension, config, &[])
    }

    /// The state directory of the server that will run in a node.
    pub(crate) fn state_of(node: &Node) -> String {
        format!("{DIR}/{}-state", node.name())
    }

    pub(crate) fn with(node: &Node, extension: &str, config: &str, more: &[&str]) -> Self {
        let config = tools::file(&format!("{}.{extension}", node.name()), config);
        let state = Self::state_of(node);
        let more = more.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let child = Self::launch(node, &config, &state, &more);
        let serving = Self { node: node.clone(), config, state, more, child };
        serving.child.line("ready", START_MAX).unwrap_or_else(|error| panic!("{error}"));
        serving
    }

    fn launch(node: &Node, config: &str, state: &str, more: &[String]) -> Child {
        let mut command = node.command(HYDRANT).unwrap();
        command.args(["serve", "--config", config, "--state", state]).args(more);
        Child::start(command).unwrap()
    }

    /// Another one on the same files, which may not come up.
    pub(crate) fn second(&self) -> Child {
        Self::launch(&self.node, &self.config, &self.state, &self.more)
    }

    /// kill -9.
    pub(crate) fn cut(&mut self) {
        self.child.kill();
    }

    /// SIGTERM, and it ends by itself.
    pub(crate) fn stop(&mut self) {
        self.child.signal(Signal::TERM);
        let status = self.child.end(START_MAX).unwrap_or_else(|error| panic!("{error}"));
        assert!(status.success(), "{status}: {}", self.child.said());
    }

    /// Starts it again after [`Serving::cut`] or [`Serving::stop`].
    pub(crate) fn again(&mut self) {
        self.child = Self::launch(&self.node, &self.config, &self.state, &self.more);
        self.child.line("ready", START_MAX).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Writes another configuration, says so with SIGHUP, and waits until it says `said`: the line.
    pub(crate) fn reload(&self, config: &str, said: &str) -> String {
        std::fs::write(&self.config, config).unwrap();
        let from = self.child.said().len();
        self.child.signal(Signal::HUP);
        let line = self.child.line_after(from, said, START_MAX);
        line.unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) const fn child(&self) -> &Child {
        &self.child
    }

    /// `hydrant leases --json`, by address.
    pub(crate) fn leases(&self) -> Vec<Value> {
        let answer = hydrant(&self.node, &["leases", "--json", "--state", &self.state]);
        assert_eq!(answer.code, Some(0), "{answer:?}");
        serde_json::from_str::<Vec<Value>>(&answer.stdout)
            .unwrap_or_else(|error| panic!("{error}: {answer:?}"))
    }

    /// The addresses whose leases are in this state.
    pub(crate) fn in_state(&self, state: &str) -> Vec<Ipv4Addr> {
        let leases = self.leases();
        let those = leases.iter().filter(|lease| lease["state"] == state);
        those.map(|lease| lease["address"].as_str().unwrap().parse().unwrap()).collect()
    }
}

/// For the server to start, and to stop.
const START_MAX: Duration = Duration::from_secs(10);

/// A node that serves 10.0.1.0/24 on `vlan1`, 10.0.2.0/24 on `vlan2` and so on, with the address .1 in each.
pub(crate) fn server_on(bed: &mut Testbed, nets: &[u8]) -> (Node, Vec<Segment>) {
    let server = bed.node("server").unwrap();
    let segments = nets.iter().map(|net| {
        let segment = bed.segment(&format!("lan{net}")).unwrap();
        bed.plug(&server, &format!("vlan{net}"), &segment, None).unwrap();
        server.ip(&format!("addr add 10.0.{net}.1/24 brd + dev vlan{net}")).unwrap();
        segment
    });
    let segments = segments.collect();
    (server, segments)
}
