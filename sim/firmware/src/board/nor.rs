//! What survives a power cut? A NOR flash chip, modelled over the board's file-backed memory.
//!
//! QEMU's memory takes any octet at any time; the chip here does not. A sector is erased as a whole, a word is programmed once after
//! that, and who does otherwise has a bug, which ends the program. QEMU killed in the middle is a power cut: what was
//! programmed or erased until then stays, word by word.

#![allow(unsafe_code, reason = "the chip is reached through its addresses")]

use core::convert::Infallible;
use core::ops::Range;

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};

/// Octets that are erased together.
pub const SECTOR_LEN: u32 = 4_096;

/// Octets that are programmed together.
pub const WORD_LEN: u32 = 4;

/// Octets of the chip.
pub const CHIP_LEN: u32 = 512 * 1_024;

const BASE: usize = 0x2100_0000;
const ERASED: u32 = u32::MAX;

/// The whole chip. There is one.
#[derive(Debug)]
pub struct Chip(());

impl Chip {
    pub(super) const fn new() -> Self {
        Self(())
    }

    /// The chip for a program that starts nothing else of the board, and so calls this once and not [`Board::start`](super::Board::start).
    #[must_use]
    pub const fn alone() -> Self {
        Self::new()
    }

    /// The chip in two: octets that are read where they are for as long as the program runs, and the rest, to be written to.
    ///
    /// # Panics
    /// When `read_len` is not that of whole sectors on the chip.
    #[must_use]
    pub fn split(self, read_len: u32) -> (&'static [u8], Region) {
        assert!(read_len.is_multiple_of(SECTOR_LEN) && read_len <= CHIP_LEN, "whole sectors");
        let memory = core::ptr::with_exposed_provenance::<u8>(BASE);
        // SAFETY: the board has 16 MiB of memory here, which outlives the program. The region that is given out begins
        // behind these octets, a chip is split once and there is one, so that nobody writes to them.
        let front = unsafe { core::slice::from_raw_parts(memory, read_len as usize) };
        (front, Region { sectors: read_len..CHIP_LEN })
    }
}

/// A part of the chip, in whole sectors, that is read, programmed and erased.
#[derive(Debug)]
pub struct Region {
    /// In octets from the chip's first.
    sectors: Range<u32>,
}

// What is called from many places stays one function: it is mostly panics.
impl Region {
    /// Where in memory the octet `offset` of the region stands.
    fn place(&self, offset: u32) -> usize {
        BASE + (self.sectors.start + offset) as usize
    }

    #[inline(never)]
    fn check(&self, offset: u32, len: usize, unit: u32) {
        let end = u32::try_from(len).ok().and_then(|len| offset.checked_add(len));
        let len = self.sectors.end - self.sectors.start;
        assert!(end.is_some_and(|end| end <= len), "beyond the end of the flash");
        let end = end.unwrap_or_default();
        assert!(
            offset.is_multiple_of(unit) && end.is_multiple_of(unit),
            "the flash is not written to or erased in parts of a word or a sector"
        );
    }

    fn word(&self, offset: u32) -> *mut u32 {
        core::ptr::with_exposed_provenance_mut(self.place(offset))
    }
}

impl ErrorType for Region {
    type Error = Infallible;
}

impl ReadNorFlash for Region {
    const READ_SIZE: usize = 1;

    #[inline(never)]
    fn read(&mut self, offset: u32, octets: &mut [u8]) -> Result<(), Self::Error> {
        self.check(offset, octets.len(), 1);
        let from = core::ptr::with_exposed_provenance::<u8>(self.place(offset));
        // SAFETY: the octets are in the region, which is memory of the board; `octets` is the caller's, elsewhere.
        unsafe { from.copy_to_nonoverlapping(octets.as_mut_ptr(), octets.len()) };
        Ok(())
    }

    fn capacity(&self) -> usize {
        (self.sectors.end - self.sectors.start) as usize
    }
}

impl NorFlash for Region {
    const WRITE_SIZE: usize = WORD_LEN as usize;
    const ERASE_SIZE: usize = SECTOR_LEN as usize;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Self::Error> {
        let len = to.checked_sub(from).expect("a sector ends behind its beginning") as usize;
        self.check(from, len, SECTOR_LEN);
        for offset in (from..to).step_by(Self::WRITE_SIZE) {
            // SAFETY: the word is in the region, aligned; nobody else writes there.
            unsafe { self.word(offset).write_volatile(ERASED) };
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, octets: &[u8]) -> Result<(), Self::Error> {
        self.check(offset, octets.len(), WORD_LEN);
        let (words, _) = octets.as_chunks::<4>();
        for (offset, octets) in (offset..).step_by(Self::WRITE_SIZE).zip(words) {
            let word = self.word(offset);
            // SAFETY: as in `erase`.
            let before = unsafe { word.read_volatile() };
            assert!(before == ERASED, "a word of the flash is programmed once after it was erased");
            // SAFETY: as in `erase`.
            unsafe { word.write_volatile(u32::from_le_bytes(*octets)) };
        }
        Ok(())
    }
}
