//! Where does it hold? Subnets, shared networks, pools, groups and hosts, each with what it inherits (dhcpd.conf(5)).
//!
//! In each block the parameters are read first, then the declarations, so that a parameter holds for the whole block wherever it stands.

mod host;

use dhcp_core::net;

use self::host::is_client_id;
use crate::config::dhcpd::syntax::Statement;
use crate::config::dhcpd::words::Words;
use crate::config::dhcpd::{parameter, unsupported};
use crate::config::draft::{Draft, DraftPool, DraftRange, DraftSubnet, Parameters};
use crate::config::model::Who;
use crate::config::options::Dictionary;
use crate::config::report::{Finding, Report};
use crate::config::source::Spanned;

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    File,
    SharedNetwork,
    Subnet,
    Pool,
    Group,
    Host,
}

/// What holds around a declaration.
#[derive(Clone, Debug, Default)]
struct Around {
    /// All that is inherited.
    parameters: Parameters,
    /// What the groups say since the last network: a host takes this along wherever its client is.
    groups: Parameters,
    shared_network: Option<Spanned<String>>,
    /// The place of the subnet in the draft.
    subnet: Option<usize>,
    /// Whether a pool or subnet is around; then a subnet is out of place.
    inside_subnet: bool,
}

/// A file being read.
pub(super) struct Reader<'r> {
    dictionary: &'r Dictionary,
    report: &'r mut Report,
    draft: Draft,
    /// Pools of shared networks, whose ranges find their subnets at the end.
    loose: Vec<(String, Parameters, Vec<DraftRange>)>,
    hosts: Vec<Spanned<String>>,
    shared_networks: Vec<Spanned<String>>,
}

impl<'r> Reader<'r> {
    pub(super) fn new(dictionary: &'r Dictionary, report: &'r mut Report) -> Self {
        let (loose, hosts, shared_networks) = (Vec::new(), Vec::new(), Vec::new());
        Self { dictionary, report, draft: Draft::default(), loose, hosts, shared_networks }
    }

    /// The whole file.
    pub(super) fn file(&mut self, statements: &[Statement]) {
        let parameters = self.parameters(statements, Scope::File);
        let around = Around { parameters, ..Around::default() };
        self.declarations(statements, Scope::File, &around);
    }

    /// Gives the ranges of shared networks to their subnets.
    pub(super) fn finish(mut self) -> Draft {
        for (name, own, ranges) in core::mem::take(&mut self.loose) {
            for range in ranges {
                let home = self.draft.subnets.iter_mut().find(|subnet| {
                    let same =
                        subnet.shared_network.as_ref().is_some_and(|other| other.value == name);
                    same && subnet.net.value.contains(range.first.value)
                });
                match home {
                    Some(home) => home.pools.push(DraftPool {
                        parameters: own.clone().within(&home.parameters),
                        ranges: vec![range],
                    }),
                    None => self.report.add(
                        Finding::error(format!(
                            "{} is in no subnet of the shared network {name}",
                            range.first.value
                        ))
                        .at(range.span(), "a range must lie in one of its subnets"),
                    ),
                }
            }
        }
        // `host-identifier option host-name` is an order to go by names.
        let hosts =
            self.draft.subnets.iter().flat_map(|subnet| &subnet.hosts).chain(&self.draft.hosts);
        let named = hosts.flat_map(|host| &host.who).find(|who| matches!(who.value, Who::Name(_)));
        if let Some(span) = named.map(|who| who.span) {
            for subnet in &mut self.draft.subnets {
                let trust = Some(Spanned::new(true, span));
                subnet.parameters.trust_host_name = trust;
                subnet.pools.iter_mut().for_each(|pool| pool.parameters.trust_host_name = trust);
            }
        }
        self.draft
    }

