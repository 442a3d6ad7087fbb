//! What a caller gets, as a pure function of what is known.

use std::time::SystemTime;

use oidc_core::{AccessToken, BootTime};

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
            let refresh_at = if renewable { boot.after(policy.assumed_lifetime) } else { BootTime::NEVER };
            return Self { refresh_at, ends_at: BootTime::NEVER };
        };
        let leeway = policy.leeway.min(life / 10);
        let ends_at = boot.after(remaining.saturating_sub(leeway));
        if !renewable {
            return Self { refresh_at: BootTime::NEVER, ends_at };
        }
        let ahead =
            life.mul_f64(1.0 - policy.early).saturating_add(share(life.mul_f64(policy.jitter), jitter));
        Self { refresh_at: boot.after(remaining.saturating_sub(ahead)).min(ends_at), ends_at }
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
    use std::time::Duration;

    use oidc_core::{Lifetime, Secret};
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
        fn timings_are_in_order_and_inside_the_life(life in 0u64..100_000, age in 0u64..100_000, jitter: u64) {
            let received = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
            let lifetime = Lifetime::new(received, Some(Duration::from_millis(life)));
            let access = AccessToken::bearer(Secret::from("a"), lifetime).unwrap();
            let policy = RefreshPolicy::default();
            let boot = at(5_000);
            let timing = Timing::of(&access, received + Duration::from_millis(age), boot, true, &policy, jitter);
            prop_assert!(timing.refresh_at <= timing.ends_at);
            prop_assert!(timing.ends_at.since(boot) <= Duration::from_millis(life.saturating_sub(age)));
            if age == 0 {
                prop_assert!(timing.refresh_at.since(boot) >= Duration::from_millis(life).mul_f64(0.69));
            }
        }
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
