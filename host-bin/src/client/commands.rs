//! What does each command for names do? One file each; here is what they have in common.

pub(crate) mod exec;
mod foreground;
pub(crate) mod keep;
pub(crate) mod lease;
pub(crate) mod mac;
pub(crate) mod release;
pub(crate) mod renew;
pub(crate) mod reserve;

use core::time::Duration;

use lease_store::container::ContainerName;
use tokio::runtime::{Builder, Runtime};

use crate::cli::client::{NameArgs, WishArgs};
use crate::client::dhcp::Patience;
use crate::client::exit::Exit;
use crate::client::lease::NamedLease;
use crate::client::obtain::Demand;
use crate::client::place::{Place, Segment};
use crate::client::session::{Ended, Session, place};
use crate::client::store::Stored;

/// What the operator demands of every name.
pub(crate) fn demand(wish: &WishArgs) -> Demand {
    let timeout = Duration::from_secs(u64::from(wish.timeout));
    Demand {
        address: wish.ip,
        mac: wish.mac,
        via: wish.via.map(Into::into),
        patience: Patience { timeout, acd: wish.probe.into() },
        accept_expired: wish.accept_expired,
    }
}

/// Docker's network for a segment: what the operator says, else the segment's own name.
pub(crate) fn network(
    said: Option<ContainerName>,
    segment: &Segment,
) -> Result<ContainerName, Ended> {
    match said {
        Some(network) => Ok(network),
        None => segment.to_string().parse().map_err(|_| Ended {
            exit: Exit::Usage,
            said: format!(
                "`{segment}` is no name that Docker gives a network; say `--network NAME`"
            ),
        }),
    }
}

/// One thread is enough for twenty names.
pub(crate) fn runtime() -> Result<Runtime, Ended> {
    Builder::new_current_thread().enable_all().build().map_err(|error| Ended::failed(&error))
}

/// Where a stored lease came from.
pub(crate) fn stored_place(lease: &NamedLease) -> Result<Place, Ended> {
    Ok(place(lease.vlan, lease.interface.as_deref())?)
}

impl NameArgs {
    /// The stored leases that are meant: the name's on the segment that was said, else all of the name's.
    pub(crate) fn stored(&self, session: &Session) -> Result<Vec<(Segment, Stored)>, Ended> {
        let segment = match (self.vlan, self.interface.as_deref()) {
            (None, None) => None,
            (vlan, interface) => Some(place(vlan, interface)?.segment),
        };
        let found = session.of_name(&self.name, segment.as_ref())?;
        if found.is_empty() {
            let here = segment.map(|segment| format!(" on {segment}")).unwrap_or_default();
            let said = format!("nothing was leased for `{}`{here}", self.name);
            return Err(Ended { exit: Exit::Usage, said });
        }
        Ok(found)
    }
}
