//! Does each scenario keep within its budget of instructions? Counts by callgrind, compared with `budget.toml`.
//!
//! Wall time on a shared machine differs by half from one minute to the next; the number of instructions does not differ at all. It is counted by
//! valgrind on a processor that valgrind itself describes, so that it is the same on every machine of one architecture. Another compiler gives other code:
//! the file says which one it was counted with.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use toml_edit::{DocumentMut, Item, TomlError, table, value};

/// By how much a count may exceed its budget, in percent.
pub const TOLERANCE_PERCENT: f64 = 2.0;

/// By how much a nearly full pool may cost more than a half full one, in percent.
pub const OCCUPANCY_TOLERANCE_PERCENT: f64 = 5.0;

/// By how much a nearly full pool may cost more than an empty one, in percent: a factor of 2.
pub const EMPTY_TOLERANCE_PERCENT: f64 = 100.0;

/// What `budget.toml` says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Budget {
    /// The compiler that the counts are of, as `rustc --version` calls it.
    pub rustc: String,
    /// For each architecture, instructions of one operation by the scenario's name.
    pub instructions: BTreeMap<String, BTreeMap<String, f64>>,
}

/// Instructions of one operation, by the scenario's name, in the order in which they were counted.
pub type Counts = Vec<(String, f64)>;

/// The text of `budget.toml` with these counts for `architecture`. When they are all that there are, `all_by` is the compiler that they are of, and
/// scenarios that are no more are left out; else the others keep what they have.
///
/// # Errors
/// When the text is not TOML.
///
/// # Panics
/// When it is TOML and not a budget.
pub fn written(
    text: &str,
    architecture: &str,
    counts: &Counts,
    all_by: Option<&str>,
) -> Result<String, TomlError> {
    let mut document: DocumentMut = text.parse()?;
    if let Some(compiler) = all_by {
        *document.entry("rustc").or_insert(Item::None) = value(compiler);
    }
    let all = document.entry("instructions").or_insert_with(table);
    let all = all.as_table_mut().expect("instructions are a table");
    let here = all.entry(architecture).or_insert_with(table);
    let here = here.as_table_mut().expect("an architecture has a table");
    if all_by.is_some() {
        here.retain(|name, _| counts.iter().any(|(counted, _)| counted == name));
    }
    for (name, count) in counts {
        *here.entry(name).or_insert(Item::None) = value((count * 10.0).round() / 10.0);
    }
    Ok(document.to_string())
}

/// What is wrong with a count.
#[derive(Clone, Debug, PartialEq)]
pub enum Complaint {
    /// More instructions than the budget and its tolerance.
    Exceeded {
        /// The scenario.
        name: String,
        /// What it needs.
        counted: f64,
        /// What it may need.
        budget: f64,
    },
    /// Fewer than the budget by more than the tolerance: the next rise would go unseen.
    Slack {
        /// The scenario.
        name: String,
        /// What it needs.
        counted: f64,
        /// What it may need.
        budget: f64,
    },
    /// A scenario that has no budget.
    Unknown {
        /// The scenario.
        name: String,
        /// What it needs.
        counted: f64,
    },
    /// A budget whose scenario does not exist.
    Vanished {
        /// The scenario.
        name: String,
    },
    /// A pool at 99 % costs more than the same pool when it is half full, or twice as much as when it is empty.
    GrowsWithOccupancy {
        /// The scenario at 99 %.
        name: String,
        /// What it needs.
        full: f64,
        /// How full the pool is that it is compared with, in percent.
        percent: u8,
        /// What it needs there.
        other: f64,
    },
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exceeded { name, counted, budget } => write!(
                f,
                "{name}: {counted:.1} instructions exceed the budget of {budget:.1} by {:.1} %; make it cheaper, or raise the budget in a \
                 commit of its own that says why",
                percent_above(*counted, *budget)
            ),
            Self::Slack { name, counted, budget } => write!(
                f,
                "{name}: {counted:.1} instructions are {:.1} % below the budget of {budget:.1}; lower it, or the next rise goes unseen",
                -percent_above(*counted, *budget)
            ),
            Self::Unknown { name, counted } => {
                write!(f, "{name}: {counted:.1} instructions, but budget.toml has no budget for it")
            }
            Self::Vanished { name } => {
                write!(f, "{name}: budget.toml has a budget, but there is no such scenario")
            }
            Self::GrowsWithOccupancy { name, full, percent, other } => write!(
                f,
                "{name}: {full:.1} instructions are {:.1} % more than {other:.1} at {percent} %; the cost must not grow with the leases",
                percent_above(*full, *other)
            ),
        }
    }
}

/// How much `counted` is above `budget`, in percent of it.
#[must_use]
pub fn percent_above(counted: f64, budget: f64) -> f64 {
    (counted - budget) * 100.0 / budget
}

