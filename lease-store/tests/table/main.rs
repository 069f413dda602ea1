//! The table against a model that is plain and slow: whatever is asked of both, they agree, and the table is in order.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "in a test a panic is the report; clippy sees the helpers as no tests"
)]

mod model;
mod pair;
mod random;
mod server;
mod world;
