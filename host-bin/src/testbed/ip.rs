//! How is a network made? By telling `ip` (iproute2), many lines at a time.

use core::time::Duration;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

use super::error::TestbedError;

/// Runs lines of `ip` commands in a node's namespace, all in one process; stops at the first that fails.
pub(super) fn batch(node: &str, lines: &str) -> Result<(), TestbedError> {
    let mut command = Command::new("ip");
    command.args(["-netns", node, "-batch", "-"]);
    run(command, lines).map(drop)
}

/// Waits until a node's interface is in a state, in the words of `ip -details link show`.
///
/// An interface that is set up carries frames only a while later, when the kernel's queue of link events has been worked on: until then a frame is lost without a word.
pub(super) fn wait_for(node: &str, interface: &str, state: &str) -> Result<(), TestbedError> {
    let since = Instant::now();
    loop {
        let mut command = Command::new("ip");
        command.args(["-netns", node, "-details", "link", "show", "dev", interface]);
        let shown = run(command, "")?;
        if shown.contains(state) {
            return Ok(());
        }
        if since.elapsed() > LINK_MAX {
            let said = format!("no \"{state}\" within {} s, but: {shown}", LINK_MAX.as_secs());
            let command = format!("ip -netns {node} link show dev {interface}");
            return Err(TestbedError::Refused { command, said });
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// The kernel works on link events once a second at worst.
const LINK_MAX: Duration = Duration::from_secs(5);

/// Runs a command to its end with `input` and gives what it said on stdout; what it said on stderr is for the error.
pub(super) fn run(mut command: Command, input: &str) -> Result<String, TestbedError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let shown = shown(&command);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(missing(&program))?;
    let mut stdin = child.stdin.take().expect("asked for above");
    // A command that does not read all of its input says why on stderr.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().map_err(TestbedError::io(format!("wait for {shown}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said =
        if said.trim().is_empty() { output.status.to_string() } else { said.trim().to_owned() };
    let command =
        if input.is_empty() { shown } else { format!("{shown} <<< {}", input.replace('\n', "; ")) };
    Err(TestbedError::Refused { command, said })
}

/// The command as one would type it.
pub(super) fn shown(command: &Command) -> String {
    let words = core::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// A program that is not there is missing; whatever else is wrong, the operating system says it.
pub(super) fn missing(program: &str) -> impl FnOnce(std::io::Error) -> TestbedError {
    move |source| {
        if source.kind() == ErrorKind::NotFound {
            return TestbedError::missing(program);
        }
        TestbedError::Io { doing: format!("start {program}"), source }
    }
}

/// Where a program is: on the path, or where Debian keeps what the administrator uses, which is not on everybody's path.
///
/// # Errors
/// [`TestbedError::Missing`].
pub fn find(program: &str) -> Result<PathBuf, TestbedError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    let mut files = folders.map(|folder| folder.join(program));
    files.find(|file| file.is_file()).ok_or_else(|| TestbedError::missing(program))
}
