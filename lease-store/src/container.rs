//! Which client is a container? From its name and VLAN, a client identifier and a MAC address, the same on every start.
//!
//! Nothing here is chosen at random: whoever has the [`InstallationKey`] gets the same answers after a restart, after `rm` and `run`,
//! and without any record. What is recorded is only how often a MAC address had to be changed, because it was taken.

use core::error::Error;
use core::fmt;
use core::str::FromStr;

use dhcp_core::id::{ClientId, ClientKey, HardwareAddr, InstallationKey};

/// A container's name by Docker's rule: `[a-zA-Z0-9][a-zA-Z0-9_.-]*`, here of 1 to 64 octets. Upper and lower case differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContainerName {
    /// Zeros behind the name, so that the order is that of the names.
    octets: [u8; Self::LEN_MAX],
    len: u8,
}

impl ContainerName {
    /// The longest name in octets.
    pub const LEN_MAX: usize = 64;

    /// A name of these octets.
    ///
    /// # Errors
    /// [`NameError`], with the place of the first octet that is wrong.
    pub fn new(name: &[u8]) -> Result<Self, NameError> {
        let len = Self::check(name)?;
        let mut octets = [0; Self::LEN_MAX];
        octets.iter_mut().zip(name).for_each(|(to, octet)| *to = *octet);
        Ok(Self { octets, len })
    }

    /// The length of a name.
    fn check(name: &[u8]) -> Result<u8, NameError> {
        let first = *name.first().ok_or(NameError::Empty)?;
        if !first.is_ascii_alphanumeric() {
            return Err(NameError::First { octet: first });
        }
        let allowed = |octet: &u8| octet.is_ascii_alphanumeric() || b"_.-".contains(octet);
        if let Some((at, octet)) = name.iter().enumerate().find(|(_, octet)| !allowed(octet)) {
            return Err(NameError::Octet { octet: *octet, at });
        }
        let len = u8::try_from(name.len()).ok().filter(|len| usize::from(*len) <= Self::LEN_MAX);
        len.ok_or(NameError::TooLong { len: name.len() })
    }

    /// The name.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).expect("len is at most 64 by construction")
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.octets()).expect("every octet is ASCII by construction")
    }
}

impl fmt::Display for ContainerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ContainerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContainerName({self})")
    }
}

impl FromStr for ContainerName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name.as_bytes())
    }
}

/// Why it is not a container's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NameError {
    /// There is nothing.
    Empty,
    /// A name begins with a letter or digit of ASCII.
    First {
        /// What it begins with.
        octet: u8,
    },
    /// A name has letters and digits of ASCII, `_`, `.` and `-` only.
    Octet {
        /// What else it has.
        octet: u8,
        /// Where, counted from 0.
        at: usize,
    },
    /// A name has at most 64 octets.
    TooLong {
        /// Octets that it has.
        len: usize,
    },
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a container's name has at least one character"),
            Self::First { octet } => {
                write!(f, "a container's name begins with a letter or digit of ASCII, not with ")?;
                write_octet(f, *octet)
            }
            Self::Octet { octet, at } => {
                write_octet(f, *octet)?;
                write!(f, " at place {at} is none of a-z, A-Z, 0-9, `_`, `.` and `-`")
            }
            Self::TooLong { len } => {
                write!(f, "a container's name of {len} octets is longer than 64")
            }
        }
    }
}

impl Error for NameError {}

fn write_octet(f: &mut fmt::Formatter<'_>, octet: u8) -> fmt::Result {
    write!(f, "`{}`", octet.escape_ascii())
}

/// A container in a VLAN, or on an untagged segment: whose lease it is. The same name in another VLAN is another client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Container {
    /// The container's name.
    pub name: ContainerName,
    /// 1 to 4094, or none for an untagged segment.
    pub vlan: Option<u16>,
}

impl Container {
    /// How the client identifier begins. The first octet says that what follows is no hardware address (RFC 2132 section 9.14).
    const ID_PREFIX: &'static [u8] = b"\0hydrant/";

    /// These keep the hashes apart from one another and from others under the same key.
    const MAC_DOMAIN: u8 = b'M';
    const TAG_DOMAIN: u8 = b'I';

    /// The client identifier (option 61): a zero, then the text `hydrant/INSTALLATION/VLAN/NAME`, where the installation is eight hex digits
    /// of a hash of its key, and the VLAN is in decimal or `-` without one. A name has no `/`, so no two containers have the same;
    /// a person can read it in any server's lease file; and when two trucks meet at one server, the `camera` of one is not that of the other.
    #[must_use]
    pub fn client_id(&self, installation: &InstallationKey) -> ContainerId {
        let mut id = ContainerId { octets: [0; ContainerId::LEN_MAX], len: 0 };
        id.push(Self::ID_PREFIX);
        id.push(&Self::tag(installation));
        id.push(b"/");
        match self.vlan {
            Some(vlan) => id.push_decimal(vlan),
            None => id.push(b"-"),
        }
        id.push(b"/");
        id.push(self.name.octets());
        id
    }

