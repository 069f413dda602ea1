//! The table and its model as one book: every question goes to both, and the answers must be the same.

use core::net::Ipv4Addr;

use dhcp_core::id::{ClientId, ClientKey, InstallationKey};
use dhcp_core::server::book::{
    Ask, Change, Entry, Grant, Granted, Holding, LeaseBook, Seen, Standing, Unavailable,
};
use dhcp_core::server::config::{ServerConfig, SubnetIndex};
use dhcp_core::time::Timestamp;
use lease_store::index::Replay as _;

use crate::model::Model;
use crate::world::{CLIENTS, Table, key, table};

pub(crate) struct Pair {
    pub(crate) table: Table,
    pub(crate) model: Model,
    /// Whether the table is swept before each question: then the order of idle addresses is that of the model. If not, the table may lag.
    pub(crate) prompt: bool,
}

impl Pair {
    pub(crate) fn new(config: &ServerConfig<'_>, prompt: bool) -> Self {
        let mut model = Model::new(config);
        model.ordered &= prompt;
        Self { table: table(config), model, prompt }
    }

    /// What is done before anything is asked or changed.
    pub(crate) fn before(&mut self, now: Timestamp) {
        if self.prompt {
            while self.table.sweep(now, 3) {
                self.table.check();
            }
            self.model.end_all(now);
        }
    }

    pub(crate) fn forget(&mut self, address: Ipv4Addr, now: Timestamp) {
        assert_eq!(self.table.forget(address, now), self.model.slots.contains_key(&address));
        self.model.forget(address, now);
    }

    /// Both as they are after a restart with these changes on the medium.
    pub(crate) fn replayed<'a>(
        config: &ServerConfig<'_>,
        changes: impl Iterator<Item = &'a Change<'static>>,
        prompt: bool,
    ) -> Self {
        let mut pair = Self::new(config, prompt);
        // Times of releases are not recorded.
        pair.model.ordered = false;
        for change in changes {
            pair.table.replay(change);
            pair.model.replay(change);
            pair.table.check();
        }
        pair
    }

    pub(crate) fn adopted(&self, config: &ServerConfig<'_>, now: Timestamp) -> Self {
        let mut new = table(config);
        new.adopt(&self.table);
        let found = |subnet, key: &ClientKey| Some(new.entry_of(subnet, key, now)?.address);
        let model = self.model.adopt(config, now, found);
        Self { table: new, model, prompt: self.prompt }
    }

    /// Everything that can be asked without a change.
    pub(crate) fn compare(&self, config: &ServerConfig<'_>, now: Timestamp) {
        self.table.check();
        for address in self.model.slots.keys() {
            self.entry_at(*address, now);
            for client in 0..CLIENTS {
                self.look(*address, &key(client), now);
            }
        }
        let not_fresh = self.model.slots.values();
        let not_fresh = not_fresh.filter(|slot| slot.entry.standing != Standing::Fresh);
        assert_eq!(self.table.entries(now).count(), not_fresh.count());
        for subnet in (0..).zip(config.subnets).map(|(subnet, _)| SubnetIndex(subnet)) {
            for client in 0..CLIENTS {
                self.entry_of(subnet, &key(client), now);
            }
            self.room(subnet);
            self.candidates(subnet, now, &mut [Ipv4Addr::UNSPECIFIED; 4]);
        }
    }
}

impl LeaseBook for Pair {
    type Found = <Table as LeaseBook>::Found;
    type Spot = <Table as LeaseBook>::Spot;

    fn search(
        &self,
        subnet: SubnetIndex,
        key: &ClientKey,
        now: Timestamp,
    ) -> (Option<Holding>, Self::Found) {
        let (held, found) = self.table.search(subnet, key, now);
        let expected = self.model.entry_of(subnet, key, now);
        assert_eq!(held, expected.map(|entry| entry.holding()));
        // With the client.
        assert_eq!(self.table.entry_of(subnet, key, now), expected);
        (held, found)
    }

    fn entry_at(&self, address: Ipv4Addr, now: Timestamp) -> Option<Entry> {
        let entry = self.table.entry_at(address, now);
        assert_eq!(entry, self.model.entry_at(address, now));
        entry
    }

