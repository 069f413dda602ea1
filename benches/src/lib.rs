//! What does Hydrant's work cost? Scenarios that are tests first, instruction budgets that guard them, and a load generator.
//!
//! A scenario is a piece of the server's work with fixed inputs. The same scenarios run small under `cargo test`, under criterion for
//! people (`cargo bench -p benches`), and under callgrind for the gate (the binary `budget`).

#![forbid(unsafe_code)]

pub mod budget;
pub mod checksum;
pub mod load;
pub mod machine;
pub mod packet;
pub mod peers;
pub mod scenario;
