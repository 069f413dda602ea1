use dhcp_core::id::HardwareAddr;
use dhcp_core::server::config::Who as CoreWho;

use super::*;
use crate::config::tests::good;

const KEY: InstallationKey = InstallationKey([7; 16]);

fn interfaces(addresses: &[(&str, &str, u8)]) -> Interfaces {
    let interface = |(number, (name, address, prefix_len)): (usize, &(&str, &str, u8))| Interface {
        number: u16::try_from(number).unwrap() + 1,
        name: (*name).to_owned(),
        mac: Some([2, 0, 0, 0, 0, 1]),
        addresses: vec![(address.parse().unwrap(), *prefix_len)],
        serve: true,
    };
    Interfaces(addresses.iter().enumerate().map(interface).collect())
}

const TRUCK: &str = r#"
authoritative = true

[[subnet]]
network = "10.0.1.0/24"
range = "10.0.1.2 - 10.0.1.200"
exclude = ["10.0.1.7", "10.0.1.8 - 10.0.1.9"]
options = { routers = "10.0.1.3" }

[[subnet.reservation]]
mac = "02:00:00:00:00:09"
address = "10.0.1.220"
options = { host-name = "late" }

[[subnet.reservation]]
mac = "02:00:00:00:00:01"
address = "10.0.1.50"

[[subnet]]
network = "10.0.2.0/24"
range = "10.0.2.2 - 10.0.2.200"
interface = "trunk"
vlan = 2
server-id = "10.0.2.1"
"#;

#[test]
fn a_subnet_is_attached_where_an_interface_has_an_address() {
    let config = good(TRUCK);
    let found =
        interfaces(&[("lo", "127.0.0.1", 8), ("eth0", "10.0.1.1", 24), ("trunk", "192.0.2.1", 24)]);
    Rendered::new(&config, &found).with(KEY, |server| {
        let [one, two] = server.subnets else { panic!("two subnets are declared") };
        assert_eq!(one.link, Some(Link { interface: 2, vlan: None }));
        assert_eq!(one.server_id, Some(Ipv4Addr::new(10, 0, 1, 1)));
        assert_eq!(two.link, Some(Link { interface: 3, vlan: Some(2) }));
        assert_eq!(two.server_id, Some(Ipv4Addr::new(10, 0, 2, 1)));
        assert_ne!(one.shared_network, two.shared_network);
        assert!(one.authoritative && two.authoritative);
    });
}

#[test]
fn a_missing_interface_is_waited_for() {
    let config = good(TRUCK);
    let rendered = Rendered::new(&config, &Interfaces::default());
    let places = rendered.subnets().iter().map(|subnet| subnet.place.clone()).collect::<Vec<_>>();
    assert_eq!(places, [Place::Relayed, Place::Waiting("trunk".to_owned())]);
    rendered.with(KEY, |server| assert!(server.subnets.iter().all(|subnet| subnet.link.is_none())));
}

#[test]
fn an_interface_that_is_not_to_be_served_is_not() {
    let config = good(TRUCK);
    let mut found = interfaces(&[("eth0", "10.0.1.1", 24), ("trunk", "192.0.2.1", 24)]);
    for interface in &mut found.0 {
        interface.serve = false;
    }
    let rendered = Rendered::new(&config, &found);
    assert!(rendered.subnets().iter().all(|subnet| !matches!(subnet.place, Place::On(_))));
    let ours = Ipv4Addr::new(10, 0, 1, 1);
    let first = &rendered.subnets()[0];
    assert!(first.excluded.iter().any(|range| range.contains(ours)), "it is ours all the same");
}

#[test]
fn routers_exclusions_and_our_addresses_are_sorted_and_joined() {
    let config = good(TRUCK);
    let found = interfaces(&[("eth0", "10.0.1.10", 24)]);
    Rendered::new(&config, &found).with(KEY, |server| {
        let told = server.subnets[0].excluded.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(told, ["10.0.1.3 to 10.0.1.3", "10.0.1.7 to 10.0.1.10"]);
    });
}

#[test]
fn reservations_are_sorted_and_carry_their_options() {
    let config = good(TRUCK);
    Rendered::new(&config, &Interfaces::default()).with(KEY, |server| {
        let [one, nine] = server.subnets[0].reservations else { panic!("two are reserved") };
        let mac = |last| CoreWho::Hardware(HardwareAddr::ethernet([2, 0, 0, 0, 0, last]));
        assert_eq!((one.who, nine.who), (mac(1), mac(9)));
        assert_eq!(nine.options, b"\x0c\x04late");
        assert_eq!(nine.address, Some(Ipv4Addr::new(10, 0, 1, 220)));
    });
}

/// RFC 3396 section 5.
#[test]
fn a_long_value_is_split_over_options_of_the_same_code() {
    let options = Options::from([(3, vec![1, 2, 3, 4]), (43, vec![9; 300])]);
    let octets = rendered(&options);
    assert_eq!(octets[..6], [3, 4, 1, 2, 3, 4]);
    assert_eq!(octets[6..8], [43, 255]);
    assert_eq!(octets[8 + 255..][..2], [43, 45]);
    assert_eq!(octets.len(), 6 + 2 + 255 + 2 + 45);
}

#[test]
fn subnets_of_a_shared_network_stand_together_and_share_a_link() {
    let config = good(
        r#"
[[subnet]]
network = "10.0.1.0/24"
range = "10.0.1.2 - 10.0.1.9"
shared-network = "garage"
[[subnet]]
network = "10.0.5.0/24"
range = "10.0.5.2 - 10.0.5.9"
[[subnet]]
network = "10.0.2.0/24"
range = "10.0.2.2 - 10.0.2.9"
shared-network = "garage"
"#,
    );
    let found = interfaces(&[("eth0", "10.0.2.1", 24)]);
    Rendered::new(&config, &found).with(KEY, |server| {
        let [one, two, alone] = server.subnets else { panic!("three subnets are declared") };
        assert_eq!(one.shared_network, two.shared_network);
        assert_ne!(one.shared_network, alone.shared_network);
        let link = Some(Link { interface: 1, vlan: None });
        assert_eq!((one.link, two.link, alone.link), (link, link, None));
        // The clients of the first reach us at the only address that we have on the segment.
        assert_eq!(one.server_id, Some(Ipv4Addr::new(10, 0, 2, 1)));
    });
}

#[test]
fn pools_on_different_terms_become_subnets_of_one_segment() {
    let config = good(
        r#"
[[subnet]]
network = "10.0.1.0/24"
options = { routers = "10.0.1.1" }
[[subnet.pool]]
range = "10.0.1.10 - 10.0.1.19"
[[subnet.pool]]
range = "10.0.1.20 - 10.0.1.29"
unknown-clients = "deny"
[[subnet.reservation]]
mac = "02:00:00:00:00:01"
[[subnet.reservation]]
mac = "02:00:00:00:00:02"
address = "10.0.1.11"
"#,
    );
    Rendered::new(&config, &Interfaces::default()).with(KEY, |server| {
        let [known, all] = server.subnets else { panic!("two pools differ") };
        assert_eq!((known.subnet, known.shared_network), (all.subnet, all.shared_network));
        assert!(!known.serve_unknown && all.serve_unknown, "known clients get the first");
        assert_eq!(known.reservations.len(), 1, "without an address it is known in both");
        assert_eq!(all.reservations.len(), 2);
    });
}
