//! How does the server speak to its operator? One line an event to stderr, as text or JSON.

use std::io::IsTerminal as _;

use tracing::level_filters::LevelFilter;
use tracing::warn;

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    #[default]
    Text,
    /// For machines: one JSON object a line
    Json,
}

/// Which environment variable says how much is logged: `error`, `warn`, `info`, `debug` or `trace`.
pub(crate) const LEVEL_VARIABLE: &str = "HYDRANT_LOG";

/// Begins to log. A second call changes nothing.
pub(crate) fn init(format: LogFormat) {
    let said = std::env::var_os(LEVEL_VARIABLE).unwrap_or_default();
    let said = said.to_string_lossy();
    let level = level(&said);
    let builder = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_max_level(level.unwrap_or(LevelFilter::INFO));
    // Fails only when somebody began before.
    let _ = match format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            let builder = builder.with_ansi(colours);
            // The journal of the system has its own time on every line.
            if std::env::var_os("JOURNAL_STREAM").is_some() {
                builder.without_time().try_init()
            } else {
                builder.try_init()
            }
        }
    };
    if level.is_none() {
        warn!(
            event = "log-level",
            "{LEVEL_VARIABLE} is {said:?}, which is none of error, warn, info, debug and trace: info is logged"
        );
    }
}

/// `info` when nothing is said; none for what is no level.
fn level(said: &str) -> Option<LevelFilter> {
    if said.is_empty() { Some(LevelFilter::INFO) } else { said.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_one_of_the_words_in_the_help() {
        let levels = ["error", "warn", "info", "debug", "trace"].map(level);
        assert_eq!(
            levels,
            [
                LevelFilter::ERROR,
                LevelFilter::WARN,
                LevelFilter::INFO,
                LevelFilter::DEBUG,
                LevelFilter::TRACE
            ]
            .map(Some)
        );
        assert_eq!(level(""), Some(LevelFilter::INFO));
        assert_eq!(["wran", "verbose", "hydrant=debug"].map(level), [None; 3], "and is told of");
    }
}
