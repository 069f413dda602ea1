//! What of a configuration stands in an image, in which order? The core's types as postcard writes them, in fields of four octets each and then, for each text or list
//! of options, its length and its octets.
//!
//! The order of the fields is the format: it changes only together with [`VERSION`](super::VERSION), and `image/reader.rs` reads in the same order.

use core::net::Ipv4Addr;

use dhcp_core::id::HardwareAddr;
use dhcp_core::server::config::{Identity, Reservation, ServerConfig, SubnetConfig, Who};
use postcard::fixint;
use serde::ser::SerializeTuple as _;
use serde::{Serialize, Serializer};

/// What holds for all subnets, and how many there are of what.
#[derive(Debug, Serialize)]
pub(super) struct Head {
    installation: [u8; 16],
    #[serde(with = "fixint::le")]
    offer_hold_secs: u32,
    #[serde(with = "fixint::le")]
    quarantine_secs: u32,
    #[serde(with = "fixint::le")]
    promise_slack_secs: u32,
    #[serde(with = "fixint::le")]
    ranges: u32,
    #[serde(with = "fixint::le")]
    reservations: u32,
    #[serde(with = "fixint::le")]
    subnets: u32,
}

impl Head {
    pub(super) const fn new(
        config: &ServerConfig<'_>,
        [ranges, reservations, subnets]: [u32; 3],
    ) -> Self {
        Self {
            installation: config.installation.0,
            offer_hold_secs: config.offer_hold_secs,
            quarantine_secs: config.quarantine_secs,
            promise_slack_secs: config.promise_slack_secs,
            ranges,
            reservations,
            subnets,
        }
    }
}

/// So many octets, with their number in two octets before them.
#[derive(Debug)]
struct Octets<'f>(&'f [u8]);

impl Serialize for Octets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(octets) = *self;
        let len = u16::try_from(octets.len())
            .map_err(|_| serde::ser::Error::custom("options of more than 65,535 octets"))?;
        let mut tuple = serializer.serialize_tuple(octets.len() + 2)?;
        let len = len.to_le_bytes();
        len.iter().chain(octets).try_for_each(|octet| tuple.serialize_element(octet))?;
        tuple.end()
    }
}

/// What a bit in a record's first field says.
pub(super) mod flag {
    /// The reservation has an address.
    pub(in crate::image) const ADDRESS: u32 = 1;
    /// There is a next server.
    pub(in crate::image) const NEXT_SERVER: u32 = 1 << 1;
    /// The subnet has an address of ours.
    pub(in crate::image) const SERVER_ID: u32 = 1 << 2;
    /// The subnet is attached to an interface.
    pub(in crate::image) const LINK: u32 = 1 << 3;
    /// The interface's frames have a tag.
    pub(in crate::image) const VLAN: u32 = 1 << 4;
    /// The subnet shares its network with others.
    pub(in crate::image) const SHARED: u32 = 1 << 5;
    /// See the fields of [`SubnetConfig`](dhcp_core::server::config::SubnetConfig).
    pub(in crate::image) const AUTHORITATIVE: u32 = 1 << 6;
    pub(in crate::image) const BY_HARDWARE: u32 = 1 << 7;
    pub(in crate::image) const SERVE_UNKNOWN: u32 = 1 << 8;
    pub(in crate::image) const TRUST_HOST_NAME: u32 = 1 << 9;
    pub(in crate::image) const PROBE: u32 = 1 << 10;
}

/// The bits of what is so.
fn flags<const N: usize>(all: [(bool, u32); N]) -> u32 {
    all.into_iter().filter(|(is, _)| *is).fold(0, |flags, (_, flag)| flags | flag)
}

const fn or_zero(address: Option<Ipv4Addr>) -> Ipv4Addr {
    match address {
        Some(address) => address,
        None => Ipv4Addr::UNSPECIFIED,
    }
}

/// How a reservation knows its client.
pub(super) mod kind {
    pub(in crate::image) const HARDWARE: u32 = 0;
    pub(in crate::image) const CLIENT_ID: u32 = 1;
    pub(in crate::image) const NAME: u32 = 2;
}

