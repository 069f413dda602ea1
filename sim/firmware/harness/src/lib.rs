//! Runs the firmware in QEMU from a test: a board with a flash chip in a file, a network card at the end of a socket or a tap, and its log, decoded.
//!
//! `scripts/build-firmware` builds the image before.

pub mod board;
pub mod budget;
pub mod chip;
pub mod client;
pub mod counts;
pub mod log;
pub mod profile;
pub mod size;
pub mod truck;

use std::path::{Path, PathBuf};

/// The folder of the firmware.
#[must_use]
pub fn firmware() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the folder is there")
}

/// The program `name` as `scripts/build-firmware` left it.
///
/// # Panics
/// When it did not.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let path = firmware().join("target/thumbv7m-none-eabi/release").join(name);
    assert!(path.is_file(), "{} is not there: run scripts/build-firmware", path.display());
    path
}
