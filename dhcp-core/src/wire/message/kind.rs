//! Which messages are there, and why are octets none of them? Numbers and words; nothing here reads a message.

use core::error::Error;
use core::fmt;

/// Option 53 (RFC 2132 section 9.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum MessageType {
    /// A client looks for servers.
    Discover = 1,
    /// A server offers an address.
    Offer = 2,
    /// A client takes an offer, confirms an address or extends its lease.
    Request = 3,
    /// A client found the address in use.
    Decline = 4,
    /// A server commits to a lease.
    Ack = 5,
    /// A server refuses.
    Nak = 6,
    /// A client gives its address back.
    Release = 7,
    /// A client that has an address asks for options only.
    Inform = 8,
}

impl MessageType {
    /// `None` for a number that is none of RFC 2131's messages.
    #[must_use]
    pub const fn from_wire(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Discover,
            2 => Self::Offer,
            3 => Self::Request,
            4 => Self::Decline,
            5 => Self::Ack,
            6 => Self::Nak,
            7 => Self::Release,
            8 => Self::Inform,
            _ => return None,
        })
    }
}

/// Why octets are not a DHCP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DecodeError {
    /// Shorter than the header and the cookie, 240 octets.
    Truncated {
        /// Octets that came.
        len: usize,
    },
    /// The options do not begin with the cookie of RFC 2131 section 3.
    NoCookie,
    /// `hlen` is more than the 16 octets that `chaddr` has.
    HardwareLength {
        /// What was said.
        hlen: u8,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { len } => write!(f, "{len} octets are too few for a DHCP message"),
            Self::NoCookie => f.write_str("the magic cookie is missing"),
            Self::HardwareLength { hlen } => {
                write!(f, "a hardware address of {hlen} octets is longer than 16")
            }
        }
    }
}

impl Error for DecodeError {}
