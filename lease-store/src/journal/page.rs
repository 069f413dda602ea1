//! What stands in one sector? Its header, and where its records begin, end and go on behind a damaged spot.
//!
//! ```text
//! header  magic 4 "hydr", version 1, word size 1, log2 of the sector size 1, zero 1, number 4, CRC 4; at least one word long
//! then    records; none crosses a multiple of 4,096 octets, so that reading goes on there behind a damaged one
//! ```
//!
//! The first 16 octets keep this layout in every version, so that any version knows any other.

use crate::index::Place;
use crate::medium::{Geometry, Medium, READ_ALIGN};
use crate::record::{Begin, Decoded, RECORD_LEN_MAX, Record, Standing, checksum, decode, encode};

/// How every sector begins.
pub const MAGIC: [u8; 4] = *b"hydr";

/// The version of the format that is written.
pub const VERSION: u8 = 1;

const HEADER_LEN: u32 = 16;

/// Octets of [`Record::Begin`], before they are padded to the unit.
pub(super) const BEGIN_LEN: u32 = 17;

/// Where reading goes on behind a damaged record. Nothing but the journal decides what stands there: a client whose identifier looks
/// like a record cannot have it read as one.
const BLOCK_LEN: u32 = 4_096;

/// A host reads many records before any of them is looked at, so that what they need from memory is fetched at once; a microcontroller has no memory to spare, and
/// none that is slow.
const BATCH_LEN: usize = if HOST { 32 } else { 1 };

/// Octets of the medium that are in memory: a block, or enough for any record.
const WINDOW_LEN: u32 = if HOST { BLOCK_LEN } else { 512 };

const HOST: bool = cfg!(target_pointer_width = "64");

#[expect(clippy::cast_possible_truncation, reason = "a record has a few hundred octets")]
const RECORD_LEN_MAX_U32: u32 = RECORD_LEN_MAX as u32;

/// The largest unit, 32, is also what reads are aligned to.
pub(super) const HEADER_LEN_MAX: usize = READ_ALIGN as usize;

