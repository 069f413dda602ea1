//! Which way does a name get its address? Our own server on this host answers at once; else DHCP on the interface; else what is stored, if it may be used.
//!
//! ```text
//! names --local--> leased
//!    \____dhcp___> leased -> stored, in a file -> told
//!     \___neither: stored, and still valid ----> told, with exit code 6
//! ```

use core::net::Ipv4Addr;

use dhcp_core::id::HardwareAddr;
use jiff::Timestamp;
use lease_store::container::ContainerName;

use crate::client::dhcp::{self, Patience};
use crate::client::exit::Exit;
use crate::client::format::Status;
use crate::client::hunt::{Before, Wish};
use crate::client::lease::{NamedLease, Way};
use crate::client::line::Line;
use crate::client::local::{self, Local};
use crate::client::place::Place;
use crate::client::session::{Ended, Session, chain, say};
use crate::client::store::Stored;
use crate::control::names::Named;
use crate::net::Watch;

/// What the operator demands for every name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Demand {
    /// This address and no other.
    pub(crate) address: Option<Ipv4Addr>,
    /// This MAC address.
    pub(crate) mac: Option<HardwareAddr>,
    /// This way only.
    pub(crate) via: Option<Way>,
    pub(crate) patience: Patience,
    /// A stored lease is used even when it has run out.
    pub(crate) accept_expired: bool,
}

/// An address for a name.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) status: Status,
    pub(crate) lease: NamedLease,
}

/// What became of a name.
pub(crate) type Outcome = Result<Got, Ended>;

/// A name on its way.
struct Seeker {
    name: ContainerName,
    stored: Option<Stored>,
    outcome: Option<Result<NamedLease, Ended>>,
}

/// Obtains an address for each name, writes down what was leased, and falls back on what is stored. The outcomes are in the order of the names.
pub(crate) async fn obtain(
    session: &Session,
    place: &Place,
    names: &[ContainerName],
    demand: &Demand,
) -> Vec<Outcome> {
    let mut seekers = names.iter().map(|name| seeker(session, place, *name)).collect::<Vec<_>>();
    match demand.via {
        Some(Way::Local) => by_server(session, place, &mut seekers, demand, Local::Only),
        Some(Way::Dhcp) => by_dhcp(session, place, &mut seekers, demand).await,
        None => {
            by_server(session, place, &mut seekers, demand, Local::First);
            by_dhcp(session, place, &mut seekers, demand).await;
        }
    }
    seekers.into_iter().map(|seeker| settle(session, place, seeker, demand)).collect()
}

fn seeker(session: &Session, place: &Place, name: ContainerName) -> Seeker {
    match session.stored(&name, &place.segment) {
        Ok(stored) => Seeker { name, stored, outcome: None },
        Err(error) => Seeker { name, stored: None, outcome: Some(Err(error.into())) },
    }
}

fn by_server(
    session: &Session,
    place: &Place,
    seekers: &mut [Seeker],
    demand: &Demand,
    local: Local,
) {
    let open = seekers.iter_mut().filter(|seeker| seeker.outcome.is_none());
    let mut connection = match local::connect(&session.state) {
        Ok(connection) => connection,
        Err(error) => {
            match local {
                Local::First => tracing::debug!(error = chain(&error), "no server on this host"),
                Local::Only => {
                    let ended = Ended { exit: Exit::NoServer, said: chain(&error) };
                    open.for_each(|seeker| seeker.outcome = Some(Err(ended.clone())));
                }
            }
            return;
        }
    };
    for seeker in open {
        let last_mac = seeker.stored.as_ref().map(|stored| stored.lease.mac.to_string());
        let named = Named {
            mac: demand.mac.map(|mac| mac.to_string()),
            last_mac,
            address: demand.address,
            ..local::named(seeker.name, &place.segment)
        };
        let leased = connection.lease(named);
        seeker.outcome = match (leased, local) {
            (Ok(leased), _) => Some(Ok(leased)),
            (Err(error), Local::First) if error.is_elsewhere() => None,
            (Err(error), _) => Some(Err(Ended { exit: error.exit(), said: chain(&error) })),
        };
    }
}

async fn by_dhcp(session: &Session, place: &Place, seekers: &mut [Seeker], demand: &Demand) {
    let mut open = seekers.iter_mut().filter(|seeker| seeker.outcome.is_none()).collect::<Vec<_>>();
    if open.is_empty() {
        return;
    }
    if let Err(ended) = try_dhcp(session, place, &mut open, demand).await {
        for seeker in open {
            seeker.outcome.get_or_insert_with(|| Err(ended.clone()));
        }
    }
}

