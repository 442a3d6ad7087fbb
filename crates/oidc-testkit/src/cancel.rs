//! Callers that give up, at every moment at which one can.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    task::Poll,
};

use tokio::task::yield_now;

/// After so many rounds [`every_drop`] takes it that the call never ends.
const ROUNDS: usize = 20_000;

/// Polls `future` at most `polls` times and drops it if it is not done by then: what a timeout, a `select!` or a closed connection
/// does to a call. Gives the output, or `None` where the future was dropped. With 0 it is dropped without ever being polled.
///
/// Between two polls everything else on the runtime gets a turn, whether the future was woken or not. So `polls` counts the steps
/// of what goes on behind the call, too: dropped one poll later, the call leaves a task, a server or a store of the same runtime
/// one step further. Has to run on tokio.
///
/// ```
/// use oidc_testkit::drop_after;
/// use tokio::task::yield_now;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(drop_after(1, async { "done" }).await, Some("done"));
/// assert_eq!(drop_after(1, async { yield_now().await }).await, None);
/// assert_eq!(drop_after(2, async { yield_now().await }).await, Some(()));
/// # }
/// ```
pub async fn drop_after<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    for poll in 0..polls {
        if poll > 0 {
            yield_now().await;
        }
        if let Poll::Ready(output) = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
            return Some(output);
        }
    }
    None
}

/// Plays `round` once for each moment at which its call can be dropped: before the first poll, after the first, after the second,
/// and so on, until the call comes to its end. Gives the number of rounds in which it was dropped.
///
/// A round sets its scene anew, makes the call through [`Cut::short`], and then asserts what has to hold wherever it ended.
/// Several calls of one round are all dropped after the same number of polls, and the last round is the one in which none was.
/// A call with more moments than one sees from the outside, such as a write to a store in memory, has them with
/// [`Yielding`](crate::Yielding).
///
/// ```
/// use oidc_core::{MemoryStore, Payload, TokenStore, store::{Revision, WriteId}};
/// use oidc_testkit::{Yielding, every_drop};
/// # use oidc_core::{Issuer, Subject, TokenKey};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let key = TokenKey::new(Issuer::new("https://id.example").unwrap(), "app", Subject::App).id();
/// let drops = every_drop(async |cut| {
///     let store = Yielding::new(MemoryStore::new());
///     let (id, tokens) = (WriteId::random(), || Payload::new(b"tokens".to_vec()));
///     cut.short(store.put(&key, Some(Revision::ABSENT), id, tokens())).await;
///
///     // It was done or it was not done, and asking once more makes it done.
///     store.put(&key, Some(Revision::ABSENT), id, tokens()).await.unwrap();
///     let record = store.load(&key).await.unwrap().unwrap();
///     assert_eq!(record.login, id, "after {} polls", cut.polls());
/// })
/// .await;
/// assert!(drops > 2 * Yielding::<MemoryStore>::TURNS);
/// # }
/// ```
///
/// # Panics
/// Where the call has not come to its end after 20,000 rounds: it hangs, or waits for a clock that nobody moves.
#[expect(clippy::panic, reason = "a test fails by panicking")]
pub async fn every_drop(mut round: impl AsyncFnMut(&Cut)) -> usize {
    for polls in 0..ROUNDS {
        let cut = Cut { polls, dropped: AtomicBool::new(false) };
        round(&cut).await;
        if !cut.dropped.into_inner() {
            return polls;
        }
    }
    panic!("not done after {ROUNDS} polls");
}

/// Where the calls of one round of [`every_drop`] are dropped.
#[derive(Debug)]
pub struct Cut {
    polls: usize,
    dropped: AtomicBool,
}

impl Cut {
    /// [`drop_after`] the number of polls that this round is about.
    pub async fn short<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let output = drop_after(self.polls, future).await;
        if output.is_none() {
            self.dropped.store(true, Ordering::Relaxed);
        }
        output
    }

    /// After how many polls the calls of this round are dropped: for the messages of assertions.
    pub fn polls(&self) -> usize {
        self.polls
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn every_moment_has_its_round() {
        let steps = Cell::new(0);
        let mut seen = Vec::new();
        let drops = every_drop(async |cut| {
            steps.set(0);
            let call = async {
                for _ in 0..3 {
                    steps.set(steps.get() + 1);
                    yield_now().await;
                }
                "done"
            };
            let output = cut.short(call).await;
            seen.push((cut.polls(), steps.get(), output));
        })
        .await;
        let done = Some("done");
        assert_eq!(seen, [(0, 0, None), (1, 1, None), (2, 2, None), (3, 3, None), (4, 3, done)]);
        assert_eq!(drops, 4);
    }

    #[tokio::test]
    async fn others_go_on_by_a_step_between_two_polls() {
        for polls in 1..5 {
            let steps = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
            let behind = tokio::spawn({
                let steps = steps.clone();
                async move {
                    loop {
                        steps.fetch_add(1, Ordering::Relaxed);
                        yield_now().await;
                    }
                }
            });
            drop_after(polls, std::future::pending::<()>()).await;
            assert_eq!(steps.load(Ordering::Relaxed), polls - 1);
            behind.abort();
        }
    }

    #[tokio::test]
    #[should_panic = "not done after"]
    async fn a_call_that_hangs_is_told() {
        every_drop(async |cut| {
            // Dropped at once, because so many rounds of so many polls take too long for a test.
            let short = Cut { polls: cut.polls().min(1), dropped: AtomicBool::new(false) };
            short.short(std::future::pending::<()>()).await;
            cut.dropped.store(true, Ordering::Relaxed);
        })
        .await;
    }
}
