//! Time that moves only when told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use oidc_core::{BootTime, Clock};
use tokio::sync::watch;

/// A clock that stands still until a test moves it. Clones show the same time.
///
/// Wall and boot clock move together with [`advance`](Self::advance), as time does, or one by one: a wall
/// clock may be set to anything at any moment, a boot clock never goes back. No real time passes in any of
/// it.
///
/// ```
/// use std::time::Duration;
/// use oidc_core::Clock;
/// use oidc_testkit::ManualClock;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let clock = ManualClock::new();
/// let deadline = clock.boot().after(Duration::from_secs(60));
/// let waiting = tokio::spawn({
///     let clock = clock.clone();
///     async move { clock.sleep_until(deadline).await }
/// });
/// clock.wait_for_sleepers(1).await;
/// clock.advance(Duration::from_secs(60));
/// waiting.await.unwrap();
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    now: watch::Sender<Now>,
    sleepers: watch::Sender<Vec<Sleeper>>,
    next_id: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
struct Now {
    wall: SystemTime,
    boot: BootTime,
}

#[derive(Debug)]
struct Sleeper {
    id: u64,
    deadline: BootTime,
}

impl ManualClock {
    /// A clock at 2026-01-01T00:00:00Z, on a machine that has been up for a day.
    pub fn new() -> Self {
        let wall = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(1_767_225_600));
        let boot = BootTime::from_origin(Duration::from_secs(24 * 60 * 60));
        Self::at(wall.unwrap_or(SystemTime::UNIX_EPOCH), boot)
    }

    /// A clock at these two times.
    pub fn at(wall: SystemTime, boot: BootTime) -> Self {
        Self(Arc::new(Inner {
            now: watch::Sender::new(Now { wall, boot }),
            sleepers: watch::Sender::default(),
            next_id: AtomicU64::new(0),
        }))
    }

    /// Lets time pass: moves both clocks on and wakes whoever sleeps until then.
    pub fn advance(&self, by: Duration) {
        self.0.now.send_modify(|now| {
            now.wall = later(now.wall, by);
            now.boot = now.boot.after(by);
        });
    }

    /// Moves the boot clock on, and not the wall clock: as if the wall clock had been set back meanwhile.
    pub fn advance_boot(&self, by: Duration) {
        self.0.now.send_modify(|now| now.boot = now.boot.after(by));
    }

    /// Moves the wall clock on, and not the boot clock: as if somebody had set it. Wakes nobody.
    pub fn advance_wall(&self, by: Duration) {
        self.0.now.send_modify(|now| now.wall = later(now.wall, by));
    }

    /// Sets the wall clock, forward or back. Wakes nobody.
    pub fn set_wall(&self, wall: SystemTime) {
        self.0.now.send_modify(|now| now.wall = wall);
    }

    /// Sets the boot clock and wakes whoever sleeps until then. An earlier time than the present one is
    /// ignored: a boot clock never goes back.
    pub fn set_boot(&self, boot: BootTime) {
        self.0.now.send_modify(|now| now.boot = now.boot.max(boot));
    }

    /// How many waits are under way.
    pub fn sleepers(&self) -> usize {
        self.0.sleepers.borrow().len()
    }

    /// The earliest time at which somebody is to be woken; `None` where nobody sleeps.
    pub fn next_deadline(&self) -> Option<BootTime> {
        self.0.sleepers.borrow().iter().map(|sleeper| sleeper.deadline).min()
    }

    /// Waits, without any time passing, until at least so many waits are under way: the moment to move the
    /// clock.
    pub async fn wait_for_sleepers(&self, at_least: usize) {
        let mut sleepers = self.0.sleepers.subscribe();
        // An error would mean that the sender is gone, and `self` holds it.
        let _ = sleepers.wait_for(|sleepers| sleepers.len() >= at_least).await;
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Clock for ManualClock {
    fn wall(&self) -> SystemTime {
        self.0.now.borrow().wall
    }

    fn boot(&self) -> BootTime {
        self.0.now.borrow().boot
    }

    async fn sleep_until(&self, deadline: BootTime) {
        if self.boot() >= deadline {
            return;
        }
        let mut now = self.0.now.subscribe();
        let _registered = Registration::new(&self.0, deadline);
        let _ = now.wait_for(|now| now.boot >= deadline).await;
    }
}

/// A wait that is counted until it is dropped.
struct Registration<'a> {
    inner: &'a Inner,
    id: u64,
}

impl<'a> Registration<'a> {
    fn new(inner: &'a Inner, deadline: BootTime) -> Self {
        let id = inner.next_id.fetch_add(1, Ordering::Relaxed);
        inner.sleepers.send_modify(|sleepers| sleepers.push(Sleeper { id, deadline }));
        Self { inner, id }
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.inner.sleepers.send_modify(|sleepers| sleepers.retain(|sleeper| sleeper.id != self.id));
    }
}

fn later(wall: SystemTime, by: Duration) -> SystemTime {
    wall.checked_add(by).unwrap_or(wall)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn sleepers_wake_when_the_boot_clock_reaches_their_deadline() {
        let clock = ManualClock::new();
        let deadline = clock.boot().after(SECOND * 2);
        let sleeping = tokio::spawn({
            let clock = clock.clone();
            async move {
                clock.sleep_until(deadline).await;
                clock.boot()
            }
        });
        clock.wait_for_sleepers(1).await;
        assert_eq!(clock.next_deadline(), Some(deadline));
        clock.advance(SECOND);
        clock.advance_wall(SECOND * 100);
        tokio::task::yield_now().await;
        assert!(!sleeping.is_finished());
        clock.advance_boot(SECOND);
        assert_eq!(sleeping.await.unwrap(), deadline);
        assert_eq!((clock.sleepers(), clock.next_deadline()), (0, None));
    }

    #[tokio::test]
    async fn a_wait_that_is_dropped_counts_no_more() {
        let clock = ManualClock::new();
        let sleeping = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(BootTime::NEVER).await }
        });
        clock.wait_for_sleepers(1).await;
        sleeping.abort();
        assert!(sleeping.await.unwrap_err().is_cancelled());
        assert_eq!(clock.sleepers(), 0);
    }

    #[test]
    fn the_clocks_move_together_and_apart() {
        let clock = ManualClock::new();
        let (wall, boot) = (clock.wall(), clock.boot());
        clock.advance(SECOND);
        clock.advance_boot(SECOND);
        clock.advance_wall(SECOND * 5);
        assert_eq!(clock.wall(), wall + SECOND * 6);
        assert_eq!(clock.boot().since(boot), SECOND * 2);
        clock.set_wall(SystemTime::UNIX_EPOCH);
        clock.set_boot(boot);
        assert_eq!(clock.wall(), SystemTime::UNIX_EPOCH);
        assert_eq!(clock.boot().since(boot), SECOND * 2);
    }

    #[test]
    fn the_end_of_time_is_no_panic() {
        let clock = ManualClock::new();
        let wall = clock.wall();
        clock.advance(Duration::MAX);
        assert_eq!((clock.wall(), clock.boot()), (wall, BootTime::NEVER));
    }
}
