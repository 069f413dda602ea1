//! Which programs of others do we meet, and how are they told what to do? Clients and servers as Debian has them, each in a node.

use core::net::Ipv4Addr;
use core::time::Duration;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use hydrant::testbed::{Child, Node, Segment, Testbed};

use crate::harness::DIR;

/// Programs that the tests here start.
pub(crate) const CLIENTS: [&str; 3] = ["udhcpc", "dhclient", "dhcpcd"];

/// What udhcpc and dhclient run at every change, each with variables of its own. It sets the interface's address, as theirs do, and says what happened in one line.
const SCRIPT: &str = r#"#!/bin/sh
case "${1:-$reason}" in
bound | renew | BOUND | RENEW | REBIND | REBOOT)
  address=${ip:-$new_ip_address}
  case "${subnet:-$new_subnet_mask}" in
  255.255.255.0) prefix=24 ;;
  *) echo "mask ${subnet:-$new_subnet_mask}"; prefix=32 ;;
  esac
  [ -n "$old_ip_address" ] && [ "$old_ip_address" != "$address" ] && ip addr flush dev "$interface"
  ip addr replace "$address/$prefix" dev "$interface"
  ;;
deconfig | nak | PREINIT | EXPIRE | FAIL | RELEASE | STOP)
  ip addr flush dev "$interface"
  ip link set "$interface" up
  ;;
esac
echo "lease: ${1:-$reason} address=${ip:-$new_ip_address} server=${serverid:-$new_dhcp_server_identifier} secs=${lease:-$new_dhcp_lease_time} router=${router:-$new_routers} dns=${dns:-$new_domain_name_servers} |"
"#;

/// A new file with this text, and where it is.
pub(crate) fn file(name: &str, text: &str) -> String {
    let path = format!("{DIR}/{name}");
    fs::write(&path, text).unwrap();
    path
}

fn script() -> String {
    let path = file("script", SCRIPT);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A node with `eth0` on a segment.
pub(crate) fn node_on(bed: &mut Testbed, name: &str, segment: &Segment) -> Node {
    let node = bed.node(name).unwrap();
    bed.plug(&node, "eth0", segment, None).unwrap();
    node
}

/// busybox's client. It begins with DISCOVER every time.
pub(crate) fn udhcpc(node: &Node, interface: &str) -> Child {
    let script = script();
    node.start(
        "udhcpc",
        ["-f", "-i", interface, "-s", &script, "-t", "8", "-T", "1", "-A", "1", "-R"],
    )
    .unwrap()
}

/// The client of ISC, which remembers its lease and asks for it again (INIT-REBOOT).
pub(crate) fn dhclient(node: &Node, interface: &str) -> Child {
    let script = script();
    let own = |what: &str| format!("{DIR}/{}-{interface}.{what}", node.name());
    // In a full-speed test its habit of waiting up to five seconds before it begins is in the way.
    let configuration = file(
        &format!("{}-{interface}.conf", node.name()),
        "initial-interval 1;\nbackoff-cutoff 1;\ntimeout 20;\nretry 2;\nrequest subnet-mask, routers, domain-name-servers, host-name;\n",
    );
    let (leases, number) = (own("leases"), own("pid"));
    node.start(
        "dhclient",
        [
            "-4",
            "-d",
            "-v",
            "-sf",
            &script,
            "-cf",
            &configuration,
            "-lf",
            &leases,
            "-pf",
            &number,
            interface,
        ],
    )
    .unwrap()
}

/// The client of the BSDs and of Raspberry Pi OS, which sets the address itself, and probes it first (RFC 5227).
pub(crate) fn dhcpcd(node: &Node, interface: &str) -> Child {
    let script = script();
    let configuration = file(
        &format!("{}-dhcpcd.conf", node.name()),
        "ipv4only\nclientid\noption routers, domain_name_servers\nrequire dhcp_server_identifier\nnoipv4ll\n",
    );
    node.start("dhcpcd", ["-B", "-d", "-f", &configuration, "-c", &script, interface]).unwrap()
}

/// The address that a client's script reports, once it is bound.
pub(crate) fn bound(client: &Child, within: Duration) -> Ipv4Addr {
    bound_after(client, 0, within)
}

/// As [`bound`], in what it says after so many octets.
pub(crate) fn bound_after(client: &Child, from: usize, within: Duration) -> Ipv4Addr {
    let line = client.line_after(from, "lease: ", within);
    let mut line = line.unwrap_or_else(|error| panic!("{error}"));
    let mut from = from;
    while !["bound", "renew", "BOUND", "RENEW", "REBIND", "REBOOT"].contains(&word(&line)) {
        from += client.said()[from..].find(&line).unwrap() + line.len();
        line = client.line_after(from, "lease: ", within).unwrap_or_else(|error| panic!("{error}"));
    }
    field(&line, "address").parse().unwrap_or_else(|_| panic!("no address in {line}"))
}

fn word(line: &str) -> &str {
    line.trim_start_matches("lease: ").split(' ').next().unwrap()
}

/// What a script's line says of one thing.
pub(crate) fn field<'l>(line: &'l str, name: &str) -> &'l str {
    let (_, rest) = line.split_once(&format!(" {name}=")).unwrap_or(("", ""));
    rest.split([' ', '|']).next().unwrap()
}

