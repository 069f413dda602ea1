//! How is a message written? Into the caller's buffer, in the order and within the size that the receiver expects.
//!
//! The options field is filled from the front; from the back of the allowed size the client identifier and the relay agent's information, which
//! come last, have their room set aside. What does not fit in between goes to `file`, then to `sname` (option 52), and is dropped only then.

/// BOOTP's messages have 300 octets, and some relays and clients drop shorter ones (RFC 1542 section 2.1).
pub const MESSAGE_LEN_MIN: usize = 300;

/// What every client takes, unless it says more (RFC 2131 section 2: an options field of 312 octets, cookie included).
pub const MESSAGE_LEN_DEFAULT: usize = 548;

use core::net::Ipv4Addr;

use crate::id::HardwareAddr;
use crate::wire::message::{HEADER_LEN, MAGIC_COOKIE, MessageType};
use crate::wire::options::{CodeSet, Options, code};

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
    /// Options rendered as code, length, value: most specific first; a code in an earlier slice hides the same code in later ones.
    pub rendered: &'a [&'a [u8]],
    /// Options rendered as code, length, value that are written whether the client asked for them or not; they hide `rendered`. Option 118
    /// is echoed so (RFC 3011).
    pub unasked: &'a [u8],
    /// What the client asked for (option 55): filters and orders `rendered`. `None`: all, in their own order, but for option 108, which is only for
    /// those that ask (RFC 8925 section 3.3).
    pub requested: Option<&'a [u8]>,
    /// Option 56, for a NAK.
    pub message: Option<&'a str>,
    /// Option 61, echoed (RFC 6842).
    pub client_id: Option<&'a [u8]>,
    /// Option 82, echoed unchanged and last (RFC 3046); split when it is longer than 255 octets (RFC 3396).
    pub relay_agent_info: Option<&'a [u8]>,
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
    let mut areas = Areas::begin(header, max_len, options.message_type.is_some(), out)?;
    let option_len = |value: Option<&[u8]>| value.map_or(0, |value| value.len() + 2);
    let relay_len =
        options.relay_agent_info.map_or(0, |info| info.len() + 2 * parts_of(info).count());
    let relay_room = areas.main.reserve(relay_len + FIXED_LEN_MAX);
    let client_room = areas.main.reserve(option_len(options.client_id));
    if relay_room {
        areas.main.unreserve(FIXED_LEN_MAX);
    }
    if let Some(message_type) = options.message_type {
        areas.main.push(code::MESSAGE_TYPE, &[message_type as u8]);
        areas.main.push(code::SERVER_ID, &options.server_id.octets());
        if let Some([lease, renewal, rebinding]) = options.times {
            areas.main.push(code::LEASE_TIME, &lease.to_be_bytes());
            areas.main.push(code::RENEWAL_TIME, &renewal.to_be_bytes());
            areas.main.push(code::REBINDING_TIME, &rebinding.to_be_bytes());
        }
    }
    if let Some(message) = options.message {
        areas.place(code::MESSAGE, [message.as_bytes()].into_iter());
    }
    place_rendered(&mut areas, options);
    if let Some(client_id) = options.client_id {
        if client_room {
            areas.main.unreserve(option_len(options.client_id));
        }
        areas.place(code::CLIENT_ID, [client_id].into_iter());
    }
    areas.write_overload();
    if let Some(info) = options.relay_agent_info {
        if relay_room {
            areas.main.unreserve(relay_len);
        }
        let fits = relay_len <= areas.main.room()
            && parts_of(info).all(|part| areas.main.push(code::RELAY_AGENT_INFO, part));
        if !fits {
            areas.dropped = areas.dropped.saturating_add(1);
        }
    }
    Some(areas.finish())
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
    let mut areas = Areas::begin(header, len_max, false, out)?;
    let mut fits = areas.main.push(code::MESSAGE_TYPE, &[message_type as u8]);
    for (code, value) in rendered.iter().flat_map(|blob| Options::new(blob)) {
        fits &= areas.main.push(code, value);
    }
    fits.then(|| areas.finish().len)
}

/// Options 53, 54, 51, 58 and 59.
const FIXED_LEN_MAX: usize = 3 + 6 + 3 * 6;

