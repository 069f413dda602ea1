//! The control socket: any line is understood and said again alike, or refused with one line. What is checked stands in the crate that knows
//! the protocol, in `fuzzing.rs`.

/// One line, as the server hears it and as its client does.
pub fn line(octets: &[u8]) {
    hydrant::fuzzing::control(octets);
}
