//! What happens to the client, read from octets: replies, mostly good ones, ARP packets, time, and calls.

use core::net::Ipv4Addr;

use arbitrary::{Result, Unstructured};
use dhcp_core::client::Previous;
use dhcp_core::wire::frame::arp::{Arp, Operation};
use dhcp_core::wire::message::MAGIC_COOKIE;

use super::{ADDRESS, MAC};

const SERVERS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 0, 1, 1), Ipv4Addr::new(10, 0, 1, 2)];

/// One thing that happens.
pub(super) enum Step {
    /// The next deadline.
    Timer,
    /// Some time, over deadlines.
    Pass { secs: u32 },
    /// A UDP payload on port 68.
    Hear(Vec<u8>),
    /// An ARP packet on the segment.
    Arp(Arp),
    /// What the owner of the client wants.
    Call(Call),
}

/// A call of the client's owner.
pub(super) enum Call {
    Start,
    StartWith(Previous),
    Release,
    Renew,
    Stop,
    Inform,
}

impl Step {
    /// `xid` is what the client waits for.
    pub(super) fn any(script: &mut Unstructured<'_>, xid: u32) -> Result<Self> {
        Ok(match script.arbitrary::<u8>()? % 16 {
            0..=4 => Self::Timer,
            5 => Self::Pass { secs: u32::from(script.arbitrary::<u16>()? % 8_192) },
            6..=11 => Self::Hear(reply(script, xid)?),
            12 => {
                let len = script.arbitrary_len::<u8>()?;
                Self::Hear(script.bytes(len)?.to_vec())
            }
            13 => Self::Arp(arp(script)?),
            _ => Self::Call(match script.arbitrary::<u8>()? % 8 {
                0 => Call::Start,
                1 => Call::StartWith(previous(script)?),
                2 => Call::Release,
                3 => Call::Stop,
                4 => Call::Inform,
                _ => Call::Renew,
            }),
        })
    }
}

fn previous(script: &mut Unstructured<'_>) -> Result<Previous> {
    let bits = script.arbitrary::<u8>()?;
    let any = Ipv4Addr::from(if bits & 4 == 0 { ADDRESS.octets() } else { script.arbitrary()? });
    let address = (bits & 1 != 0).then_some(any);
    Ok(Previous { address, server_id: (bits & 2 != 0).then_some(SERVERS[0]) })
}

fn arp(script: &mut Unstructured<'_>) -> Result<Arp> {
    let bits = script.arbitrary::<u8>()?;
    let own = |bit: u8| if bits & bit == 0 { ADDRESS } else { SERVERS[1] };
    let sender = if bits & 1 == 0 { own(2) } else { Ipv4Addr::UNSPECIFIED };
    let mac = if bits & 4 == 0 { [2, 0, 0, 0, 0, 0x99] } else { MAC };
    let operation = if bits & 8 == 0 { Operation::Request } else { Operation::Reply };
    Ok(Arp { operation, sender_mac: mac, sender, target_mac: [0; 6], target: own(16) })
}

/// A reply to what waits, good but for what the octets say.
fn reply(script: &mut Unstructured<'_>, xid: u32) -> Result<Vec<u8>> {
    let [kind, bits, faults] = script.arbitrary::<[u8; 3]>()?;
    let kind = match kind % 8 {
        0..=2 => 2,
        3..=5 => 5,
        6 => 6,
        _ => script.arbitrary()?,
    };
    let [one, other] = SERVERS;
    let server = if bits & 1 == 0 { one } else { other };
    let lease_secs = match bits >> 1 & 3 {
        0 => 3_600,
        1 => u32::from(script.arbitrary::<u16>()?),
        2 => script.arbitrary()?,
        _ => u32::MAX,
    };
    let yiaddr = match bits >> 3 & 3 {
        0 if kind == 6 => Ipv4Addr::UNSPECIFIED,
        0..=2 => ADDRESS,
        _ => Ipv4Addr::from(script.arbitrary::<[u8; 4]>()?),
    };
    let mut octets = vec![2, 1, 6, 0];
    octets.extend(xid.to_be_bytes());
    octets.extend([0; 8]);
    octets.extend(yiaddr.octets());
    octets.extend([0; 8]);
    octets.extend(MAC);
    octets.resize(236, 0);
    octets.extend(MAGIC_COOKIE);
    octets.extend([53, 1, kind, 54, 4]);
    octets.extend(server.octets());
    octets.extend([51, 4]);
    octets.extend(lease_secs.to_be_bytes());
    octets.extend([1, 4, 255, 255, 255, 0, 3, 4, 10, 0, 1, 3]);
    if bits & 32 != 0 {
        let [t1, t2] = script.arbitrary::<[u16; 2]>()?;
        octets.extend([58, 4, 0, 0]);
        octets.extend(t1.to_be_bytes());
        octets.extend([59, 4, 0, 0]);
        octets.extend(t2.to_be_bytes());
    }
    if bits & 64 != 0 {
        let len = script.arbitrary_len::<u8>()?.min(400);
        octets.extend(script.bytes(len)?);
    }
    octets.push(255);
    // Faults: some octets are others than they should be.
    for _ in 0..faults.saturating_sub(250) {
        let [at, octet] = script.arbitrary::<[u16; 2]>()?;
        let len = octets.len();
        if let Some(place) = octets.get_mut(usize::from(at) % len) {
            [_, *place] = octet.to_be_bytes();
        }
    }
    if faults == 249 {
        octets.truncate(usize::from(script.arbitrary::<u8>()?));
    }
    Ok(octets)
}
