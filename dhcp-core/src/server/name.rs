//! What may a name from a packet look like in a file, a log or on a terminal? Letters, digits, `-`, `.` and `_`.

/// The longest name that is kept, in octets.
pub const NAME_LEN_MAX: usize = 64;

/// Writes `name` into `room` with every run of other octets as one `-`, none of them at the beginning or the end, and
/// nothing after [`NAME_LEN_MAX`] octets. What comes out is a host name as people write it, is ASCII, and does not begin with `-`
/// or `.`, so that it is neither an option of a command nor a hidden file.
///
/// ```
/// let mut room = [0; dhcp_core::server::NAME_LEN_MAX];
/// assert_eq!(dhcp_core::server::sanitised(b"Bob's \x1b[31m camera", &mut room), b"Bob-s-31m-camera");
/// ```
pub fn sanitised<'r>(name: &[u8], room: &'r mut [u8; NAME_LEN_MAX]) -> &'r [u8] {
    let mut len = 0;
    let mut gap = false;
    for octet in name {
        if !(octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_')) {
            gap = len > 0;
            continue;
        }
        if len == 0 && matches!(octet, b'-' | b'.') {
            continue;
        }
        for kept in [gap.then_some(b'-'), Some(*octet)].into_iter().flatten() {
            let Some(place) = room.get_mut(len) else { break };
            *place = kept;
            len += 1;
        }
        gap = false;
    }
    let written = room.get(..len).expect("no more is written than there is room");
    let end =
        written.iter().rposition(|octet| !matches!(octet, b'-' | b'.')).map_or(0, |at| at + 1);
    written.get(..end).expect("the end is within what was written")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_letters_digits_and_three_signs() {
        let cases: [(&[u8], &[u8]); 14] = [
            (b"camera-7", b"camera-7"),
            (b"plc_1.truck.local", b"plc_1.truck.local"),
            (b"", b""),
            (b"\0", b""),
            (b"windows\0", b"windows"),
            (b"a\r\nlease 10.0.0.1 {", b"a-lease-10.0.0.1"),
            (b"\x1b]0;owned\x07x", b"0-owned-x"),
            (b"../../etc/passwd", b"etc-passwd"),
            (b"--help", b"help"),
            (b"-", b""),
            (b"dot.", b"dot"),
            ("café".as_bytes(), b"caf"),
            (b"\xff\xfe\xfd", b""),
            (b"$(reboot)", b"reboot"),
        ];
        for (given, kept) in cases {
            assert_eq!(sanitised(given, &mut [0; NAME_LEN_MAX]), kept, "{given:?}");
        }
    }

    #[test]
    fn names_end_after_64_octets() {
        assert_eq!(sanitised(&[b'a'; 255], &mut [0; NAME_LEN_MAX]), &[b'a'; 64]);
        let mut dashed = [b'a'; 70];
        dashed[63] = b' ';
        assert_eq!(sanitised(&dashed, &mut [0; NAME_LEN_MAX]), &[b'a'; 63]);
    }

    #[test]
    fn every_octet_gives_a_harmless_name() {
        for octet in 0..=u8::MAX {
            let mut room = [0; NAME_LEN_MAX];
            let name = sanitised(&[octet, b'a', octet, octet], &mut room);
            assert!(name.iter().all(|kept| kept.is_ascii_graphic()));
            assert!(!name.starts_with(b"-") && !name.starts_with(b"."));
            assert!(!name.iter().any(|kept| b"/\\\"'`$;&|<>(){}[]*?!#~=%:@,".contains(kept)));
        }
    }
}
