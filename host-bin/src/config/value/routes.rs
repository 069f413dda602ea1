//! How is a route written? RFC 3442: the prefix length, the octets of the destination that count, the router.
//!
//! For people as `10.0.2.0/24 10.0.1.3`, with `via` between if they like; for files made for the well-known server as a list of numbers.

use core::net::Ipv4Addr;

use dhcp_core::net::Subnet;

use crate::config::source::Spanned;
use crate::config::value::{Atom, Mistake, Value, address, number};

/// The option's octets.
pub(super) fn encode(value: &Value) -> Result<Vec<u8>, Mistake> {
    let numbers =
        value.groups.iter().flatten().map(|word| number(&word.value)).collect::<Option<Vec<_>>>();
    if let Some(numbers) = numbers {
        return as_numbers(&numbers, value);
    }
    let mut octets = Vec::new();
    for group in &value.groups {
        route(group, value, &mut octets)?;
    }
    Ok(octets)
}

const FORM: &str = "a route is a destination and a router: 10.0.2.0/24 10.0.1.3";

fn route(group: &[Spanned<Atom>], value: &Value, out: &mut Vec<u8>) -> Result<(), Mistake> {
    // TOML has the whole route in one text.
    let span = group.first().map_or(value.span, |word| word.span);
    let mut parts = Vec::new();
    for word in group {
        let text = match &word.value {
            Atom::Word(text) => text.as_str(),
            Atom::Quoted(text) => core::str::from_utf8(text).unwrap_or_default(),
            Atom::Number(_) | Atom::Truth(_) | Atom::Hex(_) => "",
        };
        parts.extend(text.split_whitespace().map(|part| (part, word.span)));
    }
    parts.retain(|(part, _)| *part != "via");
    let [(destination, destination_span), (router, router_span)] = parts.as_slice() else {
        return Err(Mistake::new(span, "this is not a route").help(FORM));
    };
    let (network, prefix_len) = destination.split_once('/').unwrap_or((destination, "32"));
    let network = network.parse::<Ipv4Addr>().ok();
    let prefix_len = prefix_len.parse::<u8>().ok();
    let (Some(network), Some(prefix_len)) = (network, prefix_len) else {
        return Err(Mistake::new(
            *destination_span,
            "a destination such as 10.0.2.0/24 is expected",
        ));
    };
    let net = Subnet::new(network, prefix_len)
        .map_err(|error| Mistake::new(*destination_span, error.to_string()))?;
    let router = Spanned::new(Atom::Word((*router).to_owned()), *router_span);
    push(net, address(&router)?, out);
    Ok(())
}

fn push(net: Subnet, router: Ipv4Addr, out: &mut Vec<u8>) {
    out.push(net.prefix_len());
    out.extend(net.network().octets().iter().take(significant(net.prefix_len())));
    out.extend(router.octets());
}

/// How many octets of the destination are written.
fn significant(prefix_len: u8) -> usize {
    usize::from(prefix_len).div_ceil(8)
}

/// The octets one by one, as `array of integer 8`.
fn as_numbers(numbers: &[i128], value: &Value) -> Result<Vec<u8>, Mistake> {
    let octets =
        numbers.iter().map(|number| u8::try_from(*number).ok()).collect::<Option<Vec<_>>>();
    let octets = octets
        .ok_or_else(|| Mistake::new(value.span, "each number is an octet, 0 to 255").help(FORM))?;
    check(&octets).ok_or_else(|| {
        Mistake::new(value.span, "these numbers are not routes (RFC 3442)")
            .help("prefix length, the octets of the destination that count, four octets of the router; or in words: 10.0.2.0/24 10.0.1.3")
    })?;
    Ok(octets)
}

/// Whether octets are routes one after the other.
fn check(mut octets: &[u8]) -> Option<()> {
    while let [prefix_len, rest @ ..] = octets {
        let significant = Some(significant(*prefix_len)).filter(|_| *prefix_len <= 32)?;
        octets = rest.get(significant + 4..)?;
    }
    Some(())
}
