//! What is a program that we started? Something that is listened to from the first octet, waited for with a limit, and ended with us.

use core::time::Duration;
use std::io::Read;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::error::TestbedError;
use super::{ip, private};

/// A program, with all that it says on stdout and stderr. Dropping it kills it and those it started, and waits until it is gone.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    shown: String,
    heard: Arc<Heard>,
}

/// What the two threads that drain its pipes write, and we read.
#[derive(Debug, Default)]
struct Heard {
    state: Mutex<HeardState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct HeardState {
    /// Both streams, as they came.
    all: Vec<u8>,
    stdout: Vec<u8>,
    closed: u8,
}

/// Which stream it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    Out,
    Err,
}

impl Heard {
    /// A thread that panicked while it held the lock has not harmed the octets.
    fn lock(&self) -> MutexGuard<'_, HeardState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drain(&self, stream: Stream, mut from: impl Read) {
        let mut buffer = [0; 4096];
        // A pipe that fails is as good as closed.
        while let Ok(len @ 1..) = from.read(&mut buffer) {
            let octets = buffer.get(..len).unwrap_or_default();
            let mut state = self.lock();
            state.all.extend_from_slice(octets);
            if stream == Stream::Out {
                state.stdout.extend_from_slice(octets);
            }
            drop(state);
            self.changed.notify_all();
        }
        self.lock().closed += 1;
        self.changed.notify_all();
    }
}

impl Child {
    /// Starts it with nothing on stdin, in a process group of its own.
    ///
    /// # Errors
    /// [`TestbedError::Missing`] when there is no such program, [`TestbedError::Io`] when it does not start.
    pub fn start(mut command: Command) -> Result<Self, TestbedError> {
        let shown = ip::shown(&command);
        let program = command.get_program().to_string_lossy().into_owned();
        private::forget(&mut command);
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(ip::missing(&program))?;
        let heard = Arc::new(Heard::default());
        let (out, err) = (process.stdout.take(), process.stderr.take());
        let (to_out, to_err) = (Arc::clone(&heard), Arc::clone(&heard));
        let out = out.expect("asked for above");
        thread::spawn(move || to_out.drain(Stream::Out, out));
        let err = err.expect("asked for above");
        thread::spawn(move || to_err.drain(Stream::Err, err));
        Ok(Self { process, shown, heard })
    }

    /// Its process number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// All that it has said on both streams until now.
    #[must_use]
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().all).into_owned()
    }

    /// All that it has said on stdout until now.
    #[must_use]
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().stdout).into_owned()
    }

    /// Waits until it has said `text`, and gives the first whole line with it.
    ///
    /// # Errors
    /// [`TestbedError::Awaited`] when it has not within that time, or has ended without.
    pub fn line(&self, text: &str, within: Duration) -> Result<String, TestbedError> {
        self.line_after(0, text, within)
    }

    /// As [`Child::line`], of what it says after the first `from` octets of [`Child::said`].
    ///
    /// # Errors
    /// As [`Child::line`].
    pub fn line_after(
        &self,
        from: usize,
        text: &str,
        within: Duration,
    ) -> Result<String, TestbedError> {
        let until = Instant::now() + within;
        let mut state = self.heard.lock();
        loop {
            let said = String::from_utf8_lossy(state.all.get(from..).unwrap_or_default());
            let ended = state.closed == 2;
            let whole = |line: &&str| ended || line.ends_with('\n');
            if let Some(line) =
                said.split_inclusive('\n').filter(whole).find(|line| line.contains(text))
            {
                return Ok(line.trim_end().to_owned());
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || ended {
                return Err(self.awaited(format!("line with {text:?}"), within, &state));
            }
            let woken = self.heard.changed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// [`TestbedError::Awaited`] when it has not within that time: it is still running then.
    pub fn end(&mut self, within: Duration) -> Result<ExitStatus, TestbedError> {
        let until = Instant::now() + within;
        loop {
            let ended = self.process.try_wait();
            if let Some(status) = ended.map_err(TestbedError::io("wait for a child"))? {
                // What it said last may still be in the pipes; those it started may keep them open for ever.
                let state = self.heard.lock();
                let open = |state: &mut HeardState| state.closed < 2;
                let _ = self.heard.changed.wait_timeout_while(state, LAST_WORDS, open);
                return Ok(status);
            }
            if Instant::now() >= until {
                return Err(self.awaited("end".to_owned(), within, &self.heard.lock()));
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Whether it has ended.
    #[must_use]
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.process.try_wait(), Ok(None))
    }

    /// Sends it a signal; one that has ended already takes no notice.
    pub fn signal(&self, signal: Signal) {
        let _ = kill_process(self.pid(), signal);
    }

    /// Cuts its power: kill -9 of it and those it started, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = kill_process_group(self.pid(), Signal::KILL);
        // In case it has left its group.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    fn awaited(&self, awaited: String, within: Duration, state: &HeardState) -> TestbedError {
        TestbedError::Awaited {
            child: self.shown.clone(),
            awaited,
            within,
            ended: state.closed == 2,
            said: String::from_utf8_lossy(&state.all).into_owned(),
        }
    }
}

/// How long the pipes of a child that has ended are read on.
const LAST_WORDS: Duration = Duration::from_millis(200);

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}
