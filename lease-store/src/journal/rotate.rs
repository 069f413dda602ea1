//! How does the journal go on to the next sector? It empties the oldest one into it, and only then says that it counts.

use dhcp_core::server::book::Change;

use super::page::{BEGIN_LEN, Beginning, Page, Window, beginning, octets_of, walk};
use super::{Head, Journal, JournalError};
use crate::index::{Place, RecordIndex};
use crate::medium::{Geometry, Medium};
use crate::record::{Begin, Record, Standing};

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
    /// counts with both or not at all. Only when they leave no room for it, what another client had there may be lost before it is recorded itself: the
    /// memory of a claim that was over.
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
        let mut head = Head { page, at: self.ring.layout.header_len() };
        self.unsynced = true;
        let (header, len) = self.ring.layout.header(page.seq);
        let header = header.get(..len).expect("a header is not longer than its room");
        self.medium.program(self.ring.layout.base(sector), header)?;
        let layout = self.ring.layout;
        let pending = match pending {
            Some(record) if self.has_room(&head, record, victim, &mut window, &*index)? => {
                head.put(&mut self.medium, layout, record, BEGINNING)?;
                Some(record)
            }
            Some(_) | None => None,
        };
        if let Some(victim) = victim {
            self.copy(&mut head, victim, pending, &mut window, &*index)?;
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
        let begun = head.put(&mut self.medium, layout, &begin, BEGINNING)?;
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
        Ok(pending.is_some())
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
                match beginning(&mut self.medium, window, self.ring.layout, next)? {
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
        let grown = wanted && self.medium.grow().unwrap_or(false);
        self.ring.layout.geometry = self.medium.geometry();
        grown
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
        let layout = self.ring.layout;
        let after = |at: Option<u32>, len: u32| Some(layout.fit(at?, len)?.0 + len);
        let mut at = after(Some(head.at), layout.record_len(pending));
        if let Some(Victim { page, known_end, .. }) = victim {
            walk(&mut self.medium, window, layout, page, known_end, |_, batch| {
                for (from, decoded) in batch {
                    let place = layout.place(page.sector, *from);
                    if live(&decoded.record, place, Some(pending), index).is_some() {
                        at = after(at, octets_of(decoded));
                    }
                }
                Ok::<_, M::Error>(())
            })?;
        }
        Ok(after(at, BEGIN_LEN.next_multiple_of(layout.unit())).is_some())
    }

    /// Copies what is live in the oldest sector, and is not replaced by the pending record.
    fn copy(
        &mut self,
        head: &mut Head,
        victim: Victim,
        pending: Option<&Record<'_>>,
        window: &mut Window,
        index: &impl RecordIndex,
    ) -> Result<(), JournalError<M::Error>> {
        let layout = self.ring.layout;
        let Victim { page, known_end, .. } = victim;
        walk(&mut self.medium, window, layout, page, known_end, |medium, batch| {
            for (at, decoded) in batch {
                let place = layout.place(page.sector, *at);
                if let Some(copy) = live(&decoded.record, place, pending, index) {
                    let written = head.put(medium, layout, &copy, BEGINNING)?;
                    written.ok_or(JournalError::Full)?;
                }
            }
            Ok::<_, JournalError<M::Error>>(())
        })?;
        Ok(())
    }

    /// The index learns where everything is that was written while the sector was begun; what was not copied from the emptied one has no
    /// record any more. When the medium cannot be read, it is done before anything else is.
    pub(super) fn reindex(
        &mut self,
        index: &mut impl RecordIndex,
    ) -> Result<(), JournalError<M::Error>> {
        let Some(Emptied { into, victim }) = self.emptied else { return Ok(()) };
        let (medium, usage) = (&mut self.medium, &mut self.usage);
        let layout = self.ring.layout;
        let mut window = Window::new();
        let all = layout.geometry.sector_len;
        walk(medium, &mut window, layout, into, all, |_, batch| {
            for (at, decoded) in batch {
                if let Record::Change(change) = &decoded.record
                    && decoded.standing.beginning
                {
                    usage.learn(index, change, layout.place(into.sector, *at), decoded.len);
                }
            }
            Ok::<_, M::Error>(())
        })?;
        if let Some(Victim { page, known_end, .. }) = victim {
            walk(medium, &mut window, layout, page, known_end, |_, batch| {
                for (at, decoded) in batch {
                    if let Record::Change(change) = &decoded.record
                        && index.place(change.address()) == Some(layout.place(page.sector, *at))
                    {
                        usage.keep(index, change.address(), None);
                    }
                }
                Ok::<_, M::Error>(())
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

/// The record at `place` as it is to be copied; `None` when it says nothing that still holds, or that is replaced by the pending record beside it.
fn live<'a>(
    record: &Record<'a>,
    place: Place,
    pending: Option<&Record<'_>>,
    index: &impl RecordIndex,
) -> Option<Record<'a>> {
    let Record::Change(change) = record else { return None };
    if index.place(change.address()) != Some(place) {
        return None;
    }
    if let Some(Record::Change(
        Change::Bind { address, .. }
        | Change::Quarantine { address, .. }
        | Change::Forget { address },
    )) = pending
        && *address == change.address()
    {
        return None;
    }
    let recorded = index.recorded(change.address())?;
    match *change {
        Change::Bind { address, key, hardware, client_id, name, until: _, pinned: _ } => {
            (recorded.key == Some(key)).then_some(Change::Bind {
                address,
                key,
                hardware,
                client_id,
                name,
                until: recorded.until,
                pinned: recorded.pinned,
            })
        }
        Change::Quarantine { address, until: _ } => {
            recorded.key.is_none().then_some(Change::Quarantine { address, until: recorded.until })
        }
        Change::Extend { .. } | Change::Release { .. } | Change::Forget { .. } => None,
    }
    .map(Record::Change)
}
