//! Is the testbed what it says? Segments that keep to themselves, children that are heard, and nothing left when it ends.

use core::time::Duration;
use std::net::UdpSocket;
use std::process::Stdio;
use std::time::Instant;
use std::{fs, thread};

use hydrant::testbed::{Testbed, TestbedError, private};

use crate::harness;

const SOON: Duration = Duration::from_secs(5);
/// Long enough for a frame that should not come.
const SILENCE: Duration = Duration::from_millis(150);

fn listener(
    bed: &mut Testbed,
    name: &str,
    segment: &hydrant::testbed::Segment,
    last: u8,
) -> UdpSocket {
    let node = bed.node(name).unwrap();
    bed.plug(&node, "eth0", segment, Some([2, 0, 0, 0, 0, last])).unwrap();
    node.ip(&format!("addr add 10.0.1.{last}/24 brd + dev eth0\nroute add default dev eth0"))
        .unwrap();
    let socket = node.inside(|| UdpSocket::bind("0.0.0.0:5000")).unwrap().unwrap();
    socket.set_broadcast(true).unwrap();
    socket.set_read_timeout(Some(SILENCE)).unwrap();
    socket
}

fn hears(socket: &UdpSocket, what: &[u8]) -> bool {
    let mut buffer = [0; 64];
    socket.recv(&mut buffer).is_ok_and(|len| buffer[..len] == *what)
}

#[test]
fn a_segment_carries_frames_to_its_own_nodes_and_to_nobody_else() {
    harness::run(&[], |bed| {
        let (one, two) = (bed.segment("vlan1").unwrap(), bed.segment("vlan2").unwrap());
        let a = listener(bed, "a", &one, 1);
        let b = listener(bed, "b", &one, 2);
        let c = listener(bed, "c", &one, 3);
        // The same network on the other segment, so that only the segment can keep them apart.
        let other = listener(bed, "other", &two, 2);
        a.send_to(b"for b", "10.0.1.2:5000").unwrap();
        assert!(hears(&b, b"for b"), "unicast reaches");
        a.send_to(b"for all", "10.0.1.255:5000").unwrap();
        assert!(hears(&a, b"for all") && hears(&b, b"for all") && hears(&c, b"for all"));
        for silent in [&other, &c, &b] {
            assert!(!hears(silent, b"for b") && !hears(silent, b"for all"));
        }
    });
}

#[test]
fn a_child_is_heard_signalled_and_waited_for() {
    harness::run(&[], |bed| {
        let node = bed.node("n").unwrap();
        let script = "echo one; echo two >&2; trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done";
        let mut child = node.start("sh", ["-c", script]).unwrap();
        child.line("ready", SOON).unwrap();
        child.line("two", SOON).unwrap();
        assert!(child.said().contains("one\n") && !child.stdout().contains("two"));
        assert!(matches!(child.end(Duration::ZERO), Err(TestbedError::Awaited { .. })));
        child.signal(rustix::process::Signal::TERM);
        assert_eq!(child.end(SOON).unwrap().code(), Some(7));
        assert!(child.stdout().ends_with("bye\n"));
        let error = child.line("never", SOON).unwrap_err();
        assert!(error.to_string().contains("ended and said"), "{error}");
    });
}

#[test]
fn an_interface_comes_and_goes() {
    harness::run(&[], |bed| {
        let segment = bed.segment("vlan1").unwrap();
        let node = bed.node("n").unwrap();
        let here = || {
            node.inside(|| fs::read_to_string("/proc/thread-self/net/dev").unwrap())
                .unwrap()
                .contains("eth0:")
        };
        assert!(!here());
        bed.plug(&node, "eth0", &segment, None).unwrap();
        assert!(here());
        bed.unplug(&node, "eth0").unwrap();
        assert!(!here());
        assert!(matches!(bed.unplug(&node, "eth0"), Err(TestbedError::Refused { .. })));
        assert!(matches!(
            node.start("no-such-program", [""; 0]),
            Err(TestbedError::Missing { .. })
        ));
    });
}

#[test]
fn outside_a_private_machine_there_is_no_testbed() {
    if !private::inside() {
        assert!(matches!(Testbed::new(), Err(TestbedError::NotPrivate)));
    }
}

/// A number of seconds that no other process sleeps for.
const MARK: &str = "86399.125";

/// Not a test: what the next one starts, to be killed.
#[test]
#[ignore = "it waits to be killed; another test starts it"]
fn waits_to_be_killed() {
    if private::inside() {
        harness::run(&[], |bed| {
            let node = bed.node("n").unwrap();
            let _sleeper = node.start("sleep", [MARK]).unwrap();
            // It leaves the process group and its parent, as a daemon does.
            let _daemon =
                node.start("setsid", ["sh", "-c", &format!("sleep {MARK} & sleep {MARK}")]);
            thread::sleep(Duration::from_secs(60));
        });
    }
}

fn sleepers() -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let sleeps = |process: &fs::DirEntry| {
        fs::read(process.path().join("cmdline"))
            .is_ok_and(|line| line.ends_with(format!("sleep\0{MARK}\0").as_bytes()))
    };
    processes.filter(sleeps).count()
}

fn until(count: usize) {
    let since = Instant::now();
    while sleepers() != count {
        assert!(since.elapsed() < SOON, "{} sleepers, not {count}", sleepers());
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_kill_leaves_nothing_behind() {
    let arguments =
        ["--exact", "testbed::waits_to_be_killed", "--ignored", "--nocapture", "--test-threads=1"];
    let start = || {
        let mut command = private::again(arguments)?;
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until(3);
        Ok(child)
    };
    let mut killed = match start() {
        Ok(child) => child,
        Err(error) => return harness::cannot_run("a_kill_leaves_nothing_behind", &error),
    };
    killed.kill().unwrap();
    killed.wait().unwrap();
    until(0);
    // It is not killed itself, but whoever started it is gone.
    let mut left: std::process::Child =
        start().map_err(|error: TestbedError| error.to_string()).unwrap();
    drop(left.stdin.take());
    left.wait().unwrap();
    until(0);
}
