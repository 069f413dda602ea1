//! What is said about names over the control socket? A container's name on a segment, what it gets, and why not.
//!
//! ```text
//! {"version":1,"request":"lease","name":"camera","vlan":1}
//! {"version":1,"response":"leased","lease":{"name":"camera","vlan":1,"mac":"02:..","address":"10.0.1.2",..}}
//! {"version":1,"request":"reserve","name":"lidar","vlan":9}
//! {"version":1,"response":"refused","kind":"no-subnet","said":"VLAN 9 is in no subnet that is configured; .."}
//! ```

use core::net::Ipv4Addr;

use lease_store::container::{Container, ContainerName};
use serde::{Deserialize, Serialize};

use crate::client::lease::as_text;
pub use crate::client::lease::{NamedLease, NamedRoute, Way};

/// A name on a segment, and what is wished for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Named {
    /// The container's.
    #[serde(with = "as_text")]
    pub name: ContainerName,
    /// 1 to 4094; none: the segment of `interface`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
    /// Where no VLAN is said: an interface that is no VLAN's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// This MAC address and no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// The MAC address that the name had last, if the server knows none and nobody else has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_mac: Option<String>,
    /// This address and no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Ipv4Addr>,
}

impl Named {
    /// Whose the lease is.
    #[must_use]
    pub const fn container(&self) -> Container {
        Container { name: self.name, vlan: self.vlan }
    }
}

/// What kind of a no it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusedKind {
    /// The segment is none of the server's.
    NoSubnet,
    /// The pool is used up.
    NoneFree,
    /// The address is another's, or is not to be had.
    Refused,
    /// The server could not write it down, or something else failed.
    Failed,
}
