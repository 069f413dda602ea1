//! How does a configuration get into a microcontroller? As octets that a host writes after its checks, and that the microcontroller reads
//! where they are, in flash.
//!
//! ```text
//! octets  0        4          6          8         12
//!         "HYIM"   version 3  reserved   length    payload, `length` octets    CRC-32
//! ```
//!
//! Numbers are little-endian; the CRC is that of ISO HDLC over everything before it. The payload is [postcard], in fields of four octets: the installation's key and
//! what holds for all subnets, then all ranges, all reservations and all subnets, each of which takes its share from the front of those. Options, names
//! and files stay in flash and are lent from there. The only memory is a [`Room`], whose size the firmware chooses.
//!
//! A subnet's ranges are those of its lease table, which the host made: nothing is to be cut out of them any more, and reserved addresses outside of the ranges are
//! ranges of their own. So a microcontroller only puts them in order ([`LeaseTable::of_image`]).
//!
//! [postcard]: https://postcard.jamesmunns.com/wire-format

mod reader;
mod stored;

use core::error::Error;
use core::fmt;
use core::mem::MaybeUninit;

use crc::{CRC_32_ISO_HDLC, Crc, NoTable};
use dhcp_core::net::Range;
use dhcp_core::server::config::{
    ConfigError, Reservation, ServerConfig, SubnetConfig, SubnetIndex,
};
use serde::Serialize;

use self::reader::Reader;
use self::stored::{Head, StoredReservation, StoredSubnet};
use crate::table::{LeaseTable, Store};

/// What an image begins with.
pub const MAGIC: [u8; 4] = *b"HYIM";

/// The only version that is read.
pub const VERSION: u16 = 3;

/// Octets in front of the payload.
pub const HEADER_LEN: usize = 12;

/// Octets behind it.
const CRC_LEN: usize = 4;

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
    /// More than the firmware has a place for.
    TooMany {
        /// Of what.
        part: Part,
        /// How many places there are.
        room: usize,
    },
}

/// Why an image cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// The configuration is not in order, and whoever reads it trusts that it is.
    Config(ConfigError),
    /// Options are not code, length and value, to the last octet: those of the subnet, or of one of its reservations.
    Options {
        /// Which one.
        subnet: SubnetIndex,
    },
    /// The image does not fit into the octets that it is to be written to, or has more than 65,535 of one text or list of options.
    NoRoom {
        /// How many octets there are to be written to.
        room: usize,
    },
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Options { subnet: SubnetIndex(subnet) } => {
                write!(f, "subnet {subnet} has options that are cut off")
            }
            Self::NoRoom { room } => {
                write!(f, "the configuration does not fit into {room} octets")
            }
        }
    }
}

impl Error for WriteError {}

/// A part of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Part {
    /// What holds for all subnets.
    Head,
    /// Ranges.
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
            Self::Ranges => "ranges",
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
        }
    }
}

impl Error for ImageError {}

/// Memory for what cannot be lent from flash as it is: places for subnets, for ranges as a lease table has them
/// ([`Sizes::spans`](crate::table::Sizes::spans)), and for reservations.
#[derive(Debug)]
pub struct Room<'f, const SUBNETS: usize, const RANGES: usize, const RESERVATIONS: usize> {
    subnets: MaybeUninit<[SubnetConfig<'f>; SUBNETS]>,
    ranges: MaybeUninit<[Range; RANGES]>,
    reservations: MaybeUninit<[Reservation<'f>; RESERVATIONS]>,
}

impl<const SUBNETS: usize, const RANGES: usize, const RESERVATIONS: usize>
    Room<'_, SUBNETS, RANGES, RESERVATIONS>
{
    /// Empty: a program that has it in static memory has neither octets nor code for that.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            subnets: MaybeUninit::uninit(),
            ranges: MaybeUninit::uninit(),
            reservations: MaybeUninit::uninit(),
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

/// Writes a configuration as an image to the front of `out`, and returns how many octets it has. The ranges are those of the table, which was made for this
/// configuration.
///
/// # Errors
/// [`WriteError`].
pub fn write<S: Store>(
    config: &ServerConfig<'_>,
    table: &LeaseTable<S>,
    out: &mut [u8],
) -> Result<usize, WriteError> {
    config.check().map_err(WriteError::Config)?;
    for (subnet, number) in config.subnets.iter().zip(0..) {
        let reserved = subnet.reservations.iter().map(|known| known.options);
        if !reserved.chain([subnet.options.octets()]).all(is_rendered) {
            return Err(WriteError::Options { subnet: SubnetIndex(number) });
        }
    }
    let no_room = WriteError::NoRoom { room: out.len() };
    let count = |len: usize| u32::try_from(len).map_err(|_| no_room);
    let (header, payload) = out.split_first_chunk_mut::<HEADER_LEN>().ok_or(no_room)?;
    let mut writer = Writer { rest: payload, written: 0, no_room };
    let reservations = || config.subnets.iter().flat_map(|subnet| subnet.reservations);
    let ranges = |subnet| table.runs(SubnetIndex(subnet));
    let subnets = || config.subnets.iter().zip(0..);
    writer.put(&Head::new(
        config,
        [
            count(subnets().map(|(_, number)| ranges(number).count()).sum())?,
            count(reservations().count())?,
            count(config.subnets.len())?,
        ],
    ))?;
    for (_, number) in subnets() {
        ranges(number).try_for_each(|range| writer.put(&range))?;
    }
    reservations().try_for_each(|reservation| writer.put(&StoredReservation::from(reservation)))?;
    for (subnet, number) in subnets() {
        let shares = [count(ranges(number).count())?, count(subnet.reservations.len())?];
        writer.put(&StoredSubnet::new(subnet, shares))?;
    }
    let written = writer.written;
    let [m0, m1, m2, m3] = MAGIC;
    let [v0, v1] = VERSION.to_le_bytes();
    let [l0, l1, l2, l3] = u32::try_from(written).map_err(|_| no_room)?.to_le_bytes();
    *header = [m0, m1, m2, m3, v0, v1, 0, 0, l0, l1, l2, l3];
    let (covered, rest) = out.split_at_mut(HEADER_LEN + written);
    let crc = rest.first_chunk_mut::<CRC_LEN>().ok_or(no_room)?;
    *crc = CRC.checksum(covered).to_le_bytes();
    Ok(HEADER_LEN + written + CRC_LEN)
}

/// Reads the image at the front of `octets`, which may go on behind it, as flash does.
///
/// The image is as its writer's checks left it, since the checksum is right: the order of reservations and the form of options are not looked at again. What else does not
/// make sense is refused, and nothing that an image says makes this panic.
///
/// # Errors
/// [`ImageError`].
pub fn read<'f, const SUBNETS: usize, const RANGES: usize, const RESERVATIONS: usize>(
    octets: &'f [u8],
    room: &'f mut Room<'f, SUBNETS, RANGES, RESERVATIONS>,
) -> Result<ServerConfig<'f>, ImageError> {
    let payload = payload(octets)?;
    let subnets = room.subnets.write([reader::NO_SUBNET; SUBNETS]);
    let ranges = room.ranges.write([reader::NO_RANGE; RANGES]);
    let reservations = room.reservations.write([reader::NO_RESERVATION; RESERVATIONS]);
    read_into(payload, subnets, ranges, reservations)
}

