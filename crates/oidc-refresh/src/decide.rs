//! What a caller gets, as a pure function of what is known.

use std::time::{Duration, SystemTime};

use oidc_core::{AccessToken, BootTime, Lifetime};

use crate::{
    desk::Token,
    policy::{RefreshPolicy, share},
};

/// When an access token has to be looked after, on the boot clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Timing {
    /// From here on it is renewed in the background.
    pub(crate) refresh_at: BootTime,
    /// From here on it is not handed out.
    pub(crate) ends_at: BootTime,
}

impl Timing {
    /// The timing of `access`, judged now by both clocks. From here on only the boot clock counts, so that a jump of the wall
    /// clock changes nothing. `renewable`: whether anything can be done before it ends. `jitter` is uniform over all of `u64`.
    ///
    /// Where the provider said when it wishes to see the token renewed, that moment takes the place of the policy's, be it earlier or
    /// later, as long as the token is handed out by then. It is moved forward by the jitter as well.
    pub(crate) fn of(
        access: &AccessToken,
        wall: SystemTime,
        boot: BootTime,
        renewable: bool,
        policy: &RefreshPolicy,
        jitter: u64,
    ) -> Self {
        let lifetime = access.lifetime();
        let (Some(life), Some(remaining)) = (lifetime.expires_in(), lifetime.remaining(wall)) else {
            let wait = Self::hint(lifetime, wall, policy, jitter).unwrap_or(policy.assumed_lifetime);
            let refresh_at = if renewable { boot.after(wait) } else { BootTime::NEVER };
            return Self { refresh_at, ends_at: BootTime::NEVER };
        };
        let leeway = policy.leeway.min(life / 10);
        let ends_at = boot.after(remaining.saturating_sub(leeway));
        if !renewable {
            return Self { refresh_at: BootTime::NEVER, ends_at };
        }
        let hint = Self::hint(lifetime, wall, policy, jitter).map(|wait| boot.after(wait));
        let refresh_at = hint.filter(|hint| *hint < ends_at).unwrap_or_else(|| {
            let ahead =
                life.mul_f64(1.0 - policy.early).saturating_add(share(life.mul_f64(policy.jitter), jitter));
            boot.after(remaining.saturating_sub(ahead)).min(ends_at)
        });
        Self { refresh_at, ends_at }
    }

    /// How long until the moment at which the provider wishes to see the token renewed.
    fn hint(lifetime: Lifetime, wall: SystemTime, policy: &RefreshPolicy, jitter: u64) -> Option<Duration> {
        let hint = lifetime.refresh_in()?;
        let ahead = share(hint.mul_f64(policy.jitter), jitter);
        Some(hint.saturating_sub(ahead).saturating_sub(lifetime.age(wall)?))
    }
}

/// What is known of a login at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub(crate) now: BootTime,
    /// The token that is there.
    pub(crate) token: Option<Token>,
    /// Whether a refresh is in flight.
    pub(crate) in_flight: bool,
    /// Until when the last failure stands. The end of a login is one, and stands until the store is asked again.
    pub(crate) failing_until: Option<BootTime>,
}

/// What a caller gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The token, and nothing else happens.
    Serve,
    /// The token, and a refresh starts in the background.
    ServeAndRefresh,
    /// The outcome of the refresh in flight.
    Join,
    /// The outcome of a refresh that starts now.
    Refresh,
    /// The last failure.
    Fail,
}

/// Decides. A token that is good is served whatever else goes wrong, also when the login is over: it ends by itself.
pub(crate) fn decide(view: View) -> Decision {
    let good = view.token.filter(|token| token.is_good(view.now));
    let failing = view.failing_until.is_some_and(|until| view.now < until);
    match good {
        Some(token) if view.now < token.timing.refresh_at || view.in_flight || failing => Decision::Serve,
        Some(_) => Decision::ServeAndRefresh,
        None if view.in_flight => Decision::Join,
        None if failing => Decision::Fail,
        None => Decision::Refresh,
    }
}

#[cfg(test)]
mod tests {
    use oidc_core::Secret;
    use proptest::prelude::*;

    use super::*;

    fn at(milliseconds: u64) -> BootTime {
        BootTime::from_origin(Duration::from_millis(milliseconds))
    }

    fn any_view() -> impl Strategy<Value = View> {
        let token = (0u64..50, 0u64..50, any::<bool>()).prop_map(|(a, b, rejected)| {
            let timing = Timing { refresh_at: at(a.min(b)), ends_at: at(a.max(b)) };
            Token { generation: 1, timing, received: at(0), rejected }
        });
        (0u64..50, prop::option::of(token), any::<bool>(), prop::option::of(0u64..50)).prop_map(
            |(now, token, in_flight, failing)| View {
                now: at(now),
                token,
                in_flight,
                failing_until: failing.map(at),
            },
        )
    }

