//! What of a configuration stands in an image, in which order? The core's types as postcard writes them.
//!
//! The order of the fields is the format: it changes only together with [`VERSION`](super::VERSION), and `image/reader.rs` reads in the same order.

use core::net::Ipv4Addr;

use dhcp_core::server::config::{Identity, Link, Reservation, SubnetConfig, Who};
use serde::Serialize;

/// What holds for all subnets, and how many there are of what.
#[derive(Debug, Serialize)]
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

#[derive(Debug, Serialize)]
enum StoredWho<'f> {
    Hardware { htype: u8, octets: &'f [u8] },
    ClientId(&'f [u8]),
    Name(&'f [u8]),
}

#[derive(Debug, Serialize)]
pub(super) struct StoredReservation<'f> {
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

#[derive(Debug, Serialize)]
struct StoredLink {
    interface: u16,
    vlan: Option<u16>,
}

#[derive(Debug, Serialize)]
enum StoredIdentity {
    ClientId,
    Hardware,
}

#[derive(Debug, Serialize)]
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
    ranges: u16,
    excluded: u16,
    reservations: u16,
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
            options: subnet.options.octets(),
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
}
