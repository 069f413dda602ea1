//! Where in a message does an option stand? One pass notes which there are, and where those are that a server asks for.

use core::ops::Range;

use crate::wire::options::{bit, code, word_of};

/// The first code whose place is noted.
const FIRST: usize = 32;

/// From 32 to 63, a bit of one word each: all that RFC 2132 section 9 calls DHCP extensions, and so nearly all that a server asks for. The others are looked for
/// when they are there.
const PLACES: usize = 32;

const _: () = assert!(
    FIRST == 32 && PLACES == 32,
    "the codes of one word, in which each has the bit of its place"
);

/// The place of an option that must be looked for: no message has so many octets.
const NOWHERE: u16 = u16::MAX;

/// What [`Index`] has no room for. Nothing is read here that was not written for the same message, and so it is never cleared.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// Where among the octets a code's length stands.
    lens_at: [u16; PLACES],
    /// A bit for each of the other codes.
    others: [u32; 8],
}

impl Places {
    pub(super) const fn new() -> Self {
        Self { lens_at: [0; PLACES], others: [0; 8] }
    }
}

/// Which options there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Index {
    /// A bit for each code that has a place.
    placed: u32,
    /// A bit for each word of [`Places::others`] that is written.
    words: u8,
    /// Whether any code came in parts.
    is_split: bool,
}

impl Index {
    const fn new() -> Self {
        Self { placed: 0, words: 0, is_split: false }
    }

    /// Notes where the options of the options field stand, which begins at `from`. There are at most 65,535 octets.
    #[inline(always)]
    pub(super) fn of(octets: &[u8], from: usize, places: &mut Places) -> Self {
        let mut index = Self::new();
        let mut again = 0;
        let mut at = from;
        while let Some((code, value)) = next_option(octets, at) {
            #[allow(clippy::cast_possible_truncation, reason = "there are at most 65,535 octets")]
            let len_at = (value.start - 1) as u16;
            again |= index.note(code, len_at, places);
            at = value.end;
        }
        index.is_split = again != 0;
        index
    }

    /// Notes which options there are, but not where: each must be looked for.
    pub(super) fn without_places(codes: impl Iterator<Item = u8>, places: &mut Places) -> Self {
        let mut index = Self::new();
        let again = codes.fold(0, |again, code| again | index.note(code, NOWHERE, places));
        index.is_split = again != 0;
        index
    }

    /// Notes an option with the place of its length, or [`NOWHERE`]. Gives 0 when it was not there before.
    #[inline(always)]
    fn note(&mut self, code: u8, len_at: u16, places: &mut Places) -> u32 {
        let place = usize::from(code).wrapping_sub(FIRST);
        if let Some(there) = places.lens_at.get_mut(place) {
            *there = len_at;
            let before = self.placed;
            self.placed |= 1 << place;
            return before & 1 << place;
        }
        let Some(word) = places.others.get_mut(word_of(code)) else { return 0 };
        let before = if self.words & 1 << word_of(code) == 0 { 0 } else { *word };
        self.words |= 1 << word_of(code);
        *word = before | bit(code);
        before & bit(code)
    }

    /// Whether the option is there at all.
    #[inline(always)]
    pub(super) fn has(&self, code: u8, places: &Places) -> bool {
        let word = match usize::from(code).wrapping_sub(FIRST) {
            0..PLACES => self.placed,
            _ if self.words & 1 << word_of(code) == 0 => 0,
            _ => places.others.get(word_of(code)).copied().unwrap_or_default(),
        };
        word & bit(code) != 0
    }

    /// Whether any option came in parts.
    pub(super) const fn any_split(&self) -> bool {
        self.is_split
    }

    /// The value of an option that is there, if it has a place.
    #[inline(always)]
    pub(super) fn at_place<'a>(octets: &'a [u8], code: u8, places: &Places) -> Option<&'a [u8]> {
        let len_at = *places.lens_at.get(usize::from(code).wrapping_sub(FIRST))?;
        let (len, behind) = octets.get(usize::from(len_at)..)?.split_first()?;
        behind.get(..usize::from(*len))
    }
}

/// The first option from `at` on, and where its value stands. As [`Options`](crate::wire::options::Options) reads a field, but without a slice for what is left: only where it
/// stands is kept of an option.
#[inline(always)]
fn next_option(octets: &[u8], mut at: usize) -> Option<(u8, Range<usize>)> {
    loop {
        let code = *octets.get(at)?;
        if code == code::PAD {
            at += 1;
            continue;
        }
        if code == code::END {
            return None;
        }
        let len = usize::from(*octets.get(at + 1)?);
        let value = at + 2..at + 2 + len;
        return (value.end <= octets.len()).then_some((code, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::options::Options;

    #[test]
    fn options_are_found_where_a_field_is_read_to_have_them() {
        let octets = [9, 0, 53, 1, 1, 0, 0, 12, 2, 7, 8, 61, 0, 53, 1, 3, 255, 55, 1, 1];
        for (from, to) in (0..=octets.len()).flat_map(|to| (0..=to).map(move |from| (from, to))) {
            let octets = octets.get(..to).unwrap();
            let mut at = from;
            for (code, value) in Options::new(octets.get(from..).unwrap()) {
                let (found, place) = next_option(octets, at).unwrap();
                at = place.end;
                assert_eq!((found, octets.get(place)), (code, Some(value)), "{from} to {to}");
            }
            assert_eq!(next_option(octets, at), None, "{from} to {to}");
        }
    }
}
