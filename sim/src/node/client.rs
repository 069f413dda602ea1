//! A client of ours on a machine that is switched off and on, and gives its lease back now and then.

use core::net::Ipv4Addr;

use dhcp_core::client::{
    Client, Config, Event, Holding, Lost, MESSAGE_LEN_MAX, Octets, Output, Previous, State,
};
use dhcp_core::conflict::Acd;
use dhcp_core::id::{ClientId, HardwareAddr, InstallationKey};
use dhcp_core::rng::Rng;
use dhcp_core::time::{Instant, LeaseTime};
use dhcp_core::wire::frame::arp::{Arp, Operation};
use dhcp_core::wire::frame::ipv4::{Checksums, Udp};
use dhcp_core::wire::frame::{ETHERTYPE_ARP, ETHERTYPE_IPV4, Ethernet};
use dhcp_core::wire::message::Scratch;
use dhcp_core::wire::options::code;
use lease_store::container::{Container, ContainerName};

use super::server::reply_to;
use super::{Desk, mac, request, to_all, untagged};
use crate::defect::Defect;
use crate::octets::option;
use crate::plan::{CLONED_CLIENT, ClientPlan, Kind};

/// What a client holds: the address, from whom, and until when.
pub type Held = (Ipv4Addr, Ipv4Addr, Instant);

/// How a client came to lose a lease that it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grief {
    /// The server that it had the lease from refused to go on, before the end.
    Refused(Ipv4Addr),
    /// Nobody renewed it.
    Expired(Ipv4Addr),
}

/// A client.
#[derive(Debug)]
pub struct ClientNode {
    /// What it is.
    pub plan: ClientPlan,
    /// Its MAC address.
    pub mac: [u8; 6],
    client: Client,
    /// Where replies came from last: the server, or the router on the way to it.
    gateway: Option<[u8; 6]>,
    /// When it is switched on, if it is off.
    on_at: Option<Instant>,
    /// What it comes back with.
    remembers: Option<Previous>,
    /// What it holds of its last lease, on or off, while that lasts; what it gave back, was refused or found in use is not held.
    held: Option<Held>,
    /// Since when it is on and has no lease.
    wanting_since: Option<Instant>,
    /// It gave its address back, or found it in use.
    gave_back: bool,
    /// It does nothing after a while.
    sleepy: bool,
    /// What became of a lease that it had, since it was asked last.
    grief: Option<Grief>,
    /// Its wishes, if it wishes for another time in each message.
    wishes: Option<Rng>,
}

impl ClientNode {
    /// Of its plan, for an installation of this key, on this VLAN.
    #[must_use]
    pub fn new(
        plan: ClientPlan,
        key: &InstallationKey,
        vlan: Option<u16>,
        seed: u64,
        defect: Option<Defect>,
    ) -> Self {
        let number = plan.number;
        let mut wishes = None;
        let (hardware, mut config) = match plan.kind {
            Kind::Container => {
                let name = format!("service-{number}");
                let name = ContainerName::new(name.as_bytes()).expect("a name");
                let container = Container { name, vlan };
                let hardware = container.mac(key, 0);
                let id = container.client_id(key);
                (hardware, Config::new(hardware).with_client_id(id.as_client_id()))
            }
            Kind::Ours { client_id, acd, lease_secs, fickle } => {
                let hardware = HardwareAddr::ethernet(mac(0xc1, number));
                let mut config = Config::new(hardware);
                if client_id {
                    config = with_id(config, number);
                }
                config.acd = [Acd::Full, Acd::Quick, Acd::Off]
                    .get(usize::from(acd))
                    .copied()
                    .unwrap_or(Acd::Off);
                // Room for its other wishes.
                let wish = lease_secs.or(fickle.then_some(1_200));
                config.lease_time = wish.map(LeaseTime::Secs);
                wishes = fickle.then(|| Rng::seeded(seed ^ 0xf1));
                config.collect_millis = 0;
                (hardware, config)
            }
            Kind::Clone | Kind::Smoltcp => {
                let hardware = HardwareAddr::ethernet(mac(0xc1, number));
                (hardware, with_id(Config::new(hardware), CLONED_CLIENT))
            }
        };
        let sleepy = defect == Some(Defect::FallsAsleep) && number % 8 == 3;
        if defect == Some(Defect::ChecksNothing) {
            config.acd = Acd::Off;
        }
        let mac = hardware.as_ethernet().expect("an Ethernet address");
        Self {
            plan,
            mac,
            client: Client::new(config, Rng::seeded(seed)),
            gateway: None,
            on_at: Some(Instant::from_millis(plan.on_ms)),
            remembers: None,
            held: None,
            wanting_since: None,
            gave_back: false,
            sleepy,
            grief: None,
            wishes,
        }
    }