/// What is configured, filtered and ordered by what was asked for.
fn place_rendered(areas: &mut Areas<'_>, options: &ReplyOptions<'_>) {
    let mut open = CodeSet::EMPTY;
    for (code, _) in options.rendered.iter().flat_map(|blob| Options::new(blob)) {
        open.insert(code);
    }
    // What the writer itself writes is not taken from a configuration.
    for code in [
        code::OVERLOAD,
        code::MESSAGE_TYPE,
        code::SERVER_ID,
        code::CLIENT_ID,
        code::RELAY_AGENT_INFO,
    ]
    .into_iter()
    .chain([code::LEASE_TIME, code::RENEWAL_TIME, code::REBINDING_TIME])
    {
        open.remove(code);
    }
    if options.requested.is_none() {
        open.remove(code::V6ONLY_PREFERRED);
    }
    let mut unasked = CodeSet::EMPTY;
    for (code, _) in Options::new(options.unasked) {
        open.remove(code);
        if unasked.insert(code) {
            areas.place(code, parts(options.unasked, code));
        }
    }
    let mut place = |code: u8, areas: &mut Areas<'_>| {
        if open.remove(code) {
            let blob = options.rendered.iter().find(|blob| parts(blob, code).next().is_some());
            areas.place(code, parts(blob.copied().unwrap_or_default(), code));
        }
    };
    if let Some(requested) = options.requested {
        for code in requested {
            if *code == code::ROUTERS {
                place(code::SUBNET_MASK, areas);
            }
            place(*code, areas);
        }
        place(code::SUBNET_MASK, areas);
    } else {
        place(code::SUBNET_MASK, areas);
        for (code, _) in options.rendered.iter().flat_map(|blob| Options::new(blob)) {
            place(code, areas);
        }
    }
}

/// What goes into one option each; an empty value is one empty part.
fn parts_of(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let empty = value.is_empty().then_some(value);
    empty.into_iter().chain(value.chunks(255))
}

/// The parts of one option in a rendered field.
fn parts(blob: &[u8], code: u8) -> impl Iterator<Item = &[u8]> + Clone {
    Options::new(blob).filter(move |(found, _)| *found == code).map(|(_, value)| value)
}

/// One place for options: the options field, `file` or `sname`.
struct Area<'b> {
    octets: &'b mut [u8],
    len: usize,
    /// Octets at the end that are kept for what comes last.
    reserved: usize,
}

impl<'b> Area<'b> {
    /// Room for the end mark is reserved; an area without octets takes nothing.
    fn new(octets: &'b mut [u8]) -> Self {
        Self { octets, len: 0, reserved: 1 }
    }

    fn room(&self) -> usize {
        self.octets.len().saturating_sub(self.len + self.reserved)
    }

    #[inline]
    fn push(&mut self, code: u8, value: &[u8]) -> bool {
        let Ok(value_len) = u8::try_from(value.len()) else { return false };
        if value.len() + 2 > self.room() {
            return false;
        }
        let Some(room) = self.octets.get_mut(self.len..self.len + 2 + value.len()) else {
            return false;
        };
        if let [to_code, to_len, to_value @ ..] = room {
            (*to_code, *to_len) = (code, value_len);
            to_value.copy_from_slice(value);
        }
        self.len += 2 + value.len();
        true
    }

    /// Keeps `octets` more at the end; `false` when there are not so many.
    fn reserve(&mut self, octets: usize) -> bool {
        let fits = octets <= self.room();
        if fits {
            self.reserved += octets;
        }
        fits
    }

    fn unreserve(&mut self, octets: usize) {
        self.reserved -= octets;
    }

    /// Writes the end mark behind the options.
    fn end(&mut self) {
        if let Some(end) = self.octets.get_mut(self.len) {
            *end = code::END;
            self.len += 1;
        }
    }
}

/// All places for options of a message that is being written.
struct Areas<'b> {
    main: Area<'b>,
    file: Area<'b>,
    sname: Area<'b>,
    /// Whether room for option 52 is set aside in `main`.
    may_overload: bool,
    dropped: u8,
}

