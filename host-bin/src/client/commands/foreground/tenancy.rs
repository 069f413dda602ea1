//! What does this machine make of a lease? It is written down, the interface is configured with it, the operator and the script are told;
//! and all that is undone once it is lost.

use dhcp_core::client::Client;
use jiff::Timestamp;
use lease_store::container::{Container, ContainerName};

use crate::client::configure::{Configured, owner};
use crate::client::format::{Status, Told};
use crate::client::lease::{NamedLease, Way};
use crate::client::line::Clock;
use crate::client::place::Segment;
use crate::client::script::{Reason, Script};
use crate::client::session::{Ended, Session, chain, say};
use crate::client::store::Stored;

/// A container's lease on this machine.
#[derive(Debug)]
pub(super) struct Tenancy {
    pub(super) container: Container,
    pub(super) segment: Segment,
    pub(super) network: ContainerName,
    pub(super) session: Session,
    pub(super) script: Option<Script>,
    /// None when nothing is configured, or no interface is there yet.
    pub(super) configured: Option<Configured>,
    /// What the interface and the script were told of last.
    pub(super) held: Option<(Status, NamedLease)>,
    /// What could not be configured last time: it is not said again at each renewal.
    complaints: Vec<String>,
}

impl Tenancy {
    /// Nothing is held yet.
    pub(super) const fn new(
        container: Container,
        segment: Segment,
        network: ContainerName,
        session: Session,
        script: Option<Script>,
    ) -> Self {
        Self {
            container,
            segment,
            network,
            session,
            script,
            configured: None,
            held: None,
            complaints: Vec::new(),
        }
    }

    /// The lease's name for people, and for the files that are written for it.
    pub(super) fn owner(&self) -> String {
        owner(&self.container.name, &self.segment)
    }

    /// What is stored for the name.
    ///
    /// # Errors
    /// As [`Session::stored`].
    pub(super) fn stored(&self) -> Result<Option<Stored>, Ended> {
        Ok(self.session.stored(&self.container.name, &self.segment)?)
    }

    /// The client has a lease, a new one or one that goes on.
    pub(super) async fn hold(
        &mut self,
        reason: Reason,
        client: &Client,
        interface: &str,
        clock: &Clock,
    ) {
        let lease = client.lease().expect("a client that is bound has a lease");
        let (mac, clocks) = (client.config().hardware, clock.both());
        let lease =
            NamedLease::new(&self.container, Some(interface), mac, Way::Dhcp, &lease, &clocks);
        let until =
            lease.expires_at.map_or_else(|| "without end".to_owned(), |at| format!("until {at}"));
        let (word, address, server) = (reason.word(), lease.address, lease.server);
        self.configure(Status::Leased, lease).await;
        // Who waits for the word finds all done.
        say(&format!("{}: {word}: {address} from {server}, {until}", self.container));
        self.tell(reason);
    }

    /// RFC 2131 section 3.2 (4): nobody answered, and the lease is good.
    pub(super) async fn use_stored(&mut self, stored: Option<&Stored>) {
        let wall = Timestamp::now();
        // The client that asked does not count this lease's time, and an interface that was down has lost its routes.
        if let Some((_, lease)) = self.held.clone() {
            if lease.is_over(wall) {
                self.lose("it ran out").await;
            } else {
                self.configure(Status::Stored, lease).await;
            }
            return;
        }
        let Some(stored) = stored else { return };
        // It ran out while nobody was there to undo it.
        if stored.lease.is_over(wall) {
            self.leave_stored(Some(stored)).await;
        }
        if !stored.is_valid(wall) {
            return;
        }
        let lease = stored.lease.clone();
        say(&format!(
            "{}: no server answered; using the stored lease of {}",
            self.container, lease.address
        ));
        self.configure(Status::Stored, lease).await;
        self.tell(Reason::Bound);
    }

    /// Writes the lease down, with what is about to be changed, before it is: whoever comes after us can undo it.
    async fn configure(&mut self, status: Status, lease: NamedLease) {
        let before = self.held.take().map(|(_, lease)| lease);
        let mut failed = Vec::new();
        if let Some(configured) = &mut self.configured {
            failed.extend(configured.look(&lease).await);
        }
        self.write(&lease);
        if let Some(configured) = &mut self.configured {
            failed.extend(configured.set(&lease, before.as_ref(), Timestamp::now()).await);
        }
        let complaints: Vec<_> = failed.iter().map(|error| chain(error)).collect();
        for complaint in complaints.iter().filter(|one| !self.complaints.contains(one)) {
            say(&format!("{}: {complaint}", self.container));
        }
        self.complaints = complaints;
        self.held = Some((status, lease));
    }

    fn write(&self, lease: &NamedLease) {
        let mut stored = match self.stored() {
            Ok(Some(before)) => before.followed_by(lease.clone()),
            Ok(None) | Err(_) => Stored::new(lease.clone()),
        };
        if let Some(configured) = &self.configured {
            stored.configured = Some(configured.changed().clone());
        }
        if let Err(error) = self.session.store.write(&self.segment, &stored) {
            say(&format!("{}: not written down: {}", self.container, chain(&error)));
        }
    }

    /// Takes away what the one before us left on the interface for us, once it is not ours any more.
    pub(super) async fn leave_stored(&mut self, stored: Option<&Stored>) {
        if let (None, Some(stored)) = (&self.held, stored) {
            clear(&mut self.configured, &stored.lease, &self.container).await;
        }
    }

    /// The lease, if there is one, is not ours any more.
    pub(super) async fn lose(&mut self, why: &str) {
        let Some((_, lease)) = &self.held else { return };
        say(&format!("{}: lost {}: {why}", self.container, lease.address));
        clear(&mut self.configured, lease, &self.container).await;
        self.tell(Reason::Lost);
        self.held = None;
    }

    /// The lease was given back, and that is written down.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub(super) async fn given_back(&mut self) -> Result<(), Ended> {
        let stored = self.stored()?;
        // Perhaps nothing is held yet.
        self.leave_stored(stored.as_ref()).await;
        self.lose("given back").await;
        if let Some(mut stored) = stored {
            stored.released_at.get_or_insert_with(Timestamp::now);
            if let Some(configured) = &self.configured {
                let left = configured.changed().clone();
                stored.configured = Some(left).filter(|left| !left.is_nothing());
            }
            self.session.store.write(&self.segment, &stored)?;
        }
        Ok(())
    }

    /// Runs the script, if there is one.
    pub(super) fn tell(&self, reason: Reason) {
        let Some(script) = &self.script else { return };
        let variables = match &self.held {
            Some((status, lease)) => {
                Told { status: *status, network: &self.network, lease }.variables().to_vec()
            }
            None => vec![("HYDRANT_NAME", self.container.name.to_string())],
        };
        script.run(reason, variables);
    }

    /// When a stored lease that is in use must not be any more.
    pub(super) fn stored_ends(&self) -> Option<Timestamp> {
        match &self.held {
            Some((Status::Stored, lease)) => lease.expires_at,
            Some((Status::Leased | Status::Expired, _)) | None => None,
        }
    }
}

/// Undoes what the lease changed, if anything is configured, and says what cannot be undone.
async fn clear(configured: &mut Option<Configured>, lease: &NamedLease, container: &Container) {
    if let Some(configured) = configured
        && let Err(error) = configured.clear(lease).await
    {
        say(&format!("{container}: {}", chain(&error)));
    }
}
