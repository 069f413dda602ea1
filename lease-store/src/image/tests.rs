extern crate std;

use core::net::Ipv4Addr;
use std::string::ToString;
use std::vec::Vec;
use std::{format, vec};

use dhcp_core::id::{HardwareAddr, InstallationKey};
use dhcp_core::net::{Range, Subnet};
use dhcp_core::server::book::{Entry, LeaseBook as _};
use dhcp_core::server::config::{
    Identity, Link, Reservation, ServerConfig, SubnetConfig, SubnetIndex, Who,
};
use dhcp_core::time::{LeaseTime, Timestamp};
use dhcp_core::wire::options::RenderedOptions;
use proptest::prelude::*;

use super::*;
use crate::lease::Slot;
use crate::table::{Column, Pool, Sizes, Span, Storage, TableError};

mod edges;

type Leases =
    LeaseTable<Storage<u16, Vec<Slot<u16>>, Vec<u16>, Vec<u64>, Vec<Span<u16>>, Vec<Pool<u16>>>>;

fn leases(config: &ServerConfig<'_>) -> Leases {
    LeaseTable::new(config, Storage::collected(&Sizes::of(config))).unwrap()
}

const fn address(subnet: u8, host: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, subnet, host)
}

/// Calls `body` with a configuration in which everything that can be set is set.
fn with_config<R>(body: impl FnOnce(&ServerConfig<'_>) -> R) -> R {
    let nets = [1, 2].map(|number| Subnet::new(address(number, 0), 24).unwrap());
    let range = |net: usize, first, last| {
        let number = u8::try_from(net + 1).unwrap();
        Range::new(&nets[net], address(number, first), address(number, last)).unwrap()
    };
    let reservations = [
        Reservation {
            who: Who::Hardware(HardwareAddr::ethernet([2, 0, 0, 0, 0, 9])),
            address: Some(address(1, 9)),
            options: &[12, 2, b'o', b'k'],
            next_server: Some(address(1, 4)),
            boot_file: b"boot",
            name: b"camera",
        },
        Reservation {
            who: Who::ClientId(&[0, 1, 2]),
            address: None,
            options: &[],
            next_server: None,
            boot_file: &[],
            name: &[],
        },
        Reservation {
            who: Who::Name(b"radio"),
            address: Some(address(1, 250)),
            options: &[],
            next_server: None,
            boot_file: &[],
            name: b"radio",
        },
    ];
    let first = SubnetConfig {
        subnet: nets[0],
        link: Some(Link { interface: 0, vlan: Some(1) }),
        shared_network: None,
        server_id: Some(address(1, 1)),
        next_server: Some(address(1, 5)),
        server_name: b"server",
        boot_file: b"file",
        ranges: &[range(0, 2, 20), range(0, 30, 200)],
        excluded: &[range(0, 3, 3)],
        options: RenderedOptions::new(&[3, 4, 10, 0, 1, 3, 6, 8, 8, 8, 8, 8, 8, 8, 4, 4]),
        lease_default: LeaseTime::Secs(3_600),
        lease_min: LeaseTime::Secs(60),
        lease_max: LeaseTime::Infinite,
        authoritative: true,
        identity: Identity::ClientId,
        serve_unknown: true,
        trust_host_name: true,
        probe: true,
        reservations: &reservations,
    };
    let second = SubnetConfig {
        subnet: nets[1],
        link: None,
        shared_network: Some(1),
        server_id: None,
        next_server: None,
        server_name: &[],
        boot_file: &[],
        ranges: &[range(1, 2, 200)],
        excluded: &[],
        options: RenderedOptions::EMPTY,
        identity: Identity::Hardware,
        serve_unknown: false,
        trust_host_name: false,
        probe: false,
        authoritative: false,
        reservations: &[],
        ..first
    };
    body(&ServerConfig {
        subnets: &[first, second],
        installation: InstallationKey([7; 16]),
        offer_hold_secs: 60,
        quarantine_secs: 600,
        promise_slack_secs: 86_400,
    })
}

fn written() -> Vec<u8> {
    let mut octets = vec![0; 4_096];
    let len = with_config(|config| write(config, &leases(config), &mut octets)).unwrap();
    octets.truncate(len);
    octets
}

fn refusal(octets: &[u8]) -> ImageError {
    read(octets, &mut Room::<4, 8, 8>::new()).unwrap_err()
}

/// The length and the checksum made right again, as another program would write them.
fn sealed(mut octets: Vec<u8>) -> Vec<u8> {
    octets.truncate(octets.len() - CRC_LEN);
    let len = u32::try_from(octets.len() - HEADER_LEN).unwrap();
    octets[8..12].copy_from_slice(&len.to_le_bytes());
    let crc = CRC.checksum(&octets);
    octets.extend(crc.to_le_bytes());
    octets
}

/// What is read has the ranges that the lease table has, and all else as it was.
#[test]
fn what_is_written_is_read() {
    let mut flash = written();
    flash.extend([0xff; 100]);
    let mut room = Room::<2, 5, 3>::new();
    let config = read(&flash, &mut room).unwrap();
    let net = Subnet::new(address(1, 0), 24).unwrap();
    let runs = [(2, 2), (4, 20), (30, 200), (250, 250)]
        .map(|(first, last)| Range::new(&net, address(1, first), address(1, last)).unwrap());
    with_config(|before| {
        let [first, second] = *before.subnets else { panic!("two subnets") };
        let first = SubnetConfig { ranges: &runs, excluded: &[], ..first };
        let before = ServerConfig { subnets: &[first, second], ..*before };
        let told = |config: &ServerConfig<'_>| format!("{config:?} {:?}", config.installation.0);
        assert_eq!(told(&config), told(&before));
    });
    assert_eq!(config.subnets.get(usize::from(SubnetIndex(0).0)).unwrap().reservations.len(), 3);
}

/// What a table says of every address that could be one of its own.
fn told<S: Store>(table: &LeaseTable<S>) -> Vec<Option<Entry>> {
    let addresses = (0..=3).flat_map(|subnet| (0..=255).map(move |host| address(subnet, host)));
    addresses.map(|address| table.entry_at(address, Timestamp::default())).collect()
}

fn candidates<S: Store>(table: &LeaseTable<S>, subnet: u16) -> Vec<Ipv4Addr> {
    let mut next = [Ipv4Addr::UNSPECIFIED; 256];
    let count = table.candidates(SubnetIndex(subnet), Timestamp::default(), &mut next);
    next[..count].to_vec()
}

#[test]
fn a_table_of_an_image_is_that_of_the_configuration() {
    let octets = written();
    let mut room = Room::<2, 5, 3>::new();
    let config = read(&octets, &mut room).unwrap();
    let sizes = Sizes::new(400, 5, 2);
    let table = Leases::of_image(&config, Storage::collected(&sizes)).unwrap();
    table.check();
    with_config(|before| {
        let before = leases(before);
        assert_eq!(told(&table), told(&before));
        assert_eq!(table.len(), before.len());
        for subnet in 0..2 {
            assert_eq!(candidates(&table, subnet), candidates(&before, subnet));
        }
    });
}

/// The octets of version 3, to the last: an image that is in the field stays readable.
#[test]
fn the_format_of_version_3_does_not_change() {
    let octets = written();
    assert_eq!(octets[..12], *b"HYIM\x03\0\0\0\x4b\x01\0\0");
    assert_eq!(octets[12..28], [7; 16]);
    assert_eq!(octets[28..40], [60, 0, 0, 0, 88, 2, 0, 0, 128, 81, 1, 0]);
    assert_eq!(octets[40..52], [5, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0]);
    assert_eq!(octets[52..60], [10, 0, 1, 2, 10, 0, 1, 2]);
    assert_eq!(octets[octets.len() - 4..], [72, 35, 222, 40], "the checksum of everything else");
}

#[test]
fn a_bad_image_is_refused_with_its_reason() {
    let good = written();
    assert_eq!(refusal(&[0xff; 64]), ImageError::Blank);
    assert_eq!(refusal(&[0; 64]), ImageError::NotAnImage);
    assert_eq!(refusal(&good[..9]), ImageError::Truncated { needed: 12, found: 9 });
    let cut = ImageError::Truncated { needed: good.len(), found: good.len() - 1 };
    assert_eq!(refusal(&good[..good.len() - 1]), cut);
    for version in [2, 4] {
        let mut other = good.clone();
        other[4] = version;
        let found = u16::from(version);
        assert_eq!(refusal(&other), ImageError::Version { found });
        assert!(refusal(&other).to_string().contains(&format!("version {version}")));
    }
}

/// Under a right checksum, each part is missed where it is missing, and so is its end.
#[test]
fn what_is_cut_off_or_too_much_is_refused() {
    let good = written();
    let cut = |len: usize| {
        let mut octets = good[..HEADER_LEN + len].to_vec();
        octets.extend([0; CRC_LEN]);
        refusal(&sealed(octets))
    };
    let payload = good.len() - HEADER_LEN - CRC_LEN;
    let parts = (0..payload).map(|len| {
        let ImageError::Malformed(part) = cut(len) else { panic!("{len}: {}", cut(len)) };
        part
    });
    let mut parts: Vec<_> = parts.collect();
    parts.dedup();
    assert_eq!(parts, [Part::Head, Part::Ranges, Part::Reservations, Part::Subnets]);
    let mut more = good.clone();
    more.push(0);
    assert_eq!(refusal(&sealed(more)), ImageError::Malformed(Part::End));
}

#[test]
fn every_flipped_bit_is_noticed() {
    let good = written();
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        refusal(&bad);
    }
}

