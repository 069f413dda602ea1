//! Where does an option go? Behind the others while there is room, which is nearly always; else into `file`, then `sname` (option 52), or nowhere.
//!
//! What comes last has its room set aside from the beginning: `limit` stands before it, and moves on when it is its turn.

use core::ops::Range;

use super::{FIXED_LEN_MAX, MESSAGE_LEN_MIN, Written, parts_of};
use crate::wire::message::{FILE, HEADER_LEN, SNAME};
use crate::wire::options::code;

/// Octets of option 52.
const OVERLOAD_LEN: usize = 3;

/// All places for options of a message that is being written.
pub(super) struct Room<'b> {
    message: &'b mut [u8],
    /// Behind the last option of the options field.
    end: usize,
    /// Options of the options field end here.
    limit: usize,
    /// Behind the last option of `file`.
    file_end: usize,
    /// Behind the last option of `sname`.
    sname_end: usize,
    file_free: bool,
    sname_free: bool,
    /// Whether room for option 52 is set aside, and `file` and `sname` may be used if they are free.
    may_overload: bool,
    /// Whether room for option 61 is set aside.
    client_room: bool,
    /// Whether room for option 82 is set aside.
    relay_room: bool,
    dropped: u8,
}

impl<'b> Room<'b> {
    /// The places behind a header that is written; the rest of `message` is zero up to the least length.
    pub(super) fn new(message: &'b mut [u8], may_overload: bool) -> Self {
        let is_free = |field: Range<usize>| message.get(field.start) == Some(&0);
        let (file_free, sname_free) = (is_free(FILE), is_free(SNAME));
        // Less the end mark.
        let limit = message.len() - 1;
        let mut room = Self {
            message,
            end: HEADER_LEN,
            limit,
            file_end: FILE.start,
            sname_end: SNAME.start,
            file_free,
            sname_free,
            may_overload: false,
            client_room: false,
            relay_room: false,
            dropped: 0,
        };
        room.may_overload = may_overload && (file_free || sname_free) && room.reserve(OVERLOAD_LEN);
        room
    }

    /// Sets room aside for what comes last.
    pub(super) fn keep_room(&mut self, client_id: Option<&[u8]>, relay_agent_info: Option<&[u8]>) {
        let fixed_room = self.reserve(FIXED_LEN_MAX);
        assert!(fixed_room, "the shortest message has room for the fixed options");
        self.relay_room = self.reserve(relay_agent_info.map_or(0, len_in_parts));
        self.client_room = self.reserve(client_id.map_or(0, |id| id.len() + 2));
        self.limit += FIXED_LEN_MAX;
    }

    /// Keeps `octets` more at the end; `false` when there are not so many.
    fn reserve(&mut self, octets: usize) -> bool {
        let fits = self.end + octets <= self.limit;
        if fits {
            self.limit -= octets;
        }
        fits
    }

    /// An option that is in one part.
    pub(super) fn put(&mut self, code: u8, value: &[u8]) {
        self.put_parts(code, &mut core::iter::once(value));
    }

    /// Puts an option, with its parts in order, where there is room: parts of one option never go back to an earlier field (RFC 3396 section 5).
    pub(super) fn put_parts(&mut self, code: u8, parts: &mut dyn Iterator<Item = &[u8]>) {
        let before = (self.end, self.file_end, self.sname_end);
        let mut field = 0;
        for part in parts {
            while !self.push(field, code, part) {
                field += 1;
                if field > 2 {
                    self.take_back(before);
                    return;
                }
            }
        }
    }

    /// Puts a part into the options field, `file` or `sname`, which count as 0, 1 and 2.
    #[inline(never)]
    fn push(&mut self, field: u8, code: u8, value: &[u8]) -> bool {
        // In `file` and `sname` there is room for the end mark.
        let (end, limit) = match field {
            0 => (&mut self.end, self.limit),
            1 if self.may_overload && self.file_free => (&mut self.file_end, FILE.end - 1),
            2 if self.may_overload && self.sname_free => (&mut self.sname_end, SNAME.end - 1),
            _ => return false,
        };
        let Ok(len) = u8::try_from(value.len()) else { return false };
        let room = self.message.get_mut(*end..limit);
        let room = room.and_then(|room| room.get_mut(..2 + value.len()));
        let Some([to_code, to_len, to_value @ ..]) = room else { return false };
        (*to_code, *to_len) = (code, len);
        to_value.copy_from_slice(value);
        *end += 2 + value.len();
        true
    }

    /// An option had no room anywhere: half of one is worse than none.
    #[cold]
    fn take_back(&mut self, (main, file, sname): (usize, usize, usize)) {
        let ends =
            [(&mut self.end, main), (&mut self.file_end, file), (&mut self.sname_end, sname)];
        for (end, before) in ends {
            if let Some(taken) = self.message.get_mut(before..*end) {
                taken.fill(0);
            }
            *end = before;
        }
        self.dropped = self.dropped.saturating_add(1);
    }

    /// Option 61, the last but for 82.
    pub(super) fn put_client_id(&mut self, value: &[u8]) {
        if self.client_room {
            self.limit += value.len() + 2;
        }
        self.put(code::CLIENT_ID, value);
    }

    /// Option 82, the last.
    pub(super) fn put_relay_agent_info(&mut self, value: &[u8]) {
        self.write_overload();
        let len = len_in_parts(value);
        if self.relay_room {
            self.limit += len;
        }
        let fits = self.end + len <= self.limit
            && parts_of(value).all(|part| self.push(0, code::RELAY_AGENT_INFO, part));
        if !fits {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// Option 52 if `file` or `sname` were used, and the end marks behind what is in them.
    fn write_overload(&mut self) {
        if !core::mem::take(&mut self.may_overload) {
            return;
        }
        self.limit += OVERLOAD_LEN;
        let (file_used, sname_used) = (self.file_end > FILE.start, self.sname_end > SNAME.start);
        if !file_used && !sname_used {
            return;
        }
        let value = u8::from(file_used) | u8::from(sname_used) << 1;
        self.push(0, code::OVERLOAD, &[value]);
        for (end, used) in [(self.file_end, file_used), (self.sname_end, sname_used)] {
            if let Some(end) = self.message.get_mut(end).filter(|_| used) {
                *end = code::END;
            }
        }
    }

    /// The end mark. What is behind them up to the least length is zero from the beginning.
    pub(super) fn finish(mut self) -> Written {
        self.write_overload();
        let end = self.message.get_mut(self.end);
        *end.expect("room for the end mark is kept from the beginning") = code::END;
        Written { len: (self.end + 1).max(MESSAGE_LEN_MIN), dropped: self.dropped }
    }
}

/// The octets of an option that is split where it must be.
fn len_in_parts(value: &[u8]) -> usize {
    value.len() + 2 * parts_of(value).count()
}
