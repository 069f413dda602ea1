//! What does a name get that is asked for on the control socket? The same as by DHCP, because it is asked for in DHCP: a client of the core
//! speaks with the server in memory.
//!
//! So there is one way to choose an address, one to refuse it and one to write it down, and what is answered here is durable. The client's key and the pin
//! follow from its identifier, as for a container that asks over a wire.

mod segment;

use core::net::Ipv4Addr;

use dhcp_core::client::{Client, Event as ClientEvent, MESSAGE_LEN_MAX, Output};
use dhcp_core::conflict::Acd;
use dhcp_core::id::{ClientKey, HardwareAddr};
use dhcp_core::rng::Rng;
use dhcp_core::server::book::{Change, Entry, Grant, LeaseBook as _, Standing};
use dhcp_core::server::{Discard, Event};
use dhcp_core::time::Timestamp;
use dhcp_core::wire::message::Scratch;
use jiff::Timestamp as WallTime;
use tracing::{error, info};

use self::segment::Segment;
use crate::chain::Chain;
use crate::client::dhcp::seed;
use crate::client::hunt::client_config;
use crate::client::lease::{Clocks, NamedLease, Way};
use crate::control::names::{Named, RefusedKind};
use crate::control::protocol::Response;
use crate::serve::answer::Answering;
use crate::serve::engine::Notice;
use crate::serve::outbox::REPLY_LEN_MAX;

/// How often a client begins anew after a NAK. Once is enough unless the address was found in use between OFFER and REQUEST.
const ROUNDS_MAX: usize = 4;

/// Where `giaddr` stands in a message, as a range of octets.
const GIADDR: core::ops::Range<usize> = 24..28;

/// No, in the words of the protocol.
type Refused = (RefusedKind, String);

impl Answering<'_, '_> {
    /// [`Request::Lease`](crate::control::protocol::Request::Lease).
    pub(super) fn lease_for(&mut self, named: &Named) -> Response {
        answered(self.lease_named(named).map(|lease| {
            let lease = Box::new(lease);
            Response::Leased { lease }
        }))
    }

    /// [`Request::Mac`](crate::control::protocol::Request::Mac).
    pub(super) fn mac_for(&mut self, named: &Named) -> Response {
        let mac = self.segment(named).and_then(|segment| self.mac(named, &segment));
        answered(mac.map(|mac| Response::Mac { mac: mac.to_string() }))
    }

    /// [`Request::Release`](crate::control::protocol::Request::Release).
    pub(super) fn release_for(&mut self, named: &Named) -> Response {
        answered(self.released(named).map(|address| Response::Released { address }))
    }

    /// [`Request::Reserve`](crate::control::protocol::Request::Reserve).
    pub(super) fn reserve_for(&mut self, named: &Named) -> Response {
        answered(self.reserved(named).map(|(address, mac)| {
            let mac = mac.to_string();
            Response::Reserved { address, mac }
        }))
    }

    /// [`Request::Unreserve`](crate::control::protocol::Request::Unreserve).
    pub(super) fn unreserve_for(&mut self, named: &Named) -> Response {
        answered(self.forgotten(named).map(|address| Response::Released { address }))
    }

    fn lease_named(&mut self, named: &Named) -> Result<NamedLease, Refused> {
        let segment = self.segment(named)?;
        let mac = self.mac(named, &segment)?;
        let installation = self.engine.server().installation();
        let container = named.container();
        let mut config = client_config(&container, &installation, mac, Acd::Off);
        config.start_delay_millis_max = 0;
        config.collect_millis = 0;
        config.wish = named.address;
        let mut client = Client::new(config, Rng::seeded(seed()));
        self.speak(&mut client, &segment, named)?;
        let lease =
            client.lease().ok_or_else(|| failed("the server has more to say than expected"))?;
        let clocks = Clocks { now: self.now, wall: WallTime::now() };
        let interface = segment.interface.as_deref();
        let leased = NamedLease::new(&container, interface, mac, Way::Local, &lease, &clocks);
        info!(event = "name-leased", name = %container, address = %leased.address, %mac, "{container} has {}", leased.address);
        Ok(leased)
    }

