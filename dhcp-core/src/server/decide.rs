//! May the client have it? One message with all that is known about it, and what is decided; nothing here is about octets.
//!
//! The rules are in the files below: what is offered ([`discover`]), what is granted or refused ([`request`]), what is taken
//! back ([`give_back`]). The book changes at once; a change that must be recorded is part of the decision.

mod discover;
mod give_back;
mod request;

use core::net::Ipv4Addr;

use crate::id::ClientKey;
use crate::net::Range;
use crate::server::book::{Change, Entry, Grant, Granted, LeaseBook, Standing, Unavailable};
use crate::server::config::{ServerConfig, SubnetConfig, SubnetIndex};
use crate::server::select::Segment;
use crate::server::who::Client;
use crate::server::{Deal, Discard, Ingress, Refusal};
use crate::time::{LeaseTime, Timestamp};
use crate::wire::message::{Message, MessageType};

/// One message, and everything that its answer depends on.
#[derive(Debug)]
pub(super) struct Case<'a, 'c, 'p, B> {
    pub(super) book: &'a mut B,
    pub(super) config: &'c ServerConfig<'c>,
    pub(super) ingress: &'a Ingress,
    pub(super) message: Message<'p>,
    pub(super) segment: Segment<'c>,
    pub(super) client: Client<'p, 'c>,
    /// For people, sanitised.
    pub(super) name: &'p [u8],
    pub(super) now: Timestamp,
}

/// What is to be said, and what is to be recorded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decision<'p> {
    pub(super) verdict: Verdict,
    pub(super) record: Option<Change<'p>>,
    /// An address that must not be offered without asking whether somebody uses it.
    pub(super) vet: Option<(SubnetIndex, Ipv4Addr)>,
}

/// What is to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// OFFER.
    Offer(Terms),
    /// ACK of a lease.
    Ack(Terms),
    /// The reply to a BOOTP client.
    Bootp(Terms),
    /// NAK.
    Nak(SubnetIndex, Ipv4Addr, Refusal),
    /// ACK of an INFORM.
    Inform(SubnetIndex),
    /// Nothing; the lease ended.
    Released(SubnetIndex, Ipv4Addr),
    /// Nothing; the address is in quarantine.
    Declined(SubnetIndex, Ipv4Addr),
}

/// What a client is offered or leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) address: Ipv4Addr,
    pub(super) subnet: SubnetIndex,
    pub(super) time: LeaseTime,
}

impl Verdict {
    const fn with<'p>(self, record: Option<Change<'p>>) -> Decision<'p> {
        Decision { verdict: self, record, vet: None }
    }
}

