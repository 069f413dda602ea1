extern crate std;

use std::collections::BTreeSet;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

const KEY: InstallationKey = InstallationKey(*b"a key of 16 byte");

fn container(name: &str, vlan: Option<u16>) -> Container {
    Container { name: name.parse().unwrap(), vlan }
}

#[test]
fn names_follow_dockers_rule() {
    for name in ["a", "Z", "7", "camera", "fire-truck_1.router", "a-", "0.0.0.0", "A__"] {
        assert_eq!(name.parse::<ContainerName>().unwrap().as_str(), name);
    }
    let first = |octet| Err(NameError::First { octet });
    assert_eq!("".parse::<ContainerName>(), Err(NameError::Empty));
    assert_eq!("-a".parse::<ContainerName>(), first(b'-'));
    assert_eq!("_a".parse::<ContainerName>(), first(b'_'));
    assert_eq!(".".parse::<ContainerName>(), first(b'.'));
    assert_eq!("a b".parse::<ContainerName>(), Err(NameError::Octet { octet: b' ', at: 1 }));
    assert_eq!("ab/c".parse::<ContainerName>(), Err(NameError::Octet { octet: b'/', at: 2 }));
    assert_eq!("a\n".parse::<ContainerName>(), Err(NameError::Octet { octet: b'\n', at: 1 }));
    assert!("kamera-\u{e4}".parse::<ContainerName>().is_err(), "ASCII only");
}

#[test]
fn names_have_1_to_64_octets() {
    let longest = "n".repeat(64);
    assert_eq!(longest.parse::<ContainerName>().unwrap().as_str(), longest);
    let longer = "n".repeat(65);
    assert_eq!(longer.parse::<ContainerName>(), Err(NameError::TooLong { len: 65 }));
    assert_eq!("n".repeat(300).parse::<ContainerName>(), Err(NameError::TooLong { len: 300 }));
}

#[test]
fn errors_never_print_what_a_terminal_would_obey() {
    let error = "a\u{1b}[2J".parse::<ContainerName>().unwrap_err();
    assert_eq!(error.to_string(), r"`\x1b` at place 1 is none of a-z, A-Z, 0-9, `_`, `.` and `-`");
}

#[test]
fn the_client_id_is_a_zero_and_text() {
    let id = container("camera", Some(20)).client_id(&KEY);
    assert_eq!(id.octets(), b"\0hydrant/d17c4b5c/20/camera");
    assert_eq!(container("camera", None).client_id(&KEY).octets(), b"\0hydrant/d17c4b5c/-/camera");
    assert_eq!(container("a", Some(0)).client_id(&KEY).octets(), b"\0hydrant/d17c4b5c/0/a");
    let longest = container(&"n".repeat(64), Some(u16::MAX)).client_id(&KEY);
    assert_eq!(longest.octets().len(), ContainerId::LEN_MAX);
    assert_eq!(longest.as_client_id().octets().len(), 88);
}

#[test]
fn a_client_id_names_its_container_and_no_other_text_does() {
    let camera = container("camera", Some(20));
    let read = |octets: &[u8]| Container::from_client_id(&KEY, ClientId::new(octets).unwrap());
    assert_eq!(read(camera.client_id(&KEY).octets()), Some(camera));
    assert_eq!(read(b"\0hydrant/d17c4b5c/-/camera"), Some(container("camera", None)));
    for wrong in [
        b"\x01hydrant/d17c4b5c/20/camera".as_slice(),
        b"\0hydrant/00000000/20/camera",
        b"\0hydrant/d17c4b5c/020/camera",
        b"\0hydrant/d17c4b5c/+20/camera",
        b"\0hydrant/d17c4b5c/20/",
        b"\0hydrant/d17c4b5c/20",
        b"\0hydrant/d17c4b5c//camera",
        b"\0hydrant/d17c4b5c/20/cam/era",
        b"\0hydrant/d17c4b5c/99999/camera",
        b"\0hydrant/d17c4b5c/65536/camera",
        b"\0hydrant/d17c4b5c/00/camera",
        b"\0hydrant/d17c4b5c/2 /camera",
        b"\0hydrant/d17c4b5c-20/camera",
        b"\0hydrant/d17c4b5/20/camera",
        b"\0hydrants/d17c4b5c/20/camera",
        b"\0\0",
    ] {
        assert_eq!(read(wrong), None, "{}", wrong.escape_ascii());
    }
    let other = InstallationKey([1; 16]);
    let theirs = camera.client_id(&other);
    assert_eq!(Container::from_client_id(&KEY, theirs.as_client_id()), None, "another truck's");
}