async fn try_dhcp(
    session: &Session,
    place: &Place,
    seekers: &mut [&mut Seeker],
    demand: &Demand,
) -> Result<(), Ended> {
    let port = place.port.as_ref().map_err(|error| Ended::usage(error))?;
    let failed =
        |error: crate::client::line::LineError| Ended { exit: error.exit(), said: chain(&error) };
    let watch = Watch::open().map_err(|error| Ended::failed(&error))?;
    let mut line = Line::open(port, &watch).await.map_err(failed)?;
    let own = HardwareAddr::ethernet(line.mac());
    let mut wishes = Vec::with_capacity(seekers.len());
    for seeker in &*seekers {
        let container = place.segment.container(seeker.name);
        let stored = seeker.stored.as_ref();
        let mac = match demand.mac {
            Some(mac) => mac,
            None => session.mac(&container, stored)?,
        };
        wishes.push(Wish {
            container,
            mac,
            is_own_mac: mac == own,
            address: demand.address,
            before: stored.map(Before::from),
        });
    }
    let hunted = dhcp::lease(&mut line, port.tag, &session.installation, wishes, &demand.patience);
    let ended = hunted.await.map_err(|error| Ended::usage(&error))?;
    for (seeker, (_, result)) in seekers.iter_mut().zip(ended.results) {
        seeker.outcome = Some(match result {
            Err(_) if ended.interrupted => {
                Err(Ended { exit: Exit::Interrupted, said: "interrupted".to_owned() })
            }
            Err(failure) => Err(Ended { exit: failure.exit(), said: failure.to_string() }),
            Ok(lease) => Ok(lease),
        });
    }
    Ok(())
}

impl From<&Stored> for Before {
    fn from(stored: &Stored) -> Self {
        let NamedLease { address, server, .. } = stored.lease;
        Self { address, server, is_released: stored.released_at.is_some() }
    }
}

/// Writes down a lease, or looks whether the last one may be used instead.
fn settle(session: &Session, place: &Place, seeker: Seeker, demand: &Demand) -> Outcome {
    let Seeker { name, stored, outcome } = seeker;
    let container = place.segment.container(name);
    match outcome {
        Some(Ok(lease)) => {
            let stored = match &stored {
                Some(before) => before.followed_by(lease),
                None => Stored::new(lease),
            };
            if let Err(error) = session.store.write(&place.segment, &stored) {
                // The address is leased all the same, and the container can start.
                say(&format!("{container}: leased, but not written down: {}", chain(&error)));
            }
            Ok(Got { status: Status::Leased, lease: stored.lease })
        }
        Some(Err(ended)) if ended.exit == Exit::NoServer => {
            fall_back(stored, ended, demand, Timestamp::now())
        }
        Some(Err(ended)) => Err(ended),
        None => Err(Ended { exit: Exit::NoServer, said: "no way was tried".to_owned() }),
    }
}

/// What is stored, when no server can be reached (RFC 2131 section 3.2 (4)); never silently.
fn fall_back(stored: Option<Stored>, ended: Ended, demand: &Demand, wall: Timestamp) -> Outcome {
    let Some(stored) = stored else { return Err(ended) };
    let NamedLease { address, expires_at, .. } = stored.lease;
    let said = &ended.said;
    let container = stored.lease.container();
    if demand.address.is_some_and(|wanted| wanted != address) {
        return Err(Ended { said: format!("{said}; the stored lease is of {address}"), ..ended });
    }
    if let Some(released_at) = stored.released_at {
        return Err(Ended {
            said: format!("{said}; the last lease was given back {released_at}"),
            ..ended
        });
    }
    let until = expires_at.map_or_else(|| "without end".to_owned(), |at| format!("until {at}"));
    if stored.is_valid(wall) {
        say(&format!("{container}: {said}; using the stored lease of {address}, {until}"));
        return Ok(Got { status: Status::Stored, lease: stored.lease });
    }
    let doubt = if stored.is_clock_behind(wall) {
        format!("is good {until}, but the clock shows {wall}, before it was leased")
    } else {
        format!("was good {until}")
    };
    if demand.accept_expired {
        say(&format!(
            "{container}: {said}; using the stored lease of {address}, which {doubt}: somebody else may have it now"
        ));
        return Ok(Got { status: Status::Expired, lease: stored.lease });
    }
    let said = format!(
        "{said}; the stored lease of {address} {doubt} (`--accept-expired` uses it all the same)"
    );
    Err(Ended { said, ..ended })
}

#[cfg(test)]
mod tests;
