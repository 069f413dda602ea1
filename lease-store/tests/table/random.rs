//! Random sequences of everything that a server, a journal and an operator do to a table.

use core::net::Ipv4Addr;
use std::collections::BTreeMap;

use dhcp_core::id::HardwareAddr;
use dhcp_core::server::book::{Ask, Change, Grant, Granted, LeaseBook, Standing};
use dhcp_core::server::config::{ServerConfig, SubnetIndex};
use dhcp_core::time::Timestamp;
use lease_store::index::{Place, RecordIndex as _};
use proptest::prelude::*;

use crate::pair::Pair;
use crate::world::{CLIENTS, configs, hardware, ip, key, reservation};

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    Offer {
        client: u8,
        subnet: u16,
        reserved: bool,
        requested: Option<Ipv4Addr>,
    },
    Grant {
        client: u8,
        card: u8,
        address: Option<Ipv4Addr>,
        secs: u32,
        pinned: bool,
    },
    Release {
        client: u8,
        address: Option<Ipv4Addr>,
    },
    Quarantine {
        address: Ipv4Addr,
        secs: u32,
    },
    Forget {
        address: Ipv4Addr,
    },
    Sweep {
        budget: usize,
    },
    /// The oldest records are rewritten or dropped.
    Compact {
        records: usize,
    },
    /// Only what was recorded is left.
    Restart,
    Reload {
        config: usize,
    },
}

/// A step, the time that passes before it, and whether its record becomes durable.
type Timed = (u32, bool, Step);

