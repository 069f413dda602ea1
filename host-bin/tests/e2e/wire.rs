//! What does a client look like that no real client is? Octets written by hand, sent as frames with any address and tag, and what comes back.
//!
//! The octets are put together here and not by our own writer, so that a mistake of that is not made twice.

use core::net::Ipv4Addr;
use core::time::Duration;
use std::time::Instant;

use dhcp_core::wire::frame::Ethernet;
use dhcp_core::wire::frame::ipv4::Udp;
use dhcp_core::wire::message::{Message, MessageType, Scratch};
use hydrant::net::{Filter, Frame, PacketSocket, RecvBatch, Watch};
use hydrant::testbed::Node;
use tokio::runtime::Runtime;

/// Long for an answer that comes, the probing of its address included.
pub(crate) const ANSWER: Duration = Duration::from_secs(4);

/// A node's interface, on which every frame is heard.
pub(crate) struct Wire {
    runtime: Runtime,
    socket: PacketSocket,
    batch: RecvBatch,
    /// What was received and not yet looked for.
    waiting: Vec<Reply>,
}

/// A server's message, and how it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) ethernet: Ethernet,
    pub(crate) source: Ipv4Addr,
    pub(crate) destination: Ipv4Addr,
    pub(crate) kind: MessageType,
    pub(crate) xid: u32,
    pub(crate) chaddr: Vec<u8>,
    pub(crate) yiaddr: Ipv4Addr,
    pub(crate) siaddr: Ipv4Addr,
    pub(crate) server_id: Ipv4Addr,
    pub(crate) lease_secs: Option<u32>,
    pub(crate) client_id: Option<Vec<u8>>,
    pub(crate) routers: Option<Vec<u8>>,
}

/// A client's message.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) vlan: Option<u16>,
    pub(crate) from: [u8; 6],
    /// What stands in `chaddr`, and `hlen` with it.
    pub(crate) chaddr: Vec<u8>,
    pub(crate) hlen: u8,
    pub(crate) xid: u32,
    pub(crate) flags: u16,
    pub(crate) ciaddr: Ipv4Addr,
    pub(crate) options: Vec<(u8, Vec<u8>)>,
}

impl Ask {
    /// A message of a client with this hardware address, and the broadcast flag.
    pub(crate) fn new(kind: MessageType, mac: [u8; 6], xid: u32) -> Self {
        Self {
            vlan: None,
            from: mac,
            chaddr: mac.to_vec(),
            hlen: 6,
            xid,
            flags: 0x8000,
            ciaddr: Ipv4Addr::UNSPECIFIED,
            options: vec![(53, vec![kind as u8])],
        }
    }

    pub(crate) fn option(mut self, code: u8, value: &[u8]) -> Self {
        self.options.push((code, value.to_vec()));
        self
    }

    /// The REQUEST that takes an offer.
    pub(crate) fn take(mac: [u8; 6], offer: &Reply) -> Self {
        Self { vlan: offer.ethernet.vlan, ..Self::new(MessageType::Request, mac, offer.xid) }
            .option(50, &offer.yiaddr.octets())
            .option(54, &offer.server_id.octets())
    }

    /// The message alone (RFC 2131 figure 1).
    pub(crate) fn message(&self) -> Vec<u8> {
        let mut octets = vec![0; 240];
        octets[..4].copy_from_slice(&[1, 1, self.hlen, 0]);
        octets[4..8].copy_from_slice(&self.xid.to_be_bytes());
        octets[10..12].copy_from_slice(&self.flags.to_be_bytes());
        octets[12..16].copy_from_slice(&self.ciaddr.octets());
        octets[28..28 + self.chaddr.len()].copy_from_slice(&self.chaddr);
        octets[236..240].copy_from_slice(&[99, 130, 83, 99]);
        for (code, value) in &self.options {
            octets.extend([*code, u8::try_from(value.len()).unwrap()]);
            octets.extend(value);
        }
        octets.push(255);
        octets.resize(octets.len().max(300), 0);
        octets
    }

    /// The frame, to everybody.
    fn frame(&self) -> Vec<u8> {
        let payload = self.message();
        let ethernet = Ethernet {
            destination: [0xff; 6],
            source: self.from,
            vlan: self.vlan,
            ethertype: 0x0800,
        };
        let udp = Udp {
            source: self.ciaddr,
            destination: Ipv4Addr::BROADCAST,
            source_port: 68,
            destination_port: 67,
            payload: &payload,
        };
        let mut frame = vec![0; 1_600];
        let len = udp.write_frame(&ethernet, &mut frame).unwrap();
        frame.truncate(len);
        frame
    }
}

