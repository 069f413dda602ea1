//! A Hydrant server with what a microcontroller has: frames, a flash of 64 KiB, and a clock that survives a power cut or does not.
//!
//! It does what a main loop on a board does: takes a frame, writes the record, syncs, sends the acknowledgement. When its flash loses power, so does it.
//! If it has a wall clock, it follows that as a host does.

mod clock;
mod frames;

use core::net::Ipv4Addr;
use std::collections::BTreeMap;

use dhcp_core::rng::Rng;
use dhcp_core::server::book::{Change, Entry, LeaseBook as _};
use dhcp_core::server::config::{Link, ServerConfig, SubnetIndex};
use dhcp_core::server::{Event, Held, Lsn, PENDING_MAX, Server, Transmit, Via};
use dhcp_core::time::{Correction, Instant, LeaseClock, Timestamp};
use dhcp_core::wire::frame::Ethernet;
use dhcp_core::wire::frame::arp::{Arp, Operation};
use dhcp_core::wire::frame::icmp::Echo;
use lease_store::index::Replay as _;
use lease_store::journal::{Journal, JournalError};
use lease_store::lease::Slot;
use lease_store::medium::{Medium, NorMedium};
use lease_store::table::{LeaseTable, Pool, Sizes, Span, Storage};

use self::clock::WallClock;
use super::serves::Serves;
use super::{Desk, to_all};
use crate::defect::Defect;
use crate::network::Told;
use crate::nor::{Chip, Leaves, Nor, PowerLost};

/// Sectors of the flash.
const SECTORS: usize = 16;

/// How often a board records the time, in milliseconds.
const MARK_MS: u64 = 60_000;

/// How much later a host does, in seconds.
const HOST_MARK_SECS: u32 = 900;

/// How often the clocks are compared, in milliseconds.
const CLOCK_MS: u64 = 1_000;

/// How soon idle work goes on, in milliseconds.
const TIDY_MS: u64 = 50;

type Table =
    LeaseTable<Storage<u16, Vec<Slot<u16>>, Vec<u16>, Vec<u64>, Vec<Span<u16>>, Vec<Pool<u16>>>>;

/// What is lost with the power.
#[derive(Debug)]
struct Running {
    server: Server<'static, Table>,
    journal: Journal<NorMedium<Chip>>,
    mark_at: Instant,
    tidy_at: Instant,
    clock_at: Instant,
    neighbours: BTreeMap<Ipv4Addr, [u8; 6]>,
    frames: u32,
    echoes: u16,
}

/// A server.
#[derive(Debug)]
pub struct ServerNode {
    /// For the story.
    pub name: &'static str,
    mac: [u8; 6],
    config: &'static ServerConfig<'static>,
    /// The server's addresses on its links; interfaces are ports.
    locals: Vec<(Link, Ipv4Addr)>,
    /// The router to the networks that are not attached.
    router: Option<[u8; 6]>,
    /// What is wrong with it on purpose.
    defect: Option<Defect>,
    /// With [`Defect::LosesWrites`], what the flash really holds.
    durable: Option<Nor<4, 4096>>,
    chip: Chip,
    running: Option<Box<Running>>,
    /// When the power comes back.
    on_at: Option<Instant>,
    wall: WallClock,
    /// Whether its lease clock jumped since that was asked last.
    jumped: bool,
}

impl ServerNode {
    /// A server that is switched on at once.
    #[must_use]
    pub fn new(
        name: &'static str,
        mac: [u8; 6],
        told: Told,
        rng: &mut Rng,
        defect: Option<Defect>,
    ) -> Self {
        let Told { config, locals, router } = told;
        let chip = Chip::new(SECTORS, rng.next_u64());
        let wall = WallClock::new(rng);
        let (running, on_at) = (None, Some(Instant::ZERO));
        Self {
            name,
            mac,
            config,
            locals,
            router,
            defect,
            durable: None,
            chip,
            running,
            on_at,
            wall,
            jumped: false,
        }
    }

