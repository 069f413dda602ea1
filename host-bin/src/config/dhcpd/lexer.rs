//! Which words does a `dhcpd.conf` consist of? Words, texts in quotes, and signs; comments begin with `#` and end with the line.

use crate::config::report::{Finding, Report};
use crate::config::source::{FileId, Span};

/// What a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Anything between spaces and signs: a name, a number, an address.
    Word(String),
    /// What stands between quotes, escapes resolved.
    Quoted(Vec<u8>),
    /// One of `{ } ; , = ( )`.
    Sign(char),
}

/// A token and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
    /// Whether it is the first of its line.
    pub(crate) begins_line: bool,
}

impl Token {
    pub(crate) fn is_sign(&self, sign: char) -> bool {
        self.kind == Kind::Sign(sign)
    }

    /// The word, if it is one.
    pub(crate) fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            Kind::Quoted(_) | Kind::Sign(_) => None,
        }
    }
}

const SIGNS: &str = "{};,=()";

/// The tokens of a text. A text in quotes that does not end on its line is reported, and taken to end there.
pub(crate) fn tokens(file: FileId, text: &str, report: &mut Report) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut begins_line = true;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let start = text.len() - rest.len();
        let kind = match first {
            '\n' => {
                begins_line = true;
                rest = tail(rest, 1);
                continue;
            }
            '#' => {
                rest = tail(rest, rest.find('\n').unwrap_or(rest.len()));
                continue;
            }
            // A byte order mark, as some editors write it.
            space if space.is_whitespace() || space == '\u{feff}' => {
                rest = tail(rest, space.len_utf8());
                continue;
            }
            '"' => {
                let (octets, len, closed) = quoted(tail(rest, 1));
                rest = tail(rest, 1 + len);
                if !closed {
                    let span = Span { file, start, end: text.len() - rest.len() };
                    let finding = Finding::error("the text does not end on its line");
                    report.add(finding.at(span, "a quote is missing"));
                }
                Kind::Quoted(octets)
            }
            sign if SIGNS.contains(sign) => {
                rest = tail(rest, sign.len_utf8());
                Kind::Sign(sign)
            }
            _ => {
                let ends = |sign: char| {
                    sign.is_whitespace() || SIGNS.contains(sign) || matches!(sign, '"' | '#')
                };
                let len = rest.find(ends).unwrap_or(rest.len());
                let (word, after) = rest.split_at(len);
                rest = after;
                Kind::Word(word.to_owned())
            }
        };
        let span = Span { file, start, end: text.len() - rest.len() };
        tokens.push(Token { kind, span, begins_line });
        begins_line = false;
    }
    tokens
}

fn tail(text: &str, len: usize) -> &str {
    text.get(len..).unwrap_or_default()
}

/// The octets up to the closing quote; how long that was, with the quote; whether there was one.
fn quoted(text: &str) -> (Vec<u8>, usize, bool) {
    let mut octets = Vec::new();
    let mut rest = text.as_bytes();
    loop {
        let len = text.len() - rest.len();
        match rest {
            [b'"', ..] => return (octets, len + 1, true),
            [] | [b'\n', ..] | [b'\\'] | [b'\\', b'\n', ..] => {
                let end = text.find('\n').unwrap_or(text.len());
                return (octets, end, false);
            }
            [b'\\', escape @ ..] => {
                let (octet, after) = escaped(escape);
                octets.extend(octet);
                rest = after;
            }
            [octet, after @ ..] => {
                octets.push(*octet);
                rest = after;
            }
        }
    }
}

/// What stands for the octets after a backslash: `\n`, `\t`, `\r`, `\b`, `\101` in octal, `\x41` in hex, any other sign for itself.
fn escaped(text: &[u8]) -> (Option<u8>, &[u8]) {
    let digits = |text: &[u8], radix: u32, most: usize| {
        let mut value = 0_u32;
        let mut len = 0;
        for octet in text.iter().take(most) {
            let Some(digit) = char::from(*octet).to_digit(radix) else { break };
            value = value * radix + digit;
            len += 1;
        }
        // Three octal digits can say more than an octet holds; the well-known server keeps the low eight bits.
        (u8::try_from(value & 0xff).ok(), len)
    };
    match text {
        [b'n', rest @ ..] => (Some(b'\n'), rest),
        [b't', rest @ ..] => (Some(b'\t'), rest),
        [b'r', rest @ ..] => (Some(b'\r'), rest),
        [b'b', rest @ ..] => (Some(8), rest),
        [b'0'..=b'3', ..] => {
            let (octet, len) = digits(text, 8, 3);
            (octet, text.get(len..).unwrap_or_default())
        }
        [b'x', rest @ ..] => {
            let (octet, len) = digits(rest, 16, 2);
            (octet.filter(|_| len > 0).or(Some(b'x')), rest.get(len..).unwrap_or_default())
        }
        [octet, rest @ ..] => (Some(*octet), rest),
        [] => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::source::Sources;

    fn lex(text: &str) -> (Vec<Kind>, usize) {
        let mut sources = Sources::default();
        let file = sources.add(Path::new("test"), text.to_owned());
        let mut report = Report::default();
        let tokens = tokens(file, text, &mut report);
        (tokens.into_iter().map(|token| token.kind).collect(), report.findings().len())
    }

    fn word(text: &str) -> Kind {
        Kind::Word(text.to_owned())
    }

    #[test]
    fn words_signs_and_comments() {
        let (kinds, findings) =
            lex("option routers 10.0.1.3,10.0.1.4; # first; \"not\" read\n-1{}");
        let comma = Kind::Sign(',');
        let expected = [
            word("option"),
            word("routers"),
            word("10.0.1.3"),
            comma,
            word("10.0.1.4"),
            Kind::Sign(';'),
            word("-1"),
            Kind::Sign('{'),
            Kind::Sign('}'),
        ];
        assert_eq!((kinds.as_slice(), findings), (&expected[..], 0));
    }

    #[test]
    fn escapes_stand_for_octets() {
        let (kinds, findings) = lex(r#""a\"b\\\101\x41\n\r\t\b\xz\q""#);
        assert_eq!(kinds, [Kind::Quoted(b"a\"b\\AA\n\r\t\x08xzq".to_vec())]);
        assert_eq!(findings, 0);
    }

    #[test]
    fn a_text_without_an_end_is_told_and_ends_with_its_line() {
        for text in ["filename \"boot;\nrange", "filename \"boot\\\nrange"] {
            let (kinds, findings) = lex(text);
            assert_eq!((kinds.len(), findings), (3, 1), "{text:?}: {kinds:?}");
            assert_eq!(kinds[2], word("range"));
        }
        assert_eq!(lex("\"").1, 1);
    }
}
