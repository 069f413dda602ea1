//! Who has which address? `hydrant leases`: asked of the running server, or read from a stopped one's journal or a microcontroller's flash.

mod recorded;

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use dhcp_core::server::{NAME_LEN_MAX, sanitised};
use jiff::Timestamp;
use lease_store::journal::Opened;

use crate::cli::serve::LeasesArgs;
use crate::control::client::{Client, ClientError};
use crate::control::protocol::{Lease, Request, Response};
use crate::leases::recorded::{Recorded, RecordedError};
use crate::state::StateDir;

/// Why they cannot be shown.
#[derive(Debug, thiserror::Error)]
enum LeasesError {
    /// The server does not tell.
    #[error(transparent)]
    Server(#[from] ClientError),
    /// The file does not.
    #[error(transparent)]
    Recorded(#[from] RecordedError),
}

/// Shows them.
pub(crate) fn run(args: &LeasesArgs) -> ExitCode {
    let leases = match &args.image {
        Some(path) => dumped(path, args.offset),
        None => leases(&StateDir::new(&args.state.state)),
    };
    match leases {
        Ok(leases) => {
            let text = if args.json { json(&leases) } else { table(&leases) };
            // There is nobody to tell when the stream is closed.
            let _ = io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(why) => crate::failed(&why),
    }
}

/// All leases in the order of their addresses.
fn leases(state: &StateDir) -> Result<Vec<Lease>, LeasesError> {
    let mut server = match Client::connect(&state.control_socket()) {
        Ok(server) => server,
        Err(ClientError::NotRunning { .. }) if state.journal().exists() => {
            let mut leases = Recorded::read(&state.journal())?.leases();
            let subnets = state.subnets();
            for lease in &mut leases {
                let subnet = subnets.iter().find(|subnet| subnet.contains(lease.address));
                lease.subnet = subnet.map(ToString::to_string);
            }
            return Ok(leases);
        }
        Err(why) => return Err(why.into()),
    };
    let mut leases = Vec::new();
    let mut after = None;
    loop {
        let response = server.ask(Request::Leases { after })?;
        let Response::Leases { leases: some, next } = response else {
            return Err(server.unexpected(&response).into());
        };
        leases.extend(some);
        after = next;
        if after.is_none() {
            break;
        }
    }
    // The server has no memory for names; they stand in the record.
    if let Ok(recorded) = Recorded::read(&state.journal()) {
        leases.iter_mut().for_each(|lease| recorded.name(lease));
    }
    Ok(leases)
}

/// All leases of a microcontroller, and to whoever watches what the table does not tell.
fn dumped(path: &Path, from: u32) -> Result<Vec<Lease>, LeasesError> {
    let (recorded, opened) = Recorded::read_image(path, from)?;
    for note in notes(&opened) {
        // There is nobody to tell when the stream is closed.
        let _ = writeln!(io::stderr(), "hydrant: {}: {note}", path.display());
    }
    Ok(recorded.leases())
}

fn notes(opened: &Opened) -> impl Iterator<Item = String> {
    let clock = opened.time.map_or_else(
        || "the device never wrote down what time it is; times are its own clock's".to_owned(),
        |time| {
            let time = utc(time.as_secs());
            format!("as of {time}, the last time that the device wrote down, by its own clock")
        },
    );
    let (octets, sectors) = (opened.octets_lost, opened.sectors_lost);
    let damage = (octets > 0 || sectors > 0).then(|| {
        format!(
            "{octets} octets of leases are damaged and lost, and {sectors} sectors are missing; the others are shown"
        )
    });
    core::iter::once(clock).chain(damage)
}

fn json(leases: &[Lease]) -> String {
    let mut text = serde_json::to_string_pretty(leases).expect("leases are made of what JSON has");
    text.push('\n');
    text
}

/// As people read it: a line a lease, columns one below the other.
fn table(leases: &[Lease]) -> String {
    let heads =
        ["ADDRESS", "MAC", "CLIENT ID", "NAME", "STATE", "UNTIL", "SUBNET"].map(str::to_owned);
    let lines = core::iter::once(heads).chain(leases.iter().map(cells)).collect::<Vec<_>>();
    let mut widths = [0; 7];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for line in &lines {
        let padded = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn cells(lease: &Lease) -> [String; 7] {
    let dash = |text: &Option<String>| text.as_deref().map_or_else(|| "-".to_owned(), harmless);
    let pinned = if lease.pinned { "+kept" } else { "" };
    [
        lease.address.to_string(),
        dash(&lease.mac),
        dash(&lease.client_id),
        dash(&lease.name),
        format!("{}{pinned}", lease.state.name()),
        lease.until.map_or_else(|| "never".to_owned(), utc),
        dash(&lease.subnet),
    ]
}

/// What comes from a packet, a file or a socket must not move the cursor.
fn harmless(text: &str) -> String {
    if text.bytes().all(|octet| octet.is_ascii_graphic()) {
        return text.to_owned();
    }
    let mut room = [0; NAME_LEN_MAX];
    String::from_utf8_lossy(sanitised(text.as_bytes(), &mut room)).into_owned()
}

/// UTC, as logs have it.
fn utc(secs: u32) -> String {
    Timestamp::from_second(i64::from(secs))
        .map_or_else(|_| secs.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::protocol::LeaseState;

    fn lease() -> Lease {
        Lease {
            address: [10, 0, 1, 7].into(),
            mac: Some("02:00:00:00:00:01".to_owned()),
            client_id: None,
            name: Some("camera1".to_owned()),
            state: LeaseState::Bound,
            until: Some(1_790_000_000),
            subnet: Some("10.0.1.0/24".to_owned()),
            pinned: true,
        }
    }

    #[test]
    fn a_table_has_its_columns_one_below_the_other() {
        let other = Lease { mac: None, name: None, until: None, pinned: false, ..lease() };
        assert_eq!(
            table(&[lease(), other]),
            "\
ADDRESS   MAC                CLIENT ID  NAME     STATE       UNTIL                 SUBNET
10.0.1.7  02:00:00:00:00:01  -          camera1  bound+kept  2026-09-21T14:13:20Z  10.0.1.0/24
10.0.1.7  -                  -          -        bound       never                 10.0.1.0/24
"
        );
    }

    #[test]
    fn nothing_in_it_moves_the_cursor() {
        let evil = Lease { name: Some("a\x1b[2Jb\nc d".to_owned()), ..lease() };
        assert!(table(&[evil]).contains(" a-2Jb-c-d "));
    }
}
