//! A NOR flash that keeps its promises and no others: bits are only cleared, a word is programmed once between erases, and a power cut leaves
//! what it likes of the word or sector that it met.

use core::cell::RefCell;
use core::error::Error;
use core::fmt;
use std::rc::Rc;

use dhcp_core::rng::Rng;
use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read,
    check_write,
};

/// An erase takes this many steps, and the power can be cut at each.
pub const ERASE_STEPS: u64 = 4;

/// What a cut leaves of the bits that were to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaves {
    /// All of them as they were.
    Nothing,
    /// All of them changed, though nobody may rely on it.
    Everything,
    /// Any of them changed.
    Some,
}

/// The power was cut, or is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerLost;

impl fmt::Display for PowerLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the power was cut")
    }
}

impl Error for PowerLost {}

impl NorFlashError for PowerLost {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

/// What was done to one sector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wear {
    /// Octets that were programmed.
    pub programmed: u64,
    /// Times that it was erased.
    pub erased: u64,
}

/// The flash, with words of `WORD` and sectors of `SECTOR` octets.
#[derive(Clone, Debug)]
pub struct Nor<const WORD: usize, const SECTOR: usize> {
    octets: Vec<u8>,
    /// Words that must be erased before they are programmed.
    spent: Vec<bool>,
    wear: Vec<Wear>,
    /// Steps until the power is cut.
    fuel: Option<u64>,
    leaves: Leaves,
    off: bool,
    steps: u64,
    rng: Rng,
}

impl<const WORD: usize, const SECTOR: usize> Nor<WORD, SECTOR> {
    /// A flash as it comes from the factory or from another program: nothing in it can be relied on.
    #[must_use]
    pub fn new(sectors: usize, seed: u64) -> Self {
        let mut rng = Rng::seeded(seed);
        let octets = (0..sectors * SECTOR).map(|_| random_octet(&mut rng)).collect();
        Self {
            octets,
            spent: vec![true; sectors * SECTOR / WORD],
            wear: vec![Wear::default(); sectors],
            fuel: None,
            leaves: Leaves::Some,
            off: false,
            steps: 0,
            rng,
        }
    }

    /// The power is cut in the step after `steps` more of them: a word that is programmed, or a part of an erase.
    pub fn cut_after(&mut self, steps: u64, leaves: Leaves) {
        (self.fuel, self.leaves) = (Some(steps), leaves);
    }

    /// The power is on again, and stays on. `true` when it had been cut.
    pub fn power_on(&mut self) -> bool {
        self.fuel = None;
        core::mem::take(&mut self.off)
    }

    /// Steps since the beginning.
    #[must_use]
    pub const fn steps(&self) -> u64 {
        self.steps
    }

    /// What was done to each sector.
    #[must_use]
    pub fn wear(&self) -> &[Wear] {
        &self.wear
    }

    /// What it holds, as a programmer would read it out.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// What it holds, to be damaged as time and radiation do.
    pub fn octets_mut(&mut self) -> &mut [u8] {
        &mut self.octets
    }

    /// One step; `Err` when the power is cut in it.
    fn step(&mut self) -> Result<(), PowerLost> {
        match &mut self.fuel {
            Some(0) => {
                self.off = true;
                Err(PowerLost)
            }
            Some(fuel) => {
                *fuel -= 1;
                self.steps += 1;
                Ok(())
            }
            None => {
                self.steps += 1;
                Ok(())
            }
        }
    }

    /// What a cut makes of an octet that was to become `to`.
    fn torn(&mut self, from: u8, to: u8) -> u8 {
        match self.leaves {
            Leaves::Nothing => from,
            Leaves::Everything => to,
            Leaves::Some => {
                let changed = random_octet(&mut self.rng);
                from & !changed | to & changed
            }
        }
    }

    fn program_word(&mut self, word: usize, octets: &[u8]) -> Result<(), PowerLost> {
        let cut = self.step();
        let spent = self.spent.get_mut(word).expect("it was checked");
        assert!(!core::mem::replace(spent, true), "word {word} is programmed twice");
        for (at, octet) in (word * WORD..).zip(octets) {
            let from = *self.octets.get(at).expect("it was checked");
            let to = if cut.is_ok() { *octet } else { self.torn(from, *octet) };
            *self.octets.get_mut(at).expect("it was checked") = from & to;
        }
        cut?;
        let wear = self.wear.get_mut(word * WORD / SECTOR).expect("it was checked");
        wear.programmed += WORD as u64;
        Ok(())
    }

    fn erase_sector(&mut self, sector: usize) -> Result<(), PowerLost> {
        self.wear.get_mut(sector).expect("it was checked").erased += 1;
        let words = sector * (SECTOR / WORD)..(sector + 1) * (SECTOR / WORD);
        self.spent.get_mut(words.clone()).expect("it was checked").fill(true);
        let cut = (0..ERASE_STEPS).try_for_each(|_| self.step());
        for at in sector * SECTOR..(sector + 1) * SECTOR {
            let from = *self.octets.get(at).expect("it was checked");
            let to = if cut.is_ok() { 0xff } else { self.torn(from, 0xff) };
            *self.octets.get_mut(at).expect("it was checked") = to;
        }
        cut?;
        self.spent.get_mut(words).expect("it was checked").fill(false);
        Ok(())
    }
}

