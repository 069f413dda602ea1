//! What time is it? A monotonic clock for what happens now, and a wall clock that is believed only as far as it can be.
//!
//! Small computers start in 1970 or where they were switched off, and jump when they hear a time server. A lease must not end early because of that:
//! the lease clock only goes forward, it never goes ahead of a time that was recorded before, and when the wall clock turns out to be far
//! ahead of it, leases that run are prolonged by as much (see [`Correction`](dhcp_core::time::Correction)).

use core::task::{Context, Poll, ready};
use std::io;
use std::os::fd::OwnedFd;
use std::time::{SystemTime, UNIX_EPOCH};

use dhcp_core::time::{Instant, Timestamp};
use rustix::io::{Errno, read};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use crate::net::register_descriptor;

/// The beginning of 2024: a wall clock that shows less was never set.
const SANE_SECS_MIN: u64 = 1_704_067_200;

/// The clocks of this run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    zero: std::time::Instant,
}

impl Clock {
    /// Its zero is now.
    pub(crate) fn new() -> Self {
        Self { zero: std::time::Instant::now() }
    }

    /// Milliseconds since the start.
    pub(crate) fn now(&self) -> Instant {
        let millis = self.zero.elapsed().as_millis();
        Instant::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    /// The same moment as the runtime knows it.
    pub(crate) fn at(&self, instant: Instant) -> std::time::Instant {
        self.zero + core::time::Duration::from_millis(instant.as_millis())
    }
}

/// Wakes when somebody sets the wall clock: a timer that never goes off, and that the kernel cancels then (timerfd_create(2)).
#[derive(Debug)]
pub(crate) struct WallWatch(AsyncFd<OwnedFd>);

impl WallWatch {
    /// To be called within a tokio runtime.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn open() -> io::Result<Self> {
        Self::until(i64::MAX)
    }

    /// Wakes at a second of Unix time, too.
    fn until(secs: i64) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Realtime, flags)?;
        let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        let never = Timespec { tv_sec: 0, tv_nsec: 0 };
        let at = Timespec { tv_sec: secs, tv_nsec: 0 };
        timerfd_settime(&timer, flags, &Itimerspec { it_interval: never, it_value: at })?;
        Ok(Self(register_descriptor(timer)?))
    }

    /// Waits until the wall clock was set since this was asked last. It is said once, however often it was set. One task at a time can wait.
    ///
    /// # Errors
    /// Those of the system.
    pub(crate) fn poll_set(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.0.poll_read_ready(context))?;
            let mut expirations = [0; 8];
            match guard.try_io(|timer| was_set(read(timer, &mut expirations))) {
                Ok(result) => return Poll::Ready(result),
                Err(_would_block) => {}
            }
        }
    }
}

/// What a read of the timer says. A timer that went off is worth a look at the clock, too.
fn was_set(read: rustix::io::Result<usize>) -> io::Result<()> {
    match read {
        Ok(_) | Err(Errno::CANCELED) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What the wall clock shows, if that can be.
pub(crate) fn wall() -> Option<Timestamp> {
    sane(SystemTime::now())
}

fn sane(time: SystemTime) -> Option<Timestamp> {
    let secs = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    let secs = u32::try_from(secs).ok().filter(|secs| u64::from(*secs) >= SANE_SECS_MIN)?;
    Some(Timestamp::from_secs(secs)).filter(|stamp| *stamp != Timestamp::NEVER)
}

#[cfg(test)]
mod tests {
    use core::future::poll_fn;
    use core::time::Duration;

    use super::*;

    #[test]
    fn a_clock_that_was_never_set_is_not_believed() {
        assert_eq!(sane(UNIX_EPOCH), None);
        assert_eq!(sane(UNIX_EPOCH + Duration::from_hours(24)), None);
        assert_eq!(sane(UNIX_EPOCH - Duration::from_secs(1)), None);
        assert_eq!(sane(UNIX_EPOCH + Duration::from_secs(1 << 33)), None);
        let today = 1_790_000_000;
        let expected = Some(Timestamp::from_secs(1_790_000_000));
        assert_eq!(sane(UNIX_EPOCH + Duration::from_secs(today)), expected);
    }

    async fn set_within(watch: &WallWatch, millis: u64) -> Option<io::Result<()>> {
        let set = poll_fn(|context| watch.poll_set(context));
        tokio::time::timeout(Duration::from_millis(millis), set).await.ok()
    }

    fn block_on<T>(test: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(test)
    }

    /// No test sets a machine's clock, so it is the timer's own time that wakes here; the kernel says the other by the same descriptor.
    #[test]
    fn it_wakes_once_and_not_before_there_is_something() {
        block_on(async {
            let never = WallWatch::open().unwrap();
            assert!(set_within(&never, 20).await.is_none());
            let soon = WallWatch::until(1).unwrap();
            assert!(set_within(&soon, 10_000).await.unwrap().is_ok());
            assert!(set_within(&soon, 20).await.is_none(), "it was said");
        });
    }

    #[test]
    fn a_cancelled_timer_is_a_clock_that_was_set() {
        assert!(was_set(Err(Errno::CANCELED)).is_ok());
        assert_eq!(was_set(Err(Errno::AGAIN)).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert!(was_set(Err(Errno::BADF)).is_err());
    }
}