/// Everything that is wrong with the counts.
#[must_use]
pub fn compare(counts: &Counts, budget: &BTreeMap<String, f64>) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for (name, counted) in counts {
        let (name, counted) = (name.clone(), *counted);
        match budget.get(&name).copied() {
            None => complaints.push(Complaint::Unknown { name, counted }),
            Some(budget) => {
                let above = percent_above(counted, budget);
                if above > TOLERANCE_PERCENT {
                    complaints.push(Complaint::Exceeded { name, counted, budget });
                } else if above < -TOLERANCE_PERCENT {
                    complaints.push(Complaint::Slack { name, counted, budget });
                }
            }
        }
    }
    for name in budget.keys() {
        if !counts.iter().any(|(counted, _)| counted == name) {
            complaints.push(Complaint::Vanished { name: name.clone() });
        }
    }
    complaints.extend(growth(counts));
    complaints
}

/// The scenarios that cost more at 99 % than they may by what they cost at 50 and 0 %.
fn growth(counts: &Counts) -> impl Iterator<Item = Complaint> + '_ {
    let allowed = [(50, OCCUPANCY_TOLERANCE_PERCENT), (0, EMPTY_TOLERANCE_PERCENT)];
    counts.iter().flat_map(move |(name, full)| {
        allowed.into_iter().filter_map(move |(percent, tolerance)| {
            let other = name.strip_suffix(" 99 %").map(|front| format!("{front} {percent} %"))?;
            let (_, other) = counts.iter().find(|(name, _)| *name == other)?;
            let grows = percent_above(*full, *other) > tolerance;
            let (name, full, other) = (name.clone(), *full, *other);
            grows.then_some(Complaint::GrowsWithOccupancy { name, full, percent, other })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(counts: &[(&str, f64)], budget: &[(&str, f64)]) -> Vec<String> {
        let counts = counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        let budget = budget.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        compare(&counts, &budget).iter().map(Complaint::to_string).collect()
    }

    #[test]
    fn two_percent_are_tolerated_and_no_more() {
        assert!(complaints(&[("a", 102.0)], &[("a", 100.0)]).is_empty());
        assert!(complaints(&[("a", 102.1)], &[("a", 100.0)])[0].contains("exceed"));
        assert!(complaints(&[("a", 97.9)], &[("a", 100.0)])[0].contains("lower it"));
    }

    #[test]
    fn budgets_and_scenarios_belong_together() {
        let found = complaints(&[("new", 1.0)], &[("old", 1.0)]);
        assert!(found[0].starts_with("new:") && found[1].starts_with("old:"), "{found:?}");
    }

    #[test]
    fn what_is_written_is_the_budget_and_other_architectures_keep_theirs() {
        let text = "rustc = \"x\"\n\n[instructions.here]\n# of what\n\"b, 1 %\" = 2.0\n\"a\" = 1.0\n\n[instructions.there]\na = 7.0\n";
        let counts = vec![("c".to_owned(), 3.04), ("b, 1 %".to_owned(), 5.0)];
        let read = |text: &str| toml_edit::de::from_str::<Budget>(text).unwrap().instructions;
        let part = written(text, "here", &counts, None).unwrap();
        assert!(part.contains("# of what\n\"b, 1 %\" = 5.0\n"), "{part}");
        assert_eq!(read(&part)["here"].len(), 3);
        let all = read(&written(text, "here", &counts, Some("y")).unwrap());
        assert_eq!(
            all["here"],
            BTreeMap::from([("b, 1 %".to_owned(), 5.0), ("c".to_owned(), 3.0)])
        );
        assert_eq!(all["there"], BTreeMap::from([("a".to_owned(), 7.0)]));
    }

    #[test]
    fn a_pool_that_is_nearly_full_costs_no_more_than_a_half_full_one() {
        let budget = [("offer of 64 50 %", 100.0), ("offer of 64 99 %", 106.0)];
        assert!(complaints(&budget, &budget)[0].contains("must not grow"));
        let budget = [("offer of 64 50 %", 100.0), ("offer of 64 99 %", 105.0)];
        assert!(complaints(&budget, &budget).is_empty());
    }

    #[test]
    fn a_pool_that_is_nearly_full_costs_at_most_twice_as_much_as_an_empty_one() {
        let budget = [("offer of 64 0 %", 100.0), ("offer of 64 99 %", 201.0)];
        assert!(complaints(&budget, &budget)[0].contains("at 0 %; the cost must not grow"));
        let budget = [("offer of 64 0 %", 100.0), ("offer of 64 99 %", 200.0)];
        assert!(complaints(&budget, &budget).is_empty());
    }
}
