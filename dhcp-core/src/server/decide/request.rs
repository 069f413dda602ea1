//! Does the client get what it requests? RFC 2131 section 4.3.2: one message type that means four things.

use core::net::Ipv4Addr;

use super::discover::Known;
use super::{Case, Terms, Verdict};
use crate::id::ClientKey;
use crate::server::book::{Change, Holding, LeaseBook, Seen, Standing};
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

impl<'a, B: LeaseBook> Case<'a, '_, '_, B> {
    pub(super) fn request(&mut self) -> Result<Verdict, Discard> {
        let (intent, address) = self.intent()?;
        let client = self.client;
        let there = self.look(address, &client.key);
        let of = there.as_ref().map(|(seen, _)| seen.holding.subnet);
        let Some((subnet, config)) = self.subnet_around(address, of) else {
            let (home, _) = self.segment.home();
            return self.refuse(intent, home, address, Refusal::WrongNetwork);
        };
        let Some((Seen { holding, until, own }, spot)) = &there else {
            return self.refuse(intent, subnet, address, Refusal::NotAvailable);
        };
        // What the client's own address is kept under: hardly ever another key than its own.
        let other = if *own { None } else { self.other_key(holding) };
        let own = if *own { Some(&client.key) } else { other.as_ref() };
        if let Some(refusal) = self.objection(holding, own.is_some(), subnet, config) {
            match refusal {
                // The client keeps its lease until it is granted the other address: the NAK may not reach it, and then it still uses this one.
                Refusal::OtherAddress => {}
                Refusal::NotAvailable
                | Refusal::NotServed
                | Refusal::NotYours
                | Refusal::ReservedForAnother
                | Refusal::WrongNetwork => self.end(holding, own),
            }
            return self.refuse(intent, subnet, address, refusal);
        }
        let key = match own {
            Some(own) => self.key_of_own(holding, own),
            None => self.key_of_unclaimed(intent, address)?,
        };
        let Some(key) = key else {
            return self.refuse(intent, subnet, address, Refusal::OtherAddress);
        };
        if !self.serves(config) {
            self.end(holding, own);
            let refused = self.refuse(intent, subnet, address, Refusal::NotServed);
            return refused.map_err(|_| Discard::UnknownClient);
        }
        let terms = Terms { address, subnet, time: self.lease_time(config) };
        let pinned = self.is_pinned(holding, || own == Some(key));
        // What is bound is the client's own here, and stays under the key that it has.
        let before = (holding.standing == Standing::Bound).then_some(*until);
        match self.grant(&terms, *spot, key, pinned, before) {
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

    /// The key of the client's own address that the book does not keep under [`Client::key`](crate::server::who::Client::key).
    fn other_key(&self, there: &Holding) -> Option<ClientKey> {
        match there.standing {
            Standing::Fresh | Standing::Quarantined => None,
            Standing::Offered | Standing::Bound | Standing::Idle => {
                let entry = self.entry_at(there.address)?;
                entry.key.filter(|_| self.client.owns(&entry))
            }
        }
    }

    /// What stands against the address, whoever asks or because of who asks.
    fn objection(
        &self,
        there: &Holding,
        own: bool,
        subnet: SubnetIndex,
        config: &SubnetConfig<'_>,
    ) -> Option<Refusal> {
        match there.standing {
            Standing::Quarantined => return Some(Refusal::NotAvailable),
            Standing::Offered | Standing::Bound if !own => return Some(Refusal::NotYours),
            Standing::Idle if there.pinned && !own => return Some(Refusal::NotYours),
            Standing::Offered | Standing::Bound | Standing::Idle | Standing::Fresh => {}
        }
        if self.is_reserved_for_another(there) {
            return Some(Refusal::ReservedForAnother);
        }
        if !self.is_lawful(subnet, config, there.address) {
            return Some(Refusal::NotAvailable);
        }
        // Users expect that a new reservation moves the client at its next renewal; but not to where it cannot go.
        let (_, reserved) = self.reserved()?;
        let moves = reserved != there.address
            && self.entry_at(reserved).is_some_and(|entry| match entry.standing {
                Standing::Fresh => true,
                Standing::Idle => !entry.pinned || self.client.owns(&entry),
                Standing::Offered | Standing::Bound => self.client.owns(&entry),
                Standing::Quarantined => false,
            });
        moves.then_some(Refusal::OtherAddress)
    }

    /// The key to grant the client's own address under, which is kept under `own`; `None` when it has a living one elsewhere that counts more.
    #[inline]
    fn key_of_own<'k>(&mut self, there: &Holding, own: &'k ClientKey) -> Option<&'k ClientKey>
    where
        'a: 'k,
    {
        match there.standing {
            Standing::Bound => Some(own),
            Standing::Offered if *own == self.client.key => Some(own),
            Standing::Offered | Standing::Idle | Standing::Fresh | Standing::Quarantined => {
                self.key_of_one(there, own)
            }
        }
    }

    /// As [`Self::key_of_own`], of an address that may not be the only one that the client has.
    #[cold]
    #[inline(never)]
    fn key_of_one<'k>(&mut self, there: &Holding, own: &'k ClientKey) -> Option<&'k ClientKey>
    where
        'a: 'k,
    {
        if !self.lives_elsewhere(there.address) {
            return Some(own);
        }
        if there.standing != Standing::Offered {
            return None;
        }
        // Offered to the hardware address, requested with a client identifier that has another lease. One client has one
        // lease: the new address moves over to the key of the old lease, which ends with that.
        self.book.release(there.address, own, self.now);
        Some(&self.client.key)
    }

    /// The key to grant an address under that is in a pool and nobody's; `None` when the client has another one.
    ///
    /// A client that chose us or renews with us had the address from us: the offer ran out or was lost with a restart, or the
    /// record was lost. A client that asks all servers may have it from any of them, and we stay silent.
    fn key_of_unclaimed(
        &self,
        intent: Intent,
        address: Ipv4Addr,
    ) -> Result<Option<&'a ClientKey>, Discard> {
        match intent {
            Intent::Select | Intent::Renew => {
                Ok((!self.lives_elsewhere(address)).then_some(&self.client.key))
            }
            Intent::Reboot | Intent::Rebind if self.held().is_some() => Ok(None),
            Intent::Reboot | Intent::Rebind => Err(Discard::NoRecord),
        }
    }

    /// Whether the client has a living lease or offer at another address of the segment.
    fn lives_elsewhere(&self, address: Ipv4Addr) -> bool {
        self.held().is_some_and(|held| held.is_living() && held.address != address)
    }

    /// Ends what the client has at an address that it is about to be refused, and that is kept for it under `own`.
    fn end(&mut self, there: &Holding, own: Option<&ClientKey>) {
        let Some(own) = own.filter(|_| there.is_living()) else { return };
        let released = self.book.release(there.address, own, self.now);
        if released && there.standing == Standing::Bound {
            self.record = Some(Change::Release { address: there.address });
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
