//! Which slot is an address's, and which subnet's is a slot? Runs of addresses in order, and a binary search.
//!
//! The slots of a subnet follow each other, first those of its lowest addresses. A range has no slots for what can be nobody's: excluded addresses, the
//! network's number, the broadcast address. Reserved addresses outside of the ranges have slots of their own.

use core::net::Ipv4Addr;
use core::slice;

use dhcp_core::net::Range;
use dhcp_core::server::config::{ServerConfig, SubnetConfig, SubnetIndex};

use crate::lease::{Index, Slot};
use crate::table::free;
use crate::table::storage::{Column, ColumnsMut, Sizes, TableError};

/// A run of addresses of one subnet.
#[derive(Clone, Copy, Debug)]
pub struct Span<I> {
    first: u32,
    last: u32,
    /// The slot of the first address.
    slot: I,
    /// The place of the span whose slots are the `n`th, for the span at place `n`: the order of slots is not that of addresses.
    nth: I,
    subnet: u16,
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
    pub const EMPTY: Self = Self { first: 0, last: 0, slot: I::NONE, nth: I::NONE, subnet: 0 };

    const fn len(&self) -> usize {
        (self.last - self.first) as usize + 1
    }
}

impl<I: Index> Pool<I> {
    /// For arrays that a table is made of.
    pub const EMPTY: Self =
        Self { first: I::NONE, end: I::NONE, idle: I::NONE, free: I::NONE, open: I::NONE };

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

/// The pieces of a subnet's ranges that may be handed out, in ascending order.
pub(super) fn segments<'c>(config: &SubnetConfig<'c>) -> Segments<'c> {
    let hosts = config.subnet.hosts();
    Segments {
        lowest: hosts.first().to_bits(),
        highest: hosts.last().to_bits(),
        excluded: config.excluded,
        ranges: config.ranges.iter(),
        rest: None,
    }
}

/// See [`segments`].
pub(super) struct Segments<'c> {
    lowest: u32,
    highest: u32,
    excluded: &'c [Range],
    ranges: slice::Iter<'c, Range>,
    /// What is left of a range behind an exclusion.
    rest: Option<(u32, u32)>,
}

impl Iterator for Segments<'_> {
    type Item = (u32, u32);

    #[inline(never)]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (first, last) = match self.rest.take() {
                Some(rest) => rest,
                None => {
                    let range = self.ranges.next()?;
                    let (first, last) = (range.first().to_bits(), range.last().to_bits());
                    (first.max(self.lowest), last.min(self.highest))
                }
            };
            if first > last {
                continue;
            }
            let place = self.excluded.partition_point(|hole| hole.last().to_bits() < first);
            let hole = self.excluded.get(place).filter(|hole| hole.first().to_bits() <= last);
            let Some(hole) = hole else { return Some((first, last)) };
            let (from, to) = (hole.first().to_bits(), hole.last().to_bits());
            if to < last {
                self.rest = Some((to + 1, last));
            }
            if from > first {
                return Some((first, from - 1));
            }
        }
    }
}

/// How much of each column is in use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Used {
    pub(super) slots: usize,
    pub(super) spans: usize,
    pub(super) pools: usize,
}

/// Lays the configuration's addresses out over the columns, every slot fresh.
pub(super) fn build<I: Index>(
    config: &ServerConfig<'_>,
    columns: &mut ColumnsMut<'_, I>,
) -> Result<Used, TableError> {
    let pools = config.subnets.len();
    let pool_column = front(columns.pools, Column::Pools, pools)?;
    let mut builder = Builder { spans: columns.spans, used: 0, short: false };
    builder.ranges(config);
    if let Some(address) = builder.overlap().filter(|_| !builder.short) {
        return Err(TableError::Overlap { address });
    }
    builder.reservations(config);
    let (spans, have) = (builder.used, builder.spans.len());
    if builder.short {
        let need = Sizes::of(config).spans;
        return Err(TableError::TooSmall { column: Column::Spans, need, have });
    }
    let span_column = columns.spans.get_mut(..spans).unwrap_or_default();
    let slots = span_column.iter().fold(0_usize, |sum, span| sum.saturating_add(span.len()));
    if slots > I::SLOTS_MAX {
        return Err(TableError::TooManyAddresses { need: slots, max: I::SLOTS_MAX });
    }
    number(span_column, pool_column);
    let need = Sizes::new(slots, spans, pools);
    let slot_column = front(columns.slots, Column::Slots, slots)?;
    let word_column = front(columns.words, Column::Words, need.words)?;
    // All of them are used: the more there are, the sooner a search ends.
    front(columns.buckets, Column::Buckets, need.buckets)?;
    slot_column.fill(Slot::FRESH);
    word_column.fill(0);
    columns.buckets.fill(I::NONE);
    for (number, subnet) in (0..).zip(config.subnets) {
        for address in reserved(subnet) {
            let found = find(span_column, address).filter(|(_, of)| *of == SubnetIndex(number));
            let slot = found.and_then(|(slot, _)| slot_column.get_mut(slot));
            if let Some(slot) = slot {
                slot.set_reserved(true);
            }
        }
    }
    for pool in pool_column {
        let of_pool = slot_column.get(pool.first.get()..pool.end.get()).unwrap_or_default();
        let open = of_pool.iter().filter(|slot| !slot.is_reserved()).count();
        (pool.free, pool.open) = (I::new(open), I::new(open));
    }
    let open = slot_column.iter().enumerate().filter(|(_, slot)| !slot.is_reserved());
    for (slot, _) in open {
        free::set(word_column, slots, slot);
    }
    Ok(Used { slots, spans, pools })
}

