//! Time that passes only when nothing else can happen.

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::runtime::{Builder, Runtime};

/// The time since the world began, and who sleeps until when.
#[derive(Clone, Debug, Default)]
pub(super) struct Timeline(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    now: Duration,
    sleeps: u64,
    /// By time and, where that is the same, by who came first.
    sleepers: BTreeMap<(Duration, u64), Waker>,
    /// Who waits until all tasks wait.
    idler: Option<Waker>,
    idle: bool,
}

impl Timeline {
    /// A runtime of one thread that says when all of its tasks wait: the one way to let time pass without guessing.
    pub(super) fn runtime(&self) -> Runtime {
        let timeline = self.clone();
        let parked = move || {
            let mut state = timeline.state();
            state.idle = true;
            if let Some(idler) = state.idler.take() {
                idler.wake();
            }
        };
        Builder::new_current_thread().on_thread_park(parked).build().unwrap()
    }

    pub(super) fn now(&self) -> Duration {
        self.state().now
    }

    pub(super) fn sleep_until(&self, at: Duration) -> Sleep {
        Sleep { timeline: self.clone(), at, id: None }
    }

    pub(super) fn sleep(&self, pause: Duration) -> Sleep {
        self.sleep_until(self.now().saturating_add(pause))
    }

    /// Lets time pass, sleeper by sleeper, until `over`. Says whether it got there; if not, nobody sleeps any more.
    pub(super) async fn run(&self, over: impl Fn() -> bool) -> bool {
        loop {
            self.wait_for_idleness().await;
            if over() {
                return true;
            }
            let Some(waker) = self.next_sleeper() else { return false };
            waker.wake();
        }
    }

    fn next_sleeper(&self) -> Option<Waker> {
        let mut state = self.state();
        let ((at, _), waker) = state.sleepers.pop_first()?;
        state.now = state.now.max(at);
        Some(waker)
    }

    async fn wait_for_idleness(&self) {
        self.state().idle = false;
        std::future::poll_fn(|context| {
            let mut state = self.state();
            if state.idle {
                return Poll::Ready(());
            }
            state.idler = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

/// Waits for a point of the timeline.
pub(super) struct Sleep {
    timeline: Timeline,
    at: Duration,
    id: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let timeline = self.timeline.clone();
        let mut state = timeline.state();
        if state.now >= self.at {
            return Poll::Ready(());
        }
        let id = *self.id.get_or_insert_with(|| {
            state.sleeps += 1;
            state.sleeps
        });
        state.sleepers.insert((self.at, id), context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.timeline.state().sleepers.remove(&(self.at, id));
        }
    }
}
