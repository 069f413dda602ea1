//! The arguments of the commands for names.

use core::net::Ipv4Addr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use dhcp_core::conflict::Acd;
use dhcp_core::id::HardwareAddr;
use lease_store::container::ContainerName;

use crate::client::exit::EXIT_CODES;
use crate::client::format::Format;
use crate::client::lease::Way;
use crate::logging::LogFormat;

/// Where server and client keep what must survive.
const STATE: &str = "/var/lib/hydrant";

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct LeaseArgs {
    /// Containers' names: letters, digits, `_`, `.` and `-`, at most 64
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<ContainerName>,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) wish: WishArgs,
    /// How the lease is told on standard output [default: sh]
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    #[command(flatten)]
    pub(crate) docker: DockerArgs,
    #[command(flatten)]
    pub(crate) foreground: ForegroundArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// For devices.
#[derive(Debug, Args)]
pub(crate) struct ForegroundArgs {
    /// Stay, and keep the lease by DHCP: renew, rebind, start again. The interface's own MAC address is used unless `--mac` says another.
    /// SIGUSR1 renews, SIGUSR2 gives back and ends, SIGTERM ends and keeps the lease for the next time. Without a limit in time; what there is to tell,
    /// `--script` is told
    #[arg(long, conflicts_with_all = ["timeout", "accept_expired", "format"])]
    pub(crate) foreground: bool,
    /// Run this program at each change, with `bound`, `renewed`, `nak` or `lost` as its argument and the lease in HYDRANT_* variables
    #[arg(long, value_name = "FILE", requires = "foreground")]
    pub(crate) script: Option<PathBuf>,
    /// Set the interface's address, routes and MTU, and the servers for names; put all of it back as it was when the lease is lost or given
    /// back. An MTU of less than 576 is not set
    #[arg(long, requires = "foreground")]
    pub(crate) configure: bool,
    /// Where `--configure` writes the servers for names and the domains to search. What is there is kept as FILE.before-hydrant, and put back;
    /// `none` writes nothing [default: /etc/netns/NAME/resolv.conf in a network namespace with a name, else /etc/resolv.conf; there, a file
    /// that somebody else wrote stays as it is]
    #[arg(long, value_name = "FILE", requires = "configure", value_parser = resolv_conf)]
    pub(crate) resolv_conf: Option<ResolvConfArg>,
}

/// What `--resolv-conf` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ResolvConfArg {
    None,
    File(PathBuf),
}

fn resolv_conf(text: &str) -> Result<ResolvConfArg, String> {
    match text {
        "none" => Ok(ResolvConfArg::None),
        "" => Err("a file's name is missing".to_owned()),
        path => Ok(ResolvConfArg::File(path.into())),
    }
}

#[derive(Debug, Args)]
#[command(after_help = EXEC_HELP)]
pub(crate) struct ExecArgs {
    /// The container's name
    pub(crate) name: ContainerName,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) wish: WishArgs,
    #[command(flatten)]
    pub(crate) docker: DockerArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// The command and its arguments, which takes this process's place; no shell reads it
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

const EXEC_HELP: &str = "\
In the command, {name}, {ip}, {mac}, {network} and {gateway} stand for what was leased, and the word {docker} for
--network NET --ip A --mac-address M. The command also finds it in variables: HYDRANT_IP, HYDRANT_MAC and the others that
`lease --format sh` prints.

  hydrant exec camera --vlan 1 -- docker run -d --name {name} {docker} IMAGE

Exit codes: those of `lease` when there is no address, else the command's own.";

