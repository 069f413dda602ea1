//! Is an acknowledged lease ever lost, or an address given twice? The server is killed in the middle of its work, doubled, and left without room.

use core::net::Ipv4Addr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Instant;

use dhcp_core::wire::message::MessageType;

use crate::harness;
use crate::serving::{Serving, server_on};
use crate::tools::node_on;
use crate::wire::{Ask, Reply, Wire};

/// As the article's, for as many clients as are killed for.
const CONFIG: &str = "authoritative;\ndefault-lease-time 3600;\n\
    subnet 10.0.1.0 netmask 255.255.255.0 { range 10.0.1.2 10.0.1.254; option routers 10.0.1.3; }\n";

const CLIENTS: u16 = 200;

/// How many exchanges are on their way at a time.
const IN_FLIGHT: usize = 32;

/// When a client asks again.
const PATIENCE: Duration = Duration::from_millis(700);

const fn mac(client: u16) -> [u8; 6] {
    let [high, low] = client.to_be_bytes();
    [2, 0, 0, 1, high, low]
}

/// Many clients that ask at the same time, interleaved, and ask again when nothing comes.
struct Crowd {
    wire: Wire,
    xid: u32,
    /// Whose exchange it is, the offer that was taken if there is one, and when it was last asked.
    asking: BTreeMap<u32, (u16, Option<Reply>, Instant)>,
    waiting: Vec<u16>,
    /// Octets of each client's identifier; 0: it sends none.
    identifiers_len: usize,
    /// What was acknowledged.
    leased: BTreeMap<u16, Ipv4Addr>,
}

impl Crowd {
    fn new(wire: Wire, clients: impl Iterator<Item = u16>) -> Self {
        let waiting = clients.collect();
        Self {
            wire,
            xid: 0,
            asking: BTreeMap::new(),
            waiting,
            identifiers_len: 0,
            leased: BTreeMap::new(),
        }
    }

    /// Goes on until so many are leased.
    fn until(&mut self, leased: usize, within: Duration) {
        let since = Instant::now();
        while self.leased.len() < leased {
            assert!(since.elapsed() < within, "{} of {leased} are leased", self.leased.len());
            self.step();
        }
    }

    fn step(&mut self) {
        while self.asking.len() < IN_FLIGHT
            && let Some(client) = self.waiting.pop()
        {
            self.discover(client);
        }
        if let Some(reply) = self.wire.find(Duration::from_millis(5), |_| true) {
            self.take(reply);
        }
        let late = |(xid, (client, _, at)): (&u32, &(u16, Option<Reply>, Instant))| {
            (at.elapsed() > PATIENCE).then_some((*xid, *client))
        };
        for (xid, client) in self.asking.iter().filter_map(late).collect::<Vec<_>>() {
            self.asking.remove(&xid);
            self.discover(client);
        }
    }

    /// Goes on for some time.
    fn steps(&mut self, time: Duration) {
        let since = Instant::now();
        while since.elapsed() < time {
            self.step();
        }
    }

    fn discover(&mut self, client: u16) {
        self.xid += 1;
        let ask = Ask::new(MessageType::Discover, mac(client), self.xid);
        self.wire.send(&identified(ask, client, self.identifiers_len));
        self.asking.insert(self.xid, (client, None, Instant::now()));
    }

    fn take(&mut self, reply: Reply) {
        let Some((client, taken, at)) = self.asking.get_mut(&reply.xid) else { return };
        assert_eq!(reply.chaddr[..6], mac(*client), "a reply is for who asked");
        match (reply.kind, &taken) {
            (MessageType::Offer, None) => {
                let ask = Ask::take(mac(*client), &reply);
                self.wire.send(&identified(ask, *client, self.identifiers_len));
                (*taken, *at) = (Some(reply), Instant::now());
            }
            (MessageType::Ack, Some(offer)) => {
                assert_eq!(reply.yiaddr, offer.yiaddr);
                self.leased.insert(*client, reply.yiaddr);
                self.asking.remove(&reply.xid);
            }
            (kind, _) => assert!(kind == MessageType::Offer, "{reply:?} after {taken:?}"),
        }
    }

    fn assert_none_doubled(&self) {
        let addresses = self.leased.values().collect::<BTreeSet<_>>();
        assert_eq!(addresses.len(), self.leased.len(), "an address was given twice");
    }
}

/// With a client identifier (RFC 2132 section 9.14) of so many octets.
fn identified(ask: Ask, client: u16, len: usize) -> Ask {
    if len == 0 {
        return ask;
    }
    let mut identifier = vec![0; len];
    identifier[1..3].copy_from_slice(&client.to_be_bytes());
    ask.option(61, &identifier)
}

