//! Does `hydrant leases --image` tell what a microcontroller wrote down? A journal is kept on a NOR flash in memory, dumped, and read by the program.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "in a test a panic is the report; clippy sees the helpers as no tests"
)]

use core::convert::Infallible;
use core::net::Ipv4Addr;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use dhcp_core::id::{ClientKey, HardwareAddr, InstallationKey};
use dhcp_core::server::Lsn;
use dhcp_core::server::book::Change;
use dhcp_core::time::Timestamp;
use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use lease_store::index::{Place, RecordIndex, Recorded, Replay};
use lease_store::journal::Journal;
use lease_store::medium::NorMedium;

/// The firmware's: sectors of 4 KiB, words of 4 octets.
const SECTOR_LEN: usize = 4_096;

struct Flash(Vec<u8>);

impl ErrorType for Flash {
    type Error = Infallible;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, at: u32, octets: &mut [u8]) -> Result<(), Infallible> {
        octets.copy_from_slice(&self.0[at as usize..][..octets.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = SECTOR_LEN;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Infallible> {
        self.0[from as usize..to as usize].fill(0xff);
        Ok(())
    }

    fn write(&mut self, at: u32, octets: &[u8]) -> Result<(), Infallible> {
        let words = &mut self.0[at as usize..][..octets.len()];
        assert!(words.iter().all(|octet| *octet == 0xff), "a word is programmed once");
        words.copy_from_slice(octets);
        Ok(())
    }
}

/// A book of leases and nothing else.
#[derive(Default)]
struct Book(BTreeMap<Ipv4Addr, (Option<Place>, Option<Recorded>)>);

impl RecordIndex for Book {
    fn place(&self, address: Ipv4Addr) -> Option<Place> {
        self.0.get(&address)?.0
    }

    fn set_place(&mut self, address: Ipv4Addr, place: Option<Place>) -> bool {
        self.0.entry(address).or_default().0 = place;
        true
    }

    fn places(&self) -> u32 {
        self.0.values().filter(|(place, _)| place.is_some()).map(|_| 1).sum()
    }

    fn recorded(&self, address: Ipv4Addr) -> Option<Recorded> {
        self.0.get(&address)?.1
    }

    fn is_one_subnet(&self, _one: Ipv4Addr, _other: Ipv4Addr) -> bool {
        true
    }
}

impl Replay for Book {
    fn replay(&mut self, change: &Change<'_>) {
        if let Change::Bind { address, key, until, pinned, .. } = *change {
            let recorded = Recorded { key: Some(key), until, pinned };
            self.0.entry(address).or_default().1 = Some(recorded);
        }
    }
}

fn bind(last: u8, name: &'static str, until: u32) -> Change<'static> {
    let hardware = HardwareAddr::ethernet([2, 0, 0, 0, 0, last]);
    Change::Bind {
        address: Ipv4Addr::new(10, 0, 1, last),
        key: ClientKey::from_hardware(&InstallationKey([0; 16]), &hardware),
        hardware,
        client_id: None,
        name: name.as_bytes(),
        until: Timestamp::from_secs(until),
        pinned: false,
    }
}

/// The flash behind a microcontroller's configuration, after it counted 500 seconds: one lease that is over, one renewed until its sector was
/// not enough, one for good.
fn flash() -> Vec<u8> {
    let mut book = Book::default();
    let medium = NorMedium::new(Flash(vec![0xff; 16 * SECTOR_LEN]));
    let (mut journal, _) = Journal::open(medium, &mut book).unwrap();
    let renewals = (1..=200).map(|time| bind(3, "pump", 3_600 + time));
    let changes = [bind(2, "camera", 400)].into_iter().chain(renewals);
    let mut lsn = Lsn::ZERO;
    for change in changes.chain([bind(4, "", Timestamp::NEVER.as_secs())]) {
        lsn = lsn.next();
        book.replay(&change);
        journal.append(lsn, &change, &mut book).unwrap();
    }
    journal.mark_time(Timestamp::from_secs(500), &mut book).unwrap();
    journal.sync().unwrap();
    assert!(journal.usage().sectors_begun > 1, "more than one sector is read");
    journal.medium().flash().0.clone()
}

fn leases(path: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hydrant"));
    command.arg("leases").arg("--image").arg(path).args(more).output().unwrap()
}

fn said(output: &Output) -> (&str, &str) {
    (str::from_utf8(&output.stdout).unwrap(), str::from_utf8(&output.stderr).unwrap())
}

const TABLE: &str = "\
ADDRESS   MAC                CLIENT ID  NAME    STATE  UNTIL                 SUBNET
10.0.1.2  02:00:00:00:00:02  -          camera  idle   1970-01-01T00:06:40Z  -
10.0.1.3  02:00:00:00:00:03  -          pump    bound  1970-01-01T01:03:20Z  -
10.0.1.4  02:00:00:00:00:04  -          -       bound  never                 -
";

#[test]
fn a_dump_shows_the_same_table_wherever_the_journal_begins_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flash.bin");
    // The whole chip, as the firmware divides it; the journal alone; and a dump that begins in the middle of a sector.
    for front in [4 * SECTOR_LEN, 0, 3 * 512] {
        fs::write(&path, [vec![0x5a; front], flash()].concat()).unwrap();
        let output = leases(&path, &[]);
        let (table, notes) = said(&output);
        assert_eq!(table, TABLE, "{front} octets in front: {notes}");
        assert!(notes.contains("flash.bin: as of 1970-01-01T00:08:20Z"), "{notes}");
        assert_eq!(notes.lines().count(), 1, "{notes}");
    }
    let output = leases(&path, &["--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json[1]["name"], "pump");
    assert_eq!(json[1]["until"], 3_800);
}

#[test]
fn the_second_journal_of_a_dump_is_read_when_it_is_pointed_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flash.bin");
    let first = flash();
    // At no multiple of 512.
    let offset = first.len() + 100;
    fs::write(&path, [first, vec![0; 100], flash()].concat()).unwrap();
    for offset in [offset.to_string(), format!("{offset:#x}")] {
        assert_eq!(said(&leases(&path, &["--offset", &offset])).0, TABLE);
    }
}

#[test]
fn a_damaged_sector_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flash.bin");
    let mut octets = flash();
    octets[200..220].fill(0);
    fs::write(&path, octets).unwrap();
    let output = leases(&path, &[]);
    let (table, notes) = said(&output);
    assert!(table.contains("pump") && notes.contains("damaged and lost"), "{table}{notes}");
}

#[test]
fn what_is_no_dump_is_refused_with_its_name_and_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flash.bin");
    let refused = |more: &[&str]| {
        let output = leases(&path, more);
        let (table, why) = said(&output);
        assert_eq!((output.status.code(), table), (Some(1), ""), "{why}");
        assert!(why.contains("flash.bin"), "{why}");
        why.to_owned()
    };
    assert!(refused(&[]).contains("No such file"));
    fs::write(&path, vec![0x5a; 20_000]).unwrap();
    assert!(refused(&[]).contains("begins like a lease journal from octet 0 on"));
    assert!(refused(&["--offset", "20000"]).contains("has 20000 octets"));
    // Cut off behind the first sector.
    fs::write(&path, &flash()[..SECTOR_LEN]).unwrap();
    assert!(refused(&[]).contains("at least 2 sectors, and there are 1"));
    // A new device: its configuration, and nothing behind it.
    fs::write(&path, [vec![0x5a; SECTOR_LEN], vec![0xff; SECTOR_LEN]].concat()).unwrap();
    assert!(refused(&[]).contains("no lease was ever written"));
    assert_eq!(said(&leases(&path, &["--offset", "0x1000"])).0.lines().count(), 1, "no leases");
    let output = leases(&path, &["--offset", "4k"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).1.contains("16384 or 0x4000"));
}
