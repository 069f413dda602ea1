//! A book that is slow and plain: what the server's decisions are tested against.

use core::net::Ipv4Addr;
use std::collections::BTreeMap;

use dhcp_core::id::{ClientId, ClientKey, HardwareAddr, InstallationKey};
use dhcp_core::server::book::{
    Ask, Entry, Grant, Granted, Holding, LeaseBook, Seen, Standing, Unavailable,
};
use dhcp_core::server::config::{ServerConfig, SubnetIndex};
use dhcp_core::time::Timestamp;

#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) entry: Entry,
    promise: Option<Timestamp>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct ToyBook {
    pub(crate) slots: BTreeMap<Ipv4Addr, Slot>,
}

impl ToyBook {
    pub(crate) fn new(config: &ServerConfig<'_>) -> Self {
        let mut book = Self::default();
        for (place, subnet) in config.subnets.iter().enumerate() {
            let index = SubnetIndex(u16::try_from(place).unwrap());
            let excluded = |address| subnet.excluded.iter().any(|range| range.contains(address));
            let pool = subnet.ranges.iter().flat_map(|range| range.iter());
            let pool =
                pool.filter(|address| subnet.subnet.is_host(*address) && !excluded(*address));
            for address in pool {
                book.slots.insert(address, Slot::fresh(address, index, false));
            }
            for address in subnet.reservations.iter().filter_map(|known| known.address) {
                book.slots.insert(address, Slot::fresh(address, index, true));
            }
        }
        book
    }

    fn free_for(
        &self,
        address: Ipv4Addr,
        key: &ClientKey,
        now: Timestamp,
    ) -> Result<(), Unavailable> {
        let entry = self.entry_at(address, now).ok_or(Unavailable::NotOurs)?;
        let own = entry.key == Some(*key);
        match entry.standing {
            Standing::Quarantined => Err(Unavailable::Quarantined),
            Standing::Offered | Standing::Bound if !own => Err(Unavailable::Taken),
            Standing::Idle if entry.pinned && !own => Err(Unavailable::Taken),
            Standing::Fresh | Standing::Offered | Standing::Bound | Standing::Idle => Ok(()),
        }
    }

    fn in_subnet(&self, subnet: SubnetIndex, now: Timestamp) -> impl Iterator<Item = Entry> + '_ {
        let slots = self.slots.values().filter(move |slot| slot.entry.subnet == subnet);
        slots.map(move |slot| slot.seen(now))
    }
}

impl Slot {
    fn fresh(address: Ipv4Addr, subnet: SubnetIndex, reserved: bool) -> Self {
        let (standing, until) = (Standing::Fresh, Timestamp::default());
        let (key, hardware, pinned) = (None, None, false);
        let entry = Entry { address, subnet, standing, key, hardware, until, pinned, reserved };
        Self { entry, promise: None }
    }

    fn seen(&self, now: Timestamp) -> Entry {
        let mut entry = self.entry;
        let over = entry.until != Timestamp::NEVER && entry.until <= now;
        if over && entry.standing != Standing::Fresh {
            let known = entry.key.is_some() && entry.standing != Standing::Quarantined;
            entry.standing = if known { Standing::Idle } else { Standing::Fresh };
        }
        entry
    }
}

fn living(entry: &Entry) -> bool {
    matches!(entry.standing, Standing::Offered | Standing::Bound)
}

impl LeaseBook for ToyBook {
    type Found = ();
    type Spot = ();

    fn search(
        &self,
        subnet: SubnetIndex,
        key: &ClientKey,
        now: Timestamp,
    ) -> (Option<Holding>, ()) {
        let own = self.in_subnet(subnet, now).filter(|entry| entry.key == Some(*key));
        let own = own.filter(|entry| entry.standing != Standing::Quarantined);
        let rank = |entry: &Entry| (entry.standing == Standing::Bound, living(entry), entry.until);
        (own.max_by_key(rank).map(|entry| entry.holding()), ())
    }

    fn entry_at(&self, address: Ipv4Addr, now: Timestamp) -> Option<Entry> {
        Some(self.slots.get(&address)?.seen(now))
    }

    fn look(&self, address: Ipv4Addr, key: &ClientKey, now: Timestamp) -> Option<(Seen, ())> {
        Some((self.entry_at(address, now)?.seen_by(key), ()))
    }

