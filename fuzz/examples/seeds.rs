//! Writes the seeds that are messages and frames: `cargo run -p fuzz --example seeds`. Scripts are found by libFuzzer itself.

#![allow(clippy::indexing_slicing, reason = "a tool that is run by hand")]

use core::net::Ipv4Addr;
use std::fs;
use std::path::Path;

use dhcp_core::id::HardwareAddr;
use dhcp_core::wire::frame::arp::Arp;
use dhcp_core::wire::frame::icmp::Echo;
use dhcp_core::wire::frame::ipv4::Udp;
use dhcp_core::wire::frame::{BROADCAST_MAC, ETHERTYPE_IPV4, Ethernet};
use dhcp_core::wire::message::MessageType;
use dhcp_core::wire::options::RenderedOptions;
use dhcp_core::wire::writer::{Header, ReplyOptions, write_reply, write_request};

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 10);
const NONE: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

fn main() -> std::io::Result<()> {
    let messages = messages();
    for target in fuzz::TARGETS {
        let seeds = match target.input {
            fuzz::Input::Message => &messages,
            fuzz::Input::Frame => &frames(&messages),
            fuzz::Input::Script | fuzz::Input::Text => continue,
        };
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
        fs::create_dir_all(&folder)?;
        for (name, octets) in seeds {
            fs::write(folder.join(format!("seed-{name}")), octets)?;
        }
        println!("{}: {} seeds", target.name, seeds.len());
    }
    Ok(())
}

fn header(op: u8, ciaddr: Ipv4Addr, yiaddr: Ipv4Addr) -> Header<'static> {
    Header {
        op,
        hops: 0,
        hardware: const { &HardwareAddr::ethernet(MAC) },
        xid: 0x0102_0304,
        secs: 0,
        flags: 0,
        ciaddr,
        yiaddr,
        siaddr: NONE,
        giaddr: NONE,
        sname: &[],
        file: &[],
    }
}

fn request(kind: MessageType, ciaddr: Ipv4Addr, options: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 700];
    let header = header(1, ciaddr, NONE);
    let len = write_request(&header, kind, &[options], &mut out);
    out.truncate(len.expect("700 octets are enough"));
    out
}

fn reply(kind: Option<MessageType>, rendered: &[u8], relay: Option<&[u8]>, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    let gives = kind != Some(MessageType::Nak);
    let options = ReplyOptions {
        message_type: kind,
        server_id: SERVER,
        times: gives.then_some([3_600, 1_800, 3_150]),
        rendered: &RenderedOptions::new(rendered),
        reserved: &[],
        netmask: None,
        subnet_selection: None,
        requested: None,
        message: None,
        client_id: Some(&[1, 2, 0, 0, 0, 0, 1]),
        relay_agent_info: relay,
    };
    let header = header(2, NONE, if gives { ADDRESS } else { NONE });
    let written = write_reply(&header, &options, len, &mut out).expect("there is room");
    out.truncate(written.len);
    out
}

/// One of each kind, and those that are hard to read.
fn messages() -> Vec<(&'static str, Vec<u8>)> {
    use MessageType::{Ack, Decline, Discover, Inform, Nak, Offer, Release, Request};
    let asks =
        [55, 4, 1, 121, 3, 6, 57, 2, 2, 64, 61, 7, 1, 2, 0, 0, 0, 0, 1, 12, 3, b'c', b'a', b'm'];
    let select = [50, 4, 10, 0, 1, 10, 54, 4, 10, 0, 1, 1];
    let lease = [1, 4, 255, 255, 255, 0, 3, 4, 10, 0, 1, 3, 6, 8, 8, 8, 8, 8, 8, 8, 4, 4];
    let routes = [121, 8, 24, 10, 0, 2, 10, 0, 1, 3, 108, 4, 0, 0, 7, 8];
    let long: Vec<u8> = [43, 200].into_iter().chain([7; 200]).collect();
    let crowded = [&lease[..], &long, &[17, 100], &[b'p'; 100]].concat();
    let mut bootp = request(Discover, NONE, &[]);
    bootp.truncate(240);
    bootp.resize(300, 0);
    let split = request(Discover, NONE, &[12, 2, b'a', b'b', 60, 1, b'x', 12, 2, b'c', b'd']);
    vec![
        ("discover", request(Discover, NONE, &asks)),
        ("select", request(Request, NONE, &[&select[..], &asks].concat())),
        ("reboot", request(Request, NONE, &select[..6])),
        ("renew", request(Request, ADDRESS, &asks)),
        ("decline", request(Decline, NONE, &select)),
        ("release", request(Release, ADDRESS, &select[6..])),
        ("inform", request(Inform, ADDRESS, &asks)),
        ("relayed", request(Discover, NONE, &[82, 10, 1, 2, b'e', b'0', 5, 4, 10, 0, 1, 0])),
        ("selects-subnet", request(Discover, NONE, &[118, 4, 10, 0, 1, 0])),
        ("fqdn-and-class", request(Discover, NONE, &[81, 4, 0, 0, 0, b'h', 77, 2, 1, b'x'])),
        ("bootp", bootp),
        ("split", split),
        ("offer", reply(Some(Offer), &lease, None, 548)),
        ("ack", reply(Some(Ack), &[&lease[..], &routes].concat(), None, 548)),
        ("nak", reply(Some(Nak), &[], None, 548)),
        ("overloaded", reply(Some(Ack), &crowded, Some(&[1, 2, b'e', b'0']), 310)),
        ("bootp-reply", reply(None, &lease, None, 300)),
    ]
}

fn frames(messages: &[(&'static str, Vec<u8>)]) -> Vec<(&'static str, Vec<u8>)> {
    let ethernet = |vlan| Ethernet {
        destination: BROADCAST_MAC,
        source: MAC,
        vlan,
        ethertype: ETHERTYPE_IPV4,
    };
    let mut out = vec![0; 1_514];
    let mut frames = Vec::new();
    for ((name, payload), vlan) in messages.iter().zip([None, Some(20), None, Some(4_094)]) {
        let (source, destination) = (NONE, Ipv4Addr::BROADCAST);
        let udp = Udp { source, destination, source_port: 68, destination_port: 67, payload };
        let len = udp.write_frame(&ethernet(vlan), &mut out).expect("a frame has room");
        frames.push((*name, out[..len].to_vec()));
    }
    for (name, arp) in
        [("probe", Arp::probe(MAC, ADDRESS)), ("announcement", Arp::announcement(MAC, ADDRESS))]
    {
        let len = arp.write_frame(Some(20), &mut out).expect("a frame has room");
        frames.push((name, out[..len].to_vec()));
    }
    let (source, destination) = (SERVER, ADDRESS);
    let echo = Echo { source, destination, reply: true, identifier: 7, sequence: 9 };
    let len = echo.write_frame(&ethernet(None), &mut out).expect("a frame has room");
    frames.push(("echo", out[..len].to_vec()));
    frames
}
