//! Whatever the clients do and whatever octets come: no panic, no address with two owners, nothing outside the pools.

use core::net::Ipv4Addr;
use std::collections::BTreeMap;

use dhcp_core::server::config::Who;
use proptest::prelude::*;

use crate::kit::*;

const CLIENTS: u8 = 6;

fn small_world() -> Kit {
    let known = [
        reserve(Who::Hardware(hardware(0)), Some(ip(1, 11))),
        reserve(Who::Hardware(hardware(1)), Some(ip(1, 40))),
    ];
    let (mut first, mut second) = (subnet(1), subnet(2));
    first.ranges = leak(&[range(1, 0, 3), range(1, 10, 12)]);
    first.reservations = leak(&known);
    first.authoritative = true;
    second.ranges = leak(&[range(2, 10, 11)]);
    second.link = Some(LINK);
    (first.shared_network, second.shared_network) = (Some(1), Some(1));
    Kit::with(&[first, second])
}

/// One step of a client that need not make sense.
#[derive(Clone, Debug)]
struct Step {
    client: u8,
    kind: u8,
    address: Ipv4Addr,
    wish: bool,
    ciaddr: bool,
    server_id: Option<Ipv4Addr>,
    client_id: bool,
    unicast: bool,
    relayed: bool,
    pass_secs: u32,
    fails: bool,
}

fn any_address() -> impl Strategy<Value = Ipv4Addr> {
    prop_oneof![
        6 => (1_u8..=2, 9_u8..=13).prop_map(|(third, fourth)| ip(third, fourth)),
        1 => Just(ip(1, 40)),
        2 => (1_u8..=2, 0_u8..=4).prop_map(|(third, fourth)| ip(third, fourth)),
        1 => any::<[u8; 4]>().prop_map(Ipv4Addr::from),
    ]
}

prop_compose! {
    fn any_step()(
        client in 0..CLIENTS,
        kind in prop_oneof![3 => Just(DISCOVER), 6 => Just(REQUEST), 1 => 0_u8..=9],
        address in any_address(),
        wish in any::<bool>(),
        ciaddr in prop::bool::weighted(0.3),
        server_id in prop_oneof![Just(None), Just(Some(US)), Just(Some(ip(2, 1))), Just(Some(ip(1, 2)))],
        client_id in prop::bool::weighted(0.3),
        unicast in prop::bool::weighted(0.3),
        relayed in prop::bool::weighted(0.1),
        pass_secs in prop_oneof![4 => 0_u32..20, 1 => 0_u32..5_000],
        fails in prop::bool::weighted(0.1),
    ) -> Step {
        Step { client, kind, address, wish, ciaddr, server_id, client_id, unicast, relayed, pass_secs, fails }
    }
}

impl Step {
    fn packet(&self) -> Packet {
        let mut packet = message(self.client, self.kind);
        if self.kind == 0 {
            packet = packet.without(53);
        }
        if self.wish {
            packet = packet.with_address(50, self.address);
        }
        if self.ciaddr {
            packet = packet.ciaddr(self.address);
        }
        if let Some(server_id) = self.server_id {
            packet = packet.with_address(54, server_id);
        }
        if self.client_id {
            packet = packet.with(61, &[0, self.client]);
        }
        if self.relayed {
            packet = packet.relayed(ip(1, 3));
        }
        packet
    }
}

/// Who was told that which address is theirs, and until when.
#[derive(Default)]
struct Told(BTreeMap<Ipv4Addr, (u8, u64)>);

impl Told {
    fn check(&mut self, step: &Step, heard: &Heard, now: u64) {
        let Some(said) = &heard.said else {
            // What a client says that it gives back it uses no more.
            let gave_back = heard.record.as_ref().map(|record| record.address);
            if let Some(address) = gave_back {
                self.0.remove(&address);
            }
            // Who asks for an address has no other, though its acknowledgement never left.
            if heard.held.is_some() {
                self.0.retain(|address, (owner, _)| {
                    *owner != step.client || *address == step.address
                });
            }
            return;
        };
        match said.kind() {
            Some(OFFER) => {
                self.check_address(said.yiaddr);
                let owner = self.0.get(&said.yiaddr).filter(|(_, until)| *until > now);
                assert!(owner.is_none_or(|(owner, _)| *owner == step.client), "{step:?}: {said:?}");
            }
            Some(ACK) if said.yiaddr.is_unspecified() => {}
            Some(ACK) | None => {
                self.check_address(said.yiaddr);
                let until = now + said.secs(51).map_or(u64::MAX / 2, u64::from);
                let before = self.0.insert(said.yiaddr, (step.client, until));
                let before = before.filter(|(_, until)| *until > now);
                assert!(
                    before.is_none_or(|(owner, _)| owner == step.client),
                    "{step:?}: {} was told to {before:?}",
                    said.yiaddr
                );
                // The client uses the new address from now on, not an older one.
                self.0
                    .retain(|address, (owner, _)| *owner != step.client || *address == said.yiaddr);
            }
            Some(NAK) => {
                assert!(said.yiaddr.is_unspecified() && said.secs(51).is_none());
                self.0.retain(|_, (owner, _)| *owner != step.client);
            }
            kind => panic!("{kind:?}"),
        }
    }

    fn check_address(&self, address: Ipv4Addr) {
        let allowed =
            [ip(1, 2), ip(1, 3), ip(1, 10), ip(1, 11), ip(1, 12), ip(1, 40), ip(2, 10), ip(2, 11)];
        assert!(allowed.contains(&address), "{address} is not in a pool");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The clients here share their addresses' hardware, so that one number is one client with or without an identifier.
    #[test]
    fn no_address_has_two_owners(steps in prop::collection::vec(any_step(), 1..80)) {
        let mut kit = small_world();
        let mut told = Told::default();
        for step in steps {
            kit.pass_secs(step.pass_secs);
            kit.server.poll(kit.now);
            kit.journal_works = !step.fails;
            let packet = step.packet();
            let mut heard = if step.unicast { kit.unicast(&packet) } else { kit.send(&packet) };
            if step.fails {
                kit.server.not_durable();
                if heard.held.is_some() {
                    heard.said = None;
                    heard.record = None;
                }
            }
            told.check(&step, &heard, kit.now.as_secs());
        }
    }

    #[test]
    fn any_octets_are_survived(octets in prop::collection::vec(any::<u8>(), 0..700)) {
        let mut kit = small_world();
        kit.send_octets(&octets);
    }

    #[test]
    fn damaged_messages_are_survived(
        step in any_step(),
        damage in prop::collection::vec((0_usize..320, any::<u8>()), 0..12),
        len in 200_usize..400,
    ) {
        let mut kit = small_world();
        let mut octets = step.packet().octets();
        for (at, octet) in damage {
            if let Some(place) = octets.get_mut(at) {
                *place = octet;
            }
        }
        octets.truncate(len);
        kit.send_octets(&octets);
    }
}
