//! An engine with clients that ask it, on a disk of the test's choice.

use core::cell::Cell;
use core::net::Ipv4Addr;
use std::io;
use std::rc::Rc;

use dhcp_core::id::{HardwareAddr, InstallationKey};
use dhcp_core::net::{Range, Subnet};
use dhcp_core::server::config::{Link, ServerConfig, SubnetConfig};
use dhcp_core::server::{Destination, Ingress, Server};
use dhcp_core::time::{Instant, LeaseClock, LeaseTime, Timestamp};
use dhcp_core::wire::message::{BOOT_REQUEST, Message, MessageType, Scratch};
use dhcp_core::wire::options::{OptionsWriter, RenderedOptions, code};
use dhcp_core::wire::writer::{Header, write_request};
use hydrant::medium::FileMedium;
use hydrant::medium::disk::{Disk, LinuxDisk};
use hydrant::serve::engine::{Engine, Notice};
use hydrant::serve::intake::{Arrival, Intake};
use hydrant::serve::outbox::{ANSWERS_MAX, Outbox};
use hydrant::serve::store::{Book, Record, empty_book};
use lease_store::journal::Journal;

const US: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub(crate) const LINK: Link = Link { interface: 1, vlan: None };

/// 10.0.0.0/16, of which 10.0.1.0 to 10.0.40.255 are handed out; every renewal is recorded.
pub(crate) fn config() -> &'static ServerConfig<'static> {
    let net = Subnet::new(Ipv4Addr::new(10, 0, 0, 0), 16).unwrap();
    let range =
        Range::new(&net, Ipv4Addr::new(10, 0, 1, 0), Ipv4Addr::new(10, 0, 40, 255)).unwrap();
    let subnet = SubnetConfig {
        link: Some(LINK),
        server_id: Some(US),
        ranges: vec![range].leak(),
        options: RenderedOptions::new(&[3, 4, 10, 0, 0, 3]),
        lease_default: LeaseTime::Secs(3_600),
        lease_min: LeaseTime::Secs(1),
        lease_max: LeaseTime::Secs(3_600),
        authoritative: true,
        probe: false,
        ..SubnetConfig::new(net)
    };
    Box::leak(Box::new(ServerConfig::new(vec![subnet].leak(), InstallationKey([7; 16]))))
}

/// A disk whose writes and syncs fail while the test says so.
#[derive(Debug)]
pub(crate) struct Flaky {
    disk: LinuxDisk,
    pub(crate) switch: Rc<Switch>,
}

/// What fails now, and how often was synced.
#[derive(Debug, Default)]
pub(crate) struct Switch {
    pub(crate) write_fails: Cell<bool>,
    pub(crate) sync_fails: Cell<bool>,
    pub(crate) syncs: Cell<usize>,
    /// Syncs are on their way until the test says that they are at their end.
    pub(crate) beside: Cell<bool>,
    pub(crate) at_end: Cell<bool>,
}

impl Disk for Flaky {
    fn octets(&self) -> io::Result<u64> {
        self.disk.octets()
    }

    fn read_at(&self, octets: &mut [u8], at: u64) -> io::Result<usize> {
        self.disk.read_at(octets, at)
    }

    fn write_at(&self, octets: &[u8], at: u64) -> io::Result<usize> {
        if self.switch.write_fails.get() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.disk.write_at(octets, at)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.disk.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.switch.syncs.set(self.switch.syncs.get() + 1);
        if self.switch.sync_fails.get() { Err(io::Error::other("EIO")) } else { Ok(()) }
    }

    fn begin_sync(&self) -> io::Result<bool> {
        if self.switch.beside.get() { Ok(true) } else { self.sync_data().map(|()| false) }
    }

    fn end_sync(&self, wait: bool) -> Option<io::Result<()>> {
        (wait || self.switch.at_end.get()).then(|| self.sync_data())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn sync_entry(&self) -> io::Result<()> {
        self.disk.sync_entry()
    }
}

/// What a client was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) kind: MessageType,
    pub(crate) yiaddr: Ipv4Addr,
    /// The last two octets of the hardware address that it went to.
    pub(crate) client: u16,
}

/// The engine and everything around it.
pub(crate) struct Kit {
    pub(crate) engine: Engine<'static, Book, Record<FileMedium<Flaky>>>,
    pub(crate) intake: Intake,
    pub(crate) outbox: Outbox,
    pub(crate) now: Instant,
    pub(crate) switch: Rc<Switch>,
    pub(crate) notices: Notices,
}

/// How often what was told beside what came of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Notices {
    pub(crate) failed: usize,
    pub(crate) recovered: usize,
}

impl Kit {
    /// On a journal in this directory, which is made when it is not there.
    pub(crate) fn in_dir(dir: &std::path::Path) -> Self {
        let path = dir.join("leases");
        let switch = Rc::new(Switch::default());
        let disk = Flaky { disk: LinuxDisk::open(&path).unwrap(), switch: Rc::clone(&switch) };
        let medium = FileMedium::with_disk(disk, &path).unwrap();
        let config = config();
        let mut book = empty_book(config).unwrap();
        let (journal, _) = Journal::open(medium, &mut book).unwrap();
        let clock = LeaseClock::new(Instant::ZERO, Timestamp::from_secs(1_790_000_000));
        Self {
            engine: Engine::new(Server::new(config, book, clock), Record(journal)),
            intake: Intake::new(),
            outbox: Outbox::new(),
            now: Instant::from_millis(1),
            switch,
            notices: Notices::default(),
        }
    }

