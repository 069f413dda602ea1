//! How do we compare with others? Reads what criterion measured in this run and prints a line for each, with its ratio to ours.

use core::time::Duration;
use std::path::{Path, PathBuf};

use criterion::Criterion;

/// Ours, among the benches of a group.
const OURS: &str = "hydrant";

/// Measures briefly: ratios of one run need no more.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .output_directory(&output())
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args()
}

fn output() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("criterion")
}

/// Prints each bench of `group` in nanoseconds per operation, and how it compares with ours. Silent when nothing was measured, as under `cargo test`.
pub(crate) fn print(group: &str, operations: u64) {
    let Ok(benches) = std::fs::read_dir(output().join(group)) else { return };
    let mut measured: Vec<(String, f64)> = benches
        .flatten()
        .filter_map(|bench| {
            let estimates = std::fs::read(bench.path().join("new/estimates.json")).ok()?;
            let estimates: serde_json::Value = serde_json::from_slice(&estimates).ok()?;
            let nanos = estimates.get("median")?.get("point_estimate")?.as_f64()?;
            Some((bench.file_name().to_string_lossy().into_owned(), nanos / operations as f64))
        })
        .collect();
    measured.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let ours = measured.iter().find(|(name, _)| name == OURS).map(|(_, nanos)| *nanos);
    for (name, nanos) in &measured {
        let ratio = ours.map_or(f64::NAN, |ours| nanos / ours);
        println!("{group:<28} {name:<20} {nanos:>10.1} ns  {ratio:>8.2} x ours");
    }
}
