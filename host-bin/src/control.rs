//! How is a running server asked? Over a local socket that only its owner may use, with one line of JSON each way.

pub(crate) mod client;
pub mod names;
pub mod protocol;
pub(crate) mod server;
