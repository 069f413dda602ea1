//! What is soldered to what? The mps2-an385 as QEMU has it: an Ethernet controller, a clock, and memory that stands in for a flash chip.

pub mod clock;
pub mod lan9118;
#[cfg(thumb2)]
mod memory;
pub mod nor;
pub mod stack;

use self::clock::Clock;
use self::lan9118::Lan9118;
use self::nor::Chip;

/// The board's parts, running. There is one board.
#[derive(Debug)]
pub struct Board {
    /// Milliseconds since start.
    pub clock: Clock,
    /// The Ethernet controller.
    pub ethernet: Lan9118,
    /// The flash chip.
    pub chip: Chip,
}

impl Board {
    /// Starts everything.
    ///
    /// # Panics
    /// When it was called before, or the Ethernet controller does not answer.
    #[must_use]
    pub fn start() -> Self {
        let core = cortex_m::Peripherals::take().expect("the board is started once");
        Self { clock: Clock::start(core.SYST), ethernet: Lan9118::start(), chip: Chip::new() }
    }
}
