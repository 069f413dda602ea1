//! The `hydrant` binary as a library, so that tests, benches and fuzz targets reach what it is made of. It promises nothing to others:
//! who builds on Hydrant builds on `dhcp-core` and `lease-store`.

mod check;
mod cli;
mod config;
pub mod net;
pub mod testbed;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};

/// Reads the command line and does what it says. Which command runs is known here; what each does is in the file of its name.
#[must_use]
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Check(args) => check::run(&args.file),
    }
}
