//! Where is an option in a message? For those in the world who change one on the way, as no honest program would.

use core::ops::Range;

/// Where options begin, behind the magic cookie.
const OPTIONS: usize = 240;

/// Pads the space between options.
const PAD: u8 = 0;

/// Ends the options.
const END: u8 = 255;

/// Where the value of an option is in a message that is well-formed.
#[must_use]
pub fn option(message: &[u8], code: u8) -> Option<Range<usize>> {
    let mut at = OPTIONS;
    loop {
        match *message.get(at)? {
            PAD => at += 1,
            END => return None,
            found => {
                let value = at + 2..at + 2 + usize::from(*message.get(at + 1)?);
                if found == code {
                    return (value.end <= message.len()).then_some(value);
                }
                at = value.end;
            }
        }
    }
}

/// Where the options of a well-formed message end: the place of the end mark.
#[must_use]
pub fn end(message: &[u8]) -> Option<usize> {
    let mut at = OPTIONS;
    loop {
        match *message.get(at)? {
            PAD => at += 1,
            END => return Some(at),
            _ => at += 2 + usize::from(*message.get(at + 1)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_found_behind_padding_and_not_behind_the_end() {
        let mut octets = vec![0; OPTIONS];
        octets.extend([0, 53, 1, 4, 61, 2, 7, 8, 255, 1, 1, 1]);
        assert_eq!(option(&octets, 53), Some(OPTIONS + 3..OPTIONS + 4));
        assert_eq!(option(&octets, 61), Some(OPTIONS + 6..OPTIONS + 8));
        assert_eq!(option(&octets, 1), None);
        assert_eq!(end(&octets), Some(OPTIONS + 8));
        let cut = octets.get(..OPTIONS + 7).unwrap_or_default();
        assert_eq!((option(cut, 61), end(cut)), (None, None), "cut short");
    }
}