    /// Whether it uses what it holds.
    #[must_use]
    pub fn uses(&self) -> bool {
        self.on_at.is_none() && self.client.lease().is_some()
    }

    /// Whether it gave its address back or found it in use since it was asked last.
    pub const fn take_gave_back(&mut self) -> bool {
        core::mem::replace(&mut self.gave_back, false)
    }

    /// How it lost a lease since it was asked last.
    pub const fn take_grief(&mut self) -> Option<Grief> {
        self.grief.take()
    }

    /// What it holds.
    #[must_use]
    pub const fn held(&self) -> Option<Held> {
        self.held
    }

    /// Since when it is switched on and has no lease.
    #[must_use]
    pub const fn wanting_since(&self) -> Option<Instant> {
        self.wanting_since
    }

    /// The address that it is about to take, and from whom, if it is another than it holds. It does not use what it holds any more.
    pub fn leaves_for(&mut self) -> Option<(Held, Ipv4Addr, Ipv4Addr)> {
        let State::Requesting { offer, .. } = self.client.state() else { return None };
        let held = self.held.filter(|(address, ..)| *address != offer.address)?;
        self.held = None;
        Some((held, offer.address, offer.server_id))
    }

    /// Where it stands, for the story.
    #[must_use]
    pub fn state(&self) -> String {
        format!("{:?}", self.client.state().phase())
    }

    /// Loses its power for so many seconds.
    pub fn off(&mut self, now: Instant, secs: u32, remembers: bool) {
        if self.on_at.is_none() {
            self.remembers = remembers.then(|| self.client.previous());
            self.client.stop();
            self.on_at = Some(now.plus_secs(secs));
            self.wanting_since = None;
        }
    }

    /// Gives the lease back, and comes again after so many seconds.
    pub fn release(&mut self, desk: &mut Desk<'_>, secs: u32) {
        if self.on_at.is_none() {
            self.client.release();
            self.gave_back = true;
            self.drain(desk);
            self.held = None;
            self.remembers = None;
            self.on_at = Some(desk.now.plus_secs(secs));
            self.wanting_since = None;
        }
    }

    /// Extends its lease now.
    pub fn renew(&mut self, desk: &mut Desk<'_>) {
        if self.on_at.is_none() {
            self.client.renew(desk.now);
            self.drain(desk);
        }
    }

    /// What it holds while it is off, if that ends before it is on again, and when.
    #[must_use]
    pub fn runs_out(&self) -> Option<(Ipv4Addr, Instant)> {
        let (address, _, until) = self.held?;
        (until < self.on_at?).then_some((address, until))
    }

    /// When it next has work.
    #[must_use]
    pub fn timeout(&self) -> Option<Instant> {
        self.on_at.or_else(|| self.client.poll_timeout())
    }

    /// Does what is due.
    ///
    /// # Panics
    /// When the next deadline is not later than now.
    pub fn wake(&mut self, desk: &mut Desk<'_>) {
        match self.on_at {
            Some(on_at) if on_at <= desk.now => {
                self.on_at = None;
                match self.remembers.take() {
                    Some(previous) => {
                        // What it was checking when the power went it does not know of.
                        self.held = self.held.filter(|(held, ..)| Some(*held) == previous.address);
                        self.client.start_with(desk.now, previous);
                    }
                    None => self.client.start(desk.now),
                }
            }
            Some(_) => {}
            None if self.sleepy && self.client.lease().is_none() => self.client.stop(),
            None => self.client.handle_timeout(desk.now),
        }
        let next = self.client.poll_timeout();
        assert!(
            self.on_at.is_some() || next.is_none_or(|next| next > desk.now || self.is_starting()),
            "the next deadline is later than now"
        );
        self.drain(desk);
    }

    const fn is_starting(&self) -> bool {
        matches!(self.client.state(), State::Init { .. } | State::InitReboot { .. })
    }

