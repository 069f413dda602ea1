//! A client on a desk: time is what the test says, and every output is taken and kept.
//!
//! Messages are read and written here by hand, so that a fault in the wire layer does not hide one in the client.

use core::net::Ipv4Addr;

use dhcp_core::client::{
    Client, Config, Event, Heard, Ignored, Lease, MESSAGE_LEN_MAX, Output, Phase, Previous,
    Transmit,
};
use dhcp_core::conflict::Acd;
use dhcp_core::id::{ClientId, HardwareAddr};
use dhcp_core::rng::Rng;
use dhcp_core::time::Instant;
use dhcp_core::wire::frame::arp::Arp;
use dhcp_core::wire::message::Scratch;

pub(crate) const MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x11];
pub(crate) const STRANGER: [u8; 6] = [2, 0, 0, 0, 0, 0x99];
pub(crate) const CLIENT_ID: [u8; 7] = *b"\0camera";
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 50);
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
pub(crate) const OTHER_SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 2);
pub(crate) const LEASE_SECS: u32 = 3_600;

pub(crate) const DISCOVER: u8 = 1;
pub(crate) const OFFER: u8 = 2;
pub(crate) const REQUEST: u8 = 3;
pub(crate) const DECLINE: u8 = 4;
pub(crate) const ACK: u8 = 5;
pub(crate) const NAK: u8 = 6;
pub(crate) const RELEASE: u8 = 7;
pub(crate) const INFORM: u8 = 8;

pub(crate) fn config(acd: Acd) -> Config {
    let id = ClientId::new(&CLIENT_ID).unwrap();
    let mut config = Config::new(HardwareAddr::ethernet(MAC)).with_client_id(id);
    config.acd = acd;
    config
}

pub(crate) fn previous() -> Previous {
    Previous { address: Some(ADDRESS), server_id: Some(SERVER) }
}

/// A message that the client sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) transmit: Transmit,
    pub(crate) octets: Vec<u8>,
}

impl Sent {
    fn address(&self, at: usize) -> Ipv4Addr {
        Ipv4Addr::from(<[u8; 4]>::try_from(&self.octets[at..at + 4]).unwrap())
    }

    pub(crate) fn xid(&self) -> u32 {
        self.address(4).to_bits()
    }

    pub(crate) fn secs(&self) -> u16 {
        u16::from_be_bytes([self.octets[8], self.octets[9]])
    }

    pub(crate) fn broadcast(&self) -> bool {
        self.octets[10] == 0x80
    }

    pub(crate) fn ciaddr(&self) -> Ipv4Addr {
        self.address(12)
    }

    pub(crate) fn options(&self) -> Vec<(u8, Vec<u8>)> {
        let mut rest = &self.octets[240..];
        let mut options = Vec::new();
        while rest[0] != 255 {
            let (code, len) = (rest[0], usize::from(rest[1]));
            options.push((code, rest[2..2 + len].to_vec()));
            rest = &rest[2 + len..];
        }
        assert!(rest[1..].iter().all(|octet| *octet == 0), "only padding behind END");
        options
    }

    pub(crate) fn option(&self, code: u8) -> Option<Vec<u8>> {
        let mut found = self.options().into_iter().filter(|(at, _)| *at == code);
        let value = found.next().map(|(_, value)| value);
        assert!(found.next().is_none(), "option {code} twice");
        value
    }

    pub(crate) fn address_option(&self, code: u8) -> Option<Ipv4Addr> {
        self.option(code).map(|value| Ipv4Addr::from(<[u8; 4]>::try_from(value).unwrap()))
    }

    pub(crate) fn message_type(&self) -> u8 {
        self.option(53).expect("every message has a type")[0]
    }
}

/// A reply as a server would write it; change what is to be wrong.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) op: u8,
    pub(crate) htype: u8,
    pub(crate) hlen: u8,
    pub(crate) xid: u32,
    pub(crate) yiaddr: Ipv4Addr,
    pub(crate) chaddr: [u8; 16],
    pub(crate) cookie: [u8; 4],
    pub(crate) options: Vec<(u8, Vec<u8>)>,
}

