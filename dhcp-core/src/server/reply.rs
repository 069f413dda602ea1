//! What do we say, and where to? RFC 2131 section 4.1 and Table 3.

use core::net::Ipv4Addr;

use crate::id::HardwareAddr;
use crate::server::config::{Reservation, SubnetConfig, SubnetIndex};
use crate::server::decide::{Case, Terms, Verdict};
use crate::server::{Destination, Discard, Refusal, Transmit};
use crate::time::LeaseTime;
use crate::wire::message::{BOOT_REPLY, BROADCAST_FLAG, Message, MessageType};
use crate::wire::options::{RenderedOptions, code};
use crate::wire::writer::{Header, Reply, write};

/// The longest message that every client takes: 576 octets less the IP and UDP headers (RFC 2131 section 2).
const LEN_DEFAULT: usize = 548;

/// The message of a BOOTP client ends with 64 octets of options (RFC 951).
const LEN_BOOTP: usize = 300;

/// IP header without options, and UDP header.
const HEADERS_LEN: u16 = 28;

/// What fits into an Ethernet frame.
const LEN_MAX: usize = 1_472;

/// What differs from one kind of reply to the next; the columns of Table 3.
#[derive(Clone, Copy, Debug)]
struct Column {
    message_type: Option<MessageType>,
    subnet: SubnetIndex,
    ciaddr: Ipv4Addr,
    yiaddr: Ipv4Addr,
    time: Option<LeaseTime>,
    refusal: Option<Refusal>,
}

/// What a reply says.
#[derive(Clone, Copy)]
struct Said<'a> {
    column: Column,
    message: &'a Message<'a>,
    config: &'a SubnetConfig<'a>,
    known: Option<&'a Reservation<'a>>,
    server_id: Ipv4Addr,
}

impl Said<'_> {
    /// Whether this is a NAK: nothing is configured in it.
    fn refused(&self) -> bool {
        self.column.refusal.is_some()
    }
}

impl Reply for Said<'_> {
    fn message_type(&self) -> Option<MessageType> {
        self.column.message_type
    }

    fn server_id(&self) -> Ipv4Addr {
        self.server_id
    }

    fn times(&self) -> Option<[u32; 3]> {
        let time = self.column.time?;
        Some([time.to_wire(), time.renewal().to_wire(), time.rebinding().to_wire()])
    }

    fn rendered(&self) -> &RenderedOptions<'_> {
        if self.refused() { &RenderedOptions::EMPTY } else { &self.config.options }
    }

    fn reserved(&self) -> &[u8] {
        self.known.filter(|_| !self.refused()).map_or(&[], |known| known.options)
    }

    fn netmask(&self) -> Option<Ipv4Addr> {
        Some(self.config.subnet.netmask()).filter(|_| !self.refused())
    }

    #[inline(always)]
    fn subnet_selection(&self) -> Option<Ipv4Addr> {
        self.message.subnet_selection()
    }

    fn requested(&self) -> Option<&[u8]> {
        self.message.parameter_request_list()
    }

    fn message(&self) -> Option<&str> {
        self.column.refusal.map(words)
    }

    fn client_id(&self) -> Option<&[u8]> {
        self.message.option(code::CLIENT_ID)
    }

    fn relay_agent_info(&self) -> Option<&[u8]> {
        self.message.relay_agent_info()
    }
}

