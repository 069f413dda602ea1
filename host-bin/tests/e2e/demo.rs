//! Does the demonstration show what it says, and leave nothing behind? It makes a private machine of its own, so these tests do not run in one.

use core::time::Duration;
use std::fs;
use std::process::Command;

use hydrant::testbed::{Child, private};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

use crate::ours::HYDRANT;
use crate::{harness, tools};

/// It is to end by itself in less.
const SHOW_MAX: Duration = Duration::from_secs(20);

/// Starts it, if this machine can.
fn demo(name: &str, arguments: &[&str]) -> Option<Child> {
    if let Err(error) = private::again(["--version"]) {
        harness::cannot_run(name, &error);
        return None;
    }
    let mut command = Command::new(HYDRANT);
    command.arg("demo").args(arguments);
    Some(Child::start(command).unwrap())
}

/// Processes of the demonstration's: it alone has files there.
fn left() -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let serves = |process: &fs::DirEntry| {
        fs::read(process.path().join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains("/run/hydrant-demo/"))
    };
    processes.filter(serves).count()
}

#[test]
fn every_proof_holds_and_every_address_stays() {
    let Some(mut demo) = demo("demo::every_proof_holds_and_every_address_stays", &["--json"])
    else {
        return;
    };
    let status = demo.end(SHOW_MAX).unwrap_or_else(|error| panic!("{error}"));
    assert!(status.success(), "{}", demo.said());
    let told: Value = serde_json::from_str(&demo.stdout()).unwrap();
    assert_eq!(told["held"], true);
    let hosts = told["hosts"].as_array().unwrap();
    let of = |kind| hosts.iter().filter(|host| host["kind"] == kind).count();
    assert_eq!((of("container"), of("device")), (3, 3));
    for host in hosts {
        assert_eq!(host["after_power_cut"]["address"], host["address"]);
        assert_eq!(host["after_power_cut"]["mac"], host["mac"]);
        let address = host["address"].as_str().unwrap();
        assert!(address.starts_with(&format!("10.0.{}.", host["vlan"])), "{host}");
    }
    assert!(told["proofs"].as_array().unwrap().len() >= 9);
}

#[test]
fn what_is_kept_ends_with_ctrl_c_and_leaves_nothing() {
    let Some(mut demo) =
        demo("demo::what_is_kept_ends_with_ctrl_c_and_leaves_nothing", &["--keep"])
    else {
        return;
    };
    demo.line("stays up until Ctrl-C", SHOW_MAX).unwrap_or_else(|error| panic!("{error}"));
    assert!(demo.said().contains("Everything held"), "{}", demo.said());
    assert!(left() > 0, "its server runs");
    // A terminal sends it to everybody in the foreground.
    let group = Pid::from_raw(demo.id().cast_signed()).unwrap();
    kill_process_group(group, Signal::INT).unwrap();
    let status = demo.end(SHOW_MAX).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(status.code(), Some(0), "{}", demo.said());
    tools::until(SHOW_MAX, "gone", || left() == 0);
}
