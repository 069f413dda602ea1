//! What happens when? One queue of events, one time, and one chance for all; segments carry frames from port to port as badly as the faults say.

use core::cmp::Reverse;
use core::panic::AssertUnwindSafe;
use std::collections::{BinaryHeap, VecDeque};
use std::panic::catch_unwind;
use std::rc::Rc;

use dhcp_core::rng::Rng;
use dhcp_core::time::Instant;
use dhcp_core::wire::frame::{ETHERNET_LEN, ETHERTYPE_VLAN, Ethernet};

use crate::judge::{Found, Judge, Violation};
use crate::network::{KEY, Site, rogue, site_of, sites, told};
use crate::node::client::ClientNode;
use crate::node::hostile::Hostile;
use crate::node::relay::Relay;
use crate::node::server::ServerNode;
use crate::node::smoltcp::SmoltcpNode;
use crate::node::squatter::Squatter;
use crate::node::{Desk, is_for, mac};
use crate::plan::{Deed, EPOCH_MS, FAULTS_MS, Faults, Incident, Kind, Plan, Shape, What};
use crate::trace::{Clock, Trace};

/// How long a frame takes, in microseconds rounded up to the world's millisecond.
const FRAME_MS: u64 = 1;

/// Once faults stop, whoever has no lease gets one in two maximal back-offs of 64 seconds, and the time to check the address.
const BOUND_WITHIN_SECS: u32 = 2 * 64 + 25;

/// How often it is checked that nobody waits in vain, in milliseconds.
const LOOK_MS: u64 = 5_000;

/// Between the deeds of one hostile incident, in milliseconds.
const DEED_MS: u64 = 200;

/// A plugged-in cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Port {
    segment: usize,
    access: Access,
}

/// Which frames a port carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// Those of one VLAN, or of the segment that has none, without a tag.
    Untagged(Option<u16>),
    /// All, with their tags.
    Trunk,
}

#[derive(Debug)]
enum Node {
    Server(Box<ServerNode>),
    /// The same program, but nobody asked for it.
    Rogue(Box<ServerNode>, bool),
    Client(Box<ClientNode>, Site),
    Smoltcp(Box<SmoltcpNode>, Site),
    Relay(Relay),
    Squatter(Squatter),
    Hostile(Box<Hostile>),
}

#[derive(Debug)]
struct Place {
    node: Node,
    ports: Vec<Port>,
    wake_at: Option<Instant>,
}

#[derive(Clone, Debug)]
enum Event {
    Frame { from: usize, segment: usize, vlan: Option<u16>, octets: Rc<[u8]> },
    Wake { place: usize },
    Incident(What),
    Deed { deed: Deed, left: u16 },
    Faults(Faults),
    Calm,
    Look,
}

#[derive(Debug)]
struct Due {
    at: Instant,
    /// Events at the same time happen in the order in which they were made.
    number: u64,
    event: Event,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// What happened.
    pub trace: Trace,
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
    Report { trace: world.trace, failure }
}

struct World {
    now: Instant,
    end: Instant,
    numbers: u64,
    queue: BinaryHeap<Reverse<Due>>,
    places: Vec<Place>,
    /// The places of the plan's clients and servers.
    clients: Vec<usize>,
    servers: Vec<usize>,
    hostile: usize,
    rogue: usize,
    sites: Vec<Site>,
    /// Clients with this client identifier are several machines; nothing is promised to them.
    clones: bool,
    faults: Faults,
    calm_since: Option<Instant>,
    rng: Rng,
    judge: Judge,
    trace: Trace,
}

impl World {
    fn new(plan: &Plan, story: bool) -> Self {
        let sites = sites(plan);
        let mut rng = Rng::seeded(plan.seed ^ 0x5eed);
        let epochs = plan.epochs.len() as u64;
        let mut world = Self {
            now: Instant::ZERO,
            end: Instant::from_millis(epochs * EPOCH_MS),
            numbers: 0,
            queue: BinaryHeap::new(),
            places: Vec::new(),
            clients: Vec::new(),
            servers: Vec::new(),
            hostile: 0,
            rogue: 0,
            clones: plan.clients.iter().any(|client| client.kind == Kind::Clone),
            faults: Faults::default(),
            calm_since: None,
            judge: Judge::default(),
            trace: Trace::new(story),
            rng: Rng::seeded(rng.next_u64()),
            sites: sites.clone(),
        };
        world.settle_in(plan, &sites, &mut rng);
        for (number, epoch) in (0..).zip(&plan.epochs) {
            let begin = Instant::from_millis(number * EPOCH_MS);
            world.push(begin, Event::Faults(epoch.faults));
            for Incident { at_ms, what } in &epoch.incidents {
                world.push(Instant::from_millis(*at_ms), Event::Incident(*what));
            }
            world.push(begin.plus_millis(FAULTS_MS), Event::Calm);
        }
        world.push(Instant::from_millis(LOOK_MS), Event::Look);
        world
    }

