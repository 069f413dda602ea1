//! The image: starts the board, reads the configuration and the leases from the chip, and serves.

#![no_std]
#![no_main]

use core::mem::MaybeUninit;

use cortex_m_rt::entry;
use defmt::info;
use defmt_semihosting as _;
use dhcp_core::server::Server;
use dhcp_core::server::config::ServerConfig;
use dhcp_core::time::{Instant, LeaseClock};
use firmware::board::lan9118::Lan9118;
use firmware::board::nor::SECTOR_LEN;
use firmware::board::{Board, stack};
use firmware::desk::{ChipJournal, Desk};
use firmware::station::{Buffers, Station};
use firmware::{ImageRoom, Leases, Places, start};

/// Octets of the chip that are the configuration's; the rest is the journal's.
const IMAGE_LEN: u32 = 4 * SECTOR_LEN;

#[entry]
fn main() -> ! {
    // All zero, and what is empty until it is written: the program has no octets for them.
    static mut BUFFERS: Buffers = Buffers::new();
    static mut PLACES: Places = Places::empty();
    static mut ROOM: ImageRoom = ImageRoom::new();
    static mut CONFIG: MaybeUninit<ServerConfig<'static>> = MaybeUninit::uninit();
    static mut STATION: MaybeUninit<Station<'static>> = MaybeUninit::uninit();
    stack::paint();
    let Board { clock, ethernet, chip } = Board::start();
    let (image, region) = chip.split(IMAGE_LEN);
    let config = CONFIG.write(start::configuration(image, ROOM));
    let mut leases = start::fresh(config, PLACES);
    let journal = start::replayed(region, &mut leases);
    let now = clock.now();
    let station = STATION.write(serving(config, leases, journal, ethernet, now, BUFFERS));
    info!("serving after {} ms", clock.now().as_millis());
    loop {
        station.round(clock.now());
    }
}

// As in `start.rs`, not in `main`.
#[inline(never)]
fn serving(
    config: &'static ServerConfig<'static>,
    leases: Leases,
    journal: ChipJournal,
    ethernet: Lan9118,
    now: Instant,
    buffers: &'static mut Buffers,
) -> Station<'static> {
    // No wall clock: the lease clock goes on from the last time that was written down, which only makes leases longer.
    let server = Server::new(config, leases, LeaseClock::new(now, journal.time()));
    let Buffers { scratch, reply, frame_in, frame_out } = buffers;
    let desk = Desk::new(server, journal, now, scratch, reply);
    Station::new(config, desk, ethernet, now, frame_in, frame_out)
}
