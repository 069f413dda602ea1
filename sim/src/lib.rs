//! A deterministic world for DHCP servers and clients, simulated flash and files, and the microcontroller model.

#![forbid(unsafe_code)]

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
pub mod trace;
pub mod wear;
pub mod world;
