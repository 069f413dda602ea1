//! How is a domain name written? Labels with their lengths (RFC 1035 section 3.1), and lists with pointers (RFC 3397).

use crate::config::source::{Span, Spanned};
use crate::config::value::{Atom, Mistake};

/// The longest label in octets.
const LABEL_LEN_MAX: usize = 63;

/// The longest name in octets, with lengths and the root.
const NAME_LEN_MAX: usize = 255;

/// A pointer has 14 bits.
const POINTER_MAX: usize = 0x3fff;

/// One name.
pub(super) fn name(word: &Spanned<Atom>) -> Result<Vec<u8>, Mistake> {
    let mut octets = Vec::new();
    for label in labels(word)? {
        push_label(label, &mut octets);
    }
    octets.push(0);
    Ok(octets)
}

/// Names after each other. With pointers, the end of a name that was written before is not written again; they count from the
/// beginning of the option, which RFC 3397 allows to be split over several.
pub(super) fn list(
    words: &[&Spanned<Atom>],
    compressed: bool,
    span: Span,
) -> Result<Vec<u8>, Mistake> {
    if words.is_empty() {
        return Err(Mistake::new(span, "a domain name is missing"));
    }
    let mut octets = Vec::new();
    // Ends of names that stand in `octets`, and where.
    let mut known: Vec<(Vec<Vec<u8>>, usize)> = Vec::new();
    for word in words {
        let labels = labels(word)?;
        let mut pointer = None;
        for (place, label) in labels.iter().enumerate() {
            let tail = labels
                .iter()
                .skip(place)
                .map(|label| label.to_ascii_lowercase())
                .collect::<Vec<_>>();
            pointer = known.iter().find(|(name, _)| compressed && *name == tail).map(|(_, at)| *at);
            if pointer.is_some() {
                break;
            }
            if octets.len() <= POINTER_MAX {
                known.push((tail, octets.len()));
            }
            push_label(label, &mut octets);
        }
        match pointer.and_then(|at| u16::try_from(at).ok()) {
            Some(at) => octets.extend((0xc000 | at).to_be_bytes()),
            None => octets.push(0),
        }
    }
    Ok(octets)
}

fn push_label(label: &[u8], octets: &mut Vec<u8>) {
    octets.push(u8::try_from(label.len()).expect("`labels` allows 63 octets"));
    octets.extend(label);
}

/// The labels of a name, which may end with a dot.
fn labels(word: &Spanned<Atom>) -> Result<Vec<&[u8]>, Mistake> {
    let text = match &word.value {
        Atom::Quoted(text) => text.as_slice(),
        Atom::Word(text) => text.as_bytes(),
        Atom::Number(_) | Atom::Truth(_) | Atom::Hex(_) => b"",
    };
    let text = text.strip_suffix(b".").unwrap_or(text);
    let labels = text.split(|octet| *octet == b'.').collect::<Vec<_>>();
    if text.is_empty() || labels.iter().any(|label| label.is_empty()) {
        return Err(Mistake::new(word.span, "a domain name is expected"));
    }
    if labels.iter().any(|label| label.len() > LABEL_LEN_MAX) {
        return Err(Mistake::new(word.span, "a label of a domain name has at most 63 octets"));
    }
    if text
        .iter()
        .any(|octet| octet.is_ascii_whitespace() || octet.is_ascii_control() || *octet == b',')
    {
        return Err(Mistake::new(word.span, "a domain name has no spaces and no commas")
            .help("write several names as \"one.example\", \"two.example\""));
    }
    if text.len() + 2 > NAME_LEN_MAX {
        return Err(Mistake::new(word.span, "a domain name has at most 253 characters"));
    }
    Ok(labels)
}
