//! What do the clients say? The messages of any number of clients, each told from the others by its number alone.

use core::net::Ipv4Addr;

use dhcp_core::id::HardwareAddr;
use dhcp_core::wire::message::{BOOT_REQUEST, MessageType};
use dhcp_core::wire::options::{OptionsWriter, code};
use dhcp_core::wire::writer::{Header, write_request};

/// Room for every message here.
pub const PACKET_LEN_MAX: usize = 576;

/// The options that a usual client asks for: mask, routers, DNS servers, host name, domain, MTU, broadcast address, NTP servers, times, 119 and 121.
pub const PARAMETER_REQUEST_LIST: [u8; 13] = [1, 28, 2, 3, 15, 6, 119, 12, 44, 47, 26, 121, 42];

/// The MAC address of the client with this number: locally administered, all different.
#[must_use]
pub const fn mac(client: u32) -> [u8; 6] {
    let [a, b, c, d] = client.to_be_bytes();
    [0x02, 0x48, a, b, c, d]
}

/// What the fields of a client's message are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Option 53.
    pub message_type: MessageType,
    /// The client's number.
    pub client: u32,
    /// `xid`.
    pub xid: u32,
    /// `ciaddr`.
    pub ciaddr: Ipv4Addr,
    /// `giaddr`; not 0.0.0.0 for a message that came through a relay agent.
    pub giaddr: Ipv4Addr,
    /// Option 50.
    pub requested: Option<Ipv4Addr>,
    /// Option 54.
    pub server_id: Option<Ipv4Addr>,
}

impl Request {
    /// A message without addresses.
    #[must_use]
    pub const fn new(message_type: MessageType, client: u32) -> Self {
        let nobody = Ipv4Addr::UNSPECIFIED;
        let xid = client.wrapping_mul(0x9e37_79b9) ^ 0x5a5a_5a5a;
        Self {
            message_type,
            client,
            xid,
            ciaddr: nobody,
            giaddr: nobody,
            requested: None,
            server_id: None,
        }
    }

    /// The first message of a client.
    #[must_use]
    pub const fn discover(client: u32) -> Self {
        Self::new(MessageType::Discover, client)
    }

    /// REQUEST in SELECTING.
    #[must_use]
    pub const fn select(client: u32, address: Ipv4Addr, server_id: Ipv4Addr) -> Self {
        let request = Self::new(MessageType::Request, client);
        Self { requested: Some(address), server_id: Some(server_id), ..request }
    }

    /// REQUEST in RENEWING.
    #[must_use]
    pub const fn renew(client: u32, address: Ipv4Addr) -> Self {
        Self { ciaddr: address, ..Self::new(MessageType::Request, client) }
    }

    /// REQUEST in INIT-REBOOT.
    #[must_use]
    pub const fn reboot(client: u32, address: Ipv4Addr) -> Self {
        Self { requested: Some(address), ..Self::new(MessageType::Request, client) }
    }

    /// DECLINE.
    #[must_use]
    pub const fn decline(client: u32, address: Ipv4Addr, server_id: Ipv4Addr) -> Self {
        let request = Self::new(MessageType::Decline, client);
        Self { requested: Some(address), server_id: Some(server_id), ..request }
    }

    /// RELEASE.
    #[must_use]
    pub const fn release(client: u32, address: Ipv4Addr, server_id: Ipv4Addr) -> Self {
        let request = Self::new(MessageType::Release, client);
        Self { ciaddr: address, server_id: Some(server_id), ..request }
    }

    /// As a relay agent passes it on.
    #[must_use]
    pub const fn relayed(self, giaddr: Ipv4Addr) -> Self {
        Self { giaddr, ..self }
    }

    /// Writes the UDP payload and gives its length: client identifier (61), host name (12), parameter request list (55) and message size
    /// (57) as usual clients send them.
    ///
    /// # Panics
    /// When `out` has fewer than [`PACKET_LEN_MAX`] octets.
    pub fn write(&self, out: &mut [u8]) -> usize {
        let mac = mac(self.client);
        let [a, b, c, d, e, f] = mac;
        let host_name = format!("edge-{:06}", self.client);
        let mut room = [0; 256];
        let mut options = OptionsWriter::new(&mut room);
        let mut push = |code: u8, value: &[u8]| {
            options.push(code, value).expect("the options of a client are shorter than 256 octets");
        };
        push(code::CLIENT_ID, &[1, a, b, c, d, e, f]);
        if let Some(requested) = self.requested {
            push(code::REQUESTED_IP, &requested.octets());
        }
        if let Some(server_id) = self.server_id {
            push(code::SERVER_ID, &server_id.octets());
        }
        let asks = matches!(self.message_type, MessageType::Discover | MessageType::Request);
        if asks {
            push(code::HOST_NAME, host_name.as_bytes());
            push(code::PARAMETER_REQUEST_LIST, &PARAMETER_REQUEST_LIST);
            push(code::MAX_MESSAGE_SIZE, &1_472_u16.to_be_bytes());
        }
        let relayed = !self.giaddr.is_unspecified();
        let header = Header {
            op: BOOT_REQUEST,
            hops: u8::from(relayed),
            hardware: &HardwareAddr::ethernet(mac),
            xid: self.xid,
            secs: 0,
            flags: 0,
            ciaddr: self.ciaddr,
            yiaddr: Ipv4Addr::UNSPECIFIED,
            siaddr: Ipv4Addr::UNSPECIFIED,
            giaddr: self.giaddr,
            sname: &[],
            file: &[],
        };
        write_request(&header, self.message_type, &[options.finish()], out)
            .expect("the caller gave room for every message")
    }

    /// The UDP payload.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        let mut out = [0; PACKET_LEN_MAX];
        let len = self.write(&mut out);
        out.get(..len).unwrap_or_default().to_vec()
    }
}
