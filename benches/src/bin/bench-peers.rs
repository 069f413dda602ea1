//! How do we compare with other servers? `cargo build --release -p hydrant && cargo run --release -p benches --bin bench-peers`; as root.
//!
//! Each server runs alone in a private network with one relay agent, and is started anew, with no leases, for each line of the table. Nothing leaves that
//! network, and all of it is gone when this program ends.

use core::time::Duration;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use benches::load::{Kind, Pace, Path as Way, Plan, Report, run};
use benches::machine::{Machine, Pressure};
use benches::peers::{INTERFACE, Peer, RELAY, SERVER};
use clap::Parser;
use hydrant::testbed::{Child, Node, Testbed, private};
use serde::Serialize;

/// The error of a run, which is told to people and then forgotten.
type Failure = Box<dyn core::error::Error + Send + Sync>;

/// Runs DHCP servers one after another under the same load, and prints what their clients experience.
#[derive(Debug, Parser)]
struct Arguments {
    /// Which servers; all unless told.
    #[arg(value_enum)]
    peers: Vec<Peer>,
    /// For how long each line of the table is measured, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 4.0)]
    time: f64,
    /// Where servers keep their leases: on the disk that is to be measured.
    #[arg(long, value_name = "DIRECTORY", default_value = "target/bench-peers")]
    room: PathBuf,
    /// Where the raw results go, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
struct Line {
    what: &'static str,
    kind: Kind,
    pace: Pace,
    addresses: u32,
    clients: u32,
    preload: u32,
}

const fn dora(what: &'static str, in_flight: u32, clients: u32, preload: u32) -> Line {
    let addresses = clients + preload + 1_000;
    Line { what, kind: Kind::Dora, pace: Pace::Closed { in_flight }, addresses, clients, preload }
}

const LINES: [Line; 6] = [
    dora("DORA, 1 in flight, 60,000 clients", 1, 60_000, 0),
    dora("DORA, 16 in flight, 1,000 clients", 16, 1_000, 0),
    dora("DORA, 64 in flight, 1,000 clients", 64, 1_000, 0),
    dora("DORA, 64 in flight, 60,000 clients", 64, 60_000, 0),
    Line { kind: Kind::Renew, ..dora("renewal, 64 in flight, 1,000 clients", 64, 1_000, 0) },
    Line {
        pace: Pace::Open { per_second: 100_000.0 },
        ..dora("DORA, overload: 100,000 begin a second", 0, 60_000, 0)
    },
];

#[derive(Debug, Serialize)]
struct Results {
    machine: Machine,
    secs_a_line: f64,
    lines: Vec<Measured>,
}

#[derive(Debug, Serialize)]
struct Measured {
    server: &'static str,
    durability: &'static str,
    line: &'static str,
    report: Option<Report>,
    /// Why there is none.
    failure: Option<String>,
    pressure: Pressure,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match compare(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench-peers: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn compare(arguments: &Arguments) -> Result<(), Failure> {
    private::enter()?;
    let mut bed = Testbed::new()?;
    let segment = bed.segment("segment")?;
    let (server, relay) = (bed.node("server")?, bed.node("relay")?);
    for (node, address) in [(&server, SERVER), (&relay, RELAY)] {
        bed.plug(node, INTERFACE, &segment, None)?;
        node.ip(&format!("addr add {address}/8 dev {INTERFACE}"))?;
    }
    let peers = if arguments.peers.is_empty() { &Peer::ALL[..] } else { &arguments.peers };
    let machine = Machine::here();
    println!("{machine}\n");
    println!(
        "{:<40} {:<10} {:>10} {:>8} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "", "", "a second", "lost %", "p50 us", "p99 us", "p99.9 us", "CPU us", "syncs"
    );
    let mut results = Results { machine, secs_a_line: arguments.time, lines: Vec::new() };
    for line in &LINES {
        for peer in peers {
            let before = Pressure::now();
            let measured = measure(arguments, &server, &relay, *peer, line);
            let pressure = Pressure::now().since(&before);
            print_line(*peer, line, measured.as_ref());
            let (report, failure) = match measured {
                Ok(report) => (Some(report), None),
                Err(failure) => (None, Some(failure.to_string())),
            };
            let (server, durability) = (peer.name(), peer.durability());
            let line = line.what;
            results.lines.push(Measured { server, durability, line, report, failure, pressure });
        }
    }
    if let Some(path) = &arguments.json {
        fs::write(path, serde_json::to_string_pretty(&results)?)?;
    }
    Ok(())
}

fn print_line(peer: Peer, line: &Line, measured: Result<&Report, &Failure>) {
    match measured {
        Ok(report) => {
            let lost = report.lost as f64 * 100.0 / report.begun.max(1) as f64;
            let latency = report.exchange;
            let cpu = report.server_cpu_micros.unwrap_or(f64::NAN);
            // With many at once an OFFER waits for others' syncs, too, and says nothing of what an ACK takes beyond it.
            let alone = matches!(line.pace, Pace::Closed { in_flight: 1 });
            let syncs = report.syncs().filter(|_| alone);
            let syncs = syncs.map_or_else(String::new, |syncs| format!("{syncs:.2}"));
            println!(
                "{:<40} {:<10} {:>10.0} {lost:>8.2} {:>9.0} {:>9.0} {:>9.0} {cpu:>9.1} {syncs:>9}",
                line.what,
                peer.name(),
                report.per_second,
                latency.p50,
                latency.p99,
                latency.p999
            );
        }
        Err(failure) => println!("{:<40} {:<10} {failure}", line.what, peer.name()),
    }
}

/// Starts the server with no leases, waits until it serves, measures, and ends it.
fn measure(
    arguments: &Arguments,
    server: &Node,
    relay: &Node,
    peer: Peer,
    line: &Line,
) -> Result<Report, Failure> {
    let room = std::path::absolute(&arguments.room)?.join(peer.name().replace(' ', "-"));
    if room.exists() {
        fs::remove_dir_all(&room)?;
    }
    fs::create_dir_all(&room)?;
    let child = start(server, peer, &room, line.addresses)?;
    let plan = Plan {
        kind: line.kind,
        pace: line.pace,
        path: Way::Relay { giaddr: RELAY, server: SERVER },
        clients: line.clients,
        preload: line.preload,
        time: Duration::from_secs_f64(arguments.time),
        timeout: Duration::from_secs(1),
        server_pid: Some(child.id()),
        disk: Some(room.clone()),
    };
    wait_until_it_serves(relay, &child, &plan)?;
    let report = load(relay, &plan);
    drop(child);
    fs::remove_dir_all(&room)?;
    report
}

fn start(server: &Node, peer: Peer, room: &Path, addresses: u32) -> Result<Child, Failure> {
    let start = peer.configure(room, addresses)?;
    let mut command = server.command(&start.program)?;
    command.args(&start.arguments).envs(start.variables);
    Ok(Child::start(command)?)
}

/// How long a server may take to begin.
const START_TIME_MAX: Duration = Duration::from_secs(20);

fn wait_until_it_serves(relay: &Node, child: &Child, plan: &Plan) -> Result<(), Failure> {
    let time = Duration::from_millis(20);
    let pace = Pace::Closed { in_flight: 1 };
    let kind = Kind::Dora;
    let timeout = Duration::from_millis(500);
    let disk = None;
    let one = Plan { kind, pace, clients: 1, preload: 0, time, timeout, disk, ..plan.clone() };
    let begin = Instant::now();
    while begin.elapsed() < START_TIME_MAX {
        if load(relay, &one).is_ok_and(|report| report.done > 0) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(100));
    }
    let said = child.said();
    let last = said.lines().last().unwrap_or("nothing").to_owned();
    Err(format!("it does not serve; the last that it said: {last}").into())
}

/// The load comes from the relay agent's side.
fn load(relay: &Node, plan: &Plan) -> Result<Report, Failure> {
    relay.inside(|| -> Result<Report, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(run(plan, |_| {}))?)
    })?
}
