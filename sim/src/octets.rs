//! Where is a field or an option in a message? For those in the world who change one on the way, as no honest program would.

use core::ops::Range;

use dhcp_core::wire::message::HEADER_LEN;
use dhcp_core::wire::options::code::{END, PAD};

/// Where `hops` is (RFC 2131 section 2).
pub const HOPS: usize = 3;

/// Where `xid` begins.
pub const XID: usize = 4;

/// Where `flags` begins.
pub const FLAGS: usize = 10;

/// Where `ciaddr` begins.
pub const CIADDR: usize = 12;

/// Where `yiaddr` begins.
pub const YIADDR: usize = 16;

/// Where `giaddr` begins.
pub const GIADDR: usize = 24;

/// Where `chaddr` begins.
pub const CHADDR: usize = 28;

/// Where the value of an option is in a message that is well-formed.
#[must_use]
pub fn option(message: &[u8], code: u8) -> Option<Range<usize>> {
    let mut at = HEADER_LEN;
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
    let mut at = HEADER_LEN;
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
        let mut octets = vec![0; HEADER_LEN];
        octets.extend([0, 53, 1, 4, 61, 2, 7, 8, 255, 1, 1, 1]);
        assert_eq!(option(&octets, 53), Some(HEADER_LEN + 3..HEADER_LEN + 4));
        assert_eq!(option(&octets, 61), Some(HEADER_LEN + 6..HEADER_LEN + 8));
        assert_eq!(option(&octets, 1), None);
        assert_eq!(end(&octets), Some(HEADER_LEN + 8));
        let cut = octets.get(..HEADER_LEN + 7).unwrap_or_default();
        assert_eq!((option(cut, 61), end(cut)), (None, None), "cut short");
    }
}
