//! How do frames come from port to port? As badly as the faults say, and never from one VLAN to another.

use std::rc::Rc;

use dhcp_core::wire::frame::{ETHERNET_LEN, ETHERTYPE_VLAN};

use super::World;
use super::act::Act;
use super::cast::{Access, Node, Port};
use super::queue::Event;
use crate::judge::{Found, Saying};
use crate::node::is_for;
use crate::plan::Faults;

/// How long a frame takes, in microseconds rounded up to the world's millisecond.
const FRAME_MS: u64 = 1;

impl World {
    /// A frame comes to everybody on the segment that it is for.
    pub(super) fn deliver(
        &mut self,
        from: usize,
        segment: usize,
        vlan: Option<u16>,
        octets: &Rc<[u8]>,
    ) -> Result<(), Found> {
        self.trace.mix(&self.now.as_millis().to_le_bytes());
        self.trace.mix(octets);
        for place in 0..self.cast.places.len() {
            let Some(at) = self.cast.places.get_mut(place).filter(|_| place != from) else {
                continue;
            };
            let mac = match &mut at.node {
                Node::Server(server) => server.mac(),
                Node::Rogue(server, true) => server.mac(),
                Node::Rogue(_, false) => continue,
                Node::Client(client, _) => client.mac,
                Node::Smoltcp(client, _) => client.mac,
                Node::Relay(relay) => relay.mac,
                Node::Squatter(squatter) => squatter.mac,
                Node::Informer(informer, _) => informer.mac,
                Node::Hostile(hostile) if at.ports.iter().any(|port| port.segment == segment) => {
                    hostile.hear(vlan, octets);
                    continue;
                }
                Node::Hostile(_) => continue,
            };
            if !is_for(octets, mac) {
                continue;
            }
            let port = at.ports.iter().position(|port| {
                let carried = match port.access {
                    Access::Untagged(of) => of == vlan,
                    Access::Trunk => true,
                };
                port.segment == segment && carried
            });
            let Some(port) = port else { continue };
            if self.faults.drop > 0 && self.rng.below(1_000) < self.faults.drop {
                continue;
            }
            self.act(place, Act::Frame { port, vlan, octets: octets.clone() })?;
        }
        Ok(())
    }

    /// A frame leaves a port, and comes when and how the faults let it.
    pub(super) fn send(&mut self, from: usize, port: usize, frame: Vec<u8>) -> Result<(), Found> {
        let Some(at) = self.cast.places.get(from) else { return Ok(()) };
        let Some(Port { segment, access }) = at.ports.get(port).copied() else { return Ok(()) };
        let (vlan, frame) = match access {
            Access::Untagged(vlan) => (vlan, frame),
            Access::Trunk => out_of_tag(&frame),
        };
        if let Node::Hostile(_) = at.node {
            self.judge.spoofed(&frame);
        }
        if let Node::Server(_) = at.node {
            let site = self.sites.iter().find(|site| site.vlan == vlan);
            let site = site.expect("a server sends on VLANs that it serves");
            let (now, place, frame) = (self.now, from, frame.as_slice());
            let knows_reservations = self.cast.servers.first() == Some(&from);
            self.judge.sent(&Saying { now, place, frame, site, knows_reservations })?;
        }
        self.trace.count("frame");
        let Faults { duplicate, corrupt, late, late_ms_max, .. } = self.faults;
        let twice = duplicate > 0 && self.rng.below(1_000) < duplicate;
        for _ in 0..=u8::from(twice) {
            let mut delay = FRAME_MS;
            if late > 0 && self.rng.below(1_000) < late {
                delay += u64::from(self.rng.below(late_ms_max));
            }
            let mut octets = frame.clone();
            if corrupt > 0 && self.rng.below(1_000) < corrupt {
                self.corrupt(&mut octets);
            }
            let octets = octets.into();
            let at = self.now.plus_millis(delay);
            self.queue.push(at, Event::Frame { from, segment, vlan, octets });
        }
        Ok(())
    }

    /// Changes a bit behind the header, where only checksums of the network and above find it.
    fn corrupt(&mut self, octets: &mut [u8]) {
        let Some(body) = octets.get_mut(ETHERNET_LEN..).filter(|body| !body.is_empty()) else {
            return;
        };
        let len = u32::try_from(body.len()).expect("a frame is short");
        let at = self.rng.below(len) as usize;
        let bit = self.rng.below(8);
        if let Some(octet) = body.get_mut(at) {
            *octet ^= 1 << bit;
        }
    }
}

/// The VLAN of the first tag, and the frame without it; a second tag stays.
fn out_of_tag(frame: &[u8]) -> (Option<u16>, Vec<u8>) {
    let (addresses, rest) = frame.split_at_checked(12).unwrap_or((frame, &[]));
    match rest {
        [t0, t1, v0, v1, rest @ ..] if [*t0, *t1] == ETHERTYPE_VLAN.to_be_bytes() => {
            let vlan = u16::from_be_bytes([*v0, *v1]) & 0x0fff;
            (Some(vlan), [addresses, rest].concat())
        }
        _ => (None, frame.to_vec()),
    }
}
