//! How is a message written? Into the caller's buffer, in the order and within the size that the receiver expects.

#![allow(
    unused_variables,
    dead_code,
    clippy::unimplemented,
    reason = "signatures, not yet filled in"
)]

use core::net::Ipv4Addr;

use crate::id::HardwareAddr;
use crate::wire::message::MessageType;

/// The header's fields (RFC 2131 section 2), for either direction.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// 1 for a request, 2 for a reply.
    pub op: u8,
    /// `hops`.
    pub hops: u8,
    /// `htype`, `hlen` and `chaddr`.
    pub hardware: HardwareAddr,
    /// `xid`.
    pub xid: u32,
    /// `secs`.
    pub secs: u16,
    /// The flags field; 0x8000 is the broadcast bit.
    pub flags: u16,
    /// `ciaddr`.
    pub ciaddr: Ipv4Addr,
    /// `yiaddr`.
    pub yiaddr: Ipv4Addr,
    /// `siaddr`.
    pub siaddr: Ipv4Addr,
    /// `giaddr`.
    pub giaddr: Ipv4Addr,
    /// `sname`: at most 64 octets.
    pub sname: &'a [u8],
    /// `file`: at most 128 octets.
    pub file: &'a [u8],
}

/// Everything that follows the header in a reply, in the order in which it is written.
#[derive(Clone, Copy, Debug)]
pub struct ReplyOptions<'a> {
    /// Option 53, always first. None in the reply to a BOOTP request (RFC 1534), which has no DHCP option (50 to 61) at all: neither
    /// `server_id` nor `times` nor an overload (52) is written then.
    pub message_type: Option<MessageType>,
    /// Option 54.
    pub server_id: Ipv4Addr,
    /// Options 51, 58 and 59 in seconds, none for a NAK or the ACK of an INFORM.
    pub times: Option<[u32; 3]>,
    /// Options rendered as code, length, value: most specific first; a code in an earlier slice hides the same code in later ones.
    pub rendered: &'a [&'a [u8]],
    /// Options rendered as code, length, value that are written whether the client asked for them or not; they hide `rendered`. Option 118
    /// is echoed so (RFC 3011).
    pub unasked: &'a [u8],
    /// What the client asked for (option 55): filters and orders `rendered`. `None`: all, in their own order.
    pub requested: Option<&'a [u8]>,
    /// Option 56, for a NAK.
    pub message: Option<&'a str>,
    /// Option 61, echoed (RFC 6842).
    pub client_id: Option<&'a [u8]>,
    /// Option 82, echoed unchanged and last (RFC 3046).
    pub relay_agent_info: Option<&'a [u8]>,
}

/// Writes a reply of at least 300 octets and at most `max_len` (the client's option 57 less IP and UDP headers, or 548), using `file` and `sname`
/// for options (option 52) before one is dropped. Returns the octets written and how many options did not fit.
pub fn write_reply(
    header: &Header<'_>,
    options: &ReplyOptions<'_>,
    max_len: usize,
    out: &mut [u8],
) -> Option<Written> {
    unimplemented!()
}

/// What [`write_reply`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Octets in the buffer.
    pub len: usize,
    /// Options that did not fit.
    pub dropped: u8,
}
