//! Does `hydrant lease` get addresses for names from the servers of others?

use core::net::Ipv4Addr;
use core::time::Duration;

use hydrant::testbed::{Child, Node, Segment, Testbed};

use crate::ours::{self, client_state, hydrant, lease};
use crate::{harness, tools};

const SOON: Duration = Duration::from_secs(10);

/// A server and a client's node on one segment.
struct Pair {
    segment: Segment,
    server: Node,
    client: Node,
}

fn pair(bed: &mut Testbed) -> Pair {
    let segment = bed.segment("lan").unwrap();
    let [server, client] = ["server", "client"].map(|name| {
        let node = bed.node(name).unwrap();
        bed.plug(&node, "eth0", &segment, None).unwrap();
        node
    });
    server.ip("addr add 10.0.1.1/24 dev eth0").unwrap();
    Pair { segment, server, client }
}

/// A name has its address for good: asked for again, in other words, with its state, and after a release.
fn leases(bed: &mut Testbed, program: &str) {
    let Pair { server, client, .. } = pair(bed);
    let served = tools::server(program, &server, 1, 600);
    let first = lease(&client, "camera", &[]);
    let told = first.lease();
    assert_eq!((told["status"].as_str(), told["name"].as_str()), (Some("leased"), Some("camera")));
    assert_eq!(told["prefix_len"], 24);
    assert_eq!(told["routers"][0], "10.0.1.1");
    assert_eq!(told["server"], "10.0.1.1");
    assert!((100..=150).contains(&first.address().octets()[3]), "{told}");
    assert!(first.stdout.lines().count() == 1 && !first.stdout.is_empty());

    let again = lease(&client, "camera", &[]);
    assert_eq!((&again.lease()["mac"], again.address()), (&told["mac"], first.address()));
    let other = lease(&client, "radar", &[]);
    assert_ne!(other.lease()["mac"], told["mac"]);
    assert_ne!(other.address(), first.address());

    let state = client_state(&client);
    let renewed = hydrant(&client, &["renew", "camera", "--state", &state]);
    assert_eq!(renewed.code, Some(0), "{renewed:?}");

    let docker = ["--format", "docker"];
    let words = |answer: ours::Answer| {
        assert_eq!(answer.code, Some(0), "{answer:?}");
        answer.stdout
    };
    let all = [
        "lease",
        "camera",
        "--interface",
        "eth0",
        "--via",
        "dhcp",
        "--probe",
        "quick",
        "--state",
        &state,
    ];
    let line = words(hydrant(&client, &[&all[..], &docker].concat()));
    let mac = told["mac"].as_str().unwrap();
    assert!(line.contains(&format!("--ip {} --mac-address {mac}", first.address())), "{line}");
    assert_eq!(line, words(hydrant(&client, &[&all[..], &docker].concat())));

    let from = served.said().len();
    let released = hydrant(&client, &["release", "camera", "--state", &state]);
    assert_eq!(released.code, Some(0), "{released:?}");
    if let Some(logged) = release_in_log(program) {
        let line = served.line_after(from, logged, SOON).unwrap_or_else(|error| panic!("{error}"));
        assert!(
            line.to_lowercase().contains(mac) || line.contains(&first.address().to_string()),
            "{line}"
        );
    }
    assert!(lease(&client, "camera", &[]).code == Some(0));
}

/// What the server says when a client gives its address back; udhcpd says nothing.
fn release_in_log(program: &str) -> Option<&'static str> {
    match program {
        "dnsmasq" | "dhcpd" => Some("DHCPRELEASE"),
        "kea-dhcp4" => Some("DHCP4_RELEASE"),
        _ => None,
    }
}

#[test]
fn a_name_keeps_its_address_from_dnsmasq() {
    harness::run(&["dnsmasq"], |bed| leases(bed, "dnsmasq"));
}

#[test]
fn a_name_keeps_its_address_from_dhcpd() {
    harness::run(&["dhcpd"], |bed| leases(bed, "dhcpd"));
}

#[test]
fn a_name_keeps_its_address_from_kea() {
    harness::run(&["kea-dhcp4"], |bed| leases(bed, "kea-dhcp4"));
}

#[test]
fn a_name_keeps_its_address_from_udhcpd() {
    harness::run(&["udhcpd"], |bed| leases(bed, "udhcpd"));
}

#[test]
fn without_a_server_the_stored_lease_is_used_and_said_so() {
    harness::run(&["dnsmasq"], |bed| {
        let Pair { server, client, .. } = pair(bed);
        let none = lease(&client, "camera", &["--timeout", "1"]);
        assert_eq!((none.code, none.stdout.as_str()), (Some(5), ""), "{none:?}");
        let mut served = tools::server("dnsmasq", &server, 1, 600);
        let first = lease(&client, "camera", &[]);
        served.kill();
        let stored = lease(&client, "camera", &["--timeout", "1"]);
        assert_eq!((stored.code, stored.address()), (Some(6), first.address()));
        assert_eq!(stored.lease()["status"], "stored");
        let warning = stored.said.replace(&stored.stdout, "");
        assert!(warning.contains("camera") && warning.contains("stored"), "{warning:?}");
        // It never stands in for another name.
        assert_eq!(lease(&client, "radar", &["--timeout", "1"]).code, Some(5));
    });
}

#[test]
fn an_address_that_somebody_uses_is_declined_and_another_one_leased() {
    harness::run(&["dnsmasq"], |bed| {
        let Pair { segment, server, client } = pair(bed);
        let served = tools::server("dnsmasq", &server, 1, 600);
        // What it would offer is found by asking; whoever takes it by hand is not known to the server.
        let first = lease(&client, "camera", &[]);
        let state = client_state(&client);
        assert_eq!(hydrant(&client, &["release", "camera", "--state", &state]).code, Some(0));
        let squatter = bed.node("squatter").unwrap();
        bed.plug(&squatter, "eth0", &segment, None).unwrap();
        let address = first.address();
        squatter.ip("link set eth0 address 02:00:00:00:00:99").unwrap();
        squatter.ip(&format!("addr add {address}/24 dev eth0")).unwrap();
        let second = lease(&client, "camera", &["--timeout", "30"]);
        assert_eq!(second.code, Some(0), "{second:?}");
        assert_ne!(second.address(), first.address());
        let declined =
            format!("camera: {} is used by 02:00:00:00:00:99; declined", first.address());
        let lines = second.said.lines().filter(|line| line.contains("declined"));
        assert_eq!(lines.collect::<Vec<_>>(), [format!("hydrant: {declined}")]);
        served.line("DHCPDECLINE", SOON).unwrap_or_else(|error| panic!("{error}"));
    });
}

#[test]
fn with_two_servers_a_name_keeps_its_address() {
    harness::run(&["dnsmasq", "dhcpd"], |bed| {
        let Pair { segment, server, client } = pair(bed);
        let _one = tools::server("dnsmasq", &server, 1, 600);
        let first = lease(&client, "camera", &[]);
        let second = bed.node("second").unwrap();
        bed.plug(&second, "eth0", &segment, None).unwrap();
        second.ip("addr add 10.0.1.2/24 dev eth0").unwrap();
        let _two: Child = tools::server("dhcpd", &second, 1, 600);
        for _ in 0..3 {
            let again = lease(&client, "camera", &[]);
            assert_eq!(again.address(), first.address());
        }
        let fresh = lease(&client, "radar", &[]);
        let servers = ["10.0.1.1", "10.0.1.2"];
        assert!(servers.contains(&fresh.lease()["server"].as_str().unwrap()));
        assert_ne!(fresh.address(), Ipv4Addr::UNSPECIFIED);
    });
}
