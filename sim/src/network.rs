//! Who is where, and what are the servers told? From a plan's shape, segments, pools and configurations.

use core::net::Ipv4Addr;

use dhcp_core::id::{HardwareAddr, InstallationKey};
use dhcp_core::net::{Range, Subnet};
use dhcp_core::server::config::{Identity, Link, Reservation, ServerConfig, SubnetConfig, Who};
use dhcp_core::time::LeaseTime;
use dhcp_core::wire::options::RenderedOptions;

use crate::defect::Defect;
use crate::node::mac;
use crate::plan::{ClientPlan, Plan, Shape};

/// The installation of all servers and containers.
pub const KEY: InstallationKey = InstallationKey(*b"a simulated site");

/// How long an address is nobody's after a DECLINE, in seconds.
pub const QUARANTINE_SECS: u32 = 120;

/// The router's MAC address on all its sides, where there is one.
pub const ROUTER_MAC: [u8; 6] = mac(0x77, 0);

/// Where clients are: a segment or a VLAN, and the networks that share it.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    /// The VLAN, where there are several.
    pub vlan: Option<u16>,
    /// 10.`net`.0.0/16 is theirs, or parts of it are.
    pub net: u8,
    /// How many networks share the segment: the whole of it, or a half, a quarter and an eighth.
    pub networks: u8,
    /// How many addresses a server has for them all.
    pub pool: u32,
    /// How many of them are in each network but the last: few, so that those are full before the last is.
    pub small: u32,
}

/// One of a site's networks.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    subnet: Subnet,
    /// How many addresses of it a server has.
    pool: u32,
}

impl Site {
    /// How many networks can share a segment at most.
    pub const NETWORKS_MAX: u8 = 3;

    /// The network with this number, from 0 on; numbers begin anew behind the last.
    #[must_use]
    pub fn network(&self, number: u16) -> Network {
        let number = number % u16::from(self.networks);
        let third = u8::try_from(256 - (256 >> number)).expect("a site has few networks");
        let parts = if self.networks == 1 { 0 } else { 1 + number };
        let prefix_len = 16 + u8::try_from(parts).expect("a site has few networks");
        let network = Ipv4Addr::new(10, self.net, third, 0);
        let subnet = Subnet::new(network, prefix_len).expect("a network's number");
        let last = u16::from(self.networks) - 1;
        let pool =
            if number < last { self.small } else { self.pool - u32::from(last) * self.small };
        Network { subnet, pool }
    }

    /// All of them.
    pub fn all_networks(&self) -> impl Iterator<Item = Network> + use<> {
        let site = *self;
        (0..self.networks).map(move |number| site.network(u16::from(number)))
    }

    /// The one that an address is in.
    #[must_use]
    pub fn network_of(&self, address: Ipv4Addr) -> Option<Network> {
        self.all_networks().find(|network| network.subnet.contains(address))
    }

    /// Whether an address is in one of them.
    #[must_use]
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        self.network_of(address).is_some()
    }

    /// The address with this number, below [`Self::pool`], in the first server's pools.
    #[must_use]
    pub fn pooled(&self, number: u32) -> Ipv4Addr {
        let last = u32::from(self.networks) - 1;
        let place = number.checked_div(self.small).map_or(last, |place| place.min(last));
        let network = self.network(u16::try_from(place).expect("a site has few networks"));
        Ipv4Addr::from_bits(network.first(0).to_bits() + number - place * self.small)
    }

    /// What is reserved for the client with this number in a plan: for the first one within the first pool, for the second outside, in the last network.
    #[must_use]
    pub fn reserved(&self, number: u16) -> Option<Ipv4Addr> {
        match number {
            0 => Some(self.network(0).ip(1, 5)),
            1 => Some(self.network(u16::from(self.networks) - 1).ip(0, 200)),
            _ => None,
        }
    }

    /// The address of the informer with this number: of the first within the pool, of the others outside.
    #[must_use]
    pub fn informer(&self, number: u16) -> Ipv4Addr {
        let network = self.network(number);
        let number = u8::try_from(number).expect("few informers");
        if number == 0 { network.ip(1, 20) } else { network.ip(0, 100 + number) }
    }

    /// Whether it can be a host's address here.
    #[must_use]
    pub fn is_host(&self, address: Ipv4Addr) -> bool {
        self.network_of(address).is_some_and(|network| network.subnet.is_host(address))
    }

    /// Whether it is a router's here.
    #[must_use]
    pub fn is_router(&self, address: Ipv4Addr) -> bool {
        self.network_of(address).is_some_and(|network| network.router() == address)
    }

    /// Whom an address is reserved for: the MAC address of the first or second client.
    #[must_use]
    pub fn reserved_for(&self, address: Ipv4Addr) -> Option<[u8; 6]> {
        let number = [0, 1].into_iter().find(|number| self.reserved(*number) == Some(address))?;
        Some(mac(0xc1, number))
    }

    /// What is reserved for the machine with this MAC address.
    #[must_use]
    pub fn reserved_of(&self, to: [u8; 6]) -> Option<Ipv4Addr> {
        let number = [0, 1].into_iter().find(|number| mac(0xc1, *number) == to)?;
        self.reserved(number)
    }

    /// Whether a server may give the address to the client of this MAC address.
    #[must_use]
    pub fn is_lawful(&self, address: Ipv4Addr, to: [u8; 6]) -> bool {
        if let Some(owner) = self.reserved_for(address) {
            return owner == to;
        }
        let Some(network) = self.network_of(address) else { return false };
        [0, 1].iter().any(|server| network.range(*server).contains(address))
            && address != network.router()
    }
}

