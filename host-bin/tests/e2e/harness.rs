//! How is a test run in a private machine? By starting the test's own binary again in there, for this one test.

use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::{env, fs, thread};

use hydrant::testbed::{Testbed, TestbedError, find, private};

/// No test takes longer; what does hangs.
const TEST_MAX: Duration = Duration::from_secs(150);

/// Where a test keeps its files; it vanishes with the private machine.
pub(crate) const DIR: &str = "/run/hydrant-e2e";

/// Runs `body`, the whole of a test function, in a private machine. `programs` are those that it starts, besides our own.
pub(crate) fn run<F: FnOnce(&mut Testbed)>(programs: &[&str], body: F) {
    if private::inside() {
        private::enter().expect("entered already");
        shield();
        fs::create_dir(DIR).unwrap();
        body(&mut Testbed::new().unwrap());
        return;
    }
    let name = name_of::<F>();
    let missing = programs.iter().find_map(|program| find(program).err());
    let arguments = ["--exact", &name, "--nocapture", "--test-threads=1", "--include-ignored"];
    match missing.map_or_else(|| private::again(arguments), Err) {
        Ok(command) => finish(&name, command),
        Err(error) => cannot_run(&name, &error),
    }
}

/// The test's name: that of the function in which the closure `F` is written.
fn name_of<F>() -> String {
    let path = core::any::type_name::<F>();
    let (_, path) = path.split_once("::").expect("it begins with the crate");
    path.trim_end_matches("::{{closure}}").to_owned()
}

/// On a user's machine a test that cannot run says so, past libtest's capture, and counts as passed; CI has no excuse.
pub(crate) fn cannot_run(name: &str, error: &TestbedError) {
    assert!(
        env::var("CI").as_deref() != Ok("true"),
        "{name} cannot run, and in CI it must: {error}"
    );
    let line = format!(
        "SKIPPED {name}: {error}; scripts/install-test-tools installs what the tests need\n"
    );
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Waits for the test inside and repeats what it said.
fn finish(name: &str, command: Command) {
    let (status, said) = wait(command, TEST_MAX);
    print!("{said}");
    match status {
        Some(status) => assert!(status.success(), "{name} failed in its private machine: {status}"),
        None => panic!("{name} was still running after {} s", TEST_MAX.as_secs()),
    }
    assert!(said.contains("\nrunning 1 test\n"), "{name} is not the name of a test");
}

/// How it ended, if it did in time, and what it said.
pub(crate) fn wait(mut command: Command, within: Duration) -> (Option<ExitStatus>, String) {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it was tried before");
    // While we hold its stdin it lives.
    let _stdin = child.stdin.take();
    let drain = |mut from: Box<dyn std::io::Read + Send>| {
        thread::spawn(move || {
            let mut octets = Vec::new();
            let _ = from.read_to_end(&mut octets);
            String::from_utf8_lossy(&octets).into_owned()
        })
    };
    let out = drain(Box::new(child.stdout.take().unwrap()));
    let err = drain(Box::new(child.stderr.take().unwrap()));
    let (tell, ended) = mpsc::channel();
    let id = child.id();
    thread::spawn(move || tell.send(child.wait().unwrap()));
    let status = ended.recv_timeout(within).ok();
    if status.is_none() {
        let id = rustix::process::Pid::from_raw(id.cast_signed()).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
    }
    (status, out.join().unwrap() + &err.join().unwrap())
}

/// Foreign clients write where they please: the machine's own files are out of their reach. Everything under /etc can only be read, and
/// what they remember is forgotten.
fn shield() {
    let mount = |arguments: &[&str]| {
        let done = Command::new("mount").args(arguments).output().unwrap();
        assert!(done.status.success(), "mount {arguments:?}: {done:?}");
    };
    mount(&["--rbind", "/etc", "/etc"]);
    mount(&["-o", "remount,bind,ro", "/etc"]);
    for folder in ["/var/lib/dhcp", "/var/lib/dhcpcd", "/var/lib/misc", "/var/lib/kea"] {
        if PathBuf::from(folder).is_dir() {
            mount(&["-t", "tmpfs", "none", folder]);
        }
    }
}
