//! Which interfaces are there, and when does that change? The kernel's own list over netlink, and its notices of changes.

use core::net::{IpAddr, Ipv4Addr};
use std::io;

use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkLayerType, LinkMessage};
use rtnetlink::{Handle, MulticastGroup, new_multicast_connection};
use tokio::task::AbortHandle;

/// An interface as the kernel describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceState {
    /// The kernel's number of it. An interface that vanishes and comes back has another one.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// None when it is not an Ethernet interface.
    pub mac: Option<[u8; 6]>,
    /// Whether it is switched on.
    pub up: bool,
    /// Whether it is on and has a carrier: something is at the other end.
    pub running: bool,
    /// Its IPv4 addresses and their prefix lengths, in the kernel's order.
    pub addresses: Vec<(Ipv4Addr, u8)>,
}

/// The kernel did not tell.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The netlink socket cannot be opened.
    #[error("the netlink socket cannot be opened")]
    Open(#[source] io::Error),
    /// The list of interfaces or of addresses cannot be read.
    #[error("the list of interfaces cannot be read")]
    List(#[source] rtnetlink::Error),
    /// The netlink connection ended.
    #[error("the netlink connection ended")]
    Ended,
}

/// Watches the interfaces of the network namespace that it was opened in.
#[derive(Debug)]
pub struct Watch {
    handle: Handle,
    notices: Notices,
    connection: AbortHandle,
}

struct Notices(core::pin::Pin<Box<dyn Stream<Item = ()> + Send>>);

impl core::fmt::Debug for Notices {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Notices(..)")
    }
}

impl Watch {
    /// Opens the connection. To be called within a tokio runtime, which drives it.
    ///
    /// # Errors
    /// [`WatchError::Open`].
    pub fn open() -> Result<Self, WatchError> {
        let groups = [MulticastGroup::Link, MulticastGroup::Ipv4Ifaddr];
        let (connection, handle, messages) =
            new_multicast_connection(&groups).map_err(WatchError::Open)?;
        let notices = Notices(Box::pin(messages.map(|_| ())));
        let connection = tokio::spawn(connection).abort_handle();
        Ok(Self { handle, notices, connection })
    }

    /// The interfaces as they are now, in the order of their indexes.
    ///
    /// # Errors
    /// [`WatchError::List`].
    pub async fn interfaces(&self) -> Result<Vec<InterfaceState>, WatchError> {
        let links: Vec<LinkMessage> =
            self.handle.link().get().execute().try_collect().await.map_err(WatchError::List)?;
        let addresses: Vec<AddressMessage> =
            self.handle.address().get().execute().try_collect().await.map_err(WatchError::List)?;
        let mut interfaces = links.iter().filter_map(interface).collect::<Vec<_>>();
        for (index, address) in addresses.iter().filter_map(address) {
            if let Some(interface) = interfaces.iter_mut().find(|one| one.index == index) {
                interface.addresses.push(address);
            }
        }
        interfaces.sort_by_key(|interface| interface.index);
        Ok(interfaces)
    }

    /// Waits for a notice of a change and takes all that are there. What changed is found by listing again: the kernel drops
    /// notices when there are too many, and sends some that do not matter.
    ///
    /// # Errors
    /// [`WatchError::Ended`].
    pub async fn changed(&mut self) -> Result<(), WatchError> {
        self.notices.0.next().await.ok_or(WatchError::Ended)?;
        while let Some(notice) = futures_util::FutureExt::now_or_never(self.notices.0.next()) {
            notice.ok_or(WatchError::Ended)?;
        }
        Ok(())
    }

    /// For requests of other kinds over the same connection: addresses and routes to be set.
    #[must_use]
    pub const fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

fn interface(link: &LinkMessage) -> Option<InterfaceState> {
    let name = link.attributes.iter().find_map(|attribute| {
        if let LinkAttribute::IfName(name) = attribute { Some(name.clone()) } else { None }
    })?;
    let is_ethernet = link.header.link_layer_type == LinkLayerType::Ether;
    let mac = link.attributes.iter().find_map(|attribute| {
        if let LinkAttribute::Address(octets) = attribute {
            <[u8; 6]>::try_from(octets.as_slice()).ok()
        } else {
            None
        }
    });
    let up = link.header.flags.contains(LinkFlags::Up);
    Some(InterfaceState {
        index: link.header.index,
        name,
        mac: mac.filter(|_| is_ethernet),
        up,
        running: up && link.header.flags.contains(LinkFlags::LowerUp),
        addresses: Vec::new(),
    })
}

fn address(message: &AddressMessage) -> Option<(u32, (Ipv4Addr, u8))> {
    if message.header.family != AddressFamily::Inet {
        return None;
    }
    let v4 = |address: &IpAddr| match address {
        IpAddr::V4(address) => Some(*address),
        IpAddr::V6(_) => None,
    };
    // On a point-to-point interface the address is the other end's; ours is the local one.
    let local = message.attributes.iter().find_map(|attribute| {
        if let AddressAttribute::Local(address) = attribute { v4(address) } else { None }
    });
    let address = message.attributes.iter().find_map(|attribute| {
        if let AddressAttribute::Address(address) = attribute { v4(address) } else { None }
    });
    Some((message.header.index, (local.or(address)?, message.header.prefix_len)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_loopback_is_there_and_is_no_ethernet() {
        let watch = Watch::open().unwrap();
        let interfaces = watch.interfaces().await.unwrap();
        let loopback = interfaces.iter().find(|interface| interface.name == "lo").unwrap();
        assert_eq!(loopback.mac, None);
        let has_address = loopback.addresses.contains(&(Ipv4Addr::LOCALHOST, 8));
        assert_eq!(has_address, loopback.up, "{loopback:?}");
    }
}
