//! Which frame goes where? Clients that have no address speak and are spoken to in raw frames; all that has an address is smoltcp's: ARP, ping, and the
//! UDP socket for renewals and relay agents.

use core::net::Ipv4Addr;

use dhcp_core::id::HardwareAddr;
use dhcp_core::server::config::{Link, ServerConfig};
use dhcp_core::server::{Destination, Event, Ingress, Probe, Transmit, Via};
use dhcp_core::time::{Instant, Timestamp};
use dhcp_core::wire::frame::arp::Arp;
use dhcp_core::wire::frame::ipv4::{Checksums, Udp};
use dhcp_core::wire::frame::{BROADCAST_MAC, ETHERTYPE_ARP, ETHERTYPE_IPV4, Ethernet};
use dhcp_core::wire::{CLIENT_PORT, SERVER_PORT};
use smoltcp::iface::{self, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::udp;
use smoltcp::wire::{EthernetAddress, IpCidr};

use crate::card::{Card, Frame};
use crate::desk::{Desk, Flash, Leases};

/// The board's own MAC address; its IP address is in its configuration.
pub(crate) const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// Its only wire, without a tag.
pub(crate) const LINK: Link = Link { interface: 0, vlan: None };

/// How long an answer may wait for its client to say by ARP where it is, in milliseconds. One that is gone would hold up all behind it. smoltcp asks once in a
/// second, whomever it asked last: an answer may wait that long before its client is asked at all.
const STUCK_MS: u64 = 2_000;

/// Octets of the longest datagram.
const DATAGRAM_LEN: usize = 1_472;

/// All of the board's memory but the stack of calls and the configuration, which is in flash.
pub(crate) struct Board {
    desk: Desk,
    pub(crate) card: Card,
    address: Ipv4Addr,
    stack: Interface,
    sockets: SocketSet<'static>,
    udp: SocketHandle,
    /// Since when the same answers wait in the socket, and how many octets they have.
    waits: Option<(Instant, usize)>,
    datagram: [u8; DATAGRAM_LEN],
}

/// What smoltcp's socket borrows. On a real board it is in a `static_cell::StaticCell`.
pub(crate) struct Buffers {
    sockets: [SocketStorage<'static>; 1],
    received: ([udp::PacketMetadata; 2], [u8; DATAGRAM_LEN]),
    sent: ([udp::PacketMetadata; 2], [u8; DATAGRAM_LEN]),
}

impl Buffers {
    /// Empty.
    pub(crate) const fn new() -> Self {
        let empty = ([udp::PacketMetadata::EMPTY; 2], [0; DATAGRAM_LEN]);
        Self { sockets: [SocketStorage::EMPTY], received: empty, sent: empty }
    }
}

/// 64 KiB, of which half is left for the stack of calls and for what else the board does.
pub(crate) const MEMORY_LEN: usize = size_of::<Board>() + size_of::<Buffers>();
const _: () = assert!(MEMORY_LEN <= 32 * 1_024, "the board has 64 KiB of memory");

impl Board {
    /// The power comes on.
    pub(crate) fn start(
        config: &'static ServerConfig<'static>,
        flash: Flash,
        buffers: &'static mut Buffers,
        now: Instant,
        tell: fn(&Event),
    ) -> Self {
        let home = config.subnets.first().expect("the board serves one network");
        let address = home.server_id.expect("in which it has an address");
        let Buffers { sockets, received, sent } = buffers;
        let buffer = |(packets, octets): &'static mut ([udp::PacketMetadata; 2], [u8; _])| {
            udp::PacketBuffer::new(packets.as_mut_slice(), octets.as_mut_slice())
        };
        let mut socket = udp::Socket::new(buffer(received), buffer(sent));
        socket.bind(SERVER_PORT).expect("a port that is not zero, of a new socket");
        let mut sockets = SocketSet::new(sockets.as_mut_slice());
        let udp = sockets.add(socket);
        let mut card = Card::default();
        let mac = iface::Config::new(EthernetAddress(MAC).into());
        let mut stack = Interface::new(mac, &mut card, in_smoltcp(now));
        stack.update_ip_addrs(|addresses| {
            let cidr = IpCidr::new(address.into(), home.subnet.prefix_len());
            addresses.push(cidr).expect("room for one address");
        });
        let desk = Desk::start(config, flash, now, tell);
        let (waits, datagram) = (None, [0; DATAGRAM_LEN]);
        Self { desk, card, address, stack, sockets, udp, waits, datagram }
    }

    /// One round of the loop: a frame if there is one, else what time demands. The board then sleeps until [`Board::wake_at`] or the next frame.
    pub(crate) fn round(&mut self, now: Instant) {
        match self.card.received.pop_front() {
            Some(frame) => self.take(now, frame),
            None => while self.desk.idle(now) {},
        }
        self.stack.poll(in_smoltcp(now), &mut self.card, &mut self.sockets);
        self.take_datagrams(now);
        self.drop_what_is_stuck(now);
        while let Some(Probe { address, via }) = self.desk.probe(now) {
            // A subnet behind relay agents only would be asked about by ping; this board has none.
            if let Via::Arp(link) = via {
                self.card.send(|frame| Arp::probe(MAC, address).write_frame(link.vlan, frame));
            }
        }
    }

    /// When there is something to do without a frame.
    pub(crate) fn wake_at(&mut self, now: Instant) -> Instant {
        let stack = self.stack.poll_delay(in_smoltcp(now), &self.sockets);
        let stack = stack.map(|delay| now.plus_millis(delay.total_millis()));
        let stuck = self.waits.map(|(since, _)| since.plus_millis(STUCK_MS));
        [stack, stuck].into_iter().flatten().fold(self.desk.wake_at(), Instant::min)
    }

    /// What has a tag is not for this wire. A broadcast for the server is from a client without an address. The rest is smoltcp's, and of ARP we hear who has which address, too.
    fn take(&mut self, now: Instant, frame: Frame) {
        let Ok((ethernet, packet)) = Ethernet::parse(&frame) else { return };
        if ethernet.vlan.is_some() {
            return;
        }
        if ethernet.ethertype == ETHERTYPE_IPV4
            && let Ok(udp) = Udp::parse(packet, Checksums::Verify)
            && udp.destination_port == SERVER_PORT
            && udp.destination.is_broadcast()
        {
            let ingress = Ingress { link: LINK, local: self.address, unicast: false };
            if let Some((transmit, message)) = self.desk.answer(now, &ingress, udp.payload) {
                send(&mut self.card, self.sockets.get_mut(self.udp), &transmit, message);
            }
            return;
        }
        if ethernet.ethertype == ETHERTYPE_ARP
            && let Ok(arp) = Arp::parse(packet)
            && !arp.sender.is_unspecified()
        {
            self.desk.heard(now, arp.sender, HardwareAddr::ethernet(arp.sender_mac));
        }
        let _ = self.card.received.push_front(frame);
    }

    /// What was sent to our own address: renewals, releases, and what relay agents pass on.
    fn take_datagrams(&mut self, now: Instant) {
        let socket: &mut udp::Socket<'_> = self.sockets.get_mut(self.udp);
        while let Ok((len, _)) = socket.recv_slice(&mut self.datagram) {
            let message = self.datagram.get(..len).expect("recv_slice() says how much it wrote");
            let ingress = Ingress { link: LINK, local: self.address, unicast: true };
            if let Some((transmit, message)) = self.desk.answer(now, &ingress, message) {
                send(&mut self.card, socket, &transmit, message);
            }
        }
        self.stack.poll(in_smoltcp(now), &mut self.card, &mut self.sockets);
    }

    /// The socket sends in order, and keeps a datagram for as long as nobody says where its address is. Those clients ask again.
    fn drop_what_is_stuck(&mut self, now: Instant) {
        let socket: &mut udp::Socket<'_> = self.sockets.get_mut(self.udp);
        let len = socket.send_queue();
        let since = self.waits.filter(|(_, before)| *before == len).map_or(now, |(since, _)| since);
        let is_stuck = len > 0 && since.plus_millis(STUCK_MS) <= now;
        if is_stuck {
            socket.close();
            socket.bind(SERVER_PORT).expect("a port that is not zero, of a closed socket");
        }
        self.waits = (len > 0 && !is_stuck).then_some((since, len));
    }

    /// What is known of the addresses, and when it is that.
    pub(crate) fn leases(&self, now: Instant) -> (&Leases, Timestamp) {
        self.desk.leases(now)
    }

    /// The power is cut: only the flash is left.
    pub(crate) fn cut(self) -> Flash {
        self.desk.cut()
    }
}

/// Where answers go (RFC 2131 section 4.1). Who has an address is asked for it by ARP: the socket does that. Who has none is reached by its hardware
/// address, which no socket can do, in a frame of our own.
fn send(card: &mut Card, socket: &mut udp::Socket<'_>, transmit: &Transmit, payload: &[u8]) {
    let (mac, destination) = match transmit.destination {
        // The socket is full only when many cannot be reached. The client asks again.
        Destination::Client(address) => {
            let _ = socket.send_slice(payload, (address, CLIENT_PORT));
            return;
        }
        Destination::Relay(address) => {
            let _ = socket.send_slice(payload, (address, SERVER_PORT));
            return;
        }
        Destination::Hardware { mac, address } => (mac, address),
        Destination::Broadcast => (BROADCAST_MAC, Ipv4Addr::BROADCAST),
    };
    let vlan = transmit.link.vlan;
    let ethernet = Ethernet { destination: mac, source: MAC, vlan, ethertype: ETHERTYPE_IPV4 };
    let (source_port, destination_port) = (SERVER_PORT, CLIENT_PORT);
    let source = transmit.source;
    let udp = Udp { source, destination, source_port, destination_port, payload };
    card.send(|frame| udp.write_frame(&ethernet, frame));
}

/// Both count milliseconds from a zero of ours.
pub(crate) fn in_smoltcp(now: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_millis(i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}
