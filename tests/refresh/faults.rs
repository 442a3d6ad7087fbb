//! A provider that fails in the middle of a refresh.

use std::time::Duration;

use http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use oidc_core::{Cause, TokenErrorKind};
use oidc_testkit::{Answer, Endpoint, Fault, Hold, Rotation, Successor};
use tests::World;

const WINDOW: Duration = Duration::from_secs(30);

fn answer(status: u16) -> Answer {
    Answer::new(StatusCode::from_u16(status).unwrap())
}

fn retry_after(status: u16, seconds: u16) -> Answer {
    answer(status).header(RETRY_AFTER, HeaderValue::from(seconds))
}

// REF-12
#[tokio::test]
async fn a_lost_answer_is_made_up_for_within_the_grace_window() {
    for successor in [Successor::Same, Successor::New] {
        let rotation = Rotation::Grace { window: WINDOW, successor };
        let world = World::with(|provider| provider.rotation(rotation)).await;
        let client = world.api_client(&world.signed_in().await);
        for round in 1..=3 {
            world.provider.fail_next(Endpoint::Token, Fault::LoseAnswer);
            world.clock.advance(World::LIFE);
            world.get_ok(&client).await;
            let judge = world.provider.judge();
            assert_eq!((judge.grants("refresh_token"), judge.reuse_detected), (2 * round, 0));
        }
    }
}

// REF-12, REF-07
#[tokio::test]
async fn a_lost_answer_of_a_strict_provider_ends_the_login_and_says_why() {
    let world = World::start().await;
    let client = world.api_client(&world.signed_in().await);
    world.provider.fail_next(Endpoint::Token, Fault::LoseAnswer);
    world.clock.advance(World::LIFE);
    for _ in 0..3 {
        let error = world.get_err(&client).await;
        assert_eq!(error.kind(), TokenErrorKind::ReauthRequired(Cause::RefreshOutcomeUnknown));
        assert!(!error.is_transient());
        world.clock.advance(Duration::from_secs(3600));
    }
    assert_eq!(world.provider.judge().grants("refresh_token"), 2, "once, and the one repetition");
    assert_eq!(world.api.calls(), 0, "no request without a token");
}

// REF-11, REF-14
#[tokio::test]
async fn what_fails_before_it_is_processed_is_repeated_once_at_once() {
    for fault in [Fault::CutBefore, Fault::Answer(answer(500)), Fault::Answer(answer(502))] {
        let world = World::start().await;
        let client = world.api_client(&world.signed_in().await);
        world.provider.fail_next(Endpoint::Token, fault);
        world.clock.advance(World::LIFE);
        world.get_ok(&client).await;
        let judge = world.provider.judge();
        assert_eq!((judge.requests_to(Endpoint::Token), judge.refreshes_accepted), (3, 1));
        world.assert_each_spent_once();
    }
}

// REF-02, REF-11
#[tokio::test]
async fn a_provider_that_stays_broken_is_left_alone_and_the_login_lives_on() {
    let world = World::start().await;
    let client = world.api_client(&world.signed_in().await);
    world.provider.fail_next(Endpoint::Token, Fault::Answer(answer(500)));
    world.provider.fail_next(Endpoint::Token, Fault::Answer(answer(500)));
    world.clock.advance(World::LIFE);
    for _ in 0..20 {
        assert!(world.get_err(&client).await.is_transient());
    }
    assert_eq!(world.provider.judge().requests_to(Endpoint::Token), 3, "login, refresh, repetition");
    world.clock.advance(Duration::from_secs(10));
    world.get_ok(&client).await;
    world.assert_each_spent_once();
}

// REF-10
#[tokio::test]
async fn a_provider_that_asks_for_patience_gets_it() {
    for status in [429, 503] {
        let world = World::start().await;
        let client = world.api_client(&world.signed_in().await);
        world.provider.fail_next(Endpoint::Token, Fault::Answer(retry_after(status, 40)));
        world.clock.advance(World::LIFE);
        let error = world.get_err(&client).await;
        assert!(error.is_transient() && error.retry_after() >= Some(Duration::from_secs(39)), "{error:?}");
        world.clock.advance(Duration::from_secs(39));
        world.get_err(&client).await;
        assert_eq!(world.provider.judge().requests_to(Endpoint::Token), 2);
        world.clock.advance(Duration::from_secs(1));
        world.get_ok(&client).await;
        world.assert_each_spent_once();
    }
}

