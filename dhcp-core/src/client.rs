//! How does a client get an address and keep it? RFC 2131 figure 5, with RFC 5227 before an address is used.
//!
//! Octets, ARP packets and time go in; [`Output`]s come out, to be done in order. After each input, call [`Client::poll_output`]
//! until there is nothing left, then sleep until [`Client::poll_timeout`] or the next packet:
//!
//! ```
//! use dhcp_core::client::{Client, Config, MESSAGE_LEN_MAX, Output};
//! use dhcp_core::id::HardwareAddr;
//! use dhcp_core::rng::Rng;
//! use dhcp_core::time::Instant;
//!
//! let config = Config::new(HardwareAddr::ethernet([2, 0, 0, 0, 0, 1]));
//! let mut client = Client::new(config, Rng::seeded(7));
//! client.start(Instant::ZERO);
//! let now = client.poll_timeout().expect("a DISCOVER is to be sent");
//! client.handle_timeout(now);
//! let mut buffer = [0; MESSAGE_LEN_MAX];
//! while let Some(output) = client.poll_output(&mut buffer) {
//!     match output {
//!         Output::Transmit(message) => assert!(message.destination.is_broadcast()),
//!         Output::Arp(_) | Output::Event(_) => unreachable!("there is no address yet"),
//!     }
//! }
//! ```

mod config;
mod lease;
mod offer;
mod output;
mod reply;
mod request;
mod retry;
mod state;
mod step;

use core::net::Ipv4Addr;

pub use self::config::{Config, Octets};
pub use self::lease::{Lease, OPTIONS_LEN_MAX, Options, Route};
pub use self::offer::{Choice, Offer, Previous, Rank};
pub use self::output::{Event, Lost, Output, Transmit};
pub use self::reply::Ignored;
pub use self::request::MESSAGE_LEN_MAX;
pub use self::retry::{DECLINE_WAIT_SECS, Term, V6ONLY_WAIT_SECS_MIN};
pub use self::state::{Binding, Exchange, Holding, Phase, State};

use self::output::{Outbox, Pending};
use self::reply::examine;
use self::request::Intent;
use self::state::deadline;
use crate::conflict::Verdict;
use crate::rng::Rng;
use crate::time::Instant;
use crate::wire::frame::arp::Arp;
use crate::wire::message::Message;
pub use crate::wire::message::Scratch;

/// No chain of things that are due at the same time is longer: expired, DISCOVER; T1 and an announcement; a probe and free.
const STEPS_MAX: usize = 8;

/// What became of a packet. Nothing has to be done about it: what follows comes out of [`Client::poll_output`], and what was ignored is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Heard {
    /// It was an answer: the state may have changed.
    Taken,
    /// It meant nothing to us: nothing has changed but a counter.
    Ignored(Ignored),
}

/// A DHCP client for one address of one hardware address.
#[derive(Clone, Debug)]
pub struct Client {
    config: Config,
    rng: Rng,
    state: State,
    previous: Previous,
    options: Options,
    outbox: Outbox,
    /// When the acquisition or renewal began that `secs` counts from.
    began_at: Option<Instant>,
    xid: u32,
    refusals: u8,
    conflicts: u8,
    ignored: [u32; Ignored::COUNT],
}

impl Client {
    /// A client that does nothing yet. Clients that start together need differently seeded generators.
    #[must_use]
    pub const fn new(config: Config, rng: Rng) -> Self {
        let previous = Previous { address: config.wish, server_id: None };
        Self {
            config,
            rng,
            state: State::Stopped,
            previous,
            options: Options::new(),
            outbox: Outbox::new(),
            began_at: None,
            xid: 0,
            refusals: 0,
            conflicts: 0,
            ignored: [0; Ignored::COUNT],
        }
    }

    /// Goes to INIT and looks for servers. Whatever lease there was is dropped without a word; see [`Client::release`].
    pub fn start(&mut self, now: Instant) {
        self.began_at = None;
        self.state = State::Init { start_at: self.after_start_delay(now) };
    }

