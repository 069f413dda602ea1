//! Which addresses belong together? Subnets and ranges that are valid by construction.

use core::error::Error;
use core::fmt;
use core::net::Ipv4Addr;

/// An IPv4 network: its number and its prefix length, with no host bits set.
// The mask is what every message is compared with; the prefix length is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subnet {
    network: Ipv4Addr,
    netmask: Ipv4Addr,
}

impl Subnet {
    /// The network with this number and a prefix of 0 to 32 bits.
    ///
    /// # Errors
    /// [`SubnetError::PrefixTooLong`] above 32; [`SubnetError::HostBits`] when `network` is not the network's number.
    pub const fn new(network: Ipv4Addr, prefix_len: u8) -> Result<Self, SubnetError> {
        if prefix_len > 32 {
            return Err(SubnetError::PrefixTooLong { prefix_len });
        }
        let netmask = mask(prefix_len);
        let number = network.to_bits() & netmask.to_bits();
        if number == network.to_bits() {
            Ok(Self { network, netmask })
        } else {
            Err(SubnetError::HostBits { network, number: Ipv4Addr::from_bits(number) })
        }
    }

    /// The subnet with `prefix_len` that `address` lies in.
    ///
    /// # Errors
    /// [`SubnetError::PrefixTooLong`] above 32.
    pub fn around(address: Ipv4Addr, prefix_len: u8) -> Result<Self, SubnetError> {
        if prefix_len > 32 {
            return Err(SubnetError::PrefixTooLong { prefix_len });
        }
        let netmask = mask(prefix_len);
        Ok(Self { network: Ipv4Addr::from(address.to_bits() & netmask.to_bits()), netmask })
    }

    /// From a netmask as `dhcpd.conf` writes it.
    ///
    /// # Errors
    /// [`SubnetError::MaskWithHoles`] when the mask is not ones followed by zeros; else as [`Subnet::new`].
    pub fn with_netmask(network: Ipv4Addr, netmask: Ipv4Addr) -> Result<Self, SubnetError> {
        let bits = netmask.to_bits();
        if bits.leading_ones() + bits.trailing_zeros() < 32 {
            return Err(SubnetError::MaskWithHoles { netmask });
        }
        let prefix_len = u8::try_from(bits.leading_ones()).expect("a u32 has at most 32 ones");
        Self::new(network, prefix_len)
    }

    /// The network's number.
    #[must_use]
    pub const fn network(&self) -> Ipv4Addr {
        self.network
    }

    /// 0 to 32.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "a mask has at most 32 ones")]
    pub const fn prefix_len(&self) -> u8 {
        self.netmask.to_bits().count_ones() as u8
    }

    /// The mask in option 1.
    #[must_use]
    pub const fn netmask(&self) -> Ipv4Addr {
        self.netmask
    }

    /// The directed broadcast address. In a subnet of prefix 31 or 32 there is none (RFC 3021), and this is its last address.
    #[must_use]
    pub const fn broadcast(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.network.to_bits() | !self.netmask().to_bits())
    }

    /// Whether `address` lies in the subnet, its network and broadcast addresses included.
    #[must_use]
    pub const fn contains(&self, address: Ipv4Addr) -> bool {
        address.to_bits() & self.netmask().to_bits() == self.network.to_bits()
    }

    /// The addresses that can be a host's: all but the network's number and the broadcast address. In a subnet of prefix 31 or 32 it is all of them (RFC 3021).
    #[must_use]
    pub const fn hosts(&self) -> Range {
        let margin = if !self.netmask.to_bits() > 1 { 1 } else { 0 };
        let (first, last) = (self.network.to_bits(), self.broadcast().to_bits());
        Range {
            first: Ipv4Addr::from_bits(first + margin),
            last: Ipv4Addr::from_bits(last - margin),
        }
    }

    /// Whether `address` can be a host's: see [`Subnet::hosts`].
    #[must_use]
    pub const fn is_host(&self, address: Ipv4Addr) -> bool {
        let host = address.to_bits() & !self.netmask.to_bits();
        let last = !self.netmask.to_bits();
        self.contains(address) && (last <= 1 || (host != 0 && host != last))
    }

    /// Whether the two subnets share an address.
    #[must_use]
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.contains(other.network) || other.contains(self.network)
    }
}

