//! Is any scenario dearer than its budget? `cargo run --release -p benches --bin budget`; needs valgrind.
//!
//! It starts itself under callgrind, where each scenario leaves a part of the profile, adds the instructions up and compares them with `budget.toml`.
//! With `--write` it prints what belongs into that file.

use core::error::Error;
use core::hint::black_box;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use benches::budget::{Budget, Counts, compare, percent_above};
use benches::scenario::{Scale, Scenario, visit_all};
use clap::Parser;

/// Counts the instructions of every scenario and fails when one exceeds its budget.
#[derive(Debug, Parser)]
struct Arguments {
    /// Print the counts as budget.toml has them, and compare nothing.
    #[arg(long)]
    write: bool,
    /// Only scenarios whose name contains this; then nothing is compared.
    #[arg(long, value_name = "PART", default_value = "")]
    only: String,
    /// Do the work, to be counted by the callgrind that this runs under.
    #[arg(long, hide = true)]
    counted: bool,
}

/// The least operations that a count is the mean of, so that a lucky or unlucky place in a hash table does not count for much.
const OPERATIONS_MIN: u64 = 256;

/// Variants of `memcpy` and the like are chosen by the processor when a program starts; with these all machines choose the same.
const TUNABLES: &str = "glibc.cpu.hwcaps=-AVX2,-AVX,-AVX512F,-AVX512VL,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM,-SSSE3,-SSE4_1,-SSE4_2,-Fast_Unaligned_Copy";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.counted {
        work(&arguments.only);
        return ExitCode::SUCCESS;
    }
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("budget: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs under callgrind: collects inside of [`counted_run`] only, and begins a new part with each [`end_of_part`].
fn work(only: &str) {
    visit_all(Scale::Full, &mut |name, scenario| {
        if !name.contains(only) {
            return;
        }
        // The first run fills caches of the scenario itself, such as what its first use must build.
        scenario.run();
        scenario.reset();
        let runs = OPERATIONS_MIN.div_ceil(scenario.operations());
        for _ in 0..runs {
            black_box(counted_run(scenario));
            scenario.reset();
        }
        println!("{}\t{name}", runs * scenario.operations());
        end_of_part(name);
    });
}

#[inline(never)]
fn counted_run(scenario: &mut dyn Scenario) -> u64 {
    scenario.run()
}

#[inline(never)]
fn end_of_part(name: &str) {
    black_box(name);
}

fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let counts = count(&arguments.only)?;
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let rustc = rustc.unwrap_or_default();
    let architecture = std::env::consts::ARCH;
    if arguments.write || !arguments.only.is_empty() {
        println!("rustc = \"{rustc}\"\n\n[instructions.{architecture}]");
        counts.iter().for_each(|(name, count)| println!("\"{name}\" = {count:.1}"));
        return Ok(true);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("budget.toml");
    let budget: Budget = toml::from_str(&fs::read_to_string(path)?)?;
    if budget.rustc != rustc {
        eprintln!("note: the budgets were counted with {}, this is {rustc}", budget.rustc);
    }
    let none = BTreeMap::new();
    let of_here = budget.instructions.get(architecture).unwrap_or(&none);
    if of_here.is_empty() {
        return Err(format!("budget.toml has no counts for {architecture}; see --write").into());
    }
    println!(
        "{:<64} {:>10} {:>10} {:>8}",
        "instructions of one operation", "counted", "budget", ""
    );
    for (name, count) in &counts {
        let budget = of_here.get(name).copied().unwrap_or(f64::NAN);
        let above = percent_above(*count, budget);
        println!("{name:<64} {count:>10.1} {budget:>10.1} {above:>+7.2} %");
    }
    let complaints = compare(&counts, of_here);
    complaints.iter().for_each(|complaint| eprintln!("error: {complaint}"));
    Ok(complaints.is_empty())
}

/// Runs this program under callgrind and reads what it counted.
fn count(only: &str) -> Result<Counts, Box<dyn Error>> {
    let room = std::env::temp_dir().join(format!("hydrant-budget-{}", std::process::id()));
    fs::create_dir_all(&room)?;
    let counted = count_in(&room, only);
    fs::remove_dir_all(&room)?;
    counted
}

fn count_in(room: &Path, only: &str) -> Result<Counts, Box<dyn Error>> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet", "--collect-atstart=no", "--combine-dumps=no"])
        .args(["--toggle-collect=*counted_run*", "--dump-before=*end_of_part*"])
        .arg(format!("--callgrind-out-file={}", room.join("part").display()))
        .arg(std::env::current_exe()?)
        .args(["--counted", "--only", only])
        .env("GLIBC_TUNABLES", TUNABLES)
        .output()
        .map_err(|error| {
            format!("valgrind cannot be started ({error}); Debian has it as \"valgrind\"")
        })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("the scenarios failed under callgrind: {said}").into());
    }
    let said = String::from_utf8(output.stdout)?;
    let scenarios = said.lines().filter_map(|line| line.split_once('\t'));
    scenarios
        .enumerate()
        .map(|(place, (operations, name))| {
            let part = fs::read_to_string(room.join(format!("part.{}", place + 1)))?;
            let total = part.lines().find_map(|line| line.strip_prefix("totals: "));
            let total: f64 = total.ok_or("callgrind wrote a part without totals")?.parse()?;
            if total <= 0.0 {
                return Err(format!("callgrind counted nothing for {name}").into());
            }
            Ok((name.to_owned(), total / operations.parse::<f64>()?))
        })
        .collect()
}