    /// As [`Client::start`], with what is known of an earlier lease: its address is asked for with the DISCOVER, and its server's offer preferred.
    pub fn start_seeking(&mut self, now: Instant, previous: Previous) {
        self.previous = Previous { address: previous.address.or(self.config.wish), ..previous };
        self.start(now);
    }

    /// Goes to INIT-REBOOT and asks whether the address of an earlier lease may still be used (RFC 2131 section 3.2); unanswered
    /// or refused, it looks for servers. Without a host's address it is [`Client::start_seeking`].
    pub fn start_with(&mut self, now: Instant, previous: Previous) {
        self.start_seeking(now, previous);
        if let Some(address) = previous.address.filter(|address| reply::is_host(*address)) {
            self.state = State::InitReboot { start_at: self.after_start_delay(now), address };
        }
    }

    /// Asks for options only, for an address that was configured otherwise (RFC 2131 section 3.4). Whatever lease there was is dropped.
    pub fn inform(&mut self, now: Instant, address: Ipv4Addr) {
        self.began_at = None;
        let exchange = self.open(now);
        self.state = State::Informing { exchange, address };
        self.say();
    }

    /// Gives the address back (RFC 2131 section 4.4.6) and stops. The message comes from [`Client::poll_output`]: send it before the address is taken off
    /// the interface. Without a lease there is none.
    pub fn release(&mut self) {
        match self.state.holding() {
            Some(Holding { binding, .. }) => {
                let Binding { address, server_id, .. } = *binding;
                self.release_previous(address, server_id);
            }
            None => self.state = State::Stopped,
        }
    }

    /// As [`Client::release`], of a lease that an earlier client of the same identity had, and that the caller remembers. A lease of this client is dropped
    /// without a word.
    pub fn release_previous(&mut self, address: Ipv4Addr, server_id: Ipv4Addr) {
        let xid = self.fresh_xid();
        let intent = Intent::Release { address, server_id };
        self.outbox.push(Pending::Message { intent, xid, secs: 0 });
        self.state = State::Stopped;
    }

    /// Stops without a word: the lease goes on, and [`Client::start_with`] may ask for it again.
    pub const fn stop(&mut self) {
        self.state = State::Stopped;
    }

    /// Asks for the lease to be extended now, without waiting for T1 (RFC 2131 section 4.4.5). Without a lease, nothing happens.
    pub fn renew(&mut self, now: Instant) {
        match self.state {
            State::Bound { holding } => self.enter_renewing(now, holding),
            State::Renewing { .. } | State::Rebinding { .. } => self.resend(now),
            State::Stopped
            | State::Init { .. }
            | State::Selecting { .. }
            | State::Requesting { .. }
            | State::InitReboot { .. }
            | State::Rebooting { .. }
            | State::Probing { .. }
            | State::Informing { .. }
            | State::Informed { .. } => {}
        }
    }

    /// A UDP payload that came to port 68. Nothing in it is trusted; `scratch` is room for options that were sent split, and is free again afterwards.
    /// Call [`Client::poll_output`] after it.
    pub fn handle(&mut self, now: Instant, packet: &[u8], scratch: &mut Scratch) -> Heard {
        let examined = Message::parse(packet, scratch)
            .map_err(Ignored::Malformed)
            .and_then(|message| Ok((examine(&self.state, &self.config, &message)?, message)));
        match examined {
            Ok((reply, message)) => {
                self.take(now, reply, &message);
                Heard::Taken
            }
            Err(ignored) => {
                if let Some(count) = self.ignored.get_mut(ignored.index()) {
                    *count = count.saturating_add(1);
                }
                Heard::Ignored(ignored)
            }
        }
    }

