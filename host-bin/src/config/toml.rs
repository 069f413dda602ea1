//! What does a TOML file say? Our own configuration language: tables and keys to a [`Draft`].
//!
//! ```toml
//! lease-time = "1h"
//!
//! [[subnet]]
//! network = "10.0.1.0/24"
//! interface = "eth0"
//! vlan = 1
//! server-id = "10.0.1.1"
//! range = "10.0.1.2 - 10.0.1.200"
//! options = { routers = "10.0.1.3", domain-name-servers = ["8.8.8.8", "8.8.4.4"] }
//!
//! [[subnet.reservation]]
//! name = "camera"
//! mac = "02:00:00:00:00:01"
//! address = "10.0.1.9"
//! ```

pub(super) mod reader;

use core::net::Ipv4Addr;

use dhcp_core::id::{ClientId, HardwareAddr};
use dhcp_core::net;

use crate::config::draft::{Draft, DraftHost, DraftPool, DraftRange, DraftSubnet, Parameters};
use crate::config::model::Who;
use crate::config::options::Definition;
use crate::config::report::{Finding, Report};
use crate::config::source::{FileId, Span, Spanned};
use crate::config::toml::reader::{Item, Key, PARAMETER_KEYS, Reader, Table};
use crate::config::value;

/// Reads the text of `file`; what is wrong goes to the report, and what is right into the draft all the same.
pub(crate) fn read(file: FileId, text: &str, report: &mut Report) -> Draft {
    let (document, errors) = Table::parse_recoverable(text);
    let mut reader = Reader::new(file, text, report);
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let span = Span { file, start: span.start, end: span.end };
        reader.report.add(Finding::error(error.message()).at(span, "not TOML"));
    }
    let mut draft = Draft::default();
    let table = document.get_ref();
    if let Some(definitions) = table.get("option-definition") {
        for (span, table) in reader.tables("option-definition", definitions) {
            reader.definition(span, table);
        }
    }
    let mut global = Parameters::default();
    let keys =
        ["option-definition", "subnet", "reservation", "offer-hold", "quarantine", "promise-slack"];
    for (key, item) in table {
        let key = reader.key(key);
        match key.value {
            "option-definition" | "subnet" | "reservation" => {}
            "offer-hold" => draft.offer_hold_secs = reader.seconds(item),
            "quarantine" => draft.quarantine_secs = reader.seconds(item),
            "promise-slack" => draft.promise_slack_secs = reader.seconds(item),
            _ => reader.parameter(&mut global, key, item, &keys),
        }
    }
    if let Some(subnets) = table.get("subnet") {
        for (span, table) in reader.tables("subnet", subnets) {
            draft.subnets.extend(reader.subnet(span, table, &global));
        }
    }
    if let Some(hosts) = table.get("reservation") {
        for (span, table) in reader.tables("reservation", hosts) {
            draft.hosts.push(reader.host(span, table));
        }
    }
    draft
}

