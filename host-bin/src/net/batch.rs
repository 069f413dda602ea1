//! Where do packets stand between the kernel and us? Room for as many as one system call moves, taken once and used again.

use core::net::{Ipv4Addr, SocketAddrV4};
use core::time::Duration;
use std::io;

/// How many packets one call receives or sends.
pub const BATCH_MAX: usize = 64;

/// Octets of the longest packet that is received whole. DHCP messages fit into 1,500.
pub const OCTETS_MAX: usize = 2_048;

/// Packets as they were received together.
#[derive(Debug)]
pub struct RecvBatch {
    slots: Box<[Slot]>,
    filled: usize,
}

/// One packet and what the kernel says of it.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) octets: [u8; OCTETS_MAX],
    pub(super) len: usize,
    pub(super) facts: Facts,
}

/// What the kernel says of a packet; which of it is there depends on the kind of socket.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts {
    /// Longer than the room for it.
    pub(super) truncated: bool,
    /// The interface's index.
    pub(super) interface: u32,
    /// To whom a frame was sent, as in `linux/if_packet.h`.
    pub(super) packet_type: u8,
    /// The tag control information that was taken out of the frame.
    pub(super) tag: Option<u16>,
    /// The checksum over the payload is not filled in.
    pub(super) offloaded: bool,
    /// The sender of a datagram.
    pub(super) source: Option<SocketAddrV4>,
    /// The destination of a datagram.
    pub(super) destination: Option<Ipv4Addr>,
    /// Our address on the interface that a datagram came in on.
    pub(super) local: Option<Ipv4Addr>,
    /// When the kernel received it, since the beginning of 1970.
    pub(super) received_at: Option<Duration>,
}

impl Slot {
    const EMPTY: Self = Self {
        octets: [0; OCTETS_MAX],
        len: 0,
        facts: Facts {
            truncated: false,
            interface: 0,
            packet_type: 0,
            tag: None,
            offloaded: false,
            source: None,
            destination: None,
            local: None,
            received_at: None,
        },
    };

    /// What was received; nothing of a packet that was cut off.
    pub(super) fn packet(&self) -> Option<&[u8]> {
        self.octets.get(..self.len).filter(|_| !self.facts.truncated)
    }
}

impl Default for RecvBatch {
    fn default() -> Self {
        Self::new()
    }
}

impl RecvBatch {
    /// Room for [`BATCH_MAX`] packets.
    #[must_use]
    pub fn new() -> Self {
        Self { slots: vec![Slot::EMPTY; BATCH_MAX].into_boxed_slice(), filled: 0 }
    }

    /// How many packets came in the last call, cut-off ones too.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.filled
    }

    /// Whether none came.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.filled == 0
    }

    pub(super) fn fill(
        &mut self,
        receive: impl FnOnce(&mut [Slot]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        self.filled = 0;
        self.filled = receive(&mut self.slots)?;
        Ok(self.filled)
    }

    pub(super) fn filled(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().take(self.filled)
    }
}

/// What became of packets that were to be sent.
#[derive(Debug, Default)]
pub struct Sent {
    /// How many left.
    pub sent: usize,
    /// How many did not. They are lost, as any packet may be; whoever waits for them asks again.
    pub failed: usize,
    /// Why the last of those did not.
    pub error: Option<io::Error>,
}
