//! Which subnet: RFC 3527, RFC 3011, `giaddr`, the link; and shared networks.

use core::net::Ipv4Addr;

use dhcp_core::server::config::Who;

use crate::kit::*;

fn link_selection(address: Ipv4Addr) -> Vec<u8> {
    [[1, 3].as_slice(), b"eth", &[5, 4], &address.octets()].concat()
}

/// Two subnets on the first link, the first of them with two addresses.
fn shared() -> Kit {
    let (mut first, mut second) = (subnet(1), subnet(2));
    first.ranges = leak(&[range(1, 10, 11)]);
    first.server_id = None;
    second.link = Some(LINK);
    second.shared_network = first.shared_network;
    second.server_id = None;
    Kit::with(&[first, second, subnet(3)])
}

#[test]
fn the_link_decides_where_no_relay_agent_does() {
    let mut kit = Kit::article();
    assert_eq!(kit.send(&discover(1)).offer(), ip(1, 10));
    kit.on_second_link();
    assert_eq!(kit.send(&discover(1)).offer(), ip(2, 10));
    kit.ingress.link.vlan = Some(99);
    assert_eq!(kit.send(&discover(1)).silence(), "no-subnet");
}

#[test]
fn the_relay_agents_address_decides_over_the_link() {
    let mut kit = Kit::article();
    assert_eq!(kit.send(&discover(1).relayed(ip(2, 3))).offer(), ip(2, 10));
    assert_eq!(kit.send(&discover(1).relayed(ip(7, 3))).silence(), "no-subnet");
}

#[test]
fn subnet_selection_decides_over_the_relay_agents_address_and_is_echoed() {
    let mut kit = Kit::article();
    let packet = discover(1).relayed(ip(1, 3)).with_address(118, ip(2, 0)).with(55, &[1, 3]);
    let heard = kit.send(&packet);
    assert_eq!(heard.offer(), ip(2, 10));
    assert_eq!(heard.reply().address(118), Some(ip(2, 0)), "RFC 3011, though not in option 55");
    assert_eq!(kit.send(&packet.with_address(118, ip(7, 0))).silence(), "no-subnet");
}

#[test]
fn link_selection_decides_over_everything() {
    let mut kit = Kit::article();
    let info = link_selection(ip(2, 0));
    let packet = discover(1).relayed(ip(9, 9)).with(82, &info).with_address(118, ip(1, 0));
    let heard = kit.send(&packet);
    assert_eq!(heard.offer(), ip(2, 10));
    let reply = heard.reply();
    assert_eq!(reply.option(82), Some(info.as_slice()), "RFC 3046: echoed unchanged");
    assert_eq!(reply.codes.last(), Some(&82), "and last");
}

#[test]
fn a_nak_echoes_the_relay_agents_information() {
    let mut kit = Kit::article();
    let info = link_selection(ip(1, 0));
    let packet = select(1, ip(2, 10)).with_address(54, US).relayed(ip(1, 3)).with(82, &info);
    let heard = kit.send(&packet);
    assert_eq!(heard.nak(), "wrong-network");
    assert_eq!(heard.reply().option(82), Some(info.as_slice()));
}

#[test]
fn a_routed_renewal_is_about_the_subnet_of_its_ciaddr() {
    let mut far = subnet(3);
    far.link = None;
    let mut kit = Kit::with(&[subnet(1), far]);
    let offered = kit.send(&discover(1).relayed(ip(3, 3))).offer();
    assert_eq!(offered, ip(3, 10));
    kit.send(&select(1, offered).relayed(ip(3, 3))).ack();
    assert_eq!(kit.unicast(&renew(1, offered)).ack(), offered);
    assert!(kit.unicast(&release(1, offered)).record.is_some());
}

#[test]
fn a_shared_network_gives_from_the_first_subnet_with_room() {
    let mut kit = shared();
    let leased = [1, 2, 3].map(|client| kit.lease_here(client));
    assert_eq!(leased, [ip(1, 10), ip(1, 11), ip(2, 10)]);
    assert_eq!(kit.send(&discover(3)).offer(), ip(2, 10), "and stays where it is");
    kit.unicast(&release(1, ip(1, 10)));
    assert_eq!(kit.send(&discover(3)).offer(), ip(2, 10), "though there is room now");
    assert_eq!(kit.unicast(&renew(3, ip(2, 10))).ack(), ip(2, 10));
    assert_eq!(kit.send(&reboot(3, ip(2, 10))).ack(), ip(2, 10));
    assert_eq!(kit.send(&discover(4).with_address(50, ip(2, 17))).offer(), ip(2, 17), "its wish");
    assert_eq!(kit.send(&discover(5).relayed(ip(2, 3))).offer(), ip(1, 10), "one segment");
}

#[test]
fn each_subnet_of_a_shared_network_has_its_own_options() {
    let mut kit = shared();
    let heard = kit.send(&discover(1));
    assert_eq!(heard.reply().address(3), Some(ip(1, 3)));
    let heard = kit.send(&discover(2).with_address(50, ip(2, 12)));
    assert_eq!(heard.reply().address(3), Some(ip(2, 3)));
}

#[test]
fn a_client_has_one_lease_on_a_shared_network() {
    let mut kit = shared();
    let old = kit.lease_here(1);
    let known = [reserve(Who::Hardware(hardware(1)), Some(ip(2, 50)))];
    let mut subnets = kit.config.subnets.to_vec();
    subnets[1].reservations = leak(&known);
    let mut kit = kit.reload(&subnets);
    assert_eq!(kit.lease_here(1), ip(2, 50));
    assert_eq!(kit.lease_here(2), ip(1, 11));
    assert_eq!(kit.send(&discover(3).with_address(50, old)).offer(), old, "it is free again");
}

#[test]
fn neighbours_in_the_configuration_are_not_one_network() {
    let mut kit = shared();
    assert_eq!(kit.send(&reboot(1, ip(3, 10))).silence(), "not-authoritative");
    for client in 1..=12 {
        kit.send(&discover(client)).offer();
    }
    assert_eq!(kit.send(&discover(13)).silence(), "pool-exhausted");
}

#[test]
fn a_server_without_an_address_on_the_link_is_silent() {
    let mut kit = Kit::one(|one| one.server_id = None);
    kit.ingress.local = NOBODY;
    assert_eq!(kit.send(&discover(1)).silence(), "no-server-address");
}

impl Kit {
    /// DISCOVER and REQUEST where the server is known by its address on the link.
    fn lease_here(&mut self, client: u8) -> Ipv4Addr {
        let offered = self.send(&discover(client)).offer();
        self.send(&select(client, offered).with_address(54, US)).ack()
    }
}
