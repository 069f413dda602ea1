//! What the client reads out of an ACK: RFC 2132, RFC 3396, RFC 3442.

use core::net::Ipv4Addr;

use dhcp_core::client::{Config, Event, OPTIONS_LEN_MAX, Phase, Route};
use dhcp_core::conflict::Acd;
use dhcp_core::net::Subnet;

use crate::world::*;

fn bound_by(change: impl FnOnce(Reply) -> Reply) -> Desk {
    let mut desk = requesting(config(Acd::Off));
    desk.takes(&change(desk.reply(ACK)));
    assert_eq!(desk.phase(), Phase::Bound);
    desk
}

fn route(network: [u8; 4], prefix_len: u8, gateway: [u8; 4]) -> Route {
    let destination = Subnet::new(network.into(), prefix_len).unwrap();
    Route { destination, gateway: gateway.into() }
}

fn routes(desk: &Desk) -> Vec<Route> {
    desk.lease().options.routes().collect()
}

#[test]
fn a_lease_is_read_out_of_the_ack() {
    let desk = bound_by(|ack| {
        ack.with(15, b"truck.example\0")
            .with(12, b"camera")
            .with(26, &1_400_u16.to_be_bytes())
            .with(28, &[10, 0, 1, 255])
            .with(42, &[10, 0, 1, 9])
    });
    let lease = desk.lease();
    assert_eq!((lease.binding.address, lease.binding.server_id), (ADDRESS, SERVER));
    assert_eq!(lease.subnet().unwrap().to_string(), "10.0.1.0/24");
    assert_eq!(lease.options.prefix_len(), Some(24));
    let dns: Vec<Ipv4Addr> = lease.options.dns().collect();
    assert_eq!(dns, [Ipv4Addr::new(8, 8, 8, 8), Ipv4Addr::new(8, 8, 4, 4)]);
    assert_eq!(lease.options.routers().collect::<Vec<_>>(), [Ipv4Addr::new(10, 0, 1, 3)]);
    assert_eq!(lease.options.ntp().collect::<Vec<_>>(), [Ipv4Addr::new(10, 0, 1, 9)]);
    assert_eq!(lease.options.domain_name(), Some(b"truck.example".as_slice()));
    assert_eq!(lease.options.host_name(), Some(b"camera".as_slice()));
    assert_eq!(lease.options.mtu(), Some(1_400));
    assert_eq!(lease.options.broadcast(), Some(Ipv4Addr::new(10, 0, 1, 255)));
    assert_eq!(routes(&desk), [route([0; 4], 0, [10, 0, 1, 3])]);
    let codes: Vec<u8> = lease.options.iter().map(|(code, _)| code).collect();
    assert_eq!(codes, [1, 3, 6, 12, 15, 26, 28, 42, 51, 54]);
}

/// RFC 3442: with option 121 the router option MUST be ignored.
#[test]
fn classless_routes_hide_the_routers() {
    let classless = [
        &[24, 10, 0, 2, 10, 0, 1, 3][..], // 10.0.2.0/24
        &[0, 10, 0, 1, 7],                // default
        &[20, 172, 16, 240, 10, 0, 1, 8], // 172.16.240.0/20
        &[32, 10, 9, 9, 9, 0, 0, 0, 0],   // a host on the link
    ];
    let desk = bound_by(|ack| ack.with(121, &classless.concat()));
    assert_eq!(
        routes(&desk),
        [
            route([10, 0, 2, 0], 24, [10, 0, 1, 3]),
            route([0; 4], 0, [10, 0, 1, 7]),
            route([172, 16, 240, 0], 20, [10, 0, 1, 8]),
            route([10, 9, 9, 9], 32, [0; 4]),
        ]
    );
    assert_eq!(desk.lease().options.routers().count(), 0);
    assert_eq!(desk.lease().options.option(3), Some([10, 0, 1, 3].as_slice()), "still to be seen");
}

/// A classless route that cannot be read is none: the router counts.
#[test]
fn torn_classless_routes_are_ignored() {
    for torn in [&[][..], &[33, 1, 2, 3, 4, 5, 10, 0, 1, 3], &[24, 10, 0, 2, 10, 0], &[0]] {
        let desk = bound_by(|ack| if torn.is_empty() { ack } else { ack.with(121, torn) });
        assert_eq!(routes(&desk), [route([0; 4], 0, [10, 0, 1, 3])], "{torn:?}");
    }
}

/// RFC 3442: host bits of the destination are cleared.
#[test]
fn host_bits_of_a_route_are_cleared() {
    let desk = bound_by(|ack| ack.with(121, &[20, 172, 16, 255, 10, 0, 1, 8]));
    assert_eq!(routes(&desk), [route([172, 16, 240, 0], 20, [10, 0, 1, 8])]);
}

