//! Does anybody answer beyond a router? ICMP echo requests and their replies, on a raw socket.

use core::net::{Ipv4Addr, SocketAddrV4};
use core::task::{Context, Poll};
use std::io;

use dhcp_core::wire::frame::icmp::Echo;
use socket2::{Domain, Protocol, Socket, Type};

use crate::net::batch::RecvBatch;
use crate::net::socket::Watched;

/// A socket for echo requests.
#[derive(Debug)]
pub struct EchoSocket {
    socket: Watched,
    identifier: u16,
    sequence: u16,
}

impl EchoSocket {
    /// Opens the socket. `identifier` tells our requests from those of others on this host. To be called within a tokio runtime.
    ///
    /// # Errors
    /// Those of the system: no right to raw sockets (`CAP_NET_RAW`).
    pub fn open(identifier: u16) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4))?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket: Watched::new(socket)?, identifier, sequence: 0 })
    }

    /// Asks whether anybody has the address; the kernel routes.
    ///
    /// # Errors
    /// Those of the system, such as when there is no route.
    pub fn ask(&mut self, address: Ipv4Addr) -> io::Result<()> {
        self.sequence = self.sequence.wrapping_add(1);
        let echo = Echo {
            source: Ipv4Addr::UNSPECIFIED,
            destination: address,
            reply: false,
            identifier: self.identifier,
            sequence: self.sequence,
        };
        let destination = SocketAddrV4::new(address, 0);
        self.socket.socket().send_to(&echo.message(), &destination.into()).map(|_| ())
    }

    /// Receives what is there without waiting; `false` when nothing is there.
    ///
    /// # Errors
    /// Those of the system.
    pub fn recv_batch(&self, batch: &mut RecvBatch) -> io::Result<bool> {
        self.socket.receive(batch).map(|received| received > 0)
    }

    /// Who answered our requests, in a batch that this socket filled.
    pub fn answers(&self, batch: &RecvBatch) -> impl Iterator<Item = Ipv4Addr> {
        let packets = batch.filled().filter_map(|slot| slot.packet());
        let echoes = packets.filter_map(|packet| Echo::parse(packet).ok());
        echoes
            .filter(|echo| echo.reply && echo.identifier == self.identifier)
            .map(|echo| echo.source)
    }

    /// As [`PacketSocket::poll_readable`](crate::net::PacketSocket::poll_readable).
    ///
    /// # Errors
    /// Those of the system.
    pub fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_readable(context)
    }
}
