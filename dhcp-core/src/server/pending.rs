//! Which changes are on their way to the journal? A small ring in the order of their numbers; it knows no message and no book.

use core::net::Ipv4Addr;

use crate::server::{Durable, Lsn};

/// How many changes may be on their way at once. A host that takes up to this many packets before it syncs is never told to wait.
pub const PENDING_MAX: usize = 64;

/// The changes that were given out and not yet reported durable, oldest first.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    entries: [(Lsn, Ipv4Addr); PENDING_MAX],
    first: usize,
    len: usize,
    last: Lsn,
}

impl Pending {
    pub(super) const fn new() -> Self {
        let entries = [(Lsn::ZERO, Ipv4Addr::UNSPECIFIED); PENDING_MAX];
        Self { entries, first: 0, len: 0, last: Lsn::ZERO }
    }

    pub(super) const fn is_full(&self) -> bool {
        self.len == PENDING_MAX
    }

    /// Gives the next number to a change of `address`; `None` when the ring is full.
    pub(super) fn push(&mut self, address: Ipv4Addr) -> Option<Lsn> {
        if self.is_full() {
            return None;
        }
        self.last = self.last.next();
        let place = self.entries.get_mut((self.first + self.len) % PENDING_MAX)?;
        *place = (self.last, address);
        self.len += 1;
        Some(self.last)
    }

    /// The newest change of `address` that is on its way.
    pub(super) fn newest_of(&self, address: Ipv4Addr) -> Option<Lsn> {
        // From the newest on: a message that waits most often waits for its own change.
        let mut newest_first = (0..self.len).rev().filter_map(|place| self.at(place));
        newest_first.find(|(_, pending)| *pending == address).map(|(lsn, _)| lsn)
    }

    /// The journal reached `durable`.
    ///
    /// # Panics
    /// When the journal reports a change that it was never given: it is the caller's fault, and ACKs would leave without a record.
    pub(super) fn durable(&mut self, durable: Durable) {
        assert!(durable.lsn() <= self.last, "the journal cannot have a change that was never made");
        while self.oldest().is_some_and(|(lsn, _)| lsn <= durable.lsn()) {
            self.pop();
        }
    }

    /// Takes out the oldest.
    pub(super) fn pop(&mut self) -> Option<(Lsn, Ipv4Addr)> {
        let oldest = self.oldest()?;
        self.first = (self.first + 1) % PENDING_MAX;
        self.len -= 1;
        Some(oldest)
    }

    fn oldest(&self) -> Option<(Lsn, Ipv4Addr)> {
        if self.len == 0 { None } else { self.at(0) }
    }

    /// The change at this place, counted from the oldest.
    fn at(&self, place: usize) -> Option<(Lsn, Ipv4Addr)> {
        self.entries.get((self.first + place) % PENDING_MAX).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn address(last: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 1, last)
    }

    #[test]
    fn numbers_go_on_when_the_ring_has_gone_round() {
        let mut pending = Pending::new();
        for round in 0..5 {
            for place in 0..64 {
                let lsn = pending.push(address(place)).unwrap();
                assert_eq!(lsn.get(), round * 64 + u64::from(place) + 1);
            }
            assert!(pending.is_full() && pending.push(address(0)).is_none());
            pending.durable(Durable::synced_up_to(pending.last));
        }
        assert_eq!(pending.oldest(), None);
    }

    #[test]
    fn the_newest_change_of_an_address_is_found_until_it_is_durable() {
        let mut pending = Pending::new();
        let first = pending.push(address(1)).unwrap();
        pending.push(address(2)).unwrap();
        let second = pending.push(address(1)).unwrap();
        assert_eq!(pending.newest_of(address(1)), Some(second));
        pending.durable(Durable::synced_up_to(first));
        assert_eq!(pending.newest_of(address(1)), Some(second));
        pending.durable(Durable::synced_up_to(second));
        assert_eq!(pending.newest_of(address(1)), None);
    }

    #[test]
    #[should_panic(expected = "never made")]
    fn a_journal_cannot_be_ahead_of_the_changes() {
        Pending::new().durable(Durable::synced_up_to(Lsn::ZERO.next()));
    }
}
