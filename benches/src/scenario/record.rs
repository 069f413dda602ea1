//! What does the record cost? A change appended to the journal, and one read back at start.

use core::convert::Infallible;

use dhcp_core::id::{ClientId, HardwareAddr};
use dhcp_core::server::Lsn;
use dhcp_core::server::book::Change;
use dhcp_core::time::Timestamp;
use lease_store::index::Replay;
use lease_store::journal::Journal;
use lease_store::medium::{Geometry, Medium};

use super::pool::{Table, address_of, key_of, range, server_config, subnet_config, table};
use super::{Scale, Scenario};
use crate::packet::mac;

/// Shows the scenarios of this file.
pub fn visit(scale: Scale, visit: &mut dyn FnMut(&str, &mut dyn Scenario)) {
    let leases = match scale {
        Scale::Small => 256,
        Scale::Full => 4_096,
    };
    let ranges = [range(leases)];
    let subnets = [subnet_config(&ranges)];
    let config = server_config(&subnets);
    let mut append = Append { table: table(&config), leases };
    append.reset();
    let medium = append.append();
    append.reset();
    visit("append a record", &mut append);
    visit("replay of a record", &mut Replayed { table: table(&config), medium, leases });
}

/// Memory that is programmed like a flash with words of one octet, as the file of the host is.
#[derive(Clone, Debug)]
struct Memory {
    octets: Vec<u8>,
}

const SECTOR_LEN: u32 = 1 << 16;

impl Memory {
    /// Room for so many leases, twice.
    fn new(leases: u32) -> Self {
        let sectors = 2 + leases * 256 / SECTOR_LEN;
        Self { octets: vec![0xff; (sectors * SECTOR_LEN) as usize] }
    }

    fn slice(&mut self, at: u32, len: usize) -> &mut [u8] {
        let at = at as usize;
        self.octets.get_mut(at..at + len).expect("the journal stays within its medium")
    }
}

impl Medium for Memory {
    type Error = Infallible;

    fn geometry(&self) -> Geometry {
        let len = u32::try_from(self.octets.len()).expect("some megabytes");
        Geometry { word_len: 1, sector_len: SECTOR_LEN, sectors: len / SECTOR_LEN }
    }

    fn read(&mut self, at: u32, octets: &mut [u8]) -> Result<(), Infallible> {
        octets.copy_from_slice(self.slice(at, octets.len()));
        Ok(())
    }

    fn program(&mut self, at: u32, octets: &[u8]) -> Result<(), Infallible> {
        self.slice(at, octets.len()).copy_from_slice(octets);
        Ok(())
    }

    fn erase(&mut self, sector: u32) -> Result<(), Infallible> {
        self.slice(sector * SECTOR_LEN, SECTOR_LEN as usize).fill(0xff);
        Ok(())
    }
}

/// The client identifier that a client sends.
const fn id(client: u32) -> [u8; 7] {
    let [a, b, c, d, e, f] = mac(client);
    [1, a, b, c, d, e, f]
}

/// The lease that a client is given.
fn bind(client: u32, id: &[u8; 7]) -> Change<'_> {
    Change::Bind {
        address: address_of(client),
        key: key_of(client),
        hardware: HardwareAddr::ethernet(mac(client)),
        client_id: ClientId::new(id),
        name: b"edge-000001",
        until: Timestamp::from_secs(1_003_600),
        pinned: false,
    }
}

/// A lease each for so many clients, on an empty medium. The table has them already, as when a server records what it granted.
#[derive(Debug)]
struct Append {
    table: Table,
    leases: u32,
}

impl Append {
    fn append(&mut self) -> Memory {
        let opened = Journal::open(Memory::new(self.leases), &mut self.table);
        let Ok((mut journal, _)) = opened else { panic!("an empty medium can be opened") };
        let mut lsn = Lsn::ZERO;
        for client in 0..self.leases {
            lsn = lsn.next();
            let id = id(client);
            let change = bind(client, &id);
            let appended = journal.append(lsn, &change, &mut self.table);
            assert!(appended.is_ok(), "memory takes every record");
        }
        let synced = journal.sync();
        assert!(synced.is_ok_and(|durable| durable.lsn() == lsn), "memory is always in sync");
        journal.into_medium()
    }
}

impl Scenario for Append {
    fn operations(&self) -> u64 {
        u64::from(self.leases)
    }

    fn run(&mut self) -> u64 {
        self.append().octets.iter().rposition(|octet| *octet != 0xff).unwrap_or(0) as u64
    }

    fn reset(&mut self) {
        (0..self.leases).for_each(|client| {
            self.table.forget(address_of(client), Timestamp::from_secs(1_000_000));
            self.table.replay(&bind(client, &id(client)));
        });
    }
}

/// A start with a full record.
#[derive(Debug)]
struct Replayed {
    table: Table,
    medium: Memory,
    leases: u32,
}

impl Scenario for Replayed {
    fn operations(&self) -> u64 {
        u64::from(self.leases)
    }

    fn run(&mut self) -> u64 {
        let opened = Journal::open(&mut self.medium, &mut self.table);
        assert!(opened.is_ok(), "what was written can be read");
        self.table.census().bound as u64
    }

    fn reset(&mut self) {
        (0..self.leases).for_each(|client| {
            self.table.forget(address_of(client), Timestamp::from_secs(1_000_000));
        });
    }
}
