//! Does our server run on this host? Its control socket, and what it says of names.

use core::net::Ipv4Addr;
use std::io;
use std::path::{Path, PathBuf};

use dhcp_core::id::HardwareAddr;
use lease_store::container::Container;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use crate::client::ask::{Kind, NameReply, NameRequest, Named, Refused, Reserved};
use crate::client::exit::Exit;
use crate::client::lease::NamedLease;
use crate::client::place::Place;

/// Whether there is another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Local {
    /// DHCP comes next.
    First,
    /// It is this way or none.
    Only,
}

/// Why the server on this host did not do it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LocalError {
    #[error("no server runs on this host: {} cannot be opened", path.display())]
    Connect {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the server on this host hung up")]
    Broken(#[source] io::Error),
    #[error("the server on this host says something else: {said}")]
    Strange { said: String },
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl LocalError {
    /// Whether another server may know better.
    pub(crate) const fn is_elsewhere(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Broken(_) => true,
            Self::Refused(Refused { kind, .. }) => match kind {
                Kind::NoSubnet => true,
                Kind::NoneFree | Kind::Refused | Kind::Failed => false,
            },
            Self::Strange { .. } => false,
        }
    }

    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Connect { .. } | Self::Broken(_) => Exit::NoServer,
            Self::Strange { .. } => Exit::Failed,
            Self::Refused(Refused { kind, .. }) => kind.exit(),
        }
    }
}

/// A conversation with the server on this host.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<UnixStream>,
}

/// Opens the control socket of the server that keeps its state there.
///
/// # Errors
/// [`LocalError::Connect`].
pub(crate) async fn connect(state: &Path) -> Result<Connection, LocalError> {
    let path = state.join("control.sock");
    match UnixStream::connect(&path).await {
        Ok(stream) => Ok(Connection { stream: BufReader::new(stream) }),
        Err(source) => Err(LocalError::Connect { path, source }),
    }
}

impl Connection {
    /// One question and its answer. A refusal is an error.
    ///
    /// # Errors
    /// [`LocalError`].
    pub(crate) async fn ask(&mut self, request: &NameRequest) -> Result<NameReply, LocalError> {
        let mut line = serde_json::to_vec(request).expect("a request is made of what JSON has");
        line.push(b'\n');
        self.stream.write_all(&line).await.map_err(LocalError::Broken)?;
        let mut said = String::new();
        let len = self.stream.read_line(&mut said).await.map_err(LocalError::Broken)?;
        if len == 0 {
            return Err(LocalError::Broken(io::ErrorKind::UnexpectedEof.into()));
        }
        match serde_json::from_str(&said) {
            Ok(NameReply::Refused(refused)) => Err(refused.into()),
            Ok(reply) => Ok(reply),
            Err(_) => Err(strange(&said)),
        }
    }

    /// A lease for a container.
    ///
    /// # Errors
    /// [`LocalError`].
    pub(crate) async fn lease(
        &mut self,
        container: &Container,
        place: &Place,
        mac: Option<HardwareAddr>,
        address: Option<Ipv4Addr>,
    ) -> Result<NamedLease, LocalError> {
        let mac = mac.map(|mac| mac.to_string());
        let named = Named { mac, address, ..Named::on(container.name, &place.segment) };
        match self.ask(&NameRequest::Lease(named)).await? {
            NameReply::Lease(lease) => Ok(*lease),
            reply @ (NameReply::Reserved(_)
            | NameReply::Released(_)
            | NameReply::Mac(_)
            | NameReply::Refused(_)) => Err(unexpected(&reply)),
        }
    }

    /// Ends the lease of a container; the address that it had, if it had one.
    ///
    /// # Errors
    /// [`LocalError`].
    pub(crate) async fn release(&mut self, named: Named) -> Result<Option<Ipv4Addr>, LocalError> {
        self.released(&NameRequest::Release(named)).await
    }

    /// Forgets a container; the address that it had, if it had one.
    ///
    /// # Errors
    /// [`LocalError`].
    pub(crate) async fn unreserve(&mut self, named: Named) -> Result<Option<Ipv4Addr>, LocalError> {
        self.released(&NameRequest::Unreserve(named)).await
    }

    async fn released(&mut self, request: &NameRequest) -> Result<Option<Ipv4Addr>, LocalError> {
        match self.ask(request).await? {
            NameReply::Released(address) => Ok(address),
            reply @ (NameReply::Reserved(_)
            | NameReply::Lease(_)
            | NameReply::Mac(_)
            | NameReply::Refused(_)) => Err(unexpected(&reply)),
        }
    }

    /// Keeps an address for a container.
    ///
    /// # Errors
    /// [`LocalError`].
    pub(crate) async fn reserve(&mut self, named: Named) -> Result<Reserved, LocalError> {
        match self.ask(&NameRequest::Reserve(named)).await? {
            NameReply::Reserved(reserved) => Ok(reserved),
            reply @ (NameReply::Lease(_)
            | NameReply::Released(_)
            | NameReply::Mac(_)
            | NameReply::Refused(_)) => Err(unexpected(&reply)),
        }
    }

    /// The MAC address that a lease for a container has or would have.
    ///
    /// # Errors
    /// [`LocalError`].
    pub(crate) async fn mac(&mut self, named: Named) -> Result<HardwareAddr, LocalError> {
        match self.ask(&NameRequest::Mac(named)).await? {
            NameReply::Mac(mac) => mac.parse().map_err(|_| strange(&mac)),
            reply @ (NameReply::Lease(_)
            | NameReply::Released(_)
            | NameReply::Reserved(_)
            | NameReply::Refused(_)) => Err(unexpected(&reply)),
        }
    }
}

fn strange(said: &str) -> LocalError {
    LocalError::Strange { said: said.trim().escape_debug().take(200).collect() }
}

/// An answer to another question.
fn unexpected(reply: &NameReply) -> LocalError {
    strange(&serde_json::to_string(reply).unwrap_or_default())
}
