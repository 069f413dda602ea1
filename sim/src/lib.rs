//! A deterministic world for DHCP servers and clients, simulated flash and files, and the microcontroller model.

#![forbid(unsafe_code)]

// The board of the example is a node of the world; its files name this crate as an example does.
extern crate self as sim;

#[path = "../examples/board/board.rs"]
mod board;
#[path = "../examples/board/card.rs"]
mod card;
#[path = "../examples/board/desk.rs"]
mod desk;

pub mod book;
pub mod defect;
pub mod file;
pub mod judge;
pub mod ledger;
pub mod minimise;
pub mod network;
pub mod node;
pub mod nor;
pub mod octets;
pub mod plan;
pub mod port;
pub mod trace;
pub mod wear;
pub mod world;
