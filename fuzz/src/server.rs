//! The server under any sequence of packets, times, syncs, failures and power cuts, with the promises of the design checked after each step:
//!
//! - no address is told to two clients, offered to two at a time, or is outside what its segment may hand out;
//! - no ACK is told before its record is durable, and after a cut every client that was told still has what it was told;
//! - a client with a lease is offered that lease;
//! - at most one reply a request, none of them malformed, each to where RFC 2131 section 4.1 sends it;
//! - the next deadline is later than now.

mod record;
mod script;
mod told;

use core::net::Ipv4Addr;

use arbitrary::{Result, Unstructured};
use dhcp_core::id::HardwareAddr;
use dhcp_core::server::book::{LeaseBook as _, Standing};
use dhcp_core::server::{Durable, Held, Ingress, Lsn, Reply, Scratch, Server, Transmit};
use dhcp_core::time::{Instant, LeaseClock, Timestamp};
use lease_store::index::Replay as _;

use self::record::Record;
use self::script::{Packet, Step};
use self::told::{Said, Told};
use crate::table::{Table, empty};
use crate::world::{self, LINKS, World, mac};

/// Steps of one script; what is longer ends there.
const STEPS_MAX: usize = 400;

/// Reads a script from the octets and plays it.
pub fn any_script(octets: &[u8]) {
    let mut script = Unstructured::new(octets);
    // The octets ran out in the middle of a step: what was before it was played.
    let _ = play(&mut script);
}

fn play(script: &mut Unstructured<'_>) -> Result<()> {
    let mut stage = Stage::new(World::any(script)?);
    for _ in 0..STEPS_MAX {
        if script.is_empty() {
            break;
        }
        stage.step(Step::any(script)?);
        stage.check();
    }
    stage.sync(usize::MAX);
    stage.check();
    Ok(())
}

/// One message from anywhere is read by a server with leases: nothing panics, and what is answered is a reply.
pub fn hear(octets: &[u8]) {
    let mut stage = Stage::new(World::plain());
    for client in 0..4 {
        stage.step(Step::Packet(Packet::discover(client)));
    }
    for (link, unicast) in [(0, false), (0, true), (1, false)] {
        stage.hear(link, unicast, octets);
    }
    stage.step(Step::Pass { secs: 5_000 });
    stage.hear(0, false, octets);
}

/// The server, its journal, the clock, and what the clients know.
struct Stage {
    world: World,
    server: Server<'static, Table>,
    now: Instant,
    /// Appended and durable, in order.
    journal: Vec<Record>,
    /// Appended, and lost with a cut or a failure.
    appended: Vec<(Lsn, Record)>,
    held: Vec<(Held, Said)>,
    told: Told,
}

