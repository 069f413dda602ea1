//! How long does an address take, next to leasehund and edge-dhcp? `cargo bench -p benches --bench allocation`.
//!
//! The same octets come in, and octets of a reply go out: a message is read, decided on and answered. All serve the same newcomers in batches, and what
//! they took is given back outside of the time. The others have pools of at most 1,024 addresses here, because they search them from the beginning: with 60,000
//! a single answer takes them up to seconds. Ours are the scenarios that the budgets are of.

#![allow(missing_docs, reason = "a bench has no public items to speak of")]

use core::hint::black_box;
use core::net::Ipv4Addr;
use core::time::Duration;
use std::time::Instant;

use benches::checksum::Checksum;
use benches::packet::{Request, mac};
use benches::scenario::{Scale, Scenario, visit_all};
use criterion::Criterion;
use dhcp_core::wire::message::{Message, MessageType, Scratch};

#[path = "common/ratios.rs"]
mod ratios;

/// How many newcomers one run serves, if so many addresses are free.
const BATCH: u32 = 64;

/// Clients from this number on have no lease.
const STRANGERS: u32 = 0x8000_0000;

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
const NETMASK: Ipv4Addr = Ipv4Addr::new(255, 255, 0, 0);

fn address(client: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a00_0132 + client)
}

/// Another library's server.
trait Peer {
    const NAME: &str;

    /// A pool of so many addresses, of which nobody has one.
    fn new(size: u32) -> Self;

    /// From a message to a reply, which is shown to `send`.
    fn handle<R>(&mut self, packet: &[u8], send: impl FnOnce(&[u8]) -> R) -> Option<R>;

    /// The client has no lease and no offer any more.
    fn forget(&mut self, client: u32);
}

struct Leasehund(Box<leasehund::DhcpServer<1_024, 4>>);

impl Peer for Leasehund {
    const NAME: &str = "leasehund";

    fn new(size: u32) -> Self {
        let (first, last) = (address(0), address(size - 1));
        let server = leasehund::DhcpServer::new(SERVER, NETMASK, SERVER, SERVER, first, last);
        Self(Box::new(server))
    }

    fn handle<R>(&mut self, packet: &[u8], send: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let outcome = self.0.handle_packet(packet, 0, |_, _| true);
        outcome.reply.map(|reply| send(reply.bytes()))
    }

    fn forget(&mut self, client: u32) {
        self.0.revoke(mac(client));
    }
}

/// It holds no offers, so that a DISCOVER leaves nothing behind.
struct EdgeDhcp {
    server: Box<edge_dhcp::server::Server<fn() -> u64, 1_024>>,
    out: [u8; 600],
}

impl Peer for EdgeDhcp {
    const NAME: &str = "edge-dhcp";

    fn new(size: u32) -> Self {
        let now: fn() -> u64 = || 0;
        let mut server = Box::new(edge_dhcp::server::Server::new(now, SERVER));
        (server.range_start, server.range_end) = (address(0), address(size - 1));
        Self { server, out: [0; 600] }
    }

    fn handle<R>(&mut self, packet: &[u8], send: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let mut gateway = [SERVER];
        let dns = [SERVER];
        let mut options = edge_dhcp::server::ServerOptions::new(SERVER, Some(&mut gateway));
        options.dns = &dns;
        let request = edge_dhcp::Packet::decode(packet).ok()?;
        let mut room = edge_dhcp::Options::buf();
        let reply = self.server.handle_request(&mut room, &options, &request)?;
        reply.encode(&mut self.out).ok().map(send)
    }

    /// It holds no offers: a DISCOVER leaves nothing behind.
    fn forget(&mut self, _: u32) {}
}

/// What the peer says to a message.
fn said(peer: &mut impl Peer, message: &Request) -> Option<MessageType> {
    peer.handle(&message.octets(), |reply| {
        Message::parse(reply, &mut Scratch::new()).ok()?.message_type()
    })?
}

/// A pool of which the first clients have leases.
fn filled<P: Peer>(size: u32, leases: u32) -> P {
    let mut peer = P::new(size);
    for client in 0..leases {
        said(&mut peer, &Request::discover(client));
        let answer = said(&mut peer, &Request::select(client, address(client), SERVER));
        assert_eq!(answer, Some(MessageType::Ack), "{} gives a lease", P::NAME);
    }
    peer
}

/// Clients that want something of a peer, one after another.
struct Visits<P> {
    peer: P,
    clients: Vec<u32>,
    sent: Vec<Vec<u8>>,
    /// Whether they are as new the next time.
    forgotten: bool,
}

