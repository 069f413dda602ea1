//! What is an option called, and what is in it? Names, codes and types (RFC 2132, dhcp-options(5)), and those that a file defines itself.

use std::collections::BTreeMap;

/// One field of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// Four octets.
    Address,
    /// Characters, at least one.
    Text,
    /// Text in quotes, or octets in hex.
    Octets,
    U8,
    U16,
    U32,
    I8,
    I16,
    I32,
    /// One octet, 0 or 1.
    Flag,
    /// One name in the encoding of RFC 1035 section 3.1.
    DomainName,
    /// Names one after the other; with pointers to earlier ones when `compressed` (RFC 3397).
    DomainList {
        compressed: bool,
    },
    /// Destinations and routers (RFC 3442).
    ClasslessRoutes,
    /// Enterprise numbers with their data (RFC 3925).
    VendorIdentified,
}

impl Field {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "ip-address" => Self::Address,
            "text" => Self::Text,
            "string" => Self::Octets,
            "boolean" | "flag" => Self::Flag,
            "integer 8" | "signed integer 8" => Self::I8,
            "integer 16" | "signed integer 16" => Self::I16,
            "integer" | "signed integer" | "integer 32" | "signed integer 32" => Self::I32,
            "unsigned integer 8" => Self::U8,
            "unsigned integer 16" => Self::U16,
            "unsigned integer" | "unsigned integer 32" => Self::U32,
            "domain-name" => Self::DomainName,
            "domain-list" => Self::DomainList { compressed: false },
            "domain-list compressed" => Self::DomainList { compressed: true },
            _ => return None,
        })
    }
}

/// A whole value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Type {
    /// In their order.
    pub(crate) fields: Vec<Field>,
    /// Whether the fields repeat.
    pub(crate) repeats: bool,
}

impl Type {
    /// From the words of `option NAME code N = TYPE`, as dhcp-options(5) has them: `ip-address`, `array of unsigned integer 16`,
    /// `{ boolean, text }`, `array of { integer 8, ip-address }`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let (text, repeats) = match words.strip_prefix("array of ") {
            Some(rest) => (rest, true),
            None => (words.as_str(), false),
        };
        let record = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let fields = record.unwrap_or(text).split(',').map(|field| Field::parse(field.trim()));
        let fields = fields.collect::<Option<Vec<_>>>()?;
        if record.is_none() && fields.len() != 1 {
            return None;
        }
        // Of a field without a length of its own, only the last can be told from its neighbours; and it cannot repeat.
        let open = |field: &Field| match field {
            Text
            | Octets
            | Field::DomainList { .. }
            | Field::ClasslessRoutes
            | Field::VendorIdentified => true,
            Address | U8 | U16 | U32 | Field::I8 | Field::I16 | I32 | Flag | Field::DomainName => {
                false
            }
        };
        let closed = if repeats { fields.len() } else { fields.len() - 1 };
        if fields.iter().take(closed).any(open) {
            return None;
        }
        Some(Self { fields, repeats })
    }

    pub(crate) fn one(field: Field) -> Self {
        Self { fields: vec![field], repeats: false }
    }
}

/// An option that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) code: u8,
    pub(crate) kind: Type,
}

/// A row of the table: code, names (the first is the usual one), fields, whether they repeat.
type Row = (u8, &'static [&'static str], &'static [Field], bool);

use Field::{Address, Flag, I32, Octets, Text, U8, U16, U32};

const PAIR: &[Field] = &[Address, Address];

