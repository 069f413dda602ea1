//! Does it work with what is really out there? Real clients, servers and relays, on networks of the tests' own.
//!
//! Each test runs in a private machine of its own, so they run side by side, and nothing is left when one fails. `scripts/install-test-tools` installs
//! the programs; without them a test says what is missing and does not run, except in CI, where it fails.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "in a test a panic is the report; clippy sees the helpers as no tests"
)]

mod configured;
mod demo;
mod device;
mod docker;
mod durable;
mod harness;
mod here;
mod keeping;
mod names;
mod odd;
mod others;
mod ours;
mod serve;
mod serving;
mod testbed;
mod tools;
mod trunk;
mod units;
mod wire;
