//! What happens when? One queue of events, one time, and one chance for all.
//!
//! Who is there is in `world/cast.rs`, how frames come from one to the other in `world/link.rs`, what a node does and how that is judged in `world/act.rs`.

mod act;
mod cast;
mod link;
mod queue;

use core::net::Ipv4Addr;
use core::panic::AssertUnwindSafe;
use std::collections::BTreeMap;
use std::panic::catch_unwind;

use dhcp_core::rng::Rng;
use dhcp_core::time::Instant;

use self::act::Act;
use self::cast::{Cast, Node, Place};
use self::queue::{Event, Queue};
use crate::judge::{Found, Judge, Violation};
use crate::network::{Site, sites};
use crate::plan::{
    CLONED_CLIENT, ClientPlan, EPOCH_MS, FAULTS_MS, Faults, Incident, Kind, Plan, What,
};
use crate::trace::{Clock, Trace};

/// Once faults stop, whoever has no lease gets one in two maximal back-offs of 64 seconds, and the time to check the address.
const BOUND_WITHIN_SECS: u32 = 2 * 64 + 25;

/// How often it is checked that nobody waits in vain, in milliseconds.
const LOOK_MS: u64 = 5_000;

/// Between the deeds of one hostile incident, in milliseconds.
const DEED_MS: u64 = 200;

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// What happened.
    pub trace: Trace,
    /// How often a node did something: what a run costs, on any machine the same.
    pub steps: u64,
    /// When something did not hold, and what.
    pub failure: Option<(Instant, Violation, String)>,
}

/// Runs a plan to its end or to the first violation; with a story when it is wanted.
#[must_use]
pub fn run(plan: &Plan, story: bool) -> Report {
    let mut world = World::new(plan, story);
    let result = catch_unwind(AssertUnwindSafe(|| world.run()));
    let failure = match result {
        Ok(Ok(())) => None,
        Ok(Err((violation, line))) => Some((world.now, violation, line)),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            let line = text.unwrap_or("a panic without a text").to_owned();
            Some((world.now, Violation::Panic, line))
        }
    };
    Report { trace: world.trace, steps: world.steps, failure }
}

struct World {
    now: Instant,
    end: Instant,
    queue: Queue,
    cast: Cast,
    sites: Vec<Site>,
    /// Clients with this client identifier are several machines; nothing is promised to them.
    clones: bool,
    faults: Faults,
    calm_since: Option<Instant>,
    rng: Rng,
    judge: Judge,
    trace: Trace,
    steps: u64,
    /// Whether somebody asks for what is about to end.
    heirs: bool,
    /// When a look found each site's pools full last.
    full_at: BTreeMap<u8, Instant>,
    /// When a look found a client beside the informer at its address last.
    shared_at: BTreeMap<Ipv4Addr, Instant>,
}

impl World {
    fn new(plan: &Plan, story: bool) -> Self {
        let sites = sites(plan);
        let mut rng = Rng::seeded(plan.seed ^ 0x5eed);
        let epochs = plan.epochs.len() as u64;
        let mut world = Self {
            now: Instant::ZERO,
            end: Instant::from_millis(epochs * EPOCH_MS),
            queue: Queue::default(),
            cast: Cast::default(),
            clones: plan.clients.iter().any(|client| client.kind == Kind::Clone),
            faults: Faults::default(),
            calm_since: None,
            judge: Judge::default(),
            trace: Trace::new(story),
            steps: 0,
            rng: Rng::seeded(rng.next_u64()),
            sites: sites.clone(),
            heirs: plan.heirs,
            full_at: BTreeMap::new(),
            shared_at: BTreeMap::new(),
        };
        world.cast = Cast::of(plan, &sites, &mut rng);
        for place in 0..world.cast.places.len() {
            world.schedule(place);
        }
        world.introduce();
        for (number, epoch) in (0..).zip(&plan.epochs) {
            let begin = Instant::from_millis(number * EPOCH_MS);
            world.queue.push(begin, Event::Faults(epoch.faults));
            for Incident { at_ms, what } in &epoch.incidents {
                world.queue.push(Instant::from_millis(*at_ms), Event::Incident(*what));
            }
            world.queue.push(begin.plus_millis(FAULTS_MS), Event::Calm);
        }
        world.queue.push(Instant::from_millis(LOOK_MS), Event::Look);
        world
    }

