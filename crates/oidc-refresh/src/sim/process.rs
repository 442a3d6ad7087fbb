//! One process: what it sees of time, and whether it runs at all.
//!
//! All processes live on one thread. A process that has crashed is one for which nothing ever ends any more: none of its sleeps, none
//! of its requests, none of its operations on the store; so nothing of it runs again. One that stands still gets all of that later.

use std::{
    fmt,
    future::pending,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use oidc_core::{BootTime, Clock};
use tokio::sync::Notify;

use super::{
    history::{Event, Fault, Pid},
    world::World,
};

pub(super) struct Process {
    pub(super) pid: Pid,
    pub(super) world: Arc<World>,
    /// What its boot clock showed when the world began.
    booted: Duration,
    state: Mutex<State>,
    gone: Notify,
}

#[derive(Clone, Copy)]
struct State {
    alive: bool,
    resumes_at: Duration,
    /// By how many milliseconds its wall clock is ahead.
    wall_ahead: i64,
}

impl Process {
    pub(super) fn new(world: &Arc<World>, pid: Pid) -> Arc<Self> {
        let state = State { alive: true, resumes_at: Duration::ZERO, wall_ahead: 0 };
        let booted = Duration::from_secs(100_000 * u64::from(pid.place + 1));
        Arc::new(Self { pid, world: world.clone(), booted, state: Mutex::new(state), gone: Notify::new() })
    }

    /// Waits until the process runs: at once if it does, for ever if it never will.
    pub(super) async fn running(&self) {
        loop {
            let State { alive, resumes_at, .. } = *self.state.lock().unwrap();
            if !alive {
                pending::<()>().await;
            }
            if resumes_at <= self.world.now() {
                return;
            }
            self.world.timeline.sleep_until(resumes_at).await;
        }
    }

    pub(super) async fn sleep(&self, pause: Duration) {
        self.world.sleep(pause).await;
        self.running().await;
    }

    pub(super) fn is_running(&self) -> bool {
        let state = self.state.lock().unwrap();
        state.alive && state.resumes_at <= self.world.now()
    }

    pub(super) fn is_alive(&self) -> bool {
        self.state.lock().unwrap().alive
    }

    /// Crashes, at this rate.
    pub(super) fn may_crash(&self, permille: u64) {
        if self.is_alive() && self.world.goes_wrong(permille, Some(self.pid), None, Fault::Crash) {
            self.end();
        }
    }

    /// Stands still for a while, at this rate.
    pub(super) fn may_pause(&self, permille: u64) {
        if self.is_running() && self.world.goes_wrong(permille, Some(self.pid), None, Fault::Pause) {
            let pause = self.world.with(|inside| inside.rng.millis(500, 12_000));
            self.state.lock().unwrap().resumes_at = self.world.now() + pause;
        }
    }

    /// Sets the wall clock.
    pub(super) fn set_wall(&self, ahead: i64) {
        self.state.lock().unwrap().wall_ahead = ahead;
    }

    /// Nothing of it runs any more.
    pub(super) fn end(&self) {
        self.state.lock().unwrap().alive = false;
        self.gone.notify_one();
    }

    /// Waits for the end.
    pub(super) async fn gone(&self) {
        self.gone.notified().await;
    }

    /// Notes what only a process that runs can bring about.
    pub(super) fn note(&self, event: Event) {
        if self.is_running() {
            self.world.note(event);
        }
    }
}

#[async_trait]
impl Clock for Process {
    fn wall(&self) -> SystemTime {
        let ahead = self.state.lock().unwrap().wall_ahead;
        let right = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000) + self.world.now();
        let off = Duration::from_millis(ahead.unsigned_abs());
        if ahead < 0 { right - off } else { right + off }
    }

    fn boot(&self) -> BootTime {
        BootTime::from_origin(self.booted + self.world.now())
    }

    async fn sleep_until(&self, deadline: BootTime) {
        self.world.timeline.sleep_until(deadline.since_origin().saturating_sub(self.booted)).await;
        self.running().await;
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pid.fmt(f)
    }
}
