//! Which servers are compared, and how is each told to do the same? One /8, one pool behind a relay agent, leases of an hour, no probing of addresses, no log line
//! a lease.

use core::net::Ipv4Addr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The server's address in the private network.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// The relay agent's.
pub const RELAY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// The server's interface.
pub const INTERFACE: &str = "eth0";

/// A DHCP server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Peer {
    /// This project's.
    Hydrant,
    /// ISC Kea, with its file of leases, as Debian builds it.
    Kea,
    /// ISC dhcpd, as Debian builds it.
    Dhcpd,
    /// dnsmasq, as Debian builds it.
    Dnsmasq,
}

/// A program with its arguments and variables.
#[derive(Clone, Debug)]
pub struct Start {
    /// A name that is searched for, or a path.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its variables.
    pub variables: Vec<(&'static str, String)>,
}

impl Peer {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 4] = [Self::Hydrant, Self::Kea, Self::Dhcpd, Self::Dnsmasq];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hydrant => "hydrant",
            Self::Kea => "Kea",
            Self::Dhcpd => "ISC dhcpd",
            Self::Dnsmasq => "dnsmasq",
        }
    }

    /// What it does for an ACK to survive a power cut, as found by its documentation and by tracing its system calls.
    #[must_use]
    pub const fn durability(self) -> &'static str {
        match self {
            Self::Hydrant => "synced before the ACK, many leases at once",
            Self::Kea => "written, never synced",
            Self::Dhcpd | Self::Dnsmasq => "synced before the ACK, each lease",
        }
    }

    /// Writes its configuration and empty state into `room`, for a pool of so many addresses from 10.1.0.1 on.
    ///
    /// # Errors
    /// When the files cannot be written.
    pub fn configure(self, room: &Path, addresses: u32) -> io::Result<Start> {
        let first = Ipv4Addr::new(10, 1, 0, 1);
        let last = Ipv4Addr::from_bits(first.to_bits() + addresses.saturating_sub(1));
        let file = |name: &str| room.join(name).display().to_string();
        let start = |program: PathBuf, arguments: &[&str]| Start {
            program,
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            variables: Vec::new(),
        };
        match self {
            Self::Hydrant => {
                let text = format!(
                    "authoritative = true\nlease-time = \"1h\"\nmax-lease-time = \"2h\"\nping-check = false\n\n[[subnet]]\n\
                     network = \"10.0.0.0/8\"\nrange = \"{first} - {last}\"\nserver-id = \"{SERVER}\"\n\
                     options = {{ routers = \"{RELAY}\", domain-name-servers = [\"8.8.8.8\", \"8.8.4.4\"] }}\n"
                );
                fs::write(room.join("hydrant.toml"), text)?;
                let (config, state) = (file("hydrant.toml"), file("state"));
                // Built with this program, so it is beside it.
                let beside = std::env::current_exe()?.with_file_name("hydrant");
                let arguments =
                    ["serve", "--config", &config, "--state", &state, "--interface", INTERFACE];
                let variables = vec![("HYDRANT_LOG", "warn".to_owned())];
                Ok(Start { variables, ..start(beside, &arguments) })
            }
            Self::Kea => {
                let leases = file("kea-leases4.csv");
                // Without the first two Kea 2.2 builds a regular expression for every host name it is sent, and a DNS update that nobody takes: a third of its time.
                // There are no reservations to look for, and as with hydrant a lease is not written again before a quarter of it is over.
                let text = serde_json::json!({ "Dhcp4": {
                    "hostname-char-set": "", "ddns-send-updates": false,
                    "reservations-global": false, "reservations-in-subnet": false,
                    "cache-threshold": 0.25,
                    "interfaces-config": { "interfaces": [INTERFACE], "dhcp-socket-type": "raw" },
                    "lease-database": { "type": "memfile", "persist": true, "name": leases, "lfc-interval": 0 },
                    "multi-threading": { "enable-multi-threading": false },
                    "authoritative": true, "valid-lifetime": 3600, "max-valid-lifetime": 7200,
                    "subnet4": [{ "id": 1, "subnet": "10.0.0.0/8", "pools": [{ "pool": format!("{first} - {last}") }],
                        "option-data": [{ "name": "routers", "data": RELAY.to_string() },
                            { "name": "domain-name-servers", "data": "8.8.8.8, 8.8.4.4" }] }],
                    "loggers": [{ "name": "kea-dhcp4", "output_options": [{ "output": "stderr" }], "severity": "ERROR" }],
                }});
                fs::write(room.join("kea.json"), text.to_string())?;
                let variables = ["KEA_PIDFILE_DIR", "KEA_LOCKFILE_DIR"];
                let variables = variables.map(|name| (name, room.display().to_string())).to_vec();
                Ok(Start { variables, ..start("kea-dhcp4".into(), &["-c", &file("kea.json")]) })
            }
            Self::Dhcpd => {
                let text = format!(
                    "authoritative;\ndefault-lease-time 3600;\nmax-lease-time 7200;\nping-check off;\nddns-update-style none;\n\
                     subnet 10.0.0.0 netmask 255.0.0.0 {{\n  range {first} {last};\n  option routers {RELAY};\n  \
                     option domain-name-servers 8.8.8.8, 8.8.4.4;\n}}\n"
                );
                fs::write(room.join("dhcpd.conf"), text)?;
                fs::write(room.join("dhcpd.leases"), "")?;
                let (config, leases, pid) =
                    (file("dhcpd.conf"), file("dhcpd.leases"), file("dhcpd.pid"));
                let arguments =
                    ["-4", "-f", "-q", "-cf", &config, "-lf", &leases, "-pf", &pid, INTERFACE];
                Ok(start("dhcpd".into(), &arguments))
            }
            Self::Dnsmasq => {
                let leases = format!("--dhcp-leasefile={}", file("dnsmasq.leases"));
                let range = format!("--dhcp-range={first},{last},255.0.0.0,1h");
                let router = format!("--dhcp-option=3,{RELAY}");
                let arguments = [
                    "--keep-in-foreground",
                    "--conf-file=/dev/null",
                    "--port=0",
                    "--no-ping",
                    "--quiet-dhcp",
                    "--dhcp-authoritative",
                    "--dhcp-lease-max=2000000",
                    "--dhcp-option=6,8.8.8.8,8.8.4.4",
                    "--user=root",
                    "--pid-file=",
                    "--log-facility=-",
                    &format!("--interface={INTERFACE}"),
                    &leases,
                    &range,
                    &router,
                ];
                Ok(start("dnsmasq".into(), &arguments))
            }
        }
    }
}
