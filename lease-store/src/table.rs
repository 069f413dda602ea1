//! Which address is whose? One slot an address; every operation costs the same at any occupancy.
//!
//! An address finds its slot by a binary search over the runs of addresses (`table/span.rs`, made by `table/layout.rs`), a client by an index with open addressing
//! (`table/index.rs`). Addresses that nobody ever had are bits in a hierarchical bitmap (`table/free.rs`); those that are nobody's now are in a list for each
//! subnet, least recently used first (`table/list.rs`); offers, leases and quarantines are in a wheel by their ends (`table/expiry.rs`). What is chosen and
//! granted is in `table/policy.rs`; what a journal's changes come to, in `table/replay.rs`.
//!
//! A client has at most one address in a subnet that it has, is offered or had last; only while it is offered its reserved address it keeps
//! another beside it. An address that a client left for another is nobody's.

mod check;
mod expiry;
mod free;
pub(crate) mod hash;
mod index;
mod layout;
pub(crate) mod list;
mod policy;
mod prolong;
mod replay;
mod span;
mod storage;
#[cfg(test)]
mod tests;

use core::net::Ipv4Addr;

use dhcp_core::server::book::{Entry, Holding, Standing};
use dhcp_core::server::config::{ServerConfig, SubnetIndex};
use dhcp_core::time::Timestamp;

use self::expiry::{Step, Wheel};
use self::hash::Seed;
pub use self::index::Own;
use self::layout::Used;
pub use self::span::{Pool, Span};
pub use self::storage::{
    ArrayStorage, Column, Columns, ColumnsMut, Sizes, SliceStorage, Storage, Store, TableError,
};
use crate::index::Place;
use crate::lease::{Index, Slot, State};

/// The leases of a server, in memory of the caller's. It is the [`LeaseBook`](dhcp_core::server::book::LeaseBook) of the server, and tells the
/// journal where records are ([`RecordIndex`](crate::index::RecordIndex)).
#[derive(Debug)]
pub struct LeaseTable<S: Store> {
    storage: S,
    used: Used,
    seed: Seed,
    wheel: Wheel<S::Index>,
    /// Slots that have the place of a record.
    places: u32,
}

/// How many addresses stand where, all subnets together. What is over and not yet swept counts as it stood before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Census {
    /// Nobody ever had them.
    pub fresh: usize,
    /// Nobody's now.
    pub idle: usize,
    /// Held for clients.
    pub offered: usize,
    /// Leased.
    pub bound: usize,
    /// In use by others than our clients.
    pub quarantined: usize,
}

impl<S: Store> LeaseTable<S> {
    /// A table for the addresses of the configuration, which nobody ever had. What was in the storage is overwritten.
    ///
    /// This takes time in proportion to the number of addresses.
    ///
    /// # Errors
    /// [`TableError`]; see [`Sizes::of`] for how much storage is enough.
    ///
    /// # Panics
    /// When the configuration has more than 65,535 subnets.
    pub fn new(config: &ServerConfig<'_>, mut storage: S) -> Result<Self, TableError> {
        let used = layout::build(config, &mut storage.columns_mut())?;
        Ok(Self::fresh(config, storage, used))
    }

    /// As [`LeaseTable::new`] for a configuration that [`image::read`](crate::image::read) gave: what there is to be cut out of a range and to be put beside it, was when
    /// the image was written, and what is left is a small part of a microcontroller's code. It is not for another configuration: exclusions are not looked at, and a
    /// reserved address outside of the ranges has no slot.
    ///
    /// This takes time in proportion to the number of addresses, and to the square of the number of ranges.
    ///
    /// # Errors
    /// [`TableError`].
    ///
    /// # Panics
    /// With debug assertions, when the configuration excludes addresses: it is not that of an image.
    #[cfg(feature = "image")]
    pub fn of_image(config: &ServerConfig<'_>, mut storage: S) -> Result<Self, TableError> {
        debug_assert!(
            config.subnets.iter().all(|subnet| subnet.excluded.is_empty()),
            "an image has no exclusions"
        );
        let used = layout::place(config, &mut storage.columns_mut())?;
        Ok(Self::fresh(config, storage, used))
    }

    fn fresh(config: &ServerConfig<'_>, storage: S, used: Used) -> Self {
        let seed = Seed::of(&config.installation);
        Self { storage, used, seed, wheel: Wheel::new(), places: 0 }
    }

    /// The runs of addresses of a subnet that have slots, in ascending order.
    #[cfg(feature = "image")]
    pub(crate) fn runs(&self, subnet: SubnetIndex) -> impl Iterator<Item = (Ipv4Addr, Ipv4Addr)> {
        self.pool(subnet).into_iter().flat_map(|pool| span::runs(self.spans(), pool))
    }

