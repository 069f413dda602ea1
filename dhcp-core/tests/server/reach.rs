//! RFC 2131 section 4.1: where replies go, and how long they may be.

use dhcp_core::server::Destination;
use dhcp_core::wire::options::RenderedOptions;

use crate::kit::*;

fn destination(packet: &Packet) -> Destination {
    Kit::article().send(packet).reply().destination
}

#[test]
fn a_client_without_an_address_is_reached_by_its_hardware_address() {
    let expected = Destination::Hardware { mac: mac(1), address: ip(1, 10) };
    assert_eq!(destination(&discover(1)), expected);
    let mut kit = Kit::article();
    kit.lease(1);
    assert_eq!(kit.send(&select(1, ip(1, 10))).reply().destination, expected);
}

#[test]
fn a_client_that_cannot_hear_unicast_sets_the_broadcast_bit() {
    let mut kit = Kit::article();
    let heard = kit.send(&discover(1).broadcast());
    assert_eq!(heard.reply().destination, Destination::Broadcast);
    assert_eq!(heard.reply().flags, 0x8000, "the flags come back");
}

#[test]
fn a_relayed_message_is_answered_to_the_relay_agent() {
    let giaddr = ip(1, 3);
    assert_eq!(destination(&discover(1).relayed(giaddr)), Destination::Relay(giaddr));
    assert_eq!(destination(&discover(1).broadcast().relayed(giaddr)), Destination::Relay(giaddr));
    let mut kit = Kit::article();
    let leased = kit.lease(1);
    let heard = kit.send(&renew(1, leased).relayed(giaddr));
    assert_eq!(heard.reply().destination, Destination::Relay(giaddr));
    assert_eq!(heard.reply().giaddr, giaddr);
}

#[test]
fn a_relayed_nak_has_the_broadcast_bit_set() {
    let mut kit = Kit::article();
    let heard = kit.send(&select(1, ip(2, 10)).with_address(54, US).relayed(ip(1, 3)));
    assert_eq!(heard.nak(), "wrong-network");
    assert_eq!(heard.reply().destination, Destination::Relay(ip(1, 3)));
    assert_eq!(heard.reply().flags, 0x8000);
}

#[test]
fn a_nak_to_a_renewing_client_is_broadcast() {
    let mut kit = Kit::article();
    let leased = kit.lease(1);
    let heard = kit.unicast(&renew(2, leased));
    assert_eq!(heard.nak(), "not-yours");
    assert_eq!(heard.reply().destination, Destination::Broadcast);
    assert_eq!(heard.reply().flags, 0);
}

#[test]
fn a_client_with_an_address_is_reached_there() {
    assert_eq!(destination(&discover(1).ciaddr(ip(1, 77))), Destination::Client(ip(1, 77)));
}

#[test]
fn a_forged_ciaddr_does_not_aim_our_reply_at_others() {
    for forged in [[8, 8, 8, 8], [255; 4], [224, 0, 0, 1], [10, 0, 1, 255], [10, 0, 2, 10]] {
        let heard = Kit::article().send(&discover(1).ciaddr(forged.into()));
        let expected = Destination::Hardware { mac: mac(1), address: ip(1, 10) };
        assert_eq!(heard.reply().destination, expected, "{forged:?}");
    }
}

#[test]
fn only_one_stations_ethernet_address_is_a_frames_destination() {
    for group in [[0xff; 6], [1, 0, 0x5e, 0, 0, 1], [0; 6]] {
        let mut packet = discover(1);
        packet.chaddr = group.to_vec();
        assert_eq!(destination(&packet), Destination::Broadcast, "{group:?}");
    }
    let mut infiniband = discover(1).with(61, b"RFC 4390");
    infiniband.htype = 32;
    infiniband.chaddr = Vec::new();
    assert_eq!(destination(&infiniband), Destination::Broadcast);
}

#[test]
fn a_reply_leaves_where_the_request_came_in() {
    let mut kit = Kit::article();
    assert_eq!(kit.send(&discover(1)).reply().link, LINK);
    kit.on_second_link();
    let heard = kit.send(&discover(2));
    assert_eq!((heard.reply().link, heard.reply().source), (LINK_2, ip(2, 1)));
    assert_eq!(heard.offer(), ip(2, 10));
}

#[test]
fn a_relay_agent_is_one_host() {
    for giaddr in [[255; 4], [224, 0, 0, 9], [127, 0, 0, 1]] {
        let packet = discover(1).relayed(giaddr.into());
        assert_eq!(Kit::article().send(&packet).silence(), "bad-relay-address");
    }
}

#[test]
fn a_reply_is_as_long_as_the_client_takes_and_no_longer() {
    // 36 options of 30 octets, more than 548 hold and less than 1,472.
    let many: Vec<u8> =
        (130..166).flat_map(|code| [vec![code, 28], vec![7; 28]].concat()).collect();
    let many: &'static [u8] = many.leak();
    for (told, longest) in [(None, 548), (Some(300), 548), (Some(576), 548), (Some(1_000), 972)] {
        let told: Option<u16> = told;
        let mut kit = Kit::one(|one| one.options = RenderedOptions::new(many));
        let packet = match told {
            Some(len) => discover(1).with(57, &len.to_be_bytes()),
            None => discover(1),
        };
        let heard = kit.send(&packet);
        let len = heard.reply().octets.len();
        assert!(len <= longest && len > longest - 40, "{told:?}: {len}");
    }
    let mut kit = Kit::one(|one| one.options = RenderedOptions::new(many));
    let heard = kit.send(&discover(1).with(57, &[255; 2]));
    assert!(heard.reply().option(165).is_some(), "all of them");
    assert!(heard.reply().octets.len() <= 1_472);
}

#[test]
fn more_than_16_relay_agents_are_a_circle() {
    let mut packet = discover(1).relayed(ip(1, 3));
    packet.hops = 16;
    Kit::article().send(&packet).offer();
    packet.hops = 17;
    assert_eq!(Kit::article().send(&packet).silence(), "too-many-hops");
}
