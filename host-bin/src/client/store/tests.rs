use core::net::Ipv4Addr;

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn lease(name: &str, address: Ipv4Addr) -> NamedLease {
    NamedLease {
        name: name.parse().unwrap(),
        address,
        routers: Vec::new(),
        dns: Vec::new(),
        domain: None,
        routes: Vec::new(),
        leased_at: at(1_000),
        renew_at: None,
        rebind_at: None,
        expires_at: Some(at(2_000)),
        ..NamedLease::camera()
    }
}

const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 77);

#[test]
fn what_is_written_is_read() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::under(state.path());
    assert_eq!(store.all().unwrap().len(), 0, "a directory that is not there is empty");
    let camera = Stored::new(lease("camera", ADDRESS));
    let name = camera.lease.name;
    let here = Segment::Vlan(1);
    assert_eq!(store.read(&name, &here).unwrap(), None);
    store.write(&here, &camera).unwrap();
    assert_eq!(store.read(&name, &here).unwrap(), Some(camera.clone()));
    assert_eq!(store.read(&name, &Segment::Vlan(2)).unwrap(), None, "another container");
    let given_back = Stored { released_at: Some(at(1_500)), ..camera };
    store.write(&here, &given_back).unwrap();
    assert_eq!(store.read(&name, &here).unwrap(), Some(given_back.clone()));
    let all = store.all().unwrap().into_iter().map(Result::unwrap).collect::<Vec<_>>();
    assert_eq!(all, [(here, given_back)]);
}

#[test]
fn the_file_is_golden() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::under(state.path());
    store.write(&Segment::Vlan(1), &Stored::new(lease("camera", ADDRESS))).unwrap();
    let text = fs::read_to_string(state.path().join("names/camera@vlan1.json")).unwrap();
    let golden = r#"{
  "format": 1,
  "name": "camera",
  "vlan": 1,
  "interface": "eth0.1",
  "mac": "02:19:10:de:8a:92",
  "address": "10.0.1.77",
  "prefix_len": 24,
  "routers": [],
  "dns": [],
  "domain": null,
  "search": [],
  "ntp": [],
  "mtu": null,
  "routes": [],
  "server": "10.0.1.1",
  "via": "dhcp",
  "leased_at": "1970-01-01T00:16:40Z",
  "renew_at": null,
  "rebind_at": null,
  "expires_at": "1970-01-01T00:33:20Z"
}
"#;
    assert_eq!(text, golden);
}

#[test]
fn a_lease_is_valid_until_it_ends_or_is_given_back() {
    let mut stored = Stored::new(lease("camera", ADDRESS));
    assert!(stored.is_valid(at(1_999)));
    assert!(!stored.is_valid(at(2_000)));
    assert!(stored.is_valid(at(940)) && !stored.is_valid(at(939)), "the clock was set back");
    stored.lease.expires_at = None;
    assert!(stored.is_valid(at(1 << 37)), "infinite");
    stored.released_at = Some(at(1_500));
    assert!(!stored.is_valid(at(1_600)));
}

#[test]
fn damage_and_unknown_formats_are_named_and_left_alone() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::under(state.path());
    let (name, here) = ("camera".parse().unwrap(), Segment::Vlan(1));
    let path = store.path(&name, &here);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    for (text, said) in
        [("{\"format\": 1,", "is not a stored lease"), ("{\"format\": 2}", "has format 2")]
    {
        fs::write(&path, text).unwrap();
        let error = store.read(&name, &here).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    store.write(&here, &Stored::new(lease("lidar", ADDRESS))).unwrap();
    let all = store.all().unwrap();
    assert!(all[0].is_err() && all[1].is_ok(), "one bad file does not hide the others");
}

/// Whoever reads while others write sees one of the versions that were written, whole; and nothing else stays in the directory.
#[test]
fn readers_never_see_a_torn_file() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::under(state.path());
    let here = Segment::Vlan(1);
    let version = |last: u8| Stored::new(lease("camera", Ipv4Addr::new(10, 0, 1, last)));
    store.write(&here, &version(1)).unwrap();
    let name = version(1).lease.name;
    std::thread::scope(|scope| {
        for writer in 1..=2 {
            let (store, here) = (&store, &here);
            scope.spawn(move || {
                for _ in 0..40 {
                    store.write(here, &version(writer)).unwrap();
                }
            });
        }
        for _ in 0..400 {
            let read = store.read(&name, &here).unwrap().expect("the file is never away");
            assert!(read == version(1) || read == version(2));
        }
    });
    let left = fs::read_dir(state.path().join("names")).unwrap().count();
    assert_eq!(left, 1, "no temporary file is left");
}
