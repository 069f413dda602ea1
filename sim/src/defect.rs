//! What could go wrong on purpose? Each defect breaks one promise, in a server, in what it is told, in its flash or in the clients.
//!
//! A judge that never convicts proves nothing. `--defect NAME` puts one into a run, and what a failure looks like can be seen;
//! `tests/judge.rs` shows that each is convicted, and for what it is.

use clap::ValueEnum;

use crate::judge::Violation;
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
    /// A server does not do what is due
    Idles,
    /// Neither servers nor clients ask whether somebody uses an address
    ChecksNothing,
}

impl Defect {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::SharesPool,
        Self::TellsLonger,
        Self::LosesWrites,
        Self::OffersRouter,
        Self::IgnoresReservations,
        Self::CrossesVlans,
        Self::Misremembers,
        Self::RepeatsReplies,
        Self::IgnoresDeclines,
        Self::IgnoresSome,
        Self::Idles,
        Self::ChecksNothing,
    ];

    /// What it is convicted for.
    #[must_use]
    pub const fn convicted_for(self) -> Violation {
        match self {
            Self::SharesPool => Violation::TwoOwners,
            Self::TellsLonger | Self::LosesWrites => Violation::Forgotten,
            Self::OffersRouter | Self::IgnoresReservations => Violation::NotInPool,
            Self::CrossesVlans => Violation::Crossed,
            Self::Misremembers => Violation::OtherAddress,
            Self::RepeatsReplies => Violation::Unasked,
            Self::IgnoresDeclines => Violation::Declined,
            Self::IgnoresSome => Violation::NotBound,
            Self::Idles => Violation::Panic,
            Self::ChecksNothing => Violation::InUse,
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
            | Self::OffersRouter
            | Self::IgnoresReservations
            | Self::Misremembers
            | Self::RepeatsReplies
            | Self::IgnoresDeclines
            | Self::IgnoresSome
            | Self::Idles
            | Self::ChecksNothing => None,
        }
    }

    /// Whether a server with this defect does not hear the message.
    #[must_use]
    pub(crate) fn is_deaf_to(self, message: &[u8]) -> bool {
        match self {
            Self::IgnoresDeclines => kind(message) == Some(DECLINE),
            Self::IgnoresSome => message.get(CHADDR + 5).is_some_and(|octet| octet % 8 == 3),
            Self::SharesPool
            | Self::TellsLonger
            | Self::LosesWrites
            | Self::OffersRouter
            | Self::IgnoresReservations
            | Self::CrossesVlans
            | Self::Misremembers
            | Self::RepeatsReplies
            | Self::Idles
            | Self::ChecksNothing => false,
        }
    }

    /// The message as a server with this defect understands it.
    pub(crate) fn mishear(self, message: &mut [u8]) {
        if self == Self::Misremembers {
            salt(message);
            if let Some(place) = option(message, 61) {
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
            && let Some(place) = option(message, 51)
            && let Some(secs) = message.get_mut(place).and_then(|secs| secs.first_chunk_mut())
        {
            *secs = (u32::from_be_bytes(*secs).saturating_mul(4)).to_be_bytes();
        }
        if self == Self::OffersRouter
            && kind(message) == Some(OFFER)
            && let Some(host) = message.get_mut(YIADDR + 2..YIADDR + 4)
        {
            // As in `Site::router`.
            host.copy_from_slice(&[1, 3]);
        }
    }
}

const XID: usize = 4;
const YIADDR: usize = 16;
const CHADDR: usize = 28;
const OPTIONS: usize = 240;

const OFFER: u8 = 2;
const DECLINE: u8 = 4;

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

/// Where the value of an option is in a message that is well-formed.
fn option(message: &[u8], code: u8) -> Option<core::ops::Range<usize>> {
    let mut at = OPTIONS;
    loop {
        match *message.get(at)? {
            0 => at += 1,
            255 => return None,
            found => {
                let value = at + 2..at + 2 + usize::from(*message.get(at + 1)?);
                if found == code {
                    return (value.end <= message.len()).then_some(value);
                }
                at = value.end;
            }
        }
    }
}

fn kind(message: &[u8]) -> Option<u8> {
    message.get(option(message, 53)?)?.first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message with types 53 and 61, in this order, behind padding.
    fn message() -> Vec<u8> {
        let mut octets = vec![0; OPTIONS];
        octets[XID] = 0xff;
        octets.extend([0, 53, 1, DECLINE, 61, 2, 7, 8, 51, 4, 0, 0, 1, 0, 255]);
        octets
    }

    #[test]
    fn options_are_found_behind_padding_and_not_behind_the_end() {
        let octets = message();
        assert_eq!(kind(&octets), Some(DECLINE));
        assert_eq!(option(&octets, 61), Some(OPTIONS + 6..OPTIONS + 8));
        assert_eq!(option(&octets, 1), None);
        assert_eq!(option(&octets[..OPTIONS + 7], 61), None, "cut short");
    }

    #[test]
    fn what_is_misheard_is_told_as_if_nothing_were_wrong() {
        let mut octets = message();
        Defect::Misremembers.mishear(&mut octets);
        assert_eq!(octets[CHADDR + 2], 0xff);
        assert_eq!(option(&octets, 61), None);
        assert_eq!(option(&octets, 51), Some(OPTIONS + 10..OPTIONS + 14));
        Defect::Misremembers.misspeak(&mut octets);
        assert_eq!(octets[CHADDR + 2], 0);
        Defect::TellsLonger.misspeak(&mut octets);
        assert_eq!(octets[OPTIONS + 10..OPTIONS + 14], [0, 0, 4, 0]);
    }
}
