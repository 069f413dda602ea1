//! What of it does the failure need? A plan is made smaller as long as it fails in the same way.

use crate::judge::Violation;
use crate::plan::{Faults, Plan};
use crate::world::run;

/// Makes the plan smaller in at most `runs` runs.
#[must_use]
pub fn minimise(plan: &Plan, violation: Violation, runs: u32) -> Plan {
    let mut minimiser = Minimiser { best: plan.clone(), violation, runs };
    minimiser.epochs();
    for _ in 0..3 {
        let before = size(&minimiser.best);
        minimiser.dials();
        minimiser.incidents();
        minimiser.clients();
        if size(&minimiser.best) == before {
            break;
        }
    }
    minimiser.best
}

fn size(plan: &Plan) -> usize {
    let incidents: usize = plan.epochs.iter().map(|epoch| epoch.incidents.len()).sum();
    incidents + plan.clients.len()
}

struct Minimiser {
    best: Plan,
    violation: Violation,
    runs: u32,
}

impl Minimiser {
    /// Keeps the smaller plan if it fails, too.
    fn try_out(&mut self, smaller: Plan) -> bool {
        let Some(runs) = self.runs.checked_sub(1) else { return false };
        self.runs = runs;
        let fails = run(&smaller, false).failure;
        let same = fails.is_some_and(|(_, violation, _)| violation == self.violation);
        if same {
            self.best = smaller;
        }
        same
    }

    /// Leaves out the epochs behind the failure.
    fn epochs(&mut self) {
        while self.best.epochs.len() > 1 {
            let mut smaller = self.best.clone();
            smaller.epochs.truncate(smaller.epochs.len().div_ceil(2));
            if !self.try_out(smaller) {
                break;
            }
        }
        while self.best.epochs.len() > 1 {
            let mut smaller = self.best.clone();
            smaller.epochs.pop();
            if !self.try_out(smaller) {
                break;
            }
        }
    }

    fn dials(&mut self) {
        for epoch in 0..self.best.epochs.len() {
            let off: [fn(&mut Faults); 4] = [
                |faults| faults.drop = 0,
                |faults| faults.duplicate = 0,
                |faults| faults.corrupt = 0,
                |faults| faults.late = 0,
            ];
            for off in off {
                let mut smaller = self.best.clone();
                if let Some(epoch) = smaller.epochs.get_mut(epoch) {
                    off(&mut epoch.faults);
                }
                self.try_out(smaller);
            }
        }
    }

    fn incidents(&mut self) {
        for epoch in 0..self.best.epochs.len() {
            let len = |plan: &Plan| plan.epochs.get(epoch).map_or(0, |epoch| epoch.incidents.len());
            self.halves(len, |plan, from, count| {
                if let Some(epoch) = plan.epochs.get_mut(epoch) {
                    epoch.incidents.drain(from..from + count);
                }
            });
        }
    }

    /// Clients keep their numbers, and incidents speak of places, so a client is left out by never being switched on.
    fn clients(&mut self) {
        for place in 0..self.best.clients.len() {
            let mut smaller = self.best.clone();
            let Some(client) = smaller.clients.get_mut(place) else { continue };
            if client.on_ms != u64::MAX {
                client.on_ms = u64::MAX;
                self.try_out(smaller);
            }
        }
    }

    /// Leaves out runs of elements, long ones first.
    fn halves(&mut self, len: impl Fn(&Plan) -> usize, drain: impl Fn(&mut Plan, usize, usize)) {
        let mut count = len(&self.best).div_ceil(2);
        while count > 0 && self.runs > 0 {
            let mut from = 0;
            while from + count <= len(&self.best) {
                let mut smaller = self.best.clone();
                drain(&mut smaller, from, count);
                if !self.try_out(smaller) {
                    from += count;
                }
            }
            count /= 2;
        }
    }
}