    /// The parameters of a block; other statements without a block are reported.
    fn parameters(&mut self, statements: &[Statement], scope: Scope) -> Parameters {
        let mut parameters = Parameters::default();
        for statement in statements.iter().filter(|statement| statement.block.is_none()) {
            let keyword = statement.keyword();
            let own = match keyword.as_str() {
                "range" => matches!(scope, Scope::Subnet | Scope::Pool),
                "hardware" | "fixed-address" | "host-identifier" | "uid" => scope == Scope::Host,
                "option" => scope == Scope::Host && is_client_id(statement),
                "abandon-lease-time" if scope == Scope::File => {
                    let mut words = Words::of(statement);
                    self.draft.quarantine_secs =
                        words.number(u32::MAX, self.report).map(|secs| secs.value);
                    words.end(self.report)
                }
                _ => false,
            };
            if own || parameter::read(statement, self.dictionary, &mut parameters, self.report) {
                continue;
            }
            match keyword.as_str() {
                "range" => self.misplaced(statement, "a range stands in a subnet or a pool"),
                "hardware" | "fixed-address" | "host-identifier" | "uid" => {
                    self.misplaced(statement, "it stands in a host");
                }
                "subnet" | "shared-network" | "pool" | "group" | "host" => {
                    self.misplaced(statement, "its block in braces is missing");
                }
                "abandon-lease-time" => self
                    .misplaced(statement, "it holds for the whole server, outside of all blocks"),
                _ => unsupported::report(statement, self.report),
            }
        }
        parameters
    }

    fn misplaced(&mut self, statement: &Statement, why: &str) {
        let finding = Finding::error(format!("`{}` has no place here: {why}", statement.keyword()));
        self.report.add(finding.at(statement.span(), "misplaced"));
    }

    /// The blocks in a block.
    fn declarations(&mut self, statements: &[Statement], scope: Scope, around: &Around) {
        for statement in statements {
            let Some(block) = &statement.block else { continue };
            match (statement.keyword().as_str(), scope) {
                ("subnet", Scope::File | Scope::SharedNetwork | Scope::Group)
                    if !around.inside_subnet =>
                {
                    self.subnet(statement, block, around);
                }
                ("shared-network", Scope::File | Scope::Group)
                    if !around.inside_subnet && around.shared_network.is_none() =>
                {
                    self.shared_network(statement, block, around);
                }
                ("pool", Scope::Subnet | Scope::SharedNetwork | Scope::Group)
                    if around.inside_subnet || around.shared_network.is_some() =>
                {
                    self.pool(statement, block, around);
                }
                ("group", Scope::File | Scope::SharedNetwork | Scope::Subnet | Scope::Group) => {
                    self.group(block, around);
                }
                ("host", Scope::File | Scope::SharedNetwork | Scope::Subnet | Scope::Group) => {
                    self.host(statement, block, around);
                }
                ("subnet" | "shared-network" | "pool" | "group" | "host", _) => {
                    self.misplaced(statement, "it cannot stand in this block");
                }
                _ => unsupported::report(statement, self.report),
            }
        }
    }

    fn shared_network(&mut self, statement: &Statement, block: &[Statement], around: &Around) {
        let mut words = Words::of(statement);
        let Some(name) = words.name(self.report) else { return };
        words.end(self.report);
        if let Some(before) = self.shared_networks.iter().find(|before| before.value == name.value)
        {
            let finding =
                Finding::error(format!("the shared network {} is declared twice", name.value));
            self.report.add(finding.at(name.span, "here").at(before.span, "and here"));
        }
        self.shared_networks.push(name.clone());
        let parameters = self.parameters(block, Scope::SharedNetwork).within(&around.parameters);
        let around = Around { parameters, shared_network: Some(name), ..Around::default() };
        self.declarations(block, Scope::SharedNetwork, &around);
    }

    fn subnet(&mut self, statement: &Statement, block: &[Statement], around: &Around) {
        let net = self.network(&mut Words::of(statement));
        // Without a network, what is inside is still read for its errors.
        let known = net.is_some();
        let parameters = self.parameters(block, Scope::Subnet).within(&around.parameters);
        let unspecified =
            net::Subnet::around(core::net::Ipv4Addr::UNSPECIFIED, 0).expect("0 is a prefix length");
        let place = self.draft.subnets.len();
        let ranges = self.ranges(block);
        self.draft.subnets.push(DraftSubnet {
            net: net.unwrap_or(Spanned::new(unspecified, statement.span())),
            interface: None,
            vlan: None,
            shared_network: around.shared_network.clone(),
            parameters: parameters.clone(),
            pools: Vec::new(),
            excluded: Vec::new(),
            hosts: Vec::new(),
        });
        if !ranges.is_empty()
            && let Some(subnet) = self.draft.subnets.last_mut()
        {
            subnet.pools.push(DraftPool { parameters: parameters.clone(), ranges });
        }
        let inner = Around {
            parameters,
            groups: Parameters::default(),
            shared_network: around.shared_network.clone(),
            subnet: Some(place),
            inside_subnet: true,
        };
        self.declarations(block, Scope::Subnet, &inner);
        if !known {
            self.draft.subnets.truncate(place);
        }
    }

