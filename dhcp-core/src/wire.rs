//! How does it look on the wire? Views over received octets and writers into the caller's buffer (RFC 951, 1542, 2131, 2132).

pub mod frame;
pub mod message;
pub mod options;
pub mod writer;

/// Where a server listens, and relay agents (RFC 2131 section 4.1).
pub const SERVER_PORT: u16 = 67;

/// Where a client listens (RFC 2131 section 4.1).
pub const CLIENT_PORT: u16 = 68;
