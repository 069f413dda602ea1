//! What comes of one packet? From octets through the checks to a reply, a record and an event; and what the journal says of the records.

use core::net::Ipv4Addr;

use crate::id::InstallationKey;
use crate::server::book::LeaseBook;
use crate::server::config::ServerConfig;
use crate::server::counters::{Arrival, Counters, Probing};
use crate::server::decide::{Case, Terms, Verdict};
use crate::server::name::NAME_LEN_MAX;
use crate::server::pending::Pending;
use crate::server::probe::Vetting;
use crate::server::select::{check_relay, segment};
use crate::server::who::Client;
use crate::server::{Deal, Discard, Durable, Event, Held, Ingress, Lsn, Outcome, Reply, Transmit};
use crate::time::{Instant, LeaseClock, Timestamp};
use crate::wire::message::{self, BOOT_REQUEST, Message, MessageType};

/// More relay agents than this in a row are a circle (RFC 1542 section 4.1.1).
const HOPS_MAX: u8 = 16;

/// A DHCP server: what it is told, the leases, and what it waits for. It does no input or output.
///
/// A host takes up to [`PENDING_MAX`](super::PENDING_MAX) packets, appends their records in order, syncs once, tells the server by
/// [`Server::durable`], and releases the acknowledgements with the same proof.
#[derive(Debug)]
pub struct Server<'c, B> {
    pub(super) config: &'c ServerConfig<'c>,
    pub(super) book: B,
    pub(super) clock: LeaseClock,
    pub(super) pending: Pending,
    pub(super) sweep_at: Instant,
    pub(super) vetting: Vetting,
    pub(super) counters: Counters,
}

/// Room for what is taken from a packet and cannot stay where it is: joined options and a sanitised name. One for each packet whose
/// record is not yet appended.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    message: message::Scratch,
    name: Name,
}

#[derive(Clone, Debug)]
struct Name([u8; NAME_LEN_MAX]);

impl Default for Name {
    fn default() -> Self {
        Self([0; NAME_LEN_MAX])
    }
}

impl Scratch {
    /// Empty.
    #[must_use]
    pub const fn new() -> Self {
        Self { message: message::Scratch::new(), name: Name([0; NAME_LEN_MAX]) }
    }
}

impl<'c, B: LeaseBook> Server<'c, B> {
    /// A server with the leases of `book`, which were replayed from the journal.
    pub fn new(config: &'c ServerConfig<'c>, book: B, clock: LeaseClock) -> Self {
        Self {
            config,
            book,
            clock,
            pending: Pending::new(),
            sweep_at: Instant::ZERO,
            vetting: Vetting::new(config),
            counters: Counters::default(),
        }
    }

