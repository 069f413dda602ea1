//! How does one lease? The server as a process of its own, and the client's command line.

use core::net::Ipv4Addr;
use core::time::Duration;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::DemoError;
use super::cast::{DIR, Truck};
use crate::testbed::{Child, Node, TestbedError};

/// The article's dhcpd.conf. It prints `range 10.0.2.2 10.0.1.200;` for VLAN 2, which `hydrant check` refuses.
const ARTICLE: &str = "\
authoritative;
one-lease-per-client true;

subnet 10.0.1.0 netmask 255.255.255.0 {
  range 10.0.1.2 10.0.1.200;
  option domain-name-servers 8.8.8.8, 8.8.4.4;
  option routers 10.0.1.3;
  option subnet-mask 255.255.255.0;
  default-lease-time 3600;
  max-lease-time 7200;
}
subnet 10.0.2.0 netmask 255.255.255.0 {
  range 10.0.2.2 10.0.2.200;
  option domain-name-servers 8.8.8.8, 8.8.4.4;
  option routers 10.0.2.3;
  option subnet-mask 255.255.255.0;
  default-lease-time 3600;
  max-lease-time 7200;
}
";

/// For the server to start, and for one lease.
const PATIENCE: Duration = Duration::from_secs(12);

/// What `--format json` tells, as far as we need it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lease {
    pub(super) mac: String,
    pub(super) address: Ipv4Addr,
    pub(super) prefix_len: u8,
    pub(super) routers: Vec<Ipv4Addr>,
}

/// Why somebody has no lease.
#[derive(Debug, Error)]
pub(super) enum LeaseFailed {
    #[error("the client for {name} did not run")]
    Client {
        name: String,
        #[source]
        source: TestbedError,
    },
    #[error("`hydrant lease {name}` failed ({status}) and said:\n{said}")]
    Refused { name: String, status: String, said: String },
    #[error("`hydrant lease {name}` told something else than a lease: {said}")]
    Strange {
        name: String,
        said: String,
        #[source]
        source: serde_json::Error,
    },
}

/// A server that runs.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
}

impl Server {
    /// Starts it on the truck and waits until it can be asked.
    pub(super) fn start(truck: &Truck) -> Result<Self, DemoError> {
        let configuration = format!("{DIR}/dhcpd.conf");
        fs::write(&configuration, ARTICLE).map_err(DemoError::io("write the configuration"))?;
        let state = state();
        fs::create_dir_all(&state).map_err(DemoError::io("make the server's folder"))?;
        let arguments = ["serve", "--config", &configuration, "--state"].map(PathBuf::from);
        let arguments = arguments.into_iter().chain([state]);
        let child = truck.edge.start(own_program()?, arguments)?;
        child.line("ready", PATIENCE)?;
        Ok(Self { child })
    }

    /// kill -9.
    pub(super) fn cut(&mut self) {
        self.child.kill();
    }

    /// Until it ends, which it does not by itself.
    pub(super) fn wait(&mut self) {
        while !self.child.has_ended() {
            thread::sleep(Duration::from_millis(200));
        }
    }
}

/// Where the truck's server and client keep what they know.
pub(super) fn state() -> PathBuf {
    Path::new(DIR).join("truck")
}

fn own_program() -> Result<PathBuf, DemoError> {
    std::env::current_exe().map_err(DemoError::io("find this program's own file"))
}

/// A lease for a name on this host, from the server on it.
pub(super) fn by_name(edge: &Node, name: &str, vlan: u8) -> Result<Lease, LeaseFailed> {
    let (vlan, state) = (vlan.to_string(), state());
    let state = state.to_string_lossy();
    run(edge, name, &["--vlan", &vlan, "--via", "local", "--state", &state])
}

/// A lease by DHCP for a device's own MAC address.
pub(super) fn by_dhcp(node: &Node, name: &str, mac: [u8; 6]) -> Result<Lease, LeaseFailed> {
    let mac = mac.map(|octet| format!("{octet:02x}")).join(":");
    let state = format!("{DIR}/{name}");
    // One ARP probe instead of three: a demonstration is in a hurry.
    run(
        node,
        name,
        &[
            "--interface",
            "eth0",
            "--mac",
            &mac,
            "--via",
            "dhcp",
            "--probe",
            "quick",
            "--state",
            &state,
        ],
    )
}

fn run(node: &Node, name: &str, arguments: &[&str]) -> Result<Lease, LeaseFailed> {
    let failed = |source| LeaseFailed::Client { name: name.to_owned(), source };
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("hydrant"));
    let common = ["lease", name, "--format", "json", "--timeout", "8"];
    let all = common.iter().chain(arguments);
    let mut child = node.start(program, all).map_err(failed)?;
    let status = child.end(PATIENCE).map_err(failed)?;
    if !status.success() {
        let (name, status, said) = (name.to_owned(), status.to_string(), child.said());
        return Err(LeaseFailed::Refused { name, status, said });
    }
    let said = child.stdout();
    serde_json::from_str(&said).map_err(|source| LeaseFailed::Strange {
        name: name.to_owned(),
        said,
        source,
    })
}
