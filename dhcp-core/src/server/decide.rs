//! May the client have it? One message with all that is known about it, and what is decided; nothing here is about octets.
//!
//! The rules are in the files below: what is offered ([`discover`]), what is granted or refused ([`request`]), what is taken
//! back ([`give_back`]). The book changes at once; a change that must be recorded is part of the decision.

mod discover;
mod give_back;
mod request;

use core::net::Ipv4Addr;

use self::discover::Known;
use crate::id::ClientKey;
use crate::net::Range;
use crate::server::book::{
    Change, Entry, Grant, Granted, Holding, LeaseBook, Seen, Standing, Unavailable,
};
use crate::server::config::{Reservation, ServerConfig, SubnetConfig, SubnetIndex};
use crate::server::name::{NAME_LEN_MAX, sanitised};
use crate::server::select::Segment;
use crate::server::who::Client;
use crate::server::{Discard, Ingress, Refusal};
use crate::time::{LeaseTime, Timestamp};
use crate::wire::message::{Message, MessageType};

/// How much longer a lease lasts in the book than its client is told, in seconds: what two clocks may differ by.
const CLOCK_SECS: u32 = 3;

const SPEAKS_OF_IT: &str = "the book speaks of the address that it was asked about";

/// One message, everything that its answer depends on, and what follows from it beside the answer.
#[derive(Debug)]
pub(super) struct Case<'a, 'c, 'p, B> {
    pub(super) book: &'a mut B,
    pub(super) config: &'c ServerConfig<'c>,
    pub(super) ingress: &'a Ingress,
    pub(super) message: &'a Message<'p>,
    pub(super) segment: &'a Segment<'c>,
    pub(super) client: &'a Client<'a, 'c, 'p>,
    pub(super) now: Timestamp,
    /// Where a name is put together; taken when one is.
    pub(super) name_room: Option<&'p mut [u8; NAME_LEN_MAX]>,
    /// What is to be recorded.
    pub(super) record: Option<Change<'p>>,
    /// An address that must not be offered without asking whether somebody uses it.
    pub(super) vet: Option<(SubnetIndex, Ipv4Addr)>,
}

/// What is to be said.
// The tag is a word, as that of `Change`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
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

