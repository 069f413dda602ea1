//! What does the server ask of whoever keeps the leases? The book knows addresses and clients, and no message.
//!
//! `lease-store` has the book for real use; a test gets by with a plain map of addresses, in some two hundred lines (`tests/server/toy.rs`).

use core::fmt;
use core::net::Ipv4Addr;

use crate::id::{ClientId, ClientKey, HardwareAddr, InstallationKey};
use crate::server::config::SubnetIndex;
use crate::time::Timestamp;

/// Where an address stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Standing {
    /// Nobody ever had it.
    Fresh,
    /// Held for a client that was sent an OFFER.
    Offered,
    /// A client's lease.
    Bound,
    /// Nobody's now; its last client is remembered and gets it back while no one else needed it.
    Idle,
    /// Found in use by somebody who is not our client; not handed out until the time is over.
    Quarantined,
}

/// What the book knows of one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The address.
    pub address: Ipv4Addr,
    /// The subnet whose pool it is in.
    pub subnet: SubnetIndex,
    /// Where it stands at the time of asking: a lease whose end has passed is [`Standing::Idle`].
    pub standing: Standing,
    /// The client that has it, is offered it or had it last.
    pub key: Option<ClientKey>,
    /// That client's hardware address.
    pub hardware: Option<HardwareAddr>,
    /// The end of the offer, lease or quarantine; of an address that is idle or fresh it means nothing.
    pub until: Timestamp,
    /// Kept for its client even when it is idle and the pool is full: a container's name stands behind it.
    pub pinned: bool,
    /// The configuration reserves it for one client, who need not be the one that has it now.
    pub reserved: bool,
}

/// What the book knows of an address, without whose it is: an [`Entry`] is large, and most of what is decided needs less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// As [`Entry::address`].
    pub address: Ipv4Addr,
    /// As [`Entry::subnet`].
    pub subnet: SubnetIndex,
    /// As [`Entry::standing`].
    pub standing: Standing,
    /// As [`Entry::pinned`].
    pub pinned: bool,
    /// As [`Entry::reserved`].
    pub reserved: bool,
}

/// What the book knows of an address, for one client that names it: whether it is that client's, instead of whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Where it stands.
    pub holding: Holding,
    /// As [`Entry::until`].
    pub until: Timestamp,
    /// Whether the client that has it, is offered it or had it last is known by the key that was asked with.
    pub own: bool,
}

impl Entry {
    /// The same without the client.
    #[must_use]
    pub const fn holding(&self) -> Holding {
        let Self { address, subnet, standing, pinned, reserved, .. } = *self;
        Holding { address, subnet, standing, pinned, reserved }
    }

    /// The same for the client with this key.
    #[must_use]
    pub fn seen_by(&self, key: &ClientKey) -> Seen {
        let own = self.key.as_ref() == Some(key);
        Seen { holding: self.holding(), until: self.until, own }
    }
}

impl Holding {
    /// Whether a client has it or is offered it.
    #[must_use]
    pub const fn is_living(&self) -> bool {
        matches!(self.standing, Standing::Offered | Standing::Bound)
    }
}

/// A client's wish for an address in one subnet.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// In which subnet.
    pub subnet: SubnetIndex,
    /// For whom.
    pub key: &'a ClientKey,
    /// Its hardware address.
    pub hardware: &'a HardwareAddr,
    /// The address that the configuration reserves for it: this or none.
    pub reserved: Option<Ipv4Addr>,
    /// The address that it asks for (option 50).
    pub requested: Option<Ipv4Addr>,
    /// How long the offer is held.
    pub hold_until: Timestamp,
    /// The time now.
    pub now: Timestamp,
}

/// A lease to be written into the book.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// The address.
    pub address: Ipv4Addr,
    /// For whom.
    pub key: &'a ClientKey,
    /// Its hardware address.
    pub hardware: &'a HardwareAddr,
    /// The end of the lease as the client is told.
    pub until: Timestamp,
    /// The end that is recorded when a record is needed at all: at least `until`. A later renewal that ends before it needs no record.
    pub promise: Timestamp,
    /// See [`Entry::pinned`].
    pub pinned: bool,
    /// The time now.
    pub now: Timestamp,
}

