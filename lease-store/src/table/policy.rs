//! Which address does a client get? Reserved, current, previous, requested, fresh, idle for longest; and what a grant means for the journal.

use core::net::Ipv4Addr;

use dhcp_core::id::{ClientId, ClientKey, HardwareAddr, InstallationKey};
use dhcp_core::server::book::{Ask, Entry, Grant, Granted, Holding, LeaseBook, Seen, Unavailable};
use dhcp_core::server::config::SubnetIndex;
use dhcp_core::time::Timestamp;

use super::index::Own;
use super::{LeaseTable, Store, entry, holding, list, no_slot};
use crate::container::Container;
use crate::lease::{Index, Slot, State};

/// How many steps of the wheel an offer makes to find an address that is over and not yet swept, when there is no other.
const STEPS_FOR_AN_OFFER: usize = 32;

/// Whether the client could have the address, as far as others go.
fn free_for<I: Index>(slot: &Slot<I>, key: &ClientKey, now: Timestamp) -> Result<(), Unavailable> {
    let own = slot.key() == key;
    match slot.state_at(now) {
        State::Quarantined => Err(Unavailable::Quarantined),
        State::Offered | State::Bound if !own => Err(Unavailable::Taken),
        State::Idle if slot.is_pinned() && !own => Err(Unavailable::Taken),
        State::Fresh | State::Offered | State::Bound | State::Idle | State::Nobodys => Ok(()),
    }
}

impl<S: Store> LeaseTable<S> {
    /// What counts of a client's slots: a lease, else an offer, else what it had last.
    #[inline]
    fn current(&self, own: &Own<S::Index>, now: Timestamp) -> Option<usize> {
        match (own.lease(), own.offer()) {
            (Some(lease), Some(offer)) => Some(self.current_of(lease, offer, now)),
            (lease, offer) => lease.or(offer),
        }
    }

    /// As [`Self::current`], of what hardly any client has: both.
    #[cold]
    #[inline(never)]
    fn current_of(&self, lease: usize, offer: usize, now: Timestamp) -> usize {
        let is = |slot, state| self.slot(slot).state_at(now) == state;
        let counts = !is(lease, State::Bound) && is(offer, State::Offered);
        if counts { offer } else { lease }
    }

    /// `own` is as [`Self::own_now`] says.
    fn choose(&self, ask: &Ask<'_>, own: &Own<S::Index>) -> Result<Option<usize>, Unavailable> {
        let Ask { subnet, key, now, .. } = *ask;
        if let Some(address) = ask.reserved {
            let found = self.find(address).filter(|(_, of)| *of == subnet);
            let (slot, _) = found.ok_or(Unavailable::NotOurs)?;
            free_for(self.slot(slot), key, now)?;
            return Ok(Some(slot));
        }
        // What is the client's, it can have.
        let open = |slot: &usize| !self.slot(*slot).is_reserved();
        let current = self.current(own, now).filter(open);
        if let Some(slot) = current.or_else(|| own.offer().filter(open)) {
            return Ok(Some(slot));
        }
        let requested = ask.requested.and_then(|address| self.find(address));
        let requested = requested.filter(|(_, of)| *of == subnet).map(|(slot, _)| slot);
        let requested = requested.filter(open);
        if let Some(slot) = requested.filter(|slot| free_for(self.slot(*slot), key, now).is_ok()) {
            return Ok(Some(slot));
        }
        let pool = self.pool(subnet).ok_or(Unavailable::NotOurs)?;
        let fresh = self.fresh_from(pool, pool.first.get());
        Ok(fresh.or_else(|| (pool.idle != S::Index::NONE).then(|| pool.idle.get())))
    }

    /// What the client has, is offered or had last, after what is over has come to its end; `own` is what was found before.
    #[inline]
    fn own_now(
        &mut self,
        own: Own<S::Index>,
        subnet: SubnetIndex,
        key: &ClientKey,
        now: Timestamp,
    ) -> Own<S::Index> {
        if own.over { self.end_own(&own, subnet, key, now) } else { own }
    }

