//! What comes of the messages that wait? Up to 64 are taken, their records appended, the journal synced once, and all replies are ready to leave.
//!
//! It has no sockets and no clock, so that tests, benches and fuzz targets drive it as the loop does. It allocates nothing while it runs, and it
//! knows no more of DHCP than the loop: what a message means is the core's business.

use core::error::Error;
use core::net::Ipv4Addr;

use dhcp_core::id::HardwareAddr;
use dhcp_core::server::book::{Change, LeaseBook};
use dhcp_core::server::{
    Durable, Event, Held, Ingress, Lsn, Outcome, PENDING_MAX, Probe, Reply, Scratch, Server,
    Transmit,
};
use dhcp_core::time::Instant;

use crate::net::BATCH_MAX;
use crate::serve::intake::{Arrival, Intake};
use crate::serve::outbox::Outbox;

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
    held: Vec<(usize, Held)>,
    /// Whether something is appended that is not synced.
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
            held: Vec::with_capacity(BATCH_MAX),
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
        let Self { server, mut log, scratch, held, dirty, torn, failing, counters } = self;
        assert!(held.is_empty() && !dirty, "a configuration changes between batches");
        let server = reload(server, &mut log);
        Engine { server, log, scratch, held, dirty, torn, failing, counters }
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

    /// Takes messages until none waits or the outbox is full, and leaves there what may be sent.
    ///
    /// # Panics
    /// When the log says that everything is durable and it is not.
    pub fn take(
        &mut self,
        now: Instant,
        intake: &mut Intake,
        outbox: &mut Outbox,
        tell: &mut impl FnMut(Notice<'_, L::Error>),
    ) {
        outbox.clear();
        while outbox.has_room() {
            let Some(arrival) = intake.next(now) else { break };
            self.handle(now, &arrival, outbox, tell);
        }
        let durable = self.commit(tell);
        for (place, held) in self.held.drain(..) {
            match durable {
                Some(durable) => {
                    let transmit = held.release(durable).expect("the sync covers the whole batch");
                    outbox.release(place, transmit);
                }
                None => self.counters.withheld += 1,
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
            Reply::None => {}
            Reply::Now(transmit) => answer.transmit = Some(transmit),
            Reply::Held(held) => self.held.push((place, held)),
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

    /// Makes durable what was appended. `None` when that failed, or when there was nothing: then nobody waits for it either.
    pub fn commit(&mut self, tell: &mut impl FnMut(Notice<'_, L::Error>)) -> Option<Durable> {
        if !core::mem::take(&mut self.dirty) {
            return None;
        }
        let torn = core::mem::take(&mut self.torn);
        self.counters.synced += 1;
        let synced = self.log.sync(self.server.book_mut());
        let synced = synced.inspect_err(|error| tell(Notice::Failed(error))).ok();
        // A sync covers only what was appended.
        let synced = synced.filter(|_| !torn);
        match synced {
            Some(durable) => {
                self.server.durable(durable);
                if core::mem::take(&mut self.failing) {
                    tell(Notice::Recovered);
                }
            }
            None => {
                self.counters.failed += 1;
                self.failing = true;
                self.server.not_durable();
            }
        }
        synced
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