#[test]
fn kill_9_in_the_middle_of_200_exchanges_forgets_no_lease_and_doubles_none() {
    harness::run(&[], |bed| {
        let (server, segments) = server_on(bed, &[1]);
        let mut serving = Serving::start(&server, "conf", CONFIG);
        let wire = Wire::open(&node_on(bed, "crowd", &segments[0]), "eth0");
        let mut crowd = Crowd::new(wire, 0..CLIENTS);
        for killed_at in [7, 60, 130, 199] {
            crowd.until(killed_at, Duration::from_secs(20));
            serving.cut();
            // What was already sent still counts.
            while let Some(reply) = crowd.wire.find(Duration::from_millis(30), |_| true) {
                crowd.take(reply);
            }
            let acknowledged = crowd.leased.clone();
            serving.again();
            let known = serving.in_state("bound").into_iter().collect::<BTreeSet<_>>();
            for (client, address) in &acknowledged {
                assert!(known.contains(address), "{address} of client {client} is forgotten");
            }
        }
        crowd.until(CLIENTS.into(), Duration::from_secs(20));
        crowd.assert_none_doubled();
        let before = core::mem::take(&mut crowd.leased);
        serving.cut();
        serving.again();
        crowd.asking.clear();
        crowd.waiting = before.keys().copied().collect();
        crowd.until(CLIENTS.into(), Duration::from_secs(20));
        assert_eq!(crowd.leased, before, "who asks again gets the same");
    });
}

/// More leases than the journal's first half megabyte can hold, when each has the longest client identifier.
const MANY: u16 = 2_200;

#[test]
fn on_a_full_disk_nothing_is_acknowledged_until_there_is_room_again() {
    harness::run(&[], |bed| {
        let (server, segments) = server_on(bed, &[1]);
        let config = "authoritative;\nping-check false;\ndefault-lease-time 3600;\n\
            subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.8.0 10.0.40.255; }\n";
        // Room for the journal as it begins, and not for it to grow.
        let state = Serving::state_of(&server);
        std::fs::create_dir(&state).unwrap();
        let mount = |arguments: &[&str]| {
            let done = Command::new("mount").args(arguments).arg(&state).status().unwrap();
            assert!(done.success(), "mount {arguments:?}");
        };
        mount(&["-t", "tmpfs", "-o", "size=640k", "none"]);
        server.ip("addr flush dev vlan1\naddr add 10.0.0.1/16 brd + dev vlan1").unwrap();
        let serving = Serving::start(&server, "conf", config);
        let wire = Wire::open(&node_on(bed, "crowd", &segments[0]), "eth0");
        let mut crowd = Crowd::new(wire, 0..MANY);
        crowd.identifiers_len = 250;
        let failed = || serving.child().said().contains("record-failed");
        let since = Instant::now();
        while !failed() {
            assert!(crowd.leased.len() < MANY.into() && since.elapsed() < Duration::from_secs(60));
            crowd.step();
        }
        // What was on its way may still arrive; then nothing does.
        crowd.steps(Duration::from_millis(300));
        let leased = crowd.leased.clone();
        crowd.steps(2 * PATIENCE);
        assert_eq!(crowd.leased, leased, "nothing is acknowledged on a full disk");
        let known = serving.in_state("bound").into_iter().collect::<BTreeSet<_>>();
        assert!(leased.values().all(|address| known.contains(address)));
        mount(&["-o", "remount,size=16m"]);
        crowd.until(MANY.into(), Duration::from_secs(60));
        crowd.assert_none_doubled();
        assert!(leased.iter().all(|(client, address)| crowd.leased[client] == *address));
        assert!(serving.child().said().contains("record-recovered"));
    });
}

#[test]
fn a_second_server_on_the_same_state_is_refused() {
    harness::run(&[], |bed| {
        let (server, segments) = server_on(bed, &[1]);
        let mut serving = Serving::start(&server, "conf", CONFIG);
        let mut second = serving.second();
        let status = second.end(Duration::from_secs(5)).unwrap();
        assert!(!status.success());
        assert!(second.said().contains(&serving.state), "it says where: {}", second.said());
        // The first one is not disturbed, and a killed one leaves no lock.
        let mut wire = Wire::open(&node_on(bed, "n", &segments[0]), "eth0");
        let first = wire.lease(None, mac(1), 1);
        serving.cut();
        serving.again();
        assert_eq!(wire.lease(None, mac(1), 2).yiaddr, first.yiaddr);
    });
}
