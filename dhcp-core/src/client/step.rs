//! What follows from a reply and from time? The transitions of RFC 2131 figure 5, each with the message that it sends and what it tells.
//!
//! What may be asked of the client stands in `client.rs`; what a state is and when it wakes up, in `state.rs`.

use core::net::Ipv4Addr;

use super::offer::{Offer, choose};
use super::output::{Event, Lost, Pending};
use super::reply::{Grant, Reply};
use super::request::{Intent, intent};
use super::retry::{
    DECLINE_WAIT_SECS, Term, V6ONLY_WAIT_SECS_MIN, after_nak, backoff, half_of_the_rest,
};
use super::{Binding, Client, Exchange, Holding, Options, Previous, State};
use crate::conflict::{CONFLICTS_MAX, RATE_LIMIT_SECS, Step, Watch};
use crate::time::Instant;
use crate::wire::message::Message;

impl Client {
    /// A reply that was found to answer us.
    pub(super) fn take(&mut self, now: Instant, reply: Reply, message: &Message<'_>) {
        match (self.state, reply) {
            (State::Selecting { exchange, choice }, Reply::Offer(offer)) => {
                self.tell(Event::Offered(offer));
                let collect = self.config.collect_millis;
                let choice = choose(now, choice, offer, &self.previous, collect);
                self.state = State::Selecting { exchange, choice: Some(choice) };
                if choice.decide_at <= now {
                    self.select(now, exchange, choice.offer);
                }
            }
            (
                State::Requesting { exchange, .. } | State::Rebooting { exchange, .. },
                Reply::Ack(grant),
            ) => self.acquire(now, exchange, grant, message),
            (
                State::Renewing { holding, exchange } | State::Rebinding { holding, exchange },
                Reply::Ack(grant),
            ) => self.extend(holding, exchange, grant, message),
            (State::Requesting { .. } | State::Rebooting { .. }, Reply::Nak { server_id }) => {
                self.refused(now, server_id);
            }
            (
                State::Renewing { holding, .. } | State::Rebinding { holding, .. },
                Reply::Nak { server_id },
            ) => {
                let address = holding.binding.address;
                self.refused(now, server_id);
                self.tell(Event::Lost { address, why: Lost::Refused });
            }
            (State::Informing { address, .. }, Reply::Informed) => {
                self.options = Options::read(message);
                self.began_at = None;
                self.state = State::Informed { address };
                self.tell(Event::Informed);
            }
            (_, _) => debug_assert!(false, "examine() matches replies to states"),
        }
    }

    /// One thing that is due, the most advanced first: a sleeper who wakes up after the end of the lease does not renew it.
    pub(super) fn step(&mut self, now: Instant) {
        match self.state {
            State::Stopped | State::Informed { .. } => {}
            State::Init { .. } => {
                let exchange = self.open(now);
                self.state = State::Selecting { exchange, choice: None };
                self.say();
            }
            State::InitReboot { address, .. } => {
                let exchange = self.open(now);
                self.state = State::Rebooting { exchange, address };
                self.say();
            }
            State::Selecting { exchange, choice: Some(choice) } => {
                self.select(now, exchange, choice.offer);
            }
            State::Requesting { exchange, .. } if exchange.tries >= self.config.request_tries => {
                self.state = State::Init { start_at: now };
            }
            State::Rebooting { exchange, address }
                if exchange.tries >= self.config.reboot_tries =>
            {
                self.tell(Event::RebootUnanswered { address });
                self.state = State::Init { start_at: now };
            }
            State::Selecting { choice: None, .. }
            | State::Requesting { .. }
            | State::Rebooting { .. }
            | State::Informing { .. } => self.resend(now),
            State::Probing { holding }
            | State::Bound { holding }
            | State::Renewing { holding, .. }
            | State::Rebinding { holding, .. } => self.step_holding(now, holding),
        }
    }

    fn step_holding(&mut self, now: Instant, holding: Holding) {
        let Binding { address, term, .. } = holding.binding;
        let (renew, rebind, over) = match term {
            Term::Infinite => (false, false, false),
            Term::Finite { renew_at, rebind_at, expires_at } => {
                (renew_at <= now, rebind_at <= now, expires_at <= now)
            }
        };
        match self.state {
            State::Probing { .. } if over => self.state = State::Init { start_at: now },
            State::Bound { .. } | State::Renewing { .. } | State::Rebinding { .. } if over => {
                self.tell(Event::Lost { address, why: Lost::Expired });
                self.began_at = None;
                self.state = State::Init { start_at: now };
            }
            State::Bound { .. } | State::Renewing { .. } if rebind => {
                self.enter_rebinding(now, holding);
            }
            State::Bound { .. } if renew => self.enter_renewing(now, holding),
            State::Renewing { exchange, .. } | State::Rebinding { exchange, .. }
                if exchange.resend_at <= now =>
            {
                self.resend(now);
            }
            State::Probing { .. }
            | State::Bound { .. }
            | State::Renewing { .. }
            | State::Rebinding { .. } => self.step_watch(now),
            State::Stopped
            | State::Init { .. }
            | State::Selecting { .. }
            | State::Requesting { .. }
            | State::InitReboot { .. }
            | State::Rebooting { .. }
            | State::Informing { .. }
            | State::Informed { .. } => {}
        }
    }

