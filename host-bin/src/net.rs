//! How do octets reach us and leave us? Raw frames, UDP datagrams and the list of interfaces; nothing here knows a DHCP message.
//!
//! ```text
//! packet: frames on one interface      udp: datagrams on all      watch: which interfaces are there
//!        \________________ socket, batch _________________/
//!                                  sys  (the only unsafe code of the workspace)
//! ```
//!
//! The server and the client use the same sockets. A frame is wanted where a client has no address yet, where a reply to a foreign MAC address
//! is to be heard, and where frames carry a tag; everything else is UDP, which the kernel routes.

pub mod batch;
pub mod echo;
pub mod filter;
pub mod packet;
mod socket;
mod sys;
pub mod udp;
pub mod watch;

pub use self::batch::{BATCH_MAX, OCTETS_MAX, RecvBatch, Sent};
pub use self::echo::EchoSocket;
pub use self::filter::Filter;
pub use self::packet::{Frame, PacketSocket};
pub(crate) use self::sys::register_descriptor;
pub use self::udp::{Datagram, Outgoing, UdpSocket};
pub use self::watch::{InterfaceState, Watch, WatchError};
