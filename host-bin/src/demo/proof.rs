//! Who hears whom? Datagrams between sockets in the nodes: each has those who must hear it, and nobody else may.

use core::net::{Ipv4Addr, SocketAddrV4};
use core::time::Duration;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::UdpSocket;
use std::thread;
use std::time::Instant;

use serde::Serialize;

use super::DemoError;
use super::cast::{Host, ROUTER, Truck, address};
use crate::testbed::Node;

/// What the article's nodes listen on.
const PORT: u16 = 5_000;
const GROUP: Ipv4Addr = Ipv4Addr::new(233, 54, 12, 234);
const GROUP_PORT: u16 = 22_001;

/// How long a datagram may take that must come, and how long one is listened for that must not.
const ARRIVAL: Duration = Duration::from_secs(3);
const SILENCE: Duration = Duration::from_millis(150);

/// What was shown of the network.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Proof {
    pub(super) what: String,
    /// Datagrams that were sent.
    pub(super) sent: usize,
    /// Pairs of a datagram and somebody who must hear it.
    pub(super) expected: usize,
    /// How many of those did.
    pub(super) heard: usize,
    /// Who did not hear what they must: "to whom from whom".
    pub(super) missing: Vec<String>,
    /// Who heard what they must not.
    pub(super) stray: Vec<String>,
}

impl Proof {
    pub(super) fn held(&self) -> bool {
        self.missing.is_empty() && self.stray.is_empty() && self.sent > 0
    }
}

/// Somebody who can send and hear.
struct Station {
    name: String,
    vlans: Vec<u8>,
    address: Ipv4Addr,
    sockets: Vec<UdpSocket>,
    /// Whether it has joined the multicast group.
    member: bool,
}

/// One datagram.
struct Letter {
    from: usize,
    to: SocketAddrV4,
    heard_by: BTreeSet<usize>,
}

impl Station {
    /// Opens its sockets in its node; `joined` are its addresses on the interfaces on which it is in the group.
    fn open(
        node: &Node,
        vlans: &[u8],
        address: Ipv4Addr,
        joined: &[Ipv4Addr],
    ) -> Result<Self, DemoError> {
        let open = || -> io::Result<Vec<UdpSocket>> {
            let plain = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, PORT))?;
            plain.set_broadcast(true)?;
            let group = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, GROUP_PORT))?;
            for interface in joined {
                group.join_multicast_v4(&GROUP, interface)?;
            }
            for socket in [&plain, &group] {
                socket.set_nonblocking(true)?;
            }
            Ok(vec![plain, group])
        };
        let sockets = node.inside(open)?.map_err(DemoError::io("open a socket in a node"))?;
        let (name, vlans) = (node.name().to_owned(), vlans.to_vec());
        Ok(Self { name, vlans, address, sockets, member: !joined.is_empty() })
    }

    /// What has come: which letters.
    fn hear(&self, heard: &mut BTreeSet<(usize, usize)>, own: usize) {
        let mut octets = [0; 16];
        for socket in &self.sockets {
            while let Ok(len) = socket.recv(&mut octets) {
                if let Ok(letter) = octets.get(..len).unwrap_or_default().try_into() {
                    heard.insert((usize::from(u16::from_be_bytes(letter)), own));
                }
            }
        }
    }
}

/// All hosts, each a member of the group unless it is the last of its VLAN.
fn stations(hosts: &[Host]) -> Result<Vec<Station>, DemoError> {
    let last_of = |vlan: u8| hosts.iter().rposition(|host| host.role.vlan == vlan);
    let station = |(at, host): (usize, &Host)| {
        let own = host.lease.address;
        let joined = [own];
        let joined = if last_of(host.role.vlan) == Some(at) { &[][..] } else { &joined };
        Station::open(&host.node, &[host.role.vlan], own, joined)
    };
    hosts.iter().enumerate().map(station).collect()
}

/// The router is in both VLANs, and in the group in both.
fn router(node: &Node) -> Result<Station, DemoError> {
    let addresses = [address(1, ROUTER), address(2, ROUTER)];
    Station::open(node, &[1, 2], address(1, ROUTER), &addresses)
}

