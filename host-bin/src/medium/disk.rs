//! What of a file and its directory does a journal need? Few calls, so that a simulated disk can have all the faults of a real one.

use core::cell::OnceCell;
use core::task::{Context, Poll};
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::syncer::Syncer;
use crate::durable::directory;

/// A file that is read and written at any place.
pub trait Disk {
    /// Octets in the file.
    ///
    /// # Errors
    /// The system's.
    fn octets(&self) -> io::Result<u64>;

    /// Reads some octets from `at` on and says how many; 0 at the end.
    ///
    /// # Errors
    /// The system's.
    fn read_at(&self, octets: &mut [u8], at: u64) -> io::Result<usize>;

    /// Writes some of the octets to `at` and says how many. The file becomes longer if need be.
    ///
    /// # Errors
    /// The system's.
    fn write_at(&self, octets: &[u8], at: u64) -> io::Result<usize>;

    /// Cuts the file off, or makes it longer.
    ///
    /// # Errors
    /// The system's.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// What was written survives a power cut (fdatasync). After an error nothing is known of what was written since the last success.
    ///
    /// # Errors
    /// The system's.
    fn sync_data(&self) -> io::Result<()>;

    /// Begins [`Disk::sync_data`] and does not wait for it: `true` when it is on its way, `false` when it is done already. One at a time.
    ///
    /// # Errors
    /// The system's; nothing is on its way then.
    fn begin_sync(&self) -> io::Result<bool> {
        self.sync_data().map(|()| false)
    }

    /// What came of the sync that was begun; waits for it, or else gives `None` while it is on its way.
    fn end_sync(&self, _wait: bool) -> Option<io::Result<()>> {
        Some(Ok(()))
    }

    /// As [`Disk::sync_data`], with the file's length (fsync).
    ///
    /// # Errors
    /// The system's.
    fn sync_all(&self) -> io::Result<()>;

    /// The directory knows of the file after a power cut.
    ///
    /// # Errors
    /// The system's.
    fn sync_entry(&self) -> io::Result<()>;
}

/// A file of this system.
#[derive(Debug)]
pub struct LinuxDisk {
    file: File,
    directory: PathBuf,
    /// Begun when it is first needed.
    syncer: OnceCell<Syncer>,
}

impl LinuxDisk {
    /// Opens a file for reading and writing, and makes it if need be, for its owner only: it tells who was where and when.
    ///
    /// # Errors
    /// The system's.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        Ok(Self::new(options.open(path)?, path))
    }

    /// Opens a file that is there, for reading.
    ///
    /// # Errors
    /// The system's.
    pub fn open_read_only(path: &Path) -> io::Result<Self> {
        Ok(Self::new(File::open(path)?, path))
    }

    fn new(file: File, path: &Path) -> Self {
        Self { file, directory: directory(path).to_path_buf(), syncer: OnceCell::new() }
    }

    /// Whether [`Disk::end_sync`] can say what came of the sync that is on its way; the task is woken when it can.
    pub fn poll_synced(&self, context: &mut Context<'_>) -> Poll<()> {
        self.syncer.get().map_or(Poll::Pending, |syncer| syncer.poll(context))
    }

    /// Locks it against other servers, until it is closed; `false` when another has it.
    ///
    /// # Errors
    /// The system's.
    pub fn try_lock(&self) -> io::Result<bool> {
        match self.file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Disk for LinuxDisk {
    fn octets(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_at(&self, octets: &mut [u8], at: u64) -> io::Result<usize> {
        self.file.read_at(octets, at)
    }

    fn write_at(&self, octets: &[u8], at: u64) -> io::Result<usize> {
        self.file.write_at(octets, at)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn begin_sync(&self) -> io::Result<bool> {
        let syncer = match self.syncer.get() {
            Some(syncer) => syncer,
            None => {
                let syncer = Syncer::start(self.file.try_clone()?)?;
                self.syncer.get_or_init(|| syncer)
            }
        };
        syncer.begin();
        Ok(true)
    }

    fn end_sync(&self, wait: bool) -> Option<io::Result<()>> {
        let syncer = self.syncer.get()?;
        if wait { Some(syncer.wait()) } else { syncer.ended() }
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn sync_entry(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }
}
