//! The client under any sequence of replies, ARP packets, times and calls, with its promises checked after each step:
//!
//! - it goes along the arrows of RFC 2131 figure 5, and a packet that is ignored changes nothing;
//! - what it sends has the fields of Table 5, and no transaction number comes twice in a row;
//! - an address is usable exactly from Bound to Lost, as the caller is told;
//! - the next deadline is later than now, and the same seed gives the same run.

// The one table of them, which the client's own tests have.
#[path = "../../dhcp-core/tests/client/arrows.rs"]
mod arrows;
mod script;

use core::net::Ipv4Addr;

use arbitrary::{Result, Unstructured};
use dhcp_core::client::{Client, Config, Event, Heard, MESSAGE_LEN_MAX, Output, State, Transmit};
use dhcp_core::conflict::Acd;
use dhcp_core::id::{ClientId, HardwareAddr};
use dhcp_core::rng::Rng;
use dhcp_core::time::Instant;
use dhcp_core::wire::frame::arp::Arp;
use dhcp_core::wire::message::{BOOT_REQUEST, Message, MessageType, Scratch};

use self::arrows::is_arrow;
use self::script::{Call, Step};

/// Steps of one script; what is longer ends there.
const STEPS_MAX: usize = 300;

/// Deadlines that one step may run over: a pause of days has many.
const DEADLINES_MAX: usize = 20_000;

pub(crate) const MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x11];
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 50);

/// Reads a script from the octets and plays it, twice.
pub fn any_script(octets: &[u8]) {
    let first = played(octets);
    assert!(first == played(octets), "the same seed gives the same run");
}

/// What the client did.
fn played(octets: &[u8]) -> Vec<u8> {
    let mut script = Unstructured::new(octets);
    let mut desk = match Desk::any(&mut script) {
        Ok(desk) => desk,
        Err(_) => return Vec::new(),
    };
    for _ in 0..STEPS_MAX {
        if script.is_empty() || desk.step(&mut script).is_err() {
            break;
        }
    }
    desk.did
}

/// One message from anywhere reaches a client that waits for an OFFER, and one that has a lease.
pub fn hear(octets: &[u8]) {
    for xid_from_message in [false, true] {
        let mut desk = Desk::new(Acd::Off, 7);
        desk.call(Call::Start);
        desk.pass(Instant::from_millis(1_010_000));
        if xid_from_message {
            let waits_for = desk.client.state().exchange().map(|exchange| exchange.xid);
            let mut answer = octets.to_vec();
            for (place, octet) in
                answer.iter_mut().skip(4).zip(waits_for.unwrap_or(0).to_be_bytes())
            {
                *place = octet;
            }
            for (place, octet) in answer.iter_mut().skip(28).zip(MAC) {
                *place = octet;
            }
            desk.hear(&answer);
            desk.hear(&answer);
        } else {
            desk.hear(octets);
        }
        desk.pass(Instant::from_millis(2_000_000));
    }
}

/// A client, its clock, and what it did.
struct Desk {
    client: Client,
    now: Instant,
    did: Vec<u8>,
    usable: bool,
    /// The transaction before this one.
    xid: Option<u32>,
}

impl Desk {
    fn new(acd: Acd, seed: u64) -> Self {
        let id = ClientId::new(b"\0camera").expect("a client identifier has 2 to 255 octets");
        let mut config = Config::new(HardwareAddr::ethernet(MAC)).with_client_id(id);
        config.acd = acd;
        let client = Client::new(config, Rng::seeded(seed));
        Self {
            client,
            now: Instant::from_millis(1_000_000),
            did: Vec::new(),
            usable: false,
            xid: None,
        }
    }

    fn any(script: &mut Unstructured<'_>) -> Result<Self> {
        let acd = match script.arbitrary::<u8>()? % 3 {
            0 => Acd::Full,
            1 => Acd::Quick,
            _ => Acd::Off,
        };
        let mut desk = Self::new(acd, script.arbitrary::<u16>()?.into());
        desk.call(Call::Start);
        Ok(desk)
    }

    fn step(&mut self, script: &mut Unstructured<'_>) -> Result<()> {
        let xid = self.client.state().exchange().map_or(7, |exchange| exchange.xid);
        match Step::any(script, xid)? {
            Step::Timer => {
                if let Some(at) = self.client.poll_timeout() {
                    self.pass(self.now.max(at));
                }
            }
            Step::Pass { secs } => self.pass(self.now.plus_secs(secs)),
            Step::Hear(octets) => self.hear(&octets),
            Step::Arp(arp) => self.arp(&arp),
            Step::Call(call) => self.call(call),
        }
        Ok(())
    }

