//! Does `hydrant serve` serve the clients that are out there? On two segments at once, through a relay, over every renewal, restart and change.

use core::net::Ipv4Addr;
use core::time::Duration;
use std::os::unix::net::UnixDatagram;

use hydrant::testbed::Child;
use rustix::process::Signal;

use crate::harness::{self, DIR};
use crate::serving::{Serving, server_on};
use crate::tools::{self, CLIENTS, bound, bound_after, field, node_on};
use crate::units;
use crate::wire::Wire;

const SOON: Duration = Duration::from_secs(15);

/// The article's configuration with its typing error mended.
const ARTICLE: &str = include_str!("../configs/article-mended.conf");

/// Leases so short that one can wait for them; T1 at half of it, T2 at seven eighths.
fn short(secs: u32) -> String {
    format!(
        "authoritative;\nping-check false;\ndefault-lease-time {secs};\nmin-lease-time {secs};\nmax-lease-time {secs};\n\
         subnet 10.0.1.0 netmask 255.255.255.0 {{ range 10.0.1.100 10.0.1.120; option routers 10.0.1.1; }}\n"
    )
}

#[test]
fn three_clients_on_each_of_two_segments_are_served_at_once() {
    harness::run(&CLIENTS, |bed| {
        let (server, segments) = server_on(bed, &[1, 2]);
        let serving = Serving::start(&server, "conf", ARTICLE);
        let mut clients = Vec::new();
        for (net, segment) in (1..).zip(&segments) {
            for (start, name) in [tools::udhcpc, tools::dhclient, tools::dhcpcd].iter().zip(CLIENTS)
            {
                // dhcpcd runs once for each name of an interface.
                let (node, interface) =
                    (bed.node(&format!("{name}{net}")).unwrap(), format!("eth{net}"));
                bed.plug(&node, &interface, segment, None).unwrap();
                clients.push((net, start(&node, &interface), node));
            }
        }
        let mut addresses = Vec::new();
        for (net, client, _) in &clients {
            let address = bound(client, SOON);
            let [_, _, third, last] = address.octets();
            assert_eq!(third, *net, "{address} is of the other segment");
            assert!(
                (2..=200).contains(&last) && last != 3,
                "{address} is the router's, or out of the range"
            );
            let line = client.line(&format!("address={address}"), SOON).unwrap();
            assert_eq!(field(&line, "server"), format!("10.0.{net}.1"));
            assert_eq!(field(&line, "router"), format!("10.0.{net}.3"));
            assert_eq!(field(&line, "secs"), "3600");
            assert!(line.contains("dns=8.8.8.8 8.8.4.4"), "{line}");
            addresses.push(address);
        }
        addresses.sort_unstable();
        assert_eq!(serving.in_state("bound"), addresses);
        addresses.dedup();
        assert_eq!(addresses.len(), clients.len());
    });
}

#[test]
fn a_lease_is_renewed_at_t1_and_rebound_at_t2() {
    harness::run(&["dhclient", "udhcpc"], |bed| {
        let (server, segments) = server_on(bed, &[1]);
        let mut serving = Serving::start(&server, "conf", &short(20));
        let nodes = ["d", "u"].map(|name| node_on(bed, name, &segments[0]));
        let clients = [tools::dhclient(&nodes[0], "eth0"), tools::udhcpc(&nodes[1], "eth0")];
        let first = [bound(&clients[0], SOON), bound(&clients[1], SOON)];
        let from = [clients[0].said().len(), clients[1].said().len()];
        for ((client, from), first) in clients.iter().zip(from).zip(first) {
            assert_eq!(bound_after(client, from, SOON), first, "renewed");
        }
        let asked = clients[0].line_after(from[0], "DHCPREQUEST", SOON).unwrap();
        assert!(asked.contains("to 10.0.1.1 port 67"), "renewing asks the server alone: {asked}");
        // Gone at T1, and back before T2 under another address, so that only a broadcast reaches it.
        serving.cut();
        server.ip("addr flush dev vlan1\naddr add 10.0.1.2/24 brd + dev vlan1").unwrap();
        let from = clients[0].said().len();
        serving.again();
        assert_eq!(bound_after(&clients[0], from, 2 * SOON), first[0], "rebound");
        let rebound = clients[0].line_after(from, "255.255.255.255", SOON).unwrap();
        assert!(rebound.contains("DHCPREQUEST"), "{rebound}");
    });
}

