//! One refresh, however many want it.

use std::{sync::Arc, time::Duration};

use oidc_core::{Credential, TokenSource};
use oidc_testkit::ManualClock;

use crate::support::{LIFE, Scene, StrictGrant, Twist, settle, source, token_of};

// REF-01
#[tokio::test]
async fn a_thousand_callers_of_an_ended_token_make_one_request() {
    let Scene { grant, source, .. } = Scene::ended().await;
    grant.close().await;
    let callers: Vec<_> = (0..1_000)
        .map(|_| {
            let source = source.clone();
            tokio::spawn(async move { source.token().await.unwrap() })
        })
        .collect();
    settle().await;
    assert_eq!(grant.sent(), ["r1"]);
    grant.open();
    for caller in callers {
        assert_eq!(token_of(&caller.await.unwrap()), "a2");
    }
    assert_eq!(grant.sent(), ["r1"]);
}

// REF-03
#[tokio::test]
async fn a_good_token_is_served_while_it_is_renewed() {
    let Scene { clock, grant, source, .. } = Scene::logged_in().await;
    clock.advance(LIFE.mul_f64(0.85));
    grant.close().await;
    for _ in 0..100 {
        assert_eq!(source.peek().as_ref().map(token_of).as_deref(), Some("a1"));
    }
    settle().await;
    assert_eq!(grant.sent(), ["r1"]);
    grant.open();
    settle().await;
    assert_eq!(source.peek().as_ref().map(token_of).as_deref(), Some("a2"));
    assert_eq!(grant.sent(), ["r1"]);
}

// CAN-01, CAN-02, CAN-03
#[tokio::test]
async fn a_refresh_survives_all_who_wanted_it() {
    let Scene { clock, grant, store, source: first } = Scene::ended().await;
    grant.close().await;
    let caller = tokio::spawn({
        let first = first.clone();
        async move { first.token().await }
    });
    settle().await;
    caller.abort();
    let _ = caller.await;
    drop(first);
    grant.open();
    settle().await;
    let second = source(&grant, &store, &clock);
    assert_eq!(token_of(&second.token().await.unwrap()), "a2", "the tokens were saved all the same");
    assert_eq!(grant.sent(), ["r1"]);
}

// CAN-04
#[tokio::test]
async fn a_shutdown_waits_for_the_tokens_to_be_saved() {
    let Scene { clock, grant, store, source: first } = Scene::ended().await;
    grant.close().await;
    let waiting = tokio::spawn({
        let first = first.clone();
        async move { first.token().await }
    });
    settle().await;
    let closing = tokio::spawn({
        let first = first.clone();
        async move { first.shutdown().await }
    });
    settle().await;
    assert!(!closing.is_finished());
    grant.open();
    closing.await.unwrap().unwrap();
    let _ = waiting.await;
    assert!(first.token().await.is_err(), "closed is closed");
    let second = source(&grant, &store, &clock);
    assert_eq!(token_of(&second.token().await.unwrap()), "a2");
}

// REF-21, LAY-09
#[tokio::test]
async fn a_hundred_rejections_of_one_token_make_one_request() {
    let Scene { clock, grant, source, .. } = Scene::logged_in().await;
    clock.advance(Duration::from_secs(20));
    let rejected = source.token().await.unwrap();
    let renew = |rejected: &Credential| {
        let (source, rejected) = (source.clone(), rejected.clone());
        tokio::spawn(async move { token_of(&source.renew(rejected.generation()).await.unwrap()) })
    };
    let callers: Vec<_> = (0..100).map(|_| renew(&rejected)).collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "a2");
    }
    assert_eq!(renew(&rejected).await.unwrap(), "a2", "a late report of an old token costs nothing");
    assert_eq!(grant.sent(), ["r1"]);
}

// REF-19
#[tokio::test]
async fn a_panic_in_the_grant_is_an_error_and_the_next_call_works() {
    let Scene { grant, source, .. } = Scene::ended().await;
    grant.twist(Twist::Panic);
    assert_eq!(
        token_of(&source.token().await.unwrap()),
        "a2",
        "replayed once, because it may have been sent"
    );
    assert_eq!(grant.sent(), ["r1", "r1"]);
}

// GRA-01, TOK-19: tokens that can be won again need no login
#[tokio::test]
async fn tokens_that_cost_nothing_need_no_login() {
    let clock = ManualClock::new();
    let grant = StrictGrant::with(&clock, false);
    let source = oidc_refresh::RefreshingSource::builder(grant.clone());
    let source = source.clock(Arc::new(clock.clone())).build().unwrap();
    assert_eq!(token_of(&source.token().await.unwrap()), "a1");
    clock.advance(LIFE);
    assert_eq!(token_of(&source.token().await.unwrap()), "a2");
}

// REF-17
#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let clock = ManualClock::new();
    let grant = StrictGrant::with(&clock, false);
    let source = oidc_refresh::RefreshingSource::builder(grant).build().unwrap();
    let mut waiting = std::pin::pin!(source.token());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(result) = waiting.as_mut().poll(&mut context) else { panic!("waits") };
    assert_eq!(result.unwrap_err().kind(), oidc_core::TokenErrorKind::Closed);
}
