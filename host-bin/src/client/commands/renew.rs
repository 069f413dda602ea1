//! `hydrant renew NAME`: the lease is extended now, by the way that it came.

use core::time::Duration;

use crate::cli::client::RenewArgs;
use crate::client::commands::{runtime, stored_place};
use crate::client::dhcp::Patience;
use crate::client::exit::Exit;
use crate::client::format::Status;
use crate::client::lease::NamedLease;
use crate::client::obtain::{Demand, Got, obtain};
use crate::client::session::{Ended, Session, say};
use dhcp_core::conflict::Acd;

/// Runs it and gives the exit code.
pub(crate) fn run(args: &RenewArgs) -> Exit {
    match renew_all(args) {
        Ok(exit) => exit,
        Err(Ended { exit, said }) => {
            say(&said);
            exit
        }
    }
}

fn renew_all(args: &RenewArgs) -> Result<Exit, Ended> {
    let session = Session::open(&args.name.state.state)?;
    let runtime = runtime()?;
    let mut exits = Vec::new();
    for (_, stored) in args.name.stored(&session)? {
        let container = stored.lease.container();
        let demand = Demand {
            address: None,
            mac: Some(stored.lease.mac),
            via: Some(stored.lease.via),
            patience: Patience {
                timeout: Duration::from_secs(u64::from(args.timeout)),
                // The container may be running with the address, and its own answers say nothing.
                acd: Acd::Off,
            },
            accept_expired: false,
        };
        let place = stored_place(&stored.lease)?;
        let outcomes = runtime.block_on(obtain(&session, &place, &[stored.lease.name], &demand));
        exits.extend(outcomes.into_iter().map(|outcome| match outcome {
            Ok(Got { status, lease }) => {
                if status == Status::Leased {
                    say(&told(&lease, &stored.lease));
                }
                status.exit()
            }
            Err(Ended { exit, said }) => {
                say(&format!("{container}: {said}"));
                exit
            }
        }));
    }
    Ok(Exit::of_all(exits))
}

fn told(now: &NamedLease, before: &NamedLease) -> String {
    let container = now.container();
    let until = now.expires_at.map_or_else(|| "without end".to_owned(), |at| format!("until {at}"));
    if now.address == before.address {
        format!("{container}: {} {until}", now.address)
    } else {
        format!("{container}: {} {until}, instead of {}", now.address, before.address)
    }
}
