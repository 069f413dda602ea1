//! What comes of the messages that wait? Up to 64 are taken and their records appended; replies that commit us to nothing are ready to leave at once, the
//! others when one sync has made all of their records durable. While that sync is on its way the next messages are taken.
//!
//! It has no sockets and no clock, so that tests, benches and fuzz targets drive it as the loop does. It allocates nothing while it runs, and it
//! knows no more of DHCP than the loop: what a message means is the core's business.

use core::error::Error;
use core::net::Ipv4Addr;
use std::collections::VecDeque;

use dhcp_core::id::HardwareAddr;
use dhcp_core::server::book::{Change, LeaseBook};
use dhcp_core::server::{
    Durable, Event, Held, Ingress, Lsn, Outcome, PENDING_MAX, Probe, Reply, Scratch, Server,
    Transmit,
};
use dhcp_core::time::Instant;

use crate::net::BATCH_MAX;
use crate::serve::intake::{Arrival, Intake};
use crate::serve::outbox::{ANSWERS_MAX, Outbox};

const _: () = assert!(BATCH_MAX <= PENDING_MAX, "a whole batch of changes can be on its way");

/// Where changes become durable.
pub trait Log<B> {
    /// Why it could not be done.
    type Error: Error;

    /// Writes the change down; it is not durable before [`Log::sync`].
    ///
    /// # Errors
    /// The change is not written, or not known to be.
    fn append(&mut self, lsn: Lsn, change: &Change<'_>, book: &mut B) -> Result<(), Self::Error>;

    /// Makes everything that was appended durable.
    ///
    /// # Errors
    /// Nothing that was appended since the last sync is known to be durable.
    fn sync(&mut self, book: &mut B) -> Result<Durable, Self::Error>;

    /// Begins a sync of what was appended, and does not wait for it where that can be: `None` when it is on its way.
    ///
    /// # Errors
    /// As [`Log::sync`]; nothing is on its way then.
    fn begin_sync(&mut self, book: &mut B) -> Result<Option<Durable>, Self::Error> {
        self.sync(book).map(Some)
    }

    /// What came of the sync that is on its way; `None` when it is not at its end.
    ///
    /// # Errors
    /// As [`Log::sync`].
    fn end_sync(&mut self) -> Option<Result<Durable, Self::Error>> {
        None
    }
}

/// What there is to tell while messages are taken.
#[derive(Debug)]
pub enum Notice<'a, E> {
    /// What came of a message.
    Message(&'a Arrival<'a>, &'a Event),
    /// What came of an answer to a probe.
    Heard(&'a Event),
    /// Changes could not be made durable: their acknowledgements are not sent.
    Failed(&'a E),
    /// Changes are durable again.
    Recovered,
}

/// How often what was done with the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordCounters {
    /// Changes that were written.
    pub appended: u64,
    /// Times that the record was synced.
    pub synced: u64,
    /// Times that something could not be written or synced.
    pub failed: u64,
    /// Acknowledgements that were not sent because their record was not durable.
    pub withheld: u64,
}

/// The server with its record.
#[derive(Debug)]
pub struct Engine<'c, B, L> {
    server: Server<'c, B>,
    log: L,
    scratch: Scratch,
    /// Replies that wait for their record, and their places in the outbox.
    held: VecDeque<(usize, Held)>,
    /// Changes on their way: more than the core keeps account of are not made.
    pending: usize,
    /// How many of them the sync covers that is on its way; none when none is.
    syncing: Option<usize>,
    /// Whether something is appended that no sync was begun for.
    dirty: bool,
    /// Whether something could not be appended since the last commit.
    torn: bool,
    failing: bool,
    counters: RecordCounters,
}

impl<'c, B: LeaseBook, L: Log<B>> Engine<'c, B, L> {
    /// Joins the two.
    pub fn new(server: Server<'c, B>, log: L) -> Self {
        Self {
            server,
            log,
            scratch: Scratch::new(),
            held: VecDeque::with_capacity(ANSWERS_MAX),
            pending: 0,
            syncing: None,
            dirty: false,
            torn: false,
            failing: false,
            counters: RecordCounters::default(),
        }
    }

    /// The same engine with another server, made from this one's: another configuration.
    pub fn reload<'d, N: LeaseBook>(
        self,
        reload: impl FnOnce(Server<'c, B>, &mut L) -> Server<'d, N>,
    ) -> Engine<'d, N, L> {
        assert!(!self.dirty && self.syncing.is_none(), "a configuration changes between batches");
        let Self { server, mut log, scratch, held, pending, syncing, dirty, torn, .. } = self;
        let Self { failing, counters, .. } = self;
        let server = reload(server, &mut log);
        Engine { server, log, scratch, held, pending, syncing, dirty, torn, failing, counters }
    }

