//! Which message is taken next when there are more than can be answered in time? A queue that is bounded in length and by age.
//!
//! When (what waits) x (time for each) exceeds the time that clients wait, every answer is late and none is of use: the server is busy and nobody is
//! served. So what is older than [`AGE_MS_MAX`] is dropped; a client that is about to get its address (REQUEST) goes before one that begins
//! (DISCOVER); and of a message and its repetition only the newer one is answered. Everything dropped is counted.
//!
//! Of the messages it knows only what it needs to tell them apart; whether one is right is the core's business.

use core::hash::{Hash, Hasher};
use core::net::Ipv4Addr;
use std::collections::{HashMap, VecDeque};

use dhcp_core::id::HardwareAddr;
use dhcp_core::server::Ingress;
use dhcp_core::server::config::Link;
use dhcp_core::time::Instant;

/// How many messages can wait.
pub const WAITING_MAX: usize = 1_024;

/// How long a message may wait, in milliseconds: the most impatient clients ask again after 3 s, and the answer must meet them before.
pub const AGE_MS_MAX: u64 = 2_000;

/// Octets of the longest message: what fits into one frame.
pub const MESSAGE_LEN_MAX: usize = 1_500;

/// A message that came in.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'p> {
    /// Where it came in.
    pub ingress: Ingress,
    /// The sender's hardware address when it came as a frame; none when it came as a datagram.
    pub hardware: Option<[u8; 6]>,
    /// When it came in.
    pub at: Instant,
    /// The UDP payload.
    pub payload: &'p [u8],
}

impl Arrival<'_> {
    /// The client's hardware address, as far as the message is one.
    #[must_use]
    pub fn client(&self) -> Option<HardwareAddr> {
        let [_, htype, hlen, ..] = self.payload else { return None };
        let chaddr = self.payload.get(CHADDR_AT..)?.get(..usize::from(*hlen))?;
        HardwareAddr::new(*htype, chaddr)
    }
}

/// What was dropped, and how many messages there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IntakeCounters {
    /// Messages that came in.
    pub arrived: u64,
    /// Repetitions that came while the message still waited.
    pub coalesced: u64,
    /// Waited longer than [`AGE_MS_MAX`].
    pub stale: u64,
    /// Dropped for a newer or more urgent one, since [`WAITING_MAX`] waited.
    pub overflowed: u64,
    /// Longer than [`MESSAGE_LEN_MAX`].
    pub oversized: u64,
}

/// The messages that wait.
#[derive(Debug)]
pub struct Intake {
    slots: Box<[Slot]>,
    free: Vec<u16>,
    /// Those that come from clients that are being served already.
    urgent: VecDeque<u16>,
    /// Those of clients that begin.
    others: VecDeque<u16>,
    waiting: HashMap<Same, u16>,
    counters: IntakeCounters,
}

#[derive(Clone, Debug)]
struct Slot {
    ingress: Ingress,
    hardware: Option<[u8; 6]>,
    at: Instant,
    same: Option<Same>,
    len: usize,
    payload: [u8; MESSAGE_LEN_MAX],
}

/// What a message and its repetition have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Same {
    link: Link,
    kind: u8,
    xid: [u8; 4],
    giaddr: [u8; 4],
    chaddr: [u8; 16],
}

/// Three words tell most messages apart, and the map's hash is keyed, so that nobody can choose them to collide.
impl Hash for Same {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [xid, giaddr] = [self.xid, self.giaddr].map(u32::from_ne_bytes);
        state.write_u64(u64::from(xid) << 32 | u64::from(giaddr ^ u32::from(self.kind)));
        state.write_u128(u128::from_ne_bytes(self.chaddr));
    }
}

impl Default for Intake {
    fn default() -> Self {
        Self::new()
    }
}

impl Intake {
    /// An empty queue. All memory that it ever needs is taken here.
    ///
    /// # Panics
    /// Never: the places are counted in 16 bits.
    #[must_use]
    pub fn new() -> Self {
        let ingress = Ingress {
            link: Link { interface: 0, vlan: None },
            local: Ipv4Addr::UNSPECIFIED,
            unicast: false,
        };
        let slot = Slot {
            ingress,
            hardware: None,
            at: Instant::ZERO,
            same: None,
            len: 0,
            payload: [0; MESSAGE_LEN_MAX],
        };
        let places = 0..u16::try_from(WAITING_MAX).expect("a thousand places");
        Self {
            slots: vec![slot; WAITING_MAX].into_boxed_slice(),
            free: places.rev().collect(),
            urgent: VecDeque::with_capacity(WAITING_MAX),
            others: VecDeque::with_capacity(WAITING_MAX),
            // Twice the places, so that the map tidies up after removals without growing.
            waiting: HashMap::with_capacity(2 * WAITING_MAX),
            counters: IntakeCounters::default(),
        }
    }