/// Sends the letters and listens: until everything expected is there, and a while longer for what must not come.
fn deliver(what: String, stations: &[Station], letters: &[Letter]) -> Result<Proof, DemoError> {
    for (number, letter) in (0u16..).zip(letters) {
        let from = stations.get(letter.from).and_then(|station| station.sockets.first());
        let socket = from.expect("letters are written by stations");
        socket
            .send_to(&number.to_be_bytes(), letter.to)
            .map_err(DemoError::io("send a datagram"))?;
    }
    let expected = letters.iter().enumerate();
    let expected =
        expected.flat_map(|(number, letter)| letter.heard_by.iter().map(move |by| (number, *by)));
    let expected = expected.collect::<BTreeSet<_>>();
    let mut heard = BTreeSet::new();
    let since = Instant::now();
    let mut complete_at = None;
    loop {
        for (own, station) in stations.iter().enumerate() {
            station.hear(&mut heard, own);
        }
        if complete_at.is_none() && expected.is_subset(&heard) {
            complete_at = Some(Instant::now());
        }
        if since.elapsed() > ARRIVAL
            || complete_at.is_some_and(|at: Instant| at.elapsed() > SILENCE)
        {
            break;
        }
        thread::sleep(Duration::from_millis(2));
    }
    // Everybody hears what they say to all themselves.
    heard.retain(|(number, by)| letters.get(*number).is_none_or(|letter| letter.from != *by));
    let name = |at: usize| stations.get(at).map_or("nobody", |station| station.name.as_str());
    let say = |(number, by): &(usize, usize)| {
        let from = letters.get(*number).map_or("nobody", |letter| name(letter.from));
        format!("{} from {from}", name(*by))
    };
    Ok(Proof {
        what,
        sent: letters.len(),
        expected: expected.len(),
        heard: expected.intersection(&heard).count(),
        missing: expected.difference(&heard).map(say).collect(),
        stray: heard.difference(&expected).map(say).collect(),
    })
}

/// The places in `stations` of those in the VLAN.
fn those_in(stations: &[Station], vlan: u8) -> Vec<usize> {
    let all = stations.iter().enumerate();
    all.filter(|(_, station)| station.vlans.contains(&vlan)).map(|(at, _)| at).collect()
}

/// One letter from each to each other one in the VLAN.
fn each_to_each(stations: &[Station], vlan: u8) -> Vec<Letter> {
    let present = those_in(stations, vlan);
    let pair = |from: usize, to: usize| {
        let station = stations.get(to).filter(|_| from != to)?;
        // The router is known by its address in this VLAN.
        let known = if station.vlans.len() > 1 { address(vlan, ROUTER) } else { station.address };
        Some(Letter { from, to: SocketAddrV4::new(known, PORT), heard_by: [to].into() })
    };
    let pairs = present.iter().flat_map(|from| present.iter().map(move |to| (*from, *to)));
    pairs.filter_map(|(from, to)| pair(from, to)).collect()
}

/// One letter to `to` from each host in the VLAN, for all the others in it that `hear`.
fn each_to_all(
    stations: &[Station],
    vlan: u8,
    to: SocketAddrV4,
    hear: impl Fn(&Station) -> bool,
) -> Vec<Letter> {
    let present = those_in(stations, vlan);
    let hearing = present.iter().copied().filter(|at| stations.get(*at).is_some_and(&hear));
    let hearing = hearing.collect::<BTreeSet<_>>();
    let hosts = present
        .iter()
        .filter(|at| stations.get(**at).is_some_and(|station| station.vlans.len() == 1));
    hosts
        .map(|from| {
            let mut heard_by = hearing.clone();
            heard_by.remove(from);
            Letter { from: *from, to, heard_by }
        })
        .collect()
}

/// Within a VLAN: unicast, broadcast and multicast.
pub(super) fn neighbours(truck: &Truck, hosts: &[Host]) -> Result<Vec<Proof>, DemoError> {
    let mut stations = stations(hosts)?;
    stations.push(router(&truck.router)?);
    let mut proofs = Vec::new();
    for vlan in [1, 2] {
        let letters = each_to_each(&stations, vlan);
        proofs.push(deliver(format!("VLAN {vlan}: unicast, each to each"), &stations, &letters)?);
    }
    for vlan in [1, 2] {
        let all = [Ipv4Addr::new(10, 0, vlan, 255), Ipv4Addr::BROADCAST];
        let letters = all
            .iter()
            .flat_map(|to| each_to_all(&stations, vlan, SocketAddrV4::new(*to, PORT), |_| true));
        let letters = letters.collect::<Vec<_>>();
        proofs.push(deliver(format!("VLAN {vlan}: broadcast reaches all"), &stations, &letters)?);
    }
    for vlan in [1, 2] {
        let to = SocketAddrV4::new(GROUP, GROUP_PORT);
        let letters = each_to_all(&stations, vlan, to, |station| station.member);
        proofs.push(deliver(
            format!("VLAN {vlan}: multicast reaches members only"),
            &stations,
            &letters,
        )?);
    }
    Ok(proofs)
}

