//! Is the address somebody else's? Address conflict detection (RFC 5227) with ARP packets as inputs and outputs.
//!
//! A [`Watch`] follows one address: it probes before the address is used, announces it, and defends it once while it is used. It
//! knows neither DHCP nor frames. What [`Watch::handle_arp`] and [`Watch::handle_timeout`] return is all that it can do.

use core::net::Ipv4Addr;

use crate::rng::Rng;
use crate::time::Instant;
use crate::wire::frame::arp::Arp;

/// RFC 5227 section 1.1: after so many conflicts, an interface takes new addresses only at [`RATE_LIMIT_SECS`].
pub const CONFLICTS_MAX: u8 = 10;

/// RFC 5227 section 1.1, `RATE_LIMIT_INTERVAL`: seconds between attempts after [`CONFLICTS_MAX`] conflicts.
pub const RATE_LIMIT_SECS: u32 = 60;

/// RFC 5227 section 1.1, `DEFEND_INTERVAL`: a second conflict within so many seconds is not defended against.
pub const DEFEND_INTERVAL_SECS: u32 = 10;

/// How carefully an address is checked before it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Acd {
    /// As RFC 5227 says: three probes, 4 to 7 seconds in all; then two announcements, and a defence.
    Full,
    /// One probe and 200 ms to answer it; then as [`Acd::Full`]. A host that sleeps or a lost frame is not noticed before use.
    Quick,
    /// No probe, no announcement, no defence: an address that is in use is used twice, and nobody says so.
    Off,
}

impl Acd {
    const fn timing(self) -> Option<&'static Timing> {
        match self {
            Self::Full => Some(&Timing::RFC_5227),
            Self::Quick => Some(&Timing::QUICK),
            Self::Off => None,
        }
    }
}

/// Whether the packet shows that another station than `hardware` uses `address` (RFC 5227 section 2.1.1, first case).
///
/// Our own hardware address is no conflict: the container that the address is leased for may be running with it.
#[must_use]
pub fn uses(arp: &Arp, address: Ipv4Addr, hardware: [u8; 6]) -> bool {
    arp.sender == address && arp.sender_mac != hardware
}

/// Whether another station than `hardware` probes for `address` at the same time (RFC 5227 section 2.1.1, second case).
#[must_use]
pub fn probes(arp: &Arp, address: Ipv4Addr, hardware: [u8; 6]) -> bool {
    arp.is_probe() && arp.target == address && arp.sender_mac != hardware
}

/// RFC 5227 section 1.1, in milliseconds.
#[derive(Debug, PartialEq, Eq)]
struct Timing {
    probe_wait_max: u32,
    probes: u8,
    probe_min: u32,
    probe_max: u32,
    announce_wait: u32,
    announcements: u8,
    announce_interval: u32,
}

impl Timing {
    const RFC_5227: Self = Self {
        probe_wait_max: 1_000,
        probes: 3,
        probe_min: 1_000,
        probe_max: 2_000,
        announce_wait: 2_000,
        announcements: 2,
        announce_interval: 2_000,
    };

    const QUICK: Self = Self { probe_wait_max: 0, probes: 1, announce_wait: 200, ..Self::RFC_5227 };
}

/// How far the check of an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// So many probes were sent.
    Probing { sent: u8, next_at: Instant },
    /// All probes were sent; the answers may still come.
    Settling { free_at: Instant },
    /// The address is used; so many announcements were sent.
    Announcing { sent: u8, next_at: Instant },
    /// The address is used, and everybody was told.
    Guarding,
}

/// What a [`Watch`] wants done when its time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Step {
    /// Broadcast this.
    Send(Arp),
    /// Nobody objected: the address may be used from now on.
    Free,
}

