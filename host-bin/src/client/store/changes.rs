//! When does a file of the store change? The kernel says so (inotify); what changed is found by reading.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
use rustix::io::read;
use tokio::sync::Notify;

/// Notices of one directory.
#[derive(Debug)]
pub(crate) struct Changes {
    notice: Arc<Notify>,
}

impl Changes {
    /// Watches a directory that is there, on a thread that waits for the kernel until the process ends.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn of(directory: &Path) -> io::Result<Self> {
        let notices = init(CreateFlags::CLOEXEC)?;
        let kinds = WatchFlags::MOVED_TO | WatchFlags::CLOSE_WRITE | WatchFlags::DELETE;
        add_watch(&notices, directory, kinds)?;
        let notice = Arc::new(Notify::new());
        let to_notify = Arc::clone(&notice);
        std::thread::Builder::new().spawn(move || wait(&notices, &to_notify))?;
        Ok(Self { notice })
    }

    /// Waits for a change since the last call.
    pub(crate) async fn next(&self) {
        self.notice.notified().await;
    }
}

/// One notice stands for all that came before it is taken.
fn wait(notices: &OwnedFd, notify: &Notify) {
    let mut room = [0; 4_096];
    while let Ok(1..) = read(notices, &mut room) {
        notify.notify_one();
    }
}
