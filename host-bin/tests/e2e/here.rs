//! Is a name the same by both ways? Our server on the host of the containers, asked by its control socket and by DHCP.

use core::time::Duration;
use std::fs;

use hydrant::testbed::{Child, Node, Testbed};
use serde_json::Value;

use crate::harness::{self, DIR};
use crate::ours::{Answer, HYDRANT, hydrant};
use crate::tools;

const SOON: Duration = Duration::from_secs(10);

/// Two VLANs of five addresses each, one of them on the interface `vlan1`.
const CONFIG: &str = r#"
lease-time = "1h"

[[subnet]]
network = "10.0.1.0/24"
range = "10.0.1.10 - 10.0.1.14"
options = { routers = "10.0.1.3", subnet-mask = "255.255.255.0" }
ping-check = false

[[subnet]]
network = "10.0.2.0/24"
range = "10.0.2.10 - 10.0.2.14"
interface = "vlan1"
vlan = 2
server-id = "10.0.2.1"
options = { routers = "10.0.2.3", subnet-mask = "255.255.255.0" }
ping-check = false
"#;

/// A truck's computer with a server, and a second one on the same segment.
struct Truck {
    computer: Node,
    other: Node,
    config: String,
}

fn truck(bed: &mut Testbed) -> Truck {
    let segment = bed.segment("lan").unwrap();
    let [computer, other] = ["computer", "other"].map(|name| {
        let node = bed.node(name).unwrap();
        bed.plug(&node, "vlan1", &segment, None).unwrap();
        node
    });
    computer.ip("addr add 10.0.1.1/24 dev vlan1").unwrap();
    Truck { computer, other, config: tools::file("truck.toml", CONFIG) }
}

fn state(node: &Node) -> String {
    format!("{DIR}/{}-state", node.name())
}

impl Truck {
    fn serve(&self) -> Child {
        let state = state(&self.computer);
        let arguments = ["serve", "--config", &self.config, "--state", &state];
        let server = self.computer.start(HYDRANT, arguments).unwrap();
        server.line("ready", SOON).unwrap_or_else(|error| panic!("{error}"));
        server
    }

    /// The other computer belongs to the same installation.
    fn share_key(&self) {
        fs::create_dir_all(state(&self.other)).unwrap();
        let path = |node| format!("{}/installation.key", state(node));
        fs::copy(path(&self.computer), path(&self.other)).unwrap();
    }
}

fn on(node: &Node, arguments: &[&str]) -> Answer {
    hydrant(node, &[arguments, &["--state", &state(node)]].concat())
}

fn lease(node: &Node, name: &str, more: &[&str]) -> Answer {
    let all = ["lease", name, "--vlan", "1", "--probe", "off", "--format", "json"];
    on(node, &[&all, more].concat())
}

fn both(answer: &Answer) -> (Value, Value) {
    let lease = answer.lease();
    (lease["mac"].clone(), lease["address"].clone())
}

#[test]
fn a_name_has_one_mac_and_one_address_by_both_ways() {
    harness::run(&[], |bed| {
        let truck = truck(bed);
        let _server = truck.serve();
        let local = lease(&truck.computer, "camera", &["--via", "local"]);
        assert_eq!(local.lease()["via"], "local");
        truck.share_key();
        let wire = lease(&truck.other, "camera", &["--via", "dhcp"]);
        assert_eq!(wire.lease()["via"], "dhcp");
        assert_eq!(both(&local), both(&wire));
        for what in ["prefix_len", "routers", "routes", "dns", "server", "vlan", "name"] {
            assert_eq!(local.lease()[what], wire.lease()[what], "{what}");
        }
        // The other way round, and without saying which way.
        let wire = lease(&truck.other, "lidar", &["--via", "dhcp"]);
        let local = lease(&truck.computer, "lidar", &[]);
        assert_eq!(local.lease()["via"], "local", "our server is asked first");
        assert_eq!(both(&local), both(&wire));
        // What came over the wire is pinned and named, too.
        let leases: Value =
            serde_json::from_str(&on(&truck.computer, &["leases", "--json"]).stdout).unwrap();
        let leases = leases.as_array().unwrap();
        assert_eq!(leases.len(), 2);
        for (lease, name) in leases.iter().zip(["camera", "lidar"]) {
            assert_eq!(
                (lease["pinned"].as_bool(), lease["name"].as_str()),
                (Some(true), Some(name))
            );
        }
    });
}

#[test]
fn a_name_keeps_its_address_over_a_power_cut_in_a_full_pool() {
    harness::run(&[], |bed| {
        let truck = truck(bed);
        let mut server = truck.serve();
        let docker = || {
            let answer =
                on(&truck.computer, &["lease", "camera", "--vlan", "1", "--format", "docker"]);
            assert_eq!(answer.code, Some(0), "{answer:?}");
            answer.stdout
        };
        let first = docker();
        assert!(first.starts_with("--network vlan1 --ip 10.0.1."), "{first}");
        server.kill();
        let mut server = truck.serve();
        assert_eq!(docker(), first);
        for name in ["a", "b", "c", "d"] {
            assert_eq!(lease(&truck.computer, name, &[]).code, Some(0));
        }
        let full = lease(&truck.computer, "e", &[]);
        assert_eq!((full.code, full.stdout.as_str()), (Some(3), ""), "{full:?}");
        assert_eq!(docker(), first);
        // Given back, it is anybody's.
        assert_eq!(on(&truck.computer, &["release", "camera"]).code, Some(0));
        assert_eq!(lease(&truck.computer, "e", &[]).code, Some(0));
        server.kill();
        let _server = truck.serve();
        assert_eq!(lease(&truck.computer, "camera", &[]).code, Some(3));
    });
}