impl Network {
    /// All of its addresses.
    #[must_use]
    pub const fn subnet(&self) -> Subnet {
        self.subnet
    }

    /// An address of it, by its third octet within the network and its fourth.
    #[must_use]
    pub fn ip(&self, third: u8, fourth: u8) -> Ipv4Addr {
        let offset = u32::from_be_bytes([0, 0, third, fourth]);
        Ipv4Addr::from_bits(self.subnet.network().to_bits() + offset)
    }

    /// The lowest address of the pool of the server with this number: the second one's are in the network's second half.
    #[must_use]
    pub fn first(&self, server: usize) -> Ipv4Addr {
        let len = self.subnet.broadcast().to_bits() - self.subnet.network().to_bits() + 1;
        let offset = if server == 0 { 256 } else { len / 2 };
        Ipv4Addr::from_bits(self.subnet.network().to_bits() + offset)
    }

    /// The pool of the server with this number.
    fn range(&self, server: usize) -> Range {
        let first = self.first(server);
        let last = Ipv4Addr::from_bits(first.to_bits() + self.pool - 1);
        Range::new(&self.subnet, first, last).expect("a pool is in its network")
    }

    /// Who is told as the router, in the middle of the first server's pool: nobody must get it.
    #[must_use]
    pub fn router(&self) -> Ipv4Addr {
        self.ip(1, 3)
    }

    /// The address at which the server with this number serves the network.
    #[must_use]
    pub fn server_id(&self, shape: Shape, server: usize) -> Ipv4Addr {
        let own = if server == 0 { 1 } else { 2 };
        match shape {
            // Behind a relay agent it has an address elsewhere only.
            Shape::Relay => Ipv4Addr::new(10, 1, 0, own),
            Shape::Plain | Shape::TwoServers | Shape::Trunk => self.ip(0, own),
        }
    }
}

/// The sites of a plan; clients take turns.
#[must_use]
pub fn sites(plan: &Plan) -> Vec<Site> {
    let nets: &[(Option<u16>, u8)] = match plan.shape {
        Shape::Plain | Shape::TwoServers => &[(None, 1)],
        Shape::Relay => &[(None, 2)],
        Shape::Trunk => &[(Some(10), 10), (Some(20), 20), (Some(30), 30)],
    };
    let clients = u32::try_from(plan.clients.len().div_ceil(nets.len())).expect("clients are few");
    let networks = plan.networks;
    // Room for what is declined, quarantined and held for those who only look; or only for what nobody gets.
    let pool = if plan.tight { clients + 8 } else { clients + clients / 4 + 60 };
    // The board has room for 64, of which one is reserved elsewhere.
    let pool = if plan.board { pool.min(60) } else { pool };
    // Each network has a router, whose address nobody gets. There is one in each pool, and what is reserved.
    let count = u32::from(networks);
    let small = (clients / count).max(6);
    let pool = (pool + count - 1).max(small * count);
    nets.iter().map(|(vlan, net)| Site { vlan: *vlan, net: *net, networks, pool, small }).collect()
}

/// Which of the sites a client is at.
#[must_use]
pub fn site_of(sites: &[Site], client: &ClientPlan) -> Site {
    let place = usize::from(client.number) % sites.len();
    *sites.get(place).expect("there is a site")
}

/// A server's configuration and its addresses.
#[derive(Debug)]
pub struct Told {
    /// For the server.
    pub config: &'static ServerConfig<'static>,
    /// Its addresses on each link: one in each network there.
    pub locals: Vec<(Link, Ipv4Addr)>,
    /// The router to the networks that are not attached.
    pub router: Option<[u8; 6]>,
}

fn leak<T>(items: Vec<T>) -> &'static [T] {
    items.leak()
}

/// What the server with this number is told.
#[must_use]
pub fn told(plan: &Plan, sites: &[Site], server: usize) -> Told {
    let relayed = plan.shape == Shape::Relay;
    let mut locals = Vec::new();
    let mut subnets = Vec::new();
    for (number, site) in (0..).zip(sites) {
        let link = Link { interface: 0, vlan: site.vlan };
        let is_shared = site.networks > 1 && plan.defect != Some(Defect::SplitsShared);
        let shared_network = is_shared.then_some(number);
        for network in site.all_networks() {
            let server_id = network.server_id(plan.shape, server);
            if !locals.contains(&(link, server_id)) {
                locals.push((link, server_id));
            }
            subnets.push(SubnetConfig {
                link: (!relayed).then_some(link),
                shared_network,
                server_id: Some(server_id),
                ..told_of(plan, site, &network, server)
            });
        }
    }
    let config = ServerConfig {
        offer_hold_secs: if plan.defect == Some(Defect::ForgetsOffers) { 0 } else { 60 },
        quarantine_secs: QUARANTINE_SECS,
        promise_slack_secs: 300,
        ..ServerConfig::new(leak(subnets), KEY)
    };
    Told { config: Box::leak(Box::new(config)), locals, router: relayed.then_some(ROUTER_MAC) }
}

