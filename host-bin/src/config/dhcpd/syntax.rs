//! How do the words of a `dhcpd.conf` belong together? Statements that end with `;`, and blocks in braces; what they mean is of no interest here.

use crate::config::dhcpd::KEYWORDS;
use crate::config::dhcpd::lexer::{Kind, Token};
use crate::config::report::{Finding, Report};
use crate::config::source::Span;

/// Deeper than any sensible file, and shallow enough for recursion over the tree.
const DEPTH_MAX: usize = 32;

/// A statement, or a block with its heading.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    /// At least one; no `;`, and braces only in an option's definition.
    pub(crate) words: Vec<Token>,
    /// The statements in braces.
    pub(crate) block: Option<Vec<Statement>>,
}

impl Statement {
    /// Its words without the block.
    pub(crate) fn span(&self) -> Span {
        let first = self.words.first().expect("a statement has a word by construction").span;
        self.words.last().map_or(first, |last| first.to(last.span))
    }

    /// The first word in lower case; empty when it is no word.
    pub(crate) fn keyword(&self) -> String {
        self.words.first().and_then(Token::word).unwrap_or_default().to_ascii_lowercase()
    }
}

/// A block that is being read.
struct Open {
    heading: Vec<Token>,
    brace: Span,
    statements: Vec<Statement>,
}

/// The statements of a file. After an error, reading goes on behind the next `;` or `}`.
pub(crate) fn statements(tokens: Vec<Token>, report: &mut Report) -> Vec<Statement> {
    let mut open: Vec<Open> = Vec::new();
    let mut statements = Vec::new();
    let mut words: Vec<Token> = Vec::new();
    // Braces around the fields of a record, which belong to the statement.
    let mut record = 0_usize;
    for token in tokens {
        match token.kind {
            Kind::Sign(';') => {
                record = 0;
                end(&mut words, &mut statements);
            }
            Kind::Sign('{') if is_definition(&words) => {
                record += 1;
                words.push(token);
            }
            Kind::Sign('}') if record > 0 => {
                record -= 1;
                words.push(token);
            }
            Kind::Sign('{') => {
                if words.is_empty() {
                    let finding = Finding::error("a block without a heading");
                    report.add(finding.at(token.span, "what is this block about?"));
                }
                if open.len() == DEPTH_MAX {
                    report.add(
                        Finding::error(format!("blocks are nested more than {DEPTH_MAX} deep"))
                            .at(token.span, "the rest of the file is not read"),
                    );
                    words.clear();
                    break;
                }
                open.push(Open {
                    heading: core::mem::take(&mut words),
                    brace: token.span,
                    statements: core::mem::take(&mut statements),
                });
            }
            Kind::Sign('}') => {
                if let Some(last) = words.last() {
                    missing_semicolon(last, report);
                    end(&mut words, &mut statements);
                }
                close(open.pop(), &token, &mut statements, report);
            }
            Kind::Word(_) | Kind::Quoted(_) | Kind::Sign(_) => {
                if let Some(last) = words.last()
                    && begins_statement(&token, last)
                {
                    missing_semicolon(last, report);
                    record = 0;
                    end(&mut words, &mut statements);
                }
                words.push(token);
            }
        }
    }
    if let Some(last) = words.last() {
        missing_semicolon(last, report);
        end(&mut words, &mut statements);
    }
    while let Some(block) = open.pop() {
        report.add(
            Finding::error("a block is not closed").at(block.brace, "the `}` for this is missing"),
        );
        finish(block, &mut statements);
    }
    statements
}

fn end(words: &mut Vec<Token>, statements: &mut Vec<Statement>) {
    // A lone `;`, as behind a `}`, says nothing.
    if !words.is_empty() {
        statements.push(Statement { words: core::mem::take(words), block: None });
    }
}

fn close(open: Option<Open>, brace: &Token, statements: &mut Vec<Statement>, report: &mut Report) {
    match open {
        Some(block) => finish(block, statements),
        None => report.add(
            Finding::error("no block is open here").at(brace.span, "there is no `{` for this"),
        ),
    }
}

/// Puts the block's statements below its heading, and goes on in the block around it.
fn finish(block: Open, statements: &mut Vec<Statement>) {
    let inner = core::mem::replace(statements, block.statements);
    if !block.heading.is_empty() {
        statements.push(Statement { words: block.heading, block: Some(inner) });
    }
}

/// `option NAME code N = {`
fn is_definition(words: &[Token]) -> bool {
    let option =
        words.first().and_then(Token::word).is_some_and(|word| word.eq_ignore_ascii_case("option"));
    option && words.iter().any(|word| word.is_sign('='))
}

/// Whether a line begins with the keyword of a statement though the one before has not ended.
fn begins_statement(token: &Token, before: &Token) -> bool {
    let continued = [',', '=', '{', '('].into_iter().any(|sign| before.is_sign(sign));
    let keyword =
        token.word().is_some_and(|word| KEYWORDS.contains(&word.to_ascii_lowercase().as_str()));
    token.begins_line && keyword && !continued
}

fn missing_semicolon(last: &Token, report: &mut Report) {
    report.add(
        Finding::error("a statement does not end").at(last.span, "`;` is missing behind this"),
    );
}
