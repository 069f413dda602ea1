//! What do a journal's changes come to, where are the records, and what becomes of the leases when the configuration changes?

use core::hint::black_box;
use core::net::Ipv4Addr;

use dhcp_core::server::book::Change;
use dhcp_core::time::Timestamp;

use super::index::Own;
use super::{LeaseTable, Store, Work, list, span};
use crate::index::{Place, RecordIndex, Recorded, Replay};
use crate::lease::{Index, Slot, State};

/// What the time is, is not known: nothing is over yet.
const UNKNOWN: Timestamp = Timestamp::from_secs(0);

impl<S: Store> RecordIndex for LeaseTable<S> {
    fn place(&self, address: Ipv4Addr) -> Option<Place> {
        let (slot, _) = self.find(address)?;
        self.slot(slot).place()
    }

    fn set_place(&mut self, address: Ipv4Addr, place: Option<Place>) -> bool {
        let Some((slot, _)) = self.find(address) else { return false };
        self.work().set_place(slot, place)
    }

    fn places(&self) -> u32 {
        self.places
    }

    fn recorded(&self, address: Ipv4Addr) -> Option<Recorded> {
        let (slot, _) = self.find(address)?;
        let slot = self.slot(slot);
        let until = match slot.state() {
            // A record that nobody is sure of says at least what the client may have been told.
            State::Bound => slot.promise().map_or(slot.until, |promise| promise.max(slot.until)),
            State::Idle | State::Quarantined => slot.until,
            // The record is the same client's, who had the address before; what is only offered is not recorded.
            State::Offered if slot.place().is_some() => Timestamp::default(),
            State::Offered | State::Nobodys | State::Fresh => return None,
        };
        let key = slot.state().has_client().then(|| *slot.key());
        Some(Recorded { key, until, pinned: slot.is_pinned() })
    }
}

impl<S: Store> Replay for LeaseTable<S> {
    fn replay(&mut self, change: &Change<'_>) {
        let Some((slot, subnet)) = self.find(change.address()) else { return };
        let mut work = self.work();
        // Where the record is, the journal says by itself.
        let place = work.slot(slot).place();
        match *change {
            Change::Bind { key, hardware, until, pinned, .. } => {
                let own = work.view().own(subnet, &key, UNKNOWN);
                for other in own.others(slot) {
                    work.dissolve(other, UNKNOWN);
                }
                work.unlink(slot);
                work.leave(slot, State::Nobodys, UNKNOWN);
                work.enter(slot, &key, &hardware, own.home);
                let bound = work.slot_mut(slot);
                bound.set_state(State::Bound);
                bound.set_pinned(pinned);
                bound.until = until;
                bound.set_promise(Some(until));
                work.link(slot);
            }
            Change::Extend { until, .. } => {
                if work.slot(slot).state() == State::Bound {
                    work.wheel.set_until(work.slots, slot, until);
                    work.slot_mut(slot).set_promise(Some(until));
                }
            }
            Change::Release { .. } => {
                if work.slot(slot).state() == State::Bound {
                    work.unlink(slot);
                    let released = work.slot_mut(slot);
                    released.set_state(State::Idle);
                    released.set_pinned(false);
                    released.set_promise(None);
                    // When it was is not recorded; it is in the past.
                    released.until = Timestamp::default();
                    work.link(slot);
                }
            }
            Change::Quarantine { until, .. } => work.quarantine(slot, until, UNKNOWN),
            Change::Forget { .. } => work.forget(slot, UNKNOWN),
        }
        if work.slot(slot).place() != place {
            work.set_place(slot, place);
        }
    }

    fn expect<'c>(&self, changes: impl Iterator<Item = &'c Change<'c>>) {
        let view = self.view();
        let mut seen = 0;
        for change in changes {
            let found = span::find(view.spans, change.address());
            let Some((number, subnet)) = found else { continue };
            let slot = view.slot(number);
            // A slot may begin in one line of a cache and end in the next. No branch depends on what is fetched, so that the next fetch need not wait.
            seen ^= slot.until.as_secs() as usize ^ usize::from(slot.list);
            if let Change::Bind { key, .. } = change {
                seen ^= view.bucket_of(subnet, key);
            }
        }
        // What was seen does not matter, but it must have been looked at.
        black_box(seen);
    }
}

impl<S: Store> LeaseTable<S> {
    /// Takes over what an old table knows, after the configuration changed: leases, offers, quarantines, who had what last, and where the records
    /// are. What has no slot in this table is left out. This table is new.
    ///
    /// This takes time in proportion to the number of addresses of the old table.
    pub fn adopt<T: Store>(&mut self, old: &LeaseTable<T>) {
        let view = old.view();
        let mut work = self.work();
        for pool in view.pools {
            for slot in list::iter(view.slots, pool.idle) {
                work.adopt(span::address_of(view.spans, slot), view.slot(slot));
            }
        }
        for (number, slot) in view.slots.iter().enumerate() {
            if slot.state() != State::Fresh && slot.list != list::IDLE_LIST {
                work.adopt(span::address_of(view.spans, number), slot);
            }
        }
    }
}

impl<I: Index> Work<'_, I> {
    fn adopt<J: Index>(&mut self, address: Ipv4Addr, old: &Slot<J>) {
        let Some((number, subnet)) = span::find(self.spans, address) else { return };
        let own = if old.state().has_client() {
            self.view().own(subnet, old.key(), UNKNOWN)
        } else {
            Own::NONE
        };
        let state = self.state_for(old, own);
        self.unlink(number);
        let slot = self.slot_mut(number);
        slot.until = old.until;
        slot.set_state(state);
        if state.has_client() {
            slot.copy_client(old);
            slot.set_pinned(old.is_pinned());
            slot.set_promise(old.promise());
            self.enter_index(number);
            // What the client has beside it, which came before.
            let other = if state == State::Offered { own.lease() } else { own.offer() };
            if let Some(other) = other {
                self.slot_mut(other).set_twin(true);
                self.slot_mut(number).set_twin(true);
            }
        }
        self.set_place(number, old.place().filter(|_| state == old.state()));
        self.link(number);
    }

    /// What the slot's state becomes here, where the client has `own` already. Two subnets that became one may both have known the client,
    /// which has one lease now: the one that ends last.
    fn state_for<J: Index>(&mut self, old: &Slot<J>, own: Own<I>) -> State {
        let state = old.state();
        let rival = if state == State::Offered { own.offer() } else { own.lease() };
        let Some(rival) = rival else { return state };
        let weight = |state, until| (state == State::Bound, until);
        let before = self.slot(rival);
        if weight(before.state(), before.until) >= weight(state, old.until) {
            return State::Nobodys;
        }
        self.dissolve(rival, UNKNOWN);
        state
    }
}
