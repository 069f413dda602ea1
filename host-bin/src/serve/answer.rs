//! What does the running server answer other programs? One arm for each request of the control protocol, with the whole server at hand.
//!
//! What changes a lease here is recorded as a client's request is: [`Engine::record`](crate::serve::engine::Engine::record), then
//! [`Engine::commit`](crate::serve::engine::Engine::commit), and only what that returns lets the answer leave.

use core::net::Ipv4Addr;

use dhcp_core::server::book::{Entry, LeaseBook as _, Standing};
use dhcp_core::time::{Instant, Timestamp};

use crate::config::render::{Place, Rendered};
use crate::control::protocol::{
    Counter, LEASES_MAX, Lease, LeaseState, Request, Response, Stats, SubnetStats,
};
use crate::control::server::{parse, written};
use crate::serve::HostEngine;
use crate::serve::clock::wall;
use crate::serve::events::Named;
use crate::serve::intake::IntakeCounters;
use crate::serve::interfaces::Known;
use crate::serve::ports::PortCounters;

/// What a request can be about.
#[derive(Debug)]
pub(crate) struct Answering<'a, 'c> {
    pub(crate) now: Instant,
    pub(crate) engine: &'a mut HostEngine<'c>,
    pub(crate) rendered: &'a Rendered,
    pub(crate) known: &'a Known,
    pub(crate) intake: &'a IntakeCounters,
    pub(crate) ports: &'a PortCounters,
}

impl Answering<'_, '_> {
    /// A line for a line.
    pub(crate) fn answer(&mut self, line: &[u8]) -> Vec<u8> {
        written(&match parse(line) {
            Ok(Request::Stats {}) => Response::Stats(self.stats()),
            Ok(Request::Leases { after }) => self.leases(after),
            Ok(Request::Lease(named)) => self.lease_for(&named),
            Ok(Request::Release(named)) => self.release_for(&named),
            Ok(Request::Reserve(named)) => self.reserve_for(&named),
            Ok(Request::Unreserve(named)) => self.unreserve_for(&named),
            Ok(Request::Mac(named)) => self.mac_for(&named),
            Err(message) => Response::Error { message },
        })
    }

    fn stats(&self) -> Stats {
        let server = self.engine.server();
        let counted = server.stats().iter();
        let mut counters =
            counted.map(|one| counter(one.group.name(), one.name, one.count)).collect::<Vec<_>>();
        let record = self.engine.counters();
        let usage = self.engine.log().0.usage();
        let geometry = self.engine.log().0.geometry();
        let IntakeCounters { arrived, coalesced, stale, overflowed, oversized } = *self.intake;
        let PortCounters { sent, unsent, receive_errors, foreign_vlan, not_for_us, damaged } =
            *self.ports;
        let census = server.book().census();
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        counters.extend([
            counter("intake", "arrived", arrived),
            counter("intake", "coalesced", coalesced),
            counter("intake", "stale", stale),
            counter("intake", "overflowed", overflowed),
            counter("intake", "oversized", oversized),
            counter("port", "sent", sent),
            counter("port", "unsent", unsent),
            counter("port", "receive-errors", receive_errors),
            counter("port", "foreign-vlan", foreign_vlan),
            counter("port", "not-for-us", not_for_us),
            counter("port", "damaged", damaged),
            counter("record", "appended", record.appended),
            counter("record", "synced", record.synced),
            counter("record", "failed", record.failed),
            counter("record", "withheld", record.withheld),
            counter("journal", "live-records", usage.live.into()),
            counter("journal", "live-octets", usage.live_octets()),
            counter(
                "journal",
                "octets",
                u64::from(geometry.sectors) * u64::from(geometry.sector_len),
            ),
            counter("journal", "sectors-begun", usage.sectors_begun.into()),
            counter("journal", "sectors-erased", usage.sectors_erased.into()),
            counter("address", "fresh", count(census.fresh)),
            counter("address", "offered", count(census.offered)),
            counter("address", "bound", count(census.bound)),
            counter("address", "idle", count(census.idle)),
            counter("address", "quarantined", count(census.quarantined)),
        ]);
        Stats {
            program: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_secs: self.now.as_secs(),
            record_failing: self.engine.is_failing(),
            counters,
            subnets: self.subnets(),
        }
    }

    fn subnets(&self) -> Vec<SubnetStats> {
        let book = self.engine.server().book();
        let indexed = (0..).zip(self.rendered.subnets());
        let stats = indexed.map(|(index, subnet)| {
            let (free, addresses) = book.room(dhcp_core::server::config::SubnetIndex(index));
            let link = match &subnet.place {
                Place::On(link) => Some(Named(self.known, *link).to_string()),
                Place::Waiting(_) | Place::Relayed => None,
            };
            SubnetStats { subnet: subnet.net.to_string(), link, free, addresses }
        });
        stats.collect()
    }

    fn leases(&self, after: Option<Ipv4Addr>) -> Response {
        let time = self.engine.server().time(self.now);
        let book = self.engine.server().book();
        let wanted = |entry: &Entry| {
            let is_known = entry.key.is_some() || entry.standing == Standing::Quarantined;
            is_known && after.is_none_or(|after| entry.address > after)
        };
        let mut entries = book.entries(time).filter(wanted).collect::<Vec<_>>();
        entries.sort_unstable_by_key(|entry| entry.address);
        let more = entries.len() > LEASES_MAX;
        entries.truncate(LEASES_MAX);
        let next = entries.last().map(|entry| entry.address).filter(|_| more);
        // The lease clock may be behind; people want to know when it ends by theirs.
        let behind = wall().map_or(0, |wall| wall.as_secs().saturating_sub(time.as_secs()));
        let leases = entries.iter().map(|entry| self.lease(entry, behind)).collect();
        Response::Leases { leases, next }
    }

    fn lease(&self, entry: &Entry, behind: u32) -> Lease {
        let subnet = self.rendered.subnets().get(usize::from(entry.subnet.0));
        let until = entry.until.plus_secs(behind);
        Lease {
            address: entry.address,
            mac: entry.hardware.map(|hardware| hardware.to_string()),
            client_id: None,
            name: None,
            state: match entry.standing {
                Standing::Offered => LeaseState::Offered,
                Standing::Bound => LeaseState::Bound,
                Standing::Fresh | Standing::Idle => LeaseState::Idle,
                Standing::Quarantined => LeaseState::Quarantined,
            },
            until: Some(until).filter(|until| *until != Timestamp::NEVER).map(Timestamp::as_secs),
            subnet: subnet.map(|subnet| subnet.net.to_string()),
            pinned: entry.pinned,
        }
    }
}

fn counter(group: &str, name: &str, count: u64) -> Counter {
    Counter { group: group.to_owned(), name: name.to_owned(), count }
}
