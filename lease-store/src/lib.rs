#![doc = include_str!("../README.md")]
//!
//! # Where things are
//!
//! | | |
//! |---|---|
//! | [`table`] | which address: the [`LeaseTable`](table::LeaseTable), which is the server's `LeaseBook` |
//! | [`lease`], [`index`] | what a slot is; what the journal asks of whoever keeps the leases |
//! | [`journal`] | the [`Journal`](journal::Journal): append, sync, replay, compaction; the octets of one change are drawn in `record.rs` |
//! | [`medium`] | what the journal is kept on, and [`NorMedium`](medium::NorMedium) for `embedded_storage` |
//! | [`container`] | a container's name, and the identities that are made of it |
//! | `image` (feature `image`) | a server's configuration as octets in flash |

#![no_std]
#![forbid(unsafe_code)]

pub mod container;
#[cfg(feature = "image")]
pub mod image;
pub mod index;
pub mod journal;
pub mod lease;
pub mod medium;
mod record;
pub mod table;
