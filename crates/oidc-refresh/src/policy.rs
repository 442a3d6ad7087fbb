//! Every number of a token's life, with its reason.

use std::{ops::RangeInclusive, time::Duration};

use oidc_core::ConfigError;

/// When tokens are renewed, and how long everything may take. The defaults suit most; each can be changed before the
/// source is built.
///
/// [`validate`](Self::validate) is called when the source is built. It refuses what contradicts itself, and what is so far out of
/// proportion that it can only be a mistake of units; the bounds are named with each number. Whatever it accepts keeps the
/// promises of this crate: no two token requests within `min_interval` but for the one quick replay, and no panic.
///
/// ```
/// let mut policy = oidc_refresh::RefreshPolicy::default();
/// policy.backoff_cap = std::time::Duration::from_secs(30);
/// assert!(policy.validate().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RefreshPolicy {
    /// The share of a token's life after which it is renewed in the background, 0.1 to 0.95. Default 0.8: late enough to use the
    /// token, early enough to survive a provider that is down for a while.
    pub early: f64,
    /// The share of a token's life by which that moment is moved forward, by a fraction that is fixed for each key and
    /// instance, so that a fleet does not ask at once. 0 to 0.5, and below `early`. Default 0.1.
    pub jitter: f64,
    /// How long before its end a token counts as ended: it has to reach the API and be checked there. At most a tenth
    /// of its life, so that short tokens can be used at all. Up to 1 h. Default 5 s.
    pub leeway: Duration,
    /// After how long a token is renewed whose life the provider did not name. It goes on being used until an API
    /// rejects it. 1 s to 1 d. Default 5 min: what providers with short tokens give.
    pub assumed_lifetime: Duration,
    /// How long before the provider said that a login will end the application is told, by
    /// [`LoginEnding`](crate::EventKind::LoginEnding); at most half of what the login had left when its tokens
    /// were won, so that a login that each refresh prolongs by a little is not always about to end. Zero: never. Up to 366 d.
    /// Default 10 min: time to save one's work.
    pub login_ending: Duration,
    /// The pause after the first failed refresh, 10 ms to 1 h. Default 1 s.
    pub backoff_start: Duration,
    /// By how much the pause grows with each further failure, 1 to 10. Default 2.
    pub backoff_factor: f64,
    /// The longest pause, while the old token is still good. `backoff_start` to 1 d. Default 60 s: a provider that has come back is
    /// noticed within a minute. Of each pause the upper half is random, so that those who failed together do not come back
    /// together.
    pub backoff_cap: Duration,
    /// The longest pause while callers have no token, between `backoff_start` and `backoff_cap`. A longer `Retry-After` wins. Default
    /// 10 s.
    pub backoff_cap_waiting: Duration,
    /// The pause after the provider rejected the client itself: somebody has to change something, and asking sooner does not help.
    /// 1 s to 1 d. Default 60 s.
    pub misconfigured_pause: Duration,
    /// Whether a refresh token whose answer was lost is sent once more at once, before anybody is told of a failure. Default yes: a
    /// provider with a grace window gives the tokens again, if it is asked before that window closes, and one without has
    /// processed the request or has not, whenever it is asked again. Off for a provider that has to be left alone for a while: the
    /// token is then sent again when the back-off has ended, with the same meaning of the answer.
    pub replay: bool,
    /// The shortest time between two token requests for one login in one process, whatever happens, the replay excepted. 10 ms
    /// to 1 min. Default 1 s: also tokens that live for a second cost one request per second.
    pub min_interval: Duration,
    /// How many tokens in a row an API may reject right after they were won before that counts as a failure with a back-off of its
    /// own. Up to 1,000. Default 3: chance, or a provider that is being cleaned up.
    pub tolerated_rejections: u32,
    /// A token rejected before this age, and in the first quarter of its life, was rejected right after it was won. Up to 1 h. Default
    /// 10 s.
    pub early_rejection: Duration,
    /// How long a claim lasts without a heartbeat, 300 ms to 60 s. A crash is noticed after so long, and only then can another process
    /// replay what was lost: it has to be well inside a provider's grace window, of which the shortest in use are 10 s. Default 3 s.
    pub lease_ttl: Duration,
    /// How often a claim is prolonged while the provider is slow; below half of `lease_ttl`, so that one heartbeat may get lost. 10 ms
    /// or more. Default 1 s.
    pub heartbeat: Duration,
    /// How long a token request may take, preparation not included. 10 ms to 10 min. Default 30 s: who gives up on an answer that
    /// is on its way loses it. An answer that is lost without a sign is made up for after so long, which helps only inside
    /// the provider's grace window.
    pub request_timeout: Duration,
    /// How long discovery, keys and the like may take before the lease is taken. 10 ms to 10 min. Default 30 s.
    pub prepare_timeout: Duration,
    /// How long one operation of the store may take: 10 ms up to `lease_ttl`, for a claim that takes longer to get than it lasts is
    /// none. Default 2 s.
    pub store_timeout: Duration,
    /// How often a credential in use is compared with the store, which is how a logout elsewhere is seen, and how often a process
    /// asks again whether somebody has logged in meanwhile. 10 ms to 1 d. Default 5 s.
    pub revalidate_after: Duration,
    /// How often a record is looked at that another process is refreshing, 1 ms to 1 min. Default 50 ms: about what a token request
    /// takes.
    pub busy_poll: Duration,
    /// How long to wait for another process's refresh: `lease_ttl`, after which it has to be dead, to 1 h. Default 60 s.
    pub busy_patience: Duration,
    /// How long to wait for another process where tokens can be won at any time (client credentials). Up to `busy_patience`.
    /// Default 1 s.
    pub busy_brief: Duration,
    /// The pause between two tries to write tokens that the store did not take, 1 ms to 1 min. Default 500 ms: until they are
    /// written, the end of this process would be the end of the login.
    pub save_retry: Duration,
    /// How long a shutdown waits for a refresh in flight and its write. Up to 1 h. Default 35 s: a token request and a bit.
    pub shutdown_drain: Duration,
}

