//! A book that looks at every address for every question. What it says is what the documentation of the table says.

use core::net::Ipv4Addr;
use std::collections::BTreeMap;

use dhcp_core::id::{ClientKey, HardwareAddr};
use dhcp_core::server::book::{
    Ask, Change, Entry, Grant, Granted, Holding, LeaseBook, Seen, Standing, Unavailable,
};
use dhcp_core::server::config::{ServerConfig, SubnetIndex};
use dhcp_core::time::Timestamp;

#[derive(Clone, Debug)]
pub(crate) struct Slot {
    /// `standing` without regard to time; keyless when idle and nobody's.
    pub(crate) entry: Entry,
    /// As the client has it, Ethernet or not.
    hardware: Option<HardwareAddr>,
    promise: Option<Timestamp>,
    /// Since when it is idle; who is idle for longest goes first.
    since: Timestamp,
    /// When it came to be as it is.
    changed: Timestamp,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) slots: BTreeMap<Ipv4Addr, Slot>,
    /// Which of the addresses that are idle for equally long is given. Empty: the lowest.
    pub(crate) hint: Option<Ipv4Addr>,
    /// Whether the order of idle addresses is known.
    pub(crate) ordered: bool,
}

impl Model {
    pub(crate) fn new(config: &ServerConfig<'_>) -> Self {
        let mut model = Self { ordered: true, ..Self::default() };
        let mut insert = |address, subnet, reserved| {
            let entry = Entry {
                address,
                subnet: SubnetIndex(subnet),
                standing: Standing::Fresh,
                key: None,
                hardware: None,
                until: Timestamp::default(),
                pinned: false,
                reserved,
            };
            let never = Timestamp::default();
            let slot = Slot { entry, hardware: None, promise: None, since: never, changed: never };
            model.slots.insert(address, slot);
        };
        for (number, subnet) in (0..).zip(config.subnets) {
            let excluded = |address| subnet.excluded.iter().any(|range| range.contains(address));
            for address in subnet.ranges.iter().flat_map(|range| range.iter()) {
                if subnet.subnet.is_host(address) && !excluded(address) {
                    insert(address, number, false);
                }
            }
        }
        for (number, subnet) in (0..).zip(config.subnets) {
            for address in subnet.reservations.iter().filter_map(|known| known.address) {
                insert(address, number, true);
            }
        }
        model
    }

    fn slot_mut(&mut self, address: Ipv4Addr) -> &mut Slot {
        self.slots.get_mut(&address).unwrap()
    }

    fn of_client(&self, subnet: SubnetIndex, key: &ClientKey) -> Vec<Ipv4Addr> {
        let own = self.slots.values().map(|slot| &slot.entry);
        let own = own.filter(|entry| entry.subnet == subnet && entry.key == Some(*key));
        own.map(|entry| entry.address).collect()
    }

    /// Ends what is over. The server sees no difference, so every question may begin with it.
    pub(crate) fn end_all(&mut self, now: Timestamp) {
        let over = |slot: &&Slot| {
            let ends = !matches!(slot.entry.standing, Standing::Fresh | Standing::Idle);
            ends && slot.entry.until != Timestamp::NEVER && slot.entry.until <= now
        };
        let mut over: Vec<_> = self.slots.values().filter(over).map(|slot| slot.entry).collect();
        over.sort_by_key(|entry| entry.until);
        for entry in over {
            let others = entry.key.map_or(0, |key| self.of_client(entry.subnet, &key).len());
            let slot = self.slot_mut(entry.address);
            slot.since = entry.until.max(slot.changed);
            slot.entry.standing = Standing::Idle;
            slot.promise = None;
            if entry.standing == Standing::Offered && others == 2 {
                slot.set_nobodys();
            }
        }
    }

    fn seen(&self, now: Timestamp) -> Self {
        let mut seen = self.clone();
        seen.end_all(now);
        seen
    }

    fn free_for(&self, address: Ipv4Addr, key: &ClientKey) -> Result<(), Unavailable> {
        let entry = self.slots.get(&address).ok_or(Unavailable::NotOurs)?.entry;
        let own = entry.key == Some(*key);
        match entry.standing {
            Standing::Quarantined => Err(Unavailable::Quarantined),
            Standing::Offered | Standing::Bound if !own => Err(Unavailable::Taken),
            Standing::Idle if entry.pinned && !own => Err(Unavailable::Taken),
            Standing::Fresh | Standing::Offered | Standing::Bound | Standing::Idle => Ok(()),
        }
    }

