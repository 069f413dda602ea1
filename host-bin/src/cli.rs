//! What can be said on the command line? Every command with its arguments, as `--help` shows them.

pub(crate) mod client;
pub(crate) mod serve;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Hands out IPv4 addresses to devices and containers, and never forgets to whom.
#[derive(Debug, Parser)]
#[command(name = "hydrant", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed, and said why
  2  the command line was not understood";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Hand out addresses: the server, until it is told to stop
    Serve(serve::ServeArgs),
    /// Show who has which address, whether the server runs or not
    Leases(serve::LeasesArgs),
    /// Show what the running server counted
    Stats(serve::StatsArgs),
    /// Say whether a configuration is right, and if not, what is wrong, where, and how to mend it
    Check(CheckArgs),
    /// Write a configuration as the image that a microcontroller reads from its flash
    Image(ImageArgs),
    /// Lease addresses for containers' names, the same ones each time
    Lease(client::LeaseArgs),
    /// Lease an address for a container's name and run a command with it
    Exec(client::ExecArgs),
    /// Give back the address that was leased for a name
    Release(client::NameArgs),
    /// Extend the lease of a name now
    Renew(client::RenewArgs),
    /// Say which MAC address a name has or will have
    Mac(client::MacArgs),
    /// Renew what was leased for names from other servers; a service
    Keep(client::KeepArgs),
    /// Keep an address on the server of this host for a name that has not asked yet
    Reserve(client::ReserveArgs),
    /// Forget a name on the server of this host: its address is anybody's
    Unreserve(client::UnreserveArgs),
    /// Show it all on a truck made of namespaces, without touching this machine's network; takes some ten seconds
    Demo(DemoArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The configuration: TOML when its name ends in `.toml`, else ISC dhcpd.conf
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Leave the truck up at the end, to look around in it, until Ctrl-C
    #[arg(long)]
    pub(crate) keep: bool,
    /// Say nothing but one JSON document at the end
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ImageArgs {
    /// The configuration, as for `check`
    pub(crate) file: PathBuf,
    /// The VLAN that the microcontroller's port is in; needed when every subnet of the file is in one
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=4_094))]
    pub(crate) vlan: Option<u16>,
    /// Where the image goes
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) state: client::StateArgs,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }

    #[test]
    fn whoever_says_no_segment_is_told_of_both_ways() {
        let said =
            |line: &str| Cli::try_parse_from(line.split(' ')).map_err(|error| error.to_string());
        let missing = said("hydrant mac camera").unwrap_err();
        assert!(missing.contains("<--vlan <V>|--interface <IF>>"), "{missing}");
        for place in ["--vlan 5", "--interface eth0", "--vlan 5 --interface eth0"] {
            assert!(said(&format!("hydrant mac camera {place}")).is_ok(), "{place}");
        }
    }

    #[test]
    fn what_would_do_nothing_beside_foreground_is_refused() {
        let device =
            "hydrant lease display --interface eth0 --foreground --probe quick --ip 10.0.1.7";
        let understood =
            |more: &str| Cli::try_parse_from(format!("{device}{more}").split(' ')).is_ok();
        assert!(understood("") && understood(" --configure --resolv-conf none --script told"));
        for more in [" --timeout 9", " --accept-expired", " --format json"] {
            assert!(!understood(more), "{more}");
        }
    }
}
