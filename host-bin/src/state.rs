//! What does the server keep on disk? One directory, which it shares with the client: see `installation.rs` for the key in it.
//!
//! ```text
//! DIR/installation.key   what every derived MAC address hangs on
//! DIR/leases             the journal, locked while a server runs
//! DIR/clock-behind       there while the lease clock is known to be behind the wall clock
//! DIR/subnets            which subnets were last served, a line each
//! DIR/control.sock       where the running server is asked
//! ```

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use dhcp_core::net::Subnet;

use crate::durable::{self, Readers};
use crate::fs_error::FsError;

/// The state directory.
#[derive(Clone, Debug)]
pub(crate) struct StateDir {
    path: PathBuf,
}

impl StateDir {
    /// A directory that need not be there.
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Makes the directory when it is not there; nobody else may look into it.
    pub(crate) fn create(&self) -> Result<(), FsError> {
        let mut builder = fs::DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(&self.path)
            .map_err(FsError::of(&self.path, "made"))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.path.join("leases")
    }

    pub(crate) fn control_socket(&self) -> PathBuf {
        self.path.join("control.sock")
    }

    /// Whether the lease clock was behind the wall clock when it was last known.
    pub(crate) fn is_clock_behind(&self) -> bool {
        self.clock_behind().exists()
    }

    /// Notes that it is, or that it is not any more.
    pub(crate) fn set_clock_behind(&self, behind: bool) -> Result<(), FsError> {
        let path = self.clock_behind();
        let done = if behind {
            let note = b"the lease clock is behind the wall clock\n";
            durable::write(&path, note, Readers::Owner)
        } else {
            match fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                other => other.and_then(|()| durable::sync_directory(&path)),
            }
        };
        done.map_err(FsError::of(&path, "written"))
    }

    fn clock_behind(&self) -> PathBuf {
        self.path.join("clock-behind")
    }

    /// The subnets that were last served; none when nobody wrote them down, or what stands there cannot be read.
    pub(crate) fn subnets(&self) -> Vec<Subnet> {
        let text = fs::read_to_string(self.subnets_file()).unwrap_or_default();
        text.lines().filter_map(subnet).collect()
    }

    /// Writes down which subnets are served, for those who look at the leases when the server does not run. Nothing is written when nothing changed.
    pub(crate) fn set_subnets(&self, subnets: impl Iterator<Item = Subnet>) -> Result<(), FsError> {
        let subnets = subnets.collect::<Vec<_>>();
        let path = self.subnets_file();
        if path.exists() && self.subnets() == subnets {
            return Ok(());
        }
        let text = subnets.iter().map(|subnet| format!("{subnet}\n")).collect::<String>();
        let written = durable::write(&path, text.as_bytes(), Readers::Owner);
        written.map_err(FsError::of(&path, "written"))
    }

    fn subnets_file(&self) -> PathBuf {
        self.path.join("subnets")
    }
}

/// `10.0.1.0/24`, as [`Subnet`] is written.
fn subnet(line: &str) -> Option<Subnet> {
    let (network, prefix_len) = line.split_once('/')?;
    Subnet::new(network.parse().ok()?, prefix_len.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn temporary() -> (tempfile::TempDir, StateDir) {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().join("state"));
        state.create().unwrap();
        (dir, state)
    }

    #[test]
    fn the_subnets_are_read_as_they_were_written() {
        let (_dir, state) = temporary();
        assert_eq!(state.subnets(), []);
        let served = ["10.0.1.0/24", "10.0.2.128/25"].map(|text| subnet(text).unwrap());
        state.set_subnets(served.into_iter()).unwrap();
        assert_eq!(state.subnets(), served);
        state.set_subnets(served.into_iter().skip(1)).unwrap();
        assert_eq!(state.subnets(), served[1..]);
        fs::write(state.subnets_file(), "10.0.1.0/24\nnonsense\n10.0.1.1/24\n").unwrap();
        assert_eq!(state.subnets(), served[..1], "what cannot be read is passed over");
    }

    #[test]
    fn the_note_about_the_clock_comes_and_goes() {
        let (_dir, state) = temporary();
        assert!(!state.is_clock_behind());
        state.set_clock_behind(false).unwrap();
        state.set_clock_behind(true).unwrap();
        state.set_clock_behind(true).unwrap();
        assert!(state.is_clock_behind());
        state.set_clock_behind(false).unwrap();
        assert!(!state.is_clock_behind());
    }
}
