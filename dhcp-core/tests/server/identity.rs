//! RFC 2131 section 4.2 and RFC 6842: who the client is.

use dhcp_core::server::config::{Identity, Who};

use crate::kit::*;

#[test]
fn the_client_identifier_counts_if_there_is_one() {
    let mut kit = Kit::article();
    let first = kit.send(&discover(1).with(61, b"alpha")).offer();
    assert_ne!(kit.send(&discover(1).with(61, b"beta")).offer(), first, "two clients");
    assert_eq!(kit.send(&discover(2).with(61, b"alpha")).offer(), first, "one, another card");
}

#[test]
fn without_an_identifier_the_hardware_type_and_address_count() {
    let mut kit = Kit::article();
    let ethernet = kit.send(&discover(1)).offer();
    let mut other_type = discover(1);
    other_type.htype = 6;
    assert_ne!(kit.send(&other_type).offer(), ethernet);
    assert_eq!(kit.send(&discover(1)).offer(), ethernet);
}

#[test]
fn hardware_addresses_of_any_length_are_served() {
    let mut kit = Kit::article();
    for len in 1..=16 {
        let mut packet = discover(1);
        packet.chaddr = vec![0x40 | len; usize::from(len)];
        packet.htype = 32;
        if usize::from(len) <= 10 {
            kit.send(&packet).offer();
        } else {
            assert_eq!(kit.send(&packet).silence(), "pool-exhausted");
        }
    }
}

#[test]
fn nobody_is_not_served() {
    let mut kit = Kit::article();
    let mut packet = discover(1);
    packet.chaddr = Vec::new();
    assert_eq!(kit.send(&packet).silence(), "no-identity");
    let offered = kit.send(&packet.with(61, b"InfiniBand, RFC 4390")).offer();
    assert_eq!(offered, ip(1, 10));
}

#[test]
fn the_client_identifier_is_echoed() {
    let mut kit = Kit::article();
    let heard = kit.send(&discover(1).with(61, b"alpha"));
    assert_eq!(heard.reply().option(61), Some(b"alpha".as_slice()));
    assert_eq!(kit.send(&discover(2)).reply().option(61), None);
}

/// The article's script does this, with `xid` 0 and the text of the MAC address as identifier.
#[test]
fn an_identifier_in_request_only_is_still_one_client() {
    let mut kit = Kit::article();
    let mut look = discover(1);
    look.xid = 0;
    let id = b"aa:bb:cc:11:22:33";
    let offered = kit.send(&look).offer();
    let mut take = select(1, offered).with(61, id);
    take.xid = 0;
    let heard = kit.send(&take);
    assert_eq!(heard.ack(), offered);
    assert_eq!(heard.record.unwrap().client_id, Some(id.to_vec()));
    kit.pass_secs(1_800);
    assert_eq!(kit.unicast(&renew(1, offered).with(61, id)).ack(), offered, "renewal with");
    assert_eq!(kit.unicast(&renew(1, offered)).ack(), offered, "and without it");
    assert_eq!(kit.send(&look).offer(), offered, "the script runs again");
    assert_eq!(kit.send(&take).ack(), offered);
    assert_eq!(bound(&kit), 1, "and has one lease");
    kit.unicast(&release(1, offered).with(61, id));
    assert_eq!(bound(&kit), 0);
}

#[test]
fn an_identifier_in_discover_only_is_still_one_client() {
    let mut kit = Kit::article();
    let offered = kit.send(&discover(1).with(61, b"alpha")).offer();
    assert_eq!(kit.send(&select(1, offered)).ack(), offered);
    kit.pass_secs(1_800);
    assert_eq!(kit.unicast(&renew(1, offered)).ack(), offered);
    assert_eq!(kit.send(&reboot(1, offered)).ack(), offered);
    assert_eq!(kit.send(&discover(1).with(61, b"alpha")).offer(), offered);
    assert_eq!(kit.send(&discover(1).with_address(50, offered)).offer(), offered);
    assert_eq!(bound(&kit), 1);
}

