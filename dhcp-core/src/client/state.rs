//! Where are we in RFC 2131 figure 5? The states, each with the data that it owns, and when each one wakes up.

use core::net::Ipv4Addr;

use crate::client::offer::{Choice, Offer};
use crate::client::retry::Term;
use crate::conflict::Watch;
use crate::time::{Instant, LeaseTime};

/// A message that was sent and may be sent again until it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Exchange {
    /// Its transaction.
    pub xid: u32,
    /// `secs` of the last message.
    pub secs: u16,
    /// When it was sent first with this `xid`: a lease that is granted in answer to it begins here (RFC 2131 section 4.4.1).
    pub sent_at: Instant,
    /// How often it was sent.
    pub tries: u8,
    /// When it is sent again.
    pub resend_at: Instant,
}

/// An address that a server committed to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Binding {
    /// `yiaddr`.
    pub address: Ipv4Addr,
    /// Option 54 of the last ACK.
    pub server_id: Ipv4Addr,
    /// Option 51 of the last ACK.
    pub duration: LeaseTime,
    /// When the lease or its last renewal began: when it was asked for.
    pub since: Instant,
    /// When it is renewed and ends.
    pub term: Term,
}

/// A binding with the watch over its address; none when conflict detection is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holding {
    /// What is held.
    pub binding: Binding,
    /// The check of its address.
    pub watch: Option<Watch>,
}

/// RFC 2131 figure 5, with the wait for ARP answers (RFC 5227) as a state of its own and the two of an INFORM beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Not started, or stopped by the caller.
    Stopped,
    /// INIT: waiting to send a DISCOVER.
    Init {
        /// When.
        start_at: Instant,
    },
    /// SELECTING: a DISCOVER was sent.
    Selecting {
        /// The DISCOVER.
        exchange: Exchange,
        /// The best offer so far.
        choice: Option<Choice>,
    },
    /// REQUESTING: an offer was chosen.
    Requesting {
        /// The REQUEST.
        exchange: Exchange,
        /// What was chosen.
        offer: Offer,
    },
    /// INIT-REBOOT: waiting to ask for an address that we had before.
    InitReboot {
        /// When.
        start_at: Instant,
        /// The address.
        address: Ipv4Addr,
    },
    /// REBOOTING: it was asked for.
    Rebooting {
        /// The REQUEST.
        exchange: Exchange,
        /// The address.
        address: Ipv4Addr,
    },
    /// The server committed the address; it is not used before the probes stayed without answer.
    Probing {
        /// The lease.
        holding: Holding,
    },
    /// BOUND.
    Bound {
        /// The lease.
        holding: Holding,
    },
    /// RENEWING: T1 has passed.
    Renewing {
        /// The lease.
        holding: Holding,
        /// The REQUEST.
        exchange: Exchange,
    },
    /// REBINDING: T2 has passed.
    Rebinding {
        /// The lease.
        holding: Holding,
        /// The REQUEST.
        exchange: Exchange,
    },
    /// An INFORM was sent for an address that was not leased.
    Informing {
        /// The INFORM.
        exchange: Exchange,
        /// The address.
        address: Ipv4Addr,
    },
    /// The INFORM was answered.
    Informed {
        /// The address.
        address: Ipv4Addr,
    },
}

/// The name of a [`State`] without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Phase {
    /// [`State::Stopped`].
    Stopped,
    /// [`State::Init`].
    Init,
    /// [`State::Selecting`].
    Selecting,
    /// [`State::Requesting`].
    Requesting,
    /// [`State::InitReboot`].
    InitReboot,
    /// [`State::Rebooting`].
    Rebooting,
    /// [`State::Probing`].
    Probing,
    /// [`State::Bound`].
    Bound,
    /// [`State::Renewing`].
    Renewing,
    /// [`State::Rebinding`].
    Rebinding,
    /// [`State::Informing`].
    Informing,
    /// [`State::Informed`].
    Informed,
}

