//! What is each client waiting for? Its state, its message and what an answer means to it; nothing about time or sockets.

use core::net::Ipv4Addr;

use dhcp_core::wire::message::{BOOT_REPLY, Message, MessageType, Scratch};

use super::Kind;
use crate::packet::Request;

/// What a client waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing.
    Idle,
    /// An OFFER.
    Selecting,
    /// An ACK.
    Requesting,
}

#[derive(Clone, Copy, Debug)]
struct Client {
    state: State,
    /// Counts exchanges. As wide as that, because within a client's patience there are more than 256 when a server is fast.
    round: u32,
    /// What it was given last; 0.0.0.0 when nothing.
    address: Ipv4Addr,
}

/// What came of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It has an offer, and goes on with this message.
    Offered(u32, Request),
    /// It has what it wanted.
    Done(u32),
    /// It was refused.
    Refused(u32),
    /// Not for any of us, or not expected any more.
    Stray,
}

/// All clients of a run.
#[derive(Debug)]
pub(super) struct Clients {
    clients: Vec<Client>,
    giaddr: Ipv4Addr,
}

/// Client numbers have that many bits of `xid`; the rest has the last bits of the round, so that late answers to an earlier one are known.
const NUMBER_BITS: u32 = 24;

impl Clients {
    /// How many there can be.
    pub(super) const MAX: u32 = 1 << NUMBER_BITS;

    pub(super) fn new(count: u32, giaddr: Ipv4Addr) -> Self {
        let client = Client { state: State::Idle, round: 0, address: Ipv4Addr::UNSPECIFIED };
        Self { clients: vec![client; count as usize], giaddr }
    }

    fn client(&mut self, number: u32) -> &mut Client {
        self.clients.get_mut(number as usize).expect("numbers are below the count")
    }

    /// Whether the client waits for nothing.
    pub(super) fn is_idle(&mut self, number: u32) -> bool {
        self.client(number).state == State::Idle
    }

    /// How many have been given an address.
    pub(super) fn with_address(&self) -> u32 {
        let have = self.clients.iter().filter(|client| !client.address.is_unspecified());
        u32::try_from(have.count()).unwrap_or(u32::MAX)
    }

    /// Which exchange of the client this is.
    pub(super) fn round(&mut self, number: u32) -> u32 {
        self.client(number).round
    }

    /// The first message of an exchange.
    pub(super) fn begin(&mut self, number: u32, kind: Kind) -> Request {
        let client = self.client(number);
        client.round = client.round.wrapping_add(1);
        let address = client.address;
        let request = match kind {
            Kind::Dora => Request::discover(number),
            Kind::Renew => Request::renew(number, address),
            Kind::Reboot => Request::reboot(number, address),
        };
        client.state = match kind {
            Kind::Dora => State::Selecting,
            Kind::Renew | Kind::Reboot => State::Requesting,
        };
        self.addressed(request)
    }

    /// The client hears nothing and gives up; `false` when it was not waiting for this exchange any more.
    pub(super) fn give_up(&mut self, number: u32, round: u32) -> bool {
        let client = self.client(number);
        let waits = client.state != State::Idle && client.round == round;
        if waits {
            client.state = State::Idle;
        }
        waits
    }

    /// What an answer means to the client that it is for.
    pub(super) fn hear(&mut self, payload: &[u8], scratch: &mut Scratch) -> Step {
        let Ok(message) = Message::parse(payload, scratch) else { return Step::Stray };
        let number = message.xid() & (Self::MAX - 1);
        let Some(client) = self.clients.get_mut(number as usize) else { return Step::Stray };
        if message.op() != BOOT_REPLY || message.xid() != xid(number, client.round) {
            return Step::Stray;
        }
        match (client.state, message.message_type()) {
            (State::Selecting, Some(MessageType::Offer)) => {
                let Some(server_id) = message.server_id() else { return Step::Stray };
                client.state = State::Requesting;
                let request = Request::select(number, message.yiaddr(), server_id);
                Step::Offered(number, self.addressed(request))
            }
            (State::Requesting, Some(MessageType::Ack)) => {
                client.state = State::Idle;
                client.address = message.yiaddr();
                Step::Done(number)
            }
            (State::Requesting, Some(MessageType::Nak)) => {
                client.state = State::Idle;
                Step::Refused(number)
            }
            (State::Idle | State::Selecting | State::Requesting, _) => Step::Stray,
        }
    }

