//! What do octets hash to, for whoever does not know the key? SipHash-2-4 with 128 bits (Aumasson and Bernstein, "SipHash: a fast short-input PRF").
//!
//! It is written for little code: one round, called from loops, where a library's is unrolled fourteen times (docs/adr/0035). Long client identifiers are
//! hashed with it, so it takes its octets as they come. `siphasher` is the oracle of its tests.

/// Octets of a block.
const BLOCK: usize = 8;

/// "somepseudorandomlygeneratedbytes", and 0xee for 128 bits.
const BEGIN: [u64; 4] = [
    0x736f_6d65_7073_6575,
    0x646f_7261_6e64_6f6d ^ 0xee,
    0x6c79_6765_6e65_7261,
    0x7465_6462_7974_6573,
];

pub(crate) struct Sip {
    v: [u64; 4],
    /// The octets of the block that is not full yet, the last of them on top.
    block: u64,
    len: usize,
}

impl Sip {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        let mut v = BEGIN;
        // In a loop, and each half read where it is needed: whoever hands a key over hands over where it is, not its words.
        for (v, half) in v.iter_mut().zip(key.as_chunks().0.iter().cycle()) {
            *v ^= u64::from_le_bytes(*half);
        }
        Self { v, block: 0, len: 0 }
    }

    pub(crate) fn write(&mut self, octets: &[u8]) {
        for octet in octets {
            self.block = self.block >> 8 | u64::from(*octet) << 56;
            self.len = self.len.wrapping_add(1);
            if self.len.is_multiple_of(BLOCK) {
                self.v[3] ^= self.block;
                self.rounds(2);
                self.v[0] ^= self.block;
            }
        }
    }

    pub(crate) fn finish(mut self) -> [u8; 16] {
        // The last block is filled up with zeros, and ends with the length's last octet.
        let [len, ..] = self.len.to_le_bytes();
        while self.len % BLOCK != BLOCK - 1 {
            self.write(&[0]);
        }
        self.write(&[len]);
        self.v[2] ^= 0xee;
        let first = self.half();
        self.v[1] ^= 0xdd;
        let second = self.half();
        (u128::from(second) << 64 | u128::from(first)).to_le_bytes()
    }

    fn half(&mut self) -> u64 {
        self.rounds(4);
        let [a, b, c, d] = self.v;
        a ^ b ^ c ^ d
    }

    #[inline(never)]
    fn rounds(&mut self, rounds: u32) {
        let [mut a, mut b, mut c, mut d] = self.v;
        for _ in 0..rounds {
            a = a.wrapping_add(b);
            b = b.rotate_left(13) ^ a;
            a = a.rotate_left(32);
            c = c.wrapping_add(d);
            d = d.rotate_left(16) ^ c;
            a = a.wrapping_add(d);
            d = d.rotate_left(21) ^ a;
            c = c.wrapping_add(b);
            b = b.rotate_left(17) ^ c;
            c = c.rotate_left(32);
        }
        self.v = [a, b, c, d];
    }
}

#[cfg(test)]
mod tests {
    use core::hash::Hasher as _;

    use proptest::prelude::*;
    use siphasher::sip128::{Hasher128 as _, SipHasher24};

    use super::*;

    proptest! {
        #[test]
        fn it_hashes_as_the_library_does(key: [u8; 16], octets in prop::collection::vec(any::<u8>(), 0..300), cut in 0_usize..300) {
            let mut sip = Sip::new(&key);
            let (front, rest) = octets.split_at(cut.min(octets.len()));
            sip.write(front);
            sip.write(rest);
            let mut oracle = SipHasher24::new_with_key(&key);
            oracle.write(&octets);
            prop_assert_eq!(sip.finish(), oracle.finish128().as_bytes());
        }
    }

    /// From the reference implementation: the key is 00 01 .. 0f.
    #[test]
    fn it_hashes_as_its_authors_say() {
        let key = core::array::from_fn(|at| u8::try_from(at).unwrap());
        let of = |octets: &[u8]| {
            let mut sip = Sip::new(&key);
            sip.write(octets);
            u128::from_be_bytes(sip.finish())
        };
        assert_eq!(of(&[]), 0xa381_7f04_ba25_a8e6_6df6_7214_c755_0293);
        assert_eq!(of(&[0]), 0xda87_c1d8_6b99_af44_3476_5911_9b22_fc45);
    }
}
