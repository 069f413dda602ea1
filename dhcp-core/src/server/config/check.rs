//! Is what the server is told in order? What `hydrant check` makes sure of in a file, for those who write a configuration as code.
//!
//! The reading of an image repeats a part of it, and trusts whoever wrote the image for the rest.

use core::error::Error;
use core::fmt;
use core::net::Ipv4Addr;

use crate::net::Range;
use crate::server::config::{ServerConfig, SubnetConfig, SubnetIndex};

/// What is not in order in a [`ServerConfig`]: the first thing that [`ServerConfig::check`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ConfigError {
    /// There are more than 65,535 subnets.
    TooManySubnets,
    /// It shares a segment with subnets before it, and others stand between.
    Apart {
        /// Which one.
        subnet: SubnetIndex,
    },
    /// Its ranges do not ascend, overlap, or are of another subnet.
    Ranges {
        /// Which one.
        subnet: SubnetIndex,
    },
    /// What it excludes does not ascend, overlaps, or is of another subnet.
    Excluded {
        /// Which one.
        subnet: SubnetIndex,
    },
    /// Its reservations do not ascend by whom they are for, or two are for the same client.
    Reservations {
        /// Which one.
        subnet: SubnetIndex,
    },
    /// It reserves an address that cannot be a host's there.
    Reserved {
        /// Which one.
        subnet: SubnetIndex,
        /// The address.
        address: Ipv4Addr,
    },
    /// Its shortest lease is longer than its longest.
    Times {
        /// Which one.
        subnet: SubnetIndex,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subnet, what) = match self {
            Self::TooManySubnets => return f.write_str("there are more than 65,535 subnets"),
            Self::Reserved { subnet: SubnetIndex(subnet), address } => {
                return write!(
                    f,
                    "subnet {subnet} reserves {address}, which is no host's address in it"
                );
            }
            Self::Apart { subnet } => (subnet, "does not stand beside those of its shared network"),
            Self::Ranges { subnet } => {
                (subnet, "has ranges that do not ascend, overlap or are outside of it")
            }
            Self::Excluded { subnet } => {
                (subnet, "has exclusions that do not ascend, overlap or are outside of it")
            }
            Self::Reservations { subnet } => {
                (subnet, "has reservations that do not ascend, or two for one client")
            }
            Self::Times { subnet } => {
                (subnet, "has a shortest lease that is longer than its longest")
            }
        };
        write!(f, "subnet {} {what}", subnet.0)
    }
}

impl Error for ConfigError {}

impl ServerConfig<'_> {
    /// Whether a server can work with this: what is told of the fields about order and places holds. A configuration that `hydrant` read was checked, also before it wrote
    /// an image of it; one that is written as code is best checked in a test of that code, or once at the start.
    ///
    /// Time goes with the number of subnets times that of shared networks.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.subnets.len() > usize::from(u16::MAX) {
            return Err(ConfigError::TooManySubnets);
        }
        // Not the other way round: behind the last of 65,535 there is no number to be made.
        for (config, place) in self.subnets.iter().zip(0..) {
            let subnet = SubnetIndex(place);
            let before = self.subnets.get(..usize::from(place)).unwrap_or_default();
            if config.shared_network.is_some() && is_apart(before, config.shared_network) {
                return Err(ConfigError::Apart { subnet });
            }
            config.check(subnet)?;
        }
        Ok(())
    }
}

impl SubnetConfig<'_> {
    fn check(&self, subnet: SubnetIndex) -> Result<(), ConfigError> {
        if !Range::ascend_within(self.ranges, &self.subnet) {
            return Err(ConfigError::Ranges { subnet });
        }
        if !Range::ascend_within(self.excluded, &self.subnet) {
            return Err(ConfigError::Excluded { subnet });
        }
        if !self.reservations.is_sorted_by(|low, high| low.who < high.who) {
            return Err(ConfigError::Reservations { subnet });
        }
        let mut reserved = self.reservations.iter().filter_map(|known| known.address);
        if let Some(address) = reserved.find(|address| !self.subnet.is_host(*address)) {
            return Err(ConfigError::Reserved { subnet, address });
        }
        if self.lease_min > self.lease_max {
            return Err(ConfigError::Times { subnet });
        }
        Ok(())
    }
}

