//! What does a seed decide by dice of its own, so that what it decides in `plan/draw.rs` stays as it was? Dials that the world did not have at first.
//!
//! With all of them off a seed has the story that it had before; a seed that found something then goes on to find it (`Plan::first`).

use dhcp_core::rng::Rng;

use super::draw::pick;
use super::{Deed, EPOCH_MS, FAULTS_MS, Incident, Plan, What};
use crate::network::Site;

/// How many nodes ask by INFORM at most.
const INFORMERS_MAX: u32 = 3;

/// How often one epoch has them ask at most.
const INFORMS_MAX: u32 = 12;

/// How often somebody hostile does at most.
const HOSTILE_MAX: u32 = 4;

/// The dials of a run.
struct Later {
    informers: u32,
    hostile_informs: bool,
}

impl Later {
    /// Each dial is off in half of the runs.
    fn new(rng: &mut Rng) -> Self {
        let mut is_on = || rng.below(2) == 1;
        let (informs, hostile_informs) = (is_on(), is_on());
        let informers = if informs { 1 + rng.below(INFORMERS_MAX) } else { 0 };
        Self { informers, hostile_informs }
    }
}

impl Plan {
    /// What `seed` decides for so many epochs and clients.
    #[must_use]
    pub fn new(seed: u64, epochs: usize, clients: u16) -> Self {
        let mut plan = Self::first(seed, epochs, clients);
        let mut rng = Rng::seeded(seed ^ 0x1a7e);
        let later = Later::new(&mut rng);
        plan.informers = u16::try_from(later.informers).expect("few");
        for (number, epoch) in (0..).zip(&mut plan.epochs) {
            let begin_ms = number * EPOCH_MS;
            epoch.incidents.extend(later.incidents(&mut rng, begin_ms));
            epoch.incidents.sort_by_key(|incident| incident.at_ms);
        }
        plan.networks = networks(seed);
        if plan.board {
            // The example has one.
            plan.networks = 1;
        }
        plan
    }
}

/// How many networks share a segment: one in half of the runs. By dice of their own, too: the world had INFORMs before.
fn networks(seed: u64) -> u8 {
    let mut rng = Rng::seeded(seed ^ 0x005a_4e7e);
    let more = 2 + pick(&mut rng, usize::from(Site::NETWORKS_MAX) - 1);
    if rng.below(2) == 0 { 1 } else { u8::try_from(more).expect("few") }
}

impl Later {
    /// What happens in an epoch: nothing, in one of four.
    fn incidents(&self, rng: &mut Rng, begin_ms: u64) -> Vec<Incident> {
        let faults_ms = u32::try_from(FAULTS_MS).expect("minutes");
        let mut incidents = Vec::new();
        let mut happen = |rng: &mut Rng, max: u32, what: &dyn Fn(&mut Rng) -> What| {
            let times = if rng.below(4) == 0 { 0 } else { 1 + rng.below(max) };
            for _ in 0..times {
                let at_ms = begin_ms + u64::from(rng.below(faults_ms));
                incidents.push(Incident { at_ms, what: what(rng) });
            }
        };
        if self.informers > 0 {
            let informers = self.informers as usize;
            happen(rng, INFORMS_MAX, &|rng| What::Inform {
                informer: u16::try_from(pick(rng, informers)).expect("few"),
                unicast: rng.below(2) == 0,
            });
        }
        if self.hostile_informs {
            happen(rng, HOSTILE_MAX, &|rng| What::Hostile {
                deed: Deed::Inform,
                times: 1 + u16::try_from(rng.below(20)).expect("below 20"),
            });
        }
        incidents
    }
}
