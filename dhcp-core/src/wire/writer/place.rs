//! Where do options go? One behind the other when there is room for all of them, which is nearly always.

use crate::wire::message::HEADER_LEN;
use crate::wire::options::code;
use crate::wire::writer::MESSAGE_LEN_MIN;

/// Takes options in the order in which they are to be written.
pub(super) trait Place {
    /// Options of known length, rendered as code, length, value.
    fn put_fixed<const LEN: usize>(&mut self, rendered: &[u8; LEN]);

    /// An option that is in one part.
    fn put(&mut self, code: u8, value: &[u8]);

    /// An option in its parts.
    fn put_parts<'v>(&mut self, code: u8, parts: impl Iterator<Item = &'v [u8]>);

    /// Option 61, the last but for 82.
    fn put_client_id(&mut self, value: &[u8]);

    /// Option 82, the last.
    fn put_relay_agent_info(&mut self, value: &[u8]);
}

/// A message with room for everything: nothing is set aside, and no option goes elsewhere than to the options field.
pub(super) struct Plain<'b> {
    message: &'b mut [u8],
    len: usize,
}

impl<'b> Plain<'b> {
    /// Behind the header and cookie of `message`, which is zero up to the least length.
    pub(super) const fn new(message: &'b mut [u8]) -> Self {
        Self { message, len: HEADER_LEN }
    }

    /// Writes the end mark and gives the length of the message.
    pub(super) fn finish(mut self) -> usize {
        self.put_fixed(&[code::END]);
        self.len.max(MESSAGE_LEN_MIN)
    }
}

/// Why no option can be without room here.
const MEASURED: &str = "the options were measured before, and fit";

impl Place for Plain<'_> {
    #[inline]
    fn put_fixed<const LEN: usize>(&mut self, rendered: &[u8; LEN]) {
        let room = self.message.get_mut(self.len..).and_then(|rest| rest.first_chunk_mut());
        *room.expect(MEASURED) = *rendered;
        self.len += LEN;
    }

    #[inline]
    fn put(&mut self, code: u8, value: &[u8]) {
        // Most options are one address: a copy of known length is no call.
        if let Ok(&[a, b, c, d]) = <&[u8; 4]>::try_from(value) {
            return self.put_fixed(&[code, 4, a, b, c, d]);
        }
        let len = u8::try_from(value.len()).expect(MEASURED);
        self.put_fixed(&[code, len]);
        let room = self.message.get_mut(self.len..self.len + value.len());
        room.expect(MEASURED).copy_from_slice(value);
        self.len += value.len();
    }

    fn put_parts<'v>(&mut self, code: u8, parts: impl Iterator<Item = &'v [u8]>) {
        parts.for_each(|part| self.put(code, part));
    }

    #[inline]
    fn put_client_id(&mut self, value: &[u8]) {
        self.put(code::CLIENT_ID, value);
    }

    #[inline]
    fn put_relay_agent_info(&mut self, value: &[u8]) {
        self.put(code::RELAY_AGENT_INFO, value);
    }
}
