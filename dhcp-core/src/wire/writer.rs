//! How is a message written? Into the caller's buffer, in the order and within the size that the receiver expects.
//!
//! The options field is filled from the front; from the back of the allowed size the client identifier and the relay agent's information, which
//! come last, have their room set aside. What does not fit in between goes to `file`, then to `sname` (option 52), and is dropped only then.

mod configured;
mod room;
mod straight;

/// BOOTP's messages have 300 octets, and some relays and clients drop shorter ones (RFC 1542 section 2.1).
pub const MESSAGE_LEN_MIN: usize = 300;

/// What every client takes, unless it says more (RFC 2131 section 2: an options field of 312 octets, cookie included).
pub const MESSAGE_LEN_DEFAULT: usize = 548;

use core::net::Ipv4Addr;

use crate::id::HardwareAddr;
use crate::wire::message::{FILE, HEADER_LEN, MAGIC_COOKIE, MessageType, SNAME};
use crate::wire::options::{Options, RenderedOptions, code};
use crate::wire::writer::room::Room;
use crate::wire::writer::straight::Rest;

/// The header's fields (RFC 2131 section 2), for either direction.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// 1 for a request, 2 for a reply.
    pub op: u8,
    /// `hops`.
    pub hops: u8,
    /// `htype`, `hlen` and `chaddr`.
    pub hardware: &'a HardwareAddr,
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
    /// `sname`: at most 63 octets; what is longer is cut.
    pub sname: &'a [u8],
    /// `file`: at most 127 octets; what is longer is cut.
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
    /// The configured options.
    pub rendered: &'a RenderedOptions<'a>,
    /// Those for this client alone, rendered as code, length, value; a code in here hides the same code in `rendered`.
    pub reserved: &'a [u8],
    /// Option 1, unless it is configured.
    pub netmask: Option<Ipv4Addr>,
    /// Option 118, echoed whether the client asked for it or not (RFC 3011); it hides what is configured.
    pub subnet_selection: Option<Ipv4Addr>,
    /// What the client asked for (option 55): filters and orders what is configured. `None`: all, in their own order, but for option 108, which is only for
    /// those that ask (RFC 8925 section 3.3).
    pub requested: Option<&'a [u8]>,
    /// Option 56, for a NAK.
    pub message: Option<&'a str>,
    /// Option 61, echoed (RFC 6842).
    pub client_id: Option<&'a [u8]>,
    /// Option 82, echoed unchanged and last (RFC 3046); split when it is longer than 255 octets (RFC 3396).
    pub relay_agent_info: Option<&'a [u8]>,
}

/// What follows the header in a reply, each thing asked for when it is its turn: a microcontroller's registers are not enough for all of [`ReplyOptions`].
/// What the names mean is told there.
pub(crate) trait Reply: Copy {
    fn message_type(&self) -> Option<MessageType>;
    fn server_id(&self) -> Ipv4Addr;
    fn times(&self) -> Option<[u32; 3]>;
    fn rendered(&self) -> &RenderedOptions<'_>;
    fn reserved(&self) -> &[u8];
    fn netmask(&self) -> Option<Ipv4Addr>;
    fn subnet_selection(&self) -> Option<Ipv4Addr>;
    fn requested(&self) -> Option<&[u8]>;
    fn message(&self) -> Option<&str>;
    fn client_id(&self) -> Option<&[u8]>;
    fn relay_agent_info(&self) -> Option<&[u8]>;
}

impl Reply for ReplyOptions<'_> {
    fn message_type(&self) -> Option<MessageType> {
        self.message_type
    }

    fn server_id(&self) -> Ipv4Addr {
        self.server_id
    }

    fn times(&self) -> Option<[u32; 3]> {
        self.times
    }

    fn rendered(&self) -> &RenderedOptions<'_> {
        self.rendered
    }

    fn reserved(&self) -> &[u8] {
        self.reserved
    }

    fn netmask(&self) -> Option<Ipv4Addr> {
        self.netmask
    }

    fn subnet_selection(&self) -> Option<Ipv4Addr> {
        self.subnet_selection
    }

    fn requested(&self) -> Option<&[u8]> {
        self.requested
    }

    fn message(&self) -> Option<&str> {
        self.message
    }

    fn client_id(&self) -> Option<&[u8]> {
        self.client_id
    }

    fn relay_agent_info(&self) -> Option<&[u8]> {
        self.relay_agent_info
    }
}

/// What [`write_reply`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Octets in the buffer.
    pub len: usize,
    /// Options that did not fit.
    pub dropped: u8,
}

/// Writes a reply of at least 300 octets and at most `max_len` (the client's option 57 less IP and UDP headers, or 548), using `file` and `sname`
/// for options (option 52) before one is dropped. `None` when `out` or `max_len` has fewer than 300 octets.
///
/// The order is 53, 54, 51, 58, 59, 56, what was not asked for, what was asked for in the order of the list, 61, and 82 last. The subnet mask
/// is always sent, and before the routers (RFC 2132 section 3.3). Without a list everything is sent.
#[must_use]
pub fn write_reply(
    header: &Header<'_>,
    options: &ReplyOptions<'_>,
    max_len: usize,
    out: &mut [u8],
) -> Option<Written> {
    write(header, options, max_len, out)
}

/// As [`write_reply`].
#[inline]
pub(crate) fn write(
    header: &Header<'_>,
    reply: &impl Reply,
    max_len: usize,
    out: &mut [u8],
) -> Option<Written> {
    let message = begin(header, max_len, out)?;
    if let Some(len) = straight::write(reply, message) {
        return Some(Written { len: len.max(MESSAGE_LEN_MIN), dropped: 0 });
    }
    // A copy: what hardly any reply needs in memory stays in registers.
    let again = *reply;
    Some(everywhere(&again, message))
}