    proptest! {
        // REF-01, REF-03, REF-07
        #[test]
        fn decisions_keep_their_promises(view in any_view()) {
            let decision = decide(view);
            let good = view.token.is_some_and(|token| view.now < token.timing.ends_at && !token.rejected);
            let served = matches!(decision, Decision::Serve | Decision::ServeAndRefresh);
            prop_assert_eq!(served, good, "a good token is served, and only a good one");
            let starts = matches!(decision, Decision::Refresh | Decision::ServeAndRefresh);
            prop_assert!(!(starts && view.in_flight), "never two in flight");
            let failing = view.failing_until.is_some_and(|until| view.now < until);
            prop_assert!(!(starts && failing), "failures stand until their back-off ends");
        }

        // CLK-04, CLK-05
        #[test]
        fn timings_are_in_order_and_inside_the_life(
            life in 0u64..100_000, hint in prop::option::of(0u64..100_000), age in 0u64..100_000, jitter: u64,
        ) {
            let received = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
            let lifetime = Lifetime::new(received, Some(Duration::from_millis(life)));
            let lifetime =
                hint.map(Duration::from_millis).into_iter().fold(lifetime, Lifetime::with_refresh_in);
            let access = AccessToken::bearer(Secret::from("a"), lifetime).unwrap();
            let policy = RefreshPolicy::default();
            let boot = at(5_000);
            let timing = Timing::of(&access, received + Duration::from_millis(age), boot, true, &policy, jitter);
            prop_assert!(timing.refresh_at <= timing.ends_at);
            prop_assert!(timing.ends_at.since(boot) <= Duration::from_millis(life.saturating_sub(age)));
            if age == 0 && hint.is_none() {
                prop_assert!(timing.refresh_at.since(boot) >= Duration::from_millis(life).mul_f64(0.69));
            }
        }
    }

    fn hinted(life: Option<u64>, refresh_in: u64, age: u64, jitter: u64) -> Timing {
        let received = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let lifetime = Lifetime::new(received, life.map(Duration::from_secs));
        let lifetime = lifetime.with_refresh_in(Duration::from_secs(refresh_in));
        let access = AccessToken::bearer(Secret::from("a"), lifetime).unwrap();
        let now = received + Duration::from_secs(age);
        Timing::of(&access, now, at(0), true, &RefreshPolicy::default(), jitter)
    }

    #[test]
    fn the_providers_hint_takes_the_place_of_the_policy() {
        // A day, half of it, and what is left of both.
        assert_eq!(hinted(Some(86_400), 43_200, 0, 0).refresh_at, at(43_200_000));
        assert_eq!(hinted(Some(86_400), 43_200, 40_000, 0).refresh_at, at(3_200_000));
        assert_eq!(hinted(Some(86_400), 43_200, 50_000, 0).refresh_at, at(0), "due");
        assert_eq!(hinted(Some(1_000), 950, 0, 0).refresh_at, at(950_000), "later than the policy's 800 s");
        assert_eq!(hinted(None, 900, 300, 0), Timing { refresh_at: at(600_000), ends_at: BootTime::NEVER });
    }

    #[test]
    fn a_hint_after_the_last_use_of_a_token_is_no_hint() {
        let timing = hinted(Some(1_000), 997, 0, 0);
        assert_eq!(timing, Timing { refresh_at: at(800_000), ends_at: at(995_000) });
    }

    #[test]
    fn a_fleet_does_not_follow_a_hint_at_once() {
        let earliest = hinted(Some(86_400), 43_200, 0, u64::MAX).refresh_at;
        assert!(earliest > at(38_879_000) && earliest < at(38_881_000), "a tenth earlier: {earliest:?}");
        let due = hinted(None, 900, 0, u64::MAX).refresh_at;
        assert!(due > at(809_000) && due < at(811_000), "{due:?}");
    }

    // TOK-01
    #[test]
    fn a_token_without_a_life_is_renewed_now_and_then_and_used_until_it_is_rejected() {
        let policy = RefreshPolicy::default();
        let access =
            AccessToken::bearer(Secret::from("a"), Lifetime::new(SystemTime::UNIX_EPOCH, None)).unwrap();
        let timing = Timing::of(&access, SystemTime::UNIX_EPOCH, at(0), true, &policy, 0);
        assert_eq!(timing, Timing { refresh_at: at(300_000), ends_at: BootTime::NEVER });
        let timing = Timing::of(&access, SystemTime::UNIX_EPOCH, at(0), false, &policy, 0);
        assert_eq!(timing.refresh_at, BootTime::NEVER);
    }
}
