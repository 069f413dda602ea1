//! Who waits for the disk while the server works on? A thread that does nothing else: it is told to sync, and says what came of it.
//!
//! It knows one file and no journal. What is written while it waits is not covered by that sync; the caller keeps account of that.

use core::cell::RefCell;
use core::task::{Context, Poll};
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};

use futures_util::task::AtomicWaker;

/// The thread, as its caller sees it.
#[derive(Debug)]
pub(super) struct Syncer {
    /// None while it ends.
    orders: Option<SyncSender<()>>,
    results: Receiver<io::Result<()>>,
    /// Taken by [`Syncer::poll`] from the channel for whoever asks next.
    ended: RefCell<Option<io::Result<()>>>,
    waker: Arc<AtomicWaker>,
    thread: Option<JoinHandle<()>>,
}

impl Syncer {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn start(file: File) -> io::Result<Self> {
        let (orders, ordered) = sync_channel(1);
        let (said, results) = sync_channel(1);
        let waker = Arc::new(AtomicWaker::new());
        let woken = Arc::clone(&waker);
        let thread = thread::Builder::new().name("sync".to_owned());
        let thread = thread.spawn(move || {
            while let Ok(()) = ordered.recv() {
                if said.send(file.sync_data()).is_err() {
                    break;
                }
                woken.wake();
            }
        })?;
        let (orders, thread) = (Some(orders), Some(thread));
        Ok(Self { orders, results, ended: RefCell::new(None), waker, thread })
    }

    /// Begins one; the last one has been asked for by [`Syncer::wait`] or [`Syncer::ended`].
    pub(super) fn begin(&self) {
        // Were the thread gone, `wait` and `ended` would say so.
        let _ = self.orders.as_ref().map(|orders| orders.send(()));
    }

    /// Waits for it.
    pub(super) fn wait(&self) -> io::Result<()> {
        let ended = self.ended.take();
        ended.or_else(|| self.results.recv().ok()).unwrap_or_else(|| Err(gone()))
    }

    /// What came of it, if it is at its end.
    pub(super) fn ended(&self) -> Option<io::Result<()>> {
        self.ended.take().or_else(|| match self.results.try_recv() {
            Ok(result) => Some(result),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(gone())),
        })
    }

    /// Whether it is at its end; the task is woken when it is.
    pub(super) fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        self.waker.register(context.waker());
        let ended = self.ended();
        let is_ended = ended.is_some();
        *self.ended.borrow_mut() = ended;
        if is_ended { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// The thread has the file open, and with it the lock: whoever opens the file next must not find it locked.
impl Drop for Syncer {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn gone() -> io::Error {
    io::Error::other("the thread that syncs is gone")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_order_has_one_result_whichever_way_it_is_asked_for() {
        let syncer = Syncer::start(tempfile::tempfile().unwrap()).unwrap();
        let mut context = Context::from_waker(core::task::Waker::noop());
        syncer.begin();
        syncer.wait().unwrap();
        assert!(syncer.ended().is_none() && syncer.poll(&mut context).is_pending());
        syncer.begin();
        while syncer.poll(&mut context).is_pending() {
            thread::yield_now();
        }
        assert!(syncer.poll(&mut context).is_ready(), "looking takes nothing away");
        syncer.ended().unwrap().unwrap();
        assert!(syncer.ended().is_none());
    }
}