    /// An ARP packet that was heard on the segment; our own may be among them. Only while an address is probed or used does it mean anything.
    pub fn handle_arp(&mut self, now: Instant, arp: &Arp) {
        let Some(watch) = self.state.watch_mut() else { return };
        match watch.handle_arp(now, arp) {
            Verdict::Nothing => {}
            Verdict::InUse { by } => {
                if let Some(Holding { binding, .. }) = self.state.holding().copied() {
                    self.decline(now, &binding);
                    self.tell(Event::Conflict { address: binding.address, by });
                }
            }
            Verdict::Defend { by, announcement } => {
                self.outbox.push(Pending::Arp(announcement));
                self.tell(Event::Defended { by });
            }
            Verdict::GiveUp { by } => {
                if let Some(Holding { binding, .. }) = self.state.holding().copied() {
                    self.tell(Event::Lost { address: binding.address, why: Lost::Conflict { by } });
                    self.decline(now, &binding);
                }
            }
        }
    }

    /// Does what is due; too early or too often does no harm. Afterwards, [`Client::poll_timeout`] is later than `now`. Call [`Client::poll_output`] after it.
    pub fn handle_timeout(&mut self, now: Instant) {
        for _ in 0..STEPS_MAX {
            if deadline(&self.state).is_none_or(|at| at > now) {
                return;
            }
            self.step(now);
        }
        assert!(deadline(&self.state).is_none_or(|at| at > now), "what is due gets done");
    }

    /// When [`Client::handle_timeout`] next has work; `None` means that only a packet or the caller can wake the client.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        deadline(&self.state)
    }

    /// The next thing to be done, in order; a message is written into `out`, whose octets mean nothing otherwise. Take all that there is after each input:
    /// there is room for what one input makes, and beyond that the oldest is lost.
    pub fn poll_output(&mut self, out: &mut [u8; MESSAGE_LEN_MAX]) -> Option<Output> {
        Some(match self.outbox.pop()? {
            Pending::Event(event) => Output::Event(event),
            Pending::Arp(arp) => Output::Arp(arp),
            Pending::Message { intent, xid, secs } => {
                let shape = intent.shape();
                Output::Transmit(Transmit {
                    source: shape.ciaddr.unwrap_or(Ipv4Addr::UNSPECIFIED),
                    destination: shape.unicast_to.unwrap_or(Ipv4Addr::BROADCAST),
                    len: request::write(&shape, xid, secs, &self.config, out),
                })
            }
        })
    }

    /// Where the client stands.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The lease whose address may be used now: in BOUND, RENEWING and REBINDING.
    #[must_use]
    pub fn lease(&self) -> Option<Lease<'_>> {
        let Holding { binding, watch } = self.state.holding()?;
        let usable = watch.is_none_or(|watch| !watch.is_probing());
        usable.then_some(Lease { binding: *binding, options: &self.options })
    }

    /// The options of the last ACK, to a REQUEST or an INFORM, while it counts.
    #[must_use]
    pub fn options(&self) -> Option<&Options> {
        match self.state {
            State::Informed { .. } => Some(&self.options),
            State::Stopped
            | State::Init { .. }
            | State::Selecting { .. }
            | State::Requesting { .. }
            | State::InitReboot { .. }
            | State::Rebooting { .. }
            | State::Probing { .. }
            | State::Bound { .. }
            | State::Renewing { .. }
            | State::Rebinding { .. }
            | State::Informing { .. } => self.state.holding().map(|_| &self.options),
        }
    }

    /// What is remembered of the last lease.
    #[must_use]
    pub const fn previous(&self) -> Previous {
        self.previous
    }

    /// What it was told when it was made.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// How many packets were ignored for which reason, in the order of [`Ignored::NAMES`].
    #[must_use]
    pub const fn ignored(&self) -> &[u32] {
        &self.ignored
    }

    /// Whether [`Client::poll_output`] has something.
    #[must_use]
    pub fn has_output(&self) -> bool {
        !self.outbox.is_empty()
    }
}
