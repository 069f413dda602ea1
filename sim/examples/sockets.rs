//! How do a server and a client of `dhcp-core` use smoltcp's sockets, where there is no driver to hand a raw frame to?
//!
//! The server has an address: a UDP socket is enough. What it would send to a hardware address, before the client has an IP address, is broadcast
//! instead, since no socket can say to which hardware address a datagram goes (RFC 2131 section 4.1 allows that). The client has none at first: a raw
//! socket takes and gives whole IP packets, with the source 0.0.0.0 that a UDP socket refuses to send from. Once it has an address, what it sends to its
//! server is asked for by ARP and unicast by the same raw socket.
//!
//! `cargo run -p sim --example sockets`

use core::net::Ipv4Addr;
use dhcp_core::client::{Client, Config, Event, MESSAGE_LEN_MAX, Output};
use dhcp_core::conflict::Acd;
use dhcp_core::id::{HardwareAddr, InstallationKey};
use dhcp_core::net::{Range, Subnet};
use dhcp_core::rng::Rng;
use dhcp_core::server::config::{Link, ServerConfig, SubnetConfig};
use dhcp_core::server::{Destination, Ingress, Reply, Scratch, Server};
use dhcp_core::time::{Instant, LeaseClock};
use dhcp_core::wire::frame::ipv4::{Checksums, Udp};
use dhcp_core::wire::{CLIENT_PORT, SERVER_PORT, message};
use lease_store::array_storage;
use lease_store::journal::Journal;
use lease_store::medium::NorMedium;
use lease_store::table::{ArrayStorage, LeaseTable, Sizes};
use sim::nor::Nor;
use sim::port::Port;
use smoltcp::iface::{self, Interface, SocketHandle, SocketSet};
use smoltcp::socket::{raw, udp};
use smoltcp::wire::{EthernetAddress, IpCidr, IpProtocol, IpVersion};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
const SERVER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const CLIENT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 0x11];
const LINK: Link = Link { interface: 0, vlan: None };
const PACKET_LEN: usize = 1_500;

/// smoltcp as both ends have it, with one socket.
struct Host {
    port: Port,
    stack: Interface,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
}

impl Host {
    fn new(mac: [u8; 6], socket: impl smoltcp::socket::AnySocket<'static>) -> Self {
        let mut port = Port::default();
        let config = iface::Config::new(EthernetAddress(mac).into());
        let stack = Interface::new(config, &mut port, smoltcp::time::Instant::ZERO);
        let mut sockets = SocketSet::new(Vec::new());
        let socket = sockets.add(socket);
        Self { port, stack, sockets, socket }
    }

    /// Takes this address, and no other.
    fn configure(&mut self, address: Option<Ipv4Addr>) {
        self.stack.update_ip_addrs(|addresses| {
            addresses.clear();
            let place = address.map(|address| IpCidr::new(address.into(), 24));
            place.into_iter().for_each(|cidr| addresses.push(cidr).expect("room for one"));
        });
    }

    fn poll(&mut self, now: Instant) {
        let now = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        let now = smoltcp::time::Instant::from_millis(now);
        self.stack.poll(now, &mut self.port, &mut self.sockets);
    }
}

type Leases = LeaseTable<array_storage!(u16, Sizes::new(64, 1, 1))>;

struct ServerHost<'c> {
    host: Host,
    server: Server<'c, Leases>,
    journal: Journal<NorMedium<Nor<4, 4096>>>,
}

impl<'c> ServerHost<'c> {
    fn new(config: &'c ServerConfig<'c>) -> Self {
        let buffer = || {
            let packets = vec![udp::PacketMetadata::EMPTY; 4];
            udp::PacketBuffer::new(packets, vec![0; 4 * PACKET_LEN])
        };
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(SERVER_PORT).expect("a port that is not zero, of a new socket");
        let mut host = Host::new(SERVER_MAC, socket);
        host.configure(Some(SERVER));
        let mut leases = Leases::new(config, ArrayStorage::empty()).expect("64 leases are enough");
        let medium = NorMedium::new(Nor::new(4, 7));
        let (journal, _) = Journal::open(medium, &mut leases).expect("the flash works");
        let clock = LeaseClock::new(Instant::ZERO, journal.time());
        Self { host, server: Server::new(config, leases, clock), journal }
    }

