//! What of it does the failure need? A plan is made smaller as long as it fails in the same way.

use crate::judge::Violation;
use crate::plan::{ClientPlan, Faults, Plan};
use crate::world::run;

/// A client that is switched on then is never there, in milliseconds.
pub const NEVER: u64 = u64::MAX;

/// Makes the plan smaller in at most `runs` runs.
#[must_use]
pub fn minimise(plan: &Plan, violation: Violation, runs: u32) -> Plan {
    let mut minimiser = Minimiser { best: plan.clone(), violation, runs };
    minimiser.epochs();
    minimiser.networks();
    loop {
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
    incidents + plan.clients.iter().filter(|client| client.on_ms != NEVER).count()
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

    fn networks(&mut self) {
        let smaller = Plan { networks: 1, ..self.best.clone() };
        self.try_out(smaller);
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

    /// Those of all epochs, one behind the other.
    fn incidents(&mut self) {
        let len = |plan: &Plan| plan.epochs.iter().map(|epoch| epoch.incidents.len()).sum();
        self.halves(len, |plan, from, count| {
            let mut number = 0;
            for epoch in &mut plan.epochs {
                epoch.incidents.retain(|_| {
                    number += 1;
                    !(from..from + count).contains(&(number - 1))
                });
            }
        });
    }

    /// Clients keep their numbers, and incidents speak of places, so a client is left out by never being switched on.
    fn clients(&mut self) {
        let is_on = |client: &&mut ClientPlan| client.on_ms != NEVER;
        let len = |plan: &Plan| plan.clients.iter().filter(|client| client.on_ms != NEVER).count();
        self.halves(len, |plan, from, count| {
            for client in plan.clients.iter_mut().filter(is_on).skip(from).take(count) {
                client.on_ms = NEVER;
            }
        });
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
