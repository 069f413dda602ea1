//! What is the value of a key? Texts, numbers, durations, options; each with its place, and with an error when it is something else.

use core::net::Ipv4Addr;
use core::ops::{Range, RangeInclusive};

use dhcp_core::server::config::Identity;
use dhcp_core::time::LeaseTime;
use toml::de::DeValue;

use crate::config::draft::Parameters;
use crate::config::options::{Dictionary, nearest};
use crate::config::report::{Finding, Report};
use crate::config::source::{FileId, Span, Spanned};
use crate::config::value::{Atom, Value, hex};

/// A value with its place.
pub(super) type Item<'t> = toml::Spanned<DeValue<'t>>;

/// A table.
pub(super) type Table<'t> = toml::de::DeTable<'t>;

/// A key with its place.
pub(super) type Key<'k> = Spanned<&'k str>;

/// The keys of [`Reader::read_parameter`].
pub(in crate::config) const PARAMETER_KEYS: &[&str] = &[
    "lease-time",
    "min-lease-time",
    "max-lease-time",
    "authoritative",
    "identity",
    "unknown-clients",
    "trust-host-name",
    "next-server",
    "server-id",
    "server-name",
    "boot-file",
    "ping-check",
    "ping-timeout",
    "tell-names",
    "options",
];

/// One file being read.
pub(super) struct Reader<'r> {
    file: FileId,
    text: &'r str,
    pub(super) report: &'r mut Report,
    pub(super) dictionary: Dictionary,
}

impl<'r> Reader<'r> {
    pub(super) fn new(file: FileId, text: &'r str, report: &'r mut Report) -> Self {
        Self { file, text, report, dictionary: Dictionary::default() }
    }

    pub(super) fn span(&self, range: Range<usize>) -> Span {
        Span { file: self.file, start: range.start, end: range.end }
    }

    /// Where `word` stands in `span`; the whole when an escape hides it.
    pub(super) fn within(&self, span: Span, word: &str) -> Span {
        let raw = self.text.get(span.start..span.end).unwrap_or_default();
        raw.find(word).map_or(span, |at| {
            let start = span.start + at;
            Span { start, end: start + word.len(), ..span }
        })
    }

    pub(super) fn key<'k>(&self, key: &'k toml::Spanned<std::borrow::Cow<'_, str>>) -> Key<'k> {
        Spanned::new(key.get_ref().as_ref(), self.span(key.span()))
    }

