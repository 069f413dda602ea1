//! What do octets cost? One DISCOVER read, one OFFER written.

use core::hint::black_box;
use core::net::Ipv4Addr;

use dhcp_core::id::HardwareAddr;
use dhcp_core::wire::message::{BOOT_REPLY, Message, MessageType, Scratch};
use dhcp_core::wire::options::RenderedOptions;
use dhcp_core::wire::writer::{Header, MESSAGE_LEN_DEFAULT, ReplyOptions, write_reply};

use super::Scenario;
use crate::checksum::Checksum;
use crate::packet::{PARAMETER_REQUEST_LIST, Request, mac};

/// How many different messages one run reads or writes.
pub const MESSAGES: u32 = 64;

/// What the subnet of the OFFER is configured with, rendered: mask, router, two DNS servers.
pub const SUBNET_OPTIONS: RenderedOptions<'_> = RenderedOptions::new(&[
    1, 4, 255, 255, 255, 0, 3, 4, 10, 0, 1, 3, 6, 8, 8, 8, 8, 8, 8, 8, 4, 4,
]);

/// What a reservation sets in place of it: two DNS servers, and a host name beside it.
const RESERVED_OPTIONS: &[u8] = b"\x06\x08\x0a\x00\x01\x02\x0a\x00\x01\x03\x0c\x06camera";

/// The server of the OFFER.
pub const SERVER_ID: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);

/// Options 51, 58 and 59 of the OFFER.
pub const TIMES: [u32; 3] = [3_600, 1_800, 3_150];

/// Shows the scenarios of this file.
pub fn visit(visit: &mut dyn FnMut(&str, &mut dyn Scenario)) {
    visit("decode a DISCOVER", &mut Decode::new());
    visit("encode an OFFER", &mut Encode::filtered());
    visit("encode an OFFER, reserved options", &mut Encode::reserved());
    visit("encode the fields of an OFFER", &mut Encode::unfiltered());
}

/// The DISCOVERs of [`MESSAGES`] clients, each of which asks for an address.
#[must_use]
pub fn discovers() -> Vec<Vec<u8>> {
    let requested = |client: u32| Ipv4Addr::from(0x0a00_0100 | client);
    let discover =
        |client| Request { requested: Some(requested(client)), ..Request::discover(client) };
    (1..=MESSAGES).map(|client| discover(client).octets()).collect()
}

/// Octets to a checked view.
#[derive(Debug)]
pub struct Decode {
    packets: Vec<Vec<u8>>,
    scratch: Scratch,
}

impl Decode {
    /// With its packets.
    #[must_use]
    pub fn new() -> Self {
        Self { packets: discovers(), scratch: Scratch::new() }
    }
}

impl Default for Decode {
    fn default() -> Self {
        Self::new()
    }
}

impl Scenario for Decode {
    fn operations(&self) -> u64 {
        self.packets.len() as u64
    }

    fn run(&mut self) -> u64 {
        let mut checksum = Checksum::new();
        for packet in &self.packets {
            let message = Message::parse(packet, &mut self.scratch);
            if let Ok(message) = black_box(&message) {
                let kind = message.message_type().map_or(0, |kind| kind as u64);
                let requested = message.requested_ip().map_or(0, Ipv4Addr::to_bits);
                checksum.add(u64::from(message.xid()) << 32 | u64::from(requested));
                checksum.add(kind);
            }
        }
        checksum.get()
    }

    fn reset(&mut self) {}
}

/// Fields and options to octets. Nothing of them is known to the compiler, as it is in a server: what it knows it writes before the program runs.
#[derive(Debug)]
pub struct Encode {
    requested: Option<&'static [u8]>,
    reserved: &'static [u8],
    out: [u8; MESSAGE_LEN_DEFAULT],
}

impl Encode {
    /// What the server writes when it offers a client an address: the options that are configured, filtered and ordered by what the client asked for.
    #[must_use]
    pub const fn filtered() -> Self {
        Self::new(Some(&PARAMETER_REQUEST_LIST), &[])
    }

    /// The same for a client with a reservation that has options of its own.
    #[must_use]
    pub const fn reserved() -> Self {
        Self::new(Some(&PARAMETER_REQUEST_LIST), RESERVED_OPTIONS)
    }

    /// The same header and options as they are.
    #[must_use]
    pub const fn unfiltered() -> Self {
        Self::new(None, &[])
    }

    const fn new(requested: Option<&'static [u8]>, reserved: &'static [u8]) -> Self {
        Self { requested, reserved, out: [0; MESSAGE_LEN_DEFAULT] }
    }

    /// Writes the OFFER to this client; gives its length.
    #[inline]
    pub fn offer(&mut self, client: u32) -> Option<usize> {
        let mac = mac(client);
        let [a, b, c, d, e, f] = mac;
        let header = Header {
            op: BOOT_REPLY,
            hops: 0,
            hardware: &HardwareAddr::ethernet(mac),
            xid: client,
            secs: 0,
            flags: 0,
            ciaddr: Ipv4Addr::UNSPECIFIED,
            yiaddr: Ipv4Addr::from_bits(0x0a00_0100 | client),
            siaddr: SERVER_ID,
            giaddr: Ipv4Addr::UNSPECIFIED,
            sname: &[],
            file: &[],
        };
        let options = ReplyOptions {
            message_type: Some(MessageType::Offer),
            server_id: SERVER_ID,
            times: Some(TIMES),
            rendered: &SUBNET_OPTIONS,
            reserved: self.reserved,
            netmask: None,
            subnet_selection: None,
            requested: self.requested,
            message: None,
            client_id: Some(&[1, a, b, c, d, e, f]),
            relay_agent_info: None,
        };
        let (header, options) = (black_box(&header), black_box(&options));
        let written = write_reply(header, options, MESSAGE_LEN_DEFAULT, &mut self.out)?;
        Some(written.len)
    }

    /// What was written last.
    #[must_use]
    pub const fn octets(&self) -> &[u8; MESSAGE_LEN_DEFAULT] {
        &self.out
    }
}

impl Scenario for Encode {
    fn operations(&self) -> u64 {
        u64::from(MESSAGES)
    }

    fn run(&mut self) -> u64 {
        let mut checksum = Checksum::new();
        for client in 1..=MESSAGES {
            let len = self.offer(black_box(client)).unwrap_or(0);
            let [.., last] = black_box(&self.out);
            checksum.add(len as u64 + u64::from(*last));
        }
        checksum.get()
    }

    fn reset(&mut self) {}
}
