//! The server over the table and its model at once: whatever clients send, both books say the same, so the replies are the same.

use core::net::Ipv4Addr;

use dhcp_core::server::config::ServerConfig;
use dhcp_core::server::{Durable, Ingress, Reply, Scratch, Server};
use dhcp_core::time::{Instant, LeaseClock, Timestamp};
use proptest::prelude::*;

use crate::pair::Pair;
use crate::world::{CLIENTS, LINK, configs, hardware, ip};

/// A message that need not make sense.
#[derive(Clone, Debug)]
struct Sent {
    client: u8,
    kind: u8,
    address: Ipv4Addr,
    /// Which of option 50, `ciaddr`, option 54, option 61 and option 51 are there, a bit each.
    parts: u8,
    secs: u32,
    unicast: bool,
    pass_secs: u32,
    durable: bool,
}

prop_compose! {
    fn any_message()(
        client in 0..CLIENTS,
        kind in prop_oneof![4 => Just(1_u8), 8 => Just(3), 1 => Just(4), 1 => Just(7), 1 => Just(8)],
        address in prop_oneof![
            4 => (9_u8..=16).prop_map(|fourth| ip(1, fourth)),
            1 => (10_u8..=21).prop_map(|fourth| ip(2, fourth)),
        ],
        parts in any::<u8>(),
        secs in prop_oneof![3 => 60_u32..700, 1 => Just(u32::MAX)],
        unicast in prop::bool::weighted(0.2),
        pass_secs in prop_oneof![4 => 0_u32..5, 2 => 0_u32..90, 1 => 0_u32..1_000],
        durable in prop::bool::weighted(0.9),
    ) -> Sent {
        Sent { client, kind, address, parts, secs, unicast, pass_secs, durable }
    }
}

impl Sent {
    /// In octets; `last` is the address that the server gave to the client last, which a sensible client speaks of.
    fn octets(&self, last: Option<Ipv4Addr>) -> Vec<u8> {
        let has = |bit: u8| self.parts >> bit & 1 == 1;
        let address = last.filter(|_| has(5) || has(6)).unwrap_or(self.address).octets();
        let hardware = hardware(self.client, 0);
        let mut octets = vec![1, hardware.htype(), 6, 0, 1, 2, 3, 4, 0, 0, 0, 0];
        octets.extend(if has(1) && self.kind != 1 { address } else { [0; 4] });
        octets.resize(28, 0);
        octets.extend(hardware.octets());
        octets.resize(236, 0);
        octets.extend([99, 130, 83, 99, 53, 1, self.kind]);
        let mut option = |there: bool, code: u8, value: &[u8]| {
            if there {
                octets.extend([code, u8::try_from(value.len()).unwrap()]);
                octets.extend(value);
            }
        };
        option(has(0), 50, &address);
        option(has(2) && self.kind != 1, 54, &ip(1, 1).octets());
        option(has(3) && has(4), 61, &[0, self.client]);
        option(has(7), 51, &self.secs.to_be_bytes());
        octets.push(255);
        octets.resize(octets.len().max(300), 0);
        octets
    }
}

fn run(config: &'static ServerConfig<'static>, prompt: bool, messages: &[Sent]) {
    let clock = LeaseClock::new(Instant::ZERO, Timestamp::from_secs(1_700_000_000));
    let mut server = Server::new(config, Pair::new(config, prompt), clock);
    let mut last = [None; CLIENTS as usize];
    let mut now = Instant::ZERO;
    for sent in messages {
        now = now.plus_secs(sent.pass_secs);
        server.poll(now);
        let (mut scratch, mut out) = (Scratch::new(), [0; 1_500]);
        let ingress = Ingress { link: LINK, local: ip(1, 1), unicast: sent.unicast };
        let last = &mut last[usize::from(sent.client)];
        let octets = sent.octets(*last);
        let outcome = server.handle(now, &ingress, &octets, &mut scratch, &mut out);
        let lsn = outcome.record.map(|(lsn, _)| lsn);
        let said = match outcome.reply {
            Reply::None => false,
            Reply::Now(_) => true,
            Reply::Held(_) => sent.durable,
        };
        match lsn {
            Some(lsn) if sent.durable => server.durable(Durable::synced_up_to(lsn)),
            Some(_) => server.not_durable(),
            None => {}
        }
        if said {
            let yiaddr = Ipv4Addr::from(<[u8; 4]>::try_from(&out[16..20]).unwrap());
            *last = Some(yiaddr).filter(|yiaddr| !yiaddr.is_unspecified());
        }
        let stamp = server.time(now);
        server.book_mut().before(stamp);
        server.book().compare(config, stamp);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_server_hears_the_same_from_the_table_and_from_its_model(
        config in 0..configs().len(),
        prompt in any::<bool>(),
        messages in prop::collection::vec(any_message(), 1..60),
    ) {
        run(&configs()[config], prompt, &messages);
    }
}
