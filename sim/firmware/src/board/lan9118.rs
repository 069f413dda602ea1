//! How do frames get in and out? The SMSC LAN9118 Ethernet controller of the mps2-an385, polled, one frame at a time.
//!
//! Source: the LAN9118 data sheet, revision 1.5; section numbers below are its. It knows nothing of what is in a frame.

#![allow(unsafe_code, reason = "registers are reached through their addresses")]

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;

/// Octets of the longest frame without its checksum, tag included.
pub const FRAME_LEN_MAX: usize = 1_518;

const BASE: usize = 0x4020_0000;

/// The registers that are used (section 5.3), by their offset.
#[derive(Clone, Copy)]
#[repr(usize)]
enum Register {
    RxData = 0x00,
    TxData = 0x20,
    RxStatus = 0x40,
    TxStatus = 0x48,
    IrqConfig = 0x54,
    InterruptStatus = 0x58,
    InterruptEnable = 0x5c,
    ByteTest = 0x64,
    FifoInterrupt = 0x68,
    RxConfig = 0x6c,
    TxConfig = 0x70,
    HardwareConfig = 0x74,
    RxFifo = 0x7c,
    TxFifo = 0x80,
    MacCommand = 0xa4,
    MacData = 0xa8,
}

/// The registers of the MAC block (section 5.4), which are reached through [`Register::MacCommand`].
#[derive(Clone, Copy)]
#[repr(u32)]
enum MacRegister {
    Control = 1,
    AddressHigh = 2,
    AddressLow = 3,
}

const BYTE_TEST: u32 = 0x8765_4321;
const SOFT_RESET: u32 = 1;
/// Must be one (section 5.3.9), with 5 KiB of the FIFO for transmission.
const STORE_AND_FORWARD: u32 = 1 << 20 | 5 << 16;
const TX_ON: u32 = 1 << 1;
const MAC_BUSY: u32 = 1 << 31;
const MAC_READ: u32 = 1 << 30;
const MAC_RX_ENABLE: u32 = 1 << 2;
const MAC_TX_ENABLE: u32 = 1 << 3;
/// Frames arrived, as an interrupt source.
const RX_STATUS_LEVEL: u32 = 1 << 3;
/// The line is enabled, driven high and not a wired or.
const IRQ_ENABLE: u32 = 1 << 8 | 1 << 4 | 1;
const RX_ERROR: u32 = 1 << 15;
const FIRST_AND_LAST_SEGMENT: u32 = 1 << 13 | 1 << 12;
/// Octets of the frame's checksum, which arrive with it.
const CHECKSUM_LEN: usize = 4;
/// The two command words in front of a frame.
const TX_COMMAND_LEN: usize = 8;

/// How often a register is looked at before the controller counts as dead.
const PATIENCE: u32 = 1_000_000;

/// The controller, running.
#[derive(Debug)]
pub struct Lan9118 {
    mac: [u8; 6],
    /// Frames that the controller could not take, since start.
    dropped: u32,
}

impl Lan9118 {
    /// Resets the controller and lets it receive.
    ///
    /// # Panics
    /// When there is no such controller, or it does not come out of its reset.
    pub(super) fn start() -> Self {
        wait("the byte order register reads as it must", || read(Register::ByteTest) == BYTE_TEST);
        write(Register::HardwareConfig, SOFT_RESET);
        wait("the reset ends", || read(Register::HardwareConfig) & SOFT_RESET == 0);
        write(Register::HardwareConfig, STORE_AND_FORWARD);
        let mac = mac_address();
        // An interrupt for every frame; nobody handles it, it only ends the wait of [`Lan9118::sleep`].
        write(Register::FifoInterrupt, 0);
        write(Register::RxConfig, 0);
        write(Register::InterruptStatus, u32::MAX);
        write(Register::InterruptEnable, RX_STATUS_LEVEL);
        write(Register::IrqConfig, IRQ_ENABLE);
        write(Register::TxConfig, TX_ON);
        mac_write(MacRegister::Control, MAC_RX_ENABLE | MAC_TX_ENABLE);
        Self { mac, dropped: 0 }
    }

    /// The station's address, from the controller's memory.
    #[must_use]
    pub const fn mac(&self) -> [u8; 6] {
        self.mac
    }

    /// Frames that were not sent because the controller had no room, since start.
    #[must_use]
    pub const fn dropped(&self) -> u32 {
        self.dropped
    }

    /// Whether a frame is waiting.
    #[must_use]
    pub fn has_frame(&self) -> bool {
        (read(Register::RxFifo) >> 16) & 0xff != 0
    }

