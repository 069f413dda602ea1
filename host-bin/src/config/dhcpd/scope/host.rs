//! Who is a host? What a declaration says of its client's identity and of its addresses (dhcpd.conf(5)).

use core::net::Ipv4Addr;

use dhcp_core::id::{ClientId, HardwareAddr};

use crate::config::dhcpd::lexer::Token;
use crate::config::dhcpd::scope::{Around, Reader, Scope};
use crate::config::dhcpd::syntax::Statement;
use crate::config::dhcpd::words::Words;
use crate::config::draft::DraftHost;
use crate::config::model::Who;
use crate::config::report::Finding;
use crate::config::source::Spanned;
use crate::config::value::{Mistake, hex, octets};

impl Reader<'_> {
    /// A host, with what the groups around it say.
    pub(super) fn host(&mut self, statement: &Statement, block: &[Statement], around: &Around) {
        let mut words = Words::of(statement);
        let Some(name) = words.name(self.report) else { return };
        words.end(self.report);
        if let Some(before) = self.hosts.iter().find(|before| before.value == name.value) {
            let finding = Finding::error(format!("the host {} is declared twice", name.value));
            self.report.add(finding.at(name.span, "here").at(before.span, "and here"));
        }
        self.hosts.push(name.clone());
        let parameters = self.parameters(block, Scope::Host).within(&around.groups);
        self.declarations(block, Scope::Host, around);
        let mut host = DraftHost { name, who: Vec::new(), addresses: Vec::new(), parameters };
        let mut says_who = false;
        for statement in block.iter().filter(|statement| statement.block.is_none()) {
            let mut words = Words::of(statement);
            match statement.keyword().as_str() {
                "hardware" => host.who.extend(self.hardware(&mut words)),
                "uid" => host.who.extend(self.client_id(&mut words)),
                "option" if is_client_id(statement) => {
                    words.next();
                    host.who.extend(self.client_id(&mut words));
                }
                "host-identifier" => host.who.extend(self.host_identifier(&mut words)),
                "fixed-address" => {
                    self.addresses(&mut words, &mut host.addresses);
                    continue;
                }
                _ => continue,
            }
            says_who = true;
        }
        if !says_who {
            self.report.add(DraftHost::nameless(&host.name));
        }
        let place = around.subnet.filter(|_| !host.addresses.is_empty());
        match place.and_then(|place| self.draft.subnets.get_mut(place)) {
            Some(subnet) => subnet.hosts.push(host),
            None => self.draft.hosts.push(host),
        }
    }

    fn addresses(&mut self, words: &mut Words<'_>, into: &mut Vec<Spanned<Ipv4Addr>>) {
        loop {
            into.extend(words.address(self.report));
            if !words.take_sign(',') {
                break;
            }
        }
        words.end(self.report);
    }

    /// `hardware TYPE OCTETS`
    fn hardware(&mut self, words: &mut Words<'_>) -> Option<Spanned<Who>> {
        // Numbers of RFC 1700.
        let types = [("ethernet", 1), ("token-ring", 6), ("fddi", 8)];
        let Some((name, htype)) = types.into_iter().find(|(name, _)| words.take(name)) else {
            words.expected("`ethernet`, `token-ring` or `fddi`", self.report);
            return None;
        };
        let token = words.next();
        let octets = token.and_then(Token::word).and_then(hex);
        words.end(self.report);
        let span = token.map_or(words.whole(), |token| token.span);
        let hardware = octets
            .filter(|octets| octets.len() == 6)
            .and_then(|octets| HardwareAddr::new(htype, &octets));
        if hardware.is_none() {
            let finding =
                Finding::error(format!("a hardware address of type {name} is six octets in hex"));
            self.report.add(finding.at(span, "such as 02:00:00:00:00:01"));
        }
        Some(Spanned::new(Who::Hardware(hardware?), span))
    }

    fn client_id(&mut self, words: &mut Words<'_>) -> Option<Spanned<Who>> {
        let value = words.value(self.report)?;
        let word = match value.groups.as_slice() {
            [group] => match group.as_slice() {
                [word] => Some(word),
                _ => None,
            },
            _ => None,
        };
        match word.map(octets) {
            Some(Ok(octets)) if ClientId::new(&octets).is_some() => {
                Some(Spanned::new(Who::ClientId(octets), value.span))
            }
            Some(Ok(octets)) => {
                let finding = Finding::error("a client identifier has 2 to 255 octets");
                self.report.add(finding.at(value.span, format!("{} octets", octets.len())));
                None
            }
            Some(Err(Mistake { what, span, .. })) => {
                self.report.add(Finding::error(what.as_str()).at(span, "not a client identifier"));
                None
            }
            None => {
                let finding = Finding::error("a client identifier is one text, or octets in hex");
                self.report.add(finding.at(value.span, "not a client identifier"));
                None
            }
        }
    }

    /// `host-identifier option NAME VALUE`
    fn host_identifier(&mut self, words: &mut Words<'_>) -> Option<Spanned<Who>> {
        words.take("option");
        if words.take("dhcp-client-identifier") {
            return self.client_id(words);
        }
        if words.take("host-name") {
            let text = words.text(self.report)?;
            words.end(self.report);
            return Some(text.map(Who::Name));
        }
        words.expected("`option dhcp-client-identifier` or `option host-name`", self.report);
        None
    }
}

/// `option dhcp-client-identifier ..`, which tells in a host who it is.
pub(super) fn is_client_id(statement: &Statement) -> bool {
    let mut words = Words::of(statement);
    words.take("dhcp-client-identifier") || words.take("dhcp.dhcp-client-identifier")
}
