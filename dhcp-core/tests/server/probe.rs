//! Addresses that somebody uses already: probed ahead of time, and never a reason to wait.

use core::net::Ipv4Addr;

use dhcp_core::id::HardwareAddr;
use dhcp_core::server::config::Who;
use dhcp_core::server::{Event, VETTING_MAX, Via};

use crate::kit::*;

const STRANGER: HardwareAddr = HardwareAddr::ethernet([2, 9, 9, 9, 9, 9]);

fn probing() -> Kit {
    Kit::one(|one| {
        one.probe = true;
        one.ranges = leak(&[range(1, 10, 250)]);
    })
}

impl Kit {
    /// All probes that are wanted now.
    fn probes(&mut self) -> Vec<Ipv4Addr> {
        let mut probes = Vec::new();
        while let Some(probe) = self.server.poll_probe(self.now) {
            assert_eq!(probe.via, Via::Arp(LINK));
            probes.push(probe.address);
        }
        probes
    }

    /// Lets the server work until nothing is due.
    fn poll(&mut self) -> Vec<Ipv4Addr> {
        let mut calls = 0;
        while self.server.poll_timeout().is_some_and(|at| at <= self.now) {
            self.server.poll(self.now);
            assert!(self.server.poll_timeout().unwrap() > self.now);
            calls += 1;
            assert!(calls < 10);
        }
        self.probes()
    }

    fn hears(&mut self, address: Ipv4Addr, by: Option<HardwareAddr>) -> Option<Event> {
        let outcome = self.server.heard(self.now, address, by)?;
        Some(outcome.event)
    }
}

#[test]
fn the_next_addresses_are_probed_before_anybody_asks() {
    let mut kit = probing();
    let expected: Vec<_> = (10..18).map(|last| ip(1, last)).collect();
    assert_eq!(kit.poll(), expected);
    assert!(kit.probes().is_empty(), "once");
    kit.pass_secs(1);
    assert_eq!(kit.send(&discover(1)).offer(), ip(1, 10));
    assert!(kit.probes().is_empty(), "the offer needs no probe");
    assert_eq!(kit.poll(), [ip(1, 18)], "the next one moves up");
    assert_eq!(kit.count("probe", "sent"), 9);
}

#[test]
fn an_address_that_answers_is_not_offered_and_the_operator_knows_who_has_it() {
    let mut kit = probing();
    kit.poll();
    let outcome = kit.server.heard(kit.now, ip(1, 10), Some(STRANGER)).unwrap();
    assert_eq!(
        outcome.event.to_string(),
        "02:09:09:09:09:09 uses 10.0.1.10 without a lease: in quarantine"
    );
    let (_, change) = outcome.record.unwrap();
    assert_eq!(change.address(), ip(1, 10));
    assert_eq!(kit.send(&discover(1)).offer(), ip(1, 11));
    assert_eq!(kit.send(&discover(2).with_address(50, ip(1, 10))).offer(), ip(1, 12));
    assert_eq!(kit.hears(ip(1, 10), Some(STRANGER)), None, "once is enough");
    assert_eq!(kit.count("event", "conflict"), 1);
    assert_eq!(kit.count("probe", "answered"), 1);
}

#[test]
fn an_answer_that_nobody_asked_for_changes_nothing() {
    let mut kit = probing();
    kit.poll();
    assert_eq!(kit.hears(ip(1, 200), Some(STRANGER)), None);
    assert_eq!(kit.hears(ip(9, 9), Some(STRANGER)), None);
    assert_eq!(kit.send(&discover(1).with_address(50, ip(1, 200))).offer(), ip(1, 200));
}

#[test]
fn an_offer_without_a_probe_goes_out_at_once_and_is_probed_in_the_same_moment() {
    let mut kit = probing();
    kit.poll();
    assert_eq!(kit.send(&discover(1).with_address(50, ip(1, 200))).offer(), ip(1, 200));
    assert_eq!(kit.probes(), [ip(1, 200)]);
}

#[test]
fn an_answer_before_the_request_leads_to_a_nak() {
    let mut kit = probing();
    let offered = kit.send(&discover(1)).offer();
    assert!(kit.probes().contains(&offered));
    let expected = Event::Conflict {
        subnet: dhcp_core::server::config::SubnetIndex(0),
        address: offered,
        by: Some(STRANGER),
        quarantined: true,
    };
    assert_eq!(kit.hears(offered, Some(STRANGER)), Some(expected));
    assert_eq!(kit.send(&select(1, offered)).nak(), "not-available");
    assert_ne!(kit.lease(1), offered);
}

#[test]
fn an_answer_after_the_request_is_told_and_changes_nothing() {
    let mut kit = probing();
    let leased = kit.lease(1);
    kit.probes();
    let event = kit.hears(leased, Some(STRANGER)).unwrap();
    assert!(matches!(event, Event::Conflict { quarantined: false, .. }), "{event:?}");
    assert_eq!(kit.unicast(&renew(1, leased)).ack(), leased);
}

#[test]
fn a_client_that_answers_for_its_own_address_is_no_stranger() {
    let mut kit = probing();
    let leased = kit.lease(1);
    kit.probes();
    assert_eq!(kit.hears(leased, Some(hardware(1))), None, "leased");
    kit.pass_secs(5_000);
    kit.poll();
    assert_eq!(kit.send(&discover(1)).offer(), leased);
    assert!(kit.probes().contains(&leased), "it may have changed hands");
    assert_eq!(kit.hears(leased, Some(hardware(1))), None, "offered");
    assert_eq!(kit.send(&select(1, leased)).ack(), leased);
}