/// What is written here has been given to containers: it never changes.
#[test]
fn golden_mac_addresses() {
    let mac = |name, vlan, attempt| container(name, vlan).mac(&KEY, attempt).to_string();
    let macs = [
        mac("camera", Some(20), 0),
        mac("camera", Some(20), 1),
        mac("camera", Some(10), 0),
        mac("camera", None, 0),
        mac("router", Some(20), 0),
    ];
    // Computed once more by an independent SipHash-2-4 of 128 bits.
    let golden = [
        "02:37:9f:c4:e3:ae",
        "02:2d:fe:be:98:1a",
        "02:af:1a:60:9c:d1",
        "02:b1:a1:a6:62:b3",
        "02:dc:9c:a6:f1:e7",
    ];
    assert_eq!(macs, golden);
}

#[test]
fn a_mac_address_is_unicast_and_locally_administered() {
    for number in 0..1_000 {
        let mac = container(&format!("c{number}"), Some(number)).mac(&KEY, 0);
        let [first, ..] = mac.as_ethernet().unwrap();
        assert_eq!(first & 0b01, 0, "the group bit is clear");
        assert_eq!(first & 0b10, 0b10, "the local bit is set");
    }
}

#[test]
fn another_installation_has_other_mac_addresses_and_client_ids() {
    let camera = container("camera", Some(20));
    let other = InstallationKey([1; 16]);
    assert_ne!(camera.mac(&KEY, 0), camera.mac(&other, 0));
    assert_ne!(camera.client_id(&KEY), camera.client_id(&other));
    assert_ne!(camera.client_key(&KEY), camera.client_key(&other));
    assert_eq!(camera.client_key(&KEY), camera.client_key(&KEY));
}

#[test]
fn a_taken_mac_address_is_replaced_by_the_next_one() {
    let camera = container("camera", Some(20));
    let macs: Vec<HardwareAddr> = (0..4).map(|attempt| camera.mac(&KEY, attempt)).collect();
    assert_eq!(camera.free_mac(&KEY, 0, |_| false), Some((macs[0], 0)));
    assert_eq!(camera.free_mac(&KEY, 0, |mac| macs[..3].contains(mac)), Some((macs[3], 3)));
    assert_eq!(camera.free_mac(&KEY, 2, |_| false), Some((macs[2], 2)), "what is recorded stays");
    assert_eq!(camera.free_mac(&KEY, 0, |_| true), None);
    let mut asked = 0;
    let last = camera.free_mac(&KEY, 0, |_| {
        asked += 1;
        asked < 256
    });
    assert_eq!(last.map(|(_, attempt)| attempt), Some(255));
}

#[test]
fn ten_thousand_containers_have_different_mac_addresses() {
    let macs: BTreeSet<HardwareAddr> = (0..10_000_u16)
        .map(|number| container(&format!("c{}", number / 4), Some(number % 4)).mac(&KEY, 0))
        .collect();
    assert_eq!(macs.len(), 10_000);
}

proptest! {
    #[test]
    fn every_name_of_dockers_rule_is_kept(
        name in "[a-zA-Z0-9][a-zA-Z0-9_.-]{0,63}",
        vlan in proptest::option::of(any::<u16>()),
    ) {
        let container = container(&name, vlan);
        prop_assert_eq!(container.name.as_str(), &name);
        let id = container.client_id(&KEY);
        prop_assert_eq!(Container::from_client_id(&KEY, id.as_client_id()), Some(container));
    }

    #[test]
    fn no_octets_panic(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(name) = ContainerName::new(&octets) {
            prop_assert_eq!(name.octets(), &octets[..]);
            prop_assert!(String::from_utf8(octets.clone()).is_ok());
        }
        if let Some(id) = ClientId::new(&octets)
            && let Some(container) = Container::from_client_id(&KEY, id)
        {
            let made = container.client_id(&KEY);
            prop_assert_eq!(made.octets(), &octets[..]);
        }
    }
}