#[test]
fn a_client_that_leased_with_its_identifier_and_looks_without_it_ends_up_with_one_lease() {
    let mut kit = Kit::article();
    let old = kit.send(&discover(1).with(61, b"alpha")).offer();
    kit.send(&select(1, old).with(61, b"alpha")).ack();
    let offered = kit.send(&discover(1)).offer();
    assert_eq!(kit.send(&select(1, offered).with(61, b"alpha")).ack(), offered, "as offered");
    assert_eq!(bound(&kit), 1);
}

/// A wish for an address that it leased with an identifier is none for a second lease.
#[test]
fn a_client_with_a_lease_is_offered_that_whichever_of_its_addresses_it_names() {
    let mut kit = Kit::article();
    let other = kit.send(&discover(1).with(61, b"alpha")).offer();
    kit.send(&select(1, other).with(61, b"alpha")).ack();
    let own = kit.send(&discover(1)).offer();
    kit.send(&select(1, own)).ack();
    assert_ne!(own, other);
    assert_eq!(kit.send(&discover(1).with_address(50, other)).offer(), own);
    kit.unicast(&release(1, own));
    assert_eq!(kit.send(&discover(1).with_address(50, other)).offer(), other, "it has no other");
}

#[test]
fn another_identifier_behind_the_same_hardware_address_is_another_client() {
    let mut kit = Kit::article();
    let offered = kit.send(&discover(1).with(61, b"alpha")).offer();
    kit.send(&select(1, offered).with(61, b"alpha")).ack();
    assert_eq!(kit.send(&select(1, offered).with(61, b"beta")).nak(), "not-yours");
    assert_eq!(kit.unicast(&renew(1, offered).with(61, b"beta")).nak(), "not-yours");
}

#[test]
fn a_subnet_can_go_by_the_hardware_address_alone() {
    let mut kit = Kit::one(|one| one.identity = Identity::Hardware);
    let first = kit.send(&discover(1).with(61, b"cloned")).offer();
    let second = kit.send(&discover(2).with(61, b"cloned")).offer();
    assert_ne!(first, second, "cloned machines share an identifier");
    assert_eq!(kit.send(&discover(1).with(61, b"boot loader")).offer(), first);
    assert_eq!(kit.send(&select(1, first).with(61, b"system")).ack(), first);
    assert_eq!(kit.send(&discover(1).with(61, b"system")).reply().option(61).unwrap(), b"system");
}

#[test]
fn a_reservation_by_hardware_address_holds_for_every_identifier() {
    let known = [reserve(Who::Hardware(hardware(1)), Some(ip(1, 50)))];
    let mut kit = Kit::one(|one| one.reservations = leak(&known));
    for id in [None, Some(b"boot loader"), Some(b"sys. loader")] {
        let with_id = |packet: Packet| match id {
            Some(id) => packet.with(61, id),
            None => packet,
        };
        assert_eq!(kit.send(&with_id(discover(1))).offer(), ip(1, 50), "{id:?}");
        assert_eq!(kit.send(&with_id(select(1, ip(1, 50)))).ack(), ip(1, 50), "{id:?}");
    }
    assert_eq!(bound(&kit), 1);
}

#[test]
fn names_in_records_are_sanitised() {
    let mut kit = Kit::article();
    let offered = kit.send(&discover(1)).offer();
    let hostile = select(1, offered).with(12, b"\x1b[2Jcam\r\n10.0.1.1 router");
    assert_eq!(kit.send(&hostile).record.unwrap().name, b"2Jcam-10.0.1.1-router");
}

fn bound(kit: &Kit) -> usize {
    let now = kit.server.time(kit.now);
    let slots = kit.server.book().slots.values();
    let bound = dhcp_core::server::book::Standing::Bound;
    slots.filter(|slot| slot.entry.standing == bound && slot.entry.until > now).count()
}
