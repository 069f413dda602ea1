//! What is the server told once, when it starts? Subnets with their pools, options rendered for the wire, reservations.
//!
//! The caller owns everything; a host builds it from a file, a microcontroller has it in flash. Checked constructors,
//! [`ServerConfig::check`] and the host's `check` keep contradictions out; the server trusts what it gets here.

mod check;

use core::net::Ipv4Addr;

pub use self::check::ConfigError;

use crate::id::{HardwareAddr, InstallationKey};
use crate::net::{Range, Subnet};
use crate::time::LeaseTime;
use crate::wire::options::RenderedOptions;

/// A subnet's place in [`ServerConfig::subnets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SubnetIndex(pub u16);

/// A segment that packets come in on: the caller's number of the interface, and the VLAN when the frame was tagged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Link {
    /// The caller's number of the interface.
    pub interface: u16,
    /// 1 to 4094, or none for untagged frames.
    pub vlan: Option<u16>,
}

/// All that the server is told.
#[derive(Clone, Copy, Debug)]
pub struct ServerConfig<'c> {
    /// At most 65,535; subnets of one shared network stand next to each other.
    pub subnets: &'c [SubnetConfig<'c>],
    /// The installation's own key.
    pub installation: InstallationKey,
    /// How long an OFFER is held when the pool has room, in seconds.
    pub offer_hold_secs: u32,
    /// How long a declined address is in quarantine, in seconds.
    pub quarantine_secs: u32,
    /// How far beyond its end a lease is promised when it is recorded, in seconds: renewals within the promise need no record. 0 records each.
    pub promise_slack_secs: u32,
}

impl<'c> ServerConfig<'c> {
    /// These subnets. OFFERs are held for 60 seconds, declined addresses are in quarantine for 600, and every renewal is recorded.
    #[must_use]
    pub const fn new(subnets: &'c [SubnetConfig<'c>], installation: InstallationKey) -> Self {
        Self {
            subnets,
            installation,
            offer_hold_secs: 60,
            quarantine_secs: 600,
            promise_slack_secs: 0,
        }
    }
}

/// Which identity a lease is kept under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Identity {
    /// The client identifier when one is sent, else the hardware address (RFC 2131 section 4.2).
    ClientId,
    /// The hardware address, whatever the client calls itself: cloned machines share client identifiers.
    Hardware,
}

/// One subnet.
#[derive(Clone, Copy, Debug)]
pub struct SubnetConfig<'c> {
    /// The network.
    pub subnet: Subnet,
    /// Where it is attached; none when it is reached through relays only.
    pub link: Option<Link>,
    /// Subnets with the same number share one segment and stand next to each other; so do pools of one network on
    /// different terms. None: this one has its segment to itself.
    ///
    /// A client has one lease on a segment. Where it has more than one address of it all the same, since two segments became one or because a move to
    /// another subnet is not recorded and a restart brought the old lease back, a DISCOVER is answered with a lease before an offer, and that before what
    /// the client had last; of two leases or offers with the one that ends last, of two that are over with the one in the first subnet (RFC 2131
    /// section 4.3.1 knows of one only). Whichever is then granted, or renewed, stays, and the others end.
    pub shared_network: Option<u16>,
    /// Our address for it: option 54, the IP source, and `siaddr` unless `next_server` is set. None: the address that the packet was sent to.
    pub server_id: Option<Ipv4Addr>,
    /// `siaddr` (RFC 2131 section 2): the next server in a boot.
    pub next_server: Option<Ipv4Addr>,
    /// `sname`, at most 63 octets.
    pub server_name: &'c [u8],
    /// `file`, at most 127 octets.
    pub boot_file: &'c [u8],
    /// What may be handed out, in ascending order, without overlaps.
    pub ranges: &'c [Range],
    /// What must not be, though a range contains it: exclusions, routers, our own addresses. In ascending order, without overlaps.
    pub excluded: &'c [Range],
    /// Options for all of its clients.
    pub options: RenderedOptions<'c>,
    /// When the client asks for none.
    pub lease_default: LeaseTime,
    /// Shorter wishes are raised to it.
    pub lease_min: LeaseTime,
    /// Longer wishes are cut to it.
    pub lease_max: LeaseTime,
    /// Whether a client with a wrong address is told so (NAK) when we know nothing of its lease.
    pub authoritative: bool,
    /// Which identity leases are kept under.
    pub identity: Identity,
    /// Whether clients without a reservation are served.
    pub serve_unknown: bool,
    /// Whether option 12 may select a reservation by name.
    pub trust_host_name: bool,
    /// Whether addresses are probed for strangers before they are offered. Where a router answers ARP for every address (proxy ARP), it must be off.
    pub probe: bool,
    /// In ascending order of `who`, without doubles.
    pub reservations: &'c [Reservation<'c>],
}

impl<'c> SubnetConfig<'c> {
    /// A network on a link, our address there, and what may be handed out; for the rest as [`SubnetConfig::new`].
    #[must_use]
    pub const fn on(link: Link, server_id: Ipv4Addr, subnet: Subnet, ranges: &'c [Range]) -> Self {
        Self { link: Some(link), server_id: Some(server_id), ranges, ..Self::new(subnet) }
    }

    /// A network on no link and without ranges, to be told the rest: `SubnetConfig { options, ..SubnetConfig::new(subnet) }`. It shares its segment
    /// with no other; leases last from 5 minutes to a day, and 12 hours for who asks for no time. Every client is served and known by its client identifier, addresses
    /// are probed before they are offered, and we are not authoritative.
    #[must_use]
    pub const fn new(subnet: Subnet) -> Self {
        Self {
            subnet,
            link: None,
            shared_network: None,
            server_id: None,
            next_server: None,
            server_name: &[],
            boot_file: &[],
            ranges: &[],
            excluded: &[],
            options: RenderedOptions::EMPTY,
            lease_default: LeaseTime::Secs(43_200),
            lease_min: LeaseTime::Secs(300),
            lease_max: LeaseTime::Secs(86_400),
            authoritative: false,
            identity: Identity::ClientId,
            serve_unknown: true,
            trust_host_name: false,
            probe: true,
            reservations: &[],
        }
    }
}

/// An address, options or both for one client.
#[derive(Clone, Copy, Debug)]
pub struct Reservation<'c> {
    /// Whom it is for.
    pub who: Who<'c>,
    /// In the subnet, within a range or not. None: the client is known, and gets an address from the ranges.
    pub address: Option<Ipv4Addr>,
    /// Options rendered as code, length, value; they hide the subnet's.
    pub options: &'c [u8],
    /// `siaddr` for this client.
    pub next_server: Option<Ipv4Addr>,
    /// `file` for this client; empty: the subnet's.
    pub boot_file: &'c [u8],
    /// A name for people; may be empty.
    pub name: &'c [u8],
}

impl<'c> Reservation<'c> {
    /// An address of its own, and nothing else that differs from others.
    #[must_use]
    pub const fn new(who: Who<'c>, address: Option<Ipv4Addr>) -> Self {
        Self { who, address, options: &[], next_server: None, boot_file: &[], name: &[] }
    }
}

/// How a reservation knows its client. The order is that of the variants, then of the octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who<'c> {
    /// By `htype` and `chaddr`, whatever client identifier is sent with it.
    Hardware(HardwareAddr),
    /// By option 61.
    ClientId(&'c [u8]),
    /// By option 12, where the subnet trusts it.
    Name(&'c [u8]),
}
