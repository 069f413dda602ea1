//! Do real clients get along with the image? udhcpc, dhclient and `hydrant lease`, over a tap in namespaces that vanish with the test.
//!
//! Making a tap needs root. As an ordinary user the test says so and fails only where `CI` is set: there nothing is skipped.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use core::time::Duration;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use harness::board::{Board, Cable, Time};
use harness::chip::Chip;
use harness::{program, truck};

const INSIDE: &str = "HARNESS_INSIDE";
const TAP: &str = "tap0";

#[test]
fn udhcpc_dhclient_and_hydrant_are_served_over_a_tap() {
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    if fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun").is_err() {
        let skipped = "a tap cannot be made here: run this as root";
        assert!(std::env::var_os("CI").is_none(), "{skipped}");
        println!("not run: {skipped}");
        return;
    }
    // Built outside: inside there is no network to speak of.
    let image = truck::IMAGE.clone();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("truck.bin"), image).unwrap();
    // A network, mounts and processes of its own, which end with it.
    let mut unshare = Command::new("unshare");
    unshare.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    let status = unshare
        .args(["timeout", "120"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "udhcpc_dhclient_and_hydrant_are_served_over_a_tap", "--nocapture"])
        .env(INSIDE, folder.path())
        .status()
        .unwrap();
    assert!(status.success(), "see above");
}

fn inside() {
    let folder = std::env::var_os(INSIDE).unwrap();
    let folder = Path::new(&folder);
    run("mount", &["-t", "tmpfs", "none", "/run"]);
    run("ip", &["tuntap", "add", TAP, "mode", "tap"]);
    run("ip", &["link", "set", TAP, "up"]);
    let chip = Chip::erased().with_image(&fs::read(folder.join("truck.bin")).unwrap());
    let mut board = Board::start(&program("firmware"), &chip, Cable::Tap(TAP), Time::Real);
    board.log.wait_for("serving after", Duration::from_secs(20));
    let script = folder.join("script");
    fs::write(&script, SCRIPT).unwrap();
    run("chmod", &["755", script.to_str().unwrap()]);

    // Every client is known by the tap's MAC address or by an identifier that it makes of it: each gets a lease.
    let said =
        run("udhcpc", &["-i", TAP, "-f", "-q", "-n", "-t", "8", "-s", script.to_str().unwrap()]);
    assert!(said.contains("lease of 10.0.1.10 obtained"), "{said}");
    assert!(said.contains("router=10.0.1.3 dns=10.0.1.1 subnet=255.255.255.0"), "{said}");

    let leases = folder.join("dhclient.leases");
    let pid = folder.join("dhclient.pid");
    let arguments = ["-1", "-v", "-sf", "/bin/true", "-lf", leases.to_str().unwrap(), "-pf"];
    let said = run("dhclient", &[&arguments[..], &[pid.to_str().unwrap(), TAP]].concat());
    assert!(said.contains("bound to 10.0.1."), "{said}");
    let said = fs::read_to_string(&leases).unwrap();
    assert!(said.contains("option routers 10.0.1.3;"), "{said}");

    let hydrant = harness::firmware().join("../../target/debug/hydrant");
    let state = folder.join("state");
    let arguments = ["lease", "camera", "--interface", TAP, "--via", "dhcp", "--probe", "quick"];
    // This form has no times in it.
    let arguments = [&arguments[..], &["--format", "docker"]].concat();
    let arguments = [&arguments[..], &["--state", state.to_str().unwrap()]].concat();
    let first = run(hydrant.to_str().unwrap(), &arguments);
    assert!(first.contains("10.0.1."), "{first}");
    let second = run(hydrant.to_str().unwrap(), &arguments);
    assert_eq!(first, second, "the same name has the same lease");

    // The board is still a host as others are.
    run("ip", &["address", "add", "10.0.1.3/24", "dev", TAP]);
    run("ping", &["-c", "2", "-W", "2", "10.0.1.1"]);
    for line in board.log.so_far() {
        println!("{line}");
    }
}

const SCRIPT: &str = "#!/bin/sh\necho \"$1 ip=$ip router=$router dns=$dns subnet=$subnet\"\n";

/// Runs a program to its end, and gives all that it said. Its output goes to a file, since a daemon that it leaves behind would keep a pipe open.
fn run(program: &str, arguments: &[&str]) -> String {
    let mut output = tempfile::tempfile().unwrap();
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output.try_clone().unwrap())
        .status()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut said = String::new();
    std::io::Seek::rewind(&mut output).unwrap();
    output.read_to_string(&mut said).unwrap();
    assert!(status.success(), "{program} {arguments:?}: {status}\n{said}");
    said
}