    fn step_watch(&mut self, now: Instant) {
        let Some(watch) = self.state.watch_mut() else { return };
        match watch.handle_timeout(now, &mut self.rng) {
            Some(Step::Send(arp)) => self.outbox.push(Pending::Arp(arp)),
            Some(Step::Free) => {
                if let Some(holding) = self.state.holding().copied() {
                    self.bind(holding);
                }
            }
            None => {}
        }
    }

    /// SELECTING to REQUESTING. Transaction and `secs` are those of the DISCOVER, so that relay agents treat both alike (RFC 2131 section 3.1 (3)).
    fn select(&mut self, now: Instant, discover: Exchange, offer: Offer) {
        if let Some(wait_secs) = offer.v6only_wait_secs {
            return self.prefer_v6only(now, wait_secs);
        }
        let resend_at = backoff(now, 1, &mut self.rng);
        let exchange = Exchange { sent_at: now, tries: 1, resend_at, ..discover };
        self.state = State::Requesting { exchange, offer };
        self.say();
    }

    /// REQUESTING or REBOOTING to BOUND, by way of the probes.
    fn acquire(&mut self, now: Instant, exchange: Exchange, grant: Grant, message: &Message<'_>) {
        if let Some(wait_secs) = grant.v6only_wait_secs {
            return self.prefer_v6only(now, wait_secs);
        }
        let binding = self.binding(exchange, grant);
        if binding.term.is_over(now) {
            // A short lease, asked for several times: it began with the first REQUEST and is over.
            self.state = State::Init { start_at: now };
            return;
        }
        self.options = Options::read(message);
        let watch = self.config.hardware.as_ethernet().and_then(|mac| {
            Watch::begin(now, binding.address, mac, self.config.acd, &mut self.rng)
        });
        let holding = Holding { binding, watch };
        match watch {
            Some(_) => self.state = State::Probing { holding },
            None => self.bind(holding),
        }
    }

    fn bind(&mut self, holding: Holding) {
        (self.refusals, self.conflicts, self.began_at) = (0, 0, None);
        self.remember(&holding.binding);
        self.state = State::Bound { holding };
        self.tell(Event::Bound);
    }

    /// RENEWING or REBINDING to BOUND.
    fn extend(
        &mut self,
        holding: Holding,
        exchange: Exchange,
        grant: Grant,
        message: &Message<'_>,
    ) {
        let binding = self.binding(exchange, grant);
        let options = Options::read(message);
        // A renewal without a mask says nothing about the network, and takes nothing away.
        let silent = options.option(1).is_none() && self.options.option(1).is_some();
        let changed = !silent && !options.configures_as(&self.options);
        if !silent {
            self.options = options;
        }
        self.refusals = 0;
        self.began_at = None;
        self.remember(&binding);
        self.state = State::Bound { holding: Holding { binding, ..holding } };
        self.tell(Event::Renewed { changed });
    }

    fn binding(&mut self, exchange: Exchange, grant: Grant) -> Binding {
        let Grant { address, server_id, duration, t1, t2, .. } = grant;
        let since = exchange.sent_at;
        let term = Term::new(since, duration, t1, t2, &mut self.rng);
        Binding { address, server_id, duration, since, term }
    }

    const fn remember(&mut self, binding: &Binding) {
        self.previous =
            Previous { address: Some(binding.address), server_id: Some(binding.server_id) };
    }

    /// A NAK: the address is forgotten, and the search starts again, later each time (RFC 2131 section 3.1 (5), 3.2 (3)).
    fn refused(&mut self, now: Instant, server_id: Ipv4Addr) {
        self.previous.address = None;
        self.refusals = self.refusals.saturating_add(1);
        let start_at = after_nak(now, self.refusals, &mut self.rng);
        self.state = State::Init { start_at };
        self.tell(Event::Refused { server_id });
    }

    /// RFC 2131 section 3.1 (5), RFC 5227 section 2.1.1: DECLINE, wait, start again without this address.
    pub(super) fn decline(&mut self, now: Instant, binding: &Binding) {
        let Binding { address, server_id, .. } = *binding;
        let xid = self.fresh_xid();
        let intent = Intent::Decline { address, server_id };
        self.outbox.push(Pending::Message { intent, xid, secs: 0 });
        self.conflicts = self.conflicts.saturating_add(1);
        self.previous.address = None;
        self.began_at = None;
        let wait_secs =
            if self.conflicts >= CONFLICTS_MAX { RATE_LIMIT_SECS } else { DECLINE_WAIT_SECS };
        self.state = State::Init { start_at: now.plus_secs(wait_secs) };
    }