impl<P: Peer> Visits<P> {
    /// DISCOVERs of clients that were never seen.
    fn newcomers(size: u32, leases: u32) -> Self {
        let mut peer = filled::<P>(size, leases);
        let clients = STRANGERS..STRANGERS + BATCH.min(size - leases);
        let answer = said(&mut peer, &Request::discover(STRANGERS));
        assert_eq!(answer, Some(MessageType::Offer), "{} makes an offer", P::NAME);
        peer.forget(STRANGERS);
        let sent = clients.clone().map(|client| Request::discover(client).octets()).collect();
        Self { peer, clients: clients.collect(), sent, forgotten: true }
    }

    /// Renewals by clients from all over a full pool.
    fn tenants(size: u32) -> Self {
        let mut peer = filled::<P>(size, size);
        let clients: Vec<_> = (0..BATCH).map(|place| place * (size / BATCH)).collect();
        let renewal = |client: u32| Request::renew(client, address(client));
        for client in &clients {
            let answer = said(&mut peer, &renewal(*client));
            assert_eq!(answer, Some(MessageType::Ack), "{} renews a lease", P::NAME);
        }
        let sent = clients.iter().map(|client| renewal(*client).octets()).collect();
        Self { peer, clients, sent, forgotten: false }
    }
}

impl<P: Peer> Scenario for Visits<P> {
    fn operations(&self) -> u64 {
        self.sent.len() as u64
    }

    fn run(&mut self) -> u64 {
        let mut checksum = Checksum::new();
        for packet in &self.sent {
            let len = self.peer.handle(packet, |reply| black_box(reply).len());
            checksum.add(len.unwrap_or(0) as u64);
        }
        checksum.get()
    }

    fn reset(&mut self) {
        for client in self.clients.iter().filter(|_| self.forgotten) {
            self.peer.forget(*client);
        }
    }
}

/// Nanoseconds of one operation; what it takes to do it again is not in them.
fn time(criterion: &mut Criterion, name: &str, scenario: &mut dyn Scenario) {
    let operations = scenario.operations();
    criterion.bench_function(name, |bencher| {
        bencher.iter_custom(|wanted| {
            let runs = wanted.div_ceil(operations);
            let mut spent = Duration::ZERO;
            for _ in 0..runs {
                let begin = Instant::now();
                black_box(scenario.run());
                spent += begin.elapsed();
                scenario.reset();
            }
            spent.mul_f64(wanted as f64 / (runs * operations) as f64)
        });
    });
}

fn peer<P: Peer>(criterion: &mut Criterion) {
    for size in [64, 1_024] {
        for percent in [0, 50, 99] {
            let place = format!("{size} addresses, {percent} %");
            let name = format!("{}, DISCOVER to OFFER, new client, {place}", P::NAME);
            time(criterion, &name, &mut Visits::<P>::newcomers(size, size * percent / 100));
        }
        let name = format!("{}, renewal, within the promise, {size} addresses, 100 %", P::NAME);
        time(criterion, &name, &mut Visits::<P>::tenants(size));
    }
}

fn main() {
    let mut criterion = ratios::criterion();
    peer::<Leasehund>(&mut criterion);
    peer::<EdgeDhcp>(&mut criterion);
    visit_all(Scale::Full, &mut |name, scenario| {
        // A million leases are filled again before each of some hundred runs: that is for the budget only, which runs it once.
        if !scenario.is_huge() {
            time(&mut criterion, name, scenario);
        }
    });
    criterion.final_summary();
    ratios::print_all(&[Leasehund::NAME, EdgeDhcp::NAME]);
    aims();
}

/// Says which of the aims are reached in this run, and whether the time grows with the leases.
fn aims() {
    let measured = ratios::measured();
    let of = |name: &str| measured.iter().find(|(other, _)| other == name).map(|(_, nanos)| *nanos);
    println!();
    for what in ["DISCOVER to OFFER, new client", "REQUEST to ACK, new client"] {
        let [empty, full] =
            [0, 99].map(|percent| of(&format!("{what}, 60000 addresses, {percent} %")));
        if let (Some(empty), Some(full)) = (empty, full) {
            let factor = full / empty;
            let verdict = if factor <= 2.0 { "at most 2: kept" } else { "at most 2: NOT KEPT" };
            println!(
                "{what}: 60,000 addresses at 99 % take {factor:.2} x as long as empty ({verdict})"
            );
        }
    }
    let most = |begin: &str| {
        let of_size = |name: &str| !name.contains("1000000");
        let ours = measured.iter().filter(|(name, _)| name.starts_with(begin) && of_size(name));
        ours.filter(|(name, _)| !name.starts_with("DISCOVER") || !name.ends_with("100 %"))
            .map(|(_, nanos)| *nanos)
            .reduce(f64::max)
    };
    for (begin, aim) in [("DISCOVER to OFFER, new client", 200.0), ("renewal", 100.0)] {
        if let Some(most) = most(begin) {
            let verdict = if most < aim { "reached" } else { "NOT REACHED" };
            println!(
                "{begin}: {most:.0} ns at the most, up to 60,000 addresses (aim: below {aim:.0} ns, {verdict})"
            );
        }
    }
}
