//! Which address did nobody ever have? A bitmap with a bit for each slot, and over each 64 words a word that says which of them have one.
//!
//! Setting, clearing and finding the next set bit touch one word a level: O(log64 n). Addresses that somebody had are in the lists of
//! `list.rs`, least recently used first.

/// Bits in a word, and words under a word.
const FANOUT: usize = 64;

// As `no_slot` in `table.rs`.
#[cold]
#[inline(never)]
fn no_word() -> ! {
    panic!("the words were counted for the slots")
}

/// How many words a bitmap of `bits` bits needs, all levels together.
#[must_use]
pub(crate) const fn words_for(bits: usize) -> usize {
    let mut len = bits.div_ceil(FANOUT);
    let mut words = len;
    while len > 1 {
        len = len.div_ceil(FANOUT);
        words += len;
    }
    words
}

/// The words of one level: where they begin and how many they are.
#[derive(Clone, Copy)]
struct Level {
    begin: usize,
    len: usize,
}

impl Level {
    /// That of a bitmap of `bits` bits, where each is one of them.
    const fn lowest(bits: usize) -> Self {
        Self { begin: 0, len: bits.div_ceil(FANOUT) }
    }

    /// The one above, if this one has more than a word.
    #[inline]
    const fn above(self) -> Option<Self> {
        let Self { begin, len } = self;
        if len > 1 { Some(Self { begin: begin + len, len: len.div_ceil(FANOUT) }) } else { None }
    }
}

/// The bit of a position in its word.
pub(super) const fn bit(position: usize) -> u64 {
    if cfg!(target_pointer_width = "64") {
        return 1 << (position % FANOUT);
    }
    // By halves: a microcontroller has no instruction that shifts 64 bits, and asks a function.
    let half = 1_u32 << (position % 32);
    if position % FANOUT < 32 { half as u64 } else { (half as u64) << 32 }
}

/// Sets a bit.
pub(super) fn set(words: &mut [u64], bits: usize, mut position: usize) {
    let mut level = Some(Level::lowest(bits));
    while let Some(Level { begin, .. }) = level {
        let word = words.get_mut(begin + position / FANOUT).unwrap_or_else(|| no_word());
        let known = *word != 0;
        *word |= bit(position);
        if known {
            return;
        }
        position /= FANOUT;
        level = level.and_then(Level::above);
    }
}

/// Clears a bit.
pub(super) fn clear(words: &mut [u64], bits: usize, mut position: usize) {
    let mut level = Some(Level::lowest(bits));
    while let Some(Level { begin, .. }) = level {
        let word = words.get_mut(begin + position / FANOUT).unwrap_or_else(|| no_word());
        *word &= !bit(position);
        if *word != 0 {
            return;
        }
        position /= FANOUT;
        level = level.and_then(Level::above);
    }
}

/// Whether a bit is set.
pub(super) fn contains(words: &[u64], position: usize) -> bool {
    words.get(position / FANOUT).unwrap_or_else(|| no_word()) & bit(position) != 0
}

/// The lowest bit that is set at `from` or above.
pub(super) fn next(words: &[u64], bits: usize, from: usize) -> Option<usize> {
    let mut level = Level::lowest(bits);
    let mut height = 0;
    let mut position = from;
    let mut room = bits;
    loop {
        if position >= room {
            return None;
        }
        let word = words.get(level.begin + position / FANOUT).unwrap_or_else(|| no_word());
        let above = word & !(bit(position) - 1);
        if above != 0 {
            position = position / FANOUT * FANOUT + above.trailing_zeros() as usize;
            break;
        }
        position = position / FANOUT + 1;
        room = level.len;
        level = level.above()?;
        height += 1;
    }
    // Down again: most pools have one level or two, so that where the lower ones begin is counted up and not kept.
    for below in (0..height).rev() {
        let mut level = Level::lowest(bits);
        for _ in 0..below {
            level = level.above().unwrap_or_else(|| no_word());
        }
        let word = words.get(level.begin + position).unwrap_or_else(|| no_word());
        position = position * FANOUT + word.trailing_zeros() as usize;
    }
    Some(position)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::collections::BTreeSet;
    use std::vec;

    use dhcp_core::rng::Rng;

    use super::*;

    #[test]
    fn words_are_counted_for_all_levels() {
        assert_eq!([0, 1, 64, 65, 4_096, 4_097].map(words_for), [0, 1, 1, 3, 65, 68]);
    }

    #[test]
    fn it_finds_what_a_set_finds() {
        for bits in [1, 63, 64, 65, 128, 4_095, 4_096, 4_097, 300_000] {
            let mut words = vec![0; words_for(bits)];
            let mut model = BTreeSet::new();
            let mut rng = Rng::seeded(bits as u64);
            let mut any = || rng.below(u32::try_from(bits).unwrap()) as usize;
            for _ in 0..2_000 {
                let (to_set, to_clear, from) = (any(), any(), any());
                set(&mut words, bits, to_set);
                model.insert(to_set);
                clear(&mut words, bits, to_clear);
                model.remove(&to_clear);
                assert_eq!(next(&words, bits, from), model.range(from..).next().copied());
                assert_eq!(contains(&words, to_set), model.contains(&to_set));
            }
            for position in model {
                clear(&mut words, bits, position);
            }
            assert!(words.iter().all(|word| *word == 0), "upper levels are cleared with the lower");
        }
    }

    #[test]
    fn nothing_is_found_beyond_the_end() {
        let mut words = [0; 1];
        set(&mut words, 10, 9);
        assert_eq!((next(&words, 10, 9), next(&words, 10, 10)), (Some(9), None));
        assert_eq!(next(&[], 0, 0), None);
    }
}
