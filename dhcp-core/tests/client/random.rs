//! Any sequence of inputs, good and bad: the client goes along the arrows of figure 5 and keeps its promises.

use core::cell::RefCell;
use core::net::Ipv4Addr;
use std::collections::BTreeSet;

use dhcp_core::client::{Event, Heard, Phase, State};
use dhcp_core::conflict::Acd;
use dhcp_core::wire::frame::arp::Arp;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::arrows::is_arrow;
use crate::world::*;

#[derive(Clone, Debug)]
enum Input {
    /// The next deadline.
    Timer,
    /// Some time passes, over deadlines.
    Pass(u32),
    /// A reply to whatever waits, of this type, from one of the servers, with this lease.
    Good {
        message_type: u8,
        other_server: bool,
        lease_secs: u32,
    },
    /// The same with a fault.
    Bad {
        message_type: u8,
        fault: Fault,
    },
    /// Any octets.
    Octets(Vec<u8>),
    /// A good reply with some octets changed.
    Mutated {
        message_type: u8,
        changes: Vec<(u16, u8)>,
    },
    Conflict,
    Chatter,
    Start,
    StartWith,
    Release,
    Renew,
    Stop,
    Inform,
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    Op,
    Xid,
    Hardware,
    ClientId,
    Cookie,
    Truncated(u8),
    NoType,
    NoServer,
    ZeroServer,
    NoAddress,
    NoLeaseTime,
    ZeroLease,
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Op),
        Just(Fault::Xid),
        Just(Fault::Hardware),
        Just(Fault::ClientId),
        Just(Fault::Cookie),
        (0..240_u8).prop_map(Fault::Truncated),
        Just(Fault::NoType),
        Just(Fault::NoServer),
        Just(Fault::ZeroServer),
        Just(Fault::NoAddress),
        Just(Fault::NoLeaseTime),
        Just(Fault::ZeroLease),
    ]
}

fn message_type() -> impl Strategy<Value = u8> {
    prop_oneof![4 => Just(OFFER), 6 => Just(ACK), 2 => Just(NAK), 1 => any::<u8>()]
}

fn lease_secs() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 5..100_000_u32, 1 => Just(u32::MAX), 1 => any::<u32>(), 1 => 0..10_u32]
}

fn input() -> impl Strategy<Value = Input> {
    let good = (message_type(), any::<bool>(), lease_secs()).prop_map(
        |(message_type, other_server, lease_secs)| Input::Good {
            message_type,
            other_server,
            lease_secs,
        },
    );
    let mutated = (message_type(), proptest::collection::vec((0..320_u16, any::<u8>()), 1..4))
        .prop_map(|(message_type, changes)| Input::Mutated { message_type, changes });
    prop_oneof![
        12 => Just(Input::Timer),
        3 => (0..200_000_u32).prop_map(Input::Pass),
        12 => good,
        4 => (message_type(), fault()).prop_map(|(message_type, fault)| Input::Bad { message_type, fault }),
        1 => proptest::collection::vec(any::<u8>(), 0..600).prop_map(Input::Octets),
        3 => mutated,
        2 => Just(Input::Conflict),
        2 => Just(Input::Chatter),
        1 => Just(Input::Start),
        1 => Just(Input::StartWith),
        1 => Just(Input::Release),
        2 => Just(Input::Renew),
        1 => Just(Input::Stop),
        1 => Just(Input::Inform),
    ]
}

fn broken(reply: Reply, fault: Fault) -> Vec<u8> {
    let changed = match fault {
        Fault::Op => Reply { op: 1, ..reply },
        Fault::Xid => Reply { xid: !reply.xid, ..reply },
        Fault::Hardware => Reply { chaddr: [9; 16], ..reply },
        Fault::ClientId => reply.with(61, b"\0somebody"),
        Fault::Cookie => Reply { cookie: [0; 4], ..reply },
        Fault::Truncated(len) => {
            let mut octets = reply.octets();
            octets.truncate(usize::from(len));
            return octets;
        }
        Fault::NoType => reply.without(53),
        Fault::NoServer => reply.without(54),
        Fault::ZeroServer => reply.from(Ipv4Addr::UNSPECIFIED),
        Fault::NoAddress => Reply { yiaddr: Ipv4Addr::UNSPECIFIED, ..reply },
        Fault::NoLeaseTime => reply.without(51),
        Fault::ZeroLease => reply.lease_secs(0),
    };
    changed.octets()
}