    /// The server.
    pub const fn server(&self) -> &Server<'c, B> {
        &self.server
    }

    /// The server, for changes by other ways than DHCP: see [`Engine::record`].
    pub const fn server_mut(&mut self) -> &mut Server<'c, B> {
        &mut self.server
    }

    /// The record.
    pub const fn log(&self) -> &L {
        &self.log
    }

    /// The record, and the book that knows where in it everything is.
    pub const fn log_and_book(&mut self) -> (&mut L, &mut B) {
        (&mut self.log, self.server.book_mut())
    }

    /// What was counted.
    pub const fn counters(&self) -> &RecordCounters {
        &self.counters
    }

    /// Whether the last attempt to make something durable failed.
    pub const fn is_failing(&self) -> bool {
        self.failing
    }

    /// Takes messages until none waits, the outbox is full or as many changes are on their way as can be, and leaves in the outbox what may be sent. What
    /// needs a record comes there by [`Engine::begin_commit`] or [`Engine::end_commit`].
    pub fn take(
        &mut self,
        now: Instant,
        intake: &mut Intake,
        outbox: &mut Outbox,
        tell: &mut impl FnMut(Notice<'_, L::Error>),
    ) {
        while outbox.has_room() && self.pending < PENDING_MAX {
            let Some(arrival) = intake.next(now) else { break };
            self.handle(now, &arrival, outbox, tell);
        }
    }

    /// Begins to make durable what was appended, unless that is on its way for what was appended before; then it is begun after that has ended.
    ///
    /// Of a single change the end is waited for: nothing else is there to be done meanwhile, and another thread's sync would take longer.
    pub fn begin_commit(
        &mut self,
        outbox: &mut Outbox,
        tell: &mut impl FnMut(Notice<'_, L::Error>),
    ) {
        if self.syncing.is_some() || !self.dirty {
            return;
        }
        if self.pending <= 1 || self.torn {
            let durable = self.commit(tell);
            self.answer(durable, outbox);
            return;
        }
        self.dirty = false;
        self.counters.synced += 1;
        match self.log.begin_sync(self.server.book_mut()) {
            Ok(None) => self.syncing = Some(self.pending),
            Ok(Some(durable)) => {
                let durable = self.synced(Ok(durable), self.pending, tell);
                self.answer(durable, outbox);
            }
            Err(error) => {
                let durable = self.synced(Err(error), self.pending, tell);
                self.answer(durable, outbox);
            }
        }
    }

    /// When the sync that was on its way has ended, what waited for it goes to the outbox, or nowhere if it failed.
    pub fn end_commit(&mut self, outbox: &mut Outbox, tell: &mut impl FnMut(Notice<'_, L::Error>)) {
        let Some(covered) = self.syncing else { return };
        let Some(ended) = self.log.end_sync() else { return };
        self.syncing = None;
        let durable = self.synced(ended, covered, tell);
        self.answer(durable, outbox);
    }

    /// Makes everything durable that was appended and waits for it, so that other things than messages can change leases.
    pub fn settle(&mut self, outbox: &mut Outbox, tell: &mut impl FnMut(Notice<'_, L::Error>)) {
        let syncing = self.syncing.take();
        if self.dirty || syncing.is_some() {
            self.dirty = true;
            let durable = self.commit(tell);
            self.answer(durable, outbox);
        }
    }

    /// Whether a sync is on its way.
    pub const fn is_syncing(&self) -> bool {
        self.syncing.is_some()
    }

    /// Whether so many changes are on their way that no message is taken before a sync has ended.
    pub const fn is_full(&self) -> bool {
        self.pending >= PENDING_MAX
    }

    /// Lets go what is durable; after a failure everything that waits is forgotten, and its clients ask again.
    fn answer(&mut self, durable: Option<Durable>, outbox: &mut Outbox) {
        for _ in 0..self.held.len() {
            let Some((place, held)) = self.held.pop_front() else { break };
            match durable.map(|durable| held.release(durable)) {
                Some(Ok(transmit)) => outbox.release(place, transmit),
                Some(Err(held)) => self.held.push_back((place, held)),
                None => {
                    self.counters.withheld += 1;
                    outbox.withhold(place);
                }
            }
        }
    }

    fn handle(
        &mut self,
        now: Instant,
        arrival: &Arrival<'_>,
        outbox: &mut Outbox,
        tell: &mut impl FnMut(Notice<'_, L::Error>),
    ) {
        let (place, answer) = outbox.begin(arrival.hardware).expect("there is room");
        let Self { server, scratch, .. } = self;
        let outcome =
            server.handle(now, &arrival.ingress, arrival.payload, scratch, &mut answer.octets);
        tell(Notice::Message(arrival, &outcome.event));
        match outcome.reply {
            Reply::None => outbox.withhold(place),
            Reply::Now(transmit) => outbox.release(place, transmit),
            Reply::Held(held) => self.held.push_back((place, held)),
        }
        if let Some((lsn, change)) = &outcome.record {
            let appended = self.log.append(*lsn, change, self.server.book_mut());
            self.appended(appended, tell);
        }
    }

    fn appended(
        &mut self,
        appended: Result<(), L::Error>,
        tell: &mut impl FnMut(Notice<'_, L::Error>),
    ) {
        self.dirty = true;
        self.pending += 1;
        match appended {
            Ok(()) => self.counters.appended += 1,
            Err(error) => {
                self.torn = true;
                tell(Notice::Failed(&error));
            }
        }
    }

    /// Decides on a message that came by another way than the network. What is answered is durable; nothing is answered when it could not
    /// be written down. Not within a batch.
    pub fn converse(
        &mut self,
        now: Instant,
        ingress: &Ingress,
        message: &[u8],
        out: &mut [u8],
        tell: &mut impl FnMut(Notice<'_, L::Error>),
    ) -> (Event, Option<Transmit>) {
        let Self { server, scratch, .. } = self;
        let Outcome { reply, record, event } = server.handle(now, ingress, message, scratch, out);
        if let Some((lsn, change)) = &record {
            let appended = self.log.append(*lsn, change, self.server.book_mut());
            self.appended(appended, tell);
        }
        let durable = self.commit(tell);
        let transmit = match reply {
            Reply::None => None,
            Reply::Now(transmit) => Some(transmit),
            Reply::Held(held) => durable.and_then(|durable| held.release(durable).ok()),
        };
        if transmit.is_none() && matches!(reply, Reply::Held(_)) {
            self.counters.withheld += 1;
        }
        (event, transmit)
    }

    /// Records a change that was made in the book by other ways than DHCP. It is durable after [`Engine::commit`]; nobody may be
    /// told of it before. `false` when too many changes are on their way: commit, and try again.
    #[must_use]
    pub fn record(
        &mut self,
        change: &Change<'_>,
        tell: &mut impl FnMut(Notice<'_, L::Error>),
    ) -> bool {
        let Some(lsn) = self.server.changed(change.address()) else { return false };
        let appended = self.log.append(lsn, change, self.server.book_mut());
        self.appended(appended, tell);
        true
    }

    /// Makes durable what was appended. `None` when that failed, or when there was nothing: then nobody waits for it either. Not while a sync is on its way.
    pub fn commit(&mut self, tell: &mut impl FnMut(Notice<'_, L::Error>)) -> Option<Durable> {
        assert!(self.syncing.is_none(), "what is on its way is settled before");
        if !core::mem::take(&mut self.dirty) {
            return None;
        }
        let torn = core::mem::take(&mut self.torn);
        self.counters.synced += 1;
        let synced = self.log.sync(self.server.book_mut());
        match synced {
            // A sync covers only what was appended.
            Ok(_) if torn => {
                self.failed();
                None
            }
            synced => self.synced(synced, self.pending, tell),
        }
    }

    /// What a sync of so many changes has come to.
    fn synced(
        &mut self,
        synced: Result<Durable, L::Error>,
        covered: usize,
        tell: &mut impl FnMut(Notice<'_, L::Error>),
    ) -> Option<Durable> {
        match synced {
            Ok(durable) => {
                self.pending -= covered;
                self.server.durable(durable);
                if core::mem::take(&mut self.failing) {
                    tell(Notice::Recovered);
                }
                Some(durable)
            }
            Err(error) => {
                tell(Notice::Failed(&error));
                self.failed();
                None
            }
        }
    }

    /// Nothing that is on its way is known to be durable, also what was appended after the sync that failed.
    fn failed(&mut self) {
        self.pending = 0;
        self.counters.failed += 1;
        self.failing = true;
        self.server.not_durable();
    }

    /// Looks after what is over; see [`Server::poll`].
    pub fn poll(&mut self, now: Instant) -> bool {
        self.server.poll(now)
    }

    /// When [`Engine::poll`] next has work.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.server.poll_timeout()
    }

    /// The next address to ask about; see [`Server::poll_probe`].
    pub fn poll_probe(&mut self, now: Instant) -> Option<Probe> {
        self.server.poll_probe(now)
    }

    /// Somebody answered for an address. What is recorded of it is durable after the next [`Engine::take`] or [`Engine::commit`].
    pub fn heard(
        &mut self,
        now: Instant,
        address: Ipv4Addr,
        by: Option<HardwareAddr>,
        tell: &mut impl FnMut(Notice<'_, L::Error>),
    ) {
        let Some(outcome) = self.server.heard(now, address, by) else { return };
        tell(Notice::Heard(&outcome.event));
        if let Some((lsn, change)) = &outcome.record {
            let appended = self.log.append(*lsn, change, self.server.book_mut());
            self.appended(appended, tell);
        }
    }
}
