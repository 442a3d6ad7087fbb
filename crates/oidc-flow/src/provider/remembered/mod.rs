//! A document that is fetched when it is needed, by one for all, and remembered.

#[cfg(test)]
mod tests;

use std::{
    fmt,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use oidc_core::{BootTime, Clock};

use super::{ProviderError, ProviderErrorKind};

/// What was fetched, and for how long it is good.
#[derive(Debug)]
pub(super) struct Fetched<T> {
    pub(super) value: Arc<T>,
    pub(super) max_age: Duration,
}

/// A fetch that has not been sent yet. It must not hold what holds the [`Remembered`].
pub(super) type Fetch<T> = BoxFuture<'static, Result<Fetched<T>, ProviderError>>;

/// A document of a provider.
///
/// There is one fetch at a time, driven by all who wait for it: whoever gives up leaves it to the others. A good document serves
/// for its age, and for [`MAX_STALE`] more while a newer one is on its way or cannot be had. A failure is remembered for the
/// back-off.
pub(super) struct Remembered<T> {
    slot: Mutex<Slot<T>>,
}

struct Slot<T> {
    good: Option<Good<T>>,
    failure: Option<Failure>,
    flight: Option<Flight<T>>,
    /// Counts documents and flights, so that one is never taken for another.
    count: u64,
    renewed_at: Option<BootTime>,
}

struct Good<T> {
    value: Arc<T>,
    number: u64,
    fresh_until: BootTime,
}

struct Failure {
    error: ProviderError,
    in_a_row: u32,
    until: BootTime,
}

struct Flight<T> {
    fetch: Shared<Fetch<T>>,
    number: u64,
    started_at: BootTime,
}

/// A document, and where it came from.
#[derive(Debug)]
pub(super) struct Known<T> {
    pub(super) value: Arc<T>,
    /// Whether it was fetched while the caller waited, so that there is no point in fetching it again.
    pub(super) is_new: bool,
    number: u64,
}

/// Why a document cannot be fetched again just now.
#[derive(Debug)]
pub(crate) struct NotNow {
    pub(crate) retry_after: Duration,
    pub(crate) source: Option<ProviderError>,
}

/// How long a document serves beyond its age while a newer one cannot be had.
const MAX_STALE: Duration = Duration::from_secs(24 * 3600);
/// How often a document is fetched again before its time.
const MIN_RENEWAL: Duration = Duration::from_secs(30);
const FIRST_BACK_OFF: Duration = Duration::from_secs(1);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);
/// The longest that a provider may ask to be left alone for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(600);
/// When a fetch that everybody gave up on is started over; a transport has given it up before.
const ABANDONED: Duration = Duration::from_secs(60);

impl From<ProviderError> for NotNow {
    fn from(error: ProviderError) -> Self {
        Self { retry_after: error.retry_after().unwrap_or(FIRST_BACK_OFF), source: Some(error) }
    }
}

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        let slot = Slot { good: None, failure: None, flight: None, count: 0, renewed_at: None };
        Self { slot: Mutex::new(slot) }
    }
}

