//! How long do a DISCOVER and an OFFER take, next to smoltcp and dhcproto? `cargo bench -p benches --bench codec`.
//!
//! All read the same 64 messages. smoltcp knows client identifiers of Ethernet addresses only, and dhcproto's owned messages allocate; ours joins split
//! options and keeps what it does not know.
//!
//! All write the same header and the same nine options, which are in memory and of which the compiler knows nothing: given to smoltcp as constants, as they
//! were here before, they are written by the compiler, and that is no encoder. Ours clears what is not used and pads to 300 octets. `hydrant, filtered` is
//! what its server does besides: the configured options in the order of 13 that the client asked for.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use core::hint::black_box;

use benches::packet::mac;
use benches::scenario::Scenario;
use benches::scenario::codec::{Decode, Encode, MESSAGES, SERVER_ID, TIMES, discovers};
use criterion::{Criterion, Throughput};
use dhcproto::{Decodable, Encodable};
use smoltcp::wire::{DhcpMessageType, DhcpOption, DhcpPacket, DhcpRepr, EthernetAddress};

#[path = "common/ratios.rs"]
mod ratios;

fn decode(criterion: &mut Criterion) {
    let packets = discovers();
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(u64::from(MESSAGES)));
    let mut ours = Decode::new();
    group.bench_function("hydrant", |bencher| bencher.iter(|| ours.run()));
    group.bench_function("smoltcp", |bencher| {
        bencher.iter(|| {
            for packet in &packets {
                let packet = DhcpPacket::new_checked(packet.as_slice()).expect("long enough");
                black_box(&DhcpRepr::parse(&packet).expect("a DISCOVER"));
            }
        });
    });
    group.bench_function("dhcproto-borrowed", |bencher| {
        bencher.iter(|| {
            for packet in &packets {
                let message = dhcproto::v4::borrowed::Message::new(packet).expect("long enough");
                for option in message.opts() {
                    black_box(&option);
                }
            }
        });
    });
    group.bench_function("dhcproto-owned", |bencher| {
        bencher.iter(|| {
            for packet in &packets {
                black_box(&dhcproto::v4::Message::from_bytes(packet).expect("a DISCOVER"));
            }
        });
    });
    group.finish();
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::Elements(u64::from(MESSAGES)));
    let mut ours = Encode::unfiltered();
    group.bench_function("hydrant", |bencher| bencher.iter(|| ours.run()));
    let mut ours = Encode::filtered();
    group.bench_function("hydrant, filtered", |bencher| bencher.iter(|| ours.run()));
    group.bench_function("smoltcp", |bencher| {
        let mut out = [0_u8; 548];
        bencher.iter(|| {
            for client in 1..=MESSAGES {
                smoltcp_offer(black_box(client), &mut out);
                black_box(&out);
            }
        });
    });
    group.bench_function("dhcproto-owned", |bencher| {
        bencher.iter(|| {
            for client in 1..=MESSAGES {
                black_box(&dhcproto_offer(black_box(client)).to_vec().expect("an OFFER"));
            }
        });
    });
    group.finish();
}

/// smoltcp has no fields for T1 and T2; they are options among others.
fn smoltcp_offer(client: u32, out: &mut [u8]) {
    let [lease, renewal, rebinding] = TIMES;
    let (renewal, rebinding) = (renewal.to_be_bytes(), rebinding.to_be_bytes());
    let times =
        [DhcpOption { kind: 58, data: &renewal }, DhcpOption { kind: 59, data: &rebinding }];
    let address = EthernetAddress(mac(client));
    let offer = DhcpRepr {
        message_type: DhcpMessageType::Offer,
        transaction_id: client,
        secs: 0,
        client_hardware_address: address,
        client_ip: [0, 0, 0, 0].into(),
        your_ip: (0x0a00_0100 | client).to_be_bytes().into(),
        server_ip: SERVER_ID,
        router: Some([10, 0, 1, 3].into()),
        subnet_mask: Some([255, 255, 255, 0].into()),
        relay_agent_ip: [0, 0, 0, 0].into(),
        broadcast: false,
        requested_ip: None,
        client_identifier: Some(address),
        server_identifier: Some(SERVER_ID),
        parameter_request_list: None,
        dns_servers: Some([[8, 8, 8, 8].into(), [8, 8, 4, 4].into()].into_iter().collect()),
        max_size: None,
        lease_duration: Some(lease),
        renew_duration: None,
        rebind_duration: None,
        additional_options: &times,
    };
    let offer = black_box(&offer);
    let room = out.get_mut(..offer.buffer_len()).expect("548 octets are enough");
    let mut packet = DhcpPacket::new_unchecked(room);
    offer.emit(&mut packet).expect("room was measured");
}

fn dhcproto_offer(client: u32) -> dhcproto::v4::Message {
    use dhcproto::v4::{DhcpOption, MessageType, Opcode};
    let mac = mac(client);
    let [a, b, c, d, e, f] = mac;
    let [lease, renewal, rebinding] = TIMES;
    let nobody = [0, 0, 0, 0].into();
    let yiaddr = (0x0a00_0100 | client).to_be_bytes().into();
    let mut offer =
        dhcproto::v4::Message::new_with_id(client, nobody, yiaddr, SERVER_ID, nobody, &mac);
    offer.set_opcode(Opcode::BootReply);
    for option in [
        DhcpOption::MessageType(MessageType::Offer),
        DhcpOption::ServerIdentifier(SERVER_ID),
        DhcpOption::AddressLeaseTime(lease),
        DhcpOption::Renewal(renewal),
        DhcpOption::Rebinding(rebinding),
        DhcpOption::SubnetMask([255, 255, 255, 0].into()),
        DhcpOption::Router(vec![[10, 0, 1, 3].into()]),
        DhcpOption::DomainNameServer(vec![[8, 8, 8, 8].into(), [8, 8, 4, 4].into()]),
        DhcpOption::ClientIdentifier(vec![1, a, b, c, d, e, f]),
    ] {
        offer.opts_mut().insert(option);
    }
    offer
}

fn main() {
    let mut criterion = ratios::criterion();
    decode(&mut criterion);
    encode(&mut criterion);
    criterion.final_summary();
    ratios::print("decode", u64::from(MESSAGES));
    ratios::print("encode", u64::from(MESSAGES));
}
