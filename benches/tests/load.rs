//! Does the load reach a server on every way it knows, and only in a network of its own? The server is ours, in this same program, in a private machine.

use core::net::Ipv4Addr;
use core::time::Duration;
use std::env;
use std::fs;
use std::process::ExitCode;

use benches::load::{Kind, LoadError, Pace, Path, Plan, Report, check_private, run};
use benches::peers::{INTERFACE, RELAY, SERVER};
use hydrant::testbed::{Child, Node, Testbed, private};

/// Where the server keeps its files; it vanishes with the private machine.
const ROOM: &str = "/run/hydrant-load";

const CLIENTS: u32 = 200;

fn main() -> ExitCode {
    if env::args().nth(1).is_some_and(|first| first == "serve") {
        return hydrant::main();
    }
    if private::inside() {
        private::enter().expect("entered already");
        every_exchange_on_every_path();
        return ExitCode::SUCCESS;
    }
    it_refuses_the_machines_own_network();
    let ended = private::again(["inside"]).map(|mut command| {
        let mut child = command.spawn().expect("it was tried before");
        // While we hold its stdin it lives.
        let _stdin = child.stdin.take();
        child.wait().expect("it was begun")
    });
    match ended {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) if env::var("CI").as_deref() != Ok("true") => {
            eprintln!("SKIPPED: {error}");
            ExitCode::SUCCESS
        }
        Err(error) => panic!("in CI it must run: {error}"),
    }
}

fn broadcast() -> Path {
    Path::Broadcast { interface: INTERFACE.to_owned() }
}

fn relayed() -> Path {
    Path::Relay { giaddr: RELAY, server: SERVER }
}

fn it_refuses_the_machines_own_network() {
    for path in [broadcast(), relayed()] {
        assert!(matches!(check_private(&path), Err(LoadError::NotPrivate)), "{path:?}");
    }
    let loopback = Path::Relay { giaddr: Ipv4Addr::LOCALHOST, server: Ipv4Addr::LOCALHOST };
    assert!(check_private(&loopback).is_ok(), "it reaches nobody else");
    println!("it refuses the machine's own network");
}

fn every_exchange_on_every_path() {
    let mut bed = Testbed::new().expect("a private machine has room for a network");
    let segment = bed.segment("segment").expect("a bridge");
    let [server, relay] = ["server", "relay"].map(|name| bed.node(name).expect("a namespace"));
    for (node, address) in [(&server, SERVER), (&relay, RELAY)] {
        bed.plug(node, INTERFACE, &segment, None).expect("an interface");
        node.ip(&format!("addr add {address}/8 dev {INTERFACE}")).expect("an address");
    }
    let _server = start(&server);
    for (way, path) in [("relayed", relayed()), ("broadcast", broadcast())] {
        for (kind, pace) in [
            (Kind::Dora, Pace::Closed { in_flight: 16 }),
            (Kind::Renew, Pace::Closed { in_flight: 16 }),
            (Kind::Reboot, Pace::Closed { in_flight: 1 }),
            (Kind::Dora, Pace::Open { per_second: 500.0 }),
        ] {
            let report = load(&relay, kind, pace, path.clone());
            println!("{way} {kind:?} {pace:?}: {} done, {} lost", report.done, report.lost);
            let Report { done, refused, .. } = report;
            assert!(done > 20 && refused == 0, "{way} {kind:?}: {report:?}");
            assert!(report.lost * 10 <= report.begun, "{way} {kind:?}: {report:?}");
            assert!(report.exchange.p50 > 0.0 && report.server_cpu_micros.is_none());
        }
    }
}

fn start(node: &Node) -> Child {
    fs::create_dir(ROOM).expect("/run is our own");
    let config = format!("{ROOM}/hydrant.toml");
    let text = format!(
        "lease-time = \"1h\"\nping-check = false\n\n[[subnet]]\nnetwork = \"10.0.0.0/8\"\n\
         range = \"10.1.0.1 - 10.1.15.254\"\nserver-id = \"{SERVER}\"\n"
    );
    fs::write(&config, text).expect("it is our directory");
    let program = env::current_exe().expect("we run");
    let mut command = node.command(program).expect("it is a program");
    let state = format!("{ROOM}/state");
    command.args(["serve", "--config", &config, "--state", &state, "--interface", INTERFACE]);
    let child = Child::start(command).expect("it starts");
    child.line("ready", Duration::from_secs(20)).expect("it serves");
    child
}

fn load(node: &Node, kind: Kind, pace: Pace, path: Path) -> Report {
    let plan = Plan {
        kind,
        pace,
        path,
        clients: CLIENTS,
        preload: 0,
        time: Duration::from_millis(500),
        timeout: Duration::from_secs(2),
        server_pid: None,
        disk: None,
    };
    let report = node.inside(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("an event loop").block_on(run(&plan, |_| {}))
    });
    report.expect("its network").unwrap_or_else(|error| panic!("{kind:?} {plan:?}: {error:?}"))
}
