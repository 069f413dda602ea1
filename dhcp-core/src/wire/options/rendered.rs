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
    /// For each code, its place counted from 1: where among `starts` it is told where its only part stands. [`Self::SEARCH`] when it is in parts, far behind or one of too
    /// many, [`Self::MASK`] for a subnet mask that is not there, 0 for another that is not there or not a configuration's to set.
    places: [u8; 256],
    starts: [u8; PLACES],
    /// Whether each option has a place.
    noted: bool,
    /// Whether a client that asks for nothing can be sent all as it stands.
    in_order: bool,
}

/// How many options have a place.
const PLACES: usize = 30;

/// Where among the options of a configuration one stands: a number from 1 to 255, of which 31 is that of a mask that is not configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(u8);

impl Place {
    /// One of 32 bits, another for each place that an option has.
    #[inline]
    pub(crate) const fn bit(self) -> u32 {
        1 << (self.0 & 31)
    }
}

impl<'c> RenderedOptions<'c> {
    /// No option.
    pub const EMPTY: Self = Self::new(&[]);

    const SEARCH: u8 = u8::MAX;

    /// A reply has a mask, configured or not, and looks for it where the list has it.
    #[allow(clippy::cast_possible_truncation, reason = "it is 31")]
    const MASK: u8 = PLACES as u8 + 1;

