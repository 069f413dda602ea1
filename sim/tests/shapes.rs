//! Do all shapes of the network work, and what does an hour of them cost? Costs are counted in steps, which are the same on every machine.

use sim::plan::{Epoch, Kind, Plan, Shape};
use sim::world::{Report, run};

/// An hour, in epochs.
const HOUR: usize = 2;

/// The number of clients that costs are given for.
const CLIENTS: u16 = 200;

/// What an hour with [`CLIENTS`] may cost, in times that a node does something; most of them are looks at an ARP request that asks about somebody else.
const STEPS_MAX: u64 = 3_000_000;

fn seeds_of(shape: Shape) -> impl Iterator<Item = u64> {
    (0..1_000).filter(move |seed| Plan::new(*seed, 0, 0).shape == shape)
}

fn count(report: &Report, name: &str) -> u64 {
    report.trace.counts().get(name).copied().unwrap_or(0)
}

/// A plan in which nothing goes wrong, and nobody has what is another's.
fn without_faults(seed: u64) -> Plan {
    let mut plan = Plan::new(seed, 0, CLIENTS);
    plan.epochs = vec![Epoch::default(); HOUR];
    plan.squatters = 0;
    plan.tight = false;
    for client in &mut plan.clients {
        if client.kind == Kind::Clone {
            client.kind = Kind::Smoltcp;
        }
    }
    plan
}

/// Everybody gets an address and keeps it: whoever loses one there is misled by the network and not by faults.
#[test]
fn without_faults_everybody_keeps_their_address_in_every_shape() {
    for shape in Shape::ALL {
        let seed = seeds_of(shape).next().expect("one in four has the shape");
        let report = run(&without_faults(seed), false);
        assert!(report.failure.is_none(), "{shape:?}: {:?}", report.failure);
        let counts = report.trace.counts();
        assert_eq!(count(&report, "client lost its address"), 0, "{shape:?}: {counts:?}");
        assert_eq!(count(&report, "smoltcp lost its address"), 0, "{shape:?}: {counts:?}");
        assert!(count(&report, "client bound") + count(&report, "smoltcp bound or renewed") > 200);
        assert!(count(&report, "client renewed") > 800, "{shape:?}: {counts:?}");
    }
}

#[test]
fn an_hour_with_200_clients_costs_few_steps_in_every_shape() {
    for shape in Shape::ALL {
        for seed in seeds_of(shape).take(1) {
            let report = run(&Plan::new(seed, HOUR, CLIENTS), false);
            assert!(report.failure.is_none(), "seed {seed}: {:?}", report.failure);
            println!("{shape:?}, seed {seed}: {} steps", report.steps);
            assert!(report.steps < STEPS_MAX, "{shape:?}, seed {seed}: {} steps", report.steps);
        }
    }
}
