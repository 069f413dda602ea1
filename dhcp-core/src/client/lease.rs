//! What did we get? The options of an ACK, kept in place, and a lease read out of them.

use core::net::Ipv4Addr;

use crate::client::state::Binding;
use crate::net::Subnet;
use crate::wire::message::Message;

/// Octets that the options of one ACK may fill, each with its code and a length of two octets.
pub const OPTIONS_LEN_MAX: usize = 1_024;

/// All options of an ACK, split parts joined, ordered by code: for callers that want more than [`Lease`] reads.
///
/// 1024 octets hold every reply that keeps to [`Config::max_message_size`](crate::client::Config::max_message_size) as it is by default.
#[derive(Clone, PartialEq, Eq)]
pub struct Options {
    /// Code, length in two octets, value; and again.
    octets: [u8; OPTIONS_LEN_MAX],
    len: u16,
    dropped: u8,
}

impl Options {
    pub(super) const fn new() -> Self {
        Self { octets: [0; OPTIONS_LEN_MAX], len: 0, dropped: 0 }
    }

    /// Keeps what the message says, but for what only carries the message: overload (52) and type (53).
    pub(super) fn read(message: &Message<'_>) -> Self {
        let mut options = Self::new();
        for code in (1..=254).filter(|code| !matches!(code, 52 | 53)) {
            if let Some(value) = message.option(code)
                && !options.push(code, value)
            {
                options.dropped = options.dropped.saturating_add(1);
            }
        }
        options
    }

    fn push(&mut self, code: u8, value: &[u8]) -> bool {
        let from = usize::from(self.len);
        let to = from + 3 + value.len();
        let (Some(room), Ok(len)) = (self.octets.get_mut(from..to), u16::try_from(to)) else {
            return false;
        };
        let Some((head, body)) = room.split_first_chunk_mut::<3>() else { return false };
        let [high, low] = u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes();
        *head = [code, high, low];
        body.copy_from_slice(value);
        self.len = len;
        true
    }

    /// Code and value of each option, ordered by code.
    pub fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let mut rest = self.octets.get(..usize::from(self.len)).unwrap_or_default();
        core::iter::from_fn(move || {
            let ([code, high, low], behind) = rest.split_first_chunk::<3>()?;
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            let (value, behind) = behind.split_at_checked(len)?;
            rest = behind;
            Some((*code, value))
        })
    }

    /// The value of an option, split parts joined.
    #[must_use]
    pub fn option(&self, code: u8) -> Option<&[u8]> {
        self.iter().find(|(found, _)| *found == code).map(|(_, value)| value)
    }

    /// Whether an interface is configured alike with both: all options but those about the lease itself (51, 54, 58, 59).
    pub(super) fn configures_as(&self, other: &Self) -> bool {
        let about_the_lease = |(code, _): &(u8, &[u8])| !matches!(code, 51 | 54 | 58 | 59);
        self.iter().filter(about_the_lease).eq(other.iter().filter(about_the_lease))
    }

    /// How many options did not fit into [`OPTIONS_LEN_MAX`] octets and are missing here.
    #[must_use]
    pub const fn dropped(&self) -> u8 {
        self.dropped
    }

    /// The mask (option 1) as its length, 0 to 32; none when it is no mask.
    #[must_use]
    pub fn prefix_len(&self) -> Option<u8> {
        let mask = first_address(self.option(1)?)?;
        Subnet::with_netmask(Ipv4Addr::UNSPECIFIED, mask).ok().map(|subnet| subnet.prefix_len())
    }

    /// The routers (option 3), the best first. None when there is an option 121, with which routers must be ignored (RFC 3442).
    pub fn routers(&self) -> impl Iterator<Item = Ipv4Addr> {
        let ignored = self.classless().is_some();
        addresses(self.option(3).filter(|_| !ignored))
    }

    /// The servers for names (option 6), the best first.
    pub fn dns(&self) -> impl Iterator<Item = Ipv4Addr> {
        addresses(self.option(6))
    }

    /// The servers for the time (option 42), the best first.
    pub fn ntp(&self) -> impl Iterator<Item = Ipv4Addr> {
        addresses(self.option(42))
    }

    /// The domain (option 15) as it was sent, without zeros at its end: it is the server's word, to be checked before it reaches a file or a terminal.
    #[must_use]
    pub fn domain_name(&self) -> Option<&[u8]> {
        text(self.option(15)?)
    }

    /// The name that the server gives us (option 12), as it was sent. As [`Options::domain_name`].
    #[must_use]
    pub fn host_name(&self) -> Option<&[u8]> {
        text(self.option(12)?)
    }

    /// The interface's MTU in octets (option 26); less than 68 is none (RFC 2132 section 5.1).
    #[must_use]
    pub fn mtu(&self) -> Option<u16> {
        let mtu = u16::from_be_bytes(self.option(26)?.try_into().ok()?);
        (mtu >= 68).then_some(mtu)
    }

    /// The broadcast address (option 28).
    #[must_use]
    pub fn broadcast(&self) -> Option<Ipv4Addr> {
        first_address(self.option(28)?)
    }

    /// The routes to be set: those of option 121 if it is there and can be read, else the default route to the first router of option 3 (RFC 3442).
    pub fn routes(&self) -> impl Iterator<Item = Route> {
        let mut rest = self.classless().unwrap_or_default();
        let classless = core::iter::from_fn(move || {
            let (route, behind) = Route::split(rest)?;
            rest = behind;
            Some(route)
        });
        let default = self.routers().next().and_then(|gateway| {
            let destination = Subnet::new(Ipv4Addr::UNSPECIFIED, 0).ok()?;
            Some(Route { destination, gateway })
        });
        classless.chain(default)
    }

    /// Option 121, when all of it can be read.
    fn classless(&self) -> Option<&[u8]> {
        let value = self.option(121).filter(|value| !value.is_empty())?;
        let mut rest = value;
        while !rest.is_empty() {
            (_, rest) = Route::split(rest)?;
        }
        Some(value)
    }
}

