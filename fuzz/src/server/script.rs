//! What happens, read from octets: packets of six clients, time, and what becomes of the journal.

use core::net::Ipv4Addr;

use arbitrary::{Result, Unstructured};
use dhcp_core::id::{ClientId, ClientKey, HardwareAddr};
use dhcp_core::server::config::{Identity, ServerConfig, SubnetIndex};
use dhcp_core::wire::message::MAGIC_COOKIE;

use crate::world::{NAME, World, ip, mac};

/// How many clients there are. One number is one client, with or without its identifier.
pub(super) const CLIENTS: u8 = 6;

/// One thing that happens.
pub(super) enum Step {
    /// A client sends.
    Packet(Packet),
    /// Time passes.
    Pass { secs: u32 },
    /// The first of what was appended becomes durable.
    Sync { records: u8 },
    /// The medium refuses what was appended.
    Fail,
    /// The power goes; the first of what was appended is on the medium.
    Cut { survive: u8 },
    /// The probes that are due are sent.
    Probes,
    /// Somebody answers for an address.
    Answer { address: u8, by: Option<u8> },
}

impl Step {
    pub(super) fn any(script: &mut Unstructured<'_>) -> Result<Self> {
        Ok(match script.arbitrary::<u8>()? % 16 {
            0..=8 => Self::Packet(Packet::any(script)?),
            9 => Self::Pass { secs: u32::from(script.arbitrary::<u8>()?) },
            10 => Self::Pass { secs: u32::from(script.arbitrary::<u16>()?) },
            11 => Self::Sync { records: u8::MAX },
            12 => Self::Sync { records: script.arbitrary::<u8>()? % 8 },
            13 => match script.arbitrary::<u8>()? {
                survive @ 0..=63 => Self::Cut { survive: survive % 8 },
                64..=255 => Self::Fail,
            },
            14 => Self::Probes,
            _ => {
                let address = script.arbitrary()?;
                let by = script.arbitrary::<u8>()?;
                Self::Answer { address, by: (by < 200).then_some(by % CLIENTS) }
            }
        })
    }
}

/// A message of a client, which need not make sense.
pub(super) struct Packet {
    client: u8,
    kind: u8,
    bits: u8,
    way: u8,
    address: u8,
    lease_secs: Option<u32>,
    extra: Vec<(u8, Vec<u8>)>,
}

/// Bits of [`Packet::bits`].
const WISH: u8 = 1;
const CIADDR: u8 = 2;
const IDENTIFIER: u8 = 4;
const BROADCAST: u8 = 8;
const NAMED: u8 = 16;
const SERVER_ID: u8 = 32;
const FOREIGN_SERVER: u8 = 64;
const UNICAST: u8 = 128;

impl Packet {
    pub(super) const fn discover(client: u8) -> Self {
        Self { client, kind: 1, bits: 0, way: 0, address: 0, lease_secs: None, extra: Vec::new() }
    }

    fn any(script: &mut Unstructured<'_>) -> Result<Self> {
        let client = script.arbitrary::<u8>()? % CLIENTS;
        let kind = match script.arbitrary::<u8>()? % 16 {
            0..=3 => 1,
            4..=10 => 3,
            11 => 4,
            12 => 7,
            13 => 8,
            14 => 0,
            _ => script.arbitrary()?,
        };
        let [bits, way, address, more] = script.arbitrary::<[u8; 4]>()?;
        let lease_secs = if more & 3 == 3 { Some(script.arbitrary()?) } else { None };
        let mut extra = Vec::new();
        for _ in 0..((more >> 2) & 3) {
            let code = script.arbitrary::<u8>()?;
            let len = usize::from(script.arbitrary::<u8>()? % 24);
            let value = script.bytes(len.min(script.len()))?.to_vec();
            // Who the client is and what it wants stands in the other fields; two clients are never one here.
            if !matches!(code, 0 | 12 | 50 | 53 | 54 | 61 | 82 | 118 | 255) {
                extra.push((code, value));
            }
        }
        Ok(Self { client, kind, bits, way, address, lease_secs, extra })
    }

    const fn has(&self, bit: u8) -> bool {
        self.bits & bit != 0
    }

    pub(super) const fn client(&self) -> u8 {
        self.client
    }

    /// What a lease of this client in the subnet is kept under.
    pub(super) fn key(&self, config: &ServerConfig<'_>, subnet: SubnetIndex) -> ClientKey {
        let config_of = config.subnets.get(usize::from(subnet.0));
        let by_id = config_of.is_some_and(|subnet| subnet.identity == Identity::ClientId);
        let id = [0, self.client];
        match ClientId::new(&id).filter(|_| by_id && self.has(IDENTIFIER)) {
            Some(id) => ClientKey::from_client_id(&config.installation, id),
            None => {
                let hardware = HardwareAddr::ethernet(mac(self.client));
                ClientKey::from_hardware(&config.installation, &hardware)
            }
        }
    }

    pub(super) const fn link(&self) -> usize {
        (self.way & 1) as usize
    }

    pub(super) const fn unicast(&self) -> bool {
        self.has(UNICAST)
    }

    /// Its octets.
    pub(super) fn octets(&self, world: &World) -> Vec<u8> {
        let address = world.address(self.address);
        let giaddr = match (self.way >> 1) & 7 {
            0 => ip(3, 3),
            1 => ip(1, 3),
            2 => ip(2, 3),
            3 => world.address(self.way >> 4),
            4..=7 => Ipv4Addr::UNSPECIFIED,
            _ => Ipv4Addr::UNSPECIFIED,
        };
        let ciaddr = if self.has(CIADDR) { address } else { Ipv4Addr::UNSPECIFIED };
        let mut octets = vec![1, 1, 6, u8::from(!giaddr.is_unspecified())];
        octets.extend([0x11, 0x22, self.client, self.kind, 0, 3]);
        octets.extend(if self.has(BROADCAST) { [0x80, 0] } else { [0, 0] });
        octets.extend(ciaddr.octets());
        octets.extend([0; 8]);
        octets.extend(giaddr.octets());
        octets.extend(mac(self.client));
        octets.resize(236, 0);
        octets.extend(MAGIC_COOKIE);
        let mut option = |code: u8, value: &[u8]| {
            octets.push(code);
            octets.push(u8::try_from(value.len()).unwrap_or(0));
            octets.extend(value);
        };
        if self.kind != 0 {
            option(53, &[self.kind]);
        }
        if self.has(WISH) {
            option(50, &address.octets());
        }
        if self.has(SERVER_ID) {
            let [_, _, third, _] = address.octets();
            option(
                54,
                &ip(if self.has(FOREIGN_SERVER) { 99 } else { third.clamp(1, 3) }, 1).octets(),
            );
        }
        if self.has(IDENTIFIER) {
            option(61, &[0, self.client]);
        }
        if self.has(NAMED) {
            let name = [b'c', b'a', b'm', b'0' + self.client];
            option(12, if self.client == 2 { NAME } else { &name });
        }
        if let Some(secs) = self.lease_secs {
            option(51, &secs.to_be_bytes());
        }
        match self.way >> 4 {
            0 => option(118, &ip(1, 0).octets()),
            1 => option(118, &ip(2, 0).octets()),
            2 => option(82, &[5, 4, 10, 0, 2, 0]),
            3 => option(82, &[1, 2, b'e', b'0', 5, 4, 10, 0, 1, 0]),
            _ => {}
        }
        for (code, value) in &self.extra {
            option(*code, value);
        }
        octets.push(255);
        octets.resize(octets.len().max(300), 0);
        octets
    }
}