/// Whether a fault is one for a message of this type: a NAK gives no address, so it may lack one.
fn matters(fault: Fault, message_type: u8, phase: Phase) -> bool {
    match fault {
        Fault::NoAddress | Fault::NoLeaseTime | Fault::ZeroLease => {
            message_type != NAK && phase != Phase::Informing
        }
        Fault::Op
        | Fault::Xid
        | Fault::Hardware
        | Fault::ClientId
        | Fault::Cookie
        | Fault::Truncated(_)
        | Fault::NoType
        | Fault::NoServer
        | Fault::ZeroServer => true,
    }
}

/// What the lease of the client was before an input, and what it may be after it.
struct Watcher {
    xids: BTreeSet<u32>,
    usable: bool,
}

impl Watcher {
    fn check(
        &mut self,
        desk: &mut Desk,
        before: &State,
        by_caller: bool,
    ) -> Result<(), TestCaseError> {
        let after = *desk.client.state();
        let (from, to) = (before.phase(), after.phase());
        prop_assert!(by_caller || is_arrow(from, to), "{:?} to {:?}", from, to);
        let did = desk.take();
        prop_assert!(did.len() <= 8, "nothing is lost in the outbox: {:?}", did);
        for did in &did {
            self.check_output(did, &after)?;
        }
        let usable = desk.client.lease().is_some();
        let told = |wanted: fn(&Event) -> bool| {
            did.iter().any(|did| matches!(did, Did::Told(event) if wanted(event)))
        };
        let bound = told(|event| matches!(event, Event::Bound));
        let lost = told(|event| matches!(event, Event::Lost { .. }));
        if !by_caller {
            prop_assert_eq!(!self.usable && usable, bound && usable, "Bound is told");
            prop_assert_eq!(self.usable && !usable, lost && !usable, "Lost is told");
        }
        self.usable = usable;
        if let Some(exchange) = after.exchange()
            && before.exchange().map(|before| before.xid) != Some(exchange.xid)
        {
            prop_assert!(self.xids.insert(exchange.xid), "xid {} again", exchange.xid);
        }
        Ok(())
    }

    fn check_output(&self, did: &Did, after: &State) -> Result<(), TestCaseError> {
        match did {
            Did::Sent(sent) => {
                prop_assert!(
                    (300..=dhcp_core::client::MESSAGE_LEN_MAX).contains(&sent.octets.len())
                );
                prop_assert_ne!(sent.xid(), 0);
                let selecting =
                    sent.address_option(50).is_some() && sent.address_option(54).is_some();
                let is_request = sent.message_type() == REQUEST;
                if is_request && selecting {
                    prop_assert_eq!(after.phase(), Phase::Requesting);
                }
                let unicast = !sent.transmit.destination.is_broadcast();
                prop_assert!(!unicast || !sent.ciaddr().is_unspecified(), "unicast needs a source");
                prop_assert_eq!(sent.ciaddr(), sent.transmit.source);
            }
            Did::Arp(arp) => {
                prop_assert_eq!(arp.sender_mac, MAC);
                prop_assert!(arp.sender.is_unspecified() || arp.sender == arp.target);
            }
            Did::Told(_) => {}
        }
        Ok(())
    }
}

fn acd() -> impl Strategy<Value = Acd> {
    prop_oneof![Just(Acd::Full), Just(Acd::Quick), Just(Acd::Off)]
}

