//! How is one sector laid out? Its header, where a record goes and where reading goes on behind a damaged one.
//!
//! ```text
//! header  magic 4 "hydr", version 1, word size 1, log2 of the sector size 1, zero 1, number 4, CRC 4; at least one word long
//! then    records; none crosses a multiple of 4,096 octets, so that reading goes on there behind a damaged one
//! ```
//!
//! The first 16 octets keep this layout in every version, so that any version knows any other.

use crate::index::Place;
use crate::medium::{Geometry, Medium, READ_ALIGN};
use crate::record::{RECORD_LEN_MAX, checksum};

/// How every sector begins.
pub const MAGIC: [u8; 4] = *b"hydr";

/// The version of the format that is written.
pub const VERSION: u8 = 1;

const HEADER_LEN: u32 = 16;

/// Octets of the record `Begin`, before they are padded to the unit.
pub(super) const BEGIN_LEN: u32 = 17;

/// Where reading goes on behind a damaged record. Nothing but the journal decides what stands there: a client whose identifier looks
/// like a record cannot have it read as one.
pub(super) const BLOCK_LEN: u32 = 4_096;

/// The largest unit, 32, is also what reads are aligned to.
pub(super) const HEADER_LEN_MAX: usize = READ_ALIGN as usize;

const _: () = assert!(
    RECORD_LEN_MAX + HEADER_LEN_MAX + 32 <= 512,
    "the smallest sector has room for its header, any record and the record that begins it"
);

/// What is known of all sectors alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) geometry: Geometry,
}

impl Layout {
    /// As the medium is now. It is asked each time: one that is always divided alike, as a flash, has the compiler know the layout, too.
    #[inline]
    pub(super) fn of(medium: &impl Medium) -> Self {
        Self { geometry: medium.geometry() }
    }

    /// # Panics
    /// When the medium's word or sector size is none that it may have.
    pub(super) fn check(self) {
        let Geometry { word_len, sector_len, sectors } = self.geometry;
        assert!(word_len.is_power_of_two() && word_len <= 32, "a word has 1, 2, 4, .. 32 octets");
        assert!(
            sector_len.is_power_of_two() && (512..=1 << 24).contains(&sector_len),
            "a sector has 512, 1,024, .. 2^24 octets"
        );
        assert!(sectors.checked_mul(sector_len).is_some(), "a medium has less than 4 GiB");
    }

    /// Records and places are multiples of this.
    pub(super) fn unit(self) -> u32 {
        self.geometry.word_len.max(4)
    }

    pub(super) fn unit_len(self) -> usize {
        self.unit() as usize
    }

    /// Where the first record begins.
    pub(super) fn header_len(self) -> u32 {
        HEADER_LEN.max(self.geometry.word_len)
    }

    /// What is shorter than this at the end of a block is never used: no record is.
    pub(super) fn record_len_min(self) -> u32 {
        8_u32.next_multiple_of(self.unit())
    }

    pub(super) fn base(self, sector: u32) -> u32 {
        sector * self.geometry.sector_len
    }

    pub(super) fn place(self, sector: u32, at: u32) -> Place {
        Place((self.base(sector) + at) / self.unit())
    }

    // From seven places: once in a microcontroller's program, and within each of them on a host, where it is a part of every record.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub(super) fn block_end(self, at: u32) -> u32 {
        (at | (BLOCK_LEN - 1)).saturating_add(1).min(self.geometry.sector_len)
    }

    /// Where a record of `len` octets goes when the last one ended at `at`, and whether a `Skip` must stand at `at` then.
    pub(super) fn fit(self, at: u32, len: u32) -> Option<(u32, bool)> {
        let sector_len = self.geometry.sector_len;
        if at >= sector_len {
            return None;
        }
        let block_end = self.block_end(at);
        if at + len <= block_end {
            return Some((at, false));
        }
        let skip = block_end - at >= self.record_len_min();
        (block_end < sector_len && len <= self.block_end(block_end) - block_end)
            .then_some((block_end, skip))
    }

    /// The header of the sector with number `seq`, padded to whole words.
    pub(super) fn header(self, seq: u32) -> ([u8; HEADER_LEN_MAX], usize) {
        let mut header = [0xff; HEADER_LEN_MAX];
        let [a, b, c, d] = MAGIC;
        let [s, t, u, v] = seq.to_le_bytes();
        let [word, log2] = self.sizes();
        let known = [a, b, c, d, VERSION, word, log2, 0, s, t, u, v];
        let [w, x, y, z] = checksum(0, &known).to_le_bytes();
        let all = [a, b, c, d, VERSION, word, log2, 0, s, t, u, v, w, x, y, z];
        header.iter_mut().zip(all).for_each(|(to, octet)| *to = octet);
        (header, self.header_len() as usize)
    }

    #[expect(clippy::cast_possible_truncation, reason = "`check` asserts that both are small")]
    fn sizes(self) -> [u8; 2] {
        [self.geometry.word_len as u8, self.geometry.sector_len.trailing_zeros() as u8]
    }

    // As all that is called from several places and never for a message alone, it stays one function in a microcontroller's program.
    #[inline(never)]
    pub(super) fn read_header<M: Medium>(medium: &mut M, sector: u32) -> Result<Header, M::Error> {
        let layout = Self::of(medium);
        let mut octets = [0; HEADER_LEN_MAX];
        medium.read(layout.base(sector), &mut octets)?;
        Ok(layout.parse_header(&octets))
    }

    fn parse_header(self, octets: &[u8; HEADER_LEN_MAX]) -> Header {
        match known(octets) {
            None => Header::None,
            Some(Known { version, .. }) if version != VERSION => Header::Version(version),
            Some(Known { word, log2, .. }) if [word, log2] != self.sizes() => Header::Sizes {
                word_len: u32::from(word),
                sector_len: 1_u32.checked_shl(u32::from(log2)).unwrap_or(0),
            },
            Some(Known { seq: 0 | u32::MAX, .. }) => Header::None,
            Some(Known { seq, .. }) => Header::Sector(seq),
        }
    }
}

/// A header whose CRC is right.
struct Known {
    version: u8,
    word: u8,
    log2: u8,
    seq: u32,
}

fn known(octets: &[u8]) -> Option<Known> {
    let header: &[u8; HEADER_LEN as usize] = octets.first_chunk()?;
    let [a, b, c, d, version, word, log2, _zero, s, t, u, v, sum @ ..] = *header;
    let (summed, _) = header.split_last_chunk::<4>()?;
    ([a, b, c, d] == MAGIC && u32::from_le_bytes(sum) == checksum(0, summed)).then_some(Known {
        version,
        word,
        log2,
        seq: u32::from_le_bytes([s, t, u, v]),
    })
}

/// The word and sector size in octets of the medium that a sector begins on with these 16 octets or more; `None` when no sector does. An
/// image of a flash is read with it.
#[must_use]
pub fn sizes(octets: &[u8]) -> Option<(u32, u32)> {
    let Known { word, log2, .. } = known(octets)?;
    let geometry_allows = word.is_power_of_two() && word <= 32 && (9..=24).contains(&log2);
    geometry_allows.then_some((u32::from(word), 1 << log2))
}

/// What a sector's first octets say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// Nothing: the sector is free.
    None,
    /// Its number: at least 1 and below `u32::MAX`.
    Sector(u32),
    /// Another version wrote it.
    Version(u8),
    /// A medium of other sizes was written.
    Sizes { word_len: u32, sector_len: u32 },
}

/// A sector with its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) sector: u32,
    pub(super) seq: u32,
}
