//! What does somebody do, and is what they hold afterwards right?

use core::net::Ipv4Addr;
use std::rc::Rc;

use dhcp_core::time::Instant;

use super::cast::{Access, Node, Place};
use super::queue::Event;
use super::{World, is_cloned};
use crate::judge::{Found, Hearing, Party, Violation};
use crate::node::serves::Known;
use crate::node::{Desk, tagged};
use crate::plan::{Deed, Kind};

/// How long before the end of its client's lease somebody asks for an address at most, in milliseconds.
const LAST_MS: u32 = 1_500;

/// What somebody is made to do.
pub(super) enum Act {
    Wake,
    Frame {
        port: usize,
        vlan: Option<u16>,
        octets: Rc<[u8]>,
    },
    Restart(u32),
    Off(u32, bool),
    Release(u32),
    Renew,
    Deed(Deed),
    /// Ask by INFORM, one server or all.
    Inform(bool),
    /// Ask for an address on a VLAN.
    Inherit(Option<u16>, Ipv4Addr),
}

impl World {
    /// Somebody does something; what they send is on its way afterwards, and what they hold is judged.
    pub(super) fn act(&mut self, place: usize, act: Act) -> Result<(), Found> {
        self.steps += 1;
        let Self { now, cast, trace, judge, sites, .. } = self;
        let is_authority = cast.servers.first() == Some(&place);
        let Some(at) = cast.places.get_mut(place) else { return Ok(()) };
        let mut desk = Desk { now: *now, trace, sent: Vec::new() };
        let mut started = false;
        let mut heir = None;
        match (&mut at.node, act) {
            (Node::Server(node), Act::Wake) => started = node.wake(&mut desk),
            (Node::Rogue(node, true), Act::Wake) => {
                node.wake(&mut desk);
            }
            (Node::Server(node), Act::Frame { port, vlan, octets }) => {
                let site = sites.iter().find(|site| site.vlan == vlan);
                if let Some(site) = site.filter(|_| node.is_on()) {
                    let has_room = node.has_room(site);
                    let is_prompt = node.is_prompt();
                    let (now, frame) = (*now, octets.as_ref());
                    let hearing =
                        Hearing { now, place, frame, site, has_room, is_prompt, is_authority };
                    judge.heard(&hearing, |address| node.is_me(address));
                }
                // Whoever asks by INFORM changes nothing.
                let about =
                    judge.take_informs().map(|address| (address, node.known(address, *now)));
                let trunk = at.ports.get(port).is_some_and(|port| port.access == Access::Trunk);
                node.receive(&mut desk, port, &tagged(&octets, vlan.filter(|_| trunk)));
                if !node.is_on() {
                    judge.lost_power();
                } else if let Some((address, before)) = about {
                    unchanged(address, &before, &node.known(address, *now))?;
                }
            }
            (Node::Rogue(node, true), Act::Frame { port, octets, .. }) => {
                node.receive(&mut desk, port, &octets);
            }
            (Node::Server(node), Act::Restart(down_ms)) => node.off(&mut desk, down_ms),
            (Node::Client(node, _), Act::Wake) => node.wake(&mut desk),
            (Node::Client(node, _), Act::Frame { octets, .. }) => node.receive(&mut desk, &octets),
            (Node::Client(node, site), Act::Off(secs, remembers)) => {
                node.off(*now, secs, remembers);
                heir = node.runs_out().map(|(address, until)| (site.vlan, address, until));
            }
            (Node::Client(node, _), Act::Renew) => node.renew(&mut desk),
            (Node::Client(node, _), Act::Release(secs)) => node.release(&mut desk, secs),
            (Node::Smoltcp(node, _), Act::Wake) => node.wake(&mut desk),
            (Node::Smoltcp(node, _), Act::Frame { octets, .. }) => node.receive(&mut desk, &octets),
            // smoltcp's client never gives anything back.
            (Node::Smoltcp(node, _), Act::Off(secs, _) | Act::Release(secs)) => {
                node.off(*now, secs);
            }
            (Node::Relay(node), Act::Frame { port, octets, .. }) => {
                node.receive(&mut desk, port, &octets);
            }
            (Node::Squatter(node), Act::Frame { octets, .. }) => node.receive(&mut desk, &octets),
            (Node::Informer(node, _), Act::Wake) => node.wake(&mut desk),
            (Node::Informer(node, _), Act::Frame { octets, .. }) => {
                node.receive(&mut desk, &octets);
            }
            (Node::Informer(node, _), Act::Inform(unicast)) => node.ask(&mut desk, unicast),
            (Node::Hostile(node), Act::Deed(deed)) => node.act(&mut desk, deed),
            (Node::Hostile(node), Act::Inherit(vlan, address)) => {
                node.inherit(&mut desk, vlan, address);
            }
            _ => {}
        }
        let sent = desk.sent;
        self.judge(place, started)?;
        for (port, frame) in sent {
            self.send(place, port, frame)?;
        }
        self.judge.answered()?;
        self.schedule(place);
        if let Some((vlan, address, until)) = heir.filter(|_| self.heirs) {
            let early_ms = 1 + u64::from(self.rng.below(LAST_MS));
            let at = Instant::from_millis(until.as_millis().saturating_sub(early_ms));
            self.queue.push(at.max(self.now), Event::Heir { vlan, address });
        }
        Ok(())
    }

