//! How does the server run? `hydrant serve`: everything is opened in order, then one loop takes packets, writes leases down and answers.
//!
//! ```text
//! ports  ->  intake  ->  engine (core, table, journal)  ->  outbox  ->  ports
//!   packets   who first    64 at once, one sync            replies    packets
//! ```
//!
//! The core's configuration borrows from what was rendered for the interfaces that are there; when either changes, the loop is left, the
//! server is lent the new one, and the loop goes on. Leases, counters, sockets and the journal stay.

mod answer;
mod clock;
pub mod engine;
mod events;
mod host;
pub mod intake;
mod interfaces;
mod names;
pub mod outbox;
mod ports;
mod prolong;
pub mod store;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use dhcp_core::id::InstallationKey;
use dhcp_core::server::Server;
use dhcp_core::server::config::ServerConfig;
use dhcp_core::time::{LeaseClock, Timestamp};
use lease_store::journal::{Journal, OpenError, Opened};
use lease_store::table::TableError;
use tracing::{error, info, warn};

use crate::chain::Chain;
use crate::cli::serve::ServeArgs;
use crate::config::load;
use crate::config::model::Config;
use crate::config::render::Rendered;
use crate::config::report::Severity;
use crate::fs_error::FsError;
use crate::installation::InstallationError;
use crate::medium::{FileError, FileMedium};
use crate::net::WatchError;
use crate::serve::engine::Engine;
use crate::serve::host::{Host, Why};
use crate::serve::store::{Book, Record, empty_book};
use crate::state::StateDir;
use crate::{check, installation, logging, notify};

/// The engine as it runs on a host.
pub(crate) type HostEngine<'c> = Engine<'c, Book, Record<FileMedium>>;

/// What the wall clock shows, if that can be.
pub(crate) fn wall_clock() -> Option<Timestamp> {
    clock::wall()
}

