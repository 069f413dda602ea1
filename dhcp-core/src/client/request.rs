//! What do we say? RFC 2131 table 5 (and table 4) as code: one arm per column, and the octets that follow from it.

use core::net::Ipv4Addr;

use crate::client::config::Config;
use crate::client::offer::Offer;
use crate::client::state::State;
use crate::wire::message::MessageType;

/// What a client wants to say; `DHCPREQUEST` means four things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Look for servers.
    Discover {
        /// An address that we would like.
        wish: Option<Ipv4Addr>,
    },
    /// Take an offer.
    Select(Offer),
    /// Ask whether the address that we had before is still right.
    Reboot {
        /// That address.
        address: Ipv4Addr,
    },
    /// Ask our server to extend the lease.
    Renew {
        /// Our address.
        address: Ipv4Addr,
        /// Our server.
        server_id: Ipv4Addr,
    },
    /// Ask any server to extend the lease.
    Rebind {
        /// Our address.
        address: Ipv4Addr,
    },
    /// Ask for options only.
    Inform {
        /// Our address.
        address: Ipv4Addr,
    },
    /// The address is in use by somebody else.
    Decline {
        /// That address.
        address: Ipv4Addr,
        /// Who gave it to us.
        server_id: Ipv4Addr,
    },
    /// Give the address back.
    Release {
        /// Our address.
        address: Ipv4Addr,
        /// Who gave it to us.
        server_id: Ipv4Addr,
    },
}

/// Which fields and options a message has, and where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestShape {
    /// Option 53.
    pub message_type: MessageType,
    /// The server; `None`: 255.255.255.255.
    pub unicast_to: Option<Ipv4Addr>,
    /// Our address, which is also the IP source; `None`: zero.
    pub ciaddr: Option<Ipv4Addr>,
    /// Option 50.
    pub requested_ip: Option<Ipv4Addr>,
    /// Option 54.
    pub server_id: Option<Ipv4Addr>,
    /// Whether `secs` counts; else it is zero.
    pub secs: bool,
    /// Whether the broadcast flag is set where the client needs it.
    pub broadcast_flag: bool,
    /// Whether the client may ask for a lease time (51).
    pub lease_time: bool,
    /// Whether the client may send what it likes: 55, 57, 60, 12 and further options.
    pub all_others: bool,
    /// Option 56, for the operator of the server.
    pub message: Option<&'static str>,
}

impl Intent {
    /// RFC 2131 section 4.4.1, table 5, and for the four kinds of REQUEST section 4.3.6, table 4: one arm per column.
    #[must_use]
    pub const fn shape(&self) -> RequestShape {
        let asking = RequestShape {
            message_type: MessageType::Request,
            unicast_to: None,
            ciaddr: None,
            requested_ip: None,
            server_id: None,
            secs: true,
            broadcast_flag: true,
            lease_time: true,
            all_others: true,
            message: None,
        };
        // DECLINE and RELEASE: secs and flags 0, and MUST NOT for whatever is not named.
        let leaving = RequestShape {
            secs: false,
            broadcast_flag: false,
            lease_time: false,
            all_others: false,
            ..asking
        };
        match *self {
            Self::Discover { wish } => {
                RequestShape { message_type: MessageType::Discover, requested_ip: wish, ..asking }
            }
            Self::Select(Offer { address, server_id, .. }) => {
                RequestShape { requested_ip: Some(address), server_id: Some(server_id), ..asking }
            }
            Self::Reboot { address } => RequestShape { requested_ip: Some(address), ..asking },
            // Who has an address hears unicast: no broadcast flag.
            Self::Renew { address, server_id } => RequestShape {
                unicast_to: Some(server_id),
                ciaddr: Some(address),
                broadcast_flag: false,
                ..asking
            },
            Self::Rebind { address } => {
                RequestShape { ciaddr: Some(address), broadcast_flag: false, ..asking }
            }
            Self::Inform { address } => RequestShape {
                message_type: MessageType::Inform,
                ciaddr: Some(address),
                broadcast_flag: false,
                lease_time: false,
                ..asking
            },
            Self::Decline { address, server_id } => RequestShape {
                message_type: MessageType::Decline,
                requested_ip: Some(address),
                server_id: Some(server_id),
                message: Some("address in use"),
                ..leaving
            },
            Self::Release { address, server_id } => RequestShape {
                message_type: MessageType::Release,
                unicast_to: Some(server_id),
                ciaddr: Some(address),
                server_id: Some(server_id),
                message: Some("released"),
                ..leaving
            },
        }
    }
}

