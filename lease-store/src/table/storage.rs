//! Where does the table keep its leases? In memory of the caller's: arrays on a microcontroller, boxed slices on a host, or borrowed slices.

use core::error::Error;
use core::fmt;
use core::marker::PhantomData;
use core::net::Ipv4Addr;

use dhcp_core::server::config::ServerConfig;

use crate::lease::{Index, Slot};
use crate::table::free;
use crate::table::layout::segments;
use crate::table::span::{Pool, Span};

/// How much of each kind of memory a table needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// One an address.
    pub slots: usize,
    /// Buckets of the client index: two for each slot, and one, so that at least half are empty.
    pub buckets: usize,
    /// 64-bit words of the bitmap of addresses that nobody ever had.
    pub words: usize,
    /// Runs of addresses, as [`Sizes::new`] counts them.
    pub spans: usize,
    /// One a subnet.
    pub pools: usize,
}

impl Sizes {
    /// For that many addresses in that many runs and subnets. A run is a range, a piece of one between exclusions, or a reserved address outside of the
    /// ranges.
    #[must_use]
    pub const fn new(slots: usize, spans: usize, pools: usize) -> Self {
        let buckets = slots.saturating_mul(2).saturating_add(1);
        Self { slots, buckets, words: free::words_for(slots), spans, pools }
    }

    /// Enough for the configuration; a little more than it needs when reserved addresses are adjacent or reserved twice.
    #[must_use]
    pub fn of(config: &ServerConfig<'_>) -> Self {
        let (mut slots, mut spans) = (0_usize, 0_usize);
        for subnet in config.subnets {
            for (first, last) in segments(subnet) {
                slots = slots.saturating_add(usize::try_from(last - first).unwrap_or(usize::MAX));
                slots = slots.saturating_add(1);
                spans += 1;
            }
            let outside = subnet.reservations.iter().filter_map(|known| known.address);
            let outside = outside.filter(|address| {
                let address = address.to_bits();
                !segments(subnet).any(|(first, last)| (first..=last).contains(&address))
            });
            let outside = outside.count();
            slots = slots.saturating_add(outside);
            // An address within another subnet's range splits it.
            spans += 2 * outside;
        }
        Self::new(slots, spans, config.subnets.len())
    }

    /// The octets of all of it together, for indexes of type `I`; without the [`LeaseTable`](super::LeaseTable) itself.
    #[must_use]
    pub const fn octets<I: Index>(&self) -> usize {
        self.slots * size_of::<Slot<I>>()
            + self.buckets * size_of::<I>()
            + self.words * size_of::<u64>()
            + self.spans * size_of::<Span<I>>()
            + self.pools * size_of::<Pool<I>>()
    }
}

/// Memory for a table: five columns, each an array, a slice or a box of one. What is in it does not matter: a new table begins with all of it.
#[derive(Clone, Debug)]
pub struct Storage<I, A, B, C, D, E> {
    slots: A,
    buckets: B,
    words: C,
    spans: D,
    pools: E,
    index: PhantomData<I>,
}

/// Arrays in the table itself, for a microcontroller. See [`Sizes::new`] for how many of each.
pub type ArrayStorage<
    I,
    const SLOTS: usize,
    const BUCKETS: usize,
    const WORDS: usize,
    const SPANS: usize,
    const POOLS: usize,
> = Storage<I, [Slot<I>; SLOTS], [I; BUCKETS], [u64; WORDS], [Span<I>; SPANS], [Pool<I>; POOLS]>;

/// The type of an [`ArrayStorage`](crate::table::ArrayStorage) with these [`Sizes`](crate::table::Sizes), a constant expression, and this
/// [`Index`](crate::lease::Index):
///
/// ```
/// use lease_store::array_storage;
/// use lease_store::table::{LeaseTable, Sizes};
///
/// /// 64 addresses in up to 4 runs of 1 subnet.
/// type Leases = LeaseTable<array_storage!(u16, Sizes::new(64, 4, 1))>;
/// assert!(size_of::<Leases>() < 4_096);
/// ```
#[macro_export]
macro_rules! array_storage {
    ($index:ty, $sizes:expr) => {
        $crate::table::ArrayStorage<
            $index,
            { $sizes.slots },
            { $sizes.buckets },
            { $sizes.words },
            { $sizes.spans },
            { $sizes.pools },
        >
    };
}

/// Slices that are somebody else's.
pub type SliceStorage<'s, I> =
    Storage<I, &'s mut [Slot<I>], &'s mut [I], &'s mut [u64], &'s mut [Span<I>], &'s mut [Pool<I>]>;

impl<I: Index, A, B, C, D, E> Storage<I, A, B, C, D, E> {
    /// Of five columns, at least as long as [`Sizes`] says for the configuration; a table that is too large for them is refused by
    /// [`LeaseTable::new`](super::LeaseTable::new).
    pub const fn new(slots: A, buckets: B, words: C, spans: D, pools: E) -> Self {
        Self { slots, buckets, words, spans, pools, index: PhantomData }
    }

    /// Collects columns of the sizes, for boxed slices and vectors.
    #[must_use]
    pub fn collected(sizes: &Sizes) -> Self
    where
        A: FromIterator<Slot<I>>,
        B: FromIterator<I>,
        C: FromIterator<u64>,
        D: FromIterator<Span<I>>,
        E: FromIterator<Pool<I>>,
    {
        Self::new(
            core::iter::repeat_n(Slot::FRESH, sizes.slots).collect(),
            core::iter::repeat_n(I::NONE, sizes.buckets).collect(),
            core::iter::repeat_n(0, sizes.words).collect(),
            core::iter::repeat_n(Span::EMPTY, sizes.spans).collect(),
            core::iter::repeat_n(Pool::EMPTY, sizes.pools).collect(),
        )
    }
}