impl Wire {
    /// Opens the interface of a node.
    pub(crate) fn open(node: &Node, interface: &str) -> Self {
        let runtime = runtime();
        let open = || runtime.block_on(open(interface, &Filter::CLIENT));
        let socket = node.inside(open).unwrap();
        Self { runtime, socket, batch: RecvBatch::new(), waiting: Vec::new() }
    }

    pub(crate) fn send(&self, ask: &Ask) {
        self.socket.send(&ask.frame()).unwrap();
    }

    /// The first reply of this kind and xid, within [`ANSWER`].
    pub(crate) fn answer(&mut self, kind: MessageType, xid: u32) -> Reply {
        let found = self.find(ANSWER, |reply| reply.kind == kind && reply.xid == xid);
        found.unwrap_or_else(|| panic!("no {kind:?} for {xid:#x}, but {:?}", self.waiting))
    }

    /// The first reply that is looked for; `None` when it does not come in time.
    pub(crate) fn find(
        &mut self,
        within: Duration,
        mut looked_for: impl FnMut(&Reply) -> bool,
    ) -> Option<Reply> {
        let until = Instant::now() + within;
        loop {
            if let Some(at) = self.waiting.iter().position(&mut looked_for) {
                return Some(self.waiting.remove(at));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            self.receive(left);
        }
    }

    /// Everything that comes within this time.
    pub(crate) fn all(&mut self, within: Duration) -> Vec<Reply> {
        assert_eq!(self.find(within, |_| false), None);
        core::mem::take(&mut self.waiting)
    }

    /// DISCOVER, OFFER, REQUEST, ACK.
    pub(crate) fn lease(&mut self, vlan: Option<u16>, mac: [u8; 6], xid: u32) -> Reply {
        self.send(&Ask { vlan, ..Ask::new(MessageType::Discover, mac, xid) });
        let offer = self.answer(MessageType::Offer, xid);
        assert_eq!(offer.ethernet.vlan, vlan, "a reply carries the tag of the request");
        self.send(&Ask::take(mac, &offer));
        let ack = self.answer(MessageType::Ack, xid);
        assert_eq!((ack.yiaddr, ack.ethernet.vlan), (offer.yiaddr, vlan));
        ack
    }

    /// As [`Wire::lease`], of a server that may not be there yet: DISCOVER is sent again until somebody answers.
    pub(crate) fn patient_lease(&mut self, mac: [u8; 6], xid: u32) -> Reply {
        for xid in xid..xid + 20 {
            self.send(&Ask::new(MessageType::Discover, mac, xid));
            let offered = |reply: &Reply| reply.kind == MessageType::Offer && reply.xid == xid;
            if let Some(offer) = self.find(Duration::from_millis(800), offered) {
                self.send(&Ask::take(mac, &offer));
                return self.answer(MessageType::Ack, xid);
            }
        }
        panic!("nobody answers");
    }

    fn receive(&mut self, within: Duration) {
        let Self { runtime, socket, batch, waiting } = self;
        let ready = async { tokio::time::timeout(within, socket.readable()).await };
        if runtime.block_on(ready).is_ok() {
            socket.recv_batch(batch).unwrap();
            waiting.extend(PacketSocket::frames(batch).filter_map(|frame| reply(&frame)));
        }
    }
}

/// What sockets live in.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A socket that hears everything on an interface of the node that this thread is in.
pub(crate) async fn open(interface: &str, filter: &Filter) -> PacketSocket {
    let interfaces = Watch::open().unwrap().interfaces().await.unwrap();
    let index = interfaces.iter().find(|one| one.name == interface).unwrap().index;
    let socket = PacketSocket::open(index, filter).unwrap();
    socket.set_promiscuous().unwrap();
    socket
}

/// A server's message; `None` for all other frames.
fn reply(frame: &Frame<'_>) -> Option<Reply> {
    let (ethernet, inside) = frame.parse().ok()?;
    let udp = Udp::parse(inside, frame.checksums).ok()?;
    let mut scratch = Scratch::new();
    let message = Message::parse(udp.payload, &mut scratch).ok()?;
    let option = |code| message.option(code);
    Some(Reply {
        ethernet,
        source: udp.source,
        destination: udp.destination,
        kind: message.message_type()?,
        xid: message.xid(),
        chaddr: udp.payload[28..44].to_vec(),
        yiaddr: message.yiaddr(),
        siaddr: message.siaddr(),
        server_id: message.server_id().unwrap_or(Ipv4Addr::UNSPECIFIED),
        lease_secs: message.lease_secs(),
        client_id: option(61).map(<[u8]>::to_vec),
        routers: option(3).map(<[u8]>::to_vec),
    })
}
