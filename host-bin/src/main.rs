//! The `hydrant` binary: hands out IPv4 addresses to devices and containers, and never forgets to whom.
//!
//! This file knows which command runs and what its exit code is; what each does is in the file of its name.

mod check;
mod cli;
mod config;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Check(args) => check::run(&args.file),
    }
}
