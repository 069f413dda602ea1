//! Which frames are on this interface? A packet socket: whole frames with any hardware address and tag, received and sent.
//!
//! A socket is opened once and kept: closing one waits for the kernel, some 20 ms.

use core::task::{Context, Poll};
use core::time::Duration;
use std::io;
use std::os::fd::AsFd as _;

use dhcp_core::wire::frame::ipv4::Checksums;
use dhcp_core::wire::frame::{Ethernet, FrameError};
use socket2::{Domain, Socket, Type};

use crate::net::batch::{RecvBatch, Sent, Slot};
use crate::net::filter::Filter;
use crate::net::socket::Watched;
use crate::net::sys;

/// Octets that may wait in the kernel while we are busy.
const RECEIVE_BUFFER: i32 = 4 << 20;

/// The addressees of frames in `linux/if_packet.h`.
const PACKET_BROADCAST: u8 = 1;

/// A socket for frames on one interface.
#[derive(Debug)]
pub struct PacketSocket {
    socket: Watched,
    interface: u32,
}

/// A frame as it was received.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'b> {
    /// Header and contents. The outermost tag is not in it.
    pub octets: &'b [u8],
    /// The outermost tag's VLAN; 0 when it carries a priority only.
    pub vlan: Option<u16>,
    /// Whether the checksum of what is inside can be looked at.
    pub checksums: Checksums,
    /// Whether it was sent to everybody.
    pub broadcast: bool,
    /// When the kernel received it, since the beginning of 1970.
    pub received_at: Option<Duration>,
}

impl<'b> Frame<'b> {
    fn new(slot: &'b Slot) -> Option<Self> {
        let facts = &slot.facts;
        Some(Self {
            octets: slot.packet()?,
            vlan: facts.tag.map(|tag| tag & 0x0fff),
            checksums: if facts.offloaded { Checksums::Offloaded } else { Checksums::Verify },
            broadcast: facts.packet_type == PACKET_BROADCAST,
            received_at: facts.received_at,
        })
    }

    /// The header, with the tag that the kernel took out, and what follows it.
    ///
    /// # Errors
    /// As [`Ethernet::parse`]; [`FrameError::Vlan`] also for a frame with two tags, which is of no VLAN that we serve.
    pub fn parse(&self) -> Result<(Ethernet, &'b [u8]), FrameError> {
        let (ethernet, inside) = Ethernet::parse(self.octets)?;
        let vlan = match (self.vlan, ethernet.vlan) {
            (None, vlan) => vlan,
            (Some(0), None) => None,
            (Some(0x0fff), None) | (Some(_), Some(_)) => return Err(FrameError::Vlan),
            (Some(vlan), None) => Some(vlan),
        };
        Ok((Ethernet { vlan, ..ethernet }, inside))
    }
}

impl PacketSocket {
    /// Opens a socket on the interface with this index, for what the filter lets through. To be called within a tokio runtime.
    ///
    /// # Errors
    /// Those of the system: no right to raw sockets (`CAP_NET_RAW`), no such interface, too many files.
    pub fn open(interface: u32, filter: &Filter) -> io::Result<Self> {
        // Protocol 0: nothing is received before the filter is there.
        let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
        socket.set_nonblocking(true)?;
        socket.attach_filter(&filter.program())?;
        // Where that cannot be, the filter leaves them out.
        let _ = sys::ignore_outgoing(socket.as_fd());
        sys::want_auxdata(socket.as_fd())?;
        sys::want_timestamps(socket.as_fd())?;
        sys::set_receive_buffer(socket.as_fd(), RECEIVE_BUFFER)?;
        sys::bind_packet(socket.as_fd(), interface)?;
        Ok(Self { socket: Watched::new(socket)?, interface })
    }

    /// The interface's index.
    #[must_use]
    pub const fn interface(&self) -> u32 {
        self.interface
    }

    /// Receives frames to other hosts' hardware addresses as well, as long as the socket is open.
    ///
    /// # Errors
    /// Those of the system.
    pub fn set_promiscuous(&self) -> io::Result<()> {
        sys::set_promiscuous(self.socket.as_fd(), self.interface)
    }

    /// Receives what is there, up to [`BATCH_MAX`](crate::net::BATCH_MAX) frames, without waiting. 0 when nothing is there.
    ///
    /// # Errors
    /// Those of the system, such as when the interface went down; the socket goes on when it is up again.
    pub fn recv_batch(&self, batch: &mut RecvBatch) -> io::Result<usize> {
        self.socket.receive(batch)
    }

    /// The frames in a batch that this socket filled, without those that were cut off.
    pub fn frames(batch: &RecvBatch) -> impl Iterator<Item = Frame<'_>> {
        batch.filled().filter_map(Frame::new)
    }

    /// Waits until there may be something to receive.
    ///
    /// # Errors
    /// Those of the system.
    pub async fn readable(&self) -> io::Result<()> {
        core::future::poll_fn(|context| self.poll_readable(context)).await
    }

    /// As [`PacketSocket::readable`], for waiting on several sockets at once. One task at a time can wait.
    ///
    /// # Errors
    /// Those of the system.
    pub fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_readable(context)
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// Those of the system, such as when the interface is down or its queue is full. The frame is lost then, as any may be.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        self.send_batch([frame]).error.map_or(Ok(()), Err)
    }

    /// Sends up to [`BATCH_MAX`](crate::net::BATCH_MAX) frames; those beyond count as failed.
    pub fn send_batch<'f>(&self, frames: impl IntoIterator<Item = &'f [u8]>) -> Sent {
        self.socket.send(frames.into_iter().map(|octets| sys::Message { octets, to: None }))
    }
}
