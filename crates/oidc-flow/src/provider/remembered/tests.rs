//! What is remembered, for how long, and how often it is fetched.

use std::sync::atomic::{AtomicU64, Ordering};

use oidc_testkit::ManualClock;
use tokio::sync::watch;

use super::*;

/// A document that counts how often it was fetched, and fails on demand.
struct Place {
    clock: ManualClock,
    remembered: Arc<Remembered<u64>>,
    fetches: Arc<AtomicU64>,
    fault: Arc<Mutex<Option<ProviderError>>>,
    panics: bool,
    open: watch::Sender<bool>,
}

const HOUR: Duration = Duration::from_secs(3600);

impl Place {
    fn new() -> Self {
        Self {
            clock: ManualClock::new(),
            remembered: Arc::default(),
            fetches: Arc::default(),
            fault: Arc::default(),
            panics: false,
            open: watch::Sender::new(true),
        }
    }

    fn fetch(&self) -> Fetch<u64> {
        let (fetches, fault, panics) = (Arc::clone(&self.fetches), Arc::clone(&self.fault), self.panics);
        let mut open = self.open.subscribe();
        Box::pin(async move {
            let number = fetches.fetch_add(1, Ordering::Relaxed) + 1;
            open.wait_for(|open| *open).await.unwrap();
            assert!(!panics);
            match fault.lock().unwrap().clone() {
                Some(error) => Err(error),
                None => Ok(Fetched { value: Arc::new(number), max_age: HOUR }),
            }
        })
    }

    async fn get(&self) -> Result<u64, ProviderError> {
        self.known().await.map(|known| *known.value)
    }

    async fn known(&self) -> Result<Known<u64>, ProviderError> {
        self.remembered.get(&self.clock, || self.fetch()).await
    }

    async fn renew(&self, seen: &Known<u64>) -> Result<u64, NotNow> {
        self.remembered.renew(&self.clock, seen, || self.fetch()).await.map(|known| *known.value)
    }

    fn fail(&self, error: ProviderError) {
        *self.fault.lock().unwrap() = Some(error);
    }

    fn recover(&self) {
        *self.fault.lock().unwrap() = None;
    }

    fn fetches(&self) -> u64 {
        self.fetches.load(Ordering::Relaxed)
    }
}