    /// DISCOVER to ACK. The time stands still for the server; the client is told that it passes where it waits.
    fn speak(
        &mut self,
        client: &mut Client,
        segment: &Segment,
        named: &Named,
    ) -> Result<(), Refused> {
        let mut at = self.now;
        client.start(at);
        let mut refused = failed("nothing was said");
        for _ in 0..ROUNDS_MAX {
            client.handle_timeout(at);
            let mut message = [0; MESSAGE_LEN_MAX];
            while let Some(output) = client.poll_output(&mut message) {
                match output {
                    Output::Transmit(transmit) => {
                        let octets = message.get_mut(..transmit.len).expect("as much was written");
                        let mut reply = [0; REPLY_LEN_MAX];
                        let len = self.say(segment, octets, &mut reply)?;
                        let reply = reply.get(..len).expect("as much was written");
                        client.handle(at, reply, &mut Scratch::default());
                    }
                    Output::Event(ClientEvent::Offered(offer)) => {
                        if let Some(wanted) =
                            named.address.filter(|wanted| *wanted != offer.address)
                        {
                            return Err(self.why_not(named, segment, wanted, offer.address));
                        }
                    }
                    Output::Event(ClientEvent::Bound) => return Ok(()),
                    Output::Event(ClientEvent::Refused { .. }) => {
                        refused = no("the address was found in use, or is reserved for another");
                    }
                    Output::Event(_) | Output::Arp(_) => {}
                }
            }
            let Some(next) = client.poll_timeout() else { break };
            at = at.max(next);
        }
        Err(refused)
    }

    /// One message and its reply, which is durable.
    fn say(
        &mut self,
        segment: &Segment,
        message: &mut [u8],
        reply: &mut [u8; REPLY_LEN_MAX],
    ) -> Result<usize, Refused> {
        if let (Some(giaddr), Some(field)) = (segment.giaddr, message.get_mut(GIADDR)) {
            field.copy_from_slice(&giaddr.octets());
        }
        let (event, transmit) =
            self.engine.converse(self.now, &segment.ingress, message, reply, &mut tell);
        match (event, transmit) {
            (_, Some(transmit)) => Ok(transmit.len),
            (
                Event::Discarded(why @ (Discard::PoolExhausted | Discard::ReservationTaken)),
                None,
            ) => Err((RefusedKind::NoneFree, why.to_string())),
            (Event::Discarded(Discard::Busy), None) => Err(failed("the server is busy; ask again")),
            (Event::Discarded(why), None) => Err(no(&why.to_string())),
            (_, None) => Err(failed("it could not be written down, so it does not count")),
        }
    }

    fn why_not(
        &self,
        named: &Named,
        segment: &Segment,
        wanted: Ipv4Addr,
        offered: Ipv4Addr,
    ) -> Refused {
        let book = self.engine.server().book();
        let container = named.container();
        match book.entry_at(wanted, self.time()) {
            _ if self.entry_of(named, segment).is_some_and(|own| own.address == offered) => {
                no(&format!(
                    "{container} has {offered}; `hydrant release` and `hydrant unreserve` take it away"
                ))
            }
            None => no(&format!("{wanted} is in no range of the subnet")),
            Some(entry) => match entry.standing {
                Standing::Quarantined => no(&format!("{wanted} is used by a stranger")),
                Standing::Offered | Standing::Bound | Standing::Idle | Standing::Fresh => {
                    no(&format!("{wanted} is another's, or reserved for another"))
                }
            },
        }
    }

    fn released(&mut self, named: &Named) -> Result<Option<Ipv4Addr>, Refused> {
        let segment = self.segment(named)?;
        let Some(entry) = self.entry_of(named, &segment) else { return Ok(None) };
        let (address, key, time) = (entry.address, self.key(named), self.time());
        self.engine.server_mut().book_mut().release(address, &key, time);
        self.write(&Change::Release { address })?;
        let container = named.container();
        info!(event = "name-released", name = %container, %address, "{container} gave {address} back");
        Ok(Some(address))
    }

    /// A lease that ends at once, and whose address stays the name's. One that is used goes on.
    fn reserved(&mut self, named: &Named) -> Result<(Ipv4Addr, HardwareAddr), Refused> {
        let segment = self.segment(named)?;
        let before = self.entry_of(named, &segment);
        let lease = self.lease_named(named)?;
        let (address, mac) = (lease.address, lease.mac);
        if before.is_none_or(|before| before.standing != Standing::Bound) {
            let (key, now) = (self.key(named), self.time());
            let grant = Grant {
                address,
                key: &key,
                hardware: &mac,
                until: now,
                promise: now,
                pinned: true,
                now,
            };
            let installation = self.engine.server().installation();
            let id = named.container().client_id(&installation);
            let book = self.engine.server_mut().book_mut();
            // The lease that was written down is longer than this one, and must not cover the next.
            book.forget_promise(address);
            if let Err(why) = book.grant(&grant) {
                return Err(failed(&format!("the lease is another's already: {why:?}")));
            }
            self.write(&Change::Bind {
                address,
                key,
                hardware: mac,
                client_id: Some(id.as_client_id()),
                name: named.name.octets(),
                until: now,
                pinned: true,
            })?;
        }
        Ok((address, mac))
    }