    /// What was counted.
    #[must_use]
    pub const fn counters(&self) -> &IntakeCounters {
        &self.counters
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.urgent.is_empty() && self.others.is_empty()
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.urgent.len() + self.others.len()
    }

    /// Takes a message in.
    pub fn push(&mut self, arrival: &Arrival<'_>) {
        self.counters.arrived += 1;
        if arrival.payload.len() > MESSAGE_LEN_MAX {
            self.counters.oversized += 1;
            return;
        }
        let same = Same::of(arrival);
        if let Some(place) = same.and_then(|same| self.waiting.get(&same).copied()) {
            // It keeps its place in the queue; the newer content counts.
            self.counters.coalesced += 1;
            self.slot(place).fill(arrival, same);
            return;
        }
        let begins = same.is_none_or(|same| same.kind == DISCOVER);
        let Some(place) = self.free.pop().or_else(|| self.make_room(begins)) else { return };
        self.slot(place).fill(arrival, same);
        if let Some(same) = same {
            self.waiting.insert(same, place);
        }
        if begins { self.others.push_back(place) } else { self.urgent.push_back(place) }
    }

    /// The message that is to be answered next, if one is left that is not too old.
    pub fn next(&mut self, now: Instant) -> Option<Arrival<'_>> {
        let place = loop {
            let place = self.urgent.pop_front().or_else(|| self.others.pop_front())?;
            let slot = self.slot(place);
            let (same, age) = (slot.same, now.millis_since(slot.at));
            self.forget(same, place);
            // Free again, but not overwritten before the next push.
            self.free.push(place);
            if age <= AGE_MS_MAX {
                break place;
            }
            self.counters.stale += 1;
        };
        let slot = self.slots.get(usize::from(place)).expect("places are those of slots");
        Some(Arrival {
            ingress: slot.ingress,
            hardware: slot.hardware,
            at: slot.at,
            payload: slot.payload.get(..slot.len).expect("the length was checked"),
        })
    }

    /// Drops the oldest of those that begin, else the oldest of all: its client asks again first. One that begins displaces none that is
    /// nearly served.
    fn make_room(&mut self, begins: bool) -> Option<u16> {
        self.counters.overflowed += 1;
        let urgent = if begins { None } else { Some(&mut self.urgent) };
        let place = self.others.pop_front().or_else(|| urgent?.pop_front())?;
        let same = self.slot(place).same;
        self.forget(same, place);
        Some(place)
    }

    fn forget(&mut self, same: Option<Same>, place: u16) {
        if let Some(same) = same {
            let was = self.waiting.remove(&same);
            assert!(was == Some(place), "what waits is known by one place");
        }
    }

    fn slot(&mut self, place: u16) -> &mut Slot {
        self.slots.get_mut(usize::from(place)).expect("places are those of slots")
    }
}

impl Slot {
    fn fill(&mut self, arrival: &Arrival<'_>, same: Option<Same>) {
        self.ingress = arrival.ingress;
        self.hardware = arrival.hardware;
        self.at = arrival.at;
        self.same = same;
        self.len = arrival.payload.len();
        let room = self.payload.get_mut(..self.len).expect("the length was checked");
        room.copy_from_slice(arrival.payload);
    }
}

// Places in the message (RFC 2131 section 2).
const XID_AT: usize = 4;
const GIADDR_AT: usize = 24;
const CHADDR_AT: usize = 28;
const OPTIONS_AT: usize = 240;

const PAD: u8 = 0;
const MESSAGE_TYPE: u8 = 53;
const DISCOVER: u8 = 1;

impl Same {
    /// `None` for what is too short to be a message, or has no type in its options: it is answered last, if at all.
    fn of(arrival: &Arrival<'_>) -> Option<Self> {
        let payload = arrival.payload;
        Some(Self {
            link: arrival.ingress.link,
            kind: kind(payload.get(OPTIONS_AT..)?)?,
            xid: *payload.get(XID_AT..)?.first_chunk()?,
            giaddr: *payload.get(GIADDR_AT..)?.first_chunk()?,
            chaddr: *payload.get(CHADDR_AT..)?.first_chunk()?,
        })
    }
}

