//! How does a change of the leases survive a power cut? It is appended to a ring of sectors, and read back at the next start.
//!
//! A sector is written from left to right by one run of the program, each word once. Behind what a power cut left unfinished nothing is ever written: the next run
//! begins a sector of its own. One sector is always free. When the last but one is taken, the oldest sector is emptied into it: the records
//! in it that are still what the [`RecordIndex`] knows of their addresses are copied with their newest end. Then the sector is said to
//! count, in one record; before that it does not, and after that the emptied one does not. So a power cut at any step leaves every record in one of both.
//!
//! The same octets are kept in a flash and in a file: see `record.rs` for the records, `journal/page.rs` for the sectors and `journal/walk.rs` for how they are read.

mod error;
mod page;
mod replay;
mod ring;
mod rotate;
mod sync;
mod walk;

use core::net::Ipv4Addr;

use dhcp_core::server::Lsn;
use dhcp_core::server::book::Change;
use dhcp_core::time::Timestamp;

pub use self::error::JournalError;
use self::page::{Layout, Page};
pub use self::page::{MAGIC, VERSION, sizes};
pub use self::replay::{DAMAGE_MAX, Damage, OpenError, Opened};
use self::ring::Ring;
use self::rotate::Emptied;
use self::walk::{HOST, octets_of};
use crate::index::{Place, RecordIndex, Replay};
use crate::medium::{Geometry, Medium};
use crate::record::{Decoded, RECORD_LEN_MAX, Record, Standing, encode};

/// With less room than this in its sector, or than a 32nd of a large one, an idle journal goes on to the next one rather than when somebody waits.
const ROOM_MIN: u32 = 64;

/// After a medium was found full, this many changes are refused before it is tried again: each try wears it.
const REFUSALS: u32 = 64;

/// The record of all changes, open for more of them.
#[derive(Debug)]
pub struct Journal<M> {
    medium: M,
    ring: Ring,
    /// The newest sector, and where its records end.
    newest: Head,
    /// The next record goes there: this run has begun the sector, and nothing in it may be half written.
    is_open: bool,
    /// A free sector that was erased by this run.
    erased: Option<u32>,
    time: Timestamp,
    appended: Lsn,
    /// A sync was begun that covers what was appended up to here, and what came of it was not told yet.
    syncing: Option<Lsn>,
    /// The medium has not come to its end.
    on_its_way: bool,
    /// How many syncs were begun since the last one that was waited for.
    beside: u32,
    /// Something was programmed or erased since the last sync began.
    unsynced: bool,
    /// The last sync failed: nothing is written before one succeeds.
    failed: bool,
    /// A change was not appended since the last call of [`Journal::sync`], which will say so.
    lost: bool,
    refusals: u32,
    /// The index does not know yet what a new sector was begun with.
    emptied: Option<Emptied>,
    usage: Usage,
}

/// A sector, and where the next record goes in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    page: Page,
    at: u32,
}

/// How much of the medium is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Usage {
    /// Addresses that have a record.
    pub live: u32,
    /// Full records that were read or written by this run.
    pub full_records: u32,
    /// Octets of those records.
    pub full_octets: u64,
    /// Sectors that this run has begun.
    pub sectors_begun: u32,
    /// Sectors that this run has erased.
    pub sectors_erased: u32,
}

impl Usage {
    /// Octets that a journal of nothing but the live records would need; an estimate from their mean length.
    #[must_use]
    pub fn live_octets(&self) -> u64 {
        self.full_octets * u64::from(self.live) / u64::from(self.full_records.max(1))
    }

    /// The index learns where the change's record of `len` octets is, if it is one that stands for the address from now on.
    fn learn(&mut self, index: &mut impl RecordIndex, change: &Change<'_>, place: Place, len: u32) {
        match change {
            Change::Bind { address, .. } | Change::Quarantine { address, .. } => {
                self.full_records = self.full_records.saturating_add(1);
                self.full_octets = self.full_octets.saturating_add(u64::from(len));
                self.keep(index, *address, Some(place));
            }
            Change::Forget { address } => self.keep(index, *address, None),
            Change::Extend { .. } | Change::Release { .. } => {}
        }
    }

    fn keep(&mut self, index: &mut impl RecordIndex, address: Ipv4Addr, place: Option<Place>) {
        index.set_place(address, place);
        self.live = index.places();
    }
}

