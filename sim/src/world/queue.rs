//! What is due next? Events in the order of their times, and at the same time in the order in which they were made.

use core::cmp::Reverse;
use core::net::Ipv4Addr;
use std::collections::BinaryHeap;
use std::rc::Rc;

use dhcp_core::time::Instant;

use crate::plan::{Deed, Faults, What};

/// Something that happens at a time.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// A frame comes to those on a segment.
    Frame {
        from: usize,
        segment: usize,
        vlan: Option<u16>,
        octets: Rc<[u8]>,
    },
    /// A node's time is over.
    Wake {
        place: usize,
    },
    Incident(What),
    /// One of several deeds of somebody hostile.
    Deed {
        deed: Deed,
        left: u16,
    },
    /// Somebody wants an address whose client has it for less than a second any more.
    Heir {
        vlan: Option<u16>,
        address: Ipv4Addr,
    },
    /// The dials are set.
    Faults(Faults),
    /// The dials are off.
    Calm,
    /// It is checked that nobody waits in vain.
    Look,
}

#[derive(Debug)]
pub(super) struct Due {
    pub(super) at: Instant,
    /// Events at the same time happen in the order in which they were made.
    number: u64,
    pub(super) event: Event,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// The events to come.
#[derive(Debug, Default)]
pub(super) struct Queue {
    numbers: u64,
    heap: BinaryHeap<Reverse<Due>>,
}

impl Queue {
    pub(super) fn push(&mut self, at: Instant, event: Event) {
        self.numbers += 1;
        self.heap.push(Reverse(Due { at, number: self.numbers, event }));
    }

    pub(super) fn pop(&mut self) -> Option<Due> {
        self.heap.pop().map(|Reverse(due)| due)
    }
}
