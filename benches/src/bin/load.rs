//! How many clients does a server keep happy? `cargo run --release -p benches --bin load -- --help`; to be run in a network namespace of its own.

use core::net::Ipv4Addr;
use core::time::Duration;
use std::path::PathBuf;
use std::process::ExitCode;

use benches::load::{Kind, LoadError, Pace, Path, Plan, Report, run};
use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

/// Lets thousands of simulated clients ask a DHCP server, and prints what they experience. It runs in a network namespace of its own only.
#[derive(Debug, Parser)]
struct Arguments {
    /// What the clients do.
    #[arg(value_enum, default_value = "dora")]
    exchange: Exchange,
    /// The server's address, for relayed traffic.
    #[arg(long, value_name = "ADDRESS", requires = "giaddr")]
    server: Option<Ipv4Addr>,
    /// Our address, which the server answers to as a relay agent's.
    #[arg(long, value_name = "ADDRESS", requires = "server")]
    giaddr: Option<Ipv4Addr>,
    /// The interface for broadcast frames, instead of relayed traffic.
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "server",
        required_unless_present = "server"
    )]
    interface: Option<String>,
    /// How many clients are always at it.
    #[arg(long, value_name = "COUNT", default_value_t = 64, conflicts_with = "rate")]
    in_flight: u32,
    /// How many exchanges begin each second, whatever becomes of others.
    #[arg(long, value_name = "PER-SECOND")]
    rate: Option<f64>,
    /// How many clients there are.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    clients: u32,
    /// How many others have leases before the run begins.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    preload: u32,
    /// For how long, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    time: f64,
    /// When a client that hears nothing gives up, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    timeout: f64,
    /// The server's process, to tell its CPU time.
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// A directory on the server's disk: also tell how long a bare sync takes there.
    #[arg(long, value_name = "DIRECTORY")]
    disk: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Exchange {
    /// DISCOVER, OFFER, REQUEST, ACK.
    Dora,
    /// REQUEST of a client that has its address, ACK.
    Renew,
    /// REQUEST of a client that was restarted, ACK.
    Reboot,
}

impl Arguments {
    fn plan(&self) -> Option<Plan> {
        let path = match (&self.interface, self.server, self.giaddr) {
            (Some(interface), _, _) => Path::Broadcast { interface: interface.clone() },
            (None, Some(server), Some(giaddr)) => Path::Relay { giaddr, server },
            (None, _, _) => return None,
        };
        Some(Plan {
            kind: match self.exchange {
                Exchange::Dora => Kind::Dora,
                Exchange::Renew => Kind::Renew,
                Exchange::Reboot => Kind::Reboot,
            },
            pace: match self.rate {
                Some(per_second) => Pace::Open { per_second },
                None => Pace::Closed { in_flight: self.in_flight.max(1) },
            },
            path,
            clients: self.clients.max(1),
            preload: self.preload,
            time: Duration::from_secs_f64(self.time.clamp(0.01, 3_600.0)),
            timeout: Duration::from_secs_f64(self.timeout.clamp(0.01, 3_600.0)),
            server_pid: self.server_pid,
            disk: self.disk.clone(),
        })
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let Some(plan) = arguments.plan() else {
        eprintln!("load: either --interface, or --server and --giaddr");
        return ExitCode::FAILURE;
    };
    match measured(&plan) {
        Ok(report) if arguments.json => {
            println!("{}", serde_json::json!(report));
            ExitCode::SUCCESS
        }
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprint!("load: {error}");
            let source = core::error::Error::source(&error);
            eprintln!("{}", source.map_or_else(String::new, |source| format!(": {source}")));
            ExitCode::FAILURE
        }
    }
}

fn measured(plan: &Plan) -> Result<Report, LoadError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|source| LoadError::Io { doing: "start the event loop", source })?;
    let bar = ProgressBar::new(1_000);
    if let Ok(style) = ProgressStyle::with_template("{msg} [{wide_bar}] {percent} %") {
        bar.set_style(style);
    }
    let report = runtime.block_on(run(plan, |progress| {
        let what = if progress.preparing { "preparing" } else { "measuring" };
        bar.set_message(format!("{what}: {} done, {} lost", progress.done, progress.lost));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1,000")]
        bar.set_position((progress.share * 1_000.0) as u64);
    }));
    bar.finish_and_clear();
    report
}
