//! How do `dhcp-core` and `lease-store` go into somebody's own firmware? A board with 64 leases and a NOR flash, without an operating system and
//! without an allocator: the state is in `desk.rs`, the loop in `board.rs`, the driver's place in `card.rs`.
//!
//! Here a client is at the other end of the cable: it leases an address and renews it, pings the board, and the power is cut at the end.
//! `docs/EMBEDDING.md` explains it part by part.
//!
//! `cargo run -p sim --example board`

mod board;
mod card;
mod client;
mod desk;

use core::net::Ipv4Addr;

use dhcp_core::id::InstallationKey;
use dhcp_core::net::{Range, Subnet};
use dhcp_core::server::Event;
use dhcp_core::server::book::{Entry, LeaseBook as _};
use dhcp_core::server::config::{ServerConfig, SubnetConfig};
use dhcp_core::time::Instant;
use dhcp_core::wire::frame::arp::Arp;
use dhcp_core::wire::frame::icmp::Echo;
use dhcp_core::wire::options::RenderedOptions;

use crate::board::{Board, Buffers, LINK, MEMORY_LEN};
use crate::client::Station;
use crate::desk::{Flash, LEASES};

/// The board's own.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);

const FIRST: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 10);
const LAST: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 73);

/// What the server is told, all of it constant: it is in flash.
static CONFIG: ServerConfig<'static> = ServerConfig {
    // Renewals within a day of what was written need no write.
    promise_slack_secs: 86_400,
    ..ServerConfig::new(&SUBNETS, InstallationKey(*b"a board's 16 own"))
};

static SUBNETS: [SubnetConfig<'static>; 1] = [SubnetConfig {
    // The mask, and the board as router: code, length, value.
    options: RenderedOptions::new(&[1, 4, 255, 255, 255, 0, 3, 4, 10, 0, 1, 1]),
    authoritative: true,
    ..SubnetConfig::on(LINK, ADDRESS, NET, &RANGES)
}];

static RANGES: [Range; 1] = [match Range::new(&NET, FIRST, LAST) {
    Ok(range) => range,
    Err(_) => panic!("both ends are in the network"),
}];

const NET: Subnet = match Subnet::new(Ipv4Addr::new(10, 0, 1, 0), 24) {
    Ok(net) => net,
    Err(_) => panic!("a network's number has no host bits"),
};

/// What came of it.
struct Story {
    address: Ipv4Addr,
    /// Seconds from the lease's first ACK to the end of what the last renewal granted.
    lasts_secs: u64,
    arp: Option<Arp>,
    echo: Option<Echo>,
    after_cut: Option<Entry>,
}

/// Serves a client, answers for its own address, and remembers the client after a power cut.
fn story(tell: fn(&Event)) -> Story {
    let start = |flash, now| {
        let buffers = Box::leak(Box::new(Buffers::new()));
        Board::start(&CONFIG, flash, buffers, now, tell)
    };
    let mut now = Instant::ZERO;
    let mut board = start(Flash::new(4, 7), now);
    let mut station = Station::new([2, 0, 0, 0, 0, 0x11]);
    let address = station.lease(&mut board, &mut now).expect("there is room");
    let bound_at = now;
    station.renew(&mut board, &mut now);
    let ends_at = station.ends_at().expect("no lease is for ever here");
    let lasts_secs = ends_at.millis_since(bound_at) / 1_000;
    let arp = station.ask_who_has(&mut board, now, ADDRESS);
    let echo = station.ping(&mut board, now, ADDRESS);
    let board = start(board.cut(), now);
    let (leases, time) = board.leases(now);
    Story { address, lasts_secs, arp, echo, after_cut: leases.entry_at(address, time) }
}

fn main() {
    println!("{MEMORY_LEN} octets of memory for {LEASES} leases");
    let Story { address, lasts_secs, arp, echo, after_cut } = story(|event| println!("{event:?}"));
    println!("the client has {address} for {lasts_secs} s, renewed once");
    println!("who has {ADDRESS}? {arp:?}");
    println!("ping {ADDRESS}: {echo:?}");
    println!("after a power cut: {after_cut:?}");
}

#[cfg(test)]
mod tests {
    use dhcp_core::server::book::Standing;
    use dhcp_core::wire::frame::arp::Operation;

    use super::*;
    use crate::board::MAC;

    #[test]
    fn the_configuration_is_in_order() {
        assert_eq!(CONFIG.check(), Ok(()));
    }

    #[test]
    fn the_board_serves_renews_answers_and_remembers() {
        let story = story(|_| {});
        assert_eq!(story.address, FIRST);
        // The renewal was asked for at half of twelve hours, in a datagram to the board's own address.
        assert!((64_000..66_000).contains(&story.lasts_secs), "{}", story.lasts_secs);
        let arp = story.arp.expect("smoltcp answers ARP");
        assert_eq!((arp.operation, arp.sender_mac), (Operation::Reply, MAC));
        assert!(story.echo.expect("smoltcp answers ping").reply);
        assert_eq!(story.after_cut.map(|entry| entry.standing), Some(Standing::Bound));
    }
}
