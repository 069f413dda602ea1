//! What leaves after a batch? At most one reply for each message that was taken, in buffers that are used again.

use dhcp_core::server::Transmit;

use crate::net::BATCH_MAX;

/// Octets of the longest reply: an Ethernet frame's worth without the headers of IP and UDP.
pub const REPLY_LEN_MAX: usize = 1_472;

/// A reply, and whom it answers.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The hardware address that the request came from; none when it came as a datagram.
    pub hardware: Option<[u8; 6]>,
    /// How it is to be sent; none: it is not.
    pub transmit: Option<Transmit>,
    pub(super) octets: [u8; REPLY_LEN_MAX],
}

impl Answer {
    const EMPTY: Self = Self { hardware: None, transmit: None, octets: [0; REPLY_LEN_MAX] };

    /// The message and how it is to be sent, when it is to be.
    #[must_use]
    pub fn message(&self) -> Option<(Transmit, &[u8])> {
        let transmit = self.transmit?;
        Some((transmit, self.octets.get(..transmit.len)?))
    }
}

/// The replies of one batch.
#[derive(Debug)]
pub struct Outbox {
    answers: Box<[Answer]>,
    taken: usize,
}

impl Default for Outbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Outbox {
    /// Room for one batch.
    #[must_use]
    pub fn new() -> Self {
        Self { answers: vec![Answer::EMPTY; BATCH_MAX].into_boxed_slice(), taken: 0 }
    }

    /// Forgets the last batch.
    pub fn clear(&mut self) {
        self.taken = 0;
    }

    /// Whether there is room for one more reply.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.taken < self.answers.len()
    }

    /// What is to be sent, in the order of the requests.
    pub fn answers(&self) -> impl Iterator<Item = &Answer> {
        self.answers.iter().take(self.taken).filter(|answer| answer.transmit.is_some())
    }

    /// The next buffer and its place.
    pub(super) fn begin(&mut self, hardware: Option<[u8; 6]>) -> Option<(usize, &mut Answer)> {
        let place = self.taken;
        let answer = self.answers.get_mut(place)?;
        answer.hardware = hardware;
        answer.transmit = None;
        self.taken += 1;
        Some((place, answer))
    }

    /// What was held back may leave.
    pub(super) fn release(&mut self, place: usize, transmit: Transmit) {
        let answer = self.answers.get_mut(place).expect("a held reply has a place in this batch");
        answer.transmit = Some(transmit);
    }
}
