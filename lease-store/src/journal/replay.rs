//! What does the medium say, after a power cut, damage or nothing at all? Every record that counts, oldest first, and what was lost.

use core::error::Error;
use core::fmt;

use dhcp_core::time::Timestamp;

use crate::journal::Head;
use crate::journal::page::{BEGIN_LEN, Header, Layout, Page};
use crate::journal::ring::Ring;
use crate::journal::walk::{Beginning, Walked, Window, beginning, walk};
use crate::medium::Medium;
use crate::record::{Begin, Decoded, Record};

/// Damaged places that are named one by one.
pub const DAMAGE_MAX: usize = 4;

/// What was found on a medium.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Opened {
    /// Records that were read.
    pub records: u32,
    /// Sectors that they were in; none on a new medium.
    pub sectors: u32,
    /// The latest time that was recorded.
    pub time: Option<Timestamp>,
    /// Octet of the medium where a record begins that was not finished when the power was cut. Nobody was told of it.
    pub torn_at: Option<u32>,
    /// The first places that are damaged: what was there was durable once.
    pub damage: [Option<Damage>; DAMAGE_MAX],
    /// Octets of records that are lost to damage, in all places.
    pub octets_lost: u32,
    /// Sectors that are missing: their headers are damaged, and all that was in them is lost.
    pub sectors_lost: u32,
}

/// A damaged place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Damage {
    /// The sector.
    pub sector: u32,
    /// The octet of the medium where it begins.
    pub at: u32,
    /// Octets of records that are lost in this sector.
    pub octets_lost: u32,
}

/// Why a medium cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum OpenError<E> {
    /// The medium failed.
    Medium(E),
    /// A journal needs two sectors at least.
    TooSmall {
        /// Sectors that there are.
        sectors: u32,
    },
    /// The journal was written by another version. It is left as it is.
    Version {
        /// The version that wrote it.
        found: u8,
        /// The version that is known here.
        known: u8,
    },
    /// The journal was written on a medium of other sizes. It is left as it is.
    Sizes {
        /// Octets in a word then.
        word_len: u32,
        /// Octets in a sector then.
        sector_len: u32,
    },
}

impl<E: fmt::Display> fmt::Display for OpenError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Medium(_) => f.write_str("the journal cannot be read"),
            Self::TooSmall { sectors } => {
                write!(f, "a journal needs at least 2 sectors, and there are {sectors}")
            }
            Self::Version { found, known } => write!(
                f,
                "the journal has version {found} of the format and this program knows version {known} only; \
                 it was left as it is: use the program that wrote it, or move it away to begin a new one"
            ),
            Self::Sizes { word_len, sector_len } => write!(
                f,
                "the journal was written with words of {word_len} and sectors of {sector_len} octets, \
                 which are not those of this medium; it was left as it is"
            ),
        }
    }
}

impl<E: Error + 'static> Error for OpenError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Medium(error) => Some(error),
            Self::TooSmall { .. } | Self::Version { .. } | Self::Sizes { .. } => None,
        }
    }
}

impl<E> From<E> for OpenError<E> {
    fn from(error: E) -> Self {
        Self::Medium(error)
    }
}

/// Where the journal stands after it was read.
pub(super) struct Found {
    pub(super) ring: Ring,
    /// The newest sector, and where its records end.
    pub(super) newest: Head,
}

