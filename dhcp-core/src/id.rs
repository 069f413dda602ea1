//! Who is asking? Hardware addresses, client identifiers, and the key that a lease is kept under.

use core::cmp::Ordering;
use core::error::Error;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::str::FromStr;

use crate::sip::Sip;
use crate::wire::message::{CHADDR, HEADER_LEN};

/// The octets of `chaddr` that count (`hlen`), and their type (RFC 2131 section 2). Ethernet is type 1 with 6 octets.
// Aligned to a word: where it is a part of something, a microcontroller copies it word by word.
#[derive(Clone, Copy, Eq)]
#[repr(align(4))]
pub struct HardwareAddr {
    htype: u8,
    hlen: u8,
    chaddr: [u8; Self::LEN_MAX],
}

impl PartialEq for HardwareAddr {
    /// A few words: what is derived compares octet by octet on a microcontroller, and every message is compared with many addresses.
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        (self.htype, self.hlen) == (other.htype, other.hlen)
            && u128::from_ne_bytes(self.chaddr) == u128::from_ne_bytes(other.chaddr)
    }
}

impl Ord for HardwareAddr {
    /// By type, then length, then octets; as words, of which the first two tell any two Ethernet addresses apart.
    fn cmp(&self, other: &Self) -> Ordering {
        let head = |of: &Self| u16::from_be_bytes([of.htype, of.hlen]);
        if head(self) != head(other) {
            return head(self).cmp(&head(other));
        }
        let (words, others) = (self.chaddr.as_chunks().0, other.chaddr.as_chunks().0);
        let mut pairs = words.iter().zip(others);
        let differ = pairs.find(|(word, other)| word != other);
        differ.map_or(Ordering::Equal, |(word, other)| {
            u32::from_be_bytes(*word).cmp(&u32::from_be_bytes(*other))
        })
    }
}

impl PartialOrd for HardwareAddr {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for HardwareAddr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.htype, self.hlen, self.chaddr).hash(state);
    }
}

impl HardwareAddr {
    /// `chaddr` has room for 16 octets.
    pub const LEN_MAX: usize = 16;

    /// The hardware type of Ethernet in the header (RFC 1700).
    pub const ETHERNET: u8 = 1;

    /// From a type and 0 to 16 octets; `None` for more.
    #[must_use]
    pub fn new(htype: u8, octets: &[u8]) -> Option<Self> {
        let mut chaddr = [0; Self::LEN_MAX];
        chaddr.get_mut(..octets.len())?.copy_from_slice(octets);
        Some(Self { htype, hlen: u8::try_from(octets.len()).ok()?, chaddr })
    }

    /// The first `hlen` octets of the header's `chaddr`; `None` when `hlen` is more than 16.
    #[inline]
    pub(crate) fn in_header(htype: u8, hlen: u8, header: &[u8; HEADER_LEN]) -> Option<Self> {
        let chaddr = header.get(CHADDR)?;
        let mut hardware = Self { htype, hlen, chaddr: [0; Self::LEN_MAX] };
        if hlen == 6 {
            // Nearly always.
            *hardware.chaddr.first_chunk_mut::<6>()? = *chaddr.first_chunk()?;
            return Some(hardware);
        }
        Self::new(htype, chaddr.get(..usize::from(hlen))?)
    }

    /// An Ethernet address.
    #[must_use]
    pub const fn ethernet(mac: [u8; 6]) -> Self {
        let [a, b, c, d, e, f] = mac;
        let chaddr = [a, b, c, d, e, f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        Self { htype: Self::ETHERNET, hlen: 6, chaddr }
    }

    /// `htype`.
    #[must_use]
    pub const fn htype(&self) -> u8 {
        self.htype
    }

    /// `hlen`: how many octets count.
    #[must_use]
    pub(crate) const fn hlen(&self) -> u8 {
        self.hlen
    }

    /// The octets as they stand in the header: zeros behind the `hlen` that count.
    #[must_use]
    pub(crate) const fn chaddr(&self) -> &[u8; Self::LEN_MAX] {
        &self.chaddr
    }

    /// The octets, `hlen` of them: 0 to 16.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.chaddr.get(..usize::from(self.hlen)).unwrap_or_else(|| too_long())
    }

