//! Does the image serve? Raw frames over a socket, without privileges: leases, ARP, ping, bad configurations, and what is left after a power cut.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use core::net::Ipv4Addr;
use core::time::Duration;

use dhcp_core::wire::frame::arp::{ARP_LEN, Arp, Operation};
use dhcp_core::wire::frame::icmp::Echo;
use dhcp_core::wire::frame::{ETHERNET_LEN, ETHERTYPE_ARP, ETHERTYPE_IPV4, Ethernet};
use dhcp_core::wire::message::MessageType;
use harness::board::{Board, Cable, MAC, Time};
use harness::chip::Chip;
use harness::client::{Client, Reply};
use harness::{program, truck};

const PATIENCE: Duration = Duration::from_secs(20);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);

fn started(chip: &Chip) -> Board {
    let mut board = Board::start(&program("firmware"), chip, Cable::Socket, Time::Real);
    board.log.wait_for("serving after", PATIENCE);
    board
}

fn chip() -> Chip {
    Chip::erased().with_image(&truck::IMAGE)
}

/// Sends a frame and gives the first answer that `read` can read.
fn ask<T>(board: &Board, frame: &[u8], read: impl Fn(&[u8]) -> Option<T>) -> T {
    board.cable().send(frame).unwrap();
    let mut octets = [0; 2_048];
    for _ in 0..64 {
        let len = board.cable().recv(&mut octets).expect("an answer");
        if let Some(answer) = read(&octets[..len]) {
            return answer;
        }
    }
    panic!("64 frames and no answer among them");
}

fn lease(board: &Board, client: Client, xid: u32) -> Reply {
    let told = |frame: &[u8]| Reply::read(frame).filter(|reply| reply.xid == xid);
    let offer = ask(board, &client.discover(xid), told);
    assert_eq!(offer.kind, MessageType::Offer);
    let ack = ask(board, &client.select(xid, &offer), told);
    assert_eq!((ack.kind, ack.yiaddr), (MessageType::Ack, offer.yiaddr));
    ack
}

#[test]
fn a_client_gets_a_lease_in_a_frame_of_its_own() {
    let chip = chip();
    let board = started(&chip);
    let client = Client::numbered(1);
    let ack = lease(&board, client, 7);
    assert_eq!(ack.yiaddr, Ipv4Addr::new(10, 0, 1, 10));
    assert_eq!((ack.server_id, ack.lease_secs), (SERVER, Some(3_600)));
    assert_eq!(ack.to_mac, client.0, "no broadcast: the client has an address of hardware");
    let told = |frame: &[u8]| Reply::read(frame);
    let renewed = ask(&board, &client.renew(8, ack.yiaddr, SERVER), told);
    assert_eq!((renewed.kind, renewed.yiaddr), (MessageType::Ack, ack.yiaddr));
}

#[test]
fn a_reservation_of_the_file_is_kept() {
    let chip = chip();
    let board = started(&chip);
    let camera = Client([2, 0, 0, 0, 1, 9]);
    assert_eq!(lease(&board, camera, 1).yiaddr, Ipv4Addr::new(10, 0, 1, 9));
}

#[test]
fn the_servers_own_address_answers_arp_and_ping() {
    let chip = chip();
    let board = started(&chip);
    let (mac, us) = ([2, 0, 0, 0, 0, 2], Ipv4Addr::new(10, 0, 1, 3));
    let question = Arp { target: SERVER, ..Arp::announcement(mac, us) };
    let mut frame = [0; 128];
    let len = question.write_frame(None, &mut frame).unwrap();
    let answer = ask(&board, &frame[..len], |frame| {
        let (ethernet, packet) = Ethernet::parse(frame).ok()?;
        let arp = Arp::parse(packet).ok().filter(|_| ethernet.ethertype == ETHERTYPE_ARP)?;
        (arp.operation == Operation::Reply).then_some(arp)
    });
    assert_eq!((answer.sender_mac, answer.sender), (MAC, SERVER));
    let echo = Echo { source: us, destination: SERVER, reply: false, identifier: 7, sequence: 1 };
    let ethernet =
        Ethernet { destination: MAC, source: mac, vlan: None, ethertype: ETHERTYPE_IPV4 };
    let len = echo.write_frame(&ethernet, &mut frame).unwrap();
    let answer = ask(&board, &frame[..len], |frame| {
        let (_, packet) = Ethernet::parse(frame).ok()?;
        Echo::parse(packet).ok()
    });
    assert!(answer.reply);
    assert_eq!((answer.source, answer.identifier, answer.sequence), (SERVER, 7, 1));
}

