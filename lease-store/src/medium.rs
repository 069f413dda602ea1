//! What does the journal need of the medium that it is kept on? What a NOR flash can do, and one thing more: a sync.
//!
//! [`NorMedium`] makes a medium of any `embedded_storage` NOR flash. The file that stands for one on Linux is in the host's crate.

use core::error::Error;
use core::fmt;

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind};

/// Reads are aligned to this many octets, and so are their lengths: no flash has a larger word.
pub const READ_ALIGN: u32 = 32;

/// How a medium is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Geometry {
    /// Octets that are programmed at once and only once between erases: a power of two from 1 to 32.
    pub word_len: u32,
    /// Octets that are erased at once: a power of two from 512 to 2^24.
    pub sector_len: u32,
    /// How many sectors there are: at least 2, and fewer than 4 GiB in all.
    pub sectors: u32,
}

/// Octets that keep what was written through a power cut: sectors that are erased to ones, and words that are programmed once after that.
///
/// A cut while a word is programmed may leave any of its bits unprogrammed, and a cut while a sector is erased any mix of old octets and ones.
/// What was programmed before is untouched once [`Medium::sync`] has succeeded.
pub trait Medium {
    /// What went wrong below.
    type Error: Error;

    /// How it is divided now. Only [`Medium::grow`] changes it.
    fn geometry(&self) -> Geometry;

    /// Reads octets from offset `at` on; both `at` and the length are multiples of [`READ_ALIGN`]. What was programmed or erased is seen at once,
    /// synced or not, also after a sync has failed.
    ///
    /// # Errors
    /// The medium's own.
    fn read(&mut self, at: u32, octets: &mut [u8]) -> Result<(), Self::Error>;

    /// Programs whole words that were erased.
    ///
    /// # Errors
    /// The medium's own; what the words hold after that is unknown.
    fn program(&mut self, at: u32, octets: &[u8]) -> Result<(), Self::Error>;

    /// Sets a sector to ones.
    ///
    /// # Errors
    /// The medium's own; what the sector holds after that is unknown.
    fn erase(&mut self, sector: u32) -> Result<(), Self::Error>;

    /// After this, what was programmed and erased survives a power cut. On a flash that is so anyway.
    ///
    /// # Errors
    /// The medium's own. Nothing that was programmed since the last success is certain to be there then, and a later sync writes all of it again
    /// rather than trust what a failed one left.
    fn sync(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Begins a sync of what was programmed and erased so far, and goes on meanwhile: `true` when it is on its way, `false` when it is done already.
    /// One is on its way at a time, until [`Medium::end_sync`] tells what came of it, or [`Medium::sync`], which waits for it.
    ///
    /// # Errors
    /// As [`Medium::sync`]; nothing is on its way then.
    fn begin_sync(&mut self) -> Result<bool, Self::Error> {
        self.sync().map(|()| false)
    }

    /// What came of the sync that is on its way; `None` when it is not at its end yet. What was programmed since it began is not covered.
    ///
    /// # Errors
    /// As [`Medium::sync`].
    fn end_sync(&mut self) -> Option<Result<(), Self::Error>> {
        Some(Ok(()))
    }

    /// Becomes larger by one sector, if it can: `true` when it did. What that holds does not matter.
    ///
    /// # Errors
    /// The medium's own, when it could have but did not, as on a full disk; it is as large as before.
    fn grow(&mut self) -> Result<bool, Self::Error> {
        Ok(false)
    }
}

impl<M: Medium> Medium for &mut M {
    type Error = M::Error;

    fn geometry(&self) -> Geometry {
        M::geometry(self)
    }

    fn read(&mut self, at: u32, octets: &mut [u8]) -> Result<(), Self::Error> {
        M::read(self, at, octets)
    }

    fn program(&mut self, at: u32, octets: &[u8]) -> Result<(), Self::Error> {
        M::program(self, at, octets)
    }

    fn erase(&mut self, sector: u32) -> Result<(), Self::Error> {
        M::erase(self, sector)
    }

    fn sync(&mut self) -> Result<(), Self::Error> {
        M::sync(self)
    }

    fn begin_sync(&mut self) -> Result<bool, Self::Error> {
        M::begin_sync(self)
    }

    fn end_sync(&mut self) -> Option<Result<(), Self::Error>> {
        M::end_sync(self)
    }

    fn grow(&mut self) -> Result<bool, Self::Error> {
        M::grow(self)
    }
}

/// A NOR flash as a medium. One that needs no word to be programmed twice is enough, also one with error correction.
#[derive(Clone, Debug)]
pub struct NorMedium<F> {
    flash: F,
    sectors: u32,
}

impl<F: NorFlash> NorMedium<F> {
    const WORD_LEN: usize = if F::WRITE_SIZE > F::READ_SIZE { F::WRITE_SIZE } else { F::READ_SIZE };