#[test]
fn an_address_that_its_last_client_still_uses_is_kept_for_it() {
    let mut kit = Kit::one(|one| {
        one.probe = true;
        one.ranges = leak(&[range(1, 10, 10)]);
    });
    let address = kit.lease(1);
    kit.pass_secs(5_000);
    assert_eq!(kit.poll(), [address]);
    assert_eq!(kit.hears(address, Some(hardware(1))), None);
    assert_eq!(kit.send(&discover(2)).silence(), "pool-exhausted");
    assert_eq!(kit.send(&renew(1, address)).ack(), address);
}

#[test]
fn a_client_that_answers_for_what_is_reserved_for_it_is_no_stranger() {
    let address = ip(1, 10);
    let mut kit = Kit::one(|one| {
        one.probe = true;
        one.reservations = leak(&[reserve(Who::Hardware(hardware(1)), Some(address))]);
    });
    assert_eq!(kit.send(&discover(1)).offer(), address);
    assert_eq!(kit.probes(), [address]);
    assert_eq!(kit.send(&select(1, address)).ack(), address);
    kit.unicast(&release(1, address));
    assert_eq!(kit.hears(address, Some(hardware(1))), None, "it uses it all the same");
    assert_eq!(kit.send(&discover(1)).offer(), address);
    kit.unicast(&release(1, address));
    let stranger = kit.hears(address, Some(STRANGER));
    assert!(matches!(stranger, Some(Event::Conflict { quarantined: true, .. })), "{stranger:?}");
}

#[test]
fn a_client_with_a_lease_is_offered_it_without_a_probe() {
    let mut kit = probing();
    let leased = kit.lease(1);
    kit.pass_secs(100);
    kit.poll();
    kit.send(&discover(1)).offer();
    assert!(!kit.probes().contains(&leased));
}

#[test]
fn a_silence_is_believed_for_a_minute() {
    let mut kit = probing();
    let first = kit.poll();
    kit.pass_secs(1);
    assert!(kit.poll().is_empty());
    kit.pass_secs(59);
    assert!(kit.poll().is_empty());
    kit.pass_secs(2);
    assert_eq!(kit.poll(), first);
}

#[test]
fn a_thousand_clients_at_once_are_not_slowed() {
    let mut wide = subnet(1);
    wide.probe = true;
    wide.subnet = dhcp_core::net::Subnet::new(Ipv4Addr::new(10, 0, 0, 0), 20).unwrap();
    let (first, last) = (Ipv4Addr::new(10, 0, 2, 0), Ipv4Addr::new(10, 0, 7, 255));
    wide.ranges = leak(&[dhcp_core::net::Range::new(&wide.subnet, first, last).unwrap()]);
    let mut kit = Kit::with(&[wide]);
    kit.poll();
    kit.pass_secs(1);
    let mut probes = 0;
    for client in 0..1_000_u16 {
        let mut packet = discover(0);
        packet.chaddr[4..].copy_from_slice(&client.to_be_bytes());
        kit.send(&packet).offer();
        probes += kit.probes().len();
        if client % 64 == 0 {
            probes += kit.poll().len();
        }
    }
    assert!((VETTING_MAX / 2..=VETTING_MAX).contains(&probes), "{probes} questions at once");
    assert_eq!(kit.count("event", "offered"), 1_000);
    let skipped = usize::try_from(kit.count("probe", "skipped")).unwrap();
    assert!((1_000 - VETTING_MAX - 8..1_000).contains(&skipped), "{skipped} went out unprobed");
    kit.pass_secs(2);
    assert!(!kit.poll().is_empty(), "and afterwards there is room again");
}

#[test]
fn behind_a_relay_agent_an_echo_request_asks() {
    let mut far = subnet(3);
    (far.link, far.probe) = (None, true);
    far.ranges = leak(&[range(3, 10, 10)]);
    let mut kit = Kit::with(&[far]);
    kit.server.poll(kit.now);
    let probe = kit.server.poll_probe(kit.now).unwrap();
    assert_eq!((probe.address, probe.via), (ip(3, 10), Via::Icmp));
    let event = kit.hears(ip(3, 10), None).unwrap();
    assert_eq!(event.to_string(), "somebody uses 10.0.3.10 without a lease: in quarantine");
    kit.pass_secs(603);
    kit.server.poll(kit.now);
    while kit.server.poll_probe(kit.now).is_some() {}
    let relayed = |packet: Packet| packet.relayed(ip(3, 3));
    assert_eq!(kit.send(&relayed(discover(1))).offer(), ip(3, 10));
    kit.send(&relayed(select(1, ip(3, 10)))).ack();
    kit.pass_secs(5_000);
    assert_eq!(kit.send(&relayed(discover(1))).offer(), ip(3, 10));
    assert!(kit.server.poll_probe(kit.now).is_none(), "its own echo would look like a stranger's");
}

#[test]
fn a_subnet_that_does_not_want_it_is_not_probed() {
    let mut kit = Kit::article();
    kit.server.poll(kit.now);
    kit.send(&discover(1)).offer();
    kit.server.poll(kit.now);
    assert!(kit.server.poll_probe(kit.now).is_none());
    assert_eq!(kit.count("probe", "skipped"), 0);
}

#[test]
fn every_one_of_many_subnets_is_probed() {
    let subnets: Vec<_> = (1..=40)
        .map(|third| {
            let mut one = subnet(third);
            (one.probe, one.link) = (true, Some(LINK));
            one
        })
        .collect();
    let mut kit = Kit::with(&subnets);
    let mut probed = Vec::new();
    for _ in 0..50 {
        kit.now = kit.now.plus_millis(100);
        probed.extend(kit.poll());
    }
    for third in 1..=40 {
        assert!(probed.contains(&ip(third, 10)), "subnet {third}");
    }
}
