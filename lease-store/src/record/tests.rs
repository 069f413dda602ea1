extern crate std;

use std::string::String;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

const SETTLED_ONLY: Standing = Standing { beginning: false, settled: true };

fn camera<'a>() -> Change<'a> {
    let hardware = HardwareAddr::ethernet([2, 0, 0, 0, 0, 7]);
    Change::Bind {
        address: Ipv4Addr::new(10, 0, 1, 20),
        key: ClientKey::from_hardware(&NO_INSTALLATION, &hardware),
        hardware,
        client_id: None,
        name: b"cam",
        until: Timestamp::from_secs(0x0102_0304),
        pinned: true,
    }
}

fn hex(record: &Record<'_>, standing: Standing, unit: usize) -> String {
    let mut room = [0; RECORD_LEN_MAX];
    let octets = encode(record, standing, 5, unit, &mut room);
    octets.iter().map(|octet| std::format!("{octet:02x}")).collect()
}

fn decoded(octets: &[u8], seq: u32, unit: usize) -> Result<Decoded<'_>, NotARecord> {
    let mut decoded = Decoded::NONE;
    decode(octets, seq, unit, &mut decoded).map(|()| decoded)
}

/// Format version 1 is these octets for ever.
#[test]
fn records_have_their_golden_octets() {
    let address = Ipv4Addr::new(192, 168, 7, 9);
    let until = Timestamp::from_secs(0x6500_0000);
    let public = Ipv4Addr::new(203, 0, 113, 9);
    let begin = Begin { oldest: 3, previous_end: 4_000, time: until };
    let golden = [
        (Record::Change(camera()), 4, GOLDEN[0]),
        (Record::Change(Change::Extend { address, until }), 4, GOLDEN[1]),
        (Record::Change(Change::Extend { address: public, until }), 4, GOLDEN[2]),
        (Record::Change(Change::Extend { address, until }), 8, GOLDEN[3]),
        (Record::Change(Change::Release { address }), 4, GOLDEN[4]),
        (Record::Change(Change::Quarantine { address, until }), 4, GOLDEN[5]),
        (Record::Change(Change::Forget { address }), 4, GOLDEN[6]),
        (Record::Time(until), 4, GOLDEN[7]),
        (Record::Begin(begin), 4, GOLDEN[8]),
        (Record::Skip, 4, GOLDEN[9]),
    ];
    for (record, unit, octets) in golden {
        assert_eq!(hex(&record, SETTLED_ONLY, unit), octets, "{record:?}");
    }
}

const GOLDEN: [&str; 10] = [
    "190001144304030201010200000000070363616dccdc5903",
    "2ba80709000000652a169ab7",
    "28cb00710900000065ffffff789a9a7f",
    "2ba8070900000065ffffffff82ce62d8",
    "3ba807092ba57ea7",
    "4ba807090000006581b89aa0",
    "5ba8070947eefddb",
    "6800000065ffffffd8b9b19a",
    "7803000000a00f000000000065ffffffca484f86",
    "08ffffffc5756b34",
];

#[test]
fn a_renewal_takes_12_octets_and_a_client_with_a_short_name_24() {
    let renewal = Change::Extend { address: Ipv4Addr::new(10, 9, 8, 7), until: Timestamp::NEVER };
    assert_eq!(hex(&Record::Change(renewal), Standing::default(), 4).len(), 24);
    assert_eq!(hex(&Record::Change(camera()), Standing::default(), 4).len(), 48);
}

#[test]
fn a_record_of_another_sector_is_none() {
    let mut room = [0; RECORD_LEN_MAX];
    let octets = encode(&Record::Change(camera()), Standing::default(), 5, 4, &mut room);
    assert!(decoded(octets, 5, 4).is_ok());
    assert_eq!(decoded(octets, 6, 4), Err(NotARecord));
}

#[test]
fn a_changed_bit_is_noticed() {
    let mut room = [0; RECORD_LEN_MAX];
    let octets = encode(&Record::Change(camera()), Standing::default(), 5, 4, &mut room).to_vec();
    for bit in 0..octets.len() * 8 {
        let mut changed = octets.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(decoded(&changed, 5, 4), Err(NotARecord), "bit {bit}");
    }
    for len in 0..octets.len() {
        assert_eq!(decoded(&octets[..len], 5, 4), Err(NotARecord), "{len} octets");
    }
}

proptest! {
    #[test]
    fn a_client_is_read_as_it_was_written(
        address: u32,
        htype: u8,
        mac in prop::collection::vec(any::<u8>(), 0..=16),
        id in prop::option::of(prop::collection::vec(any::<u8>(), 2..=255)),
        same_id: bool,
        key_from in 0..3,
        name in prop::collection::vec(any::<u8>(), 0..=64),
        until: u32,
        flags in any::<(bool, bool, bool)>(),
        unit in prop::sample::select(vec![4_usize, 8, 16, 32]),
        seq: u32,
    ) {
        let hardware = HardwareAddr::new(htype, &mac).unwrap();
        let typed: Vec<u8> = core::iter::once(htype).chain(mac).collect();
        let id = if same_id { Some(typed) } else { id };
        let client_id = id.as_deref().and_then(ClientId::new);
        let installation = InstallationKey([3; 16]);
        let key = match (key_from, client_id) {
            (0, Some(id)) => ClientKey::from_client_id(&installation, id),
            (1, _) => ClientKey::from_name(&installation, b"camera"),
            _ => ClientKey::from_hardware(&installation, &hardware),
        };
        let (pinned, beginning, settled) = flags;
        let change = Change::Bind {
            address: Ipv4Addr::from_bits(address),
            key,
            hardware,
            client_id,
            name: &name,
            until: Timestamp::from_secs(until),
            pinned,
        };
        let standing = Standing { beginning, settled };
        let mut room = [0; RECORD_LEN_MAX];
        let record = Record::Change(change);
        let octets = encode(&record, standing, seq, unit, &mut room);
        prop_assert!(octets.len().is_multiple_of(unit));
        let decoded = decoded(octets, seq, unit);
        prop_assert_eq!(decoded, Ok(Decoded { record, standing, len: octets.len() }));
    }

    #[test]
    fn any_octets_are_read_without_a_panic(
        octets in prop::collection::vec(any::<u8>(), 0..400),
        seq: u32,
    ) {
        let _ = decoded(&octets, seq, 4);
    }
}
