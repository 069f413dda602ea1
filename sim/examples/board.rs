//! How do `dhcp-core` and `lease-store` go into somebody's own firmware? A board with 64 leases and a NOR flash, without an operating system.
//!
//! Clients that have no address speak in raw frames; the board's own address (ARP, ping) is smoltcp's. The loop of a real board is [`Board::take`] for each
//! frame and [`Board::idle`] in between. Here a client of ours is at the other end of the cable, and the power is cut at the end.
//!
//! `cargo run -p sim --example board`

use core::net::Ipv4Addr;

use dhcp_core::client::{Client, Config, MESSAGE_LEN_MAX, Output};
use dhcp_core::conflict::Acd;
use dhcp_core::id::{HardwareAddr, InstallationKey};
use dhcp_core::net::{Range, Subnet};
use dhcp_core::rng::Rng;
use dhcp_core::server::book::{Entry, LeaseBook};
use dhcp_core::server::config::{Link, ServerConfig, SubnetConfig};
use dhcp_core::server::{Destination, Ingress, Reply, Scratch, Server, Transmit};
use dhcp_core::time::{Instant, LeaseClock, LeaseTime};
use dhcp_core::wire::frame::arp::{Arp, Operation};
use dhcp_core::wire::frame::ipv4::{Checksums, Udp};
use dhcp_core::wire::frame::{BROADCAST_MAC, ETHERTYPE_IPV4, Ethernet};
use dhcp_core::wire::message;
use lease_store::journal::Journal;
use lease_store::medium::NorMedium;
use lease_store::table::{ArrayStorage, LeaseTable, Sizes};
use sim::nor::Nor;
use smoltcp::iface::{self, Interface, SocketSet};
use smoltcp::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp::wire::{EthernetAddress, IpCidr};

/// Leases that the board can keep.
const LEASES: usize = 64;

/// What arrays for them need, in up to four runs of addresses of one subnet.
const SIZES: Sizes = Sizes::new(LEASES, 4, 1);

type Leases = LeaseTable<
    ArrayStorage<u16, LEASES, { SIZES.buckets }, { SIZES.words }, { SIZES.spans }, { SIZES.pools }>,
>;

/// The flash of this board: words of 4 octets, sectors of 4 KiB.
type Flash = Nor<4, 4096>;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
const LINK: Link = Link { interface: 0, vlan: None };
const FRAME_LEN: usize = 1_514;

/// All of the board's memory but the stack and the configuration, which is in flash.
struct Board {
    server: Server<'static, Leases>,
    journal: Journal<NorMedium<Flash>>,
    stack: Interface,
    wire: Wire,
    /// What is not copied out of a message, and the reply.
    scratch: Scratch,
    reply: [u8; 1_472],
}

/// 64 KiB, of which a quarter is left for the stack.
const _: () = assert!(size_of::<Board>() <= 48 * 1_024, "the board has 64 KiB of memory");

/// One frame in each direction, as a network controller without a ring has them.
struct Wire {
    received: Option<([u8; FRAME_LEN], usize)>,
    sent: Option<([u8; FRAME_LEN], usize)>,
}

struct Received([u8; FRAME_LEN], usize);

impl phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(self.0.get(..self.1).expect("a frame fits"))
    }
}

struct Sending<'w>(&'w mut Option<([u8; FRAME_LEN], usize)>);

impl phy::TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let (frame, sent_len) = self.0.insert(([0; FRAME_LEN], len));
        write(frame.get_mut(..*sent_len).expect("a frame fits"))
    }
}

