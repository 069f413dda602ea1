//! A server with one pool, filled to any degree, and clients that are told apart by their numbers.

use core::net::Ipv4Addr;

use dhcp_core::id::{ClientId, ClientKey, HardwareAddr, InstallationKey};
use dhcp_core::net::{Range, Subnet};
use dhcp_core::server::book::{Grant, LeaseBook};
use dhcp_core::server::config::{Link, ServerConfig, SubnetConfig};
use dhcp_core::server::{Durable, Event, Ingress, Reply, Scratch, Server};
use dhcp_core::time::{Instant, LeaseClock, LeaseTime, Timestamp};
use lease_store::lease::Slot;
use lease_store::table::{LeaseTable, Pool as TablePool, Sizes, Span, Storage};

use crate::packet::mac;
use crate::scenario::codec::SUBNET_OPTIONS;

/// A lease table as a host keeps it.
pub type Table = LeaseTable<
    Storage<u32, Box<[Slot<u32>]>, Box<[u32]>, Box<[u64]>, Box<[Span<u32>]>, Box<[TablePool<u32>]>>,
>;

/// Our address.
pub const US: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// The first address of the pool; the client with number 0 has it.
const FIRST: u32 = 0x0a01_0000;

/// How long leases are, in seconds.
pub const LEASE_SECS: u32 = 3_600;

/// What the lease clock shows at [`Instant::ZERO`].
const BEGIN: Timestamp = Timestamp::from_secs(1_000_000);

/// The installation's key: the same in each run, so that each run finds the same places in the index.
const INSTALLATION: InstallationKey = InstallationKey([7; 16]);

const LINK: Link = Link { interface: 1, vlan: None };

/// The address that the client with this number has when the pool is filled.
#[must_use]
pub const fn address_of(client: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(FIRST + client)
}

/// The key that its lease is kept under.
#[must_use]
pub fn key_of(client: u32) -> ClientKey {
    let [a, b, c, d, e, f] = mac(client);
    let id = [1, a, b, c, d, e, f];
    let id = ClientId::new(&id).expect("seven octets are a client identifier");
    ClientKey::from_client_id(&INSTALLATION, id)
}

/// The range of a pool of so many addresses.
///
/// # Panics
/// When they do not fit into 10.1.0.0 and what follows.
#[must_use]
pub fn range(size: u32) -> Range {
    let subnet = subnet();
    Range::new(&subnet, address_of(0), address_of(size - 1)).expect("10.0.0.0/8 has room")
}

fn subnet() -> Subnet {
    Subnet::new(Ipv4Addr::new(10, 0, 0, 0), 8).expect("10.0.0.0/8 is a network")
}

/// The one subnet.
#[must_use]
pub fn subnet_config(ranges: &[Range]) -> SubnetConfig<'_> {
    SubnetConfig {
        link: Some(LINK),
        server_id: Some(US),
        ranges,
        options: SUBNET_OPTIONS,
        lease_default: LeaseTime::Secs(LEASE_SECS),
        lease_min: LeaseTime::Secs(60),
        authoritative: true,
        probe: false,
        ..SubnetConfig::new(subnet())
    }
}

/// All that the server is told.
#[must_use]
pub fn server_config<'c>(subnets: &'c [SubnetConfig<'c>]) -> ServerConfig<'c> {
    ServerConfig::new(subnets, INSTALLATION)
}

/// An empty table for the configuration.
///
/// # Panics
/// When the configuration has more addresses than the table can count.
#[must_use]
pub fn table(config: &ServerConfig<'_>) -> Table {
    Table::new(config, Storage::collected(&Sizes::of(config))).expect("32 bits are enough")
}

/// The server and what it works with.
#[derive(Debug)]
pub struct Pool<'c> {
    server: Server<'c, Table>,
    now: Instant,
    scratch: Scratch,
    out: [u8; 1_472],
    size: u32,
    /// The clients below this number have leases.
    filled: u32,
}

