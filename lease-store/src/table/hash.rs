//! Which bucket does a client's key belong to? A seeded hash that clients cannot aim at.
//!
//! Clients choose their MAC addresses and client identifiers. With coefficients that they do not know, the sum of products modulo 2^64,
//! of which the upper 32 bits are kept, is strongly universal (Lemire and Kaser, "Strongly universal string hashing is fast"): any two keys
//! collide with a chance of 2^-32, whoever chose them. The mixing afterwards breaks up runs of keys in arithmetic progression, which linear probing
//! does not like. It costs a few dozen instructions on a Cortex-M3, where SipHash takes some hundreds, and a message asks several times.

use dhcp_core::id::{ClientKey, HardwareAddr, InstallationKey};

/// Words that are hashed: 16 octets of a key and the subnet's number.
const WORDS: usize = 5;

/// The coefficients.
#[derive(Clone, Copy)]
pub(crate) struct Seed {
    constant: u64,
    coefficients: [u64; WORDS],
}

impl core::fmt::Debug for Seed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Seed(..)")
    }
}

impl Seed {
    const DOMAIN: u8 = b'T';

    /// From the installation's key, which no client knows.
    pub(crate) fn of(installation: &InstallationKey) -> Self {
        let word = |number: u8| {
            let [a, b, c, d, e, f, g, h, ..] =
                installation.hash(Self::DOMAIN, &[b"lease table", &[number]]);
            u64::from_be_bytes([a, b, c, d, e, f, g, h])
        };
        let [constant, coefficients @ ..] = [0, 1, 2, 3, 4, 5].map(word);
        Self { constant, coefficients }
    }

    #[cfg(test)]
    pub(crate) const fn fixed() -> Self {
        Self { constant: 3, coefficients: [0x9e37_79b9_7f4a_7c15, 5 << 40, 7 << 50, 11 << 33, 1] }
    }

    /// Of a client in a subnet.
    pub(crate) fn hash_client(&self, subnet: u16, key: &ClientKey) -> u32 {
        self.hash(key.octets(), u32::from(subnet))
    }

    /// Of a hardware address of 0 to 16 octets.
    pub(crate) fn hash_hardware(&self, hardware: &HardwareAddr) -> u32 {
        let mut chaddr = [0; HardwareAddr::LEN_MAX];
        chaddr.iter_mut().zip(hardware.octets()).for_each(|(to, from)| *to = *from);
        self.hash(&chaddr, u32::from(hardware.htype()))
    }

    #[allow(
        clippy::cast_possible_truncation,
        reason = "the upper half of the sum is what is universal"
    )]
    fn hash(&self, octets: &[u8; 16], last: u32) -> u32 {
        // One after the other, since a loop is as much again on a microcontroller.
        let ([p, q, r, s, t], [a, b, c, d]) = (self.coefficients, words_of(octets));
        let add = |sum: u64, coefficient: u64, word: u32| {
            sum.wrapping_add(coefficient.wrapping_mul(u64::from(word)))
        };
        let sum = add(add(add(self.constant, p, a), q, b), r, c);
        let sum = add(add(sum, s, d), t, last);
        let mut hash = (sum >> 32) as u32;
        hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
        hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
        hash ^ (hash >> 16)
    }
}

const fn words_of(octets: &[u8; 16]) -> [u32; 4] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *octets;
    [
        u32::from_le_bytes([a, b, c, d]),
        u32::from_le_bytes([e, f, g, h]),
        u32::from_le_bytes([i, j, k, l]),
        u32::from_le_bytes([m, n, o, p]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Buckets that are hit by keys of consecutive MAC addresses, which is what a network of equal devices has.
    #[test]
    fn consecutive_addresses_spread_over_the_buckets() {
        let installation = InstallationKey([9; 16]);
        let seed = Seed::of(&installation);
        let mut hits = [0_u16; 256];
        for number in 0..4_096_u16 {
            let [high, low] = number.to_be_bytes();
            let mac = HardwareAddr::ethernet([2, 0, 0, 0, high, low]);
            let key = ClientKey::from_hardware(&installation, &mac);
            hits[(seed.hash_client(0, &key) >> 24) as usize] += 1;
        }
        assert!(hits.iter().all(|hits| (1..=48).contains(hits)), "16 are expected: {hits:?}");
    }

    #[test]
    fn subnets_and_installations_hash_differently() {
        let key = ClientKey::from_octets([5; 16]);
        let seed = Seed::of(&InstallationKey([9; 16]));
        let other = Seed::of(&InstallationKey([8; 16]));
        assert_ne!(seed.hash_client(0, &key), seed.hash_client(1, &key));
        assert_ne!(seed.hash_client(0, &key), other.hash_client(0, &key));
    }
}
