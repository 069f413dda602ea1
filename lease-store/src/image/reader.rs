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
pub(super) const NO_RANGE: Range = Range::single(Ipv4Addr::UNSPECIFIED);

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

/// The octets that were not read yet. From the first thing on that cannot be read, everything is empty or zero, and whoever asked for it looks at
/// [`Reader::failed`] once: to ask after each number is a quarter of what this is in a microcontroller's code. For the same reason, what is read often is read in one
/// place.
#[derive(Debug)]
pub(super) struct Reader<'f> {
    pub(super) rest: &'f [u8],
    failed: bool,
}

impl<'f> Reader<'f> {
    pub(super) const fn new(octets: &'f [u8]) -> Self {
        Self { rest: octets, failed: false }
    }

    /// Whether something could not be read.
    pub(super) const fn failed(&self) -> bool {
        self.failed
    }

    fn fail(&mut self) {
        (self.rest, self.failed) = (&[], true);
    }

    /// The value, or nothing any more.
    fn some_or<T>(&mut self, value: Option<T>, otherwise: T) -> T {
        value.unwrap_or_else(|| {
            self.fail();
            otherwise
        })
    }

    #[inline(never)]
    fn take(&mut self, len: usize) -> &'f [u8] {
        let taken = self.rest.split_off(..len);
        self.some_or(taken, &[])
    }

    fn octet(&mut self) -> u8 {
        self.octet_up_to(u8::MAX)
    }

    #[inline(never)]
    fn octet_up_to(&mut self, most: u8) -> u8 {
        let octet = self.rest.split_off_first().copied();
        self.some_or(octet.filter(|octet| *octet <= most), 0)
    }

    /// A number of up to 32 bits: seven of them an octet, the lowest first, and a bit that says that more follow.
    #[inline(never)]
    fn number(&mut self) -> u32 {
        let mut number = 0;
        for shift in (0..u32::BITS).step_by(7) {
            let octet = self.octet();
            let bits = u32::from(octet & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            number |= bits << shift;
            if octet & 0x80 == 0 {
                return number;
            }
        }
        self.fail();
        0
    }

    #[inline(never)]
    fn short(&mut self) -> u16 {
        let short = u16::try_from(self.number()).ok();
        self.some_or(short, 0)
    }

    fn short_or_none(&mut self) -> Option<u16> {
        self.flag().then(|| self.short())
    }

    /// How many there are, and so many octets.
    #[inline(never)]
    fn octets(&mut self) -> &'f [u8] {
        let len = usize::try_from(self.number()).ok();
        let len = self.some_or(len, 0);
        self.take(len)
    }

    #[inline(never)]
    fn flag(&mut self) -> bool {
        self.octet_up_to(1) == 1
    }

    #[inline(never)]
    fn address(&mut self) -> Ipv4Addr {
        Ipv4Addr::from_octets(self.take(4).first_chunk().copied().unwrap_or_default())
    }

    #[inline(never)]
    fn address_or_none(&mut self) -> Option<Ipv4Addr> {
        self.flag().then(|| self.address())
    }

    fn lease_time(&mut self) -> LeaseTime {
        LeaseTime::from_wire(self.number())
    }

    /// [`Head`].
    pub(super) fn head(&mut self) -> Head {
        Head {
            installation: self.take(16).first_chunk().copied().unwrap_or_default(),
            offer_hold_secs: self.number(),
            quarantine_secs: self.number(),
            promise_slack_secs: self.number(),
            ranges: self.short(),
            reservations: self.short(),
            subnets: self.short(),
        }
    }

    /// The first and the last address of a range.
    pub(super) fn range(&mut self) -> Range {
        let (first, last) = (self.address(), self.address());
        let range = Range::new(&ALL, first, last).ok();
        self.some_or(range, NO_RANGE)
    }

    /// `StoredReservation`, into its place.
    pub(super) fn reservation(&mut self, place: &mut Reservation<'f>) {
        let kind = self.number();
        let htype = if kind == 0 { self.octet() } else { 0 };
        let octets = self.octets();
        let who = match kind {
            0 => HardwareAddr::new(htype, octets).map(Who::Hardware),
            1 => Some(Who::ClientId(octets)),
            2 => Some(Who::Name(octets)),
            _ => None,
        };
        match who {
            Some(who) => place.who = who,
            None => self.fail(),
        }
        place.address = self.address_or_none();
        place.options = self.options();
        place.next_server = self.address_or_none();
        place.boot_file = self.octets_up_to(BOOT_FILE_LEN_MAX);
        place.name = self.octets();
    }

    /// `StoredSubnet`, into its place, without what it has its share of.
    pub(super) fn subnet(&mut self, place: &mut SubnetConfig<'f>) -> Shares {
        let network = self.address();
        match Subnet::new(network, self.octet()) {
            Ok(subnet) => place.subnet = subnet,
            Err(_) => self.fail(),
        }
        place.link = if self.flag() {
            Some(Link { interface: self.short(), vlan: self.short_or_none() })
        } else {
            None
        };
        place.shared_network = self.short_or_none();
        place.server_id = self.address_or_none();
        place.next_server = self.address_or_none();
        place.server_name = self.octets_up_to(SERVER_NAME_LEN_MAX);
        place.boot_file = self.octets_up_to(BOOT_FILE_LEN_MAX);
        place.options = RenderedOptions::new(self.options());
        place.lease_default = self.lease_time();
        place.lease_min = self.lease_time();
        place.lease_max = self.lease_time();
        place.authoritative = self.flag();
        place.identity = if self.flag() { Identity::Hardware } else { Identity::ClientId };
        place.serve_unknown = self.flag();
        place.trust_host_name = self.flag();
        place.probe = self.flag();
        Shares { ranges: self.short(), excluded: self.short(), reservations: self.short() }
    }

    #[inline(never)]
    fn octets_up_to(&mut self, most: usize) -> &'f [u8] {
        let octets = self.octets();
        self.some_or(Some(octets).filter(|octets| octets.len() <= most), &[])
    }

    fn options(&mut self) -> &'f [u8] {
        let options = self.octets();
        self.some_or(Some(options).filter(|options| is_rendered(options)), &[])
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
            ranges
                .split_off(..usize::from(len))
                .filter(|runs| Range::ascend_within(runs, &subnet.subnet))
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

/// Whether these are options as code, length, value, to the last octet.
#[inline(never)]
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
            let mut reader = Reader::new(&octets);
            let number = reader.number();
            let read = (!reader.failed()).then_some((number, reader.rest));
            prop_assert_eq!(read, postcard::take_from_bytes(&octets).ok());
        }

        #[test]
        fn a_number_is_read_as_the_library_writes_it(number: u32) {
            let mut room = [0; 5];
            let octets = &*postcard::to_slice(&number, &mut room).unwrap();
            let mut reader = Reader::new(octets);
            prop_assert_eq!((reader.number(), reader.failed(), reader.rest), (number, false, &[][..]));
        }
    }
}
