//! A deterministic world for DHCP servers and clients, simulated flash and files, and the microcontroller model.

#![forbid(unsafe_code)]

pub mod file;
pub mod ledger;
pub mod nor;
pub mod wear;