impl<'c, 'p, B: LeaseBook> Case<'_, 'c, 'p, B> {
    /// What is done about the message.
    ///
    /// # Errors
    /// Why it gets no answer.
    pub(super) fn decide(&mut self, kind: Option<MessageType>) -> Result<Verdict, Discard> {
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
    fn inform(&self) -> Result<Verdict, Discard> {
        let ciaddr = self.message.ciaddr();
        if ciaddr.is_unspecified() {
            return Err(Discard::NoAddress);
        }
        let (subnet, config) = self.subnet_of(ciaddr).ok_or(Discard::OtherSegment)?;
        if !config.subnet.is_host(ciaddr) {
            return Err(Discard::OtherSegment);
        }
        self.check_link(config)?;
        Ok(Verdict::Inform(subnet))
    }

    /// Where the address stands, if it is an address of ours.
    fn entry_at(&self, address: Ipv4Addr) -> Option<Entry> {
        let entry = self.book.entry_at(address, self.now);
        // Not taken out and put in again, since it is large.
        let asked = entry.as_ref().is_none_or(|entry| entry.address == address);
        assert!(asked, "{SPEAKS_OF_IT}");
        entry
    }

    /// Where the address stands for the client with this key, if it is an address of ours, and where the book has it.
    fn look(&self, address: Ipv4Addr, key: &ClientKey) -> Option<(Seen, B::Spot)> {
        let (seen, spot) = self.book.look(address, key, self.now)?;
        assert!(seen.holding.address == address, "{SPEAKS_OF_IT}");
        Some((seen, spot))
    }

    /// The subnet on this segment that the address belongs to. Pools on different terms are subnets of the same network; the book
    /// knows which of them has the address.
    fn subnet_of(&self, address: Ipv4Addr) -> Option<(SubnetIndex, &'c SubnetConfig<'c>)> {
        self.subnet_around(address, self.entry_at(address).map(|entry| entry.subnet))
    }

    /// As [`Self::subnet_of`], with the subnet in which the book has the address.
    fn subnet_around(
        &self,
        address: Ipv4Addr,
        of: Option<SubnetIndex>,
    ) -> Option<(SubnetIndex, &'c SubnetConfig<'c>)> {
        let known = of.and_then(|of| {
            let config = self.segment.get(of)?;
            config.subnet.contains(address).then_some((of, config))
        });
        known.or_else(|| self.segment.containing(address))
    }

    /// What the book holds for the client in one subnet.
    #[inline]
    fn search(&self, subnet: SubnetIndex, key: &ClientKey) -> (Option<Holding>, B::Found) {
        let (held, found) = self.book.search(subnet, key, self.now);
        debug_assert!(
            held.is_none_or(|held| self.is_kept_under(held.address, key)),
            "the book speaks of the client that it was asked about"
        );
        (held, found)
    }

    /// Whether the book has this client at the address. Too much to ask for each message: for what is asserted where tests run.
    fn is_kept_under(&self, address: Ipv4Addr, key: &ClientKey) -> bool {
        self.entry_at(address).is_some_and(|entry| entry.key.as_ref() == Some(key))
    }

    /// Fills in what is known of the client under the key: the address that it has, is offered or had last on this segment, a living one before a
    /// remembered one.
    fn find(&self, known: &mut Known<B::Found>) {
        let of = self.segment.first();
        let (held, found) = self.search(of, &known.key);
        (known.held, known.found) = (held, Some((of, found)));
        if !self.segment.is_one() {
            self.look_behind_first(known);
        }
    }

    /// Puts what counts more than what is known in the first of several subnets in its place: a lease before an offer, and of two that live the one that
    /// ends last, since that was given last.
    #[cold]
    #[inline(never)]
    fn look_behind_first(&self, known: &mut Known<B::Found>) {
        let rank = |held: &Option<Holding>| {
            let held = held.as_ref()?;
            let order = match held.standing {
                Standing::Bound => 3,
                Standing::Offered => 2,
                Standing::Idle => 1,
                Standing::Fresh | Standing::Quarantined => 0,
            };
            let entry = self.entry_at(held.address).filter(|_| held.is_living());
            Some((order, entry.map(|entry| entry.until)))
        };
        for of in self.segment.behind_first() {
            let (held, found) = self.search(of, &known.key);
            if rank(&held) > rank(&known.held) {
                (known.held, known.found) = (held, Some((of, found)));
            }
        }
    }

    /// What the client holds under its own key: see [`Self::find`].
    fn held(&self) -> Option<Holding> {
        self.known_at(None).held
    }

    /// Whether the subnet serves this client at all.
    const fn serves(&self, subnet: &SubnetConfig<'_>) -> bool {
        subnet.serve_unknown || self.client.reservation().is_some()
    }

    /// The address that the configuration reserves for the client on this segment.
    fn reserved(&self) -> Option<(SubnetIndex, Ipv4Addr)> {
        let (subnet, reservation) = self.client.reservation()?;
        Some((subnet, self.address_of(subnet, reservation)?))
    }

    // Few clients have one.
    #[inline(never)]
    fn address_of(&self, subnet: SubnetIndex, reservation: &Reservation<'_>) -> Option<Ipv4Addr> {
        let config = self.segment.get(subnet)?;
        let address = reservation.address?;
        let can_be = config.subnet.is_host(address) && !self.is_our_own(config, address);
        can_be.then_some(address)
    }

    /// Whether the address is kept for another client than this one.
    fn is_reserved_for_another(&self, there: &Holding) -> bool {
        there.reserved && self.reserved().is_none_or(|(_, address)| address != there.address)
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
    fn is_pinned(&self, there: &Holding, own: impl FnOnce() -> bool) -> bool {
        self.client.name().is_some() || (there.pinned && own())
    }

    /// How long the client may have an address: its wish (option 51) or the default, within the subnet's bounds.
    fn lease_time(&self, subnet: &SubnetConfig<'_>) -> LeaseTime {
        // As on the wire, where the largest number means without end.
        let wish = self.message.lease_secs().unwrap_or(subnet.lease_default.to_wire());
        let bounded = wish.max(subnet.lease_min.to_wire()).min(subnet.lease_max.to_wire());
        LeaseTime::from_wire(bounded)
    }

    /// When the address may be somebody else's: never before the client's own end of the lease.
    ///
    /// The lease clock shows whole seconds, so the client's may be up to one second behind it; and after a restart it begins anew by a wall clock that it
    /// was up to two seconds behind (see [`Correction`](crate::time::Correction)). And a renewal for a shorter time frees nothing early: its
    /// ACK may be lost, and then the client goes on until the end that it was told before. A lease without end becomes a finite one all the same.
    fn end_of_lease(&self, time: LeaseTime, before: Option<Timestamp>) -> Timestamp {
        let until = self.now.plus(time).plus_secs(CLOCK_SECS);
        before
            .filter(|before| *before != Timestamp::NEVER)
            .map_or(until, |before| before.max(until))
    }

    /// Writes the lease of a lawful address, which the book has at `spot`, into the book, and plans its record. `before` is the end of the lease of this
    /// address that the client has already.
    fn grant(
        &mut self,
        terms: &Terms,
        spot: B::Spot,
        key: &ClientKey,
        pinned: bool,
        before: Option<Timestamp>,
    ) -> Result<(), Unavailable> {
        let Terms { address, subnet, time } = *terms;
        let until = self.end_of_lease(time, before);
        let promise = until.plus_secs(self.config.promise_slack_secs);
        let hardware = self.client.hardware;
        let grant = Grant { address, key, hardware, until, promise, pinned, now: self.now };
        match self.book.grant_at(spot, &grant)? {
            Granted::Bind => {
                self.record = Some(Change::Bind {
                    address,
                    key: *key,
                    hardware: *hardware,
                    client_id: self.client.client_id,
                    name: self.name(),
                    until: promise,
                    pinned,
                });
            }
            Granted::Extend => self.record = Some(Change::Extend { address, until: promise }),
            Granted::Covered => {}
        }
        if !self.segment.is_one() {
            self.leave_other_subnets(subnet, key);
        }
        Ok(())
    }

    /// The client's name for people: the container's, else what the configuration or the client says, sanitised.
    fn name(&mut self) -> &'p [u8] {
        if let Some(name) = self.client.name() {
            return name;
        }
        let configured = self.client.reservation().map(|(_, reservation)| reservation.name);
        let configured = configured.filter(|name| !name.is_empty());
        let name = configured.or_else(|| self.message.host_name()).unwrap_or_default();
        let room = self.name_room.take();
        sanitised(name, room.expect("one message needs one name"))
    }

    /// One lease per client on a segment of several subnets. This is not recorded: after a restart the address is only held longer.
    #[cold]
    #[inline(never)]
    fn leave_other_subnets(&mut self, subnet: SubnetIndex, key: &ClientKey) {
        for (other, _) in self.segment.iter().filter(|(other, _)| *other != subnet) {
            let (held, _) = self.search(other, key);
            if let Some(held) = held.filter(Holding::is_living) {
                self.book.release(held.address, key, self.now);
            }
        }
    }

    /// Whether the client may have the address as far as the configuration goes: it is in a pool and not excluded, or reserved for the
    /// client, and it is no router's, server's, network or broadcast address.
    fn is_lawful(&self, subnet: SubnetIndex, config: &SubnetConfig<'_>, address: Ipv4Addr) -> bool {
        let in_pool = || {
            Range::any_contains(config.ranges, address)
                && !Range::any_contains(config.excluded, address)
        };
        config.subnet.is_host(address)
            && !self.is_our_own(config, address)
            && (in_pool() || self.reserved() == Some((subnet, address)))
    }

    /// # Panics
    /// When an address is about to be given that must not be.
    fn assert_lawful(&self, subnet: SubnetIndex, config: &SubnetConfig<'_>, address: Ipv4Addr) {
        assert!(
            self.is_lawful(subnet, config, address),
            "an address that is given is in a pool or reserved for its client, and no router's or server's"
        );
    }
}
