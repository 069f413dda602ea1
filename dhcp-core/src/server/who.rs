//! Who is the client? The key that its lease is kept under, its reservation, and whether a lease in the book is its own.
//!
//! A client is known by its client identifier if it sends one, else by `htype` and `chaddr` (RFC 2131 section 4.2), with these exceptions:
//! - A subnet can be told to go by the hardware address alone. A container's client identifier counts all the same: it was made for its name.
//! - A reservation by hardware address or by name makes that the client's identity, so that the boot loader, which sends no client
//!   identifier, and the system, which does, share the reserved address.
//! - A client that sends an identifier in one message and none in the next is one client. What ties the two together is the
//!   address that it names together with its hardware address: the lease stays under the key that it has.

use crate::id::{ClientId, ClientKey, HardwareAddr, InstallationKey};
use crate::server::book::{Entry, LeaseBook, Standing};
use crate::server::config::{Identity, Reservation, SubnetConfig, SubnetIndex, Who};
use crate::server::select::Segment;
use crate::wire::message::Message;

/// A client on one segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client<'a, 'c, 'p> {
    message: &'a Message<'p>,
    installation: &'c InstallationKey,
    pub(super) hardware: &'a HardwareAddr,
    /// Option 61 as it was sent.
    pub(super) client_id: Option<ClientId<'p>>,
    /// What a new lease is kept under.
    pub(super) key: ClientKey,
    by_hardware: bool,
    /// The identifier, if the subnet goes by it: what reservations are found by beside the hardware address and the host name.
    counted_id: Option<ClientId<'p>>,
    reservation: Option<(SubnetIndex, &'c Reservation<'c>)>,
    /// The container's, when it is one.
    name: Option<&'p [u8]>,
}

impl<'a, 'c, 'p> Client<'a, 'c, 'p> {
    /// Who sent the message; see [`Self::has_identity`].
    pub(super) fn of<B: LeaseBook>(
        installation: &'c InstallationKey,
        book: &B,
        segment: &Segment<'c>,
        message: &'a Message<'p>,
    ) -> Self {
        let (_, home) = segment.home();
        let hardware = message.hardware_addr();
        let client_id = message.client_id();
        let name = client_id.and_then(|id| book.name_in(installation, id));
        let counted_id = match home.identity {
            Identity::ClientId => client_id,
            Identity::Hardware => client_id.filter(|_| name.is_some()),
        };
        let reservation = segment.iter().find_map(|(subnet, config)| {
            let known = reservation(config, hardware, counted_id, message)?;
            Some((subnet, known))
        });
        let (key, by_hardware) = match (reservation.map(|(_, known)| known.who), counted_id) {
            (Some(Who::Name(name)), _) => (ClientKey::from_name(installation, name), false),
            (Some(Who::ClientId(_)) | None, Some(id)) => {
                (ClientKey::from_client_id(installation, id), false)
            }
            (Some(Who::Hardware(_)), _) | (Some(Who::ClientId(_)) | None, None) => {
                (ClientKey::from_hardware(installation, hardware), true)
            }
        };
        Self {
            message,
            installation,
            hardware,
            client_id,
            key,
            by_hardware,
            counted_id,
            reservation,
            name,
        }
    }

    /// Whether the message says at all who sent it.
    pub(super) fn has_identity(&self) -> bool {
        self.counted_id.is_some() || !self.hardware.octets().is_empty()
    }

    /// The container's name, when it is one: what it is leased is pinned.
    pub(super) const fn name(&self) -> Option<&'p [u8]> {
        self.name
    }

    /// What the configuration says about the client, and for which subnet.
    pub(super) const fn reservation(&self) -> Option<(SubnetIndex, &'c Reservation<'c>)> {
        self.reservation
    }

    /// What this subnet of the segment says about the client; a client that is known without an address is known in each pool.
    pub(super) fn reservation_in(
        &self,
        subnet: SubnetIndex,
        config: &'c SubnetConfig<'c>,
    ) -> Option<&'c Reservation<'c>> {
        match self.reservation? {
            (of, known) if of == subnet => Some(known),
            _ => reservation(config, self.hardware, self.counted_id, self.message),
        }
    }

    /// Whether the client is the one that has the address of `entry`, is offered it, or had it last.
    pub(super) fn owns(&self, entry: &Entry) -> bool {
        match entry.standing {
            Standing::Fresh | Standing::Quarantined => return false,
            Standing::Offered | Standing::Bound | Standing::Idle => {}
        }
        let Some(key) = entry.key else { return false };
        if key == self.key {
            return true;
        }
        // Where a reservation makes something else the client's identity.
        let is_id = |id| key == ClientKey::from_client_id(self.installation, id);
        if self.reservation.is_some() && self.counted_id.is_some_and(is_id) {
            return true;
        }
        let same_hardware =
            !self.hardware.octets().is_empty() && entry.hardware.as_ref() == Some(self.hardware);
        same_hardware
            && (self.by_hardware
                || key == ClientKey::from_hardware(self.installation, self.hardware))
    }
}

/// The reservation in one subnet: by client identifier, then by hardware address, then by name. Three binary searches.
fn reservation<'c>(
    config: &'c SubnetConfig<'c>,
    hardware: &HardwareAddr,
    client_id: Option<ClientId<'_>>,
    message: &Message<'_>,
) -> Option<&'c Reservation<'c>> {
    if config.reservations.is_empty() {
        return None;
    }
    let find = |who| reservation_of(config, who);
    let name = || if config.trust_host_name { message.host_name() } else { None };
    client_id
        .and_then(|id| find(Who::ClientId(id.octets())))
        .or_else(|| find(Who::Hardware(*hardware)))
        .or_else(|| find(Who::Name(name()?)))
}

/// The reservation in one subnet for whom it names so.
pub(super) fn reservation_of<'c>(
    config: &'c SubnetConfig<'c>,
    who: Who<'_>,
) -> Option<&'c Reservation<'c>> {
    let place = config.reservations.binary_search_by(|known| known.who.cmp(&who)).ok()?;
    config.reservations.get(place)
}