/// As much of the column as is needed.
fn front<T>(elements: &mut [T], column: Column, need: usize) -> Result<&mut [T], TableError> {
    let have = elements.len();
    elements.get_mut(..need).ok_or(TableError::TooSmall { column, need, have })
}

/// The subnet's reserved addresses.
fn reserved<'c>(subnet: &'c SubnetConfig<'c>) -> impl Iterator<Item = Ipv4Addr> + 'c {
    let addresses = subnet.reservations.iter().filter_map(|known| known.address);
    addresses.filter(|address| subnet.subnet.is_host(*address))
}

/// Gives the spans, which are in the order of their addresses, their slots, subnet by subnet.
fn number<I: Index>(spans: &mut [Span<I>], pools: &mut [Pool<I>]) {
    let zero = I::new(0);
    pools.fill(Pool { first: zero, end: zero, idle: zero, free: zero, open: zero });
    const OF_A_SUBNET: &str = "a span belongs to a subnet of the configuration";
    let plus = |index: &mut I, more: usize| {
        let before = index.get();
        *index = I::new(before + more);
        before
    };
    // `open` counts slots and `idle` counts spans until they get their own meaning.
    for span in spans.iter() {
        let pool = pools.get_mut(usize::from(span.subnet)).expect(OF_A_SUBNET);
        plus(&mut pool.open, span.len());
        plus(&mut pool.idle, 1);
    }
    let (mut slots, mut ranks) = (0, 0);
    for pool in pools.iter_mut() {
        pool.first = I::new(slots);
        pool.end = pool.first;
        slots += pool.open.get();
        pool.open = I::new(ranks);
        ranks += pool.idle.get();
    }
    for place in 0..spans.len() {
        let span = spans.get_mut(place).expect("a place of the spans");
        let pool = pools.get_mut(usize::from(span.subnet)).expect(OF_A_SUBNET);
        span.slot = I::new(plus(&mut pool.end, span.len()));
        let rank = plus(&mut pool.open, 1);
        spans.get_mut(rank).expect("as many ranks as spans").nth = I::new(place);
    }
    for pool in pools {
        (pool.idle, pool.free, pool.open) = (I::NONE, zero, zero);
    }
}

/// When there is no place for a span, `short` says so and the others go on: what comes of them is not looked at any more.
struct Builder<'b, I> {
    spans: &'b mut [Span<I>],
    used: usize,
    short: bool,
}

// What is called from several places stays one function, in a microcontroller's program.
impl<I: Index> Builder<'_, I> {
    /// How many spans begin before the address.
    #[inline(never)]
    fn before(&self, address: u32) -> usize {
        let used = self.spans.get(..self.used).unwrap_or_default();
        used.partition_point(|span| span.first < address)
    }

    fn ranges(&mut self, config: &ServerConfig<'_>) {
        for (subnet, subnet_config) in (0_u16..).zip(config.subnets) {
            for (first, last) in segments(subnet_config) {
                // Those of a subnet come in order, and most often the subnets do.
                self.insert(self.before(first), first, last, subnet);
            }
        }
    }

    /// The lowest address that is in two spans.
    fn overlap(&self) -> Option<Ipv4Addr> {
        let used = self.spans.get(..self.used).unwrap_or_default();
        let pairs = used.iter().zip(used.iter().skip(1));
        let mut overlaps = pairs.filter(|(before, after)| before.last >= after.first);
        // They are in the order of their first addresses.
        overlaps.next().map(|(_, after)| Ipv4Addr::from_bits(after.first))
    }

    fn reservations(&mut self, config: &ServerConfig<'_>) {
        for (number, subnet) in (0..).zip(config.subnets) {
            for address in reserved(subnet) {
                self.reserve(number, address.to_bits());
            }
        }
    }

    /// Makes sure that the address is in a span of the subnet that reserves it.
    fn reserve(&mut self, subnet: u16, address: u32) {
        let place = address.checked_add(1).map_or(self.used, |behind| self.before(behind));
        if let Some(before) = place.checked_sub(1).and_then(|before| self.spans.get_mut(before)) {
            if address <= before.last {
                if before.subnet == subnet {
                    return;
                }
                // In another subnet's range: the reservation counts, and the range is split around it.
                let all = *before;
                (before.first, before.last, before.subnet) = (address, address, subnet);
                if all.last > address {
                    self.insert(place, address + 1, all.last, all.subnet);
                }
                if all.first < address {
                    self.insert(place - 1, all.first, address - 1, all.subnet);
                }
                return;
            }
            if before.subnet == subnet && address - before.last == 1 {
                before.last = address;
                return;
            }
        }
        let used = self.spans.get_mut(..self.used).unwrap_or_default();
        if let Some(after) = used.get_mut(place)
            && after.subnet == subnet
            && after.first - address == 1
        {
            after.first = address;
            return;
        }
        self.insert(place, address, address, subnet);
    }

    #[inline(never)]
    fn insert(&mut self, place: usize, first: u32, last: u32, subnet: u16) {
        match self.spans.get_mut(place..=self.used) {
            Some(behind) => {
                let mut moved = Span { first, last, subnet, ..Span::EMPTY };
                behind.iter_mut().for_each(|place| core::mem::swap(place, &mut moved));
                self.used += 1;
            }
            None => self.short = true,
        }
    }
}
