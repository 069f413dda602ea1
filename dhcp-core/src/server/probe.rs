//! Which free addresses does somebody use already? The few that would be offered next are probed ahead of time, so that no OFFER waits.
//!
//! An address is asked about by ARP where its subnet is attached, by ICMP echo where it is reached through relay agents (RFC 2131 section
//! 2.2: the server should probe the reused address). An address that stays quiet is good for [`QUIET_MS`]. An OFFER of an address that
//! nobody asked about yet, as in a burst, goes out at once and is probed in the same moment: an answer before the REQUEST
//! leads to a NAK. There is room for [`VETTING_MAX`] addresses; beyond that, offers go out unprobed and are counted.
//!
//! This file knows which addresses are asked about; what an answer means is decided in `handle.rs`.

use core::net::Ipv4Addr;

use crate::server::config::{Link, ServerConfig, SubnetConfig, SubnetIndex};
use crate::time::Instant;

/// How many addresses can be asked about at once or known to be quiet.
pub const VETTING_MAX: usize = 64;

/// How many addresses of a subnet are probed ahead of time at most; fewer where there are many subnets.
const AHEAD_MAX: usize = 8;

/// How long an answer on the segment may take, in milliseconds. Hosts answer ARP within a few; those that sleep, within some hundreds.
const ARP_WAIT_MS: u64 = 500;

/// How long an answer through relay agents and routers may take, in milliseconds.
const ICMP_WAIT_MS: u64 = 1_000;

/// How long an address that nobody answered for counts as free, in milliseconds.
const QUIET_MS: u64 = 60_000;

/// How often the next addresses are looked up, in milliseconds, when no offer was made meanwhile.
const PERIOD_MS: u64 = 1_000;

/// How soon the look goes on when there are more subnets than one call looks at, in milliseconds.
const AGAIN_MS: u64 = 20;

/// How many subnets one call looks at.
const SUBNETS_MAX: usize = 4;

/// Ask whether anybody uses an address. The answer, if there is one, goes to [`Server::heard`](super::Server::heard).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use]
pub struct Probe {
    /// Which address.
    pub address: Ipv4Addr,
    /// How to ask.
    pub via: Via,
}

/// How an address is probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Via {
    /// An ARP probe on this segment (RFC 5227 section 2.1.1).
    Arp(Link),
    /// An ICMP echo request, routed: the subnet is reached through relay agents.
    Icmp,
}

impl Via {
    fn to(subnet: &SubnetConfig<'_>) -> Self {
        subnet.link.map_or(Self::Icmp, Self::Arp)
    }

