extern crate std;

use core::ops::Range;
use std::collections::BTreeMap;
use std::vec;
use std::vec::Vec;

use dhcp_core::id::{ClientId, ClientKey, HardwareAddr, InstallationKey};
use dhcp_core::server::Lsn;

use super::*;
use crate::index::Recorded;

mod damage;
mod rotation;

const KEY: InstallationKey = InstallationKey([7; 16]);

/// A medium that works as long as it has power.
#[derive(Clone, Debug)]
struct Memory {
    geometry: Geometry,
    octets: Vec<u8>,
    /// Calls of `program` and `sync` until the power is cut; none: it is not.
    calls_left: Option<u32>,
    /// What was programmed since the last sync.
    unsynced: Vec<Range<usize>>,
}

impl Memory {
    fn new(word_len: u32, sector_len: u32, sectors: u32) -> Self {
        let geometry = Geometry { word_len, sector_len, sectors };
        let octets = vec![0; (sector_len * sectors) as usize];
        Self { geometry, octets, calls_left: None, unsynced: Vec::new() }
    }

    fn call(&mut self) -> Result<(), core::fmt::Error> {
        if let Some(left) = &mut self.calls_left {
            *left = left.checked_sub(1).ok_or(core::fmt::Error)?;
        }
        Ok(())
    }

    /// There is power again. Of what was not synced a disk may have kept the first, and the last in its page of 4,096 octets, and nothing between.
    fn powered(mut self, kept_all: bool) -> Self {
        self.calls_left = None;
        let page = |words: &Range<usize>| words.start / 4_096;
        let last = self.unsynced.last().map(page);
        let between = self.unsynced.drain(..).skip(1).filter(|words| Some(page(words)) != last);
        for lost in between.filter(|_| !kept_all) {
            self.octets[lost].fill(0xff);
        }
        self
    }
}

impl Medium for Memory {
    type Error = core::fmt::Error;

    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn read(&mut self, at: u32, octets: &mut [u8]) -> Result<(), Self::Error> {
        assert!(at.is_multiple_of(32) && octets.len().is_multiple_of(32), "reads are aligned");
        octets.copy_from_slice(&self.octets[at as usize..][..octets.len()]);
        Ok(())
    }

    fn program(&mut self, at: u32, octets: &[u8]) -> Result<(), Self::Error> {
        self.call()?;
        let word_len = self.geometry.word_len;
        assert!(at.is_multiple_of(word_len), "words are programmed whole");
        assert!(octets.len().is_multiple_of(word_len as usize), "words are programmed whole");
        let words = &mut self.octets[at as usize..][..octets.len()];
        assert!(words.iter().all(|octet| *octet == 0xff), "words are programmed once");
        words.copy_from_slice(octets);
        self.unsynced.push(at as usize..at as usize + octets.len());
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Self::Error> {
        self.call()?;
        self.unsynced.clear();
        Ok(())
    }

    fn erase(&mut self, sector: u32) -> Result<(), Self::Error> {
        let len = self.geometry.sector_len;
        self.octets[(sector * len) as usize..][..len as usize].fill(0xff);
        Ok(())
    }
}

/// A book that knows what was recorded.
#[derive(Clone, Debug, Default, PartialEq)]
struct Book {
    entries: BTreeMap<Ipv4Addr, Recorded>,
    places: BTreeMap<Ipv4Addr, Place>,
}

impl RecordIndex for Book {
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
        let known = self.places.keys().filter(|address| self.entries.contains_key(address));
        u32::try_from(known.count()).expect("at most one an address")
    }

    fn recorded(&self, address: Ipv4Addr) -> Option<Recorded> {
        self.entries.get(&address).copied()
    }

    fn is_one_subnet(&self, one: Ipv4Addr, other: Ipv4Addr) -> bool {
        one.octets()[..3] == other.octets()[..3]
    }
}

