//! What does a received message say? One left-to-right pass over the octets, then accessors that cannot fail.
//!
//! The fixed header is that of RFC 2131 section 2, options are those of RFC 2132. Options may continue in `file` and `sname` (option 52), and a long one
//! may come in several parts anywhere among them (RFC 3396): the parts are joined in the order options, `file`, `sname`. Of an option that
//! has a fixed length the first of that length counts; one of another length is as good as absent. Nothing is checked for being text.

mod index;
mod kind;
mod parts;

use core::net::Ipv4Addr;
use core::ops::Range;

use crate::id::{ClientId, HardwareAddr};
use crate::wire::message::index::{Index, Places};
pub use crate::wire::message::kind::{DecodeError, MessageType};
use crate::wire::message::parts::Overload;
use crate::wire::options::{PART_LEN_MAX, code};

/// Octets before the options: the header and the cookie.
pub const HEADER_LEN: usize = 240;

/// What every options field begins with (RFC 2131 section 3).
pub const MAGIC_COOKIE: [u8; 4] = [99, 130, 83, 99];

/// `op` of what a client sends.
pub const BOOT_REQUEST: u8 = 1;

/// `op` of what a server sends.
pub const BOOT_REPLY: u8 = 2;

/// The broadcast bit among the flags (RFC 2131 figure 2).
pub const BROADCAST_FLAG: u16 = 0x8000;

/// Room for what is noted of a message, and to join the parts of options that were sent split (RFC 3396).
#[derive(Clone, Debug)]
pub struct Scratch {
    places: Places,
    joined: [u8; Self::LEN],
}

impl Scratch {
    /// Room for the joined values of one message, in octets. Of what does not fit, the option counts as absent.
    pub const LEN: usize = 1_024;

    /// Empty.
    #[must_use]
    pub const fn new() -> Self {
        Self { places: Places::new(), joined: [0; Self::LEN] }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

/// A received message; no accessor can fail or panic.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// All of it, as far as a place of 16 bits can tell.
    octets: &'a [u8],
    header: &'a [u8; HEADER_LEN],
    hardware: HardwareAddr,
    overload: Overload,
    index: Index,
    places: &'a Places,
    /// Joined values of the options that came in parts: code, length in two octets, value.
    joined: &'a [u8],
}

/// `chaddr` among the octets.
pub(crate) const CHADDR: Range<usize> = 28..44;

/// `sname` among the octets.
pub(super) const SNAME: Range<usize> = 44..108;

/// `file` among the octets.
pub(super) const FILE: Range<usize> = 108..236;

impl<'a> Message<'a> {
    /// Checks lengths, cookie and `hlen` once, and finds the options in the options field, `file` and `sname`. After this no
    /// accessor can fail. What is behind the first 65,535 octets, which no UDP payload has, is not looked at.
    ///
    /// # Errors
    /// Every [`DecodeError`].
    pub fn parse(octets: &'a [u8], scratch: &'a mut Scratch) -> Result<Self, DecodeError> {
        let octets = octets.get(..usize::from(u16::MAX)).unwrap_or(octets);
        let truncated = DecodeError::Truncated { len: octets.len() };
        let header = octets.first_chunk::<HEADER_LEN>().ok_or(truncated)?;
        if u32::from_be_bytes(field(header, 236)) != u32::from_be_bytes(MAGIC_COOKIE) {
            return Err(DecodeError::NoCookie);
        }
        let [_, htype, hlen, ..] = *header;
        let hardware = HardwareAddr::in_header(htype, hlen, header)
            .ok_or(DecodeError::HardwareLength { hlen })?;
        let index = Index::of(octets, HEADER_LEN, &mut scratch.places);
        if index.any_split() || index.has(code::OVERLOAD, &scratch.places) {
            return Ok(Self::unfolded(octets, header, hardware, scratch));
        }
        let (overload, places) = (Overload::default(), &scratch.places);
        Ok(Self { octets, header, hardware, overload, index, places, joined: &[] })
    }

    /// `op`: 1 for a request, 2 for a reply.
    #[must_use]
    pub fn op(&self) -> u8 {
        let [op, ..] = *self.header;
        op
    }

    /// `hops`: how many relay agents passed it on.
    #[must_use]
    pub fn hops(&self) -> u8 {
        let [_, _, _, hops, ..] = *self.header;
        hops
    }

