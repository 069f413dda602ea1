//! How does the core get it? The configuration joined with the interfaces the host has now, as slices the server borrows.
//!
//! Options are rendered for the wire here, once (RFC 2132; RFC 3396 for values above 255 octets). Interfaces come and go, so the host renders anew whenever
//! they change; the [`Config`] stays.

use core::net::Ipv4Addr;

use dhcp_core::id::InstallationKey;
use dhcp_core::net::{self, Range};
use dhcp_core::server::config::{self as core_config, Link, ServerConfig, SubnetConfig};
use dhcp_core::wire::options::RenderedOptions;

use crate::config::model::{Config, Options, Pool, Reservation, Subnet, Who};

/// An interface as the host found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interface {
    /// The host's number of it, as in [`Link::interface`].
    pub(crate) number: u16,
    pub(crate) name: String,
    /// None when it is not an Ethernet interface.
    pub(crate) mac: Option<[u8; 6]>,
    /// Its addresses and their prefix lengths.
    pub(crate) addresses: Vec<(Ipv4Addr, u8)>,
    /// Whether it may be served: false when `--interface` names others only.
    pub(crate) serve: bool,
}

/// All interfaces of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interfaces(pub(crate) Vec<Interface>);

impl Interfaces {
    fn named(&self, name: &str) -> Option<&Interface> {
        self.0.iter().find(|interface| interface.serve && interface.name == name)
    }

    fn with_address_in(&self, subnet: &net::Subnet) -> Option<&Interface> {
        let has = |interface: &&Interface| interface.address_in(subnet).is_some();
        self.0.iter().filter(|interface| interface.serve).find(has)
    }

    fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> + '_ {
        self.0.iter().flat_map(|interface| &interface.addresses).map(|(address, _)| *address)
    }
}

impl Interface {
    fn address_in(&self, subnet: &net::Subnet) -> Option<Ipv4Addr> {
        self.addresses.iter().map(|(address, _)| *address).find(|address| subnet.contains(*address))
    }
}

/// Where a subnet is attached, or why it is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Served on this link.
    On(Link),
    /// The interface that the file names is not there, or is not to be served.
    Waiting(String),
    /// No interface has an address in it: it is reached through relays only, until one has.
    Relayed,
}

/// One subnet of the core's, with everything resolved.
#[derive(Clone, Debug)]
pub(crate) struct RenderedSubnet {
    pub(crate) net: net::Subnet,
    pub(crate) place: Place,
    /// The place of the first in the configuration that shares the segment.
    shared_network: u16,
    pub(crate) server_id: Option<Ipv4Addr>,
    pool: Pool,
    excluded: Vec<Range>,
    options: Vec<u8>,
    reservations: Vec<(Reservation, Vec<u8>)>,
}

impl RenderedSubnet {
    /// Whether addresses are probed before they are offered.
    pub(crate) const fn ping_check(&self) -> bool {
        self.pool.terms.ping_check
    }

    fn link(&self) -> Option<Link> {
        match &self.place {
            Place::On(link) => Some(*link),
            Place::Waiting(_) | Place::Relayed => None,
        }
    }

    fn reservations(&self) -> Vec<core_config::Reservation<'_>> {
        self.reservations
            .iter()
            .map(|(reservation, options)| reservation_view(reservation, options))
            .collect()
    }

    fn view<'r>(&'r self, reservations: &'r [core_config::Reservation<'r>]) -> SubnetConfig<'r> {
        let terms = &self.pool.terms;
        SubnetConfig {
            subnet: self.net,
            link: self.link(),
            shared_network: Some(self.shared_network),
            server_id: self.server_id,
            next_server: terms.next_server,
            server_name: &terms.server_name,
            boot_file: &terms.boot_file,
            ranges: &self.pool.ranges,
            excluded: &self.excluded,
            options: RenderedOptions::new(&self.options),
            lease_default: terms.lease_default,
            lease_min: terms.lease_min,
            lease_max: terms.lease_max,
            authoritative: terms.authoritative,
            identity: terms.identity,
            serve_unknown: terms.serve_unknown,
            trust_host_name: terms.trust_host_name,
            probe: terms.ping_check,
            reservations,
        }
    }
}

fn reservation_view<'r>(
    reservation: &'r Reservation,
    options: &'r [u8],
) -> core_config::Reservation<'r> {
    core_config::Reservation {
        who: match &reservation.who {
            Who::Hardware(hardware) => core_config::Who::Hardware(*hardware),
            Who::ClientId(id) => core_config::Who::ClientId(id),
            Who::Name(name) => core_config::Who::Name(name),
        },
        address: reservation.address,
        options,
        next_server: reservation.next_server,
        boot_file: &reservation.boot_file,
        name: reservation.name.as_bytes(),
    }
}

/// Everything that [`ServerConfig`] borrows.
#[derive(Clone, Debug)]
pub(crate) struct Rendered {
    offer_hold_secs: u32,
    quarantine_secs: u32,
    promise_slack_secs: u32,
    /// In the order of [`core_config::SubnetIndex`].
    subnets: Vec<RenderedSubnet>,
}