impl<'c> Pool<'c> {
    /// Nobody has an address.
    #[must_use]
    pub fn new(config: &'c ServerConfig<'c>, size: u32) -> Self {
        let clock = LeaseClock::new(Instant::ZERO, BEGIN);
        let server = Server::new(config, table(config), clock);
        let now = Instant::ZERO.plus_secs(LEASE_SECS);
        Self { server, now, scratch: Scratch::new(), out: [0; 1_472], size, filled: 0 }
    }

    /// How many addresses there are.
    #[must_use]
    pub const fn size(&self) -> u32 {
        self.size
    }

    /// How many clients have one.
    #[must_use]
    pub const fn filled(&self) -> u32 {
        self.filled
    }

    /// Gives leases to the clients from the lowest number on, until so many have one.
    pub fn fill(&mut self, clients: u32) {
        (self.filled..clients).for_each(|client| self.bind(client, 0));
        self.filled = self.filled.max(clients);
    }

    /// The client's lease begins anew, as old as `age_secs`, and with it what was promised.
    ///
    /// # Panics
    /// When somebody else has its address.
    pub fn bind(&mut self, client: u32, age_secs: u32) {
        let address = address_of(client);
        let now = self.server.time(self.now);
        // Some seconds more than the client is told, as the server writes it down.
        let until = Timestamp::from_secs(now.as_secs() - age_secs).plus_secs(LEASE_SECS + 3);
        let key = key_of(client);
        let hardware = HardwareAddr::ethernet(mac(client));
        let grant = Grant {
            address,
            key: &key,
            hardware: &hardware,
            until,
            promise: until,
            pinned: false,
            now,
        };
        let book = self.server.book_mut();
        book.forget(address, now);
        book.grant(&grant).expect("a forgotten address is anybody's");
    }

    /// Nobody ever had the address.
    pub fn forget(&mut self, address: Ipv4Addr) {
        let now = self.server.time(self.now);
        self.server.book_mut().forget(address, now);
    }

    /// Lets the server decide on a message that was broadcast, or sent to it alone. Gives a word that tells the decision: what was said and for which
    /// address.
    #[inline]
    pub fn handle(&mut self, packet: &[u8], unicast: bool) -> u64 {
        let ingress = Ingress { link: LINK, local: US, unicast };
        let outcome =
            self.server.handle(self.now, &ingress, packet, &mut self.scratch, &mut self.out);
        let (said, address) = match outcome.event {
            Event::Offered(deal) => (1, deal.address),
            Event::Acknowledged(deal) => (2, deal.address),
            Event::Refused(deal, _) => (3, deal.address),
            Event::Released(deal) => (4, deal.address),
            Event::Declined(deal) => (5, deal.address),
            // Silence, or something that no scenario is about.
            Event::Discarded(_) | Event::Informed(_) | Event::Conflict { .. } | _ => {
                (6, Ipv4Addr::UNSPECIFIED)
            }
        };
        let len = match outcome.reply {
            Reply::None => 0,
            Reply::Now(transmit) => transmit.len,
            Reply::Held(held) => {
                let durable = Durable::synced_up_to(held.lsn());
                held.release(durable).map_or(0, |transmit| transmit.len)
            }
        };
        if let Some((lsn, _)) = outcome.record {
            self.server.durable(Durable::synced_up_to(lsn));
        }
        said << 48 | (len as u64) << 32 | u64::from(address.to_bits())
    }

    /// All leases are over by now; the server has not looked yet.
    pub fn pass_lease_time(&mut self) {
        self.now = self.now.plus_secs(2 * LEASE_SECS);
    }

    /// How many addresses are leased; this counts them one by one.
    #[must_use]
    pub fn bound(&self) -> usize {
        self.server.book().census().bound
    }

    /// Lets the server look after what is over; `true` when there is more.
    pub fn poll(&mut self) -> bool {
        self.now = self.now.plus_millis(1);
        self.server.poll(self.now)
    }
}
