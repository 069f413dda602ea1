//! Which sector is which? Found by reading their headers, so that no memory is needed for each.

use crate::journal::page::{Header, Layout, Page};
use crate::journal::walk::{Beginning, Window, beginning};
use crate::medium::Medium;

/// The sectors whose numbers are from `oldest` to `newest`, except one that was never finished, hold the journal; all others are free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ring {
    pub(super) oldest: u32,
    /// 0 when no sector counts; numbers begin with 1.
    pub(super) newest: u32,
    /// A sector with a number that does not count.
    pub(super) spare: Option<u32>,
}

impl Ring {
    /// The sector with the lowest number from `seq` on; `guess` is where it is most likely.
    pub(super) fn first_from<M: Medium>(
        &self,
        medium: &mut M,
        seq: u32,
        guess: u32,
    ) -> Result<Option<Page>, M::Error> {
        if seq > self.newest {
            return Ok(None);
        }
        let sectors = Layout::of(medium).geometry.sectors;
        let guess = guess % sectors;
        if Some(guess) != self.spare && Layout::read_header(medium, guess)? == Header::Sector(seq) {
            return Ok(Some(Page { sector: guess, seq }));
        }
        let mut first: Option<Page> = None;
        for sector in 0..sectors {
            if let Some(page) = self.used(medium, sector)?
                && page.seq >= seq
                && first.is_none_or(|first| page.seq < first.seq)
            {
                first = Some(page);
            }
        }
        Ok(first)
    }

    /// The sector behind `page`, and up to where the records of `page` were durable for certain: as that sector says, or up to `newest_end`
    /// when there is none.
    pub(super) fn after<M: Medium>(
        &self,
        medium: &mut M,
        window: &mut Window,
        page: Page,
        newest_end: u32,
    ) -> Result<(Option<Page>, u32), M::Error> {
        let next = self.first_from(medium, page.seq + 1, page.sector + 1)?;
        let known_end = match next {
            None => newest_end,
            Some(next) if next.seq == page.seq + 1 => match beginning(medium, window, next)? {
                Beginning::Said(begin) => {
                    begin.previous_end.min(Layout::of(medium).geometry.sector_len)
                }
                Beginning::Damaged | Beginning::Unsaid { .. } => 0,
            },
            Some(_) => 0,
        };
        Ok((next, known_end))
    }

    /// The sector with its number, if it holds a part of the journal.
    fn used<M: Medium>(&self, medium: &mut M, sector: u32) -> Result<Option<Page>, M::Error> {
        if Some(sector) == self.spare {
            return Ok(None);
        }
        Ok(match Layout::read_header(medium, sector)? {
            Header::Sector(seq) if (self.oldest..=self.newest).contains(&seq) => {
                Some(Page { sector, seq })
            }
            Header::Sector(_) | Header::None | Header::Version(_) | Header::Sizes { .. } => None,
        })
    }

    /// A free sector, and whether there is another. The one that was never finished goes first, so that there is never a second one;
    /// else it is the next one behind `head`, which wears all of them alike.
    pub(super) fn free<M: Medium>(
        &self,
        medium: &mut M,
        head: u32,
    ) -> Result<Option<(u32, bool)>, M::Error> {
        let sectors = Layout::of(medium).geometry.sectors;
        let mut found = self.spare;
        for offset in 1..=sectors {
            let sector = (head % sectors + offset) % sectors;
            if Some(sector) == self.spare || self.used(medium, sector)?.is_some() {
                continue;
            }
            match found {
                Some(first) => return Ok(Some((first, true))),
                None => found = Some(sector),
            }
        }
        Ok(found.map(|first| (first, false)))
    }
}
