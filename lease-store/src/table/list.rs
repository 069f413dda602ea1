//! What comes before and after a slot? Rings through the slots themselves, each with a head outside of them.
//!
//! A slot is in one list at most, and knows which. The head's slot before is the list's last, so both ends are at hand.

use crate::lease::{Index, Slot};

/// The slot is in no list.
pub(crate) const NO_LIST: u8 = u8::MAX;

/// The list of addresses that are nobody's now, of the slot's own subnet. Smaller numbers are lists of `expiry.rs`.
pub(crate) const IDLE_LIST: u8 = NO_LIST - 1;

// As `no_slot` in `table.rs`.
#[cold]
#[inline(never)]
fn no_link() -> ! {
    panic!("links lead to slots of the table")
}

/// Puts the slot behind the last of the list.
///
/// # Panics
/// When the slot is in a list already.
pub(super) fn push_back<I: Index>(slots: &mut [Slot<I>], head: &mut I, list: u8, slot: usize) {
    let index = I::new(slot);
    let (previous, next) = if *head == I::NONE {
        *head = index;
        (index, index)
    } else {
        let first = *head;
        let last = slots.get(first.get()).unwrap_or_else(|| no_link()).previous;
        slots.get_mut(last.get()).unwrap_or_else(|| no_link()).next = index;
        slots.get_mut(first.get()).unwrap_or_else(|| no_link()).previous = index;
        (last, first)
    };
    let pushed = slots.get_mut(slot).unwrap_or_else(|| no_link());
    assert!(pushed.list == NO_LIST, "a slot is in one list at a time");
    pushed.previous = previous;
    pushed.next = next;
    pushed.list = list;
}

/// Takes the slot out of the list.
pub(super) fn unlink<I: Index>(slots: &mut [Slot<I>], head: &mut I, slot: usize) {
    let taken = slots.get_mut(slot).unwrap_or_else(|| no_link());
    let (previous, next) = (taken.previous, taken.next);
    taken.previous = I::NONE;
    taken.next = I::NONE;
    taken.list = NO_LIST;
    let index = I::new(slot);
    if next == index {
        *head = I::NONE;
        return;
    }
    slots.get_mut(previous.get()).unwrap_or_else(|| no_link()).next = next;
    slots.get_mut(next.get()).unwrap_or_else(|| no_link()).previous = previous;
    if *head == index {
        *head = next;
    }
}

/// The slots of a list, first to last.
pub(super) fn iter<I: Index>(slots: &[Slot<I>], head: I) -> impl Iterator<Item = usize> + '_ {
    let mut at = (head != I::NONE).then_some(head);
    core::iter::from_fn(move || {
        let slot = at?;
        let next = slots.get(slot.get()).unwrap_or_else(|| no_link()).next;
        at = (next != head).then_some(next);
        Some(slot.get())
    })
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    #[test]
    fn a_list_is_in_the_order_of_pushing_whoever_leaves() {
        let mut slots = [Slot::<u16>::FRESH; 5];
        let mut head = u16::NONE;
        for slot in [3, 0, 4, 1] {
            push_back(&mut slots, &mut head, 7, slot);
        }
        let order = |slots: &[Slot<u16>], head| iter(slots, head).collect::<Vec<_>>();
        assert_eq!(order(&slots, head), [3, 0, 4, 1]);
        unlink(&mut slots, &mut head, 4);
        assert_eq!(order(&slots, head), [3, 0, 1]);
        unlink(&mut slots, &mut head, 3);
        push_back(&mut slots, &mut head, 7, 3);
        assert_eq!(order(&slots, head), [0, 1, 3]);
        unlink(&mut slots, &mut head, 3);
        unlink(&mut slots, &mut head, 0);
        unlink(&mut slots, &mut head, 1);
        assert_eq!((order(&slots, head), head), (Vec::new(), u16::NONE));
        assert!(slots.iter().all(|slot| slot.list == NO_LIST));
    }
}
