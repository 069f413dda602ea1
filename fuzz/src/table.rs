//! The real lease table, with room for every address of [`World`](crate::world::World).

use dhcp_core::server::config::ServerConfig;
use lease_store::lease::Slot;
use lease_store::table::{LeaseTable, Pool, Sizes, Span, Storage};

type Columns = Storage<u16, Vec<Slot<u16>>, Vec<u16>, Vec<u64>, Vec<Span<u16>>, Vec<Pool<u16>>>;

/// The table of these runs.
pub(crate) type Table = LeaseTable<Columns>;

/// A table in which nobody has anything.
pub(crate) fn empty(config: &ServerConfig<'_>) -> Table {
    let columns = Columns::collected(&Sizes::of(config));
    LeaseTable::new(config, columns).expect("the sizes are those of the configuration")
}
