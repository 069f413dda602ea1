//! What does whoever waits see? One moving line on a terminal, and everywhere the lines that stay.

use core::time::Duration;
use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};

use crate::client::session::say;

/// The line. It goes away when it is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Begins, if there is a terminal.
    pub(crate) fn start() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}");
            let bar = ProgressBar::new_spinner();
            bar.set_style(style.expect("the template is right"));
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        });
        Self { bar }
    }

    /// Says something that stays, on standard error, above the moving line if there is one.
    pub(crate) fn say(&self, what: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(what)),
            None => say(what),
        }
    }

    /// Shows what is going on now.
    pub(crate) fn show(&self, what: impl FnOnce() -> String) {
        if let Some(bar) = &self.bar {
            bar.set_message(what());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
