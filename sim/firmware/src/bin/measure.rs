//! How many instructions does an answer take? From the message's octets to the reply's, codec included, at different occupancies.
//!
//! It runs in QEMU with `-icount shift=6`, where every instruction takes 64 ns, which is 1.6 ticks of the timer: a count is right to one instruction.
//! Each line of the log is a name, a number of leases, a count and its own number. Messages are made in the loop and not counted.

#![no_std]
#![no_main]

use core::cell::Cell;
use core::hint::black_box;
use core::mem::MaybeUninit;
use core::net::Ipv4Addr;

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m::singleton;
use cortex_m_rt::entry;
use cortex_m_semihosting::debug::{EXIT_SUCCESS, exit};
use defmt::info;
use defmt_semihosting as _;
use dhcp_core::server::config::Link;
use dhcp_core::server::config::ServerConfig;
use dhcp_core::server::{Event, Ingress, Reply, Scratch, Server};
use dhcp_core::time::{Instant, LeaseClock, Timestamp};
use dhcp_core::wire::frame::ipv4::Udp;
use dhcp_core::wire::frame::{BROADCAST_MAC, ETHERTYPE_IPV4, Ethernet};
use firmware::board::nor::{Chip, SECTOR_LEN};
use firmware::board::stack;
use firmware::desk::{ChipJournal, persist};
use firmware::{ImageRoom, Leases, Places, start, wire};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
const INGRESS: Ingress =
    Ingress { link: Link { interface: 0, vlan: None }, local: SERVER, unicast: false };
const MESSAGE_LEN: usize = 300;
const OPTIONS_AT: usize = 240;

/// Nanoseconds of a tick and of an instruction.
const TICK_NS: u32 = 40;
const INSTRUCTION_NS: u32 = 64;

/// Both ends of what is counted. The harness looks for its name when it says which function the instructions between them are in.
#[inline(never)]
fn ticks() -> u32 {
    SYST::get_current()
}

/// How much was counted, and the how many-th count it was since start.
#[derive(Clone, Copy, Default)]
struct Count {
    instructions: u32,
    number: u32,
}

struct Counter {
    counts: Cell<u32>,
    /// It runs as long as nobody else has it.
    _timer: SYST,
}

impl Counter {
    /// Runs `work` and counts its instructions.
    fn count<R>(&self, work: impl FnOnce() -> R) -> (R, Count) {
        let before = ticks();
        let result = work();
        let ticks = before.wrapping_sub(ticks()) & 0x00ff_ffff;
        let number = self.counts.get();
        self.counts.set(number + 1);
        (result, Count { instructions: ticks * TICK_NS / INSTRUCTION_NS, number })
    }
}

fn tell(what: &str, leases: usize, Count { instructions, number }: Count) {
    info!("{=str} {=usize} {=u32} {=u32}", what, leases, instructions, number);
}

struct Bench {
    server: Server<'static, Leases>,
    journal: ChipJournal,
    scratch: &'static mut Scratch,
    reply: &'static mut [u8; 1_472],
    counter: Counter,
    now: Instant,
}

impl Bench {
    /// Answers one message after a second without any; what happened, and the instructions of deciding and of recording.
    fn handle(&mut self, message: &[u8]) -> (Event, Option<Ipv4Addr>, Count, Count) {
        self.rest();
        let Self { server, journal, scratch, reply, counter, now } = self;
        let (outcome, decided) =
            counter.count(|| server.handle(*now, &INGRESS, message, scratch, *reply));
        let address = if let Event::Offered(deal) | Event::Acknowledged(deal) = outcome.event {
            Some(deal.address)
        } else {
            None
        };
        let waits = matches!(outcome.reply, Reply::Held(_));
        let recorded = outcome.record.map_or(Count::default(), |record| {
            let (durable, recorded) = counter.count(|| persist(server, journal, record));
            assert!(!waits || durable.is_some(), "the record is durable");
            recorded
        });
        (outcome.event, address, decided, recorded)
    }

    /// What the board does between two messages, so that the addresses which come next have been asked about: nobody answers.
    fn rest(&mut self) {
        for _ in 0..2 {
            self.now = self.now.plus_millis(500);
            let more = self.server.poll(self.now);
            assert!(!more, "one look is enough for so few leases");
            while self.server.poll_probe(self.now).is_some() {}
        }
    }

