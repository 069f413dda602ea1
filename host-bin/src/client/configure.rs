//! How does an interface get what was leased? Its address and routes over netlink, and away again.
//!
//! The address carries the lease's end as its lifetime, and the routes have it as their source: when we are killed, the kernel takes
//! both away by itself in time.

use core::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;
use rtnetlink::packet_route::address::{AddressAttribute, CacheInfo};
use rtnetlink::packet_route::route::{RouteMessage, RouteProtocol, RouteScope};
use rtnetlink::{AddressMessageBuilder, Handle, RouteMessageBuilder};

use crate::client::lease::{NamedLease, NamedRoute};

/// Behind routes that somebody set by hand, which have metric 0, and apart for each interface.
const METRIC: u32 = 1_000;

/// An interface that is configured by leases.
#[derive(Clone, Debug)]
pub(crate) struct Configured {
    handle: Handle,
    index: u32,
}

/// What the kernel would not do.
#[derive(Debug, thiserror::Error)]
#[error("the kernel refused {what}")]
pub(crate) struct ConfigureError {
    what: String,
    #[source]
    source: rtnetlink::Error,
}

impl Configured {
    /// The interface with this number.
    pub(crate) const fn new(handle: Handle, index: u32) -> Self {
        Self { handle, index }
    }

    /// Sets address and routes, or prolongs what is set.
    ///
    /// # Errors
    /// [`ConfigureError`], with what was set before it still set.
    pub(crate) async fn set(
        &self,
        lease: &NamedLease,
        wall: Timestamp,
    ) -> Result<(), ConfigureError> {
        let (address, prefix_len) = (lease.address, prefix_len(lease));
        let refused = |what: String| |source| ConfigureError { what, source };
        let mut add =
            self.handle.address().add(self.index, IpAddr::V4(address), prefix_len).replace();
        let secs = seconds_left(lease, wall);
        let mut lifetime = CacheInfo::default();
        (lifetime.ifa_preferred, lifetime.ifa_valid) = (secs, secs);
        add.message_mut().attributes.push(AddressAttribute::CacheInfo(lifetime));
        add.execute().await.map_err(refused(format!("the address {address}/{prefix_len}")))?;
        // Those on the link first: the others' gateways may be there.
        let (on_link, behind): (Vec<_>, Vec<_>) =
            lease.routes.iter().partition(|route| route.gateway.is_none());
        for route in on_link.into_iter().chain(behind) {
            let message = self.route(lease, route);
            let added = self.handle.route().add(message).replace().execute().await;
            added.map_err(refused(format!("the route to {}/{}", route.to, route.prefix_len)))?;
        }
        Ok(())
    }

    /// Takes away what [`Configured::set`] set. What is gone already is no error.
    pub(crate) async fn clear(&self, lease: &NamedLease) {
        for route in &lease.routes {
            let removed = self.handle.route().del(self.route(lease, route)).execute().await;
            if let Err(error) = removed {
                tracing::debug!(to = %route.to, %error, "the route was gone");
            }
        }
        let message = AddressMessageBuilder::<Ipv4Addr>::new()
            .index(self.index)
            .address(lease.address, prefix_len(lease))
            .build();
        if let Err(error) = self.handle.address().del(message).execute().await {
            tracing::debug!(address = %lease.address, %error, "the address was gone");
        }
    }

    fn route(&self, lease: &NamedLease, route: &NamedRoute) -> RouteMessage {
        let builder = RouteMessageBuilder::<Ipv4Addr>::new()
            .destination_prefix(route.to, route.prefix_len)
            .output_interface(self.index)
            .pref_source(lease.address)
            .protocol(RouteProtocol::Dhcp)
            .priority(METRIC.saturating_add(self.index));
        match route.gateway {
            None => builder.scope(RouteScope::Link).build(),
            Some(gateway) => {
                let near = lease.subnet().is_some_and(|subnet| subnet.contains(gateway));
                let builder = builder.gateway(gateway);
                if near { builder.build() } else { builder.onlink().build() }
            }
        }
    }
}

/// What the server said, else the class that the address had before there were masks.
fn prefix_len(lease: &NamedLease) -> u8 {
    lease.prefix_len.unwrap_or_else(|| match lease.address.octets() {
        [0..128, ..] => 8,
        [128..192, ..] => 16,
        [192..=255, ..] => 24,
    })
}

/// For the kernel, where the largest number means for ever.
fn seconds_left(lease: &NamedLease, wall: Timestamp) -> u32 {
    let Some(expires_at) = lease.expires_at else { return u32::MAX };
    let left = expires_at.as_second().saturating_sub(wall.as_second()).max(1);
    u32::try_from(left).unwrap_or(u32::MAX - 1)
}
