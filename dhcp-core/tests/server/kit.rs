//! What the tests speak and hear: requests in octets, replies taken apart without the code under test.

use core::net::Ipv4Addr;
use std::collections::BTreeMap;

use dhcp_core::id::{HardwareAddr, InstallationKey};
use dhcp_core::net::{Range, Subnet};
use dhcp_core::server::book::Change;
use dhcp_core::server::config::{Link, Reservation, ServerConfig, SubnetConfig, Who};
use dhcp_core::server::{
    Destination, Durable, Event, Held, Ingress, Lsn, Reply, Scratch, Server, Transmit,
};
use dhcp_core::time::{Instant, LeaseClock, LeaseTime, Timestamp};
use dhcp_core::wire::options::RenderedOptions;

use crate::toy::ToyBook;

pub(crate) const DISCOVER: u8 = 1;
pub(crate) const OFFER: u8 = 2;
pub(crate) const REQUEST: u8 = 3;
pub(crate) const DECLINE: u8 = 4;
pub(crate) const ACK: u8 = 5;
pub(crate) const NAK: u8 = 6;
pub(crate) const RELEASE: u8 = 7;
pub(crate) const INFORM: u8 = 8;

/// Our address on the first link, 10.0.1.0/24.
pub(crate) const US: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
pub(crate) const LINK: Link = Link { interface: 1, vlan: None };
pub(crate) const LINK_2: Link = Link { interface: 1, vlan: Some(20) };
pub(crate) const NOBODY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

pub(crate) const fn ip(third: u8, fourth: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, third, fourth)
}

/// The MAC address of the client with this number.
pub(crate) const fn mac(client: u8) -> [u8; 6] {
    [2, 0, 0, 0, 0, client]
}

pub(crate) fn hardware(client: u8) -> HardwareAddr {
    HardwareAddr::ethernet(mac(client))
}

pub(crate) fn range(third: u8, first: u8, last: u8) -> Range {
    let subnet = Subnet::new(ip(third, 0), 24).unwrap();
    Range::new(&subnet, ip(third, first), ip(third, last)).unwrap()
}

pub(crate) fn leak<T: Clone>(items: &[T]) -> &'static [T] {
    Vec::leak(items.to_vec())
}

pub(crate) fn reserve(who: Who<'static>, address: Option<Ipv4Addr>) -> Reservation<'static> {
    Reservation::new(who, address)
}

/// The article's subnet 10.0.`third`.0/24, with a pool from .10 to .19.
pub(crate) fn subnet(third: u8) -> SubnetConfig<'static> {
    let options = [[3, 4, 10, 0, third, 3].as_slice(), &[6, 8, 8, 8, 8, 8, 8, 8, 4, 4]].concat();
    SubnetConfig {
        link: Some(if third == 1 { LINK } else { LINK_2 }),
        server_id: Some(ip(third, 1)),
        ranges: leak(&[range(third, 10, 19)]),
        options: RenderedOptions::new(options.leak()),
        lease_default: LeaseTime::Secs(3_600),
        lease_min: LeaseTime::Secs(60),
        lease_max: LeaseTime::Secs(7_200),
        probe: false,
        ..SubnetConfig::new(Subnet::new(ip(third, 0), 24).unwrap())
    }
}

/// The server, its clock, and where packets come in.
pub(crate) struct Kit {
    pub(crate) server: Server<'static, ToyBook>,
    pub(crate) config: &'static ServerConfig<'static>,
    pub(crate) now: Instant,
    pub(crate) ingress: Ingress,
    /// Whether each record is durable at once.
    pub(crate) journal_works: bool,
}

impl Kit {
    /// The article's two subnets on two VLANs.
    pub(crate) fn article() -> Self {
        Self::with(&[subnet(1), subnet(2)])
    }