    /// `xid`, the client's number for the exchange.
    #[must_use]
    pub fn xid(&self) -> u32 {
        u32::from_be_bytes(field(self.header, 4))
    }

    /// `secs` since the client began.
    #[must_use]
    pub fn secs(&self) -> u16 {
        u16::from_be_bytes(field(self.header, 8))
    }

    /// The whole flags field.
    #[must_use]
    pub fn flags(&self) -> u16 {
        u16::from_be_bytes(field(self.header, 10))
    }

    /// The broadcast bit.
    #[must_use]
    pub fn broadcast(&self) -> bool {
        self.flags() & BROADCAST_FLAG != 0
    }

    /// `ciaddr`: the address that the client has and answers for.
    #[must_use]
    pub fn ciaddr(&self) -> Ipv4Addr {
        Ipv4Addr::from(field::<4>(self.header, 12))
    }

    /// `yiaddr`: the address that the client is given.
    #[must_use]
    pub fn yiaddr(&self) -> Ipv4Addr {
        Ipv4Addr::from(field::<4>(self.header, 16))
    }

    /// `siaddr`: the next server in a boot.
    #[must_use]
    pub fn siaddr(&self) -> Ipv4Addr {
        Ipv4Addr::from(field::<4>(self.header, 20))
    }

    /// `giaddr`: the first relay agent.
    #[must_use]
    pub fn giaddr(&self) -> Ipv4Addr {
        Ipv4Addr::from(field::<4>(self.header, 24))
    }

    /// `htype`, `hlen` and `chaddr`.
    #[must_use]
    pub const fn hardware(&self) -> HardwareAddr {
        self.hardware
    }

    /// As [`Message::hardware`], where it stands.
    pub(crate) const fn hardware_addr(&self) -> &HardwareAddr {
        &self.hardware
    }

    /// `sname` up to its first zero; empty when it holds options.
    #[must_use]
    pub fn sname(&self) -> &'a [u8] {
        if self.overload.sname { &[] } else { until_zero(self.header.get(SNAME)) }
    }

