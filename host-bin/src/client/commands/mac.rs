//! `hydrant mac NAME`: the MAC address that a name has or will have, so that it can be written down before it is leased.

use crate::cli::client::MacArgs;
use crate::client::commands::lease::print;
use crate::client::exit::Exit;
use crate::client::local;
use crate::client::session::{Ended, Session, place, say};
use dhcp_core::id::HardwareAddr;

/// Runs it and gives the exit code.
pub(crate) fn run(args: &MacArgs) -> Exit {
    match mac(args) {
        Ok(mac) => {
            print(&format!("{mac}\n"));
            Exit::Leased
        }
        Err(Ended { exit, said }) => {
            say(&said);
            exit
        }
    }
}

fn mac(args: &MacArgs) -> Result<HardwareAddr, Ended> {
    let place = place(args.place.vlan, args.place.interface.as_deref())?;
    let session = Session::open(&args.state.state)?;
    let container = place.segment.container(args.name);
    let stored = session.stored(&args.name, &place.segment)?;
    let recorded = || {
        let named = local::named(args.name, &place.segment);
        local::connect(&session.state).ok()?.mac(named).ok()
    };
    match stored {
        Some(stored) => Ok(stored.lease.mac),
        // Our server knows which addresses are taken. Without it, the first derived one is the best guess.
        None => match recorded() {
            Some(mac) => Ok(mac),
            None => Ok(session.mac(&container, None)?),
        },
    }
}
