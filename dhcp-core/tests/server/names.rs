//! Clients whose identifier was made for a name: containers. Theirs is the address for as long as they do not give it back.

use core::net::Ipv4Addr;

use dhcp_core::server::book::Standing;
use dhcp_core::server::config::Identity;

use crate::kit::*;

const CAMERA: &[u8] = b"\0name/camera";

/// DISCOVER and REQUEST under an identifier; what came of the REQUEST.
fn take(kit: &mut Kit, client: u8, id: &[u8]) -> Heard {
    let offered = kit.send(&discover(client).with(61, id)).offer();
    kit.send(&select(client, offered).with(61, id))
}

fn fill(kit: &mut Kit) {
    for client in 100..=109 {
        let heard = kit.send(&discover(client));
        if heard.said.is_some() {
            let offered = heard.offer();
            kit.send(&select(client, offered)).ack();
        }
    }
}

fn standing(kit: &Kit, address: Ipv4Addr) -> (Standing, bool) {
    use dhcp_core::server::book::LeaseBook as _;
    let now = kit.server.time(kit.now);
    let entry = kit.server.book().entry_at(address, now).unwrap();
    (entry.standing, entry.pinned)
}

#[test]
fn a_containers_record_says_pinned_and_has_its_name() {
    let mut kit = Kit::article();
    let record = take(&mut kit, 1, CAMERA).record.unwrap();
    assert!(record.pinned);
    assert_eq!(record.name, b"camera");
    assert_eq!(record.client_id.as_deref(), Some(CAMERA));
    let stranger = take(&mut kit, 2, b"\0nametag").record.unwrap();
    assert!(!stranger.pinned && stranger.name.is_empty());
}

#[test]
fn a_container_is_named_by_its_identifier_and_not_by_what_it_says() {
    let mut kit = Kit::article();
    let offered = kit.send(&discover(1).with(61, CAMERA)).offer();
    let heard = kit.send(&select(1, offered).with(61, CAMERA).with(12, b"lidar"));
    assert_eq!(heard.record.unwrap().name, b"camera");
}

#[test]
fn a_container_keeps_its_address_when_the_lease_ran_out_and_the_pool_is_full_and_its_mac_changes() {
    let mut kit = Kit::article();
    let address = take(&mut kit, 1, CAMERA).ack();
    kit.pass_secs(1_000_000);
    assert_eq!(standing(&kit, address), (Standing::Idle, true));
    fill(&mut kit);
    assert_eq!(kit.send(&discover(110)).silence(), "pool-exhausted");
    assert_eq!(standing(&kit, address), (Standing::Idle, true), "never a stranger's");
    assert_eq!(kit.send(&reboot(111, address)).silence(), "not-authoritative");
    assert_eq!(take(&mut kit, 42, CAMERA).ack(), address, "with another MAC address");
}

/// The name's address is kept for it here, also while it has one from another server.
#[test]
fn a_container_that_takes_another_servers_offer_keeps_its_address_here() {
    let mut kit = Kit::article();
    let address = take(&mut kit, 1, CAMERA).ack();
    kit.pass_secs(1_000_000);
    assert_eq!(kit.send(&discover(1).with(61, CAMERA)).offer(), address);
    let theirs = select(1, ip(1, 77)).with(61, CAMERA).with_address(54, ip(1, 2));
    assert_eq!(kit.send(&theirs).silence(), "other-server-chosen");
    kit.pass_secs(100);
    assert_eq!(standing(&kit, address), (Standing::Idle, true));
}

#[test]
fn a_released_container_gets_its_address_back_unless_a_stranger_needed_it() {
    let mut kit = Kit::article();
    let address = take(&mut kit, 1, CAMERA).ack();
    kit.unicast(&release(1, address).with(61, CAMERA));
    assert_eq!(standing(&kit, address), (Standing::Idle, false));
    assert_eq!(take(&mut kit, 1, CAMERA).ack(), address);
    assert_eq!(standing(&kit, address), (Standing::Bound, true), "pinned again");
    kit.unicast(&release(1, address).with(61, CAMERA));
    fill(&mut kit);
    assert_eq!(standing(&kit, address), (Standing::Bound, false), "reclaimed");
}

#[test]
fn a_container_is_known_by_its_name_where_others_go_by_their_mac() {
    let mut kit = Kit::one(|subnet| subnet.identity = Identity::Hardware);
    let camera = take(&mut kit, 1, CAMERA).ack();
    let lidar = take(&mut kit, 1, b"\0name/lidar").ack();
    assert_ne!(camera, lidar, "two names behind one MAC address");
    assert_eq!(take(&mut kit, 2, CAMERA).ack(), camera);
    let clone = take(&mut kit, 3, b"cloned").ack();
    assert_ne!(take(&mut kit, 4, b"cloned").ack(), clone, "all others go by it");
}
