//! Where do options go when there is little room? Told once more, by counting.

use super::*;

/// What is in the options field behind the fixed options, in `file` and in `sname`, and how many options are nowhere.
#[derive(Debug, PartialEq, Eq)]
struct Placed {
    fields: [Vec<u8>; 3],
    dropped: u8,
}

/// The options field ends before its end mark and what is set aside for option 52; `file` and `sname` end before theirs, or are taken.
fn counted(
    lens: &[usize],
    [client, relay]: [Option<usize>; 2],
    [file, sname]: [bool; 2],
    max_len: usize,
) -> Placed {
    let all = max_len - HEADER_LEN - FIXED_LEN_MAX - 1;
    let overload = if file && sname { 0 } else { 3 };
    let mut room = [all - overload, if file { 0 } else { 127 }, if sname { 0 } else { 63 }];
    let relay_len = relay.map(|len| len + 2 * len.div_ceil(255).max(1));
    let [relay_room, client_room] = [relay_len, client.map(|len| len + 2)].map(|len| {
        let kept = len.filter(|len| *len <= room[0]).unwrap_or_default();
        room[0] -= kept;
        kept
    });
    let mut placed = Placed { fields: Default::default(), dropped: 0 };
    let mut place = |code: u8, len: usize, room: &mut [usize; 3]| match (0..3)
        .find(|field| 2 + len <= room[*field])
    {
        Some(field) => {
            room[field] -= 2 + len;
            placed.fields[field].push(code);
        }
        None => placed.dropped += 1,
    };
    for (code, len) in (200..).zip(lens) {
        place(code, *len, &mut room);
    }
    room[0] += client_room;
    if let Some(len) = client {
        place(61, len, &mut room);
    }
    room[0] += relay_room + overload;
    if placed.fields[1..].iter().any(|field| !field.is_empty()) {
        room[0] -= 3;
        placed.fields[0].push(52);
    }
    match relay_len {
        Some(len) if len <= room[0] => {
            placed.fields[0].extend(vec![82; relay.unwrap_or_default().div_ceil(255).max(1)]);
        }
        Some(_) => placed.dropped += 1,
        None => {}
    }
    placed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn options_go_where_there_is_room(
        lens in any_vec(prop_oneof![0..140_usize, 120..130_usize, 56..66_usize], 0..6),
        client in option::of(1..60_usize),
        relay in option::of(prop_oneof![0..40_usize, 250..260_usize, 508..512_usize]),
        taken in any::<[bool; 2]>(),
        max_len in prop_oneof![300..320_usize, 300..900_usize],
    ) {
        let reserved = (200_u8..).zip(&lens).map(|(code, len)| {
            [&[code, u8::try_from(*len).unwrap()][..], &vec![code; *len]].concat()
        });
        let reserved: Vec<_> = reserved.collect();
        let (client_id, info) = (client.map(|len| vec![61; len]), relay.map(|len| vec![82; len]));
        let options = ReplyOptions {
            reserved: &reserved.concat(),
            client_id: client_id.as_deref(),
            relay_agent_info: info.as_deref(),
            ..OFFER
        };
        let [file, sname] = taken.map(|taken| if taken { &b"x"[..] } else { &[] });
        let header = Header { file, sname, ..HEADER };
        let (octets, written) = written(&header, &options, max_len);
        prop_assert!((300..=max_len).contains(&written.len));
        let codes = |field: &[u8]| Options::new(field).map(|(code, _)| code).collect::<Vec<_>>();
        let main = HEADER_LEN + FIXED_LEN_MAX;
        let [file, sname] = [(FILE, taken[0]), (SNAME, taken[1])]
            .map(|(field, taken)| if taken { Vec::new() } else { codes(&octets[field]) });
        let fields = [codes(&octets[main..]), file, sname];
        let placed = Placed { fields, dropped: written.dropped };
        prop_assert_eq!(placed, counted(&lens, [client, relay], taken, max_len));
        let used: usize = Options::new(&octets[main..]).map(|(_, value)| 2 + value.len()).sum();
        let (end, padding) = octets[main + used..].split_first().unwrap();
        prop_assert!(*end == code::END && padding.iter().all(|octet| *octet == 0));
        let mut scratch = Scratch::new();
        prop_assert!(Message::parse(&octets, &mut scratch).is_ok());
    }
}

/// What is taken back leaves nothing behind the end mark.
#[test]
fn an_option_whose_parts_have_no_room_leaves_no_octet() {
    let first = [&[43, 20][..], &[7; 20]].concat();
    let second = [&[43, 200][..], &[8; 200]].concat();
    let options = ReplyOptions { reserved: &[first, second].concat(), ..OFFER };
    let (octets, written) = written(&HEADER, &options, 300);
    assert_eq!(written, Written { len: 300, dropped: 1 });
    let (end, padding) = octets[HEADER_LEN + FIXED_LEN_MAX..].split_first().unwrap();
    assert!(*end == code::END && padding.iter().all(|octet| *octet == 0));
}

/// Later parts never go back to an earlier field (RFC 3396 section 5), though there would be room.
#[test]
fn parts_do_not_go_back_to_an_earlier_field() {
    let first = [&[43, 100][..], &[7; 100]].concat();
    let options = ReplyOptions { reserved: &[&first[..], &[43, 1, 8]].concat(), ..OFFER };
    let (octets, written) = written(&HEADER, &options, 300);
    assert_eq!(written.dropped, 0);
    let codes = |field: &[u8]| Options::new(field).map(|(code, _)| code).collect::<Vec<_>>();
    assert_eq!(codes(&octets[FILE]), [43, 43]);
    assert_eq!(codes(&octets[HEADER_LEN + FIXED_LEN_MAX..]), [52]);
}

/// What a server writes by itself is there once, also where a reservation has it.
#[test]
fn a_reservation_does_not_set_what_is_ours() {
    let reserved = [12, 2, b'o', b'k', 51, 4, 0, 0, 0, 9, 53, 1, 6, 54, 4, 9, 9, 9, 9, 61, 1, 7];
    for requested in [None, Some(&[51, 53, 54, 61, 12][..])] {
        let options = ReplyOptions { reserved: &reserved, requested, ..OFFER };
        let (octets, _) = written(&HEADER, &options, 548);
        assert_eq!(codes(&octets), [53, 54, 51, 58, 59, 12]);
    }
}
