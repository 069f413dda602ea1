//! How fast does a flash wear out under a server's journal? A server's book, a journal and renewals at random, counted.

use core::fmt;

use dhcp_core::rng::Rng;
use dhcp_core::server::Lsn;
use dhcp_core::time::Timestamp;
use lease_store::journal::Journal;
use lease_store::medium::NorMedium;

use crate::book::{Terms, book, grant};
use crate::nor::{Nor, Wear};

/// Octets in a sector.
pub const SECTOR_LEN: usize = 4_096;

/// Erases that a sector of a NOR flash is good for.
const ERASES_MAX: f64 = 100_000.0;

const LEASE_SECS: u32 = 3_600;
const SECS_PER_YEAR: f64 = 365.25 * 86_400.0;

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Clients, each with a lease of an hour that it renews after half of it.
    pub leases: u16,
    /// Sectors of 4 KiB.
    pub sectors: usize,
    /// Renewals that are counted.
    pub renewals: u32,
    /// How far beyond its end a lease is promised, in seconds.
    pub slack_secs: u32,
}

/// What it came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was tried.
    pub load: Load,
    /// Octets in a word.
    pub word_len: usize,
    /// Renewals that needed a record, and so a sync.
    pub recorded: u32,
    /// What was done to each sector while renewals were counted.
    pub wear: Vec<Wear>,
    /// How often each sector was erased, from the first lease on.
    pub erased: Vec<u64>,
    /// How long the renewals took on the clock of the leases, in seconds.
    pub secs: u32,
}

impl Report {
    /// Octets that were programmed for one renewal, in the mean.
    #[must_use]
    pub fn octets_per_renewal(&self) -> f64 {
        per(self.wear.iter().map(|wear| wear.programmed).sum(), self.load.renewals)
    }

    /// Erases for 1,000 renewals, in the mean.
    #[must_use]
    pub fn erases_per_1000(&self) -> f64 {
        1_000.0 * per(self.wear.iter().map(|wear| wear.erased).sum(), self.load.renewals)
    }

    /// By how many erases the most worn sector is ahead of the least worn.
    #[must_use]
    pub fn unevenness(&self) -> u64 {
        let (most, least) = (self.erased.iter().max(), self.erased.iter().min());
        most.zip(least).map_or(0, |(most, least)| most - least)
    }

    /// Years until a sector is worn out at this rate.
    #[must_use]
    pub fn years(&self) -> f64 {
        let erases = self.erases_per_1000() / 1_000.0 * f64::from(self.load.renewals);
        let sectors = self.erased.len() as f64;
        f64::from(self.secs) / SECS_PER_YEAR * ERASES_MAX * sectors / erases.max(f64::MIN_POSITIVE)
    }
}

fn per(sum: u64, renewals: u32) -> f64 {
    sum as f64 / f64::from(renewals)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>6} {:>7} {:>4} {:>8} {:>8} {:>14.2} {:>13.2} {:>10} {:>8.0}",
            self.load.leases,
            self.load.sectors,
            self.word_len,
            self.load.slack_secs,
            self.recorded,
            self.octets_per_renewal(),
            self.erases_per_1000(),
            self.unevenness(),
            self.years(),
        )
    }
}

/// The heading over reports.
pub const HEADING: &str =
    "leases sectors word  slack s  records octets/renewal erases/1,000 uneven by    years";

/// Gives every client a lease, and counts what renewals at random cost then, with idle time after each.
///
/// # Panics
/// When the journal fails, which it does not as long as there is room for the leases.
#[must_use]
pub fn measure<const WORD: usize>(load: Load) -> Report {
    let mut rng = Rng::seeded(7);
    let mut book = book::<u16>(u32::from(load.leases));
    let medium = NorMedium::new(Nor::<WORD, SECTOR_LEN>::new(load.sectors, 7));
    let (mut journal, _) = Journal::open(medium, &mut book).expect("a new flash is no error");
    let mut lsn = Lsn::ZERO;
    let mut renew = |client: u16, now: Timestamp| {
        let before = lsn;
        let terms = Terms { lease_secs: LEASE_SECS, slack_secs: load.slack_secs };
        grant(&mut book, u32::from(client), now, terms, |book, change| {
            lsn = lsn.next();
            journal.append(lsn, change, book).expect("there is room");
            assert_eq!(journal.sync().expect("a flash is always synced").lsn(), lsn);
        });
        journal.tidy(&mut book).expect("a flash that works");
        (lsn > before, journal.medium().flash().wear().to_vec())
    };
    let first = Timestamp::from_secs(1_000_000);
    let mut before = Vec::new();
    for client in 0..load.leases {
        (_, before) = renew(client, first);
    }
    let mut after = before.clone();
    let mut recorded = 0;
    let mut millis = 0_u64;
    let mut now = first;
    let mut round = Vec::new();
    for _ in 0..load.renewals {
        millis += u64::from(LEASE_SECS) * 500 / u64::from(load.leases);
        now = first.plus_secs(u32::try_from(millis / 1_000).unwrap_or(u32::MAX));
        let client = next(&mut round, load.leases, &mut rng);
        let (record, wear) = renew(client, now);
        recorded += u32::from(record);
        after = wear;
    }
    let pairs = before.iter().zip(&after);
    Report {
        load,
        word_len: WORD,
        recorded,
        wear: pairs
            .map(|(before, after)| Wear {
                programmed: after.programmed - before.programmed,
                erased: after.erased - before.erased,
            })
            .collect(),
        erased: after.iter().map(|wear| wear.erased).collect(),
        secs: now.as_secs() - first.as_secs(),
    }
}

/// Every client once in each half of a lease, in an order that is another each time.
fn next(round: &mut Vec<u16>, leases: u16, rng: &mut Rng) -> u16 {
    if round.is_empty() {
        round.extend(0..leases);
    }
    let len = u32::try_from(round.len()).expect("it is at most a u16");
    round.swap_remove(rng.below(len) as usize)
}

/// What a load costs with each word size.
#[must_use]
pub fn measure_all(load: Load) -> [Report; 4] {
    [measure::<1>(load), measure::<4>(load), measure::<8>(load), measure::<32>(load)]
}
