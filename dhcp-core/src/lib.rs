#![doc = include_str!("../README.md")]
//!
//! # Where things are
//!
//! | | |
//! |---|---|
//! | [`client`] | the [`Client`](client::Client): its states, what it asks for, what it wants done |
//! | [`server`] | the [`Server`](server::Server), what it is told ([`config`](server::config)) and what it asks ([`book`](server::book)) |
//! | [`conflict`] | whether an address is in use (RFC 5227) |
//! | [`wire`] | [messages](wire::message), [options](wire::options), [frames](wire::frame) and how they are written |
//! | [`id`], [`net`] | hardware addresses, client identifiers and keys; subnets and ranges, valid once they are made |
//! | [`time`], [`rng`] | the caller's clocks and seed, as types of our own |
//!
//! # What will grow
//!
//! Events, reasons and errors are `non_exhaustive`: a later version may tell more. Configurations get new fields: make them with
//! [`SubnetConfig::on`](server::config::SubnetConfig::on) or [`new`](server::config::SubnetConfig::new) and `..`, or change fields of what [`Config::new`](client::Config::new) gives, and an update
//! breaks no build. What has to be *done* does not grow: [`Reply`](server::Reply), [`Destination`](server::Destination), [`Change`](server::book::Change) and the client's
//! [`Output`](client::Output) get no new variant without a new major version, since a loop that passes over one would be wrong. Nor do what a book is asked and
//! answers ([`Ask`](server::book::Ask), [`Grant`](server::book::Grant), [`Entry`](server::book::Entry), [`Holding`](server::book::Holding), [`Seen`](server::book::Seen)) and what is written
//! ([`Header`](wire::writer::Header), [`ReplyOptions`](wire::writer::ReplyOptions)) get new fields.

#![no_std]
#![forbid(unsafe_code)]

pub mod client;
pub mod conflict;
pub mod id;
pub mod net;
pub mod rng;
pub mod server;
mod sip;
pub mod time;
pub mod wire;
