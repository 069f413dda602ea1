//! RFC 2131 figure 5 as a table: every state, every input, and what comes of it. What is not an arrow changes nothing.

use dhcp_core::client::{Event, Heard, Lost, Phase, Term};
use dhcp_core::conflict::Acd;
use dhcp_core::wire::frame::arp::Arp;

use crate::world::*;

/// What happens to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Start,
    StartWithPrevious,
    Inform,
    Stop,
    Release,
    Renew,
    /// The next deadline comes.
    Timer,
    /// So many deadlines come that the tries are used up.
    LastTry,
    /// Nothing was heard until T2.
    AtT2,
    /// Nothing was heard until the end of the lease.
    AtEnd,
    Offer,
    Ack,
    Nak,
    /// Somebody uses our address.
    Conflict,
    /// Twice within ten seconds.
    ConflictAgain,
}

/// What the client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Out {
    Discover,
    RequestSelecting,
    RequestReboot,
    RequestRenewing,
    RequestRebinding,
    InformMessage,
    DeclineMessage,
    ReleaseMessage,
    Probe,
    Announcement,
    Offered,
    BoundEvent,
    Renewed,
    Refused,
    ConflictEvent,
    Defended,
    Expired,
    RefusedLease,
    ConflictLost,
    RebootUnanswered,
    Informed,
}

use Input::*;
use Out::*;
use Phase as P;

const INPUTS: [Input; 15] = [
    Start,
    StartWithPrevious,
    Inform,
    Stop,
    Release,
    Renew,
    Timer,
    LastTry,
    AtT2,
    AtEnd,
    Offer,
    Ack,
    Nak,
    Conflict,
    ConflictAgain,
];

const PHASES: [Phase; 12] = [
    P::Stopped,
    P::Init,
    P::Selecting,
    P::Requesting,
    P::InitReboot,
    P::Rebooting,
    P::Probing,
    P::Bound,
    P::Renewing,
    P::Rebinding,
    P::Informing,
    P::Informed,
];

/// The arrows of figure 5, and those of RFC 5227 and of sections 3.4 and 4.4.6.
#[rustfmt::skip]
const ARROWS: &[(Phase, Input, Phase, &[Out])] = &[
    (P::Init,       Timer,         P::Selecting,  &[Discover]),
    (P::Selecting,  Timer,         P::Selecting,  &[Discover]),
    (P::Selecting,  Offer,         P::Requesting, &[Offered, RequestSelecting]),
    (P::Requesting, Timer,         P::Requesting, &[RequestSelecting]),
    (P::Requesting, LastTry,       P::Selecting,  &[RequestSelecting, RequestSelecting, RequestSelecting, Discover]),
    (P::Requesting, Ack,           P::Probing,    &[]),
    (P::Requesting, Nak,           P::Init,       &[Refused]),
    (P::InitReboot, Timer,         P::Rebooting,  &[RequestReboot]),
    (P::Rebooting,  Timer,         P::Rebooting,  &[RequestReboot]),
    (P::Rebooting,  LastTry,       P::Selecting,  &[RequestReboot, RequestReboot, RequestReboot, RebootUnanswered, Discover]),
    (P::Rebooting,  Ack,           P::Probing,    &[]),
    (P::Rebooting,  Nak,           P::Init,       &[Refused]),
    (P::Probing,    Timer,         P::Bound,      &[BoundEvent, Announcement]),
    (P::Probing,    AtT2,          P::Rebinding,  &[BoundEvent, RequestRebinding, Announcement]),
    (P::Probing,    AtEnd,         P::Selecting,  &[Discover]),
    (P::Probing,    Conflict,      P::Init,       &[DeclineMessage, ConflictEvent]),
    (P::Probing,    ConflictAgain, P::Init,       &[DeclineMessage, ConflictEvent]),
    (P::Bound,      Timer,         P::Renewing,   &[RequestRenewing]),
    (P::Bound,      Renew,         P::Renewing,   &[RequestRenewing]),
    (P::Bound,      AtT2,          P::Rebinding,  &[RequestRebinding]),
    (P::Bound,      AtEnd,         P::Selecting,  &[Expired, Discover]),
    (P::Bound,      Conflict,      P::Bound,      &[Announcement, Defended]),
    (P::Bound,      ConflictAgain, P::Init,       &[Announcement, Defended, ConflictLost, DeclineMessage]),
    (P::Renewing,   Timer,         P::Renewing,   &[RequestRenewing]),
    (P::Renewing,   Renew,         P::Renewing,   &[RequestRenewing]),
    (P::Renewing,   AtT2,          P::Rebinding,  &[RequestRebinding]),
    (P::Renewing,   AtEnd,         P::Selecting,  &[Expired, Discover]),
    (P::Renewing,   Ack,           P::Bound,      &[Renewed]),
    (P::Renewing,   Nak,           P::Init,       &[Refused, RefusedLease]),
    (P::Renewing,   Conflict,      P::Renewing,   &[Announcement, Defended]),
    (P::Renewing,   ConflictAgain, P::Init,       &[Announcement, Defended, ConflictLost, DeclineMessage]),
    (P::Rebinding,  Timer,         P::Rebinding,  &[RequestRebinding]),
    (P::Rebinding,  Renew,         P::Rebinding,  &[RequestRebinding]),
    (P::Rebinding,  AtEnd,         P::Selecting,  &[Expired, Discover]),
    (P::Rebinding,  Ack,           P::Bound,      &[Renewed]),
    (P::Rebinding,  Nak,           P::Init,       &[Refused, RefusedLease]),
    (P::Rebinding,  Conflict,      P::Rebinding,  &[Announcement, Defended]),
    (P::Rebinding,  ConflictAgain, P::Init,       &[Announcement, Defended, ConflictLost, DeclineMessage]),
    (P::Informing,  Timer,         P::Informing,  &[InformMessage]),
    (P::Informing,  Ack,           P::Informed,   &[Informed]),
];

