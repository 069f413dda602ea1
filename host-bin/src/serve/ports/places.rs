//! Whose is a frame, and how does a reply reach its client? Decided from what is known of interfaces and subnets; no socket is touched here.

use core::net::{Ipv4Addr, SocketAddrV4};

use dhcp_core::net::Subnet;
use dhcp_core::server::config::Link;
use dhcp_core::server::{Destination, Ingress, Transmit};
use dhcp_core::wire::frame::arp::{Arp, Operation};
use dhcp_core::wire::frame::ipv4::Udp;
use dhcp_core::wire::frame::{BROADCAST_MAC, ETHERTYPE_ARP, ETHERTYPE_IPV4, Ethernet};

use crate::net::Frame;
use crate::serve::outbox::Answer;
use crate::serve::ports::{CLIENT_PORT, SERVER_PORT};

/// A served interface.
#[derive(Debug)]
pub(super) struct Port<S> {
    pub(super) number: u16,
    pub(super) mac: [u8; 6],
    pub(super) addresses: Vec<(Ipv4Addr, u8)>,
    pub(super) socket: S,
}

/// A subnet and where it is attached.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) link: Link,
    pub(super) net: Subnet,
    pub(super) server_id: Option<Ipv4Addr>,
}

/// How a reply leaves.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// As a frame of this many octets from the port in this place.
    Frame { port: usize, len: usize },
    /// As a datagram.
    Datagram { destination: SocketAddrV4, interface: u32 },
    /// There is none.
    None,
}

/// What is in a frame.
pub(super) enum Inside<'f> {
    Message { ingress: Ingress, hardware: [u8; 6], payload: &'f [u8] },
    Arp { link: Link, arp: Arp },
}

/// Why a frame is left alone.
pub(super) enum Left {
    ForeignVlan,
    NotForUs,
    Damaged,
}

/// What is known of ports and segments while frames are read and written.
#[derive(Clone, Copy)]
pub(super) struct Places<'p, S> {
    pub(super) ports: &'p [Port<S>],
    pub(super) segments: &'p [Segment],
    pub(super) ours: &'p [Ipv4Addr],
}

