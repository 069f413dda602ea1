//! The hot loop takes no memory once it is warm: a server that runs for years must not depend on an allocator's mood.

use core::net::Ipv4Addr;

use dhcp_core::server::PENDING_MAX;
use dhcp_core::wire::message::MessageType;

use crate::kit::{Kit, write};

const CLIENTS: u16 = 4_000;

/// Every client asks once, 64 a batch; how many ACKs left.
fn round(kit: &mut Kit, leases: &mut [Ipv4Addr], room: &mut [u8]) -> usize {
    use dhcp_core::wire::options::code;
    let mut acks = 0;
    let batches = leases.chunks_mut(PENDING_MAX).zip((0..).step_by(PENDING_MAX));
    for (batch, first) in batches {
        for kind in [MessageType::Discover, MessageType::Request] {
            for (client, lease) in (first..).zip(batch.iter()) {
                let server = (code::SERVER_ID, Ipv4Addr::new(10, 0, 0, 1));
                let options = [(code::REQUESTED_IP, *lease), server];
                let options = if kind == MessageType::Discover { &[][..] } else { &options };
                let len = write(room, client, kind, Ipv4Addr::UNSPECIFIED, options);
                kit.push(&room[..len], false);
            }
            kit.take();
            for answer in kit.outbox.answers() {
                let (_, octets) = answer.message().unwrap();
                let client = u16::from_be_bytes([octets[32], octets[33]]);
                let yiaddr = Ipv4Addr::new(octets[16], octets[17], octets[18], octets[19]);
                batch[usize::from(client - first)] = yiaddr;
                acks += usize::from(kind == MessageType::Request);
            }
        }
        kit.now = kit.now.plus_millis(20);
    }
    acks
}

#[test]
fn nothing_is_allocated_once_the_loop_is_warm() {
    let dir = tempfile::tempdir().unwrap();
    let mut kit = Kit::in_dir(dir.path());
    let mut leases = vec![Ipv4Addr::UNSPECIFIED; usize::from(CLIENTS)];
    let mut room = [0; 600];
    // Long enough for the journal to go on to further sectors and to empty old ones, in both parts.
    for _ in 0..12 {
        kit.now = kit.now.plus_secs(600);
        assert_eq!(round(&mut kit, &mut leases, &mut room), usize::from(CLIENTS));
    }
    let begun = kit.engine.log().0.usage().sectors_begun;
    let mut acks = 0;
    let measured = allocation_counter::measure(|| {
        for _ in 0..12 {
            kit.now = kit.now.plus_secs(600);
            acks += round(&mut kit, &mut leases, &mut room);
        }
    });
    assert_eq!(acks, 12 * usize::from(CLIENTS));
    assert!(
        kit.engine.log().0.usage().sectors_begun > begun + 2,
        "{:?}",
        kit.engine.log().0.usage()
    );
    assert_eq!(measured.count_total, 0, "{measured:?}");
}
