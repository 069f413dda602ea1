//! See `fuzz::TARGETS`.

#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| fuzz::run("control", octets));
