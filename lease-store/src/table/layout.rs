//! Where do a configuration's addresses get their slots? Once, when a table is made: ranges are cut around what can be nobody's, put in order and counted.

use core::net::Ipv4Addr;
use core::slice;

use dhcp_core::net::Range;
use dhcp_core::server::config::{ServerConfig, SubnetConfig, SubnetIndex};

use crate::lease::{Index, Slot};
use crate::table::free;
use crate::table::span::{Pool, Span, find};
use crate::table::storage::{Column, ColumnsMut, Sizes, TableError};

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
    let mut builder = Builder { spans: columns.spans, used: 0, short: false };
    builder.ranges(config);
    if !builder.short {
        apart(builder.spans.get(..builder.used).unwrap_or_default())?;
    }
    builder.reservations(config);
    let (spans, have) = (builder.used, builder.spans.len());
    if builder.short {
        let need = Sizes::of(config).spans;
        return Err(TableError::TooSmall { column: Column::Spans, need, have });
    }
    let laid = columns.spans.get_mut(..spans).unwrap_or_default();
    let slots = laid.iter().fold(0_usize, |sum, span| sum.saturating_add(span.len()));
    let pools = config.subnets.len();
    columns.enough(&Sizes::new(slots, spans, pools))?;
    let laid = columns.spans.get_mut(..spans).unwrap_or_default();
    number(laid, columns.pools.get_mut(..pools).unwrap_or_default());
    let used = Used { slots, spans, pools };
    begin(config, columns, used);
    Ok(used)
}

/// As [`build`] when every range is a span: there is nothing to be cut out of one, and nothing reserved outside.
#[cfg(feature = "image")]
pub(super) fn place<I: Index>(
    config: &ServerConfig<'_>,
    columns: &mut ColumnsMut<'_, I>,
) -> Result<Used, TableError> {
    let mut used = Used { slots: 0, spans: 0, pools: config.subnets.len() };
    for subnet in config.subnets {
        for range in subnet.ranges {
            used.slots = used.slots.saturating_add(range.len() as usize);
            used.spans += 1;
        }
    }
    columns.enough(&Sizes::new(used.slots, used.spans, used.pools))?;
    let spans = columns.spans.get_mut(..used.spans).unwrap_or_default();
    for span in &mut *spans {
        *span = Span { first: u32::MAX, ..Span::EMPTY };
    }
    let (mut slots, mut subnet) = (0, 0);
    for (of, pool) in config.subnets.iter().zip(&mut *columns.pools) {
        pool.first = I::new(slots);
        for range in of.ranges {
            let (first, last) = (range.first().to_bits(), range.last().to_bits());
            let mut moved = Span { first, last, slot: I::new(slots), nth: I::ZERO, subnet };
            slots += moved.len();
            for span in &mut *spans {
                if moved.first <= span.first {
                    core::mem::swap(span, &mut moved);
                }
            }
        }
        pool.end = I::new(slots);
        subnet += 1;
    }
    apart(spans)?;
    for place in 0..spans.len() {
        let slot = spans.get(place).map_or(0, |span| span.slot.get());
        let nth = spans.iter().filter(|span| span.slot.get() < slot).count();
        if let Some(span) = spans.get_mut(nth) {
            span.nth = I::new(place);
        }
    }
    begin(config, columns, used);
    Ok(used)
}

/// Whether no address is in two of the spans, which are in the order of their first addresses; else the lowest such.
fn apart<I: Index>(spans: &[Span<I>]) -> Result<(), TableError> {
    for (before, span) in spans.iter().zip(spans.iter().skip(1)) {
        if span.first <= before.last {
            return Err(TableError::Overlap { address: Ipv4Addr::from_bits(span.first) });
        }
    }
    Ok(())
}

/// Every slot is nobody's, and free unless it is reserved.
fn begin<I: Index>(config: &ServerConfig<'_>, columns: &mut ColumnsMut<'_, I>, used: Used) {
    // As loops: what fills a slice is twice as much code.
    for slot in &mut *columns.slots {
        *slot = Slot::FRESH;
    }
    columns.words.fill(0);
    // All of them are used: the more there are, the sooner a search ends.
    columns.buckets.fill(I::NONE);
    let spans = columns.spans.get(..used.spans).unwrap_or_default();
    // Not the other way round: behind the last of 65,535 there is no number to be made.
    for (subnet, number) in config.subnets.iter().zip(0..) {
        for address in subnet.reservations.iter().filter_map(|known| known.address) {
            let found = find(spans, address).filter(|(_, of)| *of == SubnetIndex(number));
            if let Some(slot) = found.and_then(|(slot, _)| columns.slots.get_mut(slot)) {
                slot.set_reserved(true);
            }
        }
    }
    for pool in columns.pools.iter_mut().take(used.pools) {
        let mut open = 0;
        for number in pool.first.get()..pool.end.get() {
            if columns.slots.get(number).is_some_and(|slot| !slot.is_reserved()) {
                free::set(columns.words, used.slots, number);
                open += 1;
            }
        }
        let open = I::new(open);
        (pool.idle, pool.free, pool.open) = (I::NONE, open, open);
    }
}

/// The subnet's reserved addresses.
fn reserved<'c>(subnet: &'c SubnetConfig<'c>) -> impl Iterator<Item = Ipv4Addr> + 'c {
    let addresses = subnet.reservations.iter().filter_map(|known| known.address);
    addresses.filter(|address| subnet.subnet.is_host(*address))
}

/// Gives the spans, which are in the order of their addresses, their slots, subnet by subnet.
fn number<I: Index>(spans: &mut [Span<I>], pools: &mut [Pool<I>]) {
    pools.fill(Pool::EMPTY);
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
        for (subnet_config, subnet) in config.subnets.iter().zip(0_u16..) {
            for (first, last) in segments(subnet_config) {
                // Those of a subnet come in order, and most often the subnets do.
                self.insert(self.before(first), first, last, subnet);
            }
        }
    }

    fn reservations(&mut self, config: &ServerConfig<'_>) {
        for (subnet, number) in config.subnets.iter().zip(0..) {
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
