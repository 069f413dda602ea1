//! How does a configuration get into a microcontroller? As octets that a host writes after its checks, and that the microcontroller reads
//! where they are, in flash.
//!
//! ```text
//! octets  0        4          6          8         12        16
//!         "HYIM"   version 2  reserved   length    CRC-32    payload, `length` octets
//! ```
//!
//! Numbers are little-endian; the CRC is that of ISO HDLC over everything but itself. The payload is [postcard]: the installation's key and
//! what holds for all subnets, then all ranges, all reservations and all subnets, each of which takes its share from the front of those. Options, names
//! and files stay in flash and are lent from there. The only memory is a [`Room`], whose size the firmware chooses.
//!
//! [postcard]: https://postcard.jamesmunns.com/wire-format

mod reader;
mod stored;

use core::error::Error;
use core::fmt;

use crc::{CRC_32_ISO_HDLC, Crc, NoTable};
use dhcp_core::id::InstallationKey;
use dhcp_core::net::Range;
use dhcp_core::server::config::{Reservation, ServerConfig, SubnetConfig};
use serde::Serialize;

use self::reader::Reader;
use self::stored::{Head, StoredReservation, StoredSubnet};

/// What an image begins with.
pub const MAGIC: [u8; 4] = *b"HYIM";

/// The only version that is read. Version 1 was never released.
pub const VERSION: u16 = 2;

/// Octets in front of the payload.
pub const HEADER_LEN: usize = 16;

/// Bit by bit: an image is read once, and a table has 1 KiB.
const CRC: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISO_HDLC);

/// Why there is no image to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ImageError {
    /// The flash is erased: nobody put an image there.
    Blank,
    /// The octets do not begin with [`MAGIC`].
    NotAnImage,
    /// Of another version than [`VERSION`].
    Version {
        /// What stands there.
        found: u16,
    },
    /// Shorter than a header, or than the header says.
    Truncated {
        /// How many octets there must be.
        needed: usize,
        /// How many there are.
        found: usize,
    },
    /// An octet was changed since the image was made.
    Checksum {
        /// What the header says.
        told: u32,
        /// What the octets come to.
        computed: u32,
    },
    /// The checksum is right and what it covers is not a configuration: whoever wrote it is another program.
    Malformed(Part),
    /// More than the firmware has a place for, or than an image can count.
    TooMany {
        /// Of what.
        part: Part,
        /// How many places there are.
        room: usize,
    },
    /// The image does not fit into the octets that it is to be written to.
    NoRoom {
        /// How many there are.
        room: usize,
    },
}

/// A part of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Part {
    /// What holds for all subnets.
    Head,
    /// Ranges and exclusions.
    Ranges,
    /// Reservations.
    Reservations,
    /// Subnets.
    Subnets,
    /// What follows the last subnet, where nothing is.
    End,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Head => "what holds for all subnets",
            Self::Ranges => "ranges and exclusions",
            Self::Reservations => "reservations",
            Self::Subnets => "subnets",
            Self::End => "the end",
        })
    }
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => f.write_str("there is no configuration: the flash is erased"),
            Self::NotAnImage => f.write_str("there is something else than a configuration"),
            Self::Version { found } => {
                write!(
                    f,
                    "the configuration has version {found}, and version {VERSION} is understood"
                )
            }
            Self::Truncated { needed, found } => {
                write!(f, "the configuration is cut off: {found} octets of {needed}")
            }
            Self::Checksum { told, computed } => {
                write!(f, "the configuration is damaged: its CRC is {computed:08x}, not {told:08x}")
            }
            Self::Malformed(part) => write!(f, "the configuration makes no sense at: {part}"),
            Self::TooMany { part, room } => write!(f, "too many {part}: there are {room} places"),
            Self::NoRoom { room } => {
                write!(f, "the configuration does not fit into {room} octets")
            }
        }
    }
}

impl Error for ImageError {}