/// What an ARP packet means for the watched address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Nothing.
    Nothing,
    /// While probing: somebody uses the address or wants it, too.
    InUse {
        /// The hardware address of that station.
        by: [u8; 6],
    },
    /// In use by us: somebody else uses it as well. Broadcast the announcement, and keep it.
    Defend {
        /// The hardware address of that station.
        by: [u8; 6],
        /// The defence.
        announcement: Arp,
    },
    /// In use by us: the second conflict within [`DEFEND_INTERVAL_SECS`]. Stop using it (RFC 5227 section 2.4 (b)).
    GiveUp {
        /// The hardware address of that station.
        by: [u8; 6],
    },
}

/// The check of one address from the first probe until it is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    address: Ipv4Addr,
    hardware: [u8; 6],
    timing: &'static Timing,
    stage: Stage,
    defended_at: Option<Instant>,
}

impl Watch {
    /// Begins to probe; `None` for [`Acd::Off`].
    #[must_use]
    pub fn begin(
        now: Instant,
        address: Ipv4Addr,
        hardware: [u8; 6],
        acd: Acd,
        rng: &mut Rng,
    ) -> Option<Self> {
        let timing = acd.timing()?;
        let next_at = now.plus_millis(u64::from(rng.below(timing.probe_wait_max)));
        let stage = Stage::Probing { sent: 0, next_at };
        Some(Self { address, hardware, timing, stage, defended_at: None })
    }

    /// Whether the address may not be used yet.
    #[must_use]
    pub const fn is_probing(&self) -> bool {
        match self.stage {
            Stage::Probing { .. } | Stage::Settling { .. } => true,
            Stage::Announcing { .. } | Stage::Guarding => false,
        }
    }

    /// When [`Watch::handle_timeout`] next has work; `None` means only a packet can wake it.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        match self.stage {
            Stage::Probing { next_at, .. } | Stage::Announcing { next_at, .. } => Some(next_at),
            Stage::Settling { free_at } => Some(free_at),
            Stage::Guarding => None,
        }
    }

    /// One step, if one is due; call again until there is none.
    pub fn handle_timeout(&mut self, now: Instant, rng: &mut Rng) -> Option<Step> {
        if self.deadline()? > now {
            return None;
        }
        let timing = self.timing;
        match self.stage {
            Stage::Probing { sent, .. } => {
                let sent = sent.saturating_add(1);
                self.stage = if sent < timing.probes {
                    let spread = rng.below(timing.probe_max - timing.probe_min + 1);
                    let next_at = now.plus_millis(u64::from(timing.probe_min + spread));
                    Stage::Probing { sent, next_at }
                } else {
                    Stage::Settling { free_at: now.plus_millis(u64::from(timing.announce_wait)) }
                };
                Some(Step::Send(Arp::probe(self.hardware, self.address)))
            }
            Stage::Settling { .. } => {
                self.stage = Stage::Announcing { sent: 0, next_at: now };
                Some(Step::Free)
            }
            Stage::Announcing { sent, .. } => {
                let sent = sent.saturating_add(1);
                self.stage = if sent < timing.announcements {
                    let next_at = now.plus_millis(u64::from(timing.announce_interval));
                    Stage::Announcing { sent, next_at }
                } else {
                    Stage::Guarding
                };
                Some(Step::Send(Arp::announcement(self.hardware, self.address)))
            }
            Stage::Guarding => None,
        }
    }

    /// Any ARP packet that was heard on the segment, our own included.
    pub fn handle_arp(&mut self, now: Instant, arp: &Arp) -> Verdict {
        let by = arp.sender_mac;
        let used = uses(arp, self.address, self.hardware);
        if self.is_probing() {
            let in_use = used || probes(arp, self.address, self.hardware);
            return if in_use { Verdict::InUse { by } } else { Verdict::Nothing };
        }
        if !used {
            return Verdict::Nothing;
        }
        let lately = self
            .defended_at
            .is_some_and(|defended_at| now < defended_at.plus_secs(DEFEND_INTERVAL_SECS));
        if lately {
            return Verdict::GiveUp { by };
        }
        self.defended_at = Some(now);
        Verdict::Defend { by, announcement: Arp::announcement(self.hardware, self.address) }
    }
}

#[cfg(test)]
mod tests;
