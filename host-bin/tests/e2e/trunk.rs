//! Are VLANs kept apart on one cable? Tagged and untagged frames on a trunk port, and real clients behind access ports.

use core::net::Ipv4Addr;
use core::time::Duration;

use std::thread;

use dhcp_core::wire::frame::Ethernet;
use dhcp_core::wire::frame::ipv4::Udp;
use dhcp_core::wire::message::MessageType;
use hydrant::net::{Filter, PacketSocket, RecvBatch};
use hydrant::testbed::{Child, Segment, Testbed};

use crate::serving::Serving;
use crate::tools::node_on;
use crate::wire::{self, Ask, Wire};
use crate::{harness, tools};

const SOON: Duration = Duration::from_secs(15);

/// Two VLANs, and what is untagged, on one port.
const CONFIG: &str = r#"
authoritative = true
ping-check = false
[[subnet]]
network = "10.0.1.0/24"
interface = "trunk"
vlan = 1
server-id = "10.0.1.1"
range = "10.0.1.100 - 10.0.1.120"
options = { routers = "10.0.1.3" }
[[subnet]]
network = "10.0.2.0/24"
interface = "trunk"
vlan = 2
server-id = "10.0.2.1"
range = "10.0.2.100 - 10.0.2.120"
options = { routers = "10.0.2.3" }
[[subnet]]
network = "10.0.9.0/24"
interface = "trunk"
range = "10.0.9.100 - 10.0.9.120"
"#;

#[test]
fn each_vlan_on_a_trunk_has_its_own_addresses_and_nothing_crosses() {
    harness::run(&[], |bed| {
        let segment = bed.segment("cable").unwrap();
        let server = bed.node("server").unwrap();
        bed.plug(&server, "trunk", &segment, None).unwrap();
        server.ip("addr add 10.0.9.1/24 dev trunk").unwrap();
        let serving = Serving::start(&server, "toml", CONFIG);
        let mut wire = Wire::open(&node_on(bed, "host", &segment), "eth0");
        let mac = |last| [2, 0, 0, 0, 0, last];
        let mut bound = Vec::new();
        for (last, (vlan, net)) in (1..).zip([(Some(1), 1), (Some(2), 2), (None, 9)]) {
            // lease() asserts that the replies carry the tag of the request.
            let ack = wire.lease(vlan, mac(last), last.into());
            assert_eq!(ack.yiaddr.octets()[..3], [10, 0, net]);
            assert_eq!(ack.server_id, Ipv4Addr::new(10, 0, net, 1));
            bound.push(ack.yiaddr);
        }
        assert_eq!(serving.in_state("bound"), bound);
        // The same hardware address in two VLANs is two clients.
        let elsewhere = wire.lease(Some(2), mac(1), 10);
        assert_eq!(elsewhere.yiaddr.octets()[..3], [10, 0, 2]);
        // Nobody serves VLAN 3, and 4095 is none.
        for vlan in [3, 4095] {
            wire.send(&Ask { vlan: Some(vlan), ..Ask::new(MessageType::Discover, mac(3), 20) });
        }
        assert_eq!(wire.all(Duration::from_millis(400)), []);
        // An address of VLAN 1 is refused in VLAN 2, with the tag of VLAN 2.
        let wrong = Ask::new(MessageType::Request, mac(7), 30).option(50, &bound[0].octets());
        wire.send(&Ask { vlan: Some(2), ..wrong });
        let nak = wire.answer(MessageType::Nak, 30);
        assert_eq!(nak.ethernet.vlan, Some(2));
    });
}

/// A switch's access port: what comes in untagged leaves on the trunk with the VLAN's tag, and the other way round. It is made of sockets, since not every kernel
/// has 802.1Q. DHCP and ARP pass.
fn access_port(bed: &mut Testbed, cable: &Segment, vlan: u16) -> Segment {
    let segment = bed.segment(&format!("access{vlan}")).unwrap();
    let node = bed.node(&format!("port{vlan}")).unwrap();
    bed.plug(&node, "trunk", cable, None).unwrap();
    bed.plug(&node, "port", &segment, None).unwrap();
    let requests = Filter { udp_port: Some(67), arp: true, other_hosts: true };
    let replies = Filter::CLIENT;
    thread::spawn(move || {
        node.inside(|| {
            wire::runtime().block_on(async {
                let (port, trunk) =
                    (wire::open("port", &requests).await, wire::open("trunk", &replies).await);
                let mut batch = RecvBatch::new();
                // Until the private machine ends.
                loop {
                    tokio::select! {
                        ready = port.readable() => {
                            ready.unwrap();
                            port.recv_batch(&mut batch).unwrap();
                            pass(&batch, None, Some(vlan), &trunk);
                        }
                        ready = trunk.readable() => {
                            ready.unwrap();
                            trunk.recv_batch(&mut batch).unwrap();
                            pass(&batch, Some(vlan), None, &port);
                        }
                    }
                }
            })
        })
    });
    segment
}

/// Sends on the frames that carry one tag with another.
fn pass(batch: &RecvBatch, from: Option<u16>, to: Option<u16>, out: &PacketSocket) {
    for frame in PacketSocket::frames(batch) {
        let Ok((ethernet, inside)) = frame.parse() else { continue };
        if ethernet.vlan == from {
            let ethernet = Ethernet { vlan: to, ..ethernet };
            let mut octets = vec![0; 2_048];
            // What the kernel left to a network card is done here: a datagram is written anew, with its checksum.
            let len = match Udp::parse(inside, frame.checksums) {
                Ok(udp) => udp.write_frame(&ethernet, &mut octets).unwrap(),
                Err(_) => {
                    let rest = ethernet.write(&mut octets).unwrap();
                    rest[..inside.len()].copy_from_slice(inside);
                    ethernet.header_len() + inside.len()
                }
            };
            out.send(&octets[..len]).unwrap();
        }
    }
}

#[test]
fn real_clients_behind_access_ports_are_served_by_tags_on_the_trunk() {
    harness::run(&["dhclient", "udhcpc"], |bed| {
        let cable = bed.segment("cable").unwrap();
        let server = bed.node("server").unwrap();
        bed.plug(&server, "trunk", &cable, None).unwrap();
        server.ip("addr add 10.0.9.1/24 dev trunk").unwrap();
        let config = format!("lease-time = \"8s\"\nmin-lease-time = \"8s\"\n{CONFIG}");
        let serving = Serving::start(&server, "toml", &config);
        let mut clients = Vec::new();
        for vlan in [1, 2] {
            let access = access_port(bed, &cable, vlan);
            let nodes = ["u", "d"].map(|name| node_on(bed, &format!("{name}{vlan}"), &access));
            let started = [tools::udhcpc(&nodes[0], "eth0"), tools::dhclient(&nodes[1], "eth0")];
            clients.extend(started.map(|client| (vlan, client)));
        }
        let bound = |(vlan, client): &(u16, Child)| {
            let address = tools::bound(client, SOON);
            assert_eq!(u16::from(address.octets()[2]), *vlan, "{address}");
            (address, client.said().len())
        };
        let bound = clients.iter().map(bound).collect::<Vec<_>>();
        for ((_, client), (address, from)) in clients.iter().zip(bound) {
            assert_eq!(tools::bound_after(client, from, SOON), address, "renewed");
        }
        assert_eq!(serving.in_state("bound").len(), clients.len());
    });
}
