//! What is said over the control socket? One JSON object a line, a request and its response; each carries the version.
//!
//! ```text
//! {"version":1,"request":"leases","after":"10.0.1.7"}
//! {"version":1,"response":"leases","leases":[..],"next":"10.0.1.99"}
//! ```
//!
//! A new kind of request is a variant here, and an arm where the server answers. What a later version adds to a request is an error to an
//! older server, never ignored; what it adds to a response is ignored by an older client.

use core::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::control::names::{Named, NamedLease, RefusedKind};

/// The version that is spoken.
pub const VERSION: u32 = 1;

/// Octets of the longest request.
pub const REQUEST_LEN_MAX: usize = 64 * 1_024;

/// How many leases one response holds at most.
pub const LEASES_MAX: usize = 500;

/// A request or response with its version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versioned<T> {
    /// [`VERSION`].
    pub version: u32,
    /// What is said.
    #[serde(flatten)]
    pub body: T,
}

impl<T> Versioned<T> {
    /// In the version of this program.
    pub const fn new(body: T) -> Self {
        Self { version: VERSION, body }
    }
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Request {
    /// All counters.
    Stats {},
    /// The leases, in the order of their addresses, some at a time.
    Leases {
        /// Those with a higher address than this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<Ipv4Addr>,
    },
    /// A lease for a name, for as long as its subnet gives; the one that it has is extended.
    Lease(Named),
    /// The end of a name's lease, and of its right to the address.
    Release(Named),
    /// The right to an address for a name that has not asked yet.
    Reserve(Named),
    /// The end of all that is known of a name.
    Unreserve(Named),
    /// The MAC address that a name has or would get.
    Mac(Named),
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "response", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Response {
    /// It was not done, and why.
    Error {
        /// A sentence for people.
        message: String,
    },
    /// See [`Request::Stats`].
    Stats(Stats),
    /// See [`Request::Leases`].
    Leases {
        /// At most [`LEASES_MAX`].
        leases: Vec<Lease>,
        /// Ask again after this address; none: these were the last.
        next: Option<Ipv4Addr>,
    },
    /// See [`Request::Lease`]: it is on the medium.
    Leased {
        /// The lease.
        lease: Box<NamedLease>,
    },
    /// See [`Request::Reserve`]: it is on the medium.
    Reserved {
        /// The address that is kept for the name.
        address: Ipv4Addr,
        /// The MAC address that goes with it.
        mac: String,
    },
    /// See [`Request::Release`] and [`Request::Unreserve`]: it is on the medium.
    Released {
        /// The address that the name had, if it had one.
        address: Option<Ipv4Addr>,
    },
    /// See [`Request::Mac`].
    Mac {
        /// The MAC address.
        mac: String,
    },
    /// A name does not get what is wished for it.
    Refused {
        /// For programs.
        kind: RefusedKind,
        /// A sentence for people.
        said: String,
    },
}

/// One address that somebody has or had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Lease {
    /// The address.
    pub address: Ipv4Addr,
    /// The client's hardware address.
    pub mac: Option<String>,
    /// The client's identifier in hex, if it sent one.
    pub client_id: Option<String>,
    /// A name for people: the container's, or what the host calls itself.
    pub name: Option<String>,
    /// Where it stands.
    pub state: LeaseState,
    /// The end of the lease, offer or quarantine in seconds since the beginning of 1970; none: it has no end.
    pub until: Option<u32>,
    /// The subnet, as in `10.0.1.0/24`; none when only the record is known, and not the configuration.
    pub subnet: Option<String>,
    /// Kept for its client when the lease is over: a container's name stands behind it.
    pub pinned: bool,
}

/// Where an address stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LeaseState {
    /// Held for a client that was sent an OFFER.
    Offered,
    /// Leased.
    Bound,
    /// The lease is over; the client gets the address back while nobody else needed it.
    Idle,
    /// Found in use by a stranger.
    Quarantined,
}

impl LeaseState {
    /// As in the protocol.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Bound => "bound",
            Self::Idle => "idle",
            Self::Quarantined => "quarantined",
        }
    }
}

/// What was counted since the server started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stats {
    /// The program's version.
    pub program: String,
    /// How long the server has been running, in seconds.
    pub uptime_secs: u64,
    /// Whether the last attempt to write a change failed.
    pub record_failing: bool,
    /// All counters in the order in which they are shown.
    pub counters: Vec<Counter>,
    /// Each subnet with its addresses.
    pub subnets: Vec<SubnetStats>,
}

/// One number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// What kind of thing is counted.
    pub group: String,
    /// Its name within the group, in kebab case.
    pub name: String,
    /// How often.
    pub count: u64,
}

/// A subnet and how full it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SubnetStats {
    /// As in `10.0.1.0/24`. One whose pools have different terms stands here once for each of them.
    pub subnet: String,
    /// The interface, with its VLAN after a dot; none: it is reached through relay agents, or waits for its interface.
    pub link: Option<String>,
    /// Addresses that could be offered to a stranger now.
    pub free: u32,
    /// Addresses in all.
    pub addresses: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Result<Versioned<Request>, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn a_request_is_a_line_of_json() {
        let stats = request(r#"{"version":1,"request":"stats"}"#).unwrap();
        assert_eq!(stats, Versioned::new(Request::Stats {}));
        let after = Some(Ipv4Addr::new(10, 0, 1, 7));
        let text = r#"{"version":1,"request":"leases","after":"10.0.1.7"}"#;
        let leases = Versioned::new(Request::Leases { after });
        assert_eq!(request(text).unwrap(), leases);
        assert_eq!(serde_json::to_string(&leases).unwrap(), text);
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for wrong in [
            "",
            "{}",
            r#"{"version":1,"request":"reboot"}"#,
            r#"{"request":"stats"}"#,
            r#"{"version":1,"request":"leases","after":7}"#,
            r#"{"version":1,"request":"leases","befor":"10.0.1.7"}"#,
        ] {
            assert!(request(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_lease_has_these_fields() {
        let lease = Lease {
            address: Ipv4Addr::new(10, 0, 1, 7),
            mac: Some("02:00:00:00:00:01".to_owned()),
            client_id: None,
            name: Some("camera1".to_owned()),
            state: LeaseState::Bound,
            until: None,
            subnet: Some("10.0.1.0/24".to_owned()),
            pinned: true,
        };
        let response = Versioned::new(Response::Leases { leases: vec![lease], next: None });
        let text = serde_json::to_string(&response).unwrap();
        assert_eq!(
            text,
            r#"{"version":1,"response":"leases","leases":[{"address":"10.0.1.7","mac":"02:00:00:00:00:01","client-id":null,"name":"camera1","state":"bound","until":null,"subnet":"10.0.1.0/24","pinned":true}],"next":null}"#
        );
        assert_eq!(serde_json::from_str::<Versioned<Response>>(&text).unwrap(), response);
    }
}
