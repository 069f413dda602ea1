//! Who answers ARP and ping for the board's own addresses? smoltcp, which is shown every frame that is not DHCP.
//!
//! Replies of the DHCP server do not go through it: its UDP socket asks by ARP before it sends, which a client without an address cannot
//! answer, and one client that went away would hold up all replies behind its own.

use dhcp_core::server::config::ServerConfig;
use dhcp_core::time::Instant;
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::time;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpCidr, Ipv4Cidr};

use crate::board::lan9118::{FRAME_LEN_MAX, Lan9118};

/// The board as a host on its network.
#[expect(missing_debug_implementations, reason = "smoltcp's interface has none")]
pub struct Ip {
    interface: Interface,
    sockets: SocketSet<'static>,
}

/// The network card as smoltcp sees it: one frame that came in, and a way out.
#[derive(Debug)]
pub struct Port<'p> {
    /// The card.
    pub ethernet: &'p mut Lan9118,
    /// A frame that smoltcp did not see yet.
    pub frame: Option<&'p [u8]>,
    /// Room for a frame that goes out.
    pub room: &'p mut [u8],
}

impl Ip {
    /// Has the server's addresses, as many as smoltcp takes.
    #[must_use]
    pub fn new(config: &ServerConfig<'_>, port: &mut Port<'_>, now: Instant) -> Self {
        let mac = HardwareAddress::Ethernet(EthernetAddress(port.ethernet.mac()));
        let mut interface = Interface::new(Config::new(mac), port, in_smoltcp(now));
        interface.update_ip_addrs(|addresses| {
            for subnet in config.subnets {
                let Some(address) = subnet.server_id else { continue };
                let cidr = IpCidr::Ipv4(Ipv4Cidr::new(address, subnet.subnet.prefix_len()));
                // Without a place for it an address does not answer ping; the server serves with it all the same.
                if !addresses.contains(&cidr) && addresses.push(cidr).is_err() {
                    defmt::warn!("{} does not answer ARP and ping: there are too many", address);
                }
            }
        });
        Self { interface, sockets: SocketSet::new([].as_mut_slice()) }
    }

    /// Takes the frame of the port, if there is one, and sends what is to be sent.
    pub fn poll(&mut self, now: Instant, port: &mut Port<'_>) {
        self.interface.poll(in_smoltcp(now), port, &mut self.sockets);
    }
}

fn in_smoltcp(now: Instant) -> time::Instant {
    time::Instant::from_millis(i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}

impl Device for Port<'_> {
    type RxToken<'t>
        = Received<'t>
    where
        Self: 't;
    type TxToken<'t>
        = Outgoing<'t>
    where
        Self: 't;

    fn receive(&mut self, _now: time::Instant) -> Option<(Received<'_>, Outgoing<'_>)> {
        let frame = self.frame.take()?;
        Some((Received(frame), Outgoing { ethernet: self.ethernet, room: self.room }))
    }

    fn transmit(&mut self, _now: time::Instant) -> Option<Outgoing<'_>> {
        Some(Outgoing { ethernet: self.ethernet, room: self.room })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_LEN_MAX.min(self.room.len());
        capabilities.max_burst_size = Some(1);
        capabilities
    }
}

/// A frame that smoltcp reads.
#[derive(Debug)]
pub struct Received<'t>(&'t [u8]);

impl phy::RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(self.0)
    }
}

/// A frame that smoltcp writes.
#[derive(Debug)]
pub struct Outgoing<'t> {
    ethernet: &'t mut Lan9118,
    room: &'t mut [u8],
}

impl phy::TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let frame = self.room.get_mut(..len).expect("smoltcp keeps to the greatest length");
        let written = write(frame);
        self.ethernet.send(frame);
        written
    }
}
