//! How is a reply written when there is room for everything? Straight on: nothing is set aside, and nothing asks where an option goes.

use super::{FIXED_LEN_MAX, ReplyOptions, copy, set};
use crate::wire::message::HEADER_LEN;
use crate::wire::options::code;

/// What a reply has at most besides its configured options, what is echoed and the words of a NAK: options 53, 54, 51, 58, 59 and 1, the
/// codes and lengths of 56, 61 and 82, option 52 and the end mark.
const OTHERS_LEN: usize = FIXED_LEN_MAX + 6 + 3 * 2 + 3 + 1;

/// Writes the options and gives the length of the message, not padded. `None` when that is for [`everywhere`](super::everywhere), which then writes the same
/// octets anew: there may be too little room, or there are options that are rare.
#[inline]
pub(super) fn write(options: &ReplyOptions<'_>, message: &mut [u8]) -> Option<usize> {
    let len = message.len();
    let mut rest = Rest::new(message)?;
    let text = options.message.map(str::as_bytes);
    let echoed = [text, options.client_id, options.relay_agent_info];
    let echoed_len: usize = echoed.iter().map(|value| value.map_or(0, <[u8]>::len)).sum();
    let is_usual = options.reserved.is_empty() && options.unasked.is_empty();
    if !is_usual || rest.len() < options.rendered.octets().len() + echoed_len + OTHERS_LEN {
        return None;
    }
    if let Some(message_type) = options.message_type {
        let first = rest.block::<9>()?;
        set(first, 0, [code::MESSAGE_TYPE, 1]);
        set(first, 2, [message_type as u8]);
        set(first, 3, [code::SERVER_ID, 4]);
        set(first, 5, options.server_id.octets());
        if let Some([lease, renewal, rebinding]) = options.times {
            let times = rest.block::<18>()?;
            set(times, 0, [code::LEASE_TIME, 4]);
            set(times, 2, lease.to_be_bytes());
            set(times, 6, [code::RENEWAL_TIME, 4]);
            set(times, 8, renewal.to_be_bytes());
            set(times, 12, [code::REBINDING_TIME, 4]);
            set(times, 14, rebinding.to_be_bytes());
        }
    }
    if let Some(text) = text {
        rest.option(code::MESSAGE, text)?;
    }
    configured(options, &mut rest)?;
    if let Some(client_id) = options.client_id {
        rest.option(code::CLIENT_ID, client_id)?;
    }
    if let Some(info) = options.relay_agent_info {
        rest.option(code::RELAY_AGENT_INFO, info)?;
    }
    rest.end()?;
    Some(len - rest.len())
}

/// What was asked for in the order of the list, or else all as it is.
#[inline]
fn configured(options: &ReplyOptions<'_>, rest: &mut Rest<'_>) -> Option<()> {
    let rendered = options.rendered;
    let mut mask = match rendered.whole(code::SUBNET_MASK) {
        Some(whole) => whole.last_chunk().copied(),
        None => options.netmask.map(|netmask| netmask.octets()),
    };
    let Some(requested) = options.requested else {
        if !rendered.is_in_order() {
            return None;
        }
        if rendered.whole(code::SUBNET_MASK).is_none() {
            rest.mask(mask)?;
        }
        rest.take(rendered.octets().len())?.copy_from_slice(rendered.octets());
        return Some(());
    };
    if !rendered.is_noted() {
        return None;
    }
    // A bit for each place.
    let mut placed = 0_u32;
    for code in requested {
        // Most of what is asked for is nowhere.
        let Some(place) = rendered.place(*code) else { continue };
        if *code == code::SUBNET_MASK {
            rest.mask(mask.take())?;
            continue;
        }
        if placed & place.bit() != 0 {
            continue;
        }
        placed |= place.bit();
        if *code == code::ROUTERS {
            rest.mask(mask.take())?;
        }
        let whole = rendered.at(place)?;
        copy(rest.take(whole.len())?, whole);
    }
    rest.mask(mask)
}

/// The octets behind what is written.
pub(super) struct Rest<'b>(&'b mut [u8]);

impl<'b> Rest<'b> {
    /// What is behind the header.
    #[inline(always)]
    pub(super) fn new(message: &'b mut [u8]) -> Option<Self> {
        message.get_mut(HEADER_LEN..).map(Self)
    }

    #[inline(always)]
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// The end mark.
    #[inline(always)]
    pub(super) fn end(&mut self) -> Option<()> {
        set(self.block::<1>()?, 0, [code::END]);
        Some(())
    }

    #[inline(always)]
    fn block<const LEN: usize>(&mut self) -> Option<&'b mut [u8; LEN]> {
        let (block, rest) = core::mem::take(&mut self.0).split_first_chunk_mut()?;
        self.0 = rest;
        Some(block)
    }

    /// Option 1, if it is there.
    #[inline(always)]
    fn mask(&mut self, mask: Option<[u8; 4]>) -> Option<()> {
        if let Some(mask) = mask {
            let option = self.block::<6>()?;
            set(option, 0, [code::SUBNET_MASK, 4]);
            set(option, 2, mask);
        }
        Some(())
    }

    #[inline(always)]
    fn take(&mut self, len: usize) -> Option<&'b mut [u8]> {
        let (taken, rest) = core::mem::take(&mut self.0).split_at_mut_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    /// An option of one part.
    // One function for all: only option 61 is usual.
    #[inline(never)]
    pub(super) fn option(&mut self, code: u8, value: &[u8]) -> Option<()> {
        let len = u8::try_from(value.len()).ok()?;
        set(self.block::<2>()?, 0, [code, len]);
        copy(self.take(value.len())?, value);
        Some(())
    }
}
