//! How do the clients' messages travel? As relayed datagrams or as broadcast frames, in batches.

use core::net::{Ipv4Addr, SocketAddrV4};
use core::time::Duration;
use std::io;

use dhcp_core::wire::frame::ipv4::{Checksums, Udp};
use dhcp_core::wire::frame::{BROADCAST_MAC, ETHERTYPE_IPV4, Ethernet};
use dhcp_core::wire::{CLIENT_PORT, SERVER_PORT};
use hydrant::net::{BATCH_MAX, Filter, PacketSocket, RecvBatch, UdpSocket, Watch};
use tokio::time::timeout;

use super::{LoadError, Path};
use crate::packet::{PACKET_LEN_MAX, Request, mac};

/// Room for a message in its frame.
const FRAME_LEN_MAX: usize = PACKET_LEN_MAX + 64;

/// Messages on their way out, and those that came in.
#[derive(Debug)]
pub(super) struct Wire {
    socket: Socket,
    received: RecvBatch,
    outgoing: Vec<[u8; FRAME_LEN_MAX]>,
    lens: Vec<usize>,
    /// Messages that the system did not take.
    pub(super) unsent: u64,
}

#[derive(Debug)]
enum Socket {
    Relay { socket: UdpSocket },
    Broadcast { socket: PacketSocket },
}

impl Wire {
    /// Opens the sockets; within a tokio runtime.
    pub(super) async fn open(path: &Path) -> Result<Self, LoadError> {
        let socket = match path {
            Path::Relay { giaddr, server } => {
                let at_port = |address: &Ipv4Addr| SocketAddrV4::new(*address, SERVER_PORT);
                let socket = UdpSocket::connect(at_port(giaddr), at_port(server));
                let socket = socket.map_err(LoadError::io("use port 67 as a relay agent does"))?;
                Socket::Relay { socket }
            }
            Path::Broadcast { interface } => {
                // From the kernel: /sys shows the interfaces of the network namespace that it was mounted in.
                let all = async { Watch::open()?.interfaces().await };
                let all = all.await.map_err(LoadError::Interfaces)?;
                let found = all.iter().find(|one| one.name == *interface);
                let index = found.ok_or_else(|| LoadError::NoInterface(interface.clone()))?.index;
                let filter = Filter { udp_port: Some(CLIENT_PORT), arp: false, other_hosts: true };
                let socket = PacketSocket::open(index, &filter);
                let socket = socket.map_err(LoadError::io("open a socket for frames"))?;
                socket.set_promiscuous().map_err(LoadError::io("hear what is sent to clients"))?;
                Socket::Broadcast { socket }
            }
        };
        Ok(Self {
            socket,
            received: RecvBatch::new(),
            outgoing: vec![[0; FRAME_LEN_MAX]; BATCH_MAX],
            lens: Vec::with_capacity(BATCH_MAX),
            unsent: 0,
        })
    }

    /// Puts a message among those that leave next.
    pub(super) fn push(&mut self, request: &Request) {
        if self.lens.len() == BATCH_MAX {
            self.flush();
        }
        let room = self.outgoing.get_mut(self.lens.len()).expect("flushed when it was full");
        let len = match &self.socket {
            Socket::Relay { .. } => request.write(room),
            Socket::Broadcast { .. } => write_frame(request, room),
        };
        self.lens.push(len);
    }

    /// Lets them leave.
    pub(super) fn flush(&mut self) {
        if self.lens.is_empty() {
            return;
        }
        let messages = self.outgoing.iter().zip(&self.lens);
        let messages = messages.map(|(octets, len)| octets.get(..*len).unwrap_or_default());
        let sent = match &self.socket {
            Socket::Relay { socket } => socket.send_to_peer(messages),
            Socket::Broadcast { socket } => socket.send_batch(messages),
        };
        self.unsent += sent.failed as u64;
        self.lens.clear();
    }

    /// Takes what is there, without waiting, and shows each payload to `hear`; how many there were.
    pub(super) fn receive(&mut self, mut hear: impl FnMut(&[u8])) -> Result<usize, LoadError> {
        let received = &mut self.received;
        let error = LoadError::io("receive");
        match &self.socket {
            Socket::Relay { socket } => {
                // Before the server is there, its system says so, and that is no answer.
                let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
                let count = match socket.recv_batch(received) {
                    Err(why) if refused(&why) => return Ok(0),
                    other => other.map_err(error)?,
                };
                UdpSocket::payloads(received).for_each(&mut hear);
                Ok(count)
            }
            Socket::Broadcast { socket } => {
                let count = socket.recv_batch(received).map_err(error)?;
                for frame in PacketSocket::frames(received) {
                    let Ok((_, inside)) = frame.parse() else { continue };
                    let Ok(udp) = Udp::parse(inside, Checksums::Offloaded) else { continue };
                    if udp.destination_port == CLIENT_PORT {
                        hear(udp.payload);
                    }
                }
                Ok(count)
            }
        }
    }

    /// Waits until something can be received, but not longer than that.
    pub(super) async fn wait(&self, longest: Duration) -> Result<(), LoadError> {
        let readable = async {
            match &self.socket {
                Socket::Relay { socket } => socket.readable().await,
                Socket::Broadcast { socket } => socket.readable().await,
            }
        };
        match timeout(longest, readable).await {
            Ok(ready) => ready.map_err(LoadError::io("wait for answers")),
            Err(_) => Ok(()),
        }
    }
}

fn write_frame(request: &Request, frame: &mut [u8]) -> usize {
    let mut payload = [0; PACKET_LEN_MAX];
    let len = request.write(&mut payload);
    let ethernet = Ethernet {
        destination: BROADCAST_MAC,
        source: mac(request.client),
        vlan: None,
        ethertype: ETHERTYPE_IPV4,
    };
    let udp = Udp {
        source: request.ciaddr,
        destination: Ipv4Addr::BROADCAST,
        source_port: CLIENT_PORT,
        destination_port: SERVER_PORT,
        payload: payload.get(..len).unwrap_or_default(),
    };
    udp.write_frame(&ethernet, frame).expect("a frame has room for the longest message")
}
