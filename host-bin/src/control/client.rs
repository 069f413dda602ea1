//! What does the running server say? One question over its control socket, from a command that waits for the answer.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use core::time::Duration;

use crate::control::protocol::{Request, Response, VERSION, Versioned};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to the running server.
#[derive(Debug)]
pub(crate) struct Client {
    stream: BufReader<UnixStream>,
    path: PathBuf,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// No server is running with this state directory.
    #[error("no server is running: nobody answers at {}; `--state` says where another one keeps its state", path.display())]
    NotRunning {
        /// The socket.
        path: PathBuf,
    },
    /// The socket is another user's.
    #[error("{} is another user's: ask as the user that the server runs as, or as root", path.display())]
    Forbidden {
        /// The socket.
        path: PathBuf,
    },
    /// The connection broke.
    #[error("the server at {} did not answer", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It answered something else.
    #[error("the server at {} answered another question: {said}", path.display())]
    Unexpected {
        /// The socket.
        path: PathBuf,
        /// The beginning of what it said.
        said: String,
    },
    /// What it said makes no sense.
    #[error("the server at {} answered what this program does not understand", path.display())]
    Strange {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// It speaks another version.
    #[error(
        "the server speaks version {found} of the control protocol, and this program version {VERSION}"
    )]
    Version {
        /// The server's.
        found: u32,
    },
    /// It refused.
    #[error("{message}")]
    Refused {
        /// In its words.
        message: String,
    },
}

impl Client {
    /// Connects to the socket.
    pub(crate) fn connect(path: &Path) -> Result<Self, ClientError> {
        let path = path.to_owned();
        let stream = match UnixStream::connect(&path) {
            Ok(stream) => stream,
            Err(source) => {
                let kind = source.kind();
                let nobody = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused];
                return Err(if nobody.contains(&kind) {
                    ClientError::NotRunning { path }
                } else if kind == io::ErrorKind::PermissionDenied {
                    ClientError::Forbidden { path }
                } else {
                    ClientError::Io { path, source }
                });
            }
        };
        let timeouts = stream
            .set_read_timeout(Some(PATIENCE))
            .and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
        timeouts.map_err(|source| ClientError::Io { path: path.clone(), source })?;
        Ok(Self { stream: BufReader::new(stream), path })
    }

    /// Asks, and waits for the answer.
    pub(crate) fn ask(&mut self, request: Request) -> Result<Response, ClientError> {
        let path = || self.path.clone();
        let io = |source| ClientError::Io { path: path(), source };
        let strange = |source| ClientError::Strange { path: path(), source };
        let mut line = serde_json::to_string(&Versioned::new(request)).map_err(strange)?;
        line.push('\n');
        self.stream.get_mut().write_all(line.as_bytes()).map_err(io)?;
        line.clear();
        if self.stream.read_line(&mut line).map_err(io)? == 0 {
            return Err(io(io::ErrorKind::UnexpectedEof.into()));
        }
        let response: Versioned<Response> = serde_json::from_str(&line).map_err(strange)?;
        if response.version != VERSION {
            return Err(ClientError::Version { found: response.version });
        }
        if let Response::Error { message } = response.body {
            return Err(ClientError::Refused { message });
        }
        Ok(response.body)
    }

    /// The error for an answer to another question.
    pub(crate) fn unexpected(&self, response: &Response) -> ClientError {
        let said = format!("{response:?}").chars().take(80).collect();
        ClientError::Unexpected { path: self.path.clone(), said }
    }
}
