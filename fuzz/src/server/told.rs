//! What do the clients know? Everything that a reply promises is written down, and held against what comes later.

use core::net::Ipv4Addr;
use std::collections::BTreeMap;

use dhcp_core::id::HardwareAddr;
use dhcp_core::server::book::{LeaseBook, Standing};
use dhcp_core::server::config::Link;
use dhcp_core::server::{Destination, Ingress, Transmit};
use dhcp_core::time::{LeaseTime, Timestamp};
use dhcp_core::wire::message::{BOOT_REPLY, Message, MessageType, Scratch};

use crate::world::{NAME, World};

/// An offer is held for at least so long, in seconds.
const OFFER_HOLD_SECS_MIN: u32 = 10;

/// A reply as the client reads it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) hardware: HardwareAddr,
    /// It was asked for with the name of a reservation, which is trusted.
    named: bool,
    kind: Option<MessageType>,
    yiaddr: Ipv4Addr,
    lease: Option<LeaseTime>,
    /// When it was decided.
    decided: Timestamp,
}

impl Said {
    /// Reads the reply, and checks what holds for every reply: Table 3 and section 4.1 of RFC 2131.
    pub(super) fn read(
        ingress: &Ingress,
        asked: &[u8],
        transmit: &Transmit,
        octets: &[u8],
        decided: Timestamp,
    ) -> Self {
        let (mut room, mut own_room) = (Scratch::new(), Scratch::new());
        let asked = Message::parse(asked, &mut own_room).expect("what is answered was readable");
        let message = Message::parse(octets, &mut room).expect("a reply is a message");
        assert_eq!(message.op(), BOOT_REPLY);
        assert_eq!((message.xid(), message.hardware()), (asked.xid(), asked.hardware()));
        assert_eq!((message.giaddr(), message.hops()), (asked.giaddr(), 0));
        assert!(octets.len() >= 300, "{} octets", octets.len());
        let takes = asked.max_message_size().unwrap_or(0).clamp(576, 1_500) - 28;
        assert!(octets.len() <= usize::from(takes), "{} of {takes} octets", octets.len());
        let (kind, yiaddr) = (message.message_type(), message.yiaddr());
        check_kind(&asked, kind, yiaddr);
        if kind.is_some() {
            assert_eq!(message.server_id(), Some(transmit.source));
        }
        let refused = kind == Some(MessageType::Nak);
        let gives = kind.is_none_or(|_| !refused && !yiaddr.is_unspecified());
        assert_eq!(message.lease_secs().is_some(), gives && kind.is_some(), "option 51");
        check_way(ingress.link, transmit, &asked, refused, yiaddr);
        let lease = message.lease_secs().map(LeaseTime::from_wire);
        let lease = if kind.is_none() { Some(LeaseTime::Infinite) } else { lease };
        let named = asked.host_name() == Some(NAME);
        Self { hardware: message.hardware(), named, kind, yiaddr, lease, decided }
    }

    /// An offer to a client that has a lease on this segment, or several since a cut, is of such a lease.
    pub(super) fn check_again(&self, leased: &[Ipv4Addr]) {
        let here = |address: &&Ipv4Addr| segment(**address) == segment(self.yiaddr);
        if self.kind == Some(MessageType::Offer) && leased.iter().any(|address| here(&address)) {
            assert!(
                leased.contains(&self.yiaddr),
                "{leased:?} asks and is offered {}",
                self.yiaddr
            );
        }
    }

    /// What holds for the address, whoever asks.
    pub(super) fn check(&self, world: &World) {
        if !self.yiaddr.is_unspecified() {
            let Self { yiaddr, hardware, named, .. } = self;
            assert!(world.may_have(*yiaddr, hardware, *named), "{yiaddr} is not for {hardware}");
        }
    }
}

/// What may answer what.
fn check_kind(asked: &Message<'_>, kind: Option<MessageType>, yiaddr: Ipv4Addr) {
    let gives = !yiaddr.is_unspecified();
    let right = match asked.message_type() {
        Some(MessageType::Discover) => kind == Some(MessageType::Offer) && gives,
        Some(MessageType::Request) => match kind {
            Some(MessageType::Ack) => gives,
            Some(MessageType::Nak) => !gives,
            Some(_) | None => false,
        },
        Some(MessageType::Inform) => kind == Some(MessageType::Ack) && !gives,
        Some(
            MessageType::Offer
            | MessageType::Decline
            | MessageType::Ack
            | MessageType::Nak
            | MessageType::Release,
        ) => false,
        None => !asked.has_message_type() && kind.is_none() && gives,
    };
    assert!(right, "{kind:?} of {yiaddr} answers {:?}", asked.message_type());
}

