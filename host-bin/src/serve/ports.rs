//! Through which sockets do messages come and go? A packet socket on each served interface, one UDP socket for everything else, one for echoes.
//!
//! Each message is taken once: on a served interface the packet socket receives everything, and the UDP socket leaves it out there.
//! Where a reply goes is the core's decision; here it becomes a frame or a datagram.

use core::net::{Ipv4Addr, SocketAddrV4};
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use dhcp_core::id::HardwareAddr;
use dhcp_core::net::Subnet;
use dhcp_core::server::config::Link;
use dhcp_core::server::{Destination, Ingress, Probe, Transmit, Via};
use dhcp_core::time::Instant;
use dhcp_core::wire::frame::arp::{Arp, Operation};
use dhcp_core::wire::frame::ipv4::Udp;
use dhcp_core::wire::frame::{BROADCAST_MAC, ETHERTYPE_ARP, ETHERTYPE_IPV4, Ethernet};

use crate::config::render::{Place, Rendered};
use crate::net::{
    BATCH_MAX, Datagram, EchoSocket, Filter, Frame, InterfaceState, Outgoing, PacketSocket,
    RecvBatch, Sent, UdpSocket,
};
use crate::serve::intake::{Arrival, Intake};
use crate::serve::interfaces::Known;
use crate::serve::outbox::{Answer, Outbox, REPLY_LEN_MAX};

/// The server's port and the client's (RFC 2131 section 4.1).
const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;

/// Octets of the longest frame that is sent: a reply with all headers and a tag.
const FRAME_LEN_MAX: usize = REPLY_LEN_MAX + 64;

/// A time stamp further back than this is not believed: the wall clock was set meanwhile.
const AGE_MAX: Duration = Duration::from_secs(60);

/// What the sockets did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PortCounters {
    /// Replies that left.
    pub(crate) sent: u64,
    /// Replies that did not.
    pub(crate) unsent: u64,
    /// Times that receiving failed.
    pub(crate) receive_errors: u64,
    /// Frames of VLANs that no subnet is on.
    pub(crate) foreign_vlan: u64,
    /// Frames for other hosts' IP addresses.
    pub(crate) not_for_us: u64,
    /// Frames whose headers or checksums are wrong.
    pub(crate) damaged: u64,
}

/// All sockets.
#[derive(Debug)]
pub(crate) struct Ports {
    udp: UdpSocket,
    echo: Option<EchoSocket>,
    ports: Vec<Port>,
    segments: Vec<Segment>,
    /// Our own addresses on all interfaces.
    ours: Vec<Ipv4Addr>,
    numbers: Vec<(u32, u16)>,
    batch: RecvBatch,
    frames: Box<[[u8; FRAME_LEN_MAX]]>,
    counters: PortCounters,
}

/// A served interface.
#[derive(Debug)]
struct Port {
    number: u16,
    mac: [u8; 6],
    addresses: Vec<(Ipv4Addr, u8)>,
    socket: PacketSocket,
}

/// A subnet and where it is attached.
#[derive(Clone, Copy, Debug)]
struct Segment {
    link: Link,
    net: Subnet,
    server_id: Option<Ipv4Addr>,
}

/// How a reply leaves.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// As a frame of this many octets from the port in this place.
    Frame { port: usize, len: usize },
    /// As a datagram.
    Datagram { destination: SocketAddrV4, interface: u32 },
    /// There is none.
    None,
}

impl Ports {
    /// Binds the server's port.
    ///
    /// # Errors
    /// Those of the system: another server has the port, or the right to it is missing.
    pub(crate) fn open() -> io::Result<Self> {
        Ok(Self {
            udp: UdpSocket::bind(SERVER_PORT)?,
            echo: None,
            ports: Vec::new(),
            segments: Vec::new(),
            ours: Vec::new(),
            numbers: Vec::new(),
            batch: RecvBatch::new(),
            frames: vec![[0; FRAME_LEN_MAX]; BATCH_MAX].into_boxed_slice(),
            counters: PortCounters::default(),
        })
    }

