//! Both configuration languages: any text is a configuration that the core can trust in, or has a report that can be shown.
//!
//! What is checked stands in the crate that knows what a configuration is, in `fuzzing.rs`.

use core::str;

/// A text as TOML.
pub fn toml(octets: &[u8]) {
    // A file that is not UTF-8 is refused when it is read.
    if let Ok(text) = str::from_utf8(octets) {
        hydrant::fuzzing::toml(text);
    }
}

/// A text as `dhcpd.conf`.
pub fn dhcpd(octets: &[u8]) {
    if let Ok(text) = str::from_utf8(octets) {
        hydrant::fuzzing::dhcpd(text);
    }
}
