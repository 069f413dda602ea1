//! Which datagrams are for our port? A UDP socket that knows on which interface and to which address each one came.

use core::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;
use std::os::fd::AsFd as _;

use socket2::{Domain, Protocol, Socket, Type};

use crate::net::batch::{RecvBatch, Sent, Slot};
use crate::net::filter::elsewhere_than;
use crate::net::socket::Watched;
use crate::net::sys;

/// Octets that may wait in the kernel while we are busy.
const RECEIVE_BUFFER: i32 = 4 << 20;

/// How many interfaces a filter can name: the instructions of one are limited to 4,096.
const INTERFACES_MAX: usize = 2_000;

/// A UDP socket on all interfaces.
#[derive(Debug)]
pub struct UdpSocket {
    socket: Watched,
}

/// A datagram as it was received.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'b> {
    /// What is in it.
    pub payload: &'b [u8],
    /// From whom.
    pub source: SocketAddrV4,
    /// To which address it was sent.
    pub destination: Ipv4Addr,
    /// Our own address: the destination, or that of the interface when it was sent to everybody.
    pub local: Ipv4Addr,
    /// The interface's index.
    pub interface: u32,
    /// When the kernel received it, since the beginning of 1970.
    pub received_at: Option<Duration>,
}

/// A datagram to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'p> {
    /// What is in it.
    pub payload: &'p [u8],
    /// To whom.
    pub destination: SocketAddrV4,
    /// Our address, one of the host's; 0.0.0.0 lets the kernel choose.
    pub source: Ipv4Addr,
    /// The index of the interface that it leaves by; 0 lets the kernel route.
    pub interface: u32,
}

impl<'b> Datagram<'b> {
    fn new(slot: &'b Slot) -> Option<Self> {
        let facts = &slot.facts;
        Some(Self {
            payload: slot.packet()?,
            source: facts.source?,
            destination: facts.destination?,
            local: facts.local?,
            interface: facts.interface,
            received_at: facts.received_at,
        })
    }
}

