//! What does a power cut leave of the journal? At every word that is programmed and every part of an erase, of a long trace of changes and of
//! the recovery that follows: what was acknowledged is there, what was not is there as a whole or not at all, and nothing else is.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "in a test a panic is the report; clippy sees the helpers as no tests"
)]

mod exhaustive;
mod file;
mod full;
mod header;
mod random;
mod trace;