impl Replay for Book {
    fn replay(&mut self, change: &Change<'_>) {
        match *change {
            Change::Bind { address, key, until, pinned, .. } => {
                // As the table has it: an address that a client left has no record.
                let known = self.clone();
                self.entries.retain(|other, entry| {
                    let left = entry.key == Some(key)
                        && *other != address
                        && known.is_one_subnet(*other, address);
                    if left {
                        self.places.remove(other);
                    }
                    !left
                });
                self.entries.insert(address, Recorded { key: Some(key), until, pinned });
            }
            Change::Extend { address, until } => {
                if let Some(entry) = self.entries.get_mut(&address) {
                    entry.until = until;
                }
            }
            Change::Release { address } => {
                if let Some(entry) = self.entries.get_mut(&address) {
                    entry.until = Timestamp::default();
                    entry.pinned = false;
                }
            }
            Change::Quarantine { address, until } => {
                self.entries.insert(address, Recorded { key: None, until, pinned: false });
            }
            Change::Forget { address } => {
                self.entries.remove(&address);
            }
        }
    }
}

const fn address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 1, last)
}

fn bind(last: u8, client: u8, until: u32) -> Change<'static> {
    let hardware = HardwareAddr::ethernet([2, 0, 0, 0, 0, client]);
    Change::Bind {
        address: address(last),
        key: ClientKey::from_hardware(&KEY, &hardware),
        hardware,
        client_id: None,
        name: b"camera",
        until: Timestamp::from_secs(until),
        pinned: false,
    }
}

/// The same client has an address of another subnet.
fn elsewhere(change: &Change<'static>) -> Change<'static> {
    let Change::Bind { key, hardware, client_id, name, until, pinned, .. } = *change else {
        unreachable!("only one that binds has a client")
    };
    let address = Ipv4Addr::new(10, 0, 2, 1);
    Change::Bind { address, key, hardware, client_id, name, until, pinned }
}

/// The same with another name, and pinned or not.
fn known(change: &Change<'static>, name: &'static [u8], pinned: bool) -> Change<'static> {
    let Change::Bind { address, key, hardware, client_id, until, .. } = *change else {
        unreachable!("only one that binds has a name")
    };
    Change::Bind { address, key, hardware, client_id, name, until, pinned }
}

fn extend(last: u8, until: u32) -> Change<'static> {
    Change::Extend { address: address(last), until: Timestamp::from_secs(until) }
}

/// A journal with its book, as a server has them.
struct Store {
    journal: Journal<Memory>,
    book: Book,
    lsn: Lsn,
}

impl Store {
    fn open(medium: Memory) -> (Self, Opened) {
        let mut book = Book::default();
        let (journal, opened) = Journal::open(medium, &mut book).unwrap();
        (Self { journal, book, lsn: Lsn::ZERO }, opened)
    }

    fn record(&mut self, change: &Change<'_>) {
        self.book.replay(change);
        self.lsn = self.lsn.next();
        self.journal.append(self.lsn, change, &mut self.book).unwrap();
        assert!(self.journal.emptied.is_none(), "a sector is read again once");
        assert_eq!(self.journal.sync().unwrap().lsn(), self.lsn);
    }

    fn reopened(self) -> (Self, Opened) {
        let before = self.book;
        let (store, opened) = Self::open(self.journal.into_medium());
        assert_eq!(store.book.entries, before.entries);
        (store, opened)
    }
}

#[test]
fn a_new_medium_has_no_records_and_nothing_is_written_to_it() {
    let medium = Memory::new(4, 4_096, 4);
    let octets = medium.octets.clone();
    let (store, opened) = Store::open(medium);
    assert_eq!(opened, Opened::default());
    assert_eq!(store.journal.into_medium().octets, octets);
}

#[test]
fn what_was_recorded_is_there_after_a_restart() {
    for word_len in [1, 4, 8, 32] {
        let (mut store, _) = Store::open(Memory::new(word_len, 4_096, 4));
        store.record(&bind(1, 1, 100));
        store.record(&bind(2, 2, 100));
        store.record(&extend(1, 200));
        store.record(&bind(3, 1, 300));
        store.record(&Change::Release { address: address(2) });
        let (_, opened) = store.reopened();
        assert_eq!((opened.records, opened.sectors, opened.torn_at), (5, 1, None));
        assert_eq!((opened.octets_lost, opened.sectors_lost), (0, 0));
    }
}

