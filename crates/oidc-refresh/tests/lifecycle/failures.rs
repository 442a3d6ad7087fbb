//! What happens when the provider fails.

use std::{sync::Arc, time::Duration};

use oidc_core::{Cause, GrantError, GrantErrorKind, MemoryStore, TokenErrorKind, TokenSource};
use oidc_refresh::State;
use oidc_testkit::ManualClock;

use crate::support::{LIFE, Scene, StrictGrant, Twist, settle, source, token_of};

fn down() -> Twist {
    Twist::Fail(GrantError::new(GrantErrorKind::NotProcessed, "down"))
}

// REF-02
#[tokio::test]
async fn one_failure_is_shared_and_stands_until_its_back_off_ends() {
    let Scene { clock, grant, source, .. } = Scene::ended().await;
    grant.twist(down());
    grant.close().await;
    let callers: Vec<_> = (0..1_000)
        .map(|_| {
            let source = source.clone();
            tokio::spawn(async move { source.token().await.unwrap_err().kind() })
        })
        .collect();
    settle().await;
    grant.open();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), TokenErrorKind::NotProcessed);
    }
    for _ in 0..100 {
        assert!(source.token().await.unwrap_err().is_transient());
    }
    assert_eq!(grant.sent().len(), 1);
    clock.advance(Duration::from_secs(2));
    assert_eq!(token_of(&source.token().await.unwrap()), "a2");
    assert_eq!(grant.sent(), ["r1", "r1"], "nothing was processed, so the same one is sent again");
}

// REF-03, REF-11
#[tokio::test]
async fn a_failed_early_refresh_is_not_seen_before_the_end() {
    let Scene { clock, grant, source, .. } = Scene::logged_in().await;
    clock.advance(LIFE.mul_f64(0.82));
    (0..10).for_each(|_| grant.twist(down()));
    for _ in 0..8 {
        assert_eq!(token_of(&source.token().await.unwrap()), "a1");
        settle().await;
        clock.advance(Duration::from_secs(1));
    }
    assert!((3..=5).contains(&grant.sent().len()), "{:?}", grant.sent());
}

// REF-10
#[tokio::test]
async fn retry_after_holds_for_every_process() {
    let clock = ManualClock::new();
    let (grant, store) =
        (StrictGrant::new(&clock), Arc::new(MemoryStore::with_clock(Arc::new(clock.clone()))));
    let (first, second) = (source(&grant, &store, &clock), source(&grant, &store, &clock));
    first.sign_in(&grant.login()).await.unwrap();
    clock.advance(LIFE);
    let busy =
        GrantError::new(GrantErrorKind::NotProcessed, "busy").with_retry_after(Duration::from_secs(90));
    grant.twist(Twist::Fail(busy));
    assert!(first.token().await.is_err());
    for wait in [0, 60, 29] {
        clock.advance(Duration::from_secs(wait));
        assert!(first.token().await.is_err());
        assert!(second.token().await.is_err());
    }
    assert_eq!(grant.sent().len(), 1);
    clock.advance(Duration::from_secs(2));
    assert_eq!(token_of(&second.token().await.unwrap()), "a2");
}

// REF-12
#[tokio::test]
async fn a_lost_answer_is_replayed_once_where_there_is_grace() {
    let Scene { grant, source, .. } = Scene::ended().await;
    grant.with_grace();
    grant.twist(Twist::LoseAnswer);
    assert_eq!(token_of(&source.token().await.unwrap()), "a3");
    assert_eq!(grant.sent(), ["r1", "r1"]);
}

// REF-07, REF-12
#[tokio::test]
async fn a_lost_answer_at_a_strict_provider_is_named_and_nothing_is_sent_again() {
    let Scene { clock, grant, store, source: first } = Scene::ended().await;
    grant.twist(Twist::LoseAnswer);
    let error = first.token().await.unwrap_err();
    assert_eq!(error.reauth_cause(), Some(Cause::RefreshOutcomeUnknown));
    let second = source(&grant, &store, &clock);
    for _ in 0..20 {
        clock.advance(Duration::from_secs(30));
        for source in [&first, &second] {
            assert_eq!(source.token().await.unwrap_err().reauth_cause(), Some(Cause::RefreshOutcomeUnknown));
        }
    }
    assert_eq!(grant.sent(), ["r1", "r1"]);
}

// REF-07
#[tokio::test]
async fn a_refused_refresh_token_ends_the_login_with_its_access_token() {
    let Scene { clock, grant, source, .. } = Scene::logged_in().await;
    let refused = GrantError::new(GrantErrorKind::Refused(Cause::GrantRejected), "revoked");
    grant.twist(Twist::Fail(refused));
    clock.advance(LIFE.mul_f64(0.85));
    for _ in 0..5 {
        assert_eq!(token_of(&source.token().await.unwrap()), "a1", "good until its end");
        settle().await;
        clock.advance(Duration::from_secs(1));
    }
    clock.advance(LIFE);
    assert_eq!(source.token().await.unwrap_err().reauth_cause(), Some(Cause::GrantRejected));
    assert_eq!(grant.sent(), ["r1"]);
}

// REF-09
#[tokio::test]
async fn a_client_that_is_rejected_keeps_its_refresh_token_and_waits() {
    let Scene { clock, grant, source, .. } = Scene::ended().await;
    grant.twist(Twist::Fail(GrantError::new(GrantErrorKind::Misconfigured, "invalid client")));
    for _ in 0..59 {
        assert_eq!(source.token().await.unwrap_err().kind(), TokenErrorKind::Misconfigured);
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(grant.sent().len(), 1);
    clock.advance(Duration::from_secs(2));
    assert_eq!(token_of(&source.token().await.unwrap()), "a2");
}

// TOK-05, TOK-18: a refresh token beside an unusable access token is saved before anything else
#[tokio::test]
async fn the_refresh_token_of_an_odd_answer_is_saved() {
    let Scene { clock, grant, store, source: first } = Scene::ended().await;
    grant.twist(Twist::SpoilAccess);
    assert!(first.token().await.is_err());
    clock.advance(Duration::from_secs(5));
    let second = source(&grant, &store, &clock);
    assert_eq!(token_of(&second.token().await.unwrap()), "a3");
    assert_eq!(grant.sent(), ["r1", "r2"]);
}

// SUP-08
#[tokio::test]
async fn the_status_tells_what_a_caller_would_get_and_no_secret() {
    let Scene { clock, grant, source, .. } = Scene::new();
    assert_eq!(source.status().state, State::Waiting);
    source.sign_in(&grant.login()).await.unwrap();
    let fresh = source.status();
    assert_eq!((fresh.state, fresh.ends_in), (State::Fresh, Some(LIFE - Duration::from_secs(5))));
    assert!(!format!("{fresh:?}").contains("a1"));
    clock.advance(LIFE.mul_f64(0.85));
    assert_eq!((source.status().state, source.status().refresh_in), (State::Advisory, Some(Duration::ZERO)));
    grant.twist(down());
    source.token().await.unwrap();
    settle().await;
    let failed = source.status();
    assert_eq!((failed.state, failed.failures, failed.refreshing), (State::BackingOff, 1, false));
    assert_eq!(failed.last_error.unwrap().kind(), TokenErrorKind::NotProcessed);
    assert!(failed.retry_in.is_some());
    grant.twist(Twist::Fail(GrantError::new(GrantErrorKind::Refused(Cause::GrantRejected), "revoked")));
    clock.advance(LIFE);
    assert!(source.token().await.is_err());
    assert_eq!(source.status().state, State::ReauthRequired);
    source.shutdown().await.unwrap();
    assert_eq!(source.status().state, State::Closed);
}
