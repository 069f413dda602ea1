//! What do options say that came in parts, or in `file` and `sname`? Hardly any message has one, and no option of such a message has a place: each is looked for.
//!
//! Which fields hold options is in option 52 (RFC 2132 section 9.3). The parts of an option are joined in the order options, `file`, `sname` (RFC 3396).

use core::ops::Range;

use crate::id::HardwareAddr;
use crate::wire::message::index::Index;
use crate::wire::message::{FILE, HEADER_LEN, Message, SNAME, Scratch};
use crate::wire::options::{CodeSet, Fields, Options, code};

/// Which fields option 52 gave to options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Overload {
    pub(super) file: bool,
    pub(super) sname: bool,
}

impl Overload {
    /// What the options field says: in the first part of option 52 that is not empty.
    fn of(octets: &[u8]) -> Self {
        let mut options = Options::new(octets.get(HEADER_LEN..).unwrap_or_default());
        let said = core::iter::from_fn(|| options.value_of(code::OVERLOAD)).find_map(<[u8]>::first);
        let bits = said.copied().unwrap_or_default();
        Self { file: bits & 1 != 0, sname: bits & 2 != 0 }
    }
}

impl<'a> Message<'a> {
    /// A message with options in `file` and `sname`, or with some in parts, which are put together.
    #[inline(never)]
    pub(super) fn unfolded(
        octets: &'a [u8],
        header: &'a [u8; HEADER_LEN],
        hardware: HardwareAddr,
        Scratch { places, joined }: &'a mut Scratch,
    ) -> Self {
        let overload = Overload::of(octets);
        let codes = fields(octets, overload).map(|(code, _)| code);
        let index = Index::without_places(codes, places);
        let mut message = Self { octets, header, hardware, overload, index, places, joined: &[] };
        if index.any_split() {
            message.join(joined);
        }
        message
    }

    /// Joins the parts of options that came split into `room`, each option once.
    fn join(&mut self, room: &'a mut [u8; Scratch::LEN]) {
        let mut seen = CodeSet::EMPTY;
        let mut end = 0;
        for (code, _) in self.fields() {
            if !seen.insert(code) {
                continue;
            }
            // Put together whether it came split or not: what is not kept is written over.
            let begin = end + 3;
            let mut at = begin;
            let (mut count, mut fits) = (0, true);
            let mut parts = self.fields();
            while let Some(part) = parts.value_of(code) {
                match room.get_mut(at..at + part.len()) {
                    Some(room) => room.copy_from_slice(part),
                    None => fits = false,
                }
                at += part.len();
                count += 1;
            }
            #[allow(clippy::cast_possible_truncation, reason = "it is in the room")]
            let [high, low] = ((at - begin) as u16).to_be_bytes();
            if let Some(head) = room.get_mut(end..begin).filter(|_| fits && count > 1) {
                head.copy_from_slice(&[code, high, low]);
                end = at;
            }
        }
        self.joined = room.get(..end).unwrap_or_default();
    }

    /// The value of an option that has no place: of its parts together, else of the only one. What did not fit when it was joined is absent.
    #[inline(never)]
    pub(super) fn searched(&self, code: u8) -> Option<&'a [u8]> {
        let mut rest = self.joined;
        while let [found, high, low, behind @ ..] = rest {
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            let (value, behind) = behind.split_at_checked(len)?;
            if *found == code {
                return Some(value);
            }
            rest = behind;
        }
        let mut parts = self.fields();
        let value = parts.value_of(code)?;
        parts.value_of(code).is_none().then_some(value)
    }

    /// The first part of an option that has one of these lengths.
    #[inline(never)]
    pub(super) fn first_part(&self, code: u8, lens: Range<usize>) -> Option<&'a [u8]> {
        let mut parts = self.fields();
        core::iter::from_fn(|| parts.value_of(code)).find(|value| lens.contains(&value.len()))
    }

    /// Its options in the order of RFC 3396 section 5: options, `file`, `sname`.
    pub(super) fn fields(&self) -> Fields<'a> {
        fields(self.octets, self.overload)
    }
}

#[inline(never)]
fn fields(octets: &[u8], Overload { file, sname }: Overload) -> Fields<'_> {
    let there = |there: bool, field| octets.get(field).filter(|_| there).unwrap_or_default();
    Fields::new(there(true, HEADER_LEN..octets.len()), there(file, FILE), there(sname, SNAME))
}
