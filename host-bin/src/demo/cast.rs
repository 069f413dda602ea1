//! Who is on the truck? The edge computer that serves, a router, containers and devices, each a node on its VLAN.

use core::net::Ipv4Addr;
use std::fs;
use std::thread;

use super::DemoError;
use super::leases::{self, Lease, LeaseFailed};
use crate::testbed::{Node, Segment, Testbed};

/// Where server and clients keep their files; it vanishes with the namespaces.
pub(super) const DIR: &str = "/run/hydrant-demo";

/// How somebody comes by an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The truck leases for its name and starts it with the MAC and the address.
    Container,
    /// It asks by DHCP, with the MAC that it was built with.
    Device { mac: [u8; 6] },
}

/// Somebody before they have an address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role {
    pub(super) name: &'static str,
    pub(super) vlan: u8,
    pub(super) kind: Kind,
}

/// A device's MAC address, from those for documentation (RFC 7042 section 2.1.2).
const fn device(last: u8) -> Kind {
    Kind::Device { mac: [0x00, 0x00, 0x5e, 0x00, 0x53, last] }
}

/// Who is there from the beginning.
pub(super) const CAST: [Role; 5] = [
    Role { name: "dashboard", vlan: 1, kind: Kind::Container },
    Role { name: "recorder", vlan: 1, kind: Kind::Container },
    Role { name: "siren", vlan: 1, kind: device(0x11) },
    Role { name: "pump-control", vlan: 2, kind: Kind::Container },
    Role { name: "water-pump", vlan: 2, kind: device(0x21) },
];

/// Who comes later.
pub(super) const NEWCOMER: Role = Role { name: "thermal-camera", vlan: 1, kind: device(0x31) };

/// The truck's own address, and the router's, in each VLAN.
pub(super) const TRUCK: u8 = 1;
pub(super) const ROUTER: u8 = 3;

/// 10.0.`vlan`.`last`
pub(super) const fn address(vlan: u8, last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, vlan, last)
}

/// Somebody with an address.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) role: Role,
    pub(super) node: Node,
    pub(super) lease: Lease,
}

/// The network.
#[derive(Debug)]
pub(super) struct Truck {
    bed: Testbed,
    segments: [(u8, Segment); 2],
    /// Runs the server and leases for containers.
    pub(super) edge: Node,
    pub(super) router: Node,
}

impl Truck {
    /// Segments, the edge computer and the router.
    pub(super) fn build() -> Result<Self, DemoError> {
        fs::create_dir_all(DIR).map_err(DemoError::io("make a folder in /run"))?;
        let mut bed = Testbed::new()?;
        let segments = [(1, bed.segment("vlan1")?), (2, bed.segment("vlan2")?)];
        let (edge, router) = (bed.node("truck")?, bed.node("router")?);
        for (vlan, segment) in &segments {
            let interface = format!("vlan{vlan}");
            for (node, last) in [(&edge, TRUCK), (&router, ROUTER)] {
                bed.plug(node, &interface, segment, None)?;
                let address = address(*vlan, last);
                node.ip(&format!("addr add {address}/24 brd + dev {interface}"))?;
            }
        }
        Ok(Self { bed, segments, edge, router })
    }

    /// Lets everybody lease at the same time, and start.
    pub(super) fn boot_all(&mut self, roles: &[Role]) -> Result<Vec<Host>, DemoError> {
        let plugged = roles.iter().map(|role| self.plug(role)).collect::<Result<Vec<_>, _>>()?;
        let leased = thread::scope(|scope| {
            let lease = |(role, node): (Role, Option<Node>)| {
                let edge = &self.edge;
                (
                    role,
                    scope
                        .spawn(move || lease(edge, role, node.as_ref()).map(|lease| (lease, node))),
                )
            };
            let started = plugged.into_iter().map(lease).collect::<Vec<_>>();
            let end =
                |(role, thread): (Role, thread::ScopedJoinHandle<'_, Result<_, LeaseFailed>>)| {
                    thread
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                        .map(|done| (role, done))
                };
            started.into_iter().map(end).collect::<Result<Vec<_>, _>>()
        })?;
        leased.into_iter().map(|(role, (lease, node))| self.start(role, lease, node)).collect()
    }

    /// Lets somebody lease and start.
    pub(super) fn boot(&mut self, role: &Role) -> Result<Host, DemoError> {
        let (role, node) = self.plug(role)?;
        let lease = lease(&self.edge, role, node.as_ref())?;
        self.start(role, lease, node)
    }

    /// Leases once more for everybody, in the same order.
    pub(super) fn lease_all(&self, hosts: &[Host]) -> Result<Vec<Lease>, DemoError> {
        let leases = thread::scope(|scope| {
            let lease = |host: &Host| {
                let (edge, role, node) = (&self.edge, host.role, host.node.clone());
                scope.spawn(move || lease(edge, role, Some(&node)))
            };
            let started = hosts.iter().map(lease).collect::<Vec<_>>();
            let end = |thread: thread::ScopedJoinHandle<'_, _>| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            started.into_iter().map(end).collect::<Result<Vec<_>, LeaseFailed>>()
        })?;
        Ok(leases)
    }

    /// A device is on the network before it has an address; a container is not.
    fn plug(&mut self, role: &Role) -> Result<(Role, Option<Node>), DemoError> {
        let node = match role.kind {
            Kind::Container => None,
            Kind::Device { mac } => {
                let node = self.bed.node(role.name)?;
                self.join(&node, role.vlan, Some(mac))?;
                Some(node)
            }
        };
        Ok((*role, node))
    }

    fn join(&mut self, node: &Node, vlan: u8, mac: Option<[u8; 6]>) -> Result<(), DemoError> {
        let segment = self.segments.iter().find(|(number, _)| *number == vlan);
        let (_, segment) = segment.expect("the cast is on VLANs 1 and 2");
        Ok(self.bed.plug(node, "eth0", &segment.clone(), mac)?)
    }

    /// What the script that starts a container does with its lease, and a device with its own.
    fn start(&mut self, role: Role, lease: Lease, node: Option<Node>) -> Result<Host, DemoError> {
        let node = match node {
            Some(node) => node,
            None => {
                let node = self.bed.node(role.name)?;
                self.join(&node, role.vlan, None)?;
                node.ip(&format!("link set eth0 address {}", lease.mac))?;
                node
            }
        };
        let Lease { address, prefix_len, .. } = lease;
        node.ip(&format!("addr add {address}/{prefix_len} brd + dev eth0"))?;
        if let Some(router) = lease.routers.first() {
            node.ip(&format!("route add default via {router}"))?;
        }
        Ok(Host { role, node, lease })
    }
}

/// The lease of a container, from the truck; or of a device, from its own node.
fn lease(edge: &Node, role: Role, node: Option<&Node>) -> Result<Lease, LeaseFailed> {
    match (role.kind, node) {
        (Kind::Device { mac }, Some(node)) => leases::by_dhcp(node, role.name, mac),
        (Kind::Container, _) | (Kind::Device { .. }, None) => {
            leases::by_name(edge, role.name, role.vlan)
        }
    }
}
