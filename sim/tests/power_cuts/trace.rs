//! A trace of changes, what they come to after each, and a run of it on a flash until the power is cut.

use core::net::Ipv4Addr;
use std::collections::BTreeMap;

use dhcp_core::id::{ClientId, ClientKey, HardwareAddr, InstallationKey};
use dhcp_core::rng::Rng;
use dhcp_core::server::Lsn;
use dhcp_core::server::book::{Change, Entry, Standing};
use dhcp_core::time::Timestamp;
use lease_store::index::Replay;
use lease_store::journal::{Journal, JournalError, Opened};
use lease_store::medium::{Medium, NorMedium};
use sim::book::Book;
use sim::ledger::{Client, Ledger, Line};
use sim::nor::Nor;

const INSTALLATION: InstallationKey = InstallationKey([3; 16]);

/// The most clients of a trace that a flash is tried with.
const CLIENTS_MAX: u8 = 8;

/// What is done to a journal.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// A client gets an address, or its record is written anew.
    Bind(Ipv4Addr, Client, Timestamp),
    /// Any other change.
    Change(Change<'static>),
    /// The lease clock is noted.
    Mark(Timestamp),
    /// There is nothing else to do.
    Idle,
}

/// What everything up to some step comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct State {
    pub(crate) lines: BTreeMap<Ipv4Addr, Line>,
    pub(crate) time: Timestamp,
}

/// A trace with the state before each step and after the last.
pub(crate) struct Trace {
    pub(crate) ops: Vec<Op>,
    pub(crate) states: Vec<State>,
}

impl Trace {
    /// `len` steps by `clients` clients on as many addresses and two more. Identifiers are up to `id_len` octets long.
    pub(crate) fn new(seed: u64, len: usize, clients: u8, id_len: u32) -> Self {
        let mut rng = Rng::seeded(seed);
        let clients: Vec<Client> = (1..=clients).map(|n| client(n, id_len, &mut rng)).collect();
        let mut ledger = Ledger::default();
        let mut time = Timestamp::default();
        let mut now = 1_000_u32;
        let (mut ops, mut states) = (Vec::new(), vec![State::default()]);
        while ops.len() < len {
            now += rng.below(50);
            let Some(op) = draw(&mut rng, &clients, &ledger, now) else { continue };
            match &op {
                Op::Bind(address, client, until) => ledger.replay(&client.bind(*address, *until)),
                Op::Change(change) => ledger.replay(change),
                Op::Mark(mark) => time = time.max(*mark),
                Op::Idle => {}
            }
            ops.push(op);
            states.push(State { lines: ledger.lines.clone(), time });
        }
        Self { ops, states }
    }
}

fn client(number: u8, id_len: u32, rng: &mut Rng) -> Client {
    let hardware = HardwareAddr::ethernet([2, 0, 0, 0, 1, number]);
    let id: Option<Vec<u8>> = match number % 3 {
        0 => None,
        1 => Some([&[1], hardware.octets()].concat()),
        _ => Some((0..2 + rng.below(id_len - 1)).map(|_| number).collect()),
    };
    let key = match id.as_deref().and_then(ClientId::new) {
        Some(id) => ClientKey::from_client_id(&INSTALLATION, id),
        None => ClientKey::from_hardware(&INSTALLATION, &hardware),
    };
    let name = (0..rng.below(12)).map(|_| b'a' + number % 26).collect();
    Client { key, hardware, id, name, pinned: false }
}

/// What may happen next.
fn draw(rng: &mut Rng, clients: &[Client], ledger: &Ledger, now: u32) -> Option<Op> {
    let now = Timestamp::from_secs(now);
    let until = now.plus_secs(100 + rng.below(900));
    let last = u8::try_from(1 + rng.below(u32::try_from(clients.len()).ok()? + 2)).ok()?;
    let address = Ipv4Addr::new(10, 0, 0, last);
    let line = ledger.lines.get(&address);
    let live = line.filter(|line| line.until > now);
    match rng.below(16) {
        0..4 => {
            let mut client =
                clients.get(rng.below(u32::try_from(clients.len()).ok()?) as usize)?.clone();
            let owns = |line: &Line| line.client.as_ref().is_some_and(|has| has.key == client.key);
            // Somebody else's live lease or a quarantine is not granted.
            if live.is_some_and(|line| !owns(line)) {
                return None;
            }
            if rng.below(4) == 0 {
                // A reservation by name.
                client.pinned = true;
                client.name = format!("reserved-{last}").into_bytes();
            }
            Some(Op::Bind(address, client, until))
        }
        4..10 => {
            live?.client.as_ref()?;
            Some(Op::Change(Change::Extend { address, until }))
        }
        10 => {
            live?.client.as_ref()?;
            Some(Op::Change(Change::Release { address }))
        }
        11 => {
            live?.client.as_ref()?;
            Some(Op::Change(Change::Quarantine { address, until }))
        }
        12 => {
            if live.is_some() {
                return None;
            }
            line?;
            Some(Op::Change(Change::Forget { address }))
        }
        13 => Some(Op::Mark(now)),
        _ => Some(Op::Idle),
    }
}

