//! Where does an option go? Behind the others while there is room, which is nearly always; else into `file`, then `sname` (option 52), or nowhere.
//!
//! What comes last has its room set aside from the beginning: the options field's limit stands before it, and moves on when it is its turn.

use core::ops::Range;

use super::{FIXED_LEN_MAX, MESSAGE_LEN_MIN, Written};
use crate::wire::message::{FILE, HEADER_LEN, SNAME};
use crate::wire::options::{Options, PART_LEN_MAX, code};

/// Octets of option 52.
const OVERLOAD_LEN: usize = 3;

const _: () = assert!(
    HEADER_LEN + FIXED_LEN_MAX + OVERLOAD_LEN < MESSAGE_LEN_MIN,
    "the shortest message has room for the fixed options, option 52 and the end mark"
);

/// All places for options of a message that is being written.
pub(super) struct Room<'b> {
    message: &'b mut [u8],
    /// Behind the last option of the options field, of `file` and of `sname`.
    ends: [usize; 3],
    /// Where their options end at most: 0 for a field that has none.
    limits: [usize; 3],
    /// What is set aside for option 61.
    client_room: usize,
    dropped: u8,
}

impl<'b> Room<'b> {
    /// The places behind a header and options up to `end` that are written. What is behind them is made zero up to the least length.
    pub(super) fn new(message: &'b mut [u8], end: usize, may_overload: bool) -> Self {
        if let Some(behind) = message.get_mut(end..MESSAGE_LEN_MIN) {
            behind.fill(0);
        }
        // Behind the last option of `file` and `sname` there is an end mark.
        let limit = |field: Range<usize>| match message.get(field.start) {
            Some(0) if may_overload => field.end - 1,
            _ => 0,
        };
        let (file, sname) = (limit(FILE), limit(SNAME));
        let overload = if file + sname > 0 { OVERLOAD_LEN } else { 0 };
        let limits = [message.len() - 1 - overload, file, sname];
        let ends = [end, FILE.start, SNAME.start];
        Self { message, ends, limits, client_room: 0, dropped: 0 }
    }

    /// Sets room aside for what comes last, if there is so much beside the fixed options.
    pub(super) fn keep_room(&mut self, client_id: Option<&[u8]>, relay_agent_info: Option<&[u8]>) {
        let [limit, ..] = &mut self.limits;
        let mut keep = |len| {
            let fits = HEADER_LEN + FIXED_LEN_MAX + len <= *limit;
            let kept = if fits { len } else { 0 };
            *limit -= kept;
            kept
        };
        keep(relay_agent_info.map_or(0, len_in_parts));
        self.client_room = keep(client_id.map_or(0, |id| id.len() + 2));
    }

    /// Puts an option where there is room: its first part, then those that are in `more`. Parts of one option never go back to an earlier field (RFC 3396 section 5).
    pub(super) fn put(&mut self, code: u8, first: &[u8], mut more: Options<'_>) {
        let before = self.ends;
        let mut field = 0;
        let mut part = Some(first);
        while let Some(value) = part {
            while !self.push(field, code, value) {
                field += 1;
                if field == self.ends.len() {
                    return self.take_back(before);
                }
            }
            part = more.value_of(code);
        }
    }

    /// Puts a part into the options field, `file` or `sname`, which count as 0, 1 and 2.
    #[inline(never)]
    fn push(&mut self, field: usize, code: u8, value: &[u8]) -> bool {
        let (Some(end), Some(limit)) = (self.ends.get_mut(field), self.limits.get(field)) else {
            return false;
        };
        let Ok(len) = u8::try_from(value.len()) else { return false };
        let room = self.message.get_mut(*end..*limit);
        let room = room.and_then(|room| room.get_mut(..2 + value.len()));
        let Some([to_code, to_len, to_value @ ..]) = room else { return false };
        (*to_code, *to_len) = (code, len);
        to_value.copy_from_slice(value);
        *end += 2 + value.len();
        true
    }

    /// An option had no room anywhere: half of one is worse than none.
    fn take_back(&mut self, before: [usize; 3]) {
        for (end, before) in self.ends.iter_mut().zip(before) {
            if let Some(taken) = self.message.get_mut(before..*end) {
                taken.fill(0);
            }
            *end = before;
        }
        self.dropped = self.dropped.saturating_add(1);
    }

    /// Option 61, the last but for 82.
    pub(super) fn put_client_id(&mut self, value: &[u8]) {
        let [limit, ..] = &mut self.limits;
        *limit += self.client_room;
        self.put(code::CLIENT_ID, value, Options::new(&[]));
    }

    /// Option 52 if `file` or `sname` were used, with the end marks behind what is in them; option 82, the last; and the end mark. What is behind it up to the
    /// least length is zero from the beginning.
    pub(super) fn finish(mut self, relay_agent_info: Option<&[u8]>) -> Written {
        let [limit, ..] = &mut self.limits;
        *limit = self.message.len() - 1;
        let [_, file_end, sname_end] = self.ends;
        let [file, sname] =
            [(file_end, FILE.start), (sname_end, SNAME.start)].map(|(end, begin)| {
                let mark = self.message.get_mut(end).filter(|_| end > begin);
                u8::from(mark.map(|mark| *mark = code::END).is_some())
            });
        let overload = file | sname << 1;
        if overload != 0 {
            self.push(0, code::OVERLOAD, &[overload]);
        }
        if let Some(info) = relay_agent_info {
            self.put_relay_agent_info(info);
        }
        let [end, ..] = self.ends;
        if let Some(end) = self.message.get_mut(end) {
            *end = code::END;
        }
        Written { len: (end + 1).max(MESSAGE_LEN_MIN), dropped: self.dropped }
    }

    /// Option 82, whole or not at all.
    fn put_relay_agent_info(&mut self, value: &[u8]) {
        let ([end, ..], [limit, ..]) = (self.ends, self.limits);
        if end + len_in_parts(value) > limit {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        let mut rest = value;
        loop {
            let (part, behind) = rest.split_at(rest.len().min(PART_LEN_MAX));
            self.push(0, code::RELAY_AGENT_INFO, part);
            rest = behind;
            if rest.is_empty() {
                return;
            }
        }
    }
}

/// The octets of an option that is split where it must be; an empty one is one empty part.
fn len_in_parts(value: &[u8]) -> usize {
    value.len() + 2 * value.len().div_ceil(PART_LEN_MAX).max(1)
}
