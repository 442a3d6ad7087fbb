//! When a credential needs somebody's attention, in one number: all that the hot path reads.

use std::sync::atomic::{AtomicU64, Ordering};

use oidc_core::BootTime;

/// Before this moment nothing has to be done; a rejected credential needs attention always.
///
/// One number for both, so that a rejection is never seen in part. Nothing else hangs on its order, so relaxed operations do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Attention<N = AtomicU64>(N);

/// A number that several threads change.
pub(crate) trait Number {
    fn new(value: u64) -> Self;
    fn get(&self) -> u64;
    fn swap(&self, value: u64) -> u64;
    /// Changes `from` into `to`, if it still is `from`. Says whether.
    fn change(&self, from: u64, to: u64) -> bool;
}

impl<N: Number> Attention<N> {
    pub(crate) fn at(time: BootTime) -> Self {
        Self(N::new(time.nanoseconds().max(1)))
    }

    /// Whether nothing at all has to be done.
    pub(crate) fn is_quiet(&self, now: BootTime) -> bool {
        now.nanoseconds() < self.0.get()
    }

    pub(crate) fn is_rejected(&self) -> bool {
        self.0.get() == REJECTED
    }

    /// An API rejected the credential, for good. Says whether this was the first time.
    pub(crate) fn reject(&self) -> bool {
        self.0.swap(REJECTED) != REJECTED
    }

    /// Moves the moment to `next`; of several callers who find it due, one succeeds.
    pub(crate) fn claim(&self, now: BootTime, next: BootTime) -> bool {
        let due = self.0.get();
        let next = next.nanoseconds().max(due.saturating_add(1));
        due != REJECTED && due <= now.nanoseconds() && self.0.change(due, next)
    }
}

impl Number for AtomicU64 {
    fn new(value: u64) -> Self {
        Self::new(value)
    }

    fn get(&self) -> u64 {
        self.load(Ordering::Relaxed)
    }

    fn swap(&self, value: u64) -> u64 {
        self.swap(value, Ordering::Relaxed)
    }

    fn change(&self, from: u64, to: u64) -> bool {
        self.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// A moment that has passed on every clock, and that no claim moves.
const REJECTED: u64 = 0;