impl Reply {
    pub(crate) fn new(message_type: u8, xid: u32) -> Self {
        let mut chaddr = [0; 16];
        chaddr[..6].copy_from_slice(&MAC);
        let reply = Self {
            op: 2,
            htype: 1,
            hlen: 6,
            xid,
            yiaddr: ADDRESS,
            chaddr,
            cookie: [99, 130, 83, 99],
            options: Vec::new(),
        };
        let reply = reply.with(53, &[message_type]).with(54, &SERVER.octets());
        if message_type == NAK {
            return Self { yiaddr: Ipv4Addr::UNSPECIFIED, ..reply };
        }
        reply
            .with(51, &LEASE_SECS.to_be_bytes())
            .with(1, &[255, 255, 255, 0])
            .with(3, &[10, 0, 1, 3])
            .with(6, &[8, 8, 8, 8, 8, 8, 4, 4])
    }

    pub(crate) fn with(mut self, code: u8, value: &[u8]) -> Self {
        self = self.without(code);
        self.options.push((code, value.to_vec()));
        self
    }

    pub(crate) fn without(mut self, code: u8) -> Self {
        self.options.retain(|(at, _)| *at != code);
        self
    }

    pub(crate) fn from(self, server: Ipv4Addr) -> Self {
        self.with(54, &server.octets())
    }

    pub(crate) fn lease_secs(self, secs: u32) -> Self {
        self.with(51, &secs.to_be_bytes())
    }

    pub(crate) fn octets(&self) -> Vec<u8> {
        let mut octets = vec![self.op, self.htype, self.hlen, 0];
        octets.extend(self.xid.to_be_bytes());
        octets.extend([0; 8]);
        octets.extend(self.yiaddr.octets());
        octets.extend([0; 8]);
        octets.extend(self.chaddr);
        octets.extend([0; 192]);
        octets.extend(self.cookie);
        for (code, value) in &self.options {
            octets.push(*code);
            octets.push(u8::try_from(value.len()).unwrap());
            octets.extend(value);
        }
        octets.push(255);
        octets.resize(octets.len().max(300), 0);
        octets
    }
}

/// One output.
#[derive(Clone, Debug)]
pub(crate) enum Did {
    Sent(Sent),
    Arp(Arp),
    Told(Event),
}

pub(crate) struct Desk {
    pub(crate) client: Client,
    pub(crate) now: Instant,
    /// What was done since [`Desk::take`] was called last.
    pub(crate) did: Vec<Did>,
}

impl Desk {
    pub(crate) fn new(config: Config, seed: u64) -> Self {
        let client = Client::new(config, Rng::seeded(seed));
        Self { client, now: Instant::from_millis(1_000_000), did: Vec::new() }
    }

    pub(crate) fn drain(&mut self) {
        let mut buffer = [0xaa; MESSAGE_LEN_MAX];
        while let Some(output) = self.client.poll_output(&mut buffer) {
            self.did.push(match output {
                Output::Transmit(transmit) => {
                    Did::Sent(Sent { transmit, octets: buffer[..transmit.len].to_vec() })
                }
                Output::Arp(arp) => Did::Arp(arp),
                Output::Event(event) => Did::Told(event),
            });
            assert!(self.did.len() < 100_000, "no output without end");
        }
    }

    pub(crate) fn take(&mut self) -> Vec<Did> {
        core::mem::take(&mut self.did)
    }

    pub(crate) fn start(&mut self) {
        self.client.start(self.now);
        self.drain();
    }

    pub(crate) fn start_with(&mut self, previous: Previous) {
        self.client.start_with(self.now, previous);
        self.drain();
    }

    /// Jumps to the next deadline, and checks that the one after it is later.
    pub(crate) fn wait(&mut self) {
        let at = self.client.poll_timeout().expect("something is to come");
        self.jump_to(at);
    }

    pub(crate) fn jump_to(&mut self, at: Instant) {
        self.now = self.now.max(at);
        self.client.handle_timeout(self.now);
        let next = self.client.poll_timeout();
        assert!(next.is_none_or(|next| next > self.now), "the next deadline is later");
        self.drain();
    }

    /// Goes from deadline to deadline until `at`.
    pub(crate) fn run_until(&mut self, at: Instant) {
        let mut steps = 0;
        while self.client.poll_timeout().is_some_and(|next| next <= at) {
            self.wait();
            steps += 1;
            assert!(steps < 100_000, "no loop without end");
        }
        self.now = at;
    }

