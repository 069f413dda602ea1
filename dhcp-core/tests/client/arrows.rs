//! Which state may follow which? The arrows of RFC 2131 figure 5 between states, for tests that do anything at all; fuzzing holds the client to the same.

use dhcp_core::client::Phase;

/// Whether replies, ARP packets and time may lead from one state to the other, over several arrows when the caller overslept. The caller may go anywhere.
pub(crate) fn is_arrow(from: Phase, to: Phase) -> bool {
    use Phase::{
        Bound, Informed, Informing, Init, InitReboot, Probing, Rebinding, Rebooting, Renewing,
        Requesting, Selecting,
    };
    from == to
        || matches!(
            (from, to),
            (Init, Selecting)
                | (Selecting, Requesting | Init)
                | (Requesting, Probing | Bound | Init | Selecting)
                | (InitReboot, Rebooting)
                | (Rebooting, Probing | Bound | Init | Selecting)
                | (Probing, Bound | Init | Selecting | Renewing | Rebinding)
                | (Bound, Renewing | Rebinding | Init | Selecting)
                | (Renewing, Bound | Rebinding | Init | Selecting)
                | (Rebinding, Bound | Init | Selecting)
                | (Informing, Informed)
        )
}
