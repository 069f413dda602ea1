//! Which installation is this? Sixteen octets, drawn once from the operating system, that every key and every derived MAC address hangs on.
//!
//! Server and client on one host read the same file, `STATE/installation.key`; whichever needs it first makes it. Who copies it to another computer moves the
//! installation there: its containers keep their MAC addresses.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use dhcp_core::id::InstallationKey;

use crate::durable::{self, Readers};
use crate::fs_error::FsError;
use crate::state::StateDir;

/// The file under the state directory.
const FILE: &str = "installation.key";

const HEADER: &str = "# Hydrant's installation key: made once, never to be changed. Containers' MAC addresses follow from it.\n";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InstallationError {
    #[error(transparent)]
    File(#[from] FsError),
    #[error(
        "{} does not hold an installation key (32 hex digits on a line); restore it, since another key means other MAC addresses for all containers",
        path.display()
    )]
    Damaged { path: PathBuf },
    #[error("the operating system has no random octets")]
    NoEntropy(#[source] getrandom::Error),
}

/// The key in the state directory, which is made if it is not there.
///
/// # Errors
/// [`InstallationError`].
pub(crate) fn load_or_create(state: &Path) -> Result<InstallationKey, InstallationError> {
    let path = state.join(FILE);
    match fs::read_to_string(&path) {
        Ok(text) => return parse(&text).ok_or(InstallationError::Damaged { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(FsError::of(&path, "read")(error).into()),
    }
    let mut octets = [0; 16];
    getrandom::fill(&mut octets).map_err(InstallationError::NoEntropy)?;
    StateDir::new(state).create()?;
    create(&path, &octets).map_err(FsError::of(&path, "written"))?;
    // Another may have been faster; theirs counts then.
    let text = fs::read_to_string(&path).map_err(FsError::of(&path, "read"))?;
    parse(&text).ok_or(InstallationError::Damaged { path })
}

/// Whole or not at all, for root's eyes only, and never in the place of one that is there.
fn create(path: &Path, octets: &[u8; 16]) -> io::Result<()> {
    let digits = octets.map(|octet| format!("{octet:02x}")).concat();
    durable::write_new(path, format!("{HEADER}{digits}\n").as_bytes(), Readers::Owner)
}

fn parse(text: &str) -> Option<InstallationKey> {
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let digits = lines.next().filter(|digits| digits.len() == 32)?;
    let mut octets = [0; 16];
    for (octet, pair) in octets.iter_mut().zip(digits.as_bytes().chunks(2)) {
        let pair = core::str::from_utf8(pair).ok()?;
        let all_hex = pair.bytes().all(|digit| digit.is_ascii_hexdigit());
        *octet = u8::from_str_radix(pair, 16).ok().filter(|_| all_hex)?;
    }
    lines.next().is_none().then_some(InstallationKey(octets))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_key_is_made_once() {
        let state = tempfile::tempdir().unwrap();
        let inside = state.path().join("hydrant");
        let first = load_or_create(&inside).unwrap();
        assert_eq!(load_or_create(&inside).unwrap(), first);
        assert_ne!(load_or_create(state.path()).unwrap(), first, "another installation");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&inside.join(FILE)), 0o600);
        assert_eq!(
            mode(&inside),
            0o700,
            "as a server makes it: names and leases are nobody else's"
        );
        assert_eq!(fs::read_dir(&inside).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn who_starts_together_gets_one_key() {
        let state = tempfile::tempdir().unwrap();
        let keys = std::thread::scope(|scope| {
            let all = (0..8).map(|_| scope.spawn(|| load_or_create(state.path()).unwrap()));
            all.collect::<Vec<_>>().into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn a_damaged_key_is_never_replaced() {
        let state = tempfile::tempdir().unwrap();
        let digits = "0123456789abcdef";
        let wrong =
            ["", digits, &format!("{digits}{digits}0"), &format!("+1{}", &digits.repeat(2)[2..])];
        for text in wrong {
            fs::write(state.path().join(FILE), text).unwrap();
            let error = load_or_create(state.path()).unwrap_err();
            assert!(matches!(error, InstallationError::Damaged { .. }), "{text}: {error}");
            assert_eq!(fs::read_to_string(state.path().join(FILE)).unwrap(), text);
        }
    }
}