    /// One subnet, changed.
    pub(crate) fn one(change: impl FnOnce(&mut SubnetConfig<'static>)) -> Self {
        let mut one = subnet(1);
        change(&mut one);
        Self::with(&[one, subnet(2)])
    }

    pub(crate) fn with(subnets: &[SubnetConfig<'static>]) -> Self {
        let config =
            Box::leak(Box::new(ServerConfig::new(leak(subnets), InstallationKey([7; 16]))));
        Self::from(config)
    }

    pub(crate) fn from(config: &'static ServerConfig<'static>) -> Self {
        let clock = LeaseClock::new(Instant::ZERO, Timestamp::from_secs(1_000_000));
        let server = Server::new(config, ToyBook::new(config), clock);
        let ingress = Ingress { link: LINK, local: US, unicast: false };
        Self { server, config, now: Instant::ZERO, ingress, journal_works: true }
    }

    /// The same leases under other subnets.
    pub(crate) fn reload(self, subnets: &[SubnetConfig<'static>]) -> Self {
        let config: &'static ServerConfig<'static> =
            Box::leak(Box::new(ServerConfig { subnets: leak(subnets), ..*self.config }));
        let server = self.server.reload(config, |old| {
            let mut book = ToyBook::new(config);
            for (address, slot) in &mut book.slots {
                if let Some(before) = old.slots.get(address) {
                    let reserved = slot.entry.reserved;
                    *slot = before.clone();
                    slot.entry.reserved = reserved;
                }
            }
            book
        });
        Self { server, config, ..self }
    }

    /// Further packets come in on the second VLAN.
    pub(crate) fn on_second_link(&mut self) {
        self.ingress = Ingress { link: LINK_2, local: ip(2, 1), unicast: false };
    }

    pub(crate) fn pass_secs(&mut self, secs: u32) {
        self.now = self.now.plus_secs(secs);
    }

    /// Sends to our own address instead of to all.
    pub(crate) fn unicast(&mut self, packet: &Packet) -> Heard {
        self.ingress.unicast = true;
        let heard = self.send(packet);
        self.ingress.unicast = false;
        heard
    }

    pub(crate) fn send(&mut self, packet: &Packet) -> Heard {
        self.send_octets(&packet.octets())
    }

    pub(crate) fn send_octets(&mut self, octets: &[u8]) -> Heard {
        let mut scratch = Scratch::new();
        let mut out = [0xee; 1_500];
        let outcome = self.server.handle(self.now, &self.ingress, octets, &mut scratch, &mut out);
        let record = outcome.record.map(|(lsn, change)| Record::from(lsn, &change));
        let (transmit, held) = match outcome.reply {
            Reply::None => (None, None),
            Reply::Now(transmit) => (Some(transmit), None),
            Reply::Held(held) => {
                let reaches = Durable::synced_up_to(held.lsn());
                (Some(held.release(reaches).expect("its own record is enough")), Some(held))
            }
        };
        if let (true, Some(record)) = (self.journal_works, &record) {
            self.server.durable(Durable::synced_up_to(record.lsn));
        }
        let said = transmit.map(|transmit| Said::read(transmit, &out));
        Heard { event: outcome.event, said, held, record }
    }

    /// DISCOVER and REQUEST; the address that is leased.
    pub(crate) fn lease(&mut self, client: u8) -> Ipv4Addr {
        let offered = self.send(&discover(client)).offer();
        self.send(&select(client, offered)).ack()
    }

    /// How often it was counted.
    pub(crate) fn count(&self, group: &str, name: &str) -> u64 {
        let mut found = self.server.stats().iter();
        let found = found.find(|count| count.group.name() == group && count.name == name);
        found.unwrap_or_else(|| panic!("no counter {group} {name}")).count
    }
}

/// What came of a packet, owned.
#[derive(Debug)]
pub(crate) struct Heard {
    pub(crate) event: Event,
    pub(crate) said: Option<Said>,
    pub(crate) held: Option<Held>,
    pub(crate) record: Option<Record>,
}

impl Heard {
    pub(crate) fn reply(&self) -> &Said {
        self.said.as_ref().unwrap_or_else(|| panic!("no reply: {:?}", self.event))
    }

    /// The address of the OFFER that this must be.
    pub(crate) fn offer(&self) -> Ipv4Addr {
        assert_eq!(self.reply().kind(), Some(OFFER), "{:?}", self.event);
        self.reply().yiaddr
    }

    /// The address of the ACK that this must be.
    pub(crate) fn ack(&self) -> Ipv4Addr {
        assert_eq!(self.reply().kind(), Some(ACK), "{:?}", self.event);
        self.reply().yiaddr
    }

    /// The name of the refusal of the NAK that this must be.
    pub(crate) fn nak(&self) -> &'static str {
        assert_eq!(self.reply().kind(), Some(NAK), "{:?}", self.event);
        let Event::Refused(_, why) = self.event else { panic!("{:?}", self.event) };
        why.name()
    }

    /// The name of the reason for the silence that this must be.
    pub(crate) fn silence(&self) -> &'static str {
        assert!(self.said.is_none(), "{:?}", self.event);
        let Event::Discarded(why) = self.event else { panic!("{:?}", self.event) };
        why.name()
    }
}

/// A change, without what it borrows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) lsn: Lsn,
    pub(crate) kind: &'static str,
    pub(crate) address: Ipv4Addr,
    pub(crate) until: Option<Timestamp>,
    pub(crate) name: Vec<u8>,
    pub(crate) client_id: Option<Vec<u8>>,
    pub(crate) pinned: bool,
}

