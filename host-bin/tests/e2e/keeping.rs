//! Does a lease stay for as long as it should? `lease --foreground` as the DHCP client of a device, and `keep` as the service for containers.

use core::time::Duration;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;

use hydrant::testbed::{Child, Node, Testbed};
use rustix::process::Signal;
use serde_json::Value;

use crate::harness::DIR;
use crate::ours::{HYDRANT, client_state, hydrant, lease};
use crate::{harness, ours, tools, units};

const SOON: Duration = Duration::from_secs(15);

/// The shortest lease that all foreign servers give.
const SECS: u32 = 12;

fn nodes(bed: &mut Testbed) -> [Node; 2] {
    let segment = bed.segment("lan").unwrap();
    let nodes = ["server", "client"].map(|name| {
        let node = bed.node(name).unwrap();
        bed.plug(&node, "eth0", &segment, None).unwrap();
        node
    });
    nodes[0].ip("addr add 10.0.1.1/24 dev eth0").unwrap();
    nodes
}

fn foreground(node: &Node, more: &[&str]) -> Child {
    let script = tools::file(
        "told",
        "#!/bin/sh\necho \"told: $1 $HYDRANT_REASON $HYDRANT_STATUS $HYDRANT_NAME ip=$HYDRANT_IP gateway=$HYDRANT_GATEWAY |\"\n",
    );
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    ours::foreground(node, "display", &[&["--probe", "quick", "--script", &script], more].concat())
}

fn told(child: &Child, from: usize, what: &str) -> String {
    let line = child.line_after(from, &format!("told: {what} "), SOON);
    line.unwrap_or_else(|error| panic!("{error}"))
}

/// What `ip` says in a node.
fn shown(node: &Node, arguments: &str) -> String {
    let mut child = node.start("ip", arguments.split(' ')).unwrap();
    assert!(child.end(SOON).unwrap().success());
    child.stdout()
}