    fn current(&self, subnet: SubnetIndex, key: &ClientKey) -> Option<Entry> {
        let own = self.of_client(subnet, key);
        assert!(own.len() <= 2, "{own:?}");
        let own = own.iter().map(|address| self.slots[address].entry);
        own.max_by_key(|entry| match entry.standing {
            Standing::Bound => 3,
            Standing::Offered => 2,
            Standing::Idle | Standing::Fresh | Standing::Quarantined => 1,
        })
    }

    /// The idle addresses of the subnet that anybody may get, in groups that are idle for equally long.
    fn idle(&self, subnet: SubnetIndex) -> BTreeMap<Timestamp, Vec<Ipv4Addr>> {
        let mut idle = BTreeMap::<_, Vec<_>>::new();
        for Slot { entry, since, .. } in self.slots.values() {
            let open = entry.standing == Standing::Idle && !entry.reserved && !entry.pinned;
            if open && entry.subnet == subnet {
                let since = if self.ordered { *since } else { Timestamp::default() };
                idle.entry(since).or_default().push(entry.address);
            }
        }
        idle
    }

    fn fresh(&self, subnet: SubnetIndex) -> Vec<Ipv4Addr> {
        let entries = self.slots.values().map(|slot| &slot.entry);
        let fresh = entries.filter(|entry| entry.standing == Standing::Fresh && !entry.reserved);
        fresh.filter(|entry| entry.subnet == subnet).map(|entry| entry.address).collect()
    }

    fn choose(&self, ask: &Ask<'_>) -> Result<Ipv4Addr, Unavailable> {
        let Ask { subnet, key, .. } = *ask;
        if let Some(address) = ask.reserved {
            let slot = self.slots.get(&address).filter(|slot| slot.entry.subnet == subnet);
            slot.ok_or(Unavailable::NotOurs)?;
            self.free_for(address, key)?;
            return Ok(address);
        }
        let open = |address: &Ipv4Addr| {
            let slot = self.slots.get(address).filter(|slot| slot.entry.subnet == subnet);
            slot.is_some_and(|slot| !slot.entry.reserved) && self.free_for(*address, key).is_ok()
        };
        let current = self.current(subnet, key).map(|entry| entry.address).filter(open);
        let own = self.of_client(subnet, key);
        let offered =
            own.into_iter().find(|own| self.slots[own].entry.standing == Standing::Offered);
        let requested = ask.requested.filter(open);
        let fresh = || self.fresh(subnet).first().copied();
        let idle = || {
            let longest = self.idle(subnet).into_values().next()?;
            let hint = self.hint.filter(|hint| longest.contains(hint));
            hint.or_else(|| longest.first().copied())
        };
        let found = current.or(offered.filter(open)).or(requested).or_else(fresh).or_else(idle);
        found.ok_or(Unavailable::Exhausted)
    }

    /// The client has another address.
    fn part_with(&mut self, address: Ipv4Addr, now: Timestamp) {
        let slot = self.slot_mut(address);
        let open = !slot.entry.reserved && !slot.entry.pinned;
        if !(slot.entry.standing == Standing::Idle && open) {
            slot.since = now;
        }
        slot.entry.until = slot.entry.until.min(now);
        slot.set_nobodys();
    }

    pub(crate) fn forget(&mut self, address: Ipv4Addr, now: Timestamp) {
        self.end_all(now);
        if let Some(slot) = self.slots.get_mut(&address) {
            slot.set_nobodys();
            slot.entry.standing = Standing::Fresh;
            slot.entry.until = Timestamp::default();
        }
    }

    /// What the change was, done again at a start.
    pub(crate) fn replay(&mut self, change: &Change<'_>) {
        let Some(slot) = self.slots.get(&change.address()) else { return };
        let before = slot.entry;
        match *change {
            Change::Bind { address, key, hardware, until, pinned, .. } => {
                for other in self.of_client(before.subnet, &key) {
                    self.part_with(other, Timestamp::NEVER);
                }
                let slot = self.slot_mut(address);
                slot.set_client(key, hardware);
                slot.entry.standing = Standing::Bound;
                (slot.entry.until, slot.entry.pinned) = (until, pinned);
                slot.promise = Some(until);
            }
            Change::Extend { address, until } if before.standing == Standing::Bound => {
                let slot = self.slot_mut(address);
                (slot.entry.until, slot.promise) = (until, Some(until));
            }
            Change::Release { address } if before.standing == Standing::Bound => {
                let slot = self.slot_mut(address);
                slot.entry.standing = Standing::Idle;
                (slot.entry.until, slot.entry.pinned) = (Timestamp::default(), false);
                slot.promise = None;
            }
            Change::Extend { .. } | Change::Release { .. } => {}
            Change::Quarantine { address, until } => {
                self.quarantine(address, until, Timestamp::default());
            }
            Change::Forget { address } => self.forget(address, Timestamp::default()),
        }
    }

