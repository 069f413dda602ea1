//! What does the file say, and where? The common form of both languages before it is checked: inheritance is done, places are kept.

use core::net::Ipv4Addr;
use std::collections::BTreeMap;

use dhcp_core::net;
use dhcp_core::server::config::Identity;
use dhcp_core::time::LeaseTime;

use crate::config::model::Who;
use crate::config::options::{self, Dictionary, name_of};
use crate::config::report::{Finding, Report};
use crate::config::source::{Span, Spanned};
use crate::config::value::{Value, check_meaning, encode};

/// A whole file with everything that it includes.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) subnets: Vec<DraftSubnet>,
    /// Those that were declared outside of a subnet.
    pub(crate) hosts: Vec<DraftHost>,
    pub(crate) offer_hold_secs: Option<u32>,
    pub(crate) quarantine_secs: Option<u32>,
    pub(crate) promise_slack_secs: Option<u32>,
}

/// A subnet.
#[derive(Debug)]
pub(crate) struct DraftSubnet {
    pub(crate) net: Spanned<net::Subnet>,
    pub(crate) interface: Option<Spanned<String>>,
    pub(crate) vlan: Option<Spanned<u16>>,
    pub(crate) shared_network: Option<Spanned<String>>,
    /// With what it inherits.
    pub(crate) parameters: Parameters,
    pub(crate) pools: Vec<DraftPool>,
    pub(crate) excluded: Vec<DraftRange>,
    pub(crate) hosts: Vec<DraftHost>,
}

/// Ranges on the same terms.
#[derive(Debug)]
pub(crate) struct DraftPool {
    /// With what it inherits from its subnet.
    pub(crate) parameters: Parameters,
    pub(crate) ranges: Vec<DraftRange>,
}

/// A range as it was written; the ends may be anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DraftRange {
    pub(crate) first: Spanned<Ipv4Addr>,
    pub(crate) last: Spanned<Ipv4Addr>,
}

impl DraftRange {
    pub(crate) fn span(&self) -> Span {
        self.first.span.to(self.last.span)
    }
}

/// A client that is known.
#[derive(Clone, Debug)]
pub(crate) struct DraftHost {
    /// For people.
    pub(crate) name: Spanned<String>,
    /// Any of these is the client.
    pub(crate) who: Vec<Spanned<Who>>,
    /// At most one in each subnet.
    pub(crate) addresses: Vec<Spanned<Ipv4Addr>>,
    /// Its own, and those of the groups it stands in.
    pub(crate) parameters: Parameters,
}

/// What can be said of a network, a pool, a group or a client alike. What is not said is inherited.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameters {
    pub(crate) options: BTreeMap<u8, Spanned<Vec<u8>>>,
    pub(crate) lease_default: Option<Spanned<LeaseTime>>,
    pub(crate) lease_min: Option<Spanned<LeaseTime>>,
    pub(crate) lease_max: Option<Spanned<LeaseTime>>,
    /// Option 51 as it was set by name; a default lease time has precedence.
    pub(crate) lease_option: Option<Spanned<LeaseTime>>,
    pub(crate) authoritative: Option<Spanned<bool>>,
    pub(crate) identity: Option<Spanned<Identity>>,
    pub(crate) serve_unknown: Option<Spanned<bool>>,
    pub(crate) trust_host_name: Option<Spanned<bool>>,
    pub(crate) next_server: Option<Spanned<Ipv4Addr>>,
    pub(crate) server_id: Option<Spanned<Ipv4Addr>>,
    pub(crate) server_name: Option<Spanned<Vec<u8>>>,
    pub(crate) boot_file: Option<Spanned<Vec<u8>>>,
    pub(crate) ping_check: Option<Spanned<bool>>,
    pub(crate) ping_timeout_millis: Option<Spanned<u32>>,
    /// Whether a client is told the name it has in the file (option 12).
    pub(crate) tell_names: Option<Spanned<bool>>,
}