/// Memory for what cannot be lent from flash as it is: places for subnets, for ranges together with exclusions, and for reservations.
#[derive(Debug)]
pub struct Room<'f, const SUBNETS: usize, const RANGES: usize, const RESERVATIONS: usize> {
    subnets: [SubnetConfig<'f>; SUBNETS],
    ranges: [Range; RANGES],
    reservations: [Reservation<'f>; RESERVATIONS],
}

impl<const SUBNETS: usize, const RANGES: usize, const RESERVATIONS: usize>
    Room<'_, SUBNETS, RANGES, RESERVATIONS>
{
    /// Empty.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            subnets: [reader::NO_SUBNET; SUBNETS],
            ranges: [reader::NO_RANGE; RANGES],
            reservations: [reader::NO_RESERVATION; RESERVATIONS],
        }
    }
}

impl<const SUBNETS: usize, const RANGES: usize, const RESERVATIONS: usize> Default
    for Room<'_, SUBNETS, RANGES, RESERVATIONS>
{
    fn default() -> Self {
        Self::new()
    }
}

/// Writes a configuration as an image to the front of `out`, and returns how many octets it has.
///
/// # Errors
/// [`ImageError::NoRoom`]; [`ImageError::TooMany`] of more than 65,535 of anything.
pub fn write(config: &ServerConfig<'_>, out: &mut [u8]) -> Result<usize, ImageError> {
    let no_room = ImageError::NoRoom { room: out.len() };
    let (header, payload) = out.split_first_chunk_mut::<HEADER_LEN>().ok_or(no_room)?;
    let mut writer = Writer { rest: &mut *payload, written: 0, no_room };
    let ranges =
        || config.subnets.iter().flat_map(|subnet| subnet.ranges.iter().chain(subnet.excluded));
    let reservations = || config.subnets.iter().flat_map(|subnet| subnet.reservations);
    writer.put(&Head {
        installation: config.installation.0,
        offer_hold_secs: config.offer_hold_secs,
        quarantine_secs: config.quarantine_secs,
        promise_slack_secs: config.promise_slack_secs,
        ranges: count(Part::Ranges, ranges().count())?,
        reservations: count(Part::Reservations, reservations().count())?,
        subnets: count(Part::Subnets, config.subnets.len())?,
    })?;
    ranges().try_for_each(|range| writer.put(&(range.first(), range.last())))?;
    reservations().try_for_each(|reservation| writer.put(&StoredReservation::from(reservation)))?;
    for subnet in config.subnets {
        let ranges = count(Part::Ranges, subnet.ranges.len())?;
        let excluded = count(Part::Ranges, subnet.excluded.len())?;
        let reservations = count(Part::Reservations, subnet.reservations.len())?;
        writer.put(&StoredSubnet::new(subnet, ranges, excluded, reservations))?;
    }
    let written = writer.written;
    let payload = payload.get(..written).ok_or(no_room)?;
    let [m0, m1, m2, m3] = MAGIC;
    let [v0, v1] = VERSION.to_le_bytes();
    let [l0, l1, l2, l3] = u32::try_from(written).map_err(|_| no_room)?.to_le_bytes();
    let front = [m0, m1, m2, m3, v0, v1, 0, 0, l0, l1, l2, l3];
    let [c0, c1, c2, c3] = crc(&front, payload).to_le_bytes();
    *header = [m0, m1, m2, m3, v0, v1, 0, 0, l0, l1, l2, l3, c0, c1, c2, c3];
    Ok(HEADER_LEN + written)
}

/// Reads the image at the front of `octets`, which may go on behind it, as flash does.
///
/// The image is as its writer's checks left it, since the checksum is right. What the server's memory safety or loops could depend on is checked again.
///
/// # Errors
/// Every [`ImageError`] but [`ImageError::NoRoom`].
pub fn read<'f, const SUBNETS: usize, const RANGES: usize, const RESERVATIONS: usize>(
    octets: &'f [u8],
    room: &'f mut Room<'f, SUBNETS, RANGES, RESERVATIONS>,
) -> Result<ServerConfig<'f>, ImageError> {
    let Room { subnets, ranges, reservations } = room;
    read_into(payload(octets)?, subnets, ranges, reservations)
}

