//! Is anything lost when the power goes? QEMU is killed at 200 random moments while clients come, and started again with the same chip.
//!
//! What a client was told in an ACK is what the board must still know: no acknowledged lease is lost, and no address has two clients. The seed is printed
//! and can be given as `SEED`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use core::net::Ipv4Addr;
use core::time::Duration;
use std::collections::BTreeMap;

use dhcp_core::rng::Rng;
use dhcp_core::wire::message::MessageType;
use harness::board::{Board, Cable, Time};
use harness::chip::Chip;
use harness::client::{Client, Reply};
use harness::{program, truck};

const CUTS: u32 = 200;
/// As many as there are addresses in the range: every one of them is in use in the end.
const CLIENTS: u16 = 62;
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
const PATIENCE: Duration = Duration::from_secs(20);

/// What the clients were told.
#[derive(Debug, Default)]
struct Told {
    leases: BTreeMap<u16, Ipv4Addr>,
    offers: BTreeMap<u16, Reply>,
    /// Messages are numbered; what answers one from before the client gave its address back counts no more.
    released_at: BTreeMap<u16, u32>,
    acknowledged: u64,
    said: u32,
}

impl Told {
    fn owner(&self, address: Ipv4Addr) -> Option<u16> {
        self.leases.iter().find(|(_, lease)| **lease == address).map(|(number, _)| *number)
    }

    fn hear(&mut self, reply: &Reply) {
        let [.., high, low] = reply.client.0;
        let number = u16::from_be_bytes([high, low]);
        if self.released_at.get(&number).is_some_and(|at| reply.xid < *at) {
            return;
        }
        match reply.kind {
            MessageType::Offer => {
                self.offers.insert(number, *reply);
            }
            MessageType::Ack => {
                let other = self.owner(reply.yiaddr).filter(|owner| *owner != number);
                assert_eq!(other, None, "{} has two clients", reply.yiaddr);
                let before = self.leases.insert(number, reply.yiaddr);
                let same = before.is_none_or(|before| before == reply.yiaddr);
                assert!(same, "client {number} had {before:?} and is given {}", reply.yiaddr);
                self.offers.remove(&number);
                self.acknowledged += 1;
            }
            // An OFFER is no promise: the board that made it may be gone, and the address somebody else's.
            MessageType::Nak => {
                let offer = self.offers.remove(&number);
                let lease = self.leases.get(&number);
                assert!(offer.is_some() && lease.is_none(), "client {number} lost {lease:?}");
            }
            MessageType::Discover
            | MessageType::Request
            | MessageType::Decline
            | MessageType::Release
            | MessageType::Inform => panic!("client {number} is told {:?}", reply.kind),
        }
    }

    /// The next thing that a client says: it takes an offer, asks again for what it has, gives it back, or comes.
    fn next(&mut self, rng: &mut Rng, xid: u32) -> Vec<u8> {
        let number = u16::try_from(rng.below(u32::from(CLIENTS))).unwrap();
        let client = Client::numbered(number);
        match (self.offers.get(&number), self.leases.get(&number).copied()) {
            (Some(offer), None) => client.select(xid, offer),
            (_, Some(lease)) => match rng.below(3) {
                0 => client.reboot(xid, lease),
                1 => client.renew(xid, lease, SERVER),
                _ => {
                    self.leases.remove(&number);
                    self.released_at.insert(number, xid);
                    client.release(xid, lease, SERVER)
                }
            },
            (None, None) => client.discover(xid),
        }
    }
}

/// So many questions, each with its answer, and then one whose answer is not waited for.
fn load(board: &Board, told: &mut Told, rng: &mut Rng, questions: u32) {
    let mut octets = [0; 2_048];
    // An answer that takes longer is heard later: a busy machine slows the board down.
    board.cable().set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    for question in 0..=questions {
        told.said += 1;
        let xid = told.said;
        board.cable().send(&told.next(rng, xid)).unwrap();
        let is_release = told.released_at.values().any(|at| *at == xid);
        if question == questions || is_release {
            continue;
        }
        while let Ok(len) = board.cable().recv(&mut octets) {
            let Some(reply) = Reply::read(&octets[..len]) else { continue };
            told.hear(&reply);
            if reply.xid == xid {
                break;
            }
        }
    }
}

/// What left the board before the cut and was not heard yet.
fn drain(cable: &std::os::unix::net::UnixDatagram, told: &mut Told) {
    let mut octets = [0; 2_048];
    cable.set_nonblocking(true).unwrap();
    while let Ok(len) = cable.recv(&mut octets) {
        if let Some(reply) = Reply::read(&octets[..len]) {
            told.hear(&reply);
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_in_200_power_cuts() {
    let seed = std::env::var("SEED").map_or(0x5eed, |seed| seed.parse().unwrap());
    println!("SEED={seed}");
    let mut rng = Rng::seeded(seed);
    let chip = Chip::erased().with_image(&truck::IMAGE);
    let mut told = Told::default();
    for cut in 0..CUTS {
        let mut board = Board::start(&program("firmware"), &chip, Cable::Socket, Time::Real);
        if rng.below(8) > 0 {
            board.log.wait_for("serving after", PATIENCE);
            let questions = rng.below(40);
            load(&board, &mut told, &mut rng, questions);
            // Somewhere between the question and its answer: while it is decided, written down or told.
            std::thread::sleep(Duration::from_micros(u64::from(rng.below(800))));
        } else {
            // Now and then already while the journal is read.
            std::thread::sleep(Duration::from_micros(u64::from(rng.below(30_000))));
        }
        let cable = board.cut();
        drain(&cable.expect("the cable is a socket"), &mut told);
        if cut % 20 == 19 {
            println!("{} cuts: {} leases, {} ACKs", cut + 1, told.leases.len(), told.acknowledged);
        }
    }
    let mut board = Board::start(&program("firmware"), &chip, Cable::Socket, Time::Real);
    board.log.wait_for("serving after", PATIENCE);
    let mut octets = [0; 2_048];
    for (number, address) in told.leases.clone() {
        board.cable().send(&Client::numbered(number).reboot(1, address)).unwrap();
        let reply = loop {
            let len = board.cable().recv(&mut octets).expect("an answer");
            if let Some(reply) = Reply::read(&octets[..len]) {
                break reply;
            }
        };
        assert_eq!((reply.kind, reply.yiaddr), (MessageType::Ack, address), "client {number}");
    }
    assert!(told.acknowledged > 500, "there was a load: {} ACKs", told.acknowledged);
    println!("{CUTS} cuts, {} leases, {} ACKs", told.leases.len(), told.acknowledged);
}
