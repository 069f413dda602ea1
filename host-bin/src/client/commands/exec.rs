//! `hydrant exec NAME -- COMMAND..`: the command with its address, in the place of this process, without a shell.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::cli::client::ExecArgs;
use crate::client::commands::{demand, network, runtime};
use crate::client::exit::Exit;
use crate::client::format::Told;
use crate::client::obtain::obtain;
use crate::client::session::{Ended, Session, place, say};

/// Runs it. It comes back only when the command does not run.
pub(crate) fn run(args: &ExecArgs) -> Exit {
    match exec(args) {
        Ok(never) => match never {},
        Err(Ended { exit, said }) => {
            say(&said);
            exit
        }
    }
}

fn exec(args: &ExecArgs) -> Result<core::convert::Infallible, Ended> {
    let place = place(args.place.vlan, args.place.interface.as_deref())?;
    let network = network(args.docker.network, &place.segment)?;
    let session = Session::open(&args.state.state)?;
    let demand = demand(&args.wish);
    let outcome = runtime()?.block_on(obtain(&session, &place, &[args.name], &demand));
    let got = outcome.into_iter().next().expect("one outcome for each name")?;
    let told = Told { status: got.status, network: &network, lease: &got.lease };
    let words = filled(&args.command, &told)?;
    let (program, arguments) = words.split_first().expect("the command line has a program");
    let mut command = Command::new(program);
    command.args(arguments).envs(told.variables());
    let error = command.exec();
    Err(Ended { exit: Exit::Failed, said: format!("`{program}` does not run: {error}") })
}

/// The words of the command with what stands in braces filled in; braces around anything else stay. `{docker}` alone becomes several words.
fn filled(command: &[String], told: &Told<'_>) -> Result<Vec<String>, Ended> {
    let gateway = told.lease.gateway();
    if gateway.is_none() && command.iter().any(|word| word.contains("{gateway}")) {
        let said = "the lease has no router for `{gateway}`".to_owned();
        return Err(Ended { exit: Exit::Usage, said });
    }
    let pairs = [
        ("{name}", told.lease.name.to_string()),
        ("{ip}", told.lease.address.to_string()),
        ("{mac}", told.lease.mac.to_string()),
        ("{network}", told.network.to_string()),
        ("{gateway}", gateway.map(|gateway| gateway.to_string()).unwrap_or_default()),
        ("{docker}", told.docker().join(" ")),
    ];
    let fill = |word: &String| {
        if word == "{docker}" {
            return told.docker().to_vec();
        }
        vec![pairs.iter().fold(word.clone(), |word, (name, value)| word.replace(name, value))]
    };
    Ok(command.iter().flat_map(fill).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::format::Status;
    use crate::client::lease::NamedLease;

    fn lease(routes: &str) -> NamedLease {
        let json = format!(
            r#"{{"name":"camera","vlan":1,"interface":"eth0.1","mac":"02:19:10:de:8a:92","address":"10.0.1.77","prefix_len":24,
            "routers":[],"dns":[],"domain":null,"ntp":[],"mtu":null,"routes":[{routes}],"server":"10.0.1.1","via":"dhcp",
            "leased_at":"2025-06-15T15:06:40Z","renew_at":null,"rebind_at":null,"expires_at":null}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    fn fill(lease: &NamedLease, command: &[&str]) -> Result<Vec<String>, Ended> {
        let command = command.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let network = "vlan1".parse().unwrap();
        filled(&command, &Told { status: Status::Leased, network: &network, lease })
    }

    #[test]
    fn placeholders_are_filled_in() {
        let lease = lease(r#"{"to":"0.0.0.0","prefix_len":0,"gateway":"10.0.1.3"}"#);
        let command = [
            "docker",
            "run",
            "--name={name}",
            "{docker}",
            "img:{mac}",
            "{{.ID}}",
            "{ip}/{gateway}",
            "a {docker}",
        ];
        let filled = fill(&lease, &command).unwrap();
        let golden = [
            "docker",
            "run",
            "--name=camera",
            "--network",
            "vlan1",
            "--ip",
            "10.0.1.77",
            "--mac-address",
            "02:19:10:de:8a:92",
            "img:02:19:10:de:8a:92",
            "{{.ID}}",
            "10.0.1.77/10.0.1.3",
            "a --network vlan1 --ip 10.0.1.77 --mac-address 02:19:10:de:8a:92",
        ];
        assert_eq!(filled, golden);
    }

    #[test]
    fn a_gateway_that_is_not_there_is_not_made_up() {
        let lease = lease("");
        assert_eq!(fill(&lease, &["x", "{gateway}"]).unwrap_err().exit, Exit::Usage);
        assert!(fill(&lease, &["x", "{ip}"]).is_ok());
    }
}
