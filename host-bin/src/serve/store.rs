//! Where are the leases? The table in memory, and the journal in the state directory that it is read from at start.

use dhcp_core::server::book::Change;
use dhcp_core::server::config::ServerConfig;
use dhcp_core::server::{Durable, Lsn};
use lease_store::journal::{Journal, JournalError};
use lease_store::lease::Slot;
use lease_store::medium::Medium;
use lease_store::table::{LeaseTable, Pool, Sizes, Span, Storage, TableError};

use crate::serve::engine::Log;

/// The table of a host: as large as it needs to be, taken once.
pub type Book = LeaseTable<
    Storage<u32, Box<[Slot<u32>]>, Box<[u32]>, Box<[u64]>, Box<[Span<u32>]>, Box<[Pool<u32>]>>,
>;

/// The journal in a file, or on another medium in tests and benches.
#[derive(Debug)]
pub struct Record<M>(pub Journal<M>);

impl<M: Medium> Log<Book> for Record<M>
where
    M::Error: 'static,
{
    type Error = JournalError<M::Error>;

    fn append(
        &mut self,
        lsn: Lsn,
        change: &Change<'_>,
        book: &mut Book,
    ) -> Result<(), Self::Error> {
        self.0.append(lsn, change, book)
    }

    fn sync(&mut self, _: &mut Book) -> Result<Durable, Self::Error> {
        self.0.sync()
    }

    fn begin_sync(&mut self, book: &mut Book) -> Result<Option<Durable>, Self::Error> {
        if self.0.begin_sync()? { Ok(None) } else { self.sync(book).map(Some) }
    }

    fn end_sync(&mut self) -> Option<Result<Durable, Self::Error>> {
        self.0.end_sync()
    }
}

/// An empty table for the configuration.
///
/// # Errors
/// [`TableError`]: there are more addresses than 32 bits can count.
pub fn empty_book(config: &ServerConfig<'_>) -> Result<Book, TableError> {
    LeaseTable::new(config, Storage::collected(&Sizes::of(config)))
}
