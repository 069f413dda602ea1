//! Where does it say so? Files as they were read, and places in them.

use std::path::{Path, PathBuf};

/// A file's number among those that were read: the main one is 0, included ones follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileId(usize);

/// A run of octets in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) file: FileId,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    /// From the beginning of `self` to the end of `other`; `self` alone when they are in different files.
    pub(crate) fn to(self, other: Self) -> Self {
        if self.file != other.file || other.end < self.start {
            return self;
        }
        Self { end: other.end, ..self }
    }
}

/// A value and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spanned<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

impl<T> Spanned<T> {
    pub(crate) const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    pub(crate) fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: f(self.value), span: self.span }
    }
}

/// One file.
#[derive(Debug)]
pub(crate) struct Source {
    /// As the operator wrote it, or as `include` did.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// All files that were read, in the order of reading.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    files: Vec<Source>,
}

impl Sources {
    pub(crate) fn add(&mut self, path: &Path, text: String) -> FileId {
        self.files.push(Source { path: path.to_owned(), text });
        FileId(self.files.len() - 1)
    }

    pub(crate) fn file(&self, id: FileId) -> &Source {
        self.files.get(id.0).expect("a FileId is made by `add` and files are never removed")
    }

    pub(crate) fn text(&self, id: FileId) -> &str {
        &self.file(id).text
    }

    /// Line and column, counted from 1; columns count characters.
    pub(crate) fn line_column(&self, span: Span) -> (usize, usize) {
        let before = self.text(span.file).get(..span.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |tail| tail.chars().count()) + 1;
        (line, column)
    }

    /// `FILE:LINE:COLUMN` as compilers write it.
    pub(crate) fn place(&self, span: Span) -> String {
        let (line, column) = self.line_column(span);
        format!("{}:{line}:{column}", self.file(span.file).path.display())
    }
}
