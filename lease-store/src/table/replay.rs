//! What do a journal's changes come to, where are the records, and what becomes of the leases when the configuration changes?

use core::hint::black_box;
use core::net::Ipv4Addr;

use dhcp_core::server::book::Change;
use dhcp_core::time::Timestamp;

use super::index::Own;
use super::{LeaseTable, Store, list};
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
        self.set_slot_place(slot, place)
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

    fn is_one_subnet(&self, one: Ipv4Addr, other: Ipv4Addr) -> bool {
        let of = |address| self.find(address).map(|(_, subnet)| subnet);
        of(one).is_some_and(|subnet| of(other) == Some(subnet))
    }
}

impl<S: Store> Replay for LeaseTable<S> {
    fn replay(&mut self, change: &Change<'_>) {
        let Some((slot, subnet)) = self.find(change.address()) else { return };
        // Where the record is, the journal says by itself.
        let place = self.slot(slot).place();
        match *change {
            Change::Bind { key, hardware, until, pinned, .. } => {
                let own = self.own(subnet, &key, UNKNOWN);
                for other in own.others(slot) {
                    self.dissolve(other, UNKNOWN);
                }
                self.unlink(slot);
                self.leave(slot, State::Nobodys, UNKNOWN);
                self.enter(slot, &key, &hardware, own.home);
                let bound = self.slot_mut(slot);
                bound.set_state(State::Bound);
                bound.set_pinned(pinned);
                bound.until = until;
                bound.set_promise(Some(until));
                self.link(slot);
            }
            Change::Extend { until, .. } => {
                if self.slot(slot).state() == State::Bound {
                    self.wheel.set_until(self.storage.columns_mut().slots, slot, until);
                    self.slot_mut(slot).set_promise(Some(until));
                }
            }
            Change::Release { .. } => {
                if self.slot(slot).state() == State::Bound {
                    self.unlink(slot);
                    let released = self.slot_mut(slot);
                    released.set_state(State::Idle);
                    released.set_pinned(false);
                    released.set_promise(None);
                    // When it was is not recorded; it is in the past.
                    released.until = Timestamp::default();
                    self.link(slot);
                }
            }
            Change::Quarantine { until, .. } => self.quarantine_slot(slot, until, UNKNOWN),
            Change::Forget { .. } => self.forget_slot(slot, UNKNOWN),
        }
        if self.slot(slot).place() != place {
            self.set_slot_place(slot, place);
        }
    }

    fn expect<'c>(&self, changes: impl Iterator<Item = &'c Change<'c>>) {
        let mut seen = 0;
        for change in changes {
            let Some((number, subnet)) = self.find(change.address()) else { continue };
            let slot = self.slot(number);
            // A slot may begin in one line of a cache and end in the next. No branch depends on what is fetched, so that the next fetch need not wait.
            seen ^= slot.until.as_secs() as usize ^ usize::from(slot.list);
            if let Change::Bind { key, .. } = change {
                seen ^= self.bucket_of(subnet, key);
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
        for pool in old.pools() {
            for slot in list::iter(old.slots(), pool.idle) {
                self.adopt_slot(old.address_of(slot), old.slot(slot));
            }
        }
        for (number, slot) in old.slots().iter().enumerate() {
            if slot.state() != State::Fresh && slot.list != list::IDLE_LIST {
                self.adopt_slot(old.address_of(number), slot);
            }
        }
    }

    fn adopt_slot<J: Index>(&mut self, address: Ipv4Addr, old: &Slot<J>) {
        let Some((number, subnet)) = self.find(address) else { return };
        let own =
            if old.state().has_client() { self.own(subnet, old.key(), UNKNOWN) } else { Own::NONE };
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
        self.set_slot_place(number, old.place().filter(|_| state == old.state()));
        self.link(number);
    }

    /// What the slot's state becomes here, where the client has `own` already. Two subnets that became one may both have known the client,
    /// which has one lease now: the one that ends last.
    fn state_for<J: Index>(&mut self, old: &Slot<J>, own: Own<S::Index>) -> State {
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
