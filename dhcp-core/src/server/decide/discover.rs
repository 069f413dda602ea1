//! What is a client offered that looks for an address? RFC 2131 section 4.3.1, and BOOTP clients with a reservation (RFC 1534).
//!
//! Order: the reserved address; what the client has, or had last; what it asks for; a fresh one; the one that is idle for longest. The
//! book knows the order within a subnet; here it is about which subnet of a shared network, and about reservations.

use core::net::Ipv4Addr;

use super::{Case, Decision, Terms, Verdict};
use crate::id::ClientKey;
use crate::server::book::{Ask, Change, Entry, LeaseBook, Standing, Unavailable};
use crate::server::config::SubnetIndex;
use crate::server::{Discard, Refusal};
use crate::time::{LeaseTime, Timestamp};

/// How long an offer is held at most when less than one sixteenth of the pool is free, in seconds.
const OFFER_HOLD_SHORT_SECS: u32 = 10;

/// How many of our own addresses may stand in a pool by mistake before we stop looking for another.
const OWN_ADDRESSES_MAX: usize = 4;

/// What the book holds for the client, and whether the client has or had the same before.
struct Offered {
    entry: Entry,
    again: bool,
}

impl<'p, B: LeaseBook> Case<'_, '_, 'p, B> {
    pub(super) fn discover(&mut self) -> Result<Decision<'p>, Discard> {
        let record = self.give_up_what_is_reserved_for_another();
        let Offered { entry, again } = self.choose()?;
        let config = self.segment.get(entry.subnet).ok_or(Discard::NoSubnet)?;
        let time = self.lease_time(config);
        let terms = Terms { address: entry.address, subnet: entry.subnet, time };
        // What answers for a client's own address is most often the client itself. On its segment that shows in the
        // answer; through a router it does not.
        let vet =
            config.probe && entry.standing != Standing::Bound && !(again && config.link.is_none());
        let vet = vet.then_some((entry.subnet, entry.address));
        Ok(Decision { verdict: Verdict::Offer(terms), record, vet })
    }

    /// A BOOTP client has its address for good; it needs a reservation, because it never gives one back.
    pub(super) fn bootp(&mut self) -> Result<Decision<'p>, Discard> {
        let (subnet, address) = self.reserved().ok_or(Discard::BootpWithoutReservation)?;
        let key = self.key_at(Some(address));
        let pinned = self.entry_at(address).is_some_and(|entry| self.is_pinned(&entry, key));
        let time = LeaseTime::Infinite;
        let record = self
            .grant(address, subnet, key, time, pinned, None)
            .map_err(|_| Discard::ReservationTaken)?;
        Ok(Verdict::Bootp(Terms { address, subnet, time }).with(record))
    }

    fn choose(&mut self) -> Result<Offered, Discard> {
        let reserved = self.reserved();
        if let Some((subnet, address)) = reserved {
            let key = self.key_at(Some(address));
            if let Ok(offered) = self.ask(subnet, key, Some(address), None) {
                return Ok(offered);
            }
            // Somebody else has it. Until that one's next renewal, any other address is better than none.
        }
        if !self.segment.iter().any(|(_, config)| self.serves(config)) {
            return Err(Discard::UnknownClient);
        }
        let wish = self.message.requested_ip();
        let key = self.key_at(wish);
        let first = self
            .entry_of(&key)
            .map(|entry| entry.subnet)
            .or_else(|| Some(self.subnet_of(wish?)?.0));
        let in_order = first.into_iter().chain(self.segment.iter().map(|(subnet, _)| subnet));
        for subnet in in_order {
            let serves = self.segment.get(subnet).is_some_and(|config| self.serves(config));
            if !serves {
                continue;
            }
            if let Ok(offered) = self.ask(subnet, key, None, wish) {
                return Ok(offered);
            }
        }
        Err(if reserved.is_some() { Discard::ReservationTaken } else { Discard::PoolExhausted })
    }

    /// The key to ask with when the client names an address, or one is reserved for it: that of its lease there, if it has
    /// one, else its own.
    pub(super) fn key_at(&self, address: Option<Ipv4Addr>) -> ClientKey {
        let own = self.client.key;
        let living = |entry: &Entry| matches!(entry.standing, Standing::Offered | Standing::Bound);
        if self.entry_of(&own).is_some_and(|entry| living(&entry)) {
            return own;
        }
        address
            .and_then(|address| self.entry_at(address))
            .filter(|entry| self.client.owns(entry))
            .and_then(|entry| entry.key)
            .unwrap_or(own)
    }

    fn ask(
        &mut self,
        subnet: SubnetIndex,
        key: ClientKey,
        reserved: Option<Ipv4Addr>,
        requested: Option<Ipv4Addr>,
    ) -> Result<Offered, Unavailable> {
        let config = self.segment.get(subnet).ok_or(Unavailable::NotOurs)?;
        let requested = requested.filter(|address| config.subnet.contains(*address));
        let hardware = self.client.hardware;
        let (now, hold_until) = (self.now, self.now.plus_secs(self.hold_secs(subnet)));
        let ask =
            Ask { subnet, key: &key, hardware: &hardware, reserved, requested, hold_until, now };
        let before = self.book.entry_of(subnet, &key, now).map(|entry| entry.address);
        for _ in 0..=OWN_ADDRESSES_MAX {
            let entry = self.book.offer(&ask)?;
            if self.is_our_own(config, entry.address) {
                // The interface's address is not always known to whoever wrote the pool.
                self.book.quarantine(entry.address, Timestamp::NEVER, now);
                continue;
            }
            if self.is_reserved_for_another(&entry) {
                return Err(Unavailable::Taken);
            }
            assert!(entry.key == Some(key), "an offer is held for the client that it is made to");
            assert!(entry.subnet == subnet, "an offer is from the subnet that was asked for");
            self.assert_lawful(subnet, entry.address);
            return Ok(Offered { entry, again: before == Some(entry.address) });
        }
        Err(Unavailable::Exhausted)
    }

    /// Offers are held for less when the pool runs short, so that clients that only look do not shut out those who come to stay.
    fn hold_secs(&self, subnet: SubnetIndex) -> u32 {
        let told = self.config.offer_hold_secs;
        let (free, all) = self.book.room(subnet);
        if free < all / 16 { told.min(OFFER_HOLD_SHORT_SECS) } else { told }
    }

    /// A client that looks for an address does not use the one it has. If that is reserved for another now, it would be refused at its next
    /// renewal; so it does not get it again.
    fn give_up_what_is_reserved_for_another(&mut self) -> Option<Change<'p>> {
        let key = self.key_at(self.message.requested_ip());
        let entry = self.entry_of(&key)?;
        let living = matches!(entry.standing, Standing::Offered | Standing::Bound);
        if !living || !self.is_reserved_for_another(&entry) {
            return None;
        }
        let released = self.book.release(entry.address, &key, self.now);
        let bound = entry.standing == Standing::Bound;
        (released && bound).then_some(Change::Release { address: entry.address })
    }

    /// Why the book did not do it, in the words of a NAK.
    pub(super) const fn refusal_for(why: Unavailable) -> Refusal {
        match why {
            Unavailable::Taken => Refusal::NotYours,
            Unavailable::NotOurs | Unavailable::Quarantined | Unavailable::Exhausted => {
                Refusal::NotAvailable
            }
        }
    }
}
