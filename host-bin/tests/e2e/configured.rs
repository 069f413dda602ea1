//! Is the machine as the lease says, and afterwards as it was? The MTU and the servers for names of `lease --foreground --configure`.

use core::time::Duration;
use std::fs;
use std::process::Command;

use hydrant::testbed::{Child, Node, Testbed};
use rustix::process::Signal;
use serde_json::Value;

use crate::harness::{self, DIR};
use crate::ours::{client_state, foreground, hydrant};
use crate::serving::Serving;
use crate::tools::{file, node_on, until_or};

const SOON: Duration = Duration::from_secs(15);

/// Our server, which says all that is configured.
const CONFIG: &str = r#"
lease-time = "10m"
[options]
domain-name-servers = ["10.0.1.53", "10.0.1.54"]
domain-name = "truck.example"
domain-search = ["a.truck.example", "truck.example"]
interface-mtu = 1400
[[subnet]]
network = "10.0.1.0/24"
range = "10.0.1.100 - 10.0.1.150"
interface = "eth0"
ping-check = false
options = { routers = "10.0.1.1" }
"#;

fn nodes(bed: &mut Testbed) -> [Node; 2] {
    let segment = bed.segment("lan").unwrap();
    let nodes = ["server", "device"].map(|name| node_on(bed, name, &segment));
    nodes[0].ip("addr add 10.0.1.1/24 dev eth0").unwrap();
    nodes
}

/// A device that is configured, and bound.
fn device(node: &Node, more: &[&str]) -> Child {
    let device = foreground(node, "display", &[&["--probe", "off"], more].concat());
    device.line("bound: ", SOON).unwrap_or_else(|error| panic!("{error}"));
    device
}

fn ends(mut device: Child, signal: Signal) {
    device.signal(signal);
    assert!(device.end(SOON).unwrap().success(), "{}", device.said());
}

fn mtu(node: &Node) -> u32 {
    let text = ip(node, "-o link show dev eth0");
    let mut words = text.split(' ').skip_while(|word| *word != "mtu");
    words.nth(1).unwrap().parse().unwrap()
}

fn addresses(node: &Node) -> usize {
    ip(node, "-4 -o addr show dev eth0").lines().count()
}

