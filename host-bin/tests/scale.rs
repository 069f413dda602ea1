//! A journal of a million leases: how fast is it read, how long does anybody wait for it, how long is its file? Measured by
//! `cargo test --release -p hydrant --test scale -- --ignored --nocapture`.

#![allow(
    clippy::unwrap_used,
    reason = "in a test a panic is the report; clippy sees the helpers as no tests"
)]

use core::net::Ipv4Addr;
use core::time::Duration;
use std::path::Path;
use std::time::Instant;

use dhcp_core::id::{ClientKey, HardwareAddr, InstallationKey};
use dhcp_core::net::{Range, Subnet};
use dhcp_core::rng::Rng;
use dhcp_core::server::Lsn;
use dhcp_core::server::book::{Change, Grant, Granted, LeaseBook as _};
use dhcp_core::server::config::{ServerConfig, SubnetConfig};
use dhcp_core::time::{LeaseTime, Timestamp};
use hydrant::medium::FileMedium;
use lease_store::journal::Journal;
use lease_store::lease::Slot;
use lease_store::table::{LeaseTable, Pool, Sizes, Span, Storage};

type Book =
    LeaseTable<Storage<u32, Vec<Slot<u32>>, Vec<u32>, Vec<u64>, Vec<Span<u32>>, Vec<Pool<u32>>>>;

const INSTALLATION: InstallationKey = InstallationKey([9; 16]);
const BATCH: u32 = 64;

fn address(client: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a00_0001 + client)
}

fn book(leases: u32) -> Book {
    let subnet = Subnet::new(Ipv4Addr::new(10, 0, 0, 0), 8).unwrap();
    let ranges = [Range::new(&subnet, address(0), address(leases - 1)).unwrap()];
    let subnets = [SubnetConfig {
        ranges: &ranges,
        lease_default: LeaseTime::Secs(3_600),
        lease_min: LeaseTime::Secs(60),
        lease_max: LeaseTime::Secs(7_200),
        authoritative: true,
        probe: false,
        ..SubnetConfig::new(subnet)
    }];
    let config = ServerConfig::new(&subnets, INSTALLATION);
    LeaseTable::new(&config, Storage::collected(&Sizes::of(&config))).unwrap()
}

struct Server {
    journal: Journal<FileMedium>,
    book: Book,
    lsn: Lsn,
    /// The longest that anybody waited for an append, a sync and idle work.
    waits: [Duration; 3],
}

impl Server {
    fn open(path: &Path, leases: u32) -> Self {
        let mut book = book(leases);
        let begun = Instant::now();
        let medium = FileMedium::open(path).unwrap();
        let (journal, opened) = Journal::open(medium, &mut book).unwrap();
        println!(
            "{} records in {} sectors read in {:?}",
            opened.records,
            opened.sectors,
            begun.elapsed()
        );
        Self { journal, book, lsn: Lsn::ZERO, waits: [Duration::ZERO; 3] }
    }

    fn wait(&mut self, what: usize, begun: Instant) {
        if let Some(longest) = self.waits.get_mut(what) {
            *longest = begun.elapsed().max(*longest);
        }
    }

    fn renew(&mut self, client: u32, now: Timestamp) {
        let [_, b, c, d] = client.to_be_bytes();
        let hardware = HardwareAddr::ethernet([2, 0, 0, b, c, d]);
        let key = ClientKey::from_hardware(&INSTALLATION, &hardware);
        let (address, until) = (address(client), now.plus_secs(7_200));
        let granted = self.book.grant(&Grant {
            address,
            key: &key,
            hardware: &hardware,
            until,
            promise: until,
            pinned: false,
            now,
        });
        let change = match granted.unwrap() {
            Granted::Covered => return,
            Granted::Extend => Change::Extend { address, until },
            Granted::Bind => Change::Bind {
                address,
                key,
                hardware,
                client_id: None,
                name: b"camera-7",
                until,
                pinned: false,
            },
        };
        self.lsn = self.lsn.next();
        let begun = Instant::now();
        self.journal.append(self.lsn, &change, &mut self.book).unwrap();
        self.wait(0, begun);
    }

    fn sync(&mut self) {
        let begun = Instant::now();
        assert_eq!(self.journal.sync().unwrap().lsn(), self.lsn);
        self.wait(1, begun);
    }

    fn idle(&mut self) {
        let begun = Instant::now();
        let _ = self.journal.tidy(&mut self.book).unwrap();
        self.wait(2, begun);
    }

    fn report(&mut self, what: &str, records: u32, took: Duration) {
        let usage = self.journal.usage();
        let geometry = self.journal.geometry();
        let file = u64::from(geometry.sectors) * u64::from(geometry.sector_len);
        let [append, sync, idle] = core::mem::take(&mut self.waits);
        println!(
            "{what}: {records} in {took:?}; longest append {append:?}, sync {sync:?}, idle work {idle:?}; \
             file {file} octets for {} live, {:.2} times",
            usage.live_octets(),
            file as f64 / usage.live_octets() as f64,
        );
    }
}

fn measure(leases: u32, renewals: u32) -> (Server, Duration) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("leases.journal");
    let mut server = Server::open(&path, leases);
    let mut rng = Rng::seeded(5);
    let mut clock = 1_000_000_000;
    let begun = Instant::now();
    for client in 0..leases {
        server.renew(client, Timestamp::from_secs(clock));
        if client % BATCH == BATCH - 1 {
            server.sync();
        }
    }
    server.sync();
    server.report("bound", leases, begun.elapsed());
    let begun = Instant::now();
    for renewal in 1..=renewals {
        if renewal % 1_000 == 0 {
            clock += 1;
        }
        server.renew(rng.below(leases), Timestamp::from_secs(clock));
        if renewal % BATCH == 0 {
            server.sync();
            server.idle();
        }
    }
    server.sync();
    let [append, sync, idle] = server.waits;
    let longest = append.max(idle);
    server.report("renewed", renewals, begun.elapsed());
    println!("the journal's own longest pause beside a sync of {sync:?}: {longest:?}");
    drop(server);
    let begun = Instant::now();
    let server = Server::open(&path, leases);
    let took = begun.elapsed();
    assert_eq!(server.journal.usage().live, leases);
    (server, took)
}

#[test]
fn the_file_stays_within_twice_what_is_live() {
    let (server, _) = measure(40_000, 20_000);
    let geometry = server.journal.geometry();
    let file = u64::from(geometry.sectors) * u64::from(geometry.sector_len);
    let step = 4 * u64::from(geometry.sector_len);
    assert!(file <= 2 * server.journal.usage().live_octets() + step, "{file} octets");
}

#[test]
#[ignore = "measures; in release mode, on a quiet machine"]
fn a_million_leases_are_read_within_a_second() {
    let (_, took) = measure(1_000_000, 4_000_000);
    assert!(took < Duration::from_secs(2), "table and journal took {took:?}");
}
