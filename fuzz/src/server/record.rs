//! What was recorded, without what it borrows from packets.

use core::net::Ipv4Addr;

use dhcp_core::id::{ClientId, ClientKey, HardwareAddr};
use dhcp_core::server::book::Change;
use dhcp_core::time::Timestamp;

/// A change, without what it borrows.
#[derive(Clone, Debug)]
pub(super) enum Record {
    Bind {
        address: Ipv4Addr,
        key: ClientKey,
        hardware: HardwareAddr,
        client_id: Option<Vec<u8>>,
        name: Vec<u8>,
        until: Timestamp,
        pinned: bool,
    },
    Extend {
        address: Ipv4Addr,
        until: Timestamp,
    },
    Release {
        address: Ipv4Addr,
    },
    Quarantine {
        address: Ipv4Addr,
        until: Timestamp,
    },
    Forget {
        address: Ipv4Addr,
    },
}

impl Record {
    pub(super) fn of(change: &Change<'_>) -> Self {
        match *change {
            Change::Bind { address, key, hardware, client_id, name, until, pinned } => {
                let client_id = client_id.map(|id| id.octets().to_vec());
                Self::Bind { address, key, hardware, client_id, name: name.to_vec(), until, pinned }
            }
            Change::Extend { address, until } => Self::Extend { address, until },
            Change::Release { address } => Self::Release { address },
            Change::Quarantine { address, until } => Self::Quarantine { address, until },
            Change::Forget { address } => Self::Forget { address },
        }
    }

    pub(super) fn change(&self) -> Change<'_> {
        match self {
            Self::Bind { address, key, hardware, client_id, name, until, pinned } => Change::Bind {
                address: *address,
                key: *key,
                hardware: *hardware,
                client_id: client_id.as_deref().and_then(ClientId::new),
                name,
                until: *until,
                pinned: *pinned,
            },
            Self::Extend { address, until } => Change::Extend { address: *address, until: *until },
            Self::Release { address } => Change::Release { address: *address },
            Self::Quarantine { address, until } => {
                Change::Quarantine { address: *address, until: *until }
            }
            Self::Forget { address } => Change::Forget { address: *address },
        }
    }

    /// Whether somebody has the address by this change.
    pub(super) const fn gives(&self) -> bool {
        match self {
            Self::Bind { .. } | Self::Extend { .. } => true,
            Self::Release { .. } | Self::Quarantine { .. } | Self::Forget { .. } => false,
        }
    }

    pub(super) fn address(&self) -> Ipv4Addr {
        self.change().address()
    }
}
