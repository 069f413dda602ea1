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

/// A network of clients.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    /// The VLAN, where there are several.
    pub vlan: Option<u16>,
    /// 10.`net`.0.0/16 is theirs.
    pub net: u8,
    /// How many addresses a pool has.
    pub pool: u32,
}

impl Site {
    /// An address of the site.
    #[must_use]
    pub const fn ip(&self, third: u8, fourth: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, self.net, third, fourth)
    }

    /// The lowest address of the pool of the server with this number.
    #[must_use]
    pub fn first(&self, server: usize) -> Ipv4Addr {
        self.ip(if server == 0 { 1 } else { 128 }, 0)
    }

    /// Who is told as the router, in the middle of the first pool: nobody must get it.
    #[must_use]
    pub const fn router(&self) -> Ipv4Addr {
        self.ip(1, 3)
    }

    /// What is reserved for the client with this number in a plan: for the first one within the pool, for the second outside.
    #[must_use]
    pub const fn reserved(&self, number: u16) -> Option<Ipv4Addr> {
        match number {
            0 => Some(self.ip(1, 5)),
            1 => Some(self.ip(0, 200)),
            _ => None,
        }
    }

    /// The address of the informer with this number: of the first within the pool, of the others outside.
    #[must_use]
    pub fn informer(&self, number: u16) -> Ipv4Addr {
        let number = u8::try_from(number).expect("few informers");
        if number == 0 { self.ip(1, 20) } else { self.ip(0, 100 + number) }
    }

    /// Whether it can be a host's address here.
    #[must_use]
    pub fn is_host(&self, address: Ipv4Addr) -> bool {
        self.subnet().is_host(address)
    }

    /// All of its addresses.
    fn subnet(&self) -> Subnet {
        Subnet::new(self.ip(0, 0), 16).expect("a network's number")
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
        let pooled = [0, 1].iter().any(|server| {
            let first = self.first(*server).to_bits();
            (first..first + self.pool).contains(&address.to_bits())
        });
        pooled && address != self.router()
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
    // Room for what is declined, quarantined and held for those who only look; or only for what nobody gets.
    let pool = if plan.tight { clients + 8 } else { clients + clients / 4 + 60 };
    // The board has room for 64, of which one is reserved elsewhere.
    let pool = if plan.board { pool.min(60) } else { pool };
    nets.iter().map(|(vlan, net)| Site { vlan: *vlan, net: *net, pool }).collect()
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
    /// Its address on each link.
    pub locals: Vec<(Link, Ipv4Addr)>,
    /// The router to the networks that are not attached.
    pub router: Option<[u8; 6]>,
}

fn leak<T>(items: Vec<T>) -> &'static [T] {
    items.leak()
}

/// The address at which the server with this number serves a site.
#[must_use]
pub fn server_id(shape: Shape, site: &Site, server: usize) -> Ipv4Addr {
    let own = if server == 0 { 1 } else { 2 };
    match shape {
        // Behind a relay agent it has an address elsewhere only.
        Shape::Relay => Ipv4Addr::new(10, 1, 0, own),
        Shape::Plain | Shape::TwoServers | Shape::Trunk => site.ip(0, own),
    }
}

/// What the server with this number is told.
#[must_use]
pub fn told(plan: &Plan, sites: &[Site], server: usize) -> Told {
    let relayed = plan.shape == Shape::Relay;
    let mut locals = Vec::new();
    let mut subnets = Vec::new();
    for site in sites {
        let link = Link { interface: 0, vlan: site.vlan };
        let server_id = server_id(plan.shape, site, server);
        locals.push((link, server_id));
        let subnet = site.subnet();
        let shares = plan.defect == Some(Defect::SharesPool);
        let first = site.first(if shares { 0 } else { server });
        let last = Ipv4Addr::from_bits(first.to_bits() + site.pool - 1);
        let ignores = plan.defect == Some(Defect::IgnoresReservations);
        let knows_reservations = (server == 0 || shares) && !ignores;
        let reservations = (0..2_u16).filter(|_| knows_reservations).filter_map(|client| {
            Some(Reservation::new(
                Who::Hardware(HardwareAddr::ethernet(mac(0xc1, client))),
                Some(site.reserved(client)?),
            ))
        });
        let [a, b, c, d] = site.router().octets();
        subnets.push(SubnetConfig {
            link: (!relayed).then_some(link),
            server_id: Some(server_id),
            ranges: leak(vec![Range::new(&subnet, first, last).expect("within the subnet")]),
            excluded: leak(vec![Range::single(site.router())]),
            options: RenderedOptions::new(leak(vec![1, 4, 255, 255, 0, 0, 3, 4, a, b, c, d])),
            lease_default: LeaseTime::Secs(600),
            lease_min: LeaseTime::Secs(60),
            lease_max: LeaseTime::Secs(3_600),
            authoritative: server == 0,
            probe: plan.defect != Some(Defect::ChecksNothing),
            reservations: leak(reservations.collect()),
            ..SubnetConfig::new(subnet)
        });
    }
    let config = ServerConfig {
        offer_hold_secs: if plan.defect == Some(Defect::ForgetsOffers) { 0 } else { 60 },
        quarantine_secs: QUARANTINE_SECS,
        promise_slack_secs: 300,
        ..ServerConfig::new(leak(subnets), KEY)
    };
    Told { config: Box::leak(Box::new(config)), locals, router: relayed.then_some(ROUTER_MAC) }
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
