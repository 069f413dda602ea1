//! The lease table, the record and the journal of a DHCP server.

#![no_std]
#![forbid(unsafe_code)]

pub mod container;
pub mod index;
pub mod medium;
