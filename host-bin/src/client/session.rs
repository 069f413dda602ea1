//! What does every command for names need? The state directory with its key and its stored leases, and a voice.

use core::error::Error;
use std::path::Path;

use dhcp_core::id::{HardwareAddr, InstallationKey};
use lease_store::container::{Container, ContainerName};

use crate::chain::Chain;
use crate::client::exit::Exit;
use crate::client::place::{Nowhere, Place, Segment, interfaces};
use crate::client::store::{Store, StoreError, Stored};
use crate::installation::{InstallationError, load_or_create};
use crate::state::StateDir;

/// Where servers and clients keep what must survive.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) state: StateDir,
    pub(crate) store: Store,
    pub(crate) installation: InstallationKey,
}

/// Why a command ended without a result: what is said, and the exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) exit: Exit,
    pub(crate) said: String,
}

impl Ended {
    pub(crate) fn usage(error: &dyn Error) -> Self {
        Self { exit: Exit::Usage, said: chain(error) }
    }

    pub(crate) fn failed(error: &dyn Error) -> Self {
        Self { exit: Exit::Failed, said: chain(error) }
    }
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Self::failed(&error)
    }
}

impl From<InstallationError> for Ended {
    fn from(error: InstallationError) -> Self {
        Self::failed(&error)
    }
}

impl From<Nowhere> for Ended {
    fn from(error: Nowhere) -> Self {
        Self::usage(&error)
    }
}

/// As [`Chain`], for what is said or kept.
pub(crate) fn chain(error: &dyn Error) -> String {
    Chain(error).to_string()
}

/// Says something to whoever watches. The result alone goes to standard output.
pub(crate) fn say(what: &str) {
    eprintln!("hydrant: {what}");
}

impl Session {
    /// With the key of the installation, which is made if there is none.
    ///
    /// # Errors
    /// [`InstallationError`].
    pub(crate) fn open(state: &Path) -> Result<Self, InstallationError> {
        let installation = load_or_create(state)?;
        Ok(Self { state: StateDir::new(state), store: Store::under(state), installation })
    }

    /// What is stored for a name. A damaged file is told of and counts for nothing: a truck must start.
    ///
    /// # Errors
    /// [`StoreError`], when the file may be good but cannot be used.
    pub(crate) fn stored(
        &self,
        name: &ContainerName,
        segment: &Segment,
    ) -> Result<Option<Stored>, StoreError> {
        match self.store.read(name, segment) {
            Err(damaged @ StoreError::Damaged { .. }) => {
                say(&chain(&damaged));
                Ok(None)
            }
            other => other,
        }
    }

    /// The MAC address of a name: the one that it has had, else the derived one that no other stored name has.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn mac(
        &self,
        container: &Container,
        stored: Option<&Stored>,
    ) -> Result<HardwareAddr, StoreError> {
        if let Some(stored) = stored {
            return Ok(stored.lease.mac);
        }
        let others = self.store.all()?;
        let taken = |mac: &HardwareAddr| {
            let others = others.iter().flatten().map(|(_, other)| &other.lease);
            others.filter(|other| other.container() != *container).any(|other| other.mac == *mac)
        };
        let free = container.free_mac(&self.installation, 0, taken);
        Ok(free.map_or_else(|| container.mac(&self.installation, 0), |(mac, _)| mac))
    }

    /// The stored leases of a name, in one segment or in all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn of_name(
        &self,
        name: &ContainerName,
        segment: Option<&Segment>,
    ) -> Result<Vec<(Segment, Stored)>, StoreError> {
        let all = self.store.all()?;
        let of_name = all.into_iter().filter_map(|one| match one {
            Ok((found, stored)) => {
                let here = segment.is_none_or(|segment| *segment == found);
                (here && stored.lease.name == *name).then_some((found, stored))
            }
            Err(error) => {
                say(&chain(&error));
                None
            }
        });
        Ok(of_name.collect())
    }
}

/// Where `--vlan` and `--interface` point on this host.
///
/// # Errors
/// [`Nowhere`].
pub(crate) fn place(vlan: Option<u16>, interface: Option<&str>) -> Result<Place, Nowhere> {
    Place::find(vlan, interface, &interfaces())
}
