//! The simulations from the command line.

use clap::{Parser, Subcommand};
use sim::wear::{HEADING, Load, measure_all};

/// Simulated flashes and files, and a world of servers and clients.
#[derive(Debug, Parser)]
#[command(name = "sim", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print how fast the journal wears out a NOR flash, with and without a promise beyond the lease
    Wear {
        /// Renewals that are counted
        #[arg(long, default_value_t = 20_000)]
        renewals: u32,
    },
}

fn main() {
    match Cli::parse().command {
        Command::Wear { renewals } => wear(renewals),
    }
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
