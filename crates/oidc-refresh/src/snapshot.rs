//! The credential as the hot path sees it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use oidc_core::{BootTime, Credential};

use crate::decide::Timing;

/// One credential and when it needs attention. Replaced as a whole; only the two flags change.
#[derive(Debug)]
pub(crate) struct Snapshot {
    credential: Credential,
    timing: Timing,
    received: BootTime,
    rejected: AtomicBool,
    /// Before this moment nothing has to be done, so that the hot path compares one number.
    attention_at: AtomicU64,
}

impl Snapshot {
    pub(crate) fn new(credential: Credential, timing: Timing, received: BootTime, look_at: BootTime) -> Self {
        let attention_at = timing.refresh_at.min(timing.ends_at).min(look_at);
        Self {
            credential,
            timing,
            received,
            rejected: AtomicBool::new(false),
            attention_at: AtomicU64::new(number(attention_at).max(1)),
        }
    }

    /// The credential, where nothing at all has to be done about it.
    pub(crate) fn quiet(&self, now: BootTime) -> Option<&Credential> {
        (number(now) < self.attention_at.load(Ordering::Relaxed)).then_some(&self.credential)
    }

    /// The credential, where it may be used.
    pub(crate) fn good(&self, now: BootTime) -> Option<&Credential> {
        (now < self.timing.ends_at && !self.is_rejected()).then_some(&self.credential)
    }

    pub(crate) fn credential(&self) -> &Credential {
        &self.credential
    }

    pub(crate) fn timing(&self) -> Timing {
        self.timing
    }

    /// When this process got it.
    pub(crate) fn received(&self) -> BootTime {
        self.received
    }

    pub(crate) fn is_rejected(&self) -> bool {
        self.rejected.load(Ordering::Relaxed)
    }

    /// An API rejected it: nobody gets it any more.
    pub(crate) fn reject(&self) {
        self.rejected.store(true, Ordering::Relaxed);
        self.attention_at.store(REJECTED, Ordering::Relaxed);
    }

    /// Moves the moment at which something has to be done; of several callers one succeeds.
    pub(crate) fn claim_attention(&self, now: BootTime, next: BootTime) -> bool {
        let due = self.attention_at.load(Ordering::Relaxed);
        let next = number(next.min(self.timing.ends_at)).max(due.saturating_add(1));
        due != REJECTED
            && due <= number(now)
            && self.attention_at.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// A moment that has passed on every clock, and that no claim moves.
const REJECTED: u64 = 0;

fn number(time: BootTime) -> u64 {
    u64::try_from(time.since_origin().as_nanos()).unwrap_or(u64::MAX)
}
