//! Why is there no network to try things on? What is missing, what the machine said, and what would help.

use core::fmt;
use core::time::Duration;
use std::io;

use thiserror::Error;

/// Why a testbed, or something in it, could not be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TestbedError {
    /// A program is not installed.
    #[error("`{program}` is not installed; on Debian: apt-get install {package}")]
    Missing {
        /// Its name.
        program: String,
        /// The Debian package that has it.
        package: String,
    },
    /// The kernel gives this user no namespaces of their own.
    #[error("this user gets no private network namespace here: {said}{}", Help(help))]
    NoNamespaces {
        /// What `unshare` said.
        said: String,
        /// What would help, when we know.
        help: Vec<String>,
    },
    /// A testbed was asked for outside a private machine; see [`private::enter`](super::private::enter).
    #[error("a testbed is only made inside namespaces of its own, and this process is not in any")]
    NotPrivate,
    /// A command that makes the network failed.
    #[error("`{command}` failed: {said}")]
    Refused {
        /// The command, and its input when it has some.
        command: String,
        /// What it said, or how it ended.
        said: String,
    },
    /// The operating system refused something.
    #[error("cannot {doing}")]
    Io {
        /// What was tried.
        doing: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// A child did not do in time what was waited for, or ended before.
    #[error("{child}: no {awaited} within {} ms; it {}said:\n{said}", within.as_millis(), if *ended { "ended and " } else { "" })]
    Awaited {
        /// The child's command.
        child: String,
        /// What was waited for.
        awaited: String,
        /// For how long at most.
        within: Duration,
        /// Whether the child has closed its output.
        ended: bool,
        /// All that it said.
        said: String,
    },
}

impl TestbedError {
    /// A program is not installed.
    pub(super) fn missing(program: &str) -> Self {
        Self::Missing { program: program.to_owned(), package: package(program).to_owned() }
    }

    /// Something of the operating system's went wrong.
    pub(super) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}

/// Each on a line of its own.
struct Help<'h>(&'h [String]);

impl fmt::Display for Help<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}

/// The Debian package that has a program.
fn package(program: &str) -> &str {
    match program {
        "ip" => "iproute2",
        "unshare" | "mount" => "util-linux",
        "dhclient" => "isc-dhcp-client",
        "dhcpd" => "isc-dhcp-server",
        "dhcrelay" => "isc-dhcp-relay",
        "dhcpcd" => "dhcpcd-base",
        "dnsmasq" => "dnsmasq-base",
        "kea-dhcp4" => "kea-dhcp4-server",
        other => other,
    }
}
