//! How does an interface get what was leased? Its address, its routes and its MTU over netlink, the servers for names in a file; and away again.
//!
//! The address carries the lease's end as its lifetime, and the routes have it as their source: when we are killed, the kernel takes
//! both away by itself in time. What it does not take back, the MTU and the file, is told in a [`Changed`] that is written down with the lease: whoever
//! comes after us can undo it.

use core::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use lease_store::container::ContainerName;
use rtnetlink::packet_route::address::{AddressAttribute, CacheInfo};
use rtnetlink::packet_route::link::LinkAttribute;
use rtnetlink::packet_route::route::{RouteMessage, RouteProtocol, RouteScope};
use rtnetlink::{AddressMessageBuilder, Handle, LinkUnspec, RouteMessageBuilder};
use serde::{Deserialize, Serialize};

use crate::client::lease::{NamedLease, NamedRoute};
use crate::client::place::Segment;
use crate::client::resolv::{ResolvConf, ResolvError, take_away};

/// Behind routes that somebody set by hand, which have metric 0, and apart for each interface.
const METRIC: u32 = 1_000;

/// Every host takes datagrams of so many octets (RFC 1122 section 3.3.3). What is less breaks more than it mends, and is a server's mistake most often.
const MTU_MIN: u16 = 576;

/// An interface that is configured by leases.
#[derive(Clone, Debug)]
pub(crate) struct Configured {
    handle: Handle,
    index: u32,
    /// Whose leases, in the words of the file for names.
    owner: String,
    /// None: the operator does not want one to be touched.
    resolv_conf: Option<ResolvConf>,
    changed: Changed,
}

/// What a lease changed that the kernel does not take back with its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Changed {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mtu: Option<Mtu>,
    /// The file with the servers for names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolv_conf: Option<PathBuf>,
}

impl Changed {
    /// Whether there is nothing to undo, but what the kernel takes back.
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// An interface's MTU in octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mtu {
    before: u32,
    now: u32,
}

/// What was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigureError {
    #[error("the kernel refused {what}")]
    Kernel {
        what: String,
        #[source]
        source: rtnetlink::Error,
    },
    #[error(
        "an MTU of {mtu} octets is not set: it is less than {MTU_MIN}, which every network carries"
    )]
    Mtu { mtu: u16 },
    #[error(transparent)]
    ResolvConf(#[from] ResolvError),
}

fn refused(what: impl Into<String>) -> impl FnOnce(rtnetlink::Error) -> ConfigureError {
    let what = what.into();
    |source| ConfigureError::Kernel { what, source }
}

/// What the files that are written for a name's lease on a segment call it.
pub(crate) fn owner(name: &ContainerName, segment: &Segment) -> String {
    format!("{name}@{segment}")
}

impl Configured {
    /// The interface with this number, for leases of `owner`. `changed` is what is still to be undone of earlier ones.
    pub(crate) const fn new(
        handle: Handle,
        index: u32,
        owner: String,
        resolv_conf: Option<ResolvConf>,
        changed: Changed,
    ) -> Self {
        Self { handle, index, owner, resolv_conf, changed }
    }

    /// What has to be undone once there is no lease any more; after [`Configured::look`], what [`Configured::set`] is about to change too.
    pub(crate) const fn changed(&self) -> &Changed {
        &self.changed
    }

    /// Sees what setting this lease would change, and takes away a file of an earlier lease that is at another place. What fails is told: the kernel
    /// does not tell the MTU, or the file cannot be taken away.
    pub(crate) async fn look(&mut self, lease: &NamedLease) -> Vec<ConfigureError> {
        let left = self.resolv_conf.as_ref().and_then(|resolv_conf| {
            let before = self.changed.resolv_conf.replace(resolv_conf.path().to_owned());
            before.filter(|before| before != resolv_conf.path())
        });
        // The operator names another file now.
        let taken = left.map_or(Ok(()), |left| take_away(&left, &self.owner).map_err(Into::into));
        [self.look_at_mtu(lease).await, taken].into_iter().filter_map(Result::err).collect()
    }

