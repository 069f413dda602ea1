//! Where is the container to be? From `--vlan` and `--interface` to a segment, the interface that reaches it, and the tag its frames carry.
//!
//! The segment is the container's identity, together with its name: whichever way an address is asked for, and whether VLAN 5 is
//! reached by a sub-interface `eth0.5`, an interface `vlan5` or tagged frames on `eth0`, it is the segment `vlan5`.

use core::fmt;
use std::fs;
use std::path::Path;

use lease_store::container::{Container, ContainerName};

/// A segment as people name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Segment {
    /// A VLAN by its number, 1 to 4094.
    Vlan(u16),
    /// What an interface is attached to that is no VLAN's.
    Interface(String),
}

impl Segment {
    /// The segment that an interface is attached to.
    pub(crate) fn of(interface: &str) -> Self {
        Self::with_number(interface, vlan_of(interface))
    }

    fn with_number(interface: &str, vlan: Option<u16>) -> Self {
        vlan.map_or_else(|| Self::Interface(interface.to_owned()), Self::Vlan)
    }

    /// What [`fmt::Display`] wrote.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let is_name = !text.is_empty() && !text.contains(['/', '@']);
        is_name.then(|| Self::with_number(text, text.strip_prefix("vlan").and_then(number)))
    }

    /// The container of this name here.
    pub(crate) const fn container(&self, name: ContainerName) -> Container {
        let vlan = match self {
            Self::Vlan(vlan) => Some(*vlan),
            Self::Interface(_) => None,
        };
        Container { name, vlan }
    }
}

impl fmt::Display for Segment {
    /// `vlan5`, or the interface's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vlan(vlan) => write!(f, "vlan{vlan}"),
            Self::Interface(interface) => f.write_str(interface),
        }
    }
}

/// How a segment is reached on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    /// The interface.
    pub(crate) interface: String,
    /// The tag that frames carry there; none on a sub-interface, whose frames the kernel tags.
    pub(crate) tag: Option<u16>,
}

/// A segment, and how it is reached if it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) segment: Segment,
    /// Why not, when no interface is known: our own server may reach it all the same.
    pub(crate) port: Result<Port, Unreachable>,
}

/// Why no interface reaches the segment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreachable {
    #[error(
        "no interface reaches VLAN {vlan}: there is neither `vlan{vlan}` nor one whose name ends in `.{vlan}`; say `--interface IF`, \
         with `--vlan {vlan}` for tagged frames on it"
    )]
    NoInterface { vlan: u16 },
    #[error("several interfaces reach VLAN {vlan}: {}; say which by `--interface IF`", interfaces.join(", "))]
    Several { vlan: u16, interfaces: Vec<String> },
}

/// Neither `--vlan` nor `--interface` was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("say where: `--vlan V` or `--interface IF`")]
pub(crate) struct Nowhere;

impl Place {
    /// What the operator means by `--vlan` and `--interface`; `interfaces` are the names of all that the host has.
    ///
    /// # Errors
    /// [`Nowhere`].
    pub(crate) fn find(
        vlan: Option<u16>,
        interface: Option<&str>,
        interfaces: &[String],
    ) -> Result<Self, Nowhere> {
        match (vlan, interface) {
            (None, None) => Err(Nowhere),
            (None, Some(interface)) => {
                let port = Port { interface: interface.to_owned(), tag: None };
                Ok(Self { segment: Segment::of(interface), port: Ok(port) })
            }
            (Some(vlan), Some(interface)) => {
                let tag = (vlan_of(interface) != Some(vlan)).then_some(vlan);
                let port = Port { interface: interface.to_owned(), tag };
                Ok(Self { segment: Segment::Vlan(vlan), port: Ok(port) })
            }
            (Some(vlan), None) => {
                let mut found =
                    interfaces.iter().filter(|name| vlan_of(name) == Some(vlan)).cloned();
                let port = match (found.next(), found.collect::<Vec<_>>()) {
                    (None, _) => Err(Unreachable::NoInterface { vlan }),
                    (Some(interface), others) if others.is_empty() => {
                        Ok(Port { interface, tag: None })
                    }
                    (Some(first), others) => {
                        let interfaces = core::iter::once(first).chain(others).collect();
                        Err(Unreachable::Several { vlan, interfaces })
                    }
                };
                Ok(Self { segment: Segment::Vlan(vlan), port })
            }
        }
    }
}