    fn boot(&mut self, desk: &mut Desk<'_>) {
        self.chip.power_on();
        let storage = Storage::collected(&Sizes::of(self.config));
        let mut table = LeaseTable::new(self.config, storage).expect("the storage was measured");
        let medium = NorMedium::new(self.chip.clone());
        let (journal, opened) =
            Journal::open(medium, &mut table).expect("a journal survives any power cut");
        assert!(opened.octets_lost == 0 && opened.sectors_lost == 0, "nothing durable is lost");
        table.check();
        self.wall.power_on(desk.now);
        let stamp = self.wall.first_time(desk.now, opened.time);
        let server = Server::new(self.config, table, LeaseClock::new(desk.now, stamp));
        let (mark_at, tidy_at) = (desk.now.plus_millis(10), desk.now.plus_millis(20));
        self.running = Some(Box::new(Running {
            server,
            journal,
            mark_at,
            tidy_at,
            clock_at: desk.now,
            neighbours: BTreeMap::new(),
            frames: 0,
            echoes: 0,
        }));
        self.on_at = None;
        desk.trace.count("server started");
        desk.trace
            .tell(desk.now, || format!("{} starts with {} records", self.name, opened.records));
    }

    fn work(&mut self, desk: &mut Desk<'_>) -> Result<(), PowerLost> {
        let Some(running) = &mut self.running else { return Ok(()) };
        let now = desk.now;
        for _ in 0..1_000 {
            if self.defect == Some(Defect::Idles) || !running.server.poll(now) {
                break;
            }
        }
        while let Some(probe) = running.server.poll_probe(now) {
            match probe.via {
                Via::Arp(link) => {
                    let arp = Arp::probe(self.mac, probe.address);
                    desk.send_arp(usize::from(link.interface), link.vlan, &arp);
                }
                Via::Icmp => {
                    let (_, source) = *self.locals.first().expect("a server has an address");
                    let destination = probe.address;
                    running.echoes = running.echoes.wrapping_add(1);
                    let (identifier, sequence) = (1, running.echoes);
                    let echo = Echo { source, destination, reply: false, identifier, sequence };
                    let router = self.router.expect("what is not attached is behind a router");
                    let ethernet = Ethernet { destination: router, ..to_all(self.mac, None) };
                    desk.send_echo(0, &ethernet, &echo);
                }
            }
        }
        if running.clock_at <= now {
            running.clock_at = now.plus_millis(CLOCK_MS);
            if running.follow(now, &mut self.wall)? {
                self.jumped = true;
                let shows = running.server.time(now);
                desk.trace.tell(now, || format!("{}'s lease clock jumps to {shows:?}", self.name));
            }
        }
        if running.mark_at <= now {
            let late = if self.wall.is_none() { 0 } else { HOST_MARK_SECS };
            let stamp = running.server.time(now);
            if stamp >= running.journal.time().plus_secs(late) {
                running.mark(stamp)?;
            }
            running.mark_at = now.plus_millis(MARK_MS);
            if self.defect == Some(Defect::LosesWrites) {
                self.durable = Some(self.chip.copy());
            }
        }
        if running.tidy_at <= now {
            let more = alive(running.journal.tidy(running.server.book_mut()))?.unwrap_or(false);
            running.tidy_at = now.plus_millis(if more { TIDY_MS } else { 20 * TIDY_MS });
        }
        Ok(())
    }
}

impl Serves for ServerNode {
    fn mac(&self) -> [u8; 6] {
        self.mac
    }

    fn is_me(&self, address: Ipv4Addr) -> bool {
        self.locals.iter().any(|(_, local)| *local == address)
    }

    fn is_on(&self) -> bool {
        self.running.is_some()
    }

    fn config(&self) -> &'static ServerConfig<'static> {
        self.config
    }

    fn entry_at(&self, address: Ipv4Addr, now: Instant) -> Option<Entry> {
        let server = &self.running.as_ref()?.server;
        server.book().entry_at(address, server.time(now))
    }

    fn is_prompt(&self) -> bool {
        true
    }

    fn free_in(&self, subnet: SubnetIndex) -> u32 {
        self.running.as_ref().map_or(0, |running| running.server.book().room(subnet).0)
    }

    fn off(&mut self, desk: &mut Desk<'_>, down_ms: u32) {
        self.running = None;
        self.wall.power_off(desk.now);
        if let Some(durable) = self.durable.take() {
            self.chip.restore(durable);
        }
        self.on_at = Some(desk.now.plus_millis(u64::from(down_ms)));
        desk.trace.count("server lost its power");
        desk.trace.tell(desk.now, || format!("{} loses its power", self.name));
    }

    fn cut(&mut self, steps: u32, leaves: Leaves) {
        self.chip.cut_after(u64::from(steps), leaves);
    }

    fn settle(&mut self, now: Instant) {
        self.chip.power_on();
        if self.running.is_none() {
            self.on_at = Some(now);
        }
    }

