//! Are VLANs kept apart on one cable? Tagged and untagged frames on a trunk port, and real clients behind access ports.

use core::net::Ipv4Addr;
use core::time::Duration;

use dhcp_core::wire::message::MessageType;

use crate::harness;
use crate::serving::Serving;
use crate::tools::node_on;
use crate::wire::{Ask, Wire};

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
