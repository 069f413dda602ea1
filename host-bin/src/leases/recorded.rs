//! What does the journal say, without a server and without its configuration? The last record of each address, read without changing anything.

use core::net::Ipv4Addr;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dhcp_core::server::book::Change;
use dhcp_core::time::Timestamp;
use lease_store::journal::{OpenError, Opened, scan};

use crate::control::protocol::{Lease, LeaseState};
use crate::medium::{FileError, FileMedium};
use crate::serve::wall_clock;

/// The journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordedError {
    /// The file.
    #[error(transparent)]
    Medium(#[from] FileError),
    /// What is in it.
    #[error("the leases in {} cannot be read", path.display())]
    Journal {
        path: PathBuf,
        #[source]
        source: OpenError<FileError>,
    },
}

/// The last record of each address.
#[derive(Debug)]
pub(super) struct Recorded {
    entries: BTreeMap<Ipv4Addr, Entry>,
    /// What is over by now is idle.
    now: Timestamp,
}

#[derive(Clone, Debug)]
struct Entry {
    lease: Lease,
    until: Timestamp,
}

impl Recorded {
    /// Reads the journal of a server, which may be running.
    pub(super) fn read(path: &Path) -> Result<Self, RecordedError> {
        let (entries, opened) = entries(FileMedium::open_read_only(path)?, path)?;
        let now = wall_clock().max(opened.time).unwrap_or_default();
        Ok(Self { entries, now })
    }

    /// Reads the journal in a dump of a microcontroller's flash, from octet `from` on, and says what else there is to say of it. Time is what it
    /// last wrote down: its clock need not have anything to do with ours.
    pub(super) fn read_image(path: &Path, from: u32) -> Result<(Self, Opened), RecordedError> {
        let (entries, opened) = entries(FileMedium::open_image(path, from)?, path)?;
        Ok((Self { entries, now: opened.time.unwrap_or_default() }, opened))
    }

    /// All of them, as they are known.
    pub(super) fn leases(&self) -> Vec<Lease> {
        let lease = |entry: &Entry| {
            let over = entry.until <= self.now;
            let until = Some(entry.until).filter(|until| *until != Timestamp::NEVER);
            Lease {
                state: match entry.lease.state {
                    LeaseState::Bound | LeaseState::Quarantined if over => LeaseState::Idle,
                    state @ (LeaseState::Bound
                    | LeaseState::Quarantined
                    | LeaseState::Offered
                    | LeaseState::Idle) => state,
                },
                until: until.map(Timestamp::as_secs),
                ..entry.lease.clone()
            }
        };
        self.entries.values().map(lease).collect()
    }

    /// Adds the name and the client identifier to what a server says of a lease, if the record is the same client's.
    pub(super) fn name(&self, lease: &mut Lease) {
        let Some(entry) = self.entries.get(&lease.address) else { return };
        if entry.lease.mac == lease.mac && lease.state != LeaseState::Quarantined {
            lease.client_id.clone_from(&entry.lease.client_id);
            lease.name.clone_from(&entry.lease.name);
        }
    }
}

fn entries(
    mut medium: FileMedium,
    path: &Path,
) -> Result<(BTreeMap<Ipv4Addr, Entry>, Opened), RecordedError> {
    let mut entries = BTreeMap::new();
    let opened = scan(&mut medium, |_, change| take(&mut entries, change))
        .map_err(|source| RecordedError::Journal { path: path.to_owned(), source })?;
    Ok((entries, opened))
}

fn take(entries: &mut BTreeMap<Ipv4Addr, Entry>, change: &Change<'_>) {
    let address = change.address();
    match *change {
        Change::Bind { hardware, client_id, name, until, pinned, .. } => {
            let name = core::str::from_utf8(name).ok().filter(|name| !name.is_empty());
            let lease = Lease {
                mac: Some(hardware.to_string()),
                client_id: client_id.map(|id| id.to_string()),
                name: name.map(str::to_owned),
                state: LeaseState::Bound,
                pinned,
                ..unknown(address)
            };
            entries.insert(address, Entry { lease, until });
        }
        Change::Extend { until, .. } => {
            if let Some(entry) = entries.get_mut(&address) {
                entry.until = until;
            }
        }
        Change::Release { .. } => {
            if let Some(entry) = entries.get_mut(&address) {
                (entry.lease.state, entry.lease.pinned) = (LeaseState::Idle, false);
            }
        }
        Change::Quarantine { until, .. } => {
            let lease = Lease { state: LeaseState::Quarantined, ..unknown(address) };
            entries.insert(address, Entry { lease, until });
        }
        Change::Forget { .. } => {
            entries.remove(&address);
        }
    }
}

const fn unknown(address: Ipv4Addr) -> Lease {
    Lease {
        address,
        mac: None,
        client_id: None,
        name: None,
        state: LeaseState::Idle,
        until: None,
        subnet: None,
        pinned: false,
    }
}
