//! What is a machine on the testbed? A network namespace with a name, in which children and our own sockets live.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::process::Command;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::child::Child;
use super::error::TestbedError;
use super::ip;

/// One machine on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    name: String,
}

impl Node {
    /// A namespace with its loopback up, and without IPv6, whose own chatter would only be in the way.
    pub(super) fn new(name: &str) -> Result<Self, TestbedError> {
        let mut add = Command::new("ip");
        add.args(["netns", "add", name]);
        ip::run(add, "")?;
        let node = Self { name: name.to_owned() };
        node.inside(|| {
            let default = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
            // A kernel without IPv6 has no such file, and needs none.
            let _ = fs::write(default, "1");
        })?;
        node.ip("link set lo up")?;
        Ok(node)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Changes its addresses, routes and interfaces: lines as one types them after `ip`.
    ///
    /// # Errors
    /// [`TestbedError::Refused`] with what `ip` said of the first line that it could not do.
    pub fn ip(&self, lines: &str) -> Result<(), TestbedError> {
        ip::batch(&self.name, lines)
    }

    /// Starts a program here; see [`Child`].
    ///
    /// # Errors
    /// [`TestbedError::Missing`] when there is no such program.
    pub fn start<A: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Child, TestbedError> {
        let mut command = self.command(program)?;
        command.args(arguments);
        Child::start(command)
    }

    /// A program that runs here, to add arguments and variables to, and then for [`Child::start`].
    ///
    /// # Errors
    /// [`TestbedError::Missing`] when there is no such program.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Result<Command, TestbedError> {
        let program = program.as_ref();
        let path = match program.to_str() {
            Some(name) if !name.contains('/') => ip::find(name)?,
            Some(_) | None => program.into(),
        };
        // It becomes the program, so the process number is the program's. It also shows the node's own interfaces in /sys.
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(path);
        Ok(command)
    }

    /// Runs `body` here, on a thread of its own. A socket that it opens stays in this node, wherever it is used later.
    ///
    /// # Errors
    /// [`TestbedError::Io`] when the thread cannot go there.
    ///
    /// # Panics
    /// With what `body` panics with.
    pub fn inside<R: Send>(&self, body: impl FnOnce() -> R + Send) -> Result<R, TestbedError> {
        let path = format!("/run/netns/{}", self.name);
        let doing = || TestbedError::io(format!("enter node {}", self.name));
        let namespace = File::open(path).map_err(doing())?;
        let there = thread::scope(|scope| {
            let body = || {
                move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
                Ok(body())
            };
            scope.spawn(body).join()
        });
        match there {
            Ok(done) => done.map_err(|error: rustix::io::Errno| doing()(error.into())),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}
