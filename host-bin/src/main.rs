//! The `hydrant` binary: hands out IPv4 addresses to devices and containers, and never forgets to whom.

use std::process::ExitCode;

fn main() -> ExitCode {
    hydrant::main()
}