    /// Notes where the options in `octets` stand. What is behind an end mark, or cut off by the end, is not one; nor is what a server writes by itself: 51 to 54, 58,
    /// 59, 61 and 82.
    #[must_use]
    #[allow(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "a constant function cannot do without; each index is compared with the length before"
    )]
    pub const fn new(octets: &'c [u8]) -> Self {
        // All in one place: what is collected apart is copied when it is put together.
        let mut all =
            Self { octets, places: [0; 256], starts: [0; PLACES], noted: true, in_order: true };
        let mut count = 0;
        let mut at = 0;
        while at < octets.len() {
            let code = octets[at];
            if code == code::PAD {
                all.in_order = false;
                at += 1;
                continue;
            }
            let len = if at + 1 < octets.len() { octets[at + 1] } else { u8::MAX };
            let behind = at + 2 + len as usize;
            if code == code::END || behind > octets.len() {
                all.in_order = false;
                break;
            }
            let is_odd_mask = code == code::SUBNET_MASK && len != 4;
            if all.places[code as usize] == 0
                && at <= u8::MAX as usize
                && count < PLACES
                && !is_odd_mask
            {
                all.starts[count] = at as u8;
                count += 1;
                all.places[code as usize] = count as u8;
            } else {
                all.places[code as usize] = Self::SEARCH;
                all.noted = false;
            }
            let is_late_mask = code == code::SUBNET_MASK && at > 0;
            all.in_order = all.in_order && !is_late_mask && code != code::V6ONLY_PREFERRED;
            at = behind;
        }
        let mut own = OUR_OWN;
        while let [code, rest @ ..] = own {
            all.in_order = all.in_order && all.places[*code as usize] == 0;
            all.places[*code as usize] = 0;
            own = rest;
        }
        if all.places[code::SUBNET_MASK as usize] == 0 {
            all.places[code::SUBNET_MASK as usize] = Self::MASK;
        }
        all.in_order = all.in_order && all.noted;
        all
    }

    /// The options as they were rendered.
    #[must_use]
    pub const fn octets(&self) -> &'c [u8] {
        self.octets
    }

    /// Whether each option that is there has a place, and the mask its four octets.
    pub(crate) const fn is_noted(&self) -> bool {
        self.noted
    }

    /// Whether all octets are what a client that sends no list is sent: the mask first if it is there, and nothing that is only for those that ask.
    pub(crate) const fn is_in_order(&self) -> bool {
        self.in_order
    }

    /// The place of an option that is there; also that of the mask, which a reply has in any case.
    #[inline]
    pub(crate) fn place(&self, code: u8) -> Option<Place> {
        self.places.get(usize::from(code)).copied().filter(|place| *place != 0).map(Place)
    }

    /// The option in this place with its code and length, if it is there.
    #[inline]
    pub(crate) fn at(&self, place: Place) -> Option<&'c [u8]> {
        let start = *self.starts.get(usize::from(place.0).wrapping_sub(1))?;
        let rest = self.octets.get(usize::from(start)..)?;
        let len = rest.get(1)?;
        rest.get(..2 + usize::from(*len))
    }

    /// The option with its code and length, if it is there and has a place.
    #[inline]
    pub(crate) fn whole(&self, code: u8) -> Option<&'c [u8]> {
        self.at(self.place(code)?)
    }
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
        assert_eq!(rendered.whole(119), Some(&[119, 1, 9][..]));
        assert_eq!(rendered.whole(15), Some(&[15, 1, b'x'][..]));
        assert_eq!((rendered.whole(4), rendered.whole(53), rendered.whole(66)), (None, None, None));
        let bits: Vec<_> = [3, 119, 15].map(|code| rendered.place(code).unwrap().bit()).into();
        assert_eq!(bits, [1 << 1, 1 << 2, 1 << 3]);
        assert!(rendered.place(66).is_none() && rendered.is_noted());
    }

    #[test]
    fn what_is_in_parts_or_far_behind_has_no_place() {
        let far = [&[12, 250][..], &[b'n'; 250], &[3, 1, 1, 15, 1, b'x', 3, 1, 2]].concat();
        let rendered = RenderedOptions::new(&far);
        assert!(rendered.whole(12).is_some_and(|option| option.len() == 252));
        assert_eq!(rendered.whole(15), Some(&[15, 1, b'x'][..]));
        assert!(rendered.whole(3).is_none() && rendered.place(3).is_some());
        let mut options = Options::new(rendered.octets());
        let values: Vec<_> = core::iter::from_fn(|| options.value_of(3)).collect();
        assert_eq!(values, [&[1][..], &[2]]);
        let farther = [&[12, 254][..], &[b'n'; 254], &[15, 1, b'x']].concat();
        let many: Vec<u8> = (100..=130).flat_map(|code| [code, 1, code]).collect();
        for (octets, code) in [(&far, 3), (&farther, 15), (&many, 130)] {
            let rendered = RenderedOptions::new(octets);
            assert_eq!((rendered.whole(code), rendered.is_noted()), (None, false), "{code}");
        }
        let rendered = RenderedOptions::new(&many[..90]);
        assert_eq!((rendered.whole(129), rendered.is_noted()), (Some(&[129, 1, 129][..]), true));
    }

    #[test]
    fn what_a_server_writes_by_itself_is_not_a_configurations() {
        let rendered = RenderedOptions::new(&[53, 1, 2, 51, 4, 0, 0, 0, 9, 82, 1, 1, 15, 1, 7]);
        assert!((0..=255).all(|code| rendered.whole(code).is_some() == (code == 15)));
        let placed = (0..=255).filter(|code| rendered.place(*code).is_some());
        assert!(placed.eq([1, 15]), "a reply has a mask in any case");
    }

    #[test]
    fn what_can_be_sent_as_it_stands_has_the_mask_first_and_nothing_of_those_that_ask() {
        let mask = [1, 4, 255, 255, 255, 0];
        let in_order = |octets: &[&[u8]]| RenderedOptions::new(&octets.concat()).is_in_order();
        assert!(in_order(&[]) && in_order(&[&[3, 1, 1]]) && in_order(&[&mask, &[3, 1, 1]]));
        assert!(!in_order(&[&[3, 1, 1], &mask]), "the mask goes before the routers");
        assert!(!in_order(&[&[1, 1, 1]]), "a mask has four octets");
        assert!(!in_order(&[&[108, 1, 1]]), "it is for those that ask");
        assert!(!in_order(&[&[53, 1, 1]]), "it is ours");
        for other in [&[0, 3, 1, 1][..], &[3, 1, 1, 255], &[3, 2, 1], &[3], &[3, 1, 1, 3, 1, 1]] {
            assert!(!in_order(&[other]), "{other:?}");
        }
    }
}