/// The names of this host's interfaces, in order; none when the kernel does not say.
pub(crate) fn interfaces() -> Vec<String> {
    let entries = fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    let mut names =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect::<Vec<_>>();
    names.sort();
    names
}

/// The VLAN that an interface is a sub-interface of: as the kernel says, else by its name, because a bridge or one end of a pair may stand
/// for a VLAN as well: `eth0.5`, `vlan5`, `vlan0005`.
pub(crate) fn vlan_of(interface: &str) -> Option<u16> {
    let told = Path::new("/proc/net/vlan").join(interface);
    let told = fs::read_to_string(told).ok().and_then(|text| kernels_number(&text));
    told.or_else(|| number_in(interface))
}

/// From a file that begins `eth0.5  VID: 5`.
fn kernels_number(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("VID:")?;
    number(rest.split_whitespace().next()?)
}

fn number_in(interface: &str) -> Option<u16> {
    let digits = interface.strip_prefix("vlan").or_else(|| Some(interface.rsplit_once('.')?.1))?;
    number(digits)
}

fn number(digits: &str) -> Option<u16> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let number = digits.parse().ok().filter(|_| all_digits)?;
    (1..=4094).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(vlan: Option<u16>, interface: Option<&str>, interfaces: &[&str]) -> Place {
        let interfaces = interfaces.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        Place::find(vlan, interface, &interfaces).unwrap()
    }

    fn port(interface: &str, tag: Option<u16>) -> Result<Port, Unreachable> {
        Ok(Port { interface: interface.to_owned(), tag })
    }

    #[test]
    fn interfaces_are_known_as_a_vlans_by_their_names() {
        let cases = [
            ("eth0.5", Some(5)),
            ("vlan5", Some(5)),
            ("vlan0005", Some(5)),
            ("br-lan.4094", Some(4094)),
            ("eth0.4095", None),
            ("eth0.0", None),
            ("eth0", None),
            ("vlan", None),
            ("vlan5b", None),
            ("vlan+5", None),
            ("wg.home", None),
        ];
        for (interface, vlan) in cases {
            assert_eq!(number_in(interface), vlan, "{interface}");
        }
        assert_eq!(
            kernels_number("trunk-a  VID: 12\t REORDER_HDR: 1  dev->priv_flags: 1021\n"),
            Some(12)
        );
    }

    #[test]
    fn one_vlan_is_one_segment_however_it_is_reached() {
        let ways = [
            find(Some(5), None, &["eth0", "eth0.5"]),
            find(None, Some("eth0.5"), &[]),
            find(None, Some("vlan5"), &[]),
            find(Some(5), Some("eth0"), &[]),
        ];
        for way in &ways {
            assert_eq!(way.segment, Segment::Vlan(5));
        }
        assert_eq!(ways[0].port, port("eth0.5", None));
        assert_eq!(ways[3].port, port("eth0", Some(5)), "tagged frames on the trunk");
        assert_eq!(find(Some(5), Some("vlan5"), &[]).port, port("vlan5", None));
    }

    #[test]
    fn a_vlan_that_no_interface_or_several_reach_says_so() {
        let none = find(Some(5), None, &["eth0", "eth0.6"]);
        assert_eq!(none.port, Err(Unreachable::NoInterface { vlan: 5 }));
        let both = find(Some(5), None, &["eth0.5", "eth1.5"]);
        assert_eq!(
            both.port.unwrap_err().to_string(),
            "several interfaces reach VLAN 5: eth0.5, eth1.5; say which by `--interface IF`"
        );
        assert_eq!(Place::find(None, None, &[]), Err(Nowhere));
    }

    #[test]
    fn segments_are_read_as_they_are_written() {
        for segment in
            [Segment::Vlan(1), Segment::Vlan(4094), Segment::Interface("lan0".to_owned())]
        {
            assert_eq!(Segment::from_text(&segment.to_string()), Some(segment));
        }
        assert_eq!(Segment::from_text(""), None);
        assert_eq!(Segment::from_text("../x"), None);
    }
}
