//! What is between the wire and the rest? A network card with room for two frames in each direction, as smoltcp wants to see it.
//!
//! On a real board this is the driver: its interrupt fills `received`, and `sent` empties into the controller.

use heapless::{Deque, Vec};
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

/// Octets of the longest frame.
pub(crate) const FRAME_LEN: usize = 1_514;

/// One frame.
pub(crate) type Frame = Vec<u8, FRAME_LEN>;

/// The card.
#[derive(Default)]
pub(crate) struct Card {
    pub(crate) received: Deque<Frame, 2>,
    pub(crate) sent: Deque<Frame, 2>,
}

impl Card {
    /// Lets `write` write a frame that says how long it became. A frame for which there is no room is lost, as on any network.
    pub(crate) fn send(&mut self, write: impl FnOnce(&mut [u8]) -> Option<usize>) {
        let mut frame = Frame::from_array([0; FRAME_LEN]);
        if let Some(len) = write(&mut frame) {
            frame.truncate(len);
            let _ = self.sent.push_back(frame);
        }
    }
}

/// A frame for smoltcp to read.
pub(crate) struct Received(Frame);

impl phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

/// Room for a frame that smoltcp writes.
pub(crate) struct Sending<'c>(&'c mut Card);

impl phy::TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = Frame::from_array([0; FRAME_LEN]);
        frame.truncate(len);
        let written = write(&mut frame);
        let _ = self.0.sent.push_back(frame);
        written
    }
}

impl Device for Card {
    type RxToken<'c> = Received;
    type TxToken<'c> = Sending<'c>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sending<'_>)> {
        let frame = self.received.pop_front()?;
        Some((Received(frame), Sending(self)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        (!self.sent.is_full()).then_some(Sending(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_LEN;
        capabilities
    }
}
