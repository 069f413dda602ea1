//! Which frames does the kernel hand us? A classic BPF program of a few instructions, run on every frame of the interface.
//!
//! The kernel takes an 802.1Q tag out of a frame before the program sees it, except on frames that this host sends; both are understood.

use socket2::SockFilter;

/// What is to be received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// UDP datagrams to this port.
    pub udp_port: Option<u16>,
    /// ARP packets.
    pub arp: bool,
    /// Also frames to other hosts' hardware addresses. They come in when the interface is promiscuous.
    pub other_hosts: bool,
}

impl Filter {
    /// What a server wants: messages to port 67 and ARP.
    pub const SERVER: Self = Self { udp_port: Some(67), arp: true, other_hosts: false };

    /// What a client wants that speaks for hardware addresses other than the interface's: messages to port 68 and ARP.
    pub const CLIENT: Self = Self { udp_port: Some(68), arp: true, other_hosts: true };

    /// The program. Frames that we sent ourselves are never received.
    pub(super) fn program(&self) -> Vec<SockFilter> {
        let mut program = vec![load_word(PACKET_TYPE), unless_equal(PACKET_OUTGOING, 1), DROP];
        if !self.other_hosts {
            program.extend([unless_equal(PACKET_OTHERHOST, 1), DROP]);
        }
        let untagged = self.block(0);
        let skip = u8::try_from(untagged.len()).expect("a block has a dozen instructions");
        program.push(load_half(ETHERTYPE_AT));
        program.push(SockFilter::new(JUMP_EQUAL, skip, 0, ETHERTYPE_VLAN));
        program.extend(untagged);
        program.extend(self.block(4));
        program
    }

    /// Looks at what follows a tag of `tag_len` octets.
    fn block(&self, tag_len: u32) -> Vec<SockFilter> {
        let mut block = vec![load_half(ETHERTYPE_AT + tag_len)];
        if self.arp {
            block.extend([unless_equal(ETHERTYPE_ARP, 1), ACCEPT]);
        }
        if let Some(port) = self.udp_port {
            block.extend([
                unless_equal(ETHERTYPE_IPV4, 8),
                load_octet(PROTOCOL_AT + tag_len),
                unless_equal(PROTOCOL_UDP, 6),
                load_half(FRAGMENT_AT + tag_len),
                SockFilter::new(JUMP_ANY_BIT, 4, 0, FRAGMENT_OFFSET),
                // The index register becomes the length of the IP header.
                SockFilter::new(LOAD_HEADER_LEN, 0, 0, IPV4_AT + tag_len),
                SockFilter::new(LOAD_HALF_INDEXED, 0, 0, IPV4_AT + tag_len + PORT_AT),
                unless_equal(u32::from(port), 1),
                ACCEPT,
            ]);
        }
        block.push(DROP);
        block
    }
}

/// A program for a UDP socket that receives nothing that came in on one of these interfaces.
pub(super) fn elsewhere_than(interfaces: &[u32]) -> Vec<SockFilter> {
    let mut program = vec![load_word(INTERFACE)];
    for interface in interfaces {
        program.extend([unless_equal(*interface, 1), DROP]);
    }
    program.push(ACCEPT);
    program
}

// Places in the frame, after `linux/filter.h` for those that are not in it.
const ETHERTYPE_AT: u32 = 12;
const IPV4_AT: u32 = 14;
const FRAGMENT_AT: u32 = IPV4_AT + 6;
const PROTOCOL_AT: u32 = IPV4_AT + 9;
/// The destination port, after the IP header.
const PORT_AT: u32 = 2;
const ANCILLARY: u32 = 0xffff_f000;
const PACKET_TYPE: u32 = ANCILLARY + 4;
const INTERFACE: u32 = ANCILLARY + 8;

const ETHERTYPE_IPV4: u32 = 0x0800;
const ETHERTYPE_ARP: u32 = 0x0806;
const ETHERTYPE_VLAN: u32 = 0x8100;
const PROTOCOL_UDP: u32 = 17;
const FRAGMENT_OFFSET: u32 = 0x1fff;
const PACKET_OTHERHOST: u32 = 3;
const PACKET_OUTGOING: u32 = 4;

// Operations, as in `linux/bpf_common.h`.
const LOAD_WORD: u16 = 0x20;
const LOAD_HALF: u16 = 0x28;
const LOAD_OCTET: u16 = 0x30;
const LOAD_HALF_INDEXED: u16 = 0x48;
const LOAD_HEADER_LEN: u16 = 0xb1;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;

