//! How do packets come in and go out, many with one system call? What the sockets for frames, datagrams and echoes have in common.

use core::task::{Context, Poll, ready};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::Socket;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::net::batch::{BATCH_MAX, RecvBatch, Sent};
use crate::net::sys;

/// A socket that the runtime watches.
#[derive(Debug)]
pub(super) struct Watched(AsyncFd<Socket>);

impl Watched {
    /// To be called within a tokio runtime, with a socket that does not block.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn new(socket: Socket) -> io::Result<Self> {
        Ok(Self(sys::register(socket)?))
    }

    pub(super) fn socket(&self) -> &Socket {
        self.0.get_ref()
    }

    /// Receives what is there, up to [`BATCH_MAX`] packets, without waiting. 0 when nothing is there.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn receive(&self, batch: &mut RecvBatch) -> io::Result<usize> {
        let mut receive = || batch.fill(|slots| sys::receive(self.as_fd(), slots));
        match self.0.try_io(Interest::READABLE, |_| receive()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            other => other,
        }
    }

    /// Waits until there may be something to receive. One task at a time can wait.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut guard = ready!(self.0.poll_read_ready(context))?;
        guard.retain_ready();
        Poll::Ready(Ok(()))
    }

    /// Sends up to [`BATCH_MAX`] packets; those beyond count as failed.
    pub(super) fn send<'p>(&self, packets: impl IntoIterator<Item = sys::Message<'p>>) -> Sent {
        let mut messages = [sys::Message { octets: &[], to: None }; BATCH_MAX];
        let mut len = 0;
        let mut beyond = 0;
        for packet in packets {
            match messages.get_mut(len) {
                Some(message) => {
                    *message = packet;
                    len += 1;
                }
                None => beyond += 1,
            }
        }
        let sent = sys::send(self.as_fd(), messages.get(..len).unwrap_or_default());
        Sent { failed: sent.failed + beyond, ..sent }
    }
}

impl AsFd for Watched {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
