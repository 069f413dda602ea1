//! What is a client offered that looks for an address? RFC 2131 section 4.3.1, and BOOTP clients with a reservation (RFC 1534).
//!
//! Order: the reserved address; what the client has, or had last; what it asks for; a fresh one; the one that is idle for longest. The
//! book knows the order within a subnet; here it is about which subnet of a shared network, and about reservations.

use core::net::Ipv4Addr;

use super::{Case, Terms, Verdict};
use crate::id::ClientKey;
use crate::server::book::{Ask, Change, Holding, LeaseBook, Standing, Unavailable};
use crate::server::config::{SubnetConfig, SubnetIndex};
use crate::server::{Discard, Refusal};
use crate::time::{LeaseTime, Timestamp};

/// How long an offer is held at most when less than one sixteenth of the pool is free, in seconds.
const OFFER_HOLD_SHORT_SECS: u32 = 10;

/// How often the book is asked before we give up: each time it may come up with an address of our own, which stands in the pool by mistake.
const TRIES_MAX: usize = 5;

/// What the client is known as, and what it holds under that key: see [`Case::find`].
pub(super) struct Known<F> {
    pub(super) key: ClientKey,
    pub(super) held: Option<Holding>,
    /// What the book found in the subnet of what it holds, or in the first of the segment; taken by the first who asks for an address, which may change
    /// the book.
    pub(super) found: Option<(SubnetIndex, F)>,
}

/// What the book holds for the client, and whether the client has or had the same before.
struct Offered<'c> {
    held: Holding,
    again: bool,
    config: &'c SubnetConfig<'c>,
}

impl<'c, B: LeaseBook> Case<'_, 'c, '_, B> {
    pub(super) fn discover(&mut self) -> Result<Verdict, Discard> {
        let wish = self.message.requested_ip();
        let mut known = self.known_at(wish);
        if self.give_up_what_is_reserved_for_another(&known) {
            known = self.known_at(wish);
        }
        let Offered { held, again, config } = self.choose(wish, &mut known)?;
        let Holding { address, subnet, standing, .. } = held;
        let time = self.lease_time(config);
        // What answers for a client's own address is most often the client itself. On its segment that shows in the
        // answer; through a router it does not.
        let vet = config.probe && standing != Standing::Bound && !(again && config.link.is_none());
        self.vet = vet.then_some((subnet, address));
        Ok(Verdict::Offer(Terms { address, subnet, time }))
    }

    /// A BOOTP client has its address for good; it needs a reservation, because it never gives one back.
    pub(super) fn bootp(&mut self) -> Result<Verdict, Discard> {
        let (subnet, address) = self.reserved().ok_or(Discard::BootpWithoutReservation)?;
        let config = self.segment.get(subnet).ok_or(Discard::NoSubnet)?;
        let Known { key, .. } = self.known_at(Some(address));
        let (there, spot) = self.look(address, &key).ok_or(Discard::ReservationTaken)?;
        let pinned = self.is_pinned(&there.holding, || there.own);
        let terms = Terms { address, subnet, time: LeaseTime::Infinite };
        self.assert_lawful(subnet, config, address);
        self.grant(&terms, spot, &key, pinned, None).map_err(|_| Discard::ReservationTaken)?;
        Ok(Verdict::Bootp(terms))
    }

    fn choose(
        &mut self,
        wish: Option<Ipv4Addr>,
        known: &mut Known<B::Found>,
    ) -> Result<Offered<'c>, Discard> {
        let reserved = self.reserved();
        if let Some((subnet, address)) = reserved {
            let mut known_there = self.known_at(Some(address));
            if let Ok(offered) = self.ask(subnet, &mut known_there, Some(address), None) {
                return Ok(offered);
            }
            // Somebody else has it. Until that one's next renewal, any other address is better than none.
            *known = self.known_at(wish);
        }
        let first = match &known.held {
            Some(held) => Some(held.subnet),
            None => wish.and_then(|wish| self.subnet_of(wish)).map(|(subnet, _)| subnet),
        };
        let in_order = first.into_iter().chain(self.segment.iter().map(|(subnet, _)| subnet));
        for subnet in in_order {
            if let Ok(offered) = self.ask(subnet, known, None, wish) {
                return Ok(offered);
            }
        }
        Err(if reserved.is_some() {
            Discard::ReservationTaken
        } else if self.segment.iter().any(|(_, config)| self.serves(config)) {
            Discard::PoolExhausted
        } else {
            Discard::UnknownClient
        })
    }

    /// What the client is known as when it names an address, or one is reserved for it: by the key of its lease there, if it has
    /// one, else by its own.
    pub(super) fn known_at(&self, address: Option<Ipv4Addr>) -> Known<B::Found> {
        let mut known = Known { key: self.client.key, held: None, found: None };
        self.find(&mut known);
        if let Some(address) = address
            && !known.held.as_ref().is_some_and(Holding::is_living)
            && let Some(there) = self.entry_at(address)
            && self.client.owns(&there)
            && let Some(other) = there.key
            && other != known.key
        {
            known.key = other;
            self.find(&mut known);
        }
        known
    }

    fn ask(
        &mut self,
        subnet: SubnetIndex,
        known: &mut Known<B::Found>,
        reserved: Option<Ipv4Addr>,
        requested: Option<Ipv4Addr>,
    ) -> Result<Offered<'c>, Unavailable> {
        let config = self.segment.get(subnet).filter(|config| self.serves(config));
        let config = config.ok_or(Unavailable::NotOurs)?;
        let requested = requested.filter(|address| config.subnet.contains(*address));
        let mut found = match known.found.take() {
            Some((of, found)) if of == subnet => Some(found),
            Some(_) | None => None,
        };
        let Known { key, held, .. } = &*known;
        let before = match held {
            Some(held) if held.subnet == subnet => Some(held.address),
            Some(_) => {
                let (held, found_here) = self.search(subnet, key);
                found = Some(found_here);
                held.map(|held| held.address)
            }
            None => None,
        };
        let hardware = self.client.hardware;
        let (now, hold_until) = (self.now, self.now.plus_secs(self.hold_secs(subnet)));
        let ask = Ask { subnet, key, hardware, reserved, requested, hold_until, now };
        for _ in 0..TRIES_MAX {
            let held = match found.take() {
                Some(found) => self.book.offer_found(&ask, found),
                None => self.book.offer(&ask),
            }?;
            if self.is_our_own(config, held.address) {
                // The interface's address is not always known to whoever wrote the pool.
                self.book.quarantine(held.address, Timestamp::NEVER, now);
                continue;
            }
            if self.is_reserved_for_another(&held) {
                return Err(Unavailable::Taken);
            }
            assert!(held.subnet == subnet, "an offer is from the subnet that was asked for");
            debug_assert!(
                self.is_kept_under(held.address, key),
                "an offer is held for the client that it is made to"
            );
            self.assert_lawful(subnet, config, held.address);
            return Ok(Offered { held, again: before == Some(held.address), config });
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
    /// renewal; so it does not get it again. Whether that changed anything.
    fn give_up_what_is_reserved_for_another(&mut self, known: &Known<B::Found>) -> bool {
        let Some(held) = known.held.filter(Holding::is_living) else { return false };
        if !self.is_reserved_for_another(&held) {
            return false;
        }
        let released = self.book.release(held.address, &known.key, self.now);
        if released && held.standing == Standing::Bound {
            self.record = Some(Change::Release { address: held.address });
        }
        released
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
