//! `hydrant release NAME`: the address is given back, and what was configured with it is undone. The name keeps its MAC address, and the server remembers the address as long as nobody else needs it.

use core::net::Ipv4Addr;
use core::time::Duration;

use dhcp_core::client::Client;
use dhcp_core::conflict::Acd;
use dhcp_core::rng::Rng;
use dhcp_core::wire::frame::ETHERTYPE_ARP;
use dhcp_core::wire::frame::arp::{Arp, Operation};
use jiff::Timestamp;

use crate::cli::client::NameArgs;
use crate::client::commands::{runtime, stored_place};
use crate::client::configure::{Changed, Configured, owner};
use crate::client::dhcp::seed;
use crate::client::exit::Exit;
use crate::client::fleet::{Deed, FRAME_LEN_MAX, Fleet};
use crate::client::hunt::client_config;
use crate::client::lease::{NamedLease, Way};
use crate::client::line::{Clock, Line};
use crate::client::local;
use crate::client::place::Segment;
use crate::client::session::{Ended, Session, chain, say};
use crate::client::store::Stored;
use crate::net::{InterfaceState, Watch};

/// How long the next hop has to answer an ARP request.
const ARP_PATIENCE: Duration = Duration::from_millis(500);

/// Runs it and gives the exit code.
pub(crate) fn run(args: &NameArgs) -> Exit {
    match release_all(args) {
        Ok(exit) => exit,
        Err(Ended { exit, said }) => {
            say(&said);
            exit
        }
    }
}

fn release_all(args: &NameArgs) -> Result<Exit, Ended> {
    let session = Session::open(&args.state.state)?;
    let found = args.stored(&session)?;
    let runtime = runtime()?;
    let exits = found.into_iter().map(|(segment, stored)| {
        let container = stored.lease.container();
        match runtime.block_on(release(&session, &segment, stored)) {
            Ok(address) => {
                say(&format!("{container}: {address} given back"));
                Exit::Leased
            }
            Err(Ended { exit, said }) => {
                say(&format!("{container}: {said}"));
                exit
            }
        }
    });
    Ok(Exit::of_all(exits.collect::<Vec<_>>()))
}

async fn release(
    session: &Session,
    segment: &Segment,
    mut stored: Stored,
) -> Result<Ipv4Addr, Ended> {
    let address = stored.lease.address;
    if stored.released_at.is_none() {
        match stored.lease.via {
            Way::Local => {
                let failed =
                    |error: local::LocalError| Ended { exit: error.exit(), said: chain(&error) };
                let mut connection = local::connect(&session.state).map_err(failed)?;
                let named = local::named(stored.lease.name, segment);
                connection.release(named).map_err(failed)?;
            }
            Way::Dhcp if stored.lease.is_over(Timestamp::now()) => {}
            Way::Dhcp => by_dhcp(session, &stored.lease).await?,
        }
    }
    let undone = match stored.configured.clone() {
        Some(changed) => unconfigure(segment, &stored.lease, changed).await,
        None => Ok(()),
    };
    if undone.is_ok() {
        stored.configured = None;
    }
    stored.released_at.get_or_insert_with(Timestamp::now);
    session.store.write(segment, &stored)?;
    undone.map(|()| address)
}

/// What `lease --configure` set and left behind when it ended.
async fn unconfigure(segment: &Segment, lease: &NamedLease, changed: Changed) -> Result<(), Ended> {
    let watch = Watch::open().map_err(|error| Ended::failed(&error))?;
    let all = watch.interfaces().await.map_err(|error| Ended::failed(&error))?;
    let same = |one: &&InterfaceState| Some(&one.name) == lease.interface.as_ref();
    // With its interface, all but the file is gone already.
    let index = all.iter().find(same).map_or(0, |one| one.index);
    let owner = owner(&lease.name, segment);
    let mut configured = Configured::new(watch.handle().clone(), index, owner, None, changed);
    configured.clear(lease).await.map_err(|error| Ended::failed(&error))
}

/// One RELEASE to the server (RFC 2131 section 4.4.6), which nobody acknowledges.
async fn by_dhcp(session: &Session, lease: &NamedLease) -> Result<(), Ended> {
    let place = stored_place(lease)?;
    let port = place.port.map_err(|error| Ended::usage(&error))?;
    let watch = Watch::open().map_err(|error| Ended::failed(&error))?;
    let mut line = Line::open(&port, &watch)
        .await
        .map_err(|error| Ended { exit: error.exit(), said: chain(&error) })?;
    let config = client_config(&lease.container(), &session.installation, lease.mac, Acd::Off);
    let mut fleet = Fleet::new(port.tag);
    let member = fleet
        .add(Client::new(config, Rng::seeded(seed())), false)
        .map_err(|error| Ended::usage(&error))?;
    if let Some(next_hop) = next_hop(&mut line, port.tag, lease).await {
        fleet.set_next_hop(member, next_hop);
    }
    fleet.client_mut(member).release_previous(lease.address, lease.server);
    let mut frame = [0; FRAME_LEN_MAX];
    while let Some(deed) = fleet.poll(Clock::start().now(), &mut frame) {
        match deed {
            Deed::Send(len) => line.send(frame.get(..len).expect("the fleet wrote as much")),
            Deed::Tell(..) => {}
        }
    }
    Ok(())
}

/// The hardware address of the server, or of the router to it; asked for with the address that is still ours.
async fn next_hop(line: &mut Line, tag: Option<u16>, lease: &NamedLease) -> Option<[u8; 6]> {
    let on_link = lease.subnet().is_some_and(|subnet| subnet.contains(lease.server));
    let target = if on_link { lease.server } else { lease.gateway()? };
    let question = Arp {
        operation: Operation::Request,
        sender_mac: lease.mac.as_ethernet()?,
        sender: lease.address,
        target_mac: [0; 6],
        target,
    };
    let mut frame = [0; FRAME_LEN_MAX];
    let len = question.write_frame(tag, &mut frame)?;
    line.send(frame.get(..len)?);
    let answer = async {
        loop {
            line.readable().await.ok()?;
            let mut answer = None;
            line.take(|ethernet, inside, _| {
                let is_arp = ethernet.ethertype == ETHERTYPE_ARP && ethernet.vlan == tag;
                if let Some(arp) = Arp::parse(inside).ok().filter(|_| is_arp)
                    && arp.sender == target
                {
                    answer = Some(arp.sender_mac);
                }
            });
            if answer.is_some() {
                return answer;
            }
        }
    };
    tokio::time::timeout(ARP_PATIENCE, answer).await.ok().flatten()
}
