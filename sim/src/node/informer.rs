//! A node whose address somebody typed in, and that asks a server for the rest: DHCPINFORM (RFC 2131 section 3.4). The client is ours.

use core::net::Ipv4Addr;

use dhcp_core::client::{Client, Config, Event, Heard, MESSAGE_LEN_MAX, Output, State};
use dhcp_core::id::HardwareAddr;
use dhcp_core::rng::Rng;
use dhcp_core::time::Instant;
use dhcp_core::wire::frame::arp::{Arp, Operation};
use dhcp_core::wire::frame::ipv4::{Checksums, Udp};
use dhcp_core::wire::frame::{ETHERTYPE_ARP, ETHERTYPE_IPV4, Ethernet};
use dhcp_core::wire::message::Scratch;

use super::server::reply_to;
use super::{Desk, request, to_all, untagged};

/// A node with an address of its own, and questions.
#[derive(Debug)]
pub struct Informer {
    /// Its MAC address.
    pub mac: [u8; 6],
    /// Its address, in the middle of a pool or outside.
    pub address: Ipv4Addr,
    client: Client,
    /// The server that answered last, and where its answer came from: itself, or the router on the way to it.
    server: Option<(Ipv4Addr, [u8; 6])>,
    /// Whether it asks that server alone, now.
    unicast: bool,
    /// Since when it waits for an answer.
    asking_since: Option<Instant>,
}

impl Informer {
    /// One that asks nothing yet.
    #[must_use]
    pub fn new(mac: [u8; 6], address: Ipv4Addr, seed: u64) -> Self {
        let config = Config::new(HardwareAddr::ethernet(mac));
        let client = Client::new(config, Rng::seeded(seed));
        Self { mac, address, client, server: None, unicast: false, asking_since: None }
    }

    /// Since when it waits for an answer.
    #[must_use]
    pub const fn asking_since(&self) -> Option<Instant> {
        self.asking_since
    }

    /// When it next has work.
    #[must_use]
    pub fn timeout(&self) -> Option<Instant> {
        self.client.poll_timeout()
    }

    /// Asks the server that answered last, or all.
    pub fn ask(&mut self, desk: &mut Desk<'_>, unicast: bool) {
        self.asking_since = self.asking_since.or(Some(desk.now));
        self.unicast = unicast;
        self.client.inform(desk.now, self.address);
        self.drain(desk);
    }

    /// Does what is due.
    ///
    /// # Panics
    /// When the next deadline is not later than now.
    pub fn wake(&mut self, desk: &mut Desk<'_>) {
        // Whoever does not answer may be gone: all are asked the next time.
        self.unicast = false;
        self.client.handle_timeout(desk.now);
        let next = self.client.poll_timeout();
        assert!(next.is_none_or(|next| next > desk.now), "the next deadline is later than now");
        self.drain(desk);
    }

    /// Takes a frame.
    pub fn receive(&mut self, desk: &mut Desk<'_>, frame: &[u8]) {
        let Some((ethernet, rest)) = untagged(frame) else { return };
        match ethernet.ethertype {
            ETHERTYPE_ARP => {
                let Ok(arp) = Arp::parse(rest) else { return };
                if arp.operation == Operation::Request && arp.target == self.address {
                    desk.send_arp(0, None, &reply_to(&arp, self.mac));
                }
            }
            ETHERTYPE_IPV4 => {
                let Ok(udp) = Udp::parse(rest, Checksums::Verify) else {
                    desk.answer_echo(self.mac, self.address, &ethernet, rest);
                    return;
                };
                // It has an address: what is sent to all is not for it.
                if udp.destination_port != 68 || udp.destination != self.address {
                    return;
                }
                let heard = self.client.handle(desk.now, udp.payload, &mut Scratch::new());
                if heard == Heard::Taken {
                    self.server = Some((udp.source, ethernet.source));
                }
                self.drain(desk);
            }
            _ => {}
        }
    }

    fn drain(&mut self, desk: &mut Desk<'_>) {
        let mut out = [0; MESSAGE_LEN_MAX];
        while let Some(output) = self.client.poll_output(&mut out) {
            match output {
                Output::Transmit(message) => {
                    let all = (Ipv4Addr::BROADCAST, to_all(self.mac, None).destination);
                    let to = self.server.filter(|_| self.unicast).unwrap_or(all);
                    let payload = out.get(..message.len).expect("as long as was written");
                    let udp = request(self.address, to.0, payload);
                    let ethernet = Ethernet { destination: to.1, ..to_all(self.mac, None) };
                    desk.send_udp(0, &ethernet, &udp);
                }
                Output::Arp(arp) => desk.send_arp(0, None, &arp),
                Output::Event(event) => {
                    desk.trace.tell(desk.now, || format!("{}: {event:?}", self.address));
                    if matches!(event, Event::Informed) {
                        desk.trace.count("informer informed");
                    }
                }
            }
        }
        if !matches!(self.client.state(), State::Informing { .. }) {
            self.asking_since = None;
        }
    }
}