#[test]
fn too_much_for_the_firmware_says_of_what() {
    let octets = written();
    let too_many = |part, room| ImageError::TooMany { part, room };
    let subnets = read(&octets, &mut Room::<1, 5, 3>::new()).unwrap_err();
    assert_eq!(subnets, too_many(Part::Subnets, 1));
    let ranges = read(&octets, &mut Room::<2, 4, 3>::new()).unwrap_err();
    assert_eq!(ranges, too_many(Part::Ranges, 4));
    let reservations = read(&octets, &mut Room::<2, 5, 2>::new()).unwrap_err();
    assert_eq!(reservations, too_many(Part::Reservations, 2));
    let mut small = [0; 100];
    let no_room = with_config(|config| write(config, &leases(config), &mut small)).unwrap_err();
    assert_eq!(no_room, WriteError::NoRoom { room: 100 });
}

/// As many subnets as have a number, and as many addresses as 16 bits count.
#[test]
fn an_image_has_up_to_65_535_subnets() {
    let nets = (0..65_535).map(|number| Subnet::new(Ipv4Addr::from_bits(number * 4), 30).unwrap());
    let ranges: Vec<_> = nets.map(|net| (net, [Range::single(net.hosts().first())])).collect();
    let subnets =
        ranges.iter().map(|(net, ranges)| SubnetConfig { ranges, ..SubnetConfig::new(*net) });
    let subnets: Vec<_> = subnets.collect();
    let config = ServerConfig::new(&subnets, InstallationKey([7; 16]));
    let table = leases(&config);
    assert_eq!(table.len(), 65_535);
    let mut octets = vec![0; 5_000_000];
    let (head, range, subnet) = (40, 8, 12 * 4 + 3 * 2);
    let len = HEADER_LEN + head + 65_535 * (range + subnet) + CRC_LEN;
    assert_eq!(write(&config, &table, &mut octets), Ok(len));
}

