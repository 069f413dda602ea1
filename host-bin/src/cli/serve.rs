//! What can be said to the server, and to whoever asks it? The arguments of `serve`, `leases` and `stats`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::client::StateArgs;
use crate::logging::LogFormat;

#[derive(Clone, Debug, Args)]
#[command(after_help = SIGNALS)]
pub(crate) struct ServeArgs {
    /// The configuration: TOML when its name ends in `.toml`, else ISC dhcpd.conf
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: PathBuf,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Serve this interface only; can be given several times [default: each that has an address in a declared subnet]
    #[arg(long, short, value_name = "IF")]
    pub(crate) interface: Vec<String>,
    /// How log lines on stderr look
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,
}

const SIGNALS: &str = "\
Signals:
  SIGHUP            read the configuration anew; if it is wrong, go on with the old one
  SIGTERM, SIGINT   stop; all leases are on disk at any time

Environment:
  HYDRANT_LOG       how much is logged: error, warn, info (unless told), debug, trace
  NOTIFY_SOCKET     where systemd wants to hear that the server is ready

The server needs the right to raw sockets and to port 67: root, or CAP_NET_RAW and CAP_NET_BIND_SERVICE.";

#[derive(Debug, Args)]
pub(crate) struct LeasesArgs {
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Read a dump of a microcontroller's flash instead, by that device's own clock
    #[arg(long, value_name = "FILE", conflicts_with = "state")]
    pub(crate) image: Option<PathBuf>,
    /// Where the journal begins in the dump, or what is looked through begins: 16384 or 0x4000
    #[arg(long, value_name = "OCTETS", requires = "image", default_value = "0", value_parser = octets)]
    pub(crate) offset: u32,
    /// For programs: one JSON array
    #[arg(long)]
    pub(crate) json: bool,
}

/// A number of octets, decimal or hexadecimal.
fn octets(text: &str) -> Result<u32, String> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|_| "a number of octets below 4 GiB is wanted, like 16384 or 0x4000".to_owned())
}

#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// For programs: one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
