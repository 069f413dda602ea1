//! Is a key what its doc says, and do hardware addresses stand in the order of their octets?

extern crate std;

use std::string::ToString;

use super::*;

const KEY: InstallationKey = InstallationKey([7; 16]);

#[test]
fn a_mac_address_is_read_as_it_is_written() {
    let mac: HardwareAddr = "02:00:5e:0:1:ff".parse().unwrap();
    assert_eq!(mac.as_ethernet(), Some([0x02, 0, 0x5e, 0, 1, 0xff]));
    assert_eq!(mac.to_string(), "02:00:5e:00:01:ff");
    for wrong in
        ["", "02:00:5e:00:01", "02:00:5e:00:01:ff:00", "02:00:5e:00:01:+f", "020:0:5e:0:1:f"]
    {
        assert_eq!(wrong.parse::<HardwareAddr>(), Err(ParseMacError), "{wrong}");
    }
}

#[test]
fn hardware_addresses_have_0_to_16_octets() {
    assert_eq!(HardwareAddr::new(1, &[]).unwrap().octets(), &[] as &[u8]);
    assert_eq!(HardwareAddr::new(6, &[9; 16]).unwrap().octets(), &[9; 16]);
    assert_eq!(HardwareAddr::new(6, &[9; 17]), None);
    assert_eq!(HardwareAddr::new(6, &[2, 0]).unwrap().to_string(), "6/02:00");
}

#[test]
fn client_ids_have_2_to_255_octets() {
    assert!(ClientId::new(&[1]).is_none() && ClientId::new(&[0; 256]).is_none());
    assert!(ClientId::new(&[1, 2]).is_some() && ClientId::new(&[0; 255]).is_some());
}

#[test]
fn an_ethernet_address_is_packed_as_any_other() {
    let mac = HardwareAddr::ethernet([2, 0, 0, 0, 0, 1]);
    let packed = ClientKey::of(&KEY, ClientKey::HARDWARE, &[1, 2, 0, 0, 0, 0, 1]);
    assert_eq!(ClientKey::from_hardware(&KEY, &mac), packed);
}

#[test]
fn every_octet_makes_another_client() {
    for len in 1..=HardwareAddr::LEN_MAX {
        let octets = [5; HardwareAddr::LEN_MAX];
        let one = HardwareAddr::new(32, &octets[..len]).unwrap();
        for at in 0..len {
            let mut octets = octets;
            octets[at] = 6;
            let other = HardwareAddr::new(32, &octets[..len]).unwrap();
            let [key, other_key] =
                [one, other].map(|hardware| ClientKey::from_hardware(&KEY, &hardware));
            assert!(key != other_key && one != other, "octet {at} of {len}");
        }
    }
    for at in 0..ClientKey::LEN {
        let mut octets = [5; ClientKey::LEN];
        octets[at] = 6;
        assert_ne!(ClientKey::from_octets(octets), ClientKey::from_octets([5; _]), "{at}");
    }
}

/// What a record has for ever: which identities stand in a key as they are.
#[test]
fn an_identity_of_up_to_14_octets_stands_in_its_key() {
    for len in 2..=15 {
        let id = [9; 15];
        let key = ClientKey::from_client_id(&KEY, ClientId::new(&id[..len]).unwrap());
        assert_eq!(key.octets()[1..=len] == id[..len], len <= 14, "{len} octets");
    }
}

/// Reservations stand in this order.
#[test]
fn hardware_addresses_are_ordered_by_type_length_and_octets() {
    let of = |htype, octets: &[u8]| HardwareAddr::new(htype, octets).unwrap();
    let ascending = [
        of(1, &[]),
        of(1, &[9]),
        of(1, &[0, 0]),
        of(1, &[0, 0, 0, 1, 0, 0]),
        of(1, &[0, 0, 1, 0, 0, 0]),
        of(1, &[0, 1, 0, 0, 0, 0]),
        of(1, &[1, 0, 0, 0, 0, 0]),
        of(6, &[0]),
        of(6, &[7; 16]),
    ];
    assert!(ascending.is_sorted_by(|low, high| low < high));
}

#[test]
fn different_clients_have_different_keys() {
    let mac = HardwareAddr::ethernet([2, 0, 0, 0, 0, 1]);
    let other_type = HardwareAddr::new(6, mac.octets()).unwrap();
    let as_id = [1, 2, 0, 0, 0, 0, 1];
    let long = [5; 40];
    let keys = [
        ClientKey::from_hardware(&KEY, &mac),
        ClientKey::from_hardware(&KEY, &other_type),
        ClientKey::from_client_id(&KEY, ClientId::new(&as_id).unwrap()),
        ClientKey::from_client_id(&KEY, ClientId::new(&as_id[..6]).unwrap()),
        ClientKey::from_client_id(&KEY, ClientId::new(&[0; 14]).unwrap()),
        ClientKey::from_client_id(&KEY, ClientId::new(&[0; 15]).unwrap()),
        ClientKey::from_client_id(&KEY, ClientId::new(&long).unwrap()),
        ClientKey::from_client_id(&KEY, ClientId::new(&long[..39]).unwrap()),
        ClientKey::from_client_id(&InstallationKey([8; 16]), ClientId::new(&long).unwrap()),
        ClientKey::from_name(&KEY, &as_id),
        ClientKey::from_name(&KEY, &long),
    ];
    for (index, key) in keys.iter().enumerate() {
        assert!(!keys[..index].contains(key), "{key:?} twice");
    }
}