impl<M: Medium> Journal<M> {
    /// Reads the journal of a medium into `replay`, or finds that there is none yet. Nothing is written.
    ///
    /// # Errors
    /// [`OpenError`]: the medium failed, or what is on it must be left as it is.
    ///
    /// # Panics
    /// When the medium's sizes are none that [`Geometry`] allows.
    pub fn open(
        mut medium: M,
        replay: &mut impl Replay,
    ) -> Result<(Self, Opened), OpenError<M::Error>> {
        let mut usage = Usage::default();
        let mut opened = Opened::default();
        let found = replay::replay(&mut medium, &mut opened, |layout, page, batch| {
            if HOST {
                replay.expect(changes(batch).map(|(_, change, _)| change));
            }
            for (at, change, len) in changes(batch) {
                replay.replay(change);
                usage.learn(replay, change, layout.place(page.sector, at), len);
            }
        })?;
        let journal = Self {
            medium,
            ring: found.ring,
            newest: found.newest,
            is_open: false,
            erased: None,
            time: opened.time.unwrap_or_default(),
            appended: Lsn::ZERO,
            syncing: None,
            on_its_way: false,
            beside: 0,
            unsynced: false,
            failed: false,
            lost: false,
            refusals: 0,
            emptied: None,
            usage,
        };
        Ok((journal, opened))
    }

    /// Appends the record of a change. It is durable when [`Journal::sync`] says so.
    ///
    /// The book must have made this change, and none that is not appended yet, so that what the index says of an address is what was appended or is
    /// being appended. Now and then the oldest sector is emptied before, of at most as many octets as a sector has.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was appended. The next [`Journal::sync`] fails for that reason, so that no acknowledgement leaves.
    ///
    /// # Panics
    /// When the changes do not come in the order of their numbers, or a name is longer than 64 octets.
    pub fn append(
        &mut self,
        lsn: Lsn,
        change: &Change<'_>,
        index: &mut impl RecordIndex,
    ) -> Result<(), JournalError<M::Error>> {
        assert!(lsn > self.appended, "changes are appended in the order of their numbers");
        let result = self.append_change(change, index);
        match result {
            Ok(()) => self.appended = lsn,
            Err(_) => self.lost = true,
        }
        result
    }

    fn append_change(
        &mut self,
        change: &Change<'_>,
        index: &mut impl RecordIndex,
    ) -> Result<(), JournalError<M::Error>> {
        let written = self.append_record(&Record::Change(*change), index)?;
        if let Some((place, len)) = written {
            self.usage.learn(index, change, place, len);
        }
        match change {
            Change::Bind { address, .. } | Change::Quarantine { address, .. }
                if index.place(*address).is_none() =>
            {
                Err(JournalError::NoPlace)
            }
            Change::Bind { .. }
            | Change::Quarantine { .. }
            | Change::Forget { .. }
            | Change::Extend { .. }
            | Change::Release { .. } => Ok(()),
        }
    }

    /// Appends what the lease clock shows, so that it goes on from there after a restart without a wall clock. An earlier time than was
    /// recorded before is not recorded.
    ///
    /// # Errors
    /// [`JournalError`]: nothing was appended.
    pub fn mark_time(
        &mut self,
        time: Timestamp,
        index: &mut impl RecordIndex,
    ) -> Result<(), JournalError<M::Error>> {
        if time > self.time {
            self.append_record(&Record::Time(time), index)?;
            self.time = time;
        }
        Ok(())
    }

    /// Work for idle times that nobody then has to wait for: erases the next sector, and goes on to it when the last one is nearly full. `true` when
    /// there is more to do. One call erases at most one sector, or empties one.
    ///
    /// As with [`Journal::append`], the book must have no change that is not appended.
    ///
    /// # Errors
    /// [`JournalError`]; nothing is lost, and it is tried again.
    pub fn tidy(&mut self, index: &mut impl RecordIndex) -> Result<bool, JournalError<M::Error>> {
        if self.failed {
            self.sync_medium()?;
        }
        self.reindex(index)?;
        if self.erased.is_none() {
            self.prepare()?;
            return Ok(self.is_nearly_full());
        }
        if self.is_nearly_full() {
            self.rotate(None, index)?;
            return Ok(true);
        }
        Ok(false)
    }

    fn is_nearly_full(&self) -> bool {
        let layout = Layout::of(&self.medium);
        let room = ROOM_MIN.max(layout.geometry.sector_len / 32);
        self.is_open && self.newest.at + room > layout.geometry.sector_len
    }

    /// The latest time that was recorded; zero when none was.
    pub const fn time(&self) -> Timestamp {
        self.time
    }