impl<S> Places<'_, S> {
    fn on(&self, link: Link) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(move |segment| segment.link == link)
    }

    pub(super) fn read<'f>(&self, port: &Port<S>, frame: &Frame<'f>) -> Result<Inside<'f>, Left> {
        let (ethernet, inside) = frame.parse().map_err(|_| Left::Damaged)?;
        let link = Link { interface: port.number, vlan: ethernet.vlan };
        if ethernet.vlan.is_some() && self.on(link).next().is_none() {
            return Err(Left::ForeignVlan);
        }
        if ethernet.ethertype == ETHERTYPE_ARP {
            let arp = Arp::parse(inside).map_err(|_| Left::Damaged)?;
            return Ok(Inside::Arp { link, arp });
        }
        let udp = Udp::parse(inside, frame.checksums).map_err(|_| Left::Damaged)?;
        let ingress = self.ingress(port, link, udp.destination).ok_or(Left::NotForUs)?;
        Ok(Inside::Message { ingress, hardware: ethernet.source, payload: udp.payload })
    }

    /// `None` when it is for another host: we may be its router.
    fn ingress(&self, port: &Port<S>, link: Link, destination: Ipv4Addr) -> Option<Ingress> {
        let server_ids = || self.on(link).filter_map(|segment| segment.server_id);
        if self.ours.contains(&destination) || server_ids().any(|ours| ours == destination) {
            return Some(Ingress { link, local: destination, unicast: true });
        }
        let mut nets = self.on(link).map(|segment| segment.net);
        let to_all = destination.is_broadcast()
            || nets.any(|net| net.contains(destination) && !net.is_host(destination));
        if !to_all {
            return None;
        }
        // On a VLAN that is served natively the interface's addresses are another segment's.
        let first = port.addresses.first().filter(|_| link.vlan.is_none());
        let local = server_ids().next().or(first.map(|(address, _)| *address));
        let local = local.unwrap_or(Ipv4Addr::UNSPECIFIED);
        Some(Ingress { link, local, unicast: false })
    }

    /// Whether somebody else than this host says that it uses an address of this segment.
    pub(super) fn is_stranger(&self, port: &Port<S>, link: Link, arp: &Arp) -> bool {
        let here = self.on(link).any(|segment| segment.net.contains(arp.sender));
        here && arp.sender_mac != port.mac && !self.ours.contains(&arp.sender)
    }

    /// The answer to a question for our address. On a VLAN that is served natively the kernel gives none, and clients ask when they renew.
    pub(super) fn answer(&self, port: &Port<S>, link: Link, arp: &Arp) -> Option<Arp> {
        let is_ours = |segment: &Segment| segment.server_id == Some(arp.target);
        let asks = arp.operation == Operation::Request && arp.sender != arp.target;
        let is_for_us = link.vlan.is_some()
            && asks
            && !self.ours.contains(&arp.target)
            && self.on(link).any(is_ours);
        is_for_us.then_some(Arp {
            operation: Operation::Reply,
            sender_mac: port.mac,
            sender: arp.target,
            target_mac: arp.sender_mac,
            target: arp.sender,
        })
    }

    /// How a reply leaves; a frame is written.
    pub(super) fn way(&self, answer: &Answer, frame: &mut [u8], numbers: &[(u32, u16)]) -> Way {
        let Some((transmit, payload)) = answer.message() else { return Way::None };
        let port = self.ports.iter().position(|port| port.number == transmit.link.interface);
        // Back to where it came from: the client itself, or the router on the way to it.
        let back = answer.hardware;
        let (hardware, address, to_port) = match transmit.destination {
            Destination::Broadcast => (Some(BROADCAST_MAC), Ipv4Addr::BROADCAST, CLIENT_PORT),
            Destination::Hardware { mac, address } => (Some(mac), address, CLIENT_PORT),
            Destination::Client(address) => (back, address, CLIENT_PORT),
            // The kernel has a route to a relay agent, unless it hears us on a VLAN that the kernel does not know.
            Destination::Relay(address) => {
                (back.filter(|_| transmit.link.vlan.is_some()), address, SERVER_PORT)
            }
        };
        if let (Some(hardware), Some(port)) = (hardware, port) {
            return self.frame(port, &transmit, hardware, address, to_port, payload, frame);
        }
        let destination = SocketAddrV4::new(address, to_port);
        match transmit.destination {
            Destination::Relay(_) | Destination::Client(_) => {
                Way::Datagram { destination, interface: 0 }
            }
            Destination::Broadcast => {
                let number = transmit.link.interface;
                let index = numbers.iter().find(|(_, known)| *known == number);
                index.map_or(Way::None, |(index, _)| Way::Datagram {
                    destination,
                    interface: *index,
                })
            }
            // Without frames nothing reaches a client that has no address.
            Destination::Hardware { .. } => Way::None,
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of a frame")]
    fn frame(
        &self,
        place: usize,
        transmit: &Transmit,
        hardware: [u8; 6],
        address: Ipv4Addr,
        port: u16,
        payload: &[u8],
        frame: &mut [u8],
    ) -> Way {
        let Some(source) = self.ports.get(place).map(|port| port.mac) else { return Way::None };
        let vlan = transmit.link.vlan;
        let ethernet = Ethernet { destination: hardware, source, vlan, ethertype: ETHERTYPE_IPV4 };
        let udp = Udp {
            source: transmit.source,
            destination: address,
            source_port: SERVER_PORT,
            destination_port: port,
            payload,
        };
        match udp.write_frame(&ethernet, frame) {
            Some(len) => Way::Frame { port: place, len },
            None => Way::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use dhcp_core::wire::frame::arp::ARP_LEN;
    use dhcp_core::wire::frame::ipv4::Checksums;

    use super::*;
    use crate::serve::outbox::Outbox;

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
    const CLIENT: [u8; 6] = [2, 0, 0, 0, 0, 9];
    const UNTAGGED: Link = Link { interface: 1, vlan: None };
    const TAGGED: Link = Link { interface: 1, vlan: Some(2) };

    const fn ip(third: u8, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, third, last)
    }

    /// One interface with 10.0.1.0/24, of which it has 10.0.1.1, and VLAN 2 with 10.0.2.0/24, where 10.0.2.1 is ours and nobody else knows.
    fn with_places(test: impl FnOnce(&Places<'_, ()>, &Port<()>)) {
        let addresses = vec![(ip(1, 1), 24)];
        let ports = [Port { number: 1, mac: MAC, addresses, socket: () }];
        let segment = |link, third| Segment {
            link,
            net: Subnet::new(ip(third, 0), 24).unwrap(),
            server_id: Some(ip(third, 1)),
        };
        let segments = [segment(UNTAGGED, 1), segment(TAGGED, 2)];
        let ours = [Ipv4Addr::LOCALHOST, ip(1, 1), ip(7, 1)];
        test(&Places { ports: &ports, segments: &segments, ours: &ours }, &ports[0]);
    }

    #[test]
    fn a_message_to_us_or_to_all_is_taken_and_what_we_only_route_is_not() {
        with_places(|places, port| {
            let ingress = |link, destination| places.ingress(port, link, destination);
            let unicast = |link, local| Some(Ingress { link, local, unicast: true });
            let to_all = |link, local| Some(Ingress { link, local, unicast: false });
            assert_eq!(ingress(UNTAGGED, ip(1, 1)), unicast(UNTAGGED, ip(1, 1)));
            assert_eq!(ingress(UNTAGGED, ip(7, 1)), unicast(UNTAGGED, ip(7, 1)), "a relay agent's");
            assert_eq!(ingress(TAGGED, ip(2, 1)), unicast(TAGGED, ip(2, 1)));
            assert_eq!(ingress(UNTAGGED, Ipv4Addr::BROADCAST), to_all(UNTAGGED, ip(1, 1)));
            assert_eq!(ingress(TAGGED, Ipv4Addr::BROADCAST), to_all(TAGGED, ip(2, 1)));
            assert_eq!(ingress(UNTAGGED, ip(1, 255)), to_all(UNTAGGED, ip(1, 1)));
            assert_eq!(ingress(UNTAGGED, ip(2, 255)), None);
            assert_eq!(ingress(UNTAGGED, ip(2, 1)), None, "ours on the other VLAN only");
            assert_eq!(ingress(UNTAGGED, Ipv4Addr::new(192, 0, 2, 9)), None);
        });
    }

    fn frame(octets: &[u8], vlan: Option<u16>) -> Frame<'_> {
        let checksums = Checksums::Verify;
        Frame { octets, vlan, checksums, broadcast: true, received_at: None }
    }

    #[test]
    fn what_is_tagged_stays_on_its_vlan() {
        let udp = Udp {
            source: Ipv4Addr::UNSPECIFIED,
            destination: Ipv4Addr::BROADCAST,
            source_port: CLIENT_PORT,
            destination_port: SERVER_PORT,
            payload: b"hello",
        };
        let ethernet = Ethernet {
            destination: BROADCAST_MAC,
            source: CLIENT,
            vlan: None,
            ethertype: ETHERTYPE_IPV4,
        };
        let mut octets = [0; 60];
        let len = udp.write_frame(&ethernet, &mut octets).unwrap();
        with_places(|places, port| {
            for (vlan, expected) in [(None, UNTAGGED), (Some(0), UNTAGGED), (Some(2), TAGGED)] {
                let Ok(Inside::Message { ingress, hardware, payload }) =
                    places.read(port, &frame(&octets[..len], vlan))
                else {
                    panic!("{vlan:?} is served")
                };
                assert_eq!((ingress.link, hardware, payload), (expected, CLIENT, &b"hello"[..]));
            }
            let foreign = places.read(port, &frame(&octets[..len], Some(3)));
            assert!(matches!(foreign, Err(Left::ForeignVlan)));
            let cut = places.read(port, &frame(&octets[..len - 1], None));
            assert!(matches!(cut, Err(Left::Damaged)));
        });
    }

    #[test]
    fn we_answer_for_our_address_where_the_kernel_does_not() {
        let ask = |target| Arp {
            operation: Operation::Request,
            sender_mac: CLIENT,
            sender: ip(2, 50),
            target_mac: [0; 6],
            target,
        };
        with_places(|places, port| {
            let answer = places.answer(port, TAGGED, &ask(ip(2, 1))).unwrap();
            assert_eq!((answer.operation, answer.sender_mac), (Operation::Reply, MAC));
            assert_eq!((answer.sender, answer.target), (ip(2, 1), ip(2, 50)));
            assert_eq!(answer.target_mac, CLIENT);
            assert!(answer.write_frame(Some(2), &mut [0; 18 + ARP_LEN]).is_some());
            for (link, target) in [(TAGGED, ip(2, 2)), (TAGGED, ip(1, 1)), (UNTAGGED, ip(1, 1))] {
                assert_eq!(places.answer(port, link, &ask(target)), None, "{link:?} {target}");
            }
            let reply = Arp { operation: Operation::Reply, ..ask(ip(2, 1)) };
            assert_eq!(places.answer(port, TAGGED, &reply), None);
        });
    }

    #[test]
    fn only_others_than_us_are_strangers_and_only_on_their_own_segment() {
        with_places(|places, port| {
            let says = |mac, sender| Arp::announcement(mac, sender);
            assert!(places.is_stranger(port, UNTAGGED, &says(CLIENT, ip(1, 9))));
            assert!(places.is_stranger(port, TAGGED, &says(CLIENT, ip(2, 9))));
            assert!(!places.is_stranger(port, TAGGED, &says(CLIENT, ip(1, 9))));
            assert!(!places.is_stranger(port, UNTAGGED, &says(MAC, ip(1, 9))));
            assert!(!places.is_stranger(port, UNTAGGED, &says(CLIENT, ip(1, 1))));
            let probe = Arp::probe(CLIENT, ip(1, 9));
            assert!(!places.is_stranger(port, UNTAGGED, &probe), "it does not have it");
        });
    }

    /// Where a frame goes: hardware address, VLAN, IP address, port.
    type Goes = ([u8; 6], Option<u16>, Ipv4Addr, u16);

    /// How a reply leaves, and where it goes if it is a frame.
    fn way(destination: Destination, link: Link, hardware: Option<[u8; 6]>) -> (Way, Option<Goes>) {
        let mut outbox = Outbox::new();
        let (place, _) = outbox.begin(hardware).unwrap();
        outbox.release(place, Transmit { destination, source: ip(1, 1), link, len: 300 });
        let mut room = [0; 400];
        let mut way = Way::None;
        with_places(|places, _| {
            way = places.way(outbox.answers().next().unwrap(), &mut room, &[(44, 1), (55, 5)]);
        });
        let Way::Frame { port: 0, len } = way else { return (way, None) };
        let (ethernet, inside) = Ethernet::parse(&room[..len]).unwrap();
        let udp = Udp::parse(inside, Checksums::Verify).unwrap();
        assert_eq!((ethernet.source, udp.source, udp.source_port), (MAC, ip(1, 1), SERVER_PORT));
        (way, Some((ethernet.destination, ethernet.vlan, udp.destination, udp.destination_port)))
    }

    #[test]
    fn a_reply_reaches_its_client_the_way_that_it_can_be_reached() {
        let new = Destination::Hardware { mac: CLIENT, address: ip(1, 9) };
        let expected = Some((CLIENT, None, ip(1, 9), CLIENT_PORT));
        assert_eq!(way(new, UNTAGGED, Some(CLIENT)).1, expected);
        let all = Some((BROADCAST_MAC, Some(2), Ipv4Addr::BROADCAST, CLIENT_PORT));
        assert_eq!(way(Destination::Broadcast, TAGGED, Some(CLIENT)).1, all);
        let router = [2, 0, 0, 0, 0, 7];
        let renewing = Destination::Client(ip(1, 9));
        let expected = Some((router, None, ip(1, 9), CLIENT_PORT));
        assert_eq!(way(renewing, UNTAGGED, Some(router)).1, expected, "back through the router");
        let relay = Destination::Relay(ip(2, 3));
        let expected = Some((router, Some(2), ip(2, 3), SERVER_PORT));
        assert_eq!(way(relay, TAGGED, Some(router)).1, expected, "the kernel has no route there");
    }

    #[test]
    fn what_came_as_a_datagram_leaves_as_one() {
        let elsewhere = Link { interface: 5, vlan: None };
        for (destination, hardware, link, expected) in [
            (Destination::Client(ip(3, 9)), None, elsewhere, Some((ip(3, 9), CLIENT_PORT, 0))),
            (
                Destination::Relay(ip(3, 1)),
                Some(CLIENT),
                UNTAGGED,
                Some((ip(3, 1), SERVER_PORT, 0)),
            ),
            (Destination::Broadcast, None, elsewhere, Some((Ipv4Addr::BROADCAST, CLIENT_PORT, 55))),
            (Destination::Hardware { mac: CLIENT, address: ip(3, 9) }, None, elsewhere, None),
        ] {
            let found = match way(destination, link, hardware).0 {
                Way::Datagram { destination, interface } => {
                    Some((*destination.ip(), destination.port(), interface))
                }
                Way::None => None,
                Way::Frame { .. } => panic!("{destination:?}"),
            };
            assert_eq!(found, expected, "{destination:?}");
        }
    }
}