/// A file of leases that is there, with what an earlier run of the server left in it.
fn keep(path: &str) {
    fs::File::options().append(true).create(true).open(path).unwrap();
}

/// A server of others on `eth0` of the node, which has 10.0.x.1 there, with leases of `secs` of 10.0.x.100 to .150.
pub(crate) fn server(program: &str, node: &Node, net: u8, secs: u32) -> Child {
    let own = |what: &str| format!("{DIR}/{}.{what}", node.name());
    let (leases, number) = (own("leases"), own("pid"));
    let arguments: Vec<String> = match program {
        "dnsmasq" => [
            "--keep-in-foreground",
            "--port=0",
            "--user=root",
            "--conf-file=/dev/null",
            "--log-facility=-",
            "--log-dhcp",
            "--bind-interfaces",
            "--interface=eth0",
            "--dhcp-authoritative",
            "--no-ping",
            &format!("--dhcp-leasefile={leases}"),
            &format!("--pid-file={number}"),
            // It takes no less than two minutes.
            &format!("--dhcp-range=10.0.{net}.100,10.0.{net}.150,255.255.255.0,{}", secs.max(120)),
            &format!("--dhcp-option=3,10.0.{net}.1"),
        ]
        .map(str::to_owned)
        .into(),
        "dhcpd" => {
            let text = format!(
                "authoritative;\nping-check false;\ndefault-lease-time {secs};\nmax-lease-time {secs};\nmin-lease-time {secs};\n\
                 subnet 10.0.{net}.0 netmask 255.255.255.0 {{ range 10.0.{net}.100 10.0.{net}.150; option routers 10.0.{net}.1; }}\n"
            );
            keep(&leases);
            let configuration = file(&format!("{}.dhcpd", node.name()), &text);
            [
                "-4",
                "-f",
                "-d",
                "-user",
                "root",
                "-group",
                "root",
                "-cf",
                &configuration,
                "-lf",
                &leases,
                "-pf",
                &number,
                "eth0",
            ]
            .map(str::to_owned)
            .into()
        }
        "kea-dhcp4" => {
            let text = format!(
                r#"{{ "Dhcp4": {{
  "interfaces-config": {{ "interfaces": ["eth0"], "dhcp-socket-type": "raw" }},
  "lease-database": {{ "type": "memfile", "persist": true, "name": "{leases}" }},
  "valid-lifetime": {secs}, "authoritative": true, "calculate-tee-times": true,
  "subnet4": [ {{ "id": 1, "subnet": "10.0.{net}.0/24", "pools": [ {{ "pool": "10.0.{net}.100 - 10.0.{net}.150" }} ],
    "option-data": [ {{ "name": "routers", "data": "10.0.{net}.1" }} ] }} ],
  "loggers": [ {{ "name": "kea-dhcp4", "severity": "INFO", "output_options": [ {{ "output": "stdout" }} ] }} ]
}} }}"#
            );
            ["-c".to_owned(), file(&format!("{}.kea", node.name()), &text)].into()
        }
        "udhcpd" => {
            let text = format!(
                "start 10.0.{net}.100\nend 10.0.{net}.150\ninterface eth0\nlease_file {leases}\npidfile {number}\nmin_lease 5\n\
                 opt subnet 255.255.255.0\nopt router 10.0.{net}.1\nopt lease {secs}\n"
            );
            keep(&leases);
            ["-f".to_owned(), file(&format!("{}.udhcpd", node.name()), &text)].into()
        }
        other => panic!("{other} is no server that we know"),
    };
    let mut command = node.command(program).unwrap();
    command.args(arguments);
    // Kea wants to write locks and process numbers where it was installed.
    command.env("KEA_PIDFILE_DIR", DIR).env("KEA_LOCKFILE_DIR", DIR);
    let server = Child::start(command).unwrap();
    let ready = match program {
        "dnsmasq" => "DHCP, sockets bound",
        "dhcpd" => "Server starting service",
        "kea-dhcp4" => "DHCP4_STARTED",
        _ => "started",
    };
    server.line(ready, Duration::from_secs(10)).unwrap_or_else(|error| panic!("{error}"));
    server
}

/// Waits until something is so.
pub(crate) fn until(within: Duration, what: &str, so: impl FnMut() -> bool) {
    until_or(within, so, || format!("not {what}"));
}

/// As [`until`], with what is to be said when it is not.
pub(crate) fn until_or(
    within: Duration,
    mut so: impl FnMut() -> bool,
    otherwise: impl FnOnce() -> String,
) {
    let since = std::time::Instant::now();
    while !so() {
        if since.elapsed() > within {
            panic!("{} within {} ms", otherwise(), within.as_millis());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
