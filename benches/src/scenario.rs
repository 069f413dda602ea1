//! Which work is measured? Every scenario, by name, with inputs that are the same in every run.

pub mod allocation;
pub mod codec;
pub mod pool;
pub mod record;

/// A piece of the server's work, done a number of times on prepared inputs.
pub trait Scenario {
    /// How many times [`Scenario::run`] does the work.
    fn operations(&self) -> u64;

    /// Whether one run is as much as anybody can wait for.
    fn is_huge(&self) -> bool {
        self.operations() >= 1_000_000
    }

    /// The work, and nothing else: this is what is counted and timed. Gives a checksum of what was decided.
    fn run(&mut self) -> u64;

    /// Puts everything back to where it was before [`Scenario::run`].
    fn reset(&mut self);
}

/// How large the pools are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// As large as a test can wait for.
    Small,
    /// As large as the promises are.
    Full,
}

/// Shows every scenario to `visit`, which may run it as often as it likes, with a reset behind each run.
pub fn visit_all(scale: Scale, visit: &mut dyn FnMut(&str, &mut dyn Scenario)) {
    codec::visit(visit);
    allocation::visit(scale, visit);
    record::visit(scale, visit);
}