impl Record {
    fn from(lsn: Lsn, change: &Change<'_>) -> Self {
        let address = change.address();
        let record = |kind, until| {
            let (name, client_id, pinned) = (Vec::new(), None, false);
            Self { lsn, kind, address, until, name, client_id, pinned }
        };
        match *change {
            Change::Bind { until, name, client_id, pinned, .. } => Self {
                pinned,
                name: name.to_vec(),
                client_id: client_id.map(|id| id.octets().to_vec()),
                ..record("bind", Some(until))
            },
            Change::Extend { until, .. } => record("extend", Some(until)),
            Change::Release { .. } => record("release", None),
            Change::Quarantine { until, .. } => record("quarantine", Some(until)),
            Change::Forget { .. } => record("forget", None),
        }
    }
}

/// A reply as it is on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) destination: Destination,
    pub(crate) source: Ipv4Addr,
    pub(crate) link: Link,
    pub(crate) octets: Vec<u8>,
    pub(crate) ciaddr: Ipv4Addr,
    pub(crate) yiaddr: Ipv4Addr,
    pub(crate) siaddr: Ipv4Addr,
    pub(crate) giaddr: Ipv4Addr,
    pub(crate) flags: u16,
    /// In the order on the wire.
    pub(crate) codes: Vec<u8>,
    options: BTreeMap<u8, Vec<u8>>,
}

impl Said {
    fn read(transmit: Transmit, out: &[u8]) -> Self {
        let octets = out[..transmit.len].to_vec();
        let address =
            |at: usize| Ipv4Addr::new(octets[at], octets[at + 1], octets[at + 2], octets[at + 3]);
        assert_eq!(octets[0], 2, "op");
        assert_eq!(octets[3], 0, "hops");
        assert_eq!(octets[8..10], [0, 0], "secs");
        assert!(octets.len() >= 300, "{} octets", octets.len());
        assert_eq!(octets[236..240], [99, 130, 83, 99], "cookie");
        let mut codes = Vec::new();
        let mut options = BTreeMap::new();
        let mut at = 240;
        while octets[at] != 255 {
            let (code, len) = (octets[at], usize::from(octets[at + 1]));
            codes.push(code);
            let value = octets[at + 2..at + 2 + len].to_vec();
            assert!(options.insert(code, value).is_none(), "option {code} twice");
            at += 2 + len;
        }
        Self {
            destination: transmit.destination,
            source: transmit.source,
            link: transmit.link,
            ciaddr: address(12),
            yiaddr: address(16),
            siaddr: address(20),
            giaddr: address(24),
            flags: u16::from_be_bytes([octets[10], octets[11]]),
            codes,
            options,
            octets,
        }
    }

    pub(crate) fn kind(&self) -> Option<u8> {
        self.option(53).map(|value| value[0])
    }

    pub(crate) fn option(&self, code: u8) -> Option<&[u8]> {
        self.options.get(&code).map(Vec::as_slice)
    }