/// In ascending order of codes.
const ROWS: &[Row] = &[
    (1, &["subnet-mask"], &[Address], false),
    (2, &["time-offset"], &[I32], false),
    (3, &["routers"], &[Address], true),
    (4, &["time-servers"], &[Address], true),
    (5, &["ien116-name-servers"], &[Address], true),
    (6, &["domain-name-servers"], &[Address], true),
    (7, &["log-servers"], &[Address], true),
    (8, &["cookie-servers"], &[Address], true),
    (9, &["lpr-servers"], &[Address], true),
    (10, &["impress-servers"], &[Address], true),
    (11, &["resource-location-servers"], &[Address], true),
    (12, &["host-name"], &[Text], false),
    (13, &["boot-size"], &[U16], false),
    (14, &["merit-dump"], &[Text], false),
    (15, &["domain-name"], &[Text], false),
    (16, &["swap-server"], &[Address], false),
    (17, &["root-path"], &[Text], false),
    (18, &["extensions-path", "extensions-path-name"], &[Text], false),
    (19, &["ip-forwarding"], &[Flag], false),
    (20, &["non-local-source-routing"], &[Flag], false),
    (21, &["policy-filter"], PAIR, true),
    (22, &["max-dgram-reassembly"], &[U16], false),
    (23, &["default-ip-ttl"], &[U8], false),
    (24, &["path-mtu-aging-timeout"], &[U32], false),
    (25, &["path-mtu-plateau-table"], &[U16], true),
    (26, &["interface-mtu"], &[U16], false),
    (27, &["all-subnets-local"], &[Flag], false),
    (28, &["broadcast-address"], &[Address], false),
    (29, &["perform-mask-discovery"], &[Flag], false),
    (30, &["mask-supplier"], &[Flag], false),
    (31, &["router-discovery"], &[Flag], false),
    (32, &["router-solicitation-address"], &[Address], false),
    (33, &["static-routes"], PAIR, true),
    (34, &["trailer-encapsulation"], &[Flag], false),
    (35, &["arp-cache-timeout"], &[U32], false),
    (36, &["ieee802-3-encapsulation"], &[Flag], false),
    (37, &["default-tcp-ttl"], &[U8], false),
    (38, &["tcp-keepalive-interval"], &[U32], false),
    (39, &["tcp-keepalive-garbage"], &[Flag], false),
    (40, &["nis-domain"], &[Text], false),
    (41, &["nis-servers"], &[Address], true),
    (42, &["ntp-servers"], &[Address], true),
    (43, &["vendor-encapsulated-options"], &[Octets], false),
    (44, &["netbios-name-servers"], &[Address], true),
    (45, &["netbios-dd-server"], &[Address], true),
    (46, &["netbios-node-type"], &[U8], false),
    (47, &["netbios-scope"], &[Text], false),
    (48, &["font-servers"], &[Address], true),
    (49, &["x-display-manager"], &[Address], true),
    (50, &["dhcp-requested-address"], &[Address], false),
    (51, &["dhcp-lease-time"], &[U32], false),
    (52, &["dhcp-option-overload"], &[U8], false),
    (53, &["dhcp-message-type"], &[U8], false),
    (54, &["dhcp-server-identifier"], &[Address], false),
    (55, &["dhcp-parameter-request-list"], &[U8], true),
    (56, &["dhcp-message"], &[Text], false),
    (57, &["dhcp-max-message-size"], &[U16], false),
    (58, &["dhcp-renewal-time"], &[U32], false),
    (59, &["dhcp-rebinding-time"], &[U32], false),
    (60, &["vendor-class-identifier"], &[Octets], false),
    (61, &["dhcp-client-identifier"], &[Octets], false),
    (62, &["nwip-domain"], &[Octets], false),
    (63, &["nwip-suboptions"], &[Octets], false),
    (64, &["nisplus-domain"], &[Text], false),
    (65, &["nisplus-servers"], &[Address], true),
    (66, &["tftp-server-name"], &[Text], false),
    (67, &["bootfile-name"], &[Text], false),
    (68, &["mobile-ip-home-agent"], &[Address], true),
    (69, &["smtp-server"], &[Address], true),
    (70, &["pop-server"], &[Address], true),
    (71, &["nntp-server"], &[Address], true),
    (72, &["www-server"], &[Address], true),
    (73, &["finger-server"], &[Address], true),
    (74, &["irc-server"], &[Address], true),
    (75, &["streettalk-server"], &[Address], true),
    (76, &["streettalk-directory-assistance-server"], &[Address], true),
    (77, &["user-class"], &[Octets], false),
    (80, &["rapid-commit"], &[Octets], false),
    (81, &["fqdn"], &[Octets], false),
    (82, &["relay-agent-information"], &[Octets], false),
    (85, &["nds-servers"], &[Address], true),
    (86, &["nds-tree-name"], &[Text], false),
    (87, &["nds-context"], &[Text], false),
    (88, &["bcms-controller-names"], &[Field::DomainList { compressed: true }], false),
    (89, &["bcms-controller-address"], &[Address], true),
    (93, &["pxe-system-type"], &[U16], true),
    (94, &["pxe-interface-id"], &[U8, U8, U8], false),
    (97, &["pxe-client-id"], &[U8, Octets], false),
    (98, &["uap-servers"], &[Text], false),
    (100, &["pcode"], &[Text], false),
    (101, &["tcode"], &[Text], false),
    (108, &["v6-only-preferred"], &[U32], false),
    (112, &["netinfo-server-address"], &[Address], true),
    (113, &["netinfo-server-tag"], &[Text], false),
    (114, &["captive-portal", "v4-captive-portal", "default-url"], &[Text], false),
    (116, &["auto-config"], &[U8], false),
    (117, &["name-service-search"], &[U16], true),
    (118, &["subnet-selection"], &[Address], false),
    (119, &["domain-search"], &[Field::DomainList { compressed: true }], false),
    (
        121,
        &["classless-static-routes", "rfc3442-classless-static-routes"],
        &[Field::ClasslessRoutes],
        false,
    ),
    (124, &["vivco"], &[Octets], false),
    (125, &["vivso"], &[Field::VendorIdentified], false),
    (136, &["pana-agent"], &[Address], true),
    (137, &["v4-lost"], &[Field::DomainName], false),
    (138, &["capwap-ac-v4"], &[Address], true),
    (141, &["sip-ua-cs-domains"], &[Field::DomainList { compressed: true }], false),
    (150, &["tftp-server-address"], &[Address], true),
    (209, &["loader-configfile"], &[Text], false),
    (210, &["loader-pathprefix"], &[Text], false),
    (211, &["loader-reboottime"], &[U32], false),
    (249, &["ms-classless-static-routes"], &[Field::ClasslessRoutes], false),
    (252, &["wpad-url"], &[Text], false),
];

