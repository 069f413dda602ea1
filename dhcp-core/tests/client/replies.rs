//! What the client believes: bad replies of every kind are counted by name and change nothing.

use core::net::Ipv4Addr;

use dhcp_core::client::{Event, Heard, Ignored, Phase};
use dhcp_core::conflict::Acd;
use dhcp_core::wire::message::Scratch;

use crate::world::*;

/// One client in each state that waits for an answer, and a good answer.
fn waiting() -> Vec<(Desk, Reply)> {
    let desks = [
        (selecting(config(Acd::Off)), OFFER),
        (requesting(config(Acd::Off)), ACK),
        (requesting(config(Acd::Off)), NAK),
        (rebooting(config(Acd::Off)), ACK),
        (rebooting(config(Acd::Off)), NAK),
        (renewing(config(Acd::Off)), ACK),
        (renewing(config(Acd::Off)), NAK),
        (rebinding(config(Acd::Off)), ACK),
        (rebinding(config(Acd::Off)), NAK),
    ];
    desks
        .into_iter()
        .map(|(desk, message_type)| (desk.reply(message_type), desk))
        .map(|(r, d)| (d, r))
        .collect()
}

/// RFC 2131 section 4.4.1: xid is checked; section 4.1: so is whose reply it is.
#[test]
fn replies_for_others_are_ignored() {
    for (mut desk, good) in waiting() {
        desk.ignores(&Reply { op: 1, ..good.clone() }, Ignored::NotAReply);
        desk.ignores(&Reply { xid: good.xid ^ 1, ..good.clone() }, Ignored::OtherXid);
        let mut chaddr = good.chaddr;
        chaddr[5] ^= 1;
        desk.ignores(&Reply { chaddr, ..good.clone() }, Ignored::OtherHardware);
        desk.ignores(&Reply { htype: 6, ..good.clone() }, Ignored::OtherHardware);
        desk.ignores(&Reply { hlen: 5, ..good.clone() }, Ignored::OtherHardware);
        desk.ignores(&good.clone().with(61, b"\0other"), Ignored::OtherClientId);
        desk.takes(&good.with(61, &CLIENT_ID));
    }
}

#[test]
fn replies_without_type_or_server_are_ignored() {
    for (mut desk, good) in waiting() {
        desk.ignores(&good.clone().without(53), Ignored::NoMessageType);
        desk.ignores(&good.clone().with(53, &[99]), Ignored::NoMessageType);
        desk.ignores(&good.clone().without(54), Ignored::NoServerId);
        for nobody in [Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, Ipv4Addr::new(224, 0, 0, 1)] {
            desk.ignores(&good.clone().from(nobody), Ignored::NoServerId);
        }
        for message_type in [DISCOVER, REQUEST, DECLINE, RELEASE, INFORM] {
            desk.ignores(&good.clone().with(53, &[message_type]), Ignored::UnexpectedType);
        }
        desk.takes(&good);
    }
}

/// A server that refuses by an ACK of 0.0.0.0 instead of a NAK exists; so do servers that offer the network's number.
#[test]
fn an_offer_or_ack_of_no_hosts_address_is_nothing() {
    for (mut desk, good) in waiting() {
        if good.options[0].1 == [NAK] {
            continue;
        }
        for yiaddr in [
            Ipv4Addr::UNSPECIFIED,
            Ipv4Addr::BROADCAST,
            Ipv4Addr::LOCALHOST,
            Ipv4Addr::new(0, 0, 0, 5),
            Ipv4Addr::new(239, 1, 2, 3),
            Ipv4Addr::new(10, 0, 1, 0),
            Ipv4Addr::new(10, 0, 1, 255),
        ] {
            desk.ignores(&Reply { yiaddr, ..good.clone() }, Ignored::NoAddress);
        }
        desk.ignores(&good.clone().without(51), Ignored::NoLeaseTime);
        desk.ignores(&good.clone().with(51, &[0, 1]), Ignored::NoLeaseTime);
        for secs in [0, 1, 4] {
            desk.ignores(&good.clone().lease_secs(secs), Ignored::LeaseTooShort);
        }
        desk.takes(&good);
    }
}

