//! Is damage told from what a power cut left unfinished?

use super::*;

/// Nothing in a sector tells how far its last records were durable: the next sector does, also when another run began it.
#[test]
fn damage_at_the_end_of_an_older_sector_is_reported() {
    for reopened in [false, true] {
        let (mut store, _) = Store::open(Memory::new(4, 512, 8));
        for last in 1..=20 {
            store.record(&bind(last, last, 100));
        }
        if reopened {
            (store, _) = store.reopened();
        }
        for last in 21..=40 {
            store.record(&bind(last, last, 100));
        }
        let Store { journal, book, .. } = store;
        let mut medium = journal.into_medium();
        let sector = book.places[&address(20)].0 * 4 / 512;
        let in_sector = |place: &Place| place.0 * 4 / 512 == sector;
        let last = book.places.iter().filter(|(_, place)| in_sector(place));
        let (damaged, place) = last.max_by_key(|(_, place)| **place).unwrap();
        let at = place.0 * 4;
        medium.octets[at as usize + 5] ^= 0x10;
        let (store, opened) = Store::open(medium);
        let [Some(damage), None, None, None] = opened.damage else { panic!("{opened:?}") };
        assert_eq!((damage.sector, damage.at, opened.torn_at), (sector, at, None));
        let record_len = at - book.places[&address(damaged.octets()[3] - 1)].0 * 4;
        assert_eq!(damage.octets_lost, record_len, "not what was never written");
        let mut expected = book.entries;
        expected.remove(damaged);
        assert_eq!(store.book.entries, expected);
    }
}

/// What was not synced is no damage when it is not there, whatever came behind it.
#[test]
fn what_was_never_durable_is_torn_and_not_damaged() {
    let (mut store, _) = Store::open(Memory::new(4, 16_384, 3));
    store.record(&bind(1, 1, 100));
    for last in 2..=200 {
        let change = bind(last, last, 100);
        store.book.replay(&change);
        store.lsn = store.lsn.next();
        store.journal.append(store.lsn, &change, &mut store.book).unwrap();
    }
    let at = store.book.places[&address(3)].0 * 4;
    let mut medium = store.journal.into_medium();
    medium.octets[at as usize + 5] ^= 0x10;
    let (store, opened) = Store::open(medium);
    assert_eq!((opened.torn_at, opened.octets_lost), (Some(at), 0));
    assert_eq!(store.book.entries.len(), 2);
}

/// Only the very next sector says how far an older one went.
#[test]
fn a_sector_before_a_missing_one_is_not_damaged() {
    let (mut store, _) = Store::open(Memory::new(4, 512, 8));
    store.record(&bind(1, 1, 100));
    (store, _) = store.reopened();
    for last in 2..=6 {
        store.record(&bind(last, last, 100));
    }
    (store, _) = store.reopened();
    store.record(&bind(7, 7, 100));
    let sector = store.book.places[&address(2)].0 * 4 / 512;
    let mut medium = store.journal.into_medium();
    medium.octets[sector as usize * 512 + 9] ^= 1;
    let (store, opened) = Store::open(medium);
    assert_eq!((opened.sectors_lost, opened.octets_lost, opened.damage[0]), (1, 0, None));
    assert_eq!(store.book.entries.len(), 2);
}
