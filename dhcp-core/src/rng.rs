//! Where does chance come from? From a seed that the caller gives: transaction ids and jitter, never secrets.

/// A small seeded generator (SplitMix64). The same seed gives the same sequence on every machine. It is not fit for keys.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// A generator whose whole future follows from `seed`. Devices that start together need different seeds, or
    /// their jitter is in step (RFC 2131 section 4.1): use the hardware address, a noise source, or both.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// The next 32 bits.
    #[allow(clippy::cast_possible_truncation, reason = "the upper half is what is wanted")]
    pub const fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    /// A number from 0 to `bound - 1`; 0 when `bound` is 0. The bias is below one in 2^32 / `bound`.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the product shifted by 32 bits is below `bound`"
    )]
    pub const fn below(&mut self, bound: u32) -> u32 {
        ((self.next_u32() as u64 * bound as u64) >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_that_of_splitmix64() {
        // The first outputs of the reference implementation for seed 1234567.
        let mut rng = Rng::seeded(1_234_567);
        assert_eq!(rng.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn below_keeps_to_its_bound() {
        let mut rng = Rng::seeded(7);
        assert!((0..1_000).all(|_| rng.below(10) < 10));
        assert_eq!(rng.below(0), 0);
        let seen = (0..200).fold(0_u32, |seen, _| seen | 1 << rng.below(10));
        assert_eq!(seen, 0b11_1111_1111, "every value turns up");
    }
}
