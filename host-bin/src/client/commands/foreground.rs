//! `hydrant lease NAME --foreground`: the lease is kept for as long as the command runs, as udhcpc and dhcpcd do it.
//!
//! SIGUSR1 renews; SIGUSR2 gives the address back and ends; SIGTERM and SIGINT end and keep the lease, which is asked for again the next time.

use dhcp_core::client::{Client, Event, Lost, Previous};
use dhcp_core::id::HardwareAddr;
use dhcp_core::rng::Rng;
use jiff::Timestamp;
use lease_store::container::{Container, ContainerName};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::client::LeaseArgs;
use crate::client::commands::{demand, network, runtime};
use crate::client::configure::Configured;
use crate::client::dhcp::seed;
use crate::client::exit::Exit;
use crate::client::fleet::{Deed, FRAME_LEN_MAX, Fleet, Place};
use crate::client::format::{Status, Told};
use crate::client::hunt::{Mac, client_config};
use crate::client::lease::{NamedLease, Way};
use crate::client::line::{Clock, Line, LineError};
use crate::client::obtain::Demand;
use crate::client::place::{Port, Segment};
use crate::client::script::{Reason, Script};
use crate::client::session::{Ended, Session, chain, place, say};
use crate::client::store::Stored;
use crate::net::{Watch, WatchError};

/// Runs until a signal ends it.
///
/// # Errors
/// When it cannot begin, or the kernel stops telling of interfaces.
pub(crate) fn run(args: &LeaseArgs, name: ContainerName) -> Result<Exit, Ended> {
    let place = place(args.place.vlan, args.place.interface.as_deref())?;
    let network = network(args.docker.network, &place.segment)?;
    let port = place.port.map_err(|error| Ended::usage(&error))?;
    let demand = demand(&args.wish);
    let usage = |said: &str| Err(Ended { exit: Exit::Usage, said: said.to_owned() });
    if demand.via == Some(Way::Local) {
        return usage("`--foreground` speaks DHCP; `--via local` has nothing to keep");
    }
    if args.foreground.configure && port.tag.is_some() {
        return usage(
            "`--configure` needs an interface of the VLAN's own, which tagged frames do not have",
        );
    }
    let session = Session::open(&args.state.state)?;
    runtime()?.block_on(async {
        let mut keeper = Keeper {
            container: place.segment.container(name),
            segment: place.segment,
            port,
            network,
            demand,
            configures: args.foreground.configure,
            script: args.foreground.script.clone().map(Script::new),
            session,
            clock: Clock::start(),
            held: None,
            configured: None,
        };
        keeper.keep().await
    })
}

/// What ends or changes it from outside.
struct Signals {
    renew: Signal,
    release: Signal,
    terminate: Signal,
    interrupt: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Renew,
    Release,
    End,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            renew: signal(SignalKind::user_defined1())?,
            release: signal(SignalKind::user_defined2())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.renew.recv() => Order::Renew,
            _ = self.release.recv() => Order::Release,
            _ = self.terminate.recv() => Order::End,
            _ = self.interrupt.recv() => Order::End,
        }
    }
}

struct Keeper {
    container: Container,
    segment: Segment,
    port: Port,
    network: ContainerName,
    demand: Demand,
    configures: bool,
    script: Option<Script>,
    session: Session,
    clock: Clock,
    /// What the interface and the script were told of last.
    held: Option<(Status, NamedLease)>,
    configured: Option<Configured>,
}

/// Why the interface is not used any more.
enum Left {
    Ended,
    /// It is gone or down: it is waited for.
    Away,
}

impl Keeper {
    async fn keep(&mut self) -> Result<Exit, Ended> {
        let mut signals = Signals::new().map_err(|error| Ended::failed(&error))?;
        let mut watch = Watch::open().map_err(|error| Ended::failed(&error))?;
        loop {
            let Some(line) = self.wait_for_line(&mut watch, &mut signals).await? else {
                return Ok(Exit::Leased);
            };
            match self.on_line(line, &mut watch, &mut signals).await? {
                Left::Ended => return Ok(Exit::Leased),
                Left::Away => {}
            }
        }
    }

