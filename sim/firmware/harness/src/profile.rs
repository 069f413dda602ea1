//! Which function are the instructions of an answer in? Every one of them, as QEMU executes it, charged to the function whose code it is.
//!
//! `measure` is run one instruction at a time, and each is a line of a trace. What it counts lies between two calls of its function `ticks`; with which count
//! a span of the trace belongs, the log says.

use core::cmp::Reverse;
use core::fmt;
use core::time::Duration;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use addr2line::Loader;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind};

use crate::board::{Board, Cable, Time};
use crate::chip::Chip;
use crate::counts::Line;

/// How often each instruction was executed, by its address. In the functions of the language's runtime also by the address that they were called from, else 0.
type Span = BTreeMap<(u64, u64), u64>;

/// What was counted under one name, with as many leases as the caller asked for.
#[derive(Debug)]
pub struct Profile {
    what: String,
    leases: u32,
    span: Span,
    program: PathBuf,
}

/// Runs `program` and gives what it counted.
///
/// # Panics
/// When it does not end well.
#[must_use]
pub fn profiles(program: &Path, image: &[u8]) -> Vec<Profile> {
    let chip = Chip::erased().with_image(image);
    let pipe = chip.folder().join("trace");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo can be run");
    assert!(made.success(), "a pipe can be made");
    let symbols = Symbols::of(program);
    let lines = pipe.clone();
    let reader = thread::spawn(move || spans(&lines, &symbols));
    let mut board = Board::start(program, &chip, Cable::None, Time::Traced(&pipe));
    let status = board.wait(Duration::from_secs(300));
    let log = board.log.to_end();
    assert!(status.success(), "{}", log.join("\n"));
    let spans = reader.join().expect("the trace is read");
    let lines = log.iter().filter_map(|line| Line::read(line));
    lines
        .filter_map(|line| {
            let span = spans.get(usize::try_from(line.number?).ok()?)?.clone();
            Some(Profile { what: line.what, leases: line.leases, span, program: program.into() })
        })
        .collect()
}

/// Every second span between two calls of `ticks` is one that is counted: within a count, `ticks` is called at both ends.
fn spans(trace: &Path, symbols: &Symbols) -> Vec<Span> {
    let ticks = symbols.named("::ticks");
    let trace = BufReader::new(File::open(trace).expect("the pipe is there"));
    let mut spans = Vec::new();
    let mut counted: Option<Span> = None;
    let mut caller = 0;
    for line in trace.lines().map_while(Result::ok) {
        let Some(address) = executed(&line) else { continue };
        if address == ticks {
            match counted.take() {
                Some(span) => spans.push(span),
                None => counted = Some(Span::new()),
            }
        }
        if let Some(span) = &mut counted {
            let is_runtime = symbols.is_runtime(address);
            caller = if is_runtime { caller } else { address };
            *span.entry((address, if is_runtime { caller } else { 0 })).or_default() += 1;
        }
    }
    spans
}

/// `Trace 0: 0x7ff500000100 [00800400/00000400/00000110/ff000201] Reset`: the second number between the brackets.
fn executed(line: &str) -> Option<u64> {
    let address = line.strip_prefix("Trace ")?.split('/').nth(1)?;
    u64::from_str_radix(address, 16).ok()
}

/// Where the functions of a program are.
struct Symbols(BTreeMap<u64, String>);

impl Symbols {
    fn of(program: &Path) -> Self {
        let octets = fs::read(program).expect("the program can be read");
        let elf = object::File::parse(octets.as_slice()).expect("the program is an ELF file");
        let functions = elf.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text);
        // The lowest bit only says that it is Thumb code.
        let named = functions.filter(|symbol| symbol.size() > 0).filter_map(|symbol| {
            let name = addr2line::demangle_auto(symbol.name().ok()?.into(), None);
            Some((symbol.address() & !1, name.into_owned()))
        });
        Self(named.collect())
    }

    fn named(&self, end: &str) -> u64 {
        let found = self.0.iter().find(|(_, name)| plain(name).ends_with(end));
        *found.unwrap_or_else(|| panic!("there is a function {end}")).0
    }

    /// Whether the instruction is one of copying, clearing, comparing or dividing.
    fn is_runtime(&self, address: u64) -> bool {
        let name = self.holding(address);
        ["__aeabi_", "mem", "compiler_builtins::"].iter().any(|start| name.starts_with(start))
    }

    fn holding(&self, address: u64) -> &str {
        let found = self.0.range(..=address).next_back();
        found.map_or("(unknown)", |(_, name)| plain(name))
    }
}

