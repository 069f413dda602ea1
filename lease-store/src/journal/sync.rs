//! How does what was appended become durable? At once, or beside the next appends, where the medium can do both.
//!
//! One sync is on its way at a time, and what is appended meanwhile is written by the next one: after a power cut the records of one sync at most are
//! not whole.

use dhcp_core::server::Durable;

use super::{Journal, JournalError};
use crate::medium::Medium;

/// Of so many syncs that others were written beside, one is waited for, so that the next record can say that all before it is durable: what is damaged before
/// such a record is known for damage, and what is behind it is read.
const BESIDE_MAX: u32 = 32;

impl<M: Medium> Journal<M> {
    /// Makes durable what was appended: many changes at once, if there are many.
    ///
    /// # Errors
    /// [`JournalError`] when that failed, or when a change since the last call could not be appended: then no acknowledgement that waits may leave. What was
    /// appended may or may not be there after a power cut; what was durable before is. The journal can be used on, and tries again.
    pub fn sync(&mut self) -> Result<Durable, JournalError<M::Error>> {
        let lost = core::mem::take(&mut self.lost);
        let synced = if lost && !self.on_its_way { Ok(()) } else { self.sync_medium() };
        self.syncing = None;
        if lost {
            return Err(JournalError::NotAppended);
        }
        synced.map(|()| Durable::synced_up_to(self.appended))
    }

    /// Begins to make durable what was appended, where the medium can do so while more is appended. `true` when it is on its way: then [`Journal::end_sync`]
    /// tells what came of it, and no other is begun before. `false` when everything is durable already.
    ///
    /// # Errors
    /// As [`Journal::sync`]; nothing is on its way then.
    ///
    /// # Panics
    /// When one is on its way.
    pub fn begin_sync(&mut self) -> Result<bool, JournalError<M::Error>> {
        assert!(self.syncing.is_none(), "one sync is on its way at a time");
        if self.lost || self.failed || !self.unsynced || self.beside >= BESIDE_MAX {
            return self.sync().map(|_| false);
        }
        let begun = self.medium.begin_sync();
        self.failed = begun.is_err();
        let begun = begun?;
        self.unsynced = false;
        if begun {
            self.syncing = Some(self.appended);
            self.on_its_way = true;
            self.beside += 1;
        }
        Ok(begun)
    }

    /// What came of the sync that was begun, and how far everything was appended when it was; `None` while it is on its way, and when none is.
    ///
    /// # Errors
    /// As [`Journal::sync`].
    pub fn end_sync(&mut self) -> Option<Result<Durable, JournalError<M::Error>>> {
        let syncing = self.syncing?;
        let ended = if self.on_its_way {
            self.medium.end_sync()?.map_err(JournalError::Medium)
        } else if self.failed {
            // A new sector was to be begun meanwhile, and what was waited for there failed.
            Err(JournalError::NotAppended)
        } else {
            Ok(())
        };
        self.syncing = None;
        self.on_its_way = false;
        self.failed |= ended.is_err();
        Some(ended.map(|()| Durable::synced_up_to(syncing)))
    }

    // From seven places, and mostly a look at three flags: one function.
    #[inline(never)]
    pub(super) fn sync_medium(&mut self) -> Result<(), JournalError<M::Error>> {
        if self.unsynced || self.failed || self.on_its_way {
            let synced = self.medium.sync();
            self.on_its_way = false;
            self.failed = synced.is_err();
            synced?;
            self.unsynced = false;
            self.beside = 0;
        }
        Ok(())
    }
}