/// What the server with this number is told of a network, wherever that is.
fn told_of(plan: &Plan, site: &Site, network: &Network, server: usize) -> SubnetConfig<'static> {
    let subnet = network.subnet();
    let shares = plan.defect == Some(Defect::SharesPool);
    let range = network.range(if shares { 0 } else { server });
    let ignores = plan.defect == Some(Defect::IgnoresReservations);
    let knows_reservations = (server == 0 || shares) && !ignores;
    let reservations = (0..2_u16).filter(|_| knows_reservations).filter_map(|client| {
        let hardware = Who::Hardware(HardwareAddr::ethernet(mac(0xc1, client)));
        let address = site.reserved(client).filter(|address| subnet.contains(*address))?;
        Some(Reservation::new(hardware, Some(address)))
    });
    let router = network.router();
    let mistakes = plan.defect == Some(Defect::MistakesRouters);
    let told_router = if mistakes { site.network(0).router() } else { router };
    let mut told = [[3, 4].as_slice(), &told_router.octets()].concat();
    if site.networks == 1 {
        // Else the server is not told the mask either, and tells that of the network.
        told.splice(..0, [[1, 4].as_slice(), &subnet.netmask().octets()].concat());
    }
    SubnetConfig {
        ranges: leak(vec![range]),
        excluded: leak(vec![Range::single(router)]),
        options: RenderedOptions::new(leak(told)),
        lease_default: LeaseTime::Secs(600),
        lease_min: LeaseTime::Secs(60),
        lease_max: LeaseTime::Secs(3_600),
        authoritative: server == 0 && plan.defect != Some(Defect::HasNoAuthority),
        probe: plan.defect != Some(Defect::ChecksNothing),
        reservations: leak(reservations.collect()),
        ..SubnetConfig::new(subnet)
    }
}

/// What the rogue server is told, that nobody asked for.
#[must_use]
pub fn rogue() -> Told {
    let link = Link { interface: 0, vlan: None };
    let local = Ipv4Addr::new(10, 66, 0, 1);
    let subnet = Subnet::new(Ipv4Addr::new(10, 66, 0, 0), 16).expect("a network's number");
    let (first, last) = (Ipv4Addr::new(10, 66, 1, 0), Ipv4Addr::new(10, 66, 2, 0));
    let config = ServerConfig {
        subnets: leak(vec![SubnetConfig {
            link: Some(link),
            server_id: Some(local),
            ranges: leak(vec![Range::new(&subnet, first, last).expect("within the subnet")]),
            lease_default: LeaseTime::Secs(120),
            lease_min: LeaseTime::Secs(120),
            lease_max: LeaseTime::Secs(120),
            identity: Identity::Hardware,
            probe: false,
            ..SubnetConfig::new(subnet)
        }]),
        installation: InstallationKey([0; 16]),
        offer_hold_secs: 60,
        quarantine_secs: 120,
        promise_slack_secs: 0,
    };
    Told { config: Box::leak(Box::new(config)), locals: vec![(link, local)], router: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands in a pool, whoever that is told to, is in the network and nobody else's.
    #[test]
    fn networks_of_a_site_have_room_for_their_pools_and_nothing_in_common() {
        for networks in 1..=Site::NETWORKS_MAX {
            let site = Site { vlan: None, net: 7, networks, pool: 310, small: 90 };
            let all: Vec<Network> = site.all_networks().collect();
            for (place, network) in all.iter().enumerate() {
                for other in all.iter().skip(place + 1) {
                    assert!(!network.subnet().overlaps(&other.subnet()), "{network:?} {other:?}");
                }
                let [first, second] = [0, 1].map(|server| network.range(server));
                assert!(!first.overlaps(&second), "{network:?}");
                assert!(first.contains(network.router()));
                assert!(!site.is_lawful(network.router(), [0; 6]));
                assert!(site.is_lawful(network.first(1), [0; 6]));
            }
            let addresses: Vec<Ipv4Addr> =
                (0..site.pool).map(|number| site.pooled(number)).collect();
            assert!(
                addresses.is_sorted_by(|one, other| one < other)
                    && addresses.iter().all(|address| site.is_host(*address))
            );
            assert_eq!(
                site.reserved(1).map(|address| site.is_lawful(address, mac(0xc1, 1))),
                Some(true)
            );
        }
        let three = Site { vlan: None, net: 7, networks: 3, pool: 3, small: 1 };
        let masks: Vec<u8> = three.all_networks().map(|of| of.subnet().prefix_len()).collect();
        assert_eq!(masks, [17, 18, 19]);
        assert!(!three.contains(Ipv4Addr::new(10, 7, 224, 1)), "the last eighth is nobody's");
    }
}