    /// `file` up to its first zero; empty when it holds options.
    #[must_use]
    pub fn file(&self) -> &'a [u8] {
        if self.overload.file { &[] } else { until_zero(self.header.get(FILE)) }
    }

    /// Option 53; `None` for BOOTP and for a number that RFC 2131 does not know (see [`Message::has_message_type`]).
    #[must_use]
    pub fn message_type(&self) -> Option<MessageType> {
        self.first_octet(code::MESSAGE_TYPE).and_then(MessageType::from_wire)
    }

    /// Whether option 53 is there at all, so that this is not BOOTP (RFC 1534).
    #[must_use]
    pub fn has_message_type(&self) -> bool {
        self.has(code::MESSAGE_TYPE)
    }

    /// Option 50.
    #[must_use]
    pub fn requested_ip(&self) -> Option<Ipv4Addr> {
        self.fixed(code::REQUESTED_IP).map(Ipv4Addr::from)
    }

    /// Option 54.
    #[must_use]
    pub fn server_id(&self) -> Option<Ipv4Addr> {
        self.fixed(code::SERVER_ID).map(Ipv4Addr::from)
    }

    /// Option 51 in seconds, as on the wire.
    #[must_use]
    pub fn lease_secs(&self) -> Option<u32> {
        self.fixed(code::LEASE_TIME).map(u32::from_be_bytes)
    }

    /// Option 58, T1 in seconds.
    #[must_use]
    pub fn renewal_secs(&self) -> Option<u32> {
        self.fixed(code::RENEWAL_TIME).map(u32::from_be_bytes)
    }

    /// Option 59, T2 in seconds.
    #[must_use]
    pub fn rebinding_secs(&self) -> Option<u32> {
        self.fixed(code::REBINDING_TIME).map(u32::from_be_bytes)
    }

    /// Option 57 in octets, IP and UDP headers included.
    #[must_use]
    pub fn max_message_size(&self) -> Option<u16> {
        self.fixed(code::MAX_MESSAGE_SIZE).map(u16::from_be_bytes)
    }

    /// Option 55.
    #[must_use]
    pub fn parameter_request_list(&self) -> Option<&'a [u8]> {
        self.option(code::PARAMETER_REQUEST_LIST)
    }

    /// Option 61, when it has 2 to 255 octets.
    #[must_use]
    pub fn client_id(&self) -> Option<ClientId<'a>> {
        self.option(code::CLIENT_ID).and_then(ClientId::new)
    }

    /// Option 12, octets as sent.
    #[must_use]
    pub fn host_name(&self) -> Option<&'a [u8]> {
        self.option(code::HOST_NAME)
    }

    /// Option 1.
    #[must_use]
    pub fn subnet_mask(&self) -> Option<Ipv4Addr> {
        self.fixed(code::SUBNET_MASK).map(Ipv4Addr::from)
    }

    /// Option 108 in seconds: the network would rather have the client without IPv4 (RFC 8925).
    #[must_use]
    pub fn v6only_wait_secs(&self) -> Option<u32> {
        self.fixed(code::V6ONLY_PREFERRED).map(u32::from_be_bytes)
    }

    /// Option 82, as sent.
    #[must_use]
    #[inline(always)]
    pub fn relay_agent_info(&self) -> Option<&'a [u8]> {
        self.option(code::RELAY_AGENT_INFO)
    }

    /// Option 82.5, link selection (RFC 3527).
    #[must_use]
    pub fn link_selection(&self) -> Option<Ipv4Addr> {
        /// The number of the sub-option.
        const LINK_SELECTION: u8 = 5;
        let mut rest = self.relay_agent_info()?;
        // Sub-options have neither pads nor an end mark (RFC 3046 section 2).
        while let [number, len, behind @ ..] = rest {
            let (value, behind) = behind.split_at_checked(usize::from(*len))?;
            if *number == LINK_SELECTION {
                return address(value);
            }
            rest = behind;
        }
        None
    }

    /// Option 118, subnet selection (RFC 3011).
    #[must_use]
    #[inline(always)]
    pub fn subnet_selection(&self) -> Option<Ipv4Addr> {
        self.fixed(code::SUBNET_SELECTION).map(Ipv4Addr::from)
    }

    /// Any option by its code: its value with split parts joined, if it is there.
    #[must_use]
    #[inline(always)]
    pub fn option(&self, code: u8) -> Option<&'a [u8]> {
        if self.has(code) { self.option_there(code) } else { None }
    }

    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    fn option_there(&self, code: u8) -> Option<&'a [u8]> {
        Index::at_place(self.octets, code, self.places).or_else(|| self.searched(code))
    }

    /// Every option as it was sent, in the order options, `file`, `sname`; one that was sent split comes in its parts.
    pub fn raw_options(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        self.fields()
    }

    /// An option of fixed length: the first part that has it.
    #[inline(always)]
    fn fixed<const LEN: usize>(&self, code: u8) -> Option<[u8; LEN]> {
        if self.has(code) { self.fixed_there(code).copied() } else { None }
    }

    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    fn fixed_there<const LEN: usize>(&self, code: u8) -> Option<&'a [u8; LEN]> {
        match Index::at_place(self.octets, code, self.places) {
            Some(value) => value.try_into().ok(),
            None => self.first_part(code, LEN..LEN + 1)?.try_into().ok(),
        }
    }

    /// The first octet of an option that should have one: of the first part that is not empty.
    #[inline(always)]
    fn first_octet(&self, code: u8) -> Option<u8> {
        if !self.has(code) {
            return None;
        }
        match Index::at_place(self.octets, code, self.places) {
            Some(value) => value.first().copied(),
            None => self.first_part(code, 1..PART_LEN_MAX + 1)?.first().copied(),
        }
    }

    #[inline(always)]
    fn has(&self, code: u8) -> bool {
        self.index.has(code, self.places)
    }
}

/// `LEN` octets of the header from `at`.
#[inline]
fn field<const LEN: usize>(header: &[u8; HEADER_LEN], at: usize) -> [u8; LEN] {
    header.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; LEN])
}

fn address(value: &[u8]) -> Option<Ipv4Addr> {
    <[u8; 4]>::try_from(value).ok().map(Ipv4Addr::from)
}

fn until_zero(field: Option<&[u8]>) -> &[u8] {
    field.and_then(|field| field.split(|octet| *octet == 0).next()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
