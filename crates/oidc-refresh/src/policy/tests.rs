//! Bounds, contradictions and pauses.

use proptest::prelude::*;

use super::*;

const MAX: Duration = Duration::MAX;

fn refused(change: impl Fn(&mut RefreshPolicy)) -> &'static str {
    let mut policy = RefreshPolicy::default();
    change(&mut policy);
    match policy.validate() {
        Err(ConfigError::Invalid { field, .. }) => field,
        other => panic!("{other:?}: {policy:?}"),
    }
}

#[test]
fn the_defaults_fit_together() {
    assert_eq!(RefreshPolicy::default().validate(), Ok(()));
}

// MPR-03
#[test]
fn a_lease_that_cannot_hold_its_heartbeats_is_refused() {
    assert_eq!(refused(|policy| policy.lease_ttl = Duration::from_millis(100)), "lease_ttl");
    assert_eq!(refused(|policy| policy.lease_ttl = Duration::from_secs(86_401)), "lease_ttl");
    assert_eq!(refused(|policy| policy.heartbeat = policy.lease_ttl / 2), "heartbeat");
}

#[test]
fn shares_and_factors_are_numbers_within_their_bounds() {
    for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.1, 1.1e9] {
        assert_eq!(refused(|policy| policy.early = odd), "early");
        assert_eq!(refused(|policy| policy.jitter = odd), "jitter");
        assert_eq!(refused(|policy| policy.backoff_factor = odd), "backoff_factor");
    }
    assert_eq!(refused(|policy| (policy.early, policy.jitter) = (0.3, 0.3)), "jitter");
    assert_eq!(refused(|policy| policy.tolerated_rejections = u32::MAX), "tolerated_rejections");
}

