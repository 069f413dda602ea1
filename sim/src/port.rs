//! How does smoltcp send and receive where there is no hardware? By an Ethernet port with a queue for each direction.

use std::collections::VecDeque;

use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

/// Octets of the longest frame, without a tag and without its check sequence.
const FRAME_LEN: usize = 1_514;

/// An Ethernet port: whoever has the other end of the cable takes what was sent, and puts there what is to be received.
#[derive(Debug, Default)]
pub struct Port {
    /// Frames that came and were not read yet, the oldest first.
    pub received: VecDeque<Vec<u8>>,
    /// Frames that leave, the oldest first.
    pub sent: VecDeque<Vec<u8>>,
}

/// A frame for smoltcp to read.
#[derive(Debug)]
pub struct Received(Vec<u8>);

impl phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

/// Room for a frame that smoltcp writes.
#[derive(Debug)]
pub struct Sending<'p>(&'p mut VecDeque<Vec<u8>>);

impl phy::TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = vec![0; len];
        let written = write(&mut frame);
        self.0.push_back(frame);
        written
    }
}

impl Device for Port {
    type RxToken<'p> = Received;
    type TxToken<'p> = Sending<'p>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sending<'_>)> {
        Some((Received(self.received.pop_front()?), Sending(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        Some(Sending(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_LEN;
        capabilities
    }
}
