use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

const OWNER: &str = "display@eth0";

struct Etc {
    folder: tempfile::TempDir,
    path: PathBuf,
}

impl Etc {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("resolv.conf");
        Self { folder, path }
    }

    /// The operator named the file.
    fn named(&self) -> ResolvConf {
        ResolvConf::new(Some(self.path.clone()))
    }

    /// It is only where such files usually are.
    fn usual(&self) -> ResolvConf {
        ResolvConf { path: self.path.clone(), named: false }
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.path).unwrap()
    }

    fn files(&self) -> usize {
        fs::read_dir(self.folder.path()).unwrap().count()
    }
}

#[test]
fn the_file_is_golden() {
    let etc = Etc::new();
    etc.usual().write(OWNER, &NamedLease::camera()).unwrap();
    let golden = "\
# Written by hydrant for display@eth0
# It goes when the lease goes.
search truck.example
nameserver 8.8.8.8
nameserver 8.8.4.4
";
    assert_eq!(etc.text(), golden);
    let mode = fs::metadata(&etc.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o644, "everybody looks names up");
    take_away(&etc.path, OWNER).unwrap();
    assert_eq!(etc.files(), 0);
}

#[test]
fn the_search_list_goes_before_the_domain() {
    let etc = Etc::new();
    let search = vec!["a.example".to_owned(), "b.example".to_owned()];
    let lease = NamedLease { search, dns: Vec::new(), ..NamedLease::camera() };
    etc.usual().write(OWNER, &lease).unwrap();
    assert!(etc.text().ends_with("\nsearch a.example b.example\n"), "{}", etc.text());
}

#[test]
fn somebody_elses_file_is_only_replaced_where_it_was_named_and_is_put_back() {
    let etc = Etc::new();
    fs::write(&etc.path, "nameserver 9.9.9.9\n").unwrap();
    let lease = NamedLease::camera();
    let refused = etc.usual().write(OWNER, &lease).unwrap_err();
    assert!(matches!(refused, ResolvError::Foreign { .. }), "{refused}");
    take_away(&etc.path, OWNER).unwrap();
    assert_eq!(etc.text(), "nameserver 9.9.9.9\n");

    etc.named().write(OWNER, &lease).unwrap();
    assert!(etc.text().contains("8.8.8.8"));
    let renewed = NamedLease { dns: vec![[1, 1, 1, 1].into()], ..NamedLease::camera() };
    etc.named().write(OWNER, &renewed).unwrap();
    assert!(etc.text().contains("1.1.1.1") && !etc.text().contains("8.8.8.8"));
    take_away(&etc.path, OWNER).unwrap();
    assert_eq!((etc.text().as_str(), etc.files()), ("nameserver 9.9.9.9\n", 1));
}

/// As systemd-resolved and others have it: the link is put back, and where it leads nothing was written.
#[test]
fn a_link_is_replaced_and_put_back() {
    let etc = Etc::new();
    let stub = etc.folder.path().join("stub.conf");
    for leads_somewhere in [false, true] {
        if leads_somewhere {
            fs::write(&stub, "nameserver 127.0.0.53\n").unwrap();
        }
        symlink("stub.conf", &etc.path).unwrap();
        let refused = etc.usual().write(OWNER, &NamedLease::camera()).unwrap_err();
        assert!(matches!(refused, ResolvError::Foreign { .. }), "{refused}");
        etc.named().write(OWNER, &NamedLease::camera()).unwrap();
        assert!(fs::symlink_metadata(&etc.path).unwrap().is_file());
        take_away(&etc.path, OWNER).unwrap();
        assert_eq!(fs::read_link(&etc.path).unwrap(), Path::new("stub.conf"));
        assert_eq!(stub.exists(), leads_somewhere);
        fs::remove_file(&etc.path).unwrap();
    }
    assert_eq!(fs::read_to_string(stub).unwrap(), "nameserver 127.0.0.53\n");
}

#[test]
fn two_leases_do_not_fight_over_one_file() {
    let etc = Etc::new();
    etc.named().write("other@eth1", &NamedLease::camera()).unwrap();
    let refused = etc.named().write(OWNER, &NamedLease::camera()).unwrap_err();
    let ResolvError::OtherLease { owner, .. } = refused else { panic!("{refused}") };
    assert_eq!(owner, "other@eth1");
    take_away(&etc.path, OWNER).unwrap();
    assert!(etc.text().contains("other@eth1"));
}

#[test]
fn what_somebody_put_there_meanwhile_stays() {
    let etc = Etc::new();
    fs::write(&etc.path, "nameserver 9.9.9.9\n").unwrap();
    etc.named().write(OWNER, &NamedLease::camera()).unwrap();
    fs::write(&etc.path, "nameserver 7.7.7.7\n").unwrap();
    take_away(&etc.path, OWNER).unwrap();
    assert_eq!(etc.text(), "nameserver 7.7.7.7\n");
    // The next lease keeps what is there now.
    etc.named().write(OWNER, &NamedLease::camera()).unwrap();
    take_away(&etc.path, OWNER).unwrap();
    assert_eq!((etc.text().as_str(), etc.files()), ("nameserver 7.7.7.7\n", 1));
}

#[test]
fn a_lease_without_servers_for_names_leaves_no_file() {
    let etc = Etc::new();
    etc.usual().write(OWNER, &NamedLease::camera()).unwrap();
    let silent = NamedLease { dns: Vec::new(), domain: None, ..NamedLease::camera() };
    etc.usual().write(OWNER, &silent).unwrap();
    assert_eq!(etc.files(), 0);
}