    /// How many addresses the table has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.used.slots
    }

    /// Whether the table has no address.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives the storage back.
    pub fn into_storage(self) -> S {
        self.storage
    }

    /// All addresses but those that nobody ever had, subnet by subnet in ascending order. This looks at every slot; it is for people.
    pub fn entries(&self, now: Timestamp) -> impl Iterator<Item = Entry> + '_ {
        let known =
            self.slots().iter().enumerate().filter(|(_, slot)| slot.state() != State::Fresh);
        known.map(move |(number, slot)| {
            let subnet = span::subnet_of(self.pools(), number);
            entry(slot, self.address_of(number), subnet, now)
        })
    }

    /// Counts the addresses by where they stand. This looks at every slot; it is for people.
    #[must_use]
    pub fn census(&self) -> Census {
        self.slots().iter().fold(Census::default(), |mut census, slot| {
            let count = match slot.state() {
                State::Fresh => &mut census.fresh,
                State::Idle | State::Nobodys => &mut census.idle,
                State::Offered => &mut census.offered,
                State::Bound => &mut census.bound,
                State::Quarantined => &mut census.quarantined,
            };
            *count += 1;
            census
        })
    }

    /// The address is forgotten, with its client, as if nobody ever had it; `false` when it has no slot. Whoever calls records a
    /// [`Change::Forget`](dhcp_core::server::book::Change::Forget).
    pub fn forget(&mut self, address: Ipv4Addr, now: Timestamp) -> bool {
        let Some((slot, _)) = self.find(address) else { return false };
        self.forget_slot(slot, now);
        true
    }

    // The storage may have room for more than is in use. Only buckets are all in use, and what is behind the words that are is never looked at.

    fn slots(&self) -> &[Slot<S::Index>] {
        let slots = self.storage.columns().slots;
        slots.get(..self.used.slots).unwrap_or_else(|| shorter())
    }

    fn spans(&self) -> &[Span<S::Index>] {
        let spans = self.storage.columns().spans;
        spans.get(..self.used.spans).unwrap_or_else(|| shorter())
    }

    fn pools(&self) -> &[Pool<S::Index>] {
        let pools = self.storage.columns().pools;
        pools.get(..self.used.pools).unwrap_or_else(|| shorter())
    }

    fn slot(&self, slot: usize) -> &Slot<S::Index> {
        self.storage.columns().slots.get(slot).unwrap_or_else(|| no_slot())
    }

    fn slot_mut(&mut self, slot: usize) -> &mut Slot<S::Index> {
        self.storage.columns_mut().slots.get_mut(slot).unwrap_or_else(|| no_slot())
    }

    fn pool(&self, subnet: SubnetIndex) -> Option<&Pool<S::Index>> {
        self.pools().get(usize::from(subnet.0))
    }

    /// The slots, and the pool of this one.
    fn slots_and_pool(&mut self, slot: usize) -> (&mut [Slot<S::Index>], &mut Pool<S::Index>) {
        let place = span::place_of(self.pools(), slot);
        let ColumnsMut { slots, pools, .. } = self.storage.columns_mut();
        (slots, pools.get_mut(place).unwrap_or_else(|| no_pool()))
    }

    /// The slot of an address, and its subnet.
    fn find(&self, address: Ipv4Addr) -> Option<(usize, SubnetIndex)> {
        span::find(self.spans(), address)
    }

    /// The lowest slot of the pool at `from` or above that nobody ever had and anybody may get.
    fn fresh_from(&self, pool: &Pool<S::Index>, from: usize) -> Option<usize> {
        let slot = free::next(self.storage.columns().words, self.used.slots, from)?;
        (slot < pool.end.get()).then_some(slot)
    }

    /// The address of a slot.
    fn address_of(&self, slot: usize) -> Ipv4Addr {
        span::address_of(self.spans(), slot)
    }

    /// Where the slot's record is; `false` when the place is beyond what a slot can hold.
    fn set_slot_place(&mut self, slot: usize, place: Option<Place>) -> bool {
        let before = self.slot(slot).place().is_some();
        let fits = self.slot_mut(slot).set_place(place);
        let after = self.slot(slot).place().is_some();
        self.places = self.places + u32::from(after) - u32::from(before);
        fits
    }

    /// Takes the slot out of the bitmap, the list or the wheel, wherever it is. Its state changes next.
    fn unlink(&mut self, slot: usize) {
        let taken = self.slot(slot);
        let is_fresh = taken.state() == State::Fresh && !taken.is_reserved();
        match taken.list {
            list::NO_LIST if is_fresh => {
                free::clear(self.storage.columns_mut().words, self.used.slots, slot);
                self.slots_and_pool(slot).1.count_free(false);
            }
            list::NO_LIST => {}
            list::IDLE_LIST => {
                let (slots, pool) = self.slots_and_pool(slot);
                list::unlink(slots, &mut pool.idle, slot);
                pool.count_free(false);
            }
            _ => self.wheel.unlink(self.storage.columns_mut().slots, slot),
        }
    }

    /// Puts the slot where its state belongs; it is nowhere yet.
    fn link(&mut self, slot: usize) {
        let linked = self.slot(slot);
        match linked.state() {
            State::Offered | State::Bound | State::Quarantined => {
                self.wheel.link(self.storage.columns_mut().slots, slot);
            }
            State::Idle | State::Nobodys if linked.is_open() => {
                let (slots, pool) = self.slots_and_pool(slot);
                list::push_back(slots, &mut pool.idle, list::IDLE_LIST, slot);
                pool.count_free(true);
            }
            State::Fresh if !linked.is_reserved() => {
                free::set(self.storage.columns_mut().words, self.used.slots, slot);
                self.slots_and_pool(slot).1.count_free(true);
            }
            State::Idle | State::Nobodys | State::Fresh => {}
        }
    }

    /// What is over, comes to its end: the wheel gave the slot out. Its last client is remembered, unless it has or had another address beside
    /// this one, which it was only offered.
    fn end(&mut self, slot: usize, now: Timestamp) {
        let over = self.slot_mut(slot);
        match over.state() {
            State::Offered if over.is_twin() => self.leave(slot, State::Nobodys, now),
            State::Offered | State::Bound => {
                over.set_state(State::Idle);
                over.set_promise(None);
            }
            State::Quarantined => over.set_state(State::Nobodys),
            State::Fresh | State::Idle | State::Nobodys => {
                unreachable!("only what ends by itself is in the wheel")
            }
        }
        self.link(slot);
    }

    /// Works on what is over, at most `budget` steps; `true` when they were not enough.
    fn sweep_slots(&mut self, now: Timestamp, budget: usize) -> bool {
        for _ in 0..budget {
            match self.wheel.step(self.storage.columns_mut().slots, now) {
                Step::Over(slot) => self.end(slot, now),
                Step::Moved => {}
                Step::Rest => return false,
            }
        }
        true
    }

    fn forget_slot(&mut self, slot: usize, now: Timestamp) {
        self.unlink(slot);
        self.leave(slot, State::Fresh, now);
        self.slot_mut(slot).until = Timestamp::default();
        self.link(slot);
    }
}

