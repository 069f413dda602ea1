//! How do names get their addresses by DHCP? Wishes go in, one client for each goes to work, and each ends in a lease or in a reason.
//!
//! A script waits for this, so it ends: with the last name's lease, or when [`Hunt::give_up`] is called.

use core::fmt;
use core::net::Ipv4Addr;

use dhcp_core::client::{Client, Config, Event, Phase, Previous};
use dhcp_core::conflict::Acd;
use dhcp_core::id::{HardwareAddr, InstallationKey};
use dhcp_core::rng::Rng;
use dhcp_core::time::Instant;
use dhcp_core::wire::frame::Ethernet;
use dhcp_core::wire::frame::ipv4::Checksums;
use lease_store::container::Container;

use crate::client::exit::Exit;
use crate::client::fleet::{Deed, FRAME_LEN_MAX, Fleet, Place};
use crate::client::lease::{Clocks, NamedLease, Way};

/// An address that is wanted for a name.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) container: Container,
    pub(crate) mac: HardwareAddr,
    /// Whether `mac` is the interface's own, so that unicast to it is heard.
    pub(crate) is_own_mac: bool,
    /// This and no other.
    pub(crate) address: Option<Ipv4Addr>,
    /// What the name had before.
    pub(crate) before: Option<Before>,
}

/// An earlier lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Before {
    pub(crate) address: Ipv4Addr,
    pub(crate) server: Ipv4Addr,
    /// It was given back: the address is only a wish now.
    pub(crate) is_released: bool,
}

/// Why a name has no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    #[error("no DHCP server answered")]
    NoServer,
    #[error("{server} offered {address} and then fell silent")]
    Unfinished { address: Ipv4Addr, server: Ipv4Addr },
    #[error("{server} refused")]
    Refused { server: Ipv4Addr },
    #[error("{address} was leased, but {} uses it", Mac(*by))]
    Conflict { address: Ipv4Addr, by: [u8; 6] },
    #[error("{server} leased {got} and not {wanted}; it was given back")]
    OtherAddress { wanted: Ipv4Addr, got: Ipv4Addr, server: Ipv4Addr },
    #[error("{server} would rather have this host without IPv4 (RFC 8925)")]
    Ipv6Only { server: Ipv4Addr },
}

impl Failure {
    pub(crate) const fn exit(self) -> Exit {
        match self {
            Self::NoServer | Self::Unfinished { .. } => Exit::NoServer,
            Self::Refused { .. }
            | Self::Conflict { .. }
            | Self::OtherAddress { .. }
            | Self::Ipv6Only { .. } => Exit::Refused,
        }
    }
}

/// As addresses of Ethernet are written.
#[derive(Clone, Copy)]
pub(crate) struct Mac(pub(crate) [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HardwareAddr::ethernet(self.0).fmt(f)
    }
}

/// The names of one segment that want an address.
#[derive(Debug)]
pub(crate) struct Hunt {
    interface: String,
    fleet: Fleet,
    seekers: Vec<Seeker>,
    conflicts: u32,
    /// Those that were not told yet.
    untold: Vec<Declined>,
}

/// An address that was leased for a name, found in use, and declined (RFC 2131 section 3.1 (5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Declined {
    container: Container,
    address: Ipv4Addr,
    by: [u8; 6],
}

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} is used by {}; declined", self.container, self.address, Mac(self.by))
    }
}

#[derive(Debug)]
struct Seeker {
    wish: Wish,
    place: Place,
    /// The best reason for a failure that was seen so far.
    failure: Failure,
    result: Option<Result<NamedLease, Failure>>,
}

/// After so many REQUESTs in INIT-REBOOT without an answer, the search starts. RFC 2131 section 3.2 has four, which is a minute. A server
/// that lost its record stays silent by section 4.3.2, and gives the same address to a DISCOVER that asks for it.
const REBOOT_TRIES: u8 = 1;

/// The configuration of the client for a container.
pub(crate) fn client_config(
    container: &Container,
    installation: &InstallationKey,
    mac: HardwareAddr,
    acd: Acd,
) -> Config {
    let id = container.client_id(installation);
    let mut config = Config::new(mac).with_client_id(id.as_client_id());
    let name = dhcp_core::client::Octets::new(container.name.octets());
    config.host_name = name.expect("both have room for 64 octets");
    config.acd = acd;
    config.reboot_tries = REBOOT_TRIES;
    config
}

impl Hunt {
    /// Starts a client for each wish. `seed` comes from the operating system.
    ///
    /// # Errors
    /// When a MAC address is not one of Ethernet.
    pub(crate) fn begin(
        now: Instant,
        (interface, tag): (&str, Option<u16>),
        installation: &InstallationKey,
        acd: Acd,
        wishes: Vec<Wish>,
        seed: u64,
    ) -> Result<Self, crate::client::fleet::NotEthernet> {
        let mut seeds = Rng::seeded(seed);
        let mut fleet = Fleet::new(tag);
        let mut seekers = Vec::with_capacity(wishes.len());
        for wish in wishes {
            let mut config = client_config(&wish.container, installation, wish.mac, acd);
            config.broadcast = !wish.is_own_mac;
            let mut client = Client::new(config, Rng::seeded(seeds.next_u64()));
            start(&mut client, now, &wish);
            let place = fleet.add(client, false)?;
            seekers.push(Seeker { wish, place, failure: Failure::NoServer, result: None });
        }
        let interface = interface.to_owned();
        Ok(Self { interface, fleet, seekers, conflicts: 0, untold: Vec::new() })
    }

    /// A frame that came in.
    pub(crate) fn hear(
        &mut self,
        now: Instant,
        ethernet: &Ethernet,
        rest: &[u8],
        checksums: Checksums,
    ) {
        self.fleet.hear(now, ethernet, rest, checksums);
    }