fn any_address() -> impl Strategy<Value = Ipv4Addr> {
    prop_oneof![
        6 => (9_u8..=17).prop_map(|fourth| ip(1, fourth)),
        3 => prop_oneof![10_u8..=12, 20_u8..=25].prop_map(|fourth| ip(2, fourth)),
        1 => Just(ip(1, 40)),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let client = || 0..CLIENTS;
    let secs = || prop_oneof![4 => 1_u32..700, 1 => Just(100_000), 1 => Just(u32::MAX)];
    prop_oneof![
        8 => (client(), 0_u16..2, any::<bool>(), prop::option::of(any_address())).prop_map(
            |(client, subnet, reserved, requested)| Step::Offer { client, subnet, reserved, requested }
        ),
        12 => (client(), 0_u8..20, prop::option::weighted(0.3, any_address()), secs(), prop::bool::weighted(0.2))
            .prop_map(|(client, card, address, secs, pinned)| {
                Step::Grant { client, card: card / 19, address, secs, pinned }
            }),
        3 => (client(), prop::option::weighted(0.2, any_address()))
            .prop_map(|(client, address)| Step::Release { client, address }),
        1 => (any_address(), secs()).prop_map(|(address, secs)| Step::Quarantine { address, secs }),
        1 => any_address().prop_map(|address| Step::Forget { address }),
        2 => (0_usize..6).prop_map(|budget| Step::Sweep { budget }),
        3 => (1_usize..6).prop_map(|records| Step::Compact { records }),
        1 => Just(Step::Restart),
        1 => (0..configs().len()).prop_map(|config| Step::Reload { config }),
    ]
}

fn any_steps() -> impl Strategy<Value = Vec<Timed>> {
    let secs = prop_oneof![5 => 0_u32..3, 3 => 0_u32..120, 1 => 0_u32..2_000];
    let durable = prop::bool::weighted(0.9);
    prop::collection::vec((secs, durable, any_step()), 1..80)
}

/// The book, a journal of changes beside it, and what clients were told.
struct World {
    config: &'static ServerConfig<'static>,
    pair: Pair,
    now: Timestamp,
    /// Records from the oldest on; a record's place is its number.
    journal: Vec<(u32, Change<'static>)>,
    records: u32,
    /// Whose an address is as the client knows it, and until when.
    told: BTreeMap<Ipv4Addr, (u8, Timestamp)>,
    /// Containers' addresses, which are kept for them though their leases end.
    kept: BTreeMap<Ipv4Addr, u8>,
}

impl World {
    fn new(prompt: bool) -> Self {
        let config = &configs()[0];
        let pair = Pair::new(config, prompt);
        let now = Timestamp::from_secs(1_700_000_000);
        let (told, kept) = (BTreeMap::new(), BTreeMap::new());
        Self { config, pair, now, journal: Vec::new(), records: 0, told, kept }
    }

    /// The address is nobody's any more.
    fn lose(&mut self, address: Ipv4Addr) {
        self.told.remove(&address);
        self.kept.remove(&address);
    }

    fn append(&mut self, change: Change<'static>) {
        let place = self.records;
        self.records += 1;
        self.journal.push((place, change));
        match change {
            // Parts of a record that exists.
            Change::Extend { .. } | Change::Release { .. } => {}
            Change::Bind { address, .. } | Change::Quarantine { address, .. } => {
                self.pair.table.set_place(address, Some(Place(place)));
            }
            Change::Forget { address } => {
                self.pair.table.set_place(address, None);
            }
        }
    }

    fn run(&mut self, (secs, durable, step): &Timed) {
        self.now = self.now.plus_secs(*secs);
        self.pair.before(self.now);
        let now = self.now;
        self.told.retain(|_, (_, until)| *until > now);
        match *step {
            Step::Offer { client, subnet, reserved, requested } => {
                self.offer(client, SubnetIndex(subnet), reserved, requested);
            }
            Step::Grant { client, card, address, secs, pinned } => {
                let address = address.or_else(|| self.address_of(client));
                if let Some(address) = address {
                    self.grant(client, hardware(client, card), address, secs, pinned, *durable);
                }
            }
            Step::Release { client, address } => self.release(client, address),
            Step::Quarantine { address, secs } => {
                let until = self.now.plus_secs(secs);
                if self.pair.quarantine(address, until, self.now) {
                    self.append(Change::Quarantine { address, until });
                    self.lose(address);
                }
            }
            Step::Forget { address } => {
                self.pair.forget(address, self.now);
                self.append(Change::Forget { address });
                self.lose(address);
            }
            Step::Sweep { budget } => {
                self.pair.sweep(self.now, budget);
            }
            Step::Compact { records } => self.compact(records),
            Step::Restart => self.restart(),
            Step::Reload { config } => {
                // The order of a sweep that is under way is lost in a reload.
                while self.pair.sweep(self.now, 64) {}
                self.config = &configs()[config];
                self.pair = self.pair.adopted(self.config, self.now);
                let table = &self.pair.table;
                let has = |address: &Ipv4Addr, client: u8| {
                    let entry = table.entry_at(*address, Timestamp::default());
                    entry.is_some_and(|entry| entry.key == Some(key(client)))
                };
                self.told.retain(|address, (client, _)| has(address, *client));
                self.kept.retain(|address, client| has(address, *client));
            }
        }
        self.pair.before(self.now);
        self.pair.compare(self.config, self.now);
        self.check_told();
    }

    /// What the client has or is offered, in any subnet.
    fn address_of(&self, client: u8) -> Option<Ipv4Addr> {
        let subnets = [SubnetIndex(0), SubnetIndex(1)];
        let mut entries =
            subnets.iter().filter_map(|subnet| self.pair.entry_of(*subnet, &key(client), self.now));
        let first = entries.next()?;
        Some(entries.next().filter(|_| first.standing == Standing::Idle).unwrap_or(first).address)
    }

    fn offer(
        &mut self,
        client: u8,
        subnet: SubnetIndex,
        reserved: bool,
        requested: Option<Ipv4Addr>,
    ) {
        let known = reservation(self.config, client).filter(|(known, _)| *known == subnet);
        let reserved = known.filter(|_| reserved).map(|(_, address)| address);
        let (key, hardware) = (key(client), hardware(client, 0));
        let (now, hold_until) = (self.now, self.now.plus_secs(60));
        let (key, hardware) = (&key, &hardware);
        let ask = Ask { subnet, key, hardware, reserved, requested, hold_until, now };
        if let Ok(entry) = self.pair.offer(&ask) {
            let told = self.told.get(&entry.address);
            assert!(told.is_none_or(|(owner, _)| *owner == client), "{entry:?} is {told:?}");
        }
    }

    fn grant(
        &mut self,
        client: u8,
        hardware: HardwareAddr,
        address: Ipv4Addr,
        secs: u32,
        pinned: bool,
        durable: bool,
    ) {
        let infinite = secs == u32::MAX;
        let until = if infinite { Timestamp::NEVER } else { self.now.plus_secs(secs) };
        let promise = until.plus_secs(300);
        let (key, now) = (key(client), self.now);
        let grant = Grant { address, key: &key, hardware: &hardware, until, promise, pinned, now };
        let Ok(granted) = self.pair.grant(&grant) else { return };
        let entry = self.pair.entry_at(address, now).unwrap();
        // Who asks for an address does not use another. In other subnets of the segment the server ends what the client has.
        self.told.retain(|other, (owner, _)| *owner != client || *other == address);
        self.kept.retain(|other, owner| *other != address && *owner != client);
        let other = SubnetIndex(1 - entry.subnet.0);
        if let Some(left) = self.pair.entry_of(other, &key, now) {
            self.pair.release(left.address, &key, now);
        }
        let told = self.told.get(&address);
        assert!(told.is_none_or(|(owner, _)| *owner == client), "{grant:?}: {told:?}");
        let change = match granted {
            Granted::Bind => {
                let (client_id, name) = (None, &[][..]);
                let until = promise;
                Some(Change::Bind { address, key, hardware, client_id, name, until, pinned })
            }
            Granted::Extend => Some(Change::Extend { address, until: promise }),
            Granted::Covered => None,
        };
        match change {
            Some(change) if durable => self.append(change),
            Some(_) => {
                self.pair.forget_promise(address);
                return;
            }
            None => {}
        }
        self.told.insert(address, (client, until));
        if pinned {
            self.kept.insert(address, client);
        }
    }

    fn release(&mut self, client: u8, address: Option<Ipv4Addr>) {
        let Some(address) = address.or_else(|| self.address_of(client)) else { return };
        if self.pair.release(address, &key(client), self.now) {
            self.append(Change::Release { address });
            self.lose(address);
        }
    }

    fn compact(&mut self, records: usize) {
        for _ in 0..records.min(self.journal.len()) {
            let (place, change) = self.journal.remove(0);
            let address = change.address();
            let table = &mut self.pair.table;
            let current = table.place(address) == Some(Place(place));
            let recorded = table.recorded(address).filter(|_| current);
            if current {
                table.set_place(address, None);
            }
            let Some(recorded) = recorded else { continue };
            match change {
                Change::Bind { key, hardware, client_id, name, .. } => {
                    if recorded.key == Some(key) {
                        let (until, pinned) = (recorded.until, recorded.pinned);
                        self.append(Change::Bind {
                            address,
                            key,
                            hardware,
                            client_id,
                            name,
                            until,
                            pinned,
                        });
                    }
                }
                Change::Quarantine { .. } => {
                    if recorded.key.is_none() {
                        self.append(Change::Quarantine { address, until: recorded.until });
                    }
                }
                Change::Extend { .. } | Change::Release { .. } | Change::Forget { .. } => {}
            }
        }
    }

    fn restart(&mut self) {
        let changes = self.journal.iter().map(|(_, change)| change);
        let pair = Pair::replayed(self.config, changes, self.pair.prompt);
        self.pair = pair;
        for (place, change) in self.journal.clone() {
            match change {
                Change::Bind { address, .. } | Change::Quarantine { address, .. } => {
                    self.pair.table.set_place(address, Some(Place(place)));
                }
                Change::Forget { address } => {
                    self.pair.table.set_place(address, None);
                }
                Change::Extend { .. } | Change::Release { .. } => {}
            }
        }
    }

    /// What a client was told is so, and it is nobody else's.
    fn check_told(&self) {
        for (address, (client, until)) in &self.told {
            let entry = self.pair.entry_at(*address, self.now);
            let bound = entry.is_some_and(|entry| {
                let standing = entry.standing == Standing::Bound;
                standing && entry.key == Some(key(*client)) && entry.until >= *until
            });
            assert!(bound, "client {client} was told that {address} is its own: {entry:?}");
        }
        for (address, client) in &self.kept {
            let entry = self.pair.entry_at(*address, self.now);
            let kept = entry.is_some_and(|entry| entry.pinned && entry.key == Some(key(*client)));
            assert!(kept, "{address} is kept for client {client}: {entry:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn the_table_is_its_model(steps in any_steps()) {
        let mut world = World::new(true);
        steps.iter().for_each(|step| world.run(step));
    }

    /// Nothing is swept but by chance: who is asked sees it all the same, only the order of idle addresses may differ.
    #[test]
    fn a_table_that_is_not_swept_is_its_model(steps in any_steps()) {
        let mut world = World::new(false);
        steps.iter().for_each(|step| world.run(step));
    }
}
