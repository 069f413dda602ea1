//! What could go wrong on purpose? Each defect breaks one promise, in a server, in what it is told, in its flash or in the clients.
//!
//! A judge that never convicts proves nothing. `--defect NAME` puts one into a run, and what a failure looks like can be seen;
//! `tests/judge.rs` shows that each is convicted, and for what it is.

use clap::ValueEnum;
use dhcp_core::server::book::Change;
use dhcp_core::wire::message::MessageType;
use dhcp_core::wire::options::code;

use crate::judge::Violation;
use crate::octets::{CHADDR, CIADDR, XID, YIADDR, option};
use crate::plan::Shape;

/// One broken promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Defect {
    /// Two servers give from the same pool and know nothing of each other
    SharesPool,
    /// A server tells its clients four times the lease that it wrote down
    TellsLonger,
    /// The flash loses what was written in the last minute, though it said that it was durable
    LosesWrites,
    /// A server does not write down what is in quarantine
    LosesQuarantines,
    /// A server offers the router's address
    OffersRouter,
    /// A server is not told what is reserved
    IgnoresReservations,
    /// A server answers on another VLAN than it was asked on
    CrossesVlans,
    /// A server takes the xid for a part of the client's identity
    Misremembers,
    /// A server says everything twice
    RepeatsReplies,
    /// A server does not listen to DECLINEs
    IgnoresDeclines,
    /// A server does not listen to one client in eight
    IgnoresSome,
    /// A server does not listen to who extends its lease
    IgnoresRenewals,
    /// A server refuses who extends its lease
    RefusesRenewals,
    /// A server holds no offer
    ForgetsOffers,
    /// A server tells T2 as T1, and T1 as T2
    SwapsTimes,
    /// One client in eight asks for nothing any more
    FallsAsleep,
    /// A server does not do what is due
    Idles,
    /// Neither servers nor clients ask whether somebody uses an address
    ChecksNothing,
    /// A server takes an INFORM for a renewal
    LeasesToInformers,
    /// A server does not know which networks share a segment
    SplitsShared,
    /// A server tells the router of a segment's first network in all of them
    MistakesRouters,
    /// A server leaves it to others to refuse an address of another network
    HasNoAuthority,
}

impl Defect {
    /// What it is convicted for.
    #[must_use]
    pub const fn convicted_for(self) -> Violation {
        match self {
            Self::SharesPool => Violation::TwoOwners,
            Self::TellsLonger | Self::LosesWrites => Violation::Forgotten,
            Self::LosesQuarantines => Violation::Unquarantined,
            Self::OffersRouter | Self::IgnoresReservations => Violation::NotInPool,
            Self::CrossesVlans => Violation::Crossed,
            Self::Misremembers => Violation::OtherAddress,
            Self::RepeatsReplies => Violation::Unasked,
            Self::IgnoresDeclines => Violation::Declined,
            Self::IgnoresSome | Self::SplitsShared | Self::HasNoAuthority => Violation::Unanswered,
            Self::IgnoresRenewals => Violation::Lapsed,
            Self::RefusesRenewals => Violation::Refused,
            Self::ForgetsOffers => Violation::NotHeld,
            Self::SwapsTimes | Self::MistakesRouters => Violation::IllFormed,
            Self::FallsAsleep => Violation::NotBound,
            Self::Idles => Violation::Panic,
            Self::ChecksNothing => Violation::InUse,
            Self::LeasesToInformers => Violation::Changed,
        }
    }

    /// The shape that it needs.
    #[must_use]
    pub const fn shape(self) -> Option<Shape> {
        match self {
            Self::SharesPool => Some(Shape::TwoServers),
            Self::CrossesVlans => Some(Shape::Trunk),
            Self::TellsLonger
            | Self::LosesWrites
            | Self::LosesQuarantines
            | Self::OffersRouter
            | Self::IgnoresReservations
            | Self::Misremembers
            | Self::RepeatsReplies
            | Self::IgnoresDeclines
            | Self::IgnoresSome
            | Self::IgnoresRenewals
            | Self::RefusesRenewals
            | Self::ForgetsOffers
            | Self::SwapsTimes
            | Self::FallsAsleep
            | Self::Idles
            | Self::ChecksNothing
            | Self::LeasesToInformers
            | Self::SplitsShared
            | Self::MistakesRouters
            | Self::HasNoAuthority => None,
        }
    }

