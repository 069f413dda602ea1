//! `hydrant keep`: what was leased for names from other servers is renewed, for as long as it is stored and not given back.
//!
//! Each name's file says when: at T1 the address is asked for again, and from then on the name has a client that renews and rebinds. All names on an interface
//! share one socket and one loop. A file that somebody else writes, such as `hydrant lease`, counts from then on. SIGUSR1 renews all; SIGTERM and SIGINT end.
//!
//! An address that is lost is looked for again, and another one written down; a container that runs with the old one is the operator's to start anew, and is told of.

use core::task::Poll;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use dhcp_core::client::{Client, Event, Previous};
use dhcp_core::conflict::Acd;
use dhcp_core::rng::Rng;
use jiff::Timestamp;
use lease_store::container::ContainerName;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{debug, error, info, warn};

use crate::cli::client::KeepArgs;
use crate::client::commands::{runtime, stored_place};
use crate::client::dhcp::seed;
use crate::client::exit::Exit;
use crate::client::fleet::{Deed, FRAME_LEN_MAX, Fleet, Place};
use crate::client::hunt::{Mac, client_config};
use crate::client::lease::{NamedLease, Way};
use crate::client::line::{Clock, Line};
use crate::client::place::{Port, Segment};
use crate::client::session::{Ended, Session, chain};
use crate::client::store::Stored;
use crate::net::Watch;
use crate::{logging, notify};

/// How often interfaces that were away are looked for, and whether a name is due.
const LOOK: Duration = Duration::from_secs(5);

/// Runs it until a signal ends it.
pub(crate) fn run(args: &KeepArgs) -> Exit {
    logging::init(args.log_format);
    let kept = || {
        let session = Session::open(&args.state.state)?;
        runtime()?.block_on(keep(session))
    };
    match kept() {
        Ok(()) => Exit::Leased,
        Err(Ended { exit, said }) => {
            error!(event = "failed", "{said}");
            exit
        }
    }
}

