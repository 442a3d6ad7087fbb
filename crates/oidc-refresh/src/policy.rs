//! Every number of a token's life, with its reason.

use std::time::Duration;

use oidc_core::ConfigError;

/// When tokens are renewed, and how long everything may take. The defaults suit most; each can be changed before the
/// source is built.
///
/// ```
/// let mut policy = oidc_refresh::RefreshPolicy::default();
/// policy.backoff_cap = std::time::Duration::from_secs(30);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RefreshPolicy {
    /// The share of a token's life after which it is renewed in the background. Default 0.8: late enough to use the
    /// token, early enough to survive a provider that is down for a while.
    pub early: f64,
    /// The share of a token's life by which that moment is moved forward, by a fraction that is fixed for each key and
    /// instance, so that a fleet does not ask at once. Default 0.1.
    pub jitter: f64,
    /// How long before its end a token counts as ended: it has to reach the API and be checked there. At most a tenth
    /// of its life. Default 5 s.
    pub leeway: Duration,
    /// After how long a token is renewed whose life the provider did not name. It goes on being used until an API
    /// rejects it. Default 5 min.
    pub assumed_lifetime: Duration,
    /// The pause after the first failed refresh; it doubles with each further one. Default 1 s.
    pub backoff_start: Duration,
    /// The longest pause, while the old token is still good. Default 60 s.
    pub backoff_cap: Duration,
    /// The longest pause while callers have no token. A longer `Retry-After` wins. Default 10 s.
    pub backoff_cap_waiting: Duration,
    /// The pause after the provider rejected the client itself: somebody has to change something. Default 60 s.
    pub misconfigured_pause: Duration,
    /// The shortest time between two token requests for one login in one process, whatever happens. Default 1 s.
    pub min_interval: Duration,
    /// How long a claim lasts without a heartbeat; there are three heartbeats in it. A crash is noticed after so long,
    /// which has to be well inside a provider's grace window. Default 3 s.
    pub lease_ttl: Duration,
    /// How long a token request may take, preparation not included. Default 30 s.
    pub request_timeout: Duration,
    /// How long discovery, keys and the like may take before the lease is taken. Default 30 s.
    pub prepare_timeout: Duration,
    /// How long one operation of the store may take. Default 2 s.
    pub store_timeout: Duration,
    /// How often a credential in use is compared with the store, which is how a logout elsewhere is seen. Default 5 s.
    pub revalidate_after: Duration,
    /// How often a record is looked at that another process is refreshing. Default 50 ms.
    pub busy_poll: Duration,
    /// How long to wait for another process's refresh. Default 60 s.
    pub busy_patience: Duration,
    /// How long to wait for another process where tokens can be won at any time (client credentials). Default 1 s.
    pub busy_brief: Duration,
    /// The pause between two tries to write tokens that the store did not take. Default 500 ms.
    pub save_retry: Duration,
    /// How long a shutdown waits for a refresh in flight and its write. Default 35 s: a token request and a bit.
    pub shutdown_drain: Duration,
}

impl Default for RefreshPolicy {
    fn default() -> Self {
        Self {
            early: 0.8,
            jitter: 0.1,
            leeway: Duration::from_secs(5),
            assumed_lifetime: Duration::from_secs(300),
            backoff_start: Duration::from_secs(1),
            backoff_cap: Duration::from_secs(60),
            backoff_cap_waiting: Duration::from_secs(10),
            misconfigured_pause: Duration::from_secs(60),
            min_interval: Duration::from_secs(1),
            lease_ttl: Duration::from_secs(3),
            request_timeout: Duration::from_secs(30),
            prepare_timeout: Duration::from_secs(30),
            store_timeout: Duration::from_secs(2),
            revalidate_after: Duration::from_secs(5),
            busy_poll: Duration::from_millis(50),
            busy_patience: Duration::from_secs(60),
            busy_brief: Duration::from_secs(1),
            save_retry: Duration::from_millis(500),
            shutdown_drain: Duration::from_secs(35),
        }
    }
}

impl RefreshPolicy {
    /// Checks that the numbers fit together.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] names the first that does not.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let refuse = |field, reason| Err(ConfigError::Invalid { field, reason });
        if !(0.1..=0.95).contains(&self.early) {
            return refuse("early", "not between 0.1 and 0.95");
        }
        if !(0.0..=0.5).contains(&self.jitter) || self.jitter >= self.early {
            return refuse("jitter", "not between 0 and 0.5, or not below `early`");
        }
        if self.assumed_lifetime < Duration::from_secs(1) {
            return refuse("assumed_lifetime", "below 1 s");
        }
        if self.backoff_start.is_zero() || self.backoff_cap < self.backoff_start {
            return refuse("backoff_start", "zero, or above `backoff_cap`");
        }
        if self.backoff_cap_waiting < self.backoff_start || self.backoff_cap_waiting > self.backoff_cap {
            return refuse("backoff_cap_waiting", "not between `backoff_start` and `backoff_cap`");
        }
        if self.store_timeout.is_zero() || self.request_timeout.is_zero() || self.prepare_timeout.is_zero() {
            return refuse("timeouts", "zero");
        }
        if self.lease_ttl < Duration::from_millis(300) {
            return refuse("lease_ttl", "below 300 ms, which cannot hold two heartbeats and a write");
        }
        if self.busy_poll.is_zero() || self.save_retry.is_zero() {
            return refuse("busy_poll", "zero, as `save_retry`, would ask without pause");
        }
        if self.min_interval < Duration::from_millis(10) {
            return refuse("min_interval", "below 10 ms");
        }
        if self.revalidate_after < Duration::from_millis(10) {
            return refuse("revalidate_after", "below 10 ms");
        }
        Ok(())
    }

    /// How long to pause after `failures` failures in a row (at least one). `random` is uniform over all of `u64` and picks a
    /// point in the upper half of the pause.
    pub(crate) fn backoff(&self, failures: u32, callers_wait: bool, random: u64) -> Duration {
        let cap = if callers_wait { self.backoff_cap_waiting } else { self.backoff_cap };
        let doublings = failures.saturating_sub(1).min(30);
        let full = self.backoff_start.saturating_mul(1 << doublings).min(cap);
        let half = full / 2;
        half.saturating_add(share(half, random)).max(self.min_interval.min(cap))
    }
}

/// `random / 2^64` of `whole`.
pub(crate) fn share(whole: Duration, random: u64) -> Duration {
    let nanoseconds = whole.as_nanos().saturating_mul(u128::from(random)) >> 64;
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_defaults_fit_together() {
        assert_eq!(RefreshPolicy::default().validate(), Ok(()));
    }

    // MPR-03
    #[test]
    fn a_lease_that_cannot_hold_its_heartbeats_is_refused() {
        let policy = RefreshPolicy { lease_ttl: Duration::from_millis(100), ..RefreshPolicy::default() };
        assert!(policy.validate().is_err());
    }

    proptest! {
        // REF-11
        #[test]
        fn back_off_grows_to_its_cap_and_never_past_it(failures in 1u32..1_000, waiting: bool, random: u64) {
            let policy = RefreshPolicy::default();
            let pause = policy.backoff(failures, waiting, random);
            let cap = if waiting { policy.backoff_cap_waiting } else { policy.backoff_cap };
            prop_assert!(pause >= policy.min_interval && pause <= cap);
            if failures > 10 {
                prop_assert!(pause >= cap / 2);
            }
        }
    }
}
