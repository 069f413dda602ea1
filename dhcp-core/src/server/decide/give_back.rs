//! Who may give an address back? DECLINE and RELEASE: RFC 2131 sections 4.3.3 and 4.3.4, Table 5.

use super::{Case, Verdict};
use crate::server::Discard;
use crate::server::book::{Change, Entry, LeaseBook, Standing};

impl<B: LeaseBook> Case<'_, '_, '_, B> {
    /// The client found somebody else at the address. Only the client that has it or is offered it can say so, else any stranger could
    /// empty the pool.
    pub(super) fn decline(&mut self) -> Result<Verdict, Discard> {
        let address = self.message.requested_ip().ok_or(Discard::NoAddress)?;
        let server_id = self.message.server_id().ok_or(Discard::NoServerId)?;
        if !self.names_us(server_id) {
            return Err(Discard::OtherServerChosen);
        }
        let entry = self.own_entry(address)?;
        let until = self.now.plus_secs(self.config.quarantine_secs);
        let done = self.book.quarantine(address, until, self.now);
        assert!(done, "the book can quarantine an address that it speaks of");
        self.record = Some(Change::Quarantine { address, until });
        Ok(Verdict::Declined(entry.subnet, address))
    }

    /// The client needs its address no more; it is remembered, and gets it back when it asks again and nobody needed it.
    pub(super) fn release(&mut self) -> Result<Verdict, Discard> {
        let address = self.message.ciaddr();
        if address.is_unspecified() {
            return Err(Discard::NoAddress);
        }
        if self.message.server_id().is_some_and(|server_id| !self.names_us(server_id)) {
            return Err(Discard::OtherServerChosen);
        }
        let entry = self.own_entry(address)?;
        let key = entry.key.ok_or(Discard::NotOwner)?;
        let done = self.book.release(address, &key, self.now);
        assert!(done, "the book can release a lease from the client that it says has it");
        self.record = Some(Change::Release { address });
        Ok(Verdict::Released(entry.subnet, address))
    }

    /// The client's living lease or offer at this address.
    fn own_entry(&self, address: core::net::Ipv4Addr) -> Result<Entry, Discard> {
        let entry = self.entry_at(address);
        let (_, config) = self
            .subnet_around(address, entry.as_ref().map(|entry| entry.subnet))
            .ok_or(Discard::OtherSegment)?;
        self.check_link(config)?;
        let entry = entry.ok_or(Discard::NotOwner)?;
        let living = matches!(entry.standing, Standing::Offered | Standing::Bound);
        if living && self.client.owns(&entry) { Ok(entry) } else { Err(Discard::NotOwner) }
    }
}
