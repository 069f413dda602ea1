//! Does our server run on this host? What it says of names, over its control socket.

use core::net::Ipv4Addr;

use dhcp_core::id::HardwareAddr;
use lease_store::container::ContainerName;

use crate::client::exit::Exit;
use crate::client::lease::NamedLease;
use crate::client::place::Segment;
use crate::control::client::{Client, ClientError};
use crate::control::names::{Named, RefusedKind};
use crate::control::protocol::{Request, Response};
use crate::state::StateDir;

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
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("{said}")]
    Refused { kind: RefusedKind, said: String },
}

impl LocalError {
    /// Whether another server may know better.
    pub(crate) const fn is_elsewhere(&self) -> bool {
        match self {
            Self::Client(error) => match error {
                ClientError::NotRunning { .. }
                | ClientError::Forbidden { .. }
                | ClientError::Io { .. } => true,
                ClientError::Strange { .. }
                | ClientError::Unexpected { .. }
                | ClientError::Version { .. }
                | ClientError::Refused { .. } => false,
            },
            Self::Refused { kind, .. } => match kind {
                RefusedKind::NoSubnet => true,
                RefusedKind::NoneFree | RefusedKind::Refused | RefusedKind::Failed => false,
            },
        }
    }

    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::Client(error) => match error {
                ClientError::NotRunning { .. } | ClientError::Io { .. } => Exit::NoServer,
                ClientError::Forbidden { .. }
                | ClientError::Strange { .. }
                | ClientError::Unexpected { .. }
                | ClientError::Version { .. }
                | ClientError::Refused { .. } => Exit::Failed,
            },
            Self::Refused { kind, .. } => match kind {
                RefusedKind::NoSubnet => Exit::Usage,
                RefusedKind::NoneFree => Exit::NoneFree,
                RefusedKind::Refused => Exit::Refused,
                RefusedKind::Failed => Exit::Failed,
            },
        }
    }
}

/// A name on a segment, without wishes.
pub(crate) fn named(name: ContainerName, segment: &Segment) -> Named {
    let (vlan, interface) = match segment {
        Segment::Vlan(vlan) => (Some(*vlan), None),
        Segment::Interface(interface) => (None, Some(interface.clone())),
    };
    Named { name, vlan, interface, mac: None, last_mac: None, address: None }
}

/// A conversation with the server on this host. It answers at once, so nobody waits asynchronously for it.
#[derive(Debug)]
pub(crate) struct Connection {
    client: Client,
}

/// Opens the control socket of the server that keeps its state there.
///
/// # Errors
/// [`LocalError::Client`].
pub(crate) fn connect(state: &StateDir) -> Result<Connection, LocalError> {
    Ok(Connection { client: Client::connect(&state.control_socket())? })
}

impl Connection {
    /// A refusal is an error.
    fn ask(&mut self, request: Request) -> Result<Response, LocalError> {
        let response = self.client.ask(request)?;
        if let Response::Refused { kind, said } = response {
            return Err(LocalError::Refused { kind, said });
        }
        Ok(response)
    }

    fn unexpected(&self, response: &Response) -> LocalError {
        self.client.unexpected(response).into()
    }

    /// A lease for a name.
    ///
    /// # Errors
    /// [`LocalError`].
    pub(crate) fn lease(&mut self, named: Named) -> Result<NamedLease, LocalError> {
        let response = self.ask(Request::Lease(named))?;
        let Response::Leased { lease } = response else { return Err(self.unexpected(&response)) };
        Ok(*lease)
    }

    /// Ends the lease of a name; the address that it had, if it had one.
    ///
    /// # Errors
    /// [`LocalError`].
    pub(crate) fn release(&mut self, named: Named) -> Result<Option<Ipv4Addr>, LocalError> {
        let response = self.ask(Request::Release(named))?;
        self.released(&response)
    }

    /// Forgets a name; the address that it had, if it had one.
    ///
    /// # Errors
    /// [`LocalError`].
    pub(crate) fn unreserve(&mut self, named: Named) -> Result<Option<Ipv4Addr>, LocalError> {
        let response = self.ask(Request::Unreserve(named))?;
        self.released(&response)
    }

    fn released(&self, response: &Response) -> Result<Option<Ipv4Addr>, LocalError> {
        let Response::Released { address } = response else {
            return Err(self.unexpected(response));
        };
        Ok(*address)
    }

    /// Keeps an address for a name: that and the MAC address that goes with it.
    ///
    /// # Errors
    /// [`LocalError`].
    pub(crate) fn reserve(&mut self, named: Named) -> Result<(Ipv4Addr, String), LocalError> {
        let response = self.ask(Request::Reserve(named))?;
        let Response::Reserved { address, mac } = response else {
            return Err(self.unexpected(&response));
        };
        Ok((address, mac))
    }

    /// The MAC address that a name has or would get.
    ///
    /// # Errors
    /// [`LocalError`].
    pub(crate) fn mac(&mut self, named: Named) -> Result<HardwareAddr, LocalError> {
        let response = self.ask(Request::Mac(named))?;
        let Response::Mac { mac } = &response else { return Err(self.unexpected(&response)) };
        mac.parse().map_err(|_| self.unexpected(&response))
    }
}
