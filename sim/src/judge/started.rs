//! What must a server know after a start, and after its clock jumped? All that was durable; what was only said is forgotten.

use core::net::Ipv4Addr;

use dhcp_core::id::HardwareAddr;
use dhcp_core::server::book::{Entry, Standing};
use dhcp_core::time::Instant;

use super::{Found, Judge, ServerPlace, Violation};

impl Judge {
    /// A server lost its power while it took what it heard last: what that changed may not be durable.
    pub fn lost_power(&mut self) {
        self.due = None;
        if let Some(of) = self.declined_last.take() {
            self.declined.remove(&of);
        }
    }

    /// A server's lease clock jumped: what was only offered is free.
    pub fn jumped(&mut self, place: ServerPlace) {
        self.offered.retain(|(server, _), _| *server != place);
    }

    /// A server started: all that its clients hold must be theirs, and what is in quarantine stays there.
    ///
    /// # Errors
    /// Something is not.
    pub fn started(
        &mut self,
        now: Instant,
        place: ServerPlace,
        is_me: impl Fn(Ipv4Addr) -> bool,
        entry_at: impl Fn(Ipv4Addr) -> Option<Entry>,
    ) -> Result<(), Found> {
        // What was asked before is not answered, and answers to what it asked mean nothing to it.
        self.asked.retain(|(server, ..), _| *server != place);
        self.probed.retain(|(server, _), _| *server != place);
        self.jumped(place);
        let living = self.claims.iter().filter(|(_, claim)| claim.until > now);
        for (address, claim) in living.filter(|(_, claim)| is_me(claim.server)) {
            let entry = entry_at(*address);
            let known = entry.is_some_and(|entry| {
                let hardware = Some(HardwareAddr::ethernet(claim.mac));
                entry.standing == Standing::Bound && entry.hardware == hardware
            });
            if !known {
                let client = claim.client;
                let line = format!("client {client} has {address}, of which is known: {entry:?}");
                return Err((Violation::Forgotten, line));
            }
        }
        let quarantined = self.declined.iter().filter(|(_, until)| **until > now);
        for ((_, address), _) in quarantined.filter(|((server, _), _)| *server == place) {
            let entry = entry_at(*address);
            if entry.is_none_or(|entry| entry.standing != Standing::Quarantined) {
                let line = format!("of {address} is known: {entry:?}");
                return Err((Violation::Unquarantined, line));
            }
        }
        Ok(())
    }
}