#[derive(Debug, Args)]
pub(crate) struct MacArgs {
    /// The container's name
    pub(crate) name: ContainerName,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

#[derive(Debug, Args)]
pub(crate) struct KeepArgs {
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// How log lines on stderr look
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct ReserveArgs {
    /// The container's name
    pub(crate) name: ContainerName,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// This address and no other [default: one that is free]
    #[arg(long, value_name = "A")]
    pub(crate) ip: Option<Ipv4Addr>,
    /// The MAC address that the container will have [default: the one that follows from the name]
    #[arg(long, value_name = "M", value_parser = ethernet)]
    pub(crate) mac: Option<HardwareAddr>,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct UnreserveArgs {
    /// The container's name
    pub(crate) name: ContainerName,
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// A name that was leased before.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct NameArgs {
    /// The container's name
    pub(crate) name: ContainerName,
    /// Its lease in this VLAN only
    #[arg(long, value_name = "V", value_parser = clap::value_parser!(u16).range(1..=4094))]
    pub(crate) vlan: Option<u16>,
    /// Its lease on this interface only
    #[arg(long, value_name = "IF")]
    pub(crate) interface: Option<String>,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct RenewArgs {
    #[command(flatten)]
    pub(crate) name: NameArgs,
    /// How long a server is waited for, in seconds
    #[arg(long, value_name = "S", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) timeout: u32,
}

/// On which segment: one of them, or both.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct PlaceArgs {
    /// The VLAN's number. It is reached by the interface of that VLAN: a sub-interface such as `eth0.5`, or one named `vlan5`; with
    /// `--interface`, by tagged frames on that one. A server on this host finds it in its configuration
    #[arg(long, value_name = "V", value_parser = clap::value_parser!(u16).range(1..=4094))]
    pub(crate) vlan: Option<u16>,
    /// The interface. `eth0.5` and `vlan5` are VLAN 5; any other is a segment of its own
    #[arg(long, value_name = "IF")]
    pub(crate) interface: Option<String>,
}

/// What the lease is to be like, and how long it is waited for.
#[derive(Debug, Args)]
pub(crate) struct WishArgs {
    /// This address and no other
    #[arg(long, value_name = "A")]
    pub(crate) ip: Option<Ipv4Addr>,
    /// This MAC address, instead of the one that follows from the name
    #[arg(long, value_name = "M", value_parser = ethernet)]
    pub(crate) mac: Option<HardwareAddr>,
    /// How long a server is waited for, in seconds. The check of an address and the wait after one that is in use come on top
    #[arg(long, value_name = "S", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) timeout: u32,
    /// How carefully an address from a DHCP server is checked before it is used
    #[arg(long, value_enum, default_value_t = ProbeArg::Full)]
    pub(crate) probe: ProbeArg,
    /// One way only [default: the server on this host if it runs, else DHCP]
    #[arg(long, value_enum)]
    pub(crate) via: Option<ViaArg>,
    /// When no server answers, use the stored lease even after its end: somebody else may have the address
    #[arg(long)]
    pub(crate) accept_expired: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DockerArgs {
    /// Docker's network for the segment [default: `vlan5` for VLAN 5, else the interface's name]
    #[arg(long, value_name = "NET")]
    pub(crate) network: Option<ContainerName>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct StateArgs {
    /// Where server and client keep leases and the installation's key
    #[arg(long, value_name = "DIR", default_value = STATE)]
    pub(crate) state: PathBuf,
}

/// RFC 5227, or less.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ProbeArg {
    /// Three ARP probes as RFC 5227 says, 4 to 7 seconds
    Full,
    /// One ARP probe, 0.2 seconds: a host that sleeps or a lost frame is not noticed
    Quick,
    /// None: an address that is in use is used twice
    Off,
}

impl From<ProbeArg> for Acd {
    fn from(probe: ProbeArg) -> Self {
        match probe {
            ProbeArg::Full => Self::Full,
            ProbeArg::Quick => Self::Quick,
            ProbeArg::Off => Self::Off,
        }
    }
}

/// One of the two ways.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ViaArg {
    /// By DHCP on the interface
    Dhcp,
    /// From the server on this host
    Local,
}

impl From<ViaArg> for Way {
    fn from(via: ViaArg) -> Self {
        match via {
            ViaArg::Dhcp => Self::Dhcp,
            ViaArg::Local => Self::Local,
        }
    }
}

/// A container's interface has a unicast address.
fn ethernet(text: &str) -> Result<HardwareAddr, String> {
    let mac = text.parse::<HardwareAddr>().map_err(|error| error.to_string())?;
    let octets = mac.as_ethernet().ok_or("not an Ethernet address")?;
    let [first, ..] = octets;
    if first & 1 == 1 || octets == [0; 6] {
        return Err("a group's address or none at all, not a station's".to_owned());
    }
    Ok(mac)
}