impl<B> Case<'_, '_, '_, B> {
    /// Writes the reply into `out`; `None` when there is nothing to say.
    ///
    /// # Errors
    /// [`Discard::NoRoomForReply`].
    // A function of its own: a microcontroller's few registers are enough for what it has in hand, without what its caller has.
    #[inline(never)]
    pub(super) fn write(
        &self,
        verdict: Verdict,
        out: &mut [u8],
    ) -> Result<Option<Transmit>, Discard> {
        let Some(column) = self.column(verdict) else { return Ok(None) };
        let config = self.segment.get(column.subnet).ok_or(Discard::NoSubnet)?;
        let message = self.message;
        let server_id = config.server_id.unwrap_or(self.ingress.local);
        let giaddr = message.giaddr();
        let refused = column.refusal.is_some();
        let known = self.client.reservation_in(column.subnet, config);
        let next_server = known.and_then(|known| known.next_server).or(config.next_server);
        let boot_file = known.map(|known| known.boot_file).filter(|file| !file.is_empty());
        // The relay agent broadcasts a NAK only if it is told so (RFC 2131 section 4.3.2).
        let relayed_nak = refused && !giaddr.is_unspecified();
        let header = Header {
            op: BOOT_REPLY,
            hops: 0,
            hardware: message.hardware_addr(),
            xid: message.xid(),
            secs: 0,
            flags: message.flags() | if relayed_nak { BROADCAST_FLAG } else { 0 },
            ciaddr: column.ciaddr,
            yiaddr: column.yiaddr,
            siaddr: if refused { Ipv4Addr::UNSPECIFIED } else { next_server.unwrap_or(server_id) },
            giaddr,
            sname: if refused { &[] } else { config.server_name },
            file: if refused { &[] } else { boot_file.unwrap_or(config.boot_file) },
        };
        let len_max = match column.message_type {
            Some(_) => len_max(message.max_message_size()),
            None => LEN_BOOTP,
        };
        let said = Said { column, message, config, known, server_id };
        let written = write(&header, &said, len_max, out).ok_or(Discard::NoRoomForReply)?;
        let destination = destination(message, &column, |ciaddr| {
            self.segment.containing(ciaddr).is_some_and(|(_, here)| here.subnet.is_host(ciaddr))
        });
        let link = self.ingress.link;
        Ok(Some(Transmit { destination, source: server_id, link, len: written.len }))
    }

    fn column(&self, verdict: Verdict) -> Option<Column> {
        let none = Ipv4Addr::UNSPECIFIED;
        let lease = |message_type, terms: Terms, ciaddr| Column {
            message_type,
            subnet: terms.subnet,
            ciaddr,
            yiaddr: terms.address,
            time: message_type.map(|_| terms.time),
            refusal: None,
        };
        Some(match verdict {
            Verdict::Offer(terms) => lease(Some(MessageType::Offer), terms, none),
            Verdict::Ack(terms) => lease(Some(MessageType::Ack), terms, self.message.ciaddr()),
            Verdict::Bootp(terms) => lease(None, terms, self.message.ciaddr()),
            Verdict::Nak(subnet, _, refusal) => Column {
                message_type: Some(MessageType::Nak),
                subnet,
                ciaddr: none,
                yiaddr: none,
                time: None,
                refusal: Some(refusal),
            },
            Verdict::Inform(subnet) => Column {
                message_type: Some(MessageType::Ack),
                subnet,
                ciaddr: self.message.ciaddr(),
                yiaddr: none,
                time: None,
                refusal: None,
            },
            Verdict::Released(..) | Verdict::Declined(..) => return None,
        })
    }
}

/// What a NAK says, which is rare.
#[cold]
#[inline(never)]
fn words(refusal: Refusal) -> &'static str {
    refusal.words()
}

/// The longest message that the client takes (option 57, at least 576 octets with the headers), within an Ethernet frame.
fn len_max(told: Option<u16>) -> usize {
    let len = told.map(|len| usize::from(len.saturating_sub(HEADERS_LEN)));
    len.map_or(LEN_DEFAULT, |len| len.clamp(LEN_DEFAULT, LEN_MAX))
}

/// RFC 2131 section 4.1, in its order. `is_here` tells whether an address can be a host's on the client's segment; a reply never
/// goes to a `ciaddr` elsewhere, or a forged one could aim it at anybody.
fn destination(
    message: &Message<'_>,
    column: &Column,
    is_here: impl Fn(Ipv4Addr) -> bool,
) -> Destination {
    let giaddr = message.giaddr();
    let ciaddr = message.ciaddr();
    if column.yiaddr.is_unspecified() && column.refusal.is_none() {
        // Section 4.3.5: the ACK of an INFORM goes to ciaddr, relay agent or not.
        return Destination::Client(ciaddr);
    }
    if !giaddr.is_unspecified() {
        return Destination::Relay(giaddr);
    }
    if column.refusal.is_some() {
        return Destination::Broadcast;
    }
    if !ciaddr.is_unspecified() && is_here(ciaddr) {
        return Destination::Client(ciaddr);
    }
    if message.broadcast() {
        return Destination::Broadcast;
    }
    match unicast_mac(message.hardware_addr()) {
        Some(mac) => Destination::Hardware { mac, address: column.yiaddr },
        None => Destination::Broadcast,
    }
}

/// The hardware address, if one station on an Ethernet can have it: neither a group's nor all zeros.
fn unicast_mac(hardware: &HardwareAddr) -> Option<[u8; 6]> {
    let mac = hardware.as_ethernet()?;
    let group = mac.first().is_some_and(|octet| octet & 1 == 1);
    if group || mac == [0; 6] { None } else { Some(mac) }
}
