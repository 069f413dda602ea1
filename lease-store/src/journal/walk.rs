//! What stands in the records of a sector, one after the other? They are read a window at a time, and on behind a damaged spot.

use super::page::{BLOCK_LEN, Layout, Page};
use crate::medium::{Medium, READ_ALIGN};
use crate::record::{Begin, Decoded, RECORD_LEN_MAX, Record, decode};

/// A host reads many records before any of them is looked at, so that what they need from memory is fetched at once; a microcontroller has no memory to spare, and
/// none that is slow.
const BATCH_LEN: usize = if HOST { 32 } else { 1 };

/// Octets of the medium that are in memory: a block, or enough for any record.
const WINDOW_LEN: u32 = if HOST { BLOCK_LEN } else { 512 };

pub(super) const HOST: bool = cfg!(target_pointer_width = "64");

#[expect(clippy::cast_possible_truncation, reason = "a record has a few hundred octets")]
const RECORD_LEN_MAX_U32: u32 = RECORD_LEN_MAX as u32;

const _: () = assert!(
    RECORD_LEN_MAX + READ_ALIGN as usize <= WINDOW_LEN as usize,
    "a window has room for any record, wherever it begins"
);

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Records: one at least, in the batch.
    Records,
    /// Neither a record nor an erased word.
    Broken,
    /// An erased word, or the end of the sector.
    End,
}

/// Records that follow one another.
#[derive(Debug)]
pub(super) struct Batch<'w> {
    records: [(u32, Decoded<'w>); BATCH_LEN],
    len: usize,
}

impl<'w> Batch<'w> {
    pub(super) const EMPTY: Self = Self { records: [(0, Decoded::NONE); BATCH_LEN], len: 0 };

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
    page: Page,
    at: u32,
}

impl Records {
    pub(super) fn new(layout: Layout, page: Page) -> Self {
        Self { page, at: layout.header_len() }
    }

    /// The next ones, into `batch`. Behind [`Step::Broken`] and [`Step::End`] it is the same again, until [`Records::next_block`].
    pub(super) fn step<'w, M: Medium>(
        &mut self,
        medium: &mut M,
        window: &'w mut Window,
        batch: &mut Batch<'w>,
    ) -> Result<Step, M::Error> {
        batch.len = 0;
        let layout = Layout::of(medium);
        let base = layout.base(self.page.sector);
        let mut block_end = layout.block_end(self.at);
        if block_end.saturating_sub(self.at) < layout.record_len_min() {
            self.at = block_end;
            block_end = layout.block_end(block_end);
        }
        let at = self.at;
        if at >= layout.geometry.sector_len {
            return Ok(Step::End);
        }
        let octets = window.look(medium, base + at, base + block_end)?;
        for (begin, decoded) in &mut batch.records {
            let Some(rest) = octets.get((self.at - at) as usize..) else { break };
            if decode(rest, self.page.seq, layout.unit_len(), decoded).is_err() {
                break;
            }
            batch.len += 1;
            *begin = self.at;
            self.at += octets_of(decoded);
            if matches!(decoded.record, Record::Skip) {
                self.at = block_end;
                break;
            }
        }
        let is_erased = || octets.iter().take(layout.unit_len()).all(|octet| *octet == 0xff);
        Ok(if batch.len > 0 {
            Step::Records
        } else if is_erased() {
            Step::End
        } else {
            Step::Broken
        })
    }

    /// Goes on at the next block; `false` when there is none.
    pub(super) fn next_block(&mut self, layout: Layout) -> bool {
        self.at = layout.block_end(self.at);
        self.at < layout.geometry.sector_len
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
    page: Page,
    known_end: u32,
    visit: &mut Visit<'_, M>,
) -> Result<Walked, M::Error> {
    let layout = Layout::of(medium);
    let mut records = Records::new(layout, page);
    let mut walked = Walked { end: layout.header_len(), ..Walked::default() };
    let mut durable_to = None;
    loop {
        let mut batch = Batch::EMPTY;
        let step = records.step(medium, window, &mut batch)?;
        if step == Step::Records {
            walked.end = batch.end();
            visit(medium, batch.records())?;
            continue;
        }
        let at = records.at;
        let durable_to = match durable_to {
            Some(durable_to) => durable_to,
            None => {
                let settled = last_settled(medium, window, records)?.max(known_end);
                *durable_to.insert(settled)
            }
        };
        if at >= durable_to {
            walked.torn = (step == Step::Broken).then_some(at);
            return Ok(walked);
        }
        walked.damaged = walked.damaged.or(Some(at));
        let more = records.next_block(layout);
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
    while records.next_block(Layout::of(medium)) {
        loop {
            let mut batch = Batch::EMPTY;
            if records.step(medium, window, &mut batch)? != Step::Records {
                break;
            }
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
    page: Page,
) -> Result<Beginning, M::Error> {
    let layout = Layout::of(medium);
    let mut records = Records::new(layout, page);
    let mut any = false;
    loop {
        let mut batch = Batch::EMPTY;
        if records.step(medium, window, &mut batch)? != Step::Records && !records.next_block(layout)
        {
            return Ok(Beginning::Unsaid { records: any });
        }
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
