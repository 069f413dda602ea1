//! What happens when this program is wrong? It says so where everything else is logged, and ends with a failure.

use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use cortex_m_semihosting::debug::{EXIT_FAILURE, exit};

static AGAIN: AtomicBool = AtomicBool::new(false);

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    cortex_m::interrupt::disable();
    // A panic while it is logged, or while anything else was, is not logged again.
    if !AGAIN.load(Ordering::Relaxed) {
        AGAIN.store(true, Ordering::Relaxed);
        defmt::error!("{}", defmt::Display2Format(info));
    }
    exit(EXIT_FAILURE);
    // Without a debugger nobody ends the program; it must not go on.
    loop {
        cortex_m::asm::wfi();
    }
}
