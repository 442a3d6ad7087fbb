//! Time and sleep as parameters.
//!
//! This is the one file of the workspace that reads the system's clocks and sleeps; a lint bans them elsewhere.
#![allow(clippy::disallowed_methods, reason = "the one place where the system's time is read")]

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;

/// A point on the boot clock: time since some fixed point that runs on while the machine is suspended.
///
/// Points of one machine can be compared; they mean nothing on another one or after a reboot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootTime(u64);

impl BootTime {
    /// A point that never comes.
    pub const NEVER: Self = Self(u64::MAX);

    /// The point so long after the clock's origin.
    pub fn from_origin(since: Duration) -> Self {
        Self(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    /// How many nanoseconds after the clock's origin the point is.
    pub fn nanoseconds(self) -> u64 {
        self.0
    }

    /// How long after the clock's origin the point is.
    pub fn since_origin(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// How long ago `earlier` was; zero where it is still to come.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The point so much later; [`NEVER`](Self::NEVER) where that overflows.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// Where the time comes from, and how to wait for it.
#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The wall clock: for times that are stored, sent or read. It may jump.
    fn wall(&self) -> SystemTime;

    /// The boot clock: for everything that is measured. It never goes back and runs on in suspend.
    fn boot(&self) -> BootTime;

    /// The boot clock as the hot path wants it: cheap, and late by at most a second.
    fn coarse(&self) -> BootTime {
        self.boot()
    }

    /// Waits until the boot clock has reached `deadline`; at once where it has.
    ///
    /// A clock may end a wait early where its timer says that the time has passed (see [`SystemClock`]), so nobody should wait in a
    /// loop until `boot` agrees. Dropping the future ends the wait and does nothing else.
    async fn sleep_until(&self, deadline: BootTime);
}

/// The system's clocks. Sleeping needs a tokio runtime with its timer enabled.
///
/// `wall` and `boot` always show real time. A wait is over when the boot clock has reached its deadline **or** when as much time has
/// passed for tokio's timer, whichever comes first. The two differ while the machine is suspended, when only the boot clock runs on,
/// and in a test whose tokio time is paused (`start_paused`, `tokio::time::pause`), where only the timer does: there pauses and
/// timeouts take no real time, as everywhere in tokio, and tokens do not grow old. A test that wants them to needs a clock of
/// which both follow its orders, such as the `ManualClock` of `oidc-testkit`.
#[derive(Debug, Default)]
pub struct SystemClock {
    suspended: AtomicU64,
    corrected_at: AtomicU64,
}

impl SystemClock {
    /// The system's clocks.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Clock for SystemClock {
    fn wall(&self) -> SystemTime {
        SystemTime::now()
    }

    fn boot(&self) -> BootTime {
        system::boot()
    }

    /// The coarse monotonic clock costs a fifth of the boot clock but stands still in suspend; what it missed is
    /// measured once a second.
    fn coarse(&self) -> BootTime {
        let now = system::coarse();
        let corrected_at = self.corrected_at.load(Ordering::Relaxed);
        if corrected_at == 0 || now.saturating_sub(corrected_at) >= 1_000_000_000 {
            let suspended = system::boot().0.saturating_sub(now);
            self.suspended.store(suspended, Ordering::Relaxed);
            self.corrected_at.store(now.max(1), Ordering::Relaxed);
        }
        BootTime(now.saturating_add(self.suspended.load(Ordering::Relaxed)))
    }

    /// The timer stands still in suspend, so a long wait is cut and both clocks are asked again.
    async fn sleep_until(&self, deadline: BootTime) {
        const LONGEST: Duration = Duration::from_secs(30);
        let (whole, start) = (deadline.since(self.boot()), tokio::time::Instant::now());
        let mut left = whole;
        while !left.is_zero() {
            tokio::time::sleep(left.min(LONGEST)).await;
            left = whole.saturating_sub(start.elapsed()).min(deadline.since(self.boot()));
        }
    }
}

#[cfg(target_os = "linux")]
mod system {
    use rustix::time::{ClockId, clock_gettime};

    use super::BootTime;

    pub(super) fn boot() -> BootTime {
        BootTime(nanoseconds(ClockId::Boottime))
    }

    pub(super) fn coarse() -> u64 {
        nanoseconds(ClockId::MonotonicCoarse)
    }

    fn nanoseconds(clock: ClockId) -> u64 {
        let time = clock_gettime(clock);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let rest = u64::try_from(time.tv_nsec).unwrap_or(0);
        seconds.saturating_mul(1_000_000_000).saturating_add(rest)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::{sync::OnceLock, time::Instant};

    use super::BootTime;

    /// On these systems `Instant` is the best that the standard library gives; on macOS it stands still in suspend.
    pub(super) fn boot() -> BootTime {
        static ORIGIN: OnceLock<Instant> = OnceLock::new();
        BootTime::from_origin(ORIGIN.get_or_init(Instant::now).elapsed())
    }

    pub(super) fn coarse() -> u64 {
        boot().0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coarse_follows_the_boot_clock() {
        let clock = SystemClock::new();
        for _ in 0..1_000 {
            let (before, coarse) = (clock.boot(), clock.coarse());
            let apart = before.since(coarse).max(coarse.since(before));
            assert!(apart < Duration::from_millis(100), "{apart:?}");
        }
    }

    // CLK-05
    #[test]
    fn points_never_overflow() {
        assert_eq!(BootTime::from_origin(Duration::MAX), BootTime::NEVER);
        assert_eq!(BootTime::from_origin(Duration::from_secs(1)).after(Duration::MAX), BootTime::NEVER);
        assert_eq!(BootTime::default().since(BootTime::NEVER), Duration::ZERO);
    }

    #[tokio::test]
    async fn sleeps_until_the_deadline() {
        let clock = SystemClock::new();
        let deadline = clock.boot().after(Duration::from_millis(30));
        clock.sleep_until(deadline).await;
        assert!(clock.boot() >= deadline);
    }

    // CLK-08
    #[tokio::test(start_paused = true)]
    async fn where_tokio_time_is_paused_a_wait_takes_as_much_of_it_and_no_real_time() {
        let clock = SystemClock::new();
        let (timer, boot) = (tokio::time::Instant::now(), clock.boot());
        for wait in [1, 30, 31, 3_600] {
            clock.sleep_until(clock.boot().after(Duration::from_secs(wait))).await;
        }
        let slept = timer.elapsed();
        let wanted = Duration::from_secs(1 + 30 + 31 + 3_600);
        assert!(slept.abs_diff(wanted) < Duration::from_secs(1), "{slept:?}");
        assert!(clock.boot().since(boot) < Duration::from_secs(5), "real time passed");
    }

    // CLK-08
    #[tokio::test(start_paused = true)]
    async fn where_tokio_time_is_paused_a_wait_ends_when_the_test_moves_on() {
        let (clock, timer) = (SystemClock::new(), tokio::time::Instant::now());
        let waiting = tokio::spawn(async move {
            clock.sleep_until(clock.boot().after(Duration::from_secs(60))).await;
            timer.elapsed()
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        tokio::time::advance(Duration::from_secs(61)).await;
        assert!(waiting.await.unwrap() < Duration::from_secs(62), "and is not begun anew");
    }
}