#[derive(Debug, Serialize)]
pub(super) struct StoredReservation<'f> {
    #[serde(with = "fixint::le")]
    flags: u32,
    /// One of [`kind`].
    #[serde(with = "fixint::le")]
    kind: u32,
    /// Of a hardware address.
    #[serde(with = "fixint::le")]
    htype: u32,
    address: Ipv4Addr,
    next_server: Ipv4Addr,
    who: Octets<'f>,
    options: Octets<'f>,
    boot_file: Octets<'f>,
    name: Octets<'f>,
}

impl<'f> From<&'f Reservation<'f>> for StoredReservation<'f> {
    fn from(reservation: &'f Reservation<'f>) -> Self {
        let (kind, who) = match &reservation.who {
            Who::Hardware(hardware) => (kind::HARDWARE, hardware.octets()),
            Who::ClientId(id) => (kind::CLIENT_ID, *id),
            Who::Name(name) => (kind::NAME, *name),
        };
        let htype = match &reservation.who {
            Who::Hardware(hardware) => HardwareAddr::htype(hardware),
            Who::ClientId(_) | Who::Name(_) => 0,
        };
        Self {
            flags: flags([
                (reservation.address.is_some(), flag::ADDRESS),
                (reservation.next_server.is_some(), flag::NEXT_SERVER),
            ]),
            kind,
            htype: u32::from(htype),
            address: or_zero(reservation.address),
            next_server: or_zero(reservation.next_server),
            who: Octets(who),
            options: Octets(reservation.options),
            boot_file: Octets(reservation.boot_file),
            name: Octets(reservation.name),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct StoredSubnet<'f> {
    #[serde(with = "fixint::le")]
    flags: u32,
    network: Ipv4Addr,
    #[serde(with = "fixint::le")]
    prefix_len: u32,
    #[serde(with = "fixint::le")]
    interface: u16,
    #[serde(with = "fixint::le")]
    vlan: u16,
    #[serde(with = "fixint::le")]
    shared_network: u32,
    server_id: Ipv4Addr,
    next_server: Ipv4Addr,
    /// As in option 51.
    #[serde(with = "fixint::le")]
    lease_default: u32,
    #[serde(with = "fixint::le")]
    lease_min: u32,
    #[serde(with = "fixint::le")]
    lease_max: u32,
    #[serde(with = "fixint::le")]
    ranges: u32,
    #[serde(with = "fixint::le")]
    reservations: u32,
    server_name: Octets<'f>,
    boot_file: Octets<'f>,
    options: Octets<'f>,
}

impl<'f> StoredSubnet<'f> {
    pub(super) fn new(subnet: &SubnetConfig<'f>, [ranges, reservations]: [u32; 2]) -> Self {
        let (link, shared) = (subnet.link, subnet.shared_network);
        let vlan = link.and_then(|link| link.vlan);
        Self {
            flags: flags([
                (subnet.next_server.is_some(), flag::NEXT_SERVER),
                (subnet.server_id.is_some(), flag::SERVER_ID),
                (link.is_some(), flag::LINK),
                (vlan.is_some(), flag::VLAN),
                (shared.is_some(), flag::SHARED),
                (subnet.authoritative, flag::AUTHORITATIVE),
                (subnet.identity == Identity::Hardware, flag::BY_HARDWARE),
                (subnet.serve_unknown, flag::SERVE_UNKNOWN),
                (subnet.trust_host_name, flag::TRUST_HOST_NAME),
                (subnet.probe, flag::PROBE),
            ]),
            network: subnet.subnet.network(),
            prefix_len: u32::from(subnet.subnet.prefix_len()),
            interface: link.map_or(0, |link| link.interface),
            vlan: vlan.unwrap_or_default(),
            shared_network: u32::from(shared.unwrap_or_default()),
            server_id: or_zero(subnet.server_id),
            next_server: or_zero(subnet.next_server),
            lease_default: subnet.lease_default.to_wire(),
            lease_min: subnet.lease_min.to_wire(),
            lease_max: subnet.lease_max.to_wire(),
            ranges,
            reservations,
            server_name: Octets(subnet.server_name),
            boot_file: Octets(subnet.boot_file),
            options: Octets(subnet.options.octets()),
        }
    }
}