impl<'b> Areas<'b> {
    /// Writes the header and zeros everything else.
    fn begin(
        header: &Header<'_>,
        max_len: usize,
        may_overload: bool,
        out: &'b mut [u8],
    ) -> Option<Self> {
        let limit = max_len.min(out.len());
        let out = out.get_mut(..limit).filter(|out| out.len() >= MESSAGE_LEN_MIN)?;
        let (head, main) = out.split_at_mut(HEADER_LEN);
        let (head, file) = head.split_at_mut(108);
        let (head, sname) = head.split_at_mut(44);
        let (file, cookie) = file.split_at_mut(128);
        write_header(header, head);
        copy_text(header.sname, sname);
        copy_text(header.file, file);
        cookie.copy_from_slice(&MAGIC_COOKIE);
        let free = |field: &'b mut [u8], text: &[u8]| -> &'b mut [u8] {
            if may_overload && text.is_empty() { field } else { &mut [] }
        };
        let mut areas = Self {
            main: Area::new(main),
            file: Area::new(free(file, header.file)),
            sname: Area::new(free(sname, header.sname)),
            may_overload: false,
            dropped: 0,
        };
        let somewhere = !areas.file.octets.is_empty() || !areas.sname.octets.is_empty();
        areas.may_overload = somewhere && areas.main.reserve(OVERLOAD_LEN);
        Some(areas)
    }

    /// Puts an option, with its parts in order, where there is room: parts of one option never go back to an earlier field (RFC 3396 section 5).
    fn place<'v>(&mut self, code: u8, parts: impl Iterator<Item = &'v [u8]>) {
        let before = (self.main.len, self.file.len, self.sname.len);
        let mut area = 0;
        for part in parts {
            let placed = loop {
                let pushed = match area {
                    0 => self.main.push(code, part),
                    1 => self.may_overload && self.file.push(code, part),
                    2 => self.may_overload && self.sname.push(code, part),
                    _ => break false,
                };
                if pushed {
                    break true;
                }
                area += 1;
            };
            if !placed {
                (self.main.len, self.file.len, self.sname.len) = before;
                self.dropped = self.dropped.saturating_add(1);
                return;
            }
        }
    }

    /// Option 52, if `file` or `sname` were used.
    fn write_overload(&mut self) {
        if !self.may_overload {
            return;
        }
        self.main.unreserve(OVERLOAD_LEN);
        let value = u8::from(self.file.len > 0) | u8::from(self.sname.len > 0) << 1;
        if value != 0 {
            self.main.push(code::OVERLOAD, &[value]);
        }
    }

    /// End marks, and zeros behind them up to the least length.
    fn finish(mut self) -> Written {
        for area in [&mut self.file, &mut self.sname] {
            if area.len > 0 {
                area.end();
                zero(area.octets.get_mut(area.len..));
            }
        }
        self.main.end();
        let len = self.main.len.max(MESSAGE_LEN_MIN - HEADER_LEN);
        zero(self.main.octets.get_mut(self.main.len..len));
        Written { len: HEADER_LEN + len, dropped: self.dropped }
    }
}

const OVERLOAD_LEN: usize = 3;

/// The first 44 octets of RFC 2131 figure 1.
fn write_header(header: &Header<'_>, head: &mut [u8]) {
    let hardware = header.hardware.octets();
    let mut fixed = [0; 44];
    let (numbers, chaddr) = fixed.split_at_mut(28);
    let hlen = u8::try_from(hardware.len()).unwrap_or_default();
    let [x0, x1, x2, x3] = header.xid.to_be_bytes();
    let ([s0, s1], [f0, f1]) = (header.secs.to_be_bytes(), header.flags.to_be_bytes());
    let first =
        [header.op, header.hardware.htype(), hlen, header.hops, x0, x1, x2, x3, s0, s1, f0, f1];
    let addresses = [header.ciaddr, header.yiaddr, header.siaddr, header.giaddr];
    let octets =
        first.into_iter().chain(addresses.into_iter().flat_map(|address| address.octets()));
    numbers.iter_mut().zip(octets).for_each(|(to, from)| *to = from);
    chaddr.iter_mut().zip(hardware).for_each(|(to, from)| *to = *from);
    head.iter_mut().zip(fixed).for_each(|(to, from)| *to = from);
}

/// Copies as much as fits with a zero behind it, and zeros the rest.
fn copy_text(text: &[u8], field: &mut [u8]) {
    let len = text.len().min(field.len().saturating_sub(1));
    let (front, rest) = field.split_at_mut(len);
    front.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
    rest.fill(0);
}

fn zero(octets: Option<&mut [u8]>) {
    if let Some(octets) = octets {
        octets.fill(0);
    }
}

#[cfg(test)]
mod tests;
