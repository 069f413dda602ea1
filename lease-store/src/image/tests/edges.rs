//! What only just fits into a field, or into the places for a table?

use std::string::String;

use super::*;

/// What is read of a subnet that was written, for people.
fn read_again(subnet: SubnetConfig<'_>) -> Result<String, ImageError> {
    let subnets = [subnet];
    let config = ServerConfig::new(&subnets, InstallationKey([7; 16]));
    let mut octets = [0; 4_096];
    let len = write(&config, &leases(&config), &mut octets).unwrap();
    let mut room = Room::<1, 1, 0>::new();
    read(&octets[..len], &mut room).map(|config| format!("{:?}", config.subnets))
}

fn subnet<'c>() -> SubnetConfig<'c> {
    SubnetConfig::new(Subnet::new(address(1, 0), 24).unwrap())
}

/// An interface without a VLAN, and numbers of two octets that differ.
#[test]
fn links_and_shared_networks_are_read_as_they_were_written() {
    let link = |vlan| Some(Link { interface: 0x0102, vlan });
    for (link, shared_network) in [(link(None), Some(0x0304)), (link(Some(0x0506)), None)] {
        let subnet = SubnetConfig { link, shared_network, ..subnet() };
        assert_eq!(read_again(subnet), Ok(format!("{:?}", [subnet])));
    }
}

/// `sname` has 64 octets and `file` 128, of which the last is zero (RFC 2131 section 2).
#[test]
fn texts_are_read_that_have_room_in_a_reply() {
    let text = [b't'; 128];
    let with = |name, file| SubnetConfig {
        server_name: &text[..name],
        boot_file: &text[..file],
        ..subnet()
    };
    assert_eq!(read_again(with(63, 127)), Ok(format!("{:?}", [with(63, 127)])));
    for (name, file) in [(64, 127), (63, 128)] {
        assert_eq!(read_again(with(name, file)), Err(ImageError::Malformed(Part::Subnets)));
    }
}

/// Where the last subnet has how many ranges and reservations are its own.
#[test]
fn a_subnet_with_more_than_there_is_is_refused() {
    let good = written();
    let second = good.windows(8).rposition(|it| it == [10, 0, 2, 0, 24, 0, 0, 0]).unwrap();
    for count in [second + 36, second + 40] {
        let mut more = good.clone();
        more[count] += 1;
        assert_eq!(refusal(&sealed(more)), ImageError::Malformed(Part::Subnets));
    }
}

#[test]
fn what_is_no_subnet_or_no_range_is_refused() {
    let good = written();
    let with = |at: usize, octet| {
        let mut other = good.clone();
        other[at] = octet;
        refusal(&sealed(other))
    };
    let second = good.windows(8).rposition(|it| it == [10, 0, 2, 0, 24, 0, 0, 0]).unwrap();
    assert_eq!(with(second + 3, 1), ImageError::Malformed(Part::Subnets), "a bit of a host");
    assert_eq!(with(second + 4, 33), ImageError::Malformed(Part::Subnets), "too long a prefix");
    let ranges = HEADER_LEN + 40;
    assert_eq!(with(ranges + 7, 1), ImageError::Malformed(Part::Ranges), "from 2 to 1");
}

#[test]
fn a_table_of_an_image_says_what_it_has_too_little_of() {
    let octets = written();
    let mut room = Room::<2, 5, 3>::new();
    let config = read(&octets, &mut room).unwrap();
    let of_image = |sizes| Leases::of_image(&config, Storage::collected(&sizes)).map(|_| ());
    let too_small = |column, need| Err(TableError::TooSmall { column, need, have: need - 1 });
    assert_eq!(of_image(Sizes::new(400, 5, 2)), Ok(()));
    assert_eq!(of_image(Sizes::new(400, 4, 2)), too_small(Column::Spans, 5));
    assert_eq!(of_image(Sizes::new(400, 5, 1)), too_small(Column::Pools, 2));
}

#[test]
fn the_last_address_of_all_has_a_slot() {
    let range = [Range::single(Ipv4Addr::BROADCAST)];
    let net = Subnet::new(Ipv4Addr::BROADCAST, 32).unwrap();
    let subnets = [SubnetConfig { ranges: &range, ..SubnetConfig::new(net) }];
    let config = ServerConfig::new(&subnets, InstallationKey([7; 16]));
    let table = Leases::of_image(&config, Storage::collected(&Sizes::new(1, 1, 1))).unwrap();
    table.check();
    assert!(table.entry_at(Ipv4Addr::BROADCAST, Timestamp::default()).is_some());
}

#[test]
fn an_image_is_written_whole_or_not_at_all() {
    let len = written().len();
    let mut octets = vec![0; len];
    for room in 0..=len {
        let wrote = with_config(|config| write(config, &leases(config), &mut octets[..room]));
        assert_eq!(wrote, if room == len { Ok(len) } else { Err(WriteError::NoRoom { room }) });
    }
}