    fn wrong(&mut self, item: &Item<'_>, expected: &str) {
        let found = match item.get_ref() {
            DeValue::String(_) => "this text",
            DeValue::Integer(_) => "this number",
            DeValue::Float(_) => "a number with a point",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let span = self.span(item.span());
        self.report
            .add(Finding::error(format!("{expected} is expected, not {found}")).at(span, expected));
    }

    pub(super) fn unknown(&mut self, key: Key<'_>, known: &[&str]) {
        let finding = Finding::error(format!("there is no key `{}` here", key.value))
            .at(key.span, "unknown key");
        self.report.add(match nearest(key.value, known.iter().copied()) {
            Some(near) => finding.help(format!("did you mean `{near}`?")),
            None => finding.help(format!("keys here are: {}", known.join(", "))),
        });
    }

    pub(super) fn misplaced(&mut self, key: Key<'_>, why: &str) {
        let message = format!("`{}` has no place here: {why}", key.value);
        self.report.add(Finding::error(message).at(key.span, "set it for the subnet"));
    }

    /// The tables of `[[name]]`.
    pub(super) fn tables<'t, 'i>(
        &mut self,
        name: &str,
        item: &'t Item<'i>,
    ) -> Vec<(Span, &'t Table<'i>)> {
        let mut tables = Vec::new();
        let expected = format!("tables, each beginning with [[{name}]],");
        match item.get_ref() {
            DeValue::Array(items) => {
                for item in items {
                    match item.get_ref() {
                        DeValue::Table(table) => tables.push((self.head(item), table)),
                        DeValue::String(_)
                        | DeValue::Integer(_)
                        | DeValue::Float(_)
                        | DeValue::Boolean(_)
                        | DeValue::Datetime(_)
                        | DeValue::Array(_) => self.wrong(item, &expected),
                    }
                }
            }
            DeValue::Table(_) => {
                let span = self.span(item.span());
                let message = format!("`{name}` is a list of tables");
                self.report.add(
                    Finding::error(message)
                        .at(span, format!("write [[{name}]], with two brackets")),
                );
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {
                self.wrong(item, &expected);
            }
        }
        tables
    }

    /// A table's first line stands for all of it.
    fn head(&self, item: &Item<'_>) -> Span {
        let span = self.span(item.span());
        let raw = self.text.get(span.start..span.end).unwrap_or_default();
        let len = raw.lines().next().map_or(0, str::len);
        Span { end: span.start + len, ..span }
    }

    pub(super) fn is_table(&self, item: &Item<'_>) -> bool {
        matches!(item.get_ref(), DeValue::Table(_))
    }

    pub(super) fn text(&mut self, item: &Item<'_>) -> Option<Spanned<String>> {
        if let DeValue::String(text) = item.get_ref()
            && !text.is_empty()
        {
            return Some(Spanned::new(text.to_string(), self.span(item.span())));
        }
        self.wrong(item, "a text in quotes");
        None
    }

    /// A text, or a list of texts.
    pub(super) fn texts(&mut self, item: &Item<'_>) -> Vec<Spanned<String>> {
        match item.get_ref() {
            DeValue::Array(items) => items.iter().filter_map(|item| self.text(item)).collect(),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Table(_) => self.text(item).into_iter().collect(),
        }
    }

    fn truth(&mut self, item: &Item<'_>) -> Option<Spanned<bool>> {
        if let DeValue::Boolean(truth) = item.get_ref() {
            return Some(Spanned::new(*truth, self.span(item.span())));
        }
        self.wrong(item, "true or false");
        None
    }

    pub(super) fn number(
        &mut self,
        item: &Item<'_>,
        range: RangeInclusive<u32>,
    ) -> Option<Spanned<u32>> {
        let number = match item.get_ref() {
            DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
            DeValue::String(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        };
        match number.filter(|number| range.contains(number)) {
            Some(number) => Some(Spanned::new(number, self.span(item.span()))),
            None => {
                self.wrong(item, &format!("a number from {} to {}", range.start(), range.end()));
                None
            }
        }
    }

    pub(super) fn address(&mut self, item: &Item<'_>) -> Option<Spanned<Ipv4Addr>> {
        if let DeValue::String(text) = item.get_ref()
            && let Ok(address) = text.parse()
        {
            return Some(Spanned::new(address, self.span(item.span())));
        }
        self.wrong(item, "an IPv4 address");
        None
    }

    /// A number of seconds, or a text such as "90s", "12h", "infinite".
    fn lease_time(&mut self, item: &Item<'_>) -> Option<Spanned<LeaseTime>> {
        let time = match item.get_ref() {
            DeValue::String(text) if text == "infinite" => Some(LeaseTime::Infinite),
            DeValue::String(_) | DeValue::Integer(_) => millis_of(item)
                .and_then(|millis| u32::try_from(millis / 1_000).ok())
                .map(LeaseTime::from_wire),
            DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_)
            | DeValue::Table(_) => None,
        };
        if time.is_none() {
            self.wrong(item, "seconds, or a time such as \"90s\", \"12h\", \"7d\", \"infinite\",");
        }
        Some(Spanned::new(time?, self.span(item.span())))
    }

    pub(super) fn seconds(&mut self, item: &Item<'_>) -> Option<u32> {
        let seconds = millis_of(item).and_then(|millis| u32::try_from(millis / 1_000).ok());
        if seconds.is_none() {
            self.wrong(item, "seconds, or a time such as \"90s\", \"12h\",");
        }
        seconds
    }

    fn millis(&mut self, item: &Item<'_>) -> Option<Spanned<u32>> {
        let millis = millis_of(item).and_then(|millis| u32::try_from(millis).ok());
        if millis.is_none() {
            self.wrong(item, "seconds, or a time such as \"500ms\",");
        }
        Some(Spanned::new(millis?, self.span(item.span())))
    }

    fn identity(&mut self, item: &Item<'_>) -> Option<Spanned<Identity>> {
        let text = self.text(item)?;
        let identity = match text.value.as_str() {
            "client-id" => Identity::ClientId,
            "mac" => Identity::Hardware,
            _ => {
                self.wrong(item, "\"client-id\" or \"mac\"");
                return None;
            }
        };
        Some(Spanned::new(identity, text.span))
    }

    fn unknown_clients(&mut self, item: &Item<'_>) -> Option<Spanned<bool>> {
        let text = self.text(item)?;
        match text.value.as_str() {
            "allow" => Some(Spanned::new(true, text.span)),
            "deny" => Some(Spanned::new(false, text.span)),
            _ => {
                self.wrong(item, "\"allow\" or \"deny\"");
                None
            }
        }
    }

    /// A text's octets, or those of `{ hex = "01:02" }`.
    pub(super) fn octets(&mut self, item: &Item<'_>) -> Option<(Vec<u8>, Span)> {
        let octets = match self.atom(item)? {
            Atom::Quoted(octets) | Atom::Hex(octets) => Some(octets),
            Atom::Word(_) | Atom::Number(_) | Atom::Truth(_) => None,
        };
        if octets.is_none() {
            self.wrong(item, "a text, or { hex = \"01:02:03\" },");
        }
        Some((octets?, self.span(item.span())))
    }

    /// A header field of limited length.
    fn field(&mut self, item: &Item<'_>, len_max: usize) -> Option<Spanned<Vec<u8>>> {
        let text = self.text(item)?;
        if text.value.len() > len_max {
            let finding = Finding::error(format!("at most {len_max} octets fit into the message"));
            self.report.add(finding.at(text.span, format!("{} octets", text.value.len())));
            return None;
        }
        Some(text.map(String::into_bytes))
    }

    /// Reads the item when the key is a parameter's; false when it is not.
    pub(super) fn read_parameter(
        &mut self,
        into: &mut Parameters,
        key: Key<'_>,
        item: &Item<'_>,
    ) -> bool {
        match key.value {
            "lease-time" => into.lease_default = self.lease_time(item),
            "min-lease-time" => into.lease_min = self.lease_time(item),
            "max-lease-time" => into.lease_max = self.lease_time(item),
            "authoritative" => into.authoritative = self.truth(item),
            "identity" => into.identity = self.identity(item),
            "unknown-clients" => into.serve_unknown = self.unknown_clients(item),
            "trust-host-name" => into.trust_host_name = self.truth(item),
            "next-server" => into.next_server = self.address(item),
            "server-id" => into.server_id = self.address(item),
            "server-name" => into.server_name = self.field(item, super::value::SERVER_NAME_LEN_MAX),
            "boot-file" => into.boot_file = self.field(item, super::value::BOOT_FILE_LEN_MAX),
            "ping-check" => into.ping_check = self.truth(item),
            "ping-timeout" => into.ping_timeout_millis = self.millis(item),
            "tell-names" => into.tell_names = self.truth(item),
            "options" => self.options(into, item),
            _ => return false,
        }
        true
    }

    fn options(&mut self, into: &mut Parameters, item: &Item<'_>) {
        let DeValue::Table(table) = item.get_ref() else {
            self.wrong(item, "a table of options");
            return;
        };
        for (key, item) in table {
            let name = self.key(key);
            if let Some(value) = self.value(item) {
                into.set_option(&self.dictionary, name, &value, self.report);
            }
        }
    }

    /// An option's value: one thing, a list of things, or a list of lists.
    fn value(&mut self, item: &Item<'_>) -> Option<Value> {
        let span = self.span(item.span());
        let groups = match item.get_ref() {
            DeValue::Array(items) => {
                items.iter().map(|item| self.group(item)).collect::<Option<_>>()?
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Table(_) => vec![self.group(item)?],
        };
        Some(Value { groups, span })
    }

    fn group(&mut self, item: &Item<'_>) -> Option<Vec<Spanned<Atom>>> {
        let items: &[Item<'_>] = match item.get_ref() {
            DeValue::Array(items) => items,
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Table(_) => core::slice::from_ref(item),
        };
        let atoms = items.iter().map(|item| {
            let span = self.span(item.span());
            Some(Spanned::new(self.atom(item)?, span))
        });
        atoms.collect()
    }

    fn atom(&mut self, item: &Item<'_>) -> Option<Atom> {
        match item.get_ref() {
            DeValue::String(text) => Some(Atom::Quoted(text.as_bytes().to_vec())),
            DeValue::Integer(number) => {
                let number = i128::from_str_radix(number.as_str(), number.radix()).ok();
                if number.is_none() {
                    self.wrong(item, "a smaller number");
                }
                number.map(Atom::Number)
            }
            DeValue::Boolean(truth) => Some(Atom::Truth(*truth)),
            DeValue::Table(table) => {
                if table.len() == 1
                    && let Some(item) = table.get("hex")
                    && let DeValue::String(text) = item.get_ref()
                    && let Some(octets) = hex_octets(text)
                {
                    return Some(Atom::Hex(octets));
                }
                self.wrong(item, "{ hex = \"01:02:03\" }");
                None
            }
            DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) => {
                self.wrong(item, "a text, a number, or true or false");
                None
            }
        }
    }
}

/// `01:02:ff`, or without colons two digits an octet.
fn hex_octets(text: &str) -> Option<Vec<u8>> {
    if text.contains(':') || text.len() <= 2 {
        return hex(text);
    }
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let pair = |pair: &[u8; 2]| {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        u8::try_from(high? * 16 + low?).ok()
    };
    pairs.iter().map(pair).collect::<Option<Vec<_>>>().filter(|_| rest.is_empty())
}

/// Milliseconds in a number of seconds, or in a text with a unit.
fn millis_of(item: &Item<'_>) -> Option<u64> {
    match item.get_ref() {
        DeValue::Integer(number) => {
            u64::from_str_radix(number.as_str(), number.radix()).ok()?.checked_mul(1_000)
        }
        DeValue::String(text) => {
            let digits = text.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(text.len());
            let (number, unit) = text.split_at_checked(digits)?;
            let millis = match unit.trim() {
                "ms" => 1,
                "" | "s" => 1_000,
                "m" | "min" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                "w" => 604_800_000,
                _ => return None,
            };
            number.parse::<u64>().ok()?.checked_mul(millis)
        }
        DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => None,
    }
}