    fn set_clock(&mut self, ahead_secs: i32) {
        if self.running.is_some() {
            self.wall.set(ahead_secs);
        }
    }

    fn take_jumped(&mut self) -> bool {
        core::mem::replace(&mut self.jumped, false)
    }

    fn timeout(&self) -> Option<Instant> {
        let Some(running) = &self.running else { return self.on_at };
        let clock_at = if self.wall.is_none() { running.mark_at } else { running.clock_at };
        let next = running.mark_at.min(running.tidy_at).min(clock_at);
        Some(running.server.poll_timeout().map_or(next, |poll_at| poll_at.min(next)))
    }

    fn wake(&mut self, desk: &mut Desk<'_>) -> bool {
        if self.running.is_none() {
            if self.on_at.is_some_and(|on_at| on_at <= desk.now) {
                self.boot(desk);
                return true;
            }
            return false;
        }
        if self.work(desk).is_err() {
            self.off(desk, 3_000);
        }
        let next = self.timeout();
        assert!(next.is_none_or(|next| next > desk.now), "the next deadline is later than now");
        false
    }

    fn receive(&mut self, desk: &mut Desk<'_>, port: usize, frame: &[u8]) {
        if self.running.is_some() && self.take(desk, port, frame).is_err() {
            self.off(desk, 3_000);
        }
    }
}

impl Running {
    /// Writes down what the lease clock shows; whether that is durable.
    fn mark(&mut self, stamp: Timestamp) -> Result<bool, PowerLost> {
        let marked = alive(self.journal.mark_time(stamp, self.server.book_mut()))?;
        let synced = alive(self.journal.sync())?;
        Ok(marked.is_some() && synced.is_some())
    }

    /// Moves the lease clock to the wall clock when that is far ahead, and with it the ends of leases, each recorded; whether it did.
    fn follow(&mut self, now: Instant, wall: &mut WallClock) -> Result<bool, PowerLost> {
        let shows = wall.reads(now);
        let Correction::Shift(secs) = self.server.clock_mut().correction(now, shows) else {
            return Ok(false);
        };
        let stamp = shows.expect("only a clock that was set is ahead");
        wall.is_behind = true;
        let time = self.server.time(now);
        let changes: Vec<Change<'static>> = self.server.book().prolonged(time, secs).collect();
        for group in changes.chunks(PENDING_MAX) {
            for change in group {
                self.server.book_mut().replay(change);
                let lsn = self.server.changed(change.address()).expect("a group has room");
                alive(self.journal.append(lsn, change, self.server.book_mut()))?;
            }
            let Some(durable) = alive(self.journal.sync())? else {
                // It is tried again.
                self.server.not_durable();
                return Ok(false);
            };
            self.server.durable(durable);
        }
        self.server.clock_mut().advance(now, stamp);
        wall.is_behind = !self.mark(stamp)?;
        Ok(true)
    }

    /// Makes a change durable, and lets go what waits for it.
    fn record(
        &mut self,
        record: Option<(Lsn, Change<'_>)>,
        held: Option<Held>,
        defect: Option<Defect>,
    ) -> Result<Option<Transmit>, PowerLost> {
        let lost = |(_, change): &(Lsn, Change<'_>)| defect.is_some_and(|it| it.loses(change));
        let record = record.filter(|record| !lost(record));
        if let Some((lsn, change)) = &record {
            alive(self.journal.append(*lsn, change, self.server.book_mut()))?;
        } else if held.is_none() {
            return Ok(None);
        }
        let Some(durable) = alive(self.journal.sync())? else {
            self.server.not_durable();
            return Ok(None);
        };
        self.server.durable(durable);
        Ok(held.and_then(|held| held.release(durable).ok()))
    }
}

/// The result of something that the journal did; without power there is none.
fn alive<T>(result: Result<T, JournalError<JournalMediumError>>) -> Result<Option<T>, PowerLost> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(JournalError::Medium(_)) => Err(PowerLost),
        Err(_) => Ok(None),
    }
}

type JournalMediumError = <NorMedium<Chip> as Medium>::Error;

fn tell(desk: &mut Desk<'_>, name: &str, event: &Event) {
    desk.trace.tell(desk.now, || format!("{name}: {event:?}"));
}

/// The answer to a request for an address of ours.
#[must_use]
pub fn reply_to(arp: &Arp, mac: [u8; 6]) -> Arp {
    Arp {
        operation: Operation::Reply,
        sender_mac: mac,
        sender: arp.target,
        target_mac: arp.sender_mac,
        target: arp.sender,
    }
}