/// Does it and says whether the caller did it himself.
fn apply(desk: &mut Desk, input: &Input) -> Result<bool, TestCaseError> {
    let before = *desk.client.state();
    let done = desk.did.len();
    let xid = before.exchange().map_or(7, |exchange| exchange.xid);
    match input {
        Input::Timer => {
            if desk.client.poll_timeout().is_some() {
                desk.wait();
            }
        }
        Input::Pass(secs) => {
            let at = desk.now.plus_secs(*secs);
            desk.jump_to(at);
        }
        Input::Good { message_type, other_server, lease_secs } => {
            let server = if *other_server { OTHER_SERVER } else { SERVER };
            let reply = Reply::new(*message_type, xid).from(server).lease_secs(*lease_secs);
            if let Heard::Ignored(_) = desk.hear(&reply) {
                prop_assert_eq!(*desk.client.state(), before);
                prop_assert_eq!(desk.did.len(), done);
            }
        }
        Input::Bad { message_type, fault } => {
            if !matters(*fault, *message_type, before.phase()) {
                return Ok(false);
            }
            let octets = broken(Reply::new(*message_type, xid), *fault);
            prop_assert!(matches!(desk.hear_octets(&octets), Heard::Ignored(_)));
            prop_assert_eq!(*desk.client.state(), before, "a bad reply changes nothing");
            prop_assert_eq!(desk.did.len(), done, "and nothing is done");
        }
        Input::Octets(octets) => {
            prop_assert!(matches!(desk.hear_octets(octets), Heard::Ignored(_)));
            prop_assert_eq!(*desk.client.state(), before);
        }
        Input::Mutated { message_type, changes } => {
            let mut octets = Reply::new(*message_type, xid).octets();
            for (at, octet) in changes {
                if let Some(changed) = octets.get_mut(usize::from(*at)) {
                    *changed = *octet;
                }
            }
            if let Heard::Ignored(_) = desk.hear_octets(&octets) {
                prop_assert_eq!(*desk.client.state(), before);
                prop_assert_eq!(desk.did.len(), done);
            }
        }
        Input::Conflict => {
            if let Some(holding) = before.holding() {
                let address = holding.binding.address;
                desk.arp(&Arp::announcement(STRANGER, address));
            }
        }
        Input::Chatter => {
            desk.arp(&Arp::announcement(STRANGER, SERVER));
            prop_assert_eq!(*desk.client.state(), before);
            prop_assert_eq!(desk.did.len(), done);
        }
        Input::Start => desk.client.start(desk.now),
        Input::StartWith => desk.client.start_with(desk.now, previous()),
        Input::Release => desk.client.release(),
        Input::Renew => desk.client.renew(desk.now),
        Input::Stop => desk.client.stop(),
        Input::Inform => desk.client.inform(desk.now, ADDRESS),
    }
    desk.drain();
    let by_caller = matches!(
        input,
        Input::Start | Input::StartWith | Input::Release | Input::Stop | Input::Inform
    );
    Ok(by_caller)
}

/// `jump_to` checks that the deadline is later than now after each `handle_timeout`.
#[test]
fn any_sequence_of_inputs_keeps_to_figure_5() {
    let sequences = (acd(), any::<u64>(), proptest::collection::vec(input(), 1..120));
    let visited = RefCell::new(BTreeSet::new());
    let run =
        TestRunner::new(ProptestConfig::with_cases(512)).run(&sequences, |(acd, seed, inputs)| {
            let mut desk = Desk::new(config(acd), seed);
            desk.start();
            desk.take();
            let mut watcher = Watcher { xids: BTreeSet::new(), usable: false };
            for input in &inputs {
                let before = *desk.client.state();
                let by_caller = apply(&mut desk, input)?;
                watcher.check(&mut desk, &before, by_caller)?;
                visited.borrow_mut().insert(desk.phase());
            }
            Ok(())
        });
    if let Err(failure) = run {
        panic!("{failure}");
    }
    assert_eq!(visited.borrow().len(), 12, "every state was visited: {visited:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// The same seed and inputs give the same octets.
    #[test]
    fn the_same_seed_gives_the_same_run(
        seed in any::<u64>(),
        inputs in proptest::collection::vec(input(), 1..40),
    ) {
        let run = || -> Result<String, TestCaseError> {
            let mut desk = Desk::new(config(Acd::Full), seed);
            desk.start();
            for input in &inputs {
                apply(&mut desk, input)?;
            }
            Ok(format!("{:?} {:?}", desk.client.state(), desk.did))
        };
        prop_assert_eq!(run()?, run()?);
    }

    /// Without a network the client sends at the pace of the back-off, whatever it was told before.
    #[test]
    fn silence_is_answered_at_the_pace_of_the_back_off(
        seed in any::<u64>(),
        inputs in proptest::collection::vec(input(), 0..60),
    ) {
        let mut desk = Desk::new(config(Acd::Full), seed);
        desk.start();
        for input in &inputs {
            apply(&mut desk, input)?;
        }
        desk.take();
        let hour = desk.now.plus_secs(3_600);
        desk.run_until(hour);
        prop_assert!(desk.did.len() < 120, "{} outputs in a silent hour", desk.did.len());
    }
}
