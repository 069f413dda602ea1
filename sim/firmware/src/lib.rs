//! A DHCP server on a microcontroller: the board's drivers, and how packets get from them to `dhcp-core` and `lease-store` and back.
//!
//! ```text
//! board/lan9118 -> wire -> desk: Server (dhcp-core), LeaseTable and Journal (lease-store) -> board/nor
//!               -> ip (smoltcp): ARP and ping
//! ```
//!
//! `start.rs` reads the chip, `main.rs` puts everything together, `station.rs` is what is done again and again, `bin/measure.rs` counts instructions.

#![no_std]

pub mod board;
pub mod desk;
pub mod ip;
mod panic;
pub mod start;
pub mod station;
pub mod wire;

use lease_store::array_storage;
use lease_store::image::Room;
use lease_store::table::{LeaseTable, Sizes, SliceStorage};

/// How many addresses there can be in all ranges, reserved ones among them. Each costs 43 octets of RAM.
pub const LEASES: usize = 64;

/// How many subnets of the one segment.
pub const SUBNETS: usize = 4;

/// How many ranges: what exclusions leave of them, and reserved addresses outside.
pub const RANGES: usize = 48;

/// How many reservations.
pub const RESERVATIONS: usize = 32;

const SIZES: Sizes = Sizes::new(LEASES, RANGES, SUBNETS);

/// The places of the leases, which stay where they are.
pub type Places = array_storage!(u16, SIZES);

/// The leases, all in static memory.
pub type Leases = LeaseTable<SliceStorage<'static, u16>>;

/// The places for what an image of a configuration holds.
pub type ImageRoom = Room<'static, SUBNETS, RANGES, RESERVATIONS>;
