//! What do the boards of the tests serve? `truck.toml`, by way of `hydrant image`, as an operator would.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// The image of the first VLAN of `truck.toml`.
pub static IMAGE: LazyLock<Vec<u8>> =
    LazyLock::new(|| image(&crate::firmware().join("truck.toml")));

/// What `hydrant image --vlan 1` makes of a file.
///
/// # Panics
/// With its words, when it refuses the file.
#[must_use]
pub fn image(file: &Path) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (state, output) = (folder.path().join("state"), folder.path().join("truck.bin"));
    let root = crate::firmware().join("../..");
    let run = Command::new(env!("CARGO"))
        .current_dir(root)
        .args(["run", "--quiet", "--locked", "--package", "hydrant", "--", "image"])
        .arg(file)
        .args(["--vlan", "1", "--state"])
        .arg(state)
        .arg("--output")
        .arg(&output)
        .output()
        .expect("cargo runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    fs::read(output).expect("the image was written")
}