fn unreachable() -> ProviderError {
    ProviderErrorKind::Unreachable.into()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn a_document_serves_for_its_age() {
    let place = Place::new();
    assert_eq!(place.get().await.unwrap(), 1);
    place.clock.advance(HOUR - seconds(1));
    assert_eq!(place.get().await.unwrap(), 1);
    place.clock.advance(seconds(1));
    assert_eq!(place.get().await.unwrap(), 2);
}

// DIS-14
#[tokio::test]
async fn a_hundred_at_once_fetch_once() {
    let place = Place::new();
    place.open.send_replace(false);
    let everyone = futures_util::future::join_all((0..100).map(|_| place.get()));
    let opens = async { place.open.send_replace(true) };
    let (values, _) = tokio::join!(everyone, opens);
    assert!(values.into_iter().all(|value| value.unwrap() == 1));
    assert_eq!(place.fetches(), 1);
}

#[tokio::test]
async fn whoever_gives_up_leaves_the_fetch_to_the_others() {
    let place = Arc::new(Place::new());
    place.open.send_replace(false);
    let spawn = || {
        let place = Arc::clone(&place);
        tokio::spawn(async move { place.get().await })
    };
    let (first, second) = (spawn(), spawn());
    while place.fetches() == 0 {
        tokio::task::yield_now().await;
    }
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    place.open.send_replace(true);
    assert_eq!(second.await.unwrap().unwrap(), 1);
    assert_eq!(place.fetches(), 1);
}

#[tokio::test]
async fn a_fetch_that_all_gave_up_on_is_taken_up_again_or_started_over() {
    let place = Place::new();
    place.open.send_replace(false);
    for (after, fetches) in [(seconds(0), 1), (seconds(59), 1), (seconds(1), 2)] {
        place.clock.advance(after);
        let waiting = place.get();
        assert!(waiting.now_or_never().is_none());
        assert_eq!(place.fetches(), fetches, "{after:?}");
    }
    place.open.send_replace(true);
    assert_eq!(place.get().await.unwrap(), 2);
}

// DIS-13
#[tokio::test]
async fn failures_are_remembered_longer_each_time() {
    let place = Place::new();
    place.fail(unreachable());
    for (index, wait) in [1, 2, 4, 8, 16, 32, 60, 60].into_iter().enumerate() {
        for _ in 0..3 {
            let error = place.get().await.unwrap_err();
            assert!(error.is_transient());
            assert_eq!(error.retry_after(), Some(seconds(wait)));
        }
        assert_eq!(place.fetches(), index as u64 + 1);
        place.clock.advance(seconds(wait));
    }
    place.recover();
    assert_eq!(place.get().await.unwrap(), 9);
    place.clock.advance(HOUR);
    place.fail(unreachable());
    assert_eq!(place.get().await.unwrap(), 9);
    assert_eq!(place.remembered.lock().back_off(place.clock.boot()).unwrap().retry_after(), Some(seconds(1)));
}

#[tokio::test]
async fn the_provider_may_ask_for_more_patience_but_not_for_hours() {
    for (asked, wait) in [(0, 1), (30, 30), (100_000, 600)] {
        let place = Place::new();
        place.fail(unreachable().with_retry_after(Some(seconds(asked))));
        assert_eq!(place.get().await.unwrap_err().retry_after(), Some(seconds(wait)), "{asked}");
    }
}

// DIS-12, JWK-04
#[tokio::test]
async fn an_old_document_stays_in_use_for_a_day_while_there_is_no_newer_one() {
    let place = Place::new();
    assert_eq!(place.get().await.unwrap(), 1);
    place.fail(ProviderErrorKind::IssuerMismatch.into());
    place.clock.advance(HOUR + seconds(24 * 3600 - 1));
    assert_eq!(place.get().await.unwrap(), 1);
    assert_eq!(place.get().await.unwrap(), 1);
    assert_eq!(place.fetches(), 2);
    place.clock.advance(seconds(1));
    let error = place.get().await.unwrap_err();
    assert_eq!(error.kind(), ProviderErrorKind::IssuerMismatch);
    place.recover();
    place.clock.advance(seconds(2));
    assert_eq!(place.get().await.unwrap(), 4);
}

#[tokio::test]
async fn only_one_waits_for_a_newer_document_while_the_old_one_serves() {
    let place = Place::new();
    assert_eq!(place.get().await.unwrap(), 1);
    place.clock.advance(HOUR);
    place.open.send_replace(false);
    let leader = place.get();
    let mut leader = std::pin::pin!(leader);
    assert!(leader.as_mut().now_or_never().is_none());
    for _ in 0..10 {
        assert_eq!(place.get().now_or_never().unwrap().unwrap(), 1);
    }
    place.open.send_replace(true);
    assert_eq!(leader.await.unwrap(), 2);
    assert_eq!((place.get().await.unwrap(), place.fetches()), (2, 2));
}

// JWK-01, JWK-02, JWK-03
#[tokio::test]
async fn a_document_is_renewed_at_most_twice_a_minute() {
    let place = Place::new();
    let first = place.known().await.unwrap();
    assert!(first.is_new);
    let first = place.known().await.unwrap();
    assert!(!first.is_new);

    assert_eq!(place.renew(&first).await.unwrap(), 2);
    assert_eq!(place.renew(&first).await.unwrap(), 2, "there is a newer one already");
    let second = place.known().await.unwrap();
    place.clock.advance(seconds(10));
    for _ in 0..100 {
        let not_now = place.renew(&second).await.unwrap_err();
        assert_eq!(not_now.retry_after, seconds(20));
        assert!(not_now.source.is_none());
        assert_eq!(place.get().await.unwrap(), 2);
    }
    assert_eq!(place.fetches(), 2);
    place.clock.advance(seconds(20));
    assert_eq!(place.renew(&second).await.unwrap(), 3);
}

// JWK-01
#[tokio::test]
async fn many_at_once_renew_once() {
    let place = Place::new();
    let seen = place.known().await.unwrap();
    place.open.send_replace(false);
    let everyone = futures_util::future::join_all((0..100).map(|_| place.renew(&seen)));
    let opens = async { place.open.send_replace(true) };
    let (values, _) = tokio::join!(everyone, opens);
    assert!(values.into_iter().all(|value| value.unwrap() == 2));
    assert_eq!(place.fetches(), 2);
}

// JWK-04
#[tokio::test]
async fn a_renewal_that_fails_spoils_nothing() {
    let place = Place::new();
    let seen = place.known().await.unwrap();
    place.fail(unreachable());
    for retry_after in [seconds(1), seconds(1)] {
        let not_now = place.renew(&seen).await.unwrap_err();
        assert_eq!(not_now.retry_after, retry_after);
        assert!(not_now.source.unwrap().is_transient());
    }
    assert_eq!(place.get().await.unwrap(), 1);
    assert_eq!(place.fetches(), 2);
}

#[tokio::test]
async fn a_panic_is_a_failure_and_passes() {
    let mut place = Place::new();
    place.panics = true;
    assert_eq!(place.get().await.unwrap_err().kind(), ProviderErrorKind::Unreachable);
    place.panics = false;
    place.clock.advance(seconds(1));
    assert_eq!(place.get().await.unwrap(), 2);
}
