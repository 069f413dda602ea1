//! What is the client told once, when it is made? Who it is, what it asks for, and how patient it is.

use core::fmt;
use core::net::Ipv4Addr;

use crate::conflict::Acd;
use crate::id::{ClientId, HardwareAddr};
use crate::time::LeaseTime;

/// Up to `N` octets kept in place; more do not fit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Octets<const N: usize> {
    octets: [u8; N],
    len: u16,
}

impl<const N: usize> Octets<N> {
    /// None.
    pub const EMPTY: Self = Self { octets: [0; N], len: 0 };

    /// A copy of `octets`; `None` when there are more than `N`.
    #[must_use]
    pub fn new(octets: &[u8]) -> Option<Self> {
        let mut copy = Self::EMPTY;
        copy.push(octets).then_some(copy)
    }

    /// What is in it.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.octets.get(..usize::from(self.len)).expect("len is at most N by construction")
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends all of `octets`, or nothing and `false` when they do not fit.
    #[must_use]
    pub fn push(&mut self, octets: &[u8]) -> bool {
        let from = usize::from(self.len);
        let to = from.saturating_add(octets.len());
        let (Some(room), Ok(len)) = (self.octets.get_mut(from..to), u16::try_from(to)) else {
            return false;
        };
        room.copy_from_slice(octets);
        self.len = len;
        true
    }
}

impl<const N: usize> fmt::Debug for Octets<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x?}", self.as_slice())
    }
}

/// Who the client is, what it asks for, and how patient it is. Make one with [`Config::new`] and change what differs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// `htype`, `hlen` and `chaddr`: the address that the lease is for, not necessarily that of the interface.
    pub hardware: HardwareAddr,
    /// Option 61, 2 to 255 octets, or none; see [`Config::with_client_id`].
    pub client_id: Octets<{ ClientId::LEN_MAX }>,
    /// Option 12, sent unless it is empty. A server may take it as a hint.
    pub host_name: Octets<64>,
    /// Option 60, sent unless it is empty.
    pub vendor_class: Octets<64>,
    /// Further options, rendered; see [`Config::with_option`].
    pub further_options: Octets<128>,
    /// Option 55. When it contains 108, the client honours what a server answers to it (RFC 8925).
    pub parameters: Octets<64>,
    /// Whether replies must be broadcast, because we cannot hear a frame to `hardware` before the address is configured (RFC 2131 section 4.1).
    pub broadcast: bool,
    /// How carefully an address is checked before it is used.
    pub acd: Acd,
    /// Option 57: the longest reply that we read, in octets with IP and UDP headers; at least 576.
    pub max_message_size: u16,
    /// The first DISCOVER or INIT-REBOOT request leaves after a random delay up to this. RFC 2131 section 4.4.1 asks for 1 to 10 s
    /// where many machines start together; a script that starts one container has no such reason.
    pub start_delay_millis_max: u32,
    /// How long offers are collected when there is a server or address that we would rather have; 0: the first offer is taken.
    pub collect_millis: u32,
    /// How often a REQUEST in SELECTING is sent before the search starts again; 4 gives 60 s (RFC 2131 section 3.1 (5)).
    pub request_tries: u8,
    /// How often a REQUEST in INIT-REBOOT is sent before the search starts; 4 gives 60 s (RFC 2131 section 3.2 (4)).
    pub reboot_tries: u8,
    /// Option 51: how long we would like the lease to be.
    pub lease_time: Option<LeaseTime>,
    /// Option 50 in DISCOVER, as long as no earlier lease says better.
    pub wish: Option<Ipv4Addr>,
}

impl Config {
    /// Mask, routers, domain name, servers for names and time, MTU, broadcast address, classless routes, search list.
    pub const PARAMETERS_DEFAULT: [u8; 12] = [1, 121, 3, 6, 15, 119, 28, 26, 42, 51, 58, 59];

    /// Shorter leases are refused, in seconds: a lease of nothing would be renewed as fast as the link allows.
    pub const LEASE_SECS_MIN: u32 = 5;

    /// What most clients want, for a MAC address or one of another type.
    #[must_use]
    pub fn new(hardware: impl Into<HardwareAddr>) -> Self {
        Self {
            hardware: hardware.into(),
            client_id: Octets::EMPTY,
            host_name: Octets::EMPTY,
            vendor_class: Octets::EMPTY,
            further_options: Octets::EMPTY,
            parameters: Octets::new(&Self::PARAMETERS_DEFAULT).expect("fewer than 64"),
            broadcast: false,
            acd: Acd::Full,
            max_message_size: 1_024,
            start_delay_millis_max: 100,
            collect_millis: 500,
            request_tries: 4,
            reboot_tries: 4,
            lease_time: None,
            wish: None,
        }
    }

    /// The same with option 61.
    #[must_use]
    pub fn with_client_id(mut self, id: ClientId<'_>) -> Self {
        self.client_id = Octets::new(id.octets()).expect("a client identifier has at most 255");
        self
    }

    /// Adds an option to every message in which the client may send it (RFC 2131 table 5, "all others"). `None` when the value is
    /// empty or longer than 255 octets, the room is used up, or the option is the client's own: 50 to 61 but 60, 0, 12, 255.
    #[must_use]
    pub fn with_option(mut self, code: u8, value: &[u8]) -> Option<Self> {
        if matches!(code, 0 | 12 | 50..=61 | 255) {
            return None;
        }
        let len = u8::try_from(value.len()).ok().filter(|len| *len > 0)?;
        (self.further_options.push(&[code, len]) && self.further_options.push(value))
            .then_some(self)
    }

    /// Whether an answer to option `code` was asked for.
    #[must_use]
    pub fn asks_for(&self, code: u8) -> bool {
        self.parameters.as_slice().contains(&code)
    }
}