/// The arrow for a state and an input.
fn arrow(from: Phase, input: Input) -> (Phase, Vec<Out>) {
    match input {
        // The caller's word counts in every state.
        Start => return (P::Init, vec![]),
        StartWithPrevious => return (P::InitReboot, vec![]),
        Inform => return (P::Informing, vec![InformMessage]),
        Stop => return (P::Stopped, vec![]),
        Release => {
            let held = matches!(from, P::Probing | P::Bound | P::Renewing | P::Rebinding);
            return (P::Stopped, if held { vec![ReleaseMessage] } else { vec![] });
        }
        Renew | Timer | LastTry | AtT2 | AtEnd | Offer | Ack | Nak | Conflict | ConflictAgain => {}
    }
    let mut found = ARROWS.iter().filter(|(at, by, ..)| *at == from && *by == input);
    let (to, outs) = found.next().map_or((from, [].as_slice()), |(_, _, to, outs)| (*to, *outs));
    assert!(found.next().is_none(), "one arrow from {from:?} by {input:?}");
    (to, outs.to_vec())
}

/// A client in the state, with everything done that was to be done at once.
fn client_in(phase: Phase) -> Desk {
    let config = config(Acd::Quick);
    let mut desk = match phase {
        P::Stopped => Desk::new(config, 1),
        P::Init => {
            let mut desk = Desk::new(config, 1);
            desk.start();
            desk
        }
        P::Selecting => selecting(config),
        P::Requesting => requesting(config),
        P::InitReboot => {
            let mut desk = Desk::new(config, 1);
            desk.start_with(previous());
            desk
        }
        P::Rebooting => rebooting(config),
        P::Probing => {
            let mut desk = requesting(config);
            desk.takes(&desk.reply(ACK));
            desk.wait(); // the probe
            desk
        }
        P::Bound => bound(config),
        P::Renewing => renewing(config),
        P::Rebinding => rebinding(config),
        P::Informing | P::Informed => {
            let mut desk = Desk::new(config, 1);
            desk.client.inform(desk.now, ADDRESS);
            desk.drain();
            if phase == P::Informed {
                desk.takes(&desk.reply(ACK));
            }
            desk
        }
    };
    assert_eq!(desk.phase(), phase);
    desk.take();
    desk
}

/// Does it. `None` when the input cannot be in this state; for a reply, whether it was taken.
fn apply(desk: &mut Desk, input: Input) -> Option<bool> {
    let now = desk.now;
    let phase = desk.phase();
    let term = desk.client.state().holding().map(|holding| holding.binding.term);
    let hear = |desk: &mut Desk, message_type| {
        let xid = desk.client.state().exchange().map_or(77, |exchange| exchange.xid);
        desk.hear(&Reply::new(message_type, xid)) == Heard::Taken
    };
    let mut taken = true;
    match (input, term) {
        (Start, _) => desk.client.start(now),
        (StartWithPrevious, _) => desk.client.start_with(now, previous()),
        (Inform, _) => desk.client.inform(now, ADDRESS),
        (Stop, _) => desk.client.stop(),
        (Release, _) => desk.client.release(),
        (Renew, _) => desk.client.renew(now),
        (Timer, _) => {
            desk.client.poll_timeout()?;
            desk.wait();
        }
        (LastTry, _) => {
            if !matches!(phase, P::Requesting | P::Rebooting) {
                return None;
            }
            while desk.phase() == phase {
                desk.wait();
            }
        }
        (AtT2, Some(Term::Finite { rebind_at, .. })) if phase != P::Rebinding => {
            desk.jump_to(rebind_at);
        }
        (AtEnd, Some(Term::Finite { expires_at, .. })) => desk.jump_to(expires_at),
        (AtT2 | AtEnd, _) => return None,
        (Offer, _) => taken = hear(desk, OFFER),
        (Ack, _) => taken = hear(desk, ACK),
        (Nak, _) => taken = hear(desk, NAK),
        (Conflict, _) => desk.arp(&Arp::announcement(STRANGER, ADDRESS)),
        (ConflictAgain, _) => {
            desk.arp(&Arp::announcement(STRANGER, ADDRESS));
            desk.arp(&Arp::announcement(STRANGER, ADDRESS));
        }
    }
    desk.drain();
    Some(taken)
}

