//! Do the programs of others work with each other here? When these fail, the tests with our own mean nothing.

use core::net::Ipv4Addr;
use core::time::Duration;

use hydrant::testbed::Testbed;

use crate::harness;
use crate::tools::{self, CLIENTS};
use crate::wire::Wire;

const SOON: Duration = Duration::from_secs(15);

fn serves(bed: &mut Testbed, program: &str) {
    let segment = bed.segment("vlan1").unwrap();
    let server = bed.node("server").unwrap();
    bed.plug(&server, "eth0", &segment, None).unwrap();
    server.ip("addr add 10.0.1.1/24 dev eth0").unwrap();
    let _server = tools::server(program, &server, 1, 600);
    let probe = bed.node("probe").unwrap();
    bed.plug(&probe, "eth0", &segment, None).unwrap();
    let ack = Wire::open(&probe, "eth0").lease(None, [2, 0, 0, 0, 0, 1], 0x5eed);
    assert_eq!((ack.server_id, ack.lease_secs), (Ipv4Addr::new(10, 0, 1, 1), Some(600)));
    let start = [tools::udhcpc, tools::dhclient, tools::dhcpcd];
    let clients = start.iter().zip(CLIENTS).map(|(start, name)| {
        let node = bed.node(name).unwrap();
        bed.plug(&node, "eth0", &segment, None).unwrap();
        (start(&node, "eth0"), node)
    });
    let clients = clients.collect::<Vec<_>>();
    let mut addresses =
        clients.iter().map(|(client, _)| tools::bound(client, SOON)).collect::<Vec<_>>();
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), CLIENTS.len(), "{addresses:?}");
    assert!(addresses.iter().all(|address| (100..=150).contains(&address.octets()[3])));
}

/// The clients and one server.
fn with(server: &str) -> Vec<&str> {
    [&CLIENTS[..], &[server]].concat()
}

#[test]
fn dnsmasq_serves_the_clients() {
    harness::run(&with("dnsmasq"), |bed| serves(bed, "dnsmasq"));
}

#[test]
fn dhcpd_serves_the_clients() {
    harness::run(&with("dhcpd"), |bed| serves(bed, "dhcpd"));
}

#[test]
fn kea_serves_the_clients() {
    harness::run(&with("kea-dhcp4"), |bed| serves(bed, "kea-dhcp4"));
}

#[test]
fn udhcpd_serves_the_clients() {
    harness::run(&with("udhcpd"), |bed| serves(bed, "udhcpd"));
}
