//! `hydrant lease NAME --foreground`: the lease is kept for as long as the command runs, as udhcpc and dhcpcd do it.
//!
//! SIGUSR1 renews; SIGUSR2 gives the address back and ends; SIGTERM and SIGINT end and keep the lease, which is asked for again the next time.

mod order;
mod tenancy;

use dhcp_core::client::{Client, Event, Lost, Previous};
use dhcp_core::id::HardwareAddr;
use dhcp_core::rng::Rng;
use jiff::Timestamp;
use lease_store::container::ContainerName;

use self::order::{Order, Signals};
use self::tenancy::Tenancy;
use crate::cli::client::{LeaseArgs, ResolvConfArg};
use crate::client::commands::{demand, network, runtime};
use crate::client::configure::Configured;
use crate::client::dhcp::seed;
use crate::client::exit::Exit;
use crate::client::fleet::{Deed, FRAME_LEN_MAX, Fleet, Place};
use crate::client::hunt::{Mac, client_config};
use crate::client::lease::{NamedLease, Way};
use crate::client::line::{Clock, Line, LineError};
use crate::client::obtain::Demand;
use crate::client::place::Port;
use crate::client::resolv::ResolvConf;
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
    let resolv_conf = match args.foreground.resolv_conf.clone() {
        Some(ResolvConfArg::None) => None,
        Some(ResolvConfArg::File(path)) => Some(ResolvConf::new(Some(path))),
        None => Some(ResolvConf::new(None)),
    };
    runtime()?.block_on(async {
        let mut keeper = Keeper {
            port,
            demand,
            configures: args.foreground.configure,
            resolv_conf,
            clock: Clock::start(),
            tenancy: Tenancy::new(
                place.segment.container(name),
                place.segment,
                network,
                session,
                args.foreground.script.clone().map(Script::new),
            ),
        };
        keeper.keep().await
    })
}

struct Keeper {
    port: Port,
    demand: Demand,
    configures: bool,
    /// Where the servers for names are written, when anything is configured.
    resolv_conf: Option<ResolvConf>,
    clock: Clock,
    tenancy: Tenancy,
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
                        say(&format!("{}: waiting: {}", self.tenancy.container, chain(&waiting)));
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
        let stored = self.tenancy.stored()?;
        if self.configures {
            if mac != own {
                let said = format!("`--configure` needs the interface's own MAC address, {own}");
                return Err(Ended { exit: Exit::Usage, said });
            }
            let changed = stored.as_ref().and_then(|stored| stored.configured.clone());
            let (handle, resolv_conf) = (watch.handle().clone(), self.resolv_conf.clone());
            self.tenancy.configured = Some(Configured::new(
                handle,
                line.index(),
                self.tenancy.owner(),
                resolv_conf,
                changed.unwrap_or_default(),
            ));
        }
        let mut fleet = Fleet::new(self.port.tag);
        let acd = self.demand.patience.acd;
        let mut config =
            client_config(&self.tenancy.container, &self.tenancy.session.installation, mac, acd);
        config.broadcast = mac != own;
        config.wish = self.demand.address;
        let client = Client::new(config, Rng::seeded(seed()));
        let added = fleet.add(client, !self.configures);
        let member = added.map_err(|error| Ended::usage(&error))?;
        self.start(fleet.client_mut(member), stored.as_ref());
        let mut running = true;
        loop {
            self.drain(&mut line, &mut fleet, member, stored.as_ref()).await;
            let stored_ends = self.tenancy.stored_ends();
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
                () = sleep(stored_ends) => self.tenancy.lose("the stored lease ran out").await,
                changed = watch.changed() => {
                    changed.map_err(|error| Ended::failed(&error))?;
                    match standing(watch, &line).await.map_err(|error| Ended::failed(&error))? {
                        Standing::Away => {
                            say(&format!("{}: `{}` is away", self.tenancy.container, line.interface()));
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
                        fleet.client_mut(member).release();
                        self.drain(&mut line, &mut fleet, member, None).await;
                        self.tenancy.given_back().await?;
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
        match &self.tenancy.held {
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
        let container = self.tenancy.container;
        match event {
            Event::Bound => {
                let bound = client.lease().map(|lease| lease.binding.address);
                self.tenancy
                    .leave_stored(stored.filter(|stored| bound != Some(stored.lease.address)))
                    .await;
                self.tenancy.hold(Reason::Bound, client, interface, &self.clock).await;
            }
            Event::Renewed { .. } => {
                self.tenancy.hold(Reason::Renewed, client, interface, &self.clock).await
            }
            Event::Refused { server_id } => {
                say(&format!("{container}: {server_id} refused"));
                self.tenancy.tell(Reason::Nak);
                self.tenancy.leave_stored(stored).await;
                self.tenancy.lose("a server refused it").await;
            }
            Event::Conflict { address, by } => {
                say(&format!("{container}: {address} is used by {}; declined", Mac(by)));
                self.tenancy.lose("somebody else uses it").await;
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
                self.tenancy.lose(&why).await;
            }
            Event::RebootUnanswered { .. } => self.tenancy.use_stored(stored).await,
            Event::Ipv6OnlyPreferred { wait_secs } => {
                say(&format!(
                    "{container}: the server prefers IPv6; asking again in {wait_secs} s"
                ));
            }
            Event::Offered(_) | Event::Informed | _ => {}
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
