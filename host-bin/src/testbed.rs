//! Which network do we try things on? A small one of our own, which leaves nothing behind: nodes and segments that exist only inside private
//! namespaces, while this process lives.
//!
//! A DHCP client or server that is started for a test must never see the network of the machine it runs on. So a process first [enters](private::enter)
//! a machine of its own (network, mounts, process numbers); inside it a [`Testbed`] makes segments (one bridge each, in a namespace where nothing else is) and
//! [nodes](Node) (a namespace each), and starts [children](Child) in nodes. When the process ends, however it ends, the kernel ends every child and takes
//! every namespace away: process number 1 of the private machine is gone.
//!
//! What is needed: Linux, `ip` (iproute2) and `unshare` (util-linux); as an ordinary user also user namespaces. What is missing is said by [`TestbedError`].
//!
//! ```no_run
//! use hydrant::testbed::{Testbed, private};
//!
//! fn main() -> Result<(), hydrant::testbed::TestbedError> {
//!     private::enter()?; // starts this program again, inside
//!     let mut bed = Testbed::new()?;
//!     let vlan1 = bed.segment("vlan1")?;
//!     let camera = bed.node("camera")?;
//!     bed.plug(&camera, "eth0", &vlan1, None)?;
//!     camera.ip("addr add 10.0.1.9/24 dev eth0")?;
//!     let socket = camera.inside(|| std::net::UdpSocket::bind("10.0.1.9:5000"));
//!     # drop(socket);
//!     Ok(())
//! }
//! ```

mod child;
mod error;
mod ip;
mod node;
pub mod private;

pub use child::Child;
pub use error::TestbedError;
pub use ip::find;
pub use node::Node;

/// The name of a segment's bridge; made by [`Testbed::segment`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    bridge: String,
}

/// The nodes and segments of one test. There can be several in one private machine, if their nodes have different names.
#[derive(Debug)]
pub struct Testbed {
    /// Only bridges live here: the kernel's own IP stack answers on a bridge's interface, and would hear what no node said to it.
    switch: Node,
    ports: u32,
}

impl Testbed {
    /// A network without nodes.
    ///
    /// # Errors
    /// [`TestbedError::NotPrivate`] outside a private machine, [`TestbedError::Refused`] when the kernel cannot do it.
    pub fn new() -> Result<Self, TestbedError> {
        if !private::inside() {
            return Err(TestbedError::NotPrivate);
        }
        Ok(Self { switch: Node::new("switch")?, ports: 0 })
    }

    /// A segment: what is broadcast on it reaches every node that is plugged in, and nobody else. Frames with and without tags pass.
    ///
    /// # Errors
    /// [`TestbedError::Refused`], also when the name is taken or has more than 15 octets.
    pub fn segment(&mut self, name: &str) -> Result<Segment, TestbedError> {
        // Without snooping a bridge brings multicast to every port, as a plain switch does.
        self.switch.ip(&format!(
            "link add {name} type bridge mcast_snooping 0 stp_state 0\nlink set {name} up"
        ))?;
        Ok(Segment { bridge: name.to_owned() })
    }

    /// A node with a loopback interface and nothing else.
    ///
    /// # Errors
    /// [`TestbedError::Refused`], also when the name is taken.
    pub fn node(&mut self, name: &str) -> Result<Node, TestbedError> {
        Node::new(name)
    }

    /// Gives the node an interface on the segment, up and carrying frames, without an address.
    ///
    /// # Errors
    /// [`TestbedError::Refused`], also when the node has an interface of that name.
    pub fn plug(
        &mut self,
        node: &Node,
        interface: &str,
        segment: &Segment,
        mac: Option<[u8; 6]>,
    ) -> Result<(), TestbedError> {
        self.ports += 1;
        let port = format!("port{}", self.ports);
        let (bridge, name) = (&segment.bridge, node.name());
        let address = mac.map_or_else(String::new, |mac| format!("address {}", mac_text(mac)));
        self.switch.ip(&format!(
            "link add {port} type veth peer name {interface} {address} netns {name}\nlink set {port} master {bridge} up"
        ))?;
        node.ip(&format!("link set {interface} up"))?;
        ip::wait_for(node.name(), interface, " state UP ")?;
        ip::wait_for(self.switch.name(), &port, " state forwarding ")
    }

    /// Takes an interface away, as a pulled cable and a removed card do.
    ///
    /// # Errors
    /// [`TestbedError::Refused`] when the node has no such interface.
    pub fn unplug(&mut self, node: &Node, interface: &str) -> Result<(), TestbedError> {
        node.ip(&format!("link del {interface}"))
    }
}

/// As `ip` wants it.
fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|octet| format!("{octet:02x}")).join(":")
}
