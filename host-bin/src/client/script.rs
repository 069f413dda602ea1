//! Who else wants to know? A program of the operator's, run once for each change, one at a time and in order.

use core::time::Duration;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::client::session::say;

/// A script that takes longer is ended: the next change waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// There is an address, from now on.
    Bound,
    /// It goes on.
    Renewed,
    /// A server refused.
    Nak,
    /// There is no address, from now on. The variables have the one that is lost.
    Lost,
}

impl Reason {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Bound => "bound",
            Self::Renewed => "renewed",
            Self::Nak => "nak",
            Self::Lost => "lost",
        }
    }
}

/// The variables of one run.
type Variables = Vec<(&'static str, String)>;

/// The script, on a thread of its own.
#[derive(Debug)]
pub(crate) struct Script {
    runs: Option<Sender<(Reason, Variables)>>,
    thread: Option<JoinHandle<()>>,
}

impl Script {
    /// Nothing runs yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        let (runs, queue) = channel();
        let thread = thread::spawn(move || run_all(&path, &queue));
        Self { runs: Some(runs), thread: Some(thread) }
    }

    /// Runs it with the reason as its argument and in `HYDRANT_REASON`, after the runs before.
    pub(crate) fn run(&self, reason: Reason, mut variables: Variables) {
        variables.push(("HYDRANT_REASON", reason.word().to_owned()));
        if let Some(runs) = &self.runs {
            runs.send((reason, variables)).expect("the thread ends after the sender");
        }
    }
}

impl Drop for Script {
    /// Waits until all runs are over.
    fn drop(&mut self) {
        self.runs = None;
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the thread does not panic");
        }
    }
}

fn run_all(path: &PathBuf, queue: &Receiver<(Reason, Variables)>) {
    for (reason, variables) in queue {
        let mut command = Command::new(path);
        command.arg(reason.word()).envs(variables).stdin(Stdio::null());
        let word = reason.word();
        match command.spawn().and_then(wait) {
            Ok(None) => say(&format!("{} {word}: ended after {PATIENCE:?}", path.display())),
            Ok(Some(status)) if status.success() => {}
            Ok(Some(status)) => say(&format!("{} {word}: {status}", path.display())),
            Err(error) => say(&format!("{} {word}: {error}", path.display())),
        }
    }
}

/// Its end, or none when it had to be ended.
fn wait(mut child: Child) -> std::io::Result<Option<std::process::ExitStatus>> {
    let ends = Instant::now() + PATIENCE;
    while Instant::now() < ends {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(Duration::from_millis(10));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}
