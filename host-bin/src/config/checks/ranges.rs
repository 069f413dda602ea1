//! Are the ranges what their author meant? Inside their subnet, in order, apart from each other, and free of what cannot be handed out.

use core::net::Ipv4Addr;

use dhcp_core::net::{self, Range, RangeError};

use super::home_of;
use crate::config::draft::{Draft, DraftRange, DraftSubnet};
use crate::config::model::Subnet;
use crate::config::report::{Finding, Report};

/// The range, if it is one.
pub(super) fn range(
    draft: &Draft,
    subnet: &DraftSubnet,
    range: &DraftRange,
    report: &mut Report,
) -> Option<Range> {
    let net = subnet.net.value;
    match Range::new(&net, range.first.value, range.last.value) {
        Ok(range) => Some(range),
        Err(RangeError::Reversed { first, last }) => {
            let finding =
                Finding::error(format!("the range begins at {first}, above its end {last}"))
                    .at(range.first.span, "begins here")
                    .at(range.last.span, "ends here, below");
            report.add(finding.help(format!("did you mean {last} to {first}?")));
            None
        }
        // Other reasons would be outside too.
        Err(_) => {
            report.add(outside(draft, subnet, range));
            None
        }
    }
}

/// Says of each end whether it is in the subnet and where it belongs, and what was probably meant.
fn outside(draft: &Draft, subnet: &DraftSubnet, range: &DraftRange) -> Finding {
    let net = subnet.net.value;
    let (first, last) = (range.first.value, range.last.value);
    let message = match (net.contains(first), net.contains(last)) {
        (true, _) => format!("the range {first} to {last} ends outside its subnet {net}"),
        (false, true) => format!("the range {first} to {last} begins outside its subnet {net}"),
        (false, false) => format!("the range {first} to {last} lies outside its subnet {net}"),
    };
    let mut finding = Finding::error(message);
    let mut ends = vec![range.first];
    // A single address is one place in the file, not two.
    if range.last.span != range.first.span {
        ends.push(range.last);
    }
    ends.sort_by_key(|end| net.contains(end.value));
    for end in ends {
        let address = end.value;
        let label = match home_of(draft, address) {
            Some(home) if home == net => format!("{address} is in {net}"),
            Some(home) => format!("{address} is not in {net}: it belongs to {home}"),
            None => format!("{address} is not in {net}"),
        };
        finding = finding.at(end.span, label);
    }
    finding = finding.at(subnet.net.span, format!("the subnet is {net}"));
    let (first_meant, last_meant) = (moved(net, first), moved(net, last));
    if first_meant > last_meant {
        return finding;
    }
    finding.help(match (net.contains(first), net.contains(last)) {
        (true, _) => {
            format!("did you mean {last_meant}? The range would be {first} to {last_meant}")
        }
        (false, true) => {
            format!("did you mean {first_meant}? The range would be {first_meant} to {last}")
        }
        (false, false) if first == last => format!("did you mean {first_meant}?"),
        (false, false) => format!("did you mean {first_meant} to {last_meant}?"),
    })
}

/// The address with the same host number in this subnet.
pub(super) fn moved(net: net::Subnet, address: Ipv4Addr) -> Ipv4Addr {
    let host = address.to_bits() & !net.netmask().to_bits();
    Ipv4Addr::from_bits(net.network().to_bits() | host)
}

/// No address stands in two ranges.
pub(super) fn apart(subnet: &DraftSubnet, report: &mut Report) {
    let mut ranges = subnet.pools.iter().flat_map(|pool| &pool.ranges).collect::<Vec<_>>();
    ranges.retain(|range| range.first.value <= range.last.value);
    ranges.sort_by_key(|range| (range.first.value, range.last.value));
    let mut highest: Option<&DraftRange> = None;
    for range in ranges {
        if let Some(before) = highest.filter(|before| range.first.value <= before.last.value) {
            let end = before.last.value.min(range.last.value);
            let both = (range.first.value, end);
            let message = match both {
                (first, last) if first == last => format!("two ranges contain {first}"),
                (first, last) => format!("two ranges contain {first} to {last}"),
            };
            report.add(
                Finding::error(message)
                    .at(range.span(), "this one")
                    .at(before.span(), "and this one"),
            );
        }
        if highest.is_none_or(|before| range.last.value > before.last.value) {
            highest = Some(range);
        }
    }
}

/// What is in the ranges and never handed out; and whether anybody is served at all.
pub(super) fn check(draft: &DraftSubnet, built: &Subnet, report: &mut Report) {
    let net = draft.net.value;
    let ranges = draft.pools.iter().flat_map(|pool| &pool.ranges).collect::<Vec<_>>();
    let within = |address: Ipv4Addr| {
        ranges.iter().find(|range| (range.first.value..=range.last.value).contains(&address))
    };
    let mut routers = Vec::new();
    let scopes =
        core::iter::once(&draft.parameters).chain(draft.pools.iter().map(|pool| &pool.parameters));
    for option in
        scopes.filter_map(|parameters| parameters.options.get(&crate::config::render::ROUTERS))
    {
        let (addresses, _) = option.value.as_chunks::<4>();
        routers.extend(addresses.iter().map(|octets| (Ipv4Addr::from(*octets), option.span)));
    }
    routers.sort_unstable_by_key(|(address, span)| (*address, span.start));
    routers.dedup_by_key(|(address, _)| *address);
    let server = draft.parameters.server_id.map(|server| (server.value, server.span));
    let named = routers.iter().map(|router| ("router", *router));
    for (role, (address, span)) in
        named.chain(server.map(|server| ("server's own address", server)))
    {
        if let Some(range) = within(address) {
            report.add(
                Finding::note(format!(
                    "the range contains the {role} {address}, which is never handed out"
                ))
                .at(range.span(), "the range")
                .at(span, format!("the {role}")),
            );
        } else if !net.is_host(address) {
            report.add(
                Finding::warning(format!(
                    "the {role} {address} cannot be a host in the subnet {net}"
                ))
                .at(span, format!("not a host in {net}"))
                .help(format!("did you mean {}?", moved(net, address))),
            );
        }
    }
    let reservations = built.reservations().count();
    let handed_out = built.pools.iter().any(|pool| !pool.ranges.is_empty());
    let unknown =
        built.pools.iter().any(|pool| !pool.ranges.is_empty() && pool.terms.serve_unknown);
    if reservations == 0 && !handed_out && ranges.is_empty() {
        report.add(
            Finding::warning(format!("the subnet {net} has neither a range nor a reservation: nobody gets an address in it"))
                .at(draft.net.span, "nothing to hand out"),
        );
    } else if reservations == 0 && handed_out && !unknown {
        report.add(
            Finding::warning(format!(
                "the subnet {net} serves known clients only, and none is known"
            ))
            .at(draft.net.span, "nobody gets an address here"),
        );
    }
}
