//! Which lease, offer or quarantine ends next? A wheel of 49 lists, in which a renewal costs the same whatever the lease time and however many leases.
//!
//! The wheel has a time, in seconds. A slot's list follows from the highest pair of bits in which its end and the wheel's time differ: 16 pairs, three
//! values each that lie ahead, and one list for what is due. When the wheel's time comes to where a list begins, its slots are moved to lower
//! lists, one a step; each slot moves 16 times at most in its life, however long that is. So linking and unlinking are O(1), and a step is O(1); what is over comes out
//! in the order of its end. ADR 0002 has the proof and the alternatives.

use dhcp_core::time::Timestamp;

use crate::lease::{Index, Slot};
use crate::table::free::bit;
use crate::table::list;

/// Bits of time that one level looks at.
const BITS: u32 = 2;

/// Values of a level that lie ahead of the wheel's.
const AHEAD: u32 = (1 << BITS) - 1;

/// Levels that 32 bits of time have.
const LEVELS: u32 = u32::BITS / BITS;

/// The list of what is due.
const DUE: u8 = 0;

/// All lists.
pub(super) const LISTS: usize = (LEVELS * AHEAD) as usize + 1;

const _: () = assert!(LISTS <= u64::BITS as usize, "a bit for each list");
const _: () = assert!(LISTS <= list::IDLE_LIST as usize, "lists of the wheel and others differ");

// As `no_slot` in `table.rs`.
#[cold]
#[inline(never)]
fn not_listed() -> ! {
    panic!("a slot of the wheel is in one of its lists")
}

/// The lists and the wheel's time.
#[derive(Clone, Debug)]
pub(super) struct Wheel<I> {
    heads: [I; LISTS],
    /// Which lists have slots.
    occupied: u64,
    time: u32,
    /// The list whose slots are being moved to lower ones; [`DUE`] when there is none.
    opening: u8,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// This slot is over, and out of the wheel.
    Over(usize),
    /// A slot moved closer to its end.
    Moved,
    /// Nothing is over at that time.
    Rest,
}

impl<I: Index> Wheel<I> {
    pub(super) const fn new() -> Self {
        Self { heads: [I::NONE; LISTS], occupied: 0, time: 0, opening: DUE }
    }

    /// The list for what ends at `until`.
    #[allow(clippy::cast_possible_truncation, reason = "below the number of lists, which is 49")]
    const fn list_for(&self, until: u32) -> u8 {
        if until <= self.time {
            return DUE;
        }
        let level = (u32::BITS - 1 - (until ^ self.time).leading_zeros()) / BITS;
        let value = (until >> (level * BITS)) & AHEAD;
        (level * AHEAD + value) as u8
    }

    /// The time at which the lowest end in this list may be.
    const fn begin_of(&self, list: u8) -> u32 {
        let (level, value) = ((list as u32 - 1) / AHEAD, (list as u32 - 1) % AHEAD + 1);
        let shift = level * BITS;
        // The wheel's bits above the level, the list's value, zeros.
        let above = (self.time as u64 >> (shift + BITS)) << (shift + BITS);
        #[allow(clippy::cast_possible_truncation, reason = "it has the bits of `time` and below")]
        let above = above as u32;
        above | value << shift
    }

    /// Links a slot by its end; what never ends is not linked.
    pub(super) fn link(&mut self, slots: &mut [Slot<I>], slot: usize) {
        let until = slots.get(slot).unwrap_or_else(|| not_listed()).until;
        if until != Timestamp::NEVER {
            let number = self.list_for(until.as_secs());
            let head = self.heads.get_mut(usize::from(number)).unwrap_or_else(|| not_listed());
            list::push_back(slots, head, number, slot);
            self.occupied |= bit(usize::from(number));
        }
    }

    /// Takes a slot out that is in one of the wheel's lists.
    pub(super) fn unlink(&mut self, slots: &mut [Slot<I>], slot: usize) {
        let number = slots.get(slot).unwrap_or_else(|| not_listed()).list;
        let head = self.heads.get_mut(usize::from(number)).unwrap_or_else(|| not_listed());
        list::unlink(slots, head, slot);
        if *head == I::NONE {
            self.occupied &= !bit(usize::from(number));
        }
    }

