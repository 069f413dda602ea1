//! Is the table in order? Every list, every bit and every bucket against every slot, for tests, the simulation and fuzzing.

use dhcp_core::time::Timestamp;

use super::{LeaseTable, Store, free, list, span};
use crate::lease::{Index, State};

impl<S: Store> LeaseTable<S> {
    /// Asserts all that must hold between operations. This looks at everything, several times.
    ///
    /// # Panics
    /// When something does not hold; the message says what.
    pub fn check(&self) {
        let census = self.census();
        let stand = census.fresh + census.idle + census.offered + census.bound + census.quarantined;
        assert!(stand == self.len(), "every address stands somewhere, and at one place only");
        let placed = self.slots().iter().filter(|slot| slot.place().is_some()).count();
        assert!(placed == self.places as usize, "records are counted");
        self.check_lists();
        self.check_bitmap();
        self.check_index();
    }

    fn check_lists(&self) {
        let mut linked = self.wheel.check(self.slots());
        for pool in self.pools() {
            let of_pool = pool.first.get()..pool.end.get();
            let mut count = 0;
            for number in list::iter(self.slots(), pool.idle) {
                count += 1;
                assert!(count <= self.slots().len(), "the list of idle addresses is a ring");
                assert!(of_pool.contains(&number), "a subnet's list has its own addresses only");
                let slot = self.slot(number);
                assert!(slot.list == list::IDLE_LIST, "a slot knows its list");
                assert!(slot.is_open(), "what is kept for a client is not in the list for all");
                assert!(
                    matches!(slot.state(), State::Idle | State::Nobodys),
                    "the list of idle addresses has no others"
                );
            }
            linked += count;
            let slots = self.slots().get(of_pool).expect("a pool's slots are the table's");
            let fresh = slots.iter().filter(|slot| slot.state() == State::Fresh);
            let fresh = fresh.filter(|slot| slot.is_open()).count();
            assert!(pool.free.get() == fresh + count, "free addresses are counted");
            let open = slots.iter().filter(|slot| !slot.is_reserved()).count();
            assert!(pool.open.get() == open, "open addresses are counted");
        }
        let in_list = |slot: &&crate::lease::Slot<S::Index>| slot.list != list::NO_LIST;
        assert!(linked == self.slots().iter().filter(in_list).count(), "lists hold their slots");
        for slot in self.slots() {
            let belongs = match slot.state() {
                State::Fresh => false,
                State::Idle | State::Nobodys => slot.is_open(),
                State::Offered | State::Bound | State::Quarantined => {
                    slot.until != Timestamp::NEVER
                }
            };
            assert!(belongs == (slot.list != list::NO_LIST), "a slot is listed by its state");
        }
    }

    fn check_bitmap(&self) {
        let mut expected = 0;
        for (number, slot) in self.slots().iter().enumerate() {
            let open = slot.state() == State::Fresh && !slot.is_reserved();
            assert!(
                free::contains(self.storage.columns().words, number) == open,
                "the bitmap has the fresh slots"
            );
            if open {
                let found = free::next(self.storage.columns().words, self.slots().len(), expected);
                assert!(found == Some(number), "the bitmap's levels agree");
                expected = number + 1;
            }
        }
    }

    fn check_index(&self) {
        let entered =
            self.storage.columns().buckets.iter().filter(|slot| **slot != S::Index::NONE).count();
        let clients = self.slots().iter().filter(|slot| slot.state().has_client()).count();
        assert!(entered == clients, "the index has the slots that have a client");
        for (number, slot) in self.slots().iter().enumerate() {
            if !slot.state().has_client() {
                assert!(slot.has_no_hardware(), "nobody has no hardware address");
                assert!(!slot.is_twin() && !slot.is_pinned(), "nobody is no twin and not pinned");
                continue;
            }
            let own =
                self.own(span::subnet_of(self.pools(), number), slot.key(), Timestamp::default());
            let same = if slot.state() == State::Offered { own.offer() } else { own.lease() };
            assert!(same == Some(number), "a client finds its slot");
            let two = own.lease().is_some() && own.offer().is_some();
            assert!(two == slot.is_twin(), "twins know each other");
        }
    }
}
