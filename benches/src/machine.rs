//! On which machine, and how busy with other things was it? What a result is worth nothing without; no names of hosts and no paths.

use core::fmt;
use std::fs;
use std::thread;

use serde::Serialize;

/// The machine.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// As the processor calls itself.
    pub cpu: String,
    /// How many there are.
    pub cores: usize,
    /// The kernel's version.
    pub kernel: String,
}

impl Machine {
    /// This one.
    #[must_use]
    pub fn here() -> Self {
        let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = text.lines().find_map(|line| line.strip_prefix("model name"));
        let cpu = cpu.and_then(|line| line.split_once(':')).map_or("unknown", |(_, name)| name);
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            cpu: cpu.trim().to_owned(),
            cores: thread::available_parallelism().map_or(0, usize::from),
            kernel: kernel.trim().to_owned(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} cores, Linux {}", self.cpu, self.cores, self.kernel)
    }
}

/// For how long somebody waited for a processor or for the disk, in milliseconds (pressure stall information); ours and others' alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pressure {
    /// For a processor.
    pub cpu_millis: u64,
    /// For the disk.
    pub io_millis: u64,
}

impl Pressure {
    /// Since the machine was started; zero where the kernel does not tell.
    #[must_use]
    pub fn now() -> Self {
        let some = |what: &str| {
            let text = fs::read_to_string(format!("/proc/pressure/{what}")).unwrap_or_default();
            total_micros(&text).unwrap_or(0) / 1_000
        };
        Self { cpu_millis: some("cpu"), io_millis: some("io") }
    }

    /// What was added since an earlier time.
    #[must_use]
    pub const fn since(&self, before: &Self) -> Self {
        Self {
            cpu_millis: self.cpu_millis.saturating_sub(before.cpu_millis),
            io_millis: self.io_millis.saturating_sub(before.io_millis),
        }
    }
}

fn total_micros(text: &str) -> Option<u64> {
    let some = text.lines().find(|line| line.starts_with("some"))?;
    some.rsplit_once("total=")?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_is_read_as_the_kernel_writes_it() {
        let text = "some avg10=98.89 avg60=99.22 avg300=98.10 total=3432007192\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n";
        assert_eq!(total_micros(text), Some(3_432_007_192));
        assert_eq!(total_micros(""), None);
    }
}