/// What is not in order, the reader would not notice.
#[test]
fn a_configuration_that_is_not_in_order_is_not_written() {
    let mut octets = [0; 4_096];
    let disordered = with_config(|config| {
        let [first, second] = *config.subnets else { panic!("two subnets") };
        let reservations = [first.reservations[1], first.reservations[0]];
        let subnets = [second, SubnetConfig { reservations: &reservations, ..first }];
        let config = ServerConfig { subnets: &subnets, ..*config };
        write(&config, &leases(&config), &mut octets)
    });
    let subnet = SubnetIndex(1);
    assert_eq!(disordered, Err(WriteError::Config(ConfigError::Reservations { subnet })));
}

#[test]
fn options_that_are_cut_off_are_not_written() {
    let mut octets = [0; 4_096];
    let mut wrote = |options: &[u8], reserved: &[u8]| {
        with_config(|config| {
            let [first, second] = *config.subnets else { panic!("two subnets") };
            let known = [Reservation { options: reserved, ..first.reservations[0] }];
            let options = RenderedOptions::new(options);
            let second = SubnetConfig { options, ..second };
            let subnets = [second, SubnetConfig { reservations: &known, ..first }];
            let config = ServerConfig { subnets: &subnets, ..*config };
            write(&config, &leases(&config), &mut octets).map(|_| ())
        })
    };
    let whole = [3, 4, 10, 0, 1, 3];
    assert_eq!(wrote(&whole, &whole), Ok(()));
    for len in 1..whole.len() {
        let of = |subnet| Err(WriteError::Options { subnet: SubnetIndex(subnet) });
        assert_eq!(wrote(&whole[..len], &whole), of(0));
        assert_eq!(wrote(&whole, &whole[..len]), of(1));
    }
}