impl<
    I: Index,
    const SLOTS: usize,
    const BUCKETS: usize,
    const WORDS: usize,
    const SPANS: usize,
    const POOLS: usize,
> ArrayStorage<I, SLOTS, BUCKETS, WORDS, SPANS, POOLS>
{
    /// Arrays with nothing in them: all is zero, so that a program that has them in static memory has neither octets nor code for that.
    #[must_use]
    pub const fn empty() -> Self {
        Self::new(
            [Slot::ZERO; SLOTS],
            [I::ZERO; BUCKETS],
            [0; WORDS],
            [Span::EMPTY; SPANS],
            [Pool::EMPTY; POOLS],
        )
    }

    /// The same places, lent: a table that has them is small, and can be moved.
    pub const fn lent(&mut self) -> SliceStorage<'_, I> {
        let Self { slots, buckets, words, spans, pools, .. } = self;
        Storage::new(slots, buckets, words, spans, pools)
    }
}

/// What a [`Storage`] is to the table: five slices. Only a [`Storage`] can be one, since what is in the columns is the table's.
pub trait Store {
    /// How slots are counted.
    type Index: Index;

    /// To read.
    fn columns(&self) -> Columns<'_, Self::Index>;

    /// To write.
    fn columns_mut(&mut self) -> ColumnsMut<'_, Self::Index>;
}

/// The five columns of a [`Store`].
#[derive(Clone, Copy, Debug)]
pub struct Columns<'s, I> {
    pub(super) slots: &'s [Slot<I>],
    pub(super) buckets: &'s [I],
    pub(super) words: &'s [u64],
    pub(super) spans: &'s [Span<I>],
    pub(super) pools: &'s [Pool<I>],
}

/// The five columns of a [`Store`], to be written.
#[derive(Debug)]
pub struct ColumnsMut<'s, I> {
    pub(super) slots: &'s mut [Slot<I>],
    pub(super) buckets: &'s mut [I],
    pub(super) words: &'s mut [u64],
    pub(super) spans: &'s mut [Span<I>],
    pub(super) pools: &'s mut [Pool<I>],
}

impl<I, A, B, C, D, E> Store for Storage<I, A, B, C, D, E>
where
    I: Index,
    A: AsRef<[Slot<I>]> + AsMut<[Slot<I>]>,
    B: AsRef<[I]> + AsMut<[I]>,
    C: AsRef<[u64]> + AsMut<[u64]>,
    D: AsRef<[Span<I>]> + AsMut<[Span<I>]>,
    E: AsRef<[Pool<I>]> + AsMut<[Pool<I>]>,
{
    type Index = I;

    fn columns(&self) -> Columns<'_, I> {
        Columns {
            slots: self.slots.as_ref(),
            buckets: self.buckets.as_ref(),
            words: self.words.as_ref(),
            spans: self.spans.as_ref(),
            pools: self.pools.as_ref(),
        }
    }

    fn columns_mut(&mut self) -> ColumnsMut<'_, I> {
        ColumnsMut {
            slots: self.slots.as_mut(),
            buckets: self.buckets.as_mut(),
            words: self.words.as_mut(),
            spans: self.spans.as_mut(),
            pools: self.pools.as_mut(),
        }
    }
}

impl<I: Index> ColumnsMut<'_, I> {
    /// Whether there are places for so much.
    pub(super) fn enough(&self, need: &Sizes) -> Result<(), TableError> {
        if need.slots > I::SLOTS_MAX {
            return Err(TableError::TooManyAddresses { need: need.slots, max: I::SLOTS_MAX });
        }
        let columns = [
            (Column::Slots, need.slots, self.slots.len()),
            (Column::Buckets, need.buckets, self.buckets.len()),
            (Column::Words, need.words, self.words.len()),
            (Column::Spans, need.spans, self.spans.len()),
            (Column::Pools, need.pools, self.pools.len()),
        ];
        for (column, need, have) in columns {
            if have < need {
                return Err(TableError::TooSmall { column, need, have });
            }
        }
        Ok(())
    }
}

/// Why a table cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TableError {
    /// A column is too short.
    TooSmall {
        /// Which one.
        column: Column,
        /// Elements that are needed.
        need: usize,
        /// Elements that there are.
        have: usize,
    },
    /// There are more addresses than the index can count.
    TooManyAddresses {
        /// Addresses in all ranges, and reserved ones.
        need: usize,
        /// The most that the index can count.
        max: usize,
    },
    /// An address is in the ranges of two subnets.
    Overlap {
        /// The lowest such address.
        address: Ipv4Addr,
    },
}

/// One of the five columns of a [`Storage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Column {
    /// [`Sizes::slots`].
    Slots,
    /// [`Sizes::buckets`].
    Buckets,
    /// [`Sizes::words`].
    Words,
    /// [`Sizes::spans`].
    Spans,
    /// [`Sizes::pools`].
    Pools,
}

impl Column {
    /// What its elements are, in the plural.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Slots => "slots",
            Self::Buckets => "buckets",
            Self::Words => "words",
            Self::Spans => "spans",
            Self::Pools => "pools",
        }
    }
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooSmall { column, need, have } => {
                let column = column.name();
                write!(
                    f,
                    "the lease table needs {need} {column} for this configuration, and there are {have}"
                )
            }
            Self::TooManyAddresses { need, max } => {
                write!(f, "the subnets have {need} addresses, and the lease table can count {max}")
            }
            Self::Overlap { address } => {
                write!(f, "{address} is in the ranges of two subnets")
            }
        }
    }
}

impl Error for TableError {}