    fn forgotten(&mut self, named: &Named) -> Result<Option<Ipv4Addr>, Refused> {
        let segment = self.segment(named)?;
        let Some(entry) = self.entry_of(named, &segment) else { return Ok(None) };
        let (address, container) = (entry.address, named.container());
        if entry.standing == Standing::Bound {
            return Err(no(&format!(
                "{container} has a lease of {address}, and may be using it; `hydrant release {}` ends that",
                named.name
            )));
        }
        let time = self.time();
        self.engine.server_mut().book_mut().forget(address, time);
        self.write(&Change::Forget { address })?;
        info!(event = "name-forgotten", name = %container, %address, "{container} has no right to {address} any more");
        Ok(Some(address))
    }

    /// Writes a change down that was made in the book.
    fn write(&mut self, change: &Change<'_>) -> Result<(), Refused> {
        // The loop has committed everything before it asks us; a batch of nothing has room.
        let recorded = self.engine.record(change, &mut tell);
        let durable = recorded.then(|| self.engine.commit(&mut tell)).flatten();
        durable.map(|_| ()).ok_or_else(|| failed("it could not be written down; ask again"))
    }

    fn time(&self) -> Timestamp {
        self.engine.server().time(self.now)
    }

    fn key(&self, named: &Named) -> ClientKey {
        named.container().client_key(&self.engine.server().installation())
    }

    /// What the name has or had last on the segment: a living one before a remembered one.
    fn entry_of(&self, named: &Named, segment: &Segment) -> Option<Entry> {
        let (key, time) = (self.key(named), self.time());
        let book = self.engine.server().book();
        let entries =
            segment.subnets.iter().filter_map(|subnet| book.entry_of(*subnet, &key, time));
        entries.max_by_key(|entry| entry.standing == Standing::Bound)
    }

    /// The MAC address that is demanded; else the recorded one, the last one, or the derived one, of which no other client has it.
    fn mac(&self, named: &Named, segment: &Segment) -> Result<HardwareAddr, Refused> {
        let (key, time) = (self.key(named), self.time());
        let book = self.engine.server().book();
        let holder = |mac: &HardwareAddr| {
            let others =
                book.entries(time).filter(|entry| entry.key.is_some_and(|other| other != key));
            others.filter(|entry| entry.hardware == Some(*mac)).map(|entry| entry.address).next()
        };
        if let Some(demanded) = &named.mac {
            let mac = station(demanded)?;
            return match holder(&mac) {
                Some(address) => Err(no(&format!("{mac} has the lease of {address}"))),
                None => Ok(mac),
            };
        }
        let recorded = self.entry_of(named, segment).and_then(|entry| entry.hardware);
        let last = || named.last_mac.as_deref().and_then(|mac| station(mac).ok());
        let known = recorded.or_else(last).filter(|mac| mac.as_ethernet().is_some());
        if let Some(known) = known.filter(|mac| holder(mac).is_none()) {
            return Ok(known);
        }
        let installation = self.engine.server().installation();
        let free = named.container().free_mac(&installation, 0, |mac| holder(mac).is_some());
        free.map(|(mac, _)| mac).ok_or_else(|| failed("every MAC address of the name is taken"))
    }
}

fn station(mac: &str) -> Result<HardwareAddr, Refused> {
    let parsed = mac.parse::<HardwareAddr>().ok();
    let unicast = |mac: &HardwareAddr| mac.octets().first().is_some_and(|first| first & 1 == 0);
    parsed.filter(unicast).ok_or_else(|| no("the MAC address is no station's"))
}

fn no(said: &str) -> Refused {
    (RefusedKind::Refused, said.to_owned())
}

fn failed(said: &str) -> Refused {
    (RefusedKind::Failed, said.to_owned())
}

fn answered(result: Result<Response, Refused>) -> Response {
    result.unwrap_or_else(|(kind, said)| Response::Refused { kind, said })
}

/// What there is to tell of the record; what came of a name is told by whoever asked for it.
fn tell<E: core::error::Error>(notice: Notice<'_, E>) {
    match notice {
        Notice::Failed(why) => error!(event = "record-failed", "{}", Chain(why)),
        Notice::Message(..) | Notice::Heard(_) | Notice::Recovered => {}
    }
}