    /// The interface once it is there and up; none when a signal ends us before.
    async fn wait_for_line(
        &mut self,
        watch: &mut Watch,
        signals: &mut Signals,
    ) -> Result<Option<Line>, Ended> {
        let mut told = false;
        loop {
            match Line::open(&self.port, watch).await {
                Ok(line) => return Ok(Some(line)),
                Err(waiting @ (LineError::NoInterface { .. } | LineError::Down { .. })) => {
                    if !core::mem::replace(&mut told, true) {
                        say(&format!("{}: waiting: {}", self.container, chain(&waiting)));
                    }
                }
                Err(error) => return Err(Ended { exit: error.exit(), said: chain(&error) }),
            }
            tokio::select! {
                changed = watch.changed() => changed.map_err(|error| Ended::failed(&error))?,
                order = signals.next() => match order {
                    Order::Renew => {}
                    // Whatever there was cannot be given back without a network.
                    Order::Release | Order::End => return Ok(None),
                },
            }
        }
    }

    async fn on_line(
        &mut self,
        mut line: Line,
        watch: &mut Watch,
        signals: &mut Signals,
    ) -> Result<Left, Ended> {
        let own = HardwareAddr::ethernet(line.mac());
        let mac = self.demand.mac.unwrap_or(own);
        if self.configures {
            if mac != own {
                let said = format!("`--configure` needs the interface's own MAC address, {own}");
                return Err(Ended { exit: Exit::Usage, said });
            }
            self.configured = Some(Configured::new(watch.handle().clone(), line.index()));
        }
        let mut fleet = Fleet::new(self.port.tag);
        let acd = self.demand.patience.acd;
        let mut config = client_config(&self.container, &self.session.installation, mac, acd);
        config.broadcast = mac != own;
        config.wish = self.demand.address;
        let client = Client::new(config, Rng::seeded(seed()));
        let added = fleet.add(client, !self.configures);
        let member = added.map_err(|error| Ended::usage(&error))?;
        let stored = self.session.stored(&self.container.name, &self.segment)?;
        self.start(fleet.client_mut(member), stored.as_ref());
        let mut running = true;
        loop {
            self.drain(&mut line, &mut fleet, member, stored.as_ref()).await;
            let stored_ends = self.stored_ends();
            tokio::select! {
                readable = line.readable() => match readable {
                    Ok(()) => {
                        let now = self.clock.now();
                        line.take(|ethernet, inside, checksums| {
                            fleet.hear(now, ethernet, inside, checksums);
                        });
                    }
                    Err(error) => return Err(Ended::failed(&error)),
                },
                () = self.clock.sleep_until(fleet.poll_timeout()) => {}
                () = sleep(stored_ends) => self.lose("the stored lease ran out").await,
                changed = watch.changed() => {
                    changed.map_err(|error| Ended::failed(&error))?;
                    match standing(watch, &line).await.map_err(|error| Ended::failed(&error))? {
                        Standing::Away => {
                            say(&format!("{}: `{}` is away", self.container, line.interface()));
                            return Ok(Left::Away);
                        }
                        // Another cable, perhaps another network: RFC 2131 section 3.7 has the address confirmed.
                        Standing::Running if !running => {
                            running = true;
                            self.confirm(fleet.client_mut(member));
                        }
                        Standing::Running => {}
                        Standing::NoCarrier => running = false,
                    }
                }
                order = signals.next() => match order {
                    Order::Renew => fleet.client_mut(member).renew(self.clock.now()),
                    Order::End => return Ok(Left::Ended),
                    Order::Release => {
                        fleet.client_mut(member).release(self.clock.now());
                        self.drain(&mut line, &mut fleet, member, None).await;
                        self.given_back().await?;
                        return Ok(Left::Ended);
                    }
                },
            }
        }
    }

