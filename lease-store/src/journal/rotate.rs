//! How does the journal go on to the next sector? It empties the oldest one into it, and only then says that it counts.

use core::net::Ipv4Addr;

use dhcp_core::id::ClientKey;
use dhcp_core::server::book::Change;
use dhcp_core::time::Timestamp;

use super::page::{BEGIN_LEN, Layout, Page};
use super::walk::{Beginning, Window, beginning, octets_of, walk};
use super::{Head, Journal, JournalError};
use crate::index::{Place, RecordIndex, Recorded};
use crate::medium::{Geometry, Medium};
use crate::record::{Begin, Decoded, Record, Standing};

/// While a sector is begun.
const BEGINNING: Standing = Standing { beginning: true, settled: false };

impl<M: Medium> Journal<M> {
    /// Chooses the next sector and erases it.
    pub(super) fn prepare(&mut self) -> Result<u32, JournalError<M::Error>> {
        if let Some(erased) = self.erased {
            return Ok(erased);
        }
        let newest = self.head.or(self.before).map_or(u32::MAX, |head| head.page.sector);
        let (sector, _) = self.ring.free(&mut self.medium, newest)?.ok_or(JournalError::Full)?;
        self.unsynced = true;
        self.medium.erase(sector)?;
        self.usage.sectors_erased = self.usage.sectors_erased.saturating_add(1);
        // What an older use of the sector left must be gone before its new header can be there.
        self.sync_medium()?;
        self.erased = Some(sector);
        Ok(sector)
    }

    /// Goes on to the next sector. `true` when `pending` is recorded in it and the index knows.
    ///
    /// The change that is pending is made in the book already, so that what it replaced is not copied; it is written beside the copies, and the sector
    /// counts with both or not at all. When they leave no room for it, what it replaces is looked up on the medium and copied, too, until it is recorded itself.
    pub(super) fn rotate(
        &mut self,
        pending: Option<&Record<'_>>,
        index: &mut impl RecordIndex,
    ) -> Result<bool, JournalError<M::Error>> {
        self.sync_medium()?;
        let sector = self.prepare()?;
        // Until it counts it is not to be used but for this.
        self.erased = None;
        self.ring.spare = Some(sector);
        let seq = self.ring.newest.checked_add(1).filter(|seq| *seq < u32::MAX);
        let page = Page { sector, seq: seq.ok_or(JournalError::Full)? };
        let mut window = Window::new();
        let victim = self.victim(page, &mut window)?;
        let mut head = Head { page, at: Layout::of(&self.medium).header_len() };
        self.unsynced = true;
        let (header, len) = Layout::of(&self.medium).header(page.seq);
        let header = header.get(..len).expect("a header is not longer than its room");
        self.medium.program(Layout::of(&self.medium).base(sector), header)?;
        let mut kept = Kept::default();
        let beside = match pending {
            Some(record) if self.has_room(&head, record, victim, &mut window, &*index)? => {
                head.put(&mut self.medium, record, BEGINNING)?;
                Some(record)
            }
            Some(Record::Change(
                change @ (Change::Bind { .. } | Change::Quarantine { .. } | Change::Forget { .. }),
            )) => {
                self.replaced_by(change, &mut kept, &mut window)?;
                None
            }
            Some(_) | None => None,
        };
        if let Some(victim) = victim {
            self.copy(&mut head, victim, beside, &kept, &mut window, &*index)?;
        }
        // The copies must be durable before the record that makes them count.
        self.sync_medium()?;
        self.unsynced = true;
        let oldest = victim.map_or(self.ring.oldest, |victim| victim.next_seq);
        let begin = Record::Begin(Begin {
            oldest,
            previous_end: self.head.or(self.before).map_or(0, |head| head.at),
            time: self.time,
        });
        let begun = head.put(&mut self.medium, &begin, BEGINNING)?;
        begun.ok_or(JournalError::Full)?;
        self.sync_medium()?;
        self.ring.oldest = oldest;
        self.ring.newest = page.seq;
        self.ring.spare = None;
        self.head = Some(head);
        self.before = None;
        self.usage.sectors_begun = self.usage.sectors_begun.saturating_add(1);
        self.emptied = Some(Emptied { into: page, victim });
        self.reindex(index)?;
        Ok(beside.is_some())
    }

    /// What the medium says of that the change replaces, which the index does not know any more: read from all of it, since this is seldom.
    fn replaced_by(
        &mut self,
        change: &Change<'_>,
        kept: &mut Kept,
        window: &mut Window,
    ) -> Result<(), JournalError<M::Error>> {
        let newest = self.head.or(self.before);
        let mut next = self.ring.first_from(&mut self.medium, self.ring.oldest, 0)?;
        while let Some(page) = next {
            let end = newest.filter(|newest| newest.page == page).map_or(0, |newest| newest.at);
            each_change(&mut self.medium, window, page, end, |_, place, said, _| {
                kept.learn(change, said, place);
                Ok(())
            })?;
            next = self.ring.first_from(&mut self.medium, page.seq + 1, page.sector + 1)?;
        }
        Ok(())
    }

