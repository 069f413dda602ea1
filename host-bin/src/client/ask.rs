//! What is said about names on the control socket? One JSON object a line in each direction; both ends are in this file.
//!
//! ```text
//! {"request":"lease","name":"camera","vlan":1}
//! {"lease":{"name":"camera","vlan":1,"mac":"02:..","address":"10.0.1.2",..}}
//! {"request":"reserve","name":"lidar","vlan":9}
//! {"refused":{"kind":"no-subnet","said":"no subnet is configured for VLAN 9; .."}}
//! ```

use core::fmt;
use core::net::Ipv4Addr;

use lease_store::container::{Container, ContainerName};
use serde::{Deserialize, Serialize};

use crate::client::exit::Exit;
use crate::client::lease::{NamedLease, as_text};
use crate::client::place::Segment;

/// What is wanted of a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub(crate) enum NameRequest {
    /// A lease, for as long as the subnet gives; the one that the name has is extended.
    Lease(Named),
    /// The end of the lease, and of the right to the address.
    Release(Named),
    /// The right to an address before it is leased.
    Reserve(Named),
    /// The end of everything that is known of the name.
    Unreserve(Named),
    /// The MAC address that a lease would have.
    Mac(Named),
}

/// A name on a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Named {
    #[serde(with = "as_text")]
    pub(crate) name: ContainerName,
    /// 1 to 4094; none: the segment of `interface`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vlan: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) interface: Option<String>,
    /// The MAC address that the name has or is to have; none: the recorded or derived one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mac: Option<String>,
    /// This address and no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<Ipv4Addr>,
}

impl Named {
    /// A name on a segment, with no wishes.
    pub(crate) fn on(name: ContainerName, segment: &Segment) -> Self {
        let (vlan, interface) = match segment {
            Segment::Vlan(vlan) => (Some(*vlan), None),
            Segment::Interface(interface) => (None, Some(interface.clone())),
        };
        Self { name, vlan, interface, mac: None, address: None }
    }

    /// Whose the lease is.
    pub(crate) const fn container(&self) -> Container {
        Container { name: self.name, vlan: self.vlan }
    }
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum NameReply {
    /// It is leased, and on the medium.
    Lease(Box<NamedLease>),
    /// It is reserved, and on the medium.
    Reserved(Reserved),
    /// It is released or forgotten, and that is on the medium; the address that it was, if there was one.
    Released(Option<Ipv4Addr>),
    /// The MAC address.
    Mac(String),
    /// No.
    Refused(Refused),
}

/// An address that is kept for a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reserved {
    pub(crate) address: Ipv4Addr,
    pub(crate) mac: String,
}

/// Why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{said}")]
pub(crate) struct Refused {
    pub(crate) kind: Kind,
    pub(crate) said: String,
}

/// What kind of a no it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// The segment is none of the server's.
    NoSubnet,
    /// The pool is used up.
    NoneFree,
    /// The address is another's, or is not to be had.
    Refused,
    /// The server could not write it down, or something else failed.
    Failed,
}

impl Kind {
    pub(crate) const fn exit(self) -> Exit {
        match self {
            Self::NoSubnet => Exit::Usage,
            Self::NoneFree => Exit::NoneFree,
            Self::Refused => Exit::Refused,
            Self::Failed => Exit::Failed,
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.container().fmt(f)
    }
}