/// How a code that has no name is called in `dhcpd.conf`.
const NUMBERED: &str = "option-";

/// The table, and what the file adds to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dictionary {
    defined: BTreeMap<String, Definition>,
}

impl Dictionary {
    /// The option with this name: the file's own first; `option-176` and `176` stand for a code.
    pub(crate) fn find(&self, name: &str) -> Option<Definition> {
        if let Some(definition) = self.defined.get(&name.to_ascii_lowercase()) {
            return Some(definition.clone());
        }
        if let Some(row) = ROWS.iter().find(|(_, names, ..)| names.contains(&name)) {
            return Some(definition(row));
        }
        let digits = name.strip_prefix(NUMBERED).unwrap_or(name);
        let plain = digits.bytes().all(|digit| digit.is_ascii_digit());
        let code = digits.parse().ok().filter(|_| plain)?;
        if digits == name {
            return Some(self.with_code(code));
        }
        Some(Definition { code, kind: Type::one(Octets) })
    }

    /// The option with this code; octets when nothing is known of it.
    pub(crate) fn with_code(&self, code: u8) -> Definition {
        let defined = self.defined.values().find(|definition| definition.code == code).cloned();
        let row = || ROWS.iter().find(|row| row.0 == code).map(definition);
        defined.or_else(row).unwrap_or_else(|| Definition { code, kind: Type::one(Octets) })
    }