async fn keep(session: Session) -> Result<(), Ended> {
    let failed = |error: std::io::Error| Ended::failed(&error);
    let mut renew = signal(SignalKind::user_defined1()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let watch = Watch::open().map_err(|error| Ended::failed(&error))?;
    let changes = session.store.changes()?;
    let (clock, ports) = (Clock::start(), BTreeMap::new());
    let mut keeper = Keeper { session, watch, clock, ports, troubles: Troubles::default() };
    let mut look = tokio::time::interval(LOOK);
    notify::ready("keeping what was leased for names");
    loop {
        keeper.drain();
        let next = keeper.poll_timeout();
        tokio::select! {
            _ = look.tick() => keeper.look().await,
            () = changes.next() => keeper.look().await,
            port = readable(&keeper.ports) => keeper.hear(&port),
            () = keeper.clock.sleep_until(next) => {}
            _ = renew.recv() => keeper.renew_all(),
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        }
    }
}

/// A name on a segment.
type Key = (Segment, ContainerName);

/// By interface and tag.
type Ports = BTreeMap<(String, Option<u16>), Served>;

struct Keeper {
    session: Session,
    watch: Watch,
    clock: Clock,
    ports: Ports,
    troubles: Troubles,
}

/// What was wrong when the files were read last. They are read every few seconds, and each thing is said when it begins.
#[derive(Debug, Default)]
struct Troubles {
    before: BTreeSet<String>,
    now: BTreeSet<String>,
}

impl Troubles {
    /// Notes one; whether it is new.
    fn is_new(&mut self, trouble: &str) -> bool {
        self.now.insert(trouble.to_owned()) && !self.before.contains(trouble)
    }

    /// All were noted: what was not among them is over.
    fn looked(&mut self) {
        self.before = core::mem::take(&mut self.now);
    }
}

/// An interface, and the names on it.
struct Served {
    /// None while the interface is away.
    line: Option<Line>,
    /// Whether that was said.
    told: bool,
    fleet: Fleet,
    names: BTreeMap<Key, Kept>,
}

struct Kept {
    place: Place,
    /// What the file says, or what we wrote.
    stored: Stored,
    /// When its client starts by the wall clock; none once it did.
    due: Option<Timestamp>,
}

/// The key of a port with something to receive. One task waits on all sockets.
async fn readable(ports: &Ports) -> (String, Option<u16>) {
    core::future::poll_fn(|context| {
        for (key, served) in ports {
            let line = served.line.as_ref();
            if line.is_some_and(|line| line.poll_readable(context).is_ready()) {
                return Poll::Ready(key.clone());
            }
        }
        Poll::Pending
    })
    .await
}

impl Keeper {
    /// Reads the files, opens interfaces that came, closes those that went, and starts the clients that are due.
    async fn look(&mut self) {
        let all = match self.session.store.all() {
            Ok(all) => all,
            Err(error) => return self.warn("failed", &chain(&error)),
        };
        let mut here = Vec::new();
        for read in all {
            match read {
                Ok((segment, stored)) => {
                    if let Some(port) = port_of(&stored) {
                        let key = (segment, stored.lease.name);
                        self.see(port.clone(), key.clone(), stored);
                        here.push((port, key));
                    }
                }
                Err(error) => self.warn("not-kept", &chain(&error)),
            }
        }
        for (port, served) in &mut self.ports {
            let Served { fleet, names, .. } = served;
            names.retain(|key, kept| {
                let stays = here.iter().any(|(place, name)| place == port && name == key);
                if !stays {
                    fleet.remove(kept.place);
                }
                stays
            });
        }
        self.ports.retain(|_, served| !served.names.is_empty());
        self.open_lines().await;
        self.start_due();
        self.troubles.looked();
    }

    /// Says what is wrong, unless that was said when the files were read last.
    fn warn(&mut self, event: &str, trouble: &str) {
        if self.troubles.is_new(trouble) {
            warn!(event, "{trouble}");
        }
    }

    /// A file as it is now. What we wrote ourselves is nothing new.
    fn see(&mut self, port: (String, Option<u16>), key: Key, stored: Stored) {
        let served = self.ports.entry(port).or_insert_with_key(|(_, tag)| Served {
            line: None,
            told: false,
            fleet: Fleet::new(*tag),
            names: BTreeMap::new(),
        });
        if let Some(kept) = served.names.get(&key) {
            if kept.stored == stored {
                return;
            }
            served.fleet.remove(kept.place);
            served.names.remove(&key);
        }
        let lease = &stored.lease;
        let container = lease.container();
        let mut config =
            client_config(&container, &self.session.installation, lease.mac, Acd::Quick);
        config.broadcast = true;
        match served.fleet.add(Client::new(config, Rng::seeded(seed())), true) {
            Ok(place) => {
                // With a clock that is behind, T1 may be over long since.
                let behind = stored.is_clock_behind(Timestamp::now());
                let due = lease.renew_at.map(|at| if behind { Timestamp::UNIX_EPOCH } else { at });
                served.names.insert(key, Kept { place, stored, due });
            }
            Err(error) => self.warn("not-kept", &format!("{container}: not kept: {error}")),
        }
    }

    async fn open_lines(&mut self) {
        let indexes = match self.watch.interfaces().await {
            Ok(all) => {
                all.into_iter().filter(|one| one.up).map(|one| one.index).collect::<Vec<_>>()
            }
            Err(error) => return self.warn("failed", &chain(&error)),
        };
        for ((interface, tag), served) in &mut self.ports {
            if served.line.as_ref().is_some_and(|line| indexes.contains(&line.index())) {
                continue;
            }
            let port = Port { interface: interface.clone(), tag: *tag };
            match Line::open(&port, &self.watch).await {
                Ok(line) => (served.line, served.told) = (Some(line), false),
                Err(error) => {
                    served.line = None;
                    if !core::mem::replace(&mut served.told, true) {
                        warn!(event = "waiting", "waiting: {}", chain(&error));
                    }
                }
            }
        }
    }

    /// A client begins with INIT-REBOOT: its server extends the lease and knows that we are still there.
    fn start_due(&mut self) {
        let (now, wall) = (self.clock.now(), Timestamp::now());
        for served in self.ports.values_mut().filter(|served| served.line.is_some()) {
            for kept in served.names.values_mut() {
                if kept.due.is_some_and(|due| due <= wall) {
                    kept.due = None;
                    let NamedLease { address, server, .. } = kept.stored.lease;
                    let previous = Previous { address: Some(address), server_id: Some(server) };
                    served.fleet.client_mut(kept.place).start_with(now, previous);
                }
            }
        }
    }

    fn renew_all(&mut self) {
        let now = self.clock.now();
        for served in self.ports.values_mut() {
            for kept in served.names.values_mut() {
                match kept.due {
                    Some(_) => kept.due = Some(Timestamp::UNIX_EPOCH),
                    None => served.fleet.client_mut(kept.place).renew(now),
                }
            }
        }
        self.start_due();
    }

    fn hear(&mut self, port: &(String, Option<u16>)) {
        let now = self.clock.now();
        if let Some(Served { line: Some(line), fleet, .. }) = self.ports.get_mut(port) {
            line.take(|ethernet, inside, checksums| fleet.hear(now, ethernet, inside, checksums));
        }
    }

    fn poll_timeout(&self) -> Option<dhcp_core::time::Instant> {
        self.ports.values().filter_map(|served| served.fleet.poll_timeout()).min()
    }

    /// Sends what is to be sent, and writes down what changed.
    fn drain(&mut self) {
        let mut frame = [0; FRAME_LEN_MAX];
        for ((interface, _), served) in &mut self.ports {
            while let Some(deed) = served.fleet.poll(self.clock.now(), &mut frame) {
                match (deed, &served.line) {
                    (Deed::Send(len), Some(line)) => {
                        line.send(frame.get(..len).expect("the fleet wrote as much"));
                    }
                    // The interface is away; the client asks again.
                    (Deed::Send(_), None) => {}
                    (Deed::Tell(place, event), _) => {
                        let found = served.names.iter_mut().find(|(_, kept)| kept.place == place);
                        let Some(((segment, _), kept)) = found else { continue };
                        let client = served.fleet.client(place);
                        take(&self.session, &self.clock, segment, interface, kept, client, event);
                    }
                }
            }
        }
    }
}

/// The port of a lease that is to be kept.
fn port_of(stored: &Stored) -> Option<(String, Option<u16>)> {
    let foreign = stored.lease.via == Way::Dhcp && stored.released_at.is_none();
    let place = stored_place(&stored.lease).ok().filter(|_| foreign)?;
    let Port { interface, tag } = place.port.ok()?;
    Some((interface, tag))
}

fn take(
    session: &Session,
    clock: &Clock,
    segment: &Segment,
    interface: &str,
    kept: &mut Kept,
    client: &Client,
    event: Event,
) {
    let before = &kept.stored.lease;
    let container = before.container();
    match event {
        Event::Bound | Event::Renewed { .. } => {
            let lease = client.lease().expect("a client that is bound has a lease");
            let lease = NamedLease::new(
                &container,
                Some(interface),
                before.mac,
                Way::Dhcp,
                &lease,
                &clock.both(),
            );
            if lease.address == before.address {
                let until = lease
                    .expires_at
                    .map_or_else(|| "without end".to_owned(), |at| format!("until {at}"));
                info!(event = "renewed", "{container}: {} {until}", lease.address);
            } else {
                warn!(
                    event = "moved",
                    "{container}: {} instead of {}: start the container anew",
                    lease.address,
                    before.address
                );
            }
            // Somebody else wrote meanwhile; what they wrote is looked at next.
            if session.store.read(&before.name, segment).ok().flatten().as_ref()
                != Some(&kept.stored)
            {
                return;
            }
            kept.stored = kept.stored.followed_by(lease);
            if let Err(error) = session.store.write(segment, &kept.stored) {
                warn!(
                    event = "not-written",
                    "{container}: renewed, but not written down: {}",
                    chain(&error)
                );
            }
        }
        Event::Refused { server_id } => {
            warn!(event = "refused", "{container}: {server_id} refused {}", before.address);
        }
        Event::Lost { address, .. } => warn!(event = "lost", "{container}: {address} is lost"),
        Event::Conflict { address, by } => {
            warn!(event = "declined", "{container}: {address} is used by {}; declined", Mac(by));
        }
        Event::Defended { by } => {
            warn!(
                event = "defended",
                "{container}: {} claims {}; defended",
                Mac(by),
                before.address
            );
        }
        Event::Offered(_)
        | Event::RebootUnanswered { .. }
        | Event::Ipv6OnlyPreferred { .. }
        | Event::Informed
        | _ => debug!(name = %container, ?event),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_when_it_begins_and_when_it_comes_back() {
        let mut troubles = Troubles::default();
        assert!(troubles.is_new("a") && !troubles.is_new("a"));
        troubles.looked();
        assert!(!troubles.is_new("a") && troubles.is_new("b"));
        troubles.looked();
        assert!(!troubles.is_new("b"), "and a is over");
        troubles.looked();
        assert!(troubles.is_new("a"));
    }
}
