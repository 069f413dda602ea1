//! Which subnet: RFC 3527, RFC 3011, `giaddr`, the link; and shared networks.

use core::net::Ipv4Addr;

use dhcp_core::server::Ingress;
use dhcp_core::server::config::{Reservation, SubnetConfig, Who};
use dhcp_core::time::LeaseTime;
use dhcp_core::wire::options::RenderedOptions;

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
    (first.shared_network, second.shared_network) = (Some(1), Some(1));
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

/// Neighbours in the configuration are none on the network, unless it says so.
#[test]
fn a_full_subnet_gives_nothing_of_its_neighbours() {
    let mut first = subnet(1);
    first.ranges = leak(&[range(1, 10, 10)]);
    let mut kit = Kit::with(&[first, subnet(2)]);
    assert_eq!(kit.send(&discover(1)).offer(), ip(1, 10));
    assert_eq!(kit.send(&discover(2)).silence(), "pool-exhausted");
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

/// Two subnets that were two segments and become one: a client may have been in both. So may one whose move to another subnet a restart forgot.
fn merged(client: u8, order: [u8; 2], after_secs: u32, bound: bool) -> Kit {
    let (first, mut second) = (subnet(1), subnet(2));
    let mut kit = Kit::with(&[first, second]);
    for third in order {
        kit.ingress.link = if third == 1 { LINK } else { LINK_2 };
        kit.ingress.local = ip(third, 1);
        let offered = kit.send(&discover(client)).offer();
        assert_eq!(offered, ip(third, 10));
        if bound {
            kit.send(&select(client, offered).with_address(54, ip(third, 1))).ack();
        }
        kit.pass_secs(5);
    }
    kit.pass_secs(after_secs);
    kit.ingress = Ingress { link: LINK, local: US, unicast: false };
    second.link = Some(LINK);
    let one = |subnet| SubnetConfig { shared_network: Some(1), ..subnet };
    kit.reload(&[one(first), one(second)])
}

/// RFC 2131 section 4.3.1 speaks of the client's current binding: it is the one that was given last, wherever it stands in the configuration.
#[test]
fn of_two_leases_or_two_offers_the_one_that_was_given_last_is_offered() {
    for (order, bound) in [([1, 2], true), ([2, 1], true), ([1, 2], false), ([2, 1], false)] {
        let mut kit = merged(1, order, 0, bound);
        assert_eq!(kit.send(&discover(1)).offer(), ip(order[1], 10), "bound: {bound}");
    }
}

#[test]
fn of_two_addresses_that_a_client_had_the_one_in_the_first_subnet_is_offered() {
    for order in [[1, 2], [2, 1]] {
        let mut kit = merged(1, order, 10_000, true);
        assert_eq!(kit.send(&discover(1)).offer(), ip(1, 10), "{order:?}");
    }
}

#[test]
fn of_two_leases_the_one_that_is_renewed_stays_and_the_other_ends() {
    for (kept, other) in [(ip(1, 10), ip(2, 10)), (ip(2, 10), ip(1, 10))] {
        let mut kit = merged(1, [1, 2], 0, true);
        assert_eq!(kit.unicast(&renew(1, kept)).ack(), kept);
        assert_eq!(kit.send(&discover(1)).offer(), kept);
        assert_eq!(kit.send(&discover(2).with_address(50, other)).offer(), other, "free again");
    }
}

/// One that ran out does not go before one that lives, wherever they stand in the configuration.
#[test]
fn of_two_addresses_the_one_that_lives_is_offered() {
    for (lives, released) in [(ip(1, 10), ip(2, 10)), (ip(2, 10), ip(1, 10))] {
        let mut kit = merged(1, [1, 2], 0, true);
        kit.unicast(&release(1, released));
        assert_eq!(kit.send(&discover(1)).offer(), lives);
    }
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

/// A subnet's number is its place in the whole configuration, not on its segment.
#[test]
fn a_shared_network_stands_anywhere_in_the_configuration() {
    let mut subnets = shared().config.subnets.to_vec();
    subnets.rotate_right(1);
    let mut kit = Kit::with(&subnets);
    let leased = [1, 2, 3].map(|client| kit.lease_here(client));
    assert_eq!(leased, [ip(1, 10), ip(1, 11), ip(2, 10)]);
    let heard = kit.send(&reboot(3, ip(2, 10)));
    assert_eq!(heard.ack(), ip(2, 10));
    assert_eq!(heard.reply().address(3), Some(ip(2, 3)), "the options are those of its subnet");
    let heard = kit.send(&discover(1).relayed(ip(2, 3)));
    assert_eq!(heard.offer(), ip(1, 10));
    assert_eq!(heard.reply().address(3), Some(ip(1, 3)));
    assert_eq!(kit.send(&reboot(1, ip(3, 10))).nak(), "wrong-network", "of no subnet here");
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

/// One network with two pools on different terms: two subnets of the configuration with the same network.
fn two_pools() -> Kit {
    let (mut first, mut second) = (subnet(1), subnet(1));
    (first.shared_network, second.shared_network) = (Some(1), Some(1));
    first.ranges = leak(&[range(1, 10, 11)]);
    second.ranges = leak(&[range(1, 20, 21)]);
    second.lease_default = LeaseTime::Secs(600);
    second.options = RenderedOptions::new(leak(&[3, 4, 10, 0, 1, 7]));
    Kit::with(&[first, second])
}

#[test]
fn pools_on_different_terms_share_one_network() {
    let mut kit = two_pools();
    let leased = [1, 2, 3].map(|client| kit.lease(client));
    assert_eq!(leased, [ip(1, 10), ip(1, 11), ip(1, 20)]);
    let heard = kit.unicast(&renew(3, ip(1, 20)));
    assert_eq!(heard.ack(), ip(1, 20));
    assert_eq!(heard.reply().secs(51), Some(600), "the terms are those of its pool");
    assert_eq!(heard.reply().address(3), Some(ip(1, 7)));
    assert_eq!(kit.send(&reboot(3, ip(1, 20))).ack(), ip(1, 20));
    assert_eq!(kit.send(&discover(4).with_address(50, ip(1, 21))).offer(), ip(1, 21), "its wish");
    let heard = kit.send(&message(3, INFORM).ciaddr(ip(1, 20)));
    assert_eq!(heard.reply().address(3), Some(ip(1, 7)));
    assert!(kit.unicast(&release(3, ip(1, 20))).record.is_some());
}

#[test]
fn a_known_clients_options_come_with_an_address_of_any_pool() {
    let mut kit = two_pools();
    let mut subnets = kit.config.subnets.to_vec();
    let known =
        [Reservation { options: b"\x0c\x03cam", ..reserve(Who::Hardware(hardware(3)), None) }];
    for subnet in &mut subnets {
        subnet.reservations = leak(&known);
    }
    kit = kit.reload(&subnets);
    assert_eq!([1, 2].map(|client| kit.lease(client)), [ip(1, 10), ip(1, 11)]);
    let heard = kit.send(&discover(3));
    assert_eq!(heard.offer(), ip(1, 20));
    assert_eq!(heard.reply().option(12), Some(&b"cam"[..]));
}

/// What a relay agent may say for others, a client may not: RFC 3011 and RFC 3527 let a message choose its subnet.
#[test]
fn nobody_on_one_vlan_can_select_the_subnet_of_another() {
    let mut kit = Kit::article();
    let chosen = discover(1).with_address(118, ip(2, 0));
    assert_eq!(kit.send(&chosen).silence(), "other-segment");
    assert_eq!(kit.unicast(&chosen).silence(), "other-segment");
    let chosen = discover(1).with(82, &link_selection(ip(2, 0)));
    assert_eq!(kit.send(&chosen).silence(), "other-segment");
    assert_eq!(kit.send(&discover(1).with_address(118, ip(1, 0))).offer(), ip(1, 10), "its own");
}

/// RFC 3011 section 2: a client of a subnet behind the one that it is heard on says so itself, and goes on saying so.
#[test]
fn a_subnet_that_is_not_attached_can_be_selected() {
    let mut far = subnet(3);
    far.link = None;
    let mut kit = Kit::with(&[subnet(1), far]);
    let selected = |packet: Packet| packet.with_address(118, ip(3, 0));
    let offered = kit.send(&selected(discover(1))).offer();
    assert_eq!(offered, ip(3, 10));
    assert_eq!(kit.send(&selected(select(1, offered))).ack(), offered);
    assert_eq!(kit.unicast(&selected(renew(1, offered))).ack(), offered);
}
