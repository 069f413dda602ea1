//! Which subnets is a message about? Link selection (82.5, RFC 3527), subnet selection (118, RFC 3011), `giaddr`, else where it came in.
//!
//! Finding the subnet is one scan over the configured subnets, a comparison each: nanoseconds for the few a server has, and some
//! microseconds for thousands. It knows nothing of clients and leases.

use core::net::Ipv4Addr;

use crate::server::config::{Link, ServerConfig, SubnetConfig, SubnetIndex};
use crate::server::{Discard, Ingress};
use crate::wire::message::Message;

/// The subnets of one shared network, and the one among them that the message named.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'c> {
    subnets: &'c [SubnetConfig<'c>],
    /// The number of the first of `subnets`.
    first: u16,
    /// The named one.
    home: (SubnetIndex, &'c SubnetConfig<'c>),
}

impl<'c> Segment<'c> {
    /// Widens a subnet, which is at this place, to all that share its segment.
    fn around(config: &'c ServerConfig<'c>, place: usize, here: &'c SubnetConfig<'c>) -> Self {
        let home = (index(place), here);
        let same = |place: usize| {
            let there = config.subnets.get(place);
            there.is_some_and(|there| there.shared_network == here.shared_network)
        };
        let (mut first, mut end) = (place, place + 1);
        if here.shared_network.is_some() {
            while first.checked_sub(1).is_some_and(same) {
                first -= 1;
            }
            while same(end) {
                end += 1;
            }
        }
        let subnets = config.subnets.get(first..end).unwrap_or_default();
        Self { subnets, first: index(first).0, home }
    }

    /// All subnets in the order of the configuration.
    pub(super) fn iter(
        &self,
    ) -> impl Iterator<Item = (SubnetIndex, &'c SubnetConfig<'c>)> + use<'c> {
        let numbered = self.subnets.iter().zip(self.first..);
        numbered.map(|(subnet, number)| (SubnetIndex(number), subnet))
    }

    /// The first in the order of the configuration.
    pub(super) const fn first(&self) -> SubnetIndex {
        SubnetIndex(self.first)
    }

    /// Whether it is one subnet, as most segments are.
    pub(super) const fn is_one(&self) -> bool {
        self.subnets.len() == 1
    }

    /// All but the first.
    pub(super) fn behind_first(&self) -> impl Iterator<Item = SubnetIndex> + use<'c> {
        self.iter().skip(1).map(|(subnet, _)| subnet)
    }

    /// The subnet that the message named.
    pub(super) const fn home(&self) -> (SubnetIndex, &'c SubnetConfig<'c>) {
        self.home
    }

    /// The subnet with this number, if it is on the segment.
    pub(super) fn get(&self, subnet: SubnetIndex) -> Option<&'c SubnetConfig<'c>> {
        let (home, here) = self.home;
        if subnet == home { Some(here) } else { self.beside_home(subnet) }
    }

    #[cold]
    #[inline(never)]
    fn beside_home(&self, subnet: SubnetIndex) -> Option<&'c SubnetConfig<'c>> {
        self.subnets.get(usize::from(subnet.0.checked_sub(self.first)?))
    }

    /// The subnet on this segment that the address lies in.
    pub(super) fn containing(
        &self,
        address: Ipv4Addr,
    ) -> Option<(SubnetIndex, &'c SubnetConfig<'c>)> {
        self.iter().find(|(_, config)| config.subnet.contains(address))
    }
}

fn index(place: usize) -> SubnetIndex {
    SubnetIndex(u16::try_from(place).unwrap_or_else(|_| too_many()))
}

// Called from wherever a subnet is looked up: without arguments, that is little of a microcontroller's code.
#[cold]
#[inline(never)]
fn too_many() -> ! {
    panic!("a configuration has at most 65,535 subnets")
}

/// Whether the message can have come through the relay agent that it names, if it names one.
pub(super) fn check_relay(message: &Message<'_>) -> Result<(), Discard> {
    let giaddr = message.giaddr();
    if giaddr.is_unspecified() {
        return Ok(());
    }
    let strange = giaddr.is_broadcast() || giaddr.is_multicast() || giaddr.is_loopback();
    if strange { Err(Discard::BadRelayAddress) } else { Ok(()) }
}

/// The segment that the message is about.
///
/// A message that was sent to our own address without a relay agent comes from a client that has an address (RENEWING,
/// RELEASE, INFORM), perhaps through a router; `ciaddr` is trusted to say where it lives (RFC 2131 section 4.3.2).
///
/// A relay agent may name any subnet. A client may name one that is attached to the link that it is heard on, or to none; else it could empty the
/// pools of other segments (RFC 3011 section 6 leaves the defence to the server).
///
/// # Errors
/// [`Discard::NoSubnet`]; [`Discard::OtherSegment`] for what a client may not name.
pub(super) fn segment<'c>(
    config: &'c ServerConfig<'c>,
    ingress: &Ingress,
    message: &Message<'_>,
) -> Result<Segment<'c>, Discard> {
    let giaddr = Some(message.giaddr()).filter(|giaddr| !giaddr.is_unspecified());
    let named = message.link_selection().or_else(|| message.subnet_selection()).or(giaddr);
    let lives = routed(config, ingress, message);
    let place = match named {
        Some(address) => containing(config, address),
        None => lives.or_else(|| attached(config, ingress.link)),
    };
    let place = place.ok_or(Discard::NoSubnet)?;
    let home = config.subnets.get(place).ok_or(Discard::NoSubnet)?;
    let here = || home.link.is_none_or(|link| link == ingress.link);
    let may_name = named.is_none() || giaddr.is_some() || lives == Some(place) || here();
    if may_name { Ok(Segment::around(config, place, home)) } else { Err(Discard::OtherSegment) }
}

fn routed(config: &ServerConfig<'_>, ingress: &Ingress, message: &Message<'_>) -> Option<usize> {
    let ciaddr = message.ciaddr();
    if !ingress.unicast || ciaddr.is_unspecified() { None } else { containing(config, ciaddr) }
}

fn containing(config: &ServerConfig<'_>, address: Ipv4Addr) -> Option<usize> {
    config.subnets.iter().position(|subnet| subnet.subnet.contains(address))
}

fn attached(config: &ServerConfig<'_>, link: Link) -> Option<usize> {
    config.subnets.iter().position(|subnet| subnet.link == Some(link))
}