    pub(crate) const fn counters(&self) -> &PortCounters {
        &self.counters
    }

    /// Opens and closes sockets so that they fit the configuration and the interfaces; what could not be opened, with the name of
    /// the interface.
    pub(crate) fn fit(&mut self, rendered: &Rendered, known: &Known) -> Vec<(String, io::Error)> {
        let mut failed = Vec::new();
        self.segments.clear();
        for subnet in rendered.subnets() {
            if let Place::On(link) = subnet.place {
                let (net, server_id) = (subnet.net, subnet.server_id);
                self.segments.push(Segment { link, net, server_id });
            }
        }
        let segments = &self.segments;
        let is_served = |number: u16| segments.iter().any(|one| one.link.interface == number);
        self.ports.retain(|port| {
            let there = known.state(port.number);
            is_served(port.number) && there.is_some_and(|it| it.index == port.socket.interface())
        });
        let mut wanted = segments.iter().map(|one| one.link.interface).collect::<Vec<_>>();
        wanted.sort_unstable();
        wanted.dedup();
        for number in wanted {
            let Some(state) = known.state(number) else { continue };
            let Some(mac) = state.mac else { continue };
            match self.ports.iter_mut().find(|port| port.number == number) {
                Some(port) => {
                    port.mac = mac;
                    port.addresses.clone_from(&state.addresses);
                }
                None => match PacketSocket::open(state.index, &Filter::SERVER) {
                    Ok(socket) => {
                        let addresses = state.addresses.clone();
                        self.ports.push(Port { number, mac, addresses, socket });
                    }
                    Err(error) => failed.push((state.name.clone(), error)),
                },
            }
        }
        let all = known.all();
        let addresses = |state: &InterfaceState| state.addresses.clone();
        self.ours = all.iter().flat_map(addresses).map(|(address, _)| address).collect();
        let number =
            |state: &InterfaceState| Some((state.index, known.number_of_index(state.index)?));
        self.numbers = all.iter().filter_map(number).collect();
        let indexes = self.ports.iter().map(|port| port.socket.interface()).collect::<Vec<_>>();
        if let Err(error) = self.udp.ignore(&indexes) {
            failed.push(("UDP".to_owned(), error));
        }
        let by_echo = |place: &Place| matches!(place, Place::Relayed);
        let wants_echo = rendered
            .subnets()
            .iter()
            .any(|subnet| by_echo(&subnet.place) && subnet.ping_check_millis().is_some());
        if wants_echo && self.echo.is_none() {
            let identifier = u16::try_from(std::process::id() & 0xffff).expect("masked");
            match EchoSocket::open(identifier) {
                Ok(echo) => self.echo = Some(echo),
                Err(error) => failed.push(("ICMP".to_owned(), error)),
            }
        }
        failed
    }

    /// Whether messages are received as frames on the interface with this number.
    pub(crate) fn is_open(&self, number: u16) -> bool {
        self.ports.iter().any(|port| port.number == number)
    }

