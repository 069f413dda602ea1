//! Who is there, and where are they plugged in? Everybody whom a plan asks for, in their places.

use std::collections::{BTreeMap, VecDeque};

use dhcp_core::rng::Rng;
use dhcp_core::time::Instant;

use crate::network::{KEY, ROUTER_MAC, Site, rogue, site_of, told};
use crate::node::board::BoardNode;
use crate::node::client::ClientNode;
use crate::node::hostile::{Hostile, Lair};
use crate::node::informer::Informer;
use crate::node::mac;
use crate::node::relay::Relay;
use crate::node::server::ServerNode;
use crate::node::serves::Serves;
use crate::node::smoltcp::SmoltcpNode;
use crate::node::squatter::Squatter;
use crate::plan::{Kind, Plan, Shape};

/// A plugged-in cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Port {
    pub(super) segment: usize,
    pub(super) access: Access,
}

/// Which frames a port carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Those of one VLAN, or of the segment that has none, without a tag.
    Untagged(Option<u16>),
    /// All, with their tags.
    Trunk,
}

/// Somebody on the segments.
#[derive(Debug)]
pub(super) enum Node {
    Server(Box<dyn Serves>),
    /// The same program, but nobody asked for it.
    Rogue(Box<dyn Serves>, bool),
    Client(Box<ClientNode>, Site),
    Smoltcp(Box<SmoltcpNode>, Site),
    Relay(Box<Relay>),
    Squatter(Squatter),
    Informer(Box<Informer>, Site),
    Hostile(Box<Hostile>),
}

/// A node, its cables, and when it is to be woken.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) node: Node,
    pub(super) ports: Vec<Port>,
    pub(super) wake_at: Option<Instant>,
}

/// Everybody.
#[derive(Debug, Default)]
pub(super) struct Cast {
    pub(super) places: Vec<Place>,
    /// The places of the plan's clients and servers.
    pub(super) clients: Vec<usize>,
    pub(super) servers: Vec<usize>,
    pub(super) informers: Vec<usize>,
    pub(super) hostile: usize,
    pub(super) rogue: usize,
}

impl Cast {
    /// Puts everybody in their place.
    pub(super) fn of(plan: &Plan, sites: &[Site], rng: &mut Rng) -> Self {
        let mut cast = Self::default();
        let first = *sites.first().expect("there is a site");
        let untagged = |vlan| Port { segment: 0, access: Access::Untagged(vlan) };
        let main = match plan.shape {
            Shape::Trunk => Port { segment: 0, access: Access::Trunk },
            Shape::Relay => Port { segment: 1, access: Access::Untagged(None) },
            Shape::Plain | Shape::TwoServers => untagged(None),
        };
        for number in 0..plan.servers() {
            let told = told(plan, sites, number);
            let name = if number == 0 { "server" } else { "second server" };
            let mac = mac(0x55, u16::try_from(number).expect("few servers"));
            let node: Box<dyn Serves> = if plan.board {
                Box::new(BoardNode::new(told, rng.next_u64()))
            } else {
                Box::new(ServerNode::new(name, mac, told, rng, plan.defect))
            };
            let place = cast.place(Node::Server(node), vec![main]);
            cast.servers.push(place);
        }
        if plan.shape == Shape::Relay {
            let server = (first.network(0).server_id(plan.shape, 0), mac(0x55, 0));
            let node = Relay {
                mac: ROUTER_MAC,
                addresses: first.all_networks().map(|network| network.router()).collect(),
                server,
                neighbours: BTreeMap::new(),
                waiting: BTreeMap::new(),
            };
            cast.place(Node::Relay(Box::new(node)), vec![untagged(first.vlan), main]);
        }
        for client in &plan.clients {
            let site = site_of(sites, client);
            let seed = plan.seed ^ u64::from(client.number) << 32;
            let node = match client.kind {
                Kind::Smoltcp => Node::Smoltcp(Box::new(SmoltcpNode::new(*client, seed)), site),
                Kind::Ours { .. } | Kind::Container | Kind::Clone => {
                    let node = ClientNode::new(*client, &KEY, site.vlan, seed, plan.defect);
                    Node::Client(Box::new(node), site)
                }
            };
            let place = cast.place(node, vec![untagged(site.vlan)]);
            cast.clients.push(place);
        }
        for number in 0..plan.squatters {
            let site = sites.get(usize::from(number) % sites.len()).expect("there is one");
            let fourth = 10 + u8::try_from(number).expect("few squatters");
            let address = site.network(number).ip(1, fourth);
            let node = Squatter { mac: mac(0x99, number), address };
            cast.place(Node::Squatter(node), vec![untagged(site.vlan)]);
        }
        for number in 0..plan.informers {
            let site = *sites.get(usize::from(number) % sites.len()).expect("there is one");
            let (mac, address) = (mac(0x11, number), site.informer(number));
            let seed = plan.seed ^ u64::from(number) << 32 ^ 0x11;
            let node = Informer::new(mac, address, seed);
            let node = Node::Informer(Box::new(node), site);
            let place = cast.place(node, vec![untagged(site.vlan)]);
            cast.informers.push(place);
        }
        let lairs = sites.iter().map(|site| {
            let server = site.network(0).server_id(plan.shape, 0);
            Lair { site: *site, server, seen: VecDeque::new() }
        });
        let hostile = Hostile::new(mac(0xbb, 0), lairs.collect(), Rng::seeded(rng.next_u64()));
        let everywhere = match plan.shape {
            Shape::Trunk => main,
            Shape::Plain | Shape::TwoServers | Shape::Relay => untagged(None),
        };
        cast.hostile = cast.place(Node::Hostile(Box::new(hostile)), vec![everywhere]);
        let told = rogue();
        let node = ServerNode::new("rogue", mac(0x66, 0), told, rng, None);
        cast.rogue = cast.place(Node::Rogue(Box::new(node), false), vec![untagged(first.vlan)]);
        cast
    }

    fn place(&mut self, node: Node, ports: Vec<Port>) -> usize {
        let place = self.places.len();
        self.places.push(Place { node, ports, wake_at: None });
        place
    }
}