fn outs(desk: &Desk) -> Vec<Out> {
    desk.did.iter().map(out).collect()
}

/// What it is, told by what is in it and where it goes, not by the state.
fn out(did: &Did) -> Out {
    match did {
        Did::Sent(sent) => {
            let address = |code| sent.address_option(code);
            let to_server = sent.transmit.destination == SERVER;
            match (sent.message_type(), address(50), address(54), sent.ciaddr() == ADDRESS) {
                (DISCOVER, _, None, false) => Discover,
                (REQUEST, Some(ADDRESS), Some(SERVER), false) => RequestSelecting,
                (REQUEST, Some(ADDRESS), None, false) => RequestReboot,
                (REQUEST, None, None, true) if to_server => RequestRenewing,
                (REQUEST, None, None, true) => RequestRebinding,
                (INFORM, None, None, true) => InformMessage,
                (DECLINE, Some(ADDRESS), Some(SERVER), false) => DeclineMessage,
                (RELEASE, None, Some(SERVER), true) if to_server => ReleaseMessage,
                strange => panic!("no column of table 5 has {strange:?}"),
            }
        }
        Did::Arp(arp) if *arp == Arp::probe(MAC, ADDRESS) => Probe,
        Did::Arp(arp) if *arp == Arp::announcement(MAC, ADDRESS) => Announcement,
        Did::Arp(arp) => panic!("{arp:?} is neither probe nor announcement"),
        Did::Told(Event::Offered(_)) => Offered,
        Did::Told(Event::Bound) => BoundEvent,
        Did::Told(Event::Renewed { .. }) => Renewed,
        Did::Told(Event::Refused { server_id: SERVER }) => Refused,
        Did::Told(Event::Conflict { address: ADDRESS, by: STRANGER }) => ConflictEvent,
        Did::Told(Event::Defended { by: STRANGER }) => Defended,
        Did::Told(Event::Lost { address: ADDRESS, why: Lost::Expired }) => Expired,
        Did::Told(Event::Lost { address: ADDRESS, why: Lost::Refused }) => RefusedLease,
        Did::Told(Event::Lost { address: ADDRESS, why: Lost::Conflict { by: STRANGER } }) => {
            ConflictLost
        }
        Did::Told(Event::RebootUnanswered { address: ADDRESS }) => RebootUnanswered,
        Did::Told(Event::Informed) => Informed,
        Did::Told(strange) => panic!("{strange:?} is in no arrow"),
    }
}

#[test]
fn every_state_and_input_is_an_arrow_of_figure_5_or_changes_nothing() {
    let mut tried = 0;
    for phase in PHASES {
        for input in INPUTS {
            let mut desk = client_in(phase);
            let before = *desk.client.state();
            let Some(taken) = apply(&mut desk, input) else {
                assert_eq!(arrow(phase, input), (phase, vec![]), "{phase:?} {input:?} is listed");
                continue;
            };
            tried += 1;
            let (to, expected) = arrow(phase, input);
            assert_eq!((desk.phase(), outs(&desk)), (to, expected), "from {phase:?} by {input:?}");
            let listed = ARROWS.iter().any(|(at, by, ..)| (*at, *by) == (phase, input));
            if matches!(input, Offer | Ack | Nak) {
                assert_eq!(taken, listed, "a reply to {phase:?} by {input:?}");
            }
            if !listed && phase == to && !matches!(input, Inform | Start | StartWithPrevious) {
                assert_eq!(*desk.client.state(), before, "{phase:?} {input:?} changes nothing");
            }
        }
    }
    assert!(tried > 140, "{tried} of 180 combinations can be");
}

/// Conflict detection can be turned off: then an ACK leads to BOUND at once, and ARP means nothing.
#[test]
fn without_conflict_detection_an_ack_leads_to_bound_at_once() {
    for mut desk in [requesting(config(Acd::Off)), rebooting(config(Acd::Off))] {
        desk.take();
        desk.takes(&desk.reply(ACK));
        assert_eq!(desk.phase(), P::Bound);
        assert_eq!(outs(&desk), [BoundEvent]);
        let before = *desk.client.state();
        desk.arp(&Arp::announcement(STRANGER, ADDRESS));
        assert_eq!(*desk.client.state(), before);
    }
}