#[test]
fn an_address_is_reserved_before_the_name_asks_and_survives_a_power_cut() {
    harness::run(&[], |bed| {
        let truck = truck(bed);
        let mut server = truck.serve();
        let reserve =
            |arguments: &[&str]| on(&truck.computer, &[arguments, &["--vlan", "1"]].concat());
        let mac = "02:00:00:00:00:77";
        let reserved = reserve(&["reserve", "camera", "--ip", "10.0.1.13", "--mac", mac]);
        assert_eq!(reserved.code, Some(0), "{reserved:?}");
        assert_eq!(reserve(&["reserve", "lidar"]).code, Some(0));
        let twice = reserve(&["reserve", "lidar", "--ip", "10.0.1.12"]);
        assert_eq!(twice.code, Some(4), "{twice:?}");
        assert_eq!(reserve(&["reserve", "radar", "--ip", "10.0.1.13"]).code, Some(4), "another's");
        assert_eq!(
            reserve(&["reserve", "radar", "--ip", "10.0.1.99"]).code,
            Some(4),
            "in no range"
        );
        assert_eq!(reserve(&["reserve", "radar", "--mac", mac]).code, Some(4), "another's");
        server.kill();
        let _server = truck.serve();
        truck.share_key();
        let camera = lease(&truck.other, "camera", &["--via", "dhcp"]);
        assert_eq!(camera.address().to_string(), "10.0.1.13");
        let lidar = reserve(&["mac", "lidar"]).stdout;
        assert_eq!(lidar.trim_end(), lease(&truck.computer, "lidar", &[]).lease()["mac"]);
        // Strangers get what is left and no more.
        for name in ["a", "b", "c"] {
            assert_eq!(lease(&truck.computer, name, &[]).code, Some(0), "{name}");
        }
        assert_eq!(lease(&truck.computer, "d", &[]).code, Some(3));
        let used = reserve(&["unreserve", "lidar"]);
        assert_eq!(used.code, Some(4), "it may be in use: {used:?}");
        assert_eq!(on(&truck.computer, &["release", "lidar"]).code, Some(0));
        assert_eq!(reserve(&["unreserve", "lidar"]).code, Some(0));
        assert_eq!(lease(&truck.computer, "d", &[]).code, Some(0));
    });
}

/// An unused reservation can be given up, also after a restart: its lease ended when it was made.
#[test]
fn a_reservation_that_was_never_used_is_given_up_at_once() {
    harness::run(&[], |bed| {
        let truck = truck(bed);
        let mut server = truck.serve();
        let reserve = |what: &str| on(&truck.computer, &[what, "camera", "--vlan", "1"]);
        assert_eq!(reserve("reserve").code, Some(0));
        server.kill();
        let _server = truck.serve();
        let given_up = reserve("unreserve");
        assert!(given_up.code == Some(0) && given_up.said.contains("10.0.1."), "{given_up:?}");
        let again = reserve("unreserve");
        assert!(again.code == Some(0) && again.said.contains("had no address"), "{again:?}");
    });
}

/// The derived MAC address is another client's: the name gets its second one, and keeps that.
#[test]
fn a_mac_address_that_is_taken_is_changed_and_then_kept() {
    harness::run(&[], |bed| {
        let truck = truck(bed);
        let _server = truck.serve();
        let derived = on(&truck.computer, &["mac", "camera", "--vlan", "1"]).stdout;
        let thief = lease(&truck.computer, "thief", &["--mac", derived.trim_end()]);
        assert_eq!(thief.lease()["mac"], derived.trim_end());
        let camera = lease(&truck.computer, "camera", &[]);
        assert_ne!(camera.lease()["mac"], derived.trim_end());
        assert_eq!(on(&truck.computer, &["release", "thief"]).code, Some(0));
        assert_eq!(both(&lease(&truck.computer, "camera", &[])), both(&camera));
    });
}

/// VLAN 2 is tagged on the same interface; the same name there is another container.
#[test]
fn a_name_in_another_vlan_is_another_container() {
    harness::run(&[], |bed| {
        let truck = truck(bed);
        let _server = truck.serve();
        let one = lease(&truck.computer, "camera", &[]);
        let on_two = ["lease", "camera", "--vlan", "2", "--format", "json", "--probe", "off"];
        let two = on(&truck.computer, &on_two);
        assert!(two.lease()["address"].as_str().unwrap().starts_with("10.0.2."), "{two:?}");
        assert_ne!(both(&one).0, both(&two).0);
        truck.share_key();
        let tagged =
            on(&truck.other, &[&on_two[..], &["--interface", "vlan1", "--via", "dhcp"]].concat());
        assert_eq!(both(&tagged), both(&two), "by tagged frames");
        let nowhere = on(&truck.computer, &["lease", "camera", "--vlan", "9", "--via", "local"]);
        assert_eq!(nowhere.code, Some(2), "{nowhere:?}");
        assert!(nowhere.said.contains("10.0.1.0/24"), "{nowhere:?}");
    });
}
