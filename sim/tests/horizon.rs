//! What is promised beyond a lease's end saves records, and holds over a restart.

#![allow(
    clippy::unwrap_used,
    reason = "in a test a panic is the report; clippy sees the helpers as no tests"
)]

use dhcp_core::server::Lsn;
use dhcp_core::server::book::{Ask, Grant, Granted, LeaseBook as _, Standing, Unavailable};
use dhcp_core::server::config::SubnetIndex;
use dhcp_core::time::Timestamp;
use lease_store::journal::Journal;
use lease_store::medium::NorMedium;
use sim::book::{Book, Terms, address, book, grant, hardware, key};
use sim::nor::Nor;

type Flash = Nor<4, 4_096>;

const LEASE_SECS: u32 = 3_600;
const BEGIN: u32 = 1_000_000;

const fn at(secs: u32) -> Timestamp {
    Timestamp::from_secs(BEGIN + secs)
}

struct Server {
    journal: Journal<NorMedium<Flash>>,
    book: Book<u16>,
    lsn: Lsn,
}

impl Server {
    /// A server with one address.
    fn start(flash: Flash) -> Self {
        let mut book = book(1);
        let (journal, _) = Journal::open(NorMedium::new(flash), &mut book).unwrap();
        Self { journal, book, lsn: Lsn::ZERO }
    }

    /// Grants the first client its lease; whether that was recorded.
    fn grant(&mut self, now: Timestamp, slack_secs: u32) -> bool {
        let before = self.lsn;
        let terms = Terms { lease_secs: LEASE_SECS, slack_secs };
        grant(&mut self.book, 0, now, terms, |book, change| {
            self.lsn = self.lsn.next();
            self.journal.append(self.lsn, change, book).unwrap();
            assert_eq!(self.journal.sync().unwrap().lsn(), self.lsn);
        });
        self.lsn > before
    }

    fn steps(&self) -> u64 {
        self.journal.medium().flash().steps()
    }

    /// All that was in memory is gone.
    fn restart(self) -> Self {
        Self::start(self.journal.into_medium().into_flash())
    }

    /// What another client is offered.
    fn another(&mut self, now: Timestamp) -> Result<Standing, Unavailable> {
        let (key, hardware) = (key(1), hardware(1));
        let ask = Ask {
            subnet: SubnetIndex(0),
            key: &key,
            hardware: &hardware,
            reserved: None,
            requested: Some(address(0)),
            hold_until: now.plus_secs(60),
            now,
        };
        self.book.offer(&ask).map(|entry| entry.standing)
    }
}

#[test]
fn a_promise_is_kept_over_a_restart_and_costs_no_record_until_it_is_used_up() {
    for slack_secs in [0, 600, 1_800, 8 * LEASE_SECS] {
        let mut server = Server::start(Flash::new(4, 3));
        assert!(server.grant(at(0), slack_secs), "a new lease is recorded");
        let promised = LEASE_SECS + slack_secs;
        let steps = server.steps();
        let mut told = LEASE_SECS;
        for now in (LEASE_SECS / 2..).step_by(LEASE_SECS as usize / 2) {
            if now + LEASE_SECS > promised {
                break;
            }
            assert!(!server.grant(at(now), slack_secs), "{now} s, slack {slack_secs}");
            told = now + LEASE_SECS;
        }
        assert_eq!(server.steps(), steps, "a renewal within the promise writes nothing");

        let mut server = server.restart();
        assert!(told <= promised, "no client was told more than was recorded");
        for now in [told - 1, promised - 1] {
            let entry = server.book.entry_at(address(0), at(now)).unwrap();
            assert_eq!((entry.standing, entry.key), (Standing::Bound, Some(key(0))));
            assert_eq!(entry.until, at(promised), "it is held as long as was promised");
            assert_eq!(server.another(at(now)), Err(Unavailable::Exhausted));
            let (key, hardware, until) = (key(1), hardware(1), at(now + 60));
            let grant = Grant {
                address: address(0),
                key: &key,
                hardware: &hardware,
                until,
                promise: until,
                pinned: false,
                now: at(now),
            };
            assert_eq!(server.book.grant(&grant), Err(Unavailable::Taken));
            server.book.check();
        }
        assert_eq!(server.another(at(promised)), Ok(Standing::Offered), "then it is over");
    }
}

#[test]
fn a_renewal_after_a_restart_is_covered_by_what_was_promised_before() {
    let mut server = Server::start(Flash::new(4, 3));
    assert!(server.grant(at(0), LEASE_SECS));
    let mut server = server.restart();
    let steps = server.steps();
    assert!(!server.grant(at(LEASE_SECS), LEASE_SECS), "it ends when the promise does");
    assert_eq!(server.steps(), steps);
    assert!(server.grant(at(LEASE_SECS + 1), LEASE_SECS), "one second more is recorded");
    let server = server.restart();
    let entry = server.book.entry_at(address(0), at(2 * LEASE_SECS)).unwrap();
    assert_eq!((entry.standing, entry.until), (Standing::Bound, at(3 * LEASE_SECS + 1)));
}

#[test]
fn without_slack_every_renewal_is_recorded() {
    let mut server = Server::start(Flash::new(4, 3));
    for now in 0..20 {
        assert!(server.grant(at(now * 1_800), 0), "{now}");
    }
    let server = server.restart();
    let entry = server.book.entry_at(address(0), at(0)).unwrap();
    assert_eq!((entry.standing, entry.until), (Standing::Bound, at(19 * 1_800 + LEASE_SECS)));
}

#[test]
fn granted_within_the_promise_says_so() {
    let mut server = Server::start(Flash::new(4, 3));
    assert!(server.grant(at(0), 600));
    let (key, hardware) = (key(0), hardware(0));
    let grant = |secs: u32| Grant {
        address: address(0),
        key: &key,
        hardware: &hardware,
        until: at(secs + LEASE_SECS),
        promise: at(secs + LEASE_SECS + 600),
        pinned: false,
        now: at(secs),
    };
    assert_eq!(server.book.grant(&grant(600)), Ok(Granted::Covered));
    assert_eq!(server.book.grant(&grant(601)), Ok(Granted::Extend));
}