impl Rendered {
    /// Joins the configuration with the interfaces.
    pub(crate) fn new(config: &Config, interfaces: &Interfaces) -> Self {
        let mut subnets = Vec::new();
        for (index, subnet) in config.subnets.iter().enumerate() {
            let shared = |other: &Subnet| {
                other == subnet
                    || (subnet.shared_network.is_some()
                        && other.shared_network == subnet.shared_network)
            };
            let first = config.subnets.iter().position(shared).unwrap_or(index);
            let shared_network = u16::try_from(first).expect("the checks allow 65,535 subnets");
            let segment = config.subnets.iter().filter(|other| shared(other));
            let (place, server_id) = place(subnet, segment, interfaces);
            let with_options =
                |reservation: &Reservation| (reservation.clone(), rendered(&reservation.options));
            let excluded = excluded(subnet, server_id, interfaces);
            for pool in &subnet.pools {
                subnets.push(RenderedSubnet {
                    net: subnet.net,
                    place: place.clone(),
                    shared_network,
                    server_id,
                    options: rendered(&pool.terms.options),
                    reservations: pool.reservations.iter().map(with_options).collect(),
                    pool: pool.clone(),
                    excluded: excluded.clone(),
                });
            }
        }
        Self {
            offer_hold_secs: config.offer_hold_secs,
            quarantine_secs: config.quarantine_secs,
            promise_slack_secs: config.promise_slack_secs,
            subnets,
        }
    }

    /// The subnets in the order of [`core_config::SubnetIndex`]; a subnet whose pools have different terms stands here once for each of them.
    pub(crate) fn subnets(&self) -> &[RenderedSubnet] {
        &self.subnets
    }

    /// Lends the server its configuration.
    pub(crate) fn with<R>(
        &self,
        installation: InstallationKey,
        body: impl FnOnce(&ServerConfig<'_>) -> R,
    ) -> R {
        let reservations =
            self.subnets.iter().map(RenderedSubnet::reservations).collect::<Vec<_>>();
        let pairs = self.subnets.iter().zip(&reservations);
        let subnets =
            pairs.map(|(subnet, reservations)| subnet.view(reservations)).collect::<Vec<_>>();
        let config = ServerConfig {
            subnets: &subnets,
            installation,
            offer_hold_secs: self.offer_hold_secs,
            quarantine_secs: self.quarantine_secs,
            promise_slack_secs: self.promise_slack_secs,
        };
        debug_assert_eq!(config.check(), Ok(()), "what was found good is in order");
        body(&config)
    }
}

/// The link and our address. A shared network is attached where one of its subnets is.
fn place<'c>(
    subnet: &Subnet,
    segment: impl Iterator<Item = &'c Subnet>,
    interfaces: &Interfaces,
) -> (Place, Option<Ipv4Addr>) {
    let segment = segment.collect::<Vec<_>>();
    let named = core::iter::once(subnet)
        .chain(segment.iter().copied())
        .find_map(|subnet| subnet.interface.as_ref().map(|name| (name, subnet.vlan)));
    let nets = || core::iter::once(&subnet.net).chain(segment.iter().map(|other| &other.net));
    let (interface, vlan) = match named {
        Some((name, vlan)) => match interfaces.named(name) {
            Some(interface) => (interface, vlan),
            None => return (Place::Waiting(name.clone()), subnet.server_id),
        },
        None => match nets().find_map(|net| interfaces.with_address_in(net)) {
            Some(interface) => (interface, None),
            None => return (Place::Relayed, subnet.server_id),
        },
    };
    // Natively tagged segments often have their address elsewhere: on a sub-interface, a bridge or the loopback.
    let ours = || interfaces.addresses().find(|address| subnet.net.contains(*address));
    let on_segment = || nets().find_map(|net| interface.address_in(net));
    let server_id = subnet
        .server_id
        .or_else(|| interface.address_in(&subnet.net))
        .or_else(ours)
        .or_else(on_segment);
    (Place::On(Link { interface: interface.number, vlan }), server_id)
}

/// Exclusions, routers and our own addresses, sorted and merged.
fn excluded(subnet: &Subnet, server_id: Option<Ipv4Addr>, interfaces: &Interfaces) -> Vec<Range> {
    let routers = subnet.pools.iter().flat_map(|pool| addresses_of(&pool.terms.options, ROUTERS));
    let reserved_routers =
        subnet.reservations().flat_map(|reservation| addresses_of(&reservation.options, ROUTERS));
    let singles = routers.chain(reserved_routers).chain(server_id).chain(interfaces.addresses());
    let inside = singles.filter(|address| subnet.net.contains(*address)).map(Range::single);
    merged(subnet.net, subnet.excluded.iter().copied().chain(inside).collect())
}

/// The routers' code (RFC 2132 section 3.5).
pub(crate) const ROUTERS: u8 = 3;

/// The addresses in an option that is a list of them.
pub(crate) fn addresses_of(options: &Options, code: u8) -> impl Iterator<Item = Ipv4Addr> + '_ {
    let (addresses, _) = options.get(&code).map_or(&[][..], Vec::as_slice).as_chunks::<4>();
    addresses.iter().map(|octets| Ipv4Addr::from(*octets))
}

/// Sorted, without overlaps, neighbours joined.
pub(crate) fn merged(subnet: net::Subnet, mut ranges: Vec<Range>) -> Vec<Range> {
    ranges.sort_unstable();
    let mut merged: Vec<Range> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.first().to_bits() <= last.last().to_bits().saturating_add(1) => {
                let end = last.last().max(range.last());
                *last = Range::new(&subnet, last.first(), end)
                    .expect("both ends come from ranges in this subnet, in order");
            }
            Some(_) | None => merged.push(range),
        }
    }
    merged
}

/// Code, length, value; a value above 255 octets as several options with the same code (RFC 3396 section 5).
pub(crate) fn rendered(options: &Options) -> Vec<u8> {
    let mut octets = Vec::new();
    for (code, value) in options {
        let parts: Vec<&[u8]> =
            if value.is_empty() { vec![&[]] } else { value.chunks(255).collect() };
        for part in parts {
            octets.push(*code);
            octets.push(u8::try_from(part.len()).expect("a chunk has at most 255 octets"));
            octets.extend_from_slice(part);
        }
    }
    octets
}

#[cfg(test)]
mod tests;