    const fn wait_ms(self) -> u64 {
        match self {
            Self::Arp(_) => ARP_WAIT_MS,
            Self::Icmp => ICMP_WAIT_MS,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// To be asked about.
    Wanted,
    /// Asked about; answers may still come.
    Asked { until: Instant },
    /// Nobody answered.
    Quiet { until: Instant },
}

#[derive(Clone, Copy, Debug)]
struct Vet {
    address: Ipv4Addr,
    subnet: SubnetIndex,
    stage: Stage,
}

/// The addresses that are asked about or known to be quiet.
#[derive(Clone, Debug)]
pub(super) struct Vetting {
    vets: [Option<Vet>; VETTING_MAX],
    /// The places up to the last that is taken: nothing is behind it.
    used: usize,
    /// How many addresses of each subnet are probed ahead of time; 0 when no subnet wants it.
    ahead: usize,
    /// The subnet that is looked at next, and how many remain in this round.
    next: u16,
    remaining: usize,
    look_at: Option<Instant>,
}

impl Vetting {
    pub(super) fn new(config: &ServerConfig<'_>) -> Self {
        let probing = config.subnets.iter().filter(|subnet| subnet.probe).count();
        let ahead = (VETTING_MAX / 2).checked_div(probing).unwrap_or(0);
        Self {
            vets: [None; VETTING_MAX],
            used: 0,
            ahead: if probing == 0 { 0 } else { ahead.clamp(1, AHEAD_MAX) },
            next: 0,
            remaining: config.subnets.len(),
            look_at: (probing > 0).then_some(Instant::ZERO),
        }
    }

    /// When there is something to look up.
    pub(super) const fn look_at(&self) -> Option<Instant> {
        self.look_at
    }

    /// The subnet of an address that is asked about or known to be quiet.
    pub(super) fn subnet_of(&self, address: Ipv4Addr) -> Option<SubnetIndex> {
        let used = self.vets.get(..self.used).unwrap_or_default();
        used.iter().flatten().find(|vet| vet.address == address).map(|vet| vet.subnet)
    }

    pub(super) fn forget(&mut self, address: Ipv4Addr) {
        self.retain(|vet| vet.address != address);
    }

    /// An address was offered. `false` when it should be asked about and there is no room.
    pub(super) fn offered(&mut self, now: Instant, address: Ipv4Addr, subnet: SubnetIndex) -> bool {
        // What comes after it is to be looked up soon.
        self.look_at = Some(now);
        self.next = subnet.0;
        self.remaining = self.remaining.max(1);
        self.subnet_of(address).is_some() || self.want(address, subnet, true)
    }

    /// The next probe to be sent.
    pub(super) fn next_probe(&mut self, now: Instant, config: &ServerConfig<'_>) -> Option<Probe> {
        let vet = self.used_mut().iter_mut().flatten().find(|vet| vet.stage == Stage::Wanted)?;
        let via = Via::to(config.subnets.get(usize::from(vet.subnet.0))?);
        vet.stage = Stage::Asked { until: now.plus_millis(via.wait_ms()) };
        Some(Probe { address: vet.address, via })
    }

    /// A bounded piece of work: addresses that stayed quiet become so, those that somebody got are forgotten, and a few
    /// subnets are looked at. `candidates` are the addresses of a subnet that come next; `is_free` tells whether an address is nobody's yet.
    pub(super) fn look(
        &mut self,
        now: Instant,
        config: &ServerConfig<'_>,
        is_free: impl Fn(Ipv4Addr) -> bool,
        candidates: impl Fn(SubnetIndex, &mut [Ipv4Addr]) -> usize,
    ) {
        for vet in self.used_mut().iter_mut().flatten() {
            if let Stage::Asked { until } = vet.stage
                && until <= now
            {
                vet.stage = Stage::Quiet { until: until.plus_millis(QUIET_MS) };
            }
        }
        self.retain(|vet| match vet.stage {
            Stage::Quiet { until } => until > now && is_free(vet.address),
            Stage::Wanted | Stage::Asked { .. } => true,
        });
        for _ in 0..self.remaining.min(SUBNETS_MAX) {
            let place = usize::from(self.next);
            if config.subnets.get(place).is_some_and(|subnet| subnet.probe) {
                let mut next = [Ipv4Addr::UNSPECIFIED; AHEAD_MAX];
                let next = next.get_mut(..self.ahead).unwrap_or_default();
                let found = candidates(SubnetIndex(self.next), next);
                for address in next.iter().take(found) {
                    if self.subnet_of(*address).is_none() {
                        self.want(*address, SubnetIndex(self.next), false);
                    }
                }
            }
            let last = place + 1 >= config.subnets.len();
            self.next = if last { 0 } else { self.next.saturating_add(1) };
            self.remaining -= 1;
        }
        let more = self.remaining > 0;
        if !more {
            self.remaining = config.subnets.len();
        }
        self.look_at = Some(now.plus_millis(if more { AGAIN_MS } else { PERIOD_MS }));
    }

    /// Takes a place for an address; `displace`: that of the one that is quiet for longest, if there is no other.
    fn want(&mut self, address: Ipv4Addr, subnet: SubnetIndex, displace: bool) -> bool {
        let vet = Vet { address, subnet, stage: Stage::Wanted };
        let free = self.used_mut().iter().position(Option::is_none).unwrap_or(self.used);
        if let Some(place) = self.vets.get_mut(free) {
            *place = Some(vet);
            self.used = self.used.max(free + 1);
            return true;
        }
        let quiet = self.vets.iter_mut().flatten().filter_map(|vet| match vet.stage {
            Stage::Quiet { until } => Some((until, vet)),
            Stage::Wanted | Stage::Asked { .. } => None,
        });
        let oldest = quiet.min_by_key(|(until, _)| *until).filter(|_| displace);
        match oldest {
            Some((_, place)) => {
                *place = vet;
                true
            }
            None => false,
        }
    }

    fn used_mut(&mut self) -> &mut [Option<Vet>] {
        self.vets.get_mut(..self.used).unwrap_or_default()
    }

    fn retain(&mut self, keep: impl Fn(&Vet) -> bool) {
        let mut used = 0;
        for (number, place) in (1..).zip(self.used_mut()) {
            if place.as_ref().is_some_and(&keep) {
                used = number;
            } else {
                *place = None;
            }
        }
        self.used = used;
    }
}