#[test]
fn the_ring_goes_round_and_forgets_nothing() {
    for (word_len, sector_len, sectors) in
        [(1, 4_096, 4), (4, 512, 8), (4, 4_096, 2), (8, 1_024, 4), (32, 4_096, 3), (4, 16_384, 3)]
    {
        let (mut store, _) = Store::open(Memory::new(word_len, sector_len, sectors));
        for round in 0..400_u32 {
            for last in 1..=8 {
                let until = round * 10 + u32::from(last);
                store.record(&if round % 50 == 0 {
                    bind(last, last, until)
                } else {
                    extend(last, until)
                });
            }
            while store.journal.tidy(&mut store.book).unwrap() {}
        }
        assert_eq!(store.journal.usage().live, 8);
        let begun = store.journal.usage().sectors_begun;
        assert!(begun >= sectors, "{begun} sectors of {sectors}");
        let places = store.book.places.clone();
        let (store, opened) = store.reopened();
        assert_eq!(store.book.places, places);
        assert_eq!((opened.octets_lost, opened.sectors_lost, opened.torn_at), (0, 0, None));
    }
}

#[test]
fn lease_time_goes_on_from_the_last_recorded_time() {
    let (mut store, _) = Store::open(Memory::new(4, 512, 4));
    store.journal.mark_time(Timestamp::from_secs(5_000), &mut store.book).unwrap();
    store.journal.mark_time(Timestamp::from_secs(4_000), &mut store.book).unwrap();
    for until in 0..500 {
        store.record(&bind(1, 1, until));
    }
    let (store, opened) = store.reopened();
    assert_eq!(opened.time, Some(Timestamp::from_secs(5_000)));
    assert_eq!(store.journal.time(), Timestamp::from_secs(5_000));
}

#[test]
fn a_full_medium_says_so_and_takes_changes_again_when_leases_are_forgotten() {
    let (mut store, _) = Store::open(Memory::new(4, 512, 3));
    let mut recorded = Vec::new();
    for last in 1..=100 {
        let change = bind(last, last, 100);
        let before = store.book.clone();
        store.book.replay(&change);
        store.lsn = store.lsn.next();
        if store.journal.append(store.lsn, &change, &mut store.book) == Err(JournalError::Full) {
            assert_eq!(store.journal.sync(), Err(JournalError::NotAppended));
            store.book.entries = before.entries;
            continue;
        }
        store.journal.sync().unwrap();
        recorded.push(last);
    }
    assert!((20..60).contains(&recorded.len()), "{} records", recorded.len());
    for last in recorded.drain(4..) {
        store.book.entries.remove(&address(last));
    }
    let full = (1..200)
        .filter(|until| {
            let change = extend(1, *until);
            store.book.replay(&change);
            store.lsn = store.lsn.next();
            store.journal.append(store.lsn, &change, &mut store.book).is_err()
        })
        .count();
    assert!(full <= 64, "{full} changes were refused");
    let _ = store.journal.sync();
    assert_eq!(store.journal.sync().unwrap().lsn(), store.lsn);
    store.reopened();
}

#[test]
fn the_journal_of_another_version_is_left_as_it_is() {
    let (mut store, _) = Store::open(Memory::new(4, 512, 4));
    store.record(&bind(1, 1, 100));
    let mut medium = store.journal.into_medium();
    let at = medium.octets.chunks(512).position(|sector| sector.starts_with(&MAGIC)).unwrap() * 512;
    medium.octets[at + 4] = 2;
    let known = medium.octets[at..at + 12].to_vec();
    medium.octets[at + 12..at + 16]
        .copy_from_slice(&crate::record::checksum(0, &known).to_le_bytes());
    let error = Journal::open(&mut medium, &mut Book::default()).unwrap_err();
    assert_eq!(error, OpenError::Version { found: 2, known: 1 });
    assert!(std::format!("{error}").contains("version 2"));
    let mut wider = Memory { geometry: Geometry { word_len: 8, ..medium.geometry }, ..medium };
    wider.octets[at + 4] = 1;
    let known = wider.octets[at..at + 12].to_vec();
    wider.octets[at + 12..at + 16]
        .copy_from_slice(&crate::record::checksum(0, &known).to_le_bytes());
    let error = Journal::open(wider, &mut Book::default()).unwrap_err();
    assert_eq!(error, OpenError::Sizes { word_len: 4, sector_len: 512 });
}