/// Lent to the server while nothing is served, between two configurations.
static NOTHING: ServerConfig<'static> = ServerConfig::new(&[], InstallationKey([0; 16]));

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// The configuration is wrong; every finding was logged.
    #[error("the configuration {} is refused: {why} (`hydrant check` shows what is wrong with it)", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The first error, and where it is.
        why: String,
    },
    /// A file in the state directory, or that itself, cannot be made, read or written.
    #[error(transparent)]
    State(#[from] FsError),
    /// See [`InstallationError`].
    #[error(transparent)]
    Installation(#[from] InstallationError),
    /// The journal's file cannot be used.
    #[error(transparent)]
    Medium(#[from] FileError),
    /// The journal cannot be read.
    #[error("the leases in {} cannot be read", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: OpenError<FileError>,
    },
    /// There are too many addresses.
    #[error("the leases do not fit into memory")]
    Table(#[from] TableError),
    /// The port cannot be had.
    #[error("UDP port 67 cannot be used: {}", hint(source))]
    Port {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The control socket cannot be made.
    #[error("the control socket {} cannot be made", path.display())]
    Control {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The interfaces cannot be watched.
    #[error("the interfaces cannot be watched")]
    Watch(#[from] WatchError),
    /// Signals or the runtime.
    #[error("the system refuses what every program gets")]
    System(#[source] io::Error),
}

/// What the operator can do about it.
fn hint(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::AddrInUse {
        "another DHCP server is running on this host"
    } else if error.kind() == io::ErrorKind::PermissionDenied {
        "the rights are missing: run as root, or with CAP_NET_BIND_SERVICE and CAP_NET_RAW"
    } else {
        "the system refuses"
    }
}

/// Serves until a signal says stop.
pub(crate) fn run(args: &ServeArgs) -> ExitCode {
    logging::init(args.log_format);
    match serve(args) {
        Ok(()) => {
            info!(event = "stopped", "stopped");
            ExitCode::SUCCESS
        }
        Err(why) => {
            error!(event = "failed", "{}", Chain(&why));
            ExitCode::FAILURE
        }
    }
}

fn serve(args: &ServeArgs) -> Result<(), ServeError> {
    let mut config = load_config(args)?;
    let state = StateDir::new(&args.state.state);
    state.create()?;
    // The lock of the journal comes first: whoever has it owns everything else here.
    let journal_path = state.journal();
    let medium = FileMedium::open(&journal_path)?;
    let key = installation::load_or_create(state.path())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ServeError::System)?;
    // Sockets are opened between the loops as well.
    let _within = runtime.enter();
    let mut host = runtime.block_on(Host::open(args, state))?;
    let mut medium = Some(medium);
    let mut resting: Option<HostEngine<'static>> = None;
    let mut is_reread = false;
    loop {
        let rendered = Rendered::new(&config, &host.interfaces());
        host.fit(&rendered);
        let (engine, why) = rendered.with(key, |server_config| {
            let engine = match (resting.take(), medium.take()) {
                (Some(engine), _) => wake(engine, server_config)?,
                (None, Some(medium)) => {
                    let (engine, opened) = open(server_config, medium, &host, &journal_path)?;
                    tell_opened(&opened);
                    engine
                }
                (None, None) => unreachable!("the engine rests between two configurations"),
            };
            if is_reread {
                tell_in_force(&config, args);
            }
            note_subnets(&config, args);
            let (engine, why) = runtime.block_on(host.serve(engine, &rendered))?;
            Ok::<_, ServeError>((rest(engine), why))
        })?;
        resting = Some(engine);
        match why {
            Why::Stop => break,
            Why::Interfaces => is_reread = false,
            Why::Config(new) => (config, is_reread) = (*new, true),
        }
    }
    notify::stopping();
    Ok(())
}

fn load_config(args: &ServeArgs) -> Result<Config, ServeError> {
    let loaded = load(&args.config);
    let mut why = None;
    for (severity, line) in loaded.report.lines(&loaded.sources) {
        match severity {
            Severity::Error => error!(event = "config", "{line}"),
            Severity::Warning => warn!(event = "config", "{line}"),
            Severity::Note => info!(event = "config", "{line}"),
        }
        if severity == Severity::Error {
            why.get_or_insert(line);
        }
    }
    loaded.config.ok_or_else(|| ServeError::Config {
        path: args.config.clone(),
        why: why.expect("a configuration is refused for an error"),
    })
}

/// The first engine of this run, with the leases that the journal tells.
fn open<'c>(
    config: &'c ServerConfig<'c>,
    medium: FileMedium,
    host: &Host,
    path: &std::path::Path,
) -> Result<(HostEngine<'c>, Opened), ServeError> {
    let mut book = empty_book(config)?;
    let (journal, opened) = Journal::open(medium, &mut book)
        .map_err(|source| ServeError::Journal { path: path.to_owned(), source })?;
    let clock = LeaseClock::new(host.now(), host.start_time(opened.time));
    Ok((Engine::new(Server::new(config, book, clock), Record(journal)), opened))
}

fn wake<'c>(
    engine: HostEngine<'static>,
    config: &'c ServerConfig<'c>,
) -> Result<HostEngine<'c>, ServeError> {
    let mut book = empty_book(config)?;
    Ok(engine.reload(|server, _| {
        server.reload(config, |old| {
            book.adopt(&old);
            book
        })
    }))
}

/// The engine without a configuration.
fn rest(engine: HostEngine<'_>) -> HostEngine<'static> {
    engine.reload(|server, _| server.reload(&NOTHING, |book| book))
}

/// For `hydrant leases` on a stopped server's files. Serving does not depend on it.
fn note_subnets(config: &Config, args: &ServeArgs) {
    let subnets = config.subnets.iter().map(|subnet| subnet.net);
    if let Err(error) = StateDir::new(&args.state.state).set_subnets(subnets) {
        warn!(event = "subnets-not-noted", "{}", Chain(&error));
    }
}

/// After a SIGHUP: what is served from now on.
fn tell_in_force(config: &Config, args: &ServeArgs) {
    let subnets = config.subnets.len();
    let addresses = config.subnets.iter().map(check::addresses).fold(0, u32::saturating_add);
    info!(
        event = "reloaded",
        subnets,
        addresses,
        "{} is in force: {} with {} to hand out",
        args.config.display(),
        check::counted(u32::try_from(subnets).unwrap_or(u32::MAX), "subnet", "subnets"),
        check::counted(addresses, "address", "addresses"),
    );
}

fn tell_opened(opened: &Opened) {
    let records = opened.records;
    info!(
        event = "leases-read",
        records,
        sectors = opened.sectors,
        "{records} records of leases read"
    );
    if let Some(at) = opened.torn_at {
        warn!(
            event = "leases-torn",
            at, "the last record was not finished when the power was cut; nobody was told of it"
        );
    }
    for damage in opened.damage.iter().flatten() {
        error!(
            event = "leases-damaged",
            sector = damage.sector,
            at = damage.at,
            "{} octets of leases are damaged and lost; the others are used",
            damage.octets_lost
        );
    }
    if opened.sectors_lost > 0 {
        error!(event = "leases-damaged", "{} sectors of leases are lost", opened.sectors_lost);
    }
}

/// The lease clock's first time: the wall clock's if it can be believed, and never before a time that was recorded.
fn first_time(recorded: Option<Timestamp>, wall: Option<Timestamp>, behind: bool) -> Timestamp {
    match (recorded, wall) {
        // It turns out how far it is behind, and leases are prolonged by that, before anything is served.
        (Some(recorded), Some(_)) if behind => recorded,
        (Some(recorded), Some(wall)) => recorded.max(wall),
        (recorded, wall) => recorded.or(wall).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lease_time_begins_where_it_was_or_later() {
        let [early, late] = [1_000, 2_000].map(Timestamp::from_secs);
        assert_eq!(first_time(None, None, true), Timestamp::default());
        assert_eq!(first_time(None, Some(late), false), late);
        assert_eq!(first_time(Some(early), None, true), early);
        assert_eq!(first_time(Some(early), Some(late), false), late);
        assert_eq!(first_time(Some(late), Some(early), false), late, "the wall clock was put back");
        assert_eq!(first_time(Some(early), Some(late), true), early, "leases are moved first");
    }
}
