//! What ends later when the lease clock goes forward? Leases and quarantines were given for a duration, so their ends move with the clock.

use dhcp_core::server::book::{Change, Standing};
use dhcp_core::time::Timestamp;

use super::{LeaseTable, Store};
use crate::index::RecordIndex as _;

impl<S: Store> LeaseTable<S> {
    /// The changes by which every lease and quarantine that runs at `now` ends `secs` seconds later than it was recorded; those without end are not
    /// among them. Whoever calls replays each into the table and records it, before the lease clock is moved by as much: see
    /// [`LeaseClock::correction`](dhcp_core::time::LeaseClock::correction). This looks at every slot; clocks seldom jump.
    pub fn prolonged(
        &self,
        now: Timestamp,
        secs: u32,
    ) -> impl Iterator<Item = Change<'static>> + '_ {
        self.entries(now).filter(|entry| entry.until != Timestamp::NEVER).filter_map(move |entry| {
            let address = entry.address;
            let until = || Some(self.recorded(address)?.until.plus_secs(secs));
            match entry.standing {
                Standing::Bound => Some(Change::Extend { address, until: until()? }),
                Standing::Quarantined => Some(Change::Quarantine { address, until: until()? }),
                Standing::Fresh | Standing::Offered | Standing::Idle => None,
            }
        })
    }
}