impl<T: Send + Sync + 'static> Remembered<T> {
    /// The document: remembered, or fetched now.
    ///
    /// # Errors
    /// Why it could not be fetched, now or before the back-off, where no older one serves.
    pub(super) async fn get(
        &self,
        clock: &dyn Clock,
        fetch: impl FnOnce() -> Fetch<T>,
    ) -> Result<Known<T>, ProviderError> {
        let flight = {
            let mut slot = self.lock();
            let now = clock.boot();
            match slot.at_hand(now) {
                Some(known) => return known,
                None => slot.join_or_start(now, fetch),
            }
        };
        let landed = flight.fetch.clone().await;
        let mut slot = self.lock();
        let now = clock.boot();
        slot.settle(flight.number, &landed, now);
        match landed {
            Ok(fetched) => Ok(Known { value: fetched.value, is_new: true, number: flight.number }),
            Err(error) => slot.stale(now).ok_or_else(|| slot.back_off(now).unwrap_or(error)),
        }
    }

    /// A newer document than `seen`, which turned out not to have everything. It is fetched at most once in [`MIN_RENEWAL`].
    ///
    /// # Errors
    /// [`NotNow`].
    pub(super) async fn renew(
        &self,
        clock: &dyn Clock,
        seen: &Known<T>,
        fetch: impl FnOnce() -> Fetch<T>,
    ) -> Result<Known<T>, NotNow> {
        let flight = {
            let mut slot = self.lock();
            let now = clock.boot();
            match &slot.good {
                Some(good) if good.number != seen.number => return Ok(good.known(true)),
                _ => {}
            }
            if slot.flight.is_none() {
                if let Some(error) = slot.back_off(now) {
                    return Err(error.into());
                }
                if let Some(retry_after) = slot.cool_down(now) {
                    return Err(NotNow { retry_after, source: None });
                }
                slot.renewed_at = Some(now);
            }
            slot.join_or_start(now, fetch)
        };
        let landed = flight.fetch.clone().await;
        let mut slot = self.lock();
        let now = clock.boot();
        slot.settle(flight.number, &landed, now);
        match landed {
            Ok(fetched) => Ok(Known { value: fetched.value, is_new: true, number: flight.number }),
            Err(error) => Err(slot.back_off(now).unwrap_or(error).into()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slot<T>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + Sync + 'static> Slot<T> {
    /// What can be said without waiting: the document while it is new, the old one while a newer one is on its way to somebody or
    /// cannot be had, or why there is none. Nothing where it is to be fetched.
    fn at_hand(&self, now: BootTime) -> Option<Result<Known<T>, ProviderError>> {
        if let Some(good) = self.good.as_ref().filter(|good| now < good.fresh_until) {
            return Some(Ok(good.known(false)));
        }
        if self.flight.as_ref().is_some_and(|flight| flight.is_alive(now)) {
            return self.stale(now).map(Ok);
        }
        let error = self.back_off(now)?;
        Some(self.stale(now).ok_or(error))
    }

    fn join_or_start(&mut self, now: BootTime, fetch: impl FnOnce() -> Fetch<T>) -> Flight<T> {
        match &self.flight {
            Some(flight) if flight.is_alive(now) => flight.clone(),
            _ => {
                self.count += 1;
                // A transport that panics must not leave a fetch behind that panics for ever.
                let fetch = AssertUnwindSafe(fetch())
                    .catch_unwind()
                    .map(|landed| landed.unwrap_or_else(|_| Err(ProviderErrorKind::Unreachable.into())))
                    .boxed()
                    .shared();
                let flight = Flight { fetch, number: self.count, started_at: now };
                self.flight = Some(flight.clone());
                flight
            }
        }
    }

    /// Takes up what a flight brought, once.
    fn settle(&mut self, number: u64, landed: &Result<Fetched<T>, ProviderError>, now: BootTime) {
        if self.flight.as_ref().is_none_or(|flight| flight.number != number) {
            return;
        }
        self.flight = None;
        match landed {
            Ok(fetched) => {
                let fresh_until = now.after(fetched.max_age);
                self.good = Some(Good { value: Arc::clone(&fetched.value), number, fresh_until });
                self.failure = None;
            }
            Err(error) => {
                tracing::warn!(kind = ?error.kind(), keeps_the_old_one = self.good.is_some(), "no document from the provider");
                let in_a_row = self.failure.as_ref().map_or(0, |failure| failure.in_a_row).saturating_add(1);
                let wait = match error.retry_after() {
                    Some(asked) => asked.min(LONGEST_RETRY_AFTER).max(back_off(in_a_row)),
                    None => back_off(in_a_row),
                };
                self.failure = Some(Failure { error: error.clone(), in_a_row, until: now.after(wait) });
            }
        }
    }

    /// The last failure, while nothing is tried again.
    fn back_off(&self, now: BootTime) -> Option<ProviderError> {
        let failure = self.failure.as_ref().filter(|failure| now < failure.until)?;
        Some(failure.error.clone().with_retry_after(Some(failure.until.since(now))))
    }

    /// How long a renewal has to wait for the one before.
    fn cool_down(&self, now: BootTime) -> Option<Duration> {
        let until = self.renewed_at?.after(MIN_RENEWAL);
        Some(until.since(now)).filter(|wait| !wait.is_zero())
    }

    /// The old document, where it still serves.
    fn stale(&self, now: BootTime) -> Option<Known<T>> {
        let good = self.good.as_ref().filter(|good| now < good.fresh_until.after(MAX_STALE))?;
        Some(good.known(false))
    }
}

impl<T> Flight<T> {
    fn is_alive(&self, now: BootTime) -> bool {
        now.since(self.started_at) < ABANDONED
    }
}

impl<T> Good<T> {
    fn known(&self, is_new: bool) -> Known<T> {
        Known { value: Arc::clone(&self.value), is_new, number: self.number }
    }
}

fn back_off(failures_in_a_row: u32) -> Duration {
    let doublings = failures_in_a_row.saturating_sub(1).min(16);
    FIRST_BACK_OFF.saturating_mul(1 << doublings).min(LONGEST_BACK_OFF)
}

// By hand, because the derives would ask for `T: Clone`, which an `Arc` does not need.
impl<T> Clone for Fetched<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), max_age: self.max_age }
    }
}

impl<T> Clone for Flight<T> {
    fn clone(&self) -> Self {
        Self { fetch: self.fetch.clone(), number: self.number, started_at: self.started_at }
    }
}

impl<T> fmt::Debug for Remembered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered").finish_non_exhaustive()
    }
}