#[inline(never)]
fn read_into<'f>(
    payload: &'f [u8],
    subnets: &'f mut [SubnetConfig<'f>],
    ranges: &'f mut [Range],
    reservations: &'f mut [Reservation<'f>],
) -> Result<ServerConfig<'f>, ImageError> {
    let mut reader = Reader::new(payload);
    let (mut config, [some_ranges, some_reservations, some_subnets]) = reader.head();
    let ranges = places(Part::Ranges, ranges, some_ranges)?;
    let reservations = places(Part::Reservations, reservations, some_reservations)?;
    let subnets = places(Part::Subnets, subnets, some_subnets)?;
    reader.part = Part::Ranges;
    ranges.iter_mut().for_each(|range| reader.range(range));
    reader.part = Part::Reservations;
    reservations.iter_mut().for_each(|reservation| reader.reservation(reservation));
    reader.part = Part::Subnets;
    let (mut ranges, mut reservations) = (&*ranges, &*reservations);
    for subnet in &mut *subnets {
        reader.subnet(subnet, &mut ranges, &mut reservations);
    }
    config.subnets = subnets;
    reader.failed().map_or(Ok(config), |part| Err(ImageError::Malformed(part)))
}

/// Checks the header and what is behind it, and gives the payload.
#[inline(never)]
fn payload(octets: &[u8]) -> Result<&[u8], ImageError> {
    let found = octets.len();
    let cut = |needed| ImageError::Truncated { needed, found };
    let header = octets.first_chunk::<HEADER_LEN>().ok_or(cut(HEADER_LEN))?;
    let [m0, m1, m2, m3, v0, v1, _, _, l0, l1, l2, l3] = *header;
    match [m0, m1, m2, m3] {
        MAGIC => {}
        [0xff, 0xff, 0xff, 0xff] => return Err(ImageError::Blank),
        _ => return Err(ImageError::NotAnImage),
    }
    let version = u16::from_le_bytes([v0, v1]);
    if version != VERSION {
        return Err(ImageError::Version { found: version });
    }
    let len = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
    let needed = len.saturating_add(HEADER_LEN + CRC_LEN);
    let image = octets.get(..needed).ok_or(cut(needed))?;
    let (covered, told) = image.split_last_chunk::<CRC_LEN>().ok_or(cut(needed))?;
    let (told, computed) = (u32::from_le_bytes(*told), CRC.checksum(covered));
    if told != computed {
        return Err(ImageError::Checksum { told, computed });
    }
    Ok(covered.get(HEADER_LEN..).unwrap_or_default())
}

/// The first `len` of `all`.
fn places<T>(part: Part, all: &mut [T], len: u32) -> Result<&mut [T], ImageError> {
    let room = all.len();
    all.get_mut(..len as usize).ok_or(ImageError::TooMany { part, room })
}

/// Whether these are options as code, length, value, to the last octet.
fn is_rendered(options: &[u8]) -> bool {
    let mut rest = options;
    while let [_, len, values @ ..] = rest {
        let Some(next) = values.get(usize::from(*len)..) else { return false };
        rest = next;
    }
    rest.is_empty()
}

struct Writer<'o> {
    rest: &'o mut [u8],
    written: usize,
    no_room: WriteError,
}

impl Writer<'_> {
    fn put(&mut self, part: &impl Serialize) -> Result<(), WriteError> {
        // Else postcard writes everything that is here.
        let used = postcard::to_slice(part, self.rest).map_err(|_| self.no_room)?.len();
        self.rest.split_off_mut(..used).ok_or(self.no_room)?;
        self.written += used;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