/// Whether a subnet of this shared network is among these, and is not the last.
fn is_apart(before: &[SubnetConfig<'_>], shared: Option<u16>) -> bool {
    let is_last = before.last().is_none_or(|last| last.shared_network == shared);
    !is_last && before.iter().any(|one| one.shared_network == shared)
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use super::*;
    use crate::id::{HardwareAddr, InstallationKey};
    use crate::net::Subnet;
    use crate::server::config::{Reservation, Who};
    use crate::time::LeaseTime;

    fn net(third: u8) -> Subnet {
        Subnet::new(Ipv4Addr::new(10, 0, third, 0), 24).unwrap()
    }

    fn range(first: u8, last: u8) -> Range {
        let host = |last| Ipv4Addr::new(10, 0, 1, last);
        Range::new(&net(1), host(first), host(last)).unwrap()
    }

    fn check(subnets: &[SubnetConfig<'_>]) -> Result<(), ConfigError> {
        ServerConfig::new(subnets, InstallationKey([7; 16])).check()
    }

    const FIRST: SubnetIndex = SubnetIndex(0);

    #[test]
    fn there_are_at_most_65_535_subnets() {
        let subnets = std::vec![SubnetConfig::new(net(1)); 65_536];
        assert_eq!(check(&subnets), Err(ConfigError::TooManySubnets));
        let (_, most) = subnets.split_first().unwrap();
        assert_eq!(check(most), Ok(()));
    }

    #[test]
    fn ranges_and_exclusions_ascend_within_their_subnet() {
        let good = [range(10, 20), range(21, 30)];
        let subnet = SubnetConfig { ranges: &good, excluded: &good, ..SubnetConfig::new(net(1)) };
        assert_eq!(check(&[subnet]), Ok(()));
        for wrong in [[range(21, 30), range(10, 20)], [range(10, 21), range(21, 30)]] {
            let ranges = SubnetConfig { ranges: &wrong, ..subnet };
            assert_eq!(check(&[ranges]), Err(ConfigError::Ranges { subnet: FIRST }));
            let excluded = SubnetConfig { excluded: &wrong, ..subnet };
            assert_eq!(check(&[excluded]), Err(ConfigError::Excluded { subnet: FIRST }));
        }
        let elsewhere = SubnetConfig { ranges: &good, ..SubnetConfig::new(net(2)) };
        let error = check(&[subnet, elsewhere]).unwrap_err();
        assert_eq!(error, ConfigError::Ranges { subnet: SubnetIndex(1) });
        assert_eq!(
            error.to_string(),
            "subnet 1 has ranges that do not ascend, overlap or are outside of it"
        );
    }

    #[test]
    fn reservations_ascend_and_are_of_hosts() {
        let who = |last| Who::Hardware(HardwareAddr::ethernet([2, 0, 0, 0, 0, last]));
        let host = |last| Some(Ipv4Addr::new(10, 0, 1, last));
        let known = |one, other| [Reservation::new(one, host(9)), Reservation::new(other, None)];
        let with = |reservations: &[Reservation<'_>]| {
            check(&[SubnetConfig { reservations, ..SubnetConfig::new(net(1)) }])
        };
        assert_eq!(with(&known(who(1), who(2))), Ok(()));
        assert_eq!(with(&known(who(2), Who::Name(b"camera"))), Ok(()));
        let wrong = Err(ConfigError::Reservations { subnet: FIRST });
        assert_eq!(with(&known(who(2), who(1))), wrong);
        assert_eq!(with(&known(who(1), who(1))), wrong, "one client, twice");
        assert_eq!(with(&known(Who::Name(b"camera"), who(2))), wrong);
        for address in [Ipv4Addr::new(10, 0, 1, 255), Ipv4Addr::new(10, 0, 2, 1)] {
            let error = with(&[Reservation::new(who(1), Some(address))]);
            assert_eq!(error, Err(ConfigError::Reserved { subnet: FIRST, address }));
        }
    }

    #[test]
    fn subnets_of_a_shared_network_stand_next_to_each_other() {
        let on = |third, shared_network| SubnetConfig {
            shared_network,
            ..SubnetConfig::new(net(third))
        };
        assert_eq!(check(&[on(1, None), on(2, Some(1)), on(3, Some(1)), on(4, None)]), Ok(()));
        let apart = Err(ConfigError::Apart { subnet: SubnetIndex(2) });
        assert_eq!(check(&[on(1, Some(1)), on(2, None), on(3, Some(1))]), apart);
        assert_eq!(check(&[on(1, Some(1)), on(2, Some(2)), on(3, Some(1))]), apart);
    }

    #[test]
    fn a_shortest_lease_is_not_longer_than_the_longest() {
        let subnet = SubnetConfig::new(net(1));
        let wrong = SubnetConfig { lease_min: LeaseTime::Infinite, ..subnet };
        assert_eq!(check(&[wrong]), Err(ConfigError::Times { subnet: FIRST }));
    }
}
