//! Two subnets of a few addresses, so that pools run dry, and a second configuration that they are changed into.

use core::net::Ipv4Addr;

use dhcp_core::id::{ClientKey, HardwareAddr, InstallationKey};
use dhcp_core::net::{Range, Subnet};
use dhcp_core::server::config::{Link, Reservation, ServerConfig, SubnetConfig, SubnetIndex, Who};
use dhcp_core::time::LeaseTime;
use lease_store::lease::Slot;
use lease_store::table::{LeaseTable, Pool, Sizes, Span, Storage};

pub(crate) const CLIENTS: u8 = 8;
pub(crate) const KEY: InstallationKey = InstallationKey([7; 16]);
pub(crate) const LINK: Link = Link { interface: 1, vlan: None };

pub(crate) type Boxed<I> =
    Storage<I, Box<[Slot<I>]>, Box<[I]>, Box<[u64]>, Box<[Span<I>]>, Box<[Pool<I>]>>;
pub(crate) type Table = LeaseTable<Boxed<u16>>;

pub(crate) fn table(config: &ServerConfig<'_>) -> Table {
    LeaseTable::new(config, Boxed::collected(&Sizes::of(config))).unwrap()
}

pub(crate) const fn ip(third: u8, fourth: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, third, fourth)
}

/// Every third client has a hardware address that is not Ethernet's.
pub(crate) fn hardware(client: u8, card: u8) -> HardwareAddr {
    let octets = [2, 0, 0, 0, card, client];
    HardwareAddr::new(if client % 3 == 2 { 6 } else { 1 }, &octets).unwrap()
}

pub(crate) fn key(client: u8) -> ClientKey {
    ClientKey::from_hardware(&KEY, &hardware(client, 0))
}

fn range(third: u8, first: u8, last: u8) -> Range {
    let subnet = Subnet::new(ip(third, 0), 24).unwrap();
    Range::new(&subnet, ip(third, first), ip(third, last)).unwrap()
}

fn leak<T>(items: Vec<T>) -> &'static [T] {
    items.leak()
}

fn subnet(third: u8, ranges: Vec<Range>, reserved: &[(u8, Ipv4Addr)]) -> SubnetConfig<'static> {
    let reservation = |(client, address): &(u8, Ipv4Addr)| {
        Reservation::new(Who::Hardware(hardware(*client, 0)), Some(*address))
    };
    SubnetConfig {
        link: Some(LINK),
        shared_network: Some(1),
        server_id: Some(ip(third, 1)),
        ranges: leak(ranges),
        excluded: leak(vec![Range::single(ip(third, 1)), Range::single(ip(third, 12))]),
        lease_default: LeaseTime::Secs(600),
        lease_min: LeaseTime::Secs(60),
        lease_max: LeaseTime::Infinite,
        authoritative: true,
        probe: false,
        reservations: leak(reserved.iter().map(reservation).collect()),
        ..SubnetConfig::new(Subnet::new(ip(third, 0), 24).unwrap())
    }
}

/// Configurations that follow one another; in all of them a client's reservations are in the first subnet.
pub(crate) fn configs() -> &'static [ServerConfig<'static>] {
    let with = |subnets: Vec<SubnetConfig<'static>>| ServerConfig {
        promise_slack_secs: 300,
        ..ServerConfig::new(leak(subnets), KEY)
    };
    let outside = (1, ip(1, 40));
    leak(vec![
        with(vec![
            subnet(1, vec![range(1, 10, 15)], &[(0, ip(1, 11)), outside]),
            subnet(2, vec![range(2, 10, 11), range(2, 20, 21)], &[]),
        ]),
        // Other addresses are reserved, one within the range for a client that had it outside, and the range moves.
        with(vec![
            subnet(1, vec![range(1, 9, 14)], &[(0, ip(1, 13)), (1, ip(1, 14))]),
            subnet(2, vec![range(2, 20, 24)], &[]),
        ]),
        // Pools on other terms: two subnets of one network; an address of one is reserved in the other.
        with(vec![
            subnet(1, vec![range(1, 10, 12)], &[(0, ip(1, 14))]),
            subnet(1, vec![range(1, 13, 17)], &[]),
        ]),
    ])
}

/// What the configuration reserves for the client.
pub(crate) fn reservation(
    config: &ServerConfig<'_>,
    client: u8,
) -> Option<(SubnetIndex, Ipv4Addr)> {
    let known = (0..).zip(config.subnets).flat_map(|(subnet, config)| {
        config.reservations.iter().map(move |known| (SubnetIndex(subnet), known))
    });
    let mut own = known.filter(|(_, known)| known.who == Who::Hardware(hardware(client, 0)));
    own.find_map(|(subnet, known)| Some((subnet, known.address?)))
}
