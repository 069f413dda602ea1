//! How do we get away from the machine's own network? By starting again as process 1 of namespaces of our own.
//!
//! `unshare` gives new network, mount and process namespaces, and for an ordinary user a user namespace in which they are root. Whatever happens to us, the kernel
//! kills every process in there once process 1 is gone; with the last of them the mounts and the interfaces go.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::geteuid;

use super::error::TestbedError;
use super::ip;

/// The network namespace that we came from. It is what tells a private machine from any other, whatever somebody puts into the environment.
const CAME_FROM: &str = "HYDRANT_TESTBED_CAME_FROM";

/// The process number, in the machine outside, of the program that became `unshare`.
const OUTER_ID: &str = "HYDRANT_TESTBED_OUTER_ID";

/// Set inside when it is an ordinary user who is root here.
const AS_USER: &str = "HYDRANT_TESTBED_AS_USER";

/// Set when whoever started us holds the other end of our stdin: once it closes, they are gone.
const TIED: &str = "HYDRANT_TESTBED_TIED";

/// Whether this process is in a private machine already.
#[must_use]
pub fn inside() -> bool {
    match (env::var_os(CAME_FROM), here()) {
        (Some(from), Ok(here)) => !from.is_empty() && from != here.as_os_str(),
        (None, _) | (_, Err(_)) => false,
    }
}

/// Becomes the same program with the same arguments inside a private machine. Returns there; outside only with an error.
///
/// Ctrl-C reaches the program inside, which as process 1 dies of it only if it says so itself.
///
/// # Errors
/// [`TestbedError::Missing`] and [`TestbedError::NoNamespaces`] say what this machine lacks.
pub fn enter() -> Result<(), TestbedError> {
    if inside() {
        return settle();
    }
    let mut again = unshare()?;
    again.args(env::args_os().skip(1)).env(OUTER_ID, std::process::id().to_string());
    Err(ip::missing("unshare")(again.exec()))
}

/// The same program with other arguments inside a private machine, as a child that ends when this process does. It calls [`enter`] first.
///
/// # Errors
/// As [`enter`].
pub fn again<A: AsRef<OsStr>>(
    arguments: impl IntoIterator<Item = A>,
) -> Result<Command, TestbedError> {
    let mut again = unshare()?;
    again.args(arguments).env(TIED, "stdin").stdin(Stdio::piped());
    Ok(again)
}

/// The process of the machine outside whose namespaces these are, when it was [`enter`] that made them. `nsenter` enters them by it.
#[must_use]
pub fn outer_id() -> Option<u32> {
    env::var(OUTER_ID).ok()?.parse().ok().filter(|_| inside())
}

/// Whether it is an ordinary user who is root in here.
#[must_use]
pub fn as_user() -> bool {
    env::var_os(AS_USER).is_some() && inside()
}

/// A child of a private machine may make one of its own.
pub(super) fn forget(command: &mut Command) {
    for variable in [CAME_FROM, TIED, OUTER_ID, AS_USER] {
        command.env_remove(variable);
    }
}

/// What process 1 does first.
fn settle() -> Result<(), TestbedError> {
    // `ip netns` keeps its names in /run, and so do daemons their process numbers.
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", "mode=0755", "none", "/run"]);
    ip::run(mount, "")?;
    if env::var_os(TIED).is_some() {
        std::thread::spawn(|| {
            let mut octet = [0];
            while let Ok(1..) = std::io::stdin().read(&mut octet) {}
            std::process::exit(1);
        });
    }
    Ok(())
}

/// `unshare` with this program, once it is known to work.
fn unshare() -> Result<Command, TestbedError> {
    let user: &[&str] = if geteuid().is_root() { &[] } else { &["--user", "--map-root-user"] };
    let namespaces = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(user).args(namespaces);
        command
    };
    let mut probe = unshare();
    probe.args(["ip", "link", "set", "lo", "up"]);
    if let Err(error) = ip::run(probe, "") {
        let TestbedError::Refused { said, .. } = error else { return Err(error) };
        return Err(explain(said));
    }
    let mut command = unshare();
    let from = here()?;
    command.arg(own_program()?).env(CAME_FROM, from);
    if !user.is_empty() {
        command.env(AS_USER, "yes");
    }
    Ok(command)
}

/// The program that runs, also when its file has been replaced since.
fn own_program() -> Result<PathBuf, TestbedError> {
    env::current_exe().map_err(TestbedError::io("find this program's own file"))
}

/// The network namespace that we are in, as the kernel names it.
fn here() -> Result<PathBuf, TestbedError> {
    fs::read_link("/proc/self/ns/net")
        .map_err(TestbedError::io("read which network namespace this is"))
}

/// What `unshare` said, and the usual reasons for it.
fn explain(said: String) -> TestbedError {
    if said.contains("ip: No such file") || said.contains("execute ip") {
        return TestbedError::missing("ip");
    }
    let says = |file: &str, value: &str| {
        fs::read_to_string(file).is_ok_and(|setting| setting.trim() == value)
    };
    let mut help = Vec::new();
    if says("/proc/sys/user/max_user_namespaces", "0") {
        help.push("user namespaces are turned off: sysctl user.max_user_namespaces=15000");
    }
    if says("/proc/sys/kernel/unprivileged_userns_clone", "0") {
        help.push("this kernel gives user namespaces to root only: sysctl kernel.unprivileged_userns_clone=1");
    }
    if says("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1") {
        help.push("AppArmor restricts user namespaces: sysctl kernel.apparmor_restrict_unprivileged_userns=0");
    }
    help.push(if geteuid().is_root() {
        "a container needs --privileged, or CAP_SYS_ADMIN and CAP_NET_ADMIN with an unmasked /proc"
    } else {
        "or run it as root"
    });
    TestbedError::NoNamespaces { said, help: help.into_iter().map(str::to_owned).collect() }
}
