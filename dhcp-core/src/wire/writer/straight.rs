//! How is a reply written when there is room for everything? Straight on: nothing is set aside, and nothing asks where an option goes.

use super::{FIXED_LEN_MAX, FIXED_LEN_MIN, Reply, copy, set};
use crate::wire::message::HEADER_LEN;
use crate::wire::options::code;

/// What must be left in the end: as much as [`everywhere`](super::everywhere) sets aside for option 52.
const LEFT_LEN: usize = 3;

/// Writes the options and gives the length of the message, not padded. `None` when that is for [`everywhere`](super::everywhere), which then writes anew
/// what is behind the fixed options: there is too little room, or there are options that are rare.
#[inline(always)]
pub(super) fn write(reply: &impl Reply, message: &mut [u8]) -> Option<usize> {
    let len = message.len();
    let mut rest = Rest::new(message)?;
    if let Some(message_type) = reply.message_type() {
        let first = rest.block::<FIXED_LEN_MIN>()?;
        set(first, 0, [code::MESSAGE_TYPE, 1]);
        set(first, 2, [message_type as u8]);
        set(first, 3, [code::SERVER_ID, 4]);
        set(first, 5, reply.server_id().octets());
        if let Some([lease, renewal, rebinding]) = reply.times() {
            let times = rest.block::<{ FIXED_LEN_MAX - FIXED_LEN_MIN }>()?;
            set(times, 0, [code::LEASE_TIME, 4]);
            set(times, 2, lease.to_be_bytes());
            set(times, 6, [code::RENEWAL_TIME, 4]);
            set(times, 8, renewal.to_be_bytes());
            set(times, 12, [code::REBINDING_TIME, 4]);
            set(times, 14, rebinding.to_be_bytes());
        }
    }
    if let Some(text) = reply.message() {
        rest = rest.option(code::MESSAGE, text.as_bytes())?;
    }
    rest = configured(reply, rest)?;
    if let Some(client_id) = reply.client_id() {
        rest = rest.option(code::CLIENT_ID, client_id)?;
    }
    if let Some(info) = reply.relay_agent_info() {
        rest = rest.option(code::RELAY_AGENT_INFO, info)?;
    }
    rest.end()?;
    if rest.len() < LEFT_LEN { None } else { Some(len - rest.len()) }
}

/// What was asked for in the order of the list, or else all as it is.
#[inline(always)]
fn configured<'b>(reply: &impl Reply, mut rest: Rest<'b>) -> Option<Rest<'b>> {
    if !reply.reserved().is_empty() || reply.subnet_selection().is_some() {
        return None;
    }
    let rendered = reply.rendered();
    let mask = match rendered.whole(code::SUBNET_MASK) {
        Some(whole) => whole.last_chunk().copied(),
        None => reply.netmask().map(|netmask| netmask.octets()),
    };
    let Some(requested) = reply.requested() else {
        if !rendered.is_in_order() {
            return None;
        }
        if let Some(mask) = mask.filter(|_| rendered.whole(code::SUBNET_MASK).is_none()) {
            rest.mask(mask)?;
        }
        rest.take(rendered.octets().len())?.copy_from_slice(rendered.octets());
        return Some(rest);
    };
    if !rendered.is_noted() {
        return None;
    }
    // A bit for each place; that of a mask which there is not is set from the beginning.
    let mask_bit = rendered.place(code::SUBNET_MASK)?.bit();
    let mut placed = if mask.is_none() { mask_bit } else { 0 };
    let mask = mask.unwrap_or_default();
    for code in requested {
        // Most of what is asked for is nowhere.
        let Some(place) = rendered.place(*code) else { continue };
        if placed & place.bit() != 0 {
            continue;
        }
        placed |= place.bit();
        if *code == code::SUBNET_MASK {
            rest.mask(mask)?;
            continue;
        }
        if *code == code::ROUTERS && placed & mask_bit == 0 {
            placed |= mask_bit;
            rest.mask(mask)?;
        }
        let whole = rendered.at(place)?;
        copy(rest.take(whole.len())?, whole);
    }
    if placed & mask_bit == 0 {
        rest.mask(mask)?;
    }
    Some(rest)
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

    /// Option 1.
    #[inline(always)]
    fn mask(&mut self, mask: [u8; 4]) -> Option<()> {
        let option = self.block::<6>()?;
        set(option, 0, [code::SUBNET_MASK, 4]);
        set(option, 2, mask);
        Some(())
    }

    #[inline(always)]
    fn take(&mut self, len: usize) -> Option<&'b mut [u8]> {
        let (taken, rest) = core::mem::take(&mut self.0).split_at_mut_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    /// An option of one part.
    // One function for all: only option 61 is usual. What is left comes and goes by value, and so is in registers in between.
    #[inline(never)]
    pub(super) fn option(mut self, code: u8, value: &[u8]) -> Option<Self> {
        let len = u8::try_from(value.len()).ok()?;
        set(self.block::<2>()?, 0, [code, len]);
        copy(self.take(value.len())?, value);
        Some(self)
    }
}
