//! What do an image's octets say, and is it what a server can be given? They are read in the order in which `image/stored.rs` has them written.
//!
//! Of [postcard]'s format this knows what an image has: what serde's derive and the library come to is much larger, in a program that has to be small and reads one
//! image (docs/adr/0035). That the library's octets are read is tested.
//!
//! [postcard]: https://postcard.jamesmunns.com/wire-format

use core::net::Ipv4Addr;

use dhcp_core::id::{HardwareAddr, InstallationKey};
use dhcp_core::net::{Range, Subnet};
use dhcp_core::server::config::{Identity, Link, Reservation, ServerConfig, SubnetConfig, Who};
use dhcp_core::time::LeaseTime;
use dhcp_core::wire::options::RenderedOptions;

use super::Part;
use super::stored::{flag, kind};

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

/// Four octets: a number with its lowest octet first, or an address.
type Field = [u8; 4];

/// The octets that were not read yet. From the first thing on that cannot be read, everything is empty or zero, and whoever asked for it looks at
/// [`Reader::failed`] once: to ask after each is a quarter of what this is in a microcontroller's code. For the same reason, what is read often is read in one
/// place.
#[derive(Debug)]
pub(super) struct Reader<'f> {
    rest: &'f [u8],
    /// What is being read.
    pub(super) part: Part,
    /// What could not be read.
    failed: Option<Part>,
}

impl<'f> Reader<'f> {
    pub(super) const fn new(octets: &'f [u8]) -> Self {
        Self { rest: octets, part: Part::Head, failed: None }
    }

    /// Where something could not be read, or where something follows the last part.
    pub(super) fn failed(&self) -> Option<Part> {
        self.failed.or((!self.rest.is_empty()).then_some(Part::End))
    }

    #[inline(never)]
    fn fail(&mut self) {
        self.rest = &[];
        self.failed = self.failed.or(Some(self.part));
    }

    #[inline(never)]
    fn take(&mut self, len: usize) -> &'f [u8] {
        let taken = self.rest.split_off(..len);
        taken.unwrap_or_else(|| {
            self.fail();
            &[]
        })
    }

    fn fields<const N: usize>(&mut self) -> &'f [Field; N] {
        let (fields, _) = self.take(4 * N).as_chunks();
        fields.first_chunk().unwrap_or(&[[0; 4]; N])
    }

    /// A length of at most so much, and so many octets.
    #[inline(never)]
    fn octets(&mut self, most: usize) -> &'f [u8] {
        let len = self.take(2).first_chunk().copied().unwrap_or_default();
        let len = usize::from(u16::from_le_bytes(len));
        if len > most {
            self.fail();
        }
        self.take(len)
    }

    /// `Head`: all but the subnets, and how many ranges, reservations and subnets there are.
    pub(super) fn head(&mut self) -> (ServerConfig<'f>, [u32; 3]) {
        let installation = self.take(16).first_chunk().copied().unwrap_or_default();
        let [hold, quarantine, slack, counts @ ..] = self.fields::<6>();
        let config = ServerConfig {
            subnets: &[],
            installation: InstallationKey(installation),
            offer_hold_secs: u32::from_le_bytes(*hold),
            quarantine_secs: u32::from_le_bytes(*quarantine),
            promise_slack_secs: u32::from_le_bytes(*slack),
        };
        (config, counts.map(u32::from_le_bytes))
    }

    /// The first and the last address of a range.
    pub(super) fn range(&mut self, place: &mut Range) {
        let [first, last] = self.fields().map(Ipv4Addr::from_octets);
        match Range::new(&ALL, first, last) {
            Ok(range) => *place = range,
            Err(_) => self.fail(),
        }
    }

    /// `StoredReservation`, into its place.
    pub(super) fn reservation(&mut self, place: &mut Reservation<'f>) {
        let [flags, kind, [htype, ..], address, next_server] = self.fields();
        let flags = u32::from_le_bytes(*flags);
        set_if(&mut place.address, flags & flag::ADDRESS, address);
        set_if(&mut place.next_server, flags & flag::NEXT_SERVER, next_server);
        let who = self.octets(usize::MAX);
        match u32::from_le_bytes(*kind) {
            kind::HARDWARE => match HardwareAddr::new(*htype, who) {
                Some(hardware) => place.who = Who::Hardware(hardware),
                None => self.fail(),
            },
            kind::CLIENT_ID => place.who = Who::ClientId(who),
            kind::NAME => place.who = Who::Name(who),
            _ => self.fail(),
        }
        place.options = self.octets(usize::MAX);
        place.boot_file = self.octets(BOOT_FILE_LEN_MAX);
        place.name = self.octets(usize::MAX);
    }

    /// `StoredSubnet`, into its place, with its share of the ranges and the reservations, from the front of those that are left.
    pub(super) fn subnet(
        &mut self,
        place: &mut SubnetConfig<'f>,
        all_ranges: &mut &'f [Range],
        all_reservations: &mut &'f [Reservation<'f>],
    ) {
        let [
            flags,
            network,
            [prefix_len, ..],
            [i0, i1, v0, v1],
            [s0, s1, ..],
            server_id,
            next_server,
            lease_default,
            lease_min,
            lease_max,
            ranges,
            reservations,
        ] = self.fields();
        match Subnet::new(Ipv4Addr::from_octets(*network), *prefix_len) {
            Ok(subnet) => place.subnet = subnet,
            Err(_) => self.fail(),
        }
        let flags = u32::from_le_bytes(*flags);
        let has = |flag| flags & flag != 0;
        place.link = has(flag::LINK).then(|| Link {
            interface: u16::from_le_bytes([*i0, *i1]),
            vlan: has(flag::VLAN).then_some(u16::from_le_bytes([*v0, *v1])),
        });
        place.shared_network = has(flag::SHARED).then_some(u16::from_le_bytes([*s0, *s1]));
        set_if(&mut place.server_id, flags & flag::SERVER_ID, server_id);
        set_if(&mut place.next_server, flags & flag::NEXT_SERVER, next_server);
        place.lease_default = LeaseTime::from_wire(u32::from_le_bytes(*lease_default));
        place.lease_min = LeaseTime::from_wire(u32::from_le_bytes(*lease_min));
        place.lease_max = LeaseTime::from_wire(u32::from_le_bytes(*lease_max));
        place.authoritative = has(flag::AUTHORITATIVE);
        place.identity =
            if has(flag::BY_HARDWARE) { Identity::Hardware } else { Identity::ClientId };
        place.serve_unknown = has(flag::SERVE_UNKNOWN);
        place.trust_host_name = has(flag::TRUST_HOST_NAME);
        place.probe = has(flag::PROBE);
        place.ranges = self.share(all_ranges, ranges);
        place.reservations = self.share(all_reservations, reservations);
        if !Range::ascend_within(place.ranges, &place.subnet) {
            self.fail();
        }
        place.server_name = self.octets(SERVER_NAME_LEN_MAX);
        place.boot_file = self.octets(BOOT_FILE_LEN_MAX);
        place.options = RenderedOptions::new(self.octets(usize::MAX));
    }

    fn share<T>(&mut self, all: &mut &'f [T], len: &Field) -> &'f [T] {
        let share = all.split_off(..u32::from_le_bytes(*len) as usize);
        share.unwrap_or_else(|| {
            self.fail();
            &[]
        })
    }
}

#[inline(never)]
fn set_if(place: &mut Option<Ipv4Addr>, flag: u32, address: &Field) {
    *place = if flag == 0 { None } else { Some(Ipv4Addr::from_octets(*address)) };
}
