//! Does whoever started us want to know that we are ready? A message to the socket that `NOTIFY_SOCKET` names, as `systemd` expects it (sd_notify(3)).

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Says that the server is ready, with a sentence about what it does.
pub(crate) fn ready(status: &str) {
    send(&format!("READY=1\nSTATUS={}", status.replace('\n', " ")));
}

/// Says that the configuration is read anew; [`ready`] ends it.
pub(crate) fn reloading() {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
    send(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
}

/// Says that the server ends.
pub(crate) fn stopping() {
    send("STOPPING=1");
}

/// Nobody may be listening, and that is no reason not to serve.
fn send(message: &str) {
    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(&name),
    };
    let socket = UnixDatagram::unbound();
    if let (Ok(socket), Ok(address)) = (socket, address) {
        let _ = socket.send_to_addr(message.as_bytes(), &address);
    }
}