// REF-03
#[tokio::test]
async fn while_a_good_token_is_renewed_nobody_waits_for_it() {
    let world = World::start().await;
    let client = world.api_client(&world.signed_in().await);
    world.get_ok(&client).await;
    let hold = Hold::new();
    world.provider.fail_next(Endpoint::Token, Fault::HoldAnswer(hold.clone()));
    world.clock.advance(Duration::from_secs(85));
    for _ in 0..10 {
        world.get_ok(&client).await;
    }
    hold.wait_for_arrivals(1).await;
    world.get_ok(&client).await;
    let before = world.api.tokens().last().unwrap().clone();
    hold.release();
    while world.api.tokens().last() == Some(&before) {
        world.get_ok(&client).await;
        tokio::task::yield_now().await;
    }
    assert_eq!((world.provider.judge().grants("refresh_token"), world.api.unauthorized()), (1, 0));
}

// REF-03
#[tokio::test]
async fn an_early_refresh_that_fails_is_seen_by_nobody() {
    let world = World::start().await;
    let client = world.api_client(&world.signed_in().await);
    world.get_ok(&client).await;
    world.provider.fail_next(Endpoint::Token, Fault::Answer(retry_after(503, 1)));
    world.clock.advance(Duration::from_secs(85));
    while world.provider.pending_faults() > 0 {
        world.get_ok(&client).await;
    }
    world.get_ok(&client).await;
    world.clock.advance(Duration::from_secs(15));
    world.get_ok(&client).await;
    world.assert_each_spent_once();
}

// NET-11, REF-12
#[tokio::test]
async fn an_answer_that_never_comes_is_given_up_and_asked_for_again() {
    let rotation = Rotation::Grace { window: Duration::from_secs(60), successor: Successor::Same };
    let world = World::with(|provider| provider.rotation(rotation)).await;
    let client = world.api_client(&world.signed_in().await);
    let hold = Hold::new();
    world.provider.fail_next(Endpoint::Token, Fault::HoldAnswer(hold.clone()));
    world.clock.advance(World::LIFE);
    let (_, ()) = tokio::join!(world.get_ok(&client), async {
        hold.wait_for_arrivals(1).await;
        world.clock.advance(Duration::from_secs(31));
    });
    assert_eq!(world.provider.judge().reuse_detected, 0);
    assert_eq!(world.provider.judge().grants("refresh_token"), 2);
}

// CAN-02, CAN-03
#[tokio::test]
async fn callers_who_give_up_lose_nothing() {
    let world = World::start().await;
    let source = world.signed_in().await;
    let client = world.api_client(&source);
    let hold = Hold::new();
    world.provider.fail_next(Endpoint::Token, Fault::HoldAnswer(hold.clone()));
    world.clock.advance(World::LIFE);
    tokio::select! {
        _ = world.get(&client) => panic!("the answer is held"),
        () = hold.wait_for_arrivals(1) => {}
    }
    hold.release();
    world.get_ok(&client).await;
    assert_eq!(world.provider.judge().grants("refresh_token"), 1);
    world.assert_each_spent_once();
}

// REF-07
#[tokio::test]
async fn a_login_that_ended_elsewhere_asks_for_a_new_one_once() {
    let world = World::start().await;
    let client = world.api_client(&world.signed_in().await);
    world.get_ok(&client).await;
    world.provider.end_logins();
    // The API refuses the token, and the provider the refresh: the caller gets the API's answer, with the reason.
    let refused = world.get(&client).await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let reason = refused.extensions().get::<oidc_core::TokenError>().unwrap();
    assert_eq!(reason.kind(), TokenErrorKind::ReauthRequired(Cause::GrantRejected));
    for _ in 0..5 {
        world.clock.advance(Duration::from_secs(60));
        let error = world.get_err(&client).await;
        assert_eq!(error.kind(), TokenErrorKind::ReauthRequired(Cause::GrantRejected));
    }
    assert_eq!(world.provider.judge().grants("refresh_token"), 1);
}