    /// The same server with another configuration, and with a book that fits it. Numbers of changes, what is on its way to the journal, the clock
    /// and the counters go on.
    pub fn reload<'d, N: LeaseBook>(
        self,
        config: &'d ServerConfig<'d>,
        rebuild: impl FnOnce(B) -> N,
    ) -> Server<'d, N> {
        let Self { config: _, book, clock, pending, sweep_at, vetting: _, counters } = self;
        let vetting = Vetting::new(config);
        Server { config, book: rebuild(book), clock, pending, sweep_at, vetting, counters }
    }

    /// Takes the leases out. What is on its way to the journal must be durable before, or its ACKs must not be sent.
    pub fn into_book(self) -> B {
        self.book
    }

    /// The leases.
    pub const fn book(&self) -> &B {
        &self.book
    }

    /// The leases, for changes by other ways than DHCP.
    pub const fn book_mut(&mut self) -> &mut B {
        &mut self.book
    }

    /// The installation's key, as the configuration has it.
    pub const fn installation(&self) -> InstallationKey {
        self.config.installation
    }

    /// What the lease clock shows.
    pub fn time(&self, now: Instant) -> Timestamp {
        self.clock.read(now)
    }

    /// The lease clock, to be moved forward when a better time is known.
    pub const fn clock_mut(&mut self) -> &mut LeaseClock {
        &mut self.clock
    }

    /// What was counted.
    pub const fn stats(&self) -> &Counters {
        &self.counters
    }

    /// Decides on one UDP payload that came to the server's port. A reply is written into `out`, which should have room for 1,472 octets; with
    /// less than 300, or than the reply needs, there is none, and the event says so.
    ///
    /// The record of the outcome borrows from `packet` and `scratch`. Append it before the next packet is handled.
    ///
    /// # Panics
    /// Nothing in a packet can make it panic. A book that does not do what [`LeaseBook`] says can, before a client is told what is wrong: it speaks of another
    /// address than it was asked about, or gives one that no range and no reservation of the subnet has. So can a configuration that [`ServerConfig::check`]
    /// would refuse.
    pub fn handle<'p>(
        &mut self,
        now: Instant,
        ingress: &Ingress,
        packet: &'p [u8],
        scratch: &'p mut Scratch,
        out: &mut [u8],
    ) -> Outcome<'p> {
        let mut outcome = Outcome { reply: Reply::None, record: None, event: UNDECIDED };
        if let Err(why) = self.answer(now, ingress, packet, scratch, out, &mut outcome) {
            outcome.event = Event::Discarded(why);
        }
        self.counters.count(&outcome.event);
        outcome
    }

    /// Fills in what comes of the packet, where the caller wants it: an outcome is large.
    fn answer<'p>(
        &mut self,
        now: Instant,
        ingress: &Ingress,
        packet: &'p [u8],
        scratch: &'p mut Scratch,
        out: &mut [u8],
        outcome: &mut Outcome<'p>,
    ) -> Result<(), Discard> {
        let Scratch { message: room, name: Name(name_room) } = scratch;
        let parsed = Message::parse(packet, room);
        let message = parsed.as_ref().map_err(|why| Discard::Malformed(*why));
        let kind = message.and_then(check);
        self.counters.count_arrival(match kind {
            Ok(kind) => kind.map_or(Arrival::Bootp, Arrival::Dhcp),
            Err(_) => Arrival::Unreadable,
        });
        let (message, kind) = (message?, kind?);
        check_relay(message)?;
        let segment = &segment(self.config, ingress, message)?;
        let (_, home) = segment.home();
        if home.server_id.is_none() && ingress.local.is_unspecified() {
            return Err(Discard::NoServerAddress);
        }
        let client = &Client::of(&self.config.installation, &self.book, segment, message);
        if !client.has_identity() {
            return Err(Discard::NoIdentity);
        }
        if self.pending.is_full() && may_need_record(kind) {
            return Err(Discard::Busy);
        }
        let mut case = Case {
            book: &mut self.book,
            config: self.config,
            ingress,
            message,
            segment,
            client,
            now: self.clock.read(now),
            name_room: Some(name_room),
            record: None,
            vet: None,
        };
        let verdict = case.decide(kind);
        // The change is made, reply or not; without a place on its way (an OFFER beside a full ring) it stays in memory.
        if let Some(change) = case.record
            && let Some(lsn) = self.pending.push(change.address())
        {
            outcome.record = Some((lsn, change));
        }
        let verdict = verdict?;
        if let Some((subnet, address)) = case.vet
            && !self.vetting.offered(now, address, subnet)
        {
            self.counters.count_probe(Probing::Skipped);
        }
        let written = case.write(verdict, out);
        outcome.event = event(&case, verdict);
        if let Some(transmit) = written? {
            outcome.reply = self.reply(verdict, transmit);
        }
        Ok(())
    }

    /// An acknowledgement waits for every change of its address that is on its way; anything else commits us to nothing.
    fn reply(&self, verdict: Verdict, transmit: Transmit) -> Reply {
        let committed = match verdict {
            Verdict::Ack(terms) | Verdict::Bootp(terms) => self.pending.newest_of(terms.address),
            Verdict::Offer(_)
            | Verdict::Nak(..)
            | Verdict::Inform(_)
            | Verdict::Released(..)
            | Verdict::Declined(..) => None,
        };
        match committed {
            Some(lsn) => Reply::Held(Held { transmit, lsn }),
            None => Reply::Now(transmit),
        }
    }

    /// The caller changed the book at `address`, for a reservation by name or the like, and asks for the number under which the change is to be
    /// appended. `None` while too many changes are on their way: undo it, or sync first.
    pub fn changed(&mut self, address: Ipv4Addr) -> Option<Lsn> {
        self.pending.push(address)
    }

    /// The journal reached it: what waited up to there does not wait any more.
    ///
    /// # Panics
    /// When the journal reports a change that was never given out.
    pub fn durable(&mut self, durable: Durable) {
        self.pending.durable(durable);
    }

    /// The journal could not make durable what is on its way. The next change of each of these addresses is recorded anew; until then nobody is told of it.
    ///
    /// The caller drops every [`Held`] that it has: those clients ask again.
    pub fn not_durable(&mut self) {
        while let Some((_, address)) = self.pending.pop() {
            self.book.forget_promise(address);
        }
    }
}

/// What an outcome says before it is known.
const UNDECIDED: Event = Event::Discarded(Discard::ServerMessage);

/// The type of a message that a server may look at; none for BOOTP.
fn check(message: &Message<'_>) -> Result<Option<MessageType>, Discard> {
    if message.op() != BOOT_REQUEST {
        return Err(Discard::NotARequest);
    }
    if message.hops() > HOPS_MAX {
        return Err(Discard::TooManyHops);
    }
    let kind = message.message_type();
    if kind.is_none() && message.has_message_type() {
        return Err(Discard::UnknownMessageType);
    }
    Ok(kind)
}

/// Whether the answer may need a record; an OFFER's can wait.
const fn may_need_record(kind: Option<MessageType>) -> bool {
    match kind {
        Some(MessageType::Request | MessageType::Decline | MessageType::Release) | None => true,
        Some(
            MessageType::Discover
            | MessageType::Inform
            | MessageType::Offer
            | MessageType::Ack
            | MessageType::Nak,
        ) => false,
    }
}

fn event<B: LeaseBook>(case: &Case<'_, '_, '_, B>, verdict: Verdict) -> Event {
    let (subnet, address) = match verdict {
        Verdict::Offer(Terms { subnet, address, .. })
        | Verdict::Ack(Terms { subnet, address, .. })
        | Verdict::Bootp(Terms { subnet, address, .. })
        | Verdict::Nak(subnet, address, _)
        | Verdict::Released(subnet, address)
        | Verdict::Declined(subnet, address) => (subnet, address),
        Verdict::Inform(subnet) => (subnet, case.message.ciaddr()),
    };
    let deal = Deal { hardware: *case.client.hardware, address, subnet };
    match verdict {
        Verdict::Offer(_) => Event::Offered(deal),
        Verdict::Ack(_) | Verdict::Bootp(_) => Event::Acknowledged(deal),
        Verdict::Nak(.., why) => Event::Refused(deal, why),
        Verdict::Inform(_) => Event::Informed(address),
        Verdict::Released(..) => Event::Released(deal),
        Verdict::Declined(..) => Event::Declined(deal),
    }
}
