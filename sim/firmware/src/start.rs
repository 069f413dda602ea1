//! How does it begin? The configuration, the leases and the journal, from the chip; what is wrong with them ends the program, with its reason.
//!
//! Each is a function that stays one. In `main`, the large values of all of them would be on the stack at once, and so far from each other that the
//! processor takes several instructions to reach one.

use cortex_m_semihosting::debug::{EXIT_FAILURE, exit};
use defmt::{error, info};
use dhcp_core::server::config::ServerConfig;
use lease_store::image;
use lease_store::journal::Journal;
use lease_store::medium::NorMedium;

use crate::board::nor::Region;
use crate::desk::ChipJournal;
use crate::{ImageRoom, Leases, Places};

/// The configuration, from an image on the chip.
#[inline(never)]
#[must_use]
pub fn configuration(image: &'static [u8], room: &'static mut ImageRoom) -> ServerConfig<'static> {
    image::read(image, room).unwrap_or_else(|why| {
        error!("the configuration is refused: {}", why);
        stop()
    })
}

/// A table of leases for the configuration, none of which anybody has.
#[inline(never)]
#[must_use]
pub fn fresh(config: &ServerConfig<'_>, places: &'static mut Places) -> Leases {
    Leases::of_image(config, places.lent()).unwrap_or_else(|why| {
        error!("the configuration is refused: {}", why);
        stop()
    })
}

/// The journal on the chip, what is in it told to the table.
#[inline(never)]
pub fn replayed(region: Region, leases: &mut Leases) -> ChipJournal {
    let opened = Journal::open(NorMedium::new(region), leases);
    let (journal, opened) = opened.unwrap_or_else(|_| {
        error!("the journal cannot be read, and is left as it is");
        stop()
    });
    info!("{}", opened);
    journal
}

/// The end, as a failure, for whoever watches.
fn stop() -> ! {
    loop {
        exit(EXIT_FAILURE);
    }
}
