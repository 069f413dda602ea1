//! Which options stand in a field of octets, and how is such a field made? Code, length, value (RFC 2132 section 2).

pub(crate) mod rendered;

use core::fmt;

pub use self::rendered::RenderedOptions;

/// Option codes that the core itself reads or writes (sections are those of RFC 2132 unless another RFC is named).
pub mod code {
    /// Nothing: one octet without a length (RFC 2132 section 3.1).
    pub const PAD: u8 = 0;
    /// Four octets (section 3.3).
    pub const SUBNET_MASK: u8 = 1;
    /// Addresses, the best first (section 3.5).
    pub const ROUTERS: u8 = 3;
    /// Addresses, the best first (section 3.8).
    pub const DOMAIN_NAME_SERVERS: u8 = 6;
    /// The client's name, without a zero behind it (section 3.14).
    pub const HOST_NAME: u8 = 12;
    /// A text (section 3.17).
    pub const DOMAIN_NAME: u8 = 15;
    /// Octets, as a number of two (section 5.1).
    pub const INTERFACE_MTU: u8 = 26;
    /// An address (section 5.3).
    pub const BROADCAST_ADDRESS: u8 = 28;
    /// Addresses, the best first (section 8.3).
    pub const NTP_SERVERS: u8 = 42;
    /// The address that a client asks for (section 9.1).
    pub const REQUESTED_IP: u8 = 50;
    /// Seconds, as a number of four octets; all ones is infinite (section 9.2).
    pub const LEASE_TIME: u8 = 51;
    /// Whether options go on in `file` (1), `sname` (2) or both (section 9.3).
    pub const OVERLOAD: u8 = 52;
    /// One octet: see [`MessageType`](crate::wire::message::MessageType) (section 9.6).
    pub const MESSAGE_TYPE: u8 = 53;
    /// The server's address (section 9.7).
    pub const SERVER_ID: u8 = 54;
    /// The codes that a client asks for, in its order (section 9.8).
    pub const PARAMETER_REQUEST_LIST: u8 = 55;
    /// A text about what went wrong, in a NAK or DECLINE (section 9.9).
    pub const MESSAGE: u8 = 56;
    /// Octets with IP and UDP headers, as a number of two; at least 576 (section 9.10).
    pub const MAX_MESSAGE_SIZE: u8 = 57;
    /// T1 in seconds, as a number of four octets (section 9.11).
    pub const RENEWAL_TIME: u8 = 58;
    /// T2 in seconds, as a number of four octets (section 9.12).
    pub const REBINDING_TIME: u8 = 59;
    /// What kind of client it is (section 9.13).
    pub const VENDOR_CLASS: u8 = 60;
    /// What the client calls itself, at least two octets (section 9.14).
    pub const CLIENT_ID: u8 = 61;
    /// What the client is used for (RFC 3004).
    pub const USER_CLASS: u8 = 77;
    /// An ACK is welcome in answer to a DISCOVER (RFC 4039).
    pub const RAPID_COMMIT: u8 = 80;
    /// What a relay agent adds and gets back (RFC 3046).
    pub const RELAY_AGENT_INFO: u8 = 82;
    /// Seconds that a client does without IPv4, as a number of four octets (RFC 8925).
    pub const V6ONLY_PREFERRED: u8 = 108;
    /// An address of the subnet that is wanted (RFC 3011).
    pub const SUBNET_SELECTION: u8 = 118;
    /// Routes: prefix length, destination, router (RFC 3442).
    pub const CLASSLESS_ROUTES: u8 = 121;
    /// What is behind it is no option (section 3.2).
    pub const END: u8 = 255;
}

/// The octets that one part of an option has at most: its length is one octet.
pub(crate) const PART_LEN_MAX: usize = 255;

/// The options of one field in their order: pads left out, up to the end mark, the end of the field or the first option that
/// is cut off by it. An option that was sent split comes in its parts.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    rest: &'a [u8],
}

impl<'a> Options<'a> {
    /// The options in `field`, which need not have an end mark.
    #[must_use]
    pub const fn new(field: &'a [u8]) -> Self {
        Self { rest: field }
    }

    /// The value of the next option that has this code.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub(crate) fn value_of(&mut self, code: u8) -> Option<&'a [u8]> {
        self.find(|(found, _)| *found == code).map(|(_, value)| value)
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u8, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match *self.rest {
                [code::PAD, ref rest @ ..] => self.rest = rest,
                [code, len, ref rest @ ..] if code != code::END => {
                    let Some((value, rest)) = rest.split_at_checked(usize::from(len)) else {
                        self.rest = &[];
                        return None;
                    };
                    self.rest = rest;
                    return Some((code, value));
                }
                _ => {
                    self.rest = &[];
                    return None;
                }
            }
        }
    }
}

/// The options of three fields, one field after the other.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    options: Options<'a>,
    behind: [&'a [u8]; 2],
}

impl<'a> Fields<'a> {
    pub(crate) const fn new(first: &'a [u8], second: &'a [u8], third: &'a [u8]) -> Self {
        Self { options: Options::new(first), behind: [second, third] }
    }

    /// The value of the next option that has this code.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    pub(crate) fn value_of(&mut self, code: u8) -> Option<&'a [u8]> {
        self.find(|(found, _)| *found == code).map(|(_, value)| value)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u8, &'a [u8]);

