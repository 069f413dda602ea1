//! A file on Linux with all that can go wrong with one: short writes, errors, a full disk, and a power cut that keeps what it likes of
//! what was not synced.

use core::cell::RefCell;
use std::collections::BTreeSet;
use std::io;

use dhcp_core::rng::Rng;

/// The disk writes this many octets at once, whole or, in a power cut, torn.
const BLOCK_LEN: usize = 512;

/// A file and its entry in a directory.
#[derive(Debug)]
pub struct SimFile(RefCell<State>);

#[derive(Clone, Debug)]
struct State {
    /// What is read: the page cache.
    cached: Vec<u8>,
    /// What is on the disk.
    stored: Vec<u8>,
    /// Blocks that the kernel still has to write.
    dirty: BTreeSet<usize>,
    entry_stored: bool,
    faults: Faults,
    calls: u64,
    off: bool,
    rng: Rng,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// The power is cut in the call after so many that write or sync.
    pub cut_after: Option<u64>,
    /// Of 100 writes, so many write less than they should.
    pub short_percent: u32,
    /// Of 100 writes, so many fail.
    pub write_error_percent: u32,
    /// Of 100 syncs, so many fail. After that the kernel takes all for written, though some of it is not, and may have dropped it.
    pub sync_error_percent: u32,
    /// The file gets no longer than this.
    pub octets_max: usize,
}

impl Faults {
    /// None.
    pub const NONE: Self = Self {
        cut_after: None,
        short_percent: 0,
        write_error_percent: 0,
        sync_error_percent: 0,
        octets_max: usize::MAX,
    };
}

