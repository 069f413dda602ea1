//! What of a configuration stands in an image, in which order? The core's types as postcard writes them.
//!
//! The order of the fields is the format: it changes only together with [`VERSION`](super::VERSION).

use core::net::Ipv4Addr;

use dhcp_core::id::HardwareAddr;
use dhcp_core::net::{Range, Subnet};
use dhcp_core::server::config::{Identity, Link, Reservation, SubnetConfig, Who};
use dhcp_core::time::LeaseTime;
use serde::{Deserialize, Serialize};

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
pub(super) const NO_SUBNET: SubnetConfig<'static> = SubnetConfig {
    subnet: ALL,
    link: None,
    shared_network: None,
    server_id: None,
    next_server: None,
    server_name: &[],
    boot_file: &[],
    ranges: &[],
    excluded: &[],
    options: &[],
    lease_default: LeaseTime::Secs(0),
    lease_min: LeaseTime::Secs(0),
    lease_max: LeaseTime::Secs(0),
    authoritative: false,
    identity: Identity::ClientId,
    serve_unknown: false,
    trust_host_name: false,
    probe: false,
    reservations: &[],
};

/// What holds for all subnets, and how many there are of what.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) installation: [u8; 16],
    pub(super) offer_hold_secs: u32,
    pub(super) quarantine_secs: u32,
    pub(super) promise_slack_secs: u32,
    /// Ranges and exclusions.
    pub(super) ranges: u16,
    pub(super) reservations: u16,
    pub(super) subnets: u16,
}

#[derive(Debug, Serialize, Deserialize)]
enum StoredWho<'f> {
    Hardware { htype: u8, octets: &'f [u8] },
    ClientId(&'f [u8]),
    Name(&'f [u8]),
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredReservation<'f> {
    #[serde(borrow)]
    who: StoredWho<'f>,
    address: Option<Ipv4Addr>,
    options: &'f [u8],
    next_server: Option<Ipv4Addr>,
    boot_file: &'f [u8],
    name: &'f [u8],
}

impl<'f> From<&'f Reservation<'f>> for StoredReservation<'f> {
    fn from(reservation: &'f Reservation<'f>) -> Self {
        let who = match &reservation.who {
            Who::Hardware(hardware) => {
                StoredWho::Hardware { htype: hardware.htype(), octets: hardware.octets() }
            }
            Who::ClientId(id) => StoredWho::ClientId(id),
            Who::Name(name) => StoredWho::Name(name),
        };
        let Reservation { address, options, next_server, boot_file, name, .. } = *reservation;
        Self { who, address, options, next_server, boot_file, name }
    }
}

impl<'f> StoredReservation<'f> {
    pub(super) fn read(self) -> Result<Reservation<'f>, ImageError> {
        let Self { who, address, options, next_server, boot_file, name } = self;
        let who = match who {
            StoredWho::Hardware { htype, octets } => {
                HardwareAddr::new(htype, octets).map(Who::Hardware)
            }
            StoredWho::ClientId(id) => Some(Who::ClientId(id)),
            StoredWho::Name(name) => Some(Who::Name(name)),
        };
        let good = is_rendered(options) && boot_file.len() <= BOOT_FILE_LEN_MAX;
        let who = who.filter(|_| good).ok_or(ImageError::Malformed(Part::Reservations))?;
        Ok(Reservation { who, address, options, next_server, boot_file, name })
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredLink {
    interface: u16,
    vlan: Option<u16>,
}

#[derive(Debug, Serialize, Deserialize)]
enum StoredIdentity {
    ClientId,
    Hardware,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredSubnet<'f> {
    network: Ipv4Addr,
    prefix_len: u8,
    link: Option<StoredLink>,
    shared_network: Option<u16>,
    server_id: Option<Ipv4Addr>,
    next_server: Option<Ipv4Addr>,
    server_name: &'f [u8],
    boot_file: &'f [u8],
    options: &'f [u8],
    /// As in option 51.
    lease_default: u32,
    lease_min: u32,
    lease_max: u32,
    authoritative: bool,
    identity: StoredIdentity,
    serve_unknown: bool,
    trust_host_name: bool,
    probe: bool,
    pub(super) ranges: u16,
    pub(super) excluded: u16,
    pub(super) reservations: u16,
}

impl<'f> StoredSubnet<'f> {
    pub(super) const fn new(
        subnet: &SubnetConfig<'f>,
        ranges: u16,
        excluded: u16,
        reservations: u16,
    ) -> Self {
        Self {
            network: subnet.subnet.network(),
            prefix_len: subnet.subnet.prefix_len(),
            link: match subnet.link {
                Some(Link { interface, vlan }) => Some(StoredLink { interface, vlan }),
                None => None,
            },
            shared_network: subnet.shared_network,
            server_id: subnet.server_id,
            next_server: subnet.next_server,
            server_name: subnet.server_name,
            boot_file: subnet.boot_file,
            options: subnet.options,
            lease_default: subnet.lease_default.to_wire(),
            lease_min: subnet.lease_min.to_wire(),
            lease_max: subnet.lease_max.to_wire(),
            authoritative: subnet.authoritative,
            identity: match subnet.identity {
                Identity::ClientId => StoredIdentity::ClientId,
                Identity::Hardware => StoredIdentity::Hardware,
            },
            serve_unknown: subnet.serve_unknown,
            trust_host_name: subnet.trust_host_name,
            probe: subnet.probe,
            ranges,
            excluded,
            reservations,
        }
    }

    pub(super) fn read(
        self,
        ranges: &'f [Range],
        excluded: &'f [Range],
        reservations: &'f [Reservation<'f>],
    ) -> Result<SubnetConfig<'f>, ImageError> {
        let malformed = ImageError::Malformed(Part::Subnets);
        let subnet = Subnet::new(self.network, self.prefix_len).map_err(|_| malformed)?;
        let names = self.server_name.len() <= SERVER_NAME_LEN_MAX
            && self.boot_file.len() <= BOOT_FILE_LEN_MAX;
        if !names || !is_rendered(self.options) {
            return Err(malformed);
        }
        if !is_ascending(ranges, &subnet) || !is_ascending(excluded, &subnet) {
            return Err(ImageError::Malformed(Part::Ranges));
        }
        let inside = |known: &Reservation<'_>| known.address.is_none_or(|it| subnet.contains(it));
        if !reservations.is_sorted_by(|low, high| low.who < high.who)
            || !reservations.iter().all(inside)
        {
            return Err(ImageError::Malformed(Part::Reservations));
        }
        Ok(SubnetConfig {
            subnet,
            link: self.link.map(|StoredLink { interface, vlan }| Link { interface, vlan }),
            shared_network: self.shared_network,
            server_id: self.server_id,
            next_server: self.next_server,
            server_name: self.server_name,
            boot_file: self.boot_file,
            ranges,
            excluded,
            options: self.options,
            lease_default: LeaseTime::from_wire(self.lease_default),
            lease_min: LeaseTime::from_wire(self.lease_min),
            lease_max: LeaseTime::from_wire(self.lease_max),
            authoritative: self.authoritative,
            identity: match self.identity {
                StoredIdentity::ClientId => Identity::ClientId,
                StoredIdentity::Hardware => Identity::Hardware,
            },
            serve_unknown: self.serve_unknown,
            trust_host_name: self.trust_host_name,
            probe: self.probe,
            reservations,
        })
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