    /// The sector to be emptied, unless there is one more free sector, or can be.
    fn victim(
        &mut self,
        page: Page,
        window: &mut Window,
    ) -> Result<Option<Victim>, JournalError<M::Error>> {
        let another = self.ring.free(&mut self.medium, page.sector)?;
        if another.is_some_and(|(_, another)| another) || self.grow() {
            return Ok(None);
        }
        let oldest = self.ring.first_from(&mut self.medium, self.ring.oldest, page.sector + 1)?;
        let Some(victim) = oldest else { return Ok(None) };
        let next = self.ring.first_from(&mut self.medium, victim.seq + 1, victim.sector + 1)?;
        let known_end = match (next, self.head.or(self.before)) {
            (_, Some(newest)) if newest.page == victim => newest.at,
            (Some(next), _) if next.seq == victim.seq + 1 => {
                match beginning(&mut self.medium, window, next)? {
                    Beginning::Said(begin) => begin.previous_end,
                    Beginning::Damaged | Beginning::Unsaid { .. } => 0,
                }
            }
            (Some(_) | None, _) => 0,
        };
        let next_seq = next.map_or(page.seq, |next| next.seq);
        Ok(Some(Victim { page: victim, known_end, next_seq }))
    }

    /// Makes the medium larger when more than half of it is live, but never beyond twice of what is live. A full disk is no reason to fail: there is another way.
    fn grow(&mut self) -> bool {
        let Geometry { sector_len, sectors, .. } = self.medium.geometry();
        let grown = (u64::from(sectors) + 1) * u64::from(sector_len);
        let wanted = self.usage.live_octets() * 2 >= grown;
        wanted && self.medium.grow().unwrap_or(false)
    }

    /// Whether the sector has room for the pending record, all copies beside it, and the record that makes it count.
    fn has_room(
        &mut self,
        head: &Head,
        pending: &Record<'_>,
        victim: Option<Victim>,
        window: &mut Window,
        index: &impl RecordIndex,
    ) -> Result<bool, JournalError<M::Error>> {
        let layout = Layout::of(&self.medium);
        let after = |at: Option<u32>, len: u32| Some(layout.fit(at?, len)?.0 + len);
        let mut at = after(Some(head.at), layout.record_len(pending));
        if let Some(Victim { page, known_end, .. }) = victim {
            each_change(&mut self.medium, window, page, known_end, |_, place, said, decoded| {
                if live(said, place, Some(pending), index).is_some() {
                    at = after(at, octets_of(decoded));
                }
                Ok(())
            })?;
        }
        Ok(after(at, BEGIN_LEN.next_multiple_of(layout.unit())).is_some())
    }

    /// Copies what is live in the oldest sector and is not replaced by the record beside it, and what is kept although the index does not know it any more.
    fn copy(
        &mut self,
        head: &mut Head,
        victim: Victim,
        beside: Option<&Record<'_>>,
        kept: &Kept,
        window: &mut Window,
        index: &impl RecordIndex,
    ) -> Result<(), JournalError<M::Error>> {
        let Victim { page, known_end, .. } = victim;
        let mut full = false;
        each_change(&mut self.medium, window, page, known_end, |medium, place, said, _| {
            if let Some(end) = kept.end(place).or_else(|| live(said, place, beside, index)) {
                let copy = Record::Change(with_end(said, end));
                full = full || head.put(medium, &copy, BEGINNING)?.is_none();
            }
            Ok(())
        })?;
        if full { Err(JournalError::Full) } else { Ok(()) }
    }

    /// The index learns where everything is that was written while the sector was begun; what was not copied from the emptied one has no
    /// record any more. When the medium cannot be read, it is done before anything else is.
    pub(super) fn reindex(
        &mut self,
        index: &mut impl RecordIndex,
    ) -> Result<(), JournalError<M::Error>> {
        let Some(Emptied { into, victim }) = self.emptied else { return Ok(()) };
        let (medium, usage) = (&mut self.medium, &mut self.usage);
        let mut window = Window::new();
        let all = Layout::of(medium).geometry.sector_len;
        each_change(medium, &mut window, into, all, |_, place, said, decoded| {
            if decoded.standing.beginning && is_known(said, index.recorded(said.address())) {
                usage.learn(index, said, place, octets_of(decoded));
            }
            Ok(())
        })?;
        if let Some(Victim { page, known_end, .. }) = victim {
            each_change(medium, &mut window, page, known_end, |_, place, said, _| {
                if index.place(said.address()) == Some(place) {
                    usage.keep(index, said.address(), None);
                }
                Ok(())
            })?;
        }
        self.emptied = None;
        Ok(())
    }
}

