//! Where in a message does an option stand? One pass over each field notes which there are, and where those are that every message has.

use core::ops::Range;

use crate::wire::options::{CodeSet, Options};

/// The first code whose place is noted.
const FIRST: u8 = 48;

/// From 48 to 63: all that RFC 2132 section 9 calls DHCP extensions, and so nearly all that a server asks for. The others are looked for when they
/// are there.
const PLACES: usize = 16;

/// Which options there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Index {
    /// Codes that are there at all.
    seen: CodeSet,
    /// Where the value of a code's first part begins among the octets; 0 when there is none.
    places: [u16; PLACES],
    /// Whether any code came in parts.
    any_split: bool,
}

/// What is known of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// It is not there.
    No,
    /// Its only part.
    Here(&'a [u8]),
    /// It is there, in one part or in several.
    Somewhere,
}

impl Index {
    pub(super) const fn new() -> Self {
        Self { seen: CodeSet::EMPTY, places: [0; PLACES], any_split: false }
    }

    /// Notes the options of one field of the message. There are at most 65,535 octets.
    #[inline]
    pub(super) fn note(&mut self, octets: &[u8], field: Range<usize>) {
        let end = field.end;
        let mut options = Options::new(octets.get(field).unwrap_or_default());
        while let Some((code, value)) = options.next() {
            if !self.seen.insert(code) {
                self.any_split = true;
                continue;
            }
            if let Some(place) = self.places.get_mut(usize::from(code.wrapping_sub(FIRST))) {
                let at = end - options.rest().len() - value.len();
                #[allow(
                    clippy::cast_possible_truncation,
                    reason = "there are at most 65,535 octets"
                )]
                let at = at as u16;
                *place = at;
            }
        }
    }

    /// Whether the option is there at all.
    #[inline]
    pub(super) fn has(&self, code: u8) -> bool {
        self.seen.contains(code)
    }

    /// Whether any option came in parts.
    pub(super) const fn any_split(&self) -> bool {
        self.any_split
    }

    /// Of options that came in parts no place is known, nor of any beside them.
    pub(super) const fn forget_places_if_split(&mut self) {
        if self.any_split {
            self.places = [0; PLACES];
        }
    }

    /// What is known of an option of this message.
    #[inline(always)]
    pub(super) fn find<'a>(&self, octets: &'a [u8], code: u8) -> Found<'a> {
        let place = self.places.get(usize::from(code.wrapping_sub(FIRST))).copied();
        // Its length stands before it.
        let behind = place.and_then(|at| octets.get(usize::from(at).wrapping_sub(1)..));
        if let Some((len, behind)) = behind.and_then(<[u8]>::split_first)
            && let Some(value) = behind.get(..usize::from(*len))
        {
            return Found::Here(value);
        }
        if self.seen.contains(code) { Found::Somewhere } else { Found::No }
    }
}
