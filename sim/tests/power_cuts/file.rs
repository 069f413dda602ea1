//! The journal in a file, with the faults of a disk and of the system above it.

use std::io;
use std::path::Path;
use std::rc::Rc;

use dhcp_core::rng::Rng;
use dhcp_core::server::Lsn;
use hydrant::medium::disk::Disk;
use hydrant::medium::{FileError, FileMedium};
use lease_store::journal::Journal;
use proptest::prelude::*;
use sim::file::{Faults, SimFile};
use sim::ledger::Ledger;

use crate::trace::{State, Trace, apply, resume};

const SECTOR_LEN: u32 = 1_024;

#[derive(Clone)]
struct Handle {
    file: Rc<SimFile>,
    /// Syncs end when they are asked for, and are on their way until then.
    beside: bool,
}

impl Disk for Handle {
    fn octets(&self) -> io::Result<u64> {
        Ok(self.file.octets())
    }

    fn read_at(&self, octets: &mut [u8], at: u64) -> io::Result<usize> {
        self.file.read_at(octets, at)
    }

    fn write_at(&self, octets: &[u8], at: u64) -> io::Result<usize> {
        self.file.write_at(octets, at)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync()
    }

    fn begin_sync(&self) -> io::Result<bool> {
        if self.beside { Ok(true) } else { self.sync_data().map(|()| false) }
    }

    fn end_sync(&self, _: bool) -> Option<io::Result<()>> {
        Some(self.sync_data())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.file.sync()
    }

    fn sync_entry(&self) -> io::Result<()> {
        self.file.sync_entry()
    }
}

type Store = (Journal<FileMedium<Handle>>, Ledger, State);

fn open(file: &Rc<SimFile>) -> Result<Store, FileError> {
    open_with(file, false)
}

fn open_with(file: &Rc<SimFile>, beside: bool) -> Result<Store, FileError> {
    let handle = Handle { file: Rc::clone(file), beside };
    let medium = FileMedium::with_sectors(handle, Path::new("leases.journal"), SECTOR_LEN)?;
    let mut ledger = Ledger::default();
    let (journal, opened) = Journal::open(medium, &mut ledger).unwrap();
    assert_eq!((opened.octets_lost, opened.sectors_lost), (0, 0), "a power cut is no damage");
    let state = State { lines: ledger.lines.clone(), time: opened.time.unwrap_or_default() };
    Ok((journal, ledger, state))
}

/// Goes on with the trace until `to` or the power is cut; how far it came.
fn run(file: &Rc<SimFile>, trace: &Trace, from: usize, to: usize) -> usize {
    let Ok((mut journal, mut ledger, _)) = open(file) else { return from };
    let mut lsn = Lsn::ZERO;
    for (done, op) in (from..).zip(&trace.ops[from..to]) {
        if apply(&mut journal, &mut ledger, &mut lsn, op).is_err() || journal.sync().is_err() {
            return done;
        }
    }
    to
}

/// Goes through the trace and appends each step while the one before is synced; how many were acknowledged.
fn run_beside(file: &Rc<SimFile>, trace: &Trace) -> usize {
    let Ok((mut journal, mut ledger, _)) = open_with(file, true) else { return 0 };
    let mut lsn = Lsn::ZERO;
    let mut done = 0;
    for (before, op) in trace.ops.iter().enumerate() {
        if apply(&mut journal, &mut ledger, &mut lsn, op).is_err() {
            return done;
        }
        match journal.end_sync() {
            Some(Ok(_)) => done = before,
            Some(Err(_)) => return done,
            None => {}
        }
        match journal.begin_sync() {
            Ok(true) => {}
            Ok(false) => done = before + 1,
            Err(_) => return done,
        }
    }
    if journal.end_sync().is_none_or(|ended| ended.is_ok()) { trace.ops.len() } else { done }
}

#[test]
fn no_cut_harms_a_file_that_is_written_while_it_is_synced() {
    let trace = Trace::new(37, 200, 100, 200);
    let whole = Rc::new(SimFile::new(0));
    assert_eq!(run_beside(&whole, &trace), trace.ops.len());
    assert_eq!(&open(&whole).unwrap().2, trace.states.last().unwrap());
    let mut two_were_lost = false;
    for call in 0..whole.calls() {
        for seed in 0..6 {
            let file = Rc::new(SimFile::new(seed));
            file.set_faults(Faults { cut_after: Some(call), ..Faults::NONE });
            let done = run_beside(&file, &trace);
            file.cut();
            let (_, _, state) = open(&file).unwrap();
            // One step was being synced, and one was appended meanwhile.
            let found = (done..=done + 2).find(|at| trace.states.get(*at) == Some(&state));
            let from =
                found.unwrap_or_else(|| panic!("cut in call {call}, seed {seed}: {done} done"));
            two_were_lost |= from == done && done + 2 < trace.ops.len();
            let to = trace.ops.len().min(from + 3);
            assert_eq!(run(&file, &trace, from, to), to);
            assert_eq!(open(&file).unwrap().2, trace.states[to]);
        }
    }
    assert!(two_were_lost, "cuts came while steps were on their way");
}