impl Device for Wire {
    type RxToken<'w> = Received;
    type TxToken<'w> = Sending<'w>;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Received, Sending<'_>)> {
        let (frame, len) = self.received.take()?;
        Some((Received(frame, len), Sending(&mut self.sent)))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<Sending<'_>> {
        Some(Sending(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME_LEN;
        capabilities
    }
}

impl Board {
    /// The power comes on: everything that is known is in the flash.
    fn start(config: &'static ServerConfig<'static>, flash: Flash, now: Instant) -> Self {
        let mut leases = Leases::new(config, ArrayStorage::empty()).expect("64 leases are enough");
        let (journal, _) = Journal::open(NorMedium::new(flash), &mut leases)
            .expect("the flash is ours, and works");
        // Without a clock that goes on, the lease clock goes on from the last time that was written down.
        let server = Server::new(config, leases, LeaseClock::new(now, journal.time()));
        let mut wire = Wire { received: None, sent: None };
        let mut stack = Interface::new(
            iface::Config::new(EthernetAddress(MAC).into()),
            &mut wire,
            smoltcp::time::Instant::ZERO,
        );
        stack.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(ADDRESS.into(), 24)).expect("room for one address");
        });
        Self { server, journal, stack, wire, scratch: Scratch::new(), reply: [0; 1_472] }
    }

    /// A frame came: it is a message for the server, or the stack's. The answer is a frame, too.
    fn take(&mut self, now: Instant, frame: &[u8]) -> Option<Vec<u8>> {
        let (ethernet, rest) = Ethernet::parse(frame).ok()?;
        let udp = (ethernet.ethertype == ETHERTYPE_IPV4)
            .then(|| Udp::parse(rest, Checksums::Verify).ok())
            .flatten();
        match udp {
            Some(udp) if udp.destination_port == 67 => {
                let unicast = udp.destination == ADDRESS;
                let transmit = self.message(now, unicast, udp.payload)?;
                self.frame_of(transmit)
            }
            _ => self.ask_stack(now, frame),
        }
    }

    /// The order that matters: the record, the sync, and only then the acknowledgement. There is no other way to get at the reply.
    fn message(&mut self, now: Instant, unicast: bool, payload: &[u8]) -> Option<Transmit> {
        let ingress = Ingress { link: LINK, local: ADDRESS, unicast };
        let outcome =
            self.server.handle(now, &ingress, payload, &mut self.scratch, &mut self.reply);
        if let Some((lsn, change)) = &outcome.record {
            // What could not be appended is said by the sync.
            let _ = self.journal.append(*lsn, change, self.server.book_mut());
        }
        let synced = self.journal.sync();
        match synced {
            Ok(durable) => self.server.durable(durable),
            Err(_) => self.server.not_durable(),
        }
        match outcome.reply {
            Reply::None => None,
            Reply::Now(transmit) => Some(transmit),
            Reply::Held(held) => held.release(synced.ok()?).ok(),
        }
    }

    fn frame_of(&self, transmit: Transmit) -> Option<Vec<u8>> {
        let Transmit { source, destination, len, .. } = transmit;
        let (mac, to) = match destination {
            Destination::Hardware { mac, address } => (mac, address),
            // A client that has its address is reached in the frame of everybody; a board with a neighbour cache asks that.
            Destination::Client(address) | Destination::Relay(address) => (BROADCAST_MAC, address),
            Destination::Broadcast => (BROADCAST_MAC, Ipv4Addr::BROADCAST),
        };
        let ethernet = Ethernet { destination: mac, source: MAC, vlan: None, ethertype: 0 };
        let payload = self.reply.get(..len)?;
        let (source_port, destination_port) = (67, 68);
        let udp = Udp { source, destination: to, source_port, destination_port, payload };
        let mut frame = [0; FRAME_LEN];
        let len = udp.write_frame(&ethernet, &mut frame)?;
        Some(frame.get(..len)?.to_vec())
    }

    fn ask_stack(&mut self, now: Instant, frame: &[u8]) -> Option<Vec<u8>> {
        let mut copy = [0; FRAME_LEN];
        copy.get_mut(..frame.len())?.copy_from_slice(frame);
        self.wire.received = Some((copy, frame.len()));
        let millis = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        let now = smoltcp::time::Instant::from_millis(millis);
        self.stack.poll(now, &mut self.wire, &mut SocketSet::new(Vec::new()));
        let (frame, len) = self.wire.sent.take()?;
        Some(frame.get(..len)?.to_vec())
    }

    /// Nobody waits: what is over ends, the time is written down, and the next sector is erased.
    fn idle(&mut self, now: Instant) {
        while self.server.poll(now) {}
        let time = self.server.time(now);
        // What fails is tried again next time.
        let _ = self.journal.mark_time(time, self.server.book_mut());
        let _ = self.journal.tidy(self.server.book_mut());
    }

    /// What is known of an address.
    fn entry(&self, address: Ipv4Addr, now: Instant) -> Option<Entry> {
        self.server.book().entry_at(address, self.server.time(now))
    }

    /// The power is cut: only the flash is left.
    fn cut(self) -> Flash {
        self.journal.into_medium().into_flash()
    }
}