#[test]
fn an_ack_of_another_address_than_was_asked_for_is_ignored() {
    for mut desk in [
        requesting(config(Acd::Off)),
        rebooting(config(Acd::Off)),
        renewing(config(Acd::Off)),
        rebinding(config(Acd::Off)),
    ] {
        let good = desk.reply(ACK);
        let yiaddr = Ipv4Addr::new(10, 0, 1, 51);
        desk.ignores(&Reply { yiaddr, ..good.clone() }, Ignored::OtherAddress);
        desk.takes(&good);
    }
}

/// A NAK or ACK from a server that was not chosen means nothing; in RENEWING only our server was asked.
#[test]
fn a_server_that_was_not_asked_is_ignored() {
    for message_type in [ACK, NAK] {
        let mut desk = requesting(config(Acd::Off));
        let stranger = desk.reply(message_type).from(OTHER_SERVER);
        desk.ignores(&stranger, Ignored::OtherServer);
    }
    let mut desk = renewing(config(Acd::Off));
    desk.ignores(&desk.reply(NAK).from(OTHER_SERVER), Ignored::OtherServer);
    let mut desk = rebinding(config(Acd::Off));
    desk.takes(&desk.reply(NAK).from(OTHER_SERVER));
    let mut desk = rebooting(config(Acd::Off));
    desk.takes(&desk.reply(NAK).from(OTHER_SERVER));
}

#[test]
fn whoever_extends_the_lease_in_rebinding_is_our_server_from_then_on() {
    let mut desk = rebinding(config(Acd::Off));
    desk.takes(&desk.reply(ACK).from(OTHER_SERVER));
    assert_eq!(desk.lease().binding.server_id, OTHER_SERVER);
    desk.wait();
    assert_eq!(desk.phase(), Phase::Renewing);
    assert_eq!(desk.sent().transmit.destination, OTHER_SERVER);
    assert_eq!(desk.client.previous().server_id, Some(OTHER_SERVER));
}

#[test]
fn replies_that_nobody_waits_for_are_ignored() {
    let mut desk = bound(config(Acd::Full));
    for message_type in [OFFER, ACK, NAK] {
        desk.ignores(&Reply::new(message_type, 77), Ignored::NotAwaited);
    }
    let mut desk = requesting(config(Acd::Full));
    let ack = desk.reply(ACK);
    desk.takes(&ack);
    assert_eq!(desk.phase(), Phase::Probing);
    desk.ignores(&ack, Ignored::NotAwaited);
    desk.ignores(&Reply::new(NAK, ack.xid), Ignored::NotAwaited);
}

#[test]
fn torn_packets_are_ignored_at_every_length() {
    for (mut desk, good) in waiting() {
        let octets = good.octets();
        for len in 0..240 {
            let before = *desk.client.state();
            let heard = desk.hear_octets(&octets[..len]);
            assert!(matches!(heard, Heard::Ignored(Ignored::Malformed(_))), "{len}");
            assert_eq!(*desk.client.state(), before);
        }
        assert_eq!(desk.client.ignored()[0], 240);
        assert_eq!(Ignored::NAMES[0], "malformed");
        let mut bad = good.clone();
        bad.cookie = [99, 130, 83, 98];
        assert!(matches!(desk.hear(&bad), Heard::Ignored(Ignored::Malformed(_))));
        desk.takes(&good);
    }
}

/// One flipped bit anywhere in the header or cookie, or in the type, never makes a lease of another.
#[test]
fn no_single_flipped_bit_in_what_identifies_a_reply_is_taken() {
    for (mut desk, good) in waiting() {
        let octets = good.octets();
        for at in [0, 1, 2, 4, 5, 6, 7, 28, 29, 30, 31, 32, 33, 236, 237, 238, 239] {
            for bit in 0..8 {
                let mut flipped = octets.clone();
                flipped[at] ^= 1 << bit;
                let before = *desk.client.state();
                let heard = desk.client.handle(desk.now, &flipped, &mut Scratch::new());
                assert!(matches!(heard, Heard::Ignored(_)), "octet {at} bit {bit}");
                assert_eq!(*desk.client.state(), before);
            }
        }
    }
}

#[test]
fn every_reason_has_a_name_and_a_counter_of_its_own() {
    let mut names = Ignored::NAMES.to_vec();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Ignored::COUNT);
    assert_eq!(Ignored::LeaseTooShort.index(), Ignored::COUNT - 1);
    assert_eq!(Ignored::NAMES[Ignored::OtherServer.index()], "other-server");
}

