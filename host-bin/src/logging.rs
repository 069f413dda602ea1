//! How does the server speak to its operator? One line an event to stderr, as text or JSON.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

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
    let level = std::env::var(LEVEL_VARIABLE).unwrap_or_default();
    let known = EnvFilter::try_new(&level).ok().filter(|_| !level.is_empty());
    let builder = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_env_filter(known.unwrap_or_else(|| EnvFilter::new("info")));
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
}