/// A host that is about to take our address without having one hears so (RFC 5227 section 2.1.1), and what is asked about others is no question to us.
#[test]
fn whoever_probes_for_the_servers_own_address_is_told_and_nobody_else() {
    let chip = chip();
    let board = started(&chip);
    let mac = [2, 0, 0, 0, 0, 2];
    let mut frame = [0; 128];
    for (address, answered) in
        [(Ipv4Addr::UNSPECIFIED, false), (Ipv4Addr::new(10, 0, 1, 5), false), (SERVER, true)]
    {
        let len = Arp::probe(mac, address).write_frame(None, &mut frame).unwrap();
        if !answered {
            board.cable().send(&frame[..len]).unwrap();
            continue;
        }
        // The first answer of all is to the last question.
        let answer = ask(&board, &frame[..len], |frame| {
            let arp = Arp::parse(Ethernet::parse(frame).ok()?.1).ok()?;
            (arp.operation == Operation::Reply).then_some(arp)
        });
        assert_eq!((answer.sender, answer.sender_mac, answer.target_mac), (address, MAC, mac));
    }
}

/// What is damaged, cut short, or from nobody or for somebody else is passed over: the first answer of all is to the sound question behind it.
#[test]
fn only_sound_questions_are_answered() {
    let chip = chip();
    let board = started(&chip);
    let (mac, us) = ([2, 0, 0, 0, 0, 2], Ipv4Addr::new(10, 0, 1, 3));
    let sound = Echo { source: us, destination: SERVER, reply: false, identifier: 7, sequence: 1 };
    let echo = |source: [u8; 6], echo: &Echo| {
        let (vlan, ethertype) = (None, ETHERTYPE_IPV4);
        let mut frame = [0; 64];
        let ethernet = Ethernet { destination: MAC, source, vlan, ethertype };
        let len = echo.write_frame(&ethernet, &mut frame).unwrap();
        frame[..len].to_vec()
    };
    let mut arp = vec![0; ETHERNET_LEN + ARP_LEN];
    Arp { target: SERVER, ..Arp::announcement(mac, us) }.write_frame(None, &mut arp).unwrap();
    let ping = echo(mac, &sound);
    let mut bad = Vec::new();
    // Of an ARP packet, who asks and with which address may be anything.
    let what_for = (ETHERNET_LEN..ETHERNET_LEN + 8).chain(ETHERNET_LEN + 24..arp.len());
    for (frame, at) in
        (ETHERNET_LEN..ping.len()).map(|at| (&ping, at)).chain(what_for.map(|at| (&arp, at)))
    {
        bad.push(frame[..at].to_vec());
        bad.extend((0..8).map(|bit| {
            let mut frame = frame.clone();
            frame[at] ^= 1 << bit;
            frame
        }));
    }
    let addresses = [Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, Ipv4Addr::new(224, 0, 0, 1)];
    for address in addresses {
        bad.push(echo(mac, &Echo { source: address, ..sound }));
        bad.push(echo(mac, &Echo { destination: address, ..sound }));
    }
    bad.push(echo([1, 0, 0x5e, 0, 0, 1], &sound));
    bad.push(echo(mac, &Echo { reply: true, ..sound }));
    for (sequence, some) in (2..).zip(bad.chunks(9)) {
        for frame in some {
            board.cable().send(frame).unwrap();
        }
        let answer = ask(&board, &echo(mac, &Echo { sequence, ..sound }), |frame| {
            let (_, packet) = Ethernet::parse(frame).ok()?;
            let arp = Arp::parse(packet).ok().filter(|arp| arp.operation == Operation::Reply);
            arp.map(Err).or_else(|| Echo::parse(packet).ok().map(Ok))
        });
        assert_eq!(
            answer.map(|echo| (echo.reply, echo.sequence)),
            Ok((true, sequence)),
            "{some:x?}"
        );
    }
}