impl DraftHost {
    /// What is wrong with a host that does not say who it is.
    pub(crate) fn nameless(name: &Spanned<String>) -> Finding {
        Finding::error(format!("{} cannot be recognised: it has no identity", name.value))
            .at(name.span, "who is it?")
            .help("give it a hardware address (MAC) or a client identifier")
    }
}

impl Parameters {
    /// With what `outer` says where `self` says nothing.
    pub(crate) fn within(mut self, outer: &Self) -> Self {
        for (code, value) in &outer.options {
            self.options.entry(*code).or_insert_with(|| value.clone());
        }
        self.lease_default = self.lease_default.or(outer.lease_default);
        self.lease_min = self.lease_min.or(outer.lease_min);
        self.lease_max = self.lease_max.or(outer.lease_max);
        self.lease_option = self.lease_option.or(outer.lease_option);
        self.authoritative = self.authoritative.or(outer.authoritative);
        self.identity = self.identity.or(outer.identity);
        self.serve_unknown = self.serve_unknown.or(outer.serve_unknown);
        self.trust_host_name = self.trust_host_name.or(outer.trust_host_name);
        self.next_server = self.next_server.or(outer.next_server);
        self.server_id = self.server_id.or(outer.server_id);
        self.server_name = self.server_name.or_else(|| outer.server_name.clone());
        self.boot_file = self.boot_file.or_else(|| outer.boot_file.clone());
        self.ping_check = self.ping_check.or(outer.ping_check);
        self.ping_timeout_millis = self.ping_timeout_millis.or(outer.ping_timeout_millis);
        self.tell_names = self.tell_names.or(outer.tell_names);
        self
    }

    /// Sets an option by name from a value; what is wrong goes to the report.
    pub(crate) fn set_option(
        &mut self,
        dictionary: &Dictionary,
        name: Spanned<&str>,
        value: &Value,
        report: &mut Report,
    ) {
        let Some(definition) = dictionary.find(name.value) else {
            let message = format!("there is no option named `{}`", name.value);
            let finding = Finding::error(message).at(name.span, "unknown option");
            report.add(match dictionary.nearest(name.value) {
                Some(near) => finding.help(format!("did you mean `{near}`?")),
                None => finding.help("define it by its number first, or name it by its number"),
            });
            return;
        };
        let code = definition.code;
        if let Some(why) = options::objection(code) {
            let message = format!("option {} cannot be set: {why}", name.value);
            report.add(Finding::error(message).at(name.span, "not for a configuration"));
            return;
        }
        let octets = encode(&definition.kind, value).and_then(|octets| {
            check_meaning(code, &octets, value.span)?;
            Ok(octets)
        });
        let octets = match octets {
            Ok(octets) => octets,
            Err(mistake) => {
                let message =
                    format!("the value of option {} is wrong: {}", name.value, mistake.what);
                let finding = Finding::error(message).at(mistake.span, mistake.what);
                report.add(match mistake.help {
                    Some(help) => finding.help(help),
                    None => finding,
                });
                return;
            }
        };
        match (code, octets.as_array::<4>()) {
            (LEASE_TIME, Some(secs)) => {
                let time = LeaseTime::from_wire(u32::from_be_bytes(*secs));
                self.lease_option = Some(Spanned::new(time, value.span));
            }
            (SERVER_ID, Some(address)) => {
                self.server_id = Some(Spanned::new(Ipv4Addr::from(*address), value.span));
            }
            _ => {
                let value = Spanned::new(octets, name.span.to(value.span));
                if let Some(before) = self.options.insert(code, value) {
                    let message = format!("option {} is set twice here", name_of(code));
                    report.add(
                        Finding::warning(message)
                            .at(name.span, "this one is taken")
                            .at(before.span, "this one has no effect"),
                    );
                }
            }
        }
    }
}

/// RFC 2132 section 9.2.
const LEASE_TIME: u8 = 51;
/// RFC 2132 section 9.7.
const SERVER_ID: u8 = 54;
