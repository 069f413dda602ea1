//! Which segment is meant on the control socket? By the number of a VLAN or the name of an interface, one of those that the server serves.

use core::net::Ipv4Addr;

use dhcp_core::server::Ingress;
use dhcp_core::server::config::{Link, SubnetIndex};

use crate::client::place::vlan_of;
use crate::config::render::Place;
use crate::control::names::{Named, RefusedKind};
use crate::serve::answer::Answering;
use crate::serve::names::Refused;

/// A segment that the server serves, and how a message is said to come in there.
pub(super) struct Segment {
    pub(super) interface: Option<String>,
    pub(super) ingress: Ingress,
    /// For a segment without an interface at present: an address in it, as a relay agent would say.
    pub(super) giaddr: Option<Ipv4Addr>,
    /// All subnets of it, in the core's order.
    pub(super) subnets: Vec<SubnetIndex>,
}

impl Answering<'_, '_> {
    /// The segment that is meant: a configured VLAN, or the subnet on an interface that is known for that VLAN or by its name.
    pub(super) fn segment(&self, named: &Named) -> Result<Segment, Refused> {
        let is_meant = |interface: &str, tag: Option<u16>| match (named.vlan, &named.interface) {
            (Some(vlan), _) => tag.or_else(|| vlan_of(interface)) == Some(vlan),
            (None, Some(meant)) => tag.is_none() && meant == interface,
            (None, None) => false,
        };
        let mut found: Option<(Place, Segment)> = None;
        for (index, subnet) in (0..).zip(self.rendered.subnets()) {
            let (interface, link) = match &subnet.place {
                Place::On(link) => {
                    let Some(state) = self.known.state(link.interface) else { continue };
                    (state.name.clone(), Some(*link))
                }
                Place::Waiting(interface) => (interface.clone(), None),
                Place::Relayed => continue,
            };
            if !is_meant(&interface, link.and_then(|link| link.vlan)) {
                continue;
            }
            let index = SubnetIndex(index);
            match &mut found {
                Some((place, segment)) if *place == subnet.place => segment.subnets.push(index),
                Some((_, segment)) => {
                    let first = segment.interface.as_deref().unwrap_or("?");
                    return Err((
                        RefusedKind::NoSubnet,
                        format!("{} could be on {first} or on {interface}", on(named)),
                    ));
                }
                None => {
                    let link_or_none = link.unwrap_or(Link { interface: 0, vlan: None });
                    let local = subnet.server_id.unwrap_or(Ipv4Addr::UNSPECIFIED);
                    let ingress = Ingress { link: link_or_none, local, unicast: false };
                    let first_host = Ipv4Addr::from_bits(subnet.net.network().to_bits() | 1);
                    let segment = Segment {
                        interface: Some(interface),
                        ingress,
                        giaddr: link.is_none().then_some(first_host),
                        subnets: vec![index],
                    };
                    found = Some((subnet.place.clone(), segment));
                }
            }
        }
        found.map(|(_, segment)| segment).ok_or_else(|| {
            let said = format!(
                "{} is in no subnet that is configured here; those are {}",
                on(named),
                self.rendered
                    .subnets()
                    .iter()
                    .map(|subnet| subnet.net.to_string())
                    .collect::<Vec<_>>()
                    .join(", ")
            );
            (RefusedKind::NoSubnet, said)
        })
    }
}

fn on(named: &Named) -> String {
    match (named.vlan, &named.interface) {
        (Some(vlan), _) => format!("VLAN {vlan}"),
        (None, Some(interface)) => format!("`{interface}`"),
        (None, None) => "a name without VLAN and interface".to_owned(),
    }
}
