//! How large is the image, and which crate is to blame? Octets of flash and RAM, by section and by crate.
//!
//! Code that was inlined is charged to the crate whose code it is, as the debugging information tells; what the standard library's generic code comes
//! to, to the crate that called it.

use core::fmt;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use addr2line::Loader;
use object::{Object as _, ObjectSection as _};

/// Octets of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Code and constants: the vector table, `.text` and `.rodata`, and what `.data` begins with.
    pub text: u64,
    /// Static RAM: `.data`, `.bss` and what is not initialised.
    pub ram: u64,
    /// Of the code, without constants.
    pub by_crate: BTreeMap<String, u64>,
    /// Constants, which belong to nobody in particular.
    pub constants: u64,
}

impl Sizes {
    /// The crates that make a server of a board: protocol, store, drivers and stack, and what only they use. The image's reading at start (postcard and
    /// serde), the logging, the compiler's runtime and the panics' formatting are none of them.
    const SERVER: [&str; 7] =
        ["dhcp_core", "lease_store", "firmware", "smoltcp", "byteorder", "crc", "cortex_m"];

    /// Octets of the code of server, store, drivers and smoltcp.
    ///
    /// # Panics
    /// When one of the crates has no code at all: it is not there any more, or its functions are not called after it any more.
    #[must_use]
    pub fn code(&self) -> u64 {
        let of = |name: &&str| self.by_crate.get(*name).unwrap_or_else(|| panic!("no {name}"));
        Self::SERVER.iter().map(of).sum()
    }

    /// Weighs a program.
    ///
    /// # Panics
    /// When it cannot be read.
    #[must_use]
    pub fn of(program: &Path) -> Self {
        let octets = fs::read(program).expect("the program can be read");
        let elf = object::File::parse(octets.as_slice()).expect("the program is an ELF file");
        let len = |name| elf.section_by_name(name).map_or(0, |section| section.size());
        let constants = len(".vector_table") + len(".rodata") + len(".data");
        let code = elf.section_by_name(".text").expect("a program has code");
        let loader = Loader::new(program).expect("the program has debugging information");
        let mut by_crate = BTreeMap::new();
        // Every instruction has 2 or 4 octets.
        for address in (code.address()..code.address() + code.size()).step_by(2) {
            *by_crate.entry(owner(&loader, address)).or_default() += 2;
        }
        let ram = len(".data") + len(".bss") + len(".uninit");
        Self { text: constants + code.size(), ram, by_crate, constants }
    }
}

/// What of a program is in flash, section by section.
///
/// # Panics
/// When it cannot be read.
#[must_use]
pub fn flash(program: &Path) -> Vec<Vec<u8>> {
    let octets = fs::read(program).expect("the program can be read");
    let elf = object::File::parse(octets.as_slice()).expect("the program is an ELF file");
    [".vector_table", ".text", ".rodata", ".data"]
        .into_iter()
        .filter_map(|name| elf.section_by_name(name))
        .map(|section| section.data().expect("what is in flash is in the file").to_vec())
        .collect()
}

/// The crate that the instruction belongs to.
fn owner(loader: &Loader, address: u64) -> String {
    let mut last = None;
    if let Ok(mut frames) = loader.find_frames(address) {
        while let Ok(Some(frame)) = frames.next() {
            let Some(name) =
                frame.function.as_ref().and_then(|name| name.demangle().ok().map(String::from))
            else {
                continue;
            };
            let name = first_segment(&name);
            if name != CORE {
                return name;
            }
            last = Some(name);
        }
    }
    last.unwrap_or_else(|| "(unknown)".to_owned())
}

const CORE: &str = "core";

/// `dhcp_core` of `<dhcp_core::server::Event as defmt::Format>::format`, and `core` of `<u64>::wrapping_add` and of `<&T as core::fmt::Debug>::fmt`: what is
/// implemented for no crate's type is the standard library's.
fn first_segment(name: &str) -> String {
    // Symbols without a path are assembly or the compiler's own.
    if !name.contains("::") {
        return "(runtime)".to_owned();
    }
    let start = name.trim_start_matches(|c: char| !c.is_alphabetic() && c != '_');
    let start =
        ["mut ", "impl ", "dyn "].iter().fold(start, |rest, word| rest.trim_start_matches(word));
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let segment: String = start.chars().take_while(|c| is_part(*c)).collect();
    let is_crate = start.get(segment.len()..).is_some_and(|rest| rest.starts_with("::"));
    if is_crate { segment } else { CORE.to_owned() }
}

impl fmt::Display for Sizes {
    /// A table, the largest first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows: Vec<_> = self.by_crate.iter().collect();
        rows.sort_by_key(|(name, octets)| (core::cmp::Reverse(**octets), (*name).clone()));
        for (name, octets) in rows {
            writeln!(f, "{octets:>8}  {name}")?;
        }
        writeln!(f, "{:>8}  (constants)", self.constants)?;
        writeln!(f, "{:>8}  code of server, store, drivers and smoltcp", self.code())?;
        writeln!(f, "{:>8}  text in all", self.text)?;
        write!(f, "{:>8}  static RAM", self.ram)
    }
}