    /// The same leases in another configuration. Where two subnets that know the same client become one, `found` says which of
    /// its addresses counts, if that is one of those that may.
    pub(crate) fn adopt(
        &self,
        config: &ServerConfig<'_>,
        now: Timestamp,
        found: impl Fn(SubnetIndex, &ClientKey) -> Option<Ipv4Addr>,
    ) -> Self {
        let mut new = Self::new(config);
        let merged = self.slots.values().any(|old| {
            let moved = |slot: &Slot| slot.entry.subnet != old.entry.subnet;
            new.slots.get(&old.entry.address).is_some_and(moved)
        });
        new.ordered = self.ordered && !merged;
        for old in self.slots.values() {
            let Some(slot) = new.slots.get_mut(&old.entry.address) else { continue };
            let listed = !old.entry.reserved && !old.entry.pinned;
            let Entry { subnet, reserved, .. } = slot.entry;
            *slot = old.clone();
            (slot.entry.subnet, slot.entry.reserved) = (subnet, reserved);
            if !listed && slot.entry.standing == Standing::Idle {
                slot.since = now;
            }
        }
        let all: Vec<_> = new.slots.values().map(|slot| slot.entry).collect();
        for entry in &all {
            let Some(key) = entry.key else { continue };
            let offered = entry.standing == Standing::Offered;
            let weight = |entry: &Entry| (entry.standing == Standing::Bound, entry.until);
            let rivals = all.iter().filter(|other| {
                (other.subnet, other.key) == (entry.subnet, entry.key)
                    && (other.standing == Standing::Offered) == offered
            });
            let best = rivals.clone().map(weight).max().unwrap();
            let mut tied = rivals.clone().filter(|rival| weight(rival) == best);
            let counts = found(entry.subnet, &key);
            let tied_and_found = tied.clone().find(|rival| Some(rival.address) == counts);
            let winner = tied_and_found.or_else(|| tied.next()).unwrap();
            if winner.address != entry.address {
                let until = entry.until;
                new.part_with(entry.address, Timestamp::NEVER);
                new.slot_mut(entry.address).entry.until = until;
            }
        }
        new
    }
}

impl Slot {
    fn set_client(&mut self, key: ClientKey, hardware: HardwareAddr) {
        self.entry.key = Some(key);
        self.entry.hardware = hardware.as_ethernet().map(HardwareAddr::ethernet);
        self.hardware = Some(hardware);
    }

    fn set_nobodys(&mut self) {
        self.entry.standing = Standing::Idle;
        (self.entry.key, self.entry.hardware, self.hardware) = (None, None, None);
        self.entry.pinned = false;
        self.promise = None;
    }
}

impl LeaseBook for Model {
    type Found = ();
    type Spot = ();

    fn search(
        &self,
        subnet: SubnetIndex,
        key: &ClientKey,
        now: Timestamp,
    ) -> (Option<Holding>, ()) {
        (self.seen(now).current(subnet, key).map(|entry| entry.holding()), ())
    }

    fn entry_at(&self, address: Ipv4Addr, now: Timestamp) -> Option<Entry> {
        Some(self.seen(now).slots.get(&address)?.entry)
    }

    fn look(&self, address: Ipv4Addr, key: &ClientKey, now: Timestamp) -> Option<(Seen, ())> {
        Some((self.entry_at(address, now)?.seen_by(key), ()))
    }

