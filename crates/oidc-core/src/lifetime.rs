//! How long an access token is good.

use std::time::{Duration, SystemTime};

/// When an access token was received, for how long it was good then, and when the provider wishes to see it renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lifetime {
    received: SystemTime,
    expires_in: Option<Duration>,
    refresh_in: Option<Duration>,
}

impl Lifetime {
    /// No provider means a longer life than this; what says so is taken as not having said anything.
    pub const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

    /// By how much the clocks of two machines that share a store may differ.
    const SKEW: Duration = Duration::from_secs(300);

    /// A token received at `received` (wall clock, taken before the request was sent) with `expires_in` to live.
    pub fn new(received: SystemTime, expires_in: Option<Duration>) -> Self {
        let expires_in = expires_in.filter(|life| *life <= Self::LONGEST);
        Self { received, expires_in, refresh_in: None }
    }

    /// Sets after how long the provider wishes to see the token renewed (`refresh_in`). It is a hint for when to ask, and changes
    /// nothing about how long the token is good. Zero, and what is not before the end of the token, says nothing.
    #[must_use]
    pub fn with_refresh_in(mut self, refresh_in: Duration) -> Self {
        let latest = self.expires_in.unwrap_or(Self::LONGEST);
        self.refresh_in = Some(refresh_in).filter(|hint| !hint.is_zero() && *hint < latest);
        self
    }

    /// When the token was received.
    pub fn received(&self) -> SystemTime {
        self.received
    }

    /// How long the token was good then, as the provider said.
    pub fn expires_in(&self) -> Option<Duration> {
        self.expires_in
    }

    /// After how long the provider wished to see the token renewed, if it said so: always before its end.
    pub fn refresh_in(&self) -> Option<Duration> {
        self.refresh_in
    }

    /// How long the token is still good at `now`: `None` where nobody knows, because the provider did not say or
    /// because the token seems to come from the future (a clock was wrong).
    pub fn remaining(&self, now: SystemTime) -> Option<Duration> {
        Some(self.expires_in?.saturating_sub(self.age(now)?))
    }

    /// How long ago the token was received at `now`: `None` where it seems to come from the future by more than the clocks of two
    /// machines differ.
    pub fn age(&self, now: SystemTime) -> Option<Duration> {
        match now.duration_since(self.received) {
            Ok(age) => Some(age),
            Err(ahead) if ahead.duration() <= Self::SKEW => Some(Duration::ZERO),
            Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn a_hint_lies_inside_the_life_or_says_nothing() {
        let hint = |life, refresh_in| {
            Lifetime::new(SystemTime::UNIX_EPOCH, life).with_refresh_in(refresh_in).refresh_in()
        };
        assert_eq!(hint(Some(DAY), DAY / 2), Some(DAY / 2));
        assert_eq!(hint(None, DAY), Some(DAY), "also where the end is not known");
        for (life, odd) in [
            (Some(DAY), DAY),
            (Some(DAY), DAY * 2),
            (Some(DAY), Duration::ZERO),
            (Some(Duration::ZERO), Duration::ZERO),
            (None, Lifetime::LONGEST),
            (None, Duration::MAX),
            (Some(Duration::MAX), Duration::MAX),
        ] {
            assert_eq!(hint(life, odd), None, "{life:?} {odd:?}");
        }
    }

    // CLK-03
    #[test]
    fn a_token_from_the_future_has_no_age() {
        let received = SystemTime::UNIX_EPOCH + DAY;
        let lifetime = Lifetime::new(received, Some(DAY));
        assert_eq!(lifetime.age(received + DAY), Some(DAY));
        assert_eq!(lifetime.age(received - Lifetime::SKEW), Some(Duration::ZERO));
        assert_eq!(lifetime.age(received - Lifetime::SKEW - Duration::from_nanos(1)), None);
    }

    proptest! {
        // CLK-03, CLK-05
        #[test]
        fn remaining_life_never_overflows_and_never_grows(
            received in 0u64..=253_402_300_799, life in any::<u64>(), now in 0u64..=253_402_300_799, later in 0u64..10_000,
        ) {
            let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let lifetime = Lifetime::new(at(received), Some(Duration::from_secs(life)));
            let first = lifetime.remaining(at(now));
            if let (Some(first), Some(second)) = (first, lifetime.remaining(at(now + later))) {
                prop_assert!(second <= first);
                prop_assert!(first <= Duration::from_secs(life));
            }
            if life > Lifetime::LONGEST.as_secs() {
                prop_assert_eq!(first, None);
            }
        }
    }
}