/// RFC 2131 section 3.1 (2): offers are collected for a while, and chosen by what was before.
#[test]
fn offers_are_collected_and_our_previous_server_is_chosen() {
    let mut desk = Desk::new(config(Acd::Off), 1);
    desk.client.start_seeking(desk.now, previous());
    desk.wait();
    let offer = desk.reply(OFFER);
    let stranger = Reply { yiaddr: Ipv4Addr::new(10, 0, 1, 60), ..offer.clone() };
    desk.takes(&stranger.from(OTHER_SERVER));
    assert_eq!(desk.phase(), Phase::Selecting, "a better one may come");
    desk.now = desk.now.plus_millis(300);
    desk.takes(&offer);
    assert_eq!(desk.phase(), Phase::Requesting, "nothing better can come");
    assert_eq!(desk.sent().address_option(54), Some(SERVER));
}

#[test]
fn the_first_offer_is_taken_when_the_time_to_collect_is_over() {
    let mut desk = Desk::new(config(Acd::Off), 1);
    desk.client.start_seeking(desk.now, previous());
    desk.wait();
    let asked_at = desk.now;
    let offer = desk.reply(OFFER);
    for last in [60, 61] {
        let yiaddr = Ipv4Addr::new(10, 0, 1, last);
        desk.takes(&Reply { yiaddr, ..offer.clone() }.from(Ipv4Addr::new(10, 0, 1, last + 100)));
    }
    desk.wait();
    assert_eq!(desk.now.millis_since(asked_at), 500);
    assert_eq!(desk.phase(), Phase::Requesting);
    assert_eq!(desk.sent().address_option(50), Some(Ipv4Addr::new(10, 0, 1, 60)));
    assert_eq!(desk.events().len(), 2, "both were offered");

    let mut hasty = config(Acd::Off);
    hasty.collect_millis = 0;
    let mut desk = Desk::new(hasty, 1);
    desk.client.start_seeking(desk.now, previous());
    desk.wait();
    desk.takes(&desk.reply(OFFER).from(OTHER_SERVER));
    assert_eq!(desk.phase(), Phase::Requesting, "0: the first one");
}

/// RFC 8925 section 3.2: only who asked for option 108 obeys it.
#[test]
fn ipv6_only_preferred_is_obeyed_when_it_was_asked_for() {
    let mut modern = config(Acd::Off);
    assert!(modern.parameters.push(&[108]));
    let mut desk = selecting(modern);
    desk.takes(&desk.reply(OFFER).with(108, &1_800_u32.to_be_bytes()));
    assert_eq!(desk.phase(), Phase::Init);
    assert_eq!(desk.events().last(), Some(&Event::Ipv6OnlyPreferred { wait_secs: 1_800 }));
    assert_eq!(desk.sent().message_type(), DISCOVER, "the address is not requested");
    let waited_from = desk.now;
    desk.wait();
    assert_eq!(desk.now.millis_since(waited_from), 1_800_000, "V6ONLY_WAIT");
    assert_eq!(desk.phase(), Phase::Selecting);
    desk.takes(&desk.reply(OFFER).with(108, &5_u32.to_be_bytes()));
    assert_eq!(desk.events().last(), Some(&Event::Ipv6OnlyPreferred { wait_secs: 300 }));

    let mut desk = selecting(config(Acd::Off));
    desk.takes(&desk.reply(OFFER).with(108, &1_800_u32.to_be_bytes()));
    assert_eq!(desk.phase(), Phase::Requesting, "it was not asked for");
}

/// RFC 8925 section 3.2: also in an ACK to INIT-REBOOT.
#[test]
fn ipv6_only_preferred_counts_in_init_reboot() {
    let mut modern = config(Acd::Off);
    assert!(modern.parameters.push(&[108]));
    let mut desk = rebooting(modern);
    desk.takes(&desk.reply(ACK).with(108, &600_u32.to_be_bytes()));
    assert_eq!(desk.phase(), Phase::Init);
    assert!(desk.client.lease().is_none());
    assert_eq!(desk.events(), [Event::Ipv6OnlyPreferred { wait_secs: 600 }]);
}
