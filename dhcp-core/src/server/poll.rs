//! What is done without a message from a client? What is over ends, addresses that come next are asked about, and answers are judged.

use core::net::Ipv4Addr;

use crate::id::HardwareAddr;
use crate::server::book::{Ask, Change, Entry, LeaseBook, Standing};
use crate::server::config::Who;
use crate::server::counters::Probing;
use crate::server::probe::Probe;
use crate::server::who::reservation_of;
use crate::server::{Event, Outcome, Reply, Server};
use crate::time::{Instant, Timestamp};

/// How often the book is swept for what is over, in milliseconds, when nothing is overdue.
const SWEEP_PERIOD_MS: u64 = 1_000;

/// How soon a sweep goes on that was cut short, in milliseconds.
const SWEEP_AGAIN_MS: u64 = 1;

/// How many leases one sweep looks at, so that a thousand that end together hold nobody up.
const SWEEP_BUDGET: usize = 64;

impl<B: LeaseBook> Server<'_, B> {
    /// Looks after leases, offers and quarantines that are over, and after the addresses that come next; a bounded piece of work.
    /// `true` when there is more to do at once. Probes may be wanted afterwards: see [`Server::poll_probe`].
    pub fn poll(&mut self, now: Instant) -> bool {
        let stamp = self.clock.read(now);
        let mut more = false;
        if now >= self.sweep_at {
            more = self.book.sweep(stamp, SWEEP_BUDGET);
            let period = if more { SWEEP_AGAIN_MS } else { SWEEP_PERIOD_MS };
            self.sweep_at = now.plus_millis(period);
        }
        if self.vetting.look_at().is_some_and(|look_at| now >= look_at) {
            let book = &self.book;
            let is_free = |address| {
                let entry = book.entry_at(address, stamp);
                entry.is_some_and(|entry| match entry.standing {
                    Standing::Fresh | Standing::Idle => true,
                    Standing::Offered | Standing::Bound | Standing::Quarantined => false,
                })
            };
            let candidates = |subnet, next: &mut [Ipv4Addr]| book.candidates(subnet, stamp, next);
            self.vetting.look(now, self.config, is_free, candidates);
        }
        more
    }

    /// When [`Server::poll`] next has work; after it was called, later than the time that it was called with.
    pub fn poll_timeout(&self) -> Option<Instant> {
        Some(self.vetting.look_at().map_or(self.sweep_at, |look_at| look_at.min(self.sweep_at)))
    }

    /// The next address to ask about, if there is one; to be called after [`Server::handle`] and [`Server::poll`] until there is none. A host
    /// that cannot send probes need not call it.
    pub fn poll_probe(&mut self, now: Instant) -> Option<Probe> {
        let probe = self.vetting.next_probe(now, self.config)?;
        self.counters.count_probe(Probing::Sent);
        Some(probe)
    }

    /// Somebody answered for an address, by ARP or by ICMP echo; `by` is not known of an answer that came through a router. The
    /// host's own answers are not to be reported.
    ///
    /// `None` when nobody asked, when it is the client itself that answered or the station that the address is reserved for, and when the address is in
    /// quarantine already.
    pub fn heard(
        &mut self,
        now: Instant,
        address: Ipv4Addr,
        by: Option<HardwareAddr>,
    ) -> Option<Outcome<'static>> {
        let subnet = self.vetting.subnet_of(address)?;
        let stamp = self.clock.read(now);
        let entry = self.book.entry_at(address, stamp)?;
        let is_its_client = by.is_some() && entry.hardware == by;
        let quarantined = match entry.standing {
            Standing::Offered | Standing::Bound if is_its_client => return None,
            Standing::Idle if is_its_client && self.hold_for_its_client(&entry, stamp) => {
                return None;
            }
            Standing::Fresh | Standing::Idle if self.is_kept_for(&entry, by) => return None,
            // Too late: the client was told that it is free. It finds out itself, and declines.
            Standing::Bound => false,
            Standing::Fresh | Standing::Idle | Standing::Offered => true,
            Standing::Quarantined => return None,
        };
        self.vetting.forget(address);
        self.counters.count_probe(Probing::Answered);
        let until = stamp.plus_secs(self.config.quarantine_secs);
        let changed = quarantined && self.book.quarantine(address, until, stamp);
        let change = changed.then_some(Change::Quarantine { address, until });
        let record = change.and_then(|change| Some((self.pending.push(address)?, change)));
        let event = Event::Conflict { subnet, address, by, quarantined };
        self.counters.count(&event);
        Some(Outcome { reply: Reply::None, record, event })
    }

    /// Whether the configuration keeps the address for the hardware that answered: nobody else is given it, and in quarantine it would be kept from its client.
    /// Who is known by an identifier or a name is not known by an answer.
    fn is_kept_for(&self, entry: &Entry, by: Option<HardwareAddr>) -> bool {
        let subnet = self.config.subnets.get(usize::from(entry.subnet.0));
        let kept = |by| reservation_of(subnet?, Who::Hardware(by))?.address;
        by.and_then(kept) == Some(entry.address)
    }

    /// A client still uses an address that is not leased to it any more: nobody else may be offered it, and when it asks, it gets it.
    fn hold_for_its_client(&mut self, entry: &Entry, now: Timestamp) -> bool {
        let (Some(key), Some(hardware)) = (entry.key, entry.hardware) else { return false };
        let last = self.book.entry_of(entry.subnet, &key, now);
        if entry.reserved || last.is_none_or(|last| last.address != entry.address) {
            return false;
        }
        let ask = Ask {
            subnet: entry.subnet,
            key: &key,
            hardware: &hardware,
            reserved: None,
            requested: Some(entry.address),
            hold_until: now.plus_secs(self.config.offer_hold_secs),
            now,
        };
        self.book.offer(&ask).is_ok_and(|held| held.address == entry.address)
    }
}

const _: () = assert!(SWEEP_AGAIN_MS > 0, "the next deadline is later than now");