impl Reader<'_> {
    fn subnet(&mut self, at: Span, table: &Table<'_>, global: &Parameters) -> Option<DraftSubnet> {
        let mut parameters = Parameters::default();
        let mut net = None;
        let mut interface = None;
        let mut vlan = None;
        let mut shared_network = None;
        let mut ranges = Vec::new();
        let mut excluded = Vec::new();
        let mut hosts = Vec::new();
        let keys = [
            "network",
            "interface",
            "vlan",
            "shared-network",
            "range",
            "ranges",
            "exclude",
            "pool",
            "reservation",
        ];
        for (key, item) in table {
            let key = self.key(key);
            match key.value {
                "network" => net = self.network(item),
                "interface" => interface = self.text(item),
                "vlan" => vlan = self.vlan(item),
                "shared-network" => shared_network = self.text(item),
                "range" | "ranges" => ranges.extend(self.ranges(item)),
                "exclude" => excluded.extend(self.ranges(item)),
                "reservation" => {
                    for (span, table) in self.tables("reservation", item) {
                        hosts.push(self.host(span, table));
                    }
                }
                "pool" => {}
                _ => self.parameter(&mut parameters, key, item, &keys),
            }
        }
        let parameters = parameters.within(global);
        let mut pools = vec![DraftPool { parameters: parameters.clone(), ranges }];
        if let Some(tables) = table.get("pool") {
            for (_, table) in self.tables("pool", tables) {
                pools.push(self.pool(table, &parameters));
            }
        }
        pools.retain(|pool| !pool.ranges.is_empty());
        if !table.contains_key("network") {
            let finding = Finding::error("a subnet has no network").at(at, "`network` is missing");
            self.report
                .add(finding.help("write its number and prefix length: network = \"10.0.1.0/24\""));
        }
        if let (Some(vlan), None) = (&vlan, &interface) {
            self.report.add(
                Finding::error("a VLAN is on an interface, and none is named")
                    .at(vlan.span, "`interface` is missing")
                    .help("name the trunk port, such as interface = \"eth0\""),
            );
        }
        if let (Some(vlan), None) = (&vlan, &parameters.server_id) {
            self.report.add(
                Finding::note("the server needs an address of its own in a tagged segment")
                    .at(vlan.span, "frames with this tag are served without a sub-interface")
                    .help("set `server-id`, unless an interface of this machine has an address in the subnet"),
            );
        }
        Some(DraftSubnet {
            net: net?,
            interface,
            vlan,
            shared_network,
            parameters,
            pools,
            excluded,
            hosts,
        })
    }

    fn pool(&mut self, table: &Table<'_>, subnet: &Parameters) -> DraftPool {
        let mut parameters = Parameters::default();
        let mut ranges = Vec::new();
        for (key, item) in table {
            let key = self.key(key);
            match key.value {
                "range" | "ranges" => ranges.extend(self.ranges(item)),
                "server-id" => self.misplaced(key, "a subnet has one server identifier"),
                _ => self.parameter(&mut parameters, key, item, &["range", "ranges"]),
            }
        }
        DraftPool { parameters: parameters.within(subnet), ranges }
    }

    fn host(&mut self, at: Span, table: &Table<'_>) -> DraftHost {
        let mut parameters = Parameters::default();
        let mut name = None;
        let mut who = Vec::new();
        let mut addresses = Vec::new();
        for (key, item) in table {
            let key = self.key(key);
            match key.value {
                "name" => name = self.text(item),
                "mac" => who.extend(self.mac(item)),
                "client-id" => who.extend(self.client_id(item)),
                "address" => addresses.extend(self.address(item)),
                _ => {
                    let keys = ["name", "mac", "client-id", "address"];
                    self.parameter(&mut parameters, key, item, &keys);
                }
            }
        }
        if let (Some(name), false) =
            (&name, table.contains_key("mac") || table.contains_key("client-id"))
        {
            who.push(name.clone().map(|name| Who::Name(name.into_bytes())));
        }
        let name = name.unwrap_or_else(|| Spanned::new("the reservation".to_owned(), at));
        if !["name", "mac", "client-id"].into_iter().any(|key| table.contains_key(key)) {
            self.report.add(DraftHost::nameless(&name));
        }
        DraftHost { name, who, addresses, parameters }
    }

    fn definition(&mut self, at: Span, table: &Table<'_>) {
        let (mut name, mut code, mut kind) = (None, None, None);
        for (key, item) in table {
            let key = self.key(key);
            match key.value {
                "name" => name = self.text(item),
                "code" => code = self.number(item, 1..=254),
                "type" => {
                    kind = self.text(item).and_then(|text| {
                        let kind = crate::config::options::Type::parse(&text.value);
                        if kind.is_none() {
                            self.report.add(
                                Finding::error(format!("`{}` is not a type", text.value))
                                    .at(text.span, "unknown type")
                                    .help(TYPES),
                            );
                        }
                        kind
                    });
                }
                _ => self.unknown(key, &["name", "code", "type"]),
            }
        }
        for (missing, key) in
            [(name.is_none(), "name"), (code.is_none(), "code"), (kind.is_none(), "type")]
        {
            if missing && !table.contains_key(key) {
                self.report.add(
                    Finding::error(format!("an option's definition has no {key}"))
                        .at(at, format!("`{key}` is missing")),
                );
            }
        }
        if let (Some(name), Some(code), Some(kind)) = (name, code, kind) {
            let code = u8::try_from(code.value).expect("`number` keeps to the range");
            self.dictionary.define(&name.value, Definition { code, kind });
        }
    }

    fn network(&mut self, item: &Item<'_>) -> Option<Spanned<net::Subnet>> {
        let text = self.text(item)?;
        let parsed = text.value.split_once('/').and_then(|(network, prefix_len)| {
            Some((network.trim().parse::<Ipv4Addr>().ok()?, prefix_len.trim().parse::<u8>().ok()?))
        });
        let Some((network, prefix_len)) = parsed else {
            let finding = Finding::error(format!("`{}` is not a network", text.value));
            self.report.add(finding.at(text.span, "such as 10.0.1.0/24"));
            return None;
        };
        match net::Subnet::new(network, prefix_len) {
            Ok(net) => Some(Spanned::new(net, text.span)),
            Err(error) => {
                let finding = Finding::error(error.to_string()).at(text.span, "not a network");
                let around = net::Subnet::around(network, prefix_len).ok();
                self.report.add(match around {
                    Some(net) => finding.help(format!("did you mean {net}?")),
                    None => finding,
                });
                // With the network that was meant, the rest can be checked as well.
                around.map(|net| Spanned::new(net, text.span))
            }
        }
    }

    fn vlan(&mut self, item: &Item<'_>) -> Option<Spanned<u16>> {
        let vlan = self.number(item, 1..=4094)?;
        Some(vlan.map(|vlan| u16::try_from(vlan).expect("`number` keeps to the range")))
    }

    fn mac(&mut self, item: &Item<'_>) -> Option<Spanned<Who>> {
        let text = self.text(item)?;
        match text.value.parse::<HardwareAddr>() {
            Ok(mac) => Some(Spanned::new(Who::Hardware(mac), text.span)),
            Err(error) => {
                self.report
                    .add(Finding::error(error.to_string()).at(text.span, "not a MAC address"));
                None
            }
        }
    }

    fn client_id(&mut self, item: &Item<'_>) -> Option<Spanned<Who>> {
        let (octets, span) = self.octets(item)?;
        if ClientId::new(&octets).is_none() {
            let finding = Finding::error("a client identifier has 2 to 255 octets");
            self.report.add(finding.at(span, format!("{} octets", octets.len())));
            return None;
        }
        let text = core::str::from_utf8(&octets).unwrap_or_default();
        if text.contains(':') && value::hex(text).is_some() && !self.is_table(item) {
            self.report.add(
                Finding::warning("this client identifier is the text itself, colons and all")
                    .at(span, "a text")
                    .help(format!("for the octets write client-id = {{ hex = \"{text}\" }}")),
            );
        }
        Some(Spanned::new(Who::ClientId(octets), span))
    }

    fn ranges(&mut self, item: &Item<'_>) -> Vec<DraftRange> {
        let texts = self.texts(item);
        texts.into_iter().filter_map(|text| self.range(&text)).collect()
    }

    /// `10.0.1.2 - 10.0.1.200`, `10.0.1.2 to 10.0.1.200`, or one address.
    fn range(&mut self, text: &Spanned<String>) -> Option<DraftRange> {
        let separators = |sign: char| sign == '-' || sign.is_whitespace();
        let mut words =
            text.value.split(separators).filter(|word| !word.is_empty() && *word != "to");
        let (first, last, more) = (words.next(), words.next(), words.next());
        let first = first.map(|word| (word, word.parse::<Ipv4Addr>()));
        let last = last.map(|word| (word, word.parse::<Ipv4Addr>()));
        let end = |word: &str, address| Spanned::new(address, self.within(text.span, word));
        match (first, last, more) {
            (Some((word, Ok(first))), None, None) => {
                let first = end(word, first);
                Some(DraftRange { first, last: first })
            }
            (Some((word, Ok(first))), Some((last_word, Ok(last))), None) => {
                let (first, mut last) = (end(word, first), end(last_word, last));
                if last.value == first.value {
                    last.span = first.span;
                }
                Some(DraftRange { first, last })
            }
            _ => {
                let finding =
                    Finding::error(format!("`{}` is not a range of addresses", text.value));
                self.report.add(finding.at(text.span, "such as \"10.0.1.2 - 10.0.1.200\""));
                None
            }
        }
    }

    /// A parameter of any scope.
    fn parameter(&mut self, into: &mut Parameters, key: Key<'_>, item: &Item<'_>, others: &[&str]) {
        if !self.read_parameter(into, key, item) {
            let keys = [others, PARAMETER_KEYS].concat();
            self.unknown(key, &keys);
        }
    }
}

/// For those who define options.
pub(crate) const TYPES: &str = "types are: ip-address, text, string, boolean, [signed|unsigned] integer [8|16|32], domain-name, \
    domain-list [compressed], array of any of these, and { .., .. } for a record";