/// How far a run came.
pub(crate) struct Ran<const WORD: usize, const SECTOR: usize> {
    pub(crate) nor: Nor<WORD, SECTOR>,
    /// Steps that were done, each of them acknowledged.
    pub(crate) done: usize,
}

/// Reads the flash, and goes on with the trace at step `from` until `to` or until the power is cut.
pub(crate) fn run<const WORD: usize, const SECTOR: usize>(
    nor: Nor<WORD, SECTOR>,
    trace: &Trace,
    from: usize,
    to: usize,
) -> Ran<WORD, SECTOR> {
    let mut table = table();
    let (mut journal, _) = Journal::open(NorMedium::new(nor), &mut table).unwrap();
    let mut lsn = Lsn::ZERO;
    let mut done = from;
    for op in &trace.ops[from..to] {
        if apply(&mut journal, &mut table, &mut lsn, op).is_err() || journal.sync().is_err() {
            break;
        }
        done += 1;
    }
    table.check();
    let live = journal.usage().live as usize;
    assert!(live <= table.len(), "no address has more than one record that counts: {live}");
    let nor = journal.into_medium().into_flash();
    Ran { nor, done }
}

/// Does one step, without a sync.
pub(crate) fn apply<M: Medium>(
    journal: &mut Journal<M>,
    book: &mut impl Replay,
    lsn: &mut Lsn,
    op: &Op,
) -> Result<(), JournalError<M::Error>> {
    match op {
        Op::Bind(address, client, until) => {
            let change = client.bind(*address, *until);
            book.replay(&change);
            *lsn = lsn.next();
            journal.append(*lsn, &change, book)
        }
        Op::Change(change) => {
            book.replay(change);
            *lsn = lsn.next();
            journal.append(*lsn, change, book)
        }
        Op::Mark(time) => journal.mark_time(*time, book),
        Op::Idle => journal.tidy(book).map(|_| ()),
    }
}

/// A server's own table, for the addresses of the traces that flashes are tried with.
pub(crate) fn table() -> Book<u16> {
    sim::book::book(u32::from(CLIENTS_MAX) + 2)
}

/// The table stands as the map does, address by address, and all that must hold of a table does.
pub(crate) fn assert_same(table: &Book<u16>, lines: &BTreeMap<Ipv4Addr, Line>) {
    table.check();
    // Nothing is over yet: what is there is shown as it was recorded.
    let mut entries: Vec<Entry> = table.entries(Timestamp::default()).collect();
    entries.retain(|entry| entry.key.is_some() || entry.standing == Standing::Quarantined);
    assert_eq!(entries.len(), lines.len(), "{entries:?} {lines:?}");
    for (entry, (address, line)) in entries.iter().zip(lines) {
        let client = line.client.as_ref();
        let standing = match client {
            None => Standing::Quarantined,
            Some(_) if line.until == Timestamp::default() => Standing::Idle,
            Some(_) => Standing::Bound,
        };
        assert_eq!((entry.address, entry.standing), (*address, standing));
        assert_eq!((entry.key, entry.until), (client.map(|client| client.key), line.until));
        assert_eq!(entry.hardware, client.map(|client| client.hardware));
        assert_eq!(entry.pinned, client.is_some_and(|client| client.pinned));
    }
}

/// Reads the flash twice, into a map and into a table, and returns what is on it. Reading changes nothing.
pub(crate) fn read<const WORD: usize, const SECTOR: usize>(
    nor: &mut Nor<WORD, SECTOR>,
) -> (State, Opened) {
    let steps = nor.steps();
    let mut ledger = Ledger::default();
    let (_, opened) = Journal::open(NorMedium::new(&mut *nor), &mut ledger).unwrap();
    let mut table = table();
    let (_, again) = Journal::open(NorMedium::new(&mut *nor), &mut table).unwrap();
    assert_eq!(opened, again, "reading twice gives the same");
    assert_eq!(nor.steps(), steps, "reading writes nothing");
    assert_same(&table, &ledger.lines);
    (State { lines: ledger.lines, time: opened.time.unwrap_or_default() }, opened)
}

/// Where the trace goes on after a cut in step `done`: what is on the flash is all of it or nothing. Fails when it is anything else.
pub(crate) fn resume(trace: &Trace, done: usize, state: &State) -> usize {
    if *state == trace.states[done] {
        return done;
    }
    let after = trace.states.get(done + 1);
    assert_eq!(Some(state), after, "after a cut in step {done}: {:?}", trace.ops.get(done));
    done + 1
}
