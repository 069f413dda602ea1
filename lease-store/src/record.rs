//! Which octets stand for one change? Drawn here, version 1; what writes and reads them knows no medium and no lease table.
//!
//! A record is a whole number of units of the journal (its word size, at least 4 octets). Numbers are little-endian.
//!
//! ```text
//! Bind        tag 1, address 3, shape 1, until 4, [hardware len 1], htype 1, hardware 6, [key 16], [id len 1, id], [name len 1, name], pad, CRC 4
//! Extend      tag 1, address 3, until 4,                                 pad, CRC 4
//! Release     tag 1, address 3,                                          pad, CRC 4
//! Quarantine  tag 1, address 3, until 4,                                 pad, CRC 4
//! Forget      tag 1, address 3,                                          pad, CRC 4
//! Time        tag 1, time 4,                                             pad, CRC 4
//! Begin       tag 1, oldest sector 4, previous sector's end 4, time 4,   pad, CRC 4
//! Skip        tag 1,                                                     pad, CRC 4
//!
//! tag     bit 7     the record was written while its sector was begun
//!         bits 6-4  the kind: Skip 0, Bind 1, Extend 2, Release 3, Quarantine 4, Forget 5, Time 6, Begin 7
//!         bit 3     every record before this one in its sector is durable
//!         bits 2-0  the address's first octet: 1, 2, 3, 4, 5 for 10, 172, 192, 100, 169; 0: the address follows in 4 octets instead of 3
//! shape   bit 0     pinned
//!         bit 1     the hardware address has 6 octets, and its length does not stand in front
//!         bits 3-2  the key: 0 follows from hardware address, 1 from client identifier, 2 stands there
//!         bits 5-4  the client identifier: 0 there is none, 1 htype and hardware address (RFC 2132 section 9.14), 2 stands there
//!         bit 6     there is a name
//! pad     ones, as an erased medium has them
//! CRC     CRC-32/ISCSI of all octets before it, begun with the number of the sector: what an older use of the sector left is no record.
//!         It is never all ones, so that a record whose last word was not programmed is none.
//! ```
//!
//! A tag of all ones is what an erased medium reads as; no record has it.

use core::net::Ipv4Addr;

use crc::{CRC_32_ISCSI, Crc, Table};
use dhcp_core::id::{ClientId, ClientKey, HardwareAddr, InstallationKey};
use dhcp_core::server::NAME_LEN_MAX;
use dhcp_core::server::book::Change;
use dhcp_core::time::Timestamp;

/// The longest record in octets, with any word size.
pub(crate) const RECORD_LEN_MAX: usize = 384;

const CRC_LEN: usize = 4;

/// Tag, address, shape, until, hardware length, htype, hardware, key, client id and name with their lengths, CRC.
const BIND_LEN_MAX: usize = 1
    + 4
    + 1
    + 4
    + 1
    + 1
    + HardwareAddr::LEN_MAX
    + ClientKey::LEN
    + (1 + ClientId::LEN_MAX)
    + (1 + NAME_LEN_MAX)
    + CRC_LEN;

const _: () =
    assert!(BIND_LEN_MAX.next_multiple_of(32) == RECORD_LEN_MAX, "the largest word is 32");
const _: () = assert!(RECORD_LEN_MAX <= u16::MAX as usize, "lengths are cast below");

/// A host sums 16 octets at once, with 16 KiB of tables; 1 KiB is what a microcontroller can spare.
#[cfg(target_pointer_width = "64")]
type Tables = Table<16>;
#[cfg(not(target_pointer_width = "64"))]
type Tables = Table<1>;

static CRC: Crc<u32, Tables> = Crc::<u32, Tables>::new(&CRC_32_ISCSI);

/// CRC-32 of `octets`, begun with `seed`, and never all ones.
#[inline(never)]
pub(crate) fn checksum(seed: u32, octets: &[u8]) -> u32 {
    let mut digest = CRC.digest_with_initial(seed);
    digest.update(octets);
    match digest.finalize() {
        u32::MAX => 0,
        sum => sum,
    }
}