    /// The slot ends at `until` from now on. Most renewals stay in their list, in which order does not matter until its slots are moved to lower ones: then no other
    /// slot is touched. What is due comes out in the order in which it became due.
    pub(super) fn set_until(&mut self, slots: &mut [Slot<I>], slot: usize, until: Timestamp) {
        let linked = slots.get_mut(slot).unwrap_or_else(|| not_listed());
        let stays = until != Timestamp::NEVER && linked.list != DUE;
        if stays && linked.list == self.list_for(until.as_secs()) {
            linked.until = until;
            return;
        }
        if linked.list != list::NO_LIST {
            self.unlink(slots, slot);
        }
        slots.get_mut(slot).unwrap_or_else(|| not_listed()).until = until;
        self.link(slots, slot);
    }

    /// A bounded piece of work towards `now`.
    pub(super) fn step(&mut self, slots: &mut [Slot<I>], now: Timestamp) -> Step {
        let now = now.as_secs();
        if self.opening == DUE || self.occupied & bit(usize::from(self.opening)) == 0 {
            self.opening = DUE;
            if self.occupied == 0 {
                self.time = self.time.max(now);
                return Step::Rest;
            }
            let lowest = self.occupied.trailing_zeros();
            if lowest > u32::from(DUE) {
                let lowest = u8::try_from(lowest).expect("a bit's number is below 64");
                let begin = self.begin_of(lowest);
                if begin > now {
                    // No list begins in between, so every slot stays in the right one.
                    self.time = self.time.max(now);
                    return Step::Rest;
                }
                self.time = begin;
                self.opening = lowest;
            }
        }
        let head = *self.heads.get(usize::from(self.opening)).unwrap_or_else(|| not_listed());
        let slot = head.get();
        if self.opening == DUE {
            let until = slots.get(slot).unwrap_or_else(|| not_listed()).until.as_secs();
            // Only when time went backwards.
            if until > now {
                return Step::Rest;
            }
            self.unlink(slots, slot);
            return Step::Over(slot);
        }
        self.unlink(slots, slot);
        self.link(slots, slot);
        Step::Moved
    }