    fn round(&mut self, now: Instant) {
        self.host.poll(now);
        let Self { host, server, journal } = self;
        let socket: &mut udp::Socket<'_> = host.sockets.get_mut(host.socket);
        let (mut scratch, mut reply) = (Scratch::new(), [0; 1_472]);
        while let Ok((message, from)) = socket.recv() {
            let unicast = from.local_address == Some(SERVER.into());
            let ingress = Ingress { link: LINK, local: SERVER, unicast };
            let outcome = server.handle(now, &ingress, message, &mut scratch, &mut reply);
            if let Some((lsn, change)) = outcome.record {
                // What could not be appended is said by the sync.
                let _ = journal.append(lsn, &change, server.book_mut());
            }
            let synced = journal.sync();
            match synced {
                Ok(durable) => server.durable(durable),
                Err(_) => server.not_durable(),
            }
            let transmit = match outcome.reply {
                Reply::None => continue,
                Reply::Now(transmit) => transmit,
                Reply::Held(held) => {
                    match synced.ok().and_then(|durable| held.release(durable).ok()) {
                        Some(transmit) => transmit,
                        None => continue,
                    }
                }
            };
            let to = match transmit.destination {
                Destination::Relay(address) => (address, SERVER_PORT),
                Destination::Client(address) => (address, CLIENT_PORT),
                Destination::Hardware { .. } | Destination::Broadcast => {
                    (Ipv4Addr::BROADCAST, CLIENT_PORT)
                }
            };
            let octets = reply.get(..transmit.len).expect("handle() wrote it");
            // A full socket loses the reply, as a network may. The client asks again.
            let _ = socket.send_slice(octets, to);
        }
        while server.poll(now) {}
        self.host.poll(now);
    }
}

struct ClientHost {
    host: Host,
    client: Client,
    events: Vec<Event>,
}

impl ClientHost {
    fn new() -> Self {
        let buffer = || {
            let packets = vec![raw::PacketMetadata::EMPTY; 4];
            raw::PacketBuffer::new(packets, vec![0; 4 * PACKET_LEN])
        };
        let (version, protocol) = (Some(IpVersion::Ipv4), Some(IpProtocol::Udp));
        let socket = raw::Socket::new(version, protocol, buffer(), buffer());
        let mut config = Config::new(HardwareAddr::ethernet(CLIENT_MAC));
        // Whoever probes sends and hears ARP packets as raw frames: no socket of smoltcp's has them.
        config.acd = Acd::Off;
        let client = Client::new(config, Rng::seeded(7));
        Self { host: Host::new(CLIENT_MAC, socket), client, events: Vec::new() }
    }

    fn round(&mut self, now: Instant) {
        self.host.poll(now);
        let Self { host, client, events } = self;
        let socket: &mut raw::Socket<'_> = host.sockets.get_mut(host.socket);
        while let Ok(packet) = socket.recv() {
            let udp = Udp::parse(packet, Checksums::Verify);
            if let Some(udp) = udp.ok().filter(|udp| udp.destination_port == CLIENT_PORT) {
                client.handle(now, udp.payload, &mut message::Scratch::new());
            }
        }
        client.handle_timeout(now);
        let mut buffer = [0; MESSAGE_LEN_MAX];
        while let Some(output) = client.poll_output(&mut buffer) {
            match output {
                Output::Transmit(sent) => {
                    let udp = Udp {
                        source: sent.source,
                        destination: sent.destination,
                        source_port: CLIENT_PORT,
                        destination_port: SERVER_PORT,
                        payload: buffer.get(..sent.len).expect("poll_output() wrote it"),
                    };
                    let mut packet = [0; PACKET_LEN];
                    let len = udp.write_packet(&mut packet).expect("a message fits into a packet");
                    // A full socket loses the message, as a network may. It is sent again.
                    let _ = socket.send_slice(packet.get(..len).expect("that is what it wrote"));
                }
                Output::Arp(_) => unreachable!("conflict detection is off"),
                Output::Event(event) => events.push(event),
            }
        }
        let address = client.lease().map(|lease| lease.binding.address);
        if host.stack.ipv4_addr() != address {
            host.configure(address);
        }
        self.host.poll(now);
    }
}

/// A lease and its renewal; what the client told.
fn story() -> (Option<Ipv4Addr>, Vec<Event>) {
    let net = Subnet::new(Ipv4Addr::new(10, 0, 1, 0), 24).expect("a network's number");
    let (first, last) = (Ipv4Addr::new(10, 0, 1, 10), Ipv4Addr::new(10, 0, 1, 73));
    let ranges = [Range::new(&net, first, last).expect("both ends are in the network")];
    let subnets = [SubnetConfig { probe: false, ..SubnetConfig::on(LINK, SERVER, net, &ranges) }];
    let config = ServerConfig::new(&subnets, InstallationKey(*b"16 octets of our"));
    let (mut server, mut client) = (ServerHost::new(&config), ClientHost::new());
    let mut now = Instant::ZERO;
    client.client.start(now);
    for _ in 0..200 {
        client.round(now);
        server.host.port.received.append(&mut client.host.port.sent);
        server.round(now);
        client.host.port.received.append(&mut server.host.port.sent);
        if matches!(client.events.last(), Some(Event::Renewed { .. })) {
            break;
        }
        if client.host.port.received.is_empty() {
            now = client.client.poll_timeout().expect("it waits for something").max(now);
        }
    }
    (client.host.stack.ipv4_addr(), client.events)
}

fn main() {
    let (address, events) = story();
    println!("{address:?}: {events:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_and_its_renewal_go_through_sockets() {
        let (address, events) = story();
        assert_eq!(address, Some(Ipv4Addr::new(10, 0, 1, 10)));
        let [Event::Offered(_), Event::Bound, Event::Renewed { changed: false }] = *events else {
            panic!("{events:?}");
        };
    }
}