    /// Takes a frame.
    pub fn receive(&mut self, desk: &mut Desk<'_>, frame: &[u8]) {
        if self.on_at.is_some() {
            return;
        }
        let Some((ethernet, rest)) = untagged(frame) else { return };
        match ethernet.ethertype {
            ETHERTYPE_ARP => {
                let Ok(arp) = Arp::parse(rest) else { return };
                if arp.sender_mac == self.mac {
                    return;
                }
                let own = self.client.lease().map(|lease| lease.binding.address);
                if arp.operation == Operation::Request && own == Some(arp.target) {
                    desk.send_arp(0, None, &reply_to(&arp, self.mac));
                }
                self.client.handle_arp(desk.now, &arp);
            }
            ETHERTYPE_IPV4 => {
                let Ok(udp) = Udp::parse(rest, Checksums::Verify) else {
                    if let Some(own) = self.client.lease().map(|lease| lease.binding.address) {
                        desk.answer_echo(self.mac, own, &ethernet, rest);
                    }
                    return;
                };
                if udp.destination_port != 68 {
                    return;
                }
                let heard = self.client.handle(desk.now, udp.payload, &mut Scratch::new());
                if heard == dhcp_core::client::Heard::Taken {
                    self.gateway = Some(ethernet.source);
                }
            }
            _ => return,
        }
        self.drain(desk);
    }

    fn drain(&mut self, desk: &mut Desk<'_>) {
        let wants = self.on_at.is_none() && self.client.lease().is_none();
        self.wanting_since = wants.then(|| self.wanting_since.unwrap_or(desk.now));
        let mut out = [0; MESSAGE_LEN_MAX];
        while let Some(output) = self.client.poll_output(&mut out) {
            match output {
                Output::Transmit(message) => {
                    let all = to_all(self.mac, None);
                    let unicast = self.gateway.filter(|_| !message.destination.is_broadcast());
                    let destination = unicast.unwrap_or(all.destination);
                    let payload = out.get_mut(..message.len).expect("as long as was written");
                    self.wish(payload);
                    let udp = request(message.source, message.destination, payload);
                    desk.send_udp(0, &Ethernet { destination, ..all }, &udp);
                }
                Output::Arp(arp) => desk.send_arp(0, None, &arp),
                Output::Event(event) => self.event(desk, &event),
            }
        }
        if let Some(Holding { binding, .. }) = self.client.state().holding() {
            let until = binding.term.expires_at().unwrap_or(Instant::from_millis(u64::MAX));
            self.held = Some((binding.address, binding.server_id, until));
        }
    }

    /// Somebody fickle wishes for another time than in the last message.
    fn wish(&mut self, message: &mut [u8]) {
        if let Some(rng) = &mut self.wishes
            && let Some(place) = option(message, code::LEASE_TIME)
            && let Some(secs) = message.get_mut(place)
        {
            let wish = 60 + rng.below(4) * 400;
            secs.copy_from_slice(&wish.to_be_bytes());
        }
    }

    fn grieve(&mut self, now: Instant, event: &Event) {
        let Some((held, server, until)) = self.held else { return };
        if matches!(*event, Event::Refused { server_id } if server_id == server && until > now) {
            self.grief = Some(Grief::Refused(held));
        }
        if matches!(*event, Event::Lost { address, why: Lost::Expired } if address == held) {
            self.grief = Some(Grief::Expired(held));
        }
    }

    fn event(&mut self, desk: &mut Desk<'_>, event: &Event) {
        let number = self.plan.number;
        desk.trace.tell(desk.now, || format!("client {number}: {event:?}"));
        match event {
            Event::Bound => desk.trace.count("client bound"),
            Event::Renewed { .. } => desk.trace.count("client renewed"),
            Event::Refused { .. } | Event::Conflict { .. } | Event::Lost { .. } => {
                desk.trace.count("client lost its address");
                self.gave_back |= matches!(
                    event,
                    Event::Conflict { .. } | Event::Lost { why: Lost::Conflict { .. }, .. }
                );
                self.grieve(desk.now, event);
                self.held = None;
            }
            Event::Offered(_)
            | Event::Defended { .. }
            | Event::Ipv6OnlyPreferred { .. }
            | Event::RebootUnanswered { .. }
            | Event::Informed
            | _ => {}
        }
    }
}

fn with_id(config: Config, number: u16) -> Config {
    let [high, low] = number.to_be_bytes();
    let id = [0, b'n', high, low];
    let mut config = config.with_client_id(ClientId::new(&id).expect("four octets"));
    config.host_name = Octets::new(b"node").expect("four octets");
    config
}
