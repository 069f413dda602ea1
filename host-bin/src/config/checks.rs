//! Does it make sense? From what the file says to a [`Config`] without contradictions; everything that is wrong is told, not the first only.

mod hosts;
mod ranges;
mod terms;

use std::collections::BTreeMap;

use dhcp_core::net;

use crate::config::draft::{Draft, DraftSubnet};
use crate::config::model::{Config, Pool, Subnet};
use crate::config::render::merged;
use crate::config::report::{Finding, Report};

/// What the core can count ([`dhcp_core::server::config::SubnetIndex`]).
const SUBNETS_MAX: usize = 65_535;

/// The configuration; `None` when the report has errors.
pub(crate) fn check(draft: &Draft, report: &mut Report) -> Option<Config> {
    if draft.subnets.is_empty() {
        report.add(Finding::error("no subnet is declared: there is nothing to serve"));
    }
    subnets_apart(&draft.subnets, report);
    links_apart(&draft.subnets, report);
    let placed = hosts::place(draft, report);
    let mut subnets = Vec::new();
    for (subnet, hosts) in draft.subnets.iter().zip(&placed) {
        subnets.push(self::subnet(draft, subnet, hosts, report));
    }
    if subnets.iter().map(|subnet| subnet.pools.len()).sum::<usize>() > SUBNETS_MAX {
        report.add(Finding::error("more than 65,535 subnets and pools are declared"));
    }
    if report.has_errors() {
        return None;
    }
    Some(Config {
        offer_hold_secs: draft.offer_hold_secs.unwrap_or(Config::OFFER_HOLD_SECS),
        quarantine_secs: draft.quarantine_secs.unwrap_or(Config::QUARANTINE_SECS),
        promise_slack_secs: draft.promise_slack_secs.unwrap_or(Config::PROMISE_SLACK_SECS),
        subnets: neighbours(subnets),
    })
}

fn subnet(
    draft: &Draft,
    subnet: &DraftSubnet,
    hosts: &[hosts::Placed],
    report: &mut Report,
) -> Subnet {
    let own = terms::terms(subnet, &subnet.parameters, report);
    let net = subnet.net.value;
    let mut pools: Vec<Pool> = Vec::new();
    ranges::apart(subnet, report);
    for pool in &subnet.pools {
        let ranges = pool.ranges.iter();
        let ranges = ranges
            .filter_map(|range| ranges::range(draft, subnet, range, report))
            .collect::<Vec<_>>();
        let terms = terms::terms(subnet, &pool.parameters, report);
        match pools.iter_mut().find(|known| known.terms == terms) {
            Some(known) => known.ranges.extend(ranges),
            None => pools.push(Pool { ranges, terms, reservations: Vec::new() }),
        }
    }
    pools.retain(|pool| !pool.ranges.is_empty());
    pools.sort_by_key(|pool| pool.terms.serve_unknown);
    let in_range =
        |address| pools.iter().any(|pool| pool.ranges.iter().any(|range| range.contains(address)));
    let outside = hosts.iter().any(|host| host.address.is_some_and(|address| !in_range(address)));
    if pools.is_empty() || (outside && !pools.iter().any(|pool| pool.terms == own)) {
        pools.push(Pool { ranges: Vec::new(), terms: own.clone(), reservations: Vec::new() });
    }
    hosts::join(&mut pools, &own, hosts);
    for pool in &mut pools {
        pool.ranges = merged(net, core::mem::take(&mut pool.ranges));
    }
    let excluded = subnet.excluded.iter();
    let excluded =
        excluded.filter_map(|range| ranges::range(draft, subnet, range, report)).collect();
    let built = Subnet {
        net,
        interface: subnet.interface.as_ref().map(|name| name.value.clone()),
        vlan: subnet.vlan.map(|vlan| vlan.value),
        shared_network: subnet.shared_network.as_ref().map(|name| name.value.clone()),
        server_id: subnet.parameters.server_id.map(|address| address.value),
        pools,
        excluded: merged(net, excluded),
    };
    terms::check(subnet, report);
    ranges::check(subnet, &built, report);
    built
}

/// Two subnets that share an address cannot be told apart.
fn subnets_apart(subnets: &[DraftSubnet], report: &mut Report) {
    // Sorted by their first address, a subnet that overlaps one before it overlaps the widest of those.
    let mut sorted = subnets.iter().collect::<Vec<_>>();
    sorted.sort_by_key(|subnet| (subnet.net.value, subnet.net.span.file, subnet.net.span.start));
    let mut widest: Option<&DraftSubnet> = None;
    for subnet in sorted {
        let Some(before) = widest.filter(|before| before.net.value.overlaps(&subnet.net.value))
        else {
            widest = Some(subnet);
            continue;
        };
        let (one, other) = (before.net, subnet.net);
        let message = if one.value == other.value {
            format!("the subnet {} is declared twice", one.value)
        } else {
            format!("the subnets {} and {} overlap", one.value, other.value)
        };
        report.add(
            Finding::error(message)
                .at(other.span, format!("{} ends at {}", other.value, other.value.broadcast()))
                .at(one.span, format!("{} ends at {}", one.value, one.value.broadcast())),
        );
    }
}

/// Two subnets on one segment are one shared network, and must say so.
fn links_apart(subnets: &[DraftSubnet], report: &mut Report) {
    let mut known: BTreeMap<(&str, Option<u16>), &DraftSubnet> = BTreeMap::new();
    for subnet in subnets {
        let Some(interface) = &subnet.interface else { continue };
        let link = (interface.value.as_str(), subnet.vlan.map(|vlan| vlan.value));
        let Some(before) = known.insert(link, subnet) else { continue };
        let shared =
            |subnet: &DraftSubnet| subnet.shared_network.as_ref().map(|name| name.value.clone());
        if shared(subnet).is_some() && shared(subnet) == shared(before) {
            continue;
        }
        let place = |subnet: &DraftSubnet| subnet.vlan.map_or(interface.span, |vlan| vlan.span);
        let before_at =
            before.vlan.map(|vlan| vlan.span).or(before.interface.as_ref().map(|name| name.span));
        let vlan = link.1.map_or_else(String::new, |vlan| format!(", VLAN {vlan}"));
        report.add(
            Finding::error(format!("two subnets are on the same segment: {}{vlan}", link.0))
                .at(place(subnet), format!("{} is here", subnet.net.value))
                .at(before_at.unwrap_or(before.net.span), format!("and {} too", before.net.value))
                .help("give them different VLANs, or the same `shared-network` if both are meant to be on one segment"),
        );
    }
}

/// The subnets of one shared network next to each other, at the place of the first.
fn neighbours(subnets: Vec<Subnet>) -> Vec<Subnet> {
    let mut groups: Vec<Vec<Subnet>> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for subnet in subnets {
        let place = match &subnet.shared_network {
            Some(name) => *places.entry(name.clone()).or_insert(groups.len()),
            None => groups.len(),
        };
        match groups.get_mut(place) {
            Some(group) => group.push(subnet),
            None => groups.push(vec![subnet]),
        }
    }
    groups.into_iter().flatten().collect()
}

/// The subnet of the file that an address lies in.
fn home_of(draft: &Draft, address: core::net::Ipv4Addr) -> Option<net::Subnet> {
    draft.subnets.iter().map(|subnet| subnet.net.value).find(|net| net.contains(address))
}
