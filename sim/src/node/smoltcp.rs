//! A client that is not ours: smoltcp's, with its own wire format, ARP and timers.

use dhcp_core::time::Instant;
use smoltcp::iface::{self, Interface, SocketHandle, SocketSet};
use smoltcp::socket::dhcpv4;
use smoltcp::wire::{EthernetAddress, IpCidr};

use super::client::Held;
use super::{Desk, mac};
use crate::plan::ClientPlan;
use crate::port::Port;

/// A REQUEST and its ACK are under way for less than this, in seconds.
const SLACK_SECS: u32 = 20;

/// A client of smoltcp's.
pub struct SmoltcpNode {
    /// What it is.
    pub plan: ClientPlan,
    /// Its MAC address.
    pub mac: [u8; 6],
    stack: Stack,
    on_at: Option<Instant>,
    held: Option<Held>,
    wanting_since: Option<Instant>,
}

struct Stack {
    port: Port,
    interface: Interface,
    sockets: SocketSet<'static>,
    dhcp: SocketHandle,
}

impl core::fmt::Debug for SmoltcpNode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SmoltcpNode").field("plan", &self.plan).finish_non_exhaustive()
    }
}

fn time(now: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_millis(i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}

impl SmoltcpNode {
    /// Of its plan.
    #[must_use]
    pub fn new(plan: ClientPlan, seed: u64) -> Self {
        let mac = mac(0xc1, plan.number);
        let on_at = Some(Instant::from_millis(plan.on_ms));
        Self { plan, mac, stack: Stack::new(mac, seed), on_at, held: None, wanting_since: None }
    }

    /// What it holds.
    #[must_use]
    pub const fn held(&self) -> Option<Held> {
        self.held
    }

    /// Since when it is switched on and has no lease.
    #[must_use]
    pub const fn wanting_since(&self) -> Option<Instant> {
        self.wanting_since
    }

    /// Loses its power for so many seconds. It remembers nothing.
    pub fn off(&mut self, now: Instant, secs: u32) {
        if self.on_at.is_none() {
            self.on_at = Some(now.plus_secs(secs));
            self.held = None;
            self.wanting_since = None;
            let Stack { interface, sockets, dhcp, port } = &mut self.stack;
            sockets.get_mut::<dhcpv4::Socket<'_>>(*dhcp).reset();
            forget(interface);
            port.received.clear();
        }
    }

    /// When it next has work.
    pub fn timeout(&mut self, now: Instant) -> Option<Instant> {
        if self.on_at.is_some() {
            return self.on_at;
        }
        let Stack { interface, sockets, .. } = &mut self.stack;
        let at = interface.poll_at(time(now), sockets)?;
        let millis = u64::try_from(at.total_millis()).unwrap_or(0);
        // It asks to be called again at once when it has something to do after what it did.
        Some(Instant::from_millis(millis).max(now.plus_millis(1)))
    }

    /// Takes a frame.
    pub fn receive(&mut self, desk: &mut Desk<'_>, frame: &[u8]) {
        if self.on_at.is_none() {
            self.stack.port.received.push_back(frame.to_vec());
            self.wake(desk);
        }
    }

    /// Does what is due.
    pub fn wake(&mut self, desk: &mut Desk<'_>) {
        if self.on_at.is_some_and(|on_at| on_at > desk.now) {
            return;
        }
        self.on_at = None;
        let Stack { port, interface, sockets, dhcp } = &mut self.stack;
        let now = time(desk.now);
        interface.poll(now, port, sockets);
        let socket = sockets.get_mut::<dhcpv4::Socket<'_>>(*dhcp);
        match socket.poll() {
            Some(dhcpv4::Event::Configured(config)) => {
                desk.trace.count("smoltcp bound or renewed");
                let (address, server) = (config.address, config.server.identifier);
                let packet = config.packet.as_ref();
                let secs = packet.and_then(|packet| {
                    let mut options = packet.options();
                    let option = options.find(|option| option.kind == 51)?;
                    Some(u32::from_be_bytes(option.data.try_into().ok()?))
                });
                let number = self.plan.number;
                desk.trace.tell(desk.now, || format!("client {number}: has {address} {secs:?}"));
                // It counts from the ACK, where RFC 2131 section 4.4.1 counts from the REQUEST. Frames may be late, so it may use its address for longer
                // than it has it.
                let until = desk.now.plus_secs(secs.unwrap_or(0).saturating_sub(SLACK_SECS));
                self.held = Some((address.address(), server, until));
                interface.update_ip_addrs(|addresses| {
                    addresses.clear();
                    addresses.push(IpCidr::Ipv4(address)).expect("one address fits");
                });
                let routes = interface.routes_mut();
                routes.remove_default_ipv4_route();
                if let Some(router) = config.router {
                    routes.add_default_ipv4_route(router).expect("one route fits");
                }
            }
            Some(dhcpv4::Event::Deconfigured) => {
                // It says so after every start, too.
                if self.held.take().is_some() {
                    desk.trace.count("smoltcp lost its address");
                    let number = self.plan.number;
                    desk.trace.tell(desk.now, || format!("client {number}: has no address"));
                }
                forget(interface);
            }
            None => {}
        }
        interface.poll(now, port, sockets);
        let wants = interface.ipv4_addr().is_none();
        self.wanting_since = wants.then(|| self.wanting_since.unwrap_or(desk.now));
        desk.sent.extend(port.sent.drain(..).map(|frame| (0, frame)));
    }
}

/// Without a lease there is no address, and no way to anywhere.
fn forget(interface: &mut Interface) {
    interface.update_ip_addrs(|addresses| addresses.clear());
    interface.routes_mut().remove_default_ipv4_route();
}

impl Stack {
    fn new(mac: [u8; 6], seed: u64) -> Self {
        let mut port = Port::default();
        let mut config = iface::Config::new(EthernetAddress(mac).into());
        config.random_seed = seed;
        let interface = Interface::new(config, &mut port, time(Instant::ZERO));
        let mut sockets = SocketSet::new(Vec::new());
        let mut socket = dhcpv4::Socket::new();
        // The whole of the last ACK, for its lease time.
        let room: &'static mut [u8] = Vec::leak(vec![0; 1_500]);
        socket.set_receive_packet_buffer(room);
        let dhcp = sockets.add(socket);
        Self { port, interface, sockets, dhcp }
    }
}
