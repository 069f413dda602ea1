//! What do the boards of the tests serve? `truck.toml`, by way of `hydrant image`, as an operator would.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// The image of the first VLAN of `truck.toml`.
pub static IMAGE: LazyLock<Vec<u8>> =
    LazyLock::new(|| image(&crate::firmware().join("truck.toml")));

/// The installation's key of all boards here. A key of chance, as `hydrant image` makes one, puts clients into other places of the index with each run, and
/// what is counted would not be the same twice: where two meet in a place, a DISCOVER takes some 50 to 200 instructions more. With this one none do.
const KEY: &str = "00000000000000000000000000000000\n";

/// What `hydrant image --vlan 1` makes of a file, in an installation whose key is always the same.
///
/// # Panics
/// With its words, when it refuses the file.
#[must_use]
pub fn image(file: &Path) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (state, output) = (folder.path().join("state"), folder.path().join("truck.bin"));
    fs::create_dir(&state).expect("a folder can be made");
    fs::write(state.join("installation.key"), KEY).expect("a key can be written");
    let arguments = ["image".as_ref(), file.as_os_str(), "--vlan".as_ref(), "1".as_ref()];
    let places = ["--state".as_ref(), state.as_os_str(), "--output".as_ref(), output.as_os_str()];
    let _ = hydrant(&[arguments, places].concat());
    fs::read(output).expect("the image was written")
}

/// Runs a command of the host's, and gives what it wrote.
///
/// # Panics
/// With its words, when it fails.
#[must_use]
pub fn hydrant(arguments: &[&OsStr]) -> String {
    let run = Command::new(env!("CARGO"))
        .current_dir(crate::firmware().join("../.."))
        .args(["run", "--quiet", "--locked", "--package", "hydrant", "--"])
        .args(arguments)
        .output()
        .expect("cargo runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).expect("it writes text")
}
