//! Why was a change not recorded?

use core::error::Error;
use core::fmt;

/// Why a change is not, or not yet, on the medium. Whoever waits for it is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum JournalError<E> {
    /// The medium failed.
    Medium(E),
    /// There are more live records than the medium has room for.
    Full,
    /// The index has no slot for the address, or is too narrow for the size of the medium.
    NoPlace,
    /// A change since the last sync was not appended, for a reason that was given then.
    NotAppended,
}

impl<E> From<E> for JournalError<E> {
    fn from(error: E) -> Self {
        Self::Medium(error)
    }
}

impl<E: fmt::Display> fmt::Display for JournalError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Medium(_) => "the journal cannot be written",
            Self::Full => "the journal is full of live records",
            Self::NoPlace => "the lease table cannot keep where the record is",
            Self::NotAppended => "a change could not be appended to the journal before",
        })
    }
}

impl<E: Error + 'static> Error for JournalError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Medium(error) => Some(error),
            Self::Full | Self::NoPlace | Self::NotAppended => None,
        }
    }
}
