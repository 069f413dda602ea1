use core::net::Ipv4Addr;
use std::fs;

use dhcp_core::id::{ClientKey, HardwareAddr, InstallationKey};
use dhcp_core::server::Lsn;
use dhcp_core::server::book::Change;
use dhcp_core::time::Timestamp;
use lease_store::index::{Place, RecordIndex, Recorded, Replay};
use lease_store::journal::{Journal, OpenError, scan};

use super::*;

/// A book of one lease.
#[derive(Debug, Default, PartialEq)]
struct One {
    recorded: Option<Recorded>,
    place: Option<Place>,
}

impl RecordIndex for One {
    fn place(&self, _: Ipv4Addr) -> Option<Place> {
        self.place
    }

    fn set_place(&mut self, _: Ipv4Addr, place: Option<Place>) -> bool {
        self.place = place;
        true
    }

    fn places(&self) -> u32 {
        self.place.is_some().into()
    }

    fn recorded(&self, _: Ipv4Addr) -> Option<Recorded> {
        self.recorded
    }

    fn is_one_subnet(&self, _one: Ipv4Addr, _other: Ipv4Addr) -> bool {
        true
    }
}

impl Replay for One {
    fn replay(&mut self, change: &Change<'_>) {
        if let Change::Bind { key, until, pinned, .. } = *change {
            self.recorded = Some(Recorded { key: Some(key), until, pinned });
        }
    }
}

fn bind(until: u32) -> Change<'static> {
    let hardware = HardwareAddr::ethernet([2, 0, 0, 0, 0, 1]);
    Change::Bind {
        address: Ipv4Addr::new(10, 0, 1, 2),
        key: ClientKey::from_hardware(&InstallationKey([0; 16]), &hardware),
        hardware,
        client_id: None,
        name: b"pump",
        until: Timestamp::from_secs(until),
        pinned: false,
    }
}

#[test]
fn what_was_synced_is_there_when_the_file_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("leases.journal");
    let mut book = One::default();
    let (mut journal, opened) = Journal::open(FileMedium::open(&path).unwrap(), &mut book).unwrap();
    assert_eq!(opened.records, 0);
    let mut lsn = Lsn::ZERO;
    for until in 1..=20_000 {
        lsn = lsn.next();
        book.replay(&bind(until));
        journal.append(lsn, &bind(until), &mut book).unwrap();
        if until % 64 == 0 {
            assert_eq!(journal.sync().unwrap().lsn(), lsn);
            while journal.tidy(&mut book).unwrap() {}
        }
    }
    journal.sync().unwrap();
    assert!(journal.usage().sectors_begun > 4);
    let len = fs::metadata(&path).unwrap().len();
    assert_eq!(len, u64::from(SECTORS_MIN * SECTOR_LEN), "one lease needs no more");

    let mut beside = FileMedium::open_read_only(&path).unwrap();
    let mut last = None;
    scan(&mut beside, |_, change| last = Some(*change == bind(20_000))).unwrap();
    assert_eq!(last, Some(true));
    assert!(beside.erase(0).is_err(), "it is open for reading only");

    drop(journal);
    let mut again = One::default();
    Journal::open(FileMedium::open(&path).unwrap(), &mut again).unwrap();
    assert_eq!(again, book);
}

#[test]
fn a_second_server_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("leases.journal");
    let first = FileMedium::open(&path).unwrap();
    let error = FileMedium::open(&path).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{} is in use by another hydrant server", path.display())
    );
    drop(first);
    FileMedium::open(&path).unwrap();
}

#[test]
fn a_file_that_is_something_else_is_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("leases.journal");
    for text in ["lease 10.0.1.2 {\n".repeat(20_000), String::from("a note")] {
        fs::write(&path, &text).unwrap();
        let error = FileMedium::open(&path).unwrap_err();
        assert!(matches!(error, FileError::NotAJournal { .. }), "{error}");
        let error = FileMedium::open_read_only(&path).unwrap_err();
        assert!(matches!(error, FileError::NotAJournal { .. }), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn the_image_of_a_flash_is_read_by_its_own_sizes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("flash.bin");
    let journal = directory.path().join("leases.journal");
    let mut book = One::default();
    let (mut open, _) = Journal::open(FileMedium::open(&journal).unwrap(), &mut book).unwrap();
    book.replay(&bind(7));
    open.append(Lsn::ZERO.next(), &bind(7), &mut book).unwrap();
    open.sync().unwrap();
    // The flash has other things in front.
    let mut image = vec![0x5a; SECTOR_LEN as usize];
    image.extend(fs::read(&journal).unwrap());
    fs::write(&path, image).unwrap();
    let mut changes = 0;
    scan(&mut FileMedium::open_read_only(&path).unwrap(), |_, change| {
        assert_eq!(*change, bind(7));
        changes += 1;
    })
    .unwrap();
    assert_eq!(changes, 1);
}

#[test]
fn an_empty_journal_is_read_as_empty() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("leases.journal");
    drop(FileMedium::open(&path).unwrap());
    let mut medium = FileMedium::open_read_only(&path).unwrap();
    assert_eq!(scan(&mut medium, |_, _| panic!("there is none")).unwrap().records, 0);
    fs::write(&path, [0xff; 600]).unwrap();
    let mut medium = FileMedium::open_read_only(&path).unwrap();
    let error = scan(&mut medium, |_, _| ()).unwrap_err();
    assert!(matches!(error, OpenError::TooSmall { sectors: 1 }));
}