impl core::fmt::Debug for Options {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// A route that the server wants set (RFC 3442).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where it leads; 0.0.0.0/0 is the default route.
    pub destination: Subnet,
    /// Through whom; 0.0.0.0 means that the destination is on the link.
    pub gateway: Ipv4Addr,
}

impl Route {
    /// Prefix length, as many octets of the destination as it needs, gateway (RFC 3442). Host bits are cleared.
    fn split(octets: &[u8]) -> Option<(Self, &[u8])> {
        let (prefix_len, rest) = octets.split_first()?;
        let (significant, rest) = rest.split_at_checked(usize::from(prefix_len.div_ceil(8)))?;
        let (gateway, rest) = rest.split_first_chunk::<4>()?;
        let mut destination = [0; 4];
        destination.get_mut(..significant.len())?.copy_from_slice(significant);
        let destination = Subnet::around(Ipv4Addr::from(destination), *prefix_len).ok()?;
        Some((Self { destination, gateway: Ipv4Addr::from(*gateway) }, rest))
    }
}

/// A lease as it stands now: the address and its times, and the options that came with it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Lease<'a> {
    /// Address, server and times.
    pub binding: Binding,
    /// Everything else.
    pub options: &'a Options,
}

impl Lease<'_> {
    /// The network that the address is in, when the server sent a mask.
    #[must_use]
    pub fn subnet(&self) -> Option<Subnet> {
        Subnet::around(self.binding.address, self.options.prefix_len()?).ok()
    }
}

fn addresses(value: Option<&[u8]>) -> impl Iterator<Item = Ipv4Addr> {
    let (addresses, _torn) = value.unwrap_or_default().as_chunks::<4>();
    addresses.iter().map(|octets| Ipv4Addr::from(*octets))
}

fn first_address(value: &[u8]) -> Option<Ipv4Addr> {
    value.first_chunk::<4>().map(|octets| Ipv4Addr::from(*octets))
}

/// Some servers end a text with a zero (RFC 2132 section 2).
fn text(value: &[u8]) -> Option<&[u8]> {
    let end = value.iter().position(|octet| *octet == 0).unwrap_or(value.len());
    value.get(..end).filter(|text| !text.is_empty())
}
