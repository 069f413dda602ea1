//! And what of clients that no standard knows? The article's script, clients that cannot say who they are, addresses that somebody already uses.

use core::net::Ipv4Addr;
use core::time::Duration;

use dhcp_core::wire::message::MessageType;

use crate::harness;
use crate::serving::{Serving, server_on};
use crate::tools::node_on;
use crate::wire::{ANSWER, Ask, Wire};

const CONFIG: &str = include_str!("../configs/article-mended.conf");

/// The article's Python script: `chaddr` holds the first 16 characters of the MAC address in text, xid is 0, the REQUEST has a client identifier and the DISCOVER none, and
/// siaddr is taken for the server's identifier.
fn script(kind: MessageType) -> Ask {
    let text = b"aa:bb:cc:11:22:33";
    let mac = [0xaa, 0xbb, 0xcc, 0x11, 0x22, 0x33];
    Ask { chaddr: text[..16].to_vec(), flags: 0, ..Ask::new(kind, mac, 0) }
}

#[test]
fn the_articles_script_gets_what_it_was_offered_and_the_same_again() {
    harness::run(&[], |bed| {
        let (server, segments) = server_on(bed, &[1]);
        let serving = Serving::start(&server, "conf", CONFIG);
        let mut wire = Wire::open(&node_on(bed, "host", &segments[0]), "eth0");
        let mut first = None;
        for _ in 0..2 {
            wire.send(&script(MessageType::Discover));
            let offer = wire.answer(MessageType::Offer, 0);
            assert_eq!(
                offer.siaddr,
                Ipv4Addr::new(10, 0, 1, 1),
                "siaddr is the server's own address"
            );
            let request = script(MessageType::Request)
                .option(61, b"aa:bb:cc:11:22:33")
                .option(50, &offer.yiaddr.octets())
                .option(54, &offer.siaddr.octets());
            wire.send(&request);
            let ack = wire.answer(MessageType::Ack, 0);
            assert_eq!(ack.yiaddr, offer.yiaddr);
            assert_eq!(*first.get_or_insert(ack.yiaddr), ack.yiaddr);
        }
        assert_eq!(serving.in_state("bound"), [first.unwrap()], "one client, one lease");
    });
}

#[test]
fn what_is_no_message_gets_no_answer_and_harms_nobody() {
    harness::run(&[], |bed| {
        let (server, segments) = server_on(bed, &[1]);
        let serving = Serving::start(&server, "conf", CONFIG);
        let mut wire = Wire::open(&node_on(bed, "host", &segments[0]), "eth0");
        let mac = [2, 0, 0, 0, 0, 9];
        let discover = || Ask::new(MessageType::Discover, mac, 7);
        let bad = [
            Ask { hlen: 17, ..discover() },
            Ask { options: vec![(53, vec![])], ..discover() },
            Ask { options: vec![(53, vec![99])], ..discover() },
            Ask { options: vec![], ..discover() },
            Ask::new(MessageType::Offer, mac, 7),
            // For another server.
            Ask::new(MessageType::Request, mac, 7)
                .option(50, &[10, 0, 1, 9])
                .option(54, &[10, 0, 1, 77]),
            Ask::new(MessageType::Release, mac, 7),
            Ask::new(MessageType::Decline, mac, 7).option(50, &[10, 0, 1, 9]),
        ];
        for ask in &bad {
            wire.send(ask);
        }
        assert_eq!(wire.all(Duration::from_millis(600)), []);
        let ack = wire.lease(None, mac, 8);
        assert_eq!(serving.in_state("bound"), [ack.yiaddr]);
    });
}

#[test]
fn an_address_that_somebody_uses_is_not_offered() {
    harness::run(&[], |bed| {
        let (server, segments) = server_on(bed, &[1]);
        // Set by hand, in the middle of the range.
        let squatter = node_on(bed, "squatter", &segments[0]);
        let used = Ipv4Addr::new(10, 0, 1, 2);
        squatter.ip(&format!("addr add {used}/24 dev eth0")).unwrap();
        let serving = Serving::start(&server, "conf", CONFIG);
        let mut wire = Wire::open(&node_on(bed, "host", &segments[0]), "eth0");
        // Also when it is asked for.
        let mac = [2, 0, 0, 0, 0, 1];
        wire.send(&Ask::new(MessageType::Discover, mac, 1).option(50, &used.octets()));
        let offer = wire.answer(MessageType::Offer, 1);
        assert_ne!(offer.yiaddr, used);
        for client in 2..12 {
            assert_ne!(wire.lease(None, [2, 0, 0, 0, 0, client], client.into()).yiaddr, used);
        }
        let line = serving.child().line(&used.to_string(), ANSWER);
        println!("{}", line.unwrap_or_else(|error| panic!("an event says so: {error}")));
        assert_eq!(serving.in_state("quarantined"), [used]);
    });
}

#[test]
fn a_declined_address_is_not_offered_again() {
    harness::run(&[], |bed| {
        let (server, segments) = server_on(bed, &[1]);
        let serving = Serving::start(&server, "conf", CONFIG);
        let mut wire = Wire::open(&node_on(bed, "host", &segments[0]), "eth0");
        let mac = [2, 0, 0, 0, 0, 1];
        let ack = wire.lease(None, mac, 1);
        let decline = Ask::new(MessageType::Decline, mac, 2)
            .option(50, &ack.yiaddr.octets())
            .option(54, &ack.server_id.octets());
        wire.send(&decline);
        assert_ne!(wire.lease(None, mac, 3).yiaddr, ack.yiaddr);
        assert_eq!(serving.in_state("quarantined"), [ack.yiaddr]);
    });
}
