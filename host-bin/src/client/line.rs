//! How does a client reach its segment? One packet socket and one clock, shared by all names on an interface.

use core::task::{Context, Poll};
use core::time::Duration;
use std::io;

use dhcp_core::time::Instant;
use dhcp_core::wire::frame::Ethernet;
use dhcp_core::wire::frame::ipv4::Checksums;
use jiff::Timestamp;

use crate::client::exit::Exit;
use crate::client::lease::Clocks;
use crate::client::place::Port;
use crate::net::{Filter, PacketSocket, RecvBatch, Watch, WatchError};

/// Time since the command started, and the wall clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: tokio::time::Instant,
}

impl Clock {
    /// Zero is now.
    pub(crate) fn start() -> Self {
        Self { started: tokio::time::Instant::now() }
    }

    pub(crate) fn now(&self) -> Instant {
        let millis = self.started.elapsed().as_millis();
        Instant::from_millis(u64::try_from(millis).expect("no program runs that long"))
    }

    pub(crate) fn both(&self) -> Clocks {
        Clocks { now: self.now(), wall: Timestamp::now() }
    }

    /// Sleeps until then, or for ever.
    pub(crate) async fn sleep_until(&self, at: Option<Instant>) {
        match at {
            // The timer may wake up to a millisecond early, and would then be set again and again.
            Some(at) => {
                let at = self.started + Duration::from_millis(at.as_millis());
                tokio::time::sleep_until(at).await;
            }
            None => core::future::pending().await,
        }
    }
}

/// An interface that frames come from and go to.
#[derive(Debug)]
pub(crate) struct Line {
    socket: PacketSocket,
    batch: RecvBatch,
    interface: String,
    index: u32,
    mac: [u8; 6],
}

/// Why an interface cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LineError {
    #[error("there is no interface `{interface}`; there are: {}", there.join(", "))]
    NoInterface { interface: String, there: Vec<String> },
    #[error("`{interface}` is not an Ethernet interface")]
    NotEthernet { interface: String },
    #[error("`{interface}` is down; `ip link set {interface} up` switches it on")]
    Down { interface: String },
    #[error("raw frames on `{interface}` need root or the capability CAP_NET_RAW")]
    Denied { interface: String },
    #[error(transparent)]
    Watch(#[from] WatchError),
    #[error("`{interface}` cannot be used")]
    Io {
        interface: String,
        #[source]
        source: io::Error,
    },
}

impl LineError {
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::NoInterface { .. } | Self::NotEthernet { .. } => Exit::Usage,
            Self::Down { .. } | Self::Denied { .. } | Self::Watch(_) | Self::Io { .. } => {
                Exit::Failed
            }
        }
    }
}

impl Line {
    /// Opens the interface for frames to any hardware address: replies to a container's, and ARP answers to it.
    ///
    /// # Errors
    /// [`LineError`].
    pub(crate) async fn open(port: &Port, watch: &Watch) -> Result<Self, LineError> {
        let interface = port.interface.clone();
        let all = watch.interfaces().await?;
        let Some(found) = all.iter().find(|one| one.name == interface) else {
            let there = all.into_iter().map(|one| one.name).collect();
            return Err(LineError::NoInterface { interface, there });
        };
        let Some(mac) = found.mac else { return Err(LineError::NotEthernet { interface }) };
        if !found.up {
            return Err(LineError::Down { interface });
        }
        let open = || -> io::Result<PacketSocket> {
            let socket = PacketSocket::open(found.index, &Filter::CLIENT)?;
            socket.set_promiscuous()?;
            Ok(socket)
        };
        match open() {
            Ok(socket) => {
                let (batch, index) = (RecvBatch::new(), found.index);
                Ok(Self { socket, batch, interface, index, mac })
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Err(LineError::Denied { interface })
            }
            Err(source) => Err(LineError::Io { interface, source }),
        }
    }

    /// The interface's name.
    pub(crate) fn interface(&self) -> &str {
        &self.interface
    }

    /// The kernel's number of the interface.
    pub(crate) const fn index(&self) -> u32 {
        self.index
    }

    /// The interface's own MAC address.
    pub(crate) const fn mac(&self) -> [u8; 6] {
        self.mac
    }

    /// Sends a frame. One that does not leave is lost, as any may be: whoever waits for the answer asks again.
    pub(crate) fn send(&self, frame: &[u8]) {
        if let Err(error) = self.socket.send(frame) {
            tracing::debug!(interface = self.interface, %error, "frame not sent");
        }
    }

    /// Waits until frames are there, or until there may be; see [`Line::take`].
    pub(crate) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// As [`Line::readable`], for a task that waits on several.
    pub(crate) fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_readable(context)
    }

    /// Hands over what is there.
    pub(crate) fn take(&mut self, mut hear: impl FnMut(&Ethernet, &[u8], Checksums)) {
        // An interface that is down for a while says so here once; the timers go on.
        if let Err(error) = self.socket.recv_batch(&mut self.batch) {
            tracing::debug!(interface = self.interface, %error, "nothing received");
            return;
        }
        for frame in PacketSocket::frames(&self.batch) {
            if let Ok((ethernet, inside)) = frame.parse() {
                hear(&ethernet, inside, frame.checksums);
            }
        }
    }
}