impl UdpSocket {
    /// A socket for datagrams to `port` of any address of ours, and to everybody. To be called within a tokio runtime.
    ///
    /// # Errors
    /// Those of the system: the port is taken, or is below 1,024 and the right to it is missing (`CAP_NET_BIND_SERVICE`).
    pub fn bind(port: u16) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        socket.set_broadcast(true)?;
        sys::want_pktinfo(socket.as_fd())?;
        sys::want_timestamps(socket.as_fd())?;
        sys::set_receive_buffer(socket.as_fd(), RECEIVE_BUFFER)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
        Ok(Self { socket: Watched::new(socket)? })
    }

    /// A socket that speaks with one peer only, which costs the kernel less: see [`UdpSocket::payloads`] and [`UdpSocket::send_to_peer`]. To be called within a
    /// tokio runtime.
    ///
    /// # Errors
    /// As [`UdpSocket::bind`]; and when there is no way to the peer.
    pub fn connect(local: SocketAddrV4, peer: SocketAddrV4) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        sys::set_receive_buffer(socket.as_fd(), RECEIVE_BUFFER)?;
        socket.bind(&local.into())?;
        socket.connect(&peer.into())?;
        Ok(Self { socket: Watched::new(socket)? })
    }

    /// Receives nothing any more that comes in on these interfaces, because a packet socket receives it there. The port stays ours, so
    /// that nobody is told that it is unreachable.
    ///
    /// # Errors
    /// Those of the system.
    pub fn ignore(&self, interfaces: &[u32]) -> io::Result<()> {
        let interfaces = interfaces.get(..INTERFACES_MAX).unwrap_or(interfaces);
        self.socket.socket().attach_filter(&elsewhere_than(interfaces))
    }

    /// Receives what is there, up to [`BATCH_MAX`](crate::net::BATCH_MAX) datagrams, without waiting. 0 when nothing is there.
    ///
    /// # Errors
    /// Those of the system.
    pub fn recv_batch(&self, batch: &mut RecvBatch) -> io::Result<usize> {
        self.socket.receive(batch)
    }

    /// The datagrams in a batch that this socket filled, without those that were cut off.
    pub fn datagrams(batch: &RecvBatch) -> impl Iterator<Item = Datagram<'_>> {
        batch.filled().filter_map(Datagram::new)
    }

    /// What is in the datagrams of a batch that this socket filled, without those that were cut off.
    pub fn payloads(batch: &RecvBatch) -> impl Iterator<Item = &[u8]> {
        batch.filled().filter_map(Slot::packet)
    }

    /// Waits until there may be something to receive.
    ///
    /// # Errors
    /// Those of the system.
    pub async fn readable(&self) -> io::Result<()> {
        core::future::poll_fn(|context| self.poll_readable(context)).await
    }

    /// As [`UdpSocket::readable`], for waiting on several sockets at once. One task at a time can wait.
    ///
    /// # Errors
    /// Those of the system.
    pub fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_readable(context)
    }

    /// Sends up to [`BATCH_MAX`](crate::net::BATCH_MAX) datagrams; those beyond count as failed.
    pub fn send_batch<'p>(&self, datagrams: impl IntoIterator<Item = Outgoing<'p>>) -> Sent {
        self.socket.send(datagrams.into_iter().map(|datagram| {
            let Outgoing { payload, destination, source, interface } = datagram;
            sys::Message { octets: payload, to: Some(sys::To { destination, source, interface }) }
        }))
    }

    /// As [`UdpSocket::send_batch`], on a connected socket.
    pub fn send_to_peer<'p>(&self, payloads: impl IntoIterator<Item = &'p [u8]>) -> Sent {
        self.socket.send(payloads.into_iter().map(|octets| sys::Message { octets, to: None }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::BATCH_MAX;

    /// A socket on a port that the system chooses.
    fn bound() -> (UdpSocket, SocketAddrV4) {
        let socket = UdpSocket::bind(0).unwrap();
        let address = socket.socket.socket().local_addr().unwrap().as_socket_ipv4().unwrap();
        (socket, SocketAddrV4::new(Ipv4Addr::LOCALHOST, address.port()))
    }

    #[tokio::test]
    async fn a_batch_arrives_as_it_was_sent() {
        let ((one, from), (two, to)) = (bound(), bound());
        let source = Ipv4Addr::new(127, 0, 0, 7);
        let payloads: Vec<Vec<u8>> = (0..BATCH_MAX).map(|len| vec![7; len]).collect();
        let outgoing = payloads.iter().map(|payload| Outgoing {
            payload,
            destination: to,
            source,
            interface: 0,
        });
        let sent = one.send_batch(outgoing);
        assert_eq!((sent.sent, sent.failed), (BATCH_MAX, 0), "{:?}", sent.error);
        two.readable().await.unwrap();
        let mut batch = RecvBatch::new();
        assert_eq!(two.recv_batch(&mut batch).unwrap(), BATCH_MAX);
        for (datagram, payload) in UdpSocket::datagrams(&batch).zip(&payloads) {
            assert_eq!(datagram.payload, payload);
            assert_eq!(datagram.source, SocketAddrV4::new(source, from.port()));
            assert_eq!((datagram.destination, datagram.local), (*to.ip(), *to.ip()));
            assert!(datagram.interface > 0 && datagram.received_at.is_some());
        }
        assert_eq!(UdpSocket::datagrams(&batch).count(), BATCH_MAX);
        assert_eq!(two.recv_batch(&mut batch).unwrap(), 0);
        assert!(batch.is_empty());
    }

    #[tokio::test]
    async fn peers_hear_each_other_and_nobody_else() {
        let (stranger, _) = bound();
        let (one, from) = bound();
        let free = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        let two = UdpSocket::connect(free, from).unwrap();
        let to = two.socket.socket().local_addr().unwrap().as_socket_ipv4().unwrap();
        let outgoing =
            |payload| Outgoing { payload, destination: to, source: *from.ip(), interface: 0 };
        assert_eq!(stranger.send_batch([outgoing(b"no")]).sent, 1);
        assert_eq!(one.send_batch([outgoing(b"yes")]).sent, 1);
        two.readable().await.unwrap();
        let mut batch = RecvBatch::new();
        assert_eq!(two.recv_batch(&mut batch).unwrap(), 1);
        assert_eq!(UdpSocket::payloads(&batch).collect::<Vec<_>>(), [b"yes"]);
        assert_eq!(two.send_to_peer([&b"back"[..]]).sent, 1);
        one.readable().await.unwrap();
        assert_eq!(one.recv_batch(&mut batch).unwrap(), 1);
        assert_eq!(UdpSocket::datagrams(&batch).next().unwrap().payload, b"back");
    }

    #[tokio::test]
    async fn one_that_cannot_be_sent_keeps_none_back() {
        let ((one, _), (two, to)) = (bound(), bound());
        let nowhere = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        let foreign = Ipv4Addr::new(192, 0, 2, 1);
        let (good, bad) = ((to, Ipv4Addr::UNSPECIFIED), (nowhere, Ipv4Addr::UNSPECIFIED));
        let all = [bad, good, (to, foreign), good, bad];
        let outgoing = all.map(|(destination, source)| Outgoing {
            payload: b"x",
            destination,
            source,
            interface: 0,
        });
        let sent = one.send_batch(outgoing);
        assert_eq!((sent.sent, sent.failed), (2, 3));
        assert!(sent.error.is_some());
        two.readable().await.unwrap();
        let mut batch = RecvBatch::new();
        assert_eq!(two.recv_batch(&mut batch).unwrap(), 2);
    }

    #[tokio::test]
    async fn a_cut_off_datagram_is_not_shown() {
        let ((one, _), (two, to)) = (bound(), bound());
        let payload = [1; crate::net::OCTETS_MAX + 1];
        let long = Outgoing {
            payload: &payload,
            destination: to,
            source: Ipv4Addr::UNSPECIFIED,
            interface: 0,
        };
        assert_eq!(one.send_batch([long, Outgoing { payload: b"short", ..long }]).sent, 2);
        two.readable().await.unwrap();
        let mut batch = RecvBatch::new();
        assert_eq!(two.recv_batch(&mut batch).unwrap(), 2);
        let seen = UdpSocket::datagrams(&batch).map(|one| one.payload).collect::<Vec<_>>();
        assert_eq!(seen, [b"short"]);
    }

    #[tokio::test]
    async fn what_another_socket_receives_is_left_to_it() {
        let ((one, _), (two, to)) = (bound(), bound());
        let datagram = Outgoing {
            payload: b"x",
            destination: to,
            source: Ipv4Addr::UNSPECIFIED,
            interface: 0,
        };
        let mut batch = RecvBatch::new();
        one.send_batch([datagram]);
        two.readable().await.unwrap();
        assert_eq!(two.recv_batch(&mut batch).unwrap(), 1);
        let loopback = UdpSocket::datagrams(&batch).next().unwrap().interface;
        for (ignored, expected) in
            [(vec![loopback + 1], 1), (vec![7_777, loopback], 0), (vec![], 1)]
        {
            two.ignore(&ignored).unwrap();
            one.send_batch([datagram]);
            // Datagrams on the loopback have arrived when they are sent.
            assert_eq!(receive_now(&two, &mut batch).await, expected, "{ignored:?}");
        }
    }

    /// The runtime has to look at the socket once more before it says that it is readable.
    async fn receive_now(socket: &UdpSocket, batch: &mut RecvBatch) -> usize {
        let wait = Duration::from_millis(50);
        match tokio::time::timeout(wait, socket.readable()).await {
            Ok(ready) => {
                ready.unwrap();
                socket.recv_batch(batch).unwrap()
            }
            Err(_) => 0,
        }
    }
}
