extern crate std;

use core::net::Ipv4Addr;
use std::string::ToString;
use std::vec::Vec;
use std::{format, vec};

use dhcp_core::id::{HardwareAddr, InstallationKey};
use dhcp_core::net::{Range, Subnet};
use dhcp_core::server::config::{
    Identity, Link, Reservation, ServerConfig, SubnetConfig, SubnetIndex, Who,
};
use dhcp_core::time::LeaseTime;
use dhcp_core::wire::options::RenderedOptions;
use proptest::prelude::*;

use super::*;

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
            address: Some(address(1, 10)),
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
    let len = with_config(|config| write(config, &mut octets)).unwrap();
    octets.truncate(len);
    octets
}

fn refusal(octets: &[u8]) -> ImageError {
    read(octets, &mut Room::<4, 8, 8>::new()).unwrap_err()
}

/// The checksum made right again, as another program would write it.
fn sealed(mut octets: Vec<u8>) -> Vec<u8> {
    let len = u32::try_from(octets.len() - HEADER_LEN).unwrap();
    octets[8..12].copy_from_slice(&len.to_le_bytes());
    let crc = crc(&octets[..12], &octets[HEADER_LEN..]);
    octets[12..16].copy_from_slice(&crc.to_le_bytes());
    octets
}

#[test]
fn what_is_written_is_read() {
    let mut flash = written();
    flash.extend([0xff; 100]);
    let mut room = Room::<2, 4, 3>::new();
    let config = read(&flash, &mut room).unwrap();
    with_config(|before| {
        let told = |config: &ServerConfig<'_>| format!("{config:?} {:?}", config.installation.0);
        assert_eq!(told(&config), told(before));
    });
    assert_eq!(config.subnets.get(usize::from(SubnetIndex(0).0)).unwrap().reservations.len(), 3);
}

/// The octets of version 2, to the last: an image that is in the field stays readable.
#[test]
fn the_format_of_version_2_does_not_change() {
    let octets = written();
    assert_eq!(octets[..12], *b"HYIM\x02\0\0\0\xda\0\0\0");
    assert_eq!(octets[16..32], [7; 16]);
    assert_eq!(octets[32..45], [60, 216, 4, 128, 163, 5, 4, 3, 2, 10, 0, 1, 2]);
    assert_eq!(octets[12..16], [76, 162, 106, 131], "the checksum of everything else");
}

#[test]
fn a_bad_image_is_refused_with_its_reason() {
    let good = written();
    assert_eq!(refusal(&[0xff; 64]), ImageError::Blank);
    assert_eq!(refusal(&[0; 64]), ImageError::NotAnImage);
    assert_eq!(refusal(&good[..9]), ImageError::Truncated { needed: 16, found: 9 });
    let cut = ImageError::Truncated { needed: good.len(), found: good.len() - 1 };
    assert_eq!(refusal(&good[..good.len() - 1]), cut);
    let mut newer = good.clone();
    newer[4] = 3;
    assert_eq!(refusal(&newer), ImageError::Version { found: 3 });
    assert!(refusal(&newer).to_string().contains("version 3"));
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
    let subnets = read(&octets, &mut Room::<1, 4, 3>::new()).unwrap_err();
    assert_eq!(subnets, too_many(Part::Subnets, 1));
    let ranges = read(&octets, &mut Room::<2, 3, 3>::new()).unwrap_err();
    assert_eq!(ranges, too_many(Part::Ranges, 3));
    let reservations = read(&octets, &mut Room::<2, 4, 2>::new()).unwrap_err();
    assert_eq!(reservations, too_many(Part::Reservations, 2));
    let mut small = [0; 100];
    let no_room = with_config(|config| write(config, &mut small)).unwrap_err();
    assert_eq!(no_room, ImageError::NoRoom { room: 100 });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Another program's octets under a right checksum: a reason, not a panic.
    #[test]
    fn sealed_nonsense_is_refused_or_read(at in 0_usize..218, octets in prop::collection::vec(any::<u8>(), 1..8)) {
        let mut image = written();
        for (place, octet) in (HEADER_LEN + at..image.len()).zip(octets) {
            image[place] = octet;
        }
        let image = sealed(image);
        let mut room = Room::<4, 8, 8>::new();
        if let Ok(config) = read(&image, &mut room) {
            for subnet in config.subnets {
                prop_assert!(subnet.ranges.iter().all(|range| subnet.subnet.contains(range.first())));
                prop_assert!(subnet.ranges.is_sorted());
            }
        }
    }
}