    // One function for all who look through a message that is not simple: nearly none is.
    #[inline(never)]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let next = self.options.next();
            let [second, third] = &mut self.behind;
            if next.is_some() || (second.is_empty() && third.is_empty()) {
                return next;
            }
            self.options = Options::new(second);
            *second = core::mem::take(third);
        }
    }
}

/// A set of option codes, in words of 32 bits: a microcontroller shifts wider ones in several steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CodeSet {
    words: [u32; 8],
}

impl CodeSet {
    /// No code.
    pub(crate) const EMPTY: Self = Self { words: [0; 8] };

    /// Adds `code`; `true` when it was not there.
    #[inline]
    pub(crate) fn insert(&mut self, code: u8) -> bool {
        let Some(word) = self.words.get_mut(word_of(code)) else { return false };
        let new = *word & bit(code) == 0;
        *word |= bit(code);
        new
    }

    /// Takes `code` out; `true` when it was there.
    #[inline]
    pub(crate) fn remove(&mut self, code: u8) -> bool {
        let Some(word) = self.words.get_mut(word_of(code)) else { return false };
        let there = *word & bit(code) != 0;
        *word &= !bit(code);
        there
    }
}

/// The bit of `code` in its word.
#[inline]
pub(crate) const fn bit(code: u8) -> u32 {
    1 << (code & 31)
}

/// Which word has the bit of `code`: one of eight.
#[inline]
pub(crate) fn word_of(code: u8) -> usize {
    usize::from(code / 32)
}

/// An option does not fit into the buffer that was given for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferTooSmall;

impl fmt::Display for BufferTooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the option does not fit into the buffer")
    }
}

impl core::error::Error for BufferTooSmall {}

/// Renders options into the caller's buffer, as [`SubnetConfig::options`](crate::server::config::SubnetConfig::options) wants them.
#[derive(Debug)]
pub struct OptionsWriter<'b> {
    buffer: &'b mut [u8],
    len: usize,
}

impl<'b> OptionsWriter<'b> {
    /// Writes from the beginning of `buffer`.
    pub const fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    /// Appends an option; a value of more than 255 octets is split (RFC 3396).
    ///
    /// # Errors
    /// [`BufferTooSmall`]; then nothing was appended.
    ///
    /// # Panics
    /// When `code` is 0 or 255, which are no options.
    pub fn push(&mut self, code: u8, value: &[u8]) -> Result<(), BufferTooSmall> {
        assert!(code != code::PAD && code != code::END, "pad and end mark are not options");
        let parts = value.len().div_ceil(PART_LEN_MAX).max(1);
        let end = self.len + value.len() + 2 * parts;
        let mut room = self.buffer.get_mut(self.len..end).ok_or(BufferTooSmall)?;
        let mut rest = value;
        for _ in 0..parts {
            let (part, behind) = rest.split_at(rest.len().min(PART_LEN_MAX));
            let (head, tail) = room.split_at_mut(2 + part.len());
            if let [to_code, to_len, to_value @ ..] = head {
                *to_code = code;
                *to_len = u8::try_from(part.len()).unwrap_or(u8::MAX);
                to_value.copy_from_slice(part);
            }
            (room, rest) = (tail, behind);
        }
        self.len = end;
        Ok(())
    }

    /// What was rendered.
    #[must_use]
    pub fn finish(self) -> &'b [u8] {
        self.buffer.get(..self.len).expect("only what was in the buffer was written")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pads_and_a_missing_end_are_read_over() {
        let field = [0, 0, 53, 1, 1, 0, 12, 2, b'a', b'b'];
        assert!(Options::new(&field).eq([(53, &[1][..]), (12, b"ab")]));
    }

    #[test]
    fn what_follows_the_end_mark_is_no_option() {
        assert_eq!(Options::new(&[53, 1, 1, 255, 12, 1, b'a']).count(), 1);
    }

    #[test]
    fn an_option_cut_off_by_the_field_is_not_read() {
        for field in [&[12, 3, b'a', b'b'][..], &[12], &[53, 1, 1, 61]] {
            assert!(Options::new(field).all(|(code, _)| code == 53), "{field:?}");
        }
    }

    #[test]
    fn a_set_knows_its_codes() {
        let mut set = CodeSet::EMPTY;
        assert!(set.insert(0) && set.insert(31) && set.insert(255) && !set.insert(255));
        for code in 0..=255 {
            let mut one = CodeSet::EMPTY;
            assert!(one.insert(code), "{code}");
            assert!((0..=255).filter(|other| one.clone().remove(*other)).eq([code]), "{code}");
            assert!(one.remove(code) && !one.remove(code), "{code}");
        }
    }

    #[test]
    fn a_long_value_is_split_when_it_is_rendered() {
        let mut buffer = [0; 310];
        let mut writer = OptionsWriter::new(&mut buffer);
        writer.push(121, &[7; 300]).unwrap();
        writer.push(1, &[]).unwrap();
        assert_eq!(writer.push(3, &[1, 2, 3]), Err(BufferTooSmall));
        let lens = Options::new(writer.finish()).map(|(code, value)| (code, value.len()));
        assert!(lens.eq([(121, 255), (121, 45), (1, 0)]));
    }
}
