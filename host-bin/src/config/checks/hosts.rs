//! Whom is an address kept for? Each host finds its subnet; nothing is reserved twice.

use core::net::Ipv4Addr;
use std::collections::BTreeMap;

use super::home_of;
use super::ranges::moved;
use crate::config::draft::{Draft, DraftHost, DraftSubnet};
use crate::config::model::{Pool, Reservation, Terms, Who};
use crate::config::render::{ROUTERS, addresses_of};
use crate::config::report::{Finding, Report};
use crate::config::source::{Span, Spanned};

/// One reservation in one subnet.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) address: Option<Ipv4Addr>,
    reservation: Reservation,
}

/// Option 12, the client's name.
const HOST_NAME: u8 = 12;

/// The reservations of each subnet, in the order of the subnets.
pub(super) fn place(draft: &Draft, report: &mut Report) -> Vec<Vec<Placed>> {
    let mut places = draft.subnets.iter().map(Place::new).collect::<Vec<_>>();
    let local = draft
        .subnets
        .iter()
        .flat_map(|subnet| subnet.hosts.iter().map(move |host| (host, Some(subnet))));
    let hosts = local.chain(draft.hosts.iter().map(|host| (host, None))).collect::<Vec<_>>();
    for (host, at) in &hosts {
        check_host(host, report);
        for address in &host.addresses {
            let home =
                places.iter_mut().find(|place| place.subnet.net.value.contains(address.value));
            match (home, at) {
                (None, _) => report.add(outside(host, address, *at, None)),
                (Some(home), Some(at)) if home.subnet.net.value != at.net.value => {
                    report.add(outside(host, address, Some(at), home_of(draft, address.value)));
                    home.add(host, Some(*address), report);
                }
                (Some(home), _) => home.add(host, Some(*address), report),
            }
        }
    }
    // A host without an address is known everywhere; where it also has one, that counts.
    for (host, at) in hosts.iter().filter(|(host, _)| host.addresses.is_empty()) {
        let own =
            |place: &&mut Place<'_>| at.is_none_or(|at| at.net.value == place.subnet.net.value);
        for place in places.iter_mut().filter(own) {
            place.add(host, None, report);
        }
    }
    places.into_iter().map(|place| place.reservations).collect()
}

/// Joins reservations with the pools they belong to, sorted as the core wants them.
pub(super) fn join(pools: &mut [Pool], own: &Terms, hosts: &[Placed]) {
    let has = |pool: &Pool, address| pool.ranges.iter().any(|range| range.contains(address));
    for host in hosts {
        let home = host.address.map(|address| {
            let inside = pools.iter().position(|pool| has(pool, address));
            inside.or_else(|| pools.iter().position(|pool| pool.terms == *own))
        });
        for (place, pool) in pools.iter_mut().enumerate() {
            if home.is_none_or(|home| home == Some(place)) {
                pool.reservations.push(host.reservation.clone());
            }
        }
    }
    for pool in pools {
        pool.reservations.sort_by(|one, other| one.who.cmp(&other.who));
    }
}

/// What was reserved in one subnet so far.
struct Place<'d> {
    subnet: &'d DraftSubnet,
    reservations: Vec<Placed>,
    /// Which host has an address, and where that is said.
    addresses: BTreeMap<Ipv4Addr, Span>,
    /// Which host a client is, where that is said, and whether it has an address.
    clients: BTreeMap<Who, (Span, Option<Spanned<Ipv4Addr>>)>,
}

impl<'d> Place<'d> {
    const fn new(subnet: &'d DraftSubnet) -> Self {
        Self {
            subnet,
            reservations: Vec::new(),
            addresses: BTreeMap::new(),
            clients: BTreeMap::new(),
        }
    }

    fn add(&mut self, host: &DraftHost, address: Option<Spanned<Ipv4Addr>>, report: &mut Report) {
        if let Some(address) = address {
            self.check_address(address, report);
        }
        for who in &host.who {
            match self.clients.get(&who.value) {
                Some((_, Some(_))) if address.is_none() => continue,
                Some((before, known)) if *before == who.span => {
                    // The same host with two addresses in one subnet.
                    let (Some(known), Some(address)) = (known, address) else { continue };
                    let message = format!(
                        "{} has two addresses in the subnet {}",
                        host.name.value, self.subnet.net.value
                    );
                    report.add(
                        Finding::error(message)
                            .at(address.span, "one too many")
                            .at(known.span, "the first"),
                    );
                    continue;
                }
                Some((before, _)) => {
                    report.add(
                        Finding::error(format!(
                            "{} is declared twice in the subnet {}",
                            told(&who.value),
                            self.subnet.net.value
                        ))
                        .at(who.span, "here")
                        .at(*before, "and here"),
                    );
                    continue;
                }
                None => {}
            }
            self.clients.insert(who.value.clone(), (who.span, address));
            self.reservations.push(Placed {
                address: address.map(|address| address.value),
                reservation: reservation(host, who.value.clone(), address, self.subnet),
            });
        }
    }