    /// Does what is due; `Some` is the length of a frame to be sent.
    pub(crate) fn poll(
        &mut self,
        clocks: &Clocks,
        frame: &mut [u8; FRAME_LEN_MAX],
    ) -> Option<usize> {
        loop {
            match self.fleet.poll(clocks.now, frame)? {
                Deed::Send(len) => return Some(len),
                Deed::Tell(place, event) => self.take(clocks, place, event),
            }
        }
    }

    /// When [`Hunt::poll`] next has work.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.fleet.poll_timeout()
    }

    /// Whether every name has its lease or will not get one.
    pub(crate) fn is_over(&self) -> bool {
        self.seekers.iter().all(|seeker| seeker.result.is_some())
    }

    /// How many addresses were leased and found in use. The server answered, and is not to be blamed for the time that it takes.
    pub(crate) const fn conflicts(&self) -> u32 {
        self.conflicts
    }

    /// The addresses that were declined since this was asked last.
    pub(crate) fn declined(&mut self) -> impl Iterator<Item = Declined> + '_ {
        self.untold.drain(..)
    }

    /// Whether an address is leased, and only its check is not over yet.
    pub(crate) fn is_probing(&self) -> bool {
        let open = self.seekers.iter().filter(|seeker| seeker.result.is_none());
        open.map(|seeker| self.fleet.client(seeker.place).state().phase())
            .any(|phase| phase == Phase::Probing)
    }

    /// What became of each wish, in their order; those that are still at it fail with the best reason there is.
    pub(crate) fn give_up(self) -> Vec<(Wish, Result<NamedLease, Failure>)> {
        let ended = self.seekers.into_iter().map(|seeker| {
            let result = seeker.result.unwrap_or(Err(seeker.failure));
            (seeker.wish, result)
        });
        ended.collect()
    }

    /// How far the names are, for whoever waits in front of a terminal.
    pub(crate) fn progress(&self) -> String {
        let waiting = self.seekers.iter().filter(|seeker| seeker.result.is_none());
        let told = waiting.map(|seeker| {
            let doing = doing(self.fleet.client(seeker.place).state().phase());
            format!("{}: {doing}", seeker.wish.container)
        });
        let mut told = told.collect::<Vec<_>>();
        let more = told.len().saturating_sub(3);
        told.truncate(3);
        if more > 0 {
            told.push(format!("and {more} more"));
        }
        told.join(", ")
    }

    fn take(&mut self, clocks: &Clocks, place: Place, event: Event) {
        let Some(seeker) = self.seekers.iter_mut().find(|seeker| seeker.place == place) else {
            return;
        };
        tracing::debug!(name = %seeker.wish.container, ?event);
        match event {
            Event::Offered(offer) => {
                let unfinished =
                    Failure::Unfinished { address: offer.address, server: offer.server_id };
                if seeker.failure == Failure::NoServer {
                    seeker.failure = unfinished;
                }
            }
            Event::Refused { server_id } => seeker.failure = Failure::Refused { server: server_id },
            Event::Conflict { address, by } => {
                seeker.failure = Failure::Conflict { address, by };
                self.conflicts += 1;
                self.untold.push(Declined { container: seeker.wish.container, address, by });
            }
            Event::Ipv6OnlyPreferred { .. } => {
                if let Failure::Unfinished { server, .. } = seeker.failure {
                    seeker.result = Some(Err(Failure::Ipv6Only { server }));
                }
            }
            Event::Bound if seeker.result.is_none() => {
                let client = self.fleet.client(place);
                let lease = client.lease().expect("a client that is bound has a lease");
                let got = lease.binding.address;
                let server = lease.binding.server_id;
                match seeker.wish.address.filter(|wanted| *wanted != got) {
                    Some(wanted) => {
                        self.fleet.client_mut(place).release();
                        seeker.result = Some(Err(Failure::OtherAddress { wanted, got, server }));
                    }
                    None => {
                        let Wish { container, mac, .. } = &seeker.wish;
                        let interface = Some(self.interface.as_str());
                        let leased =
                            NamedLease::new(container, interface, *mac, Way::Dhcp, &lease, clocks);
                        seeker.result = Some(Ok(leased));
                    }
                }
            }
            // The first ones are bound while the last ones still look.
            Event::Lost { .. } => seeker.result = None,
            Event::Bound
            | Event::Renewed { .. }
            | Event::Defended { .. }
            | Event::RebootUnanswered { .. }
            | Event::Informed
            | _ => {}
        }
    }
}

/// INIT-REBOOT for the address that the name had, unless another is demanded or it was given back.
fn start(client: &mut Client, now: Instant, wish: &Wish) {
    match (wish.address, wish.before) {
        (Some(address), before) if before.is_none_or(|before| before.address != address) => {
            client.start_seeking(now, Previous { address: Some(address), server_id: None });
        }
        (_, Some(before)) => {
            let previous =
                Previous { address: Some(before.address), server_id: Some(before.server) };
            if before.is_released {
                client.start_seeking(now, previous);
            } else {
                client.start_with(now, previous);
            }
        }
        (_, None) => client.start(now),
    }
}

fn doing(phase: Phase) -> &'static str {
    match phase {
        Phase::Stopped => "stopped",
        Phase::Init | Phase::InitReboot => "about to ask",
        Phase::Selecting => "looking for a server",
        Phase::Requesting => "requesting what was offered",
        Phase::Rebooting => "asking for its last address",
        Phase::Probing => "asking who else uses the address",
        Phase::Bound => "bound",
        Phase::Renewing | Phase::Rebinding => "renewing",
        Phase::Informing | Phase::Informed => "asking for options",
    }
}

#[cfg(test)]
mod tests;
