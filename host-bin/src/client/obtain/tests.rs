use core::time::Duration;

use dhcp_core::conflict::Acd;

use super::*;

const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 77);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Good until second 2000.
fn stored() -> Stored {
    Stored::new(NamedLease {
        address: ADDRESS,
        leased_at: at(1_000),
        renew_at: None,
        rebind_at: None,
        expires_at: Some(at(2_000)),
        ..NamedLease::camera()
    })
}

fn demand() -> Demand {
    Demand {
        address: None,
        mac: None,
        via: None,
        patience: Patience { timeout: Duration::from_secs(1), acd: Acd::Off },
        accept_expired: false,
    }
}

fn fall(stored: Option<Stored>, demand: &Demand, second: i64) -> (Exit, Option<Ipv4Addr>, String) {
    let ended = Ended { exit: Exit::NoServer, said: "nobody answered".to_owned() };
    match fall_back(stored, ended, demand, at(second)) {
        Ok(got) => (got.status.exit(), Some(got.lease.address), got.status.to_string()),
        Err(Ended { exit, said }) => (exit, None, said),
    }
}

#[test]
fn without_a_stored_lease_there_is_no_address() {
    assert_eq!(fall(None, &demand(), 1), (Exit::NoServer, None, "nobody answered".to_owned()));
}

#[test]
fn a_stored_lease_is_used_while_it_is_good_with_a_code_of_its_own() {
    let used = (Exit::Stored, Some(ADDRESS), "stored".to_owned());
    assert_eq!(fall(Some(stored()), &demand(), 1_999), used);
    let (exit, address, said) = fall(Some(stored()), &demand(), 2_000);
    assert_eq!((exit, address), (Exit::NoServer, None));
    assert!(said.contains("--accept-expired"), "{said}");
}

#[test]
fn an_expired_lease_is_used_on_demand_only() {
    let demand = Demand { accept_expired: true, ..demand() };
    let used = (Exit::Stored, Some(ADDRESS), "expired".to_owned());
    assert_eq!(fall(Some(stored()), &demand, 2_000), used);
}

/// A computer without a clock of its own starts with an old time.
#[test]
fn a_clock_that_is_behind_is_no_proof_that_a_lease_is_good() {
    let (exit, address, said) = fall(Some(stored()), &demand(), 500);
    assert_eq!((exit, address), (Exit::NoServer, None));
    assert!(said.contains("before it was leased"), "{said}");
    let demand = Demand { accept_expired: true, ..demand() };
    assert_eq!(fall(Some(stored()), &demand, 500).1, Some(ADDRESS));
}

#[test]
fn what_was_given_back_or_is_not_what_is_demanded_is_never_used() {
    let mut given_back = stored();
    given_back.released_at = Some(at(1_500));
    let accept = Demand { accept_expired: true, ..demand() };
    assert_eq!(fall(Some(given_back), &accept, 1_600).1, None);
    let other = Demand { address: Some(Ipv4Addr::new(10, 0, 1, 78)), ..accept };
    assert_eq!(fall(Some(stored()), &other, 1_600).1, None);
    let same = Demand { address: Some(ADDRESS), ..accept };
    assert_eq!(fall(Some(stored()), &same, 1_600).1, Some(ADDRESS));
}
