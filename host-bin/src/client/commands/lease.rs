//! `hydrant lease NAME..`: an address for each name, told in a format; or, in the foreground, kept for as long as the command runs.

use std::io::Write as _;

use crate::cli::client::LeaseArgs;
use crate::client::commands::{demand, foreground, network, runtime};
use crate::client::exit::Exit;
use crate::client::format::{Format, Told, failure};
use crate::client::obtain::obtain;
use crate::client::session::{Ended, Session, place, say};

/// Runs it and gives the exit code.
pub(crate) fn run(args: &LeaseArgs) -> Exit {
    let format = args.format.unwrap_or(Format::Sh);
    match lease(args, format) {
        Ok(exit) => exit,
        Err(Ended { exit, said }) => {
            say(&said);
            print(&failure(format, exit));
            exit
        }
    }
}

fn lease(args: &LeaseArgs, format: Format) -> Result<Exit, Ended> {
    let several = args.names.len() > 1;
    if several && !format.takes_several() {
        let said =
            "variables of several names cannot be told apart; `--format json` can".to_owned();
        return Err(Ended { exit: Exit::Usage, said });
    }
    if several && (args.wish.ip.is_some() || args.wish.mac.is_some()) {
        let said = "`--ip` and `--mac` are for one name".to_owned();
        return Err(Ended { exit: Exit::Usage, said });
    }
    if args.foreground.foreground {
        return match args.names.as_slice() {
            [name] => foreground::run(args, *name),
            _ => {
                let said = "`--foreground` keeps one name".to_owned();
                Err(Ended { exit: Exit::Usage, said })
            }
        };
    }
    let place = place(args.place.vlan, args.place.interface.as_deref())?;
    let network = network(args.docker.network, &place.segment)?;
    let session = Session::open(&args.state.state)?;
    let demand = demand(&args.wish);
    let outcomes = runtime()?.block_on(obtain(&session, &place, &args.names, &demand));
    let exits = args.names.iter().zip(outcomes).map(|(name, outcome)| match outcome {
        Ok(got) => {
            let told = Told { status: got.status, network: &network, lease: &got.lease };
            print(&told.render(format));
            got.status.exit()
        }
        Err(Ended { exit, said }) => {
            say(&format!("{}: {said}", place.segment.container(*name)));
            print(&failure(format, exit));
            exit
        }
    });
    Ok(Exit::of_all(exits.collect::<Vec<_>>()))
}

/// The result alone goes to standard output. Nobody can be told when that is closed.
pub(crate) fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
