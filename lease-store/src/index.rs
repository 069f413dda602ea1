//! Where on the medium is an address recorded? Asked by the journal, answered by the table, which has a slot for each address anyway.
//!
//! With this the journal needs no memory of its own, and an update of a lease reads nothing from the medium.

use core::net::Ipv4Addr;

use dhcp_core::id::ClientKey;
use dhcp_core::server::book::Change;
use dhcp_core::time::Timestamp;

/// Where a record begins on the medium, in units of the journal's alignment (its word size, at least 4 octets).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub u32);

/// What a record written for an address now has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The client that has the address or had it last; none in quarantine. A record of another client is not kept: that client's claim is over.
    pub key: Option<ClientKey>,
    /// The end that is promised for a lease; in the past for a client that is only remembered; the end of a quarantine.
    pub until: Timestamp,
    /// Kept for its client although idle.
    pub pinned: bool,
}

/// The places of the current full records, one an address.
pub trait RecordIndex {
    /// Where the address's current full record begins; `None` when it has none.
    fn place(&self, address: Ipv4Addr) -> Option<Place>;

    /// Its current full record begins at `place` from now on; `None`: it has none any more. `false` when the address has no slot, so
    /// that its record is not worth keeping, or when the index is too narrow for the place.
    fn set_place(&mut self, address: Ipv4Addr, place: Option<Place>) -> bool;

    /// How many addresses have a record that begins somewhere.
    fn places(&self) -> u32;

    /// What the record of this address says now; `None` when there is nothing worth keeping, as when its last client has another address
    /// in the subnet by now: its old record, copied behind its new one, would take that away from it.
    fn recorded(&self, address: Ipv4Addr) -> Option<Recorded>;

    /// Whether both addresses have a slot in the same subnet, so that a client has only one of them.
    fn is_one_subnet(&self, one: Ipv4Addr, other: Ipv4Addr) -> bool;
}

/// Takes the changes that a journal reads back at start, oldest first, and keeps where their records are.
pub trait Replay: RecordIndex {
    /// The change as it was recorded. What is over by now is taken all the same: time is not known here, and sweeps come later.
    fn replay(&mut self, change: &Change<'_>);

    /// These changes come next. Whoever keeps many leases may fetch what it will need for all of them: memory is slow when each change waits for its own.
    fn expect<'c>(&self, _changes: impl Iterator<Item = &'c Change<'c>>) {}
}