/// A field, its name, and the nearest values on both sides that are refused; no lower one where zero is good.
type Bound = (fn(&mut RefreshPolicy) -> &mut Duration, &'static str, Option<Duration>, Duration);

#[test]
fn every_duration_has_bounds() {
    let (ns, s) = (Duration::from_nanos(1), Duration::from_secs);
    let ms = |ms| Some(Duration::from_millis(ms) - ns);
    let (minute, hour, day) = (s(60) + ns, s(3_600) + ns, s(86_400) + ns);
    let bounds: [Bound; 20] = [
        (|policy| &mut policy.leeway, "leeway", None, hour),
        (|policy| &mut policy.assumed_lifetime, "assumed_lifetime", ms(1_000), day),
        (|policy| &mut policy.login_ending, "login_ending", None, s(366 * 86_400) + ns),
        (|policy| &mut policy.backoff_start, "backoff_start", ms(10), hour),
        (|policy| &mut policy.backoff_cap, "backoff_cap", ms(1_000), day),
        (|policy| &mut policy.backoff_cap_waiting, "backoff_cap_waiting", ms(1_000), minute),
        (|policy| &mut policy.misconfigured_pause, "misconfigured_pause", ms(1_000), day),
        (|policy| &mut policy.min_interval, "min_interval", ms(10), minute),
        (|policy| &mut policy.early_rejection, "early_rejection", None, hour),
        (|policy| &mut policy.lease_ttl, "lease_ttl", ms(300), minute),
        (|policy| &mut policy.heartbeat, "heartbeat", ms(10), s(2)),
        (|policy| &mut policy.request_timeout, "request_timeout", ms(10), s(600) + ns),
        (|policy| &mut policy.prepare_timeout, "prepare_timeout", ms(10), s(600) + ns),
        (|policy| &mut policy.store_timeout, "store_timeout", ms(10), s(3) + ns),
        (|policy| &mut policy.revalidate_after, "revalidate_after", ms(10), day),
        (|policy| &mut policy.busy_poll, "busy_poll", ms(1), minute),
        (|policy| &mut policy.busy_patience, "busy_patience", ms(3_000), hour),
        (|policy| &mut policy.busy_brief, "busy_brief", None, minute),
        (|policy| &mut policy.save_retry, "save_retry", ms(1), minute),
        (|policy| &mut policy.shutdown_drain, "shutdown_drain", None, hour),
    ];
    for (field, name, too_short, too_long) in bounds {
        for odd in [too_short, Some(too_long), Some(MAX)].into_iter().flatten() {
            assert_eq!(refused(|policy| *field(policy) = odd), name, "{odd:?}");
        }
        let mut policy = RefreshPolicy::default();
        *field(&mut policy) = too_short.map_or(Duration::ZERO, |odd| odd + ns);
        let others = ["backoff_cap_waiting", "backoff_cap", "heartbeat", "store_timeout"];
        match policy.validate() {
            Err(ConfigError::Invalid { field, .. }) => assert!(others.contains(&field) && field != name),
            good => assert_eq!(good, Ok(()), "{name}"),
        }
    }
}

#[test]
fn the_pause_grows_by_its_factor() {
    let mut policy = RefreshPolicy { backoff_factor: 3.0, ..RefreshPolicy::default() };
    let pauses = |policy: &RefreshPolicy| [1, 2, 3, 4, 9].map(|it| policy.backoff(it, false, u64::MAX));
    let seconds = |pauses: [Duration; 5]| pauses.map(|pause| pause.as_secs_f64().round());
    assert_eq!(seconds(pauses(&policy)), [1.0, 3.0, 9.0, 27.0, 60.0]);
    policy.backoff_factor = 1.0;
    assert_eq!(seconds(pauses(&policy)), [1.0; 5]);
}

#[test]
fn some_rejections_are_put_down_to_chance() {
    let policy = RefreshPolicy::default();
    let seconds = |rejections| policy.rejection_pause(rejections).map(|pause| pause.as_secs());
    assert_eq!([0, 3, 4, 5, 20, u32::MAX].map(seconds), [None, None, Some(2), Some(4), Some(60), Some(60)]);
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

    // REF-11, CLK-05
    #[test]
    fn no_policy_that_is_accepted_pauses_too_little_too_long_or_panics(
        policy in any_policy(), failures: u32, waiting: bool, random: u64,
    ) {
        prop_assert_eq!(policy.validate(), Ok(()));
        let pause = policy.backoff(failures, waiting, random);
        let cap = if waiting { policy.backoff_cap_waiting } else { policy.backoff_cap };
        prop_assert!(pause <= cap);
        prop_assert!(pause >= policy.backoff_start / 2 && pause >= policy.min_interval.min(cap));
        let rejected = policy.rejection_pause(failures);
        prop_assert_eq!(rejected.is_some(), failures > policy.tolerated_rejections);
        prop_assert!(rejected.is_none_or(|pause| pause >= policy.backoff_start && pause <= policy.backoff_cap));
    }

    // CLK-05
    #[test]
    fn whatever_the_numbers_are_checking_them_is_no_panic(
        shares in [prop::num::f64::ANY; 3], seconds in [any::<u64>(); 4], rejections: u32,
    ) {
        let [a, b, c, d] = seconds.map(Duration::from_secs);
        let [early, jitter, backoff_factor] = shares;
        let policy = RefreshPolicy {
            early, jitter, backoff_factor, backoff_start: a, backoff_cap: b, lease_ttl: c, heartbeat: d, busy_patience: a,
            tolerated_rejections: rejections, ..RefreshPolicy::default()
        };
        let _ = (policy.validate(), policy.backoff(rejections, true, seconds[0]), policy.rejection_pause(rejections));
    }
}

/// Anything between the bounds, the bounds themselves included.
pub(crate) fn any_policy() -> impl Strategy<Value = RefreshPolicy> {
    let shares = (0.1f64..=0.95, 0.0f64..0.1, 1.0f64..=10.0, 0u32..=1_000, any::<bool>());
    let backoff = (10u64..=3_600_000, 0.0f64..=1.0, 0.0f64..=1.0, 10u64..=60_000);
    let lease = (300u64..=60_000, 0.0f64..=1.0, 0.0f64..=1.0, 0.0f64..=1.0);
    (shares, backoff, lease).prop_map(|(shares, backoff, lease)| {
        let ms = Duration::from_millis;
        let between = |low: Duration, high: Duration, share: f64| low + (high - low).mul_f64(share);
        let (early, jitter, backoff_factor, tolerated_rejections, replay) = shares;
        let (start, cap, waiting, min_interval) = backoff;
        let (ttl, heartbeat, timeout, patience) = lease;
        let (start, ttl) = (ms(start), ms(ttl));
        let cap = between(start, ms(86_400_000), cap);
        let patience = between(ttl, ms(3_600_000), patience);
        RefreshPolicy {
            early,
            jitter,
            backoff_factor,
            tolerated_rejections,
            replay,
            backoff_start: start,
            backoff_cap: cap,
            backoff_cap_waiting: between(start, cap, waiting),
            min_interval: ms(min_interval),
            lease_ttl: ttl,
            heartbeat: between(ms(10), ttl / 2 - ms(1), heartbeat),
            store_timeout: between(ms(10), ttl, timeout),
            busy_patience: patience,
            busy_brief: patience.mul_f64(timeout).min(patience),
            ..RefreshPolicy::default()
        }
    })
}
