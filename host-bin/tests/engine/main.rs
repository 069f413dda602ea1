//! Does the engine keep its promises? The loop's inside without sockets: real core, real table, real journal on a file or on a disk that fails when told to.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "clippy knows functions with #[test] only"
)]

mod allocation;
mod beside;
mod failure;
mod kit;
mod order;