    pub(crate) fn push(&mut self, payload: &[u8], unicast: bool) {
        let ingress = Ingress { link: LINK, local: US, unicast };
        self.intake.push(&Arrival { ingress, hardware: Some([2; 6]), at: self.now, payload });
    }

    /// Lets the engine work on one batch.
    pub(crate) fn take(&mut self) {
        let notices = &mut self.notices;
        let mut tell = |notice: Notice<'_, _>| match notice {
            Notice::Message(..) | Notice::Heard(_) => {}
            Notice::Failed(_) => notices.failed += 1,
            Notice::Recovered => notices.recovered += 1,
        };
        self.outbox.sent(ANSWERS_MAX);
        self.engine.end_commit(&mut self.outbox, &mut tell);
        self.engine.take(self.now, &mut self.intake, &mut self.outbox, &mut tell);
        self.engine.begin_commit(&mut self.outbox, &mut tell);
        if self.engine.poll_timeout().is_some_and(|at| at <= self.now) {
            self.engine.poll(self.now);
        }
    }

    /// Waits for what is on its way.
    pub(crate) fn settle(&mut self) {
        self.outbox.sent(ANSWERS_MAX);
        let notices = &mut self.notices;
        self.engine.settle(&mut self.outbox, &mut |notice: Notice<'_, _>| match notice {
            Notice::Message(..) | Notice::Heard(_) => {}
            Notice::Failed(_) => notices.failed += 1,
            Notice::Recovered => notices.recovered += 1,
        });
    }

    /// What leaves after the last batch.
    pub(crate) fn told(&self) -> Vec<Told> {
        self.outbox.answers().filter_map(|answer| Some(told(answer.message()?))).collect()
    }

    /// One batch of one message, and what came of it.
    pub(crate) fn ask(&mut self, payload: &[u8], unicast: bool) -> Option<Told> {
        self.push(payload, unicast);
        self.take();
        self.told().first().copied()
    }

    /// DISCOVER, OFFER, REQUEST and ACK.
    pub(crate) fn lease(&mut self, client: u16) -> Option<Ipv4Addr> {
        let offer = self.ask(&discover(client), false)?;
        assert_eq!(offer.kind, MessageType::Offer);
        let ack = self.ask(&select(client, offer.yiaddr), false)?;
        assert_eq!((ack.kind, ack.yiaddr), (MessageType::Ack, offer.yiaddr));
        Some(ack.yiaddr)
    }
}

fn told((transmit, octets): (dhcp_core::server::Transmit, &[u8])) -> Told {
    let mut scratch = Scratch::new();
    let message = Message::parse(octets, &mut scratch).unwrap();
    let hardware = message.hardware();
    let chaddr = hardware.octets();
    let client = u16::from_be_bytes([chaddr[4], chaddr[5]]);
    assert!(matches!(
        transmit.destination,
        Destination::Hardware { .. } | Destination::Client(_) | Destination::Broadcast
    ));
    Told { kind: message.message_type().unwrap(), yiaddr: message.yiaddr(), client }
}

/// A message of a client, written into `room`.
pub(crate) fn write(
    room: &mut [u8],
    client: u16,
    kind: MessageType,
    ciaddr: Ipv4Addr,
    options: &[(u8, Ipv4Addr)],
) -> usize {
    let [a, b] = client.to_be_bytes();
    let nobody = Ipv4Addr::UNSPECIFIED;
    let header = Header {
        op: BOOT_REQUEST,
        hops: 0,
        hardware: &HardwareAddr::ethernet([2, 0, 0, 0, a, b]),
        xid: u32::from(client),
        secs: 0,
        flags: 0,
        ciaddr,
        yiaddr: nobody,
        siaddr: nobody,
        giaddr: nobody,
        sname: &[],
        file: &[],
    };
    let mut options_room = [0; 64];
    let mut writer = OptionsWriter::new(&mut options_room);
    for (code, address) in options {
        writer.push(*code, &address.octets()).unwrap();
    }
    write_request(&header, kind, &[writer.finish()], room).unwrap()
}

fn message(
    client: u16,
    kind: MessageType,
    ciaddr: Ipv4Addr,
    options: &[(u8, Ipv4Addr)],
) -> Vec<u8> {
    let mut room = vec![0; 600];
    let len = write(&mut room, client, kind, ciaddr, options);
    room.truncate(len);
    room
}

pub(crate) fn discover(client: u16) -> Vec<u8> {
    message(client, MessageType::Discover, Ipv4Addr::UNSPECIFIED, &[])
}

pub(crate) fn select(client: u16, address: Ipv4Addr) -> Vec<u8> {
    let options = [(code::REQUESTED_IP, address), (code::SERVER_ID, US)];
    message(client, MessageType::Request, Ipv4Addr::UNSPECIFIED, &options)
}

pub(crate) fn renew(client: u16, address: Ipv4Addr) -> Vec<u8> {
    message(client, MessageType::Request, address, &[])
}

pub(crate) fn release(client: u16, address: Ipv4Addr) -> Vec<u8> {
    message(client, MessageType::Release, address, &[(code::SERVER_ID, US)])
}