impl State {
    /// Which state it is.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        match self {
            Self::Stopped => Phase::Stopped,
            Self::Init { .. } => Phase::Init,
            Self::Selecting { .. } => Phase::Selecting,
            Self::Requesting { .. } => Phase::Requesting,
            Self::InitReboot { .. } => Phase::InitReboot,
            Self::Rebooting { .. } => Phase::Rebooting,
            Self::Probing { .. } => Phase::Probing,
            Self::Bound { .. } => Phase::Bound,
            Self::Renewing { .. } => Phase::Renewing,
            Self::Rebinding { .. } => Phase::Rebinding,
            Self::Informing { .. } => Phase::Informing,
            Self::Informed { .. } => Phase::Informed,
        }
    }

    /// The message that waits for an answer; without one, no reply means anything to us.
    #[must_use]
    pub const fn exchange(&self) -> Option<&Exchange> {
        match self {
            Self::Selecting { exchange, .. }
            | Self::Requesting { exchange, .. }
            | Self::Rebooting { exchange, .. }
            | Self::Renewing { exchange, .. }
            | Self::Rebinding { exchange, .. }
            | Self::Informing { exchange, .. } => Some(exchange),
            Self::Stopped
            | Self::Init { .. }
            | Self::InitReboot { .. }
            | Self::Probing { .. }
            | Self::Bound { .. }
            | Self::Informed { .. } => None,
        }
    }

    /// The lease that a server committed to us, if there is one; in PROBING it may not be used yet.
    #[must_use]
    pub const fn holding(&self) -> Option<&Holding> {
        match self {
            Self::Probing { holding }
            | Self::Bound { holding }
            | Self::Renewing { holding, .. }
            | Self::Rebinding { holding, .. } => Some(holding),
            Self::Stopped
            | Self::Init { .. }
            | Self::Selecting { .. }
            | Self::Requesting { .. }
            | Self::InitReboot { .. }
            | Self::Rebooting { .. }
            | Self::Informing { .. }
            | Self::Informed { .. } => None,
        }
    }

    pub(super) const fn exchange_mut(&mut self) -> Option<&mut Exchange> {
        match self {
            Self::Selecting { exchange, .. }
            | Self::Requesting { exchange, .. }
            | Self::Rebooting { exchange, .. }
            | Self::Renewing { exchange, .. }
            | Self::Rebinding { exchange, .. }
            | Self::Informing { exchange, .. } => Some(exchange),
            Self::Stopped
            | Self::Init { .. }
            | Self::InitReboot { .. }
            | Self::Probing { .. }
            | Self::Bound { .. }
            | Self::Informed { .. } => None,
        }
    }

    pub(super) const fn watch_mut(&mut self) -> Option<&mut Watch> {
        match self {
            Self::Probing { holding }
            | Self::Bound { holding }
            | Self::Renewing { holding, .. }
            | Self::Rebinding { holding, .. } => holding.watch.as_mut(),
            Self::Stopped
            | Self::Init { .. }
            | Self::Selecting { .. }
            | Self::Requesting { .. }
            | Self::InitReboot { .. }
            | Self::Rebooting { .. }
            | Self::Informing { .. }
            | Self::Informed { .. } => None,
        }
    }
}

/// When `handle_timeout` next has work; `None` means that only a message or the caller can wake us.
pub(super) fn deadline(state: &State) -> Option<Instant> {
    match state {
        State::Stopped | State::Informed { .. } => None,
        State::Init { start_at } | State::InitReboot { start_at, .. } => Some(*start_at),
        State::Selecting { exchange, choice: None } => Some(exchange.resend_at),
        State::Selecting { choice: Some(choice), .. } => Some(choice.decide_at),
        State::Requesting { exchange, .. }
        | State::Rebooting { exchange, .. }
        | State::Informing { exchange, .. } => Some(exchange.resend_at),
        State::Probing { holding } => {
            sooner(holding.binding.term.expires_at(), holding.watch_deadline())
        }
        State::Bound { holding } => {
            let renew_at = match holding.binding.term {
                Term::Infinite => None,
                Term::Finite { renew_at, .. } => Some(renew_at),
            };
            sooner(renew_at, holding.watch_deadline())
        }
        State::Renewing { holding, exchange } => {
            let rebind_at = match holding.binding.term {
                Term::Infinite => None,
                Term::Finite { rebind_at, .. } => Some(rebind_at),
            };
            sooner(sooner(rebind_at, Some(exchange.resend_at)), holding.watch_deadline())
        }
        State::Rebinding { holding, exchange } => {
            let expires_at = holding.binding.term.expires_at();
            sooner(sooner(expires_at, Some(exchange.resend_at)), holding.watch_deadline())
        }
    }
}

impl Holding {
    fn watch_deadline(&self) -> Option<Instant> {
        self.watch.and_then(|watch| watch.deadline())
    }
}

fn sooner(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (at, None) | (None, at) => at,
    }
}
