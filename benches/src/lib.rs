//! Benches for people, instruction budgets for CI, and a load generator.

#![forbid(unsafe_code)]
