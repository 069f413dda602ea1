//! Through which sockets do messages come and go? A packet socket on each served interface, one UDP socket for everything else, one for echoes.
//!
//! Each message is taken once: on a served interface the packet socket receives everything, and the UDP socket leaves it out there.
//! Where a reply goes is the core's decision; here it becomes a frame or a datagram.

mod places;

use core::net::Ipv4Addr;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

use dhcp_core::id::HardwareAddr;
use dhcp_core::server::config::Link;
use dhcp_core::server::{Ingress, Probe, Via};
use dhcp_core::time::Instant;
use dhcp_core::wire::frame::arp::Arp;

use self::places::{Inside, Left, Places, Port, Segment, Way};
use crate::config::render::{Place, Rendered};
use crate::net::{
    BATCH_MAX, Datagram, EchoSocket, Filter, InterfaceState, Outgoing, PacketSocket, RecvBatch,
    Sent, UdpSocket,
};
use crate::serve::intake::{Arrival, Intake, WAITING_MAX};
use crate::serve::interfaces::Known;
use crate::serve::outbox::{Outbox, REPLY_LEN_MAX};

/// The server's port and the client's (RFC 2131 section 4.1).
const SERVER_PORT: u16 = 67;
const CLIENT_PORT: u16 = 68;

/// Octets of the longest frame that is sent: a reply with all headers and a tag.
const FRAME_LEN_MAX: usize = REPLY_LEN_MAX + 64;

/// A time stamp further back than this is not believed: the wall clock was set meanwhile.
const AGE_MAX: Duration = Duration::from_secs(60);

/// How often one socket is read at once: in a flood that never ends, what came in is answered nevertheless.
const READS_MAX: usize = WAITING_MAX / BATCH_MAX;

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
    ports: Vec<Port<PacketSocket>>,
    segments: Vec<Segment>,
    /// Our own addresses on all interfaces.
    ours: Vec<Ipv4Addr>,
    numbers: Vec<(u32, u16)>,
    batch: RecvBatch,
    frames: Box<[[u8; FRAME_LEN_MAX]]>,
    counters: PortCounters,
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
        let wants_echo =
            rendered.subnets().iter().any(|subnet| by_echo(&subnet.place) && subnet.ping_check());
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
        for port in place.ports {
            for _ in 0..READS_MAX {
                let received = match port.socket.recv_batch(batch) {
                    Ok(received) => received,
                    // The interface went down, as the watch tells as well.
                    Err(_) => {
                        counters.receive_errors += 1;
                        break;
                    }
                };
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
                            if let Some(answer) = place.answer(port, link, &arp) {
                                send_arp(port, link, &answer);
                            }
                            if place.is_stranger(port, link, &arp) {
                                heard(arp.sender, Some(HardwareAddr::ethernet(arp.sender_mac)));
                            }
                        }
                        Err(Left::ForeignVlan) => counters.foreign_vlan += 1,
                        Err(Left::NotForUs) => counters.not_for_us += 1,
                        Err(Left::Damaged) => counters.damaged += 1,
                    }
                }
                // Fewer than fit: there are no more.
                if received < BATCH_MAX {
                    break;
                }
            }
        }
        for _ in 0..READS_MAX {
            let received = match udp.recv_batch(batch) {
                Ok(received) => received,
                Err(_) => {
                    counters.receive_errors += 1;
                    break;
                }
            };
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
            if received < BATCH_MAX {
                break;
            }
        }
        if let Some(echo) = echo {
            for _ in 0..READS_MAX {
                if !echo.recv_batch(batch).unwrap_or(false) {
                    break;
                }
                echo.answers(batch).for_each(|address| heard(address, None));
            }
        }
    }

    /// Sends the replies that may leave.
    pub(crate) fn send(&mut self, outbox: &mut Outbox) {
        while !outbox.is_empty() {
            self.send_batch(outbox);
            outbox.sent(BATCH_MAX);
        }
    }

    /// Sends the first of them, as many as one system call takes.
    fn send_batch(&mut self, outbox: &Outbox) {
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
                send_arp(port, link, &Arp::probe(port.mac, probe.address));
            }
            Via::Icmp => {
                let _ = self.echo.as_mut().map(|echo| echo.ask(probe.address));
            }
        }
    }
}

/// Lost, an answer is asked for again, and an address is offered unprobed, as in a burst.
fn send_arp(port: &Port<PacketSocket>, link: Link, arp: &Arp) {
    let mut frame = [0; 64];
    let frame = arp.write_frame(link.vlan, &mut frame).and_then(|len| frame.get(..len));
    let _ = frame.map(|frame| port.socket.send(frame));
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