    /// Goes from deadline to deadline; every second time the caller oversleeps.
    fn pass(&mut self, until: Instant) {
        for round in 0..DEADLINES_MAX {
            let Some(at) = self.client.poll_timeout().filter(|at| *at <= until) else { break };
            let before = *self.client.state();
            self.now = self.now.max(if round % 2 == 0 { at } else { at.plus_millis(400) });
            self.client.handle_timeout(self.now);
            let next = self.client.poll_timeout();
            assert!(next.is_none_or(|next| next > self.now), "the next deadline is later than now");
            self.after(&before, false);
        }
        self.now = self.now.max(until);
        let before = *self.client.state();
        self.client.handle_timeout(self.now);
        self.after(&before, false);
    }

    fn hear(&mut self, octets: &[u8]) {
        let before = *self.client.state();
        let heard = self.client.handle(self.now, octets, &mut Scratch::new());
        if let Heard::Ignored(_) = heard {
            assert_eq!(*self.client.state(), before, "what is ignored changes nothing");
            assert!(!self.client.has_output(), "and nothing is done about it");
        }
        self.after(&before, false);
    }

    fn arp(&mut self, arp: &Arp) {
        let before = *self.client.state();
        self.client.handle_arp(self.now, arp);
        self.after(&before, false);
    }

    fn call(&mut self, call: Call) {
        let before = *self.client.state();
        let by_caller = !matches!(call, Call::Renew);
        match call {
            Call::Start => self.client.start(self.now),
            Call::StartWith(previous) => self.client.start_with(self.now, previous),
            Call::Release => self.client.release(),
            Call::Renew => self.client.renew(self.now),
            Call::Stop => self.client.stop(),
            Call::Inform => self.client.inform(self.now, ADDRESS),
        }
        self.after(&before, by_caller);
    }

    /// Takes what was done and holds it against what may be.
    fn after(&mut self, before: &State, by_caller: bool) {
        let after = *self.client.state();
        let (from, to) = (before.phase(), after.phase());
        assert!(by_caller || is_arrow(from, to), "{from:?} to {to:?}");
        let (mut bound, mut lost) = (false, false);
        let mut buffer = [0xaa; MESSAGE_LEN_MAX];
        while let Some(output) = self.client.poll_output(&mut buffer) {
            match output {
                Output::Transmit(transmit) => {
                    let octets = buffer.get(..transmit.len).expect("it was written there");
                    self.check_message(&transmit, octets);
                    self.did.extend(octets);
                }
                Output::Arp(arp) => {
                    assert_eq!(arp.sender_mac, MAC, "we speak for ourselves");
                    assert!(arp.sender.is_unspecified() || arp.sender == arp.target);
                }
                Output::Event(event) => {
                    bound |= matches!(event, Event::Bound);
                    lost |= matches!(event, Event::Lost { .. });
                    self.did.extend(format!("{event:?}").into_bytes());
                }
            }
        }
        let usable = self.client.lease().is_some();
        if !by_caller {
            assert!(
                usable == self.usable || if usable { bound } else { lost },
                "the caller is told"
            );
        }
        self.usable = usable;
        self.did.push(to as u8);
    }

    /// Table 5, as far as it is the same in every state.
    fn check_message(&mut self, transmit: &Transmit, octets: &[u8]) {
        assert!((300..=MESSAGE_LEN_MAX).contains(&octets.len()), "{} octets", octets.len());
        let mut room = Scratch::new();
        let message = Message::parse(octets, &mut room).expect("a client sends messages");
        let zero = Ipv4Addr::UNSPECIFIED;
        assert_eq!((message.op(), message.hops()), (BOOT_REQUEST, 0));
        assert_eq!((message.yiaddr(), message.siaddr(), message.giaddr()), (zero, zero, zero));
        assert_eq!(message.hardware(), HardwareAddr::ethernet(MAC));
        assert_eq!(message.client_id().map(|id| id.octets()), Some(&b"\0camera"[..]));
        assert_eq!(
            transmit.source,
            message.ciaddr(),
            "what it calls its own is where it speaks from"
        );
        let kind = message.message_type().expect("a client's message has a type");
        let (ciaddr, wish) = (!message.ciaddr().is_unspecified(), message.requested_ip().is_some());
        let server = message.server_id().is_some();
        let right = match kind {
            MessageType::Discover => !ciaddr && !server,
            // SELECTING, INIT-REBOOT, or RENEWING and REBINDING.
            MessageType::Request => ciaddr != wish && !(ciaddr && server),
            MessageType::Decline => !ciaddr && wish && server,
            MessageType::Release => ciaddr && !wish && server,
            MessageType::Inform => ciaddr && !wish && !server,
            MessageType::Offer | MessageType::Ack | MessageType::Nak => false,
        };
        assert!(right, "{kind:?}: ciaddr {ciaddr}, option 50 {wish}, option 54 {server}");
        assert!(transmit.destination.is_broadcast() || ciaddr, "unicast needs a source");
        let leaves = matches!(kind, MessageType::Decline | MessageType::Release);
        if leaves {
            assert_ne!(Some(message.xid()), self.xid, "a new exchange has a new number");
        }
        self.xid = Some(message.xid());
    }
}