#[test]
fn a_released_address_is_said_to_be_free_and_kept_for_its_client() {
    harness::run(&["udhcpc"], |bed| {
        let (server, segments) = server_on(bed, &[1]);
        let serving = Serving::start(&server, "conf", &short(600));
        let node = node_on(bed, "n", &segments[0]);
        let mut client = tools::udhcpc(&node, "eth0");
        let first = bound(&client, SOON);
        assert_eq!(serving.in_state("bound"), [first]);
        client.signal(Signal::TERM);
        client.end(SOON).unwrap();
        tools::until(SOON, "released", || serving.in_state("bound").is_empty());
        let other = node_on(bed, "other", &segments[0]);
        assert_ne!(bound(&tools::udhcpc(&other, "eth0"), SOON), first, "there are unused ones");
        assert_eq!(bound(&tools::udhcpc(&node, "eth0"), SOON), first);
    });
}

#[test]
fn restarts_of_either_side_change_no_address() {
    harness::run(&["dhclient", "udhcpc"], |bed| {
        let (server, segments) = server_on(bed, &[1]);
        let mut serving = Serving::start(&server, "conf", &short(600));
        let nodes = ["d", "u"].map(|name| node_on(bed, name, &segments[0]));
        let lease = |serving: &Serving| {
            let clients = [tools::dhclient(&nodes[0], "eth0"), tools::udhcpc(&nodes[1], "eth0")];
            let addresses = [bound(&clients[0], SOON), bound(&clients[1], SOON)];
            let mut sorted = addresses;
            sorted.sort_unstable();
            assert_eq!(serving.in_state("bound"), sorted);
            // dropped: killed, without a RELEASE
            addresses
        };
        let first = lease(&serving);
        assert_eq!(lease(&serving), first, "the clients started again");
        serving.stop();
        serving.again();
        assert_eq!(lease(&serving), first, "the server was stopped and started");
        serving.cut();
        serving.again();
        assert_eq!(lease(&serving), first, "the server was killed");
    });
}

#[test]
fn clients_behind_a_relay_are_served() {
    harness::run(&["dhcrelay", "dhclient", "udhcpc"], |bed| {
        let (server, segments) = server_on(bed, &[9]);
        let far = bed.segment("far").unwrap();
        let relay = node_on(bed, "relay", &far);
        bed.plug(&relay, "uplink", &segments[0], None).unwrap();
        relay.ip("addr add 10.0.7.1/24 dev eth0\naddr add 10.0.9.7/24 dev uplink").unwrap();
        relay.inside(|| std::fs::write("/proc/sys/net/ipv4/ip_forward", "1")).unwrap().unwrap();
        server.ip("route add 10.0.7.0/24 via 10.0.9.7").unwrap();
        let config = "authoritative;\ndefault-lease-time 8;\nmin-lease-time 8;\nping-check false;\n\
            subnet 10.0.9.0 netmask 255.255.255.0 { }\n\
            subnet 10.0.7.0 netmask 255.255.255.0 { range 10.0.7.100 10.0.7.120; option routers 10.0.7.1; }\n";
        let _serving = Serving::start(&server, "conf", config);
        let arguments = ["-4", "-d", "-a", "-id", "eth0", "-iu", "uplink", "10.0.9.1"];
        let _relaying = relay.start("dhcrelay", arguments).unwrap();
        let nodes = ["d", "u"].map(|name| node_on(bed, name, &far));
        for node in &nodes {
            node.ip("route add 10.0.9.0/24 via 10.0.7.1 dev eth0 onlink").unwrap();
        }
        let clients = [tools::dhclient(&nodes[0], "eth0"), tools::udhcpc(&nodes[1], "eth0")];
        for client in &clients {
            let address = bound(client, SOON);
            assert_eq!(address.octets()[..3], [10, 0, 7]);
            let from = client.said().len();
            assert_eq!(bound_after(client, from, SOON), address, "renewed");
        }
    });
}

