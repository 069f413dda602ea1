//! The `hydrant` binary.

mod check;
mod config;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match (args.next(), args.next()) {
        (Some(command), Some(file)) if command == "check" => check::run(file.as_ref()),
        _ => ExitCode::FAILURE,
    }
}
