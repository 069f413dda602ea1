//! Is everything there when the journal goes on to the next sector, wherever the power is cut?

use super::*;

/// A change that is refused leaves the book as it was.
fn append(store: &mut Store, change: &Change<'_>) -> Result<(), JournalError<core::fmt::Error>> {
    let before = store.book.clone();
    store.book.replay(change);
    store.lsn = store.lsn.next();
    let appended = store.journal.append(store.lsn, change, &mut store.book);
    if appended.is_err() {
        store.book.entries = before.entries;
    }
    appended
}

/// What the first two clients did after they had their addresses, the first of them a pinned one.
fn histories() -> [Vec<Change<'static>>; 4] {
    let release = Change::Release { address: address(1) };
    [
        vec![extend(1, 200), extend(2, 300)],
        vec![release, extend(2, 300)],
        vec![bind(61, 1, 250), extend(2, 300)],
        vec![elsewhere(&bind(1, 1, 250)), extend(2, 300)],
    ]
}

/// As many leases as two sectors have room for, of which the last ones just fit, and then a change that is too long to be written beside them. Wherever
/// the power is cut, either that change is there or what it replaces.
#[test]
fn what_a_change_replaces_is_kept_until_it_is_recorded_however_full_the_sectors_are() {
    let mut followed = 0;
    for leases in 24..33 {
        for (last, client) in [(1, 99), (2, 99), (60, 1), (60, 2), (3, 1)] {
            for (history, kept_all) in
                histories().iter().flat_map(|history| [(history, true), (history, false)])
            {
                for calls in 0..90 {
                    let (mut store, _) = Store::open(Memory::new(4, 512, 3));
                    for last in 1..=leases {
                        store.record(&known(&bind(last, last, 100), b"camera", last == 1));
                    }
                    history.iter().for_each(|change| store.record(change));
                    let before = store.book.entries.clone();
                    let change = known(&bind(last, client, 400), &[b'n'; 64], false);
                    store.journal.medium.calls_left = Some(calls);
                    store.book.replay(&change);
                    store.lsn = store.lsn.next();
                    let appended = store.journal.append(store.lsn, &change, &mut store.book);
                    let Store { journal, book, .. } = store;
                    let (again, _) = Store::open(journal.into_medium().powered(kept_all));
                    let (found, states) = (again.book.entries, [&before, &book.entries]);
                    assert!(states.contains(&&found), "{leases} leases, {calls} calls: {found:?}");
                    if appended.is_ok() {
                        assert!(book.places.keys().eq(book.entries.keys()), "nothing else has one");
                        followed += 1;
                        break;
                    }
                }
            }
        }
    }
    assert!(followed >= 180, "{followed} changes found room in the end");
}

#[test]
fn where_a_long_change_has_room_a_shorter_one_has() {
    static NAME: [u8; 64] = [b'n'; 64];
    for leases in 20..33 {
        let (mut store, _) = Store::open(Memory::new(4, 512, 3));
        for last in 1..=leases {
            store.record(&bind(last, last, 100));
        }
        let medium = store.journal.into_medium();
        let has_room = (0..=64).map(|len| {
            let (mut store, _) = Store::open(medium.clone());
            append(&mut store, &known(&bind(60, 99, 100), &NAME[..len], false)).is_ok()
        });
        let has_room: Vec<_> = has_room.collect();
        assert!(has_room.is_sorted_by(|short, long| short >= long), "{leases}: {has_room:?}");
    }
}

/// Copies that go on in the next block stand where they were counted to stand.
#[test]
fn more_leases_than_a_block_has_room_for_are_copied() {
    static NAME: [u8; 64] = [b'n'; 64];
    let (mut store, _) = Store::open(Memory::new(4, 16_384, 3));
    for last in 1..=200 {
        store.record(&known(&bind(last, last, 100), &NAME[..usize::from(last) % 65], false));
    }
    let mut until = 100;
    while store.journal.usage().sectors_begun < 8 {
        until += 1;
        store.record(&extend(1, until));
    }
    assert_eq!(store.journal.usage().live, 200);
    let (_, opened) = store.reopened();
    assert_eq!((opened.octets_lost, opened.torn_at), (0, None));
}