    pub(crate) fn address(&self, code: u8) -> Option<Ipv4Addr> {
        Some(Ipv4Addr::from(<[u8; 4]>::try_from(self.option(code)?).unwrap()))
    }

    pub(crate) fn secs(&self, code: u8) -> Option<u32> {
        Some(u32::from_be_bytes(self.option(code)?.try_into().unwrap()))
    }
}

/// A request in the making.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) op: u8,
    pub(crate) htype: u8,
    pub(crate) chaddr: Vec<u8>,
    pub(crate) hops: u8,
    pub(crate) xid: u32,
    pub(crate) flags: u16,
    pub(crate) ciaddr: Ipv4Addr,
    pub(crate) giaddr: Ipv4Addr,
    pub(crate) options: Vec<(u8, Vec<u8>)>,
}

impl Packet {
    pub(crate) fn new(client: u8) -> Self {
        Self {
            op: 1,
            htype: 1,
            chaddr: mac(client).to_vec(),
            hops: 0,
            xid: 0x0102_0304,
            flags: 0,
            ciaddr: NOBODY,
            giaddr: NOBODY,
            options: Vec::new(),
        }
    }

    /// With an option; one that is there already is replaced.
    pub(crate) fn with(mut self, code: u8, value: &[u8]) -> Self {
        self.options.retain(|(there, _)| *there != code);
        self.options.push((code, value.to_vec()));
        self
    }

    pub(crate) fn without(mut self, code: u8) -> Self {
        self.options.retain(|(there, _)| *there != code);
        self
    }

    pub(crate) fn with_address(self, code: u8, address: Ipv4Addr) -> Self {
        self.with(code, &address.octets())
    }

    pub(crate) fn ciaddr(self, ciaddr: Ipv4Addr) -> Self {
        Self { ciaddr, ..self }
    }

    /// As a relay agent passes it on.
    pub(crate) fn relayed(self, giaddr: Ipv4Addr) -> Self {
        Self { giaddr, hops: self.hops + 1, ..self }
    }

    pub(crate) fn broadcast(self) -> Self {
        Self { flags: 0x8000, ..self }
    }

    pub(crate) fn octets(&self) -> Vec<u8> {
        let hlen = u8::try_from(self.chaddr.len()).unwrap();
        let mut octets = vec![self.op, self.htype, hlen, self.hops];
        octets.extend(self.xid.to_be_bytes());
        octets.extend([0, 9]);
        octets.extend(self.flags.to_be_bytes());
        octets.extend(self.ciaddr.octets());
        octets.extend([0; 8]);
        octets.extend(self.giaddr.octets());
        octets.extend(&self.chaddr);
        octets.resize(236, 0);
        octets.extend([99, 130, 83, 99]);
        for (code, value) in &self.options {
            octets.extend([*code, u8::try_from(value.len()).unwrap()]);
            octets.extend(value);
        }
        octets.push(255);
        octets.resize(octets.len().max(300), 0);
        octets
    }
}

pub(crate) fn message(client: u8, kind: u8) -> Packet {
    Packet::new(client).with(53, &[kind])
}

pub(crate) fn discover(client: u8) -> Packet {
    message(client, DISCOVER)
}

/// REQUEST in SELECTING.
pub(crate) fn select(client: u8, address: Ipv4Addr) -> Packet {
    let server_id = ip(address.octets()[2], 1);
    message(client, REQUEST).with_address(50, address).with_address(54, server_id)
}

/// REQUEST in INIT-REBOOT.
pub(crate) fn reboot(client: u8, address: Ipv4Addr) -> Packet {
    message(client, REQUEST).with_address(50, address)
}

/// REQUEST in RENEWING when sent by unicast, in REBINDING when sent to all.
pub(crate) fn renew(client: u8, address: Ipv4Addr) -> Packet {
    message(client, REQUEST).ciaddr(address)
}

pub(crate) fn decline(client: u8, address: Ipv4Addr) -> Packet {
    message(client, DECLINE).with_address(50, address).with_address(54, US)
}

pub(crate) fn release(client: u8, address: Ipv4Addr) -> Packet {
    message(client, RELEASE).ciaddr(address).with_address(54, US)
}
