//! The lease table, the record and the journal of a DHCP server.

#![no_std]
#![forbid(unsafe_code)]

pub mod container;
#[cfg(feature = "image")]
pub mod image;
pub mod index;
pub mod journal;
pub mod lease;
pub mod medium;
pub mod record;
pub mod table;