/// The length of its options is told in two octets.
#[test]
fn options_of_more_than_65_535_octets_are_not_written() {
    let mut octets = vec![0; 100_000];
    let mut wrote = |len: usize| {
        let options = [224, 1, 7].repeat(len / 3);
        with_config(|config| {
            let [first, second] = *config.subnets else { panic!("two subnets") };
            let second = SubnetConfig { options: RenderedOptions::new(&options), ..second };
            let config = ServerConfig { subnets: &[first, second], ..*config };
            write(&config, &leases(&config), &mut octets).is_ok()
        })
    };
    assert!(wrote(65_535) && !wrote(65_538));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Another program's octets under a right checksum: a reason, not a panic.
    #[test]
    fn sealed_nonsense_is_refused_or_read(at in 0_usize..331, octets in prop::collection::vec(any::<u8>(), 1..8)) {
        let mut image = written();
        for (place, octet) in (HEADER_LEN + at..image.len() - CRC_LEN).zip(octets) {
            image[place] = octet;
        }
        let image = sealed(image);
        let mut room = Room::<4, 8, 8>::new();
        if let Ok(config) = read(&image, &mut room) {
            for subnet in config.subnets {
                prop_assert!(subnet.ranges.iter().all(|range| subnet.subnet.contains(range.first())));
                prop_assert!(subnet.ranges.is_sorted());
            }
            let storage = Storage::collected(&Sizes::new(1_000, 8, 4));
            if let Ok(table) = Leases::of_image(&config, storage) {
                table.check();
                told(&table);
            }
        }
    }

    /// By way of an image or not, whatever order the subnets are in, several pools of a network among them, and wherever reserved addresses are.
    #[test]
    fn tables_by_way_of_an_image_are_the_same(pools in prop::collection::vec(pool(), 1..6)) {
        let pools: Vec<_> = (0..).zip(&pools).map(|(number, pool)| pool.built(number)).collect();
        let subnets: Vec<_> = pools.iter().map(Built::subnet).collect();
        let config = ServerConfig::new(&subnets, InstallationKey([7; 16]));
        let sizes = Sizes::of(&config);
        let Ok(table) = Leases::new(&config, Storage::collected(&sizes)) else { return Ok(()) };
        let mut octets = [0; 4_096];
        let len = write(&config, &table, &mut octets).unwrap();
        let mut room = Room::<6, 64, 24>::new();
        let config = read(&octets[..len], &mut room).unwrap();
        let again = Leases::of_image(&config, Storage::collected(&sizes)).unwrap();
        again.check();
        prop_assert_eq!(told(&again), told(&table));
        for subnet in 0..6 {
            prop_assert_eq!(candidates(&again, subnet), candidates(&table, subnet));
        }
    }
}