    /// `NUMBER netmask MASK`
    fn network(&mut self, words: &mut Words<'_>) -> Option<Spanned<net::Subnet>> {
        let number = words.address(self.report)?;
        if !words.take("netmask") {
            words.expected("`netmask`", self.report);
            return None;
        }
        let mask = words.address(self.report)?;
        words.end(self.report);
        let span = number.span.to(mask.span);
        match net::Subnet::with_netmask(number.value, mask.value) {
            Ok(net) => Some(Spanned::new(net, span)),
            Err(error) => {
                let bits = mask.value.to_bits();
                let contiguous = bits.leading_ones() + bits.trailing_zeros() >= 32;
                let prefix_len = u8::try_from(bits.leading_ones()).ok().filter(|_| contiguous);
                let around = prefix_len.and_then(|len| net::Subnet::around(number.value, len).ok());
                let at = if contiguous { number.span } else { mask.span };
                let finding = Finding::error(error.to_string()).at(at, "not a network");
                self.report.add(match around {
                    Some(net) => finding.help(format!(
                        "did you mean subnet {} netmask {}?",
                        net.network(),
                        net.netmask()
                    )),
                    None => finding,
                });
                // With the network that was meant, the rest can be checked as well.
                around.map(|net| Spanned::new(net, span))
            }
        }
    }

    fn pool(&mut self, statement: &Statement, block: &[Statement], around: &Around) {
        Words::of(statement).end(self.report);
        let own = self.parameters(block, Scope::Pool);
        let ranges = self.ranges(block);
        self.declarations(block, Scope::Pool, around);
        if ranges.is_empty() {
            let finding = Finding::warning("the pool has no range: it gives nothing");
            self.report.add(finding.at(statement.span(), "no range in it"));
        }
        if let Some(server) = own.server_id {
            let finding = Finding::error("a subnet has one server identifier");
            self.report.add(finding.at(server.span, "set it for the subnet"));
        }
        match (around.subnet, &around.shared_network) {
            (Some(place), _) => {
                let parameters = own.within(&around.parameters);
                if let Some(subnet) = self.draft.subnets.get_mut(place) {
                    subnet.pools.push(DraftPool { parameters, ranges });
                }
            }
            (None, Some(name)) => {
                let own = own.within(&around.groups);
                self.loose.push((name.value.clone(), own, ranges));
            }
            (None, None) => {}
        }
    }

    fn group(&mut self, block: &[Statement], around: &Around) {
        let own = self.parameters(block, Scope::Group);
        let inner = Around {
            parameters: own.clone().within(&around.parameters),
            groups: own.within(&around.groups),
            ..around.clone()
        };
        self.declarations(block, Scope::Group, &inner);
    }

    fn ranges(&mut self, block: &[Statement]) -> Vec<DraftRange> {
        let ranges = block
            .iter()
            .filter(|statement| statement.block.is_none() && statement.keyword() == "range");
        ranges.filter_map(|statement| self.range(statement)).collect()
    }

    /// `range [dynamic-bootp] FIRST [LAST]`
    fn range(&mut self, statement: &Statement) -> Option<DraftRange> {
        let mut words = Words::of(statement);
        let flag = words.peek().map(|token| token.span);
        if let (true, Some(span)) = (words.take("dynamic-bootp"), flag) {
            let finding = Finding::warning(
                "BOOTP clients are served if they have a fixed address, and else not",
            );
            self.report.add(finding.at(span, "has no effect"));
        }
        let first = words.address(self.report)?;
        let last = if words.peek().is_some() { words.address(self.report)? } else { first };
        words.end(self.report);
        Some(DraftRange { first, last })
    }
}
