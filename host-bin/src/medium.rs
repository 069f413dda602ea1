//! How is a file the medium of a journal? It is as long as the journal from the start, written where records are, and synced when it is said to.
//!
//! What was programmed or erased stays in memory until a sync has succeeded. After one that failed nobody knows which pages the
//! kernel still has to write, so the next one writes all of it again.

pub mod disk;
mod image;
mod syncer;

use core::mem;
use std::io;
use std::path::{Path, PathBuf};

use lease_store::journal::MAGIC;
use lease_store::medium::{Geometry, Medium};

use self::disk::{Disk, LinuxDisk};

/// A sector of a file: large enough to be begun seldom, small enough to be emptied within milliseconds.
pub const SECTOR_LEN: u32 = 128 * 1024;

/// Records begin at multiples of this.
pub const WORD_LEN: u32 = 4;

/// Sectors of a new file.
const SECTORS_MIN: u32 = 4;

/// Reads shorter than this are not worth reading ahead for.
const READ_AHEAD_FROM: usize = 512;

/// Runs whose memory is kept for the next ones; the journal begins a sector with some twenty.
const SPARE_MAX: usize = 32;

/// What went wrong with a journal's file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// Another process has the journal open.
    #[error("{} is in use by another hydrant server", .path.display())]
    InUse {
        /// The journal.
        path: PathBuf,
    },
    /// The file holds something else.
    #[error("{} is no lease journal, and was left as it is", .path.display())]
    NotAJournal {
        /// The file.
        path: PathBuf,
    },
    /// A dump of a flash without a journal.
    #[error(
        "nothing in {} begins like a lease journal from octet {from} on: no lease was ever written to that flash, \
         or this is no dump of it", .path.display()
    )]
    NoJournal {
        /// The file.
        path: PathBuf,
        /// Where the search began.
        from: u32,
    },
    /// A dump of a flash that is over before the journal begins.
    #[error("{} has {len} octets, and no journal can begin at octet {from}", .path.display())]
    Ends {
        /// The file.
        path: PathBuf,
        /// Its length in octets.
        len: u64,
        /// Where the search should have begun.
        from: u32,
    },
    /// The system refused.
    #[error("cannot {doing} {}", .path.display())]
    System {
        /// What it refused.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A file as the medium of a journal.
#[derive(Debug)]
pub struct FileMedium<D = LinuxDisk> {
    disk: D,
    path: PathBuf,
    geometry: Geometry,
    /// Octets of the file in front of the journal; none when it is written.
    base: u64,
    writable: bool,
    /// What is written and being synced.
    syncing: Vec<Run>,
    /// What came after it, or was not synced because that failed, in this order.
    unsynced: Vec<Run>,
    /// Memory of runs that were synced, for the next ones: a server in full swing allocates nothing.
    spare: Vec<Vec<u8>>,
    ahead: Run,
}

/// Octets at a place.
#[derive(Clone, Debug, Default)]
struct Run {
    at: u64,
    octets: Vec<u8>,
}

impl Run {
    fn end(&self) -> u64 {
        self.at + self.octets.len() as u64
    }

    /// Puts what it has of them over the octets at `at`.
    fn overlay(&self, at: u64, octets: &mut [u8]) {
        let from = self.at.max(at);
        let to = self.end().min(at + octets.len() as u64);
        let Some(len) = to.checked_sub(from).and_then(|len| usize::try_from(len).ok()) else {
            return;
        };
        let offset = |from_at: u64| usize::try_from(from - from_at).unwrap_or(usize::MAX);
        let source = self.octets.get(offset(self.at)..).and_then(|rest| rest.get(..len));
        let room = octets.get_mut(offset(at)..).and_then(|rest| rest.get_mut(..len));
        if let (Some(source), Some(room)) = (source, room) {
            room.copy_from_slice(source);
        }
    }
}

impl FileMedium {
    /// Opens the journal for a server, or makes an empty one. Nobody else opens it so as long as this one is open.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let disk = LinuxDisk::open(path).map_err(|source| system("open", path, source))?;
        match disk.try_lock() {
            Ok(true) => Self::with_disk(disk, path),
            Ok(false) => Err(FileError::InUse { path: path.to_path_buf() }),
            Err(source) => Err(system("lock", path, source)),
        }
    }
}

