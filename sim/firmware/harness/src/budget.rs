//! What may the image cost? `budget.toml`, read.

use serde::Deserialize;

/// All of it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// In flash and RAM.
    pub octets: Octets,
    /// Of the processor.
    pub instructions: Instructions,
}

/// Octets.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Octets {
    /// The code of server, store, drivers and smoltcp.
    pub code: u64,
    /// The whole image.
    pub text: u64,
    /// What is static.
    pub ram: u64,
    /// The stack at its deepest.
    pub stack: u64,
}

/// Instructions.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instructions {
    /// A new client's DISCOVER.
    pub discover: u32,
    /// That of a client that had an address.
    pub discover_again: u32,
    /// A new client's when all that is left was somebody's.
    pub discover_used: u32,
    /// A renewal.
    pub renew: u32,
    /// How many more at 99 % of the addresses than at 50 %, in percent.
    pub growth_percent: u32,
}

impl Budget {
    /// The file beside the firmware's code.
    ///
    /// # Panics
    /// When it is wrong.
    #[must_use]
    pub fn read() -> Self {
        let path = crate::firmware().join("budget.toml");
        let text = std::fs::read_to_string(path).expect("budget.toml can be read");
        toml::from_str(&text).expect("budget.toml says what may be spent")
    }
}
