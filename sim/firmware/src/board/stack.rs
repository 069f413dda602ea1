//! How deep did the stack get? What was never used of it still has the colour that it was painted with at start.

#![allow(unsafe_code, reason = "the stack below the current frame is looked at as memory")]

use core::ptr::addr_of;

const COLOUR: u32 = 0xc0de_cafe;

/// Left alone below the current frame, for what this file's own functions need, in words.
const MARGIN: usize = 64;

unsafe extern "C" {
    /// The end of what is static, where the stack may grow to.
    static __sheap: u32;
    /// Where the stack begins, growing down.
    static _stack_start: u32;
}

/// The words that the stack may use, lowest first, up to a bit below the current frame.
fn unused_now() -> core::ops::Range<*mut u32> {
    let bottom = addr_of!(__sheap).cast_mut();
    let here = cortex_m::register::msp::read() as usize;
    let top = (here / 4 - MARGIN) * 4;
    bottom..core::ptr::with_exposed_provenance_mut(top)
}

/// Paints the stack that is not in use.
#[inline(never)]
pub fn paint() {
    let unused = unused_now();
    let mut word = unused.start;
    while word < unused.end {
        // SAFETY: between the end of the statics and the stack pointer, less a margin, there is nothing.
        unsafe { word.write_volatile(COLOUR) };
        word = word.wrapping_add(1);
    }
}

/// Octets of the stack that were used at the deepest, since [`paint`].
#[inline(never)]
#[must_use]
pub fn used() -> usize {
    let unused = unused_now();
    let mut word = unused.start;
    // SAFETY: the words are memory that nobody else writes to while this function looks.
    while word < unused.end && unsafe { word.read_volatile() } == COLOUR {
        word = word.wrapping_add(1);
    }
    addr_of!(_stack_start) as usize - word as usize
}

/// Octets that the stack may use: all the memory that is not static.
#[must_use]
pub fn room() -> usize {
    addr_of!(_stack_start) as usize - addr_of!(__sheap) as usize
}
