//! The image: starts the board, reads the configuration and the leases from the chip, and serves.

#![no_std]
#![no_main]

use cortex_m::singleton;
use cortex_m_rt::entry;
use cortex_m_semihosting::debug::{EXIT_FAILURE, exit};
use defmt::{error, info};
use defmt_semihosting as _;
use dhcp_core::server::Server;
use dhcp_core::server::config::ServerConfig;
use dhcp_core::time::LeaseClock;
use firmware::board::nor::SECTOR_LEN;
use firmware::board::{Board, stack};
use firmware::desk::Desk;
use firmware::station::Station;
use firmware::{ImageRoom, Leases};
use lease_store::image;
use lease_store::journal::Journal;
use lease_store::medium::NorMedium;
use lease_store::table::ArrayStorage;

/// Octets of the chip that are the configuration's; the rest is the journal's.
const IMAGE_LEN: u32 = 4 * SECTOR_LEN;

const ONCE: &str = "the program starts once";

#[entry]
fn main() -> ! {
    stack::paint();
    let Board { clock, ethernet, chip } = Board::start();
    let (image, region) = chip.split(IMAGE_LEN);
    let room = singleton!(: ImageRoom = ImageRoom::new()).expect(ONCE);
    let config = image::read(image, room).unwrap_or_else(|why| {
        error!("the configuration is refused: {}", why);
        stop()
    });
    let config = &*singleton!(: ServerConfig<'static> = config).expect(ONCE);
    let mut leases = Leases::new(config, ArrayStorage::empty()).unwrap_or_else(|why| {
        error!("the configuration is refused: {}", why);
        stop()
    });
    let opened = Journal::open(NorMedium::new(region), &mut leases);
    let (journal, opened) = opened.unwrap_or_else(|_| {
        error!("the journal cannot be read, and is left as it is");
        stop()
    });
    info!("{}", opened);
    let now = clock.now();
    // No wall clock: the lease clock goes on from the last time that was written down, which only makes leases longer.
    let server = Server::new(config, leases, LeaseClock::new(now, journal.time()));
    let desk = Desk::new(server, journal, now);
    let station = Station::new(config, desk, ethernet, now);
    let station = singleton!(: Station<'static> = station).expect(ONCE);
    info!("serving after {} ms", clock.now().as_millis());
    loop {
        station.round(clock.now());
    }
}

/// The end, as a failure, for whoever watches.
fn stop() -> ! {
    loop {
        exit(EXIT_FAILURE);
    }
}
