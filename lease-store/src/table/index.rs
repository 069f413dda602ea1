//! Which slots are a client's? Buckets with open addressing, found by a seeded hash of subnet and key.
//!
//! A bucket holds a slot's number, and the slot holds the key. At most half of the buckets are in use, so a search ends soon, in a full pool too; removing
//! moves those behind it up, so there are no tombstones to clear away. Clients stay in it after the end of their leases.

use dhcp_core::id::{ClientKey, HardwareAddr};
use dhcp_core::server::config::SubnetIndex;
use dhcp_core::time::Timestamp;

use super::{LeaseTable, Store, no_slot, span};
use crate::lease::{Index, State};

/// A client's slots in one subnet: what a search found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own<I> {
    lease: I,
    offer: I,
    /// Whether one of them is over and not yet swept.
    pub(super) over: bool,
    /// The first bucket that its slots may be found in.
    pub(super) home: usize,
}

impl<I: Index> Own<I> {
    /// Nothing.
    pub(super) const NONE: Self = Self { lease: I::NONE, offer: I::NONE, over: false, home: 0 };

    /// What it has or had last.
    pub(super) fn lease(&self) -> Option<usize> {
        (self.lease != I::NONE).then(|| self.lease.get())
    }

    /// What it is offered.
    pub(super) fn offer(&self) -> Option<usize> {
        (self.offer != I::NONE).then(|| self.offer.get())
    }

    pub(super) fn set_lease(&mut self, slot: usize) {
        self.lease = I::new(slot);
    }

    pub(super) fn has(&self, slot: usize) -> bool {
        self.lease() == Some(slot) || self.offer() == Some(slot)
    }

    /// What it has beside this slot.
    pub(super) fn others(&self, slot: usize) -> impl Iterator<Item = usize> + use<I> {
        let both = [self.lease(), self.offer()].into_iter().flatten();
        both.filter(move |other| *other != slot)
    }
}

// As `no_slot` in `table.rs`.
#[cold]
#[inline(never)]
fn no_bucket() -> ! {
    panic!("buckets are counted by the table")
}