    /// How much of the medium is in use.
    pub const fn usage(&self) -> Usage {
        self.usage
    }

    /// How the medium is divided now.
    pub fn geometry(&self) -> Geometry {
        self.medium.geometry()
    }

    /// The medium.
    pub const fn medium(&self) -> &M {
        &self.medium
    }

    /// The medium, without the journal. What was not synced may be lost.
    pub fn into_medium(self) -> M {
        self.medium
    }

    /// Writes a record behind the last one, in a new sector if need be. Where it is and its length, unless it was written while that sector was begun
    /// and the index knows it already.
    fn append_record(
        &mut self,
        record: &Record<'_>,
        index: &mut impl RecordIndex,
    ) -> Result<Option<(Place, u32)>, JournalError<M::Error>> {
        if self.failed {
            self.sync_medium()?;
        }
        self.reindex(index)?;
        if let Some(refusals) = self.refusals.checked_sub(1) {
            self.refusals = refusals;
            return Err(JournalError::Full);
        }
        // A sector of live records only leaves no room, but then the next oldest is emptied; after as many as there are, there is none.
        for _ in 0..=Layout::of(&self.medium).geometry.sectors {
            if self.is_open {
                let standing =
                    Standing { beginning: false, settled: !self.unsynced && !self.on_its_way };
                self.unsynced = true;
                match self.newest.put(&mut self.medium, record, standing, false) {
                    Ok(None) => {}
                    Ok(written) => return Ok(written),
                    Err(error) => {
                        // Behind what may be half written nothing is written any more.
                        self.is_open = false;
                        return Err(error.into());
                    }
                }
            }
            match self.rotate(Some(record), index) {
                Ok(true) => return Ok(None),
                Ok(false) => {}
                Err(JournalError::Full) => break,
                Err(error) => return Err(error),
            }
        }
        self.refusals = REFUSALS;
        Err(JournalError::Full)
    }
}

impl Head {
    /// Without any sector that counts.
    const NONE: Self = Self { page: Page { sector: u32::MAX, seq: 0 }, at: 0 };

    /// Programs a record at the next place of the sector, or only goes on as if, when it is `dry`; `None` when there is no room.
    fn put<M: Medium>(
        &mut self,
        medium: &mut M,
        record: &Record<'_>,
        standing: Standing,
        dry: bool,
    ) -> Result<Option<(Place, u32)>, M::Error> {
        let layout = Layout::of(medium);
        let base = layout.base(self.page.sector);
        let mut room = [0; RECORD_LEN_MAX];
        let octets = encode(record, standing, self.page.seq, layout.unit_len(), &mut room);
        let len = u32::try_from(octets.len()).expect("at most RECORD_LEN_MAX");
        let Some((at, skip)) = layout.fit(self.at, len) else { return Ok(None) };
        if skip && !dry {
            let mut room = [0; RECORD_LEN_MAX];
            let unit = layout.unit_len();
            let skip = encode(&Record::Skip, standing, self.page.seq, unit, &mut room);
            medium.program(base + self.at, skip)?;
        }
        if !dry {
            medium.program(base + at, octets)?;
        }
        self.at = at + len;
        Ok(Some((layout.place(self.page.sector, at), len)))
    }
}

/// Reads a journal without an index and without changing anything: every change that counts, oldest first, to `visit`. One that is open for
/// writing may be read, too; what is appended meanwhile may be missing, and [`scan`] again tells whether sectors were begun.
///
/// # Errors
/// As [`Journal::open`].
pub fn scan<M: Medium>(
    medium: &mut M,
    mut visit: impl FnMut(Place, &Change<'_>),
) -> Result<Opened, OpenError<M::Error>> {
    let mut opened = Opened::default();
    replay::replay(medium, &mut opened, |layout, page, batch| {
        for (at, change, _) in changes(batch) {
            visit(layout.place(page.sector, at), change);
        }
    })?;
    Ok(opened)
}

/// The changes among records: where each begins in its sector, and its length.
fn changes<'b>(
    batch: &'b [(u32, Decoded<'b>)],
) -> impl Iterator<Item = (u32, &'b Change<'b>, u32)> {
    batch.iter().filter_map(|(at, decoded)| match &decoded.record {
        Record::Change(change) => Some((*at, change, octets_of(decoded))),
        Record::Time(_) | Record::Begin(_) | Record::Skip => None,
    })
}

#[cfg(test)]
mod tests;