    /// Waits until something can be received.
    pub(crate) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<()> {
        // An error is found by receiving.
        let mut ready = self.udp.poll_readable(context).is_ready();
        for port in &self.ports {
            ready |= port.socket.poll_readable(context).is_ready();
        }
        if let Some(echo) = &self.echo {
            ready |= echo.poll_readable(context).is_ready();
        }
        if ready { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Takes in what is there: messages into `intake`; who uses which address is told to `heard`.
    pub(crate) fn drain(
        &mut self,
        now: Instant,
        intake: &mut Intake,
        heard: &mut impl FnMut(Ipv4Addr, Option<HardwareAddr>),
    ) {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let arrived = |at: Option<Duration>| {
            let age = at.and_then(|at| wall.checked_sub(at)).filter(|age| *age <= AGE_MAX);
            let age = u64::try_from(age.unwrap_or_default().as_millis()).unwrap_or(0);
            Instant::from_millis(now.as_millis().saturating_sub(age))
        };
        let Self { udp, echo, ports, batch, counters, .. } = self;
        let place = Places { ports, segments: &self.segments, ours: &self.ours };
        for (at, port) in place.ports.iter().enumerate() {
            loop {
                match port.socket.recv_batch(batch) {
                    Ok(0) => break,
                    Ok(_) => {}
                    // The interface went down, as the watch tells as well.
                    Err(_) => {
                        counters.receive_errors += 1;
                        break;
                    }
                }
                for frame in PacketSocket::frames(batch) {
                    let at_time = arrived(frame.received_at);
                    match place.read(port, &frame) {
                        Ok(Inside::Message { ingress, hardware, payload }) => {
                            intake.push(&Arrival {
                                ingress,
                                hardware: Some(hardware),
                                at: at_time,
                                payload,
                            })
                        }
                        Ok(Inside::Arp { link, arp }) => {
                            place.answer(at, link, &arp);
                            if place.is_stranger(port, link, &arp) {
                                heard(arp.sender, Some(HardwareAddr::ethernet(arp.sender_mac)));
                            }
                        }
                        Err(Left::ForeignVlan) => counters.foreign_vlan += 1,
                        Err(Left::NotForUs) => counters.not_for_us += 1,
                        Err(Left::Damaged) => counters.damaged += 1,
                    }
                }
            }
        }
        loop {
            match udp.recv_batch(batch) {
                Ok(0) => break,
                Ok(_) => {}
                Err(_) => {
                    counters.receive_errors += 1;
                    break;
                }
            }
            for datagram in UdpSocket::datagrams(batch) {
                let number = self.numbers.iter().find(|(index, _)| *index == datagram.interface);
                let number = number.map_or(0, |(_, number)| *number);
                // It waited in the socket when the packet socket was opened, which has it, too.
                if ports.iter().any(|port| port.number == number) {
                    continue;
                }
                let at = arrived(datagram.received_at);
                let ingress = ingress(number, &datagram);
                let payload = datagram.payload;
                intake.push(&Arrival { ingress, hardware: None, at, payload });
            }
        }
        if let Some(echo) = echo {
            while echo.recv_batch(batch).unwrap_or(false) {
                echo.answers(batch).for_each(|address| heard(address, None));
            }
        }
    }

    /// Sends the replies of a batch.
    pub(crate) fn send(&mut self, outbox: &Outbox) {
        let mut ways = [Way::None; BATCH_MAX];
        let place = Places { ports: &self.ports, segments: &self.segments, ours: &self.ours };
        let rooms = outbox.answers().zip(&mut self.frames).zip(&mut ways);
        for ((answer, frame), way) in rooms {
            *way = place.way(answer, frame, &self.numbers);
            if let Way::None = way {
                self.counters.unsent += 1;
            }
        }
        for (place, port) in self.ports.iter().enumerate() {
            let frames = ways.iter().zip(&self.frames).filter_map(|(way, frame)| match way {
                Way::Frame { port, len } if *port == place => frame.get(..*len),
                Way::Frame { .. } | Way::Datagram { .. } | Way::None => None,
            });
            let mut frames = frames.peekable();
            if frames.peek().is_some() {
                count(&mut self.counters, &port.socket.send_batch(frames));
            }
        }
        let ours = &self.ours;
        let datagrams = ways.iter().zip(outbox.answers()).filter_map(|(way, answer)| match way {
            Way::Datagram { destination, interface } => {
                let (transmit, payload) = answer.message()?;
                // The kernel takes no other address than its own for a source.
                let source = Some(transmit.source).filter(|source| ours.contains(source));
                Some(Outgoing {
                    payload,
                    destination: *destination,
                    source: source.unwrap_or(Ipv4Addr::UNSPECIFIED),
                    interface: *interface,
                })
            }
            Way::Frame { .. } | Way::None => None,
        });
        let mut datagrams = datagrams.peekable();
        if datagrams.peek().is_some() {
            count(&mut self.counters, &self.udp.send_batch(datagrams));
        }
    }

    /// Asks whether anybody uses an address.
    pub(crate) fn probe(&mut self, probe: Probe) {
        match probe.via {
            Via::Arp(link) => {
                let Some(port) = self.ports.iter().find(|port| port.number == link.interface)
                else {
                    return;
                };
                let mut frame = [0; 64];
                let len = Arp::probe(port.mac, probe.address).write_frame(link.vlan, &mut frame);
                let frame = len.and_then(|len| frame.get(..len));
                // A probe that is lost is an address that is offered unprobed, as in a burst.
                let _ = frame.map(|frame| port.socket.send(frame));
            }
            Via::Icmp => {
                let _ = self.echo.as_mut().map(|echo| echo.ask(probe.address));
            }
        }
    }
}

fn count(counters: &mut PortCounters, sent: &Sent) {
    counters.sent += u64::try_from(sent.sent).unwrap_or(0);
    counters.unsent += u64::try_from(sent.failed).unwrap_or(0);
}

fn ingress(number: u16, datagram: &Datagram<'_>) -> Ingress {
    Ingress {
        link: Link { interface: number, vlan: None },
        local: datagram.local,
        unicast: datagram.local == datagram.destination,
    }
}

/// What is in a frame.
enum Inside<'f> {
    Message { ingress: Ingress, hardware: [u8; 6], payload: &'f [u8] },
    Arp { link: Link, arp: Arp },
}

/// Why a frame is left alone.
enum Left {
    ForeignVlan,
    NotForUs,
    Damaged,
}

/// What is known of ports and segments while frames are read and written.
#[derive(Clone, Copy)]
struct Places<'p> {
    ports: &'p [Port],
    segments: &'p [Segment],
    ours: &'p [Ipv4Addr],
}

impl Places<'_> {
    fn on(&self, link: Link) -> impl Iterator<Item = &Segment> {
        self.segments.iter().filter(move |segment| segment.link == link)
    }