impl<'c, 'p, B: LeaseBook> Case<'_, 'c, 'p, B> {
    /// What is done about the message.
    ///
    /// # Errors
    /// Why it gets no answer.
    pub(super) fn decide(&mut self, kind: Option<MessageType>) -> Result<Decision<'p>, Discard> {
        match kind {
            Some(MessageType::Discover) => self.discover(),
            Some(MessageType::Request) => self.request(),
            Some(MessageType::Decline) => self.decline(),
            Some(MessageType::Release) => self.release(),
            Some(MessageType::Inform) => self.inform(),
            Some(MessageType::Offer | MessageType::Ack | MessageType::Nak) => {
                Err(Discard::ServerMessage)
            }
            None => self.bootp(),
        }
    }

    /// RFC 2131 section 4.3.5: options for a client that has its address from elsewhere. Nothing is looked up or kept.
    fn inform(&self) -> Result<Decision<'p>, Discard> {
        let ciaddr = self.message.ciaddr();
        if ciaddr.is_unspecified() {
            return Err(Discard::NoAddress);
        }
        let (subnet, config) = self.subnet_of(ciaddr).ok_or(Discard::OtherSegment)?;
        if !config.subnet.is_host(ciaddr) {
            return Err(Discard::OtherSegment);
        }
        self.check_link(config)?;
        Ok(Verdict::Inform(subnet).with(None))
    }

    /// What is known about this client, as events tell it.
    pub(super) const fn deal(&self, subnet: SubnetIndex, address: Ipv4Addr) -> Deal {
        Deal { hardware: self.client.hardware, address, subnet }
    }

    /// Where the address stands, if it is an address of ours.
    fn entry_at(&self, address: Ipv4Addr) -> Option<Entry> {
        let entry = self.book.entry_at(address, self.now)?;
        assert!(entry.address == address, "the book speaks of the address that it was asked about");
        Some(entry)
    }

    /// The subnet on this segment that the address belongs to. Pools on different terms are subnets of the same network; the book
    /// knows which of them has the address.
    fn subnet_of(&self, address: Ipv4Addr) -> Option<(SubnetIndex, &'c SubnetConfig<'c>)> {
        let known = self.entry_at(address).and_then(|entry| {
            let config = self.segment.get(entry.subnet)?;
            config.subnet.contains(address).then_some((entry.subnet, config))
        });
        known.or_else(|| self.segment.containing(address))
    }

    /// The address that the client has, is offered or had last on this segment: a living one before a remembered one.
    fn entry_of(&self, key: &ClientKey) -> Option<Entry> {
        let rank = |entry: &Entry| match entry.standing {
            Standing::Bound => 3,
            Standing::Offered => 2,
            Standing::Idle => 1,
            Standing::Fresh | Standing::Quarantined => 0,
        };
        // A loop, since an entry that goes through an iterator's adapters is copied by each.
        let mut best: Option<Entry> = None;
        for (subnet, _) in self.segment.iter() {
            let found = self.book.entry_of(subnet, key, self.now);
            let Some(entry) = &found else { continue };
            let asked = entry.key.as_ref() == Some(key);
            assert!(asked, "the book speaks of the client that it was asked about");
            if best.as_ref().is_none_or(|best| rank(best) <= rank(entry)) {
                best = found;
            }
        }
        best
    }

    /// Whether the subnet serves this client at all.
    const fn serves(&self, subnet: &SubnetConfig<'_>) -> bool {
        subnet.serve_unknown || self.client.reservation().is_some()
    }

    /// The address that the configuration reserves for the client on this segment.
    fn reserved(&self) -> Option<(SubnetIndex, Ipv4Addr)> {
        let (subnet, reservation) = self.client.reservation()?;
        let config = self.segment.get(subnet)?;
        let can_be = |address: &Ipv4Addr| {
            config.subnet.is_host(*address) && !self.is_our_own(config, *address)
        };
        Some((subnet, reservation.address.filter(can_be)?))
    }

    /// Whether the entry's address is kept for another client than this one.
    fn is_reserved_for_another(&self, entry: &Entry) -> bool {
        entry.reserved && self.reserved().is_none_or(|(_, address)| address != entry.address)
    }

    /// Our own addresses are nobody's, though a pool contains them.
    fn is_our_own(&self, subnet: &SubnetConfig<'_>, address: Ipv4Addr) -> bool {
        address == self.ingress.local || subnet.server_id == Some(address)
    }

    /// Whether option 54 names us: any of our server identifiers, or the address on the link that the message came in on.
    fn names_us(&self, server_id: Ipv4Addr) -> bool {
        if server_id.is_unspecified() {
            // Where we have no address on the link, zero is not one either.
            return false;
        }
        server_id == self.ingress.local
            || self.segment.iter().any(|(_, subnet)| subnet.server_id == Some(server_id))
            || self.config.subnets.iter().any(|subnet| subnet.server_id == Some(server_id))
    }

    /// What happens on one segment is no business of another: a message that came in without a relay agent cannot take or give
    /// back an address of a subnet that is attached elsewhere.
    fn check_link(&self, subnet: &SubnetConfig<'_>) -> Result<(), Discard> {
        let here = subnet.link.is_none_or(|link| link == self.ingress.link);
        let relayed = !self.message.giaddr().is_unspecified();
        if here || relayed { Ok(()) } else { Err(Discard::OtherSegment) }
    }

    /// Whether the address is kept for the client even when it is idle: a container's, or the client's own that is pinned already.
    fn is_pinned(&self, entry: &Entry, key: ClientKey) -> bool {
        self.client.name().is_some() || (entry.pinned && entry.key == Some(key))
    }

    /// How long the client may have an address: its wish (option 51) or the default, within the subnet's bounds.
    fn lease_time(&self, subnet: &SubnetConfig<'_>) -> LeaseTime {
        let wish = self.message.lease_secs().map(LeaseTime::from_wire);
        wish.unwrap_or(subnet.lease_default).max(subnet.lease_min).min(subnet.lease_max)
    }

    /// When the address may be somebody else's: never before the client's own end of the lease.
    ///
    /// The lease clock shows whole seconds, so the client's may be up to one second behind it. And a renewal for a shorter time frees nothing early: its
    /// ACK may be lost, and then the client goes on until the end that it was told before. A lease without end becomes a finite one all the same.
    fn end_of_lease(&self, time: LeaseTime, before: Option<Timestamp>) -> Timestamp {
        let until = self.now.plus(time).plus_secs(1);
        before
            .filter(|before| *before != Timestamp::NEVER)
            .map_or(until, |before| before.max(until))
    }

    /// Writes the lease into the book, and plans its record. `before` is the end of the lease of this address that the client has already.
    fn grant(
        &mut self,
        address: Ipv4Addr,
        subnet: SubnetIndex,
        key: ClientKey,
        time: LeaseTime,
        pinned: bool,
        before: Option<Timestamp>,
    ) -> Result<Option<Change<'p>>, Unavailable> {
        self.assert_lawful(subnet, address);
        let until = self.end_of_lease(time, before);
        let promise = until.plus_secs(self.config.promise_slack_secs);
        let Client { hardware, client_id, .. } = self.client;
        let (now, name) = (self.now, self.name);
        let grant = Grant { address, key: &key, hardware: &hardware, until, promise, pinned, now };
        let record = match self.book.grant(&grant)? {
            Granted::Bind => Some(Change::Bind {
                address,
                key,
                hardware,
                client_id,
                name,
                until: promise,
                pinned,
            }),
            Granted::Extend => Some(Change::Extend { address, until: promise }),
            Granted::Covered => None,
        };
        self.leave_other_subnets(subnet, &key);
        Ok(record)
    }

    /// One lease per client on a segment. This is not recorded: after a restart the address is only held longer.
    fn leave_other_subnets(&mut self, subnet: SubnetIndex, key: &ClientKey) {
        for (other, _) in self.segment.iter().filter(|(other, _)| *other != subnet) {
            if let Some(entry) = self.book.entry_of(other, key, self.now)
                && matches!(entry.standing, Standing::Offered | Standing::Bound)
            {
                self.book.release(entry.address, key, self.now);
            }
        }
    }

    /// Whether the client may have the address as far as the configuration goes: it is in a pool and not excluded, or reserved for the
    /// client, and it is no router's, server's, network or broadcast address.
    fn is_lawful(&self, subnet: SubnetIndex, address: Ipv4Addr) -> bool {
        let Some(config) = self.segment.get(subnet) else { return false };
        let within = |ranges: &[Range]| {
            let place = ranges.partition_point(|range| range.last() < address);
            ranges.get(place).is_some_and(|range| range.contains(address))
        };
        let in_pool = || within(config.ranges) && !within(config.excluded);
        config.subnet.is_host(address)
            && !self.is_our_own(config, address)
            && (self.reserved() == Some((subnet, address)) || in_pool())
    }

    /// # Panics
    /// When an address is about to be given that must not be.
    fn assert_lawful(&self, subnet: SubnetIndex, address: Ipv4Addr) {
        assert!(
            self.is_lawful(subnet, address),
            "an address that is given is in a pool or reserved for its client, and no router's or server's"
        );
    }
}