/// Writes the options to wherever there is room for each. The fixed ones, for which there always is, stand already.
#[cold]
#[inline(never)]
fn everywhere(reply: &impl Reply, message: &mut [u8]) -> Written {
    let message_type = reply.message_type();
    let fixed_len = match (message_type, reply.times()) {
        (None, _) => 0,
        (Some(_), None) => FIXED_LEN_MIN,
        (Some(_), Some(_)) => FIXED_LEN_MAX,
    };
    let (client_id, relay_agent_info) = (reply.client_id(), reply.relay_agent_info());
    let mut room = Room::new(message, HEADER_LEN + fixed_len, message_type.is_some());
    room.keep_room(client_id, relay_agent_info);
    if let Some(message) = reply.message() {
        room.put(code::MESSAGE, message.as_bytes(), Options::new(&[]));
    }
    configured::put(reply, &mut room);
    if let Some(client_id) = client_id {
        room.put_client_id(client_id);
    }
    room.finish(relay_agent_info)
}

/// Writes a client's request: the header, option 53, and `rendered` as it is, split where it was rendered so; padded to 300 octets.
/// `None` when `out` is too small for it.
#[must_use]
pub fn write_request(
    header: &Header<'_>,
    message_type: MessageType,
    rendered: &[&[u8]],
    out: &mut [u8],
) -> Option<usize> {
    let len_max = out.len();
    let message = begin(header, len_max, out)?;
    let mut rest = Rest::new(message)?.option(code::MESSAGE_TYPE, &[message_type as u8])?;
    for (code, value) in rendered.iter().flat_map(|blob| Options::new(blob)) {
        rest = rest.option(code, value)?;
    }
    rest.end()?;
    Some((len_max - rest.len()).max(MESSAGE_LEN_MIN))
}

/// Octets of options 53 and 54.
const FIXED_LEN_MIN: usize = 3 + 6;

/// Octets of options 53, 54, 51, 58 and 59.
const FIXED_LEN_MAX: usize = FIXED_LEN_MIN + 3 * 6;

/// Cuts `out` to the message's room, writes the header with `sname`, `file` and the cookie, and zeros the rest up to the least length. `None` when
/// there is less room than that.
#[inline(always)]
fn begin<'b>(header: &Header<'_>, len_max: usize, out: &'b mut [u8]) -> Option<&'b mut [u8]> {
    let limit = len_max.min(out.len());
    let out = out.get_mut(..limit)?;
    let (head, rest) = out.split_first_chunk_mut::<HEAD_LEN>()?;
    let rest = rest.first_chunk_mut::<{ MESSAGE_LEN_MIN - HEAD_LEN }>()?;
    write_header(header, head);
    *rest = [0; _];
    set(rest, HEADER_LEN - 4 - HEAD_LEN, MAGIC_COOKIE);
    if !header.sname.is_empty() {
        copy_text(header.sname, out.get_mut(SNAME)?);
    }
    if !header.file.is_empty() {
        copy_text(header.file, out.get_mut(FILE)?);
    }
    Some(out)
}

/// What stands in front of `sname`.
const HEAD_LEN: usize = SNAME.start;

/// The first 44 octets of RFC 2131 figure 1.
#[inline(always)]
fn write_header(header: &Header<'_>, head: &mut [u8; HEAD_LEN]) {
    let hardware = header.hardware;
    set(head, 0, [header.op, hardware.htype(), hardware.hlen(), header.hops]);
    set(head, 4, header.xid.to_be_bytes());
    set(head, 8, header.secs.to_be_bytes());
    set(head, 10, header.flags.to_be_bytes());
    set(head, 12, header.ciaddr.octets());
    set(head, 16, header.yiaddr.octets());
    set(head, 20, header.siaddr.octets());
    set(head, 24, header.giaddr.octets());
    // In words, which is no call.
    if let [a, b, c, d] = hardware.chaddr().as_chunks().0 {
        set::<_, 4>(head, 28, *a);
        set(head, 32, *b);
        set(head, 36, *c);
        set(head, 40, *d);
    }
}

/// Puts octets to where there is room for them: all is known to the compiler.
#[inline(always)]
fn set<const ROOM: usize, const LEN: usize>(room: &mut [u8; ROOM], at: usize, octets: [u8; LEN]) {
    if let Some(to) = room.get_mut(at..).and_then(|room| room.first_chunk_mut()) {
        *to = octets;
    }
}

/// Copies a value to where there is room for it: a short one, which most are, in two pieces that may overlap rather than by a call.
#[inline(always)]
fn copy(to: &mut [u8], from: &[u8]) {
    match from.len() {
        4..8 => copy_ends::<4>(to, from),
        8..=16 => copy_ends::<8>(to, from),
        _ => to.copy_from_slice(from),
    }
}

/// Copies the first and the last octets, `LEN` each: there are so many.
#[inline(always)]
fn copy_ends<const LEN: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<LEN>(), from.first_chunk()) {
        *to = *from;
    }
    let (to_at, from_at) = (to.len().wrapping_sub(LEN), from.len().wrapping_sub(LEN));
    let (to, from) = (to.split_at_mut_checked(to_at), from.split_at_checked(from_at));
    if let (Some((_, to)), Some((_, from))) = (to, from)
        && let (Some(to), Some(from)) = (to.first_chunk_mut::<LEN>(), from.first_chunk())
    {
        *to = *from;
    }
}

/// Copies as much as fits with a zero behind it. The field is zero.
#[cold]
#[inline(never)]
fn copy_text(text: &[u8], field: &mut [u8]) {
    let len = text.len().min(field.len().saturating_sub(1));
    field.iter_mut().take(len).zip(text).for_each(|(to, from)| *to = *from);
}

#[cfg(test)]
mod tests;