    fn read<'f>(&self, port: &Port, frame: &Frame<'f>) -> Result<Inside<'f>, Left> {
        let (ethernet, inside) = frame.parse().map_err(|_| Left::Damaged)?;
        let link = Link { interface: port.number, vlan: ethernet.vlan };
        if ethernet.vlan.is_some() && self.on(link).next().is_none() {
            return Err(Left::ForeignVlan);
        }
        if ethernet.ethertype == ETHERTYPE_ARP {
            let arp = Arp::parse(inside).map_err(|_| Left::Damaged)?;
            return Ok(Inside::Arp { link, arp });
        }
        let udp = Udp::parse(inside, frame.checksums).map_err(|_| Left::Damaged)?;
        let ingress = self.ingress(port, link, udp.destination).ok_or(Left::NotForUs)?;
        Ok(Inside::Message { ingress, hardware: ethernet.source, payload: udp.payload })
    }

    /// `None` when it is for another host: we may be its router.
    fn ingress(&self, port: &Port, link: Link, destination: Ipv4Addr) -> Option<Ingress> {
        let server_ids = || self.on(link).filter_map(|segment| segment.server_id);
        if self.ours.contains(&destination) || server_ids().any(|ours| ours == destination) {
            return Some(Ingress { link, local: destination, unicast: true });
        }
        let mut nets = self.on(link).map(|segment| segment.net);
        let to_all = destination.is_broadcast()
            || nets.any(|net| net.contains(destination) && !net.is_host(destination));
        if !to_all {
            return None;
        }
        // On a VLAN that is served natively the interface's addresses are another segment's.
        let first = port.addresses.first().filter(|_| link.vlan.is_none());
        let local = server_ids().next().or(first.map(|(address, _)| *address));
        let local = local.unwrap_or(Ipv4Addr::UNSPECIFIED);
        Some(Ingress { link, local, unicast: false })
    }

    /// Whether somebody else than this host says that it uses an address of this segment.
    fn is_stranger(&self, port: &Port, link: Link, arp: &Arp) -> bool {
        let here = self.on(link).any(|segment| segment.net.contains(arp.sender));
        here && arp.sender_mac != port.mac && !self.ours.contains(&arp.sender)
    }

    /// On a VLAN that is served natively the kernel does not answer for our address, which clients ask for when they renew.
    fn answer(&self, at: usize, link: Link, arp: &Arp) {
        let is_ours = |segment: &Segment| segment.server_id == Some(arp.target);
        let asks = arp.operation == Operation::Request && arp.sender != arp.target;
        if link.vlan.is_none()
            || !asks
            || self.ours.contains(&arp.target)
            || !self.on(link).any(is_ours)
        {
            return;
        }
        let Some(port) = self.ports.get(at) else { return };
        let reply = Arp {
            operation: Operation::Reply,
            sender_mac: port.mac,
            sender: arp.target,
            target_mac: arp.sender_mac,
            target: arp.sender,
        };
        let mut frame = [0; 64];
        let frame = reply.write_frame(link.vlan, &mut frame).and_then(|len| frame.get(..len));
        // Lost, it is asked for again.
        let _ = frame.map(|frame| port.socket.send(frame));
    }

    /// How a reply leaves; a frame is written.
    fn way(&self, answer: &Answer, frame: &mut [u8], numbers: &[(u32, u16)]) -> Way {
        let Some((transmit, payload)) = answer.message() else { return Way::None };
        let port = self.ports.iter().position(|port| port.number == transmit.link.interface);
        // Back to where it came from: the client itself, or the router on the way to it.
        let back = answer.hardware;
        let (hardware, address, to_port) = match transmit.destination {
            Destination::Broadcast => (Some(BROADCAST_MAC), Ipv4Addr::BROADCAST, CLIENT_PORT),
            Destination::Hardware { mac, address } => (Some(mac), address, CLIENT_PORT),
            Destination::Client(address) => (back, address, CLIENT_PORT),
            // The kernel has a route to a relay agent, unless it hears us on a VLAN that the kernel does not know.
            Destination::Relay(address) => {
                (back.filter(|_| transmit.link.vlan.is_some()), address, SERVER_PORT)
            }
        };
        if let (Some(hardware), Some(port)) = (hardware, port) {
            return self.frame(port, &transmit, hardware, address, to_port, payload, frame);
        }
        let destination = SocketAddrV4::new(address, to_port);
        match transmit.destination {
            Destination::Relay(_) | Destination::Client(_) => {
                Way::Datagram { destination, interface: 0 }
            }
            Destination::Broadcast => {
                let number = transmit.link.interface;
                let index = numbers.iter().find(|(_, known)| *known == number);
                index.map_or(Way::None, |(index, _)| Way::Datagram {
                    destination,
                    interface: *index,
                })
            }
            // Without frames nothing reaches a client that has no address.
            Destination::Hardware { .. } => Way::None,
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of a frame")]
    fn frame(
        &self,
        place: usize,
        transmit: &Transmit,
        hardware: [u8; 6],
        address: Ipv4Addr,
        port: u16,
        payload: &[u8],
        frame: &mut [u8],
    ) -> Way {
        let Some(source) = self.ports.get(place).map(|port| port.mac) else { return Way::None };
        let vlan = transmit.link.vlan;
        let ethernet = Ethernet { destination: hardware, source, vlan, ethertype: ETHERTYPE_IPV4 };
        let udp = Udp {
            source: transmit.source,
            destination: address,
            source_port: SERVER_PORT,
            destination_port: port,
            payload,
        };
        match udp.write_frame(&ethernet, frame) {
            Some(len) => Way::Frame { port: place, len },
            None => Way::None,
        }
    }
}
