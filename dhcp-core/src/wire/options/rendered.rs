//! Where among a configuration's options does each stand? Noted once, when the configuration is made, so that a reply finds what a client asks for without
//! looking.

use core::fmt;

use crate::wire::options::{Options, code};

/// What a server writes by itself is not taken from a configuration.
pub(crate) const OUR_OWN: &[u8] = &[
    code::OVERLOAD,
    code::MESSAGE_TYPE,
    code::SERVER_ID,
    code::CLIENT_ID,
    code::RELAY_AGENT_INFO,
    code::LEASE_TIME,
    code::RENEWAL_TIME,
    code::REBINDING_TIME,
];

/// Options rendered as code, length, value, as [`OptionsWriter`](super::OptionsWriter) renders them; an option in parts stands there in its parts (RFC 3396).
///
/// ```
/// use dhcp_core::wire::options::RenderedOptions;
///
/// const OPTIONS: RenderedOptions<'_> = RenderedOptions::new(&[3, 4, 10, 0, 1, 3, 6, 4, 10, 0, 1, 1]);
/// assert_eq!(OPTIONS.octets().len(), 12);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RenderedOptions<'c> {
    octets: &'c [u8],
    /// For each code, where its only part stands, counted from 1. [`Self::SEARCH`] when it is in parts or far behind, 0 when it is not there or not a
    /// configuration's to set.
    places: [u8; 256],
}

impl<'c> RenderedOptions<'c> {
    /// No option.
    pub const EMPTY: Self = Self::new(&[]);

    const SEARCH: u8 = u8::MAX;

    /// Notes where the options in `octets` stand. What is behind an end mark, or cut off by the end, is not one; nor is what a server writes by itself: 51 to 54, 58,
    /// 59, 61 and 82.
    #[must_use]
    #[allow(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "a constant function cannot do without; each index is compared with the length before"
    )]
    pub const fn new(octets: &'c [u8]) -> Self {
        let mut places = [0; 256];
        let mut at = 0;
        while at < octets.len() {
            let code = octets[at];
            if code == code::PAD {
                at += 1;
                continue;
            }
            if code == code::END || at + 1 >= octets.len() {
                break;
            }
            let behind = at + 2 + octets[at + 1] as usize;
            if behind > octets.len() {
                break;
            }
            let near = places[code as usize] == 0 && at < Self::SEARCH as usize - 1;
            places[code as usize] = if near { at as u8 + 1 } else { Self::SEARCH };
            at = behind;
        }
        let mut own = OUR_OWN;
        while let [code, rest @ ..] = own {
            places[*code as usize] = 0;
            own = rest;
        }
        Self { octets, places }
    }

    /// The options as they were rendered.
    #[must_use]
    pub const fn octets(&self) -> &'c [u8] {
        self.octets
    }

    /// Whether the option is there and a configuration's to set.
    #[inline]
    pub(crate) fn has(&self, code: u8) -> bool {
        self.places.get(usize::from(code)).is_some_and(|place| *place != 0)
    }

    /// The option with its code and length, if it is there in one part and near the beginning.
    #[inline]
    pub(crate) fn whole(&self, code: u8) -> Option<&'c [u8]> {
        let place = *self.places.get(usize::from(code))?;
        if place == 0 || place == Self::SEARCH {
            return None;
        }
        let rest = self.octets.get(usize::from(place) - 1..)?;
        let len = rest.get(1)?;
        rest.get(..2 + usize::from(*len))
    }

    /// The values of the option's parts, in their order.
    pub(crate) fn parts(&self, code: u8) -> impl Iterator<Item = &'c [u8]> + use<'c> {
        parts(self.octets, code)
    }
}

/// The values of one option's parts among rendered options.
pub(crate) fn parts(octets: &[u8], code: u8) -> impl Iterator<Item = &[u8]> {
    Options::new(octets).filter(move |(found, _)| *found == code).map(|(_, value)| value)
}

impl fmt::Debug for RenderedOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(Options::new(self.octets)).finish()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    #[test]
    fn an_option_is_found_where_it_was_noted() {
        let rendered = RenderedOptions::new(&[3, 4, 10, 0, 1, 3, 0, 119, 1, 9, 15, 1, b'x', 66]);
        assert_eq!(rendered.whole(3), Some(&[3, 4, 10, 0, 1, 3][..]));
        assert_eq!(rendered.whole(15), Some(&[15, 1, b'x'][..]));
        assert_eq!((rendered.whole(4), rendered.whole(53), rendered.whole(66)), (None, None, None));
        assert!(rendered.has(119) && !rendered.has(66));
        assert!(rendered.whole(119).is_some() && rendered.parts(119).eq([&[9][..]]));
    }

    #[test]
    fn what_is_in_parts_or_far_behind_is_looked_for() {
        let far = [&[12, 250][..], &[b'n'; 250], &[3, 1, 1, 15, 1, b'x', 3, 1, 2]].concat();
        let rendered = RenderedOptions::new(&far);
        assert!(rendered.whole(12).is_some_and(|option| option.len() == 252));
        assert_eq!((rendered.whole(3), rendered.whole(15)), (None, None));
        let parts: Vec<_> = rendered.parts(3).collect();
        assert_eq!(parts, [&[1][..], &[2]]);
        assert!(rendered.has(3) && rendered.has(15));
    }

    #[test]
    fn what_a_server_writes_by_itself_is_not_a_configurations() {
        let rendered = RenderedOptions::new(&[53, 1, 2, 51, 4, 0, 0, 0, 9, 82, 1, 1, 1, 1, 7]);
        assert!((0..=255).all(|code| rendered.has(code) == (code == 1)));
    }
}
