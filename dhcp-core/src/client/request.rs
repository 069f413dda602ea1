//! What do we say? RFC 2131 table 5 (and table 4) as code: one arm per column, and the octets that follow from it.

use core::net::Ipv4Addr;

use crate::client::config::Config;
use crate::client::offer::Offer;
use crate::client::state::State;
use crate::wire::message::{BOOT_REQUEST, BROADCAST_FLAG, HEADER_LEN, MessageType};
use crate::wire::options::{OptionsWriter, code};
use crate::wire::writer::{Header, write_request};

/// What a client wants to say; `DHCPREQUEST` means four things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Intent {
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
pub(super) struct RequestShape {
    /// Option 53.
    pub(super) message_type: MessageType,
    /// The server; `None`: 255.255.255.255.
    pub(super) unicast_to: Option<Ipv4Addr>,
    /// Our address, which is also the IP source; `None`: zero.
    pub(super) ciaddr: Option<Ipv4Addr>,
    /// Option 50.
    pub(super) requested_ip: Option<Ipv4Addr>,
    /// Option 54.
    pub(super) server_id: Option<Ipv4Addr>,
    /// Whether `secs` counts; else it is zero.
    pub(super) secs: bool,
    /// Whether the broadcast flag is set where the client needs it.
    pub(super) broadcast_flag: bool,
    /// Whether the client may ask for a lease time (51).
    pub(super) lease_time: bool,
    /// Whether the client may send what it likes: 55, 57, 60, 12 and further options.
    pub(super) all_others: bool,
    /// Option 56, for the operator of the server.
    pub(super) message: Option<&'static str>,
}

impl Intent {
    /// RFC 2131 section 4.4.1, table 5, and for the four kinds of REQUEST section 4.3.6, table 4: one arm per column.
    #[must_use]
    pub(super) const fn shape(&self) -> RequestShape {
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
pub(super) const fn intent(state: &State, wish: Option<Ipv4Addr>) -> Option<Intent> {
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

/// The options of a message at their longest, in octets, but for the type and the further ones.
const OPTIONS_LEN_MAX: usize = 257 + 6 + 6 + 6 + 4 + 66 + 66 + 66 + 34;

/// The octets that [`Client::poll_output`](crate::client::Client::poll_output) needs to write into: no message of the client is longer.
pub const MESSAGE_LEN_MAX: usize = HEADER_LEN + 3 + OPTIONS_LEN_MAX + 128 + 1;

/// Writes the message and returns its length in octets.
pub(super) fn write(
    shape: &RequestShape,
    xid: u32,
    secs: u16,
    config: &Config,
    out: &mut [u8; MESSAGE_LEN_MAX],
) -> usize {
    let zero = Ipv4Addr::UNSPECIFIED;
    let header = Header {
        op: BOOT_REQUEST,
        hops: 0,
        hardware: &config.hardware,
        xid,
        secs: if shape.secs { secs } else { 0 },
        flags: if shape.broadcast_flag && config.broadcast { BROADCAST_FLAG } else { 0 },
        ciaddr: shape.ciaddr.unwrap_or(zero),
        yiaddr: zero,
        siaddr: zero,
        giaddr: zero,
        sname: &[],
        file: &[],
    };
    let mut room = [0; OPTIONS_LEN_MAX];
    let rendered = render(shape, config, &mut room);
    let further = if shape.all_others { config.further_options.as_slice() } else { &[] };
    write_request(&header, shape.message_type, &[rendered, further], out)
        .expect("MESSAGE_LEN_MAX is the sum of all that is written")
}

/// The options that the client writes itself.
fn render<'b>(shape: &RequestShape, config: &Config, room: &'b mut [u8]) -> &'b [u8] {
    let mut options = OptionsWriter::new(room);
    let mut option = |code, value: &[u8]| {
        if !value.is_empty() {
            options.push(code, value).expect("OPTIONS_LEN_MAX is the sum of all that is written");
        }
    };
    option(code::CLIENT_ID, config.client_id.as_slice());
    if let Some(address) = shape.requested_ip {
        option(code::REQUESTED_IP, &address.octets());
    }
    if let Some(server_id) = shape.server_id {
        option(code::SERVER_ID, &server_id.octets());
    }
    if shape.lease_time
        && let Some(lease_time) = config.lease_time
    {
        option(code::LEASE_TIME, &lease_time.to_wire().to_be_bytes());
    }
    if shape.all_others {
        let size = config.max_message_size.max(MESSAGE_SIZE_MIN);
        option(code::MAX_MESSAGE_SIZE, &size.to_be_bytes());
        option(code::PARAMETER_REQUEST_LIST, config.parameters.as_slice());
        option(code::HOST_NAME, config.host_name.as_slice());
        option(code::VENDOR_CLASS, config.vendor_class.as_slice());
    }
    option(code::MESSAGE, shape.message.unwrap_or_default().as_bytes());
    options.finish()
}

/// Option 57 says no less (RFC 2132 section 9.10).
const MESSAGE_SIZE_MIN: u16 = 576;
