//! What is a lease to people and programs? The address of a name with all that came with it, in words that JSON can say.

use core::net::Ipv4Addr;
use core::time::Duration;

use dhcp_core::client::{self as core_client, Binding, Term};
use dhcp_core::id::HardwareAddr;
use dhcp_core::net::Subnet;
use dhcp_core::server::{NAME_LEN_MAX, sanitised};
use dhcp_core::time::Instant;
use jiff::Timestamp;
use lease_store::container::{Container, ContainerName};
use serde::{Deserialize, Serialize};

use crate::client::search;

/// Which way an address was leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// From our server on this host, by its control socket.
    Local,
    /// By DHCP on an interface.
    Dhcp,
}

/// A lease for a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedLease {
    /// The container's.
    #[serde(with = "as_text")]
    pub name: ContainerName,
    /// 1 to 4094; none on an untagged segment.
    pub vlan: Option<u16>,
    /// Where it was leased; none when our server answered for a segment that has no interface.
    pub interface: Option<String>,
    /// The container's, or the interface's own.
    #[serde(with = "as_text")]
    pub mac: HardwareAddr,
    /// What was leased.
    pub address: Ipv4Addr,
    /// None when the server sent no mask.
    pub prefix_len: Option<u8>,
    /// Routers, the best first.
    pub routers: Vec<Ipv4Addr>,
    /// Servers for names.
    pub dns: Vec<Ipv4Addr>,
    /// The domain's name.
    pub domain: Option<String>,
    /// Domains that short names are looked up in, the first first; files of before they were kept have none.
    #[serde(default)]
    pub search: Vec<String>,
    /// Servers for the time.
    pub ntp: Vec<Ipv4Addr>,
    /// Octets of the longest datagram.
    pub mtu: Option<u16>,
    /// Routes to be set.
    pub routes: Vec<NamedRoute>,
    /// Who gave it: option 54.
    pub server: Ipv4Addr,
    /// Which way it came.
    pub via: Way,
    /// When it was asked for last.
    pub leased_at: Timestamp,
    /// T1; none, like the other two, when the lease is infinite.
    pub renew_at: Option<Timestamp>,
    /// T2.
    pub rebind_at: Option<Timestamp>,
    /// The end.
    pub expires_at: Option<Timestamp>,
}

/// A route that the server wants set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedRoute {
    /// 0.0.0.0 with `prefix_len` 0 is the default route.
    pub to: Ipv4Addr,
    /// 0 to 32.
    pub prefix_len: u8,
    /// None: the destination is on the link.
    pub gateway: Option<Ipv4Addr>,
}

/// The two clocks seen together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    pub(crate) now: Instant,
    pub(crate) wall: Timestamp,
}

impl Clocks {
    /// When `at` is or was by the wall clock, to the second.
    pub(crate) fn wall(&self, at: Instant) -> Timestamp {
        let ahead = Duration::from_millis(at.millis_since(self.now));
        let ago = Duration::from_millis(self.now.millis_since(at));
        let moved = self.wall.saturating_add(ahead).and_then(|wall| wall.saturating_sub(ago));
        let moved = moved.unwrap_or(self.wall);
        Timestamp::from_second(moved.as_second()).unwrap_or(moved)
    }
}

impl NamedLease {
    /// What a client of the core has, in words.
    pub(crate) fn new(
        container: &Container,
        interface: Option<&str>,
        mac: HardwareAddr,
        via: Way,
        lease: &core_client::Lease<'_>,
        clocks: &Clocks,
    ) -> Self {
        let Binding { address, server_id, since, term, .. } = lease.binding;
        let (renew_at, rebind_at, expires_at) = match term {
            Term::Infinite => (None, None, None),
            Term::Finite { renew_at, rebind_at, expires_at } => {
                (Some(renew_at), Some(rebind_at), Some(expires_at))
            }
        };
        let options = lease.options;
        let domain = options.domain_name().map(text).filter(|name| !name.is_empty());
        let wall = |at: Option<Instant>| at.map(|at| clocks.wall(at));
        Self {
            name: container.name,
            vlan: container.vlan,
            interface: interface.map(str::to_owned),
            mac,
            address,
            prefix_len: options.prefix_len(),
            routers: options.routers().collect(),
            dns: options.dns().collect(),
            domain,
            search: options.option(119).map(search::names).unwrap_or_default(),
            ntp: options.ntp().collect(),
            mtu: options.mtu(),
            routes: options.routes().map(NamedRoute::from).collect(),
            server: server_id,
            via,
            leased_at: clocks.wall(since),
            renew_at: wall(renew_at),
            rebind_at: wall(rebind_at),
            expires_at: wall(expires_at),
        }
    }

    /// Whose it is.
    pub(crate) const fn container(&self) -> Container {
        Container { name: self.name, vlan: self.vlan }
    }

    /// Whether the lease is over by the wall clock.
    pub(crate) fn is_over(&self, wall: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= wall)
    }

    /// The network that the address is in, when the server sent a mask.
    pub(crate) fn subnet(&self) -> Option<Subnet> {
        Subnet::around(self.address, self.prefix_len?).ok()
    }

    /// The router of the default route: of option 121 if there is one, else the first of option 3.
    pub(crate) fn gateway(&self) -> Option<Ipv4Addr> {
        let default = self.routes.iter().find(|route| route.prefix_len == 0)?;
        default.gateway
    }
}

impl From<core_client::Route> for NamedRoute {
    fn from(route: core_client::Route) -> Self {
        Self {
            to: route.destination.network(),
            prefix_len: route.destination.prefix_len(),
            gateway: Some(route.gateway).filter(|gateway| !gateway.is_unspecified()),
        }
    }
}

/// A name from a packet is not trusted: letters, digits, `-`, `.` and `_` are kept.
fn text(name: &[u8]) -> String {
    let kept = sanitised(name, &mut [0; NAME_LEN_MAX]).to_vec();
    String::from_utf8(kept).expect("what is kept is ASCII")
}

#[cfg(test)]
impl NamedLease {
    /// For tests: one from a server of the network, for an hour.
    pub(crate) fn camera() -> Self {
        let at = |second| Timestamp::from_second(second).expect("a time of ours");
        Self {
            name: "camera".parse().expect("a name"),
            vlan: Some(1),
            interface: Some("eth0.1".to_owned()),
            mac: "02:19:10:de:8a:92".parse().expect("a MAC address"),
            address: Ipv4Addr::new(10, 0, 1, 77),
            prefix_len: Some(24),
            routers: vec![Ipv4Addr::new(10, 0, 1, 3)],
            dns: vec![Ipv4Addr::new(8, 8, 8, 8), Ipv4Addr::new(8, 8, 4, 4)],
            domain: Some("truck.example".to_owned()),
            search: Vec::new(),
            ntp: Vec::new(),
            mtu: None,
            routes: vec![NamedRoute {
                to: Ipv4Addr::UNSPECIFIED,
                prefix_len: 0,
                gateway: Some(Ipv4Addr::new(10, 0, 1, 3)),
            }],
            server: Ipv4Addr::new(10, 0, 1, 1),
            via: Way::Dhcp,
            leased_at: at(1_750_000_000),
            renew_at: Some(at(1_750_001_800)),
            rebind_at: Some(at(1_750_003_150)),
            expires_at: Some(at(1_750_003_600)),
        }
    }
}

/// Serde for what is written and read as text.
pub(crate) mod as_text {
    use core::fmt::Display;
    use core::str::FromStr;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(crate) fn serialize<T: Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'d, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'d>,
    {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