/// What writing a lease into the book means for the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granted {
    /// Client and address are bound anew, or the client's hardware address changed: a [`Change::Bind`] is needed.
    Bind,
    /// The same lease ends later than was promised: a [`Change::Extend`] is needed.
    Extend,
    /// What was promised before covers it: no record is needed.
    Covered,
}

/// Why the book did not do it. Normal life, hence not an error type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unavailable {
    /// The address is in no pool and no reservation of the book, or is excluded.
    NotOurs,
    /// Another client has it or is offered it.
    Taken,
    /// It is in quarantine.
    Quarantined,
    /// No address in the subnet is free.
    Exhausted,
}

/// The leases: which address is whose. Every operation costs the same at any occupancy.
///
/// Changes take effect in memory at once; whoever calls makes them durable and says so, or calls
/// [`LeaseBook::forget_promise`] when that failed.
pub trait LeaseBook {
    /// What a search for a client found, for the offer that may follow: it need not search again. `()` for a book to which that means nothing.
    type Found: Copy + fmt::Debug;

    /// Where an address is in the book, for the grant that may follow: it need not look it up again. `()` for a book to which that means nothing.
    type Spot: Copy + fmt::Debug;

    /// What the client has, is offered or had last in the subnet, at most one address (one lease per client), and what was found. That holds until the
    /// book changes.
    fn search(
        &self,
        subnet: SubnetIndex,
        key: &ClientKey,
        now: Timestamp,
    ) -> (Option<Holding>, Self::Found);

    /// As [`LeaseBook::search`], for whoever makes no offer and wants to know all of it.
    fn entry_of(&self, subnet: SubnetIndex, key: &ClientKey, now: Timestamp) -> Option<Entry> {
        let (holding, _) = self.search(subnet, key, now);
        self.entry_at(holding?.address, now)
    }

    /// What is known of an address; `None` when it is in no pool and no reservation.
    fn entry_at(&self, address: Ipv4Addr, now: Timestamp) -> Option<Entry>;

    /// What an address is to a client, and where it is in the book, which holds as long as there is the book; `None` as for
    /// [`LeaseBook::entry_at`], of which this is [`Entry::seen_by`].
    fn look(
        &self,
        address: Ipv4Addr,
        key: &ClientKey,
        now: Timestamp,
    ) -> Option<(Seen, Self::Spot)>;