impl Default for RefreshPolicy {
    fn default() -> Self {
        Self {
            early: 0.8,
            jitter: 0.1,
            leeway: Duration::from_secs(5),
            assumed_lifetime: Duration::from_secs(300),
            login_ending: Duration::from_secs(600),
            backoff_start: Duration::from_secs(1),
            backoff_factor: 2.0,
            backoff_cap: Duration::from_secs(60),
            backoff_cap_waiting: Duration::from_secs(10),
            misconfigured_pause: Duration::from_secs(60),
            replay: true,
            min_interval: Duration::from_secs(1),
            tolerated_rejections: 3,
            early_rejection: Duration::from_secs(10),
            lease_ttl: Duration::from_secs(3),
            heartbeat: Duration::from_secs(1),
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
    /// Checks that each number is within its bounds and that they fit together.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] names the first that is not.
    pub fn validate(&self) -> Result<(), ConfigError> {
        within("early", self.early, 0.1..=0.95, "not between 0.1 and 0.95")?;
        within("jitter", self.jitter, 0.0..=0.5, "not between 0 and 0.5")?;
        within("backoff_factor", self.backoff_factor, 1.0..=10.0, "not between 1 and 10")?;
        within("tolerated_rejections", self.tolerated_rejections, 0..=1_000, "above 1,000")?;
        for (field, duration, bounds, reason) in self.durations() {
            within(field, duration, bounds, reason)?;
        }
        for (field, contradicts, reason) in self.contradictions() {
            if contradicts {
                return Err(ConfigError::Invalid { field, reason });
            }
        }
        Ok(())
    }

    fn durations(&self) -> [(&'static str, Duration, RangeInclusive<Duration>, &'static str); 20] {
        let (none, ms) = (Duration::ZERO, Duration::from_millis);
        let (second, minute, hour, day) = (ms(1_000), ms(60_000), ms(3_600_000), ms(86_400_000));
        [
            ("leeway", self.leeway, none..=hour, "above 1 h"),
            ("assumed_lifetime", self.assumed_lifetime, second..=day, "not between 1 s and 1 d"),
            ("login_ending", self.login_ending, none..=day * 366, "above 366 d"),
            ("backoff_start", self.backoff_start, ms(10)..=hour, "not between 10 ms and 1 h"),
            ("backoff_cap", self.backoff_cap, ms(10)..=day, "not between 10 ms and 1 d"),
            ("backoff_cap_waiting", self.backoff_cap_waiting, ms(10)..=day, "not between 10 ms and 1 d"),
            ("misconfigured_pause", self.misconfigured_pause, second..=day, "not between 1 s and 1 d"),
            ("min_interval", self.min_interval, ms(10)..=minute, "not between 10 ms and 1 min"),
            ("early_rejection", self.early_rejection, none..=hour, "above 1 h"),
            ("lease_ttl", self.lease_ttl, ms(300)..=minute, "not between 300 ms and 60 s"),
            ("heartbeat", self.heartbeat, ms(10)..=minute, "not between 10 ms and half of `lease_ttl`"),
            ("request_timeout", self.request_timeout, ms(10)..=minute * 10, "not between 10 ms and 10 min"),
            ("prepare_timeout", self.prepare_timeout, ms(10)..=minute * 10, "not between 10 ms and 10 min"),
            ("store_timeout", self.store_timeout, ms(10)..=minute, "not between 10 ms and `lease_ttl`"),
            ("revalidate_after", self.revalidate_after, ms(10)..=day, "not between 10 ms and 1 d"),
            ("busy_poll", self.busy_poll, ms(1)..=minute, "not between 1 ms and 1 min"),
            ("busy_patience", self.busy_patience, none..=hour, "not between `lease_ttl` and 1 h"),
            ("busy_brief", self.busy_brief, none..=hour, "above `busy_patience`"),
            ("save_retry", self.save_retry, ms(1)..=minute, "not between 1 ms and 1 min"),
            ("shutdown_drain", self.shutdown_drain, none..=hour, "above 1 h"),
        ]
    }

    fn contradictions(&self) -> [(&'static str, bool, &'static str); 7] {
        [
            ("jitter", self.jitter >= self.early, "not below `early`"),
            ("backoff_cap", self.backoff_cap < self.backoff_start, "below `backoff_start`"),
            (
                "backoff_cap_waiting",
                !(self.backoff_start..=self.backoff_cap).contains(&self.backoff_cap_waiting),
                "not between `backoff_start` and `backoff_cap`",
            ),
            (
                "heartbeat",
                self.heartbeat.saturating_mul(2) >= self.lease_ttl,
                "not below half of `lease_ttl`: one that gets lost would cost the lease",
            ),
            ("store_timeout", self.store_timeout > self.lease_ttl, "above `lease_ttl`"),
            ("busy_patience", self.busy_patience < self.lease_ttl, "below `lease_ttl`"),
            ("busy_brief", self.busy_brief > self.busy_patience, "above `busy_patience`"),
        ]
    }

    /// How long to pause after `failures` failures in a row (at least one). `random` is uniform over all of `u64` and picks a
    /// point in the upper half of the pause.
    pub(crate) fn backoff(&self, failures: u32, callers_wait: bool, random: u64) -> Duration {
        let cap = if callers_wait { self.backoff_cap_waiting } else { self.backoff_cap };
        let half = self.grown(failures).min(cap) / 2;
        half.saturating_add(share(half, random)).max(self.min_interval.min(cap))
    }

    /// The pause after so many tokens in a row that an API rejected early; none while that is tolerated.
    pub(crate) fn rejection_pause(&self, rejections: u32) -> Option<Duration> {
        let excess = rejections.checked_sub(self.tolerated_rejections).filter(|excess| *excess > 0)?;
        Some(self.grown(excess.saturating_add(1)).min(self.backoff_cap))
    }

    fn grown(&self, failures: u32) -> Duration {
        let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.backoff_start.as_secs_f64() * self.backoff_factor.powi(exponent);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

fn within<T: PartialOrd>(
    field: &'static str,
    value: T,
    bounds: RangeInclusive<T>,
    reason: &'static str,
) -> Result<(), ConfigError> {
    if bounds.contains(&value) { Ok(()) } else { Err(ConfigError::Invalid { field, reason }) }
}

/// `random / 2^64` of `whole`.
pub(crate) fn share(whole: Duration, random: u64) -> Duration {
    let nanoseconds = whole.as_nanos().saturating_mul(u128::from(random)) >> 64;
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