/// Said once in each sector, when all that was taken over from older ones is durable: the sector counts from here on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Begin {
    /// The number of the oldest sector that is still needed.
    pub(crate) oldest: u32,
    /// Where the records of the sector before this one ended, in octets from its beginning.
    pub(crate) previous_end: u32,
    /// The latest time that was recorded before.
    pub(crate) time: Timestamp,
}

/// What one record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record<'a> {
    /// A change of the leases.
    Change(Change<'a>),
    /// The lease clock was seen to show this.
    Time(Timestamp),
    /// The sector counts.
    Begin(Begin),
    /// Nothing; the next record is in the next block of the sector.
    Skip,
}

/// How a record stands to others of its sector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Written while the sector was begun: it counts only if the sector does.
    pub(crate) beginning: bool,
    /// Every record before it in its sector was durable when it was written.
    pub(crate) settled: bool,
}

/// A record that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decoded<'a> {
    /// What it says.
    pub(crate) record: Record<'a>,
    /// How it stands to others.
    pub(crate) standing: Standing,
    /// Its octets on the medium.
    pub(crate) len: usize,
}

impl Decoded<'_> {
    /// Before one was read.
    pub(crate) const NONE: Self = Self {
        record: Record::Skip,
        standing: Standing { beginning: false, settled: false },
        len: 0,
    };
}

/// The octets are no record of this sector: they are damaged, of another sector, or never were one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotARecord;

const BEGINNING: u8 = 0x80;
const SETTLED: u8 = 0x08;

const SKIP: u8 = 0;
const BIND: u8 = 1;
const EXTEND: u8 = 2;
const RELEASE: u8 = 3;
const QUARANTINE: u8 = 4;
const FORGET: u8 = 5;
const TIME: u8 = 6;
const BEGIN: u8 = 7;

/// First octets of the addresses that DHCP servers hand out (RFC 1918, RFC 6598, RFC 3927), in the order of their numbers in the tag, from 1.
const NETS: [u8; 5] = [10, 172, 192, 100, 169];

const PINNED: u8 = 0x01;
const SIX_OCTETS: u8 = 0x02;
const KEY: u8 = 0x0c;
const KEY_FROM_HARDWARE: u8 = 0x00;
const KEY_FROM_ID: u8 = 0x04;
const KEY_STORED: u8 = 0x08;
const ID: u8 = 0x30;
const ID_NONE: u8 = 0x00;
const ID_FROM_HARDWARE: u8 = 0x10;
const ID_STORED: u8 = 0x20;
const NAMED: u8 = 0x40;
const UNUSED: u8 = 0x80;

/// Keys of identities up to this many octets do not depend on the installation.
const KEY_OPEN_LEN_MAX: usize = 14;
const NO_INSTALLATION: InstallationKey = InstallationKey([0; 16]);

/// Writes a record of the sector with number `seq` into `room` and returns it, a multiple of `unit` octets.
///
/// # Panics
/// When a name is longer than 64 octets.
pub(crate) fn encode<'r>(
    record: &Record<'_>,
    standing: Standing,
    seq: u32,
    unit: usize,
    room: &'r mut [u8; RECORD_LEN_MAX],
) -> &'r [u8] {
    let mut sink = Sink { room, len: 0 };
    let flags =
        if standing.beginning { BEGINNING } else { 0 } | if standing.settled { SETTLED } else { 0 };
    match record {
        Record::Change(change) => encode_change(change, flags, &mut sink),
        Record::Time(time) => {
            sink.push(&[TIME << 4 | flags]);
            sink.push_u32(time.as_secs());
        }
        Record::Begin(begin) => {
            sink.push(&[BEGIN << 4 | flags]);
            sink.push_u32(begin.oldest);
            sink.push_u32(begin.previous_end);
            sink.push_u32(begin.time.as_secs());
        }
        Record::Skip => sink.push(&[SKIP << 4 | flags]),
    }
    sink.close(seq, unit)
}