const _: () = assert!(
    RECORD_LEN_MAX + READ_ALIGN as usize <= WINDOW_LEN as usize,
    "a window has room for any record, wherever it begins"
);
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
    /// # Panics
    /// When the medium's word or sector size is none that it may have.
    pub(super) fn new(geometry: Geometry) -> Self {
        let Geometry { word_len, sector_len, sectors } = geometry;
        assert!(word_len.is_power_of_two() && word_len <= 32, "a word has 1, 2, 4, .. 32 octets");
        assert!(
            sector_len.is_power_of_two() && (512..=1 << 24).contains(&sector_len),
            "a sector has 512, 1,024, .. 2^24 octets"
        );
        assert!(sectors.checked_mul(sector_len).is_some(), "a medium has less than 4 GiB");
        Self { geometry }
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
    fn record_len_min(self) -> u32 {
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
    fn block_end(self, at: u32) -> u32 {
        (at | (BLOCK_LEN - 1)).saturating_add(1).min(self.geometry.sector_len)
    }

    /// Where a record of `len` octets goes when the last one ended at `at`, and whether a [`Record::Skip`] must stand at `at` then.
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

    /// Octets that the record takes.
    pub(super) fn record_len(self, record: &Record<'_>) -> u32 {
        let mut room = [0; RECORD_LEN_MAX];
        let octets = encode(record, Standing::default(), 0, self.unit_len(), &mut room);
        u32::try_from(octets.len()).expect("at most RECORD_LEN_MAX")
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

    #[expect(clippy::cast_possible_truncation, reason = "`new` asserts that both are small")]
    fn sizes(self) -> [u8; 2] {
        [self.geometry.word_len as u8, self.geometry.sector_len.trailing_zeros() as u8]
    }

    // As all that is called from several places and never for a message alone, it stays one function in a microcontroller's program.
    #[inline(never)]
    pub(super) fn read_header<M: Medium>(
        self,
        medium: &mut M,
        sector: u32,
    ) -> Result<Header, M::Error> {
        let mut octets = [0; HEADER_LEN_MAX];
        medium.read(self.base(sector), &mut octets)?;
        Ok(self.parse_header(&octets))
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

/// Some octets of the medium in memory, so that a record is there in one piece.
pub(super) struct Window {
    octets: [u8; WINDOW_LEN as usize],
    start: u32,
    end: u32,
}

impl Window {
    pub(super) const fn new() -> Self {
        Self { octets: [0; WINDOW_LEN as usize], start: 0, end: 0 }
    }

    /// The octets from `at` on, up to `end` or enough for any record.
    fn look<M: Medium>(&mut self, medium: &mut M, at: u32, end: u32) -> Result<&[u8], M::Error> {
        let wanted = end.min(at + RECORD_LEN_MAX_U32);
        if at < self.start || wanted > self.end {
            let start = at / READ_ALIGN * READ_ALIGN;
            let len = (end.next_multiple_of(READ_ALIGN) - start).min(WINDOW_LEN);
            self.end = self.start;
            let room = self.octets.get_mut(..len as usize).expect("it is no more than there is");
            medium.read(start, room)?;
            (self.start, self.end) = (start, start + len);
        }
        let from = (at - self.start) as usize;
        let to = (end.min(self.end) - self.start) as usize;
        Ok(self.octets.get(from..to).expect("it was read"))
    }
}

/// What comes next in a sector.
#[allow(clippy::large_enum_variant, reason = "it is looked at where it is made, once a batch")]
#[derive(Debug)]
pub(super) enum Step<'w> {
    /// Records: one at least.
    Records(Batch<'w>),
    /// Neither a record nor an erased word: where that is.
    Broken(u32),
    /// An erased word, or the end of the sector: where that is.
    End(u32),
}

/// Records that follow one another.
#[derive(Debug)]
pub(super) struct Batch<'w> {
    records: [(u32, Decoded<'w>); BATCH_LEN],
    len: usize,
}

impl<'w> Batch<'w> {
    const EMPTY: Self = Self {
        records: [(
            0,
            Decoded {
                record: Record::Skip,
                standing: Standing { beginning: false, settled: false },
                len: 0,
            },
        ); BATCH_LEN],
        len: 0,
    };

    /// `false` when there is no room for more.
    fn push(&mut self, at: u32, decoded: Decoded<'w>) -> bool {
        if let Some(next) = self.records.get_mut(self.len) {
            *next = (at, decoded);
            self.len += 1;
        }
        self.len < BATCH_LEN
    }

    /// The records, with where each begins in its sector.
    pub(super) fn records(&self) -> &[(u32, Decoded<'w>)] {
        self.records.get(..self.len).expect("no more than there is room for")
    }

    fn end(&self) -> u32 {
        self.records().last().map_or(0, |(at, decoded)| at + octets_of(decoded))
    }
}

/// Reads the records of one sector from left to right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Records {
    layout: Layout,
    page: Page,
    at: u32,
}

impl Records {
    pub(super) fn new(layout: Layout, page: Page) -> Self {
        Self { layout, page, at: layout.header_len() }
    }

    /// The next ones. Behind [`Step::Broken`] and [`Step::End`] it is the same again, until [`Records::next_block`].
    pub(super) fn step<'w, M: Medium>(
        &mut self,
        medium: &mut M,
        window: &'w mut Window,
    ) -> Result<Step<'w>, M::Error> {
        let base = self.layout.base(self.page.sector);
        let mut block_end = self.layout.block_end(self.at);
        if block_end.saturating_sub(self.at) < self.layout.record_len_min() {
            self.at = block_end;
            block_end = self.layout.block_end(block_end);
        }
        let at = self.at;
        if at >= self.layout.geometry.sector_len {
            return Ok(Step::End(at));
        }
        let octets = window.look(medium, base + at, base + block_end)?;
        let mut batch = Batch::EMPTY;
        while let Some(rest) = octets.get((self.at - at) as usize..)
            && let Ok(decoded) = decode(rest, self.page.seq, self.layout.unit_len())
        {
            let begin = self.at;
            let skip = matches!(decoded.record, Record::Skip);
            self.at = if skip { block_end } else { begin + octets_of(&decoded) };
            if !batch.push(begin, decoded) || skip {
                break;
            }
        }
        let is_erased = || octets.iter().take(self.layout.unit_len()).all(|octet| *octet == 0xff);
        Ok(if batch.len > 0 {
            Step::Records(batch)
        } else if is_erased() {
            Step::End(at)
        } else {
            Step::Broken(at)
        })
    }

    /// Goes on at the next block; `false` when there is none.
    pub(super) fn next_block(&mut self) -> bool {
        self.at = self.layout.block_end(self.at);
        self.at < self.layout.geometry.sector_len
    }
}

/// What is done with a batch of records of [`walk`], each with where it begins in its sector.
pub(super) type Visit<'v, M> =
    dyn FnMut(&mut M, &[(u32, Decoded<'_>)]) -> Result<(), <M as Medium>::Error> + 'v;

/// What reading a sector came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Walked {
    /// Where its last record ended.
    pub(super) end: u32,
    /// Where a record begins that was not finished when the power was cut.
    pub(super) torn: Option<u32>,
    /// Where the first damage is.
    pub(super) damaged: Option<u32>,
    /// Octets of records that are lost to damage.
    pub(super) lost: u32,
}

/// Shows every record of a sector to `visit`, in batches, with where it begins.
///
/// Records up to `known_end` were durable, and so were those before any that says so. Among them a damaged one is stepped over; behind
/// them it is where the power was cut, and what a file kept of later ones does not count.
///
/// `visit` is called through a pointer, so that this is in a microcontroller's program once and not once for each thing that is done with records.
pub(super) fn walk<M: Medium>(
    medium: &mut M,
    window: &mut Window,
    layout: Layout,
    page: Page,
    known_end: u32,
    visit: &mut Visit<'_, M>,
) -> Result<Walked, M::Error> {
    let mut records = Records::new(layout, page);
    let mut walked = Walked { end: layout.header_len(), ..Walked::default() };
    let mut durable_to = None;
    loop {
        let (at, broken) = match records.step(medium, window)? {
            Step::Records(batch) => {
                walked.end = batch.end();
                visit(medium, batch.records())?;
                continue;
            }
            Step::Broken(at) => (at, true),
            Step::End(at) => (at, false),
        };
        let durable_to = match durable_to {
            Some(durable_to) => durable_to,
            None => {
                let settled = last_settled(medium, window, records)?.max(known_end);
                *durable_to.insert(settled)
            }
        };
        if at >= durable_to {
            walked.torn = broken.then_some(at);
            return Ok(walked);
        }
        walked.damaged = walked.damaged.or(Some(at));
        let more = records.next_block();
        walked.lost += records.at.min(durable_to) - at;
        if !more {
            walked.end = walked.end.max(durable_to);
            return Ok(walked);
        }
    }
}

/// Where the last record of the sector begins that says that everything before it is durable, looking from the next block on; 0 without one.
fn last_settled<M: Medium>(
    medium: &mut M,
    window: &mut Window,
    mut records: Records,
) -> Result<u32, M::Error> {
    let mut settled = 0;
    while records.next_block() {
        while let Step::Records(batch) = records.step(medium, window)? {
            let said = batch.records().iter().rfind(|(_, decoded)| decoded.standing.settled);
            settled = said.map_or(settled, |(at, _)| *at);
        }
    }
    Ok(settled)
}

/// What a sector says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// There is no record that says so, and none that came later.
    Unsaid {
        /// Whether there are other records at all.
        records: bool,
    },
    /// It counts, though the record that says so is damaged.
    Damaged,
    /// It counts.
    Said(Begin),
}

/// Whether the sector counts.
pub(super) fn beginning<M: Medium>(
    medium: &mut M,
    window: &mut Window,
    layout: Layout,
    page: Page,
) -> Result<Beginning, M::Error> {
    let mut records = Records::new(layout, page);
    let mut any = false;
    loop {
        let batch = match records.step(medium, window)? {
            Step::Records(batch) => batch,
            Step::Broken(_) | Step::End(_) if records.next_block() => continue,
            Step::Broken(_) | Step::End(_) => return Ok(Beginning::Unsaid { records: any }),
        };
        for (_, decoded) in batch.records() {
            match decoded.record {
                Record::Begin(begin) => return Ok(Beginning::Said(begin)),
                Record::Change(_) | Record::Time(_) | Record::Skip => {}
            }
            if !decoded.standing.beginning {
                return Ok(Beginning::Damaged);
            }
            any = true;
        }
    }
}

/// The record's length on the medium.
#[expect(clippy::cast_possible_truncation, reason = "at most RECORD_LEN_MAX")]
pub(super) const fn octets_of(decoded: &Decoded<'_>) -> u32 {
    decoded.len as u32
}