    /// The whole of a flash, or of the partition that `flash` stands for; what is over a whole number of sectors is not used.
    ///
    /// A flash whose words or sectors are none that [`Geometry`] allows does not compile here, and neither does one that is read in pieces which do not
    /// divide [`READ_ALIGN`].
    pub fn new(flash: F) -> Self {
        const {
            assert!(
                F::WRITE_SIZE.is_power_of_two() && F::WRITE_SIZE <= 32,
                "a word has 1, 2, 4, 8, 16 or 32 octets"
            );
            assert!(32 % F::READ_SIZE == 0, "reads are aligned to 32 octets");
            assert!(
                F::ERASE_SIZE.is_power_of_two() && F::ERASE_SIZE >= 512 && F::ERASE_SIZE <= 1 << 24,
                "a sector has 512 octets to 16 MiB"
            );
        }
        let sectors = u32::try_from(flash.capacity() / F::ERASE_SIZE).unwrap_or(u32::MAX);
        Self { flash, sectors }
    }

    /// The flash again.
    pub fn into_flash(self) -> F {
        self.flash
    }

    /// The flash, which must not be written while a journal is kept on it.
    pub const fn flash(&self) -> &F {
        &self.flash
    }
}

/// An `embedded_storage` error with a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NorError<E>(pub E);

impl<E: NorFlashError> fmt::Display for NorError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.kind() {
            NorFlashErrorKind::NotAligned => f.write_str("the flash takes no such alignment"),
            NorFlashErrorKind::OutOfBounds => f.write_str("the flash is smaller than it said"),
            NorFlashErrorKind::Other | _ => write!(f, "the flash failed: {:?}", self.0),
        }
    }
}

impl<E: NorFlashError> Error for NorError<E> {}

impl<F: NorFlash> Medium for NorMedium<F> {
    type Error = NorError<<F as ErrorType>::Error>;

    #[expect(clippy::cast_possible_truncation, reason = "`new` asserts that both are small")]
    fn geometry(&self) -> Geometry {
        Geometry {
            word_len: Self::WORD_LEN as u32,
            sector_len: F::ERASE_SIZE as u32,
            sectors: self.sectors,
        }
    }

    fn read(&mut self, at: u32, octets: &mut [u8]) -> Result<(), Self::Error> {
        self.flash.read(at, octets).map_err(NorError)
    }

    fn program(&mut self, at: u32, octets: &[u8]) -> Result<(), Self::Error> {
        self.flash.write(at, octets).map_err(NorError)
    }

    #[expect(clippy::cast_possible_truncation, reason = "`new` asserts that it is small")]
    fn erase(&mut self, sector: u32) -> Result<(), Self::Error> {
        let from = sector * F::ERASE_SIZE as u32;
        self.flash.erase(from, from + F::ERASE_SIZE as u32).map_err(NorError)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use embedded_storage::nor_flash::ReadNorFlash;

    use super::*;

    #[derive(Debug)]
    struct Flash([u8; 2_100]);

    #[derive(Clone, Copy, Debug)]
    struct Broken;

    impl NorFlashError for Broken {
        fn kind(&self) -> NorFlashErrorKind {
            NorFlashErrorKind::Other
        }
    }

    impl ErrorType for Flash {
        type Error = Broken;
    }

    impl ReadNorFlash for Flash {
        const READ_SIZE: usize = 4;

        fn read(&mut self, at: u32, octets: &mut [u8]) -> Result<(), Broken> {
            octets.copy_from_slice(&self.0[at as usize..][..octets.len()]);
            Ok(())
        }

        fn capacity(&self) -> usize {
            self.0.len()
        }
    }

    impl NorFlash for Flash {
        const WRITE_SIZE: usize = 2;
        const ERASE_SIZE: usize = 512;

        fn erase(&mut self, from: u32, to: u32) -> Result<(), Broken> {
            self.0[from as usize..to as usize].fill(0xff);
            Ok(())
        }

        fn write(&mut self, _at: u32, _octets: &[u8]) -> Result<(), Broken> {
            Err(Broken)
        }
    }

    #[test]
    fn a_flash_is_used_by_whole_sectors_and_its_larger_word() {
        let mut medium = NorMedium::new(Flash([0; 2_100]));
        let geometry = Geometry { word_len: 4, sector_len: 512, sectors: 4 };
        assert_eq!(medium.geometry(), geometry);
        medium.erase(2).unwrap();
        let mut octets = [0; 32];
        medium.read(1_024, &mut octets).unwrap();
        assert_eq!(octets, [0xff; 32]);
        medium.read(1_536, &mut octets).unwrap();
        assert_eq!(octets, [0; 32]);
        let error = medium.program(0, &[0; 4]).unwrap_err();
        assert_eq!(std::format!("{error}"), "the flash failed: Broken");
    }
}
