//! Which octets does a value stand for? From what either language writes to what goes on the wire, exactly as the type says.

mod domain;
mod routes;

use core::net::Ipv4Addr;

use crate::config::options::{Field, Type};
use crate::config::source::{Span, Spanned};

/// What fits into `sname`, with a zero at its end.
pub(crate) const SERVER_NAME_LEN_MAX: usize = 63;

/// What fits into `file`, with a zero at its end.
pub(crate) const BOOT_FILE_LEN_MAX: usize = 127;

/// One word of a value, as either language has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Atom {
    /// Without quotes: an address, a number, a name, hex with colons.
    Word(String),
    /// In quotes: octets, since an escape may stand for any of them.
    Quoted(Vec<u8>),
    /// A number.
    Number(i128),
    /// Yes or no.
    Truth(bool),
    /// Octets given as such: TOML's `{ hex = ".." }`. Of the type, or not.
    Hex(Vec<u8>),
}

/// A value: groups divided by commas (or elements of an array), words within them.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) groups: Vec<Vec<Spanned<Atom>>>,
    pub(crate) span: Span,
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub(crate) span: Span,
    /// Completes "the value of option X: ...".
    pub(crate) what: String,
    pub(crate) help: Option<String>,
}

impl Mistake {
    fn new(span: Span, what: impl Into<String>) -> Self {
        Self { span, what: what.into(), help: None }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The octets of `value`, of the type `kind`.
///
/// # Errors
/// The first word that does not fit.
pub(crate) fn encode(kind: &Type, value: &Value) -> Result<Vec<u8>, Mistake> {
    if let [group] = value.groups.as_slice()
        && let [Spanned { value: Atom::Hex(octets), .. }] = group.as_slice()
    {
        return Ok(octets.clone());
    }
    let octets = match kind.fields.as_slice() {
        [Field::DomainList { compressed }] => domain::list(&words(value), *compressed, value.span)?,
        [Field::ClasslessRoutes] => routes::encode(value)?,
        fields => plain(fields, kind.repeats, value)?,
    };
    if octets.is_empty() {
        return Err(Mistake::new(value.span, "a value is missing"));
    }
    Ok(octets)
}

fn words(value: &Value) -> Vec<&Spanned<Atom>> {
    value.groups.iter().flatten().collect()
}

/// Fields after each other; each group is one round of them.
fn plain(fields: &[Field], repeats: bool, value: &Value) -> Result<Vec<u8>, Mistake> {
    let mut octets = Vec::new();
    if let [_, second, ..] = value.groups.as_slice()
        && !repeats
    {
        let span = second.first().map_or(value.span, |word| word.span);
        return Err(Mistake::new(span, "one value is expected, and here is another"));
    }
    for group in &value.groups {
        let mut words = group.iter();
        for field in fields {
            let word = words.next().ok_or_else(|| {
                Mistake::new(group.first().map_or(value.span, |first| first.span), {
                    format!("{} is missing", field.article())
                })
            })?;
            encode_field(*field, word, &mut octets)?;
        }
        if let Some(word) = words.next() {
            let what = if repeats { "a comma is missing before this" } else { "this is too much" };
            return Err(Mistake::new(word.span, what));
        }
    }
    Ok(octets)
}

impl Field {
    /// With its article, for messages.
    pub(crate) const fn article(self) -> &'static str {
        match self {
            Self::Address => "an IPv4 address",
            Self::Text => "a text",
            Self::Octets => "a text or octets in hex (01:02:03)",
            Self::U8 => "a number from 0 to 255",
            Self::U16 => "a number from 0 to 65535",
            Self::U32 => "a number from 0 to 4294967295",
            Self::I8 => "a number from -128 to 255",
            Self::I16 => "a number from -32768 to 65535",
            Self::I32 => "a number from -2147483648 to 4294967295",
            Self::Flag => "true or false",
            Self::DomainName => "a domain name",
            Self::DomainList { .. } => "a list of domain names",
            Self::ClasslessRoutes => "a list of routes",
            Self::VendorIdentified => "an enterprise number and its data in hex",
        }
    }
}

/// Appends one field. A signed number may also be written as the unsigned one of the same bits, as `dhcpd.conf` files do.
fn encode_field(field: Field, word: &Spanned<Atom>, out: &mut Vec<u8>) -> Result<(), Mistake> {
    let expected = || Mistake::new(word.span, format!("{} is expected", field.article()));
    let number = || number(&word.value).ok_or_else(expected);
    match field {
        Field::Address => out.extend(address(word)?.octets()),
        Field::Text => match &word.value {
            Atom::Quoted(text) if text.is_empty() => {
                return Err(Mistake::new(word.span, "the text is empty, and an option cannot be"));
            }
            Atom::Quoted(text) => out.extend(text),
            Atom::Word(text) => out.extend(text.as_bytes()),
            Atom::Number(_) | Atom::Truth(_) | Atom::Hex(_) => return Err(expected()),
        },
        Field::Octets => out.extend(octets(word)?),
        Field::U8 => out.push(u8::try_from(number()?).map_err(|_| expected())?),
        Field::U16 => out.extend(u16::try_from(number()?).map_err(|_| expected())?.to_be_bytes()),
        Field::U32 => out.extend(u32::try_from(number()?).map_err(|_| expected())?.to_be_bytes()),
        Field::I8 => {
            let number = number()?;
            let signed = i8::try_from(number).map(i8::cast_unsigned);
            out.extend(signed.or(u8::try_from(number)).map_err(|_| expected())?.to_be_bytes());
        }
        Field::I16 => {
            let number = number()?;
            let signed = i16::try_from(number).map(i16::cast_unsigned);
            out.extend(signed.or(u16::try_from(number)).map_err(|_| expected())?.to_be_bytes());
        }
        Field::I32 => {
            let number = number()?;
            let signed = i32::try_from(number).map(i32::cast_unsigned);
            out.extend(signed.or(u32::try_from(number)).map_err(|_| expected())?.to_be_bytes());
        }
        Field::Flag => out.push(u8::from(truth(&word.value).ok_or_else(expected)?)),
        Field::DomainName => out.extend(domain::name(word)?),
        Field::DomainList { compressed } => {
            let (items, span) = ([word], word.span);
            out.extend(domain::list(&items, compressed, span)?);
        }
        Field::ClasslessRoutes => {
            let value = Value { groups: vec![vec![word.clone()]], span: word.span };
            out.extend(routes::encode(&value)?);
        }
        Field::VendorIdentified => {
            let octets = octets(word)?;
            check_vendor_identified(&octets)
                .ok_or_else(|| Mistake::new(word.span, "the lengths inside do not add up").help(
                    "four octets of an enterprise number, one octet with the length of its data, the data (RFC 3925)",
                ))?;
            out.extend(octets);
        }
    }
    Ok(())
}

/// Whether the lengths inside add up (RFC 3925 section 4).
fn check_vendor_identified(mut octets: &[u8]) -> Option<()> {
    while let [_, _, _, _, len, rest @ ..] = octets {
        octets = rest.get(usize::from(*len)..)?;
    }
    octets.is_empty().then_some(())
}

/// An IPv4 address. Names are not looked up: what a name means must not depend on a DNS server that may not be there yet.
pub(crate) fn address(word: &Spanned<Atom>) -> Result<Ipv4Addr, Mistake> {
    let text = match &word.value {
        Atom::Word(text) => text.as_str(),
        Atom::Quoted(text) => core::str::from_utf8(text).unwrap_or_default(),
        Atom::Number(_) | Atom::Truth(_) | Atom::Hex(_) => "",
    };
    text.parse().map_err(|_| {
        let mistake = Mistake::new(word.span, "an IPv4 address is expected");
        let is_name = text.bytes().any(|octet| octet.is_ascii_alphabetic());
        if is_name {
            mistake.help("names are not looked up: write the address itself")
        } else {
            mistake.help("four numbers from 0 to 255 with dots between them, such as 10.0.1.3")
        }
    })
}

/// A number; in `dhcpd.conf` also in hex (0x1f) and octal (017).
pub(crate) fn number(atom: &Atom) -> Option<i128> {
    match atom {
        Atom::Number(number) => Some(*number),
        Atom::Word(text) => {
            let (sign, digits) =
                text.strip_prefix('-').map_or((1, text.as_str()), |rest| (-1, rest));
            if digits.len() > 20 || !digits.starts_with(|first: char| first.is_ascii_digit()) {
                return None;
            }
            let hex = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"));
            let octal = digits.strip_prefix('0').filter(|rest| !rest.is_empty());
            let magnitude = match (hex, octal) {
                (Some(hex), _) => i128::from_str_radix(hex, 16),
                (None, Some(octal)) => i128::from_str_radix(octal, 8),
                (None, None) => digits.parse(),
            };
            magnitude.ok().filter(|magnitude| *magnitude >= 0).map(|magnitude| sign * magnitude)
        }
        Atom::Quoted(_) | Atom::Truth(_) | Atom::Hex(_) => None,
    }
}

/// `true`, `on`, `false`, `off`.
pub(crate) fn truth(atom: &Atom) -> Option<bool> {
    match atom {
        Atom::Truth(truth) => Some(*truth),
        Atom::Word(word) => match word.to_ascii_lowercase().as_str() {
            "true" | "on" => Some(true),
            "false" | "off" => Some(false),
            _ => None,
        },
        Atom::Quoted(_) | Atom::Number(_) | Atom::Hex(_) => None,
    }
}

/// Text in quotes, or octets in hex with colons.
pub(crate) fn octets(word: &Spanned<Atom>) -> Result<Vec<u8>, Mistake> {
    let expected = || Mistake::new(word.span, format!("{} is expected", Field::Octets.article()));
    match &word.value {
        Atom::Quoted(text) => Ok(text.clone()),
        Atom::Hex(octets) => Ok(octets.clone()),
        Atom::Word(text) => hex(text).ok_or_else(expected),
        Atom::Number(_) | Atom::Truth(_) => Err(expected()),
    }
}

/// `01:2:ff`: one or two digits an octet; at least one octet.
pub(crate) fn hex(text: &str) -> Option<Vec<u8>> {
    let octet = |part: &str| {
        let digits = part.bytes().all(|digit| digit.is_ascii_hexdigit());
        let fits = digits && matches!(part.len(), 1 | 2);
        u8::from_str_radix(part, 16).ok().filter(|_| fits)
    };
    text.split(':').map(octet).collect()
}

/// What RFC 2132 demands of some values beyond their type.
pub(crate) fn check_meaning(code: u8, octets: &[u8], span: Span) -> Result<(), Mistake> {
    let wide = octets.iter().fold(0_u64, |number, octet| number << 8 | u64::from(*octet));
    let (lawful, what) = match code {
        22 => (wide >= 576, "at least 576 (RFC 2132 section 4.4)"),
        23 | 37 => (wide >= 1, "at least 1 hop"),
        25 => (
            octets.as_chunks::<2>().0.iter().all(|mtu| u16::from_be_bytes(*mtu) >= 68),
            "at least 68 each (RFC 2132 section 4.7)",
        ),
        26 => (wide >= 68, "at least 68 (RFC 2132 section 5.1)"),
        33 => {
            let (routes, _) = octets.as_chunks::<8>();
            let default = |route: &[u8; 8]| route.starts_with(&[0; 4]);
            (
                !routes.iter().any(default),
                "no default route here: that is `routers` (RFC 2132 section 5.8)",
            )
        }
        46 => (matches!(wide, 1 | 2 | 4 | 8), "1, 2, 4 or 8 (RFC 2132 section 8.7)"),
        _ => (true, ""),
    };
    if lawful { Ok(()) } else { Err(Mistake::new(span, what)) }
}
