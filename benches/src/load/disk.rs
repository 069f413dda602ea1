//! What does a sync cost without a server? A record's worth of octets is written into a file that is there already, and synced, again and again,
//! with pauses if a server would make them: many a disk takes longer when it had nothing to do before.

use core::hint;
use core::time::Duration;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Instant;

use hdrhistogram::Histogram;

use super::{LATENCY_NANOS_MAX, Latency};

/// Octets of the file: some sectors of a journal.
const FILE_LEN: usize = 512 * 1024;

/// Octets that are written before each sync, as long as a lease's record.
const RECORD_LEN: usize = 96;

/// How long it is tried.
const TIME: Duration = Duration::from_millis(500);

/// How long a write and its fdatasync take in a file of this directory, which is gone afterwards. Before each of them this process works for `pause`.
///
/// # Errors
/// Those of the system.
pub(super) fn bare_sync(directory: &Path, pause: Duration) -> io::Result<Latency> {
    let path = directory.join("bare-sync");
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).open(&path)?;
    let latency = (|| {
        file.write_all_at(&[0xff; FILE_LEN], 0)?;
        file.sync_all()?;
        let bounds = Histogram::<u64>::new_with_bounds(1, LATENCY_NANOS_MAX, 3);
        let mut nanos = bounds.map_err(io::Error::other)?;
        let begin = Instant::now();
        for at in (0..FILE_LEN - RECORD_LEN).step_by(RECORD_LEN).cycle() {
            let paused = Instant::now();
            while paused.elapsed() < pause {
                hint::spin_loop();
            }
            let begun = Instant::now();
            file.write_all_at(&[0x5a; RECORD_LEN], at as u64)?;
            file.sync_data()?;
            nanos.saturating_record(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX));
            if begin.elapsed() > TIME {
                break;
            }
        }
        Ok(Latency::of(&nanos))
    })();
    std::fs::remove_file(path)?;
    latency
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_takes_time_and_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let latency = bare_sync(directory.path(), Duration::from_micros(50)).unwrap();
        // Two system calls at least, whatever the disk.
        assert!(latency.p50 > 0.1 && latency.p50 <= latency.max, "{latency:?}");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        assert!(bare_sync(&directory.path().join("nowhere"), Duration::ZERO).is_err());
    }
}
