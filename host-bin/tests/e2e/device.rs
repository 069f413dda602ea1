//! Is `hydrant lease --foreground` a DHCP client for a device? The whole life of a lease with servers of others: T1, T2, a NAK, the end.

use core::net::Ipv4Addr;
use core::time::Duration;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use hydrant::testbed::{Child, Node, Testbed};
use rustix::process::Signal;

use crate::harness::{self, DIR};
use crate::ours::foreground;
use crate::tools::{self, node_on};

/// T1 after 5 seconds, T2 after 8.75.
const LEASE_SECS: u32 = 10;

/// For what happens at the end of a lease at the latest.
const LEASE: Duration = Duration::from_secs(LEASE_SECS as u64 + 6);

/// A device that runs our client on `eth0`.
struct Device {
    node: Node,
    client: Child,
    /// How many of the events were looked at.
    seen: usize,
}

impl Device {
    fn start(node: &Node) -> Self {
        let client = Self::launch(node);
        Self { node: node.clone(), client, seen: 0 }
    }

    /// It keeps its lease for the next time.
    fn stop(&mut self) {
        self.client.signal(Signal::TERM);
        assert!(self.client.end(LEASE).unwrap().success(), "{}", self.client.said());
        // A renewal may just have been under way, and the end may be an event.
        self.seen = events();
    }

    fn start_again(&mut self) {
        self.client = Self::launch(&self.node);
    }

    fn launch(node: &Node) -> Child {
        let events = format!("{DIR}/events");
        let script = format!("#!/bin/sh\necho \"$1 $HYDRANT_IP $HYDRANT_SERVER\" >>{events}\n");
        let script = tools::file("device-script", &script);
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        foreground(node, "device", &["--probe", "quick", "--script", &script])
    }

    /// The next thing that the script was told: what, the address and the server.
    fn event(&mut self, within: Duration) -> (String, Option<Ipv4Addr>, String) {
        let mut line = None;
        tools::until_or(
            within,
            || {
                let events = fs::read_to_string(format!("{DIR}/events")).unwrap_or_default();
                line = events
                    .split_inclusive('\n')
                    .nth(self.seen)
                    .filter(|line| line.ends_with('\n'))
                    .map(str::to_owned);
                line.is_some()
            },
            || format!("no event: {}", self.client.said()),
        );
        self.seen += 1;
        let line = line.unwrap();
        let mut words = line.trim_end().split(' ').map(str::to_owned);
        let mut word = || words.next().unwrap_or_default();
        (word(), word().parse().ok(), word())
    }

    /// The addresses that the interface has.
    fn addresses(&self) -> Vec<Ipv4Addr> {
        let mut command = self.node.command("ip").unwrap();
        let output = command.args(["-4", "-o", "addr", "show", "dev", "eth0"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let address = |line: &str| line.split_whitespace().nth(3)?.split('/').next()?.parse().ok();
        text.lines().filter_map(address).collect()
    }
}

/// One lease from its beginning to its end, from a server that moves, renumbers and dies.
fn life(bed: &mut Testbed, program: &str) {
    let segment = bed.segment("lan").unwrap();
    let server = node_on(bed, "server", &segment);
    server.ip("addr add 10.0.1.1/24 dev eth0").unwrap();
    let mut serving = tools::server(program, &server, 1, LEASE_SECS);
    let mut device = Device::start(&node_on(bed, "device", &segment));

    let (what, bound, from) = device.event(LEASE);
    assert_eq!((what.as_str(), from.as_str()), ("bound", "10.0.1.1"));
    let address = bound.unwrap();
    assert_eq!(device.addresses(), [address]);

    let (what, renewed, _) = device.event(LEASE);
    assert_eq!((what.as_str(), renewed), ("renewed", Some(address)), "at T1");

    // The server moves to another address, where unicast does not reach it.
    serving.signal(Signal::TERM);
    serving.end(LEASE).unwrap();
    server.ip("addr flush dev eth0\naddr add 10.0.1.2/24 dev eth0").unwrap();
    serving = tools::server(program, &server, 1, LEASE_SECS);
    let (what, rebound, from) = device.event(LEASE);
    assert_eq!(
        (what.as_str(), rebound, from.as_str()),
        ("renewed", Some(address), "10.0.1.2"),
        "at T2"
    );

    // The network gets other numbers while the device is off. A server that hears a renewal of an address that it does not know is silent,
    // one that is asked for such an address at a start says no.
    device.stop();
    serving.kill();
    let renumbered = bed.node("renumbered").unwrap();
    bed.plug(&renumbered, "eth0", &segment, None).unwrap();
    renumbered.ip("addr add 10.0.2.1/24 dev eth0").unwrap();
    serving = tools::server(program, &renumbered, 2, LEASE_SECS);
    device.start_again();
    let (what, ..) = device.event(LEASE);
    assert_eq!(what, "nak", "{}\n{}", device.client.said(), serving.said());
    let (what, fresh, _) = device.event(LEASE);
    let fresh = fresh.unwrap();
    assert_eq!((what.as_str(), &fresh.octets()[..3]), ("bound", &[10, 0, 2][..]));
    assert_eq!(device.addresses(), [fresh]);

    // The server is gone for good.
    serving.kill();
    loop {
        match device.event(LEASE).0.as_str() {
            "renewed" => {}
            what => break assert_eq!(what, "lost"),
        }
    }
    assert_eq!(device.addresses(), Vec::<Ipv4Addr>::new());
    device.stop();
}

#[test]
fn a_lease_from_dhcpd_lives_through_t1_t2_a_nak_and_its_end() {
    harness::run(&["dhcpd"], |bed| life(bed, "dhcpd"));
}

#[test]
fn a_lease_from_kea_lives_through_t1_t2_a_nak_and_its_end() {
    harness::run(&["kea-dhcp4"], |bed| life(bed, "kea-dhcp4"));
}

#[test]
fn a_lease_from_udhcpd_lives_through_t1_t2_a_nak_and_its_end() {
    harness::run(&["udhcpd"], |bed| life(bed, "udhcpd"));
}

#[test]
fn signals_renew_a_lease_from_dnsmasq_keep_it_and_give_it_back() {
    harness::run(&["dnsmasq"], |bed| {
        let segment = bed.segment("lan").unwrap();
        let server = node_on(bed, "server", &segment);
        server.ip("addr add 10.0.1.1/24 dev eth0").unwrap();
        // It gives no lease under two minutes.
        let serving = tools::server("dnsmasq", &server, 1, 120);
        let node = node_on(bed, "device", &segment);
        let mut device = Device::start(&node);
        let (what, address, _) = device.event(LEASE);
        assert_eq!(what, "bound");
        device.client.signal(Signal::USR1);
        assert_eq!(device.event(LEASE).0, "renewed");
        device.stop();

        // INIT-REBOOT: no DISCOVER is needed to get the same address.
        let from = serving.said().len();
        device.start_again();
        let (what, again, _) = device.event(LEASE);
        assert_eq!((what.as_str(), again), ("bound", address));
        assert!(!serving.said()[from..].contains("DHCPDISCOVER"), "{}", serving.said());
        device.client.signal(Signal::USR2);
        assert!(device.client.end(LEASE).unwrap().success());
        serving.line_after(from, "DHCPRELEASE", LEASE).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(device.addresses(), Vec::<Ipv4Addr>::new());
    });
}

/// How many things the script has been told.
fn events() -> usize {
    fs::read_to_string(format!("{DIR}/events")).unwrap_or_default().lines().count()
}