/// Shows every record that counts to `visit`, oldest first, in batches of one sector, and notes in `opened` what was found.
pub(super) fn replay<M: Medium>(
    medium: &mut M,
    opened: &mut Opened,
    mut visit: impl FnMut(Layout, Page, &[(u32, Decoded<'_>)]),
) -> Result<Found, OpenError<M::Error>> {
    let layout = Layout::of(medium);
    let geometry = layout.geometry;
    if geometry.sectors < 2 {
        return Err(OpenError::TooSmall { sectors: geometry.sectors });
    }
    layout.check();
    let mut window = Window::new();
    let mut ring = Ring { oldest: 0, newest: survey(medium)?, spare: None };
    // Where its records end is not known yet: up to where they were durable, whatever stands there.
    let mut newest = Head::NONE;
    // What an older one says of the oldest is never too late: the oldest only moves on.
    while let Some(page) = last(medium, &ring)? {
        let begun = beginning(medium, &mut window, page)?;
        let counted = counts(medium, &mut window, &ring, page, begun)?;
        // One sector at a time is begun, and only behind one that counts: of a second one the record that says so is damaged.
        if counted || ring.spare.is_some() {
            let said = if counted { 0 } else { BEGIN_LEN.next_multiple_of(layout.unit()) };
            newest = Head { page, at: layout.header_len() + said };
            ring.newest = page.seq;
            ring.oldest = oldest(medium, &mut window, &ring, page, begun)?;
            break;
        }
        ring.spare = Some(page.sector);
        ring.newest = page.seq.saturating_sub(1);
    }
    let mut next = ring.first_from(medium, ring.oldest, 0)?;
    if let Some(first) = next
        && ring.oldest > 0
    {
        opened.sectors_lost = first.seq - ring.oldest;
    }
    while let Some(page) = next {
        let known_end;
        (next, known_end) = ring.after(medium, &mut window, page, newest.at)?;
        if let Some(after) = next {
            opened.sectors_lost += after.seq - page.seq - 1;
        }
        let mut time = opened.time;
        let mut records = 0;
        let walked = walk(medium, &mut window, page, known_end, &mut |_, batch| {
            for (_, decoded) in batch {
                match decoded.record {
                    Record::Change(_) => records += 1,
                    Record::Time(seen) | Record::Begin(Begin { time: seen, .. }) => {
                        time = Some(time.map_or(seen, |time| time.max(seen)));
                    }
                    Record::Skip => {}
                }
            }
            visit(layout, page, batch);
            Ok(())
        })?;
        opened.time = time.filter(|time| *time > Timestamp::from_secs(0));
        opened.records = opened.records.saturating_add(records);
        opened.sectors += 1;
        report(opened, layout, page, next.is_none(), &walked);
        if next.is_none() {
            newest = Head { page, at: walked.end };
        }
    }
    opened.sectors_lost = opened.sectors_lost.min(geometry.sectors);
    Ok(Found { ring, newest })
}

fn report(opened: &mut Opened, layout: Layout, page: Page, newest: bool, walked: &Walked) {
    let base = layout.base(page.sector);
    if newest {
        opened.torn_at = walked.torn.map(|at| base + at);
    }
    opened.octets_lost = opened.octets_lost.saturating_add(walked.lost);
    let free = opened.damage.iter_mut().find(|damage| damage.is_none());
    if let (Some(at), Some(free)) = (walked.damaged, free) {
        *free = Some(Damage { sector: page.sector, at: base + at, octets_lost: walked.lost });
    }
}

/// The highest number of a sector, whether it counts or not; 0 without any.
fn survey<M: Medium>(medium: &mut M) -> Result<u32, OpenError<M::Error>> {
    let mut newest = 0;
    for sector in 0..Layout::of(medium).geometry.sectors {
        match Layout::read_header(medium, sector)? {
            Header::None => {}
            Header::Sector(seq) => newest = newest.max(seq),
            Header::Version(found) => {
                return Err(OpenError::Version { found, known: super::page::VERSION });
            }
            Header::Sizes { word_len, sector_len } => {
                return Err(OpenError::Sizes { word_len, sector_len });
            }
        }
    }
    Ok(newest)
}

/// The sector with the highest number up to `ring.newest`.
fn last<M: Medium>(medium: &mut M, ring: &Ring) -> Result<Option<Page>, M::Error> {
    let mut last: Option<Page> = None;
    for sector in 0..Layout::of(medium).geometry.sectors {
        if let Header::Sector(seq) = Layout::read_header(medium, sector)?
            && seq <= ring.newest
            && last.is_none_or(|last| seq > last.seq)
        {
            last = Some(Page { sector, seq });
        }
    }
    Ok(last)
}

/// Whether the newest sector counts.
///
/// While one is begun and records are taken over from the oldest, no other is free: when one is, it was finished, and the record that says
/// so is damaged.
fn counts<M: Medium>(
    medium: &mut M,
    window: &mut Window,
    ring: &Ring,
    page: Page,
    begun: Beginning,
) -> Result<bool, M::Error> {
    match begun {
        Beginning::Said(_) | Beginning::Damaged => Ok(true),
        Beginning::Unsaid { records: false } => Ok(false),
        Beginning::Unsaid { records: true } => {
            let mut before = Ring { newest: page.seq - 1, spare: Some(page.sector), ..*ring };
            if let Some(previous) = last(medium, &before)? {
                let begun = beginning(medium, window, previous)?;
                before.oldest = oldest(medium, window, &before, previous, begun)?;
            }
            Ok(before.free(medium, page.sector)?.is_some_and(|(_, another)| another))
        }
    }
}

/// The number of the oldest sector that is needed, as the newest says, or else the one before it.
fn oldest<M: Medium>(
    medium: &mut M,
    window: &mut Window,
    ring: &Ring,
    page: Page,
    begun: Beginning,
) -> Result<u32, M::Error> {
    if let Beginning::Said(begin) = begun {
        return Ok(begin.oldest.min(page.seq));
    }
    let before = Ring { newest: page.seq.saturating_sub(1), ..*ring };
    let Some(previous) = last(medium, &before)? else { return Ok(page.seq) };
    match beginning(medium, window, previous)? {
        Beginning::Said(begin) => Ok(begin.oldest.min(previous.seq)),
        Beginning::Damaged | Beginning::Unsaid { .. } => Ok(0),
    }
}
