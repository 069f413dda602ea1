//! What server and journal are told in these runs: three segments, one of them with two pools on different terms, one behind a relay agent.

use core::net::Ipv4Addr;
use std::sync::OnceLock;

use arbitrary::{Result, Unstructured};
use dhcp_core::id::{HardwareAddr, InstallationKey};
use dhcp_core::net::{Range, Subnet};
use dhcp_core::server::config::{
    Identity, Link, Reservation, ServerConfig, SubnetConfig, SubnetIndex, Who,
};
use dhcp_core::time::LeaseTime;
use dhcp_core::wire::options::RenderedOptions;

pub(crate) const LINK: Link = Link { interface: 1, vlan: None };
pub(crate) const TAGGED: Link = Link { interface: 1, vlan: Some(20) };

/// Where packets come in, and our address there.
pub(crate) const LINKS: [(Link, Ipv4Addr); 2] = [(LINK, ip(1, 1)), (TAGGED, ip(2, 1))];

/// The address that is reserved for client 0, in a pool.
pub(crate) const RESERVED_INSIDE: Ipv4Addr = ip(1, 11);

/// The address that is reserved for client 1, outside of every pool.
pub(crate) const RESERVED_OUTSIDE: Ipv4Addr = ip(1, 40);

/// The address that is reserved for the name of client 2.
pub(crate) const RESERVED_BY_NAME: Ipv4Addr = ip(2, 11);

/// The name of client 2.
pub(crate) const NAME: &[u8] = b"cam2";

/// Clients with a smaller number have a reservation somewhere.
pub(crate) const RESERVED_CLIENTS: u8 = 3;

/// What packets are about: every address that may be handed out, and a few that may not.
const ADDRESSES: [Ipv4Addr; 24] = [
    ip(1, 2),
    ip(1, 10),
    ip(1, 11),
    ip(1, 12),
    ip(1, 13),
    ip(1, 20),
    ip(1, 21),
    ip(1, 40),
    ip(2, 10),
    ip(2, 11),
    ip(2, 12),
    ip(3, 10),
    ip(3, 11),
    ip(1, 1),
    ip(1, 3),
    ip(1, 0),
    ip(1, 255),
    ip(2, 1),
    ip(3, 1),
    ip(1, 50),
    ip(7, 7),
    Ipv4Addr::UNSPECIFIED,
    Ipv4Addr::BROADCAST,
    Ipv4Addr::LOCALHOST,
];

/// How many of [`ADDRESSES`] may be handed out.
const LAWFUL: usize = 13;

pub(crate) const fn ip(third: u8, fourth: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, third, fourth)
}

pub(crate) const fn mac(client: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, client]
}

/// One of the configurations.
#[derive(Clone, Copy)]
pub(crate) struct World {
    pub(crate) config: &'static ServerConfig<'static>,
}

/// How one configuration differs from another.
#[derive(Clone, Copy)]
struct Dials {
    slack: bool,
    authoritative: bool,
    probe: bool,
}

impl World {
    pub(crate) fn plain() -> Self {
        Self { config: all()[0] }
    }

    pub(crate) fn any(script: &mut Unstructured<'_>) -> Result<Self> {
        let place = usize::from(script.arbitrary::<u8>()? % 8);
        Ok(Self { config: all().get(place).copied().unwrap_or(all()[0]) })
    }

    pub(crate) fn address(&self, number: u8) -> Ipv4Addr {
        let place = usize::from(number) % ADDRESSES.len();
        ADDRESSES.get(place).copied().unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    pub(crate) fn subnets(&self) -> impl Iterator<Item = SubnetIndex> + use<> {
        (0..u16::try_from(self.config.subnets.len()).unwrap_or(0)).map(SubnetIndex)
    }

    /// Whether the client may be given the address; `named`: if it says that it has the reservation's name.
    pub(crate) fn may_have(&self, address: Ipv4Addr, hardware: &HardwareAddr, named: bool) -> bool {
        let known = ADDRESSES.iter().take(LAWFUL).any(|lawful| *lawful == address);
        let client = |number| *hardware == HardwareAddr::ethernet(mac(number));
        known
            && match address {
                RESERVED_INSIDE => client(0),
                RESERVED_OUTSIDE => client(1),
                RESERVED_BY_NAME => client(2) || named,
                _ => true,
            }
    }
}

/// Every combination of the dials.
fn all() -> &'static [&'static ServerConfig<'static>; 8] {
    static ALL: OnceLock<[&'static ServerConfig<'static>; 8]> = OnceLock::new();
    ALL.get_or_init(|| {
        core::array::from_fn(|bits| {
            config(Dials {
                slack: bits & 1 != 0,
                authoritative: bits & 2 != 0,
                probe: bits & 4 != 0,
            })
        })
    })
}

fn config(dials: Dials) -> &'static ServerConfig<'static> {
    let none = |who, address| Reservation::new(who, Some(address));
    let client = |number| Who::Hardware(HardwareAddr::ethernet(mac(number)));
    let first = subnet(1, dials);
    let subnets = vec![
        SubnetConfig {
            ranges: leak(vec![range(1, 0, 3), range(1, 10, 13)]),
            excluded: leak(vec![range(1, 3, 3)]),
            reservations: leak(vec![
                none(client(0), RESERVED_INSIDE),
                none(client(1), RESERVED_OUTSIDE),
            ]),
            ..first
        },
        SubnetConfig {
            ranges: leak(vec![range(1, 20, 21)]),
            lease_default: LeaseTime::Secs(120),
            lease_max: LeaseTime::Infinite,
            options: RenderedOptions::new(leak(vec![15, 3, b'l', b'a', b'b', 108, 4, 0, 0, 7, 8])),
            ..first
        },
        SubnetConfig {
            link: Some(TAGGED),
            shared_network: Some(2),
            ranges: leak(vec![range(2, 10, 12)]),
            trust_host_name: true,
            reservations: leak(vec![none(Who::Name(NAME), RESERVED_BY_NAME)]),
            ..subnet(2, dials)
        },
        SubnetConfig {
            link: None,
            shared_network: None,
            ranges: leak(vec![range(3, 10, 11)]),
            identity: Identity::Hardware,
            ..subnet(3, dials)
        },
    ];
    Box::leak(Box::new(ServerConfig {
        promise_slack_secs: if dials.slack { 3_600 } else { 0 },
        ..ServerConfig::new(leak(subnets), InstallationKey([7; 16]))
    }))
}

fn subnet(third: u8, dials: Dials) -> SubnetConfig<'static> {
    let options = [[3, 4, 10, 0, third, 3].as_slice(), &[6, 8, 8, 8, 8, 8, 8, 8, 4, 4]].concat();
    SubnetConfig {
        link: Some(LINK),
        shared_network: Some(1),
        server_id: Some(ip(third, 1)),
        options: RenderedOptions::new(leak(options)),
        lease_default: LeaseTime::Secs(3_600),
        lease_min: LeaseTime::Secs(60),
        lease_max: LeaseTime::Secs(7_200),
        authoritative: dials.authoritative,
        probe: dials.probe,
        ..SubnetConfig::new(
            Subnet::new(ip(third, 0), 24).expect("10.0.x.0 has no host bits in a /24"),
        )
    }
}

fn range(third: u8, first: u8, last: u8) -> Range {
    let subnet = Subnet::new(ip(third, 0), 24).expect("10.0.x.0 has no host bits in a /24");
    Range::new(&subnet, ip(third, first), ip(third, last)).expect("both ends are in the subnet")
}

fn leak<T>(items: Vec<T>) -> &'static [T] {
    Vec::leak(items)
}
