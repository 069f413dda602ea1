//! Does the judge convict, and for what it should? A world with each defect, and what is made of its story.

use std::process::Command;

use clap::ValueEnum as _;
use sim::defect::Defect;
use sim::judge::Violation;
use sim::minimise::{NEVER, minimise};
use sim::plan::{Plan, What};
use sim::world::run;

const EPOCHS: usize = 2;
const CLIENTS: u16 = 16;

/// How many seeds of the right shape may be needed until a defect shows. Some need a client that is off while its lease is given to another.
const SEEDS_MAX: usize = 120;

fn plans(defect: Defect) -> impl Iterator<Item = Plan> {
    let fits =
        move |seed: &u64| defect.shape().is_none_or(|shape| Plan::new(*seed, 0, 0).shape == shape);
    let plan = move |seed| Plan { defect: Some(defect), ..Plan::new(seed, EPOCHS, CLIENTS) };
    (0..).filter(fits).take(SEEDS_MAX).map(plan)
}

/// The first plan that fails for what the defect is convicted for.
fn convicted(defect: Defect) -> Plan {
    let quiet = |plan: &Plan| run(plan, false).failure.map(|(_, violation, _)| violation);
    let found = plans(defect).find(|plan| quiet(plan) == Some(defect.convicted_for()));
    found.unwrap_or_else(|| panic!("{defect:?} is not convicted in {SEEDS_MAX} seeds"))
}

#[test]
fn every_defect_is_convicted_for_what_it_is() {
    for defect in Defect::value_variants() {
        let plan = convicted(*defect);
        println!("{defect:?}: seed {} for {}", plan.seed, defect.convicted_for());
        let innocent = Plan { defect: None, ..plan.clone() };
        let failure = run(&innocent, false).failure;
        assert!(failure.is_none(), "{defect:?}: without it, too: {failure:?}");
    }
}

/// There is no violation that no defect can make the judge find.
#[test]
fn every_violation_has_a_defect() {
    let all = [
        Violation::TwoOwners,
        Violation::Forgotten,
        Violation::NotInPool,
        Violation::OtherAddress,
        Violation::Unasked,
        Violation::Unquarantined,
        Violation::Lapsed,
        Violation::Refused,
        Violation::NotHeld,
        Violation::Unanswered,
        Violation::IllFormed,
        Violation::Declined,
        Violation::InUse,
        Violation::Crossed,
        Violation::NotBound,
        Violation::Changed,
        Violation::Panic,
    ];
    for violation in all {
        assert!(
            Defect::value_variants().iter().any(|defect| defect.convicted_for() == violation),
            "{violation:?}"
        );
    }
}

/// A flash that loses what it wrote needs one or two clients and a power cut to be found out, whatever else happened in the run. Now and then which write is
/// lost hangs on all that was written before: such a story stays long.
#[test]
fn stories_are_made_as_small_as_their_reason() {
    let lost = |plan: &Plan| {
        run(plan, false).failure.is_some_and(|(_, violation, _)| violation == Violation::Forgotten)
    };
    let mut short = 0;
    for plan in plans(Defect::LosesWrites).filter(lost).take(5) {
        let small = minimise(&plan, Violation::Forgotten, 2_000);
        assert!(lost(&small), "seed {}: it fails still", plan.seed);
        let incidents = small.epochs.iter().flat_map(|epoch| &epoch.incidents).collect::<Vec<_>>();
        let on = small.clients.iter().filter(|client| client.on_ms != NEVER).count();
        let cuts = |what: &What| matches!(what, What::Restart { .. } | What::Cut { .. });
        assert!(incidents.iter().any(|incident| cuts(&incident.what)), "{incidents:?}");
        let before: usize = plan.epochs.iter().map(|epoch| epoch.incidents.len()).sum();
        assert!(before > 2 * incidents.len(), "there was something to leave out: {before}");
        short += u32::from(on <= 2 && incidents.len() <= 2);
    }
    assert!(short >= 3, "{short} of 5 are short");
}

#[test]
fn a_failure_is_told_with_its_seed_and_its_story() {
    let failing = ["--seed", "7", "--clients", "6", "--defect", "repeats-replies"];
    let output = Command::new(env!("CARGO_BIN_EXE_sim")).args(failing).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in ["FAILED at ", "seed 7", "What of it is needed:", "The end of its story:"] {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }
    assert!(said.contains(&Violation::Unasked.to_string()), "{said}");
    let output = Command::new(env!("CARGO_BIN_EXE_sim")).args(&failing[..4]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).contains("trace hash "));
}
