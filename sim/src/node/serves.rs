//! What does the world want of a server, whoever built it?

use core::fmt::Debug;
use core::net::Ipv4Addr;

use dhcp_core::server::book::{Entry, Standing};
use dhcp_core::server::config::{ServerConfig, SubnetIndex};
use dhcp_core::time::{Instant, Timestamp};

use super::Desk;
use crate::network::Site;
use crate::nor::Leaves;

/// What a server knows of an address, and how many addresses of each of its pools are nobody's, if it does nothing else meanwhile than what it is asked.
pub type Known = (Option<Entry>, Option<Vec<u32>>);

/// A server on a segment, with a flash that is all that outlives a power cut.
pub trait Serves: Debug {
    /// Its MAC address.
    fn mac(&self) -> [u8; 6];

    /// Whether it has this address.
    fn is_me(&self, address: Ipv4Addr) -> bool;

    /// Whether it has power.
    fn is_on(&self) -> bool;

    /// What it is told.
    fn config(&self) -> &'static ServerConfig<'static>;

    /// What it knows of an address, while it runs.
    fn entry_at(&self, address: Ipv4Addr, now: Instant) -> Option<Entry>;

    /// Whether it answers a message, and does nothing else, before it takes another. A board goes round its loop, and may first ask by ARP where the answer goes.
    fn is_prompt(&self) -> bool;

    /// How many addresses of the pool of a subnet are nobody's; none while it does not run.
    fn free_in(&self, subnet: SubnetIndex) -> u32;

    /// Loses the power, for `down_ms` milliseconds.
    fn off(&mut self, desk: &mut Desk<'_>, down_ms: u32);

    /// Loses the power while the flash makes the step after `steps` more.
    fn cut(&mut self, steps: u32, leaves: Leaves);

    /// The power is on, and no cut is to come.
    fn settle(&mut self, now: Instant);

    /// Its wall clock is set to so much ahead of the true time, if it has one and is on.
    fn set_clock(&mut self, ahead_secs: i32);

    /// Whether its lease clock jumped since this was asked last; what was only offered is free then.
    fn take_jumped(&mut self) -> bool;

    /// When it next has work.
    fn timeout(&self) -> Option<Instant>;

    /// Does what is due. `true` when it was switched on.
    ///
    /// # Panics
    /// When its flash cannot be read, or the next deadline is not later than now.
    fn wake(&mut self, desk: &mut Desk<'_>) -> bool;

    /// Takes a frame.
    fn receive(&mut self, desk: &mut Desk<'_>, port: usize, frame: &[u8]);

    /// What it knows of an address, and of its pools.
    fn known(&self, address: Ipv4Addr, now: Instant) -> Known {
        let subnets = (0..).map(SubnetIndex).take(self.config().subnets.len());
        let rooms = subnets.map(|subnet| self.free_in(subnet));
        let mut entry = self.entry_at(address, now);
        if let Some(entry) = &mut entry
            && matches!(entry.standing, Standing::Fresh | Standing::Idle)
        {
            // It means nothing then.
            entry.until = Timestamp::default();
        }
        (entry, self.is_prompt().then(|| rooms.collect()))
    }

    /// Whether a pool of this site has an address that is nobody's.
    fn has_room(&self, site: &Site) -> bool {
        let mut subnets = (0..).map(SubnetIndex).zip(self.config().subnets);
        subnets.any(|(place, subnet)| {
            site.contains(subnet.subnet.network()) && self.free_in(place) > 0
        })
    }
}