#[test]
fn a_long_client_id_is_read_as_it_was_written() {
    let id: Vec<u8> = (0..=254).collect();
    let id = ClientId::new(&id).unwrap();
    let change = Change::Bind {
        address: Ipv4Addr::new(203, 0, 113, 9),
        key: ClientKey::from_client_id(&KEY, id),
        hardware: HardwareAddr::new(6, &[9; 16]).unwrap(),
        client_id: Some(id),
        name: &[b'n'; 64],
        until: Timestamp::NEVER,
        pinned: true,
    };
    let (mut store, _) = Store::open(Memory::new(32, 512, 2));
    for _ in 0..5 {
        store.record(&change);
    }
    let mut medium = store.journal.into_medium();
    let mut seen = 0;
    scan(&mut medium, |_, read| {
        assert_eq!(*read, change);
        seen += 1;
    })
    .unwrap();
    assert!(seen > 0);
}

#[test]
fn a_damaged_record_is_reported_and_stepped_over() {
    let (mut store, _) = Store::open(Memory::new(4, 16_384, 3));
    for last in 1..=200 {
        store.record(&bind(last, last, 100));
    }
    let places = store.book.places.clone();
    let entries = store.book.entries.clone();
    let mut medium = store.journal.into_medium();
    // In the first of the blocks, with durable records behind it.
    let at = places[&address(10)].0 * 4;
    medium.octets[at as usize + 5] ^= 0x10;
    let (store, opened) = Store::open(medium);
    let block_end = (at / 4_096 + 1) * 4_096;
    let damage = Damage { sector: at / 16_384, at, octets_lost: block_end - at };
    assert_eq!(opened.damage, [Some(damage), None, None, None]);
    assert_eq!((opened.octets_lost, opened.torn_at), (block_end - at, None));
    for (address, entry) in entries {
        let lost = (at / 4..block_end / 4).contains(&places[&address].0);
        assert_eq!(store.book.entries.get(&address), (!lost).then_some(&entry), "{address}");
    }
}

#[test]
fn a_sector_whose_header_is_damaged_is_missed() {
    let (mut store, _) = Store::open(Memory::new(4, 512, 8));
    for last in 1..=60 {
        store.record(&bind(last, last, 100));
    }
    let begun = store.journal.usage().sectors_begun;
    assert!((4..8).contains(&begun));
    let mut medium = store.journal.into_medium();
    // The first sector that was begun is the first of the medium, and so on.
    medium.octets[2 * 512 + 9] ^= 1;
    let (store, opened) = Store::open(medium);
    assert_eq!(opened.sectors_lost, 1);
    assert!((30..60).contains(&store.book.entries.len()), "{}", store.book.entries.len());
}

/// Of two sectors without a readable beginning only the second can be one that was never finished: taken for unfinished both, one would keep the number
/// that the next sector gets, too, and would stand for it at the next start.
#[test]
fn one_sector_at_most_is_taken_for_unfinished() {
    let (mut store, _) = Store::open(Memory::new(4, 512, 8));
    for last in 1..=60 {
        store.record(&bind(last, last, 100));
    }
    let begun = store.journal.usage().sectors_begun;
    assert!((4..8).contains(&begun), "none is used again yet: the newest is the last of {begun}");
    let mut medium = store.journal.into_medium();
    let records_of = |sector: u32| sector * 512 + 16;
    for sector in [begun - 2, begun - 1] {
        medium.octets[records_of(sector) as usize + 5] ^= 1;
    }
    let (mut store, opened) = Store::open(medium);
    assert_eq!((opened.sectors, opened.sectors_lost), (begun - 1, 0));
    let [damage, None, None, None] = opened.damage else { panic!("{:?}", opened.damage) };
    let damage = damage.unwrap();
    assert_eq!((damage.sector, damage.at), (begun - 2, records_of(begun - 2)));
    store.record(&bind(61, 61, 100));
    store.reopened();
}

#[test]
fn what_is_torn_is_said_and_never_written_behind() {
    let (mut store, _) = Store::open(Memory::new(4, 4_096, 4));
    store.record(&bind(1, 1, 100));
    store.record(&bind(2, 2, 100));
    let at = store.book.places[&address(2)].0 * 4;
    let mut medium = store.journal.into_medium();
    medium.octets[at as usize + 8..][..16].fill(0xff);
    let (mut store, opened) = Store::open(medium);
    assert_eq!((opened.torn_at, opened.octets_lost), (Some(at), 0));
    store.record(&bind(3, 3, 100));
    assert_ne!(store.book.places[&address(3)].0 * 4 / 4_096, at / 4_096);
    let (store, opened) = store.reopened();
    assert_eq!((opened.torn_at, opened.octets_lost, store.book.entries.len()), (None, 0, 2));
}