impl<D: Disk> FileMedium<D> {
    /// The journal on a file that nobody else writes; an empty one is made longer.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn with_disk(disk: D, path: &Path) -> Result<Self, FileError> {
        Self::with_sectors(disk, path, SECTOR_LEN)
    }

    /// The journal on a file that nobody else writes, in sectors of `sector_len` octets as [`Geometry`] allows them; an empty one is made longer.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn with_sectors(disk: D, path: &Path, sector_len: u32) -> Result<Self, FileError> {
        let len = disk.octets().map_err(|source| system("read", path, source))?;
        let sectors = u32::try_from(len / u64::from(sector_len)).unwrap_or(u32::MAX);
        let geometry = Geometry { word_len: WORD_LEN, sector_len, sectors };
        let mut medium = Self { writable: true, ..Self::new(disk, path, geometry) };
        if medium.is_foreign(len)? {
            return Err(FileError::NotAJournal { path: path.to_path_buf() });
        }
        if sectors < SECTORS_MIN {
            medium.lengthen(SECTORS_MIN)?;
        }
        let entry = medium.disk.sync_entry();
        entry.map_err(|source| system("sync the directory of", path, source))?;
        Ok(medium)
    }

    fn new(disk: D, path: &Path, geometry: Geometry) -> Self {
        Self {
            disk,
            path: path.to_path_buf(),
            geometry,
            base: 0,
            writable: false,
            syncing: Vec::new(),
            unsynced: Vec::new(),
            spare: Vec::new(),
            ahead: Run::default(),
        }
    }

    /// Whether something stands at the beginning of the sectors that is neither ours nor nothing.
    fn is_foreign(&mut self, len: u64) -> Result<bool, FileError> {
        let mut foreign = false;
        for sector in 0..self.geometry.sectors.max(u32::from(len > 0)) {
            let mut header = [0; 32];
            self.read(sector * self.geometry.sector_len, &mut header)?;
            if header.starts_with(&MAGIC) {
                return Ok(false);
            }
            foreign |= !is_empty(&header);
        }
        Ok(foreign)
    }

    fn lengthen(&mut self, sectors: u32) -> Result<(), FileError> {
        let sector_len = self.geometry.sector_len;
        let ones = vec![0xff; sector_len as usize];
        let before = u64::from(self.geometry.sectors) * u64::from(sector_len);
        let mut written = Ok(());
        for sector in self.geometry.sectors..sectors {
            let at = u64::from(sector) * u64::from(sector_len);
            written = written.and_then(|()| self.write_all(&ones, at));
        }
        let synced = written.and_then(|()| self.disk.sync_all());
        if let Err(source) = synced {
            // What was added is given back as far as that goes; nothing is in it.
            let _ = self.disk.set_len(before);
            return Err(system("lengthen", &self.path, source));
        }
        self.geometry.sectors = sectors;
        Ok(())
    }

    fn write_all(&self, mut octets: &[u8], mut at: u64) -> io::Result<()> {
        while !octets.is_empty() {
            match self.disk.write_at(octets, at) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(len) => {
                    octets = octets.get(len..).unwrap_or(&[]);
                    at += len as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads octets of the file; ones behind its end.
    fn read_all(disk: &D, octets: &mut [u8], mut at: u64) -> io::Result<()> {
        let mut rest = octets;
        while !rest.is_empty() {
            match disk.read_at(rest, at) {
                Ok(0) => {
                    rest.fill(0xff);
                    return Ok(());
                }
                Ok(len) => {
                    rest = rest.get_mut(len..).unwrap_or(&mut []);
                    at += len as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Where octets for `at` are kept until the next sync; they are appended.
    fn kept(&mut self, at: u32) -> Result<&mut Vec<u8>, FileError> {
        if !self.writable {
            let source = io::ErrorKind::PermissionDenied.into();
            return Err(system("write", &self.path, source));
        }
        let at = u64::from(at);
        if self.unsynced.last().is_none_or(|last| last.end() != at) {
            // A run is seldom longer than a sector; what is not touched costs nothing.
            let fresh = || Vec::with_capacity(SECTOR_LEN as usize);
            self.unsynced.push(Run { at, octets: self.spare.pop().unwrap_or_else(fresh) });
        }
        Ok(&mut self.unsynced.last_mut().expect("it is there or was pushed").octets)
    }

    fn write_unsynced(&mut self) -> Result<(), FileError> {
        for run in &self.unsynced {
            if run.at < self.ahead.end() && run.end() > self.ahead.at {
                self.ahead.octets.clear();
            }
            let written = self.write_all(&run.octets, run.at);
            written.map_err(|source| system("write", &self.path, source))?;
        }
        Ok(())
    }

    /// What becomes of what was being synced: it is forgotten, or goes back to the front of what is to be written.
    fn ended(&mut self, ended: io::Result<()>) -> Result<(), FileError> {
        if let Err(source) = ended {
            self.syncing.append(&mut self.unsynced);
            mem::swap(&mut self.syncing, &mut self.unsynced);
            return Err(system("sync", &self.path, source));
        }
        Self::forget(&mut self.syncing, &mut self.spare);
        Ok(())
    }

    /// Keeps the memory of what is synced.
    fn forget(synced: &mut Vec<Run>, spare: &mut Vec<Vec<u8>>) {
        for Run { mut octets, .. } in synced.drain(..) {
            octets.clear();
            spare.push(octets);
        }
        spare.truncate(SPARE_MAX);
    }

    /// The file below.
    pub const fn disk(&self) -> &D {
        &self.disk
    }
}

fn is_blank<D: Disk>(medium: &mut FileMedium<D>) -> Result<bool, FileError> {
    let mut header = [0; 32];
    for sector in 0..medium.geometry.sectors {
        medium.read(sector * medium.geometry.sector_len, &mut header)?;
        if !is_empty(&header) {
            return Ok(false);
        }
    }
    Ok(medium.geometry.sectors > 0)
}

/// Never written, or erased.
fn is_empty(octets: &[u8]) -> bool {
    [0, 0xff].iter().any(|value| octets.iter().all(|octet| octet == value))
}

fn system(doing: &'static str, path: &Path, source: io::Error) -> FileError {
    FileError::System { doing, path: path.to_path_buf(), source }
}

impl<D: Disk> Medium for FileMedium<D> {
    type Error = FileError;

    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read(&mut self, at: u32, octets: &mut [u8]) -> Result<(), FileError> {
        let at = u64::from(at);
        let end = at + octets.len() as u64;
        let cached = at >= self.ahead.at && end <= self.ahead.end();
        let read = if octets.len() < READ_AHEAD_FROM && !cached {
            Self::read_all(&self.disk, octets, self.base + at)
        } else {
            let filled = if cached {
                Ok(())
            } else {
                let sector_len = u64::from(self.geometry.sector_len);
                self.ahead.at = at / sector_len * sector_len;
                let wanted = sector_len.max(end - self.ahead.at);
                self.ahead.octets.resize(usize::try_from(wanted).unwrap_or(usize::MAX), 0xff);
                Self::read_all(&self.disk, &mut self.ahead.octets, self.base + self.ahead.at)
            };
            if filled.is_err() {
                self.ahead.octets.clear();
            }
            self.ahead.overlay(at, octets);
            filled
        };
        read.map_err(|source| system("read", &self.path, source))?;
        for run in self.syncing.iter().chain(&self.unsynced) {
            run.overlay(at, octets);
        }
        Ok(())
    }

    fn program(&mut self, at: u32, octets: &[u8]) -> Result<(), FileError> {
        self.kept(at)?.extend_from_slice(octets);
        Ok(())
    }

    fn erase(&mut self, sector: u32) -> Result<(), FileError> {
        let sector_len = self.geometry.sector_len;
        let kept = self.kept(sector * sector_len)?;
        kept.resize(kept.len() + sector_len as usize, 0xff);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), FileError> {
        if !self.syncing.is_empty() {
            let ended = self.disk.end_sync(true);
            // Should it have failed, all of it is written again here.
            let _ = self.ended(ended.expect("it was waited for"));
        }
        self.write_unsynced()?;
        self.disk.sync_data().map_err(|source| system("sync", &self.path, source))?;
        Self::forget(&mut self.unsynced, &mut self.spare);
        Ok(())
    }

    fn begin_sync(&mut self) -> Result<bool, FileError> {
        assert!(self.syncing.is_empty(), "one sync is on its way at a time");
        if self.unsynced.is_empty() {
            return Ok(false);
        }
        self.write_unsynced()?;
        let begun = self.disk.begin_sync();
        if begun.map_err(|source| system("sync", &self.path, source))? {
            mem::swap(&mut self.syncing, &mut self.unsynced);
            return Ok(true);
        }
        Self::forget(&mut self.unsynced, &mut self.spare);
        Ok(false)
    }

    fn end_sync(&mut self) -> Option<Result<(), FileError>> {
        if self.syncing.is_empty() {
            return Some(Ok(()));
        }
        let ended = self.disk.end_sync(false)?;
        Some(self.ended(ended))
    }

    fn grow(&mut self) -> Result<bool, FileError> {
        let sectors = self.geometry.sectors.saturating_add(1);
        if !self.writable || sectors.checked_mul(self.geometry.sector_len).is_none() {
            return Ok(false);
        }
        self.lengthen(sectors)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