/// The message type, wherever it stands among the options.
fn kind(mut options: &[u8]) -> Option<u8> {
    loop {
        options = match options {
            [PAD, rest @ ..] => rest,
            [MESSAGE_TYPE, 1, kind, ..] => return Some(*kind),
            [_, len, rest @ ..] => rest.get(usize::from(*len)..)?,
            [_] | [] => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: u8 = 3;

    fn message(kind: u8, client: u16) -> Vec<u8> {
        let mut octets = vec![0; OPTIONS_AT];
        octets[CHADDR_AT..CHADDR_AT + 2].copy_from_slice(&client.to_be_bytes());
        octets.extend([0, 12, 2, 53, 53, MESSAGE_TYPE, 1, kind, 255]);
        octets
    }

    fn push_at(intake: &mut Intake, millis: u64, payload: &[u8]) {
        let ingress = Ingress {
            link: Link { interface: 1, vlan: None },
            local: Ipv4Addr::UNSPECIFIED,
            unicast: false,
        };
        let at = Instant::from_millis(millis);
        intake.push(&Arrival { ingress, hardware: None, at, payload });
    }

    fn taken(intake: &mut Intake, millis: u64) -> Vec<Vec<u8>> {
        let now = Instant::from_millis(millis);
        core::iter::from_fn(|| Some(intake.next(now)?.payload.to_vec())).collect()
    }

    #[test]
    fn who_is_nearly_served_goes_first() {
        let mut intake = Intake::new();
        let all = [message(DISCOVER, 1), message(REQUEST, 2), vec![1; 9], message(REQUEST, 3)];
        for payload in &all {
            push_at(&mut intake, 0, payload);
        }
        assert_eq!(intake.len(), 4);
        let [discover, second, stub, third] = all;
        assert_eq!(taken(&mut intake, 0), [second, third, discover, stub]);
        assert!(intake.is_empty());
    }

    #[test]
    fn of_a_message_and_its_repetition_the_newer_is_answered_in_the_place_of_the_older() {
        let mut intake = Intake::new();
        let first = message(DISCOVER, 1);
        let mut again = first.clone();
        again[9] = 4; // secs
        push_at(&mut intake, 0, &first);
        push_at(&mut intake, 0, &message(DISCOVER, 2));
        push_at(&mut intake, 1, &again);
        push_at(&mut intake, 1, &message(REQUEST, 1));
        assert_eq!(intake.counters().coalesced, 1);
        assert_eq!(
            taken(&mut intake, 1),
            [message(REQUEST, 1), again.clone(), message(DISCOVER, 2)]
        );
        push_at(&mut intake, 2, &again);
        assert_eq!(taken(&mut intake, 2), [again], "it was answered: this is a new question");
    }

    #[test]
    fn what_waited_too_long_is_not_answered() {
        let mut intake = Intake::new();
        push_at(&mut intake, 0, &message(REQUEST, 1));
        push_at(&mut intake, 1, &message(DISCOVER, 2));
        assert_eq!(taken(&mut intake, AGE_MS_MAX + 1), [message(DISCOVER, 2)]);
        assert_eq!(intake.counters().stale, 1);
    }

    #[test]
    fn when_it_is_full_the_oldest_of_those_that_begin_makes_room() {
        let mut intake = Intake::new();
        let all = u16::try_from(WAITING_MAX).unwrap();
        for client in 0..all {
            push_at(&mut intake, 0, &message(if client < 3 { DISCOVER } else { REQUEST }, client));
        }
        for client in 0..4 {
            push_at(&mut intake, 0, &message(REQUEST, all + client));
        }
        assert_eq!((intake.counters().overflowed, intake.len()), (4, WAITING_MAX));
        push_at(&mut intake, 0, &message(DISCOVER, 0));
        assert_eq!((intake.counters().overflowed, intake.len()), (5, WAITING_MAX));
        let taken = taken(&mut intake, 0);
        assert_eq!(taken.len(), WAITING_MAX);
        assert_eq!(taken[0], message(REQUEST, 4), "3 was the oldest when no one began any more");
        assert_eq!(taken[WAITING_MAX - 1], message(REQUEST, all + 3));
    }

    #[test]
    fn what_fits_into_no_frame_is_no_message() {
        let mut intake = Intake::new();
        push_at(&mut intake, 0, &[1; MESSAGE_LEN_MAX + 1]);
        push_at(&mut intake, 0, &[1; MESSAGE_LEN_MAX]);
        push_at(&mut intake, 0, &[]);
        assert_eq!((intake.counters().oversized, intake.len()), (1, 2));
        assert_eq!(taken(&mut intake, 0), [vec![1; MESSAGE_LEN_MAX], vec![]]);
    }

    #[test]
    fn every_cut_of_the_options_is_survived() {
        let whole = message(DISCOVER, 1);
        for len in OPTIONS_AT..whole.len() - 1 {
            assert_eq!(kind(&whole[OPTIONS_AT..len]), None, "{len} octets");
        }
        assert_eq!(kind(&[MESSAGE_TYPE, 2, 1, 1, 12, 200]), None);
    }
}
