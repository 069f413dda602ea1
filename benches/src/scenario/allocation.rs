//! What does an address cost? Every message that takes or gives one, at any occupancy of small and large pools.

use core::net::Ipv4Addr;

use super::pool::{LEASE_SECS, Pool, US, address_of, range, server_config, subnet_config};
use super::{Scale, Scenario};
use crate::checksum::Checksum;
use crate::packet::Request;

/// How many clients one run serves, if there are so many.
const BATCH: u32 = 64;

/// Clients from this number on have no lease.
const STRANGERS: u32 = 0x8000_0000;

/// Shows the scenarios of this file.
pub fn visit(scale: Scale, visit: &mut dyn FnMut(&str, &mut dyn Scenario)) {
    let sizes: &[u32] = match scale {
        Scale::Small => &[64, 1_024],
        Scale::Full => &[64, 1_024, 60_000, 1_000_000],
    };
    for size in sizes {
        let ranges = [range(*size)];
        let subnets = [subnet_config(&ranges)];
        let config = server_config(&subnets);
        let mut pool = Pool::new(&config, *size);
        visit_pool(&mut pool, visit);
    }
}

fn visit_pool(pool: &mut Pool<'_>, visit: &mut dyn FnMut(&str, &mut dyn Scenario)) {
    let size = pool.size();
    for percent in [0, 50, 99, 100] {
        let clients = u64::from(size) * percent / 100;
        pool.fill(u32::try_from(clients).unwrap_or(size));
        let place = |what: &str| format!("{what}, {size} addresses, {percent} %");
        visit(&place("DISCOVER to OFFER, new client"), &mut Newcomers::discover(pool));
        visit(&place("REQUEST to ACK, new client"), &mut Newcomers::request(pool));
    }
    let place = |what: &str| format!("{what}, {size} addresses, 100 %");
    visit(&place("renewal, recorded"), &mut Tenants::new(pool, Wish::Renew));
    visit(&place("renewal, within the promise"), &mut Tenants::new(pool, Wish::RenewAtOnce));
    visit(&place("INIT-REBOOT"), &mut Tenants::new(pool, Wish::Reboot));
    visit(&place("DISCOVER of a client that has a lease"), &mut Tenants::new(pool, Wish::Discover));
    visit(&place("DECLINE"), &mut Tenants::new(pool, Wish::Decline));
    visit(&place("RELEASE"), &mut Tenants::new(pool, Wish::Release));
    let mut storm = Storm { pool };
    storm.prepare();
    visit(&format!("expiry storm, each of {size} leases"), &mut storm);
}

/// Clients that were never seen; when the pool is full, they are answered with silence or a NAK.
#[derive(Debug)]
struct Newcomers<'p, 'c> {
    pool: &'p mut Pool<'c>,
    discovers: Vec<Vec<u8>>,
    /// What is sent in the run: the same, or a REQUEST each for what was offered.
    sent: Vec<Vec<u8>>,
    /// Whether offers are made before the run.
    offered: bool,
    /// The addresses that are nobody's.
    free: Vec<Ipv4Addr>,
}

impl<'p, 'c> Newcomers<'p, 'c> {
    fn batch(pool: &Pool<'_>) -> u32 {
        match pool.size() - pool.filled() {
            0 => BATCH,
            free => free.min(BATCH),
        }
    }

    fn discover(pool: &'p mut Pool<'c>) -> Self {
        let clients = STRANGERS..STRANGERS + Self::batch(pool);
        let discovers: Vec<_> = clients.map(|client| Request::discover(client).octets()).collect();
        let sent = discovers.clone();
        Self { free: Self::free(pool), pool, discovers, sent, offered: false }
    }

    fn request(pool: &'p mut Pool<'c>) -> Self {
        let free = Self::free(pool);
        let batch = Self::batch(pool);
        let mut this = Self { free, pool, discovers: vec![], sent: vec![], offered: true };
        for number in 0..batch {
            let client = STRANGERS + number;
            let discover = Request::discover(client).octets();
            let offered = this.pool.handle(&discover, false) & 0xffff_ffff;
            let offered = u32::try_from(offered).map_or(Ipv4Addr::UNSPECIFIED, Ipv4Addr::from_bits);
            // Without an offer it asks for what somebody else has.
            let asked = if offered.is_unspecified() { address_of(number) } else { offered };
            this.discovers.push(discover);
            this.sent.push(Request::select(client, asked, US).octets());
        }
        this
    }