/// What is sent and sent again in a state; `None` where nothing is. `wish` is the address that a DISCOVER asks for.
#[must_use]
pub const fn intent(state: &State, wish: Option<Ipv4Addr>) -> Option<Intent> {
    Some(match *state {
        State::Selecting { .. } => Intent::Discover { wish },
        State::Requesting { offer, .. } => Intent::Select(offer),
        State::Rebooting { address, .. } => Intent::Reboot { address },
        State::Renewing { holding, .. } => {
            Intent::Renew { address: holding.binding.address, server_id: holding.binding.server_id }
        }
        State::Rebinding { holding, .. } => Intent::Rebind { address: holding.binding.address },
        State::Informing { address, .. } => Intent::Inform { address },
        State::Stopped
        | State::Init { .. }
        | State::InitReboot { .. }
        | State::Probing { .. }
        | State::Bound { .. }
        | State::Informed { .. } => return None,
    })
}

/// RFC 2131 section 4.3.6, table 4, for the message of a state: one arm per column.
#[must_use]
pub fn request_shape(state: &State) -> Option<RequestShape> {
    intent(state, None).map(|intent| intent.shape())
}

/// No message of the client is longer, in octets: the header, and each option at its longest.
pub const MESSAGE_LEN_MAX: usize = 240 + 3 + 257 + 6 + 6 + 6 + 4 + 66 + 66 + 66 + 128 + 34 + 1;

/// BOOTP relay agents drop what is shorter (RFC 1542 section 2.1).
const MESSAGE_LEN_MIN: usize = 300;

const BROADCAST_FLAG: u16 = 0x8000;

/// Writes the message and returns its length in octets.
pub(super) fn write(
    shape: &RequestShape,
    xid: u32,
    secs: u16,
    config: &Config,
    out: &mut [u8; MESSAGE_LEN_MAX],
) -> usize {
    let mut message = Writer { out, len: 0 };
    message.header(shape, xid, secs, config);
    message.option(53, &[shape.message_type as u8]);
    message.option(61, config.client_id.as_slice());
    if let Some(address) = shape.requested_ip {
        message.option(50, &address.octets());
    }
    if let Some(server_id) = shape.server_id {
        message.option(54, &server_id.octets());
    }
    if shape.lease_time
        && let Some(lease_time) = config.lease_time
    {
        message.option(51, &lease_time.to_wire().to_be_bytes());
    }
    if shape.all_others {
        message.option(57, &config.max_message_size.max(576).to_be_bytes());
        message.option(55, config.parameters.as_slice());
        message.option(12, config.host_name.as_slice());
        message.option(60, config.vendor_class.as_slice());
        message.put(config.further_options.as_slice());
    }
    message.option(56, shape.message.unwrap_or_default().as_bytes());
    message.put(&[255]);
    message.len.max(MESSAGE_LEN_MIN)
}

/// Octets one after the other into a buffer that was zeroed before.
struct Writer<'a> {
    out: &'a mut [u8; MESSAGE_LEN_MAX],
    len: usize,
}

impl Writer<'_> {
    /// RFC 2131 section 2, and the cookie.
    fn header(&mut self, shape: &RequestShape, xid: u32, secs: u16, config: &Config) {
        self.out.fill(0);
        let hardware = config.hardware;
        let hlen = u8::try_from(hardware.octets().len()).expect("chaddr has at most 16 octets");
        let flags = if shape.broadcast_flag && config.broadcast { BROADCAST_FLAG } else { 0 };
        self.put(&[1, hardware.htype(), hlen, 0]);
        self.put(&xid.to_be_bytes());
        self.put(&if shape.secs { secs } else { 0 }.to_be_bytes());
        self.put(&flags.to_be_bytes());
        self.put(&shape.ciaddr.unwrap_or(Ipv4Addr::UNSPECIFIED).octets());
        self.len = 28; // yiaddr, siaddr and giaddr are zero
        self.put(hardware.octets());
        self.len = 236; // sname and file are empty
        self.put(&[99, 130, 83, 99]);
    }

    /// An option, unless its value is empty.
    fn option(&mut self, code: u8, value: &[u8]) {
        if let (Ok(len), false) = (u8::try_from(value.len()), value.is_empty()) {
            self.put(&[code, len]);
            self.put(value);
        }
    }

    fn put(&mut self, octets: &[u8]) {
        let to = self.len + octets.len();
        self.out
            .get_mut(self.len..to)
            .expect("MESSAGE_LEN_MAX is the sum of all that is written")
            .copy_from_slice(octets);
        self.len = to;
    }
}