#[test]
fn a_new_configuration_is_taken_whole_or_not_at_all() {
    harness::run(&[], |bed| {
        let (server, segments) = server_on(bed, &[1]);
        let serving = Serving::start(&server, "conf", &short(600));
        let mut wire = Wire::open(&node_on(bed, "n", &segments[0]), "eth0");
        let mac = |last| [2, 0, 0, 0, 0, last];
        let first = wire.lease(None, mac(1), 1);
        assert_eq!(first.lease_secs, Some(600));
        let wrong = short(600).replace("10.0.1.120", "10.0.2.120");
        let refused = serving.reload(&wrong, "reload-refused");
        for part in ["10.0.2.120", "goes on with the configuration it had"] {
            assert!(refused.contains(part), "{refused}");
        }
        assert_eq!(wire.lease(None, mac(1), 2).yiaddr, first.yiaddr);
        let changed = short(300)
            .replace("10.0.1.100 10.0.1.120", "10.0.1.50 10.0.1.120")
            .replace("routers 10.0.1.1", "routers 10.0.1.2");
        let reloaded = serving.reload(&changed, "reloaded");
        assert!(reloaded.contains("in force: 1 subnet with 71 addresses"), "{reloaded}");
        let mut xid = 2;
        let mut renewed = || {
            xid += 1;
            wire.lease(None, mac(1), xid)
        };
        tools::until(SOON, "reloaded", || renewed().lease_secs == Some(300));
        let again = renewed();
        assert_eq!(again.yiaddr, first.yiaddr, "leases stay");
        assert_eq!(again.routers, Some(vec![10, 0, 1, 2]));
        assert_eq!(serving.in_state("bound"), [first.yiaddr]);
    });
}

#[test]
fn an_interface_that_appears_late_is_served_and_one_that_comes_back_too() {
    harness::run(&["udhcpc"], |bed| {
        let server = bed.node("server").unwrap();
        let segment = bed.segment("lan").unwrap();
        let config = "authoritative = true\nping-check = false\n\
            [[subnet]]\nnetwork = \"10.0.1.0/24\"\ninterface = \"late0\"\nrange = \"10.0.1.100 - 10.0.1.120\"\n";
        let serving = Serving::start(&server, "toml", config);
        serving
            .child()
            .line("late0", SOON)
            .unwrap_or_else(|error| panic!("it is waited for and said so: {error}"));
        let node = node_on(bed, "n", &segment);
        let mut wire = Wire::open(&node, "eth0");
        let mut first = None;
        for xid in 0..2 {
            bed.plug(&server, "late0", &segment, None).unwrap();
            server.ip("addr add 10.0.1.1/24 dev late0").unwrap();
            let ack = wire.patient_lease([2, 0, 0, 0, 0, 1], 100 * xid + 1);
            assert_eq!(*first.get_or_insert(ack.yiaddr), ack.yiaddr);
            bed.unplug(&server, "late0").unwrap();
        }
        assert_eq!(first.unwrap().octets()[..3], Ipv4Addr::new(10, 0, 1, 0).octets()[..3]);
    });
}

/// The datagrams that the unit counts on (sd_notify(3)); with no more rights than it gives.
#[test]
fn systemd_hears_how_the_server_stands() {
    harness::run(&["setpriv"], |bed| {
        let (server, _segments) = server_on(bed, &[1]);
        let socket = UnixDatagram::bind(format!("{DIR}/notify")).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        let heard = || {
            let mut octets = [0; 512];
            let len = socket.recv(&mut octets).unwrap();
            String::from_utf8(octets[..len].to_vec()).unwrap()
        };
        let (config, state) = (tools::file("notify.conf", &short(60)), Serving::state_of(&server));
        let arguments = ["serve", "--config", &config, "--state", &state];
        let mut command = units::SERVER.command(&server, &arguments);
        command.env("NOTIFY_SOCKET", format!("{DIR}/notify"));
        let mut child = Child::start(command).unwrap();
        assert!(heard().starts_with("READY=1\nSTATUS="));
        child.signal(Signal::HUP);
        assert!(heard().starts_with("RELOADING=1\nMONOTONIC_USEC="));
        assert!(heard().starts_with("READY=1\n"));
        child.signal(Signal::TERM);
        assert_eq!(heard(), "STOPPING=1");
        assert!(child.end(SOON).unwrap().success(), "{}", child.said());
    });
}
