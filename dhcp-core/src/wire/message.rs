//! What does a received message say? One left-to-right pass over the octets, then accessors that cannot fail.

#![allow(
    unused_variables,
    dead_code,
    clippy::unimplemented,
    reason = "signatures, not yet filled in"
)]

use core::net::Ipv4Addr;

use crate::id::{ClientId, HardwareAddr};

/// Option 53 (RFC 2132 section 9.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageType {
    /// A client looks for servers.
    Discover = 1,
    /// A server offers an address.
    Offer = 2,
    /// A client takes an offer, confirms an address or extends its lease.
    Request = 3,
    /// A client found the address in use.
    Decline = 4,
    /// A server commits to a lease.
    Ack = 5,
    /// A server refuses.
    Nak = 6,
    /// A client gives its address back.
    Release = 7,
    /// A client that has an address asks for options only.
    Inform = 8,
}

/// Why octets are not a DHCP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DecodeError {
    /// Shorter than the header and the cookie, 240 octets.
    Truncated {
        /// Octets that came.
        len: usize,
    },
}

/// Room to join the parts of options that were sent split (RFC 3396). Used only when a message has one.
#[derive(Clone, Debug)]
pub struct Scratch {
    pub(crate) octets: [u8; 512],
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Scratch {
    /// Empty.
    #[must_use]
    pub const fn new() -> Self {
        Self { octets: [0; 512] }
    }
}

/// A received message; no accessor can fail or panic.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    octets: &'a [u8],
}

impl<'a> Message<'a> {
    /// Checks lengths, cookie and `hlen` once, and finds the options in the options field, `file` and `sname`.
    ///
    /// # Errors
    /// Every [`DecodeError`].
    pub fn parse(octets: &'a [u8], scratch: &'a mut Scratch) -> Result<Self, DecodeError> {
        unimplemented!()
    }
    /// `op`: 1 for a request, 2 for a reply.
    pub fn op(&self) -> u8 {
        unimplemented!()
    }
    /// `hops`.
    pub fn hops(&self) -> u8 {
        unimplemented!()
    }
    /// `xid`.
    pub fn xid(&self) -> u32 {
        unimplemented!()
    }
    /// `secs`.
    pub fn secs(&self) -> u16 {
        unimplemented!()
    }
    /// The whole flags field.
    pub fn flags(&self) -> u16 {
        unimplemented!()
    }
    /// The broadcast bit.
    pub fn broadcast(&self) -> bool {
        unimplemented!()
    }
    /// `ciaddr`.
    pub fn ciaddr(&self) -> Ipv4Addr {
        unimplemented!()
    }
    /// `yiaddr`.
    pub fn yiaddr(&self) -> Ipv4Addr {
        unimplemented!()
    }
    /// `siaddr`.
    pub fn siaddr(&self) -> Ipv4Addr {
        unimplemented!()
    }
    /// `giaddr`.
    pub fn giaddr(&self) -> Ipv4Addr {
        unimplemented!()
    }
    /// `htype`, `hlen` and `chaddr`.
    pub fn hardware(&self) -> HardwareAddr {
        unimplemented!()
    }
    /// Option 53.
    pub fn message_type(&self) -> Option<MessageType> {
        unimplemented!()
    }
    /// Option 50.
    pub fn requested_ip(&self) -> Option<Ipv4Addr> {
        unimplemented!()
    }
    /// Option 54.
    pub fn server_id(&self) -> Option<Ipv4Addr> {
        unimplemented!()
    }
    /// Option 51 in seconds, as on the wire.
    pub fn lease_secs(&self) -> Option<u32> {
        unimplemented!()
    }
    /// Option 57 in octets.
    pub fn max_message_size(&self) -> Option<u16> {
        unimplemented!()
    }
    /// Option 55.
    pub fn parameter_request_list(&self) -> Option<&'a [u8]> {
        unimplemented!()
    }
    /// Option 61, when it has 2 to 255 octets.
    pub fn client_id(&self) -> Option<ClientId<'a>> {
        unimplemented!()
    }
    /// Option 12, octets as sent.
    pub fn host_name(&self) -> Option<&'a [u8]> {
        unimplemented!()
    }
    /// Option 82, as sent.
    pub fn relay_agent_info(&self) -> Option<&'a [u8]> {
        unimplemented!()
    }
    /// Option 82.5, link selection (RFC 3527).
    pub fn link_selection(&self) -> Option<Ipv4Addr> {
        unimplemented!()
    }
    /// Option 118, subnet selection (RFC 3011).
    pub fn subnet_selection(&self) -> Option<Ipv4Addr> {
        unimplemented!()
    }
    /// Any option by its code: its value with split parts joined, if it is there.
    pub fn option(&self, code: u8) -> Option<&'a [u8]> {
        unimplemented!()
    }
}
