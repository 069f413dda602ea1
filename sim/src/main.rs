//! Runs the deterministic world from the command line.
//!
//! `cargo run --release -p sim -- --seed 7 --hours 24 --clients 200` runs one seed and prints what happened; `-- search --minutes 5` tries seeds
//! until one fails.

use core::time::Duration;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use sim::defect::Defect;
use sim::minimise::{NEVER, minimise};
use sim::plan::{EPOCH_MS, Plan};
use sim::trace::Clock;
use sim::wear::{HEADING, Load, measure_all};
use sim::world::{Report, run};

/// How many runs it may take to make a failure smaller.
const RUNS_TO_MINIMISE: u32 = 2_000;

#[derive(Parser)]
#[command(
    name = "sim",
    max_term_width = 100,
    about = "A deterministic world for DHCP servers and clients",
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    one: One,
}

#[derive(Subcommand)]
enum Command {
    /// Tries one seed after the other, until one fails or the time is over
    Search {
        /// How long, in minutes
        #[arg(long, default_value_t = 5)]
        minutes: u64,
        /// The first seed
        #[arg(long, default_value_t = 1)]
        from: u64,
        #[command(flatten)]
        scale: Scale,
    },
    /// Print how fast the journal wears out a NOR flash, with and without a promise beyond the lease
    Wear {
        /// Renewals that are counted
        #[arg(long, default_value_t = 20_000)]
        renewals: u32,
    },
}

#[derive(Args)]
struct One {
    /// What everything follows from
    #[arg(long, default_value_t = 7)]
    seed: u64,
    #[command(flatten)]
    scale: Scale,
    /// Prints the last lines of the story
    #[arg(long)]
    story: bool,
}

#[derive(Args, Clone, Copy)]
struct Scale {
    /// How long, in hours of the world
    #[arg(long, default_value_t = 1)]
    hours: u64,
    /// How many clients
    #[arg(long, default_value_t = 20)]
    clients: u16,
    /// Something that is wrong on purpose, to see it found
    #[arg(long, value_enum)]
    defect: Option<Defect>,
    /// What the seed decides without INFORMs and shared networks: its story before the world had any
    #[arg(long)]
    first: bool,
}

impl Scale {
    fn plan(self, seed: u64) -> Plan {
        let epochs = self.hours.saturating_mul(3_600_000) / EPOCH_MS;
        let epochs = usize::try_from(epochs).unwrap_or(usize::MAX);
        let draw = if self.first { Plan::first } else { Plan::new };
        Plan { defect: self.defect, ..draw(seed, epochs, self.clients) }
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if !matches!(cli.command, Some(Command::Wear { .. })) {
        // A failed assertion is reported with its seed and its story.
        std::panic::set_hook(Box::new(|_| {}));
    }
    match cli.command {
        None => {
            let plan = cli.one.scale.plan(cli.one.seed);
            let (report, took) = timed(|| run(&plan, cli.one.story));
            print(&plan, &report);
            println!("{} steps in {:.2} s", report.steps, took.as_secs_f64());
            report.failure.map_or(ExitCode::SUCCESS, |_| explain(&plan))
        }
        Some(Command::Search { minutes, from, scale }) => search(minutes, from, scale),
        Some(Command::Wear { renewals }) => {
            wear(renewals);
            ExitCode::SUCCESS
        }
    }
}

fn print(plan: &Plan, report: &Report) {
    let (clients, epochs) = (plan.clients.len(), plan.epochs.len());
    let (seed, shape, networks) = (plan.seed, plan.shape, plan.networks);
    println!("seed {seed}: {shape:?}, {networks} networks, {clients} clients, {epochs} epochs");
    for (name, count) in report.trace.counts() {
        println!("{count:>10}  {name}");
    }
    for (at, line) in report.trace.story() {
        println!("{}  {line}", Clock(*at));
    }
    println!("trace hash {:016x}", report.trace.hash());
}

/// Tells the smallest story that fails.
fn explain(plan: &Plan) -> ExitCode {
    let report = run(plan, false);
    let Some((at, violation, line)) = report.failure else { return ExitCode::SUCCESS };
    println!("\nFAILED at {}: {violation}: {line}", Clock(at));
    println!("seed {}, {} clients, {} epochs", plan.seed, plan.clients.len(), plan.epochs.len());
    let small = minimise(plan, violation, RUNS_TO_MINIMISE);
    let report = run(&small, true);
    println!("\nWhat of it is needed:");
    println!("  {:?}, {} networks, {} servers", small.shape, small.networks, small.servers());
    for client in small.clients.iter().filter(|client| client.on_ms != NEVER) {
        println!("  client {}: {:?}, on at {} ms", client.number, client.kind, client.on_ms);
    }
    for (number, epoch) in small.epochs.iter().enumerate() {
        println!("  epoch {number}: {:?}", epoch.faults);
        for incident in &epoch.incidents {
            println!("    at {} ms: {:?}", incident.at_ms, incident.what);
        }
    }
    println!("\nThe end of its story:");
    for (at, line) in report.trace.story().iter().rev().take(60).rev() {
        println!("  {}  {line}", Clock(*at));
    }
    if let Some((at, violation, line)) = report.failure {
        println!("  {}  {violation}: {line}", Clock(at));
    }
    ExitCode::FAILURE
}

/// How long something takes.
#[expect(clippy::disallowed_methods, reason = "a person waits for it; no run sees this time")]
fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let begin = std::time::Instant::now();
    let result = run();
    (result, begin.elapsed())
}

#[expect(clippy::disallowed_methods, reason = "a person waits for it; no run sees this time")]
fn search(minutes: u64, from: u64, scale: Scale) -> ExitCode {
    let begin = std::time::Instant::now();
    let mut said = Duration::ZERO;
    for seed in from.. {
        let passed = begin.elapsed();
        if passed >= Duration::from_secs(minutes.saturating_mul(60)) {
            println!("{} seeds, from {from}, and none failed", seed - from);
            return ExitCode::SUCCESS;
        }
        if passed >= said {
            println!("{:>4} s: seed {seed}", passed.as_secs());
            said = passed + Duration::from_secs(10);
        }
        let plan = scale.plan(seed);
        if run(&plan, false).failure.is_some() {
            return explain(&plan);
        }
    }
    ExitCode::SUCCESS
}

fn wear(renewals: u32) {
    println!(
        "Leases of 1 h; every half hour all clients renew theirs, in random order. Sectors of 4 KiB are good for 100,000 erases."
    );
    println!(
        "Each record is a sync. With a slack a lease is promised for so much longer than its client is told; renewals within that need none.\n"
    );
    println!("{HEADING}");
    for (leases, sectors) in [(64, 4), (1_024, 32)] {
        for slack_secs in [0, 8 * 3_600, 24 * 3_600] {
            for report in measure_all(Load { leases, sectors, renewals, slack_secs }) {
                println!("{report}");
            }
        }
    }
}