#[test]
fn values_of_a_wrong_length_are_none() {
    let desk = bound_by(|ack| {
        ack.without(1)
            .with(26, &[5])
            .with(28, &[1, 2])
            .with(6, &[8, 8, 8, 8, 8])
            .with(3, &[10, 0])
            .with(15, b"\0")
    });
    let options = desk.lease().options;
    assert_eq!((options.mtu(), options.broadcast(), options.prefix_len()), (None, None, None));
    assert_eq!(options.dns().count(), 1);
    assert_eq!(options.routers().count(), 0);
    assert_eq!(options.domain_name(), None);
    assert_eq!(desk.lease().subnet(), None);
    assert!(routes(&desk).is_empty());
    let desk = bound_by(|ack| ack.with(26, &67_u16.to_be_bytes()));
    assert_eq!(desk.lease().options.mtu(), None, "RFC 2132 section 5.1: at least 68");
    let desk = bound_by(|ack| ack.with(1, &[255, 0, 255, 0]));
    assert_eq!(desk.lease().options.prefix_len(), None, "a mask with holes");
}

/// RFC 2131 section 4.1, RFC 2132 section 9.3: options in file and sname count.
#[test]
fn options_in_file_and_sname_are_read() {
    let mut desk = requesting(config(Acd::Off));
    let ack = desk.reply(ACK).without(6).without(3).with(52, &[3]);
    let mut octets = ack.octets();
    octets[108..108 + 7].copy_from_slice(&[6, 4, 9, 9, 9, 9, 255]); // file
    octets[44..44 + 7].copy_from_slice(&[3, 4, 10, 0, 1, 3, 255]); // sname
    assert_eq!(desk.hear_octets(&octets), dhcp_core::client::Heard::Taken);
    let options = desk.lease().options;
    assert_eq!(options.dns().collect::<Vec<_>>(), [Ipv4Addr::new(9, 9, 9, 9)]);
    assert_eq!(options.routers().collect::<Vec<_>>(), [Ipv4Addr::new(10, 0, 1, 3)]);
    assert_eq!(options.option(52), None, "it only carries the message");
}

/// RFC 3396: the parts of a split option are one value, also when others stand between them.
#[test]
fn split_options_are_joined() {
    let mut desk = requesting(config(Acd::Off));
    let mut ack = desk.reply(ACK).without(6);
    ack.options.insert(1, (6, vec![9, 9]));
    ack.options.push((6, vec![9, 9, 8, 8, 8, 8]));
    let long = vec![7; 200];
    ack.options.push((43, long.clone()));
    ack.options.push((43, long));
    desk.takes(&ack);
    let options = desk.lease().options;
    let dns = [Ipv4Addr::new(9, 9, 9, 9), Ipv4Addr::new(8, 8, 8, 8)];
    assert_eq!(options.dns().collect::<Vec<_>>(), dns);
    assert_eq!(options.option(43).map(<[u8]>::len), Some(400));
}

/// An ACK with more than we have room for keeps what fits, and says how many did not.
#[test]
fn options_beyond_the_room_are_counted() {
    let desk = bound_by(|mut ack| {
        for code in 150..=160 {
            ack = ack.with(code, &[9; 250]);
        }
        ack
    });
    let options = desk.lease().options;
    assert!(options.dropped() > 0);
    assert!(options.iter().map(|(_, value)| 3 + value.len()).sum::<usize>() <= OPTIONS_LEN_MAX);
    assert_eq!(options.dns().count(), 2, "what comes first is kept");
}

#[test]
fn a_renewal_says_whether_anything_changed() {
    let mut desk = renewing(config(Acd::Off));
    desk.take();
    desk.takes(&desk.reply(ACK).lease_secs(7_200).with(58, &[0, 0, 9, 9]));
    assert_eq!(desk.events(), [Event::Renewed { changed: false }], "times are no configuration");
    desk.wait();
    desk.take();
    desk.takes(&desk.reply(ACK).with(6, &[1, 1, 1, 1]));
    assert_eq!(desk.events(), [Event::Renewed { changed: true }]);
    assert_eq!(desk.lease().options.dns().collect::<Vec<_>>(), [Ipv4Addr::new(1, 1, 1, 1)]);
}

/// Servers exist whose renewals carry no configuration; nothing is taken away by them.
#[test]
fn a_renewal_without_a_mask_changes_nothing() {
    let mut desk = renewing(config(Acd::Off));
    desk.take();
    desk.takes(&desk.reply(ACK).without(1).without(3).without(6));
    assert_eq!(desk.events(), [Event::Renewed { changed: false }]);
    let options = desk.lease().options;
    assert_eq!((options.prefix_len(), options.dns().count()), (Some(24), 2));
    assert_eq!(options.routers().count(), 1);
}

#[test]
fn the_options_are_gone_with_the_lease() {
    let mut desk = bound(config(Acd::Off));
    assert!(desk.client.options().is_some());
    desk.client.stop();
    assert!(desk.client.options().is_none() && desk.client.lease().is_none());
}

/// A client is small enough for a microcontroller: this is all the memory that it has.
#[test]
fn a_client_takes_less_than_three_kilobytes() {
    let len = size_of::<dhcp_core::client::Client>();
    assert!(len <= 3_072, "{len} octets");
    assert!(size_of::<Config>() <= 768, "{} octets", size_of::<Config>());
}
