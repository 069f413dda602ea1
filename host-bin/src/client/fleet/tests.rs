use dhcp_core::client::Config;
use dhcp_core::conflict::Acd;
use dhcp_core::id::HardwareAddr;
use dhcp_core::rng::Rng;

use super::*;

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
const SERVER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const START: Instant = Instant::from_millis(1_000);

/// A server of a few lines: the address is 10.0.1. and the last octet of `chaddr`; the lease is a minute.
fn reply(message: &[u8]) -> Option<Vec<u8>> {
    let kind = *message.get(242)?;
    let answer = match kind {
        1 => 2,
        3 => 5,
        _ => return None,
    };
    let mut reply = message[..240].to_vec();
    reply[0] = 2;
    reply[16..20].copy_from_slice(&[10, 0, 1, message[33]]);
    reply.extend([
        53, 1, answer, 54, 4, 10, 0, 1, 1, 51, 4, 0, 0, 0, 60, 1, 4, 255, 255, 255, 0, 255,
    ]);
    Some(reply)
}

struct World {
    fleet: Fleet,
    now: Instant,
    events: Vec<(Place, Event)>,
    /// Frames that the fleet sent, taken apart: destination, source, tag, message or none.
    sent: Vec<(Ethernet, Option<Vec<u8>>)>,
}

impl World {
    fn new(tag: Option<u16>, members: u8) -> Self {
        let mut fleet = Fleet::new(tag);
        for last in 1..=members {
            let mut config = Config::new(HardwareAddr::ethernet([2, 0, 0, 0, 1, last]));
            config.acd = Acd::Off;
            config.start_delay_millis_max = 0;
            let place = fleet.add(Client::new(config, Rng::seeded(last.into())), true).unwrap();
            fleet.client_mut(place).start(START);
        }
        Self { fleet, now: START, events: Vec::new(), sent: Vec::new() }
    }

    /// Lets the fleet speak, and the server answer when there is one, until nobody has anything to say.
    fn settle(&mut self, with_server: bool) {
        let mut frame = [0; FRAME_LEN_MAX];
        while let Some(deed) = self.fleet.poll(self.now, &mut frame) {
            match deed {
                Deed::Tell(place, event) => self.events.push((place, event)),
                Deed::Send(len) => {
                    let (ethernet, inside) = Ethernet::parse(&frame[..len]).unwrap();
                    let udp = Udp::parse(inside, Checksums::Verify).ok();
                    let message = udp.map(|udp| udp.payload.to_vec());
                    if let Some(reply) = message.as_deref().and_then(reply).filter(|_| with_server)
                    {
                        self.deliver(ethernet.vlan, &reply);
                    }
                    self.sent.push((ethernet, message));
                }
            }
        }
    }

    fn deliver(&mut self, vlan: Option<u16>, reply: &[u8]) {
        let ethernet = Ethernet {
            destination: BROADCAST_MAC,
            source: SERVER_MAC,
            vlan,
            ethertype: ETHERTYPE_IPV4,
        };
        let udp = Udp {
            source: SERVER,
            destination: Ipv4Addr::BROADCAST,
            source_port: SERVER_PORT,
            destination_port: CLIENT_PORT,
            payload: reply,
        };
        let mut frame = [0; 1_500];
        let len = udp.write_frame(&ethernet, &mut frame).unwrap();
        let (ethernet, inside) = Ethernet::parse(&frame[..len]).unwrap();
        self.fleet.hear(self.now, &ethernet, inside, Checksums::Verify);
    }

    fn pass_to_timeout(&mut self) {
        self.now = self.fleet.poll_timeout().unwrap();
    }
}

#[test]
fn twenty_clients_share_one_interface_and_each_gets_its_own() {
    let mut world = World::new(None, 20);
    world.settle(true);
    for last in 1..=20_u8 {
        let lease = world.fleet.client(Place(usize::from(last) - 1)).lease().unwrap();
        assert_eq!(lease.binding.address, Ipv4Addr::new(10, 0, 1, last));
    }
    let bound = world.events.iter().filter(|(_, event)| *event == Event::Bound);
    assert_eq!(bound.count(), 20);
    for (ethernet, message) in &world.sent {
        assert_eq!(ethernet.source, message.as_ref().unwrap()[28..34], "chaddr");
    }
}

#[test]
fn tagged_frames_stay_in_their_vlan() {
    let mut world = World::new(Some(5), 1);
    world.settle(false);
    assert_eq!(world.sent[0].0.vlan, Some(5));
    let offer = reply(world.sent[0].1.as_ref().unwrap()).unwrap();
    for other in [None, Some(6)] {
        world.deliver(other, &offer);
        world.settle(false);
        assert!(world.events.is_empty(), "{other:?} is another segment");
    }
    world.deliver(Some(5), &offer);
    world.settle(true);
    assert!(world.fleet.client(Place(0)).lease().is_some());
}

#[test]
fn renewal_goes_to_where_the_reply_came_from_and_then_to_everybody() {
    let mut world = World::new(None, 1);
    world.settle(true);
    world.sent.clear();
    world.pass_to_timeout();
    world.settle(false);
    assert_eq!(world.fleet.client(Place(0)).state().phase(), Phase::Renewing);
    let (ethernet, message) = &world.sent[0];
    assert_eq!(ethernet.destination, SERVER_MAC);
    assert_eq!(message.as_ref().unwrap()[12..16], [10, 0, 1, 1], "ciaddr");
    world.sent.clear();
    world.pass_to_timeout();
    world.settle(false);
    assert_eq!(world.sent[0].0.destination, BROADCAST_MAC);
}

#[test]
fn who_renews_is_found_by_arp_and_says_nothing_otherwise() {
    let mut world = World::new(None, 2);
    world.settle(true);
    let question = |sender: Ipv4Addr| Arp {
        operation: Operation::Request,
        sender_mac: SERVER_MAC,
        sender,
        target_mac: [0; 6],
        target: Ipv4Addr::new(10, 0, 1, 1),
    };
    let ask = |world: &mut World, arp: Arp| {
        world.sent.clear();
        let mut frame = [0; 64];
        let len = arp.write_frame(None, &mut frame).unwrap();
        let (ethernet, inside) = Ethernet::parse(&frame[..len]).unwrap();
        world.fleet.hear(world.now, &ethernet, inside, Checksums::Verify);
        world.settle(false);
        world.sent.iter().map(|(ethernet, _)| ethernet.destination).collect::<Vec<_>>()
    };
    assert!(ask(&mut world, question(SERVER)).is_empty(), "a bound address has its container");
    while world.fleet.client(Place(0)).state().phase() != Phase::Renewing {
        world.pass_to_timeout();
        world.settle(false);
    }
    assert_eq!(ask(&mut world, question(SERVER)), [SERVER_MAC]);
    assert!(ask(&mut world, question(Ipv4Addr::UNSPECIFIED)).is_empty(), "a probe is no question");
}