fn config() -> &'static ServerConfig<'static> {
    let network = Subnet::new(Ipv4Addr::new(10, 0, 1, 0), 24).expect("a network's number");
    let (first, last) = (Ipv4Addr::new(10, 0, 1, 10), Ipv4Addr::new(10, 0, 1, 73));
    let ranges = Box::leak(Box::new([Range::new(&network, first, last).expect("64 addresses")]));
    let subnets = Box::leak(Box::new([SubnetConfig {
        link: Some(LINK),
        shared_network: 1,
        server_id: Some(ADDRESS),
        ranges,
        options: &[1, 4, 255, 255, 255, 0],
        lease_default: LeaseTime::Secs(3_600),
        lease_min: LeaseTime::Secs(60),
        authoritative: true,
        probe: false,
        ..SubnetConfig::new(network)
    }]));
    Box::leak(Box::new(ServerConfig {
        promise_slack_secs: 3_600,
        ..ServerConfig::new(subnets, InstallationKey(*b"a board's 16 own"))
    }))
}

/// A client at the other end of the cable, until it has an address.
fn lease(board: &mut Board, now: &mut Instant) -> Option<Ipv4Addr> {
    let hardware = HardwareAddr::ethernet([2, 0, 0, 0, 0, 0x11]);
    let mut config = Config::new(hardware);
    config.acd = Acd::Off;
    config.collect_millis = 0;
    let mut client = Client::new(config, Rng::seeded(7));
    client.start(*now);
    for _ in 0..20 {
        if let Some(lease) = client.lease() {
            return Some(lease.binding.address);
        }
        *now = client.poll_timeout()?.max(*now);
        board.idle(*now);
        client.handle_timeout(*now);
        let mut out = [0; MESSAGE_LEN_MAX];
        while let Some(output) = client.poll_output(&mut out) {
            let Output::Transmit(sent) = output else { continue };
            let source = hardware.as_ethernet()?;
            let ethernet =
                Ethernet { destination: BROADCAST_MAC, source, vlan: None, ethertype: 0 };
            let udp = Udp {
                source: sent.source,
                destination: sent.destination,
                source_port: 68,
                destination_port: 67,
                payload: out.get(..sent.len)?,
            };
            let mut frame = [0; FRAME_LEN];
            let len = udp.write_frame(&ethernet, &mut frame)?;
            if let Some(answer) = board.take(*now, frame.get(..len)?) {
                let (_, rest) = Ethernet::parse(&answer).ok()?;
                let udp = Udp::parse(rest, Checksums::Verify).ok()?;
                let _ = client.handle(*now, udp.payload, &mut message::Scratch::new());
            }
        }
    }
    None
}

/// Serves a client, answers for its own address, and remembers the client after a power cut.
fn story() -> (Ipv4Addr, Option<Arp>, Option<Entry>) {
    let config = config();
    let mut now = Instant::ZERO;
    let mut board = Board::start(config, Flash::new(4, 7), now);
    let address = lease(&mut board, &mut now).expect("there is room");
    let question = Arp {
        operation: Operation::Request,
        sender_mac: [2, 0, 0, 0, 0, 0x11],
        sender: address,
        target_mac: [0; 6],
        target: ADDRESS,
    };
    let mut frame = [0; 60];
    question.write_frame(None, &mut frame).expect("an ARP packet is short");
    let answer = board.take(now, &frame);
    let answer = answer.and_then(|frame| Arp::parse(frame.get(14..)?).ok());
    let flash = board.cut();
    let board = Board::start(config, flash, now);
    (address, answer, board.entry(address, now))
}

fn main() {
    let (address, answer, entry) = story();
    println!("{} octets of memory for {LEASES} leases", size_of::<Board>());
    println!("the client has {address}");
    println!("who has {ADDRESS}? {answer:?}");
    println!("after a power cut: {entry:?}");
}

#[cfg(test)]
mod tests {
    use dhcp_core::server::book::Standing;

    use super::*;

    #[test]
    fn the_board_serves_answers_and_remembers() {
        let (address, answer, entry) = story();
        assert_eq!(address, Ipv4Addr::new(10, 0, 1, 10));
        let answer = answer.expect("smoltcp answers");
        assert_eq!((answer.operation, answer.sender_mac), (Operation::Reply, MAC));
        assert_eq!(entry.map(|entry| entry.standing), Some(Standing::Bound));
    }
}
