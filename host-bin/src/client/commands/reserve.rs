//! `hydrant reserve NAME` and `unreserve NAME`: an address on our server for a name that has not asked yet, and its end.

use crate::cli::client::{ReserveArgs, UnreserveArgs};
use crate::client::exit::Exit;
use crate::client::local::{self, LocalError};
use crate::client::session::{Ended, chain, place, say};
use crate::control::names::Named;
use crate::state::StateDir;

/// Runs `reserve` and gives the exit code.
pub(crate) fn reserve(args: &ReserveArgs) -> Exit {
    let reserved = || {
        let place = place(args.place.vlan, args.place.interface.as_deref())?;
        let mac = args.mac.map(|mac| mac.to_string());
        let named = Named { mac, address: args.ip, ..local::named(args.name, &place.segment) };
        let state = StateDir::new(&args.state.state);
        let reserved = local::connect(&state).and_then(|mut server| server.reserve(named));
        let (address, mac) = reserved.map_err(|error| ended(&error))?;
        Ok(format!("{}: {address} with {mac}", place.segment.container(args.name)))
    };
    told(reserved())
}

/// Runs `unreserve` and gives the exit code.
pub(crate) fn unreserve(args: &UnreserveArgs) -> Exit {
    let forgotten = || {
        let place = place(args.place.vlan, args.place.interface.as_deref())?;
        let named = local::named(args.name, &place.segment);
        let state = StateDir::new(&args.state.state);
        let container = place.segment.container(args.name);
        let forgotten = local::connect(&state).and_then(|mut server| server.unreserve(named));
        match forgotten.map_err(|error| ended(&error))? {
            Some(address) => Ok(format!("{container}: {address} is anybody's now")),
            None => Ok(format!("{container}: had no address")),
        }
    };
    told(forgotten())
}

fn ended(error: &LocalError) -> Ended {
    Ended { exit: error.exit(), said: chain(error) }
}

fn told(result: Result<String, Ended>) -> Exit {
    let (exit, said) = match result {
        Ok(said) => (Exit::Leased, said),
        Err(Ended { exit, said }) => (exit, said),
    };
    say(&said);
    exit
}