    fn offer(&mut self, ask: &Ask<'_>) -> Result<Holding, Unavailable> {
        let Ask { subnet, key, now, .. } = *ask;
        let open =
            |entry: &Entry| !entry.reserved && self.free_for(entry.address, key, now).is_ok();
        let address = if let Some(address) = ask.reserved {
            self.free_for(address, key, now)?;
            address
        } else {
            let own = self.entry_of(subnet, key, now);
            let requested = ask.requested.and_then(|address| self.entry_at(address, now));
            let requested = requested.filter(|entry| entry.subnet == subnet && !living(entry));
            let fresh = self
                .in_subnet(subnet, now)
                .find(|entry| entry.standing == Standing::Fresh && open(entry));
            let idle = self
                .in_subnet(subnet, now)
                .filter(|entry| entry.standing == Standing::Idle && open(entry));
            let idle = idle.min_by_key(|entry| entry.until);
            let found = own.filter(open).or(requested.filter(open)).or(fresh).or(idle);
            found.ok_or(Unavailable::Exhausted)?.address
        };
        if self.entry_at(address, now).unwrap().standing != Standing::Bound {
            for slot in self.slots.values_mut() {
                let old_offer =
                    slot.entry.standing == Standing::Offered && slot.entry.key == Some(*key);
                if old_offer && slot.entry.subnet == subnet {
                    slot.entry.until = now;
                }
            }
            let slot = self.slots.get_mut(&address).unwrap();
            let (key, hardware) = (Some(*key), Some(*ask.hardware));
            let (standing, until) = (Standing::Offered, ask.hold_until);
            slot.entry = Entry { standing, key, hardware, until, ..slot.entry };
            slot.promise = None;
        }
        Ok(self.entry_at(address, now).unwrap().holding())
    }

    fn grant(&mut self, grant: &Grant<'_>) -> Result<Granted, Unavailable> {
        let Grant { address, key, now, .. } = *grant;
        self.free_for(address, key, now)?;
        let before = self.entry_at(address, now).unwrap();
        for slot in self.slots.values_mut() {
            let other = slot.entry.key == Some(*key) && slot.entry.address != address;
            if other && slot.entry.subnet == before.subnet && living(&slot.entry) {
                slot.entry.until = now;
            }
        }
        let slot = self.slots.get_mut(&address).unwrap();
        let same = before.standing == Standing::Bound && before.hardware == Some(*grant.hardware);
        let granted = match slot.promise {
            Some(promise) if same && promise >= grant.until => Granted::Covered,
            Some(_) if same => Granted::Extend,
            Some(_) | None => Granted::Bind,
        };
        if granted != Granted::Covered {
            slot.promise = Some(grant.promise);
        }
        let (key, hardware): (_, Option<HardwareAddr>) = (Some(*key), Some(*grant.hardware));
        let (standing, until, pinned) = (Standing::Bound, grant.until, grant.pinned);
        slot.entry = Entry { standing, key, hardware, until, pinned, ..slot.entry };
        Ok(granted)
    }

    fn release(&mut self, address: Ipv4Addr, key: &ClientKey, now: Timestamp) -> bool {
        let slot = self.slots.get_mut(&address);
        let Some(slot) = slot.filter(|slot| slot.entry.key == Some(*key)) else { return false };
        slot.entry.until = now;
        slot.entry.pinned = false;
        slot.promise = None;
        true
    }

    fn quarantine(&mut self, address: Ipv4Addr, until: Timestamp, _now: Timestamp) -> bool {
        let Some(slot) = self.slots.get_mut(&address) else { return false };
        let standing = Standing::Quarantined;
        slot.entry = Entry { standing, key: None, hardware: None, until, ..slot.entry };
        slot.promise = None;
        true
    }

    fn forget_promise(&mut self, address: Ipv4Addr) {
        if let Some(slot) = self.slots.get_mut(&address) {
            slot.promise = None;
        }
    }

    fn candidates(&self, subnet: SubnetIndex, now: Timestamp, next: &mut [Ipv4Addr]) -> usize {
        let open = |entry: &Entry| !entry.reserved && !entry.pinned;
        let of = |standing: Standing| {
            let entries = self.in_subnet(subnet, now).filter(open);
            entries.filter(move |entry| entry.standing == standing)
        };
        let mut idle: Vec<_> = of(Standing::Idle).collect();
        idle.sort_by_key(|entry| entry.until);
        let in_order = of(Standing::Fresh).chain(idle);
        let places = next.iter_mut().zip(in_order);
        places.map(|(place, entry)| *place = entry.address).count()
    }

    fn room(&self, subnet: SubnetIndex) -> (u32, u32) {
        let all = self.slots.values().filter(|slot| slot.entry.subnet == subnet);
        let free = all.clone().filter(|slot| !living(&slot.entry) && !slot.entry.reserved);
        (u32::try_from(free.count()).unwrap(), u32::try_from(all.count()).unwrap())
    }

    fn name_in<'i>(&self, _: &InstallationKey, id: ClientId<'i>) -> Option<&'i [u8]> {
        id.octets().strip_prefix(b"\0name/")
    }

    fn sweep(&mut self, _now: Timestamp, _budget: usize) -> bool {
        false
    }
}