    pub(crate) fn hear(&mut self, reply: &Reply) -> Heard {
        self.hear_octets(&reply.octets())
    }

    pub(crate) fn hear_octets(&mut self, octets: &[u8]) -> Heard {
        let heard = self.client.handle(self.now, octets, &mut Scratch::new());
        self.drain();
        heard
    }

    #[track_caller]
    pub(crate) fn takes(&mut self, reply: &Reply) {
        assert_eq!(self.hear(reply), Heard::Taken);
    }

    /// The reply means nothing, for this reason: the state stays, nothing is done, and it is counted.
    #[track_caller]
    pub(crate) fn ignores(&mut self, reply: &Reply, why: Ignored) {
        let (state, did) = (*self.client.state(), self.did.len());
        let counted = self.client.ignored()[why.index()];
        assert_eq!(self.hear(reply), Heard::Ignored(why));
        assert_eq!(*self.client.state(), state);
        assert_eq!(self.did.len(), did, "nothing is done");
        assert_eq!(self.client.ignored()[why.index()], counted + 1);
    }

    pub(crate) fn arp(&mut self, arp: &Arp) {
        self.client.handle_arp(self.now, arp);
        self.drain();
    }

    pub(crate) fn phase(&self) -> Phase {
        self.client.state().phase()
    }

    #[track_caller]
    pub(crate) fn lease(&self) -> Lease<'_> {
        self.client.lease().expect("there is a lease")
    }

    /// The transaction that waits for an answer.
    #[track_caller]
    pub(crate) fn xid(&self) -> u32 {
        self.client.state().exchange().expect("something waits for an answer").xid
    }

    /// A reply to it.
    #[track_caller]
    pub(crate) fn reply(&self, message_type: u8) -> Reply {
        Reply::new(message_type, self.xid())
    }

    /// The last message that was sent.
    #[track_caller]
    pub(crate) fn sent(&self) -> Sent {
        let last = self.did.iter().rev().find_map(|did| match did {
            Did::Sent(sent) => Some(sent.clone()),
            Did::Arp(_) | Did::Told(_) => None,
        });
        last.expect("a message was sent")
    }

    pub(crate) fn sent_count(&self) -> usize {
        self.did.iter().filter(|did| matches!(did, Did::Sent(_))).count()
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        let told = |did: &Did| match did {
            Did::Told(event) => Some(*event),
            Did::Sent(_) | Did::Arp(_) => None,
        };
        self.did.iter().filter_map(told).collect()
    }
}

/// A client in SELECTING, whose DISCOVER is the last message.
pub(crate) fn selecting(config: Config) -> Desk {
    let mut desk = Desk::new(config, 1);
    desk.start();
    desk.wait();
    assert_eq!(desk.phase(), Phase::Selecting);
    desk
}

/// A client in REQUESTING.
pub(crate) fn requesting(config: Config) -> Desk {
    let mut desk = selecting(config);
    desk.takes(&desk.reply(OFFER));
    assert_eq!(desk.phase(), Phase::Requesting);
    desk
}

/// A client in REBOOTING.
pub(crate) fn rebooting(config: Config) -> Desk {
    let mut desk = Desk::new(config, 1);
    desk.start_with(previous());
    desk.wait();
    assert_eq!(desk.phase(), Phase::Rebooting);
    desk
}

/// A client in BOUND, with nothing left to announce.
pub(crate) fn bound(config: Config) -> Desk {
    let mut desk = requesting(config);
    desk.takes(&desk.reply(ACK));
    settle(&mut desk);
    desk
}

/// Waits until nothing but the end of times of the lease is to come.
pub(crate) fn settle(desk: &mut Desk) {
    desk.run_until(desk.now.plus_secs(20));
    assert_eq!(desk.phase(), Phase::Bound);
    desk.take();
}

/// A client in RENEWING.
pub(crate) fn renewing(config: Config) -> Desk {
    let mut desk = bound(config);
    desk.wait();
    assert_eq!(desk.phase(), Phase::Renewing);
    desk
}

/// A client in REBINDING.
pub(crate) fn rebinding(config: Config) -> Desk {
    let mut desk = renewing(config);
    while desk.phase() == Phase::Renewing {
        desk.wait();
    }
    assert_eq!(desk.phase(), Phase::Rebinding);
    desk
}
