//! Does a reply say what it must, and nothing that it must not? RFC 2131 table 3, whatever it is about.

use core::net::Ipv4Addr;

use dhcp_core::wire::CLIENT_PORT;
use dhcp_core::wire::message::{Message, MessageType};
use dhcp_core::wire::options::code;

use super::{Asked, Found, Saying, Violation, datagram};

/// RFC 2131 section 4.3.1 and table 3, RFC 3046 section 2.2; what a BOOTP client gets is RFC 951's (RFC 1534 section 2).
pub(super) fn form(message: &Message<'_>, asked: &Asked) -> Result<(), Found> {
    let kind = message.message_type();
    let wrong = |what: &str| Err((Violation::IllFormed, format!("{what} in {kind:?}")));
    if message.relay_agent_info() != asked.agent_info.as_deref() {
        return wrong("option 82 is not as it was");
    }
    if message.giaddr() != asked.giaddr {
        return wrong("giaddr is not as it was");
    }
    if kind.is_none() != asked.is_bootp {
        return wrong("the reply is of the other protocol");
    }
    if asked.is_bootp {
        return Ok(());
    }
    if message.server_id().is_none() {
        return wrong("no server identifier");
    }
    if kind == Some(MessageType::Nak) || message.yiaddr().is_unspecified() {
        return Ok(());
    }
    let (lease, t1, t2) = (message.lease_secs(), message.renewal_secs(), message.rebinding_secs());
    match (lease, t1, t2) {
        (Some(lease), Some(t1), Some(t2)) if t1 < t2 && t2 < lease => Ok(()),
        _ => wrong("T1, T2 and the lease time are not in this order"),
    }
}

/// RFC 2131 section 4.3.5: the answer to an INFORM is an ACK straight to `ciaddr`, without an address and without a lease.
pub(super) fn informed(
    saying: &Saying<'_>,
    message: &Message<'_>,
    ciaddr: Ipv4Addr,
) -> Result<(), Found> {
    let [_, net, ..] = ciaddr.octets();
    let site = saying.site;
    if net != site.net {
        let line = format!("of {ciaddr} is told in 10.{}.0.0/16", site.net);
        return Err((Violation::Crossed, line));
    }
    let wrong = |what: &str| {
        Err((Violation::IllFormed, format!("{what} in the answer to an INFORM of {ciaddr}")))
    };
    if message.message_type() != Some(MessageType::Ack) {
        return wrong("no ACK");
    }
    if !message.yiaddr().is_unspecified() {
        return wrong("yiaddr");
    }
    let times = [code::LEASE_TIME, code::RENEWAL_TIME, code::REBINDING_TIME];
    if times.iter().any(|code| message.option(*code).is_some()) {
        return wrong("a time");
    }
    if message.ciaddr() != ciaddr {
        return wrong("another ciaddr");
    }
    let to = datagram(saying.frame).map(|udp| (udp.destination, udp.destination_port));
    if to != Some((ciaddr, CLIENT_PORT)) {
        return wrong("another destination");
    }
    Ok(())
}

/// Mask and router are those of the network that the address is in, and not of another one that shares its segment (RFC 2132 sections 3.3 and 3.5).
pub(super) fn told_of(
    saying: &Saying<'_>,
    message: &Message<'_>,
    asked: &Asked,
    address: Ipv4Addr,
) -> Result<(), Found> {
    let Some(network) = saying.site.network_of(address) else { return Ok(()) };
    let right =
        [(code::SUBNET_MASK, network.subnet().netmask()), (code::ROUTERS, network.router())];
    for (code, right) in right {
        let told = message.option(code);
        let is_silent = told.is_none() && !asked.wants.contains(&code);
        if !is_silent && told != Some(right.octets().as_slice()) {
            let line = format!("option {code} is {told:?} for {address}");
            return Err((Violation::IllFormed, line));
        }
    }
    Ok(())
}