    /// Whether a server with this defect does not hear the message.
    #[must_use]
    pub(crate) fn is_deaf_to(self, message: &[u8]) -> bool {
        match self {
            Self::IgnoresDeclines => kind(message) == Some(MessageType::Decline),
            Self::IgnoresSome => message.get(CHADDR + 5).is_some_and(|octet| octet % 8 == 3),
            Self::IgnoresRenewals => {
                kind(message) == Some(MessageType::Request) && has_address(message)
            }
            Self::SharesPool
            | Self::TellsLonger
            | Self::LosesWrites
            | Self::LosesQuarantines
            | Self::OffersRouter
            | Self::IgnoresReservations
            | Self::CrossesVlans
            | Self::Misremembers
            | Self::RepeatsReplies
            | Self::RefusesRenewals
            | Self::ForgetsOffers
            | Self::SwapsTimes
            | Self::FallsAsleep
            | Self::Idles
            | Self::ChecksNothing
            | Self::LeasesToInformers
            | Self::SplitsShared
            | Self::MistakesRouters
            | Self::HasNoAuthority => false,
        }
    }

    /// Whether a server with this defect does not write down the change.
    #[must_use]
    pub(crate) fn loses(self, change: &Change<'_>) -> bool {
        self == Self::LosesQuarantines && matches!(change, Change::Quarantine { .. })
    }

    /// The message as a server with this defect understands it.
    pub(crate) fn mishear(self, message: &mut [u8]) {
        if self == Self::LeasesToInformers
            && kind(message) == Some(MessageType::Inform)
            && let Some(place) = option(message, code::MESSAGE_TYPE)
            && let Some([kind]) = message.get_mut(place)
        {
            *kind = MessageType::Request as u8;
        }
        if self == Self::Misremembers {
            salt(message);
            if let Some(place) = option(message, code::CLIENT_ID) {
                // The identifier becomes padding, with its code and its length.
                let end = place.end;
                message.get_mut(place.start - 2..end).unwrap_or_default().fill(0);
            }
        }
    }

    /// The reply as a server with this defect sends it.
    pub(crate) fn misspeak(self, message: &mut [u8]) {
        if self == Self::Misremembers {
            salt(message);
        }
        if self == Self::TellsLonger
            && let Some(place) = option(message, code::LEASE_TIME)
            && let Some(secs) = message.get_mut(place).and_then(|secs| secs.first_chunk_mut())
        {
            *secs = (u32::from_be_bytes(*secs).saturating_mul(4)).to_be_bytes();
        }
        if self == Self::RefusesRenewals
            && has_address(message)
            && let Some(place) = option(message, code::MESSAGE_TYPE)
            && let Some([kind]) = message.get_mut(place)
        {
            *kind = MessageType::Nak as u8;
        }
        if self == Self::SwapsTimes
            && let (Some(t1), Some(t2)) =
                (option(message, code::RENEWAL_TIME), option(message, code::REBINDING_TIME))
        {
            for (one, other) in t1.zip(t2) {
                message.swap(one, other);
            }
        }
        if self == Self::OffersRouter
            && kind(message) == Some(MessageType::Offer)
            && let Some(host) = message.get_mut(YIADDR + 2..YIADDR + 4)
        {
            // As in `Network::router`, of a site's first network.
            host.copy_from_slice(&[1, 3]);
        }
    }
}

/// Mixes the xid into the hardware address; done twice, it is undone.
fn salt(message: &mut [u8]) {
    let Some([high, low]) = message.get(XID..).and_then(<[u8]>::first_chunk).copied() else {
        return;
    };
    if let Some([a, b]) = message.get_mut(CHADDR + 2..).and_then(<[u8]>::first_chunk_mut) {
        *a ^= high;
        *b ^= low;
    }
}

/// Whether it is from somebody who has an address, or to them.
fn has_address(message: &[u8]) -> bool {
    message.get(CIADDR..CIADDR + 4).is_some_and(|address| address != [0; 4])
}

fn kind(message: &[u8]) -> Option<MessageType> {
    MessageType::from_wire(*message.get(option(message, code::MESSAGE_TYPE)?)?.first()?)
}

#[cfg(test)]
mod tests {
    use dhcp_core::wire::message::HEADER_LEN;

    use super::*;

    /// A message with types 53 and 61, in this order, behind padding.
    fn message() -> Vec<u8> {
        let mut octets = vec![0; HEADER_LEN];
        octets[XID] = 0xff;
        octets.extend([0, 53, 1, 4, 61, 2, 7, 8, 51, 4, 0, 0, 1, 0, 255]);
        octets
    }

    #[test]
    fn what_is_misheard_is_told_as_if_nothing_were_wrong() {
        let mut octets = message();
        Defect::Misremembers.mishear(&mut octets);
        assert_eq!(octets[CHADDR + 2], 0xff);
        assert_eq!(option(&octets, code::CLIENT_ID), None);
        assert_eq!(option(&octets, code::LEASE_TIME), Some(HEADER_LEN + 10..HEADER_LEN + 14));
        Defect::Misremembers.misspeak(&mut octets);
        assert_eq!(octets[CHADDR + 2], 0);
        Defect::TellsLonger.misspeak(&mut octets);
        assert_eq!(octets[HEADER_LEN + 10..HEADER_LEN + 14], [0, 0, 4, 0]);
    }
}