impl Stage {
    fn new(world: World) -> Self {
        let now = Instant::from_millis(5_000);
        let clock = LeaseClock::new(now, Timestamp::from_secs(1_000_000));
        let server = Server::new(world.config, empty(world.config), clock);
        let (journal, appended, held) = (Vec::new(), Vec::new(), Vec::new());
        Self { world, server, now, journal, appended, held, told: Told::default() }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Packet(packet) => {
                let octets = packet.octets(&self.world);
                self.ask(&packet, &octets);
            }
            Step::Pass { secs } => {
                self.now = self.now.plus_secs(secs);
                self.poll();
            }
            Step::Sync { records } => self.sync(usize::from(records)),
            Step::Fail => self.fail(),
            Step::Cut { survive } => self.cut(usize::from(survive)),
            Step::Probes => while self.server.poll_probe(self.now).is_some() {},
            Step::Answer { address, by } => self.answer(address, by),
        }
    }

    fn poll(&mut self) {
        let mut rounds = 0;
        while self.server.poll(self.now) {
            rounds += 1;
            assert!(rounds < 10_000, "a sweep comes to an end");
            self.now = self.now.plus_millis(1);
        }
        let next = self.server.poll_timeout();
        assert!(next.is_none_or(|next| next > self.now), "the next deadline is later than now");
    }

    fn ingress(&self, link: usize, unicast: bool) -> Ingress {
        let (link, local) = LINKS.get(link).copied().unwrap_or(LINKS[0]);
        Ingress { link, local, unicast }
    }

    /// A packet of one of our clients, whose answer is followed.
    fn ask(&mut self, packet: &Packet, octets: &[u8]) {
        let ingress = self.ingress(packet.link(), packet.unicast());
        let hardware = HardwareAddr::ethernet(mac(packet.client()));
        // Whoever asks again waits for the new answer.
        self.held.retain(|(_, said)| said.hardware != hardware);
        let now = self.server.time(self.now);
        let leased = self.leased(packet);
        let (said, held, record) = self.handle(&ingress, octets);
        if let Some(said) = &said {
            said.check_again(&leased);
        }
        let gone = record.as_ref().filter(|(_, record)| !record.gives());
        self.told.asked(hardware, said.as_ref(), gone.map(|(_, record)| record.address()));
        if let Some((lsn, record)) = record {
            self.append(lsn, record);
        }
        match (said, held) {
            (Some(said), Some(held)) => self.held.push((held, said)),
            (Some(said), None) => self.told.hears(&self.world, &said, now),
            (None, _) => {}
        }
    }

    /// What a client has whose address the configuration leaves open, under the name that it gives itself in this packet.
    fn leased(&self, packet: &Packet) -> Vec<Ipv4Addr> {
        if packet.client() < world::RESERVED_CLIENTS {
            return Vec::new();
        }
        let now = self.server.time(self.now);
        let entries = self.world.subnets().filter_map(|subnet| {
            let key = packet.key(self.world.config, subnet);
            self.server.book().entry_of(subnet, &key, now)
        });
        let bound = entries.filter(|entry| entry.standing == Standing::Bound);
        bound.map(|entry| entry.address).collect()
    }

    fn handle(
        &mut self,
        ingress: &Ingress,
        octets: &[u8],
    ) -> (Option<Said>, Option<Held>, Option<(Lsn, Record)>) {
        let now = self.server.time(self.now);
        let mut scratch = Scratch::new();
        let mut out = [0xee; 1_472];
        let outcome = self.server.handle(self.now, ingress, octets, &mut scratch, &mut out);
        let record = outcome.record.map(|(lsn, change)| (lsn, Record::of(&change)));
        let said = |transmit: Transmit| {
            let reply = out.get(..transmit.len).expect("what was written is in the buffer");
            Some(Said::read(ingress, octets, &transmit, reply, now))
        };
        let (said, held) = match outcome.reply {
            Reply::None => (None, None),
            Reply::Now(transmit) => (said(transmit), None),
            Reply::Held(held) => {
                assert!(held.release(Durable::synced_up_to(Lsn::ZERO)).is_err(), "no ACK is early");
                let transmit = held.release(Durable::synced_up_to(held.lsn()));
                (said(transmit.expect("its own record is enough")), Some(held))
            }
        };
        (said, held, record)
    }

    fn append(&mut self, lsn: Lsn, record: Record) {
        let last = self.appended.last().map(|(last, _)| *last);
        assert!(last.is_none_or(|last| last.next() == lsn), "changes are numbered without gaps");
        self.appended.push((lsn, record));
    }

    /// Makes the first records that are on their way durable, and sends what waited for them.
    fn sync(&mut self, records: usize) {
        let done = records.min(self.appended.len());
        let Some((lsn, _)) = done.checked_sub(1).and_then(|last| self.appended.get(last)) else {
            return;
        };
        let durable = Durable::synced_up_to(*lsn);
        self.journal.extend(self.appended.drain(..done).map(|(_, record)| record));
        self.server.durable(durable);
        let now = self.server.time(self.now);
        for (held, said) in core::mem::take(&mut self.held) {
            match held.release(durable) {
                Ok(_) => self.told.hears(&self.world, &said, now),
                Err(held) => self.held.push((held, said)),
            }
        }
    }

    /// The medium refuses: nothing that is on its way is durable.
    fn fail(&mut self) {
        self.server.not_durable();
        self.appended.clear();
        self.held.clear();
    }

    /// The power goes: some of what was on its way is on the medium, the rest is not; memory is gone.
    fn cut(&mut self, survive: usize) {
        let kept = survive.min(self.appended.len());
        self.journal.extend(self.appended.drain(..kept).map(|(_, record)| record));
        self.appended.clear();
        self.held.clear();
        let stamp = self.server.time(self.now);
        let mut book = empty(self.world.config);
        for record in &self.journal {
            book.replay(&record.change());
        }
        let clock = LeaseClock::new(self.now, stamp);
        self.server = Server::new(self.world.config, book, clock);
        self.told.forget_offers();
    }

    fn answer(&mut self, address: u8, by: Option<u8>) {
        let address = self.world.address(address);
        let by = by.map(|client| HardwareAddr::ethernet(mac(client)));
        let heard = self.server.heard(self.now, address, by);
        if let Some(outcome) = heard {
            assert_eq!(outcome.reply, Reply::None, "nobody asked for a reply");
            if let Some((lsn, change)) = outcome.record {
                let record = Record::of(&change);
                assert_eq!(record.address(), address);
                self.append(lsn, record);
            }
        }
        self.told.forget_offer(address);
    }

    /// Octets of anybody: only what is said is looked at.
    fn hear(&mut self, link: usize, unicast: bool, octets: &[u8]) {
        let ingress = self.ingress(link, unicast);
        let (said, _, record) = self.handle(&ingress, octets);
        if let Some(said) = said {
            said.check(&self.world);
        }
        if let Some((lsn, record)) = record {
            self.append(lsn, record);
        }
        self.check_room();
    }

    fn check(&self) {
        let now = self.server.time(self.now);
        self.told.check(self.server.book(), now);
        self.check_room();
    }

    fn check_room(&self) {
        self.server.book().check();
        for subnet in self.world.subnets() {
            let (free, all) = self.server.book().room(subnet);
            assert!(free <= all, "{free} of {all} addresses are free");
        }
    }
}