    /// The judge is told who everybody is.
    fn introduce(&mut self) {
        for place in &self.cast.places {
            match &place.node {
                Node::Client(client, site) => {
                    let is_clone = is_cloned(self.clones, &client.plan);
                    self.judge.meet(client.mac, site.net, is_clone);
                }
                Node::Smoltcp(client, site) => self.judge.meet(client.mac, site.net, false),
                Node::Squatter(squatter) => self.judge.meet_static(squatter.address),
                Node::Informer(informer, site) => {
                    self.judge.meet(informer.mac, site.net, false);
                    self.judge.meet_static(informer.address);
                }
                Node::Server(_) | Node::Rogue(..) | Node::Relay(_) | Node::Hostile(_) => {}
            }
        }
    }

    fn run(&mut self) -> Result<(), Found> {
        while let Some(due) = self.queue.pop() {
            if due.at > self.end {
                self.now = self.end;
                break;
            }
            assert!(due.at >= self.now, "time goes forward");
            self.now = due.at;
            self.happen(due.event)?;
        }
        Ok(())
    }

    fn happen(&mut self, event: Event) -> Result<(), Found> {
        match event {
            Event::Frame { from, segment, vlan, octets } => {
                self.deliver(from, segment, vlan, &octets)
            }
            Event::Wake { place } => {
                if self.cast.places.get(place).is_some_and(|place| place.wake_at == Some(self.now))
                {
                    return self.act(place, Act::Wake);
                }
                Ok(())
            }
            Event::Incident(what) => self.incident(what),
            Event::Deed { deed, left } => {
                if self.calm_since.is_none() && left > 0 {
                    self.queue
                        .push(self.now.plus_millis(DEED_MS), Event::Deed { deed, left: left - 1 });
                    return self.act(self.cast.hostile, Act::Deed(deed));
                }
                Ok(())
            }
            Event::Heir { vlan, address } => {
                self.trace.count("somebody asks in the last second");
                self.act(self.cast.hostile, Act::Inherit(vlan, address))
            }
            Event::Faults(faults) => {
                self.faults = faults;
                self.calm_since = None;
                self.judge.calm_since(None);
                self.judge.link_is_good(self.now, faults.is_harmless());
                self.trace.tell(self.now, || format!("the link: {faults:?}"));
                Ok(())
            }
            Event::Calm => self.calm(),
            Event::Look => {
                self.queue.push(self.now.plus_millis(LOOK_MS), Event::Look);
                self.look()
            }
        }
    }

    fn calm(&mut self) -> Result<(), Found> {
        self.faults = Faults::default();
        self.calm_since = Some(self.now);
        self.judge.calm_since(self.calm_since);
        self.judge.link_is_good(self.now, true);
        self.trace.tell(self.now, || "the faults stop".to_owned());
        for place in self.cast.servers.clone() {
            let now = self.now;
            if let Some(Place { node: Node::Server(server), .. }) = self.cast.places.get_mut(place)
            {
                server.settle(now);
            }
            self.schedule(place);
        }
        self.turn_rogue(false);
        Ok(())
    }

    fn turn_rogue(&mut self, on: bool) {
        if let Some(Place { node: Node::Rogue(_, is_on), .. }) =
            self.cast.places.get_mut(self.cast.rogue)
        {
            *is_on = on;
        }
        self.schedule(self.cast.rogue);
    }

