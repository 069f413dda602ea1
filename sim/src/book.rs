//! A server's book of one subnet, and clients that have a lease each: the load of what is counted and measured of journals.

use core::net::Ipv4Addr;

use dhcp_core::id::{ClientKey, HardwareAddr, InstallationKey};
use dhcp_core::net::{Range, Subnet};
use dhcp_core::server::book::{Change, Grant, Granted, LeaseBook as _};
use dhcp_core::server::config::{ServerConfig, SubnetConfig};
use dhcp_core::time::{LeaseTime, Timestamp};
use lease_store::lease::{Index, Slot};
use lease_store::table::{LeaseTable, Pool, Sizes, Span, Storage};

/// The table of a server, with slots counted by `u16` as on a microcontroller or by `u32` as on a host.
pub type Book<I> =
    LeaseTable<Storage<I, Vec<Slot<I>>, Vec<I>, Vec<u64>, Vec<Span<I>>, Vec<Pool<I>>>>;

const INSTALLATION: InstallationKey = InstallationKey([0x5a; 16]);

/// A book of `leases` addresses from 10.0.0.1 on, as a server's configuration makes it.
///
/// # Panics
/// When there are none, or more than the index can count or 10.0.0.0/8 has.
#[must_use]
pub fn book<I: Index>(leases: u32) -> Book<I> {
    let subnet = Subnet::new(Ipv4Addr::new(10, 0, 0, 0), 8).expect("a network");
    let ranges = [Range::new(&subnet, address(0), address(leases - 1)).expect("within it")];
    let subnets = [SubnetConfig {
        ranges: &ranges,
        lease_default: LeaseTime::Secs(3_600),
        lease_min: LeaseTime::Secs(60),
        lease_max: LeaseTime::Secs(7_200),
        probe: false,
        ..SubnetConfig::new(subnet)
    }];
    let config = ServerConfig::new(&subnets, INSTALLATION);
    LeaseTable::new(&config, Storage::collected(&Sizes::of(&config))).expect("it has its sizes")
}

/// The address of a client.
#[must_use]
pub const fn address(client: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a00_0001 + client)
}

/// The hardware address of a client.
#[must_use]
pub const fn hardware(client: u32) -> HardwareAddr {
    let [_, high, middle, low] = client.to_be_bytes();
    HardwareAddr::ethernet([2, 0, 0, high, middle, low])
}

/// What the client's lease is kept under.
#[must_use]
pub fn key(client: u32) -> ClientKey {
    ClientKey::from_hardware(&INSTALLATION, &hardware(client))
}

/// How long leases last, and how far beyond that they are promised, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// From the grant to the end that the client is told.
    pub lease_secs: u32,
    /// From there to the end that is recorded.
    pub slack_secs: u32,
}

/// Grants a client its address; the change that is to be recorded, if one is, goes to `record`.
///
/// # Panics
/// When the address is somebody else's.
pub fn grant<I: Index>(
    book: &mut Book<I>,
    client: u32,
    now: Timestamp,
    terms: Terms,
    record: impl FnOnce(&mut Book<I>, &Change<'_>),
) {
    let (address, hardware, key) = (address(client), hardware(client), key(client));
    let until = now.plus_secs(terms.lease_secs);
    let promise = until.plus_secs(terms.slack_secs);
    let grant =
        Grant { address, key: &key, hardware: &hardware, until, promise, pinned: false, now };
    match book.grant(&grant).expect("each client has an address of its own") {
        Granted::Covered => {}
        Granted::Extend => record(book, &Change::Extend { address, until: promise }),
        Granted::Bind => record(
            book,
            &Change::Bind {
                address,
                key,
                hardware,
                client_id: None,
                name: b"camera-7",
                until: promise,
                pinned: false,
            },
        ),
    }
}
