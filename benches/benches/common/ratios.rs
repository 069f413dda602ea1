//! How do we compare with others? Reads what criterion measured in this run and prints a line for each, with its ratio to ours.

use core::time::Duration;
use std::path::{Path, PathBuf};

use criterion::Criterion;

/// Ours, among the benches of a group.
const OURS: &str = "hydrant";

/// Measures briefly: ratios of one run need no more.
pub(crate) fn criterion() -> Criterion {
    // What an earlier run left is not of this one.
    let _ = std::fs::remove_dir_all(output());
    Criterion::default()
        .output_directory(&output())
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args()
}

fn output() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("criterion")
}

/// Prints every bench that has no group, in nanoseconds per operation, and how it compares with the one of ours that is named so.
#[allow(dead_code, reason = "each bench prints in one of the two ways")]
pub(crate) fn print_all(ours: &str) {
    print_as(&output(), "", ours, 1);
}

/// Prints each bench of `group` in nanoseconds per operation, and how it compares with ours. Silent when nothing was measured, as under `cargo test`.
#[allow(dead_code, reason = "each bench prints in one of the two ways")]
pub(crate) fn print(group: &str, operations: u64) {
    print_as(&output().join(group), group, OURS, operations);
}

fn print_as(folder: &Path, group: &str, ours: &str, operations: u64) {
    let Ok(benches) = std::fs::read_dir(folder) else { return };
    let mut measured: Vec<(String, f64)> = benches
        .flatten()
        .filter_map(|bench| {
            let read = |file: &str| {
                let octets = std::fs::read(bench.path().join("new").join(file)).ok()?;
                serde_json::from_slice::<serde_json::Value>(&octets).ok()
            };
            let nanos = read("estimates.json")?.get("median")?.get("point_estimate")?.as_f64()?;
            let name = read("benchmark.json")?;
            let name =
                ["function_id", "group_id"].iter().find_map(|key| name.get(*key)?.as_str())?;
            Some((name.to_owned(), nanos / operations as f64))
        })
        .collect();
    measured.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let ours = measured.iter().find(|(name, _)| name == ours).map(|(_, nanos)| *nanos);
    for (name, nanos) in &measured {
        let ratio = ours.map_or(f64::NAN, |ours| nanos / ours);
        println!("{group:<8} {name:<72} {nanos:>10.1} ns  {ratio:>8.2} x ours");
    }
}