    /// INIT-REBOOT for what was stored, unless another address is demanded.
    fn start(&self, client: &mut Client, stored: Option<&Stored>) {
        let now = self.clock.now();
        let wanted = self.demand.address;
        match stored {
            Some(stored) if wanted.is_none_or(|wanted| wanted == stored.lease.address) => {
                let NamedLease { address, server, .. } = stored.lease;
                let previous = Previous { address: Some(address), server_id: Some(server) };
                if stored.released_at.is_some() {
                    client.start_seeking(now, previous);
                } else {
                    client.start_with(now, previous);
                }
            }
            Some(_) | None => client.start(now),
        }
    }

    fn confirm(&self, client: &mut Client) {
        let now = self.clock.now();
        match &self.held {
            Some((_, NamedLease { address, server, .. })) => client
                .start_with(now, Previous { address: Some(*address), server_id: Some(*server) }),
            None => client.start_seeking(now, client.previous()),
        }
    }

    /// Does all that the clients want done.
    async fn drain(
        &mut self,
        line: &mut Line,
        fleet: &mut Fleet,
        member: Place,
        stored: Option<&Stored>,
    ) {
        let mut frame = [0; FRAME_LEN_MAX];
        while let Some(deed) = fleet.poll(self.clock.now(), &mut frame) {
            match deed {
                Deed::Send(len) => line.send(frame.get(..len).expect("the fleet wrote as much")),
                Deed::Tell(_, event) => {
                    self.take(event, fleet.client(member), line.interface(), stored).await;
                }
            }
        }
    }

    async fn take(
        &mut self,
        event: Event,
        client: &Client,
        interface: &str,
        stored: Option<&Stored>,
    ) {
        let container = self.container;
        match event {
            Event::Bound => {
                let bound = client.lease().map(|lease| lease.binding.address);
                self.leave_stored(stored.filter(|stored| bound != Some(stored.lease.address)))
                    .await;
                self.hold(Reason::Bound, client, interface).await;
            }
            Event::Renewed { .. } => self.hold(Reason::Renewed, client, interface).await,
            Event::Refused { server_id } => {
                say(&format!("{container}: {server_id} refused"));
                self.tell(Reason::Nak);
                self.leave_stored(stored).await;
                self.lose("a server refused it").await;
            }
            Event::Conflict { address, by } => {
                say(&format!("{container}: {address} is used by {}; declined", Mac(by)));
                self.lose("somebody else uses it").await;
            }
            Event::Defended { by } => {
                say(&format!("{container}: {} claims our address; defended", Mac(by)));
            }
            Event::Lost { why, .. } => {
                let why = match why {
                    Lost::Expired => "it ran out".to_owned(),
                    Lost::Refused => "a server refused it".to_owned(),
                    Lost::Conflict { by } => format!("{} uses it and goes on doing so", Mac(by)),
                    _ => "the client gave it up".to_owned(),
                };
                self.lose(&why).await;
            }
            Event::RebootUnanswered { .. } => self.use_stored(stored).await,
            Event::Ipv6OnlyPreferred { wait_secs } => {
                say(&format!(
                    "{container}: the server prefers IPv6; asking again in {wait_secs} s"
                ));
            }
            Event::Offered(_) | Event::Informed | _ => {}
        }
    }

    async fn hold(&mut self, reason: Reason, client: &Client, interface: &str) {
        let lease = client.lease().expect("a client that is bound has a lease");
        let (mac, clocks) = (client.config().hardware, self.clock.both());
        let lease =
            NamedLease::new(&self.container, Some(interface), mac, Way::Dhcp, &lease, &clocks);
        if let Err(error) = self.session.store.write(&self.segment, &Stored::new(lease.clone())) {
            say(&format!("{}: not written down: {}", self.container, chain(&error)));
        }
        let until =
            lease.expires_at.map_or_else(|| "without end".to_owned(), |at| format!("until {at}"));
        let word = reason.word();
        say(&format!(
            "{}: {word}: {} from {}, {until}",
            self.container, lease.address, lease.server
        ));
        self.configure(Status::Leased, lease).await;
        self.tell(reason);
    }

