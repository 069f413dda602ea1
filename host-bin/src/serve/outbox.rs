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

/// Replies that are being sent, and those that wait for their record: of one batch while that of the one before is synced.
pub const ANSWERS_MAX: usize = 2 * BATCH_MAX;

/// The replies of two batches.
#[derive(Debug)]
pub struct Outbox {
    answers: Box<[Answer]>,
    free: Vec<usize>,
    /// May be sent, in this order.
    ready: Vec<usize>,
}

impl Default for Outbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Outbox {
    /// An empty one. All memory that it ever needs is taken here.
    #[must_use]
    pub fn new() -> Self {
        Self {
            answers: vec![Answer::EMPTY; ANSWERS_MAX].into_boxed_slice(),
            free: (0..ANSWERS_MAX).rev().collect(),
            ready: Vec::with_capacity(ANSWERS_MAX),
        }
    }

    /// Whether there is room for one more reply in what is sent together.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.ready.len() < BATCH_MAX && !self.free.is_empty()
    }

    /// Whether nothing is to be sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// What is to be sent: first what commits us to nothing, in the order of the requests, and what waited as soon as it may.
    pub fn answers(&self) -> impl Iterator<Item = &Answer> {
        self.ready.iter().filter_map(|place| self.answers.get(*place))
    }

    /// Forgets the first `count` of those, which were sent.
    pub fn sent(&mut self, count: usize) {
        self.free.extend(self.ready.drain(..count.min(self.ready.len())));
    }

    /// The next buffer and its place.
    pub(super) fn begin(&mut self, hardware: Option<[u8; 6]>) -> Option<(usize, &mut Answer)> {
        let place = self.free.pop()?;
        let answer = self.answers.get_mut(place)?;
        answer.hardware = hardware;
        answer.transmit = None;
        Some((place, answer))
    }

    /// It may leave.
    pub(super) fn release(&mut self, place: usize, transmit: Transmit) {
        let answer = self.answers.get_mut(place).expect("places are those of answers");
        answer.transmit = Some(transmit);
        self.ready.push(place);
    }

    /// There is none, or it may not leave.
    pub(super) fn withhold(&mut self, place: usize) {
        self.free.push(place);
    }
}
