//! DHCPv4 (RFC 2131) without input or output: the wire format, the server and the client as state machines that are given
//! octets and time and answer with octets and what to do with them.
//!
//! Nothing here allocates, reads a clock, opens a socket or draws entropy. The same code serves on a Linux host and on a
//! microcontroller with kilobytes of memory.

#![no_std]
#![forbid(unsafe_code)]

pub mod client;
pub mod conflict;
pub mod id;
pub mod net;
pub mod rng;
pub mod server;
pub mod time;
pub mod wire;