    /// RFC 2131 section 3.2 (4): nobody answered, and the lease is good.
    async fn use_stored(&mut self, stored: Option<&Stored>) {
        let wall = Timestamp::now();
        let Some(stored) = stored.filter(|stored| stored.is_valid(wall)) else { return };
        if self.held.is_some() {
            return;
        }
        let lease = stored.lease.clone();
        say(&format!(
            "{}: no server answered; using the stored lease of {}",
            self.container, lease.address
        ));
        self.configure(Status::Stored, lease).await;
        self.tell(Reason::Bound);
    }

    async fn configure(&mut self, status: Status, lease: NamedLease) {
        if let Some(configured) = &self.configured {
            if let Some((_, before)) = &self.held
                && (before.address, before.prefix_len, &before.routes)
                    != (lease.address, lease.prefix_len, &lease.routes)
            {
                configured.clear(before).await;
            }
            if let Err(error) = configured.set(&lease, Timestamp::now()).await {
                say(&format!("{}: {}", self.container, chain(&error)));
            }
        }
        self.held = Some((status, lease));
    }

    /// Takes away what the one before us left on the interface for us, once it is not ours any more.
    async fn leave_stored(&self, stored: Option<&Stored>) {
        if let (None, Some(configured), Some(stored)) = (&self.held, &self.configured, stored) {
            configured.clear(&stored.lease).await;
        }
    }

    async fn lose(&mut self, why: &str) {
        let Some((_, lease)) = &self.held else { return };
        say(&format!("{}: lost {}: {why}", self.container, lease.address));
        if let Some(configured) = &self.configured {
            configured.clear(lease).await;
        }
        self.tell(Reason::Lost);
        self.held = None;
    }

    async fn given_back(&mut self) -> Result<(), Ended> {
        self.lose("given back").await;
        if let Some(mut stored) = self.session.stored(&self.container.name, &self.segment)? {
            stored.released_at.get_or_insert_with(Timestamp::now);
            self.session.store.write(&self.segment, &stored)?;
        }
        Ok(())
    }

    fn tell(&self, reason: Reason) {
        let Some(script) = &self.script else { return };
        let variables = match &self.held {
            Some((status, lease)) => {
                Told { status: *status, network: &self.network, lease }.variables().to_vec()
            }
            None => vec![("HYDRANT_NAME", self.container.name.to_string())],
        };
        script.run(reason, variables);
    }

    /// When a stored lease that is in use must not be any more.
    fn stored_ends(&self) -> Option<Timestamp> {
        match &self.held {
            Some((Status::Stored, lease)) => lease.expires_at,
            Some((Status::Leased | Status::Expired, _)) | None => None,
        }
    }
}

enum Standing {
    Running,
    NoCarrier,
    Away,
}

/// How the interface of a line is now.
async fn standing(watch: &Watch, line: &Line) -> Result<Standing, WatchError> {
    let all = watch.interfaces().await?;
    let same = all.iter().find(|one| one.index == line.index() && one.mac == Some(line.mac()));
    Ok(match same {
        Some(one) if one.running => Standing::Running,
        Some(one) if one.up => Standing::NoCarrier,
        Some(_) | None => Standing::Away,
    })
}

/// Until a point on the wall clock, or for ever.
async fn sleep(until: Option<Timestamp>) {
    match until {
        Some(until) => {
            let left = core::time::Duration::try_from(until.duration_since(Timestamp::now()));
            tokio::time::sleep(left.unwrap_or_default()).await;
        }
        None => core::future::pending().await,
    }
}