    fn check_address(&mut self, address: Spanned<Ipv4Addr>, report: &mut Report) {
        let Spanned { value, span } = address;
        let net = self.subnet.net.value;
        let parameters = &self.subnet.parameters;
        if let Some(before) = self.addresses.insert(value, span)
            && before != span
        {
            report.add(
                Finding::error(format!("{value} is reserved twice"))
                    .at(span, "here")
                    .at(before, "and here"),
            );
        }
        if !net.is_host(value) {
            let role = if value == net.network() { "number" } else { "broadcast address" };
            report.add(
                Finding::error(format!("{value} is the {role} of {net}: no client can have it"))
                    .at(span, "not a host"),
            );
        }
        if let Some(server) = parameters.server_id.filter(|server| server.value == value) {
            report.add(
                Finding::error(format!("{value} is the server's own address"))
                    .at(span, "reserved here")
                    .at(server.span, "ours"),
            );
        }
        let options =
            parameters.options.get(&ROUTERS).map(|option| [(ROUTERS, option.value.clone())].into());
        if options
            .is_some_and(|options| addresses_of(&options, ROUTERS).any(|router| router == value))
        {
            report.add(
                Finding::note(format!(
                    "{value} is the subnet's router, and reserved: only this client gets it"
                ))
                .at(span, "reserved here"),
            );
        }
    }
}

fn reservation(
    host: &DraftHost,
    who: Who,
    address: Option<Spanned<Ipv4Addr>>,
    subnet: &DraftSubnet,
) -> Reservation {
    let parameters = &host.parameters;
    let told = parameters.options.iter().map(|(code, value)| (*code, value.value.clone()));
    let mut options = told.collect::<BTreeMap<_, _>>();
    let tell = parameters.tell_names.or(subnet.parameters.tell_names).is_some_and(|yes| yes.value);
    if tell {
        options.entry(HOST_NAME).or_insert_with(|| host.name.value.clone().into_bytes());
    }
    Reservation {
        who,
        address: address.map(|address| address.value),
        options,
        next_server: parameters.next_server.map(|address| address.value),
        boot_file: parameters.boot_file.as_ref().map_or_else(Vec::new, |file| file.value.clone()),
        name: host.name.value.clone(),
    }
}

/// What the core has no place for in a reservation.
fn check_host(host: &DraftHost, report: &mut Report) {
    let parameters = &host.parameters;
    let times = [
        parameters.lease_default,
        parameters.lease_min,
        parameters.lease_max,
        parameters.lease_option,
    ];
    let times = times.into_iter().flatten().map(|time| (time.span, "a lease time"));
    let spans = [
        parameters.server_name.as_ref().map(|name| (name.span, "a server name")),
        parameters.authoritative.map(|yes| (yes.span, "`authoritative`")),
        parameters.identity.map(|identity| (identity.span, "a kind of identity")),
        parameters.serve_unknown.map(|yes| (yes.span, "a rule for unknown clients")),
        parameters.trust_host_name.map(|yes| (yes.span, "trust in the names that clients send")),
        parameters.server_id.map(|address| (address.span, "a server identifier")),
        parameters.ping_check.map(|yes| (yes.span, "a ping check")),
        parameters.ping_timeout_millis.map(|time| (time.span, "a ping timeout")),
    ];
    for (span, what) in times.chain(spans.into_iter().flatten()) {
        report.add(
            Finding::error(format!("{what} cannot be set for a single client"))
                .at(span, format!("applies to {}", host.name.value))
                .help("set it for the subnet or for a pool"),
        );
    }
}

fn outside(
    host: &DraftHost,
    address: &Spanned<Ipv4Addr>,
    at: Option<&DraftSubnet>,
    home: Option<dhcp_core::net::Subnet>,
) -> Finding {
    let Spanned { value, span } = *address;
    let name = &host.name.value;
    match (at, home) {
        (Some(at), Some(home)) => {
            let message = format!(
                "{name}'s address {value} is not in the subnet {}: it belongs to {home}",
                at.net.value
            );
            Finding::error(message)
                .at(span, format!("in {home}"))
                .at(at.net.span, "declared in this subnet")
                .help(format!(
                    "did you mean {}? Else declare it outside of this subnet",
                    moved(at.net.value, value)
                ))
        }
        (Some(at), None) => {
            let message =
                format!("{name}'s address {value} is outside its subnet {}", at.net.value);
            Finding::error(message)
                .at(span, "in no subnet")
                .at(at.net.span, "the subnet")
                .help(format!("did you mean {}?", moved(at.net.value, value)))
        }
        (None, _) => {
            let message = format!("{name}'s address {value} is in no subnet of this file");
            Finding::error(message).at(span, "in no subnet")
        }
    }
}

fn told(who: &Who) -> String {
    let hex = |octets: &[u8]| {
        octets.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(":")
    };
    match who {
        Who::Hardware(hardware) => format!("the hardware address {hardware}"),
        Who::ClientId(id) => format!("the client identifier {}", hex(id)),
        Who::Name(name) => format!("the host name {}", String::from_utf8_lossy(name)),
    }
}