const ACCEPT: SockFilter = SockFilter::new(RETURN, 0, 0, u32::MAX);
const DROP: SockFilter = SockFilter::new(RETURN, 0, 0, 0);

const fn load_word(at: u32) -> SockFilter {
    SockFilter::new(LOAD_WORD, 0, 0, at)
}

const fn load_half(at: u32) -> SockFilter {
    SockFilter::new(LOAD_HALF, 0, 0, at)
}

const fn load_octet(at: u32) -> SockFilter {
    SockFilter::new(LOAD_OCTET, 0, 0, at)
}

/// Skips `skip` instructions unless what was loaded is `value`.
const fn unless_equal(value: u32, skip: u8) -> SockFilter {
    SockFilter::new(JUMP_EQUAL, 0, skip, value)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use dhcp_core::wire::frame::arp::Arp;
    use dhcp_core::wire::frame::ipv4::Udp;
    use dhcp_core::wire::frame::{ETHERTYPE_IPV4, Ethernet};
    use socket2::SockRef;

    use super::*;

    /// Whether the kernel lets the frame through: it runs such a program on the datagrams of a local socket as well.
    fn passes(program: &[SockFilter], frame: &[u8]) -> bool {
        let (from, to) = UnixDatagram::pair().unwrap();
        to.set_nonblocking(true).unwrap();
        SockRef::from(&to).attach_filter(program).unwrap();
        from.send(frame).unwrap();
        let mut room = [0; 2_000];
        to.recv(&mut room).is_ok_and(|len| len == frame.len())
    }

    fn udp(vlan: Option<u16>, port: u16) -> Vec<u8> {
        let udp = Udp {
            source: [0, 0, 0, 0].into(),
            destination: [255; 4].into(),
            source_port: 68,
            destination_port: port,
            payload: &[1; 300],
        };
        let ethernet = Ethernet {
            destination: [0xff; 6],
            source: [2, 0, 0, 0, 0, 1],
            vlan,
            ethertype: ETHERTYPE_IPV4,
        };
        let mut frame = vec![0; 400];
        let len = udp.write_frame(&ethernet, &mut frame).unwrap();
        frame.truncate(len);
        frame
    }

    fn arp(vlan: Option<u16>) -> Vec<u8> {
        let mut frame = vec![0; 60];
        let len = Arp::probe([2; 6], [10, 0, 1, 2].into()).write_frame(vlan, &mut frame).unwrap();
        frame.truncate(len);
        frame
    }

    #[test]
    fn messages_to_the_port_pass_with_and_without_a_tag() {
        for vlan in [None, Some(7)] {
            for (filter, port) in [(Filter::SERVER, 67), (Filter::CLIENT, 68)] {
                let program = filter.program();
                assert!(passes(&program, &udp(vlan, port)));
                assert!(passes(&program, &arp(vlan)));
                assert!(!passes(&program, &udp(vlan, 53)));
                assert!(!passes(&program, &udp(vlan, 135 - port)));
            }
            let quiet = Filter { arp: false, ..Filter::SERVER }.program();
            assert!(passes(&quiet, &udp(vlan, 67)) && !passes(&quiet, &arp(vlan)));
            let only_arp = Filter { udp_port: None, ..Filter::SERVER }.program();
            assert!(!passes(&only_arp, &udp(vlan, 67)) && passes(&only_arp, &arp(vlan)));
        }
    }

    #[test]
    fn other_protocols_fragments_and_stubs_do_not_pass() {
        let program = Filter::SERVER.program();
        for tag_len in [0, 4] {
            let frame = udp((tag_len > 0).then_some(7), 67);
            let changed = |at: usize, octet: u8| {
                let mut frame = frame.clone();
                frame[at + tag_len] = octet;
                frame
            };
            assert!(!passes(&program, &changed(12, 0x86)), "IPv6");
            assert!(!passes(&program, &changed(23, 6)), "TCP");
            assert!(!passes(&program, &changed(21, 9)), "a later fragment");
            for len in 1..38 + tag_len {
                assert!(!passes(&program, &frame[..len]), "{len} octets");
            }
        }
    }

    #[test]
    fn an_ip_header_with_options_is_as_long_as_it_says() {
        let mut frame = udp(None, 67);
        frame[14] = 0x46;
        frame.splice(34..34, [1, 1, 1, 0]);
        assert!(passes(&Filter::SERVER.program(), &frame));
    }

    #[test]
    fn a_datagram_socket_can_leave_interfaces_out() {
        // A local socket's datagrams have no interface, for which the program gives up and drops them.
        assert!(!passes(&elsewhere_than(&[1, 2]), b"anything"));
        assert!(passes(&[ACCEPT], b"anything"));
    }
}