    /// Chooses an address and holds it for the client, in the order: reserved, current, previous even if it ran out, requested,
    /// never used, idle for longest. A client that is already offered or bound an address keeps it, and a bound lease stays bound.
    ///
    /// An address that the configuration reserves is given only when it is [`Ask::reserved`], even to the client that has it. A client that has a lease and
    /// is offered its reserved address keeps the lease until the offer is granted. Idle addresses that are pinned are their last client's only.
    ///
    /// What is returned is the client's now.
    ///
    /// # Errors
    /// [`Unavailable`]; with a reservation, what stands in its way.
    fn offer(&mut self, ask: &Ask<'_>) -> Result<Holding, Unavailable>;

    /// As [`LeaseBook::offer`], after [`LeaseBook::search`] found this for the same client in the same subnet at the same time, and the book did not change
    /// since.
    ///
    /// # Errors
    /// As [`LeaseBook::offer`].
    fn offer_found(&mut self, ask: &Ask<'_>, found: Self::Found) -> Result<Holding, Unavailable> {
        let _ = found;
        self.offer(ask)
    }

    /// Binds the address to the client, which need not have been offered it: an address that is fresh or idle is granted, too. The
    /// client's other address in the subnet, if it has one, becomes idle.
    ///
    /// # Errors
    /// [`Unavailable`] when the address is somebody else's.
    fn grant(&mut self, grant: &Grant<'_>) -> Result<Granted, Unavailable>;

    /// As [`LeaseBook::grant`], of an address that [`LeaseBook::look`] found here.
    ///
    /// # Errors
    /// As [`LeaseBook::grant`].
    fn grant_at(&mut self, spot: Self::Spot, grant: &Grant<'_>) -> Result<Granted, Unavailable> {
        let _ = spot;
        self.grant(grant)
    }

    /// The client's lease or offer ends now and its address becomes idle, and is no longer pinned; `false` when the address is not the client's.
    fn release(&mut self, address: Ipv4Addr, key: &ClientKey, now: Timestamp) -> bool;

    /// Nobody gets the address until `until`; `false` when it is in no pool.
    fn quarantine(&mut self, address: Ipv4Addr, until: Timestamp, now: Timestamp) -> bool;

    /// The record of the last change to this address did not become durable: the next grant needs one again, and that is a [`Granted::Bind`],
    /// because what was lost may have been the first.
    fn forget_promise(&mut self, address: Ipv4Addr);

    /// Writes down which addresses of the subnet [`LeaseBook::offer`] would give to the next strangers, in that order, and returns how many; none
    /// unless told. They are probed ahead of time.
    fn candidates(&self, subnet: SubnetIndex, now: Timestamp, next: &mut [Ipv4Addr]) -> usize {
        let _ = (subnet, now, next);
        0
    }

    /// How many addresses of the subnet could be offered to a stranger now, and of how many in all. It may be an estimate that lags behind expiry.
    fn room(&self, subnet: SubnetIndex) -> (u32, u32);

    /// The name that a client identifier was made for, when whoever keeps the leases gives names such identifiers: a container's of this installation. Its
    /// lease is pinned, and it is known by the identifier everywhere. What is returned is a part of `id`.
    fn name_in<'i>(&self, installation: &InstallationKey, id: ClientId<'i>) -> Option<&'i [u8]> {
        let _ = (installation, id);
        None
    }

    /// Turns leases, offers and quarantines that are over into what comes after them; looks at no more than `budget` of them.
    /// `true` when there may be more to do now.
    fn sweep(&mut self, now: Timestamp, budget: usize) -> bool;
}

// The tag is a word: behind an octet, a microcontroller copies what is in a variant octet by octet.
/// One change of the book, as it is recorded. Replayed in order on an empty book, the changes give the book again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Change<'a> {
    /// The address is the client's until `until`. Whoever had it has it no more, and the client has no other in its subnet.
    Bind {
        /// The address.
        address: Ipv4Addr,
        /// The key that the lease is kept under.
        key: ClientKey,
        /// The client's hardware address.
        hardware: HardwareAddr,
        /// The client identifier as it was sent, if one was.
        client_id: Option<ClientId<'a>>,
        /// A name for people: the container's name when pinned, else the sanitised host name; at most 64 octets.
        name: &'a [u8],
        /// The end that is promised.
        until: Timestamp,
        /// See [`Entry::pinned`].
        pinned: bool,
    },
    /// The lease of the address goes on until `until`.
    Extend {
        /// The address.
        address: Ipv4Addr,
        /// The end that is promised.
        until: Timestamp,
    },
    /// The lease ended; the client is remembered, and the address is not pinned any more.
    Release {
        /// The address.
        address: Ipv4Addr,
    },
    /// The address is in quarantine until `until`, and its client has lost it.
    Quarantine {
        /// The address.
        address: Ipv4Addr,
        /// The end of the quarantine.
        until: Timestamp,
    },
    /// The address is forgotten, with its client: as if nobody ever had it.
    Forget {
        /// The address.
        address: Ipv4Addr,
    },
}

impl Change<'_> {
    /// Which address changed.
    #[must_use]
    pub const fn address(&self) -> Ipv4Addr {
        match self {
            Self::Bind { address, .. }
            | Self::Extend { address, .. }
            | Self::Release { address }
            | Self::Quarantine { address, .. }
            | Self::Forget { address } => *address,
        }
    }
}
