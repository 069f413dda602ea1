//! Which offer do we take? Our previous server's, else the one of our previous address, else the first that came.

use core::net::Ipv4Addr;

use crate::time::Instant;

/// What a server offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Offer {
    /// `yiaddr`.
    pub address: Ipv4Addr,
    /// Option 54.
    pub server_id: Ipv4Addr,
    /// Option 108 in seconds, when we asked for it: the server would rather have us without IPv4 (RFC 8925).
    pub v6only_wait_secs: Option<u32>,
}

/// What is remembered of an earlier lease, by the client or by its caller across restarts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Previous {
    /// The address that we had.
    pub address: Option<Ipv4Addr>,
    /// The server that it came from.
    pub server_id: Option<Ipv4Addr>,
}

/// How welcome an offer is; later is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Nothing about it is known.
    Stranger,
    /// Another server offers the address that we had.
    SameAddress,
    /// The server that we had offers.
    SameServer,
}

/// The best offer so far, and when it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Choice {
    /// The offer.
    pub offer: Offer,
    /// How good it is.
    pub rank: Rank,
    /// When we stop waiting for a better one.
    pub decide_at: Instant,
}

impl Previous {
    /// How welcome an offer is.
    #[must_use]
    pub fn rank(&self, offer: &Offer) -> Rank {
        if self.server_id == Some(offer.server_id) {
            Rank::SameServer
        } else if self.address == Some(offer.address) {
            Rank::SameAddress
        } else {
            Rank::Stranger
        }
    }

    /// The best that can still come: for it we wait, and for nothing else.
    const fn rank_max(&self) -> Rank {
        match (self.server_id, self.address) {
            (Some(_), _) => Rank::SameServer,
            (None, Some(_)) => Rank::SameAddress,
            (None, None) => Rank::Stranger,
        }
    }
}

/// The choice after one more offer. Of equals the first stays; the time to decide is set by the first offer, and is at once when no
/// better one can come.
pub(super) fn choose(
    now: Instant,
    before: Option<Choice>,
    offer: Offer,
    previous: &Previous,
    collect_millis: u32,
) -> Choice {
    let rank = previous.rank(&offer);
    let decide_at =
        before.map_or(now.plus_millis(u64::from(collect_millis)), |before| before.decide_at);
    let best = match before {
        Some(before) if before.rank >= rank => before,
        Some(_) | None => Choice { offer, rank, decide_at },
    };
    if best.rank >= previous.rank_max() { Choice { decide_at: now, ..best } } else { best }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_millis(5_000);

    fn offer(address: u8, server: u8) -> Offer {
        let server_id = Ipv4Addr::new(10, 0, 1, server);
        Offer { address: Ipv4Addr::new(10, 0, 1, address), server_id, v6only_wait_secs: None }
    }

    fn previous(address: Option<u8>, server: Option<u8>) -> Previous {
        let host = |last| Ipv4Addr::new(10, 0, 1, last);
        Previous { address: address.map(host), server_id: server.map(host) }
    }

    fn best(offers: &[Offer], previous: &Previous) -> Choice {
        let mut choice = None;
        for offer in offers {
            choice = Some(choose(NOW, choice, *offer, previous, 500));
        }
        choice.unwrap()
    }

    #[test]
    fn our_previous_server_is_chosen_before_our_previous_address_before_the_first() {
        let offers = [offer(50, 3), offer(51, 4), offer(52, 5), offer(53, 6)];
        let chosen = |address, server| best(&offers, &previous(address, server)).offer;
        assert_eq!(chosen(None, None), offers[0]);
        assert_eq!(chosen(Some(52), None), offers[2]);
        assert_eq!(chosen(Some(52), Some(4)), offers[1]);
        assert_eq!(chosen(Some(99), Some(99)), offers[0]);
    }

    #[test]
    fn nobody_is_waited_for_when_nothing_better_can_come() {
        let first = [offer(50, 3)];
        assert_eq!(best(&first, &previous(None, None)).decide_at, NOW);
        assert_eq!(best(&first, &previous(Some(50), None)).decide_at, NOW);
        assert_eq!(best(&first, &previous(Some(9), Some(3))).decide_at, NOW);
        assert_eq!(best(&first, &previous(Some(50), Some(4))).decide_at, NOW.plus_millis(500));
    }

    #[test]
    fn later_offers_do_not_put_the_decision_off() {
        let wanted = previous(Some(50), Some(9));
        let choice = choose(NOW, None, offer(51, 3), &wanted, 500);
        let choice = choose(NOW.plus_millis(400), Some(choice), offer(50, 4), &wanted, 500);
        assert_eq!(choice.offer, offer(50, 4));
        assert_eq!(choice.decide_at, NOW.plus_millis(500));
    }
}