    /// Adds a definition, which hides one of the same name.
    pub(crate) fn define(&mut self, name: &str, definition: Definition) {
        self.defined.insert(name.to_ascii_lowercase(), definition);
    }

    /// The name that was probably meant.
    pub(crate) fn nearest(&self, name: &str) -> Option<&str> {
        let names = ROWS.iter().flat_map(|(_, names, ..)| names.iter().copied());
        nearest(name, names.chain(self.defined.keys().map(String::as_str)))
    }
}

fn definition(row: &Row) -> Definition {
    let (code, _, fields, repeats) = *row;
    Definition { code, kind: Type { fields: fields.to_vec(), repeats } }
}

/// What people call an option: its first name in the table, else `option N`.
pub(crate) fn name_of(code: u8) -> String {
    let row = ROWS.iter().find(|row| row.0 == code);
    let name = row.and_then(|(_, names, ..)| names.first());
    name.map_or_else(|| format!("option {code}"), |name| (*name).to_owned())
}

/// By how many octets the word that was meant is longer or shorter than the one that was written, at most.
const NEAR: usize = 4;

/// The word among `words` that is most like `word`, if one is like it at all.
pub(crate) fn nearest<'w>(word: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let near = words.filter(|other| other.len().abs_diff(word.len()) <= NEAR);
    let likeness = near.map(|other| (strsim::jaro_winkler(word, other), other));
    let (likeness, best) = likeness.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
    (likeness > 0.8).then_some(best)
}

/// Why an option cannot be set by a configuration, when it cannot.
pub(crate) fn objection(code: u8) -> Option<&'static str> {
    match code {
        0 | 255 => Some("it marks a gap or the end in a message"),
        50 | 55 | 57 | 61 | 81 => Some("clients send it, servers do not"),
        52 => Some("the server writes it when a message is full"),
        53 => Some("the server writes it into each message"),
        56 => Some("the server writes it when it refuses"),
        58 | 59 => Some("the server sends half and seven eighths of the lease time"),
        80 => Some("this server does not do rapid commit"),
        82 => Some("relay agents write it, the server sends it back"),
        118 => Some("clients send it to name their subnet"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_ascend_and_names_are_told_once() {
        assert!(ROWS.is_sorted_by(|(one, ..), (other, ..)| one < other));
        let mut names = ROWS.iter().flat_map(|(_, names, ..)| names.iter()).collect::<Vec<_>>();
        let told = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), told);
    }

    #[test]
    fn every_option_of_the_plan_has_a_name_and_a_type() {
        let plan = [
            1, 2, 3, 4, 6, 7, 12, 15, 23, 26, 28, 33, 35, 42, 43, 44, 51, 60, 66, 67, 72, 77, 100,
            101, 108, 114, 119, 121, 125, 138, 150,
        ];
        for code in plan {
            assert!(ROWS.iter().any(|row| row.0 == code), "option {code}");
        }
    }

    #[test]
    fn an_option_is_found_by_name_number_and_definition() {
        let mut dictionary = Dictionary::default();
        assert_eq!(dictionary.find("routers").unwrap().code, 3);
        assert_eq!(dictionary.find("3"), dictionary.find("routers"));
        assert_eq!(dictionary.find("option-3").unwrap().kind, Type::one(Octets));
        assert_eq!(dictionary.find("176").unwrap().kind, Type::one(Octets));
        for unknown in ["router", "256", "+3", "", "option-"] {
            assert_eq!(dictionary.find(unknown), None, "{unknown}");
        }
        dictionary.define("sip", Definition { code: 176, kind: Type::one(Text) });
        assert_eq!(dictionary.find("sip").unwrap().code, 176);
        assert_eq!(dictionary.find("176").unwrap().kind, Type::one(Text));
        assert_eq!(dictionary.nearest("domain-name-server"), Some("domain-name-servers"));
        assert_eq!(dictionary.nearest("zzz"), None);
    }
}
