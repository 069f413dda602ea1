//! In which domains are short names looked up? The list of option 119 (RFC 3397): names with pointers to parts of earlier ones (RFC 1035 section 4.1.4).
//!
//! It is the server's word. A name that is none, or that could mean something to a file or a terminal, is left out.

/// The longest name in octets, with its lengths and the root (RFC 1035 section 2.3.4).
const NAME_LEN_MAX: usize = 255;

/// The names in order, without a dot at their ends. What follows something that cannot be read is left out.
pub(crate) fn names(value: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut at = 0;
    while let Some((labels, behind)) = name_at(value, at) {
        at = behind;
        if let Some(name) = spelled(&labels)
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    names
}

/// The labels of the name that begins here, and where the next one begins.
fn name_at(value: &[u8], from: usize) -> Option<(Vec<&[u8]>, usize)> {
    let (mut labels, mut len) = (Vec::new(), 1);
    // Pointers lead back only, or there would be no end.
    let (mut at, mut below, mut behind) = (from, from, None);
    loop {
        let lead = *value.get(at)?;
        match lead {
            0 => return Some((labels, behind.unwrap_or(at + 1))),
            1..=63 => {
                let label = value.get(at + 1..at + 1 + usize::from(lead))?;
                len += 1 + label.len();
                if len > NAME_LEN_MAX {
                    return None;
                }
                labels.push(label);
                at += 1 + label.len();
            }
            192..=255 => {
                let target = usize::from(u16::from_be_bytes([lead & 0x3f, *value.get(at + 1)?]));
                if target >= below {
                    return None;
                }
                behind.get_or_insert(at + 2);
                (at, below) = (target, target);
            }
            64..=191 => return None,
        }
    }
}

/// With dots between; `None` for the root, and for what has other characters than names of hosts have.
fn spelled(labels: &[&[u8]]) -> Option<String> {
    let known = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_');
    let texts = labels.iter().map(|label| {
        let text = core::str::from_utf8(label).ok()?;
        label.iter().all(known).then_some(text)
    });
    let texts = texts.collect::<Option<Vec<_>>>()?;
    (!texts.is_empty()).then(|| texts.join("."))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of RFC 3397 section 3.
    #[test]
    fn names_share_their_ends() {
        let value =
            b"\x03eng\x05apple\x03com\x00\x09marketing\xc0\x04\x06\x62ad om\x00\x03eng\xc0\x04";
        assert_eq!(names(value), ["eng.apple.com", "marketing.apple.com"]);
    }

    #[test]
    fn what_cannot_be_read_ends_the_list() {
        let lists: [&[u8]; 6] = [
            b"\x01a\x00\xc0\x03",               // to itself
            b"\x01a\x00\xc0\x09",               // forward
            b"\x01a\x00\x40",                   // no length
            b"\x01a\x00\x05long",               // cut off
            b"\x01a\x00\x01b\xc0\x03\x01c\x00", // into its own name
            b"\x01a\x00\xc0",                   // half a pointer
        ];
        for list in lists {
            assert_eq!(names(list), ["a"], "{list:?}");
        }
        assert_eq!(names(&[0, 0]), Vec::<String>::new(), "the root is no domain to search");
        let long = [[63].as_slice(), &[b'a'; 63]].concat().repeat(4);
        assert_eq!(names(&[&long[..], &[0]].concat()), Vec::<String>::new(), "257 octets");
    }

    proptest! {
        #[test]
        fn any_octets_are_names_of_hosts_or_nothing(value in proptest::collection::vec(any::<u8>(), 0..300)) {
            for name in names(&value) {
                prop_assert!(name.len() < NAME_LEN_MAX);
                let known = |one: char| one.is_ascii_alphanumeric() || "-_.".contains(one);
                prop_assert!(name.chars().all(known), "{name}");
            }
        }
    }
}
