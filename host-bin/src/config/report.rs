//! What is wrong with the file, where, and what would mend it? Findings are collected, all of them, and shown at the end.

use core::error::Error;
use core::fmt;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode,
};

use crate::config::source::{Sources, Span};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// The file is refused.
    Error,
    /// The file is taken, but it may not do what its author thinks.
    Warning,
    /// Good to know.
    Note,
}

impl Severity {
    const fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One thing to tell the operator.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    pub(crate) message: String,
    /// Places in the files, the most important one first, with what is to be said of each.
    pub(crate) labels: Vec<(Span, String)>,
    pub(crate) help: Option<String>,
}

impl Finding {
    fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self { severity, message: message.into(), labels: Vec::new(), help: None }
    }

    pub(crate) fn error(message: impl Into<String>) -> Self {
        Self::new(Severity::Error, message)
    }

    pub(crate) fn warning(message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, message)
    }

    pub(crate) fn note(message: impl Into<String>) -> Self {
        Self::new(Severity::Note, message)
    }

    pub(crate) fn at(mut self, span: Span, label: impl Into<String>) -> Self {
        self.labels.push((span, label.into()));
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    pub(crate) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Errors first, then warnings, then notes; each kind in the order of the file.
    pub(crate) fn sort(&mut self) {
        let place =
            |finding: &Finding| finding.labels.first().map(|(span, _)| (span.file, span.start));
        self.findings.sort_by_key(|finding| (finding.severity, place(finding)));
    }

    /// As a person reads it: source excerpts with carets.
    pub(crate) fn render(&self, sources: &Sources, look: Look) -> String {
        let theme = match look {
            Look::Colour => GraphicalTheme::unicode(),
            Look::Plain => GraphicalTheme::unicode_nocolor(),
        };
        let handler = GraphicalReportHandler::new_themed(theme).with_links(false).with_width(100);
        let mut text = String::new();
        for finding in &self.findings {
            let shown = Shown::new(finding, sources);
            handler.render_report(&mut text, &shown).expect("a String takes everything");
            text.push('\n');
        }
        text
    }

    /// One line a finding, for logs: `FILE:LINE:COLUMN: ...`.
    pub(crate) fn lines<'a>(
        &'a self,
        sources: &'a Sources,
    ) -> impl Iterator<Item = (Severity, String)> + 'a {
        self.findings.iter().map(|finding| {
            let place = finding.labels.first().map(|(span, _)| sources.place(*span) + ": ");
            (finding.severity, format!("{}{}", place.unwrap_or_default(), finding.message))
        })
    }
}

/// Whether a terminal's colours are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Colour,
    Plain,
}

/// A finding as miette wants it.
#[derive(Debug)]
struct Shown {
    message: String,
    severity: Severity,
    source: Option<NamedSource<String>>,
    labels: Vec<LabeledSpan>,
    help: Option<String>,
}

impl Shown {
    /// miette shows one file a finding; places in others are named in the help.
    fn new(finding: &Finding, sources: &Sources) -> Self {
        let file = finding.labels.first().map(|(span, _)| span.file);
        let source = file.map(|file| {
            let file = sources.file(file);
            NamedSource::new(file.path.display().to_string(), file.text.clone())
        });
        let mut labels = Vec::new();
        let mut help = finding.help.clone().into_iter().collect::<Vec<_>>();
        for (span, label) in &finding.labels {
            if Some(span.file) == file {
                let label = Some(label.clone()).filter(|label| !label.is_empty());
                let at = (span.start, span.end - span.start);
                labels.push(match labels.is_empty() {
                    true => LabeledSpan::new_primary_with_span(label, at),
                    false => LabeledSpan::new_with_span(label, at),
                });
            } else {
                help.push(format!("{}: {label}", sources.place(*span)));
            }
        }
        Self {
            message: format!("{}: {}", finding.severity.word(), finding.message),
            severity: finding.severity,
            source,
            labels,
            help: Some(help.join("\n")).filter(|help| !help.is_empty()),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Shown {}

impl Diagnostic for Shown {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}
