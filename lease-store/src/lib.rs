//! The lease table, the record and the journal of a DHCP server.
//!
//! A [`LeaseTable`](table::LeaseTable) is the book that `dhcp_core`'s server asks, in memory of the caller's; a [`Journal`](journal::Journal) over any
//! [`Medium`](medium::Medium) makes its changes durable. A server in memory, which answers one DISCOVER:
//!
//! ```
//! use core::net::Ipv4Addr;
//!
//! use dhcp_core::id::InstallationKey;
//! use dhcp_core::net::{Range, Subnet};
//! use dhcp_core::server::config::{Link, ServerConfig, SubnetConfig};
//! use dhcp_core::server::{Event, Ingress, Reply, Scratch, Server};
//! use dhcp_core::time::{Instant, LeaseClock, Timestamp};
//! use lease_store::table::{ArrayStorage, LeaseTable, Sizes};
//!
//! let subnet = Subnet::new(Ipv4Addr::new(10, 0, 1, 0), 24)?;
//! let us = Ipv4Addr::new(10, 0, 1, 1);
//! let link = Link { interface: 0, vlan: None };
//! let subnets = [SubnetConfig {
//!     link: Some(link), server_id: Some(us), options: &[3, 4, 10, 0, 1, 1], probe: false,
//!     ranges: &[Range::new(&subnet, Ipv4Addr::new(10, 0, 1, 10), Ipv4Addr::new(10, 0, 1, 73))?],
//!     ..SubnetConfig::new(subnet)
//! }];
//! let config = ServerConfig {
//!     promise_slack_secs: 86_400, ..ServerConfig::new(&subnets, InstallationKey([7; 16]))
//! };
//! const SIZES: Sizes = Sizes::new(64, 1, 1); // 64 addresses, in one run, of one subnet
//! let table = LeaseTable::new(&config, ArrayStorage::<u16, { SIZES.slots }, { SIZES.buckets },
//!     { SIZES.words }, { SIZES.spans }, { SIZES.pools }>::empty())?;
//! let now = Instant::ZERO;
//! let mut server = Server::new(&config, table, LeaseClock::new(now, Timestamp::from_secs(1)));
//!
//! let mut packet = [0; 300]; // as it came in a datagram to port 67
//! packet[..4].copy_from_slice(&[1, 1, 6, 0]);
//! packet[28..34].copy_from_slice(&[2, 0, 0, 0, 0, 9]);
//! packet[236..244].copy_from_slice(&[99, 130, 83, 99, 53, 1, 1, 255]);
//! let (mut scratch, mut out) = (Scratch::new(), [0; 1_472]);
//! let ingress = Ingress { link, local: us, unicast: false };
//! let outcome = server.handle(now, &ingress, &packet, &mut scratch, &mut out);
//! let Event::Offered(deal) = outcome.event else { panic!("{:?}", outcome.event) };
//! assert_eq!(deal.address, Ipv4Addr::new(10, 0, 1, 10));
//! let Reply::Now(transmit) = outcome.reply else { panic!("an OFFER needs no record") };
//! assert!(transmit.len >= 240); // octets of `out`, to be sent to `transmit.destination`
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! An ACK comes as a [`Held`](dhcp_core::server::Held): append the outcome's record, sync the journal, and release it with the proof. The
//! microcontroller's image does this in `sim/firmware/src/desk.rs`; `sim/examples/board.rs` is the same beside smoltcp, on a host.

#![no_std]
#![forbid(unsafe_code)]

pub mod container;
#[cfg(feature = "image")]
pub mod image;
pub mod index;
pub mod journal;
pub mod lease;
pub mod medium;
pub mod record;
pub mod table;