    fn look(
        &self,
        address: Ipv4Addr,
        key: &ClientKey,
        now: Timestamp,
    ) -> Option<(Seen, Self::Spot)> {
        let there = self.table.look(address, key, now);
        let expected = self.model.look(address, key, now);
        assert_eq!(there.map(|(seen, _)| seen), expected.map(|(seen, ())| seen));
        there
    }

    fn offer(&mut self, ask: &Ask<'_>) -> Result<Holding, Unavailable> {
        let (_, found) = self.table.search(ask.subnet, ask.key, ask.now);
        self.offer_found(ask, found)
    }

    fn offer_found(&mut self, ask: &Ask<'_>, found: Self::Found) -> Result<Holding, Unavailable> {
        self.before(ask.now);
        // The sweep changed the book.
        let swept = || self.table.search(ask.subnet, ask.key, ask.now).1;
        let found = if self.prompt { swept() } else { found };
        let offered = self.table.offer_found(ask, found);
        self.table.check();
        self.model.hint = offered.ok().map(|held| held.address);
        if offered == Err(Unavailable::Exhausted) && !self.prompt {
            // What is over may be too far behind to be found at once.
            return offered;
        }
        assert_eq!(offered, self.model.offer(ask), "{ask:?}");
        if let Ok(held) = offered {
            self.entry_at(held.address, ask.now);
        }
        offered
    }

    fn grant(&mut self, grant: &Grant<'_>) -> Result<Granted, Unavailable> {
        // As the server does it.
        let (_, spot) =
            self.look(grant.address, grant.key, grant.now).ok_or(Unavailable::NotOurs)?;
        self.grant_at(spot, grant)
    }

    fn grant_at(&mut self, spot: Self::Spot, grant: &Grant<'_>) -> Result<Granted, Unavailable> {
        self.before(grant.now);
        let granted = self.table.grant_at(spot, grant);
        self.table.check();
        assert_eq!(granted, self.model.grant(grant), "{grant:?}");
        granted
    }

    fn release(&mut self, address: Ipv4Addr, key: &ClientKey, now: Timestamp) -> bool {
        self.before(now);
        let released = self.table.release(address, key, now);
        self.table.check();
        assert_eq!(released, self.model.release(address, key, now));
        released
    }

    fn quarantine(&mut self, address: Ipv4Addr, until: Timestamp, now: Timestamp) -> bool {
        self.before(now);
        let quarantined = self.table.quarantine(address, until, now);
        self.table.check();
        assert_eq!(quarantined, self.model.quarantine(address, until, now));
        quarantined
    }

    fn forget_promise(&mut self, address: Ipv4Addr) {
        self.table.forget_promise(address);
        self.model.forget_promise(address);
    }

    fn candidates(&self, subnet: SubnetIndex, now: Timestamp, next: &mut [Ipv4Addr]) -> usize {
        let mut expected = [Ipv4Addr::UNSPECIFIED; 16];
        let expected_count = self.model.candidates(subnet, now, &mut expected);
        let expected = &expected[..expected_count];
        let count = self.table.candidates(subnet, now, next);
        if self.prompt {
            assert_eq!(count, expected_count.min(next.len()));
        }
        let known = next[..count].iter().all(|address| expected.contains(address));
        assert!(known, "{:?} are not among {expected:?}", &next[..count]);
        count
    }

    fn room(&self, subnet: SubnetIndex) -> (u32, u32) {
        let (free, all) = self.table.room(subnet);
        let (expected, expected_all) = self.model.room(subnet);
        assert_eq!(all, expected_all);
        assert!(if self.prompt { free == expected } else { free <= all });
        (free, all)
    }

    fn name_in<'i>(&self, installation: &InstallationKey, id: ClientId<'i>) -> Option<&'i [u8]> {
        self.table.name_in(installation, id)
    }

    fn sweep(&mut self, now: Timestamp, budget: usize) -> bool {
        self.before(now);
        let more = self.table.sweep(now, budget);
        self.table.check();
        self.model.sweep(now, budget);
        more
    }
}