    /// A new client comes and takes what it is offered.
    fn lease(&mut self, client: u8) -> Ipv4Addr {
        let (_, address, ..) = self.handle(&discover(client));
        let address = address.expect("an address is free");
        self.handle(&select(client, address));
        address
    }
}

#[entry]
fn main() -> ! {
    static mut ROOM: ImageRoom = ImageRoom::new();
    static mut CONFIG: MaybeUninit<ServerConfig<'static>> = MaybeUninit::uninit();
    static mut PLACES: Places = Places::empty();
    stack::paint();
    let mut timer = cortex_m::Peripherals::take().expect("once").SYST;
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(0x00ff_ffff);
    timer.clear_current();
    timer.enable_counter();
    let (octets, region) = Chip::alone().split(4 * SECTOR_LEN);
    let config = CONFIG.write(start::configuration(octets, ROOM));
    let mut leases = start::fresh(config, PLACES);
    let journal = start::replayed(region, &mut leases);
    let clock = LeaseClock::new(Instant::ZERO, Timestamp::from_secs(1));
    let mut bench = Bench {
        server: Server::new(config, leases, clock),
        journal,
        scratch: singleton!(: Scratch = Scratch::new()).expect("once"),
        reply: singleton!(: [u8; 1_472] = [0; 1_472]).expect("once"),
        counter: Counter { counts: Cell::new(0), _timer: timer },
        now: Instant::ZERO,
    };
    let (_, nothing) = bench.counter.count(|| ());
    tell("nothing", 0, nothing);
    loops(&bench.counter);
    memory(bench.reply);
    let all = bench.server.book().len();
    let mut clients = 0;
    let newcomers = [1, 50, 99].map(|share| {
        // One less than all when the last one is measured; one address is reserved.
        let leases = u8::try_from((all - 2) * share / 99).expect("a byte counts the leases");
        while clients < leases {
            clients += 1;
            bench.lease(clients);
        }
        clients += 1;
        (clients, measure(&mut bench, clients))
    });
    returns(&mut bench, newcomers);
    info!("stack {=usize} {=usize}", stack::room(), stack::used());
    loop {
        exit(EXIT_SUCCESS);
    }
}

/// A check of the counting itself: a loop of a known length.
fn loops(counter: &Counter) {
    let ((), thousand) = counter.count(|| cortex_m::asm::delay(1_000));
    tell("delay", 1_000, thousand);
}

/// A check of what the compiler calls to copy, clear and compare: at every place in a word, and for as many octets as its loops can tell apart.
#[expect(clippy::indexing_slicing, reason = "beyond the end is a bug here")]
#[expect(clippy::cast_possible_truncation, reason = "the numbers are small")]
fn memory(room: &mut [u8]) {
    const LONGEST: usize = 72;
    let (from, to) = room[..4 * LONGEST].split_at_mut(2 * LONGEST);
    for (from_at, to_at) in (0..36).map(|both| (both / 6, both % 6)) {
        for len in (0..=LONGEST).map(black_box) {
            one_by_one(from, |at| at as u8 | 1);
            one_by_one(to, |_| 0);
            let (source, target) = (&mut from[from_at..][..len], &mut to[to_at..][..len]);
            target.copy_from_slice(source);
            assert!(*target == *source, "what was copied is the same");
            if let Some(last) = source.last_mut() {
                *last += 1;
                assert!(*target < *source, "the last octet counts");
                source[0] -= 1;
                assert!((*target > *source) == (len > 1), "and the first one counts more");
            }
            let is_copied = |at| (to_at..to_at + len).contains(&at);
            let expected = |at| if is_copied(at) { (at + from_at - to_at) as u8 | 1 } else { 0 };
            assert!(same_one_by_one(to, expected), "what was copied is all that changed");
            one_by_one(from, |at| at as u8);
            from.copy_within(from_at..from_at + len, to_at);
            let expected = |at| (if is_copied(at) { at + from_at - to_at } else { at }) as u8;
            assert!(same_one_by_one(from, expected), "what overlaps is moved as it was");
            one_by_one(to, |_| 1);
            to[to_at..][..len].fill(black_box(0));
            let expected = |at| u8::from(!is_copied(at));
            assert!(same_one_by_one(to, expected), "what was cleared is all that changed");
        }
    }
}

/// Writes octets as they are given, which the compiler does not make a call of the functions that are looked at.
fn one_by_one(octets: &mut [u8], of: impl Fn(usize) -> u8) {
    octets.iter_mut().enumerate().for_each(|(at, octet)| *octet = black_box(of(at)));
}