fn encode_change(change: &Change<'_>, flags: u8, sink: &mut Sink<'_>) {
    let kind = match change {
        Change::Bind { .. } => BIND,
        Change::Extend { .. } => EXTEND,
        Change::Release { .. } => RELEASE,
        Change::Quarantine { .. } => QUARANTINE,
        Change::Forget { .. } => FORGET,
    };
    let [first, rest @ ..] = change.address().octets();
    match NETS.iter().zip(1..).find(|(net, _)| **net == first) {
        Some((_, net)) => sink.push(&[kind << 4 | flags | net]),
        None => sink.push(&[kind << 4 | flags, first]),
    }
    sink.push(&rest);
    match change {
        Change::Bind { address: _, key, hardware, client_id, name, until, pinned } => {
            let mac = hardware.octets();
            let typed = (&hardware.htype(), mac);
            let id = match client_id {
                None => ID_NONE,
                Some(id) if id.octets().split_first() == Some(typed) => ID_FROM_HARDWARE,
                Some(_) => ID_STORED,
            };
            let key_from = key_source(key, hardware, *client_id);
            sink.push(&[if *pinned { PINNED } else { 0 }
                | if mac.len() == 6 { SIX_OCTETS } else { 0 }
                | key_from
                | id
                | if name.is_empty() { 0 } else { NAMED }]);
            sink.push_u32(until.as_secs());
            if mac.len() != 6 {
                sink.push_len(mac);
            }
            sink.push(&[hardware.htype()]);
            sink.push(mac);
            if key_from == KEY_STORED {
                sink.push(key.octets());
            }
            if let (ID_STORED, Some(client_id)) = (id, client_id) {
                sink.push_len(client_id.octets());
                sink.push(client_id.octets());
            }
            assert!(name.len() <= NAME_LEN_MAX, "a name has at most 64 octets");
            if !name.is_empty() {
                sink.push_len(name);
                sink.push(name);
            }
        }
        Change::Extend { until, .. } | Change::Quarantine { until, .. } => {
            sink.push_u32(until.as_secs());
        }
        Change::Release { .. } | Change::Forget { .. } => {}
    }
}

fn key_source(key: &ClientKey, hardware: &HardwareAddr, id: Option<ClientId<'_>>) -> u8 {
    if let Some(id) = id
        && id.octets().len() <= KEY_OPEN_LEN_MAX
        && *key == ClientKey::from_client_id(&NO_INSTALLATION, id)
    {
        return KEY_FROM_ID;
    }
    if hardware.octets().len() < KEY_OPEN_LEN_MAX
        && *key == ClientKey::from_hardware(&NO_INSTALLATION, hardware)
    {
        return KEY_FROM_HARDWARE;
    }
    KEY_STORED
}

/// Reads the record of the sector with number `seq` that begins with `octets`, into its place: it is large, and many are read.
///
/// # Errors
/// When there is none; then `to` says nothing.
pub(crate) fn decode<'a>(
    octets: &'a [u8],
    seq: u32,
    unit: usize,
    to: &mut Decoded<'a>,
) -> Result<(), NotARecord> {
    let mut source = Source { octets, at: 0 };
    let tag = source.octet();
    let net = tag & 0x07;
    to.standing = Standing { beginning: tag & BEGINNING != 0, settled: tag & SETTLED != 0 };
    match tag >> 4 & 0x07 {
        SKIP => to.record = Record::Skip,
        TIME => to.record = Record::Time(source.time()),
        BEGIN => {
            to.record = Record::Begin(Begin {
                oldest: source.word(),
                previous_end: source.word(),
                time: source.time(),
            });
        }
        kind => {
            let first = match NETS.iter().zip(1..).find(|(_, number)| *number == net) {
                Some((first, _)) => *first,
                None => source.octet(),
            };
            let [b, c, d, _] = source.number(3).to_le_bytes();
            let address = Ipv4Addr::new(first, b, c, d);
            let change = match kind {
                BIND => decode_bind(address, &mut source)?,
                EXTEND => Change::Extend { address, until: source.time() },
                RELEASE => Change::Release { address },
                QUARANTINE => Change::Quarantine { address, until: source.time() },
                _ => Change::Forget { address },
            };
            to.record = Record::Change(change);
        }
    }
    // Behind the last octet there is no sum.
    to.len = (source.at + CRC_LEN).next_multiple_of(unit);
    let (body, sum) = octets.get(..to.len).and_then(<[u8]>::split_last_chunk).ok_or(NotARecord)?;
    if u32::from_le_bytes(*sum) == checksum(seq, body) { Ok(()) } else { Err(NotARecord) }
}