    /// The MAC address, if this is an Ethernet address.
    #[must_use]
    pub fn as_ethernet(&self) -> Option<[u8; 6]> {
        let is_ethernet = self.htype == Self::ETHERNET && self.hlen == 6;
        self.chaddr.first_chunk().filter(|_| is_ethernet).copied()
    }
}

impl From<[u8; 6]> for HardwareAddr {
    /// As [`HardwareAddr::ethernet`].
    fn from(mac: [u8; 6]) -> Self {
        Self::ethernet(mac)
    }
}

// Called from wherever the octets are looked at: without arguments, that is little of a microcontroller's code.
#[cold]
#[inline(never)]
fn too_long() -> ! {
    panic!("hlen is at most 16 by construction")
}

impl fmt::Display for HardwareAddr {
    /// `02:00:00:00:00:01`; other types than Ethernet carry the type in front: `6/02:00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.htype != Self::ETHERNET {
            write!(f, "{}/", self.htype)?;
        }
        write_hex(f, self.octets(), ":")
    }
}

impl fmt::Debug for HardwareAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HardwareAddr({self})")
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for HardwareAddr {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=u8}/{=[u8]:02x}", self.htype, self.octets());
    }
}

/// The text is not a MAC address: six octets in hex, with `:` or `-` between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseMacError;

impl fmt::Display for ParseMacError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a MAC address is six octets in hex with `:` between them, such as 02:00:00:00:00:01",
        )
    }
}

impl Error for ParseMacError {}

impl FromStr for HardwareAddr {
    type Err = ParseMacError;

    /// An Ethernet address; one digit is enough for an octet below 16, as `dhcpd.conf` allows.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut mac = [0; 6];
        let mut parts = text.split([':', '-']);
        for octet in &mut mac {
            let part = parts.next().ok_or(ParseMacError)?;
            let digits = part.bytes().all(|digit| digit.is_ascii_hexdigit());
            if !digits || part.is_empty() || part.len() > 2 {
                return Err(ParseMacError);
            }
            *octet = u8::from_str_radix(part, 16).map_err(|_| ParseMacError)?;
        }
        if parts.next().is_some() { Err(ParseMacError) } else { Ok(Self::ethernet(mac)) }
    }
}

/// What a client calls itself (option 61; RFC 2132 section 9.14): 2 to 255 octets that mean nothing to anybody else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId<'a>(&'a [u8]);

impl<'a> ClientId<'a> {
    /// The longest client identifier in octets.
    pub const LEN_MAX: usize = 255;

    /// `None` unless there are 2 to 255 octets.
    #[must_use]
    pub const fn new(octets: &'a [u8]) -> Option<Self> {
        if octets.len() >= 2 && octets.len() <= Self::LEN_MAX { Some(Self(octets)) } else { None }
    }

    /// The octets as the client sent them.
    #[must_use]
    pub const fn octets(&self) -> &'a [u8] {
        self.0
    }
}

impl fmt::Display for ClientId<'_> {
    /// Hex with colons, as it is written in a configuration.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, self.0, ":")
    }
}

impl fmt::Debug for ClientId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientId({self})")
    }
}

/// The installation's own 16 octets. They keep clients from choosing colliding keys, and make the MAC addresses that are
/// derived from container names differ from one installation to the next. Written down once and never changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct InstallationKey(pub [u8; 16]);

impl InstallationKey {
    /// 128 keyed bits (SipHash-2-4) of `parts`, each with its length in front. `domain` keeps the uses of one key apart: what is hashed for one is never
    /// that of another. 0x40, 0x80 and 0xc0 are this crate's, `I`, `M` and `T` are `lease-store`'s.
    #[must_use]
    pub fn hash(&self, domain: u8, parts: &[&[u8]]) -> [u8; 16] {
        let mut sip = Sip::new(&self.0);
        sip.write(&[domain]);
        for part in parts {
            sip.write(&(part.len() as u64).to_le_bytes());
            sip.write(part);
        }
        sip.finish()
    }
}

impl fmt::Debug for InstallationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstallationKey(..)")
    }
}