impl<S: Store> LeaseTable<S> {
    /// The bucket that a search for the client begins with.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the product shifted is below the bucket count"
    )]
    fn home(&self, subnet: SubnetIndex, key: &ClientKey) -> usize {
        let hash = u64::from(self.seed.hash_client(subnet.0, key));
        ((hash * self.storage.columns().buckets.len() as u64) >> 32) as usize
    }

    /// What is in a bucket.
    fn bucket(&self, place: usize) -> S::Index {
        *self.storage.columns().buckets.get(place).unwrap_or_else(|| no_bucket())
    }

    fn set_bucket(&mut self, place: usize, slot: S::Index) {
        *self.storage.columns_mut().buckets.get_mut(place).unwrap_or_else(|| no_bucket()) = slot;
    }

    /// The place behind one; behind the last is the first.
    fn behind(&self, place: usize) -> usize {
        if place + 1 == self.storage.columns().buckets.len() { 0 } else { place + 1 }
    }

    /// What is in the bucket that a search for the client begins with.
    pub(super) fn bucket_of(&self, subnet: SubnetIndex, key: &ClientKey) -> usize {
        let home = self.home(subnet, key);
        self.storage.columns().buckets.get(home).map_or(0, |slot| slot.get())
    }

    /// What the client has, is offered or had last in the subnet; what is over by `now` counts as it stood before.
    pub(super) fn own(
        &self,
        subnet: SubnetIndex,
        key: &ClientKey,
        now: Timestamp,
    ) -> Own<S::Index> {
        let mut own = Own::NONE;
        let Some(pool) = self.pool(subnet) else { return own };
        let of_pool = pool.first.get()..pool.end.get();
        own.home = self.home(subnet, key);
        // Free buckets are not rare, so this ends.
        let mut place = own.home;
        loop {
            let number = self.bucket(place);
            if number == S::Index::NONE {
                break;
            }
            place = self.behind(place);
            let slot = self.slot(number.get());
            if !of_pool.contains(&number.get()) || slot.key() != key {
                continue;
            }
            own.over |= slot.is_over(now);
            match slot.state() {
                State::Offered => own.offer = number,
                State::Bound | State::Idle => own.lease = number,
                State::Fresh | State::Nobodys | State::Quarantined => {
                    unreachable!("only slots that have a client are in the index")
                }
            }
            if !slot.is_twin() || (own.lease().is_some() && own.offer().is_some()) {
                break;
            }
        }
        own
    }

    /// Gives the slot a client that it does not have yet, and whose [`Own::home`] is known. The slot's state follows.
    pub(super) fn enter(
        &mut self,
        number: usize,
        key: &ClientKey,
        hardware: &HardwareAddr,
        home: usize,
    ) {
        assert!(!self.slot(number).state().has_client(), "a slot has one client");
        self.set_client(number, key, hardware);
        self.enter_from(home, number);
    }

    pub(super) fn set_client(&mut self, number: usize, key: &ClientKey, hardware: &HardwareAddr) {
        let slots = self.storage.columns_mut().slots;
        let slot = slots.get_mut(number).unwrap_or_else(|| no_slot());
        slot.set_client(key, hardware, &self.seed);
    }

    /// Puts the slot into the index, under the key that it has.
    pub(super) fn enter_index(&mut self, number: usize) {
        let key = *self.slot(number).key();
        let subnet = span::subnet_of(self.pools(), number);
        self.enter_from(self.home(subnet, &key), number);
    }

    fn enter_from(&mut self, from: usize, number: usize) {
        // Free buckets are not rare, so this ends.
        let mut place = from;
        while self.bucket(place) != S::Index::NONE {
            place = self.behind(place);
        }
        self.set_bucket(place, S::Index::new(number));
    }

    /// The slot's client, if it has one, has no more to do with it; its state is `after`, which has no client.
    pub(super) fn leave(&mut self, number: usize, after: State, now: Timestamp) {
        assert!(!after.has_client(), "whoever leaves is not in the state that follows");
        let slot = self.slot(number);
        if slot.state().has_client() {
            let (key, is_twin) = (*slot.key(), slot.is_twin());
            let subnet = span::subnet_of(self.pools(), number);
            if is_twin {
                let other = self.own(subnet, &key, now).others(number).next();
                self.leave_twin(other.expect("the twin's other slot is in the index"), now);
            }
            self.leave_index(number, subnet, &key);
        }
        self.set_slot_place(number, None);
        let slot = self.slot_mut(number);
        slot.clear_client();
        slot.set_state(after);
    }

    /// The client's other slot leaves. An offer that is over already was its client's second address, and is nobody's, swept or not.
    fn leave_twin(&mut self, number: usize, now: Timestamp) {
        let slot = self.slot(number);
        let over = slot.state() == State::Offered && slot.is_over(now);
        self.slot_mut(number).set_twin(false);
        if over {
            self.unlink(number);
            self.leave(number, State::Nobodys, now);
            self.link(number);
        }
    }

    fn leave_index(&mut self, number: usize, subnet: SubnetIndex, key: &ClientKey) {
        let mut hole = self.home(subnet, key);
        while self.bucket(hole) != S::Index::new(number) {
            assert!(self.bucket(hole) != S::Index::NONE, "who has a slot is in the index");
            hole = self.behind(hole);
        }
        let len = self.storage.columns().buckets.len();
        let distance =
            |from: usize, to: usize| if to >= from { to - from } else { to + len - from };
        let mut place = hole;
        loop {
            place = self.behind(place);
            let slot = self.bucket(place);
            if slot == S::Index::NONE {
                break;
            }
            let of = span::subnet_of(self.pools(), slot.get());
            let home = self.home(of, self.slot(slot.get()).key());
            // It may move up to the hole unless its home is behind that.
            if distance(home, place) >= distance(hole, place) {
                self.set_bucket(hole, slot);
                hole = place;
            }
        }
        self.set_bucket(hole, S::Index::NONE);
    }
}
