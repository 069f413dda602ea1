//! How does a microcontroller get its configuration? `hydrant image FILE --vlan 1 -o OUT`: the same file and the same checks as here, written as the octets
//! that the firmware reads from its flash.
//!
//! The microcontroller has one port, in one VLAN, where frames are untagged. It is told what that segment's subnets are and nothing of the others.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use dhcp_core::net;
use lease_store::image::{self, WriteError};
use lease_store::table::TableError;

use crate::chain::Chain;
use crate::check;
use crate::cli::ImageArgs;
use crate::config::load;
use crate::config::model::{Config, Subnet};
use crate::config::render::{Interface, Interfaces, Rendered};
use crate::durable::{self, Readers};
use crate::installation::{self, InstallationError};
use crate::serve::store::empty_book;

/// The most octets that an image has: more than any microcontroller has a place for.
const LEN_MAX: usize = 64 * 1_024;

/// The microcontroller's port, by a name that no file can give.
const PORT: &str = "(port)";

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("no subnet is in VLAN {vlan}; there is {there}")]
    NoSuchVlan { vlan: u16, there: String },
    #[error(
        "say which VLAN the microcontroller is in: every subnet of the file is in one; there is {there}"
    )]
    WhichVlan { there: String },
    #[error(
        "{net} does not say which address of it is the server's, and a microcontroller has no other way to know: add `server-id` to the subnet"
    )]
    NoServerId { net: net::Subnet },
    #[error("the configuration cannot be written as an image")]
    Image(#[from] WriteError),
    #[error("the configuration has no lease table")]
    Table(#[from] TableError),
    #[error(transparent)]
    Installation(#[from] InstallationError),
    #[error("{} cannot be written", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Checks the file, writes the image, and says what it is of.
pub(crate) fn run(args: &ImageArgs) -> ExitCode {
    let loaded = load(&args.file);
    check::tell_findings(&loaded);
    let Some(config) = &loaded.config else { return ExitCode::FAILURE };
    match write(args, config) {
        Ok(summary) => {
            print!("{summary}");
            ExitCode::SUCCESS
        }
        Err(refusal) => {
            eprintln!("{}: {}", args.file.display(), Chain(&refusal));
            ExitCode::FAILURE
        }
    }
}

fn write(args: &ImageArgs, config: &Config) -> Result<String, Refusal> {
    let config = on_segment(config, args.vlan)?;
    if let Some(subnet) = config.subnets.iter().find(|subnet| subnet.server_id.is_none()) {
        return Err(Refusal::NoServerId { net: subnet.net });
    }
    let rendered = Rendered::new(&config, &port());
    let key = installation::load_or_create(&args.state.state)?;
    let mut octets = vec![0; LEN_MAX];
    let (len, leases) = rendered.with(key, |config| {
        let table = empty_book(config)?;
        Ok::<_, Refusal>((image::write(config, &table, &mut octets)?, table.len()))
    })?;
    octets.truncate(len);
    place(&args.output, &octets)?;
    let mut text =
        format!("{}: {len} octets, with places for {leases} leases\n", args.output.display(),);
    for subnet in &config.subnets {
        text.push_str(&format!("  {}\n", check::line(subnet)));
    }
    Ok(text)
}

/// The configuration as the microcontroller is to have it: the subnets of its segment alone, untagged on its port.
fn on_segment(config: &Config, vlan: Option<u16>) -> Result<Config, Refusal> {
    let named = |subnet: &Subnet| subnet.vlan == vlan;
    let shares = |subnet: &Subnet| {
        let mut others = config.subnets.iter().filter(|other| named(other));
        subnet.shared_network.is_some()
            && others.any(|other| other.shared_network == subnet.shared_network)
    };
    let chosen = config.subnets.iter().filter(|subnet| named(subnet) || shares(subnet));
    let subnets: Vec<_> = chosen
        .map(|subnet| Subnet { interface: Some(PORT.to_owned()), vlan: None, ..subnet.clone() })
        .collect();
    if subnets.is_empty() {
        let there = there(config);
        return Err(match vlan {
            Some(vlan) => Refusal::NoSuchVlan { vlan, there },
            None => Refusal::WhichVlan { there },
        });
    }
    Ok(Config { subnets, ..config.clone() })
}

/// `10.0.1.0/24 in VLAN 1, 10.0.9.0/24 in none`.
fn there(config: &Config) -> String {
    let places = config.subnets.iter().map(|subnet| match subnet.vlan {
        Some(vlan) => format!("{} in VLAN {vlan}", subnet.net),
        None => format!("{} in none", subnet.net),
    });
    places.collect::<Vec<_>>().join(", ")
}

fn port() -> Interfaces {
    Interfaces(vec![Interface {
        number: 0,
        name: PORT.to_owned(),
        mac: None,
        addresses: Vec::new(),
        serve: true,
    }])
}

/// Whole or not at all: a half-written image would be refused by the firmware, but only there. The installation's key is in it, so that it is read by
/// whoever may read that.
fn place(path: &Path, octets: &[u8]) -> Result<(), Refusal> {
    durable::write(path, octets, Readers::Owner)
        .map_err(|source| Refusal::Write { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use lease_store::image::Room;

    use super::*;
    use crate::cli::client::StateArgs;

    fn args(file: &str, vlan: Option<u16>, folder: &Path) -> ImageArgs {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/configs").join(file);
        let output = folder.join("truck.bin");
        ImageArgs { file, vlan, output, state: StateArgs { state: folder.join("state") } }
    }

    fn refusal(args: &ImageArgs) -> String {
        write(args, &load(&args.file).config.unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn the_image_holds_the_subnet_of_the_vlan_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let args = args("two-vlans.toml", Some(1), folder.path());
        let said = write(&args, &load(&args.file).config.unwrap()).unwrap();
        assert!(said.contains("with places for 198 leases"), "{said}");
        let octets = fs::read(&args.output).unwrap();
        let mut room = Room::<2, 8, 8>::new();
        let config = image::read(&octets, &mut room).unwrap();
        let [subnet] = config.subnets else { panic!("one subnet: {config:?}") };
        assert_eq!(subnet.subnet.to_string(), "10.0.1.0/24");
        let link = subnet.link.unwrap();
        assert_eq!((link.interface, link.vlan), (0, None), "untagged on the port");
        assert_eq!(subnet.server_id, Some([10, 0, 1, 1].into()));
        assert_eq!(subnet.reservations.first().unwrap().name, b"camera");
    }

    #[test]
    fn the_installation_key_is_the_hosts() {
        let folder = tempfile::tempdir().unwrap();
        let args = args("two-vlans.toml", Some(2), folder.path());
        let mut keys = [(); 2].map(|()| {
            write(&args, &load(&args.file).config.unwrap()).unwrap();
            let octets = fs::read(&args.output).unwrap();
            image::read(&octets, &mut Room::<2, 8, 8>::new()).unwrap().installation
        });
        keys.sort_unstable_by_key(|key| key.0);
        let host = installation::load_or_create(&folder.path().join("state")).unwrap();
        assert_eq!(keys, [host; 2], "an image made anew has the same key");
    }

    #[test]
    fn an_image_is_read_by_its_owner_and_nothing_else_in_the_folder_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let args = args("two-vlans.toml", Some(1), folder.path());
        let neighbour = args.output.with_extension("tmp");
        fs::write(&neighbour, "somebody's").unwrap();
        write(&args, &load(&args.file).config.unwrap()).unwrap();
        let mode = fs::metadata(&args.output).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "the installation's key is in it");
        assert_eq!(fs::read_to_string(&neighbour).unwrap(), "somebody's");
        fs::create_dir(folder.path().join("in-the-way.bin")).unwrap();
        let before = fs::read_dir(folder.path()).unwrap().count();
        let in_the_way = ImageArgs { output: folder.path().join("in-the-way.bin"), ..args };
        let said = refusal(&in_the_way);
        assert!(said.ends_with("in-the-way.bin cannot be written"), "{said}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), before, "nothing is left");
    }

    #[test]
    fn a_vlan_must_be_one_of_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let there = "10.0.1.0/24 in VLAN 1, 10.0.2.0/24 in VLAN 2";
        let wrong = refusal(&args("two-vlans.toml", Some(3), folder.path()));
        assert_eq!(wrong, format!("no subnet is in VLAN 3; there is {there}"));
        assert!(refusal(&args("two-vlans.toml", None, folder.path())).contains(there));
    }
}