    fn addressed(&mut self, request: Request) -> Request {
        let round = self.client(request.client).round;
        Request { xid: xid(request.client, round), ..request }.relayed(self.giaddr)
    }
}

const fn xid(number: u32, round: u32) -> u32 {
    round << NUMBER_BITS | number
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::pool::{Pool, range, server_config, subnet_config};

    fn reply(request: &Request, kind: u8, yiaddr: Ipv4Addr) -> Vec<u8> {
        let mut octets = vec![0; 240];
        octets[..3].copy_from_slice(&[2, 1, 6]);
        octets[4..8].copy_from_slice(&request.xid.to_be_bytes());
        octets[16..20].copy_from_slice(&yiaddr.octets());
        octets[236..240].copy_from_slice(&[99, 130, 83, 99]);
        octets.extend([53, 1, kind, 54, 4, 10, 0, 0, 1, 255]);
        octets
    }

    #[test]
    fn a_client_goes_from_discover_to_its_ack_and_hears_nothing_twice() {
        let mut clients = Clients::new(3, Ipv4Addr::new(10, 9, 9, 9));
        let mut scratch = Scratch::new();
        let discover = clients.begin(2, Kind::Dora);
        let address = Ipv4Addr::new(10, 1, 0, 7);
        let offer = reply(&discover, 2, address);
        let Step::Offered(2, request) = clients.hear(&offer, &mut scratch) else { panic!() };
        assert_eq!((request.requested, request.giaddr), (Some(address), discover.giaddr));
        assert_eq!(clients.hear(&offer, &mut scratch), Step::Stray);
        let ack = reply(&request, 5, address);
        assert_eq!(clients.hear(&ack, &mut scratch), Step::Done(2));
        assert_eq!(clients.hear(&ack, &mut scratch), Step::Stray);
        assert!(clients.is_idle(2) && clients.with_address() == 1);
        assert_eq!(clients.begin(2, Kind::Renew).ciaddr, address);
    }

    #[test]
    fn an_answer_to_an_exchange_that_was_given_up_is_nothing() {
        let mut clients = Clients::new(1, Ipv4Addr::UNSPECIFIED);
        let mut scratch = Scratch::new();
        let first = clients.begin(0, Kind::Dora);
        let round = clients.round(0);
        assert!(clients.give_up(0, round) && !clients.give_up(0, round));
        clients.begin(0, Kind::Dora);
        let late = reply(&first, 2, Ipv4Addr::new(10, 1, 0, 7));
        assert_eq!(clients.hear(&late, &mut scratch), Step::Stray);
        assert!(!clients.give_up(0, round) && !clients.is_idle(0));
    }

    #[test]
    fn a_client_gives_up_the_exchange_that_it_is_in_and_none_of_256_before() {
        let mut clients = Clients::new(1, Ipv4Addr::UNSPECIFIED);
        let mut scratch = Scratch::new();
        let address = Ipv4Addr::new(10, 1, 0, 7);
        let mut request = clients.begin(0, Kind::Reboot);
        let mut over = Vec::new();
        for _ in 0..256 {
            over.push(clients.round(0));
            let ack = reply(&request, 5, address);
            assert_eq!(clients.hear(&ack, &mut scratch), Step::Done(0));
            request = clients.begin(0, Kind::Reboot);
        }
        for round in over {
            assert!(!clients.give_up(0, round), "it had its answer");
        }
        assert_eq!(clients.hear(&reply(&request, 5, address), &mut scratch), Step::Done(0));
    }

    #[test]
    fn our_own_server_takes_their_messages() {
        let ranges = [range(8)];
        let subnets = [subnet_config(&ranges)];
        let config = server_config(&subnets);
        let mut pool = Pool::new(&config, 8);
        let mut clients = Clients::new(1, Ipv4Addr::UNSPECIFIED);
        let said = pool.handle(&clients.begin(0, Kind::Dora).octets(), false) >> 48;
        assert_eq!(said, 1, "an OFFER");
    }
}
