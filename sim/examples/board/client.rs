//! Who is at the other end of the cable? A client of `dhcp-core`, which answers ARP once it has an address.

use core::net::Ipv4Addr;

use dhcp_core::client::{Client, Config, MESSAGE_LEN_MAX, Output, State, Transmit};
use dhcp_core::conflict::Acd;
use dhcp_core::id::HardwareAddr;
use dhcp_core::rng::Rng;
use dhcp_core::time::Instant;
use dhcp_core::wire::frame::arp::{Arp, Operation};
use dhcp_core::wire::frame::icmp::Echo;
use dhcp_core::wire::frame::ipv4::{Checksums, Udp};
use dhcp_core::wire::frame::{BROADCAST_MAC, ETHERTYPE_ARP, ETHERTYPE_IPV4, Ethernet};
use dhcp_core::wire::message::Scratch;
use dhcp_core::wire::{CLIENT_PORT, SERVER_PORT};

use crate::board::{Board, MAC};
use crate::card::Frame;

/// No exchange takes more frames.
const FRAMES_MAX: usize = 64;

/// Both together wake up no more often than this until what is waited for has come: for half of twelve hours the board looks about once a second.
const WAKES_MAX: usize = 50_000;

/// The client.
pub(crate) struct Station {
    mac: [u8; 6],
    client: Client,
}

impl Station {
    pub(crate) fn new(mac: [u8; 6]) -> Self {
        let mut config = Config::new(HardwareAddr::ethernet(mac));
        config.acd = Acd::Off;
        Self { mac, client: Client::new(config, Rng::seeded(7)) }
    }

    /// Until it has an address.
    pub(crate) fn lease(&mut self, board: &mut Board, now: &mut Instant) -> Option<Ipv4Addr> {
        self.client.start(*now);
        self.go_on(board, now, |client| client.lease().is_some());
        Some(self.client.lease()?.binding.address)
    }

    /// Until T1 has come and the lease is renewed.
    pub(crate) fn renew(&mut self, board: &mut Board, now: &mut Instant) {
        self.go_on(board, now, |client| matches!(client.state(), State::Renewing { .. }));
        self.go_on(board, now, |client| matches!(client.state(), State::Bound { .. }));
    }

    pub(crate) fn ends_at(&self) -> Option<Instant> {
        self.client.lease()?.binding.term.expires_at()
    }

    fn go_on(&mut self, board: &mut Board, now: &mut Instant, done: impl Fn(&Client) -> bool) {
        for _ in 0..WAKES_MAX {
            self.talk(board, *now);
            if done(&self.client) {
                return;
            }
            // Whoever wakes up first.
            let Some(at) = self.client.poll_timeout() else { return };
            *now = at.min(board.wake_at(*now)).max(*now);
            board.round(*now);
            self.client.handle_timeout(*now);
        }
    }

    /// Until neither has anything to say.
    fn talk(&mut self, board: &mut Board, now: Instant) {
        for _ in 0..FRAMES_MAX {
            let mut message = [0; MESSAGE_LEN_MAX];
            while let Some(output) = self.client.poll_output(&mut message) {
                if let Output::Transmit(sent) = output {
                    let payload = message.get(..sent.len).expect("poll_output() wrote it");
                    let frame = frame(|frame| {
                        self.datagram(sent, payload).write_frame(&self.to(sent), frame)
                    });
                    let _ = board.card.received.push_back(frame);
                    board.round(now);
                }
            }
            let Some(frame) = board.card.sent.pop_front() else { return };
            self.hear(board, now, &frame);
        }
    }

    fn hear(&mut self, board: &mut Board, now: Instant, octets: &[u8]) {
        let Ok((ethernet, packet)) = Ethernet::parse(octets) else { return };
        let ours = self.client.lease().map(|lease| lease.binding.address);
        match ethernet.ethertype {
            ETHERTYPE_IPV4 => {
                let udp = Udp::parse(packet, Checksums::Verify).ok();
                if let Some(udp) = udp.filter(|udp| udp.destination_port == CLIENT_PORT) {
                    self.client.handle(now, udp.payload, &mut Scratch::new());
                }
            }
            ETHERTYPE_ARP => {
                let Ok(question) = Arp::parse(packet) else { return };
                if question.operation == Operation::Request && Some(question.target) == ours {
                    let answer = Arp {
                        operation: Operation::Reply,
                        sender_mac: self.mac,
                        sender: question.target,
                        target_mac: question.sender_mac,
                        target: question.sender,
                    };
                    let frame = frame(|frame| answer.write_frame(None, frame));
                    let _ = board.card.received.push_back(frame);
                    board.round(now);
                }
            }
            _ => {}
        }
    }

    /// Asks by ARP.
    pub(crate) fn ask_who_has(
        &self,
        board: &mut Board,
        now: Instant,
        whom: Ipv4Addr,
    ) -> Option<Arp> {
        let sender = self.client.lease()?.binding.address;
        let question = Arp { target: whom, ..Arp::announcement(self.mac, sender) };
        let frame = frame(|frame| question.write_frame(None, frame));
        exchange(board, now, frame, |packet| {
            Arp::parse(packet).ok().filter(|arp| arp.sender == whom)
        })
    }

    /// Asks by ICMP.
    pub(crate) fn ping(&self, board: &mut Board, now: Instant, whom: Ipv4Addr) -> Option<Echo> {
        let source = self.client.lease()?.binding.address;
        let echo = Echo { source, destination: whom, reply: false, identifier: 7, sequence: 1 };
        let ethernet =
            Ethernet { destination: MAC, source: self.mac, vlan: None, ethertype: ETHERTYPE_IPV4 };
        let frame = frame(|frame| echo.write_frame(&ethernet, frame));
        exchange(board, now, frame, |packet| Echo::parse(packet).ok())
    }

    const fn datagram<'m>(&self, sent: Transmit, payload: &'m [u8]) -> Udp<'m> {
        let Transmit { source, destination, .. } = sent;
        let (source_port, destination_port) = (CLIENT_PORT, SERVER_PORT);
        Udp { source, destination, source_port, destination_port, payload }
    }

    /// Its neighbour is the board; for more of them it would ask by ARP.
    fn to(&self, sent: Transmit) -> Ethernet {
        let destination = if sent.destination.is_broadcast() { BROADCAST_MAC } else { MAC };
        Ethernet { destination, source: self.mac, vlan: None, ethertype: ETHERTYPE_IPV4 }
    }
}

/// One frame there, and the first answer that can be read.
fn exchange<T>(
    board: &mut Board,
    now: Instant,
    frame: Frame,
    read: impl Fn(&[u8]) -> Option<T>,
) -> Option<T> {
    let _ = board.card.received.push_back(frame);
    board.round(now);
    while let Some(frame) = board.card.sent.pop_front() {
        if let Some(answer) = Ethernet::parse(&frame).ok().and_then(|(_, packet)| read(packet)) {
            return Some(answer);
        }
    }
    None
}

fn frame(write: impl FnOnce(&mut [u8]) -> Option<usize>) -> Frame {
    let mut frame = Frame::from_array([0; 1_514]);
    let len = write(&mut frame).expect("what a client says fits into a frame");
    frame.truncate(len);
    frame
}