fn same_one_by_one(octets: &[u8], of: impl Fn(usize) -> u8) -> bool {
    octets.iter().enumerate().all(|(at, octet)| black_box(*octet) == of(at))
}

/// A client that was never there comes, and takes an address that nobody had.
fn measure(bench: &mut Bench, client: u8) -> Ipv4Addr {
    let bound = usize::from(client) - 1;
    let (_, offered, discover_count, _) = bench.handle(&discover(client));
    let offered = offered.expect("an address is free");
    tell("discover", bound, discover_count);
    let (_, _, select_count, bind_count) = bench.handle(&select(client, offered));
    tell("select", bound, select_count);
    tell("bind-record", bound, bind_count);
    let (event, _, renew_count, renew_record) = bench.handle(&renew(client, offered));
    assert!(matches!(event, Event::Acknowledged(_)), "the lease is renewed");
    tell("renew", bound, renew_count);
    tell("renew-record", bound, renew_record);
    frames(bench, bound);
    offered
}

/// Who had an address comes again, and somebody comes when all that is left was somebody's.
fn returns(bench: &mut Bench, newcomers: [(u8, Ipv4Addr); 3]) {
    let [(first, of_first), (second, of_second), (last, _)] = newcomers;
    let bound = usize::from(last) - 1;
    bench.handle(&release(first, of_first));
    let (_, offered, again, _) = bench.handle(&discover(first));
    assert!(offered == Some(of_first), "who comes again gets the same address");
    tell("discover-again", bound, again);
    bench.handle(&release(second, of_second));
    let (_, offered, used, _) = bench.handle(&discover(u8::MAX));
    assert!(offered == Some(of_second), "there is one address left");
    tell("discover-used", bound, used);
}

/// What is around the message: the frame that it came in and the frame that the reply leaves in.
fn frames(bench: &mut Bench, bound: usize) {
    let ethernet = Ethernet {
        destination: BROADCAST_MAC,
        source: [2, 0, 0, 1, 0, 1],
        vlan: None,
        ethertype: ETHERTYPE_IPV4,
    };
    let (source, destination) = (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST);
    let payload = &discover(u8::MAX);
    let udp = Udp { source, destination, source_port: 68, destination_port: 67, payload };
    let mut frame = [0; 400];
    let (len, written) = bench.counter.count(|| udp.write_frame(&ethernet, &mut frame));
    let frame = frame.get(..len.unwrap_or(0)).unwrap_or_default();
    let (incoming, read) = bench.counter.count(|| wire::Incoming::of(frame));
    assert!(matches!(incoming, wire::Incoming::Dhcp(..)), "the frame is read");
    tell("frame-read", bound, read);
    tell("frame-write", bound, written);
}

fn discover(client: u8) -> [u8; MESSAGE_LEN] {
    message(client, [0; 4], &[53, 1, 1, 55, 4, 1, 3, 6, 51, 255])
}

fn select(client: u8, address: Ipv4Addr) -> [u8; MESSAGE_LEN] {
    let [a, b, c, d] = address.octets();
    let options = [53, 1, 3, 50, 4, a, b, c, d, 54, 4, 10, 0, 1, 1, 55, 4, 1, 3, 6, 51, 255];
    message(client, [0; 4], &options)
}

fn renew(client: u8, address: Ipv4Addr) -> [u8; MESSAGE_LEN] {
    message(client, address.octets(), &[53, 1, 3, 55, 4, 1, 3, 6, 51, 255])
}

fn release(client: u8, address: Ipv4Addr) -> [u8; MESSAGE_LEN] {
    message(client, address.octets(), &[53, 1, 7, 54, 4, 10, 0, 1, 1, 255])
}

fn message(client: u8, ciaddr: [u8; 4], options: &[u8]) -> [u8; MESSAGE_LEN] {
    let mut octets = [0; MESSAGE_LEN];
    let front = [1, 1, 6, 0, 1, 2, 3, client];
    let parts: [(usize, &[u8]); 5] = [
        (0, &front),
        (12, &ciaddr),
        (28, &[2, 0, 0, 1, 0, client]),
        (OPTIONS_AT - 4, &[99, 130, 83, 99]),
        (OPTIONS_AT, options),
    ];
    for (at, part) in parts {
        octets.iter_mut().skip(at).zip(part).for_each(|(to, octet)| *to = *octet);
    }
    octets
}
