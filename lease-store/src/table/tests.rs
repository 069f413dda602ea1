//! What the files of the table do together, in small stories. The model in `tests/model` does it at random.

extern crate std;

use std::boxed::Box;
use std::vec::Vec;

use dhcp_core::id::{ClientId, ClientKey, HardwareAddr, InstallationKey};
use dhcp_core::net::{Range, Subnet};
use dhcp_core::server::book::{Ask, Grant, Granted, LeaseBook, Standing, Unavailable};
use dhcp_core::server::config::{Reservation, SubnetConfig, Who};
use dhcp_core::time::LeaseTime;

use super::*;
use crate::container::Container;
use crate::index::RecordIndex as _;

type Boxed<I> = Storage<I, Box<[Slot<I>]>, Box<[I]>, Box<[u64]>, Box<[Span<I>]>, Box<[Pool<I>]>>;

const KEY: InstallationKey = InstallationKey([7; 16]);

const fn ip(third: u8, fourth: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, third, fourth)
}

const fn at(secs: u32) -> Timestamp {
    Timestamp::from_secs(1_700_000_000 + secs)
}

const fn mac(client: u8) -> HardwareAddr {
    HardwareAddr::ethernet([2, 0, 0, 0, 0, client])
}

fn key(client: u8) -> ClientKey {
    ClientKey::from_hardware(&KEY, &mac(client))
}

fn range(third: u8, first: u8, last: u8) -> Range {
    let subnet = Subnet::new(ip(third, 0), 24).unwrap();
    Range::new(&subnet, ip(third, first), ip(third, last)).unwrap()
}

fn subnet<'c>(third: u8, ranges: &'c [Range], excluded: &'c [Range]) -> SubnetConfig<'c> {
    SubnetConfig {
        ranges,
        excluded,
        lease_default: LeaseTime::Secs(3_600),
        lease_min: LeaseTime::Secs(60),
        lease_max: LeaseTime::Secs(7_200),
        authoritative: true,
        probe: false,
        ..SubnetConfig::new(Subnet::new(ip(third, 0), 24).unwrap())
    }
}

const fn config<'c>(subnets: &'c [SubnetConfig<'c>]) -> ServerConfig<'c> {
    ServerConfig::new(subnets, KEY)
}

const fn reserve(client: u8, address: Ipv4Addr) -> Reservation<'static> {
    Reservation::new(Who::Hardware(mac(client)), Some(address))
}

fn table(config: &ServerConfig<'_>) -> LeaseTable<Boxed<u16>> {
    LeaseTable::new(config, Boxed::collected(&Sizes::of(config))).unwrap()
}

