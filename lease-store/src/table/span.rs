//! Which slot is an address's, and which subnet's is a slot? Runs of addresses in order, and a binary search.
//!
//! The slots of a subnet follow each other, first those of its lowest addresses. A range has no slots for what can be nobody's: excluded addresses, the
//! network's number, the broadcast address. Reserved addresses outside of the ranges have slots of their own.

use core::net::Ipv4Addr;

use dhcp_core::server::config::SubnetIndex;

use crate::lease::Index;

/// A run of addresses of one subnet.
#[derive(Clone, Copy, Debug)]
pub struct Span<I> {
    pub(super) first: u32,
    pub(super) last: u32,
    /// The slot of the first address.
    pub(super) slot: I,
    /// The place of the span whose slots are the `n`th, for the span at place `n`: the order of slots is not that of addresses.
    pub(super) nth: I,
    pub(super) subnet: u16,
}

/// A subnet's slots.
#[derive(Clone, Copy, Debug)]
pub struct Pool<I> {
    /// The first slot.
    pub(super) first: I,
    /// The slot behind the last.
    pub(super) end: I,
    /// The head of the list of addresses that are nobody's now.
    pub(super) idle: I,
    /// How many addresses a stranger could be offered now.
    pub(super) free: I,
    /// How many that could be at best: all but the reserved ones.
    pub(super) open: I,
}

impl<I: Index> Span<I> {
    /// For arrays that a table is made of.
    pub const EMPTY: Self = Self { first: 0, last: 0, slot: I::ZERO, nth: I::ZERO, subnet: 0 };

    pub(super) const fn len(&self) -> usize {
        (self.last - self.first) as usize + 1
    }
}

impl<I: Index> Pool<I> {
    /// For arrays that a table is made of.
    pub const EMPTY: Self =
        Self { first: I::ZERO, end: I::ZERO, idle: I::ZERO, free: I::ZERO, open: I::ZERO };

    pub(super) fn count_free(&mut self, more: bool) {
        let free = self.free.get();
        self.free = I::new(if more { free + 1 } else { free - 1 });
    }
}

/// The slot of an address, and its subnet.
pub(super) fn find<I: Index>(spans: &[Span<I>], address: Ipv4Addr) -> Option<(usize, SubnetIndex)> {
    let address = address.to_bits();
    let behind = spans.partition_point(|span| span.first <= address);
    let span = spans.get(behind.checked_sub(1)?)?;
    (address <= span.last)
        .then(|| (span.slot.get() + (address - span.first) as usize, SubnetIndex(span.subnet)))
}

/// The address of a slot.
///
/// # Panics
/// When there is no such slot.
pub(super) fn address_of<I: Index>(spans: &[Span<I>], slot: usize) -> Ipv4Addr {
    let at = |place: usize| spans.get(place).unwrap_or_else(|| no_span());
    let nth = |place: usize| at(at(place).nth.get());
    // The last span whose first slot is not beyond.
    let (mut low, mut high) = (0, spans.len());
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if nth(middle).slot.get() <= slot {
            low = middle;
        } else {
            high = middle;
        }
    }
    let span = nth(low);
    let offset = slot.checked_sub(span.slot.get()).filter(|offset| *offset < span.len());
    let offset = offset.and_then(|offset| u32::try_from(offset).ok());
    Ipv4Addr::from_bits(span.first + offset.unwrap_or_else(|| no_span()))
}

// As `no_slot` in `table.rs`.
#[cold]
#[inline(never)]
fn no_span() -> ! {
    panic!("every slot is in a span")
}

/// The subnet of a slot.
pub(super) fn subnet_of<I: Index>(pools: &[Pool<I>], slot: usize) -> SubnetIndex {
    SubnetIndex(u16::try_from(place_of(pools, slot)).unwrap_or_else(|_| too_many()))
}

/// The place of the subnet of a slot.
pub(super) fn place_of<I: Index>(pools: &[Pool<I>], slot: usize) -> usize {
    pools.partition_point(|pool| pool.end.get() <= slot)
}

#[cold]
#[inline(never)]
fn too_many() -> ! {
    panic!("a configuration has at most 65,535 subnets")
}

/// The first and the last addresses of the spans of a subnet's slots, in ascending order.
#[cfg(feature = "image")]
pub(super) fn runs<I: Index>(
    spans: &[Span<I>],
    pool: &Pool<I>,
) -> impl Iterator<Item = (Ipv4Addr, Ipv4Addr)> {
    let (mut slot, end) = (pool.first.get(), pool.end.get());
    core::iter::from_fn(move || {
        let first = (slot < end).then(|| address_of(spans, slot))?;
        let place = spans.partition_point(|span| span.first < first.to_bits());
        let span = spans.get(place)?;
        slot += span.len();
        Some((first, Ipv4Addr::from_bits(span.last)))
    })
}