    /// Puts everybody in their place.
    fn settle_in(&mut self, plan: &Plan, sites: &[Site], rng: &mut Rng) {
        let first = *sites.first().expect("there is a site");
        let untagged = |vlan| Port { segment: 0, access: Access::Untagged(vlan) };
        let main = match plan.shape {
            Shape::Trunk => Port { segment: 0, access: Access::Trunk },
            Shape::Relay => Port { segment: 1, access: Access::Untagged(None) },
            Shape::Plain | Shape::TwoServers => untagged(None),
        };
        for number in 0..plan.servers() {
            let told = told(plan, sites, number);
            let name = if number == 0 { "server" } else { "second server" };
            let mac = mac(0x55, u16::try_from(number).expect("few servers"));
            let node = ServerNode::new(name, mac, told.config, told.locals, rng);
            let place = self.place(Node::Server(Box::new(node)), vec![main]);
            self.servers.push(place);
        }
        if plan.shape == Shape::Relay {
            let server = (core::net::Ipv4Addr::new(10, 1, 0, 1), mac(0x55, 0));
            let node = Relay { mac: mac(0x77, 0), giaddr: first.ip(0, 3), server };
            self.place(Node::Relay(node), vec![untagged(first.vlan), main]);
        }
        for client in &plan.clients {
            let site = site_of(sites, client);
            let seed = plan.seed ^ u64::from(client.number) << 32;
            let node = match client.kind {
                Kind::Smoltcp => Node::Smoltcp(Box::new(SmoltcpNode::new(*client, seed)), site),
                Kind::Ours { .. } | Kind::Container | Kind::Clone => {
                    let node = ClientNode::new(*client, &KEY, site.vlan, seed);
                    Node::Client(Box::new(node), site)
                }
            };
            let place = self.place(node, vec![untagged(site.vlan)]);
            self.clients.push(place);
        }
        for number in 0..plan.squatters {
            let address = first.ip(1, 10 + u8::try_from(number).expect("few squatters"));
            let node = Squatter { mac: mac(0x99, number), address };
            self.place(Node::Squatter(node), vec![untagged(first.vlan)]);
        }
        let server = match plan.shape {
            Shape::Relay => core::net::Ipv4Addr::new(10, 1, 0, 1),
            Shape::Plain | Shape::TwoServers | Shape::Trunk => first.ip(0, 1),
        };
        let hostile = Hostile {
            mac: mac(0xbb, 0),
            server,
            pool: (first.first(0), first.pool),
            rng: Rng::seeded(rng.next_u64()),
            kept: VecDeque::new(),
        };
        self.hostile = self.place(Node::Hostile(Box::new(hostile)), vec![untagged(first.vlan)]);
        let told = rogue(&first);
        let node = ServerNode::new("rogue", mac(0x66, 0), told.config, told.locals, rng);
        self.rogue = self.place(Node::Rogue(Box::new(node), false), vec![untagged(first.vlan)]);
    }

    fn place(&mut self, node: Node, ports: Vec<Port>) -> usize {
        let place = self.places.len();
        self.places.push(Place { node, ports, wake_at: None });
        self.schedule(place);
        place
    }

    fn push(&mut self, at: Instant, event: Event) {
        self.numbers += 1;
        self.queue.push(Reverse(Due { at, number: self.numbers, event }));
    }

