//! Every target on stable: with the committed corpus, with captured messages where they are at hand, and with a bounded run of chance.

#![allow(
    clippy::unwrap_used,
    reason = "in a test a panic is the report; clippy sees the helpers as no tests"
)]

use core::panic::AssertUnwindSafe;
use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use dhcp_core::rng::Rng;
use fuzz::{Input, TARGETS, Target};

/// Octets of each target in the bounded run; enough for seconds, not for hours.
const RUN_OCTETS: usize = 300_000;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder, in order; none where there is no folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let below = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    paths.into_iter().flat_map(below).collect()
}

/// Runs the body and says which input it was that broke it.
fn run(target: &Target, octets: &[u8], what: &dyn Fn() -> String) {
    if catch_unwind(AssertUnwindSafe(|| (target.body)(octets))).is_err() {
        panic!("{} is broken by {}: {octets:02x?}", target.name, what());
    }
}

#[test]
fn the_committed_corpus_breaks_nothing() {
    for target in TARGETS {
        let corpus = files(&here().join("corpus").join(target.name));
        assert!(!corpus.is_empty(), "corpus/{} has seeds", target.name);
        for path in &corpus {
            run(target, &fs::read(path).unwrap(), &|| path.display().to_string());
        }
        println!("{}: {} inputs of the corpus replayed", target.name, corpus.len());
    }
}

#[test]
fn captured_messages_break_nothing() {
    // Beside the repository, and in no repository: the captures are not ours to give away.
    let beside = || here().join("../../shared/corpus");
    let captures = std::env::var_os("HYDRANT_CAPTURES").map_or_else(beside, PathBuf::from);
    let captures: Vec<_> = files(&captures)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "bin"))
        .map(|path| (fs::read(&path).unwrap(), path))
        .collect();
    for target in TARGETS.iter().filter(|target| target.input == Input::Message) {
        for (octets, path) in &captures {
            run(target, octets, &|| path.display().to_string());
        }
        println!("{}: {} captured messages replayed", target.name, captures.len());
    }
}

#[test]
fn chance_breaks_nothing() {
    for (place, target) in TARGETS.iter().enumerate() {
        let seeds: Vec<_> = files(&here().join("corpus").join(target.name))
            .iter()
            .map(|path| fs::read(path).unwrap())
            .collect();
        let mut rng = Rng::seeded(0x68_79_64_72_61_6e_74 + place as u64);
        let (mut octets_run, mut inputs) = (0, 0);
        while octets_run < RUN_OCTETS {
            let seed = seeds.get(rng.below(u32::try_from(seeds.len()).unwrap()) as usize);
            let octets = match seed {
                Some(seed) if rng.below(4) > 0 => Input::mutated(seed, &mut rng),
                Some(_) | None => target.input.any(&mut rng),
            };
            run(target, &octets, &|| format!("input {inputs} of chance"));
            octets_run += octets.len().max(100);
            inputs += 1;
        }
        println!("{}: {inputs} inputs of chance", target.name);
    }
}

/// The list of targets, the binaries and the corpus are about the same.
#[test]
fn every_target_has_a_binary_and_a_corpus() {
    let names: BTreeSet<_> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names.len(), TARGETS.len(), "no name twice");
    let stems = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(here().join(folder)).unwrap();
        let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_owned();
        entries.map(|entry| stem(entry.unwrap().path())).collect()
    };
    assert_eq!(stems("fuzz_targets"), names);
    assert_eq!(stems("corpus"), names);
    for target in TARGETS {
        let path = here().join("fuzz_targets").join(target.name).with_extension("rs");
        let wanted = format!("\"{}\"", target.name);
        assert!(fs::read_to_string(path).unwrap().contains(&wanted), "it runs {wanted}");
    }
}