/// The mask of a prefix of 0 to 32 bits.
const fn mask(prefix_len: u8) -> Ipv4Addr {
    match u32::MAX.checked_shl(32 - prefix_len as u32) {
        Some(bits) => Ipv4Addr::from_bits(bits),
        None => Ipv4Addr::UNSPECIFIED,
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix_len())
    }
}

/// Why a [`Subnet`] cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubnetError {
    /// A prefix is 0 to 32 bits.
    PrefixTooLong {
        /// What was given.
        prefix_len: u8,
    },
    /// The address has bits outside the prefix.
    HostBits {
        /// What was given.
        network: Ipv4Addr,
        /// The network that it lies in.
        number: Ipv4Addr,
    },
    /// A netmask is ones followed by zeros.
    MaskWithHoles {
        /// What was given.
        netmask: Ipv4Addr,
    },
}

impl fmt::Display for SubnetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PrefixTooLong { prefix_len } => {
                write!(f, "a prefix of {prefix_len} bits is longer than 32")
            }
            Self::HostBits { network, number } => {
                write!(f, "{network} is a host's address; its network is {number}")
            }
            Self::MaskWithHoles { netmask } => {
                write!(f, "the netmask {netmask} is not ones followed by zeros")
            }
        }
    }
}

impl Error for SubnetError {}

/// A run of addresses within one subnet, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    first: Ipv4Addr,
    last: Ipv4Addr,
}

impl Range {
    /// The range `first` to `last` inside `subnet`. It may contain the network's number and its broadcast address, which
    /// are never handed out.
    ///
    /// # Errors
    /// [`RangeError::Reversed`], [`RangeError::OutsideSubnet`].
    pub const fn new(subnet: &Subnet, first: Ipv4Addr, last: Ipv4Addr) -> Result<Self, RangeError> {
        if !subnet.contains(first) {
            return Err(RangeError::OutsideSubnet { address: first });
        }
        if !subnet.contains(last) {
            return Err(RangeError::OutsideSubnet { address: last });
        }
        if first.to_bits() > last.to_bits() {
            return Err(RangeError::Reversed { first, last });
        }
        Ok(Self { first, last })
    }

    /// The range that holds `address` alone.
    #[must_use]
    pub const fn single(address: Ipv4Addr) -> Self {
        Self { first: address, last: address }
    }

    /// The lowest address.
    #[must_use]
    pub const fn first(&self) -> Ipv4Addr {
        self.first
    }

    /// The highest address.
    #[must_use]
    pub const fn last(&self) -> Ipv4Addr {
        self.last
    }

    /// How many addresses, at least 1; the range of all addresses saturates at `u32::MAX`.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a range is never empty")]
    pub const fn len(&self) -> u32 {
        (self.last.to_bits() - self.first.to_bits()).saturating_add(1)
    }

    /// Whether `address` lies in the range.
    #[must_use]
    pub const fn contains(&self, address: Ipv4Addr) -> bool {
        // As numbers: addresses are compared octet by octet.
        let (first, last) = (self.first.to_bits(), self.last.to_bits());
        // One comparison: what is below the first wraps to a large number.
        address.to_bits().wrapping_sub(first) <= last - first
    }

    /// Whether the two ranges share an address.
    #[must_use]
    pub const fn overlaps(&self, other: &Self) -> bool {
        other.first.to_bits() <= self.last.to_bits() && self.first.to_bits() <= other.last.to_bits()
    }

    /// Whether one of the ranges, which are in ascending order without overlaps, contains the address: a binary search, unless the last one tells. There is
    /// most often one range to hand out from, and what is excluded is the router's and our own addresses, below it.
    #[inline]
    pub(crate) fn any_contains(ranges: &[Self], address: Ipv4Addr) -> bool {
        let Some((last, before)) = ranges.split_last() else { return false };
        if address.to_bits() >= last.first.to_bits() {
            return address.to_bits() <= last.last.to_bits();
        }
        let place = before.partition_point(|range| range.last.to_bits() < address.to_bits());
        before.get(place).is_some_and(|range| range.contains(address))
    }

    /// Whether all of the ranges are in the subnet, in ascending order and without overlaps, as a subnet's ranges and exclusions must be.
    #[must_use]
    #[inline(never)]
    pub fn ascend_within(ranges: &[Self], subnet: &Subnet) -> bool {
        let inside = |range: &Self| subnet.contains(range.first) && subnet.contains(range.last);
        ranges.is_sorted_by(|low, high| low.last < high.first) && ranges.iter().all(inside)
    }

