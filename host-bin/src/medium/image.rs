//! Where in a file is the journal? In a server's file at the front; in a dump of a microcontroller's flash behind other things, in sectors of its own size.

use std::path::Path;

use lease_store::journal::sizes;
use lease_store::medium::{Geometry, Medium as _};

use super::disk::{Disk as _, LinuxDisk};
use super::{FileError, FileMedium, WORD_LEN, is_blank, system};

/// Sectors begin at multiples of this from where the search begins: there are no shorter ones.
const STEP: u32 = 512;

impl FileMedium {
    /// Opens a journal to be read only; a server may have it open.
    ///
    /// # Errors
    /// [`FileError`]; when nothing in it begins like a journal, [`FileError::NotAJournal`].
    pub fn open_read_only(path: &Path) -> Result<Self, FileError> {
        let not_a_journal = || FileError::NotAJournal { path: path.to_path_buf() };
        search(path, 0)?.ok_or_else(not_a_journal)
    }

    /// Opens a dump of a microcontroller's flash to be read only: the journal in it that begins at octet `from` or, a multiple of 512 octets
    /// further, behind other things.
    ///
    /// # Errors
    /// [`FileError`]; when nothing begins like a journal there, [`FileError::NoJournal`] or [`FileError::Ends`].
    pub fn open_image(path: &Path, from: u32) -> Result<Self, FileError> {
        search(path, from)?.ok_or_else(|| FileError::NoJournal { path: path.to_path_buf(), from })
    }
}

/// The medium from the first sector of a journal on, or a blank one when nothing was written from `from` on.
fn search(path: &Path, from: u32) -> Result<Option<FileMedium>, FileError> {
    let disk = LinuxDisk::open_read_only(path).map_err(|source| system("open", path, source))?;
    let len = disk.octets().map_err(|source| system("read", path, source))?;
    let rest = len.saturating_sub(from.into());
    if from > 0 && rest == 0 {
        return Err(FileError::Ends { path: path.to_path_buf(), len, from });
    }
    // A journal has less than 4 GiB.
    let steps = u32::try_from(rest / u64::from(STEP)).unwrap_or(u32::MAX).min(u32::MAX / STEP);
    let geometry = Geometry { word_len: WORD_LEN, sector_len: STEP, sectors: steps };
    let mut medium = FileMedium::new(disk, path, geometry);
    medium.base = from.into();
    let mut header = [0; 32];
    for at in (0..steps).map(|step| step * STEP) {
        medium.read(at, &mut header)?;
        if let Some((word_len, sector_len)) = sizes(&header) {
            // Free sectors and ones that are damaged may come before this one.
            let front = at % sector_len;
            medium.base += u64::from(front);
            let sectors = (rest - u64::from(front)).div_ceil(sector_len.into());
            let sectors = u32::try_from(sectors).unwrap_or(u32::MAX).min(u32::MAX / sector_len);
            medium.geometry = Geometry { word_len, sector_len, sectors };
            return Ok(Some(medium));
        }
    }
    // A new journal has no sector yet.
    Ok(is_blank(&mut medium)?.then_some(medium))
}
