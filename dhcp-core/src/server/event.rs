//! What happened to a message, in words for the operator and with a name for the counters? Nothing here decides anything.

use core::fmt;
use core::net::Ipv4Addr;

use crate::id::HardwareAddr;
use crate::server::config::SubnetIndex;
use crate::wire::message::DecodeError;

// The tag is a word, as that of `Change`.
/// What happened, for logs and counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[repr(u32)]
pub enum Event {
    /// No answer, and why.
    Discarded(Discard),
    /// An OFFER.
    Offered(Deal),
    /// An ACK of a lease, or the reply to a BOOTP client.
    Acknowledged(Deal),
    /// A NAK of `deal.address`.
    Refused(Deal, Refusal),
    /// An ACK of an INFORM, to `ciaddr`.
    Informed(Ipv4Addr),
    /// A client gave its address back.
    Released(Deal),
    /// A client found its address in use; it is in quarantine.
    Declined(Deal),
    /// Somebody who is not its client answered for an address of a pool.
    Conflict {
        /// The subnet.
        subnet: SubnetIndex,
        /// The address.
        address: Ipv4Addr,
        /// Who answered; not known when the answer came through a router.
        by: Option<HardwareAddr>,
        /// Whether the address is in quarantine. If not, it was leased before the answer came.
        quarantined: bool,
    },
}

/// Who and which address an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Deal {
    /// The client.
    pub hardware: HardwareAddr,
    /// Its address.
    pub address: Ipv4Addr,
    /// The subnet.
    pub subnet: SubnetIndex,
}

/// Why a REQUEST was answered with a NAK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Refusal {
    /// The address is not on the client's network (RFC 2131 section 4.3.2).
    WrongNetwork,
    /// The address belongs to another client.
    NotYours,
    /// The address is reserved for another client from now on.
    ReservedForAnother,
    /// The address is outside every pool, excluded or quarantined.
    NotAvailable,
    /// The client's lease or reservation is for another address.
    OtherAddress,
    /// The subnet serves clients with a reservation only, and this client has none any more.
    NotServed,
}

/// Why a message got no answer. Normal life on a network, hence not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Discard {
    /// The octets are not a DHCP message.
    Malformed(DecodeError),
    /// `op` is not 1: a reply, and none of our business.
    NotARequest,
    /// `hops` is above 16: the message goes round in circles (RFC 1542 section 4.1.1).
    TooManyHops,
    /// A message that only servers send: OFFER, ACK or NAK.
    ServerMessage,
    /// Option 53 is a type that we do not speak.
    UnknownMessageType,
    /// A BOOTP request of a client without a reserved address.
    BootpWithoutReservation,
    /// Neither a client identifier nor a hardware address: nobody to keep a lease for.
    NoIdentity,
    /// `giaddr` is no address of a relay agent: multicast, broadcast or loopback.
    BadRelayAddress,
    /// No subnet is configured for the relay agent, the selected link or the interface.
    NoSubnet,
    /// We have no address where the message came in, and the subnet names none.
    NoServerAddress,
    /// The address that is given back or asked about belongs to another segment than the message came from.
    OtherSegment,
    /// Option 54 names another server: the client chose them (RFC 2131 section 4.3.2).
    OtherServerChosen,
    /// A DECLINE does not say whose address it declines (RFC 2131 Table 5 demands option 54).
    NoServerId,
    /// The message names no address where it must.
    NoAddress,
    /// The address that is declined or released is not this client's.
    NotOwner,
    /// We know nothing of the client's lease, so that it must be another server's (RFC 2131 section 4.3.2).
    NoRecord,
    /// The address is wrong, but the subnet is not authoritative and we know nothing of the client.
    NotAuthoritative,
    /// The subnet serves clients with a reservation only.
    UnknownClient,
    /// No address is free.
    PoolExhausted,
    /// The client's reserved address is somebody else's now, and no other is free for it.
    ReservationTaken,
    /// As many changes as may be are on their way to the journal.
    Busy,
    /// The reply does not fit into the caller's buffer.
    NoRoomForReply,
}