fn stored(node: &Node, name: &str) -> Value {
    let path = format!("{}/names/{name}@eth0.json", client_state(node));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Figure 5 once around: bound, renewed at T1, lost when the server is gone, bound again when it is back, given back.
#[test]
fn a_device_renews_loses_and_finds_its_address_again() {
    harness::run(&["udhcpd"], |bed| {
        let [server, client] = nodes(bed);
        let mut served = tools::server("udhcpd", &server, 1, SECS);
        let mut device = foreground(&client, &[]);
        let bound = told(&device, 0, "bound");
        let address = tools::field(&bound, "ip").to_owned();
        assert!(bound.contains("bound leased display"), "{bound}");
        assert_eq!(tools::field(&bound, "gateway"), "10.0.1.1");
        let addresses = shown(&client, "-4 addr show dev eth0");
        assert!(addresses.contains(&format!("inet {address}/24")), "{addresses}");
        assert!(addresses.contains("dynamic"), "the kernel knows when it ends: {addresses}");
        assert!(shown(&client, "route").contains("default via 10.0.1.1"));
        let own = shown(&client, "link show dev eth0");
        assert!(own.contains(stored(&client, "display")["mac"].as_str().unwrap()), "{own}");

        told(&device, 0, "renewed");
        device.signal(Signal::USR1);
        let from = device.said().len();
        told(&device, from, "renewed");

        served.kill();
        let from = device.said().len();
        told(&device, from, "lost");
        assert!(!shown(&client, "-4 addr show dev eth0").contains("inet"), "taken away");
        assert!(!shown(&client, "route").contains("default"));

        let from = device.said().len();
        let _served = tools::server("udhcpd", &server, 1, SECS);
        let again = device.line_after(from, "told: bound ", Duration::from_secs(40));
        let again = again.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(tools::field(&again, "ip"), address);

        device.signal(Signal::USR2);
        assert!(device.end(SOON).unwrap().success());
        assert!(!shown(&client, "-4 addr show dev eth0").contains("inet"));
        assert!(stored(&client, "display")["released_at"].is_string());
    });
}

/// Its server's card was replaced: what is sent to the old one (RENEWING) reaches nobody, and what is sent to all (REBINDING) does.
#[test]
fn a_device_rebinds_when_its_server_cannot_be_reached_as_before() {
    harness::run(&["udhcpd"], |bed| {
        let [server, client] = nodes(bed);
        let served = tools::server("udhcpd", &server, 1, SECS);
        let device = foreground(&client, &[]);
        let address = tools::field(&told(&device, 0, "bound"), "ip").to_owned();
        server.ip("link set eth0 address 02:00:00:00:00:99").unwrap();
        let (from, heard) = (device.said().len(), served.said().len());
        let line =
            device.line_after(from, "told: ", SOON).unwrap_or_else(|error| panic!("{error}"));
        assert!(line.starts_with("told: renewed ") && line.contains(&address), "{line}");
        assert_eq!(served.said()[heard..].matches("sending ACK").count(), 1, "{}", served.said());
        assert!(!device.said().contains("told: lost"));
    });
}

/// The full check of RFC 5227 takes longer than the server may: the patience is for the server.
#[test]
fn an_address_that_is_being_checked_is_waited_for() {
    harness::run(&["dnsmasq"], |bed| {
        let [server, client] = nodes(bed);
        let _served = tools::server("dnsmasq", &server, 1, 600);
        let state = client_state(&client);
        let all = ["lease", "camera", "--interface", "eth0", "--timeout", "2", "--format", "ip"];
        let begun = std::time::Instant::now();
        let answer = hydrant(&client, &[&all[..], &["--state", &state]].concat());
        assert_eq!(answer.code, Some(0), "{answer:?}");
        assert!(
            begun.elapsed() > Duration::from_secs(4),
            "three probes, and two seconds of silence"
        );
    });
}

/// Ctrl-C while a server is waited for: nothing is left but the installation's key.
#[test]
fn who_is_interrupted_leaves_nothing_half_written() {
    harness::run(&[], |bed| {
        let [_server, client] = nodes(bed);
        let state = client_state(&client);
        let arguments = ["lease", "camera", "--interface", "eth0", "--state", &state];
        let mut waiting = client.start(HYDRANT, arguments).unwrap();
        std::thread::sleep(Duration::from_millis(700));
        waiting.signal(Signal::INT);
        assert_eq!(waiting.end(SOON).unwrap().code(), Some(130));
        assert!(waiting.stdout().contains("(exit 130)"), "{}", waiting.said());
        let left = fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(left.collect::<Vec<_>>(), ["installation.key"]);
    });
}

#[test]
fn who_ends_a_device_keeps_its_lease_and_it_asks_for_it_again() {
    harness::run(&["dhcpd"], |bed| {
        let [server, client] = nodes(bed);
        let served = tools::server("dhcpd", &server, 1, 600);
        let mut device = foreground(&client, &[]);
        let address = tools::field(&told(&device, 0, "bound"), "ip").to_owned();
        device.signal(Signal::TERM);
        assert!(device.end(SOON).unwrap().success());
        assert!(!device.said().contains("told: lost"));
        let from = served.said().len();
        let device = foreground(&client, &[]);
        assert_eq!(tools::field(&told(&device, 0, "bound"), "ip"), address);
        let asked = served.said().split_off(from);
        assert!(asked.contains("DHCPREQUEST") && !asked.contains("DHCPDISCOVER"), "{asked}");
    });
}

/// RFC 2131 section 3.2 (4): nobody answers, and the lease is good; the search goes on, and a server that comes later is found.
#[test]
fn a_device_starts_without_a_server_on_its_stored_lease() {
    harness::run(&["udhcpd"], |bed| {
        let [server, client] = nodes(bed);
        let mut served = tools::server("udhcpd", &server, 1, 40);
        let mut device = foreground(&client, &[]);
        let address = tools::field(&told(&device, 0, "bound"), "ip").to_owned();
        device.signal(Signal::TERM);
        assert!(device.end(SOON).unwrap().success());
        served.kill();
        client.ip("addr flush dev eth0").unwrap();
        let device = foreground(&client, &[]);
        let bound = told(&device, 0, "bound");
        assert!(bound.contains("bound stored display"), "{bound}");
        assert_eq!(tools::field(&bound, "ip"), address);
        assert!(shown(&client, "-4 addr show dev eth0").contains(&address));
        let from = device.said().len();
        let _served = tools::server("udhcpd", &server, 1, 40);
        let bound = device.line_after(from, "told: bound bound leased ", Duration::from_secs(40));
        assert_eq!(tools::field(&bound.unwrap_or_else(|error| panic!("{error}")), "ip"), address);
    });
}

/// RFC 2131 section 3.1 (5) and 4.4.1: what a server refuses is taken off at once, and another address is leased.
#[test]
fn a_refused_address_is_taken_off_and_another_one_is_leased() {
    harness::run(&["dhcpd"], |bed| {
        let [server, client] = nodes(bed);
        let mut served = tools::server("dhcpd", &server, 1, 600);
        let device = foreground(&client, &[]);
        let first = tools::field(&told(&device, 0, "bound"), "ip").to_owned();
        served.kill();
        // The same segment has other addresses now, and the old ones are wrong there.
        server.ip("addr del 10.0.1.1/24 dev eth0\naddr add 10.0.2.1/24 dev eth0").unwrap();
        let _served = tools::server("dhcpd", &server, 2, 600);
        // A cable that is pulled and plugged in again: the address is to be confirmed.
        let from = device.said().len();
        client.ip("link set eth0 down").unwrap();
        client.ip("link set eth0 up").unwrap();
        told(&device, from, "nak");
        told(&device, from, "lost");
        let second = tools::field(&told(&device, from, "bound"), "ip").to_owned();
        assert!(second.starts_with("10.0.2."), "{second}");
        let addresses = shown(&client, "-4 addr show dev eth0");
        assert!(addresses.contains(&second) && !addresses.contains(&first), "{addresses}");
    });
}

#[test]
fn an_interface_that_comes_late_is_waited_for() {
    harness::run(&["dnsmasq"], |bed| {
        let segment = bed.segment("lan").unwrap();
        let [server, client] = ["server", "client"].map(|name| bed.node(name).unwrap());
        bed.plug(&server, "eth0", &segment, None).unwrap();
        server.ip("addr add 10.0.1.1/24 dev eth0").unwrap();
        let _served = tools::server("dnsmasq", &server, 1, 600);
        let device = foreground(&client, &[]);
        device.line("waiting", SOON).unwrap_or_else(|error| panic!("{error}"));
        bed.plug(&client, "eth0", &segment, None).unwrap();
        told(&device, 0, "bound");
    });
}

/// `keep` renews all names over one socket; a name that is given back is renewed no more, and one that is leased meanwhile is. It has no more rights than its
/// unit gives, and tells systemd when it is ready.
#[test]
fn names_from_a_foreign_server_are_kept() {
    harness::run(&["udhcpd", "setpriv"], |bed| {
        let [server, client] = nodes(bed);
        let served = tools::server("udhcpd", &server, 1, SECS);
        let state = client_state(&client);
        let names = ["camera", "lidar", "radar"];
        let first = names.map(|name| lease(&client, name, &[]).address());
        let socket = UnixDatagram::bind(format!("{DIR}/notify")).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        let mut command = units::KEEP.command(&client, &["keep", "--state", &state]);
        command.env("NOTIFY_SOCKET", format!("{DIR}/notify"));
        let mut keeper = Child::start(command).unwrap();
        let mut octets = [0; 64];
        let len = socket.recv(&mut octets).unwrap();
        assert!(octets[..len].starts_with(b"READY=1\nSTATUS="));
        assert_eq!(hydrant(&client, &["release", "lidar", "--state", &state]).code, Some(0));
        let sonar = lease(&client, "sonar", &[]).address();
        let ends = |name| stored(&client, name)["expires_at"].as_str().unwrap().to_owned();
        let (camera_ended, sonar_ended) = (ends("camera"), ends("sonar"));
        // Longer than a lease.
        std::thread::sleep(Duration::from_secs(u64::from(SECS) + 3));
        assert!(ends("camera") > camera_ended && ends("sonar") > sonar_ended);
        for (name, address) in [("camera", first[0]), ("radar", first[2]), ("sonar", sonar)] {
            assert_eq!(stored(&client, name)["address"], address.to_string());
        }
        assert!(stored(&client, "lidar")["released_at"].is_string());
        let from = served.said().len();
        std::thread::sleep(Duration::from_secs(u64::from(SECS)));
        let asked = served.said().split_off(from);
        assert!(!asked.contains(&format!("ACK to {}", first[1])), "{asked}");
        assert!(asked.contains(&format!("ACK to {}", first[0])), "{asked}");
        keeper.signal(Signal::TERM);
        assert!(keeper.end(SOON).unwrap().success(), "{}", keeper.said());
    });
}

/// Twenty names in one command, in the time of one.
#[test]
fn twenty_names_at_once_get_twenty_addresses() {
    harness::run(&["dhcpd"], |bed| {
        let [server, client] = nodes(bed);
        let _served = tools::server("dhcpd", &server, 1, 600);
        let state = client_state(&client);
        let names = (1..=20).map(|number| format!("node{number}")).collect::<Vec<_>>();
        let mut all = vec!["lease", "--interface", "eth0", "--format", "ip", "--probe", "quick"];
        all.extend(["--state", &state, "--via", "dhcp"]);
        all.extend(names.iter().map(String::as_str));
        let answer = hydrant(&client, &all);
        assert_eq!(answer.code, Some(0), "{answer:?}");
        let mut addresses = answer.stdout.lines().collect::<Vec<_>>();
        assert_eq!(addresses.len(), 20);
        addresses.sort_unstable();
        addresses.dedup();
        assert_eq!(addresses.len(), 20);
        assert_eq!(hydrant(&client, &all).stdout, answer.stdout, "the same, in the same order");
    });
}

/// The command is found on the path, gets the variables and the words, and takes the client's place: its exit code is ours.
#[test]
fn a_command_is_run_with_its_address_and_without_a_shell() {
    harness::run(&["dnsmasq"], |bed| {
        let [server, client] = nodes(bed);
        let _served = tools::server("dnsmasq", &server, 1, 600);
        let state = client_state(&client);
        let run = |command: &[&str]| {
            let all = ["exec", "camera", "--interface", "eth0", "--probe", "off", "--via", "dhcp"];
            hydrant(&client, &[&all, &["--state", &state, "--"][..], command].concat())
        };
        let words = run(&["printf", "%s\\n", "{docker}", "$HOME;x", "{name}={ip}"]);
        assert_eq!(words.code, Some(0), "{words:?}");
        let address = lease(&client, "camera", &[]).address();
        let lines = words.stdout.lines().collect::<Vec<_>>();
        assert_eq!(lines[..4], ["--network", "eth0", "--ip", &address.to_string()]);
        assert_eq!(lines[6..], ["$HOME;x".to_owned(), format!("camera={address}")]);
        let inside = run(&["sh", "-c", "echo $HYDRANT_IP; exit 42"]);
        assert_eq!((inside.code, inside.stdout), (Some(42), format!("{address}\n")));
        assert_eq!(run(&["no-such-program-here"]).code, Some(1));
    });
}

/// A script that evaluates what it is told goes on with an address or not at all.
#[test]
fn a_script_stops_when_there_is_no_address() {
    harness::run(&["dnsmasq"], |bed| {
        let [server, client] = nodes(bed);
        let state = client_state(&client);
        let script = |where_: &str| {
            let script = format!(
                "set -e; HYDRANT_IP=1.2.3.4; eval \"$({HYDRANT} lease camera {where_} --via dhcp --probe off --timeout 2 --state {state})\"; echo got $HYDRANT_IP"
            );
            let mut child = client.start("sh", ["-c", &script]).unwrap();
            (child.end(SOON).unwrap().code(), child.stdout())
        };
        assert_eq!(script("--interface eth0"), (Some(5), String::new()));
        assert_eq!(script("--vlan 5000"), (Some(2), String::new()), "a wrong command line");
        assert_eq!(script("--vlan 9"), (Some(2), String::new()), "a VLAN that is nowhere");
        let _served = tools::server("dnsmasq", &server, 1, 600);
        let (code, stdout) = script("--interface eth0");
        assert!(code == Some(0) && stdout.starts_with("got 10.0.1."), "{code:?} {stdout}");
    });
}
