//! The client against RFC 2131, RFC 5227 and servers of every kind, in virtual time.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "in a test a panic is the report; clippy sees the helpers as no tests"
)]

mod arrows;
mod conflict;
mod figure5;
mod messages;
mod options;
mod random;
mod replies;
mod times;
mod world;