/// Which client a lease belongs to, in 16 octets: what a lease is kept and found under.
///
/// A client identifier or typed hardware address of up to 14 octets stands in the key itself; a longer one stands there as 120 bits
/// of a hash keyed by the installation, so that no client can choose another's key.
// Aligned to a word, as `HardwareAddr`.
#[derive(Clone, Copy, Eq, PartialOrd, Ord)]
#[repr(align(4))]
pub struct ClientKey([u8; Self::LEN]);

impl PartialEq for ClientKey {
    /// As [`HardwareAddr`]'s: four words.
    // Compared in many places: on a microcontroller a call is less code, and hardly more instructions.
    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    fn eq(&self, other: &Self) -> bool {
        let differs =
            |[a, b, c, d]: [u32; 4], [e, f, g, h]: [u32; 4]| (a ^ e) | (b ^ f) | (c ^ g) | (d ^ h);
        differs(self.words(), other.words()) == 0
    }
}

impl Hash for ClientKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl ClientKey {
    /// Octets in a key.
    pub const LEN: usize = 16;

    const CLIENT_ID: u8 = 0x40;
    const HARDWARE: u8 = 0x80;
    const NAME: u8 = 0xc0;
    const HASHED: u8 = 0x0f;

    /// The key of a client that sent option 61.
    #[must_use]
    pub fn from_client_id(installation: &InstallationKey, id: ClientId<'_>) -> Self {
        Self::of(installation, Self::CLIENT_ID, id.octets())
    }

    /// The key of a client that is known by `htype` and `chaddr` (RFC 2131 section 4.2).
    #[must_use]
    pub fn from_hardware(installation: &InstallationKey, hardware: &HardwareAddr) -> Self {
        if let Some([a, b, c, d, e, f]) = hardware.as_ethernet() {
            // What follows comes to the same; this is nearly every client, and a few words.
            let head = Self::HARDWARE | 7;
            return Self([head, hardware.htype(), a, b, c, d, e, f, 0, 0, 0, 0, 0, 0, 0, 0]);
        }
        let mut typed = [0; HardwareAddr::LEN_MAX + 1];
        let [htype, chaddr @ ..] = &mut typed;
        (*htype, *chaddr) = (hardware.htype(), *hardware.chaddr());
        let typed = typed.get(..=usize::from(hardware.hlen()));
        Self::of(installation, Self::HARDWARE, typed.unwrap_or_else(|| too_long()))
    }

    /// The key of a client that a reservation knows by its name (option 12, where it is trusted): whoever has the name has the lease.
    #[must_use]
    pub fn from_name(installation: &InstallationKey, name: &[u8]) -> Self {
        Self::of(installation, Self::NAME, name)
    }

    /// The key's octets as the record keeps them, or as [`ClientKey::octets`] gave them.
    #[must_use]
    pub const fn from_octets(octets: [u8; Self::LEN]) -> Self {
        Self(octets)
    }

    /// The key's octets.
    #[must_use]
    pub const fn octets(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The same in words, in the machine's order.
    const fn words(&self) -> [u32; 4] {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = self.0;
        [
            u32::from_ne_bytes([a, b, c, d]),
            u32::from_ne_bytes([e, f, g, h]),
            u32::from_ne_bytes([i, j, k, l]),
            u32::from_ne_bytes([m, n, o, p]),
        ]
    }

    /// Kind and length in the first octet, the identity behind it, zeros to the end; or a hash behind the kind and [`Self::HASHED`].
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    fn of(installation: &InstallationKey, kind: u8, identity: &[u8]) -> Self {
        let mut key = [0; Self::LEN];
        let packed = key.get_mut(1..=identity.len());
        let len = match (u8::try_from(identity.len()), packed) {
            (Ok(len), Some(packed)) if len < Self::HASHED => {
                packed.copy_from_slice(identity);
                len
            }
            _ => {
                key = installation.hash(kind, &[identity]);
                Self::HASHED
            }
        };
        key[0] = kind | len;
        Self(key)
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKey(")?;
        write_hex(f, &self.0, "")?;
        f.write_str(")")
    }
}

fn write_hex(f: &mut fmt::Formatter<'_>, octets: &[u8], between: &str) -> fmt::Result {
    for (index, octet) in octets.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        write!(f, "{octet:02x}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