#[cold]
#[inline(never)]
fn shorter() -> ! {
    panic!("the storage's columns do not become shorter")
}

/// A function, since slots are looked up everywhere, and a call without arguments is less of a microcontroller's code than one with a text and a place.
#[cold]
#[inline(never)]
fn no_slot() -> ! {
    panic!("slots are numbered by the table")
}

#[cold]
#[inline(never)]
fn no_pool() -> ! {
    panic!("every slot is a subnet's")
}

const fn standing(state: State) -> Standing {
    match state {
        State::Fresh => Standing::Fresh,
        State::Offered => Standing::Offered,
        State::Bound => Standing::Bound,
        State::Idle | State::Nobodys => Standing::Idle,
        State::Quarantined => Standing::Quarantined,
    }
}

/// A slot as the server sees it at `now`, swept or not, when its address and subnet are known.
#[inline]
fn entry<I: Index>(
    slot: &Slot<I>,
    address: Ipv4Addr,
    subnet: SubnetIndex,
    now: Timestamp,
) -> Entry {
    let state = slot.state_at(now);
    let has_client = state.has_client();
    Entry {
        address,
        subnet,
        standing: standing(state),
        key: has_client.then(|| *slot.key()),
        hardware: if has_client { slot.hardware() } else { None },
        until: slot.until,
        pinned: has_client && slot.is_pinned(),
        reserved: slot.is_reserved(),
    }
}

/// As [`entry`], without its client.
const fn holding<I: Index>(
    slot: &Slot<I>,
    address: Ipv4Addr,
    subnet: SubnetIndex,
    state: State,
) -> Holding {
    Holding {
        address,
        subnet,
        standing: standing(state),
        pinned: state.has_client() && slot.is_pinned(),
        reserved: slot.is_reserved(),
    }
}

/// The octets of a table of that many addresses in one range, all told.
const fn octets_of<I: Index>(slots: usize) -> usize {
    Sizes::new(slots, 1, 1).octets::<I>()
        + size_of::<Wheel<I>>()
        + size_of::<Seed>()
        + size_of::<Used>()
}

const _: () = assert!(octets_of::<u16>(64) <= 48 * 64, "at most 48 octets a lease");
const _: () = assert!(octets_of::<u16>(60_000) <= 48 * 60_000, "at most 48 octets a lease");
const _: () = assert!(octets_of::<u32>(64) <= 64 * 64, "at most 64 octets a lease");
const _: () = assert!(octets_of::<u32>(1 << 20) <= 64 << 20, "at most 64 octets a lease");
