//! What time is it? Milliseconds since start, counted by the SysTick timer.

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::exception;
use dhcp_core::time::Instant;

/// The board's processor clock in ticks a millisecond.
const TICKS_PER_MS: u32 = 25_000;

// Two halves, because the processor stores no more than 32 bits at once. The lower one wraps after 49 days.
static MILLIS_LOW: AtomicU32 = AtomicU32::new(0);
static MILLIS_HIGH: AtomicU32 = AtomicU32::new(0);

/// The clock, running.
#[derive(Debug)]
pub struct Clock(());

impl Clock {
    pub(super) fn start(mut timer: SYST) -> Self {
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(TICKS_PER_MS - 1);
        timer.clear_current();
        timer.enable_interrupt();
        timer.enable_counter();
        Self(())
    }

    /// Now; zero is the start.
    #[must_use]
    pub fn now(&self) -> Instant {
        loop {
            let high = MILLIS_HIGH.load(Ordering::Relaxed);
            let low = MILLIS_LOW.load(Ordering::Relaxed);
            // Unless the lower half wrapped between the two looks, they belong together.
            if high == MILLIS_HIGH.load(Ordering::Relaxed) {
                return Instant::from_millis(u64::from(high) << 32 | u64::from(low));
            }
        }
    }
}

#[exception]
fn SysTick() {
    // Nobody else writes, so that reading and writing apart is enough; there is no compare-and-swap on a Cortex-M0.
    let low = MILLIS_LOW.load(Ordering::Relaxed).wrapping_add(1);
    if low == 0 {
        MILLIS_HIGH.store(MILLIS_HIGH.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
    MILLIS_LOW.store(low, Ordering::Relaxed);
}