    /// Nobody waits in vain.
    fn look(&mut self) -> Result<(), Found> {
        for site in &self.sites {
            let has_room = |place: &usize| match self.cast.places.get(*place).map(|at| &at.node) {
                Some(Node::Server(server)) => server.has_room(site),
                _ => false,
            };
            if !self.cast.servers.iter().any(has_room) {
                self.full_at.insert(site.net, self.now);
            }
        }
        let Some(calm_since) = self.calm_since else { return Ok(()) };
        let late = |since: Instant| since.max(calm_since).plus_secs(BOUND_WITHIN_SECS) < self.now;
        for place in &self.cast.informers {
            let Some(Place { node: Node::Informer(informer, _), .. }) =
                self.cast.places.get(*place)
            else {
                continue;
            };
            // Answers to an address that two have go to either, and for a while still to who had it last.
            let address = informer.address;
            if self.judge.is_given(address) || self.has(address) {
                self.shared_at.insert(address, self.now);
            }
            let shared_at = self.shared_at.get(&address).copied().unwrap_or(Instant::ZERO);
            if let Some(since) = informer.asking_since()
                && late(since.max(shared_at))
            {
                let line = format!("{address} asks by INFORM since {}", Clock(since));
                return Err((Violation::NotBound, line));
            }
        }
        for place in &self.cast.clients {
            let Some(place) = self.cast.places.get(*place) else { continue };
            let (number, wanting, state, net) = match &place.node {
                Node::Client(client, site) => {
                    if is_cloned(self.clones, &client.plan) {
                        continue;
                    }
                    (client.plan.number, client.wanting_since(), client.state(), site.net)
                }
                Node::Smoltcp(client, site) => {
                    (client.plan.number, client.wanting_since(), String::new(), site.net)
                }
                Node::Server(_)
                | Node::Rogue(..)
                | Node::Relay(_)
                | Node::Squatter(_)
                | Node::Informer(..)
                | Node::Hostile(_) => continue,
            };
            let Some(since) = wanting else { continue };
            let full_at = self.full_at.get(&net).copied().unwrap_or(Instant::ZERO);
            if late(since.max(full_at)) {
                let line = format!("client {number} waits since {} {state}", Clock(since));
                return Err((Violation::NotBound, line));
            }
        }
        Ok(())
    }

    /// Whether a client has the address by a lease, whoever gave it and whether that one knows: somebody hostile may have given it back.
    fn has(&self, address: Ipv4Addr) -> bool {
        self.cast.clients.iter().any(|place| {
            let held = match self.cast.places.get(*place).map(|place| &place.node) {
                Some(Node::Client(client, _)) => client.held(),
                Some(Node::Smoltcp(client, _)) => client.held(),
                _ => None,
            };
            held.is_some_and(|(held, _, until)| held == address && until > self.now)
        })
    }

    fn incident(&mut self, what: What) -> Result<(), Found> {
        let server = |server: usize| self.cast.servers.get(server).copied();
        let client = |client: u16| self.cast.clients.get(usize::from(client)).copied();
        match what {
            What::Restart { server: number, down_ms } => {
                server(number).map_or(Ok(()), |place| self.act(place, Act::Restart(down_ms)))
            }
            What::Cut { server: number, steps, leaves } => {
                if let Some(place) = server(number)
                    && let Some(Place { node: Node::Server(node), .. }) =
                        self.cast.places.get_mut(place)
                {
                    node.cut(steps, leaves);
                }
                Ok(())
            }
            What::Clock { server: number, ahead_secs } => {
                if let Some(place) = server(number)
                    && let Some(Place { node: Node::Server(node), .. }) =
                        self.cast.places.get_mut(place)
                {
                    node.set_clock(ahead_secs);
                }
                Ok(())
            }
            What::Off { client: number, secs, remembers } => {
                client(number).map_or(Ok(()), |place| self.act(place, Act::Off(secs, remembers)))
            }
            What::Release { client: number, secs } => {
                client(number).map_or(Ok(()), |place| self.act(place, Act::Release(secs)))
            }
            What::Renew { client: number } => {
                client(number).map_or(Ok(()), |place| self.act(place, Act::Renew))
            }
            What::Rogue(on) => {
                self.turn_rogue(on);
                Ok(())
            }
            What::Inform { informer, unicast } => {
                let place = self.cast.informers.get(usize::from(informer)).copied();
                place.map_or(Ok(()), |place| self.act(place, Act::Inform(unicast)))
            }
            What::Hostile { deed, times } => self.happen(Event::Deed { deed, left: times }),
        }
    }
}

/// Whether several machines have the identity of this client, if there are `clones` at all: nothing is promised to them.
fn is_cloned(clones: bool, client: &ClientPlan) -> bool {
    let shares = match client.kind {
        Kind::Clone => true,
        Kind::Ours { client_id, .. } => client_id && client.number == CLONED_CLIENT,
        Kind::Container | Kind::Smoltcp => false,
    };
    clones && shares
}
