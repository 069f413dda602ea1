//! What becomes of leases when the lease clock turns out to be behind? They were given for a duration, so their ends move with the clock.
//!
//! While leases are prolonged, and while there is no wall clock at all, a note in the state directory says that the lease clock is behind. A power cut
//! in the middle of it is then no harm: the next start does it again, and some leases are held longer than they need be.

use dhcp_core::server::PENDING_MAX;
use dhcp_core::server::book::Change;
use dhcp_core::time::{Correction, Instant, Timestamp};
use lease_store::index::Replay as _;
use tracing::{error, info};

use crate::chain::Chain;
use crate::medium::FileMedium;
use crate::serve::HostEngine;
use crate::serve::engine::{Log, Notice};
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
    match engine.server_mut().clock_mut().correction(now, wall) {
        Correction::None => {}
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
    let running: Vec<Change<'static>> = engine.server().book().prolonged(time, secs).collect();
    for group in running.chunks(PENDING_MAX) {
        for change in group {
            engine.server_mut().book_mut().replay(change);
            assert!(engine.record(change, tell), "a group is not larger than the ring");
        }
        engine.commit(tell)?;
    }
    Some(running.len())
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use dhcp_core::id::{ClientKey, HardwareAddr, InstallationKey};
    use dhcp_core::server::Server;
    use dhcp_core::server::book::{Grant, LeaseBook as _};
    use dhcp_core::time::LeaseClock;
    use lease_store::journal::Journal;

    use super::*;
    use crate::config::render::{Interfaces, Rendered};
    use crate::config::tests::good;
    use crate::serve::Engine;
    use crate::serve::store::empty_book;

    const START: u32 = 1_790_000_000;
    const NOW: Instant = Instant::from_millis(10_000);
    const LEASED: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 10);
    const INFINITE: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 11);
    const STRANGE: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 12);
    const OVER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 13);

    /// Runs `test` with an engine whose lease clock shows `START + 10`, and which has a lease until `START + 100`, an infinite one, a quarantine until
    /// `START + 50` and a lease that is over; its state is in `dir`.
    fn with_engine(dir: &std::path::Path, test: impl FnOnce(&mut HostEngine<'_>, &StateDir)) {
        let state = StateDir::new(dir);
        let config = good(
            r#"
[[subnet]]
network = "10.0.1.0/24"
range = "10.0.1.10 - 10.0.1.19"
"#,
        );
        let rendered = Rendered::new(&config, &Interfaces::default());
        rendered.with(InstallationKey([7; 16]), |config| {
            let mut book = empty_book(config).unwrap();
            let medium = FileMedium::open(&state.journal()).unwrap();
            let (journal, _) = Journal::open(medium, &mut book).unwrap();
            let clock = LeaseClock::new(Instant::ZERO, Timestamp::from_secs(START));
            let mut engine = Engine::new(Server::new(config, book, clock), Record(journal));
            test(&mut engine, &state);
        });
    }

    fn fill(engine: &mut HostEngine<'_>) {
        let now = Timestamp::from_secs(START);
        let ends =
            [(LEASED, now.plus_secs(100)), (INFINITE, Timestamp::NEVER), (OVER, now.plus_secs(9))];
        for (address, until) in ends {
            let hardware = HardwareAddr::ethernet([2, 0, 0, 0, 0, address.octets()[3]]);
            let key = ClientKey::from_hardware(&InstallationKey([7; 16]), &hardware);
            let (promise, pinned) = (until, false);
            let grant =
                Grant { address, key: &key, hardware: &hardware, until, promise, pinned, now };
            engine.server_mut().book_mut().grant(&grant).unwrap();
            let change =
                Change::Bind { address, key, hardware, client_id: None, name: b"", until, pinned };
            assert!(engine.record(&change, &mut |_| {}));
        }
        let until = now.plus_secs(50);
        assert!(engine.server_mut().book_mut().quarantine(STRANGE, until, now));
        let change = Change::Quarantine { address: STRANGE, until };
        assert!(engine.record(&change, &mut |_| {}));
        assert!(engine.commit(&mut |_| {}).is_some());
    }

    fn until(engine: &HostEngine<'_>, address: Ipv4Addr) -> Timestamp {
        let time = engine.server().time(NOW);
        engine.server().book().entry_at(address, time).unwrap().until
    }

    const fn after_start(secs: u32) -> Timestamp {
        Timestamp::from_secs(START).plus_secs(secs)
    }

    #[test]
    fn what_runs_ends_as_much_later_as_the_clock_goes_forward() {
        let dir = tempfile::tempdir().unwrap();
        let check = |engine: &HostEngine<'_>| {
            assert_eq!(until(engine, LEASED), after_start(100 + 86_400));
            assert_eq!(until(engine, INFINITE), Timestamp::NEVER);
            assert_eq!(until(engine, STRANGE), after_start(50 + 86_400));
            assert_eq!(until(engine, OVER), after_start(9), "what is over stays over");
        };
        with_engine(dir.path(), |engine, state| {
            fill(engine);
            let wall = Some(after_start(10 + 86_400));
            follow_wall_clock(NOW, wall, engine, state, &mut |notice| panic!("{notice:?}"));
            assert_eq!(Some(engine.server().time(NOW)), wall);
            check(engine);
            assert!(!state.is_clock_behind());
        });
        with_engine(dir.path(), |engine, _| {
            check(engine);
            assert_eq!(engine.log().0.time(), after_start(10 + 86_400), "it is recorded");
        });
    }

    #[test]
    fn a_moment_is_no_reason_to_write_and_backward_is_no_direction() {
        let dir = tempfile::tempdir().unwrap();
        with_engine(dir.path(), |engine, state| {
            fill(engine);
            let appended = engine.counters().appended;
            for (wall, shown) in [
                (None, 10),
                (Some(after_start(11)), 10),
                (Some(after_start(0)), 10),
                (Some(Timestamp::from_secs(7)), 10),
            ] {
                follow_wall_clock(NOW, wall, engine, state, &mut |notice| panic!("{notice:?}"));
                assert_eq!(engine.server().time(NOW), after_start(shown));
            }
            assert_eq!(until(engine, LEASED), after_start(100));
            assert_eq!(engine.counters().appended, appended);
            assert!(!state.is_clock_behind());
        });
    }

    #[test]
    fn without_its_note_nothing_is_moved() {
        let dir = tempfile::tempdir().unwrap();
        with_engine(dir.path(), |engine, _| {
            fill(engine);
            let nowhere = StateDir::new(dir.path().join("nowhere"));
            let wall = Some(after_start(86_400));
            follow_wall_clock(NOW, wall, engine, &nowhere, &mut |notice| panic!("{notice:?}"));
            assert_eq!(engine.server().time(NOW), after_start(10), "it is tried again");
            assert_eq!(until(engine, LEASED), after_start(100));
        });
    }
}
