//! Hunts against a server of the core's, without sockets: the same octets, and time is what the test says.

use core::net::Ipv4Addr;

use dhcp_core::wire::frame::ipv4::Udp;
use dhcp_core::wire::frame::{BROADCAST_MAC, ETHERTYPE_IPV4};
use jiff::Timestamp;

use super::*;

const KEY: InstallationKey = InstallationKey([7; 16]);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
const OFFERED: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 50);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    Silent,
    /// Offers, and then says nothing.
    HalfAlive,
    /// Offers and refuses.
    Refuses,
    Good,
}

fn wish(address: Option<Ipv4Addr>, before: Option<Before>) -> Wish {
    let container = Container { name: "camera".parse().unwrap(), vlan: Some(1) };
    let mac = container.mac(&KEY, 0);
    Wish { container, mac, is_own_mac: false, address, before }
}

/// Type, flags, option 50.
type Said = (u8, u16, Option<Ipv4Addr>);

/// What comes of a wish in `millis`, and the messages that were sent.
fn hunt(wish: Wish, server: Server, millis: u64) -> (Result<NamedLease, Failure>, Vec<Said>) {
    let mut now = Instant::from_millis(5_000);
    let ends = now.plus_millis(millis);
    let mut hunt = Hunt::begin(now, ("eth0", None), &KEY, Acd::Off, vec![wish], 3).unwrap();
    let mut said = Vec::new();
    let mut frame = [0; FRAME_LEN_MAX];
    while now < ends && !hunt.is_over() {
        let clocks = Clocks { now, wall: Timestamp::from_second(1_000).unwrap() };
        while let Some(len) = hunt.poll(&clocks, &mut frame) {
            let (_, inside) = Ethernet::parse(&frame[..len]).unwrap();
            let request = Udp::parse(inside, Checksums::Verify).unwrap().payload.to_vec();
            let flags = u16::from_be_bytes([request[10], request[11]]);
            let requested = option(&request, 50)
                .map(|octets| Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]));
            said.push((option(&request, 53).unwrap()[0], flags, requested));
            if let Some(reply) = answer(&request, server) {
                let udp = Udp {
                    source: SERVER,
                    destination: Ipv4Addr::BROADCAST,
                    source_port: 67,
                    destination_port: 68,
                    payload: &reply,
                };
                let ethernet = Ethernet {
                    destination: BROADCAST_MAC,
                    source: [2; 6],
                    vlan: None,
                    ethertype: ETHERTYPE_IPV4,
                };
                let mut back = [0; 1_500];
                let len = udp.write_frame(&ethernet, &mut back).unwrap();
                let (ethernet, inside) = Ethernet::parse(&back[..len]).unwrap();
                hunt.hear(now, &ethernet, inside, Checksums::Verify);
            }
        }
        now = hunt.poll_timeout().unwrap_or(ends).max(now);
    }
    assert_eq!(hunt.progress().is_empty(), hunt.is_over());
    let (_, result) = hunt.give_up().pop().unwrap();
    (result, said)
}

fn option(message: &[u8], code: u8) -> Option<&[u8]> {
    let mut rest = &message[240..];
    while rest[0] != 255 {
        let (head, behind) = rest.split_at(2);
        let (value, behind) = behind.split_at(usize::from(head[1]));
        if head[0] == code {
            return Some(value);
        }
        rest = behind;
    }
    None
}

fn answer(request: &[u8], server: Server) -> Option<Vec<u8>> {
    let kind = match (option(request, 53)?[0], server) {
        (_, Server::Silent) | (3, Server::HalfAlive) => return None,
        (1, _) => 2,
        (3, Server::Refuses) => 6,
        (3, Server::Good) => 5,
        (_, _) => return None,
    };
    let requested = option(request, 50).map_or([10, 0, 1, 50], |octets| octets.try_into().unwrap());
    let address = if option(request, 54).is_some() { requested } else { OFFERED.octets() };
    let mut reply = request[..240].to_vec();
    reply[0] = 2;
    reply[16..20].copy_from_slice(&address);
    reply.extend([
        53, 1, kind, 54, 4, 10, 0, 1, 1, 51, 4, 0, 0, 14, 16, 1, 4, 255, 255, 255, 0, 3, 4, 10, 0,
        1, 3, 255,
    ]);
    Some(reply)
}

#[test]
fn a_name_gets_a_lease_with_all_that_came_with_it() {
    let (lease, said) = hunt(wish(None, None), Server::Good, 1_000);
    let lease = lease.unwrap();
    assert_eq!((lease.address, lease.prefix_len, lease.server), (OFFERED, Some(24), SERVER));
    assert_eq!(lease.gateway(), Some(Ipv4Addr::new(10, 0, 1, 3)));
    assert_eq!(lease.expires_at, Some(Timestamp::from_second(4_600).unwrap()));
    assert!(lease.renew_at < lease.rebind_at && lease.rebind_at < lease.expires_at);
    assert_eq!(
        said,
        [(1, 0x8000, None), (3, 0x8000, Some(OFFERED))],
        "replies to a foreign MAC are broadcast"
    );
}

#[test]
fn the_last_address_is_asked_for_first() {
    let before = Before { address: OFFERED, server: SERVER, is_released: false };
    let (lease, said) = hunt(wish(None, Some(before)), Server::Good, 1_000);
    assert_eq!(lease.unwrap().address, OFFERED);
    assert_eq!(said, [(3, 0x8000, Some(OFFERED))], "INIT-REBOOT");
    let released = Before { is_released: true, ..before };
    let (_, said) = hunt(wish(None, Some(released)), Server::Good, 1_000);
    assert_eq!(said[0], (1, 0x8000, Some(OFFERED)), "what was given back is a wish");
}

#[test]
fn a_demanded_address_is_had_or_given_back() {
    let wanted = Ipv4Addr::new(10, 0, 1, 99);
    let before = Before { address: OFFERED, server: SERVER, is_released: false };
    let (result, said) = hunt(wish(Some(wanted), Some(before)), Server::Good, 1_000);
    assert_eq!(result, Err(Failure::OtherAddress { wanted, got: OFFERED, server: SERVER }));
    assert_eq!(said[0], (1, 0x8000, Some(wanted)));
    assert_eq!(said.last().unwrap().0, 7, "RELEASE");
}

#[test]
fn every_failure_has_its_reason_and_its_code() {
    let cases = [
        (Server::Silent, Failure::NoServer, Exit::NoServer),
        (
            Server::HalfAlive,
            Failure::Unfinished { address: OFFERED, server: SERVER },
            Exit::NoServer,
        ),
        (Server::Refuses, Failure::Refused { server: SERVER }, Exit::Refused),
    ];
    for (server, failure, exit) in cases {
        let (result, _) = hunt(wish(None, None), server, 20_000);
        assert_eq!(result, Err(failure));
        assert_eq!(failure.exit(), exit);
    }
}
