//! The `hydrant` binary as a library, so that tests, benches and fuzz targets reach what it is made of. It promises nothing to others:
//! who builds on Hydrant builds on `dhcp-core` and `lease-store`.

mod chain;
mod check;
mod cli;
mod client;
mod config;
pub mod control;
mod demo;
mod durable;
mod fs_error;
pub mod fuzzing;
mod image;
mod installation;
mod leases;
mod logging;
pub mod medium;
pub mod net;
mod notify;
pub mod serve;
mod state;
mod stats;
pub mod testbed;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};

/// Reads the command line and does what it says. Which command runs is known here; what each does is in the file of its name.
#[must_use]
pub fn main() -> ExitCode {
    match Cli::try_parse().unwrap_or_else(|error| client::misunderstood(&error)).command {
        Command::Serve(args) => serve::run(&args),
        Command::Leases(args) => leases::run(&args),
        Command::Stats(args) => stats::run(&args),
        Command::Check(args) => check::run(&args.file),
        Command::Image(args) => image::run(&args),
        Command::Lease(args) => client::commands::lease::run(&args).into(),
        Command::Exec(args) => client::commands::exec::run(&args).into(),
        Command::Release(args) => client::commands::release::run(&args).into(),
        Command::Renew(args) => client::commands::renew::run(&args).into(),
        Command::Mac(args) => client::commands::mac::run(&args).into(),
        Command::Keep(args) => client::commands::keep::run(&args).into(),
        Command::Reserve(args) => client::commands::reserve::reserve(&args).into(),
        Command::Unreserve(args) => client::commands::reserve::unreserve(&args).into(),
        Command::Demo(args) => demo::run(&args),
    }
}

/// Tells why a command did not do what it was asked for.
fn failed(why: &dyn core::error::Error) -> ExitCode {
    use std::io::Write as _;
    // There is nobody to tell when the stream is closed; the exit code is still right.
    let _ = writeln!(std::io::stderr(), "hydrant: {}", chain::Chain(why));
    ExitCode::FAILURE
}
