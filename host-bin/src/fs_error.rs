//! Which file or directory of ours could not be made, read or written, and why?

use std::io;
use std::path::{Path, PathBuf};

/// What the file system refused.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be {doing}", path.display())]
pub(crate) struct FsError {
    path: PathBuf,
    /// `made`, `read`, `written`, ..
    doing: &'static str,
    #[source]
    source: io::Error,
}

impl FsError {
    /// For `map_err` behind a call that was about `path`.
    pub(crate) fn of<'p>(
        path: &'p Path,
        doing: &'static str,
    ) -> impl FnOnce(io::Error) -> Self + use<'p> {
        move |source| Self { path: path.to_owned(), doing, source }
    }
}