/// Some addresses of a small network: ranges and holes as hosts' numbers, and reserved ones.
#[derive(Clone, Debug)]
struct SomePool {
    network: u8,
    ranges: Vec<u8>,
    holes: Vec<u8>,
    reserved: Vec<u8>,
}

fn pool() -> impl Strategy<Value = SomePool> {
    let hosts = |of, most| prop::collection::btree_set(of, 0..most);
    let all = || hosts(0..=255_u8, 6);
    (0_u8..4, all(), all(), hosts(1..=254, 4)).prop_map(|(network, ranges, holes, reserved)| {
        let [ranges, holes, reserved] =
            [ranges, holes, reserved].map(|hosts| hosts.into_iter().collect());
        SomePool { network, ranges, holes, reserved }
    })
}

struct Built {
    subnet: Subnet,
    ranges: Vec<Range>,
    holes: Vec<Range>,
    reserved: Vec<Reservation<'static>>,
}

impl SomePool {
    fn built(&self, number: u8) -> Built {
        let subnet = Subnet::new(address(self.network, 0), 24).unwrap();
        let pairs = |hosts: &[u8]| {
            let range = |pair: &[u8]| {
                let [first, last] = [pair[0], pair[1]].map(|host| address(self.network, host));
                Range::new(&subnet, first, last).unwrap()
            };
            hosts.chunks_exact(2).map(range).collect()
        };
        let reserved = self.reserved.iter().map(|host| {
            let who = Who::Hardware(HardwareAddr::ethernet([2, 0, 0, 0, number, *host]));
            Reservation::new(who, Some(address(self.network, *host)))
        });
        let reserved = reserved.collect();
        Built { subnet, ranges: pairs(&self.ranges), holes: pairs(&self.holes), reserved }
    }
}

impl Built {
    fn subnet(&self) -> SubnetConfig<'_> {
        SubnetConfig {
            ranges: &self.ranges,
            excluded: &self.holes,
            reservations: &self.reserved,
            ..SubnetConfig::new(self.subnet)
        }
    }
}

#[test]
fn an_image_with_an_address_in_two_subnets_has_no_table() {
    let mut octets = written();
    // The range of the second subnet becomes one of the first one's addresses, and the second subnet the same network.
    let ranges = HEADER_LEN + 40;
    assert_eq!(octets[ranges + 32..ranges + 40], [10, 0, 2, 2, 10, 0, 2, 200]);
    let second = octets.windows(8).rposition(|it| it == [10, 0, 2, 0, 24, 0, 0, 0]).unwrap();
    octets[ranges + 32..ranges + 40].copy_from_slice(&[10, 0, 1, 100, 10, 0, 1, 101]);
    octets[second..second + 4].copy_from_slice(&[10, 0, 1, 0]);
    let octets = sealed(octets);
    let mut room = Room::<2, 5, 3>::new();
    let config = read(&octets, &mut room).unwrap();
    let of_image = |sizes| Leases::of_image(&config, Storage::collected(&sizes)).map(|_| ());
    assert_eq!(
        of_image(Sizes::new(400, 5, 2)),
        Err(TableError::Overlap { address: address(1, 100) })
    );
    let need = 1 + 17 + 171 + 1 + 2;
    let too_small = TableError::TooSmall { column: Column::Slots, need, have: need - 1 };
    assert_eq!(of_image(Sizes { slots: need - 1, ..Sizes::new(need, 5, 2) }), Err(too_small));
}
