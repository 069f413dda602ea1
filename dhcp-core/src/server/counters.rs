//! How often did what happen? One number for each kind of message, event, refusal and reason of silence, with stable names.

use crate::server::event::{Discard, Event, Refusal};
use crate::wire::message::MessageType;

const RECEIVED: [&str; 10] = [
    "discover",
    "offer",
    "request",
    "decline",
    "ack",
    "nak",
    "release",
    "inform",
    "bootp",
    "unreadable",
];

const PROBES: [&str; 3] = ["sent", "answered", "skipped"];

/// What was counted since the server was made. The numbers wrap after 2^64.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    received: [u64; RECEIVED.len()],
    events: [u64; Event::NAMES.len()],
    refusals: [u64; Refusal::ALL.len()],
    discards: [u64; Discard::ALL.len()],
    probes: [u64; PROBES.len()],
}

/// One number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Count {
    /// What kind of thing was counted.
    pub group: Group,
    /// A stable name in kebab case, the only one in its group.
    pub name: &'static str,
    /// How often.
    pub count: u64,
}

/// What kind of thing was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Group {
    /// Messages that came in, by their type; `unreadable` ones have none.
    Received,
    /// What came of them: [`Event`].
    Event,
    /// Why NAKs were sent: [`Refusal`].
    Refused,
    /// Why there was no answer: [`Discard`].
    Discarded,
    /// Questions whether an address is in use, answers of strangers, and offers that went out without a question because too many were asked.
    Probe,
}

impl Group {
    /// A stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Event => "event",
            Self::Refused => "refused",
            Self::Discarded => "discarded",
            Self::Probe => "probe",
        }
    }
}

/// What became of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probing {
    Sent,
    Answered,
    Skipped,
}

/// What a message was, as far as it could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    Dhcp(MessageType),
    Bootp,
    Unreadable,
}

impl Arrival {
    const fn place(self) -> usize {
        match self {
            Self::Dhcp(MessageType::Discover) => 0,
            Self::Dhcp(MessageType::Offer) => 1,
            Self::Dhcp(MessageType::Request) => 2,
            Self::Dhcp(MessageType::Decline) => 3,
            Self::Dhcp(MessageType::Ack) => 4,
            Self::Dhcp(MessageType::Nak) => 5,
            Self::Dhcp(MessageType::Release) => 6,
            Self::Dhcp(MessageType::Inform) => 7,
            Self::Bootp => 8,
            Self::Unreadable => 9,
        }
    }
}

impl Counters {
    /// All numbers in a fixed order, those that are zero too.
    pub fn iter(&self) -> impl Iterator<Item = Count> + '_ {
        let received = named(Group::Received, RECEIVED.into_iter(), &self.received);
        let events = named(Group::Event, Event::NAMES.iter().copied(), &self.events);
        let refusals = Refusal::ALL.iter().map(|why| why.name());
        let refusals = named(Group::Refused, refusals, &self.refusals);
        let discards = Discard::ALL.iter().map(|why| why.name());
        let discards = named(Group::Discarded, discards, &self.discards);
        let probes = named(Group::Probe, PROBES.into_iter(), &self.probes);
        received.chain(events).chain(refusals).chain(discards).chain(probes)
    }

    pub(super) fn count_arrival(&mut self, arrival: Arrival) {
        add_one(&mut self.received, arrival.place());
    }

    pub(super) fn count_probe(&mut self, probing: Probing) {
        let place = match probing {
            Probing::Sent => 0,
            Probing::Answered => 1,
            Probing::Skipped => 2,
        };
        add_one(&mut self.probes, place);
    }

    pub(super) fn count(&mut self, event: &Event) {
        add_one(&mut self.events, event.place());
        match event {
            Event::Discarded(why) => add_one(&mut self.discards, why.place()),
            Event::Refused(_, why) => add_one(&mut self.refusals, why.place()),
            Event::Offered(_)
            | Event::Acknowledged(_)
            | Event::Informed(_)
            | Event::Released(_)
            | Event::Declined(_)
            | Event::Conflict { .. } => {}
        }
    }
}

fn named<'n>(
    group: Group,
    names: impl Iterator<Item = &'static str> + 'n,
    counts: &'n [u64],
) -> impl Iterator<Item = Count> + 'n {
    names.zip(counts).map(move |(name, count)| Count { group, name, count: *count })
}

// Counted in many places: on a microcontroller a call is less code, and hardly more instructions.
#[cfg_attr(not(target_pointer_width = "64"), inline(never))]
fn add_one(counts: &mut [u64], place: usize) {
    let count = counts.get_mut(place).expect("every kind has a place among the counters");
    *count = count.wrapping_add(1);
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_counter_has_a_name_of_its_own() {
        let counters = Counters::default();
        let names: BTreeSet<_> =
            counters.iter().map(|count| (count.group.name(), count.name)).collect();
        assert_eq!(names.len(), counters.iter().count());
    }

    #[test]
    fn a_silence_is_counted_as_event_and_by_its_reason() {
        let mut counters = Counters::default();
        for why in Discard::ALL {
            counters.count(&Event::Discarded(*why));
        }
        for count in counters.iter() {
            let expected = match count.group {
                Group::Discarded => 1,
                Group::Event if count.name == "discarded" => Discard::ALL.len() as u64,
                Group::Event | Group::Received | Group::Refused | Group::Probe => 0,
            };
            assert_eq!(count.count, expected, "{count:?}");
        }
    }
}
