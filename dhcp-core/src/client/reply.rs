//! Is this reply for us, and may we believe it? Every reason not to has a name and a count.

use core::net::Ipv4Addr;

use crate::client::config::Config;
use crate::client::offer::Offer;
use crate::client::state::{Exchange, State};
use crate::net::Subnet;
use crate::time::LeaseTime;
use crate::wire::message::{BOOT_REPLY, DecodeError, Message, MessageType};

/// Why a packet meant nothing to us. Normal life on a network, hence not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Ignored {
    /// The octets are not a DHCP message.
    Malformed(DecodeError),
    /// `op` is not 2.
    NotAReply,
    /// Nothing that we sent waits for an answer.
    NotAwaited,
    /// `xid` is not that of our message.
    OtherXid,
    /// `htype` or `chaddr` is not ours.
    OtherHardware,
    /// Option 61 is echoed and is not ours (RFC 6842).
    OtherClientId,
    /// Option 53 is missing or unknown.
    NoMessageType,
    /// The message does not answer what was asked.
    UnexpectedType,
    /// Option 54 is missing or names no host.
    NoServerId,
    /// Another server than the one that we chose.
    OtherServer,
    /// `yiaddr` is zero or no host's address.
    NoAddress,
    /// `yiaddr` is not the address that we asked for.
    OtherAddress,
    /// Option 51 is missing.
    NoLeaseTime,
    /// The lease is shorter than [`Config::LEASE_SECS_MIN`].
    LeaseTooShort,
}

impl Ignored {
    /// How many reasons there are; a later version may know more.
    pub const COUNT: usize = 14;

    /// Every reason, in the order of [`Ignored::index`].
    pub const NAMES: &'static [&'static str] = &[
        "malformed",
        "not-a-reply",
        "not-awaited",
        "other-xid",
        "other-hardware",
        "other-client-id",
        "no-message-type",
        "unexpected-type",
        "no-server-id",
        "other-server",
        "no-address",
        "other-address",
        "no-lease-time",
        "lease-too-short",
    ];

    /// The place of its counter: 0 to [`Ignored::COUNT`] - 1.
    #[must_use]
    pub const fn index(&self) -> usize {
        match self {
            Self::Malformed(_) => 0,
            Self::NotAReply => 1,
            Self::NotAwaited => 2,
            Self::OtherXid => 3,
            Self::OtherHardware => 4,
            Self::OtherClientId => 5,
            Self::NoMessageType => 6,
            Self::UnexpectedType => 7,
            Self::NoServerId => 8,
            Self::OtherServer => 9,
            Self::NoAddress => 10,
            Self::OtherAddress => 11,
            Self::NoLeaseTime => 12,
            Self::LeaseTooShort => 13,
        }
    }
}

/// A reply that answers what we asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reply {
    /// To our DISCOVER.
    Offer(Offer),
    /// To our REQUEST.
    Ack(Grant),
    /// To our REQUEST: no.
    Nak {
        /// Who says so.
        server_id: Ipv4Addr,
    },
    /// To our INFORM.
    Informed,
}

/// What an ACK gives.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grant {
    pub(super) address: Ipv4Addr,
    pub(super) server_id: Ipv4Addr,
    pub(super) duration: LeaseTime,
    pub(super) t1: Option<u32>,
    pub(super) t2: Option<u32>,
    pub(super) v6only_wait_secs: Option<u32>,
}

/// What the message means in this state; nothing is changed.
pub(super) fn examine(
    state: &State,
    config: &Config,
    message: &Message<'_>,
) -> Result<Reply, Ignored> {
    if message.op() != BOOT_REPLY {
        return Err(Ignored::NotAReply);
    }
    let Exchange { xid, .. } = *state.exchange().ok_or(Ignored::NotAwaited)?;
    if message.xid() != xid {
        return Err(Ignored::OtherXid);
    }
    if message.hardware() != config.hardware {
        return Err(Ignored::OtherHardware);
    }
    let echoed = message.option(61).filter(|_| !config.client_id.is_empty());
    if echoed.is_some_and(|echoed| echoed != config.client_id.as_slice()) {
        return Err(Ignored::OtherClientId);
    }
    let message_type = message.message_type().ok_or(Ignored::NoMessageType)?;
    let server_id = message.server_id().filter(|server_id| is_host(*server_id));
    let server_id = server_id.ok_or(Ignored::NoServerId)?;
    match (state, message_type) {
        (State::Selecting { .. }, MessageType::Offer) => {
            let Grant { address, v6only_wait_secs, .. } = grant(config, message, server_id)?;
            Ok(Reply::Offer(Offer { address, server_id, v6only_wait_secs }))
        }
        (State::Requesting { offer, .. }, MessageType::Ack) if offer.server_id == server_id => {
            granted(config, message, server_id, offer.address)
        }
        (State::Requesting { offer, .. }, MessageType::Nak) if offer.server_id == server_id => {
            Ok(Reply::Nak { server_id })
        }
        (State::Requesting { .. }, MessageType::Ack | MessageType::Nak) => {
            Err(Ignored::OtherServer)
        }
        (State::Rebooting { address, .. }, MessageType::Ack) => {
            granted(config, message, server_id, *address)
        }
        // The REQUEST went to one server; whoever else says no is not asked.
        (State::Renewing { holding, .. }, MessageType::Nak)
            if holding.binding.server_id != server_id =>
        {
            Err(Ignored::OtherServer)
        }
        (
            State::Rebooting { .. } | State::Renewing { .. } | State::Rebinding { .. },
            MessageType::Nak,
        ) => Ok(Reply::Nak { server_id }),
        (State::Renewing { holding, .. } | State::Rebinding { holding, .. }, MessageType::Ack) => {
            granted(config, message, server_id, holding.binding.address)
        }
        (State::Informing { .. }, MessageType::Ack) => Ok(Reply::Informed),
        (_, _) => Err(Ignored::UnexpectedType),
    }
}

fn granted(
    config: &Config,
    message: &Message<'_>,
    server_id: Ipv4Addr,
    asked: Ipv4Addr,
) -> Result<Reply, Ignored> {
    let grant = grant(config, message, server_id)?;
    if grant.address == asked { Ok(Reply::Ack(grant)) } else { Err(Ignored::OtherAddress) }
}

/// What OFFER and ACK must say to be of use (RFC 2131 section 4.3.1, table 3).
fn grant(config: &Config, message: &Message<'_>, server_id: Ipv4Addr) -> Result<Grant, Ignored> {
    let address = message.yiaddr();
    let prefix_len = message
        .subnet_mask()
        .and_then(|mask| Subnet::with_netmask(Ipv4Addr::UNSPECIFIED, mask).ok())
        .map_or(32, |subnet| subnet.prefix_len());
    let inside = Subnet::around(address, prefix_len).is_ok_and(|subnet| subnet.is_host(address));
    if !is_host(address) || !inside {
        return Err(Ignored::NoAddress);
    }
    let duration = LeaseTime::from_wire(message.lease_secs().ok_or(Ignored::NoLeaseTime)?);
    if duration < LeaseTime::Secs(Config::LEASE_SECS_MIN) {
        return Err(Ignored::LeaseTooShort);
    }
    let v6only_wait_secs = message.v6only_wait_secs().filter(|_| config.asks_for(108));
    let (t1, t2) = (message.renewal_secs(), message.rebinding_secs());
    Ok(Grant { address, server_id, duration, t1, t2, v6only_wait_secs })
}

/// Whether an address can be a station's at all: not 0/8, 127/8, multicast, class E or broadcast.
pub(super) const fn is_host(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    first != 0 && first != 127 && first < 224
}
