//! What does the server do next? One loop over everything that can happen: packets, time, signals, interfaces, questions of other programs.

use core::net::Ipv4Addr;
use dhcp_core::id::{HardwareAddr, InstallationKey};
use dhcp_core::time::{Instant, Timestamp};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

use crate::chain::Chain;
use crate::cli::serve::ServeArgs;
use crate::config::model::Config;
use crate::config::render::{Interfaces, Place, Rendered};
use crate::control::server::Control;
use crate::net::Watch;
use crate::notify;
use crate::serve::answer::Answering;
use crate::serve::clock::{Clock, WallWatch, wall};
use crate::serve::engine::Notice;
use crate::serve::events::{Events, Named};
use crate::serve::intake::Intake;
use crate::serve::interfaces::Known;
use crate::serve::outbox::Outbox;
use crate::serve::ports::Ports;
use crate::serve::store::empty_book;
use crate::serve::{HostEngine, ServeError, first_time, load_config, prolong};
use crate::state::StateDir;

/// How often the clocks are compared, in milliseconds, if nobody sets the wall clock.
const CLOCK_PERIOD_MS: u64 = 1_000;

/// How often the lease clock's time is recorded, in seconds: after a restart without a wall clock it goes on from there.
const MARK_PERIOD_SECS: u32 = 900;

/// How soon a socket that could not be opened is tried again, in milliseconds.
const FIT_AGAIN_MS: u64 = 5_000;

/// How many batches are worked on before signals and questions are looked at.
const BATCHES_MAX: usize = 16;

/// Why the loop was left.
#[derive(Debug)]
pub(crate) enum Why {
    /// A signal.
    Stop,
    /// Other interfaces are there.
    Interfaces,
    /// The file says something else.
    Config(Box<Config>),
}

/// Everything that stays while configurations come and go.
#[derive(Debug)]
pub(crate) struct Host {
    args: ServeArgs,
    state: StateDir,
    clock: Clock,
    wall_watch: WallWatch,
    watch: Watch,
    known: Known,
    ports: Ports,
    control: Control,
    signals: Signals,
    intake: Intake,
    outbox: Outbox,
    events: Events,
    /// What was said of each subnet last.
    told: Vec<String>,
    status: String,
    is_ready: bool,
    clock_at: Instant,
    fit_again_at: Option<Instant>,
}