fn random_octet(rng: &mut Rng) -> u8 {
    let [octet, ..] = rng.next_u32().to_le_bytes();
    octet
}

impl<const WORD: usize, const SECTOR: usize> ErrorType for Nor<WORD, SECTOR> {
    type Error = PowerLost;
}

impl<const WORD: usize, const SECTOR: usize> ReadNorFlash for Nor<WORD, SECTOR> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, at: u32, octets: &mut [u8]) -> Result<(), PowerLost> {
        if self.off {
            return Err(PowerLost);
        }
        check_read(self, at, octets.len()).expect("a read is within the flash and aligned");
        let held = self.octets.get(at as usize..).and_then(|rest| rest.get(..octets.len()));
        octets.copy_from_slice(held.expect("it was checked"));
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.octets.len()
    }
}

impl<const WORD: usize, const SECTOR: usize> NorFlash for Nor<WORD, SECTOR> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = SECTOR;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), PowerLost> {
        if self.off {
            return Err(PowerLost);
        }
        check_erase(self, from, to).expect("an erase is within the flash and aligned");
        (from as usize / SECTOR..to as usize / SECTOR)
            .try_for_each(|sector| self.erase_sector(sector))
    }

    fn write(&mut self, at: u32, octets: &[u8]) -> Result<(), PowerLost> {
        if self.off {
            return Err(PowerLost);
        }
        check_write(self, at, octets.len()).expect("a write is within the flash and aligned");
        (at as usize / WORD..)
            .zip(octets.chunks(WORD))
            .try_for_each(|(word, octets)| self.program_word(word, octets))
    }
}

/// A chip with words of 4 octets and sectors of 4 KiB that somebody has soldered in, and of which the world holds the power line.
#[derive(Clone, Debug)]
pub struct Chip(Rc<RefCell<Nor<4, 4096>>>);

impl Chip {
    /// As it comes from the factory.
    #[must_use]
    pub fn new(sectors: usize, seed: u64) -> Self {
        Self(Rc::new(RefCell::new(Nor::new(sectors, seed))))
    }

    /// See [`Nor::cut_after`].
    pub fn cut_after(&self, steps: u64, leaves: Leaves) {
        self.0.borrow_mut().cut_after(steps, leaves);
    }

    /// See [`Nor::power_on`].
    pub fn power_on(&self) -> bool {
        self.0.borrow_mut().power_on()
    }

    /// Whether the power was cut.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.0.borrow().off
    }

    /// What it is like now.
    #[must_use]
    pub fn copy(&self) -> Nor<4, 4096> {
        self.0.borrow().clone()
    }

    /// Makes it what it was like.
    pub fn restore(&self, copy: Nor<4, 4096>) {
        *self.0.borrow_mut() = copy;
    }
}

impl ErrorType for Chip {
    type Error = PowerLost;
}

impl ReadNorFlash for Chip {
    const READ_SIZE: usize = 4;

    fn read(&mut self, at: u32, octets: &mut [u8]) -> Result<(), PowerLost> {
        self.0.borrow_mut().read(at, octets)
    }

    fn capacity(&self) -> usize {
        self.0.borrow().capacity()
    }
}

impl NorFlash for Chip {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 4_096;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), PowerLost> {
        self.0.borrow_mut().erase(from, to)
    }

    fn write(&mut self, at: u32, octets: &[u8]) -> Result<(), PowerLost> {
        self.0.borrow_mut().write(at, octets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_word_has_some_of_its_bits_and_is_spent() {
        let mut nor = Nor::<4, 512>::new(2, 7);
        nor.erase(0, 512).unwrap();
        nor.cut_after(1, Leaves::Some);
        assert_eq!(nor.write(0, &[0, 1, 2, 3, 0, 0, 0, 0]), Err(PowerLost));
        assert_eq!(nor.read(0, &mut [0; 4]), Err(PowerLost));
        assert!(nor.power_on());
        assert_eq!(nor.octets()[..4], [0, 1, 2, 3]);
        assert_ne!(nor.octets()[4..8], [0; 4]);
        assert_ne!(nor.octets()[4..8], [0xff; 4]);
        assert_eq!(nor.octets()[8..12], [0xff; 4]);
        assert_eq!(nor.wear()[0], Wear { programmed: 4, erased: 1 });
    }

    #[test]
    #[should_panic(expected = "word 0 is programmed twice")]
    fn a_word_is_spent_even_when_a_cut_left_it_as_it_was() {
        let mut nor = Nor::<1, 512>::new(2, 7);
        nor.erase(0, 512).unwrap();
        nor.cut_after(0, Leaves::Nothing);
        assert_eq!(nor.write(0, &[0]), Err(PowerLost));
        nor.power_on();
        assert_eq!(nor.octets()[0], 0xff);
        let _ = nor.write(0, &[0]);
    }

    #[test]
    #[should_panic(expected = "programmed twice")]
    fn a_sector_that_was_not_erased_to_the_end_is_spent() {
        let mut nor = Nor::<8, 512>::new(2, 7);
        nor.cut_after(3, Leaves::Everything);
        assert_eq!(nor.erase(512, 1_024), Err(PowerLost));
        nor.power_on();
        let _ = nor.write(512, &[0; 8]);
    }
}