    /// Asserts that every slot of the wheel is where its end belongs, and returns how many there are.
    pub(super) fn check(&self, slots: &[Slot<I>]) -> usize {
        let mut count = 0;
        for (number, head) in (0_u8..).zip(self.heads) {
            let occupied = self.occupied & bit(usize::from(number)) != 0;
            assert!(occupied == (head != I::NONE), "the wheel knows which lists have slots");
            for slot in list::iter(slots, head) {
                count += 1;
                assert!(count <= slots.len(), "the wheel's lists are rings");
                let slot = slots.get(slot).unwrap_or_else(|| not_listed());
                assert!(slot.list == number, "a slot knows its list");
                assert!(slot.until != Timestamp::NEVER, "what never ends is not in the wheel");
                let waits = number == self.opening && number != DUE;
                let due = number == self.list_for(slot.until.as_secs());
                assert!(waits || due, "a slot of the wheel is where its end belongs");
            }
        }
        count
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::collections::BTreeSet;
    use std::vec;
    use std::vec::Vec;

    use dhcp_core::rng::Rng;

    use super::*;

    fn slots(ends: &[u32]) -> Vec<Slot<u32>> {
        let mut slots = vec![Slot::FRESH; ends.len()];
        for (slot, end) in slots.iter_mut().zip(ends) {
            slot.until = Timestamp::from_secs(*end);
        }
        slots
    }

    /// All that is over at `now`, in the wheel's order, and how many steps that took.
    fn run(wheel: &mut Wheel<u32>, slots: &mut [Slot<u32>], now: u32) -> (Vec<usize>, usize) {
        let mut over = Vec::new();
        let mut steps = 0;
        loop {
            wheel.check(slots);
            match wheel.step(slots, Timestamp::from_secs(now)) {
                Step::Over(slot) => over.push(slot),
                Step::Moved => {}
                Step::Rest => return (over, steps),
            }
            steps += 1;
        }
    }

    #[test]
    fn what_is_over_comes_out_in_the_order_of_its_end() {
        let ends = [1_700_003_600, 1_700_000_060, u32::MAX, 0, 1_700_003_600, u32::MAX - 1, 5];
        let mut slots = slots(&ends);
        let mut wheel = Wheel::new();
        (0..ends.len()).for_each(|slot| wheel.link(&mut slots, slot));
        assert_eq!(run(&mut wheel, &mut slots, 1_700_000_000).0, [3, 6]);
        assert_eq!(run(&mut wheel, &mut slots, 1_700_000_059).0, [0; 0]);
        assert_eq!(run(&mut wheel, &mut slots, 1_700_000_060).0, [1]);
        assert_eq!(run(&mut wheel, &mut slots, 1_800_000_000).0, [0, 4]);
        assert_eq!(run(&mut wheel, &mut slots, u32::MAX).0, [5], "what has no end stays");
        assert_eq!(wheel.check(&slots), 0);
    }

    /// Ends anywhere, links and unlinks in between: the same as sorting them.
    #[test]
    fn it_keeps_the_order_of_a_sorted_set() {
        for seed in 0..20 {
            let mut rng = Rng::seeded(seed);
            let mut now = rng.below(u32::MAX / 2);
            let mut slots = vec![Slot::<u32>::FRESH; 60];
            let mut wheel = Wheel::new();
            let mut model = BTreeSet::new();
            for _ in 0..2_000 {
                let slot = rng.below(60) as usize;
                let before = slots[slot].until.as_secs();
                if slots[slot].list != list::NO_LIST {
                    wheel.unlink(&mut slots, slot);
                    model.remove(&(before, slot));
                }
                let bits = rng.below(30);
                let until = now + 1 + rng.below(1 << bits);
                slots[slot].until = Timestamp::from_secs(until);
                wheel.link(&mut slots, slot);
                model.insert((until, slot));
                if rng.below(4) > 0 {
                    // Half-way moves stay open for the next link.
                    wheel.step(&mut slots, Timestamp::from_secs(now - 1));
                    wheel.check(&slots);
                    continue;
                }
                let bits = rng.below(20);
                now += rng.below(1 << bits);
                let (over, _) = run(&mut wheel, &mut slots, now);
                let ends: Vec<u32> = over.iter().map(|slot| slots[*slot].until.as_secs()).collect();
                assert!(ends.is_sorted(), "{ends:?}");
                for slot in over {
                    assert!(model.remove(&(slots[slot].until.as_secs(), slot)));
                }
                assert!(model.iter().all(|(until, _)| *until > now), "seed {seed}");
            }
        }
    }

    #[test]
    fn a_slot_moves_at_most_sixteen_times() {
        for end in [1, 3, 4, 0x5555_5555, u32::MAX - 1] {
            let mut slots = slots(&[end]);
            let mut wheel = Wheel::new();
            wheel.link(&mut slots, 0);
            let (over, steps) = run(&mut wheel, &mut slots, u32::MAX);
            assert_eq!(over, [0]);
            assert!(steps <= 17, "{steps} steps for {end}");
        }
    }

    #[test]
    fn a_clock_that_went_backwards_ends_nothing_early() {
        let mut slots = slots(&[100, 50]);
        let mut wheel = Wheel::new();
        wheel.link(&mut slots, 0);
        assert_eq!(run(&mut wheel, &mut slots, 90).0, [0; 0]);
        wheel.link(&mut slots, 1);
        assert_eq!(run(&mut wheel, &mut slots, 49).0, [0; 0]);
        assert_eq!(run(&mut wheel, &mut slots, 50).0, [1]);
        assert_eq!(run(&mut wheel, &mut slots, 100).0, [0]);
    }
}
