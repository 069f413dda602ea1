//! What do an image's octets say, and is it what a server can be given? They are read in the order in which `image/stored.rs` has them written.
//!
//! Of [postcard]'s format this knows what an image has, on one page: what serde's derive and the library come to is five times as large, in a program that
//! has to be small and reads one image (docs/adr/0035). That the library's octets are read is tested.
//!
//! [postcard]: https://postcard.jamesmunns.com/wire-format

use core::net::Ipv4Addr;

use dhcp_core::id::HardwareAddr;
use dhcp_core::net::{Range, Subnet};
use dhcp_core::server::config::{Identity, Link, Reservation, SubnetConfig, Who};
use dhcp_core::time::LeaseTime;
use dhcp_core::wire::options::RenderedOptions;

use super::stored::Head;
use super::{ImageError, Part};

/// `sname` and `file` end with a zero (RFC 2131 section 2).
const SERVER_NAME_LEN_MAX: usize = 63;
const BOOT_FILE_LEN_MAX: usize = 127;

/// A subnet that every range lies in; that a range lies in its own is checked when it has one.
pub(super) const ALL: Subnet = match Subnet::new(Ipv4Addr::UNSPECIFIED, 0) {
    Ok(all) => all,
    Err(_) => panic!("every address lies in a subnet of prefix 0"),
};

/// Stands in places that are not filled.
pub(super) const NO_RESERVATION: Reservation<'static> = Reservation {
    who: Who::Name(&[]),
    address: None,
    options: &[],
    next_server: None,
    boot_file: &[],
    name: &[],
};

/// Stands in places that are not filled.
pub(super) const NO_SUBNET: SubnetConfig<'static> = SubnetConfig::new(ALL);

/// The octets that were not read yet. What cannot be read is `None`.
#[derive(Debug)]
pub(super) struct Reader<'f> {
    pub(super) rest: &'f [u8],
}

impl<'f> Reader<'f> {
    fn take(&mut self, len: usize) -> Option<&'f [u8]> {
        self.rest.split_off(..len)
    }

    fn octet(&mut self) -> Option<u8> {
        self.rest.split_off_first().copied()
    }

    /// A number of up to 32 bits: seven of them an octet, the lowest first, and a bit that says that more follow.
    fn number(&mut self) -> Option<u32> {
        let mut number = 0;
        for shift in (0..u32::BITS).step_by(7) {
            let octet = self.octet()?;
            let bits = u32::from(octet & 0x7f);
            if bits << shift >> shift != bits {
                return None;
            }
            number |= bits << shift;
            if octet & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn short(&mut self) -> Option<u16> {
        u16::try_from(self.number()?).ok()
    }

    fn short_or_none(&mut self) -> Option<Option<u16>> {
        if self.flag()? { self.short().map(Some) } else { Some(None) }
    }

    /// How many there are, and so many octets.
    fn octets(&mut self) -> Option<&'f [u8]> {
        let len = self.number()?;
        self.take(usize::try_from(len).ok()?)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.octet()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn address(&mut self) -> Option<Ipv4Addr> {
        self.take(4)?.first_chunk().map(|octets: &[u8; 4]| Ipv4Addr::from_octets(*octets))
    }

    fn address_or_none(&mut self) -> Option<Option<Ipv4Addr>> {
        if self.flag()? { self.address().map(Some) } else { Some(None) }
    }

    fn lease_time(&mut self) -> Option<LeaseTime> {
        self.number().map(LeaseTime::from_wire)
    }

    /// [`Head`].
    pub(super) fn head(&mut self) -> Option<Head> {
        Some(Head {
            installation: *self.take(16)?.first_chunk()?,
            offer_hold_secs: self.number()?,
            quarantine_secs: self.number()?,
            promise_slack_secs: self.number()?,
            ranges: self.short()?,
            reservations: self.short()?,
            subnets: self.short()?,
        })
    }

    /// The first and the last address of a range.
    pub(super) fn range(&mut self) -> Option<Range> {
        let (first, last) = (self.address()?, self.address()?);
        Range::new(&ALL, first, last).ok()
    }

    /// `StoredReservation`.
    pub(super) fn reservation(&mut self) -> Option<Reservation<'f>> {
        let who = match self.number()? {
            0 => {
                let htype = self.octet()?;
                Who::Hardware(HardwareAddr::new(htype, self.octets()?)?)
            }
            1 => Who::ClientId(self.octets()?),
            2 => Who::Name(self.octets()?),
            _ => return None,
        };
        let reservation = Reservation {
            who,
            address: self.address_or_none()?,
            options: self.octets()?,
            next_server: self.address_or_none()?,
            boot_file: self.octets()?,
            name: self.octets()?,
        };
        let Reservation { options, boot_file, .. } = reservation;
        (is_rendered(options) && boot_file.len() <= BOOT_FILE_LEN_MAX).then_some(reservation)
    }

    /// `StoredSubnet`, without what it has its share of.
    pub(super) fn subnet(&mut self) -> Option<(SubnetConfig<'f>, Shares)> {
        let network = self.address()?;
        let config = SubnetConfig {
            subnet: Subnet::new(network, self.octet()?).ok()?,
            link: if self.flag()? {
                Some(Link { interface: self.short()?, vlan: self.short_or_none()? })
            } else {
                None
            },
            shared_network: self.short_or_none()?,
            server_id: self.address_or_none()?,
            next_server: self.address_or_none()?,
            server_name: self.octets()?,
            boot_file: self.octets()?,
            options: RenderedOptions::new(self.octets()?),
            lease_default: self.lease_time()?,
            lease_min: self.lease_time()?,
            lease_max: self.lease_time()?,
            authoritative: self.flag()?,
            identity: if self.flag()? { Identity::Hardware } else { Identity::ClientId },
            serve_unknown: self.flag()?,
            trust_host_name: self.flag()?,
            probe: self.flag()?,
            ..NO_SUBNET
        };
        let shares =
            Shares { ranges: self.short()?, excluded: self.short()?, reservations: self.short()? };
        let good = config.server_name.len() <= SERVER_NAME_LEN_MAX
            && config.boot_file.len() <= BOOT_FILE_LEN_MAX
            && is_rendered(config.options.octets());
        good.then_some((config, shares))
    }
}

