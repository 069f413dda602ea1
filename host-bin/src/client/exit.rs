//! What does the exit code say? One number for each outcome that a script acts on.

use std::process::ExitCode;

/// How a command for names ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// A server leased it, just now.
    Leased,
    /// Something else went wrong, and was said.
    Failed,
    /// The command line, or what it names, is wrong.
    Usage,
    /// The server on this host has no address left. One of others says nothing then (RFC 2131 section 4.3.1), as if it were not there.
    NoneFree,
    /// Somebody else uses every address that was offered, or the server refused.
    Refused,
    /// No server answered.
    NoServer,
    /// No server answered, and a lease from before is used.
    Stored,
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

/// For `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  leased: a server said so just now
  1  something else failed, and was said
  2  the command line, or what it names, is wrong
  3  the server on this host has no address left; any other is silent then, which is 5
  4  somebody else uses the address, or the server refused
  5  no server answered
  6  no server answered; a stored lease is used
130  interrupted by Ctrl-C";

impl Exit {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Leased => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NoneFree => 3,
            Self::Refused => 4,
            Self::NoServer => 5,
            Self::Stored => 6,
            // As shells have it: 128 and the number of SIGINT.
            Self::Interrupted => 130,
        }
    }

    /// The code of a command for several names: that of the first failure, else 6 when any lease is a stored one.
    pub(crate) fn of_all(exits: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::Leased;
        for exit in exits {
            match exit {
                Self::Leased => {}
                Self::Stored => all = Self::Stored,
                Self::Failed
                | Self::Usage
                | Self::NoneFree
                | Self::Refused
                | Self::NoServer
                | Self::Interrupted => {
                    return exit;
                }
            }
        }
        all
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_the_help() {
        let exits = [
            Exit::Leased,
            Exit::Failed,
            Exit::Usage,
            Exit::NoneFree,
            Exit::Refused,
            Exit::NoServer,
            Exit::Stored,
        ];
        for (code, exit) in exits.into_iter().enumerate() {
            assert_eq!(usize::from(exit.code()), code);
            assert!(EXIT_CODES.contains(&format!("\n  {code}  ")));
        }
        assert!(EXIT_CODES.contains(&format!("\n{}  ", Exit::Interrupted.code())));
    }

    #[test]
    fn the_first_failure_counts_for_several_names() {
        assert_eq!(Exit::of_all([]), Exit::Leased);
        assert_eq!(Exit::of_all([Exit::Leased, Exit::Stored, Exit::Leased]), Exit::Stored);
        let mixed = [Exit::Stored, Exit::NoServer, Exit::NoneFree, Exit::Leased];
        assert_eq!(Exit::of_all(mixed), Exit::NoServer);
    }
}
