//! What must hold whatever octets come? One function a target, each an ordinary function that panics when a promise is broken.
//!
//! libFuzzer calls them through the binaries in `fuzz_targets/` (see `README.md`); `cargo test -p fuzz` calls them on stable with the
//! committed corpus, with captured messages where they are at hand, and with a bounded run of chance. What a target checks is
//! written in its file; what is checked for all of them is that nothing panics and nothing runs without end.

#![forbid(unsafe_code)]

pub mod client;
pub mod config;
pub mod control;
mod input;
pub mod journal;
pub mod oracle;
pub mod server;
mod table;
pub mod wire;
mod world;

pub use self::input::Input;

/// A target: what it is called, and what is done with some octets.
pub struct Target {
    /// The name of its binary and of its folder in the corpus.
    pub name: &'static str,
    /// The function.
    pub body: fn(&[u8]),
    /// How its octets are read: as one message, or as a script of steps.
    pub input: Input,
}

/// Every target, in the order of the layers.
pub const TARGETS: &[Target] = &[
    Target { name: "decode", body: wire::decode, input: Input::Message },
    Target { name: "round_trip", body: wire::round_trip, input: Input::Message },
    Target { name: "frame", body: wire::frame, input: Input::Frame },
    Target { name: "differential", body: oracle::differential, input: Input::Message },
    Target { name: "server", body: server::any_script, input: Input::Script },
    Target { name: "server_hears", body: server::hear, input: Input::Message },
    Target { name: "client", body: client::any_script, input: Input::Script },
    Target { name: "client_hears", body: client::hear, input: Input::Message },
    Target { name: "journal", body: journal::any_medium, input: Input::Script },
    Target { name: "control", body: control::line, input: Input::Text },
    Target { name: "config_toml", body: config::toml, input: Input::Text },
    Target { name: "config_dhcpd", body: config::dhcpd, input: Input::Text },
];

/// Does what the target of this name does; what `fuzz_targets/` calls.
///
/// # Panics
/// When no target has the name, and when the octets break a promise.
pub fn run(name: &str, octets: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("each binary has a target").body)(octets);
}