/// A sector that was emptied, if one had to be, and the one that its records are in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Emptied {
    into: Page,
    victim: Option<Victim>,
}

/// A sector that is to be emptied.
#[derive(Clone, Copy, Debug)]
struct Victim {
    page: Page,
    /// Its records up to here were durable.
    known_end: u32,
    /// The number of the oldest sector after it.
    next_seq: u32,
}

/// What a change replaces that is not recorded yet: what stands at its address, and the address that its client had before.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    at_address: Option<Said>,
    of_client: Option<Said>,
}

/// What the records say of an address, up to some record.
#[derive(Clone, Copy, Debug)]
struct Said {
    address: Ipv4Addr,
    key: Option<ClientKey>,
    place: Place,
    end: End,
}

/// What a full record is copied with, whatever it said itself.
#[derive(Clone, Copy, Debug)]
struct End {
    until: Timestamp,
    pinned: bool,
}

impl Kept {
    /// The next record says this.
    fn learn(&mut self, pending: &Change<'_>, said: &Change<'_>, place: Place) {
        let address = said.address();
        for kept in [&mut self.at_address, &mut self.of_client] {
            let Some(before) = kept else { continue };
            match *said {
                // An address has one client, and a client one address: what was said before of either is over.
                Change::Bind { key, .. } if before.key == Some(key) => *kept = None,
                _ if before.address != address => {}
                Change::Bind { .. } | Change::Quarantine { .. } | Change::Forget { .. } => {
                    *kept = None;
                }
                Change::Extend { until, .. } => before.end.until = until,
                Change::Release { .. } => {
                    before.end = End { until: Timestamp::default(), pinned: false };
                }
            }
        }
        let (key, until, pinned) = match *said {
            Change::Bind { key, until, pinned, .. } => (Some(key), until, pinned),
            Change::Quarantine { until, .. } => (None, until, false),
            Change::Extend { .. } | Change::Release { .. } | Change::Forget { .. } => return,
        };
        let said = Said { address, key, place, end: End { until, pinned } };
        let of_client = if let Change::Bind { key: pending, .. } = pending {
            key == Some(*pending)
        } else {
            false
        };
        if address == pending.address() {
            self.at_address = Some(said);
        } else if of_client {
            self.of_client = Some(said);
        }
    }

    /// The end of what the record there says, if it is one of those that are kept.
    fn end(&self, place: Place) -> Option<End> {
        let mut kept = [&self.at_address, &self.of_client].into_iter().flatten();
        kept.find(|said| said.place == place).map(|said| said.end)
    }
}

/// Shows every change of a sector to `visit`, and where its record begins.
fn each_change<M: Medium>(
    medium: &mut M,
    window: &mut Window,
    page: Page,
    known_end: u32,
    mut visit: impl FnMut(&mut M, Place, &Change<'_>, &Decoded<'_>) -> Result<(), M::Error>,
) -> Result<(), M::Error> {
    let layout = Layout::of(medium);
    walk(medium, window, page, known_end, &mut |medium, batch| {
        for (at, decoded) in batch {
            if let Record::Change(change) = &decoded.record {
                visit(medium, layout.place(page.sector, *at), change, decoded)?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// Whether this is what the index has of the address, and not only the medium until a pending change is recorded.
fn is_known(change: &Change<'_>, recorded: Option<Recorded>) -> bool {
    match change {
        Change::Bind { key, .. } => recorded.is_some_and(|recorded| recorded.key == Some(*key)),
        Change::Quarantine { .. } => recorded.is_some_and(|recorded| recorded.key.is_none()),
        Change::Extend { .. } | Change::Release { .. } | Change::Forget { .. } => true,
    }
}

/// The full record with another end.
fn with_end<'a>(change: &Change<'a>, end: End) -> Change<'a> {
    let mut changed = *change;
    match &mut changed {
        Change::Bind { until, pinned, .. } => (*until, *pinned) = (end.until, end.pinned),
        Change::Quarantine { until, .. } => *until = end.until,
        Change::Extend { .. } | Change::Release { .. } | Change::Forget { .. } => {}
    }
    changed
}

/// The end that the full record at `place` is to be copied with; `None` when it says nothing that still holds, or that is replaced by the pending record
/// beside it.
fn live(
    change: &Change<'_>,
    place: Place,
    pending: Option<&Record<'_>>,
    index: &impl RecordIndex,
) -> Option<End> {
    let address = change.address();
    let replaced = match pending {
        Some(Record::Change(Change::Extend { .. } | Change::Release { .. })) => false,
        Some(Record::Change(pending)) => pending.address() == address,
        Some(_) | None => false,
    };
    let full = matches!(change, Change::Bind { .. } | Change::Quarantine { .. });
    if !full || replaced || index.place(address) != Some(place) {
        return None;
    }
    let recorded = index.recorded(address)?;
    is_known(change, Some(recorded))
        .then_some(End { until: recorded.until, pinned: recorded.pinned })
}