/// Where it goes.
fn check_way(
    link: Link,
    transmit: &Transmit,
    asked: &Message<'_>,
    refused: bool,
    yiaddr: Ipv4Addr,
) {
    assert_eq!(transmit.link, link, "a reply leaves where the request came in");
    let informed = yiaddr.is_unspecified() && !refused;
    match transmit.destination {
        Destination::Relay(relay) => assert_eq!((relay, informed), (asked.giaddr(), false)),
        Destination::Client(client) => assert_eq!((client, refused), (asked.ciaddr(), false)),
        Destination::Hardware { mac, address } => {
            assert_eq!((Some(mac), address), (asked.hardware().as_ethernet(), yiaddr));
            assert!(!asked.broadcast() && !refused && asked.giaddr().is_unspecified());
        }
        Destination::Broadcast => assert!(asked.giaddr().is_unspecified() && !informed),
    }
}

/// Who was told that which address is theirs or kept for them, and until when.
#[derive(Default)]
pub(super) struct Told {
    leases: BTreeMap<Ipv4Addr, (HardwareAddr, Timestamp)>,
    offers: BTreeMap<Ipv4Addr, (HardwareAddr, Timestamp)>,
}

/// Which segment of [`World`] an address is on.
const fn segment(address: Ipv4Addr) -> u8 {
    let [_, _, third, _] = address.octets();
    third
}

impl Told {
    /// A client sent something, and this was decided. What it asks for, it has no other beside; what it gives back, it uses no more;
    /// an offer of before is none that it waits for.
    pub(super) fn asked(
        &mut self,
        hardware: HardwareAddr,
        said: Option<&Said>,
        gone: Option<Ipv4Addr>,
    ) {
        self.offers.retain(|_, (owner, _)| *owner != hardware);
        if let Some(address) = gone {
            self.leases.remove(&address);
        }
        match said {
            Some(Said { kind: Some(MessageType::Nak), .. }) => {
                self.leases.retain(|_, (owner, _)| *owner != hardware);
            }
            Some(said @ Said { kind: Some(MessageType::Ack) | None, yiaddr, .. }) => {
                // Whoever asks anew has what it is given now, though it be for a shorter time and the ACK not there yet: it asks until it is.
                let own = self.leases.get_mut(yiaddr).filter(|(owner, _)| *owner == hardware);
                if let (Some((_, until)), Some(lease)) = (own, said.lease) {
                    *until = (*until).min(said.decided.plus(lease));
                }
                self.leases.retain(|address, (owner, _)| {
                    let other = segment(*address) == segment(*yiaddr) && address != yiaddr;
                    *owner != hardware || !other
                });
            }
            Some(_) | None => {}
        }
    }

    /// The reply reached the client.
    pub(super) fn hears(&mut self, world: &World, said: &Said, now: Timestamp) {
        said.check(world);
        let Said { hardware, kind, yiaddr, .. } = *said;
        // An ACK that waited for its record until its lease was over gives nothing any more.
        let over = said.lease.is_some_and(|lease| said.decided.plus(lease) <= now);
        if yiaddr.is_unspecified() || over {
            return;
        }
        for (what, known) in [("leased", &self.leases), ("offered", &self.offers)] {
            let other =
                known.get(&yiaddr).filter(|(owner, until)| *until > now && *owner != hardware);
            assert!(other.is_none(), "{yiaddr} is {what} to {other:?} and told to {hardware}");
        }
        match said.lease {
            Some(lease) if kind != Some(MessageType::Offer) => {
                self.leases.insert(yiaddr, (hardware, said.decided.plus(lease)));
            }
            Some(_) | None => {
                self.offers.insert(yiaddr, (hardware, now.plus_secs(OFFER_HOLD_SECS_MIN)));
            }
        }
    }

    /// Memory was lost, and offers with it.
    pub(super) fn forget_offers(&mut self) {
        self.offers.clear();
    }

    /// Nobody is offered this address any more.
    pub(super) fn forget_offer(&mut self, address: Ipv4Addr) {
        self.offers.remove(&address);
    }

    /// The book has everything that was told.
    pub(super) fn check(&self, book: &impl LeaseBook, now: Timestamp) {
        for (address, (owner, until)) in self.leases.iter().filter(|(_, (_, until))| *until > now) {
            let entry = book.entry_at(*address, now).expect("what was told is in the book");
            assert_eq!(entry.standing, Standing::Bound, "{address} was told to {owner}");
            assert_eq!(entry.hardware, Some(*owner), "{address} was told to {owner}");
            assert!(entry.until >= *until, "{address} ends too soon for {owner}");
        }
    }
}