impl SimFile {
    /// A file that was just made: empty, and not known to the directory after a power cut.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(RefCell::new(State {
            cached: Vec::new(),
            stored: Vec::new(),
            dirty: BTreeSet::new(),
            entry_stored: false,
            faults: Faults::NONE,
            calls: 0,
            off: false,
            rng: Rng::seeded(seed),
        }))
    }

    /// The same file with the same past, and another future.
    #[must_use]
    pub fn branch(&self, seed: u64) -> Self {
        let state = self.0.borrow().clone();
        Self(RefCell::new(State { rng: Rng::seeded(seed), ..state }))
    }

    /// What goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        self.0.borrow_mut().faults = faults;
    }

    /// Calls so far that write or sync.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.0.borrow().calls
    }

    /// The power is cut now, if it was not before, and is on again: what was not synced is there or not, block by block, or torn.
    pub fn cut(&self) {
        let state = &mut *self.0.borrow_mut();
        state.faults = Faults::NONE;
        state.off = false;
        if !state.entry_stored && state.rng.below(2) == 0 {
            state.stored.clear();
            state.dirty.clear();
        } else {
            if state.rng.below(2) == 0 {
                state.stored.resize(state.cached.len(), 0);
            }
            for block in core::mem::take(&mut state.dirty) {
                match state.rng.below(3) {
                    0 => {}
                    1 => state.store(block),
                    _ => state.tear(block),
                }
            }
        }
        state.entry_stored = true;
        state.cached = state.stored.clone();
    }

    /// Octets in it.
    #[must_use]
    pub fn octets(&self) -> u64 {
        self.0.borrow().cached.len() as u64
    }

    /// `pread`.
    ///
    /// # Errors
    /// When the power is off.
    pub fn read_at(&self, octets: &mut [u8], at: u64) -> io::Result<usize> {
        let state = self.0.borrow();
        if state.off {
            return Err(power_lost());
        }
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let held = state.cached.get(at..).unwrap_or(&[]);
        let len = held.len().min(octets.len());
        octets.iter_mut().zip(held).for_each(|(to, from)| *to = *from);
        Ok(len)
    }

    /// `pwrite`.
    ///
    /// # Errors
    /// By chance, when the disk is full, and when the power is cut in it; then any of it may be written.
    pub fn write_at(&self, octets: &[u8], at: u64) -> io::Result<usize> {
        let state = &mut *self.0.borrow_mut();
        let cut = state.call();
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        if state.chance(state.faults.write_error_percent) {
            return Err(io::Error::other("input/output error"));
        }
        let room = state.faults.octets_max.saturating_sub(at);
        let mut len = octets.len().min(room);
        if len == 0 && !octets.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if cut.is_err() || state.chance(state.faults.short_percent) {
            len = 1 + state.rng.below(u32::try_from(len).unwrap_or(u32::MAX)) as usize;
        }
        len = len.min(octets.len());
        let end = at + len;
        if state.cached.len() < end {
            state.cached.resize(end, 0);
        }
        let cached = state.cached.get_mut(at..end).expect("it is long enough");
        cached.copy_from_slice(octets.get(..len).expect("it is no longer"));
        state.dirty.extend(at / BLOCK_LEN..end.div_ceil(BLOCK_LEN));
        cut?;
        Ok(len)
    }

    /// `ftruncate`.
    ///
    /// # Errors
    /// When the power is cut in it.
    pub fn set_len(&self, len: u64) -> io::Result<()> {
        let state = &mut *self.0.borrow_mut();
        state.call()?;
        state.cached.resize(usize::try_from(len).unwrap_or(usize::MAX), 0);
        Ok(())
    }

    /// `fdatasync` or `fsync`; a longer file is as durable after either.
    ///
    /// # Errors
    /// By chance, and when the power is cut in it.
    pub fn sync(&self) -> io::Result<()> {
        let state = &mut *self.0.borrow_mut();
        state.call()?;
        if state.chance(state.faults.sync_error_percent) {
            state.stored.resize(state.cached.len(), 0);
            for block in core::mem::take(&mut state.dirty) {
                match state.rng.below(3) {
                    0 => state.store(block),
                    1 => {}
                    // The page was dropped, and is read from the disk again.
                    _ => state.copy(block, false),
                }
            }
            return Err(io::Error::other("input/output error"));
        }
        state.stored.resize(state.cached.len(), 0);
        for block in core::mem::take(&mut state.dirty) {
            state.store(block);
        }
        Ok(())
    }

    /// `fsync` of the directory.
    ///
    /// # Errors
    /// When the power is cut in it.
    pub fn sync_entry(&self) -> io::Result<()> {
        let state = &mut *self.0.borrow_mut();
        state.call()?;
        state.entry_stored = true;
        Ok(())
    }
}

fn power_lost() -> io::Error {
    io::Error::other("the power was cut")
}

impl State {
    fn call(&mut self) -> io::Result<()> {
        if self.off {
            return Err(power_lost());
        }
        if self.faults.cut_after == Some(self.calls) {
            self.off = true;
            return Err(power_lost());
        }
        self.calls += 1;
        Ok(())
    }

    fn chance(&mut self, percent: u32) -> bool {
        percent > 0 && self.rng.below(100) < percent
    }

    fn store(&mut self, block: usize) {
        self.copy(block, true);
    }

    /// Copies a block to the disk or from it.
    fn copy(&mut self, block: usize, store: bool) {
        let from = block * BLOCK_LEN;
        let to = (from + BLOCK_LEN).min(self.cached.len()).min(self.stored.len());
        let (cached, stored) = (self.cached.get_mut(from..to), self.stored.get_mut(from..to));
        if let (Some(cached), Some(stored)) = (cached, stored) {
            let (source, target) = if store { (cached, stored) } else { (stored, cached) };
            target.copy_from_slice(source);
        }
    }

    /// The disk lost power while it wrote the block: a part of it is new.
    fn tear(&mut self, block: usize) {
        let from = block * BLOCK_LEN;
        let middle = from + self.rng.below(512) as usize;
        let new = if self.rng.below(2) == 0 { from..middle } else { middle..from + BLOCK_LEN };
        for at in new {
            if let (Some(stored), Some(cached)) = (self.stored.get_mut(at), self.cached.get(at)) {
                *stored = *cached;
            }
        }
    }
}
