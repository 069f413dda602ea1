//! How long does an address take, next to leasehund and edge-dhcp? `cargo bench -p benches --bench allocation`.
//!
//! Ours are the scenarios that the budgets are of, whole messages in and out. The others have pools of at most 64 clients here; they search them from the
//! beginning, so that the time grows with the leases, and hold no offers (edge-dhcp) or one each (leasehund).

#![allow(missing_docs, reason = "a bench has no public items to speak of")]

use core::hint::black_box;
use core::net::Ipv4Addr;
use std::time::Instant;

use benches::packet::Request;
use benches::scenario::{Scale, Scenario, visit_all};
use criterion::{BatchSize, Criterion};

#[path = "common/ratios.rs"]
mod ratios;

/// The clients of a full pool of the others.
const CLIENTS: u32 = 64;

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);

fn address(client: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a00_0132 + client)
}

/// Ours, at every occupancy; nanoseconds are of one operation.
fn ours(criterion: &mut Criterion) {
    visit_all(Scale::Full, &mut |name, scenario: &mut dyn Scenario| {
        let operations = scenario.operations();
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|wanted| {
                let runs = wanted.div_ceil(operations);
                let mut spent = core::time::Duration::ZERO;
                for _ in 0..runs {
                    let begin = Instant::now();
                    black_box(scenario.run());
                    spent += begin.elapsed();
                    scenario.reset();
                }
                spent.mul_f64(wanted as f64 / (runs * operations) as f64)
            });
        });
    });
}

fn leasehund(criterion: &mut Criterion) {
    for leases in [0, CLIENTS / 2, CLIENTS - 1] {
        let mut server = leasehund::DhcpServer::<64, 4>::new(
            SERVER,
            Ipv4Addr::new(255, 255, 255, 0),
            SERVER,
            SERVER,
            address(0),
            address(CLIENTS - 1),
        );
        for client in 0..leases {
            server.handle_packet(&Request::discover(client).octets(), 0, |_, _| true);
            let select = Request::select(client, address(client), SERVER).octets();
            server.handle_packet(&select, 0, |_, _| true);
        }
        let discover = Request::discover(1_000).octets();
        let mac = benches::packet::mac(1_000);
        let name = format!("leasehund, DISCOVER of a new client, 64 addresses, {leases} leased");
        criterion.bench_function(&name, |bencher| {
            bencher.iter(|| {
                let outcome = server.handle_packet(black_box(&discover), 0, |_, _| true);
                black_box(outcome.reply.is_some());
                server.revoke(mac)
            });
        });
    }
}

fn edge_dhcp(criterion: &mut Criterion) {
    use edge_dhcp::server::{Server, ServerOptions};
    use edge_dhcp::{Options, Packet};
    for leases in [0, CLIENTS / 2, CLIENTS - 1] {
        let mut server = Server::<_, 64>::new(|| 0, SERVER);
        (server.range_start, server.range_end) = (address(0), address(CLIENTS - 1));
        let mut gateway = [SERVER];
        let options = ServerOptions::new(SERVER, Some(&mut gateway));
        for client in 0..leases {
            let select = Request::select(client, address(client), SERVER).octets();
            let request = Packet::decode(&select).expect("a REQUEST");
            let mut room = Options::buf();
            server.handle_request(&mut room, &options, &request);
        }
        let discover = Request::discover(1_000).octets();
        let name = format!("edge-dhcp, DISCOVER of a new client, 64 addresses, {leases} leased");
        criterion.bench_function(&name, |bencher| {
            bencher.iter_batched_ref(
                || [0; 600],
                |out| {
                    let request = Packet::decode(black_box(&discover)).expect("a DISCOVER");
                    let mut room = Options::buf();
                    let offer = server.handle_request(&mut room, &options, &request);
                    offer.is_some_and(|offer| offer.encode(out).is_ok())
                },
                BatchSize::SmallInput,
            );
        });
    }
}

fn main() {
    let mut criterion = ratios::criterion();
    leasehund(&mut criterion);
    edge_dhcp(&mut criterion);
    ours(&mut criterion);
    criterion.final_summary();
    ratios::print_all("DISCOVER to OFFER, new client, 64 addresses, 50 %");
}
