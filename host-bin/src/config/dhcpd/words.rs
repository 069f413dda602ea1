//! What stands in a statement? Its words one after the other, each as what it should be, or a report of what it is not.

use core::net::Ipv4Addr;

use dhcp_core::time::LeaseTime;

use crate::config::dhcpd::lexer::{Kind, Token};
use crate::config::dhcpd::syntax::Statement;
use crate::config::report::{Finding, Report};
use crate::config::source::{Span, Spanned};
use crate::config::value::{self, Atom, Value};

/// The words of one statement that were not read yet.
#[derive(Clone, Debug)]
pub(crate) struct Words<'s> {
    rest: &'s [Token],
    /// The whole statement, for saying that something is missing.
    whole: Span,
}

impl<'s> Words<'s> {
    /// Behind the keyword.
    pub(crate) fn of(statement: &'s Statement) -> Self {
        let rest = statement.words.get(1..).unwrap_or_default();
        Self { rest, whole: statement.span() }
    }

    pub(crate) fn peek(&self) -> Option<&'s Token> {
        self.rest.first()
    }

    pub(crate) fn next(&mut self) -> Option<&'s Token> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// Takes the next word if it is this one, in any case.
    pub(crate) fn take(&mut self, word: &str) -> bool {
        let found =
            self.peek().and_then(Token::word).is_some_and(|found| found.eq_ignore_ascii_case(word));
        if found {
            self.next();
        }
        found
    }

    /// Takes the next token if it is this sign.
    pub(crate) fn take_sign(&mut self, sign: char) -> bool {
        let found = self.peek().is_some_and(|token| token.is_sign(sign));
        if found {
            self.next();
        }
        found
    }

    /// Says that `what` is expected where the next word is.
    pub(crate) fn expected(&self, what: &str, report: &mut Report) {
        report.add(match self.peek() {
            Some(token) => Finding::error(format!("{what} is expected"))
                .at(token.span, format!("this is not {what}")),
            None => Finding::error(format!("{what} is missing"))
                .at(self.whole, format!("{what} is missing")),
        });
    }

    /// Says that words are left over, if some are; true when none is.
    pub(crate) fn end(&self, report: &mut Report) -> bool {
        let Some(first) = self.peek() else { return true };
        let span = self.rest.last().map_or(first.span, |last| first.span.to(last.span));
        report.add(
            Finding::error("the statement says more than it should").at(span, "this is too much"),
        );
        false
    }

    fn atom(token: &Token) -> Option<Spanned<Atom>> {
        let atom = match &token.kind {
            Kind::Word(word) => Atom::Word(word.clone()),
            Kind::Quoted(text) => Atom::Quoted(text.clone()),
            Kind::Sign(_) => return None,
        };
        Some(Spanned::new(atom, token.span))
    }

    pub(crate) fn address(&mut self, report: &mut Report) -> Option<Spanned<Ipv4Addr>> {
        let Some(atom) = self.peek().and_then(Self::atom) else {
            self.expected("an IPv4 address", report);
            return None;
        };
        self.next();
        match value::address(&atom) {
            Ok(address) => Some(Spanned::new(address, atom.span)),
            Err(mistake) => {
                let finding =
                    Finding::error(mistake.what.as_str()).at(mistake.span, "not an address");
                report.add(match mistake.help {
                    Some(help) => finding.help(help),
                    None => finding,
                });
                None
            }
        }
    }

    pub(crate) fn number(&mut self, max: u32, report: &mut Report) -> Option<Spanned<u32>> {
        let atom = self.peek().and_then(Self::atom);
        let number = atom.as_ref().and_then(|atom| value::number(&atom.value));
        match number.and_then(|number| u32::try_from(number).ok()).filter(|number| *number <= max) {
            Some(number) => {
                let span = self.next().map_or(self.whole, |token| token.span);
                Some(Spanned::new(number, span))
            }
            None => {
                self.expected(&format!("a number from 0 to {max}"), report);
                self.next();
                None
            }
        }
    }

    /// Seconds; `-1`, 4294967295 and `infinite` have no end.
    pub(crate) fn lease_time(&mut self, report: &mut Report) -> Option<Spanned<LeaseTime>> {
        if let Some(token) = self.peek()
            && let Some(word) = token.word()
            && (word == "-1" || word.eq_ignore_ascii_case("infinite"))
        {
            self.next();
            return Some(Spanned::new(LeaseTime::Infinite, token.span));
        }
        self.number(u32::MAX, report).map(|secs| secs.map(LeaseTime::from_wire))
    }

    /// `true`, `false`, `on`, `off`; nothing at all stands for true.
    pub(crate) fn truth(&mut self, report: &mut Report) -> Option<Spanned<bool>> {
        let Some(token) = self.peek() else { return Some(Spanned::new(true, self.whole)) };
        let truth = Self::atom(token).and_then(|atom| value::truth(&atom.value));
        if truth.is_none() {
            self.expected("true or false", report);
        }
        self.next();
        Some(Spanned::new(truth?, token.span))
    }

    /// A text in quotes.
    pub(crate) fn text(&mut self, report: &mut Report) -> Option<Spanned<Vec<u8>>> {
        let token = self.peek();
        let text = token.and_then(|token| match &token.kind {
            Kind::Quoted(text) => Some(Spanned::new(text.clone(), token.span)),
            Kind::Word(_) | Kind::Sign(_) => None,
        });
        if text.is_none() {
            self.expected("a text in quotes", report);
        }
        self.next();
        text
    }

    /// A name, in quotes or not.
    pub(crate) fn name(&mut self, report: &mut Report) -> Option<Spanned<String>> {
        let Some(atom) = self.peek().and_then(Self::atom) else {
            self.expected("a name", report);
            return None;
        };
        self.next();
        let name = match atom.value {
            Atom::Quoted(text) => String::from_utf8_lossy(&text).into_owned(),
            Atom::Word(word) => word,
            Atom::Number(_) | Atom::Truth(_) | Atom::Hex(_) => return None,
        };
        Some(Spanned::new(name, atom.span))
    }

    /// Everything that is left, as a value. An expression in it is reported.
    pub(crate) fn value(&mut self, report: &mut Report) -> Option<Value> {
        let (Some(first), Some(last)) = (self.rest.first(), self.rest.last()) else {
            self.expected("a value", report);
            return None;
        };
        let span = first.span.to(last.span);
        let mut groups = vec![Vec::new()];
        for token in core::mem::take(&mut self.rest) {
            match (Self::atom(token), groups.last_mut()) {
                (Some(atom), Some(group)) => group.push(atom),
                (None, _) if token.is_sign(',') => groups.push(Vec::new()),
                (None, _) | (Some(_), None) => {
                    report.add(
                        Finding::error("expressions are not supported, only values")
                            .at(token.span, "part of an expression"),
                    );
                    return None;
                }
            }
        }
        if groups.iter().any(Vec::is_empty) {
            report.add(
                Finding::error("a value is missing beside a comma").at(span, "a comma too many"),
            );
            return None;
        }
        Some(Value { groups, span })
    }

    /// What is left as one text, for types.
    pub(crate) fn joined(&mut self) -> Spanned<String> {
        let span = match (self.rest.first(), self.rest.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => self.whole,
        };
        let words = core::mem::take(&mut self.rest).iter().map(|token| match &token.kind {
            Kind::Word(word) => word.to_ascii_lowercase(),
            Kind::Quoted(text) => format!("\"{}\"", String::from_utf8_lossy(text)),
            Kind::Sign(sign) => sign.to_string(),
        });
        Spanned::new(words.collect::<Vec<_>>().join(" "), span)
    }

    /// The span of the whole statement.
    pub(crate) const fn whole(&self) -> Span {
        self.whole
    }
}
