//! What is configured? The same for both languages, free of contradictions, and ignorant of files and interfaces.
//!
//! A [`Config`] in hand has passed the checks: ranges lie in their subnets, reservations have no doubles.

use core::net::Ipv4Addr;
use std::collections::BTreeMap;

use dhcp_core::id::HardwareAddr;
use dhcp_core::net;
use dhcp_core::server::config::Identity;
use dhcp_core::time::LeaseTime;

/// Options by code, each with its value's octets as they go on the wire, of any length.
pub(crate) type Options = BTreeMap<u8, Vec<u8>>;

/// All that is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// How long an OFFER is held, in seconds.
    pub(crate) offer_hold_secs: u32,
    /// How long a declined address is in quarantine, in seconds.
    pub(crate) quarantine_secs: u32,
    /// How far beyond its end a lease is promised when it is recorded, in seconds.
    pub(crate) promise_slack_secs: u32,
    /// Those of one shared network stand next to each other.
    pub(crate) subnets: Vec<Subnet>,
}

impl Config {
    /// RFC 2131 leaves it open; long enough for a slow client's REQUEST.
    pub(crate) const OFFER_HOLD_SECS: u32 = 60;
    /// Ten minutes.
    pub(crate) const QUARANTINE_SECS: u32 = 600;
    /// One day: a truck that is renewed hourly writes once a day.
    pub(crate) const PROMISE_SLACK_SECS: u32 = 86_400;
}

/// One subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subnet {
    pub(crate) net: net::Subnet,
    /// Named in the file; else the interface is the one that has an address in the subnet.
    pub(crate) interface: Option<String>,
    /// Frames carry this tag on the interface, 1 to 4094.
    pub(crate) vlan: Option<u16>,
    /// Subnets with the same name share one segment.
    pub(crate) shared_network: Option<String>,
    /// Our address; else the interface's address in the subnet.
    pub(crate) server_id: Option<Ipv4Addr>,
    /// At least one. Those that serve known clients only stand first, so that those are not served elsewhere while there is room.
    pub(crate) pools: Vec<Pool>,
    /// In ascending order, without overlaps.
    pub(crate) excluded: Vec<net::Range>,
}

impl Subnet {
    /// All reservations with an address, and once each those without.
    pub(crate) fn reservations(&self) -> impl Iterator<Item = &Reservation> {
        let first = self.pools.first().map_or(&[][..], |pool| &pool.reservations);
        let elsewhere = self.pools.iter().skip(1).flat_map(|pool| &pool.reservations);
        first.iter().chain(elsewhere.filter(|reservation| reservation.address.is_some()))
    }
}

/// Addresses that are handed out on the same terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pool {
    /// In ascending order, without overlaps; none when only reservations are served.
    pub(crate) ranges: Vec<net::Range>,
    pub(crate) terms: Terms,
    /// In ascending order of `who`, without doubles: those for an address in the ranges, those for an address in no pool's
    /// ranges when the terms are the subnet's own, and those without an address, which stand with every pool.
    pub(crate) reservations: Vec<Reservation>,
}

/// What a client gets with its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) options: Options,
    pub(crate) lease_default: LeaseTime,
    pub(crate) lease_min: LeaseTime,
    pub(crate) lease_max: LeaseTime,
    pub(crate) authoritative: bool,
    pub(crate) identity: Identity,
    pub(crate) serve_unknown: bool,
    pub(crate) trust_host_name: bool,
    pub(crate) next_server: Option<Ipv4Addr>,
    /// At most 63 octets.
    pub(crate) server_name: Vec<u8>,
    /// At most 127 octets.
    pub(crate) boot_file: Vec<u8>,
    /// Whether addresses are probed before they are offered.
    pub(crate) ping_check: bool,
}

/// An address, options or both for one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reservation {
    pub(crate) who: Who,
    pub(crate) address: Option<Ipv4Addr>,
    /// They hide the subnet's.
    pub(crate) options: Options,
    pub(crate) next_server: Option<Ipv4Addr>,
    pub(crate) boot_file: Vec<u8>,
    /// For people.
    pub(crate) name: String,
}

/// As [`dhcp_core::server::config::Who`], which it orders like, and owned.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    Hardware(HardwareAddr),
    ClientId(Vec<u8>),
    Name(Vec<u8>),
}
