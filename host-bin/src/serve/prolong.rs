//! What becomes of leases when the lease clock turns out to be behind? They were given for a duration, so their ends move with the clock.
//!
//! While leases are prolonged, and while there is no wall clock at all, a note in the state directory says that the lease clock is behind. A power cut
//! in the middle of it is then no harm: the next start does it again, and some leases are held longer than they need be.

use core::net::Ipv4Addr;

use dhcp_core::server::PENDING_MAX;
use dhcp_core::server::book::{Change, Standing};
use dhcp_core::time::{Instant, Timestamp};
use lease_store::index::{RecordIndex as _, Replay as _};
use tracing::{error, info};

use crate::medium::FileMedium;
use crate::serve::HostEngine;
use crate::serve::clock::{Correction, correction};
use crate::serve::engine::{Log, Notice};
use crate::serve::events::Chain;
use crate::serve::store::{Book, Record};
use crate::state::StateDir;

type Failed = <Record<FileMedium> as Log<Book>>::Error;

/// Moves the lease clock forward to the wall clock, and with it the ends of leases when that is more than a moment.
pub(crate) fn follow_wall_clock(
    now: Instant,
    wall: Option<Timestamp>,
    engine: &mut HostEngine<'_>,
    state: &StateDir,
    tell: &mut impl FnMut(Notice<'_, Failed>),
) {
    match correction(engine.server_mut().clock_mut(), now, wall) {
        Correction::None => {}
        Correction::Advance(time) => engine.server_mut().clock_mut().advance(now, time),
        Correction::Shift(secs) => {
            let Some(time) = wall else { return };
            if let Err(why) = state.set_clock_behind(true) {
                error!(event = "state-not-written", "{}", Chain(&why));
                return;
            }
            let Some(prolonged) = prolong(now, secs, engine, tell) else { return };
            engine.server_mut().clock_mut().advance(now, time);
            let (log, book) = engine.log_and_book();
            let marked = log.0.mark_time(time, book).and_then(|()| log.0.sync());
            match marked {
                Ok(_) => {
                    if let Err(why) = state.set_clock_behind(false) {
                        error!(event = "state-not-written", "{}", Chain(&why));
                    }
                }
                Err(why) => tell(Notice::Failed(&why)),
            }
            info!(
                event = "clock-forward",
                secs, "the lease clock goes {secs} s forward; {prolonged} leases end as much later"
            );
        }
    }
}

/// Lets every lease and quarantine end `secs` later; how many there were. `None` when that could not be written: it is tried again.
fn prolong(
    now: Instant,
    secs: u32,
    engine: &mut HostEngine<'_>,
    tell: &mut impl FnMut(Notice<'_, Failed>),
) -> Option<usize> {
    let time = engine.server().time(now);
    let book = engine.server().book();
    let running: Vec<(Ipv4Addr, Standing)> = book
        .entries(time)
        .filter(|entry| match entry.standing {
            Standing::Bound | Standing::Quarantined => entry.until != Timestamp::NEVER,
            Standing::Fresh | Standing::Offered | Standing::Idle => false,
        })
        .map(|entry| (entry.address, entry.standing))
        .collect();
    for group in running.chunks(PENDING_MAX) {
        for (address, standing) in group {
            let book = engine.server_mut().book_mut();
            let Some(recorded) = book.recorded(*address) else { continue };
            let (address, until) = (*address, recorded.until.plus_secs(secs));
            let change = if *standing == Standing::Bound {
                Change::Extend { address, until }
            } else {
                Change::Quarantine { address, until }
            };
            book.replay(&change);
            assert!(engine.record(&change, tell), "a group is not larger than the ring");
        }
        engine.commit(tell)?;
    }
    Some(running.len())
}