    fn run(&mut self) -> Result<(), Found> {
        while let Some(Reverse(due)) = self.queue.pop() {
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
                if self.places.get(place).is_some_and(|place| place.wake_at == Some(self.now)) {
                    return self.act(place, Act::Wake);
                }
                Ok(())
            }
            Event::Incident(what) => self.incident(what),
            Event::Deed { deed, left } => {
                if self.calm_since.is_none() && left > 0 {
                    self.push(self.now.plus_millis(DEED_MS), Event::Deed { deed, left: left - 1 });
                    return self.act(self.hostile, Act::Deed(deed));
                }
                Ok(())
            }
            Event::Faults(faults) => {
                self.faults = faults;
                self.calm_since = None;
                self.trace.tell(self.now, || format!("the link: {faults:?}"));
                Ok(())
            }
            Event::Calm => self.calm(),
            Event::Look => {
                self.push(self.now.plus_millis(LOOK_MS), Event::Look);
                self.look()
            }
        }
    }

    fn calm(&mut self) -> Result<(), Found> {
        self.faults = Faults::default();
        self.calm_since = Some(self.now);
        self.trace.tell(self.now, || "the faults stop".to_owned());
        for place in self.servers.clone() {
            let now = self.now;
            if let Some(Place { node: Node::Server(server), .. }) = self.places.get_mut(place) {
                server.settle(now);
            }
            self.schedule(place);
        }
        self.turn_rogue(false);
        Ok(())
    }

    fn turn_rogue(&mut self, on: bool) {
        if let Some(Place { node: Node::Rogue(_, is_on), .. }) = self.places.get_mut(self.rogue) {
            *is_on = on;
        }
        self.schedule(self.rogue);
    }

    /// Nobody waits in vain.
    fn look(&self) -> Result<(), Found> {
        let Some(calm_since) = self.calm_since else { return Ok(()) };
        for place in &self.clients {
            let Some(place) = self.places.get(*place) else { continue };
            let (number, wanting, state) = match &place.node {
                Node::Client(client, _) => {
                    if self.is_cloned(client.plan.number, client.plan.kind) {
                        continue;
                    }
                    (client.plan.number, client.wanting_since(), client.state())
                }
                Node::Smoltcp(client, _) => {
                    (client.plan.number, client.wanting_since(), String::new())
                }
                Node::Server(_)
                | Node::Rogue(..)
                | Node::Relay(_)
                | Node::Squatter(_)
                | Node::Hostile(_) => continue,
            };
            let Some(since) = wanting else { continue };
            if since.max(calm_since).plus_secs(BOUND_WITHIN_SECS) < self.now {
                let line = format!("client {number} waits since {} {state}", Clock(since));
                return Err((Violation::NotBound, line));
            }
        }
        Ok(())
    }

    fn is_cloned(&self, number: u16, kind: Kind) -> bool {
        self.clones && (number == 2 || kind == Kind::Clone)
    }

    fn incident(&mut self, what: What) -> Result<(), Found> {
        let server = |server: usize| self.servers.get(server).copied();
        let client = |client: u16| self.clients.get(usize::from(client)).copied();
        match what {
            What::Restart { server: number, down_ms } => {
                server(number).map_or(Ok(()), |place| self.act(place, Act::Restart(down_ms)))
            }
            What::Cut { server: number, steps, leaves } => {
                if let Some(place) = server(number)
                    && let Some(Place { node: Node::Server(node), .. }) = self.places.get_mut(place)
                {
                    node.cut(steps, leaves);
                }
                Ok(())
            }
            What::Time { server: number, behind_secs } => {
                let now = self.now;
                if let Some(place) = server(number)
                    && let Some(Place { node: Node::Server(node), .. }) = self.places.get_mut(place)
                {
                    node.hear_time(now, behind_secs);
                }
                Ok(())
            }
            What::Off { client: number, secs, remembers } => {
                client(number).map_or(Ok(()), |place| self.act(place, Act::Off(secs, remembers)))
            }
            What::Release { client: number, secs } => {
                client(number).map_or(Ok(()), |place| self.act(place, Act::Release(secs)))
            }
            What::Hostile(Deed::Rogue(on)) => {
                self.turn_rogue(on);
                Ok(())
            }
            What::Hostile(deed) => {
                let left = match deed {
                    Deed::Churn(times)
                    | Deed::Decline(times)
                    | Deed::Release(times)
                    | Deed::Replay(times)
                    | Deed::Noise(times) => times,
                    Deed::Rogue(_) => 0,
                };
                self.happen(Event::Deed { deed, left })
            }
        }
    }

    /// A frame comes to everybody on the segment that it is for.
    fn deliver(
        &mut self,
        from: usize,
        segment: usize,
        vlan: Option<u16>,
        octets: &Rc<[u8]>,
    ) -> Result<(), Found> {
        self.trace.mix(&self.now.as_millis().to_le_bytes());
        self.trace.mix(octets);
        for place in 0..self.places.len() {
            let Some(at) = self.places.get(place).filter(|_| place != from) else { continue };
            let mac = match &at.node {
                Node::Server(server) => server.mac(),
                Node::Rogue(server, true) => server.mac(),
                Node::Rogue(_, false) => continue,
                Node::Client(client, _) => client.mac,
                Node::Smoltcp(client, _) => client.mac,
                Node::Relay(relay) => relay.mac,
                Node::Squatter(squatter) => squatter.mac,
                Node::Hostile(hostile) => hostile.mac,
            };
            if !is_for(octets, mac) {
                continue;
            }
            let port = at.ports.iter().position(|port| {
                let carried = match port.access {
                    Access::Untagged(of) => of == vlan,
                    Access::Trunk => true,
                };
                port.segment == segment && carried
            });
            let Some(port) = port else { continue };
            if self.faults.drop > 0 && self.rng.below(1_000) < self.faults.drop {
                continue;
            }
            self.act(place, Act::Frame(port, vlan, octets.clone()))?;
        }
        Ok(())
    }

    /// Somebody does something; what they send is on its way afterwards, and what they hold is judged.
    fn act(&mut self, place: usize, act: Act) -> Result<(), Found> {
        let Self { now, places, trace, .. } = self;
        let Some(at) = places.get_mut(place) else { return Ok(()) };
        let mut desk = Desk { now: *now, trace, sent: Vec::new() };
        let mut started = false;
        match (&mut at.node, act) {
            (Node::Server(node), Act::Wake) => started = node.wake(&mut desk),
            (Node::Rogue(node, true), Act::Wake) => {
                node.wake(&mut desk);
            }
            (Node::Server(node) | Node::Rogue(node, true), Act::Frame(port, vlan, octets)) => {
                let trunk = at.ports.get(port).is_some_and(|port| port.access == Access::Trunk);
                match vlan.filter(|_| trunk) {
                    Some(vlan) => node.receive(&mut desk, port, &tagged(&octets, vlan)),
                    None => node.receive(&mut desk, port, &octets),
                }
            }
            (Node::Server(node), Act::Restart(down_ms)) => node.off(&mut desk, down_ms),
            (Node::Client(node, _), Act::Wake) => node.wake(&mut desk),
            (Node::Client(node, _), Act::Frame(_, _, octets)) => node.receive(&mut desk, &octets),
            (Node::Client(node, _), Act::Off(secs, remembers)) => node.off(*now, secs, remembers),
            (Node::Client(node, _), Act::Release(secs)) => node.release(&mut desk, secs),
            (Node::Smoltcp(node, _), Act::Wake) => node.wake(&mut desk),
            (Node::Smoltcp(node, _), Act::Frame(_, _, octets)) => node.receive(&mut desk, &octets),
            // smoltcp's client never gives anything back.
            (Node::Smoltcp(node, _), Act::Off(secs, _) | Act::Release(secs)) => {
                node.off(*now, secs);
            }
            (Node::Relay(node), Act::Frame(port, _, octets)) => {
                node.receive(&mut desk, port, &octets);
            }
            (Node::Squatter(node), Act::Frame(_, _, octets)) => node.receive(&mut desk, &octets),
            (Node::Hostile(node), Act::Frame(_, _, octets)) => node.receive(&octets),
            (Node::Hostile(node), Act::Deed(deed)) => node.act(&mut desk, deed),
            _ => {}
        }
        let sent = desk.sent;
        self.judge(place, started)?;
        for (port, frame) in sent {
            self.send(place, port, frame)?;
        }
        self.schedule(place);
        Ok(())
    }

    fn judge(&mut self, place: usize, started: bool) -> Result<(), Found> {
        let now = self.now;
        let clones = self.clones;
        let Some(Place { node, .. }) = self.places.get_mut(place) else { return Ok(()) };
        match node {
            Node::Server(server) if started => match server.table(now) {
                Some((table, stamp)) => {
                    self.judge.started(now, |address| server.is_me(address), table, stamp)
                }
                None => Ok(()),
            },
            Node::Client(client, site) => {
                let number = client.plan.number;
                if clones && (number == 2 || client.plan.kind == Kind::Clone) {
                    return Ok(());
                }
                let leaves = client.leaves_for();
                // Somebody who has a reservation moves to it when it becomes free.
                if let Some(((held, from, until), address, server)) = leaves
                    && from == server
                    && until > now
                    && number > 1
                {
                    let line = format!("client {number} has {held} and was offered {address}");
                    return Err((Violation::OtherAddress, line));
                }
                let (mac, held) = (client.mac, client.held().filter(|held| is_ours(held.1)));
                self.judge.holds(now, (number, mac), held, site)
            }
            Node::Smoltcp(client, site) => {
                let held = client.held().filter(|held| is_ours(held.1));
                self.judge.holds(now, (client.plan.number, client.mac), held, site)
            }
            Node::Server(_)
            | Node::Rogue(..)
            | Node::Relay(_)
            | Node::Squatter(_)
            | Node::Hostile(_) => Ok(()),
        }
    }

    /// A frame leaves a port, and comes when and how the faults let it.
    fn send(&mut self, from: usize, port: usize, frame: Vec<u8>) -> Result<(), Found> {
        let Some(at) = self.places.get(from) else { return Ok(()) };
        let Some(Port { segment, access }) = at.ports.get(port).copied() else { return Ok(()) };
        let (vlan, frame) = match access {
            Access::Untagged(vlan) => (vlan, frame),
            Access::Trunk => untagged(&frame),
        };
        if let Node::Server(_) = at.node {
            let site = self.sites.iter().find(|site| site.vlan == vlan);
            let site = site.expect("a server sends on VLANs that it serves");
            self.judge.sent(&frame, site)?;
        }
        self.trace.count("frame");
        let Faults { duplicate, corrupt, late, late_ms_max, .. } = self.faults;
        let twice = duplicate > 0 && self.rng.below(1_000) < duplicate;
        for _ in 0..=u8::from(twice) {
            let mut delay = FRAME_MS;
            if late > 0 && self.rng.below(1_000) < late {
                delay += u64::from(self.rng.below(late_ms_max));
            }
            let mut octets = frame.clone();
            if corrupt > 0 && self.rng.below(1_000) < corrupt {
                self.corrupt(&mut octets);
            }
            let octets = octets.into();
            let at = self.now.plus_millis(delay);
            self.push(at, Event::Frame { from, segment, vlan, octets });
        }
        Ok(())
    }

    /// Changes a bit behind the header, where only checksums of the network and above find it.
    fn corrupt(&mut self, octets: &mut [u8]) {
        let Some(body) = octets.get_mut(ETHERNET_LEN..).filter(|body| !body.is_empty()) else {
            return;
        };
        let len = u32::try_from(body.len()).expect("a frame is short");
        let at = self.rng.below(len) as usize;
        let bit = self.rng.below(8);
        if let Some(octet) = body.get_mut(at) {
            *octet ^= 1 << bit;
        }
    }

    fn schedule(&mut self, place: usize) {
        let now = self.now;
        let Some(at) = self.places.get_mut(place) else { return };
        let next = match &mut at.node {
            Node::Server(node) | Node::Rogue(node, true) => node.timeout(),
            Node::Client(node, _) => node.timeout(),
            Node::Smoltcp(node, _) => node.timeout(now),
            Node::Rogue(_, false) | Node::Relay(_) | Node::Squatter(_) | Node::Hostile(_) => None,
        };
        let next = next.map(|next| next.max(now));
        if next != at.wake_at {
            at.wake_at = next;
            if let Some(next) = next {
                self.push(next, Event::Wake { place });
            }
        } else if next == Some(now) {
            // It was woken and has more to do.
            self.push(now, Event::Wake { place });
        }
    }
}

/// What somebody is made to do.
enum Act {
    Wake,
    Frame(usize, Option<u16>, Rc<[u8]>),
    Restart(u32),
    Off(u32, bool),
    Release(u32),
    Deed(Deed),
}

/// Whether the server with this address is one that the site has.
fn is_ours(server: core::net::Ipv4Addr) -> bool {
    let [_, net, ..] = server.octets();
    net != 66
}

fn tagged(frame: &[u8], vlan: u16) -> Vec<u8> {
    let (addresses, rest) = frame.split_at_checked(12).unwrap_or((frame, &[]));
    let tag = [ETHERTYPE_VLAN.to_be_bytes(), vlan.to_be_bytes()].concat();
    [addresses, &tag, rest].concat()
}

fn untagged(frame: &[u8]) -> (Option<u16>, Vec<u8>) {
    match Ethernet::parse(frame) {
        Ok((Ethernet { vlan: Some(vlan), .. }, _)) => {
            let (addresses, rest) = frame.split_at_checked(12).unwrap_or((frame, &[]));
            (Some(vlan), [addresses, rest.get(4..).unwrap_or_default()].concat())
        }
        _ => (None, frame.to_vec()),
    }
}
