//! Does it work on a truck? `hydrant demo` makes one out of nothing: two VLANs, a server, containers and devices that lease from it, proofs that frames reach those
//! they should, a power cut, and the same addresses again. The machine that it runs on is not touched.
//!
//! Everything is real: the server is `hydrant serve` in a process of its own, killed with -9; leases are had by `hydrant lease`; proofs are UDP datagrams between sockets
//! in the nodes' own network namespaces.

mod cast;
mod leases;
mod proof;
mod show;

use core::sync::atomic::{AtomicU8, Ordering};
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use thiserror::Error;

use self::cast::Truck;
use self::leases::{LeaseFailed, Server};
use self::proof::Proof;
use self::show::Show;
use crate::chain::Chain;
use crate::cli::DemoArgs;
use crate::testbed::{TestbedError, private};

/// Why the demonstration could not go on. A proof that fails is not one of these: the rest is shown all the same.
#[derive(Debug, Error)]
enum DemoError {
    #[error("the demonstration cannot run here")]
    Cannot(#[source] TestbedError),
    #[error("the network of the demonstration failed")]
    Network(#[from] TestbedError),
    #[error(transparent)]
    Lease(#[from] LeaseFailed),
    #[error("cannot {doing}")]
    Io {
        doing: &'static str,
        #[source]
        source: std::io::Error,
    },
}

impl DemoError {
    fn io(doing: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }
}

/// Whether everything was as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Held,
    Failed,
}

/// Shows it. Exit code 0 when every proof held and every address stayed, 1 otherwise.
pub(crate) fn run(args: &DemoArgs) -> ExitCode {
    match private::enter().map_err(DemoError::Cannot).and_then(|()| demonstrate(args)) {
        Ok(Verdict::Held) => ExitCode::SUCCESS,
        Ok(Verdict::Failed) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "hydrant demo: {}", Chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn demonstrate(args: &DemoArgs) -> Result<Verdict, DemoError> {
    let since = Instant::now();
    let interrupted = watch_for_the_end();
    let show = Show::new(args.json);
    show.title("A truck in one command: two VLANs, one record of who has which address");
    show.step("Building the truck's network, in namespaces of its own");
    let mut truck = Truck::build()?;
    show.step("Starting `hydrant serve` on the article's configuration, its typing error mended");
    let mut server = Server::start(&truck)?;
    show.step("Leasing: containers by name on the truck, devices by DHCP on their own");
    let mut hosts = truck.boot_all(&cast::CAST)?;
    show.picture(&hosts);
    show.table("Who has which address", &hosts);

    show.step("Who hears whom");
    let mut proofs = proof::neighbours(&truck, &hosts)?;
    show.proofs(&proofs);
    let through = proof::across(&truck, &hosts)?;
    show.proofs(&through);
    proofs.extend(through);

    show.step("Plugging in a thermal camera that nobody has configured anything for");
    hosts.push(truck.boot(&cast::NEWCOMER)?);
    show.table("Served at once", hosts.get(hosts.len() - 1..).unwrap_or_default());
    let seen = proof::unicast(&hosts, "unicast with the camera")?;
    show.proofs(&seen);
    proofs.extend(seen);

    show.step("Cutting the server's power (kill -9) and starting it again");
    server.cut();
    server = Server::start(&truck)?;
    let again = truck.lease_all(&hosts)?;
    let kept = show.comparison(&hosts, &again);

    let held = proofs.iter().all(Proof::held) && kept;
    let verdict = if held { Verdict::Held } else { Verdict::Failed };
    show.end(verdict, since.elapsed(), &hosts, &again, &proofs);
    if args.keep {
        let code = if held { 0 } else { 1 };
        interrupted.store(code, Ordering::Relaxed);
        show.kept(&hosts);
        server.wait();
    }
    drop(server);
    Ok(verdict)
}

/// Ctrl-C and SIGTERM end us, and we are process 1: the kernel ends all the others and takes the network away. Gives the exit code for then.
fn watch_for_the_end() -> Arc<AtomicU8> {
    // As shells have it: 128 and the number of SIGINT.
    let code = Arc::new(AtomicU8::new(130));
    let shared = Arc::clone(&code);
    thread::spawn(move || {
        use tokio::signal::unix::{SignalKind, signal};
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        // Without it the demonstration still ends by itself.
        let Ok(runtime) = runtime else { return };
        let asked = runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate()).ok()?;
            let mut hang_up = signal(SignalKind::hangup()).ok()?;
            tokio::select! {
                pressed = tokio::signal::ctrl_c() => pressed.ok(),
                got = terminate.recv() => got,
                got = hang_up.recv() => got,
            }
        });
        if asked.is_some() {
            let _ = writeln!(std::io::stderr(), "\nhydrant demo: stopped; its network is gone");
            std::process::exit(shared.load(Ordering::Relaxed).into());
        }
    });
    code
}