    fn offer(&mut self, ask: &Ask<'_>) -> Result<Holding, Unavailable> {
        let Ask { subnet, key, now, .. } = *ask;
        self.end_all(now);
        let address = self.choose(ask)?;
        let before = self.slots[&address].entry;
        if before.standing == Standing::Bound && before.key == Some(*key) {
            let slot = self.slot_mut(address);
            slot.entry.until = slot.entry.until.max(ask.hold_until);
        } else {
            for other in self.of_client(subnet, key) {
                let offered = self.slots[&other].entry.standing == Standing::Offered;
                if other != address && offered {
                    let slot = self.slot_mut(other);
                    if slot.entry.pinned {
                        slot.entry.standing = Standing::Idle;
                        slot.entry.until = slot.entry.until.min(now);
                    } else {
                        self.part_with(other, now);
                    }
                }
            }
            let slot = self.slot_mut(address);
            slot.set_client(*key, *ask.hardware);
            slot.entry.standing = Standing::Offered;
            slot.entry.until = ask.hold_until;
            slot.promise = None;
            slot.changed = now;
        }
        Ok(self.slots[&address].entry.holding())
    }

    fn grant(&mut self, grant: &Grant<'_>) -> Result<Granted, Unavailable> {
        let Grant { address, key, now, .. } = *grant;
        self.end_all(now);
        self.free_for(address, key)?;
        let before = self.slots[&address].clone();
        for other in self.of_client(before.entry.subnet, key) {
            if other != address {
                self.part_with(other, now);
            }
        }
        let bound = before.entry.standing == Standing::Bound;
        let same = bound
            && before.hardware == Some(*grant.hardware)
            && before.entry.pinned == grant.pinned;
        let granted = match before.promise {
            Some(Timestamp::NEVER) if same && grant.until != Timestamp::NEVER => Granted::Extend,
            Some(promise) if same && promise >= grant.until => Granted::Covered,
            Some(_) if same => Granted::Extend,
            Some(_) | None => Granted::Bind,
        };
        let slot = self.slot_mut(address);
        slot.set_client(*key, *grant.hardware);
        slot.entry.standing = Standing::Bound;
        slot.entry.until = grant.until;
        slot.entry.pinned = grant.pinned;
        slot.changed = now;
        let ends_now = same && before.promise == Some(Timestamp::NEVER);
        let shortened = ends_now && grant.until != Timestamp::NEVER;
        if bound && (granted == Granted::Bind || shortened) {
            slot.entry.until = grant.until.max(before.entry.until);
        }
        if granted != Granted::Covered {
            slot.promise = Some(grant.promise);
        }
        Ok(granted)
    }

    fn release(&mut self, address: Ipv4Addr, key: &ClientKey, now: Timestamp) -> bool {
        let Some(entry) = self.entry_at(address, now).filter(|entry| entry.key == Some(*key))
        else {
            return false;
        };
        if self.slots[&address].entry.standing == Standing::Offered
            && self.of_client(entry.subnet, key).len() == 2
        {
            self.part_with(address, now);
            return true;
        }
        self.end_all(now);
        let slot = self.slot_mut(address);
        if slot.entry.standing != Standing::Idle || slot.entry.pinned {
            slot.since = now;
        }
        slot.entry.standing = Standing::Idle;
        slot.entry.until = slot.entry.until.min(now);
        slot.entry.pinned = false;
        slot.promise = None;
        true
    }

    fn quarantine(&mut self, address: Ipv4Addr, until: Timestamp, now: Timestamp) -> bool {
        self.end_all(now);
        let Some(slot) = self.slots.get_mut(&address) else { return false };
        slot.set_nobodys();
        slot.entry.standing = Standing::Quarantined;
        slot.entry.until = until;
        slot.changed = now;
        true
    }

    fn forget_promise(&mut self, address: Ipv4Addr) {
        if let Some(slot) = self.slots.get_mut(&address) {
            slot.promise = None;
        }
    }

    fn candidates(&self, subnet: SubnetIndex, now: Timestamp, next: &mut [Ipv4Addr]) -> usize {
        let seen = self.seen(now);
        let idle = seen.idle(subnet).into_values().flatten();
        let in_order = seen.fresh(subnet).into_iter().chain(idle);
        next.iter_mut().zip(in_order).map(|(place, address)| *place = address).count()
    }

    fn room(&self, subnet: SubnetIndex) -> (u32, u32) {
        let idle = self.idle(subnet).values().map(Vec::len).sum::<usize>();
        let open = |slot: &&Slot| slot.entry.subnet == subnet && !slot.entry.reserved;
        let free = u32::try_from(self.fresh(subnet).len() + idle).unwrap();
        (free, u32::try_from(self.slots.values().filter(open).count()).unwrap())
    }

    fn sweep(&mut self, now: Timestamp, _budget: usize) -> bool {
        self.end_all(now);
        false
    }
}
