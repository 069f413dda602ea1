//! What is on the flash chip? A file with its octets, in a folder that vanishes with the test.

use std::fs::{self, OpenOptions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// QEMU's memory there, of which the chip is the front.
const MEMORY_LEN: u64 = 16 * 1_024 * 1_024;

/// Octets of the chip.
pub const CHIP_LEN: usize = 512 * 1_024;

/// A chip as a file.
#[derive(Debug)]
pub struct Chip {
    folder: TempDir,
}

impl Chip {
    /// As it comes from the factory: erased.
    ///
    /// # Panics
    /// When there is no room for it.
    #[must_use]
    pub fn erased() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let chip = Self { folder };
        let mut file = fs::File::create(chip.path()).expect("a file can be made");
        file.write_all(&vec![0xff; CHIP_LEN]).expect("the file takes the octets");
        file.set_len(MEMORY_LEN).expect("the file grows");
        chip
    }

    /// Puts an image of a configuration where the firmware looks for it.
    ///
    /// # Panics
    /// When the file is gone.
    #[must_use]
    pub fn with_image(self, image: &[u8]) -> Self {
        let mut file = OpenOptions::new().write(true).open(self.path()).expect("the file is there");
        file.seek(SeekFrom::Start(0)).expect("a file has a front");
        file.write_all(image).expect("the file takes the octets");
        self
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("flash.bin")
    }

    /// Its octets, read out into a file of their own, as an operator would with a probe at the board.
    ///
    /// # Panics
    /// When the file is gone.
    #[must_use]
    pub fn dump(&self) -> PathBuf {
        let mut octets = fs::read(self.path()).expect("the file is there");
        octets.truncate(CHIP_LEN);
        let dump = self.folder.path().join("dump.bin");
        fs::write(&dump, octets).expect("the dump can be written");
        dump
    }

    /// A folder for the board's sockets.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
