//! How does the journal go on to the next sector? It empties the oldest one into it, and only then says that it counts.

use core::net::Ipv4Addr;

use dhcp_core::id::ClientKey;
use dhcp_core::server::book::Change;
use dhcp_core::time::Timestamp;

use super::page::{Layout, Page};
use super::walk::{Window, octets_of, walk};
use super::{Head, Journal, JournalError};
use crate::index::{Place, RecordIndex, Recorded};
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
        let newest = self.newest.page.sector;
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
        let layout = Layout::of(&self.medium);
        let mut head = Head { page, at: layout.header_len() };
        self.unsynced = true;
        let (header, len) = layout.header(page.seq);
        let header = header.get(..len).expect("a header is not longer than its room");
        self.medium.program(layout.base(sector), header)?;
        let oldest = victim.map_or(self.ring.oldest, |victim| victim.next_seq);
        let begin = Record::Begin(Begin { oldest, previous_end: self.newest.at, time: self.time });
        let mut filling = Filling { victim, beside: pending, kept: Kept::default(), dry: true };
        if let Some(pending) = pending {
            let mut tried = head;
            let has_room = self.fill(&mut tried, &filling, &mut window, &*index)?
                && tried.put(&mut self.medium, &begin, BEGINNING, true)?.is_some();
            if !has_room {
                filling.beside = None;
                if let Some(change) = replacing(pending) {
                    filling.kept = self.replaced_by(change, &mut window, &*index)?;
                }
            }
        }
        filling.dry = false;
        if !self.fill(&mut head, &filling, &mut window, &*index)? {
            return Err(JournalError::Full);
        }
        // The copies must be durable before the record that makes them count.
        self.sync_medium()?;
        self.unsynced = true;
        let begun = head.put(&mut self.medium, &begin, BEGINNING, false)?;
        begun.ok_or(JournalError::Full)?;
        self.sync_medium()?;
        self.ring.oldest = oldest;
        self.ring.newest = page.seq;
        self.ring.spare = None;
        self.newest = head;
        self.is_open = true;
        self.usage.sectors_begun = self.usage.sectors_begun.saturating_add(1);
        self.emptied = Some(Emptied { into: page, victim });
        self.reindex(index)?;
        Ok(filling.beside.is_some())
    }

    /// What the medium says of that the change replaces, which the index does not know any more: read from all of it, since this is seldom.
    fn replaced_by(
        &mut self,
        change: &Change<'_>,
        window: &mut Window,
        index: &impl RecordIndex,
    ) -> Result<Kept, JournalError<M::Error>> {
        let mut kept = Kept::default();
        let mut next = self.ring.first_from(&mut self.medium, self.ring.oldest, 0)?;
        while let Some(page) = next {
            let known_end;
            (next, known_end) = self.ring.after(&mut self.medium, window, page, self.newest.at)?;
            each_change(&mut self.medium, window, page, known_end, &mut |_, place, said, _| {
                kept.learn(change, said, place, index);
                Ok(())
            })?;
        }
        Ok(kept)
    }

    /// The sector to be emptied, unless there is one more free sector, or can be.
    fn victim(
        &mut self,
        into: Page,
        window: &mut Window,
    ) -> Result<Option<Victim>, JournalError<M::Error>> {
        let another = self.ring.free(&mut self.medium, into.sector)?;
        if another.is_some_and(|(_, another)| another) || self.grow() {
            return Ok(None);
        }
        let oldest = self.ring.first_from(&mut self.medium, self.ring.oldest, into.sector + 1)?;
        let Some(page) = oldest else { return Ok(None) };
        let (next, known_end) = self.ring.after(&mut self.medium, window, page, self.newest.at)?;
        let next_seq = next.map_or(into.seq, |next| next.seq);
        Ok(Some(Victim { page, known_end, next_seq }))
    }

    /// Makes the medium larger when more than half of it is live, but never beyond twice of what is live. A full disk is no reason to fail: there is another way.
    fn grow(&mut self) -> bool {
        let Geometry { sector_len, sectors, .. } = self.medium.geometry();
        let grown = (u64::from(sectors) + 1) * u64::from(sector_len);
        let wanted = self.usage.live_octets() * 2 >= grown;
        wanted && self.medium.grow().unwrap_or(false)
    }

    /// Writes the record beside the copies, and copies what is live in the oldest sector and is not replaced by it, and what is kept although the index
    /// does not know it any more. `false` when there is no room.
    fn fill(
        &mut self,
        head: &mut Head,
        filling: &Filling<'_>,
        window: &mut Window,
        index: &impl RecordIndex,
    ) -> Result<bool, JournalError<M::Error>> {
        let Filling { victim, beside, kept, dry } = filling;
        let mut fits = true;
        if let Some(record) = beside {
            fits = head.put(&mut self.medium, record, BEGINNING, *dry)?.is_some();
        }
        if let Some(Victim { page, known_end, .. }) = *victim {
            each_change(
                &mut self.medium,
                window,
                page,
                known_end,
                &mut |medium, place, said, _| {
                    let kept = kept.recorded(place);
                    if let Some(recorded) = kept.or_else(|| live(said, place, *beside, index)) {
                        let copy = Record::Change(with_end(said, recorded));
                        fits = fits && head.put(medium, &copy, BEGINNING, *dry)?.is_some();
                    }
                    Ok(())
                },
            )?;
        }
        Ok(fits)
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
        let emptied = victim.map(|Victim { page, known_end, .. }| (page, known_end));
        for (page, known_end) in [Some((into, all)), emptied].into_iter().flatten() {
            each_change(medium, &mut window, page, known_end, &mut |_, place, said, len| {
                let address = said.address();
                if page == into {
                    if matches!(said, Change::Forget { .. }) || known(said, index).is_some() {
                        usage.learn(index, said, place, len);
                    }
                } else if index.place(address) == Some(place) {
                    usage.keep(index, address, None);
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

/// What a sector is begun with.
struct Filling<'r> {
    victim: Option<Victim>,
    /// The pending record, if it is written here.
    beside: Option<&'r Record<'r>>,
    kept: Kept,
    /// Nothing is written: is there room?
    dry: bool,
}

/// What a change replaces that is not recorded yet: what stands at its address, and the address of the subnet that its client had before.
#[derive(Clone, Copy, Debug, Default)]
struct Kept([Option<Said>; 2]);

/// What the records say of an address, up to some record.
#[derive(Clone, Copy, Debug)]
struct Said {
    address: Ipv4Addr,
    place: Place,
    recorded: Recorded,
}

impl Kept {
    /// The next record says this.
    fn learn(
        &mut self,
        pending: &Change<'_>,
        change: &Change<'_>,
        place: Place,
        index: &impl RecordIndex,
    ) {
        let address = change.address();
        let key = client(change);
        let is_client = |other: Option<&ClientKey>, at| {
            key.is_some() && key == other && index.is_one_subnet(address, at)
        };
        let wanted = [address == pending.address(), is_client(client(pending), pending.address())];
        for (kept, wanted) in self.0.iter_mut().zip(wanted) {
            if let Some(said) = kept
                && (said.address == address || is_client(said.recorded.key.as_ref(), said.address))
            {
                match *change {
                    Change::Extend { until, .. } => said.recorded.until = until,
                    Change::Release { .. } => {
                        said.recorded.until = Timestamp::default();
                        said.recorded.pinned = false;
                    }
                    // An address has one client, and a client one address of a subnet: what was said before of either is over.
                    Change::Bind { .. } | Change::Quarantine { .. } | Change::Forget { .. } => {
                        *kept = None;
                    }
                }
            }
            if let Some((until, pinned)) = end(change)
                && wanted
            {
                let recorded = Recorded { key: key.copied(), until, pinned };
                *kept = Some(Said { address, place, recorded });
            }
        }
    }

    /// What the record there is to say, if it is one of those that are kept.
    fn recorded(&self, place: Place) -> Option<Recorded> {
        let mut kept = self.0.iter().flatten();
        kept.find(|said| said.place == place).map(|said| said.recorded)
    }
}

/// What is done with a change of a sector: where its record begins, and how long that is.
type Visit<'v, M> =
    dyn FnMut(&mut M, Place, &Change<'_>, u32) -> Result<(), <M as Medium>::Error> + 'v;

/// Shows every change of a sector to `visit`.
fn each_change<M: Medium>(
    medium: &mut M,
    window: &mut Window,
    page: Page,
    known_end: u32,
    visit: &mut Visit<'_, M>,
) -> Result<(), M::Error> {
    let layout = Layout::of(medium);
    walk(medium, window, page, known_end, &mut |medium, batch| {
        for (at, decoded) in batch {
            if let Record::Change(change) = &decoded.record {
                visit(medium, layout.place(page.sector, *at), change, octets_of(decoded))?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// The client that a record says has the address.
const fn client<'c>(change: &'c Change<'_>) -> Option<&'c ClientKey> {
    match change {
        Change::Bind { key, .. } => Some(key),
        Change::Quarantine { .. }
        | Change::Extend { .. }
        | Change::Release { .. }
        | Change::Forget { .. } => None,
    }
}

/// The end that a full record says, and whether the address is pinned.
const fn end(change: &Change<'_>) -> Option<(Timestamp, bool)> {
    match *change {
        Change::Bind { until, pinned, .. } => Some((until, pinned)),
        Change::Quarantine { until, .. } => Some((until, false)),
        Change::Extend { .. } | Change::Release { .. } | Change::Forget { .. } => None,
    }
}

/// The change, if it replaces what was said of its address.
fn replacing<'r, 'a>(record: &'r Record<'a>) -> Option<&'r Change<'a>> {
    match record {
        Record::Change(Change::Extend { .. } | Change::Release { .. })
        | Record::Time(_)
        | Record::Begin(_)
        | Record::Skip => None,
        Record::Change(change) => Some(change),
    }
}

/// What the index has of the address, if the full record says that, and not only the medium until a pending change is recorded.
fn known(change: &Change<'_>, index: &impl RecordIndex) -> Option<Recorded> {
    let recorded = index.recorded(change.address());
    recorded.filter(|recorded| recorded.key.as_ref() == client(change))
}

/// The full record with another end, whatever it said itself.
fn with_end<'a>(change: &Change<'a>, recorded: Recorded) -> Change<'a> {
    let mut changed = *change;
    match &mut changed {
        Change::Bind { until, pinned, .. } => {
            (*until, *pinned) = (recorded.until, recorded.pinned);
        }
        Change::Quarantine { until, .. } => *until = recorded.until,
        Change::Extend { .. } | Change::Release { .. } | Change::Forget { .. } => {}
    }
    changed
}

/// What a copy of the full record at `place` is to say; `None` when it says nothing that still holds, or that is replaced by the pending record
/// beside it.
fn live(
    change: &Change<'_>,
    place: Place,
    beside: Option<&Record<'_>>,
    index: &impl RecordIndex,
) -> Option<Recorded> {
    let address = change.address();
    let replaced = beside.and_then(replacing).is_some_and(|beside| beside.address() == address);
    // Nothing but a full record has a place.
    if replaced || index.place(address) != Some(place) {
        return None;
    }
    known(change, index)
}