fn ip(node: &Node, arguments: &str) -> String {
    let output = node.command("ip").unwrap().args(arguments.split(' ')).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The lines that mean something to a program that looks names up.
fn lines(path: &str) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// A release puts all back, from the client itself and, when that has ended, by `hydrant release`.
#[test]
fn mtu_and_servers_for_names_come_from_our_server_and_go_with_the_lease() {
    harness::run(&[], |bed| {
        let [server, node] = nodes(bed);
        let _serving = Serving::start(&server, "toml", CONFIG);
        let path = file("resolv.conf", "nameserver 9.9.9.9\n");
        let named = ["--resolv-conf", &path];
        let ours = [
            "search a.truck.example truck.example",
            "nameserver 10.0.1.53",
            "nameserver 10.0.1.54",
        ];

        let first = device(&node, &named);
        assert_eq!((mtu(&node), lines(&path)), (1_400, ours.map(str::to_owned).to_vec()));
        ends(first, Signal::USR2);
        assert_eq!((mtu(&node), addresses(&node)), (1_500, 0));
        assert_eq!(lines(&path), ["nameserver 9.9.9.9"]);

        // One that ends leaves all as it is; the next one goes on with it and still knows what was before.
        ends(device(&node, &named), Signal::TERM);
        assert_eq!((mtu(&node), addresses(&node)), (1_400, 1));
        ends(device(&node, &named), Signal::TERM);
        assert_eq!(lines(&path), ours);
        // Another file is named now.
        let other = format!("{DIR}/other.conf");
        ends(device(&node, &["--resolv-conf", &other]), Signal::TERM);
        assert_eq!((lines(&path), lines(&other).len()), (vec!["nameserver 9.9.9.9".to_owned()], 3));
        let state = client_state(&node);
        let answer = hydrant(&node, &["release", "display", "--state", &state]);
        assert_eq!(answer.code, Some(0), "{answer:?}");
        assert_eq!((mtu(&node), addresses(&node)), (1_500, 0));
        assert_eq!(lines(&path), ["nameserver 9.9.9.9"]);
        assert!(!fs::exists(&other).unwrap());
        assert_eq!(fs::read_dir(DIR).unwrap().filter(|one| before(one.as_ref())).count(), 0);
    });
}

fn before(entry: Result<&fs::DirEntry, &std::io::Error>) -> bool {
    entry.unwrap().file_name().to_string_lossy().ends_with("before-hydrant")
}

/// What is no longer said is undone at the next renewal, and what cannot be is told.
#[test]
fn a_renewal_changes_what_the_server_says_now() {
    harness::run(&[], |bed| {
        let [server, node] = nodes(bed);
        let serving = Serving::start(&server, "toml", CONFIG);
        let path = format!("{DIR}/new/resolv.conf");
        let device = device(&node, &["--resolv-conf", &path]);
        assert_eq!((mtu(&node), lines(&path).len()), (1_400, 3));
        let renew = |config: &str, said: &str| {
            serving.reload(config, "is in force");
            let from = device.said().len();
            device.signal(Signal::USR1);
            device.line_after(from, said, SOON).unwrap_or_else(|error| panic!("{error}"));
        };
        let narrow = CONFIG.replace("1400", "1300").replace(", \"10.0.1.54\"", "");
        renew(&narrow, "renewed: ");
        until_or(SOON, || mtu(&node) == 1_300, || device.said());
        until_or(SOON, || lines(&path).len() == 2, || device.said());
        // What somebody sets by hand is what is gone back to.
        node.ip("link set eth0 mtu 1450").unwrap();
        renew(CONFIG, "renewed: ");
        until_or(SOON, || mtu(&node) == 1_400, || device.said());
        node.ip("link set eth0 mtu 1450").unwrap();
        renew(&CONFIG.replace("1400", "1450"), "renewed: ");
        renew(CONFIG, "renewed: ");
        until_or(SOON, || mtu(&node) == 1_400, || device.said());
        renew(&CONFIG.replace("1400", "300"), "an MTU of 300 octets is not set");
        until_or(SOON, || mtu(&node) == 1_450, || device.said());
        ends(device, Signal::USR2);
        assert_eq!(mtu(&node), 1_450);
        assert!(!fs::exists(&path).unwrap());
    });
}

/// Whoever comes after a client that was killed undoes what it left, also when no server answers and nothing is leased anew.
#[test]
fn what_a_killed_client_left_is_undone_without_a_server() {
    harness::run(&[], |bed| {
        let [server, node] = nodes(bed);
        let mut serving = Serving::start(&server, "toml", CONFIG);
        let path = file("resolv.conf", "nameserver 9.9.9.9\n");
        let named = ["--resolv-conf", &path];
        let kill = |serving: &mut Serving| {
            device(&node, &named).kill();
            serving.cut();
            assert_eq!((mtu(&node), lines(&path).len()), (1_400, 3));
        };
        let is_undone =
            || (mtu(&node), lines(&path)) == (1_500, vec!["nameserver 9.9.9.9".to_owned()]);

        // Its lease ran out meanwhile.
        kill(&mut serving);
        let stored = format!("{}/names/display@eth0.json", client_state(&node));
        let mut lease = serde_json::from_slice::<Value>(&fs::read(&stored).unwrap()).unwrap();
        lease["expires_at"] = lease["leased_at"].clone();
        fs::write(&stored, lease.to_string()).unwrap();
        let second = foreground(&node, "display", &[&["--probe", "off"], &named[..]].concat());
        until_or(SOON, is_undone, || second.said());
        ends(second, Signal::TERM);

        // It is given back before there is another one.
        serving.again();
        kill(&mut serving);
        let other = ["--probe", "off", "--ip", "10.0.1.140"];
        let third = foreground(&node, "display", &[&other, &named[..]].concat());
        until_or(SOON, || hears_usr2(third.id()), || third.said());
        ends(third, Signal::USR2);
        assert!(is_undone());
        assert_eq!(addresses(&node), 0);
    });
}

/// The interface went down and came back, and the server with the lease did not: it is used to its end, with its routes, and no longer.
#[test]
fn a_lease_ends_in_time_also_when_the_interface_was_away() {
    harness::run(&[], |bed| {
        let [server, node] = nodes(bed);
        let mut serving = Serving::start(&server, "toml", &CONFIG.replace("10m", "20s"));
        let path = format!("{DIR}/resolv.conf");
        let mut device = device(&node, &["--resolv-conf", &path]);
        serving.cut();
        let routed = || ip(&node, "route show default").contains("10.0.1.1");
        assert!(routed());
        node.ip("link set eth0 down").unwrap();
        device.line("is away", SOON).unwrap();
        assert!(!routed());
        node.ip("link set eth0 up").unwrap();
        until_or(SOON, routed, || device.said());
        assert_eq!((mtu(&node), lines(&path).len()), (1_400, 3));
        device.line("ran out", 2 * SOON).unwrap_or_else(|error| panic!("{error}"));
        until_or(SOON, || mtu(&node) == 1_500 && !fs::exists(&path).unwrap(), || device.said());
        device.kill();
    });
}

/// Whether the process has a handler for SIGUSR2, which would end it otherwise (proc(5)).
fn hears_usr2(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    let caught = u64::from_str_radix(caught.trim(), 16).unwrap();
    caught & (1 << (Signal::USR2.as_raw() - 1)) != 0
}

/// It is said, and the next release tries again.
#[test]
fn what_cannot_be_put_back_is_not_forgotten() {
    harness::run(&[], |bed| {
        let [server, node] = nodes(bed);
        let _serving = Serving::start(&server, "toml", CONFIG);
        let folder = format!("{DIR}/kept");
        fs::create_dir(&folder).unwrap();
        let path = format!("{folder}/resolv.conf");
        fs::write(&path, "nameserver 9.9.9.9\n").unwrap();
        ends(device(&node, &["--resolv-conf", &path]), Signal::TERM);
        mount(&["--bind", &folder, &folder]);
        mount(&["-o", "remount,bind,ro", &folder]);
        let state = client_state(&node);
        let release = || hydrant(&node, &["release", "display", "--state", &state]);
        let answer = release();
        assert_eq!(answer.code, Some(1), "{answer:?}");
        let said = format!("{path} cannot be taken away: Read-only file system");
        assert!(answer.said.contains(&said), "{answer:?}");
        mount(&["-o", "remount,bind,rw", &folder]);
        let answer = release();
        assert_eq!((answer.code, lines(&path)), (Some(0), vec!["nameserver 9.9.9.9".to_owned()]));
    });
}

/// In a namespace with a name it is the namespace's own file; and what is not ours stays.
#[test]
fn a_namespace_has_a_file_of_its_own_and_other_files_stay() {
    harness::run(&["dnsmasq"], |bed| {
        let [server, node] = nodes(bed);
        own_etc();
        let _serving = dnsmasq(&server);
        let path = format!("/etc/netns/{}/resolv.conf", node.name());
        let first = device(&node, &[]);
        assert_eq!(
            (mtu(&node), lines(&path)),
            (1_450, ["search lan.example", "nameserver 10.0.1.7"].map(str::to_owned).to_vec())
        );
        assert_eq!(lines("/etc/resolv.conf"), ["nameserver 9.9.9.9"]);
        // Programs that are started in there read it.
        let mut inside = node.start("cat", ["/etc/resolv.conf"]).unwrap();
        assert!(inside.end(SOON).unwrap().success());
        assert!(inside.stdout().ends_with("\nnameserver 10.0.1.7\n"), "{}", inside.stdout());
        ends(first, Signal::USR2);
        assert!(!fs::exists(&path).unwrap());

        fs::write(&path, "nameserver 8.8.8.8\n").unwrap();
        let second = device(&node, &[]);
        second.line("is somebody else's and stays", SOON).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((mtu(&node), lines(&path)), (1_450, vec!["nameserver 8.8.8.8".to_owned()]));
        ends(second, Signal::USR2);
        let third = device(&node, &["--resolv-conf", "none"]);
        ends(third, Signal::USR2);
        assert_eq!(lines(&path), ["nameserver 8.8.8.8"]);
    });
}

/// /etc is read only in here; this is one that can be written, with what programs need of it.
fn own_etc() {
    let etc = format!("{DIR}/etc");
    fs::create_dir(&etc).unwrap();
    for name in ["passwd", "group", "nsswitch.conf"] {
        fs::copy(format!("/etc/{name}"), format!("{etc}/{name}")).unwrap();
    }
    fs::write(format!("{etc}/resolv.conf"), "nameserver 9.9.9.9\n").unwrap();
    mount(&["--bind", &etc, "/etc"]);
}

fn mount(arguments: &[&str]) {
    let mounted = Command::new("mount").args(arguments).output().unwrap();
    assert!(mounted.status.success(), "{mounted:?}");
}

fn dnsmasq(node: &Node) -> Child {
    let leases = format!("--dhcp-leasefile={DIR}/leases");
    let number = format!("--pid-file={DIR}/dnsmasq.pid");
    let arguments = [
        "--keep-in-foreground",
        "--port=0",
        "--user=root",
        "--conf-file=/dev/null",
        "--log-facility=-",
        "--bind-interfaces",
        "--interface=eth0",
        "--no-ping",
        &leases,
        &number,
        "--dhcp-range=10.0.1.100,10.0.1.150,255.255.255.0,600",
        "--dhcp-option=option:mtu,1450",
        "--dhcp-option=option:dns-server,10.0.1.7",
        "--dhcp-option=option:domain-search,lan.example",
    ];
    node.start("dnsmasq", arguments).unwrap()
}