    #[inline(never)]
    fn end_own(
        &mut self,
        own: &Own<S::Index>,
        subnet: SubnetIndex,
        key: &ClientKey,
        now: Timestamp,
    ) -> Own<S::Index> {
        for slot in [own.lease(), own.offer()].into_iter().flatten() {
            if self.slot(slot).is_over(now) {
                self.unlink(slot);
                self.end(slot, now);
            }
        }
        self.own(subnet, key, now)
    }

    fn offer_slot(&mut self, ask: &Ask<'_>, found: Own<S::Index>) -> Result<usize, Unavailable> {
        let Ask { subnet, key, now, .. } = *ask;
        let mut own = self.own_now(found, subnet, key, now);
        let slot = match self.choose(ask, &own)? {
            Some(slot) => slot,
            None => {
                self.sweep_slots(now, STEPS_FOR_AN_OFFER);
                // The sweep may have ended what the client had before.
                own = self.own(subnet, key, now);
                let pool = self.pool(subnet).ok_or(Unavailable::NotOurs)?;
                if pool.idle == S::Index::NONE {
                    return Err(Unavailable::Exhausted);
                }
                pool.idle.get()
            }
        };
        let is_own = own.has(slot);
        let chosen = self.slot(slot);
        assert!(!is_own || chosen.key() == key, "what was found is the client's");
        if is_own && chosen.state() == State::Bound {
            // A lease that is about to end is held for as long as any offer.
            if chosen.until < ask.hold_until {
                self.wheel.set_until(self.storage.columns_mut().slots, slot, ask.hold_until);
            }
            return Ok(slot);
        }
        if let Some(old) = own.offer().filter(|old| *old != slot) {
            if self.slot(old).is_pinned() {
                // It had that address before it was offered it again, and has it still.
                self.idle(old, now);
                own.set_lease(old);
            } else {
                self.part_with(old, now);
            }
        }
        self.unlink(slot);
        if is_own {
            self.set_client(slot, key, ask.hardware);
        } else {
            self.take(slot, key, ask.hardware, own.home, now);
            if let Some(lease) = own.lease() {
                self.slot_mut(lease).set_twin(true);
                self.slot_mut(slot).set_twin(true);
            }
        }
        let offered = self.slot_mut(slot);
        offered.set_state(State::Offered);
        offered.set_promise(None);
        offered.until = ask.hold_until;
        self.wheel.link(self.storage.columns_mut().slots, slot);
        Ok(slot)
    }

    /// Whoever had the slot last has no more to do with it; it is the client's now.
    #[inline]
    fn take(
        &mut self,
        slot: usize,
        key: &ClientKey,
        hardware: &HardwareAddr,
        home: usize,
        now: Timestamp,
    ) {
        let before = self.slot(slot);
        if before.state() != State::Fresh || before.place().is_some() {
            self.leave(slot, State::Nobodys, now);
        }
        self.enter(slot, key, hardware, home);
    }

    /// The client has another address now; this one is nobody's.
    fn part_with(&mut self, slot: usize, now: Timestamp) {
        self.dissolve(slot, now);
        let left = self.slot_mut(slot);
        left.until = left.until.min(now);
    }

    /// The address is nobody's; if it was idle, it keeps its turn.
    pub(super) fn dissolve(&mut self, slot: usize, now: Timestamp) {
        let stays = self.slot(slot).list == list::IDLE_LIST;
        if !stays {
            self.unlink(slot);
        }
        self.leave(slot, State::Nobodys, now);
        if !stays {
            self.link(slot);
        }
    }