impl Refusal {
    /// All of them, in the order in which they are counted.
    pub const ALL: &'static [Self] = &[
        Self::WrongNetwork,
        Self::NotYours,
        Self::ReservedForAnother,
        Self::NotAvailable,
        Self::OtherAddress,
        Self::NotServed,
    ];

    /// Place in [`Refusal::ALL`], name for counters, words for people and for option 56.
    const fn entry(self) -> (usize, &'static str, &'static str) {
        match self {
            Self::WrongNetwork => (0, "wrong-network", "the address is not on this network"),
            Self::NotYours => (1, "not-yours", "the address belongs to another client"),
            Self::ReservedForAnother => {
                (2, "reserved-for-another", "the address is reserved for another client")
            }
            Self::NotAvailable => (3, "not-available", "the address is not available here"),
            Self::OtherAddress => {
                (4, "other-address", "another address is leased or reserved for this client")
            }
            Self::NotServed => (5, "not-served", "clients without a reservation are not served"),
        }
    }

    /// A stable name in kebab case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.entry().1
    }

    pub(super) const fn place(self) -> usize {
        self.entry().0
    }

    /// The words of [`fmt::Display`], as they also stand in option 56.
    #[must_use]
    pub const fn words(self) -> &'static str {
        self.entry().2
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

impl Discard {
    /// One of each, in the order in which they are counted.
    pub const ALL: &'static [Self] = &[
        Self::Malformed(DecodeError::Truncated { len: 0 }),
        Self::Malformed(DecodeError::NoCookie),
        Self::Malformed(DecodeError::HardwareLength { hlen: 17 }),
        Self::NotARequest,
        Self::TooManyHops,
        Self::ServerMessage,
        Self::UnknownMessageType,
        Self::BootpWithoutReservation,
        Self::NoIdentity,
        Self::BadRelayAddress,
        Self::NoSubnet,
        Self::NoServerAddress,
        Self::OtherSegment,
        Self::OtherServerChosen,
        Self::NoServerId,
        Self::NoAddress,
        Self::NotOwner,
        Self::NoRecord,
        Self::NotAuthoritative,
        Self::UnknownClient,
        Self::PoolExhausted,
        Self::ReservationTaken,
        Self::Busy,
        Self::NoRoomForReply,
    ];

    /// Place in [`Discard::ALL`], name for counters, words for people.
    const fn entry(self) -> (usize, &'static str, &'static str) {
        match self {
            Self::Malformed(DecodeError::Truncated { .. }) => {
                (0, "malformed-truncated", "too short for a DHCP message")
            }
            Self::Malformed(DecodeError::NoCookie) => {
                (1, "malformed-no-cookie", "the magic cookie is missing")
            }
            Self::Malformed(DecodeError::HardwareLength { .. }) => {
                (2, "malformed-hardware-length", "a hardware address of more than 16 octets")
            }
            Self::NotARequest => (3, "not-a-request", "a reply, not a request (op is not 1)"),
            Self::TooManyHops => (4, "too-many-hops", "relayed more than 16 times (hops)"),
            Self::ServerMessage => {
                (5, "server-message", "a message that servers send: is there another one?")
            }
            Self::UnknownMessageType => {
                (6, "unknown-message-type", "a message type that is not known (option 53)")
            }
            Self::BootpWithoutReservation => {
                (7, "bootp-without-reservation", "a BOOTP client without a reserved address")
            }
            Self::NoIdentity => {
                (8, "no-identity", "neither a client identifier nor a hardware address")
            }
            Self::BadRelayAddress => {
                (9, "bad-relay-address", "giaddr is not the address of a relay agent")
            }
            Self::NoSubnet => {
                (10, "no-subnet", "no subnet is configured for where the message comes from")
            }
            Self::NoServerAddress => {
                (11, "no-server-address", "the server has no address where the message came in")
            }
            Self::OtherSegment => {
                (12, "other-segment", "it is about an address of another network segment")
            }
            Self::OtherServerChosen => {
                (13, "other-server-chosen", "the client chose another server (option 54)")
            }
            Self::NoServerId => {
                (14, "no-server-id", "a DECLINE without a server identifier (option 54)")
            }
            Self::NoAddress => (15, "no-address", "the message names no address"),
            Self::NotOwner => (16, "not-owner", "the address is not this client's"),
            Self::NoRecord => (17, "no-record", "nothing is known of the client's lease"),
            Self::NotAuthoritative => (
                18,
                "not-authoritative",
                "the address is wrong, but the subnet is not authoritative and the client not known",
            ),
            Self::UnknownClient => {
                (19, "unknown-client", "clients without a reservation are not served here")
            }
            Self::PoolExhausted => (20, "pool-exhausted", "no address is free"),
            Self::ReservationTaken => (
                21,
                "reservation-taken",
                "somebody else has the client's reserved address, and no other is free",
            ),
            Self::Busy => (22, "busy", "too many changes are on their way to the journal"),
            Self::NoRoomForReply => {
                (23, "no-room-for-reply", "the reply does not fit into the buffer")
            }
        }
    }

    /// A stable name in kebab case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.entry().1
    }

    pub(super) const fn place(self) -> usize {
        self.entry().0
    }
}

