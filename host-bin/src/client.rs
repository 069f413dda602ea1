//! Which address has this container? Commands that lease for a name, from our own server or by DHCP, and keep what they got.
//!
//! ```text
//! commands -> obtain -> local (control socket) \
//!                  \--> dhcp: hunt -> fleet -> line (frames)  >- lease -> store (a file a name) -> format
//! ```

pub(crate) mod commands;
mod configure;
pub(crate) mod dhcp;
pub(crate) mod exit;
mod fleet;
pub(crate) mod format;
pub(crate) mod hunt;
pub(crate) mod lease;
mod line;
mod local;
mod obtain;
pub(crate) mod place;
mod progress;
mod resolv;
mod script;
mod search;
mod session;
mod store;

/// The command line cannot be parsed: says so and ends. A shell that waits for something to `eval` is given what fails.
pub(crate) fn misunderstood(error: &clap::Error) -> ! {
    let words = std::env::args().collect::<Vec<_>>();
    if error.use_stderr() && wants_sh(&words) {
        commands::lease::print(&format::failure(format::Format::Sh, exit::Exit::Usage));
    }
    error.exit()
}

/// Whether it is the `lease` command, and nothing says another format than `sh`.
fn wants_sh(words: &[String]) -> bool {
    let is_lease = words.get(1).is_some_and(|command| command == "lease");
    let mut formats = words.iter().enumerate().filter_map(|(place, word)| {
        let next = || words.get(place + 1).map(String::as_str);
        if word == "--format" { next() } else { word.strip_prefix("--format=") }
    });
    is_lease && formats.all(|format| format == "sh")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_is_told_of_a_wrong_command_line() {
        let wants = |line: &str| wants_sh(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert!(wants("hydrant lease"));
        assert!(wants("hydrant lease camera --vlan 5000 --format sh"));
        assert!(wants("hydrant lease camera --format=sh --what"));
        assert!(!wants("hydrant lease camera --vlan 5000 --format json"));
        assert!(!wants("hydrant lease camera --format=ip --vlan x"));
        assert!(!wants("hydrant check"));
    }
}