    /// The installation's part of its containers' client identifiers.
    fn tag(installation: &InstallationKey) -> [u8; 8] {
        let [a, b, c, d, ..] = installation.hash(Self::TAG_DOMAIN, &[]);
        let [[a0, a1], [b0, b1], [c0, c1], [d0, d1]] =
            [a, b, c, d].map(|octet| [hex_digit(octet >> 4), hex_digit(octet & 0xf)]);
        [a0, a1, b0, b1, c0, c1, d0, d1]
    }

    /// The container of this installation that a client identifier was made for; `None` for all other clients'.
    #[must_use]
    pub fn from_client_id(installation: &InstallationKey, id: ClientId<'_>) -> Option<Self> {
        let (vlan, name) = Self::read_client_id(installation, id)?;
        Some(Self { name: ContainerName::new(name).ok()?, vlan })
    }

    /// The VLAN and, in its place, the name of the container of this installation that a client identifier was made for; `None` for all other clients'.
    ///
    /// There is one text for each container: no other way to write the VLAN, and nothing around it.
    pub(crate) fn read_client_id<'i>(
        installation: &InstallationKey,
        id: ClientId<'i>,
    ) -> Option<(Option<u16>, &'i [u8])> {
        let (tag, rest) = id.octets().strip_prefix(Self::ID_PREFIX)?.split_first_chunk()?;
        let rest = rest.strip_prefix(b"/").filter(|_| *tag == Self::tag(installation))?;
        let slash = rest.iter().position(|octet| *octet == b'/')?;
        let (vlan, name) = (rest.get(..slash)?, rest.get(slash + 1..)?);
        let vlan = match vlan {
            b"-" => None,
            [] | [b'0', _, ..] => return None,
            digits => Some(decimal(digits)?),
        };
        ContainerName::check(name).ok()?;
        Some((vlan, name))
    }

    /// The key that a server of this installation keeps the container's lease under.
    #[must_use]
    pub fn client_key(&self, installation: &InstallationKey) -> ClientKey {
        ClientKey::from_client_id(installation, self.client_id(installation).as_client_id())
    }

    /// The container's MAC address: unicast, locally administered (the two low bits of the first octet are 1 and 0, RFC 7042 section 2.1), in
    /// the administratively assigned quadrant that begins with 02, and 40 keyed bits.
    ///
    /// `attempt` is 0, and one more each time that the address turns out to be taken; it is recorded with the name.
    #[must_use]
    pub fn mac(&self, installation: &InstallationKey, attempt: u8) -> HardwareAddr {
        let id = self.client_id(installation);
        let [a, b, c, d, e, ..] = installation.hash(Self::MAC_DOMAIN, &[id.octets(), &[attempt]]);
        HardwareAddr::ethernet([0x02, a, b, c, d, e])
    }

    /// The first of the container's MAC addresses from `attempt` on that is not taken, and its attempt. `None` when all 256 are, which is a
    /// fault in `taken` rather than chance.
    pub fn free_mac(
        &self,
        installation: &InstallationKey,
        attempt: u8,
        mut taken: impl FnMut(&HardwareAddr) -> bool,
    ) -> Option<(HardwareAddr, u8)> {
        (attempt..=u8::MAX)
            .map(|attempt| (self.mac(installation, attempt), attempt))
            .find(|(mac, _)| !taken(mac))
    }
}

impl fmt::Display for Container {
    /// `camera` or `camera (VLAN 20)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)?;
        self.vlan.map_or(Ok(()), |vlan| write!(f, " (VLAN {vlan})"))
    }
}

/// The client identifier of a container, in place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ContainerId {
    octets: [u8; Self::LEN_MAX],
    len: u8,
}

impl ContainerId {
    /// Type, `hydrant/`, eight digits and `/`, a VLAN of up to five digits and `/`, and the longest name.
    pub const LEN_MAX: usize = Container::ID_PREFIX.len() + 9 + 6 + ContainerName::LEN_MAX;

    /// The octets of option 61.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).expect("len is at most LEN_MAX by construction")
    }

    /// The same as the core takes it.
    #[must_use]
    pub fn as_client_id(&self) -> ClientId<'_> {
        ClientId::new(self.octets()).expect("between 21 and 88 octets")
    }

    fn push(&mut self, octets: &[u8]) {
        let from = usize::from(self.len);
        let to = from + octets.len();
        let room = self.octets.get_mut(from..to).expect("LEN_MAX is the sum of all parts");
        room.copy_from_slice(octets);
        self.len = u8::try_from(to).expect("LEN_MAX is below 256");
    }

    fn push_decimal(&mut self, number: u16) {
        let mut divisor = 10_000;
        while divisor > 0 {
            if number >= divisor || divisor == 1 {
                let digit = u8::try_from(number / divisor % 10).expect("a digit");
                self.push(&[b'0' + digit]);
            }
            divisor /= 10;
        }
    }
}

fn decimal(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0_u16, |number, digit| {
        let digit = u16::from(digit.wrapping_sub(b'0'));
        number.checked_mul(10)?.checked_add(digit).filter(|_| digit < 10)
    })
}

fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

impl fmt::Debug for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContainerId({})", self.octets().escape_ascii())
    }
}

#[cfg(test)]
mod tests;