    /// The addresses that the batch is served from: the lowest free ones.
    fn free(pool: &Pool<'_>) -> Vec<Ipv4Addr> {
        let filled = pool.filled();
        (filled..pool.size().min(filled + BATCH)).map(address_of).collect()
    }
}

impl Scenario for Newcomers<'_, '_> {
    fn operations(&self) -> u64 {
        self.sent.len() as u64
    }

    fn run(&mut self) -> u64 {
        let mut checksum = Checksum::new();
        for packet in &self.sent {
            checksum.add(self.pool.handle(packet, false));
        }
        checksum.get()
    }

    fn reset(&mut self) {
        for address in &self.free {
            self.pool.forget(*address);
        }
        if self.offered {
            for discover in &self.discovers {
                self.pool.handle(discover, false);
            }
        }
    }
}

impl Drop for Newcomers<'_, '_> {
    fn drop(&mut self) {
        for address in &self.free {
            self.pool.forget(*address);
        }
    }
}

/// What a client that has a lease wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    /// Half of its lease is over.
    Renew,
    /// It renews a lease that it was given a moment ago.
    RenewAtOnce,
    /// It comes back after a restart.
    Reboot,
    /// It comes back and remembers nothing.
    Discover,
    /// It found the address in use.
    Decline,
    /// It needs it no more.
    Release,
}

/// Clients from all over the pool that have leases.
#[derive(Debug)]
struct Tenants<'p, 'c> {
    pool: &'p mut Pool<'c>,
    wish: Wish,
    clients: Vec<u32>,
    sent: Vec<Vec<u8>>,
}

impl<'p, 'c> Tenants<'p, 'c> {
    fn new(pool: &'p mut Pool<'c>, wish: Wish) -> Self {
        let stride = (pool.filled() / BATCH).max(1);
        let clients: Vec<u32> = (0..BATCH.min(pool.filled())).map(|place| place * stride).collect();
        let message = |client: &u32| {
            let (client, address) = (*client, address_of(*client));
            match wish {
                Wish::Renew | Wish::RenewAtOnce => Request::renew(client, address),
                Wish::Reboot => Request::reboot(client, address),
                Wish::Discover => Request::discover(client),
                Wish::Decline => Request::decline(client, address, US),
                Wish::Release => Request::release(client, address, US),
            }
        };
        let sent = clients.iter().map(|client| message(client).octets()).collect();
        let mut this = Self { pool, wish, clients, sent };
        this.reset();
        this
    }
}

impl Scenario for Tenants<'_, '_> {
    fn operations(&self) -> u64 {
        self.sent.len() as u64
    }

    fn run(&mut self) -> u64 {
        let mut checksum = Checksum::new();
        let unicast = matches!(self.wish, Wish::Renew | Wish::RenewAtOnce | Wish::Release);
        for packet in &self.sent {
            checksum.add(self.pool.handle(packet, unicast));
        }
        checksum.get()
    }

    fn reset(&mut self) {
        let age = match self.wish {
            Wish::RenewAtOnce => 0,
            Wish::Renew | Wish::Reboot | Wish::Discover | Wish::Decline | Wish::Release => {
                LEASE_SECS / 2
            }
        };
        for client in &self.clients {
            self.pool.bind(*client, age);
        }
    }
}

impl Drop for Tenants<'_, '_> {
    fn drop(&mut self) {
        for client in &self.clients {
            self.pool.bind(*client, 0);
        }
    }
}

/// All leases of a full pool end at once.
#[derive(Debug)]
struct Storm<'p, 'c> {
    pool: &'p mut Pool<'c>,
}

impl Scenario for Storm<'_, '_> {
    fn operations(&self) -> u64 {
        u64::from(self.pool.filled())
    }

    fn run(&mut self) -> u64 {
        while self.pool.poll() {}
        0
    }

    fn reset(&mut self) {
        let bound = self.pool.bound();
        assert!(bound == 0, "{bound} leases outlived their end");
        self.prepare();
    }
}

impl Storm<'_, '_> {
    /// Everybody has a lease, and it is over; the server has not looked yet.
    fn prepare(&mut self) {
        (0..self.pool.filled()).for_each(|client| self.pool.bind(client, 0));
        self.pool.pass_lease_time();
    }
}