/// Extends a lease until so many sectors were begun.
fn go_round(store: &mut Store, last: u8, sectors: u32) {
    for until in 1_000..2_000 {
        if store.journal.usage().sectors_begun >= sectors {
            return;
        }
        store.record(&extend(last, until));
    }
    panic!("{sectors} sectors were not begun");
}

/// An older record of the same lease is not copied behind the newer one.
#[test]
fn of_two_records_of_a_lease_the_newer_counts() {
    let (mut store, _) = Store::open(Memory::new(4, 512, 4));
    store.record(&known(&bind(1, 1, 100), b"old", true));
    store.record(&bind(2, 2, 100));
    go_round(&mut store, 2, 2);
    store.record(&known(&bind(1, 1, 100), b"new", false));
    for sectors in 3..12 {
        go_round(&mut store, 2, sectors);
        let mut last = None;
        let mut medium = store.journal.medium().clone();
        scan(&mut medium, |_, change| {
            if let Change::Bind { name, pinned, .. } = *change
                && change.address() == address(1)
            {
                last = Some((name.to_vec(), pinned));
            }
        })
        .unwrap();
        assert_eq!(last, Some((b"new".to_vec(), false)), "{sectors} sectors");
    }
}

#[test]
fn a_released_lease_is_copied_as_it_is_now() {
    let (mut store, _) = Store::open(Memory::new(4, 512, 4));
    store.record(&known(&bind(1, 1, 100), b"camera", true));
    store.record(&bind(2, 2, 100));
    store.record(&Change::Release { address: address(1) });
    go_round(&mut store, 2, 8);
    store.reopened();
}

/// A quarantine ends by itself, which no record says: nothing is copied, and there is no place of a record any more.
#[test]
fn what_is_over_has_no_place_when_its_sector_is_emptied() {
    let (mut store, _) = Store::open(Memory::new(4, 512, 4));
    let quarantine = Change::Quarantine { address: address(1), until: Timestamp::from_secs(50) };
    store.record(&quarantine);
    store.record(&bind(2, 2, 100));
    store.book.entries.remove(&address(1));
    assert!(store.book.place(address(1)).is_some());
    go_round(&mut store, 2, 8);
    assert_eq!(store.book.place(address(1)), None);
    store.reopened();
}

/// What the medium failed to program may be there in part.
#[test]
fn nothing_is_written_behind_what_failed() {
    let (mut store, _) = Store::open(Memory::new(4, 4_096, 4));
    store.record(&bind(1, 1, 100));
    store.journal.medium.calls_left = Some(0);
    assert!(append(&mut store, &bind(2, 2, 100)).is_err());
    store.journal.medium.calls_left = None;
    assert_eq!(store.journal.sync(), Err(JournalError::NotAppended));
    store.record(&bind(3, 3, 100));
    let sector = |last| store.book.places[&address(last)].0 * 4 / 4_096;
    assert_ne!(sector(1), sector(3));
    store.reopened();
}

#[test]
#[should_panic(expected = "a word has")]
fn a_medium_of_odd_words_is_not_opened() {
    Store::open(Memory::new(3, 512, 4));
}

/// A disk that keeps the record that makes a sector count, and not the copies in the block before, has lost them: they are synced first.
#[test]
fn copies_are_durable_before_their_sector_counts() {
    let (mut store, _) = Store::open(Memory::new(4, 8_192, 3));
    for last in 1..=150 {
        store.record(&bind(last, last, 100));
    }
    for sectors in 6..8 {
        while store.journal.usage().sectors_begun < sectors {
            let until = store.book.entries[&address(1)].until.plus_secs(1);
            store.record(&Change::Extend { address: address(1), until });
        }
        let (before, medium) = (store.book.entries.clone(), store.journal.medium().clone());
        for calls in 0.. {
            let (mut again, _) = Store::open(medium.clone());
            again.journal.medium.calls_left = Some(calls);
            let mut after = again.book.clone();
            after.replay(&extend(2, 200));
            let appended = append(&mut again, &extend(2, 200)).is_ok();
            let (found, _) = Store::open(again.journal.into_medium().powered(false));
            let found = found.book.entries;
            assert!(found == before || found == after.entries, "{sectors} sectors, {calls} calls");
            if appended {
                break;
            }
        }
    }
}