    /// The addresses in order, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = Ipv4Addr> + use<> {
        (self.first.to_bits()..=self.last.to_bits()).map(Ipv4Addr::from_bits)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.first, self.last)
    }
}

/// Why a [`Range`] cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RangeError {
    /// The first address is above the last.
    Reversed {
        /// The first address given.
        first: Ipv4Addr,
        /// The last address given.
        last: Ipv4Addr,
    },
    /// An end of the range is not in the subnet.
    OutsideSubnet {
        /// That end.
        address: Ipv4Addr,
    },
}

impl fmt::Display for RangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reversed { first, last } => {
                write!(f, "the range begins at {first}, above its end {last}")
            }
            Self::OutsideSubnet { address } => write!(f, "{address} is outside the subnet"),
        }
    }
}

impl Error for RangeError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: [u8; 4], prefix_len: u8) -> Subnet {
        Subnet::new(Ipv4Addr::from(text), prefix_len).unwrap()
    }

    #[test]
    fn a_subnet_has_no_host_bits() {
        let network = Ipv4Addr::new(10, 0, 1, 7);
        let number = Ipv4Addr::new(10, 0, 1, 0);
        assert_eq!(Subnet::new(network, 24), Err(SubnetError::HostBits { network, number }));
        assert_eq!(Subnet::around(network, 24).unwrap().network(), number);
        assert_eq!(Subnet::new(number, 33), Err(SubnetError::PrefixTooLong { prefix_len: 33 }));
    }

    #[test]
    fn netmasks_are_ones_then_zeros() {
        let network = Ipv4Addr::new(10, 0, 1, 0);
        let given = Subnet::with_netmask(network, Ipv4Addr::new(255, 255, 255, 0)).unwrap();
        assert_eq!(given, subnet([10, 0, 1, 0], 24));
        let netmask = Ipv4Addr::new(255, 0, 255, 0);
        assert_eq!(
            Subnet::with_netmask(network, netmask),
            Err(SubnetError::MaskWithHoles { netmask })
        );
        assert_eq!(subnet([0, 0, 0, 0], 0).netmask(), Ipv4Addr::UNSPECIFIED);
        assert!(subnet([0, 0, 0, 0], 0).contains(Ipv4Addr::BROADCAST));
    }

    #[test]
    fn network_and_broadcast_addresses_are_not_hosts() {
        let subnet = subnet([10, 0, 1, 0], 24);
        assert!(!subnet.is_host(subnet.network()) && !subnet.is_host(subnet.broadcast()));
        assert!(subnet.is_host(Ipv4Addr::new(10, 0, 1, 1)));
        let pair = Subnet::new(Ipv4Addr::new(10, 0, 1, 4), 31).unwrap();
        assert!(pair.is_host(Ipv4Addr::new(10, 0, 1, 4)), "RFC 3021");
    }

    #[test]
    fn hosts_are_from_the_first_to_the_last_address_that_can_be_one() {
        for prefix_len in 0..=32 {
            let around = Subnet::around(Ipv4Addr::new(10, 0, 1, 77), prefix_len).unwrap();
            let (first, last) = (around.hosts().first(), around.hosts().last());
            let before = Ipv4Addr::from_bits(first.to_bits().wrapping_sub(1));
            let behind = Ipv4Addr::from_bits(last.to_bits().wrapping_add(1));
            let are = [before, first, last, behind].map(|address| around.is_host(address));
            assert_eq!(are, [false, true, true, false], "/{prefix_len}");
        }
    }

    #[test]
    fn the_articles_range_is_outside_its_subnet() {
        let subnet = subnet([10, 0, 2, 0], 24);
        let (first, last) = (Ipv4Addr::new(10, 0, 2, 2), Ipv4Addr::new(10, 0, 1, 200));
        assert_eq!(
            Range::new(&subnet, first, last),
            Err(RangeError::OutsideSubnet { address: last })
        );
        let high = Ipv4Addr::new(10, 0, 2, 200);
        assert_eq!(
            Range::new(&subnet, high, first),
            Err(RangeError::Reversed { first: high, last: first })
        );
        assert_eq!(Range::new(&subnet, first, high).unwrap().len(), 199);
    }
}
