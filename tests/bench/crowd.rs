//! Many tasks that ask for a token at the same moment.

use std::{sync::Arc, time::Duration};

use futures_util::future::{Either, join_all, select};
use oidc_core::{Clock, SystemClock};
use tokio::sync::watch;

use crate::{Bench, measure::quantile, thread::now};

/// How a crowd fared.
pub(crate) struct Fared {
    /// How long the callers took, each from the moment at which all were let go: 99 of 100 took less. In seconds.
    pub(crate) p99: f64,
    /// How many got what they wanted.
    pub(crate) served: usize,
}

/// Lets `callers` tasks go at once, each of which does `call` and says whether it got what it wanted. They wait for the
/// signal on the runtime's two threads, so that waking them is part of the time.
pub(crate) fn crowd<F>(bench: &Bench, callers: usize, call: impl Fn() -> F) -> Fared
where
    F: Future<Output = bool> + Send + 'static,
{
    bench.runtime.block_on(async {
        let (signal, waiting) = watch::channel(None);
        let arrived = Arc::new(tokio::sync::Semaphore::new(0));
        let tasks: Vec<_> = (0..callers)
            .map(|_| {
                let (mut waiting, arrived, call) = (waiting.clone(), arrived.clone(), call());
                tokio::spawn(async move {
                    arrived.add_permits(1);
                    let start = waiting.wait_for(Option::is_some).await.map(|start| start.expect("is some"));
                    let served = call.await;
                    (now().since(start.expect("somebody gives the signal")).as_secs_f64(), served)
                })
            })
            .collect();
        let _ = arrived.acquire_many(u32::try_from(callers).expect("a crowd, not a nation")).await;
        signal.send_replace(Some(now()));
        let fared: Vec<(f64, bool)> =
            join_all(tasks).await.into_iter().map(|task| task.expect("no caller panics")).collect();
        Fared {
            served: fared.iter().filter(|(_, served)| *served).count(),
            p99: quantile(fared.into_iter().map(|(took, _)| took).collect(), 0.99),
        }
    })
}

/// Waits so long.
pub(crate) async fn pause(duration: Duration) {
    let clock = SystemClock::new();
    clock.sleep_until(clock.boot().after(duration)).await;
}

/// What `future` gives, unless that takes longer than `limit`.
pub(crate) async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    match select(std::pin::pin!(future), std::pin::pin!(pause(limit))).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}