impl fmt::Display for Discard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.entry().2)
    }
}

impl Event {
    /// The names of all kinds of events, in the order in which they are counted.
    pub const NAMES: &'static [&'static str] = &[
        "discarded",
        "offered",
        "acknowledged",
        "refused",
        "informed",
        "released",
        "declined",
        "conflict",
    ];

    pub(super) const fn place(&self) -> usize {
        match self {
            Self::Discarded(_) => 0,
            Self::Offered(_) => 1,
            Self::Acknowledged(_) => 2,
            Self::Refused(..) => 3,
            Self::Informed(_) => 4,
            Self::Released(_) => 5,
            Self::Declined(_) => 6,
            Self::Conflict { .. } => 7,
        }
    }

    /// A stable name of its kind.
    #[must_use]
    pub fn name(&self) -> &'static str {
        Self::NAMES.get(self.place()).copied().expect("every kind of event has a name")
    }
}

impl fmt::Display for Event {
    /// One sentence without line breaks; no octet of the packet stands in it unless in hex.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Discarded(why) => write!(f, "not answered: {why}"),
            Self::Offered(deal) => write!(f, "offered {deal}"),
            Self::Acknowledged(deal) => write!(f, "leased {deal}"),
            Self::Refused(deal, why) => write!(f, "refused {deal}: {why}"),
            Self::Informed(ciaddr) => write!(f, "told {ciaddr} its options"),
            Self::Released(deal) => write!(f, "released: {deal}"),
            Self::Declined(deal) => write!(f, "declined, in use by somebody else: {deal}"),
            Self::Conflict { address, by, quarantined, subnet: _ } => {
                let state = if *quarantined { "in quarantine" } else { "leased meanwhile" };
                match by {
                    Some(by) => write!(f, "{by} uses {address} without a lease: {state}"),
                    None => write!(f, "somebody uses {address} without a lease: {state}"),
                }
            }
        }
    }
}

impl fmt::Display for Deal {
    /// `10.0.1.7 for 02:00:00:00:00:01`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {}", self.address, self.hardware)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_place_and_a_name_of_its_own() {
        for (place, discard) in Discard::ALL.iter().enumerate() {
            assert_eq!(discard.place(), place, "{discard}");
            let mut before = Discard::ALL.iter().take(place);
            assert!(before.all(|other| other.name() != discard.name()), "{discard}");
        }
        for (place, refusal) in Refusal::ALL.iter().enumerate() {
            assert_eq!(refusal.place(), place, "{refusal}");
            let mut before = Refusal::ALL.iter().take(place);
            assert!(before.all(|other| other.name() != refusal.name()), "{refusal}");
        }
    }

    #[test]
    fn names_are_kebab_case() {
        let discards = Discard::ALL.iter().map(|why| why.name());
        let refusals = Refusal::ALL.iter().map(|why| why.name());
        for name in discards.chain(refusals).chain(Event::NAMES.iter().copied()) {
            let kebab = name.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'-');
            assert!(kebab && !name.starts_with('-') && !name.ends_with('-'), "{name}");
        }
    }
}
