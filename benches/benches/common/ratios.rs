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

/// Prints every bench that has no group, in nanoseconds. One that is called as one of ours behind the name of a peer stands with its ratio to that.
#[allow(dead_code, reason = "each bench prints in one of the two ways")]
pub(crate) fn print_all(peers: &[&str]) {
    let mut measured = measured();
    measured.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, nanos) in &measured {
        let same = peers.iter().find_map(|peer| name.strip_prefix(peer)?.strip_prefix(", "));
        let ours = measured.iter().find(|(name, _)| Some(name.as_str()) == same);
        let ratio = ours.map(|(_, ours)| format!("  {:>8.2} x ours", nanos / ours));
        println!("{name:<72} {nanos:>10.1} ns{}", ratio.unwrap_or_default());
    }
}

/// Prints each bench of `group` in nanoseconds per operation, and how it compares with ours. Silent when nothing was measured, as under `cargo test`.
#[allow(dead_code, reason = "each bench prints in one of the two ways")]
pub(crate) fn print(group: &str, operations: u64) {
    let mut measured = medians(&output().join(group));
    measured.iter_mut().for_each(|(_, nanos)| *nanos /= operations as f64);
    measured.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let ours = measured.iter().find(|(name, _)| name == OURS).map(|(_, nanos)| *nanos);
    for (name, nanos) in &measured {
        let ratio = ours.map_or(f64::NAN, |ours| nanos / ours);
        println!("{group:<8} {name:<20} {nanos:>10.1} ns  {ratio:>8.2} x ours");
    }
}

/// Every bench that has no group, and its median in nanoseconds.
#[allow(dead_code, reason = "each bench prints in one of the two ways")]
pub(crate) fn measured() -> Vec<(String, f64)> {
    medians(&output())
}

/// What was measured in a folder, and the median of each in nanoseconds.
fn medians(folder: &Path) -> Vec<(String, f64)> {
    let Ok(benches) = std::fs::read_dir(folder) else { return Vec::new() };
    benches
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
            Some((name.to_owned(), nanos))
        })
        .collect()
}
