//! The plainest book that a journal can be kept for: what each address's records come to, in one subnet, in a map.

use core::net::Ipv4Addr;
use std::collections::BTreeMap;

use dhcp_core::id::{ClientId, ClientKey, HardwareAddr};
use dhcp_core::server::book::Change;
use dhcp_core::time::Timestamp;
use lease_store::index::{Place, RecordIndex, Recorded, Replay};

/// A client as its record has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// What its lease is kept under.
    pub key: ClientKey,
    /// Its hardware address.
    pub hardware: HardwareAddr,
    /// Its client identifier.
    pub id: Option<Vec<u8>>,
    /// Its name.
    pub name: Vec<u8>,
    /// Kept although idle.
    pub pinned: bool,
}

impl Client {
    /// The change that binds an address to it.
    #[must_use]
    pub fn bind(&self, address: Ipv4Addr, until: Timestamp) -> Change<'_> {
        Change::Bind {
            address,
            key: self.key,
            hardware: self.hardware,
            client_id: self.id.as_deref().and_then(ClientId::new),
            name: &self.name,
            until,
            pinned: self.pinned,
        }
    }
}

/// What is known of one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its client; none in quarantine.
    pub client: Option<Client>,
    /// The end of the lease or quarantine; zero once released.
    pub until: Timestamp,
}

/// The lines of all addresses, and where their records are.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// What is known.
    pub lines: BTreeMap<Ipv4Addr, Line>,
    places: BTreeMap<Ipv4Addr, Place>,
}

impl RecordIndex for Ledger {
    fn place(&self, address: Ipv4Addr) -> Option<Place> {
        self.places.get(&address).copied()
    }

    fn set_place(&mut self, address: Ipv4Addr, place: Option<Place>) -> bool {
        match place {
            Some(place) => self.places.insert(address, place),
            None => self.places.remove(&address),
        };
        true
    }

    fn places(&self) -> u32 {
        let known = self.places.keys().filter(|address| self.lines.contains_key(address));
        u32::try_from(known.count()).expect("at most one an address")
    }

    fn recorded(&self, address: Ipv4Addr) -> Option<Recorded> {
        let Line { client, until } = self.lines.get(&address)?;
        let pinned = client.as_ref().is_some_and(|client| client.pinned);
        Some(Recorded { key: client.as_ref().map(|client| client.key), until: *until, pinned })
    }

    /// There is one.
    fn is_one_subnet(&self, _one: Ipv4Addr, _other: Ipv4Addr) -> bool {
        true
    }
}

impl Replay for Ledger {
    fn replay(&mut self, change: &Change<'_>) {
        match *change {
            Change::Bind { address, key, hardware, client_id, name, until, pinned } => {
                let has_it = |line: &Line| line.client.as_ref().is_some_and(|has| has.key == key);
                self.lines.retain(|_, line| !has_it(line));
                let id = client_id.map(|id| id.octets().to_vec());
                let client = Some(Client { key, hardware, id, name: name.to_vec(), pinned });
                self.lines.insert(address, Line { client, until });
            }
            Change::Extend { address, until } => {
                if let Some(line) = self.lines.get_mut(&address) {
                    line.until = until;
                }
            }
            Change::Release { address } => {
                if let Some(line) = self.lines.get_mut(&address) {
                    line.until = Timestamp::default();
                    line.client.iter_mut().for_each(|client| client.pinned = false);
                }
            }
            Change::Quarantine { address, until } => {
                self.lines.insert(address, Line { client: None, until });
            }
            Change::Forget { address } => {
                self.lines.remove(&address);
            }
        }
    }
}
