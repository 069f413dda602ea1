//! Where does an option go when there may not be room for it? The options field, `file`, `sname` (option 52), or nowhere.

use super::{
    FILE_LEN, FIXED_LEN_MAX, HEAD_LEN, Header, MESSAGE_LEN_MIN, SNAME_LEN, Written, parts_of,
};
use crate::wire::message::HEADER_LEN;
use crate::wire::options::code;
use crate::wire::writer::place::Place;

/// Octets of option 52.
pub(super) const OVERLOAD_LEN: usize = 3;

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

    /// Puts options that are rendered already, all or none.
    fn push_rendered<const LEN: usize>(&mut self, rendered: &[u8; LEN]) -> bool {
        if LEN > self.room() {
            return false;
        }
        let room = self.octets.get_mut(self.len..).and_then(|rest| rest.first_chunk_mut());
        let Some(room) = room else { return false };
        *room = *rendered;
        self.len += LEN;
        true
    }

    /// Takes out what was put behind the first `len` octets.
    fn cut(&mut self, len: usize) {
        zero(self.octets.get_mut(len..self.len));
        self.len = len;
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
pub(super) struct Areas<'b> {
    main: Area<'b>,
    file: Area<'b>,
    sname: Area<'b>,
    /// Whether room for option 52 is set aside in `main`.
    may_overload: bool,
    /// Whether room for option 61 is set aside in `main`.
    client_room: bool,
    /// Whether room for option 82 is set aside in `main`.
    relay_room: bool,
    dropped: u8,
}

impl<'b> Areas<'b> {
    /// The places behind a header that is written; the rest of `message` is zero up to the least length.
    pub(super) fn new(header: &Header<'_>, may_overload: bool, message: &'b mut [u8]) -> Self {
        let (head, main) = message.split_at_mut(HEADER_LEN);
        let (_, texts) = head.split_at_mut(HEAD_LEN);
        let (sname, texts) = texts.split_at_mut(SNAME_LEN);
        let (file, _cookie) = texts.split_at_mut(FILE_LEN);
        let free = |field: &'b mut [u8], text: &[u8]| -> &'b mut [u8] {
            if may_overload && text.is_empty() { field } else { &mut [] }
        };
        let mut areas = Self {
            main: Area::new(main),
            file: Area::new(free(file, header.file)),
            sname: Area::new(free(sname, header.sname)),
            may_overload: false,
            client_room: false,
            relay_room: false,
            dropped: 0,
        };
        let somewhere = !areas.file.octets.is_empty() || !areas.sname.octets.is_empty();
        areas.may_overload = somewhere && areas.main.reserve(OVERLOAD_LEN);
        areas
    }

    /// Sets room aside for what comes last.
    pub(super) fn keep_room(&mut self, client_id: Option<&[u8]>, relay_agent_info: Option<&[u8]>) {
        let fixed_room = self.main.reserve(FIXED_LEN_MAX);
        assert!(fixed_room, "the shortest message has room for the fixed options");
        self.relay_room = self.main.reserve(relay_agent_info.map_or(0, len_in_parts));
        self.client_room = self.main.reserve(client_id.map_or(0, |id| id.len() + 2));
        self.main.unreserve(FIXED_LEN_MAX);
    }

    /// Option 52, if `file` or `sname` were used.
    fn write_overload(&mut self) {
        if !self.may_overload {
            return;
        }
        self.may_overload = false;
        self.main.unreserve(OVERLOAD_LEN);
        let value = u8::from(self.file.len > 0) | u8::from(self.sname.len > 0) << 1;
        if value != 0 {
            self.main.push(code::OVERLOAD, &[value]);
        }
    }

    /// End marks. What is behind them up to the least length is zero from the beginning.
    pub(super) fn finish(mut self) -> Written {
        self.write_overload();
        for area in [&mut self.file, &mut self.sname] {
            if area.len > 0 {
                area.end();
            }
        }
        self.main.end();
        let len = self.main.len.max(MESSAGE_LEN_MIN - HEADER_LEN);
        Written { len: HEADER_LEN + len, dropped: self.dropped }
    }
}

impl Place for Areas<'_> {
    fn put_fixed<const LEN: usize>(&mut self, rendered: &[u8; LEN]) {
        let fits = self.main.push_rendered(rendered);
        assert!(fits, "room for the fixed options is kept from the beginning");
    }

    fn put(&mut self, code: u8, value: &[u8]) {
        self.put_parts(code, core::iter::once(value));
    }

    /// Puts an option, with its parts in order, where there is room: parts of one option never go back to an earlier field (RFC 3396 section 5).
    fn put_parts<'v>(&mut self, code: u8, parts: impl Iterator<Item = &'v [u8]>) {
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
                let (main, file, sname) = before;
                self.main.cut(main);
                self.file.cut(file);
                self.sname.cut(sname);
                self.dropped = self.dropped.saturating_add(1);
                return;
            }
        }
    }

    fn put_client_id(&mut self, value: &[u8]) {
        if self.client_room {
            self.main.unreserve(value.len() + 2);
        }
        self.put(code::CLIENT_ID, value);
    }

    fn put_relay_agent_info(&mut self, value: &[u8]) {
        self.write_overload();
        let len = len_in_parts(value);
        if self.relay_room {
            self.main.unreserve(len);
        }
        let fits = len <= self.main.room()
            && parts_of(value).all(|part| self.main.push(code::RELAY_AGENT_INFO, part));
        if !fits {
            self.dropped = self.dropped.saturating_add(1);
        }
    }
}

/// The octets of an option that is split where it must be.
fn len_in_parts(value: &[u8]) -> usize {
    value.len() + 2 * parts_of(value).count()
}

fn zero(octets: Option<&mut [u8]>) {
    if let Some(octets) = octets {
        octets.fill(0);
    }
}
