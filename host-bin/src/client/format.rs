//! How is a lease told? In the words of a shell, of Docker, of JSON; and as variables for commands that are run with it.

use core::fmt;
use core::net::Ipv4Addr;

use dhcp_core::net::Subnet;
use lease_store::container::ContainerName;
use serde::Serialize;

use crate::client::exit::Exit;
use crate::client::lease::NamedLease;

/// What `--format` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Variables for `eval`, quoted; on failure, a command that fails
    Sh,
    /// One JSON object a line
    Json,
    /// NAME=VALUE lines for Compose and `docker run --env-file`
    Env,
    /// Arguments of `docker run`, safe for word splitting
    Docker,
    /// The address alone
    Ip,
    /// The MAC address alone
    Mac,
}

impl Format {
    /// Whether the output for several names can be told apart.
    pub(crate) const fn takes_several(self) -> bool {
        match self {
            Self::Json | Self::Docker | Self::Ip | Self::Mac => true,
            Self::Sh | Self::Env => false,
        }
    }
}

/// How fresh a lease is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    /// A server said so just now.
    Leased,
    /// No server answered; it was leased before and has not run out.
    Stored,
    /// No server answered; it was leased before and has run out, and the caller takes it all the same.
    Expired,
}

impl Status {
    pub(crate) const fn exit(self) -> Exit {
        match self {
            Self::Leased => Exit::Leased,
            Self::Stored | Self::Expired => Exit::Stored,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leased => "leased",
            Self::Stored => "stored",
            Self::Expired => "expired",
        })
    }
}

/// A lease as it is told.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Told<'a> {
    pub(crate) status: Status,
    /// Docker's network for the segment. Its names follow the rule of containers' names.
    #[serde(serialize_with = "as_text")]
    pub(crate) network: &'a ContainerName,
    #[serde(flatten)]
    pub(crate) lease: &'a NamedLease,
}

fn as_text<S: serde::Serializer>(name: &ContainerName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(name)
}

/// The variables' names, in the order of [`Told::variables`].
pub(crate) const VARIABLES: [&str; 22] = [
    "HYDRANT_STATUS",
    "HYDRANT_NAME",
    "HYDRANT_VLAN",
    "HYDRANT_INTERFACE",
    "HYDRANT_NETWORK",
    "HYDRANT_MAC",
    "HYDRANT_IP",
    "HYDRANT_PREFIX_LEN",
    "HYDRANT_NETMASK",
    "HYDRANT_SUBNET",
    "HYDRANT_BROADCAST",
    "HYDRANT_GATEWAY",
    "HYDRANT_ROUTERS",
    "HYDRANT_ROUTES",
    "HYDRANT_DNS",
    "HYDRANT_DOMAIN",
    "HYDRANT_SEARCH",
    "HYDRANT_NTP",
    "HYDRANT_MTU",
    "HYDRANT_SERVER",
    "HYDRANT_LEASED_AT",
    "HYDRANT_EXPIRES_AT",
];

impl Told<'_> {
    /// The result of a command in a format, with a newline at its end.
    pub(crate) fn render(&self, format: Format) -> String {
        match format {
            Format::Sh => self.lines(quoted),
            Format::Env => self.lines(str::to_owned),
            Format::Json => {
                let json = serde_json::to_string(self);
                json.expect("a lease is made of what JSON has, with text as keys") + "\n"
            }
            Format::Docker => self.docker().join(" ") + "\n",
            Format::Ip => format!("{}\n", self.lease.address),
            Format::Mac => format!("{}\n", self.lease.mac),
        }
    }

    /// The arguments of `docker run`. None has a space or anything else that a shell would take apart.
    pub(crate) fn docker(&self) -> [String; 6] {
        [
            "--network".to_owned(),
            self.network.to_string(),
            "--ip".to_owned(),
            self.lease.address.to_string(),
            "--mac-address".to_owned(),
            self.lease.mac.to_string(),
        ]
    }

    /// All variables, with an empty value for what is not known; several words in one are separated by spaces. Routes are pairs of a destination and a
    /// gateway, 0.0.0.0 on the link; times are seconds of Unix time, and a lease without end expires `never`.
    pub(crate) fn variables(&self) -> [(&'static str, String); VARIABLES.len()] {
        let lease = self.lease;
        let subnet = lease.subnet();
        let of_subnet = |value: fn(Subnet) -> Ipv4Addr| or_empty(subnet.map(value));
        let routes = lease.routes.iter().map(|route| {
            let gateway = route.gateway.unwrap_or(Ipv4Addr::UNSPECIFIED);
            format!("{}/{} {gateway}", route.to, route.prefix_len)
        });
        let expires_at = lease.expires_at.map(|at| at.as_second().to_string());
        let values = [
            self.status.to_string(),
            lease.name.to_string(),
            or_empty(lease.vlan),
            lease.interface.clone().unwrap_or_default(),
            self.network.to_string(),
            lease.mac.to_string(),
            lease.address.to_string(),
            or_empty(lease.prefix_len),
            of_subnet(|subnet| subnet.netmask()),
            or_empty(subnet),
            of_subnet(|subnet| subnet.broadcast()),
            or_empty(lease.gateway()),
            words(&lease.routers),
            routes.collect::<Vec<_>>().join(" "),
            words(&lease.dns),
            lease.domain.clone().unwrap_or_default(),
            lease.search.join(" "),
            words(&lease.ntp),
            or_empty(lease.mtu),
            lease.server.to_string(),
            lease.leased_at.as_second().to_string(),
            expires_at.unwrap_or_else(|| "never".to_owned()),
        ];
        let mut values = values.into_iter();
        VARIABLES.map(|name| (name, values.next().expect("the two arrays are of one length")))
    }

    fn lines(&self, value_as: impl Fn(&str) -> String) -> String {
        let lines = self.variables().map(|(name, value)| format!("{name}={}\n", value_as(&value)));
        lines.concat()
    }
}

/// What goes to standard output instead of a result. Only for `sh` is it anything: what `eval` is given must fail, with the
/// same code, and must leave no address of an earlier call behind.
pub(crate) fn failure(format: Format, exit: Exit) -> String {
    match format {
        Format::Sh => format!("unset {}; (exit {})\n", VARIABLES.join(" "), exit.code()),
        Format::Json | Format::Env | Format::Docker | Format::Ip | Format::Mac => String::new(),
    }
}

/// A value in single quotes, where a shell takes every octet for itself.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

fn or_empty(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn words(values: &[Ipv4Addr]) -> String {
    values.iter().map(Ipv4Addr::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
