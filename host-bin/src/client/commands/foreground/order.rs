//! What does the operator want of a client that runs? Signals, as udhcpc and dhcpcd have them.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What ends or changes it from outside.
#[derive(Debug)]
pub(super) struct Signals {
    renew: Signal,
    release: Signal,
    terminate: Signal,
    interrupt: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// SIGUSR1: renew now.
    Renew,
    /// SIGUSR2: give back and end.
    Release,
    /// SIGTERM and SIGINT: end, and keep the lease for the next time.
    End,
}

impl Signals {
    /// From now on they do not end the process.
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            renew: signal(SignalKind::user_defined1())?,
            release: signal(SignalKind::user_defined2())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Order {
        tokio::select! {
            _ = self.renew.recv() => Order::Renew,
            _ = self.release.recv() => Order::Release,
            _ = self.terminate.recv() => Order::End,
            _ = self.interrupt.recv() => Order::End,
        }
    }
}