#[test]
fn no_cut_in_a_call_harms_a_file() {
    let trace = Trace::new(31, 260, 100, 200);
    let whole = Rc::new(SimFile::new(0));
    assert_eq!(run(&whole, &trace, 0, trace.ops.len()), trace.ops.len());
    assert!(whole.octets() > u64::from(4 * SECTOR_LEN), "the file grew");
    for call in 0..whole.calls() {
        for seed in 0..6 {
            let file = Rc::new(SimFile::new(seed));
            file.set_faults(Faults { cut_after: Some(call), ..Faults::NONE });
            let done = run(&file, &trace, 0, trace.ops.len());
            file.cut();
            // And once more while it is read and goes on.
            let again = Rc::new(file.branch(seed + 1));
            let (_, _, state) = open(&again).unwrap();
            let from = resume(&trace, done, &state);
            let calls = again.calls() + call % 12;
            again.set_faults(Faults { cut_after: Some(calls), ..Faults::NONE });
            let done = run(&again, &trace, from, trace.ops.len());
            again.cut();
            let from = resume(&trace, done, &open(&again).unwrap().2);
            let to = trace.ops.len().min(from + 3);
            assert_eq!(run(&again, &trace, from, to), to);
            assert_eq!(open(&again).unwrap().2, trace.states[to]);
        }
    }
}

/// A client asks again until it is answered, so what fails is tried again; errors end some time.
fn with_errors(seed: u64, beside: bool, faults: Faults) {
    let trace = Trace::new(seed, 600, 40, 60);
    let file = Rc::new(SimFile::new(seed));
    let mut rng = Rng::seeded(seed);
    let mut from = 0;
    while from < trace.ops.len() {
        let (mut journal, mut ledger, state) = open_with(&file, beside).unwrap();
        assert_eq!(state, trace.states[from]);
        let mut lsn = Lsn::ZERO;
        let lives = from + 1 + rng.below(200) as usize;
        let mut in_flight = false;
        while from < trace.ops.len().min(lives) {
            file.set_faults(if rng.below(3) == 0 { Faults::NONE } else { faults });
            in_flight = true;
            let before = ledger.lines.clone();
            if apply(&mut journal, &mut ledger, &mut lsn, &trace.ops[from]).is_err() {
                // Nobody was told, and what was not appended is undone.
                ledger.lines = before;
                let _ = journal.sync();
                continue;
            }
            let mut tries = 0;
            let begun = journal.begin_sync();
            let ended = begun.is_ok_and(|on_its_way| {
                !on_its_way || journal.end_sync().is_some_and(|ended| ended.is_ok())
            });
            while !ended && journal.sync().is_err() {
                tries += 1;
                if tries == 3 {
                    file.set_faults(Faults::NONE);
                }
            }
            in_flight = false;
            from += 1;
        }
        assert!(!in_flight, "every step was acknowledged in the end");
        if rng.below(2) == 0 && from < trace.ops.len() {
            // One more is on its way when the power is cut.
            let _ = apply(&mut journal, &mut ledger, &mut lsn, &trace.ops[from]);
            drop(journal);
            file.cut();
            from = resume(&trace, from, &open(&file).unwrap().2);
        }
        file.cut();
    }
    assert_eq!(open(&file).unwrap().2, trace.states[from]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn errors_of_the_disk_lose_nothing_that_was_acknowledged(
        seed: u64,
        short_percent in 0_u32..60,
        write_error_percent in 0_u32..40,
        sync_error_percent in 0_u32..60,
        full_disk: bool,
        beside: bool,
    ) {
        let octets_max = if full_disk { 8 * SECTOR_LEN as usize } else { usize::MAX };
        with_errors(seed, beside, Faults {
            cut_after: None,
            short_percent,
            write_error_percent,
            sync_error_percent,
            octets_max,
        });
    }
}

#[test]
fn a_journal_grows_again_when_the_disk_has_room_again() {
    let trace = Trace::new(77, 1_500, 200, 250);
    let file = Rc::new(SimFile::new(1));
    let (mut journal, mut ledger, _) = open(&file).unwrap();
    let full = Faults { octets_max: 4 * SECTOR_LEN as usize, ..Faults::NONE };
    file.set_faults(full);
    let mut lsn = Lsn::ZERO;
    let mut refused = 0;
    for op in &trace.ops {
        loop {
            let before = ledger.lines.clone();
            if apply(&mut journal, &mut ledger, &mut lsn, op).is_ok() {
                journal.sync().unwrap();
                break;
            }
            ledger.lines = before;
            journal.sync().unwrap_err();
            refused += 1;
            if refused == 100 {
                file.set_faults(Faults::NONE);
            }
            assert!(refused < 200, "it came back");
        }
    }
    assert!(refused >= 100, "the disk was full");
    assert!(file.octets() > u64::from(4 * SECTOR_LEN));
    drop(journal);
    file.cut();
    assert_eq!(&open(&file).unwrap().2, trace.states.last().unwrap());
}