#[inline(never)]
fn read_into<'f>(
    payload: &'f [u8],
    subnets: &'f mut [SubnetConfig<'f>],
    ranges: &'f mut [Range],
    reservations: &'f mut [Reservation<'f>],
) -> Result<ServerConfig<'f>, ImageError> {
    let mut reader = Reader::new(payload);
    let head = reader.head();
    whole(&reader, Part::Head)?;
    let subnets = places(Part::Subnets, subnets, head.subnets)?;
    let ranges = places(Part::Ranges, ranges, head.ranges)?;
    let reservations = places(Part::Reservations, reservations, head.reservations)?;
    ranges.iter_mut().for_each(|range| *range = reader.range());
    whole(&reader, Part::Ranges)?;
    reservations.iter_mut().for_each(|reservation| reader.reservation(reservation));
    whole(&reader, Part::Reservations)?;
    let (mut ranges, mut reservations) = (&*ranges, &*reservations);
    for subnet in &mut *subnets {
        let shares = reader.subnet(subnet);
        whole(&reader, Part::Subnets)?;
        shares.give(subnet, &mut ranges, &mut reservations)?;
    }
    if !(reader.rest.is_empty() && ranges.is_empty() && reservations.is_empty()) {
        return Err(ImageError::Malformed(Part::End));
    }
    Ok(ServerConfig {
        subnets,
        installation: InstallationKey(head.installation),
        offer_hold_secs: head.offer_hold_secs,
        quarantine_secs: head.quarantine_secs,
        promise_slack_secs: head.promise_slack_secs,
    })
}

/// Whether everything up to here could be read.
fn whole(reader: &Reader<'_>, part: Part) -> Result<(), ImageError> {
    if reader.failed() { Err(ImageError::Malformed(part)) } else { Ok(()) }
}

/// Checks the header and what it covers, and gives the payload.
#[inline(never)]
fn payload(octets: &[u8]) -> Result<&[u8], ImageError> {
    let found = octets.len();
    let too_short = ImageError::Truncated { needed: HEADER_LEN, found };
    let (header, rest) = octets.split_first_chunk::<HEADER_LEN>().ok_or(too_short)?;
    if header.iter().all(|octet| *octet == 0xff) {
        return Err(ImageError::Blank);
    }
    let (front, _) = header.split_at(12);
    let [m0, m1, m2, m3, v0, v1, _, _, l0, l1, l2, l3, c0, c1, c2, c3] = *header;
    if [m0, m1, m2, m3] != MAGIC {
        return Err(ImageError::NotAnImage);
    }
    let version = u16::from_le_bytes([v0, v1]);
    if version != VERSION {
        return Err(ImageError::Version { found: version });
    }
    let len = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
    let cut = ImageError::Truncated { needed: HEADER_LEN.saturating_add(len), found };
    let payload = rest.get(..len).ok_or(cut)?;
    let (told, computed) = (u32::from_le_bytes([c0, c1, c2, c3]), crc(front, payload));
    if told == computed { Ok(payload) } else { Err(ImageError::Checksum { told, computed }) }
}

fn crc(front: &[u8], payload: &[u8]) -> u32 {
    let mut digest = CRC.digest();
    // In a loop, which is one where two calls are compiled as two.
    [front, payload].iter().for_each(|part| digest.update(part));
    digest.finalize()
}

fn count(part: Part, len: usize) -> Result<u16, ImageError> {
    u16::try_from(len).map_err(|_| ImageError::TooMany { part, room: usize::from(u16::MAX) })
}

/// The first `len` of `all`.
fn places<T>(part: Part, all: &mut [T], len: u16) -> Result<&mut [T], ImageError> {
    let room = all.len();
    all.get_mut(..usize::from(len)).ok_or(ImageError::TooMany { part, room })
}

struct Writer<'o> {
    rest: &'o mut [u8],
    written: usize,
    no_room: ImageError,
}

impl Writer<'_> {
    fn put(&mut self, part: &impl Serialize) -> Result<(), ImageError> {
        // Only the room can fail: postcard writes everything that is here.
        let used = postcard::to_slice(part, self.rest).map_err(|_| self.no_room)?.len();
        self.rest.split_off_mut(..used).ok_or(self.no_room)?;
        self.written += used;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