    /// RFC 8925 section 3.2: the address is not requested, and no search starts for a while.
    fn prefer_v6only(&mut self, now: Instant, wait_secs: u32) {
        let wait_secs = wait_secs.max(V6ONLY_WAIT_SECS_MIN);
        self.began_at = None;
        self.state = State::Init { start_at: now.plus_secs(wait_secs) };
        self.tell(Event::Ipv6OnlyPreferred { wait_secs });
    }

    pub(super) fn enter_renewing(&mut self, now: Instant, holding: Holding) {
        self.began_at = None;
        let exchange = self.open(now);
        self.state = State::Renewing { holding, exchange };
        self.pace(now);
        self.say();
    }

    fn enter_rebinding(&mut self, now: Instant, holding: Holding) {
        let exchange = self.open(now);
        self.state = State::Rebinding { holding, exchange };
        self.pace(now);
        self.say();
    }

    /// Sends the message of the state once more.
    pub(super) fn resend(&mut self, now: Instant) {
        let renewal = self.state.holding().is_some();
        // The DISCOVER's secs go on into the REQUEST that follows it; elsewhere they grow.
        let secs = if let State::Requesting { exchange, .. } = self.state {
            exchange.secs
        } else {
            self.secs(now)
        };
        // A renewal may be repeated after hours: its own xid says which one an ACK answers, and so when the lease begins.
        let xid = renewal.then(|| self.fresh_xid());
        let Some(exchange) = self.state.exchange_mut() else { return };
        exchange.tries = exchange.tries.saturating_add(1);
        exchange.secs = secs;
        if let Some(xid) = xid {
            (exchange.xid, exchange.sent_at) = (xid, now);
        }
        exchange.resend_at = backoff(now, exchange.tries, &mut self.rng);
        self.pace(now);
        self.say();
    }

    /// In RENEWING and REBINDING the back-off is half of the remaining time (RFC 2131 section 4.4.5).
    fn pace(&mut self, now: Instant) {
        match &mut self.state {
            State::Renewing { holding, exchange } => {
                exchange.resend_at = match holding.binding.term {
                    Term::Infinite => now.plus_secs(60),
                    Term::Finite { rebind_at, .. } => half_of_the_rest(now, rebind_at),
                };
            }
            State::Rebinding { holding, exchange } => {
                exchange.resend_at = match holding.binding.term {
                    Term::Infinite => now.plus_secs(60),
                    Term::Finite { expires_at, .. } => half_of_the_rest(now, expires_at),
                };
            }
            State::Stopped
            | State::Init { .. }
            | State::Selecting { .. }
            | State::Requesting { .. }
            | State::InitReboot { .. }
            | State::Rebooting { .. }
            | State::Probing { .. }
            | State::Bound { .. }
            | State::Informing { .. }
            | State::Informed { .. } => {}
        }
    }

    /// A new exchange whose first message leaves now.
    pub(super) fn open(&mut self, now: Instant) -> Exchange {
        let secs = self.secs(now);
        let resend_at = backoff(now, 1, &mut self.rng);
        Exchange { xid: self.fresh_xid(), secs, sent_at: now, tries: 1, resend_at }
    }

    /// Puts the message of the state into the outbox.
    pub(super) fn say(&mut self) {
        let intent = intent(&self.state, self.previous.address);
        if let (Some(intent), Some(exchange)) = (intent, self.state.exchange()) {
            let Exchange { xid, secs, .. } = *exchange;
            self.outbox.push(Pending::Message { intent, xid, secs });
        }
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.outbox.push(Pending::Event(event));
    }

    pub(super) fn after_start_delay(&mut self, now: Instant) -> Instant {
        let delay = self.rng.below(self.config.start_delay_millis_max.saturating_add(1));
        now.plus_millis(u64::from(delay))
    }

    /// Seconds since the acquisition or renewal began, which is now when nothing has begun.
    fn secs(&mut self, now: Instant) -> u16 {
        let began_at = *self.began_at.get_or_insert(now);
        u16::try_from(now.millis_since(began_at) / 1_000).unwrap_or(u16::MAX)
    }

    /// Neither zero nor the last one.
    pub(super) fn fresh_xid(&mut self) -> u32 {
        let drawn = self.rng.next_u32();
        let fresh = if drawn == self.xid { drawn.wrapping_add(1) } else { drawn };
        self.xid = fresh.max(1);
        self.xid
    }
}
