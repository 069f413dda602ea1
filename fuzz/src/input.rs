//! How does chance make octets that get past the first check? Frames for messages and frames, plain chance for scripts.

use dhcp_core::rng::Rng;
use dhcp_core::wire::message::{HEADER_LEN, MAGIC_COOKIE};

/// How a target reads its octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// One DHCP message.
    Message,
    /// One Ethernet frame.
    Frame,
    /// Steps, each of a few octets.
    Script,
    /// Text.
    Text,
}

/// No input of the bounded run is longer, in octets.
const LEN_MAX: u32 = 1_200;

impl Input {
    /// Octets of this kind by chance; the same generator gives the same.
    #[must_use]
    pub fn any(self, rng: &mut Rng) -> Vec<u8> {
        let len = rng.below(LEN_MAX);
        let mut octets: Vec<u8> = (0..len).map(|_| octet(rng)).collect();
        match self {
            Self::Message => {
                octets.resize(octets.len().max(HEADER_LEN), 0);
                for (place, octet) in octets.iter_mut().skip(HEADER_LEN - 4).zip(MAGIC_COOKIE) {
                    *place = octet;
                }
                if let Some(hlen) = octets.get_mut(2) {
                    *hlen %= 18;
                }
            }
            Self::Frame => {
                let kinds: [&[u8]; 4] = [&[8, 0], &[8, 6], &[0x81, 0, 0, 20, 8, 0], &[0x86, 0xdd]];
                let kind = kinds.get(rng.below(4) as usize).copied().unwrap_or_default();
                for (place, octet) in octets.iter_mut().skip(12).zip(kind) {
                    *place = *octet;
                }
            }
            Self::Text => {
                for octet in &mut octets {
                    *octet = if *octet % 7 == 0 { b'\n' } else { b' ' + *octet % 95 };
                }
            }
            Self::Script => {}
        }
        octets
    }

    /// The same octets with a few of them changed, cut or doubled.
    #[must_use]
    pub fn mutated(octets: &[u8], rng: &mut Rng) -> Vec<u8> {
        let mut octets = octets.to_vec();
        for _ in 0..=rng.below(8) {
            let len = u32::try_from(octets.len()).unwrap_or(u32::MAX);
            let at = rng.below(len) as usize;
            match rng.below(6) {
                0 => octets.truncate(at),
                1 => {
                    let copy: Vec<u8> = octets.iter().skip(at).take(32).copied().collect();
                    octets.extend(copy);
                }
                2 if at < octets.len() => {
                    octets.remove(at);
                }
                3 if at < octets.len() => octets.insert(at, octet(rng)),
                _ => {
                    if let Some(place) = octets.get_mut(at) {
                        *place = octet(rng);
                    }
                }
            }
        }
        octets
    }
}

/// Small numbers and the ends of the scale turn up more often than others.
fn octet(rng: &mut Rng) -> u8 {
    let [kind, value, ..] = rng.next_u32().to_be_bytes();
    match kind % 4 {
        0 => value % 8,
        1 => 255 - value % 3,
        _ => value,
    }
}