    /// The next frame that arrived, without its checksum, in `room`; a damaged one, or one longer than `room`, is passed over.
    pub fn receive<'r>(&mut self, room: &'r mut [u8]) -> Option<&'r mut [u8]> {
        while self.has_frame() {
            let status = read(Register::RxStatus);
            let whole_len = (status >> 16 & 0x3fff) as usize;
            let len = whole_len.saturating_sub(CHECKSUM_LEN);
            let keep = status & RX_ERROR == 0 && len <= room.len();
            for place in (0..whole_len.div_ceil(4)).map(|word| word * 4) {
                let octets = read(Register::RxData).to_le_bytes();
                let end = len.min(place + 4);
                if let Some(to) = room.get_mut(place..end).filter(|_| keep) {
                    to.iter_mut().zip(octets).for_each(|(to, octet)| *to = octet);
                }
            }
            if keep {
                return room.get_mut(..len);
            }
        }
        None
    }

    /// Sends a frame, to which the controller adds the checksum. Without room for it, it is dropped and counted: on a
    /// network, frames get lost.
    pub fn send(&mut self, frame: &[u8]) {
        while read(Register::TxFifo) >> 16 & 0xff != 0 {
            // How it went; there is nobody to tell.
            read(Register::TxStatus);
        }
        let free = (read(Register::TxFifo) & 0xffff) as usize;
        let len = u32::try_from(frame.len()).ok().filter(|_| frame.len() <= FRAME_LEN_MAX);
        let Some(len) = len.filter(|_| frame.len().next_multiple_of(4) + TX_COMMAND_LEN <= free)
        else {
            self.dropped = self.dropped.saturating_add(1);
            return;
        };
        write(Register::TxData, FIRST_AND_LAST_SEGMENT | len);
        write(Register::TxData, len);
        let (words, rest) = frame.as_chunks::<4>();
        for word in words {
            write(Register::TxData, u32::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut last = [0; 4];
            last.iter_mut().zip(rest).for_each(|(to, octet)| *to = *octet);
            write(Register::TxData, u32::from_le_bytes(last));
        }
    }

    /// Waits for a frame or the next tick of the clock.
    pub fn sleep(&mut self) {
        // While they are held back, interrupts are not handled but still end the wait, also one that came before it.
        cortex_m::interrupt::free(|_| {
            // SAFETY: it is masked again before interrupts may be handled, so nobody is interrupted by it.
            unsafe { NVIC::unmask(Interrupt) };
            if !self.has_frame() {
                cortex_m::asm::wfi();
            }
            NVIC::mask(Interrupt);
            write(Register::InterruptStatus, u32::MAX);
            NVIC::unpend(Interrupt);
        });
    }
}

/// The controller's interrupt.
#[derive(Clone, Copy)]
struct Interrupt;

// SAFETY: the mps2-an385 connects the controller to this line, and to no other.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        13
    }
}

/// Section 5.4.2: the address stands in two registers, its first octet lowest.
fn mac_address() -> [u8; 6] {
    let [a, b, c, d] = mac_read(MacRegister::AddressLow).to_le_bytes();
    let [e, f, _, _] = mac_read(MacRegister::AddressHigh).to_le_bytes();
    [a, b, c, d, e, f]
}

fn mac_read(register: MacRegister) -> u32 {
    write(Register::MacCommand, MAC_BUSY | MAC_READ | register as u32);
    wait("a register of the MAC is read", || read(Register::MacCommand) & MAC_BUSY == 0);
    read(Register::MacData)
}

fn mac_write(register: MacRegister, value: u32) {
    write(Register::MacData, value);
    write(Register::MacCommand, MAC_BUSY | register as u32);
    wait("a register of the MAC is written", || read(Register::MacCommand) & MAC_BUSY == 0);
}

fn wait(what: &str, mut done: impl FnMut() -> bool) {
    assert!((0..PATIENCE).any(|_| done()), "the Ethernet controller does not answer: {what}");
}

fn read(register: Register) -> u32 {
    // SAFETY: the address is that of a register of the controller, aligned, and there on this board. Reading one may
    // take a word from a FIFO, which only this file does.
    unsafe { core::ptr::with_exposed_provenance::<u32>(BASE + register as usize).read_volatile() }
}

fn write(register: Register, value: u32) {
    let register = core::ptr::with_exposed_provenance_mut::<u32>(BASE + register as usize);
    // SAFETY: as in `read`. The controller does not touch memory by itself: nothing that is written here reaches past it.
    unsafe { register.write_volatile(value) }
}
