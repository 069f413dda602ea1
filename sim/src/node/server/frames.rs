//! What does the server make of a frame, and how does its answer leave? ARP, ICMP echo and UDP, as a board's main loop sorts them.

use core::net::Ipv4Addr;

use dhcp_core::id::HardwareAddr;
use dhcp_core::server::config::{Link, ServerConfig, SubnetIndex};
use dhcp_core::server::{Destination, Event, Ingress, Outcome, Reply, Scratch, Transmit};
use dhcp_core::wire::frame::arp::{Arp, Operation};
use dhcp_core::wire::frame::icmp::Echo;
use dhcp_core::wire::frame::ipv4::{Checksums, Udp};
use dhcp_core::wire::frame::{ETHERTYPE_ARP, ETHERTYPE_IPV4, Ethernet};

use super::{ServerNode, reply_to, tell};
use crate::defect::Defect;
use crate::node::{Desk, to_all};
use crate::nor::PowerLost;

/// The table is checked after this many frames; it takes as long as many of them.
const FRAMES_BETWEEN_CHECKS: u32 = 97;

impl ServerNode {
    /// Takes a frame.
    pub(super) fn take(
        &mut self,
        desk: &mut Desk<'_>,
        port: usize,
        frame: &[u8],
    ) -> Result<(), PowerLost> {
        let Some(running) = &mut self.running else { return Ok(()) };
        let Ok((ethernet, rest)) = Ethernet::parse(frame) else { return Ok(()) };
        let interface = u16::try_from(port).expect("a node has few ports");
        let link = Link { interface, vlan: ethernet.vlan };
        let locals = self.locals.iter().filter(|(on, _)| *on == link).map(|(_, local)| *local);
        let Some(first) = locals.clone().next() else { return Ok(()) };
        let is_local = |address| locals.clone().any(|local| local == address);
        running.frames += 1;
        if running.frames.is_multiple_of(FRAMES_BETWEEN_CHECKS) {
            running.server.book().check();
        }
        match ethernet.ethertype {
            ETHERTYPE_ARP => {
                let Ok(arp) = Arp::parse(rest) else { return Ok(()) };
                if arp.sender_mac == self.mac {
                    return Ok(());
                }
                if !arp.sender.is_unspecified() {
                    running.neighbours.insert(arp.sender, arp.sender_mac);
                }
                if arp.operation == Operation::Request && is_local(arp.target) {
                    desk.send_arp(port, link.vlan, &reply_to(&arp, self.mac));
                }
                let by = HardwareAddr::ethernet(arp.sender_mac);
                self.heard(desk, arp.sender, Some(by))?;
            }
            ETHERTYPE_IPV4 => {
                let Ok(udp) = Udp::parse(rest, Checksums::Verify) else {
                    if let Ok(echo) = Echo::parse(rest)
                        && is_local(echo.destination)
                        && echo.reply
                    {
                        self.heard(desk, echo.source, None)?;
                    }
                    return Ok(());
                };
                if udp.destination_port != 67 {
                    return Ok(());
                }
                if !udp.source.is_unspecified() {
                    running.neighbours.insert(udp.source, ethernet.source);
                }
                let unicast = is_local(udp.destination);
                if !unicast && udp.destination != Ipv4Addr::BROADCAST {
                    return Ok(());
                }
                let local = if unicast { udp.destination } else { first };
                let ingress = Ingress { link, local, unicast };
                self.message(desk, &ingress, udp.payload)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Somebody uses an address.
    fn heard(
        &mut self,
        desk: &mut Desk<'_>,
        address: Ipv4Addr,
        by: Option<HardwareAddr>,
    ) -> Result<(), PowerLost> {
        let Some(running) = &mut self.running else { return Ok(()) };
        if let Some(outcome) = running.server.heard(desk.now, address, by) {
            desk.trace.count("conflict found by the server");
            tell(desk, self.name, &outcome.event);
            running.record(outcome.record, None, self.defect)?;
        }
        Ok(())
    }

    fn message(
        &mut self,
        desk: &mut Desk<'_>,
        ingress: &Ingress,
        payload: &[u8],
    ) -> Result<(), PowerLost> {
        let Some(running) = &mut self.running else { return Ok(()) };
        let (mut scratch, mut out) = (Scratch::new(), [0; 1_472]);
        let mut misheard = Vec::new();
        let payload = match self.defect {
            Some(defect) if defect.is_deaf_to(payload) => return Ok(()),
            Some(defect) => {
                misheard.extend_from_slice(payload);
                defect.mishear(&mut misheard);
                &misheard
            }
            None => payload,
        };
        let outcome = running.server.handle(desk.now, ingress, payload, &mut scratch, &mut out);
        desk.trace.count(outcome.event.name());
        if let Event::Acknowledged(deal) = &outcome.event
            && is_further(self.config, deal.subnet)
        {
            desk.trace.count("acknowledged in a further network");
        }
        tell(desk, self.name, &outcome.event);
        let Outcome { reply, record, .. } = outcome;
        let held = match reply {
            Reply::None => None,
            // What may leave now does, and the record comes afterwards.
            Reply::Now(transmit) => {
                self.reply(desk, transmit, &mut out);
                None
            }
            Reply::Held(held) => Some(held),
        };
        let Some(running) = &mut self.running else { return Ok(()) };
        if let Some(transmit) = running.record(record, held, self.defect)? {
            self.reply(desk, transmit, &mut out);
        }
        Ok(())
    }

    fn reply(&self, desk: &mut Desk<'_>, transmit: Transmit, out: &mut [u8]) {
        if let (Some(defect), Some(reply)) = (self.defect, out.get_mut(..transmit.len)) {
            defect.misspeak(reply);
        }
        self.send(desk, transmit, out);
        if self.defect == Some(Defect::RepeatsReplies) {
            self.send(desk, transmit, out);
        }
    }

    fn send(&self, desk: &mut Desk<'_>, transmit: Transmit, out: &[u8]) {
        let Some(running) = &self.running else { return };
        let payload = out.get(..transmit.len).expect("as long as was written");
        let Transmit { source, mut link, .. } = transmit;
        if self.defect == Some(Defect::CrossesVlans) {
            let mut others = self.locals.iter().map(|(other, _)| *other).rev();
            link = others.find(|other| *other != link).unwrap_or(link);
        }
        // Networks that are not attached are behind the router.
        let known = |address: Ipv4Addr| running.neighbours.get(&address).copied().or(self.router);
        let (mac, destination, port) = match transmit.destination {
            // Who is not known is asked for by a real stack; here the client just asks again.
            Destination::Relay(relay) => (known(relay), relay, 67),
            Destination::Client(address) => (known(address), address, 68),
            // Who is misremembered has another MAC address than the server thinks.
            Destination::Hardware { .. } if self.defect == Some(Defect::Misremembers) => {
                (Some(to_all(self.mac, None).destination), Ipv4Addr::BROADCAST, 68)
            }
            Destination::Hardware { mac, address } => (Some(mac), address, 68),
            Destination::Broadcast => {
                let all = to_all(self.mac, link.vlan).destination;
                (Some(all), Ipv4Addr::BROADCAST, 68)
            }
        };
        let Some(mac) = mac else {
            desk.trace.count("no neighbour");
            return;
        };
        let ethernet = Ethernet { destination: mac, ..to_all(self.mac, link.vlan) };
        let udp = Udp { source, destination, source_port: 67, destination_port: port, payload };
        desk.send_udp(usize::from(link.interface), &ethernet, &udp);
    }
}

/// Whether a subnet is another than the first one on its segment.
fn is_further(config: &ServerConfig<'_>, subnet: SubnetIndex) -> bool {
    let place = usize::from(subnet.0);
    let shared = |place: usize| config.subnets.get(place).and_then(|subnet| subnet.shared_network);
    shared(place).is_some()
        && place.checked_sub(1).is_some_and(|before| shared(before) == shared(place))
}