/// How much of what is stored together is a subnet's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shares {
    ranges: u16,
    excluded: u16,
    reservations: u16,
}

impl Shares {
    /// Gives the subnet its share, from the front of what is left of all.
    pub(super) fn give<'f>(
        self,
        subnet: &mut SubnetConfig<'f>,
        ranges: &mut &'f [Range],
        reservations: &mut &'f [Reservation<'f>],
    ) -> Result<(), ImageError> {
        let mut runs = |len| {
            ranges.split_off(..usize::from(len)).filter(|runs| is_ascending(runs, &subnet.subnet))
        };
        let none = ImageError::Malformed(Part::Ranges);
        (subnet.ranges, subnet.excluded) =
            runs(self.ranges).zip(runs(self.excluded)).ok_or(none)?;
        let known = reservations.split_off(..usize::from(self.reservations));
        let inside =
            |known: &Reservation<'_>| known.address.is_none_or(|it| subnet.subnet.contains(it));
        let good = known.filter(|known| {
            known.is_sorted_by(|low, high| low.who < high.who) && known.iter().all(inside)
        });
        subnet.reservations = good.ok_or(ImageError::Malformed(Part::Reservations))?;
        Ok(())
    }
}

/// In the subnet, in ascending order, without overlaps.
fn is_ascending(ranges: &[Range], subnet: &Subnet) -> bool {
    ranges.is_sorted_by(|low, high| low.last() < high.first())
        && ranges
            .iter()
            .all(|range| subnet.contains(range.first()) && subnet.contains(range.last()))
}

/// Whether these are options as code, length, value, to the last octet.
fn is_rendered(options: &[u8]) -> bool {
    let mut rest = options;
    while let [_, len, values @ ..] = rest {
        let Some(next) = values.get(usize::from(*len)..) else { return false };
        rest = next;
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;
    use std::vec::Vec;

    use super::*;

    /// Octets that say often enough that more follow.
    fn octets() -> impl Strategy<Value = Vec<u8>> {
        let octet = prop_oneof![any::<u8>(), 0x80..=u8::MAX, Just(0x0f), Just(0x10)];
        prop::collection::vec(octet, 0..7)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_048))]

        #[test]
        fn a_number_is_what_the_library_reads_there(octets in octets()) {
            let mut reader = Reader { rest: &octets };
            let read = reader.number().map(|number| (number, reader.rest));
            prop_assert_eq!(read, postcard::take_from_bytes(&octets).ok());
        }

        #[test]
        fn a_number_is_read_as_the_library_writes_it(number: u32) {
            let mut room = [0; 5];
            let octets = &*postcard::to_slice(&number, &mut room).unwrap();
            let mut reader = Reader { rest: octets };
            prop_assert_eq!((reader.number(), reader.rest), (Some(number), &[][..]));
        }
    }
}
