//! Is any scenario dearer than its budget? `cargo run --release -p benches --bin budget`; needs valgrind.
//!
//! It starts itself under callgrind, where each scenario leaves a part of the profile, adds the instructions up and compares them with `budget.toml`.
//! With `--write` it puts them into that file. Beside them it shows what the Cortex-M3 image may take for the same, which `scripts/test-firmware` counts.

use core::error::Error;
use core::hint::black_box;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use benches::budget::{Budget, Counts, compare, percent_above, written};
use benches::scenario::{Scale, Scenario, visit_all};
use clap::Parser;
use serde::Deserialize;
use toml_edit::de::from_str;

/// Counts the instructions of every scenario and fails when one exceeds its budget.
#[derive(Debug, Parser)]
struct Arguments {
    /// Put the counts into budget.toml, and complain of nothing.
    #[arg(long)]
    write: bool,
    /// Only scenarios whose name contains this.
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
        // The first run fills caches of the scenario itself, such as what its first use must build. Among a million operations that does not count, and takes longer than all
        // other scenarios together.
        if !scenario.is_huge() {
            scenario.run();
            scenario.reset();
        }
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
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = here.join("budget.toml");
    let text = fs::read_to_string(&path)?;
    let budget: Budget = from_str(&text)?;
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let rustc = rustc.unwrap_or_default();
    if budget.rustc != rustc {
        eprintln!("note: the budgets were counted with {}, this is {rustc}", budget.rustc);
    }
    let architecture = std::env::consts::ARCH;
    let mut of_here = budget.instructions.get(architecture).cloned().unwrap_or_default();
    of_here.retain(|name, _| name.contains(&arguments.only));
    let firmware = fs::read_to_string(here.join("../sim/firmware/budget.toml"))?;
    print(&counts, &of_here, &from_str(&firmware)?);
    if arguments.write {
        let all_by = Some(rustc.as_str()).filter(|_| arguments.only.is_empty());
        fs::write(&path, written(&text, architecture, &counts, all_by)?)?;
        return Ok(true);
    }
    if of_here.is_empty() && !counts.is_empty() {
        return Err(format!("budget.toml has no counts for {architecture}; see --write").into());
    }
    let complaints = compare(&counts, &of_here);
    complaints.iter().for_each(|complaint| eprintln!("error: {complaint}"));
    Ok(complaints.is_empty())
}

/// What the image may take: see `sim/firmware/budget.toml`.
#[derive(Debug, Deserialize)]
struct Firmware {
    instructions: BTreeMap<String, f64>,
}

impl Firmware {
    /// Its names of the scenarios that are counted there, too. It has 64 addresses.
    fn of(&self, scenario: &str) -> Option<f64> {
        let name = match scenario {
            "DISCOVER to OFFER, new client, 64 addresses, 99 %" => "discover",
            "renewal, within the promise, 64 addresses, 100 %" => "renew",
            _ => return None,
        };
        self.instructions.get(name).copied()
    }
}

fn print(counts: &Counts, budget: &BTreeMap<String, f64>, firmware: &Firmware) {
    let heading = "instructions of one operation";
    println!("{heading:<64} {:>10} {:>10} {:>9} {:>10}", "counted", "budget", "", "Cortex-M3");
    for (name, count) in counts {
        let budget = budget.get(name).copied().unwrap_or(f64::NAN);
        let above = percent_above(*count, budget);
        let firmware = firmware.of(name).map(|budget| format!(" {budget:>10.0}"));
        let firmware = firmware.unwrap_or_default();
        println!("{name:<64} {count:>10.1} {budget:>10.1} {above:>+7.2} %{firmware}");
    }
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
