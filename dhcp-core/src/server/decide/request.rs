//! Does the client get what it requests? RFC 2131 section 4.3.2: one message type that means four things.

use core::net::Ipv4Addr;

use super::discover::Known;
use super::{Case, Terms, Verdict};
use crate::id::ClientKey;
use crate::server::book::{Change, Entry, LeaseBook, Standing};
use crate::server::config::{SubnetConfig, SubnetIndex};
use crate::server::{Discard, Refusal};

/// What a REQUEST means; RFC 2131 section 4.3.2 and Table 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Intent {
    /// SELECTING: the client takes our offer. Option 54 is set.
    Select,
    /// INIT-REBOOT: the client remembers an address. Option 50 is set, 54 and `ciaddr` are not.
    Reboot,
    /// RENEWING: `ciaddr` is set, and the message was sent to us.
    Renew,
    /// REBINDING: `ciaddr` is set, and the message was sent to all.
    Rebind,
}

impl<B: LeaseBook> Case<'_, '_, '_, B> {
    pub(super) fn request(&mut self) -> Result<Verdict, Discard> {
        let (intent, address) = self.intent()?;
        let entry = self.entry_at(address);
        let Some((subnet, config)) = self.subnet_around(address, entry.as_ref()) else {
            let (home, _) = self.segment.home();
            return self.refuse(intent, home, address, Refusal::WrongNetwork);
        };
        let Some(entry) = &entry else {
            return self.refuse(intent, subnet, address, Refusal::NotAvailable);
        };
        let own = self.client.owns(entry);
        if let Some(refusal) = self.objection(entry, own, subnet, config) {
            match refusal {
                // The client keeps its lease until it is granted the other address: the NAK may not reach it, and then it still uses this one.
                Refusal::OtherAddress => {}
                Refusal::NotAvailable
                | Refusal::NotServed
                | Refusal::NotYours
                | Refusal::ReservedForAnother
                | Refusal::WrongNetwork => self.end(entry),
            }
            return self.refuse(intent, subnet, address, refusal);
        }
        let key = if own { self.key_of_own(entry)? } else { self.key_of_unclaimed(intent, entry)? };
        let Some(key) = key else {
            return self.refuse(intent, subnet, address, Refusal::OtherAddress);
        };
        if !self.serves(config) {
            self.end(entry);
            let refused = self.refuse(intent, subnet, address, Refusal::NotServed);
            return refused.map_err(|_| Discard::UnknownClient);
        }
        let terms = Terms { address, subnet, time: self.lease_time(config) };
        let pinned = self.is_pinned(entry, &key);
        // What is bound is the client's own here, and stays under the key that it has.
        let before = (entry.standing == Standing::Bound).then_some(entry.until);
        match self.grant(&terms, key, pinned, before) {
            Ok(()) => Ok(Verdict::Ack(terms)),
            Err(why) => self.refuse(intent, subnet, address, Self::refusal_for(why)),
        }
    }

    /// What the REQUEST means, and for which address.
    fn intent(&mut self) -> Result<(Intent, Ipv4Addr), Discard> {
        let ciaddr = Some(self.message.ciaddr()).filter(|ciaddr| !ciaddr.is_unspecified());
        let requested = self.message.requested_ip();
        if let Some(server_id) = self.message.server_id() {
            if !self.names_us(server_id) {
                self.withdraw_offer();
                return Err(Discard::OtherServerChosen);
            }
            // Some clients name the server when they renew, where only `ciaddr` belongs.
            return Ok((Intent::Select, requested.or(ciaddr).ok_or(Discard::NoAddress)?));
        }
        match (ciaddr, requested) {
            (Some(ciaddr), _) if self.ingress.unicast && self.message.giaddr().is_unspecified() => {
                Ok((Intent::Renew, ciaddr))
            }
            (Some(ciaddr), _) => Ok((Intent::Rebind, ciaddr)),
            (None, Some(requested)) => Ok((Intent::Reboot, requested)),
            (None, None) => Err(Discard::NoAddress),
        }
    }

    /// The client chose another server; what we held for it is free again.
    fn withdraw_offer(&mut self) {
        let Known { key, held, .. } = self.known_at(self.message.requested_ip());
        if let Some(held) = held
            && held.standing == Standing::Offered
            // What is kept for a name stays so; only the offer of it ends, by itself.
            && !held.pinned
        {
            self.book.release(held.address, &key, self.now);
        }
    }

    /// What stands against the address, whoever asks or because of who asks.
    fn objection(
        &self,
        entry: &Entry,
        own: bool,
        subnet: SubnetIndex,
        config: &SubnetConfig<'_>,
    ) -> Option<Refusal> {
        match entry.standing {
            Standing::Quarantined => return Some(Refusal::NotAvailable),
            Standing::Offered | Standing::Bound if !own => return Some(Refusal::NotYours),
            Standing::Idle if entry.pinned && !own => return Some(Refusal::NotYours),
            Standing::Offered | Standing::Bound | Standing::Idle | Standing::Fresh => {}
        }
        if self.is_reserved_for_another(&entry.holding()) {
            return Some(Refusal::ReservedForAnother);
        }
        if !self.is_lawful(subnet, config, entry.address) {
            return Some(Refusal::NotAvailable);
        }
        // Users expect that a new reservation moves the client at its next renewal; but not to where it cannot go.
        let (_, reserved) = self.reserved()?;
        let moves = reserved != entry.address
            && self.entry_at(reserved).is_some_and(|there| match there.standing {
                Standing::Fresh => true,
                Standing::Idle => !there.pinned || self.client.owns(&there),
                Standing::Offered | Standing::Bound => self.client.owns(&there),
                Standing::Quarantined => false,
            });
        moves.then_some(Refusal::OtherAddress)
    }

    /// The key to grant the client's own address under; `None` when it has a living one elsewhere that counts more.
    fn key_of_own(&mut self, entry: &Entry) -> Result<Option<ClientKey>, Discard> {
        let key = entry.key.ok_or(Discard::NoRecord)?;
        match entry.standing {
            Standing::Bound => return Ok(Some(key)),
            Standing::Offered if key == self.client.key => return Ok(Some(key)),
            Standing::Offered | Standing::Idle | Standing::Fresh | Standing::Quarantined => {}
        }
        let Some(other) = self.living_elsewhere(entry.address) else { return Ok(Some(key)) };
        if entry.standing != Standing::Offered {
            return Ok(None);
        }
        // Offered to the hardware address, requested with a client identifier that has another lease. One client has one
        // lease: the new address moves over to the key of the old lease, which ends with that.
        self.book.release(entry.address, &key, self.now);
        Ok(Some(other))
    }

    /// The key to grant an address under that is in a pool and nobody's; `None` when the client has another one.
    ///
    /// A client that chose us or renews with us had the address from us: the offer ran out or was lost with a restart, or the
    /// record was lost. A client that asks all servers may have it from any of them, and we stay silent.
    fn key_of_unclaimed(
        &self,
        intent: Intent,
        entry: &Entry,
    ) -> Result<Option<ClientKey>, Discard> {
        match intent {
            Intent::Select | Intent::Renew => {
                let other = self.living_elsewhere(entry.address);
                Ok(if other.is_some() { None } else { Some(self.client.key) })
            }
            Intent::Reboot | Intent::Rebind if self.held().is_some() => Ok(None),
            Intent::Reboot | Intent::Rebind => Err(Discard::NoRecord),
        }
    }

    /// The key of the client's living lease or offer at another address of the segment.
    fn living_elsewhere(&self, address: Ipv4Addr) -> Option<ClientKey> {
        let held = self.held()?;
        (held.is_living() && held.address != address).then_some(self.client.key)
    }

    /// Ends what the client has at an address that it is about to be refused.
    fn end(&mut self, entry: &Entry) {
        let Some(key) = entry.key.filter(|_| self.client.owns(entry)) else { return };
        let released = match entry.standing {
            Standing::Bound | Standing::Offered => self.book.release(entry.address, &key, self.now),
            Standing::Fresh | Standing::Idle | Standing::Quarantined => false,
        };
        if released && entry.standing == Standing::Bound {
            self.record = Some(Change::Release { address: entry.address });
        }
    }

    /// A NAK, if it is ours to send: the client chose us or renews with us, we know it, or we are the authority on its network.
    fn refuse(
        &self,
        intent: Intent,
        subnet: SubnetIndex,
        address: Ipv4Addr,
        refusal: Refusal,
    ) -> Result<Verdict, Discard> {
        let addressed = match intent {
            Intent::Select | Intent::Renew => true,
            Intent::Reboot | Intent::Rebind => false,
        };
        let authoritative = self.segment.get(subnet).is_some_and(|config| config.authoritative);
        let known = || {
            self.held().is_some()
                || self.entry_at(address).is_some_and(|entry| self.client.owns(&entry))
        };
        if addressed || authoritative || self.record.is_some() || known() {
            return Ok(Verdict::Nak(subnet, address, refusal));
        }
        Err(Discard::NotAuthoritative)
    }
}
