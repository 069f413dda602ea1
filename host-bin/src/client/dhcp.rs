//! How are names leased over the wire? One [`Line`], one timer and one [`Hunt`], until each name has its lease or the patience ends.

use core::time::Duration;

use dhcp_core::client::DECLINE_WAIT_SECS;
use dhcp_core::conflict::Acd;
use dhcp_core::id::InstallationKey;

use crate::client::fleet::{FRAME_LEN_MAX, NotEthernet};
use crate::client::hunt::{Failure, Hunt, Wish};
use crate::client::lease::NamedLease;
use crate::client::line::{Clock, Line};
use crate::client::progress::Progress;

/// After so many addresses that somebody else uses, of all names together, the patience is not renewed any more.
const CONFLICTS_MAX: u32 = 3;

/// How long and how carefully.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) timeout: Duration,
    pub(crate) acd: Acd,
}

/// What became of all wishes.
#[derive(Debug)]
pub(crate) struct Ended {
    /// In the order of the wishes.
    pub(crate) results: Vec<(Wish, Result<NamedLease, Failure>)>,
    /// Somebody pressed Ctrl-C.
    pub(crate) interrupted: bool,
}

/// Octets of chance for one client or more, from the operating system.
pub(crate) fn seed() -> u64 {
    getrandom::u64().expect("the system has random octets, else there would be no installation key")
}

/// Leases for every wish.
///
/// # Errors
/// When a MAC address that is wished for is not one of Ethernet.
pub(crate) async fn lease(
    line: &mut Line,
    tag: Option<u16>,
    installation: &InstallationKey,
    wishes: Vec<Wish>,
    patience: &Patience,
) -> Result<Ended, NotEthernet> {
    let clock = Clock::start();
    let interface = line.interface().to_owned();
    let mut hunt =
        Hunt::begin(clock.now(), (&interface, tag), installation, patience.acd, wishes, seed())?;
    let progress = Progress::start();
    let mut frame = [0; FRAME_LEN_MAX];
    let patience_ends = tokio::time::sleep(patience.timeout);
    let ctrl_c = tokio::signal::ctrl_c();
    tokio::pin!(patience_ends, ctrl_c);
    let mut is_patient = true;
    let mut conflicts = 0;
    let interrupted = loop {
        let clocks = clock.both();
        while let Some(len) = hunt.poll(&clocks, &mut frame) {
            line.send(frame.get(..len).expect("the fleet wrote as much"));
        }
        for declined in hunt.declined() {
            progress.say(&declined.to_string());
        }
        // What a server has leased is checked to the end, whatever the time.
        if hunt.is_over() || !is_patient && !hunt.is_probing() {
            break false;
        }
        if hunt.conflicts() > conflicts && hunt.conflicts() <= CONFLICTS_MAX {
            conflicts = hunt.conflicts();
            let again = Duration::from_secs(DECLINE_WAIT_SECS.into()) + patience.timeout;
            patience_ends.as_mut().reset(tokio::time::Instant::now() + again);
        }
        progress.show(|| hunt.progress());
        tokio::select! {
            readable = line.readable() => match readable {
                Ok(()) => {
                    let now = clock.now();
                    line.take(|ethernet, inside, checksums| {
                        hunt.hear(now, ethernet, inside, checksums);
                    });
                }
                Err(error) => {
                    tracing::warn!(interface, %error, "the socket failed");
                    break false;
                }
            },
            () = clock.sleep_until(hunt.poll_timeout()) => {}
            () = &mut patience_ends, if is_patient => is_patient = false,
            _ = &mut ctrl_c => break true,
        }
    };
    Ok(Ended { results: hunt.give_up(), interrupted })
}