    async fn look_at_mtu(&mut self, lease: &NamedLease) -> Result<(), ConfigureError> {
        if let Some(mtu) = usable_mtu(lease) {
            let is = self.mtu().await.map_err(refused("to tell the MTU"))?;
            // What we set for a lease before is no MTU to go back to; what somebody has set since is.
            let ours = self.changed.mtu.filter(|changed| changed.now == is);
            let before = ours.map_or(is, |changed| changed.before);
            self.changed.mtu = (before != mtu || is != mtu).then_some(Mtu { before, now: mtu });
        }
        Ok(())
    }

    /// Sets all that the lease says, or prolongs what is set; what only the lease `before` said is taken away. What fails is told, and the rest is done.
    pub(crate) async fn set(
        &mut self,
        lease: &NamedLease,
        before: Option<&NamedLease>,
        wall: Timestamp,
    ) -> Vec<ConfigureError> {
        if let Some(before) = before
            && (before.address, before.prefix_len, &before.routes)
                != (lease.address, lease.prefix_len, &lease.routes)
        {
            self.clear_address(before).await;
        }
        // The MTU first: before anything is sent from the address.
        let mut done = vec![self.set_mtu(lease).await, self.set_address(lease, wall).await];
        if let Some(resolv_conf) = &self.resolv_conf {
            done.push(resolv_conf.write(&self.owner, lease).map_err(Into::into));
        }
        done.into_iter().filter_map(Result::err).collect()
    }

    async fn set_mtu(&mut self, lease: &NamedLease) -> Result<(), ConfigureError> {
        match (usable_mtu(lease), self.changed.mtu) {
            (Some(_), Some(Mtu { now, .. })) => self.write_mtu(now).await,
            // It is so already.
            (Some(_), None) => Ok(()),
            (None, _) => {
                self.restore_mtu().await?;
                lease.mtu.map_or(Ok(()), |mtu| Err(ConfigureError::Mtu { mtu }))
            }
        }
    }

    async fn set_address(&self, lease: &NamedLease, wall: Timestamp) -> Result<(), ConfigureError> {
        let (address, prefix_len) = (lease.address, prefix_len(lease));
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

    /// Takes away what [`Configured::set`] set, and puts back what was there before. What is gone already is no error.
    ///
    /// # Errors
    /// When the file for names is not as it was before; it is still to be undone then.
    pub(crate) async fn clear(&mut self, lease: &NamedLease) -> Result<(), ResolvError> {
        self.clear_address(lease).await;
        if let Err(error) = self.restore_mtu().await {
            tracing::debug!(%error, "the MTU was not put back");
        }
        if let Some(path) = &self.changed.resolv_conf {
            take_away(path, &self.owner)?;
            self.changed.resolv_conf = None;
        }
        Ok(())
    }

    async fn clear_address(&self, lease: &NamedLease) {
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

    /// Unless somebody has set another one meanwhile.
    async fn restore_mtu(&mut self) -> Result<(), ConfigureError> {
        let Some(Mtu { before, now }) = self.changed.mtu.take() else { return Ok(()) };
        if self.mtu().await.map_err(refused("to tell the MTU"))? == now {
            self.write_mtu(before).await?;
        }
        Ok(())
    }

    async fn mtu(&self) -> Result<u32, rtnetlink::Error> {
        let mut links = self.handle.link().get().match_index(self.index).execute();
        let link = links.try_next().await?.ok_or(rtnetlink::Error::RequestFailed)?;
        let mtu = link.attributes.iter().find_map(|attribute| {
            if let LinkAttribute::Mtu(mtu) = attribute { Some(*mtu) } else { None }
        });
        mtu.ok_or(rtnetlink::Error::RequestFailed)
    }

    async fn write_mtu(&self, mtu: u32) -> Result<(), ConfigureError> {
        let message = LinkUnspec::new_with_index(self.index).mtu(mtu).build();
        let set = self.handle.link().set(message).execute().await;
        set.map_err(refused(format!("an MTU of {mtu} octets")))
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

/// What is to be set.
fn usable_mtu(lease: &NamedLease) -> Option<u32> {
    lease.mtu.filter(|mtu| *mtu >= MTU_MIN).map(u32::from)
}

/// For the kernel, where the largest number means for ever.
fn seconds_left(lease: &NamedLease, wall: Timestamp) -> u32 {
    let Some(expires_at) = lease.expires_at else { return u32::MAX };
    let left = expires_at.as_second().saturating_sub(wall.as_second()).max(1);
    u32::try_from(left).unwrap_or(u32::MAX - 1)
}