#[derive(Debug)]
struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Host {
    /// Opens everything but the packet sockets. The caller holds the lock of the state directory.
    pub(crate) async fn open(args: &ServeArgs, state: StateDir) -> Result<Self, ServeError> {
        let signals = || {
            Ok(Signals {
                hangup: signal(SignalKind::hangup())?,
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
            })
        };
        let watch = Watch::open()?;
        let mut known = Known::new(args.interface.clone());
        known.update(watch.interfaces().await?);
        let ports = Ports::open().map_err(|source| ServeError::Port { source })?;
        let path = state.control_socket();
        let control =
            Control::listen(&path).map_err(|source| ServeError::Control { path, source })?;
        Ok(Self {
            args: args.clone(),
            state,
            clock: Clock::new(),
            wall_watch: WallWatch::open().map_err(ServeError::System)?,
            watch,
            known,
            ports,
            control,
            signals: signals().map_err(ServeError::System)?,
            intake: Intake::new(),
            outbox: Outbox::new(),
            events: Events::new(),
            told: Vec::new(),
            status: String::new(),
            is_ready: false,
            clock_at: Instant::ZERO,
            fit_again_at: None,
        })
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// What the lease clock shows at start. Notes when it will be behind.
    pub(crate) fn start_time(&self, recorded: Option<Timestamp>) -> Timestamp {
        let wall = wall();
        if wall.is_none() {
            warn!(
                event = "clock-not-set",
                "the wall clock was never set: lease time goes on from the last recorded time"
            );
            self.note_clock_behind(true);
        }
        first_time(recorded, wall, self.state.is_clock_behind())
    }

    fn note_clock_behind(&self, behind: bool) {
        if let Err(why) = self.state.set_clock_behind(behind) {
            error!(event = "state-not-written", "{}", Chain(&why));
        }
    }

    /// The interfaces as the configuration is rendered for them.
    pub(crate) fn interfaces(&self) -> Interfaces {
        self.known.for_config()
    }

    /// Opens and closes sockets so that they fit, and says what is served where.
    pub(crate) fn fit(&mut self, rendered: &Rendered) {
        let mut told = Vec::new();
        let failed = self.ports.fit(rendered, &self.known);
        self.fit_again_at = (!failed.is_empty()).then(|| self.now().plus_millis(FIT_AGAIN_MS));
        for (name, why) in failed {
            let line = format!("{name} cannot be served: {why}");
            if !self.told.contains(&line) {
                warn!(event = "interface-not-opened", on = name, "{line}");
            }
            told.push(line);
        }
        let unopened = told.len();
        let mut served = 0;
        let mut last = None;
        for subnet in rendered.subnets() {
            // Pools on different terms are subnets of their own to the core only.
            if last.replace(subnet.net) == Some(subnet.net) {
                continue;
            }
            let net = subnet.net;
            told.push(match &subnet.place {
                Place::On(link) if self.ports.is_open(link.interface) => {
                    served += 1;
                    let on = Named(&self.known, *link);
                    match subnet.server_id {
                        Some(server_id) => format!("serving {net} on {on} as {server_id}"),
                        None => format!(
                            "{net} on {on} is not served: there is no address of ours in it; \
                             give the interface one, or name one with server-id"
                        ),
                    }
                }
                Place::On(link) => {
                    let on = Named(&self.known, *link);
                    format!("{net} on {on}: relayed and renewing clients only, no Ethernet frames")
                }
                Place::Waiting(name) => match self.known.named(name) {
                    Some(state) if !state.up => format!("{net} waits for {name}, which is down"),
                    Some(_) => format!("{net} is not served: --interface leaves {name} out"),
                    None => format!("{net} waits for {name}, which is not there"),
                },
                Place::Relayed => format!(
                    "{net}: no interface that is up has an address in it; served through relay agents until one has"
                ),
            });
        }
        let subnets = told.len() - unopened;
        told.extend(
            self.known.missing().map(|name| format!("waiting for {name}, which is not there")),
        );
        for line in told.iter().skip(unopened).filter(|line| !self.told.contains(line)) {
            info!(event = "subnet", "{line}");
        }
        self.told = told;
        self.status =
            format!("{served} of {subnets} subnets are served on the host's own segments");
    }

    /// Says that there is a server now, or again.
    fn tell_ready(&mut self) {
        if !core::mem::replace(&mut self.is_ready, true) {
            info!(event = "ready", "ready: {}", self.status);
        }
        notify::ready(&self.status);
    }

    /// Serves until something changes that the configuration depends on.
    pub(crate) async fn serve<'c>(
        &mut self,
        mut engine: HostEngine<'c>,
        rendered: &Rendered,
    ) -> Result<(HostEngine<'c>, Why), ServeError> {
        self.tell_ready();
        loop {
            self.work(&mut engine);
            self.housekeep(&mut engine);
            if self.fit_again_at.is_some_and(|at| at <= self.now()) {
                self.fit(rendered);
            }
            let busy = !self.intake.is_empty() && !engine.is_full();
            let disk = engine.log().0.medium().disk();
            let wake_at = engine.poll_timeout().map_or(self.clock_at, |at| at.min(self.clock_at));
            let wake_at = tokio::time::Instant::from_std(self.clock.at(wake_at));
            let (ports, wall_watch) = (&self.ports, &self.wall_watch);
            tokio::select! {
                biased;
                _ = self.signals.terminate.recv() => return Ok((self.stop(engine), Why::Stop)),
                _ = self.signals.interrupt.recv() => return Ok((self.stop(engine), Why::Stop)),
                _ = self.signals.hangup.recv() => {
                    if let Some(config) = self.reread() {
                        self.settle(&mut engine);
                        return Ok((engine, Why::Config(Box::new(config))));
                    }
                }
                set = core::future::poll_fn(|context| wall_watch.poll_set(context)) => {
                    set.map_err(ServeError::System)?;
                    self.clock_at = self.now();
                }
                changed = self.watch.changed() => {
                    changed?;
                    let before = self.known.for_config();
                    let found = self.watch.interfaces().await?;
                    if self.known.update(found) {
                        if self.known.for_config() != before {
                            self.settle(&mut engine);
                            return Ok((engine, Why::Interfaces));
                        }
                        self.fit(rendered);
                        self.tell_ready();
                    }
                }
                asked = self.control.next() => {
                    if let Some((line, answer)) = asked {
                        self.settle(&mut engine);
                        let response = Answering {
                            now: self.clock.now(),
                            engine: &mut engine,
                            rendered,
                            known: &self.known,
                            intake: self.intake.counters(),
                            ports: self.ports.counters(),
                        }.answer(&line);
                        // Whoever asked may have gone.
                        let _ = answer.send(response);
                    }
                }
                () = core::future::poll_fn(|context| disk.poll_synced(context)), if engine.is_syncing() => {}
                () = core::future::poll_fn(|context| ports.poll_readable(context)), if !busy => {}
                () = tokio::time::sleep_until(wake_at), if !busy => {}
                () = tokio::task::yield_now(), if busy => {}
            }
        }
    }

    /// Takes in what is there, answers it, and does what time asks for.
    fn work(&mut self, engine: &mut HostEngine<'_>) {
        let Self { ports, intake, outbox, events, known, clock, .. } = self;
        for _ in 0..BATCHES_MAX {
            let now = clock.now();
            let mut tell = |notice: Notice<'_, _>| match notice {
                Notice::Message(arrival, event) => events.message(now, known, arrival, event),
                Notice::Heard(event) => events.heard(now, event),
                Notice::Failed(why) => events.failed(now, why),
                Notice::Recovered => events.recovered(),
            };
            ports.drain(now, intake, &mut |address: Ipv4Addr, by: Option<HardwareAddr>| {
                engine.heard(now, address, by, &mut tell);
            });
            engine.end_commit(outbox, &mut tell);
            let is_idle = intake.is_empty();
            engine.take(now, intake, outbox, &mut tell);
            ports.send(outbox);
            engine.begin_commit(outbox, &mut tell);
            ports.send(outbox);
            if is_idle || engine.is_full() {
                break;
            }
            while let Some(probe) = engine.poll_probe(now) {
                ports.probe(probe);
            }
        }
        let now = clock.now();
        if engine.poll_timeout().is_some_and(|at| at <= now) {
            engine.poll(now);
        }
        while let Some(probe) = engine.poll_probe(now) {
            ports.probe(probe);
        }
    }

    /// Waits for what is on its way to the journal, and answers it.
    fn settle(&mut self, engine: &mut HostEngine<'_>) {
        let now = self.clock.now();
        let events = &mut self.events;
        engine.settle(&mut self.outbox, &mut |notice: Notice<'_, _>| match notice {
            Notice::Failed(why) => events.failed(now, why),
            Notice::Recovered => events.recovered(),
            Notice::Message(..) | Notice::Heard(_) => {}
        });
        self.ports.send(&mut self.outbox);
    }

    /// What is done now and then, and when nobody waits.
    fn housekeep(&mut self, engine: &mut HostEngine<'_>) {
        let now = self.clock.now();
        if self.intake.is_empty() && !engine.is_syncing() {
            let (log, book) = engine.log_and_book();
            if let Err(why) = log.0.tidy(book) {
                self.events.failed(now, &why);
            }
        }
        if now < self.clock_at {
            return;
        }
        self.settle(engine);
        self.clock_at = now.plus_millis(CLOCK_PERIOD_MS);
        let events = &mut self.events;
        let mut tell = |notice: Notice<'_, _>| match notice {
            Notice::Failed(why) => events.failed(now, why),
            Notice::Recovered => events.recovered(),
            Notice::Message(..) | Notice::Heard(_) => {}
        };
        prolong::follow_wall_clock(now, wall(), engine, &self.state, &mut tell);
        let time = engine.server().time(now);
        let marked = engine.log().0.time();
        if time >= marked.plus_secs(MARK_PERIOD_SECS) {
            let (log, book) = engine.log_and_book();
            let done = log.0.mark_time(time, book).and_then(|()| log.0.sync().map(|_| ()));
            if let Err(why) = done {
                self.events.failed(now, &why);
            }
        }
    }

    /// The configuration, if it is another one now and is right.
    fn reread(&mut self) -> Option<Config> {
        notify::reloading();
        info!(event = "reload", "reading {} anew", self.args.config.display());
        let config = match load_config(&self.args) {
            Ok(config) => config,
            Err(why) => {
                return self.refuse(&why);
            }
        };
        // All or nothing: whether the leases find room is tried before anything is given up.
        let new = Rendered::new(&config, &self.known.for_config());
        let installation = InstallationKey([0; 16]);
        if let Err(why) = new.with(installation, |config| empty_book(config).map(|_| ())) {
            return self.refuse(&ServeError::from(why));
        }
        Some(config)
    }

    /// Says why the new configuration is not taken.
    fn refuse(&mut self, why: &ServeError) -> Option<Config> {
        let why = Chain(why);
        error!(event = "reload-refused", "{why}; the server goes on with the configuration it had");
        self.tell_ready();
        None
    }

    /// Writes down what time it is, so that it goes on from there.
    fn stop<'c>(&mut self, mut engine: HostEngine<'c>) -> HostEngine<'c> {
        info!(event = "stopping", "stopping");
        self.settle(&mut engine);
        let now = self.clock.now();
        let time = engine.server().time(now);
        let (log, book) = engine.log_and_book();
        let done = log.0.mark_time(time, book).and_then(|()| log.0.sync().map(|_| ()));
        if let Err(why) = done {
            self.events.failed(now, &why);
        }
        engine
    }
}
