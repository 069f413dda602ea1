//! What is answered, and what is written down before? The server, its leases and the journal in flash. It knows no frame and no socket.

use core::net::Ipv4Addr;

use dhcp_core::id::HardwareAddr;
use dhcp_core::server::book::Change;
use dhcp_core::server::config::ServerConfig;
use dhcp_core::server::{Durable, Event, Ingress, Lsn, Probe, Reply, Scratch, Server, Transmit};
use dhcp_core::time::{Instant, LeaseClock, Timestamp};
use lease_store::array_storage;
use lease_store::journal::Journal;
use lease_store::medium::NorMedium;
use lease_store::table::{ArrayStorage, LeaseTable, Sizes};
use sim::nor::Chip;

/// Leases that the board can keep.
pub(crate) const LEASES: usize = 64;

/// 64 addresses, in up to four runs of one subnet.
pub(crate) type Leases = LeaseTable<array_storage!(u16, Sizes::new(LEASES, 4, 1))>;

/// The flash of this board: words of 4 octets, sectors of 4 KiB. It is any `embedded_storage::nor_flash::NorFlash`.
pub(crate) type Flash = Chip;

/// Octets of the longest reply: what fits into a frame.
const REPLY_LEN: usize = 1_472;

/// How often the lease clock is written down, in seconds. After a power cut it goes on from there: leases last so much longer.
const MARK_SECS: u32 = 600;

/// The state to keep.
pub(crate) struct Desk {
    server: Server<'static, Leases>,
    journal: Journal<NorMedium<Flash>>,
    mark_at: Instant,
    /// What is not copied out of a message.
    scratch: Scratch,
    reply: [u8; REPLY_LEN],
    /// Where events go. On a real board: `defmt::info!("{}", event)`, with the feature `defmt`.
    tell: fn(&Event),
}

impl Desk {
    /// The power comes on: everything that is known is in the flash.
    pub(crate) fn start(
        config: &'static ServerConfig<'static>,
        flash: Flash,
        now: Instant,
        tell: fn(&Event),
    ) -> Self {
        let mut leases = Leases::new(config, ArrayStorage::empty()).expect("64 leases are enough");
        let (journal, _) = Journal::open(NorMedium::new(flash), &mut leases)
            .expect("the flash is ours, and works");
        // Without a clock that goes on, the lease clock goes on from the last time that was written down.
        let server = Server::new(config, leases, LeaseClock::new(now, journal.time()));
        let mark_at = now.plus_secs(MARK_SECS);
        Self { server, journal, mark_at, scratch: Scratch::new(), reply: [0; REPLY_LEN], tell }
    }

    /// Answers a message, if it gets an answer.
    ///
    /// The order matters: the record, the sync, and only then the acknowledgement. There is no other way to get at it.
    pub(crate) fn answer(
        &mut self,
        now: Instant,
        ingress: &Ingress,
        message: &[u8],
    ) -> Option<(Transmit, &[u8])> {
        let Self { server, journal, scratch, reply, tell, .. } = self;
        let outcome = server.handle(now, ingress, message, scratch, reply);
        tell(&outcome.event);
        let durable = match outcome.record {
            Some(record) => persist(server, journal, record),
            None => None,
        };
        let transmit = match outcome.reply {
            Reply::None => return None,
            Reply::Now(transmit) => transmit,
            // Without a proof the client hears nothing, and asks again.
            Reply::Held(held) => held.release(durable?).ok()?,
        };
        Some((transmit, reply.get(..transmit.len)?))
    }

    /// The next address to ask about by ARP, until there is none.
    pub(crate) fn probe(&mut self, now: Instant) -> Option<Probe> {
        self.server.poll_probe(now)
    }

    /// A station said that it has this address. If nobody leased it that address, nobody is offered it.
    pub(crate) fn heard(&mut self, now: Instant, address: Ipv4Addr, by: HardwareAddr) {
        let Some(outcome) = self.server.heard(now, address, Some(by)) else { return };
        (self.tell)(&outcome.event);
        if let Some(record) = outcome.record {
            persist(&mut self.server, &mut self.journal, record);
        }
    }

    /// Nobody waits: what is over ends, the time is written down, and the next sector is erased. `true` when there is more to do at once.
    pub(crate) fn idle(&mut self, now: Instant) -> bool {
        let more = self.server.poll(now);
        if self.mark_at <= now {
            self.mark_at = now.plus_secs(MARK_SECS);
            // What fails is tried again next time.
            let _ = self.journal.mark_time(self.server.time(now), self.server.book_mut());
        }
        more | self.journal.tidy(self.server.book_mut()).unwrap_or(false)
    }

    /// When [`Desk::idle`] next has work.
    pub(crate) fn wake_at(&self) -> Instant {
        self.server.poll_timeout().map_or(self.mark_at, |at| at.min(self.mark_at))
    }

    /// What is known of the addresses, and when it is that.
    pub(crate) fn leases(&self, now: Instant) -> (&Leases, Timestamp) {
        (self.server.book(), self.server.time(now))
    }

    /// The power is cut: only the flash is left.
    pub(crate) fn cut(self) -> Flash {
        self.journal.into_medium().into_flash()
    }
}

/// Appends a change and syncs; `None` when it is not durable, which the server then knows.
fn persist(
    server: &mut Server<'_, Leases>,
    journal: &mut Journal<NorMedium<Flash>>,
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
        Err(_) => {
            server.not_durable();
            None
        }
    }
}