    /// The slot becomes the client's, who has no other beside it. If it was not, or if that was over, it is in no list then.
    // Seldom needed, and not to be in the way of what is.
    #[inline(never)]
    fn make_own(
        &mut self,
        slot: usize,
        subnet: SubnetIndex,
        grant: &Grant<'_>,
    ) -> Result<(), Unavailable> {
        let Grant { key, hardware, now, .. } = *grant;
        free_for(self.slot(slot), key, now)?;
        let own = self.own(subnet, key, now);
        let own = self.own_now(own, subnet, key, now);
        let living = self.slot(slot).is_living(key, now);
        for other in own.others(slot) {
            self.part_with(other, now);
        }
        if !living {
            self.unlink(slot);
        }
        if !own.has(slot) {
            self.take(slot, key, hardware, own.home, now);
        }
        Ok(())
    }

    fn release_slot(&mut self, slot: usize, now: Timestamp) {
        let released = self.slot(slot);
        if released.state() == State::Offered && released.is_twin() {
            // It has or had another address, which counts more than what it was offered.
            self.part_with(slot, now);
            return;
        }
        if released.state() == State::Idle && !released.is_pinned() {
            return;
        }
        self.slot_mut(slot).set_pinned(false);
        self.idle(slot, now);
    }

    /// The lease or offer ends before its time; its client is remembered.
    fn idle(&mut self, slot: usize, now: Timestamp) {
        self.unlink(slot);
        let ended = self.slot_mut(slot);
        ended.set_state(State::Idle);
        ended.set_promise(None);
        ended.until = ended.until.min(now);
        self.link(slot);
    }

    pub(super) fn quarantine_slot(&mut self, slot: usize, until: Timestamp, now: Timestamp) {
        self.unlink(slot);
        self.leave(slot, State::Quarantined, now);
        self.slot_mut(slot).until = until;
        self.link(slot);
    }

    /// Binds the slot, which is the client's, and its only one; `living`: it was offered to the client or bound before.
    fn bind(&mut self, number: usize, living: bool, grant: &Grant<'_>) -> Granted {
        let Self { storage, seed, wheel, .. } = self;
        let slots = storage.columns_mut().slots;
        let slot = slots.get_mut(number).unwrap_or_else(|| no_slot());
        let same_client = living && slot.is_hardware(grant.hardware, seed);
        let bound = living && slot.state() == State::Bound;
        let same = same_client && bound && slot.is_pinned() == grant.pinned;
        let promise = slot.promise().filter(|_| same);
        // After a restart, a lease that was promised for ever would never end: the new end is recorded.
        let shortened = promise == Some(Timestamp::NEVER) && grant.until != Timestamp::NEVER;
        let granted = match promise {
            Some(promise) if promise >= grant.until && !shortened => Granted::Covered,
            Some(_) => Granted::Extend,
            None => Granted::Bind,
        };
        // An acknowledgement that waits for its record may never leave. Until it did, the client goes by the one before.
        let told = bound && (granted == Granted::Bind || shortened);
        let until = if told { grant.until.max(slot.until) } else { grant.until };
        if !same_client {
            slot.set_client(grant.key, grant.hardware, seed);
        }
        slot.set_state(State::Bound);
        slot.set_pinned(grant.pinned);
        if granted != Granted::Covered {
            slot.set_promise(Some(grant.promise));
        }
        if living {
            wheel.set_until(slots, number, until);
        } else {
            slot.until = until;
            wheel.link(slots, number);
        }
        granted
    }
}

impl<S: Store> LeaseBook for LeaseTable<S> {
    type Found = Own<S::Index>;
    type Spot = (usize, SubnetIndex);

    fn search(
        &self,
        subnet: SubnetIndex,
        key: &ClientKey,
        now: Timestamp,
    ) -> (Option<Holding>, Self::Found) {
        let own = self.own(subnet, key, now);
        let held = self.current(&own, now).map(|number| {
            let slot = self.slot(number);
            holding(slot, self.address_of(number), subnet, slot.state_at(now))
        });
        (held, own)
    }