/// A symbol's name without the hash behind it.
fn plain(name: &str) -> &str {
    name.rsplit_once("::h").filter(|(_, hash)| hash.len() == 16).map_or(name, |(name, _)| name)
}

/// The octets of a program's code by the function that they are written in, as in the second table of a [`Profile`], a line each, the largest first.
///
/// # Panics
/// When it cannot be read.
#[must_use]
pub fn by_function(program: &Path) -> String {
    let octets = fs::read(program).expect("the program can be read");
    let elf = object::File::parse(octets.as_slice()).expect("the program is an ELF file");
    let code = elf.section_by_name(".text").expect("a program has code");
    let loader = Loader::new(program).expect("the program has debugging information");
    let mut written = BTreeMap::<String, u64>::new();
    // Every instruction has 2 or 4 octets.
    for address in (code.address()..code.address() + code.size()).step_by(2) {
        *written.entry(author(&loader, address).0).or_default() += 2;
    }
    rows(written)
}

/// A line for each, the largest first.
fn rows(table: BTreeMap<String, u64>) -> String {
    let mut rows: Vec<_> = table.into_iter().collect();
    rows.sort_by_key(|(_, count)| Reverse(*count));
    rows.iter().map(|(name, count)| format!("{count:>8}  {name}\n")).collect()
}

impl fmt::Display for Profile {
    /// Four tables, the largest first: the parts of the work, functions as they stand in the image, with all that was inlined into them, functions as they are
    /// written, and the lines that call the language's runtime.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let symbols = Symbols::of(&self.program);
        let loader = Loader::new(&self.program).expect("the program has debugging information");
        let mut parts = BTreeMap::<String, u64>::new();
        let mut compiled = BTreeMap::<String, u64>::new();
        let mut written = BTreeMap::<String, u64>::new();
        let mut callers = BTreeMap::<String, u64>::new();
        for ((address, caller), count) in &self.span {
            if *caller != 0 {
                let (name, line) = author(&loader, *caller);
                *callers.entry(format!("{name}, line {line}")).or_default() += count;
            }
            let asked_by = if *caller == 0 { *address } else { *caller };
            *parts.entry(part(&loader, asked_by).to_owned()).or_default() += count;
            *compiled.entry(symbols.holding(*address).to_owned()).or_default() += count;
            *written.entry(author(&loader, *address).0).or_default() += count;
        }
        let total: u64 = self.span.values().sum();
        writeln!(f, "{} {}: {total} instructions", self.what, self.leases)?;
        for (title, table) in [
            ("by part", parts),
            ("as compiled", compiled),
            ("as written", written),
            ("copying, clearing and comparing, by who asks for it", callers),
        ] {
            writeln!(f, "  {title}")?;
            f.write_str(&rows(table))?;
        }
        Ok(())
    }
}

/// What the instruction is for: reading and writing messages, deciding, the leases, or what is around them. Codec is what stands in `wire` or in `reply` and what
/// was inlined there; a function of the core that is called by it is charged to deciding.
fn part(loader: &Loader, address: u64) -> &'static str {
    let mut found = "the rest";
    let Ok(mut frames) = loader.find_frames(address) else { return found };
    // From the innermost to the outermost.
    while let Ok(Some(frame)) = frames.next() {
        let Some(function) = &frame.function else { continue };
        let Ok(name) = function.demangle() else { continue };
        if name.contains("dhcp_core::wire::") || name.contains("dhcp_core::server::reply::") {
            return "codec";
        }
        if found != "the rest" {
            continue;
        }
        if name.contains("dhcp_core::") {
            found = "deciding";
        } else if name.contains("lease_store::") {
            found = "leases";
        }
    }
    found
}

/// The innermost function of ours, or of a library's, that the instruction was written in, and its line; what of `core` is inlined is charged to who called it.
fn author(loader: &Loader, address: u64) -> (String, u32) {
    let mut last = None;
    if let Ok(mut frames) = loader.find_frames(address) {
        while let Ok(Some(frame)) = frames.next() {
            let Some(function) = &frame.function else { continue };
            let Ok(name) = function.demangle() else { continue };
            let name = plain(&name).to_owned();
            let (file, line) =
                frame.location.map_or(("", None), |it| (it.file.unwrap_or(""), it.line));
            let author = (name, line.unwrap_or(0));
            if !file.contains("/rustc/") {
                return author;
            }
            last = Some(author);
        }
    }
    last.unwrap_or_else(|| ("(unknown)".to_owned(), 0))
}