fn ask(client: u8, reserved: Option<Ipv4Addr>, now: Timestamp, f: impl FnOnce(&Ask<'_>)) {
    let (key, hardware) = (key(client), mac(client));
    f(&Ask {
        subnet: SubnetIndex(0),
        key: &key,
        hardware: &hardware,
        reserved,
        requested: None,
        hold_until: now.plus_secs(60),
        now,
    });
}

fn offer<S: Store>(
    table: &mut LeaseTable<S>,
    client: u8,
    reserved: Option<Ipv4Addr>,
    now: Timestamp,
) -> Result<Ipv4Addr, Unavailable> {
    let mut offered = Err(Unavailable::Exhausted);
    ask(client, reserved, now, |ask| offered = table.offer(ask).map(|entry| entry.address));
    table.check();
    offered
}

fn grant<S: Store>(
    table: &mut LeaseTable<S>,
    client: u8,
    address: Ipv4Addr,
    secs: u32,
    pinned: bool,
    now: Timestamp,
) -> Result<Granted, Unavailable> {
    let until = now.plus_secs(secs);
    let promise = until.plus_secs(1_000);
    let (key, hardware) = (&key(client), &mac(client));
    let granted = table.grant(&Grant { address, key, hardware, until, promise, pinned, now });
    table.check();
    granted
}

#[test]
fn two_addresses_with_slots_in_one_subnet_are_of_one_subnet() {
    let (first, second) = ([range(1, 10, 12), range(1, 20, 22)], [range(2, 10, 12)]);
    let subnets = [subnet(1, &first, &[]), subnet(2, &second, &[])];
    let table = table(&config(&subnets));
    assert!(table.is_one_subnet(ip(1, 10), ip(1, 22)), "in two ranges");
    assert!(!table.is_one_subnet(ip(1, 10), ip(2, 10)));
    assert!(!table.is_one_subnet(ip(1, 10), ip(1, 13)), "it has no slot");
    assert!(!table.is_one_subnet(ip(1, 13), ip(1, 14)), "neither has one");
}

#[test]
fn ranges_exclusions_and_reservations_make_slots() {
    let ranges = [range(1, 0, 10), range(1, 250, 255)];
    let excluded = [range(1, 3, 4), range(1, 8, 8)];
    let known = [reserve(1, ip(1, 5)), reserve(2, ip(1, 99)), reserve(3, ip(1, 99))];
    let subnets = [
        subnet(2, &[], &[]),
        SubnetConfig { reservations: &known, ..subnet(1, &ranges, &excluded) },
    ];
    let table = table(&config(&subnets));
    table.check();
    let in_table = |fourth| table.entry_at(ip(1, fourth), at(0));
    let have: Vec<u8> = (0..=255).filter(|fourth| in_table(*fourth).is_some()).collect();
    assert_eq!(have, [1, 2, 5, 6, 7, 9, 10, 99, 250, 251, 252, 253, 254]);
    let reserved: Vec<u8> =
        have.iter().copied().filter(|fourth| in_table(*fourth).unwrap().reserved).collect();
    assert_eq!(reserved, [5, 99]);
    assert!(have.iter().all(|fourth| in_table(*fourth).unwrap().subnet == SubnetIndex(1)));
    assert_eq!((table.room(SubnetIndex(0)), table.room(SubnetIndex(1))), ((0, 0), (11, 11)));
}

/// Pools on different terms are subnets of one network, and a reservation is for the subnet that makes it.
#[test]
fn a_reservation_within_another_subnets_range_is_its_own_subnets() {
    let ranges = [[range(1, 10, 19)], [range(1, 20, 29)]];
    let known = [reserve(1, ip(1, 12)), reserve(2, ip(1, 10)), reserve(3, ip(1, 25))];
    let [first, second] = ranges.each_ref().map(|ranges| subnet(1, ranges, &[]));
    let subnets = [first, SubnetConfig { reservations: &known, ..second }];
    let table = table(&config(&subnets));
    table.check();
    let subnet_of = |fourth| table.entry_at(ip(1, fourth), at(0)).unwrap().subnet.0;
    let second: Vec<u8> = (10..30).filter(|fourth| subnet_of(*fourth) == 1).collect();
    assert_eq!(second, [10, 12, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29]);
    let addresses = |subnet| {
        let mut next = [Ipv4Addr::UNSPECIFIED; 20];
        let count = table.candidates(subnet, at(0), &mut next);
        next[..count].iter().map(|address| address.octets()[3]).collect::<Vec<_>>()
    };
    assert_eq!(addresses(SubnetIndex(0)), [11, 13, 14, 15, 16, 17, 18, 19]);
    assert_eq!(addresses(SubnetIndex(1)), [20, 21, 22, 23, 24, 26, 27, 28, 29]);
}

#[test]
fn too_little_storage_is_an_error_that_says_how_much_is_needed() {
    let ranges = [range(1, 10, 19), range(1, 30, 39)];
    let subnets = [subnet(1, &ranges, &[])];
    let config = config(&subnets);
    let sizes = Sizes::of(&config);
    assert_eq!(sizes, Sizes { slots: 20, buckets: 41, words: 1, spans: 2, pools: 1 });
    let with = |change: &dyn Fn(&mut Sizes)| {
        let mut sizes = sizes;
        change(&mut sizes);
        LeaseTable::new(&config, Boxed::<u16>::collected(&sizes)).map(|_| ())
    };
    let too_small = |column, need| Err(TableError::TooSmall { column, need, have: need - 1 });
    assert_eq!(with(&|_| ()), Ok(()));
    assert_eq!(with(&|sizes| sizes.slots = 19), too_small(Column::Slots, 20));
    assert_eq!(with(&|sizes| sizes.buckets = 40), too_small(Column::Buckets, 41));
    assert_eq!(with(&|sizes| sizes.words = 0), too_small(Column::Words, 1));
    assert_eq!(with(&|sizes| sizes.spans = 1), too_small(Column::Spans, 2));
    assert_eq!(with(&|sizes| sizes.pools = 0), too_small(Column::Pools, 1));
}

#[test]
fn more_addresses_than_the_index_counts_are_refused() {
    let network = Subnet::new(ip(0, 0), 15).unwrap();
    let ranges = [Range::new(&network, ip(0, 1), Ipv4Addr::new(10, 0, 255, 255)).unwrap()];
    let wide = SubnetConfig { subnet: network, ..subnet(0, &ranges, &[]) };
    let subnets = [wide];
    assert_eq!(table(&config(&subnets)).len(), 65_535);
    let ranges = [Range::new(&network, ip(0, 1), Ipv4Addr::new(10, 1, 0, 0)).unwrap()];
    let subnets = [SubnetConfig { ranges: &ranges, ..wide }];
    let config = config(&subnets);
    let error = LeaseTable::new(&config, Boxed::<u16>::collected(&Sizes::of(&config))).map(|_| ());
    assert_eq!(error, Err(TableError::TooManyAddresses { need: 65_536, max: 65_535 }));
}

#[test]
fn the_same_table_lives_in_arrays_and_in_borrowed_slices() {
    let ranges = [range(1, 10, 73)];
    let subnets = [subnet(1, &ranges, &[])];
    let config = config(&subnets);
    let mut arrays =
        LeaseTable::new(&config, ArrayStorage::<u16, 64, 129, 1, 1, 1>::empty()).unwrap();
    assert_eq!(offer(&mut arrays, 1, None, at(0)), Ok(ip(1, 10)));
    assert!(size_of_val(&arrays) <= 48 * 64, "{} octets", size_of_val(&arrays));
    let (mut slots, mut buckets) = ([Slot::<u32>::FRESH; 64], [0_u32; 129]);
    let (mut words, mut spans, mut pools) = ([u64::MAX], [Span::EMPTY], [Pool::EMPTY]);
    let storage = SliceStorage::new(
        &mut slots[..],
        &mut buckets[..],
        &mut words[..],
        &mut spans[..],
        &mut pools[..],
    );
    let mut borrowed = LeaseTable::new(&config, storage).unwrap();
    assert_eq!(offer(&mut borrowed, 1, None, at(0)), Ok(ip(1, 10)));
}

#[test]
fn an_address_in_the_ranges_of_two_subnets_is_refused() {
    let ranges = [[range(1, 20, 30)], [range(1, 10, 20)]];
    let subnets = ranges.each_ref().map(|ranges| subnet(1, ranges, &[]));
    let config = config(&subnets);
    let refused = LeaseTable::new(&config, Boxed::<u16>::collected(&Sizes::of(&config)));
    assert_eq!(refused.unwrap_err(), TableError::Overlap { address: ip(1, 20) });
}

/// What was in the storage does not matter.
#[test]
fn a_table_in_the_storage_of_another_is_new() {
    let ranges = [range(1, 10, 73)];
    let before = [subnet(1, &ranges, &[])];
    let mut before = table(&config(&before));
    for client in 1..=30 {
        offer(&mut before, client, None, at(0)).unwrap();
    }
    let known = [reserve(9, ip(1, 70))];
    let subnets = [SubnetConfig { reservations: &known, ..subnet(1, &ranges, &[]) }];
    let after = LeaseTable::new(&config(&subnets), before.into_storage()).unwrap();
    after.check();
    assert_eq!(after.census(), Census { fresh: 64, ..Census::default() });
}

#[test]
fn a_client_gets_its_address_back_and_strangers_get_the_oldest() {
    let ranges = [range(1, 10, 12)];
    let subnets = [subnet(1, &ranges, &[])];
    let mut table = table(&config(&subnets));
    for client in 1..=3 {
        let address = offer(&mut table, client, None, at(0)).unwrap();
        assert_eq!(address, ip(1, 9 + client));
        let secs = [300, 100, 200][usize::from(client) - 1];
        assert_eq!(grant(&mut table, client, address, secs, false, at(0)), Ok(Granted::Bind));
    }
    assert_eq!(offer(&mut table, 4, None, at(99)), Err(Unavailable::Exhausted));
    assert_eq!(offer(&mut table, 2, None, at(99)), Ok(ip(1, 11)), "its lease");
    // Nothing was swept: the offer finds what is over by itself, in the order of the ends.
    assert_eq!(offer(&mut table, 3, None, at(400)), Ok(ip(1, 12)), "what it had");
    assert_eq!(offer(&mut table, 4, None, at(400)), Ok(ip(1, 11)));
    assert_eq!(offer(&mut table, 5, None, at(400)), Ok(ip(1, 10)));
    assert_eq!(offer(&mut table, 1, None, at(400)), Err(Unavailable::Exhausted));
}

#[test]
fn a_leased_client_keeps_its_lease_while_it_is_offered_its_reservation() {
    let ranges = [range(1, 10, 12)];
    let known = [reserve(1, ip(1, 50))];
    let subnets = [SubnetConfig { reservations: &known, ..subnet(1, &ranges, &[]) }];
    let mut table = table(&config(&subnets));
    grant(&mut table, 1, ip(1, 10), 600, false, at(0)).unwrap();
    assert_eq!(offer(&mut table, 1, Some(ip(1, 50)), at(1)), Ok(ip(1, 50)));
    let own = |table: &LeaseTable<_>, now| table.entry_of(SubnetIndex(0), &key(1), now).unwrap();
    assert_eq!(own(&table, at(1)).address, ip(1, 10), "a lease counts more than an offer");
    // The offer runs out, and is forgotten; or it is granted, and the lease is nobody's.
    table.sweep(at(61), 64);
    table.check();
    assert_eq!(table.entry_at(ip(1, 50), at(61)).unwrap().key, None);
    assert_eq!(offer(&mut table, 1, Some(ip(1, 50)), at(62)), Ok(ip(1, 50)));
    assert_eq!(grant(&mut table, 1, ip(1, 50), 600, false, at(63)), Ok(Granted::Bind));
    assert_eq!(own(&table, at(63)).address, ip(1, 50));
    let left = table.entry_at(ip(1, 10), at(63)).unwrap();
    assert_eq!((left.standing, left.key), (Standing::Idle, None));
}

/// Though it was not swept.
#[test]
fn an_offer_beside_a_lease_is_nobodys_when_it_is_over_and_either_is_granted() {
    let ranges = [range(1, 10, 12)];
    let known = [reserve(1, ip(1, 50))];
    let subnets = [SubnetConfig { reservations: &known, ..subnet(1, &ranges, &[]) }];
    let (lease, offered) = (ip(1, 10), ip(1, 50));
    let cases = [(lease, offered, Granted::Covered), (offered, lease, Granted::Bind)];
    for (address, other, expected) in cases {
        let mut table = table(&config(&subnets));
        grant(&mut table, 1, lease, 600, false, at(0)).unwrap();
        assert_eq!(offer(&mut table, 1, Some(offered), at(1)), Ok(offered));
        assert_eq!(table.look(offered, &key(1), at(60)).map(|(seen, _)| seen.own), Some(true));
        assert_eq!(table.look(offered, &key(1), at(61)).map(|(seen, _)| seen.own), Some(false));
        assert_eq!(grant(&mut table, 1, address, 600, false, at(61)), Ok(expected));
        assert_eq!(table.entry_of(SubnetIndex(0), &key(1), at(61)).unwrap().address, address);
        assert_eq!(table.entry_at(other, at(61)).unwrap().key, None);
        while table.sweep(at(660), 64) {}
        assert_eq!(table.entry_at(address, at(660)).unwrap().standing, Standing::Bound);
    }
}

#[test]
fn pinned_addresses_are_for_their_client_until_it_releases_them() {
    let ranges = [range(1, 10, 10)];
    let subnets = [subnet(1, &ranges, &[])];
    let mut table = table(&config(&subnets));
    grant(&mut table, 1, ip(1, 10), 60, true, at(0)).unwrap();
    table.sweep(at(100), 64);
    assert_eq!(offer(&mut table, 2, None, at(100)), Err(Unavailable::Exhausted));
    assert_eq!(grant(&mut table, 2, ip(1, 10), 60, false, at(100)), Err(Unavailable::Taken));
    assert_eq!(table.room(SubnetIndex(0)), (0, 1));
    assert!(table.release(ip(1, 10), &key(1), at(100)));
    assert_eq!(offer(&mut table, 2, None, at(100)), Ok(ip(1, 10)));
}

#[test]
fn containers_of_this_installation_are_known_by_their_identifiers() {
    let ranges = [range(1, 10, 10)];
    let subnets = [subnet(1, &ranges, &[])];
    let table = table(&config(&subnets));
    let camera = Container { name: "camera".parse().unwrap(), vlan: Some(1) };
    let id = camera.client_id(&KEY);
    assert_eq!(table.name_in(&KEY, id.as_client_id()), Some(&b"camera"[..]));
    let foreign = camera.client_id(&InstallationKey([8; 16]));
    assert_eq!(table.name_in(&KEY, foreign.as_client_id()), None, "of another truck");
    let other = ClientId::new(b"\x01\x02\0\0\0\0\x01").unwrap();
    assert_eq!(table.name_in(&KEY, other), None);
}

#[test]
fn a_renewal_within_the_promise_needs_no_record() {
    let ranges = [range(1, 10, 10)];
    let subnets = [subnet(1, &ranges, &[])];
    let mut table = table(&config(&subnets));
    let renew = |table: &mut LeaseTable<_>, now| grant(table, 1, ip(1, 10), 600, false, at(now));
    assert_eq!(renew(&mut table, 0), Ok(Granted::Bind));
    assert_eq!(renew(&mut table, 500), Ok(Granted::Covered));
    assert_eq!(renew(&mut table, 1_000), Ok(Granted::Covered), "until 1600, which was promised");
    assert_eq!(renew(&mut table, 1_001), Ok(Granted::Extend));
    table.forget_promise(ip(1, 10));
    assert_eq!(renew(&mut table, 1_002), Ok(Granted::Bind));
    let pinned = grant(&mut table, 1, ip(1, 10), 600, true, at(1_003));
    assert_eq!(pinned, Ok(Granted::Bind), "the record says that it is pinned");
}

/// The offer of an address that its client has already is held, too, though the lease ends before the client can have answered.
#[test]
fn what_is_offered_is_held_when_it_is_a_lease_that_ends_soon() {
    let ranges = [range(1, 1, 1)];
    let mut table = table(&config(&[subnet(1, &ranges, &[])]));
    assert_eq!(grant(&mut table, 1, ip(1, 1), 600, false, at(0)), Ok(Granted::Bind));
    assert_eq!(offer(&mut table, 1, None, at(100)), Ok(ip(1, 1)));
    assert_eq!(table.entry_at(ip(1, 1), at(100)).unwrap().until, at(600), "it lasts anyway");
    assert_eq!(offer(&mut table, 1, None, at(598)), Ok(ip(1, 1)));
    assert_eq!(offer(&mut table, 2, None, at(657)), Err(Unavailable::Exhausted));
    assert_eq!(grant(&mut table, 1, ip(1, 1), 600, false, at(657)), Ok(Granted::Covered));
    assert_eq!(offer(&mut table, 1, None, at(1_256)), Ok(ip(1, 1)));
    assert_eq!(offer(&mut table, 2, None, at(1_316)), Ok(ip(1, 1)), "a minute is enough");
}

/// As the server does it. What is over is not swept before it is looked at.
#[test]
fn an_address_is_granted_where_it_was_looked_at() {
    let ranges = [range(1, 10, 11)];
    let mut table = table(&config(&[subnet(1, &ranges, &[])]));
    let (_, spot) = table.look(ip(1, 10), &key(1), at(0)).unwrap();
    let mut request = |client, secs| {
        let (key, hardware, now) = (&key(client), &mac(client), at(secs));
        let address = ip(1, 10);
        let (seen, there) = table.look(address, key, now).unwrap();
        assert_eq!(there, spot, "as long as there is the book");
        assert_eq!(Some(seen), table.entry_at(address, now).map(|entry| entry.seen_by(key)));
        let until = now.plus_secs(600);
        let grant = Grant { address, key, hardware, until, promise: until, pinned: false, now };
        let granted = table.grant_at(spot, &grant);
        table.check();
        let owner = table.entry_at(address, now).unwrap();
        (seen.holding.standing, seen.own, granted, owner.key == Some(*key) && owner.until == until)
    };
    assert_eq!(request(1, 0), (Standing::Fresh, false, Ok(Granted::Bind), true));
    assert_eq!(request(2, 100), (Standing::Bound, false, Err(Unavailable::Taken), false));
    assert_eq!(request(1, 300), (Standing::Bound, true, Ok(Granted::Extend), true));
    assert_eq!(request(1, 900), (Standing::Idle, true, Ok(Granted::Bind), true), "over");
    assert_eq!(request(2, 1_500), (Standing::Idle, false, Ok(Granted::Bind), true), "over");
    assert_eq!(table.entry_of(SubnetIndex(0), &key(1), at(1_500)), None);
    assert!(!table.sweep(at(2_099), 64), "what was over was ended once");
    assert_eq!(table.entry_at(ip(1, 10), at(2_099)).unwrap().standing, Standing::Bound);
    assert_eq!(table.look(ip(1, 40), &key(1), at(0)), None);
}
