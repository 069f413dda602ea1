//! Who asks the running server? Connections to its control socket; each request goes to the loop, which alone touches leases, and its answer back.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::control::protocol::{REQUEST_LEN_MAX, Request, Response, VERSION, Versioned};

/// How many may be connected at once; others wait.
const CONNECTIONS_MAX: usize = 32;

/// A line that was received, and where the line goes that answers it.
pub(crate) type Asked = (Vec<u8>, oneshot::Sender<Vec<u8>>);

/// The socket. It is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Control {
    path: PathBuf,
    asked: mpsc::Receiver<Asked>,
    accepting: tokio::task::AbortHandle,
}

impl Control {
    /// Listens at `path`; only this user can connect. Whoever calls holds the lock of the state directory, so a socket that is there already
    /// is what a killed server left. To be called within a tokio runtime.
    pub(crate) fn listen(path: &Path) -> io::Result<Self> {
        if let Some(dir) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o755).create(dir)?;
        }
        match fs::symlink_metadata(path) {
            Ok(left) if left.file_type().is_socket() => fs::remove_file(path)?,
            Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        // Between binding and the new mode nobody else can connect either: the mask is set meanwhile.
        let mask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
        let listener = UnixListener::bind(path);
        rustix::process::umask(mask);
        let listener = listener?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        let (sender, asked) = mpsc::channel(CONNECTIONS_MAX);
        let accepting = tokio::spawn(accept(listener, sender)).abort_handle();
        Ok(Self { path: path.to_owned(), asked, accepting })
    }

    /// The next request. Can be given up and called again.
    pub(crate) async fn next(&mut self) -> Option<Asked> {
        self.asked.recv().await
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.accepting.abort();
        // Nobody is harmed by one that stays.
        let _ = fs::remove_file(&self.path);
    }
}

async fn accept(listener: UnixListener, sender: mpsc::Sender<Asked>) {
    let places = std::sync::Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let sender = sender.clone();
                tokio::spawn(async move {
                    // Whoever hangs up has no use for the reason.
                    let _ = talk(stream, sender).await;
                    drop(place);
                });
            }
            // Too many files are open, and will be closed.
            Err(_) => tokio::time::sleep(core::time::Duration::from_millis(100)).await,
        }
    }
}

async fn talk(stream: UnixStream, sender: mpsc::Sender<Asked>) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let limit = u64::try_from(REQUEST_LEN_MAX).expect("64 KiB");
    loop {
        let mut line = Vec::new();
        let read = (&mut reader).take(limit).read_until(b'\n', &mut line).await?;
        if read == 0 {
            return Ok(());
        }
        if !line.ends_with(b"\n") {
            let message = "a request is one line of at most 65,536 octets".to_owned();
            return writer.write_all(&written(&Response::Error { message })).await;
        }
        let (answer, answered) = oneshot::channel();
        if sender.send((line, answer)).await.is_err() {
            return Ok(());
        }
        // The server is stopping when it does not answer.
        let Ok(mut answer) = answered.await else { return Ok(()) };
        answer.push(b'\n');
        writer.write_all(&answer).await?;
    }
}

/// A response in this version, as one line without its end.
pub(crate) fn written(response: &Response) -> Vec<u8> {
    serde_json::to_vec(&Versioned::new(response)).expect("a response is made of what JSON has")
}

/// One request, from octets that anybody may have sent.
///
/// # Errors
/// A sentence for people.
pub(crate) fn parse(line: &[u8]) -> Result<Request, String> {
    #[derive(serde::Deserialize)]
    struct Version {
        #[serde(default = "current")]
        version: u32,
    }
    const fn current() -> u32 {
        VERSION
    }
    let understood = |error: serde_json::Error| format!("the request is not understood: {error}");
    // The version first: what another one asks need not be understood here.
    let Version { version } = serde_json::from_slice(line).map_err(understood)?;
    if version != VERSION {
        return Err(format!(
            "version {version} of the control protocol is not spoken here, but version {VERSION}"
        ));
    }
    let mut request: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(line).map_err(understood)?;
    request.remove("version");
    serde_json::from_value(request.into()).map_err(understood)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::client::{Client, ClientError};

    /// Asks from a thread of its own, as a command does.
    async fn ask(path: &Path, request: Request) -> Result<Response, ClientError> {
        let path = path.to_owned();
        let asking = move || Client::connect(&path)?.ask(request);
        tokio::task::spawn_blocking(asking).await.unwrap()
    }

    #[tokio::test]
    async fn a_request_reaches_the_loop_and_its_answer_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run").join("control.sock");
        let mut control = Control::listen(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let answering = async {
            for _ in 0..2 {
                let (line, answer) = control.next().await.unwrap();
                assert_eq!(parse(&line), Ok(Request::Leases { after: None }));
                let none = Response::Leases { leases: Vec::new(), next: None };
                answer.send(written(&none)).unwrap();
            }
            let (_, answer) = control.next().await.unwrap();
            let message = "not today".to_owned();
            answer.send(written(&Response::Error { message })).unwrap();
        };
        let asking = async {
            for _ in 0..2 {
                let response = ask(&path, Request::Leases { after: None }).await.unwrap();
                assert_eq!(response, Response::Leases { leases: Vec::new(), next: None });
            }
            let refused = ask(&path, Request::Stats {}).await.unwrap_err();
            assert_eq!(refused.to_string(), "not today");
        };
        tokio::join!(answering, asking);
        drop(control);
        assert!(!path.exists());
        let gone = ask(&path, Request::Stats {}).await.unwrap_err();
        assert!(matches!(gone, ClientError::NotRunning { .. }));
    }

    #[tokio::test]
    async fn what_a_killed_server_left_is_replaced_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        drop(Control::listen(&path).unwrap());
        fs::write(&path, "a file").unwrap();
        assert_eq!(Control::listen(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_request_is_read_or_refused_with_a_sentence() {
        assert_eq!(parse(br#"{"version":1,"request":"stats"}"#), Ok(Request::Stats {}));
        let other = parse(br#"{"version":2,"request":"fly","to":"moon"}"#).unwrap_err();
        assert!(other.contains("version 2"), "{other}");
        for wrong in
            [&b""[..], b"\xff\xff", b"[]", br#"{"version":1}"#, br#"{"version":1,"request":1}"#]
        {
            assert!(parse(wrong).unwrap_err().contains("not understood"));
        }
    }
}