fn decode_bind<'a>(address: Ipv4Addr, source: &mut Source<'a>) -> Result<Change<'a>, NotARecord> {
    let shape = source.octet();
    let until = source.time();
    let hardware_len = if shape & SIX_OCTETS != 0 { 6 } else { usize::from(source.octet()) };
    let typed = source.take(1 + hardware_len);
    let (htype, mac) = typed.split_first().ok_or(NotARecord)?;
    let hardware = HardwareAddr::new(*htype, mac).ok_or(NotARecord)?;
    let stored_key =
        if shape & KEY == KEY_STORED { Some(source.take(ClientKey::LEN)) } else { None };
    let id = match shape & ID {
        ID_NONE => None,
        ID_FROM_HARDWARE => Some(typed),
        ID_STORED => Some(source.counted()),
        _ => return Err(NotARecord),
    };
    let client_id = match id {
        None => None,
        Some(id) => Some(ClientId::new(id).ok_or(NotARecord)?),
    };
    let name = if shape & NAMED != 0 { source.counted() } else { &[] };
    if name.len() > NAME_LEN_MAX || shape & UNUSED != 0 {
        return Err(NotARecord);
    }
    let key = match (shape & KEY, stored_key, client_id) {
        (KEY_FROM_HARDWARE, _, _) if hardware_len < KEY_OPEN_LEN_MAX => {
            ClientKey::from_hardware(&NO_INSTALLATION, &hardware)
        }
        (KEY_FROM_ID, _, Some(id)) if id.octets().len() <= KEY_OPEN_LEN_MAX => {
            ClientKey::from_client_id(&NO_INSTALLATION, id)
        }
        (_, Some(key), _) => ClientKey::from_octets(*key.as_array().ok_or(NotARecord)?),
        _ => return Err(NotARecord),
    };
    Ok(Change::Bind { address, key, hardware, client_id, name, until, pinned: shape & PINNED != 0 })
}

/// Octets are added to the end of the room.
struct Sink<'r> {
    room: &'r mut [u8; RECORD_LEN_MAX],
    len: usize,
}

impl<'r> Sink<'r> {
    fn push(&mut self, octets: &[u8]) {
        let end = self.len + octets.len();
        let to = self.room.get_mut(self.len..end).expect("no record is longer than the longest");
        to.copy_from_slice(octets);
        self.len = end;
    }

    fn push_u32(&mut self, number: u32) {
        self.push(&number.to_le_bytes());
    }

    #[expect(clippy::cast_possible_truncation, reason = "what is counted has at most 255 octets")]
    fn push_len(&mut self, octets: &[u8]) {
        self.push(&[octets.len() as u8]);
    }

    fn close(mut self, seq: u32, unit: usize) -> &'r [u8] {
        let len = (self.len + CRC_LEN).next_multiple_of(unit);
        while self.len < len - CRC_LEN {
            self.push(&[0xff]);
        }
        let sum = checksum(seq, self.room.get(..self.len).expect("it was pushed"));
        self.push_u32(sum);
        self.room.get(..self.len).expect("it was pushed")
    }
}

/// Octets are taken from the front. Behind the last one there are none, or zeros: then the sum is not there either, and nobody has to ask before.
struct Source<'a> {
    octets: &'a [u8],
    at: usize,
}

// A microcontroller's program has these two once; a host reads many records and gains from knowing each length.
impl<'a> Source<'a> {
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    fn take(&mut self, len: usize) -> &'a [u8] {
        let from = self.at;
        self.at += len;
        self.octets.get(from..self.at).unwrap_or_default()
    }

    /// A number of up to 4 octets.
    #[cfg_attr(not(target_pointer_width = "64"), inline(never))]
    fn number(&mut self, len: usize) -> u32 {
        self.take(len).iter().rfold(0, |number, octet| number << 8 | u32::from(*octet))
    }

    fn octet(&mut self) -> u8 {
        let [octet, ..] = self.number(1).to_le_bytes();
        octet
    }

    fn word(&mut self) -> u32 {
        self.number(4)
    }

    fn time(&mut self) -> Timestamp {
        Timestamp::from_secs(self.word())
    }

    /// A length of one octet, and so many octets.
    fn counted(&mut self) -> &'a [u8] {
        let len = self.octet();
        self.take(usize::from(len))
    }
}

#[cfg(test)]
mod tests;
