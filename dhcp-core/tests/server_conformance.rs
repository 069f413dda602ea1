//! The server against RFC 2131 and its companions: each test is a sentence of the standard or a promise of ours.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "in a test a panic is the report; clippy sees the helpers as no tests"
)]

#[path = "server/kit.rs"]
mod kit;
#[path = "server/toy.rs"]
mod toy;

#[path = "server/anything.rs"]
mod anything;
#[path = "server/discover.rs"]
mod discover;
#[path = "server/durable.rs"]
mod durable;
#[path = "server/give_back.rs"]
mod give_back;
#[path = "server/identity.rs"]
mod identity;
#[path = "server/inform_and_bootp.rs"]
mod inform_and_bootp;
#[path = "server/names.rs"]
mod names;
#[path = "server/probe.rs"]
mod probe;
#[path = "server/reach.rs"]
mod reach;
#[path = "server/request.rs"]
mod request;
#[path = "server/reservation.rs"]
mod reservation;
#[path = "server/segment.rs"]
mod segment;