/// From one VLAN to the other: nothing; and once the router forwards, unicast, so that the silence before was no accident.
pub(super) fn across(truck: &Truck, hosts: &[Host]) -> Result<Vec<Proof>, DemoError> {
    let stations = stations(hosts)?;
    let pairs = |from: u8, to: u8| {
        let to = those_in(&stations, to);
        let from = those_in(&stations, from);
        from.into_iter().flat_map(move |from| to.clone().into_iter().map(move |to| (from, to)))
    };
    let pairs = pairs(1, 2).chain(pairs(2, 1)).collect::<Vec<_>>();
    let letter = |(from, to): &(usize, usize), heard: bool| {
        let known = stations.get(*to).expect("found above").address;
        let heard_by = if heard { [*to].into() } else { BTreeSet::new() };
        Letter { from: *from, to: SocketAddrV4::new(known, PORT), heard_by }
    };
    let silent = pairs.iter().map(|pair| letter(pair, false));
    let foreign = |vlan: u8, other: u8| {
        let all = SocketAddrV4::new(Ipv4Addr::new(10, 0, other, 255), PORT);
        those_in(&stations, vlan).into_iter().map(move |from| Letter {
            from,
            to: all,
            heard_by: BTreeSet::new(),
        })
    };
    let silent = silent.chain(foreign(1, 2)).chain(foreign(2, 1)).collect::<Vec<_>>();
    let silence = deliver("Across VLANs: silence".to_owned(), &stations, &silent)?;
    let forward = |on: &str| -> Result<(), DemoError> {
        let write = || fs::write("/proc/sys/net/ipv4/ip_forward", on);
        truck.router.inside(write)?.map_err(DemoError::io("tell the router whether to forward"))
    };
    forward("1")?;
    let routed = pairs.iter().map(|pair| letter(pair, true)).collect::<Vec<_>>();
    let routed =
        deliver("Across VLANs once the router forwards: unicast".to_owned(), &stations, &routed);
    forward("0")?;
    Ok(vec![silence, routed?])
}

/// Unicast among all hosts of each VLAN.
pub(super) fn unicast(hosts: &[Host], what: &str) -> Result<Vec<Proof>, DemoError> {
    let stations = stations(hosts)?;
    let proof = |vlan| {
        let letters = each_to_each(&stations, vlan);
        deliver(format!("VLAN {vlan}: {what}"), &stations, &letters)
    };
    [1].into_iter().map(proof).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn station(name: &str, last: u8) -> (Station, SocketAddrV4) {
        let address = Ipv4Addr::new(127, 0, 0, last);
        let socket = UdpSocket::bind((address, 0)).unwrap();
        socket.set_nonblocking(true).unwrap();
        let to = SocketAddrV4::new(address, socket.local_addr().unwrap().port());
        let sockets = vec![socket];
        (Station { name: name.to_owned(), vlans: vec![1], address, sockets, member: false }, to)
    }

    #[test]
    fn what_goes_astray_and_what_is_missing_is_said() {
        let ((a, _), (b, to_b), (c, to_c)) = (station("a", 2), station("b", 3), station("c", 4));
        let stations = [a, b, c];
        let letter = |to, heard_by: &[usize]| Letter {
            from: 0,
            to,
            heard_by: heard_by.iter().copied().collect(),
        };
        let good =
            deliver(String::new(), &stations, &[letter(to_b, &[1]), letter(to_c, &[2])]).unwrap();
        assert!(good.held() && (good.sent, good.expected, good.heard) == (2, 2, 2), "{good:?}");
        let bad = deliver(String::new(), &stations, &[letter(to_b, &[2])]).unwrap();
        assert!(!bad.held());
        assert_eq!(
            (bad.missing, bad.stray),
            (vec!["c from a".to_owned()], vec!["b from a".to_owned()])
        );
        let silence = deliver(String::new(), &stations, &[letter(to_b, &[])]).unwrap();
        assert!(!silence.held(), "what is heard where silence should be does not hold");
    }
}
