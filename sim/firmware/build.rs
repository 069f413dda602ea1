//! Where is the linker script? Copied to where the linker looks for it. And which processor is it for?

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::copy("memory.x", out.join("memory.x")).expect("memory.x can be copied");
    println!("cargo:rustc-link-search={}", out.display());
    // The attribute for it, `target_feature = "thumb2"`, is not stable.
    println!("cargo:rustc-check-cfg=cfg(thumb2)");
    if env::var("TARGET").is_ok_and(|target| target.starts_with("thumbv7")) {
        println!("cargo:rustc-cfg=thumb2");
    }
    println!("cargo:rerun-if-changed=memory.x");
    println!("cargo:rerun-if-changed=build.rs");
}