    fn judge(&mut self, place: usize, started: bool) -> Result<(), Found> {
        let now = self.now;
        let clones = self.clones;
        let Some(Place { node, .. }) = self.cast.places.get_mut(place) else { return Ok(()) };
        match node {
            Node::Server(server) => {
                if server.take_jumped() {
                    self.judge.jumped(place);
                }
                if !started {
                    return Ok(());
                }
                let is_me = |address| server.is_me(address);
                let entry_at = |address| server.entry_at(address, now);
                self.judge.started(now, place, is_me, entry_at)
            }
            Node::Client(client, site) => {
                let number = client.plan.number;
                if is_cloned(clones, &client.plan) {
                    return Ok(());
                }
                let reserved = site.reserved(number);
                let leaves = client.leaves_for();
                // Somebody who has a reservation moves to it when it becomes free.
                if let Some((held, address, server)) = leaves
                    && reserved != Some(address)
                {
                    self.judge.leaves(now, number, held, (address, server))?;
                }
                if let Some(grief) = client.take_grief() {
                    self.judge.grieves(now, number, grief, reserved)?;
                }
                if client.take_gave_back() {
                    self.judge.gave_back(number);
                }
                let held = client.held().filter(|held| is_ours(held.1));
                let party = Party {
                    number,
                    mac: client.mac,
                    named: client.plan.kind == Kind::Container,
                    checks: matches!(client.plan.kind, Kind::Ours { acd: 0, .. }),
                    uses: client.uses(),
                };
                self.judge.holds(now, &party, held, site)
            }
            Node::Smoltcp(client, site) => {
                let held = client.held().filter(|held| is_ours(held.1));
                let party = Party {
                    number: client.plan.number,
                    mac: client.mac,
                    named: false,
                    checks: false,
                    uses: true,
                };
                self.judge.holds(now, &party, held, site)
            }
            Node::Rogue(..)
            | Node::Relay(_)
            | Node::Squatter(_)
            | Node::Informer(..)
            | Node::Hostile(_) => Ok(()),
        }
    }

    pub(super) fn schedule(&mut self, place: usize) {
        let now = self.now;
        let Some(at) = self.cast.places.get_mut(place) else { return };
        let next = match &mut at.node {
            Node::Server(node) | Node::Rogue(node, true) => node.timeout(),
            Node::Client(node, _) => node.timeout(),
            Node::Smoltcp(node, _) => node.timeout(now),
            Node::Informer(node, _) => node.timeout(),
            Node::Rogue(_, false) | Node::Relay(_) | Node::Squatter(_) | Node::Hostile(_) => None,
        };
        let next = next.map(|next| next.max(now));
        if next != at.wake_at {
            at.wake_at = next;
            if let Some(next) = next {
                self.queue.push(next, Event::Wake { place });
            }
        } else if next == Some(now) {
            // It was woken and has more to do.
            self.queue.push(now, Event::Wake { place });
        }
    }
}

/// What a server knew before an INFORM about this address it knows afterwards, and no more.
fn unchanged(address: Ipv4Addr, before: &Known, after: &Known) -> Result<(), Found> {
    if before == after {
        return Ok(());
    }
    let line = format!("of {address} was known {before:?}, and is {after:?}");
    Err((Violation::Changed, line))
}

/// Whether the server with this address is one that the site has.
fn is_ours(server: Ipv4Addr) -> bool {
    let [_, net, ..] = server.octets();
    net != 66
}