#[test]
fn an_address_that_somebody_answers_for_is_not_offered() {
    let chip = chip();
    let board = started(&chip);
    // The first free address is probed ahead of time; its owner says so.
    let taken = Ipv4Addr::new(10, 0, 1, 10);
    let mut octets = [0; 2_048];
    let asked = (0..64).any(|_| {
        let len = board.cable().recv(&mut octets).expect("a probe");
        let arp = Ethernet::parse(&octets[..len]).ok().and_then(|(_, arp)| Arp::parse(arp).ok());
        arp.is_some_and(|arp| arp.is_probe() && arp.target == taken)
    });
    assert!(asked, "the address is probed");
    let owner = [2, 0, 0, 0, 0, 0x77];
    let claim = Arp {
        operation: Operation::Reply,
        sender_mac: owner,
        sender: taken,
        target_mac: MAC,
        target: Ipv4Addr::UNSPECIFIED,
    };
    let mut frame = [0; 64];
    let len = claim.write_frame(None, &mut frame).unwrap();
    board.cable().send(&frame[..len]).unwrap();
    assert_ne!(lease(&board, Client::numbered(1), 1).yiaddr, taken);
}

#[test]
fn leases_survive_a_power_cut_with_their_addresses() {
    let chip = chip();
    let board = started(&chip);
    let before: Vec<_> =
        (1..=20).map(|number| lease(&board, Client::numbered(number), 1).yiaddr).collect();
    board.cut();
    let mut board = started(&chip);
    let log = board.log.so_far().join("\n");
    assert!(log.contains("records: 20"), "{log}");
    for (number, address) in (1..).zip(&before) {
        let client = Client::numbered(number);
        let told = |frame: &[u8]| Reply::read(frame);
        let reply = ask(&board, &client.reboot(9, *address), told);
        assert_eq!((reply.kind, reply.yiaddr), (MessageType::Ack, *address));
    }
    assert!(!before.contains(&lease(&board, Client::numbered(99), 1).yiaddr));
}

/// The octets in the microcontroller's flash are those of a server's file on Linux: `hydrant leases` reads them.
#[test]
fn leases_are_read_from_a_dump_of_the_chip() {
    let chip = chip();
    let board = started(&chip);
    let acks = [1, 2, 3].map(|number| lease(&board, Client::numbered(number), 1));
    let gone = Client::numbered(2);
    board.cable().send(&gone.release(2, acks[1].yiaddr, SERVER)).unwrap();
    // What is answered after it was written after it.
    let last = lease(&board, Client::numbered(4), 1);
    board.cut();
    let (dump, whole) = (chip.dump(), chip.path());
    // The whole chip, with the configuration in front; from where the journal begins; and QEMU's file, with more memory behind the chip.
    for arguments in [
        vec![dump.as_os_str()],
        vec![dump.as_os_str(), "--offset".as_ref(), "0x4000".as_ref()],
        vec![whole.as_os_str()],
    ] {
        let command = ["leases".as_ref(), "--image".as_ref()];
        let table = truck::hydrant(&[&command[..], &arguments].concat());
        for (ack, state) in acks.iter().chain([&last]).zip(["bound", "idle", "bound", "bound"]) {
            let Client(mac) = ack.client;
            let mac = mac.map(|octet| format!("{octet:02x}")).join(":");
            let address = ack.yiaddr.to_string();
            let line = table.lines().find(|line| line.starts_with(&address)).unwrap_or(&table);
            assert!(line.contains(&mac) && line.contains(state), "{arguments:?}:\n{table}");
        }
    }
}

/// What the board says before it gives up.
fn refusal(chip: &Chip) -> String {
    let mut board = Board::start(&program("firmware"), chip, Cable::None, Time::Real);
    assert!(!board.wait(PATIENCE).success(), "it ends with a failure");
    board.log.to_end().join("\n")
}

#[test]
fn a_bad_configuration_is_refused_with_its_reason() {
    assert!(refusal(&Chip::erased()).contains("Blank"));
    let mut damaged = truck::IMAGE.clone();
    *damaged.last_mut().unwrap() ^= 1;
    assert!(refusal(&Chip::erased().with_image(&damaged)).contains("Checksum"));
    let large = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    let text = std::fs::read_to_string(harness::firmware().join("truck.toml")).unwrap();
    std::fs::write(&large, text.replace("10.0.1.71", "10.0.1.200")).unwrap();
    let log = refusal(&Chip::erased().with_image(&truck::image(large.path())));
    assert!(log.contains("TooSmall") && log.contains("Slots"), "{log}");
}
