//! How is the board switched on and off? QEMU as a child process, which never outlives the value that stands for it.

use core::time::Duration;
use std::fs;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::chip::Chip;
use crate::log::Log;

/// The board's MAC address in all tests.
pub const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// What the network card is plugged into.
#[derive(Clone, Copy, Debug)]
pub enum Cable<'c> {
    /// A socket that carries frames: see [`Board::cable`]. No privileges are needed.
    Socket,
    /// A tap device that is there.
    Tap(&'c str),
    /// Nothing.
    None,
}

/// How time goes by for the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time<'b> {
    /// As for us.
    Real,
    /// Each instruction takes 2^`shift` ns, and waiting takes none of our time.
    Instructions {
        /// 0 to 10.
        shift: u8,
    },
    /// One instruction at a time, each of which is a line in a file or a pipe: see [`crate::profile`].
    Traced(&'b Path),
}

/// A board that runs.
#[derive(Debug)]
pub struct Board {
    qemu: Child,
    /// What it says.
    pub log: Log,
    cable: Option<UnixDatagram>,
}

impl Board {
    /// Switches a board on that runs `program` with this chip.
    ///
    /// # Panics
    /// When QEMU cannot be started.
    #[must_use]
    pub fn start(program: &Path, chip: &Chip, cable: Cable<'_>, time: Time<'_>) -> Self {
        let (here, there) = (chip.folder().join("here"), chip.folder().join("there"));
        let mut qemu = Command::new("qemu-system-arm");
        qemu.args(["-machine", "mps2-an385,memory-backend=nv", "-display", "none"])
            .args(["-serial", "none", "-monitor", "none"])
            .args(["-semihosting-config", "enable=on,target=native"])
            .arg("-object")
            .arg(memory(&chip.path()))
            .arg("-kernel")
            .arg(program);
        let mac = MAC.map(|octet| format!("{octet:02x}")).join(":");
        let socket = match cable {
            Cable::Socket => {
                remove(&[&here, &there]);
                let socket = UnixDatagram::bind(&here).expect("a socket can be made");
                let paths = (there.display(), here.display());
                let netdev = format!(
                    "dgram,id=n0,local.type=unix,local.path={},remote.type=unix,remote.path={}",
                    paths.0, paths.1
                );
                qemu.args(["-netdev", &netdev]);
                qemu.args(["-net", &format!("nic,netdev=n0,model=lan9118,macaddr={mac}")]);
                Some(socket)
            }
            Cable::Tap(name) => {
                let tap =
                    format!("tap,ifname={name},script=no,downscript=no,model=lan9118,mac={mac}");
                qemu.args(["-nic", &tap]);
                None
            }
            Cable::None => {
                qemu.args(["-nic", "none"]);
                None
            }
        };
        match time {
            Time::Real => {}
            Time::Instructions { shift } => {
                qemu.args(["-icount", &format!("shift={shift},sleep=off")]);
            }
            Time::Traced(lines) => {
                qemu.args(["-singlestep", "-d", "exec,nochain", "-D"]).arg(lines);
            }
        }
        let started =
            qemu.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut qemu = started.expect("qemu-system-arm is installed");
        let stdout = qemu.stdout.take().expect("stdout is a pipe");
        let log = Log::decode(program, stdout);
        Self { qemu, log, cable: socket.map(|socket| plugged(socket, &there)) }
    }

    /// Where the board's frames come out, one a datagram, and ours go in.
    ///
    /// # Panics
    /// When the board has another cable.
    #[must_use]
    pub const fn cable(&self) -> &UnixDatagram {
        self.cable.as_ref().expect("the cable is a socket")
    }

    /// Cuts the power: nothing is finished, nothing is said. What left before is still in the cable, if that is a socket.
    pub fn cut(mut self) -> Option<UnixDatagram> {
        self.kill();
        self.cable.take()
    }

    /// Waits until the program ends by itself.
    ///
    /// # Panics
    /// When it does not within `patience`.
    pub fn wait(&mut self, patience: Duration) -> ExitStatus {
        let end = std::time::Instant::now() + patience;
        loop {
            if let Some(status) = self.qemu.try_wait().expect("the child is ours") {
                return status;
            }
            assert!(std::time::Instant::now() < end, "the program did not end in {patience:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn kill(&mut self) {
        // Both fail only when it is over already.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.kill();
    }
}

fn memory(path: &Path) -> String {
    format!("memory-backend-file,id=nv,size=16M,share=on,mem-path={}", path.display())
}

fn remove(paths: &[&PathBuf]) {
    for path in paths {
        match fs::remove_file(path) {
            Ok(()) => {}
            Err(error) => assert!(error.kind() == io::ErrorKind::NotFound, "{error}"),
        }
    }
}

/// Connects the socket to QEMU's, once that is there.
fn plugged(socket: UnixDatagram, there: &Path) -> UnixDatagram {
    for _ in 0..2_000 {
        if socket.connect(there).is_ok() {
            socket
                .set_read_timeout(Some(Duration::from_secs(2)))
                .expect("two seconds are not zero");
            return socket;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    panic!("QEMU does not open its end of the cable");
}
