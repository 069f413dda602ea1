//! What is answered, and what is written down before? Server and journal together: no acknowledgement leaves before its record is on the chip.
//!
//! It is the order of RFC 2131 section 3.1 and of every host of `dhcp-core`: handle, append, sync, tell the server, release.

use defmt::{info, warn};
use dhcp_core::id::HardwareAddr;
use dhcp_core::server::book::Change;
use dhcp_core::server::{Durable, Ingress, Lsn, Probe, Reply, Scratch, Server, Transmit};
use dhcp_core::time::Instant;
use lease_store::journal::{Journal, JournalError};
use lease_store::medium::NorMedium;

use crate::Leases;
use crate::board::nor::Region;

/// The journal on the chip.
pub type ChipJournal = Journal<NorMedium<Region>>;

/// Octets of the longest reply: what fits into a frame.
pub const REPLY_LEN_MAX: usize = 1_472;

/// How often the lease clock is written down, in seconds. After a power cut it goes on from there: leases last so much longer.
const MARK_SECS: u32 = 600;

/// The server, the leases and the journal.
#[derive(Debug)]
pub struct Desk<'c> {
    server: Server<'c, Leases>,
    journal: ChipJournal,
    mark_at: Instant,
    scratch: &'static mut Scratch,
    reply: &'static mut [u8; REPLY_LEN_MAX],
}

impl<'c> Desk<'c> {
    /// With leases that were read back from the journal.
    pub const fn new(
        server: Server<'c, Leases>,
        journal: ChipJournal,
        now: Instant,
        scratch: &'static mut Scratch,
        reply: &'static mut [u8; REPLY_LEN_MAX],
    ) -> Self {
        Self { server, journal, mark_at: now.plus_secs(MARK_SECS), scratch, reply }
    }

    /// Answers a message, if it gets an answer, once what has to be recorded is.
    pub fn answer(
        &mut self,
        now: Instant,
        ingress: &Ingress,
        message: &[u8],
    ) -> Option<(Transmit, &[u8])> {
        let outcome = self.server.handle(now, ingress, message, self.scratch, self.reply);
        info!("{}", outcome.event);
        let durable = match outcome.record {
            Some(record) => persist(&mut self.server, &mut self.journal, record),
            None => None,
        };
        let transmit = match outcome.reply {
            Reply::None => return None,
            Reply::Now(transmit) => transmit,
            // Without a proof the client hears nothing, and asks again.
            Reply::Held(held) => held.release(durable?).ok()?,
        };
        Some((transmit, self.reply.get(..transmit.len)?))
    }

    /// A station said that it has this address.
    pub fn heard(&mut self, now: Instant, address: core::net::Ipv4Addr, by: HardwareAddr) {
        let Some(outcome) = self.server.heard(now, address, Some(by)) else { return };
        info!("{}", outcome.event);
        if let Some(record) = outcome.record {
            persist(&mut self.server, &mut self.journal, record);
        }
    }

    /// The next address to ask about, to be called until there is none.
    pub fn probe(&mut self, now: Instant) -> Option<Probe> {
        self.server.poll_probe(now)
    }

    /// What time demands, and what is better done while nobody waits. `true` when there is more to do at once.
    pub fn tidy(&mut self, now: Instant) -> bool {
        let due = self.server.poll_timeout().is_some_and(|at| at <= now);
        let more = due && self.server.poll(now);
        if self.mark_at <= now {
            self.mark_at = now.plus_secs(MARK_SECS);
            let marked = self.journal.mark_time(self.server.time(now), self.server.book_mut());
            marked.unwrap_or_else(|error| complain(&error));
        }
        let tidied = self.journal.tidy(self.server.book_mut());
        more | tidied.unwrap_or_else(|error| {
            complain(&error);
            false
        })
    }
}

/// Appends a change and syncs; `None` when it is not durable, which the server then knows.
pub fn persist(
    server: &mut Server<'_, Leases>,
    journal: &mut ChipJournal,
    (lsn, change): (Lsn, Change<'_>),
) -> Option<Durable> {
    let appended = journal.append(lsn, &change, server.book_mut());
    // Also after a failure, so that the journal has told of it.
    let synced = journal.sync();
    match appended.and(synced) {
        Ok(durable) => {
            server.durable(durable);
            Some(durable)
        }
        Err(error) => {
            complain(&error);
            server.not_durable();
            None
        }
    }
}

fn complain<E>(error: &JournalError<E>) {
    let why = match error {
        JournalError::Medium(_) => "the chip failed",
        JournalError::Full => "it is full of live records",
        JournalError::NoPlace => "the lease table cannot keep where the record is",
        JournalError::NotAppended => "a change could not be appended before",
        _ => "see the journal",
    };
    warn!("not recorded: {=str}", why);
}