    fn entry_at(&self, address: Ipv4Addr, now: Timestamp) -> Option<Entry> {
        let (number, subnet) = self.find(address)?;
        Some(entry(self.slot(number), address, subnet, now))
    }

    fn look(
        &self,
        address: Ipv4Addr,
        key: &ClientKey,
        now: Timestamp,
    ) -> Option<(Seen, Self::Spot)> {
        let (number, subnet) = self.find(address)?;
        let slot = self.slot(number);
        let state = slot.state_at(now);
        let holding = holding(slot, address, subnet, state);
        let own = state.has_client() && slot.key() == key;
        Some((Seen { holding, until: slot.until, own }, (number, subnet)))
    }

    fn offer(&mut self, ask: &Ask<'_>) -> Result<Holding, Unavailable> {
        let own = self.own(ask.subnet, ask.key, ask.now);
        self.offer_found(ask, own)
    }

    fn offer_found(&mut self, ask: &Ask<'_>, found: Self::Found) -> Result<Holding, Unavailable> {
        let number = self.offer_slot(ask, found)?;
        let slot = self.slot(number);
        Ok(holding(slot, self.address_of(number), ask.subnet, slot.state()))
    }

    fn grant(&mut self, grant: &Grant<'_>) -> Result<Granted, Unavailable> {
        let spot = self.find(grant.address).ok_or(Unavailable::NotOurs)?;
        self.grant_at(spot, grant)
    }

    fn grant_at(&mut self, spot: Self::Spot, grant: &Grant<'_>) -> Result<Granted, Unavailable> {
        let (number, subnet) = spot;
        debug_assert!(
            self.find(grant.address) == Some(spot),
            "the address is where it was looked at"
        );
        let slot = self.slot(number);
        let living = slot.is_living(grant.key, grant.now);
        // Nearly always the address is the client's own, and the only one: then nothing has to be looked for.
        if !living || slot.is_twin() {
            self.make_own(number, subnet, grant)?;
        }
        Ok(self.bind(number, living, grant))
    }

    fn release(&mut self, address: Ipv4Addr, key: &ClientKey, now: Timestamp) -> bool {
        let Some((slot, _)) = self.find(address) else { return false };
        let found = self.slot(slot);
        let own = found.state_at(now).has_client() && found.key() == key;
        if own {
            self.release_slot(slot, now);
        }
        own
    }

    fn quarantine(&mut self, address: Ipv4Addr, until: Timestamp, now: Timestamp) -> bool {
        let Some((slot, _)) = self.find(address) else { return false };
        self.quarantine_slot(slot, until, now);
        true
    }

    fn forget_promise(&mut self, address: Ipv4Addr) {
        if let Some((slot, _)) = self.find(address) {
            self.slot_mut(slot).set_promise(None);
        }
    }

    fn candidates(&self, subnet: SubnetIndex, _now: Timestamp, next: &mut [Ipv4Addr]) -> usize {
        let Some(pool) = self.pool(subnet) else { return 0 };
        let mut from = pool.first.get();
        let fresh = core::iter::from_fn(|| {
            let slot = self.fresh_from(pool, from)?;
            from = slot + 1;
            Some(slot)
        });
        let in_order = fresh.chain(list::iter(self.storage.columns().slots, pool.idle));
        let places = next.iter_mut().zip(in_order);
        places.map(|(place, slot)| *place = self.address_of(slot)).count()
    }

    fn room(&self, subnet: SubnetIndex) -> (u32, u32) {
        let count = |index: S::Index| u32::try_from(index.get()).unwrap_or(u32::MAX);
        self.pool(subnet).map_or((0, 0), |pool| (count(pool.free), count(pool.open)))
    }

    fn name_in<'i>(&self, installation: &InstallationKey, id: ClientId<'i>) -> Option<&'i [u8]> {
        Container::read_client_id(installation, id).map(|(_, name)| name)
    }

    fn sweep(&mut self, now: Timestamp, budget: usize) -> bool {
        self.sweep_slots(now, budget)
    }
}
