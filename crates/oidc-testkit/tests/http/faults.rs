//! What the test provider does wrong on request.

use std::{sync::Arc, time::Duration};

use crate::support::{log_in, refresh};
use http::StatusCode;
use oidc_testkit::{
    Answer, BadIdToken, Endpoint, Fault, Hold, ManualClock, OddAnswer, Rotation, Successor, TestClient,
    TestProvider, TestProviderBuilder,
};
use serde_json::json;

fn builder() -> TestProviderBuilder {
    TestProvider::builder().client(TestClient::public("app").redirect_uri("http://127.0.0.1/callback"))
}

#[tokio::test]
async fn a_lost_answer_spends_what_was_sent() {
    let provider = builder().start().await.unwrap();
    let tokens = log_in(&provider).await;
    provider.fail_next(Endpoint::Token, Fault::LoseAnswer);
    assert!(refresh(&provider, tokens.text("refresh_token")).await.is_err());
    assert_eq!(provider.judge().refreshes_accepted, 1);
    assert_eq!(
        refresh(&provider, tokens.text("refresh_token")).await.unwrap().status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(provider.judge().reuse_detected, 1);
}

#[tokio::test]
async fn a_grace_window_makes_a_lost_answer_good() {
    let rotation = Rotation::Grace { window: Duration::from_secs(60), successor: Successor::Same };
    let provider = builder().rotation(rotation).start().await.unwrap();
    let tokens = log_in(&provider).await;
    provider.fail_next(Endpoint::Token, Fault::LoseAnswer);
    assert!(refresh(&provider, tokens.text("refresh_token")).await.is_err());
    let again = refresh(&provider, tokens.text("refresh_token")).await.unwrap();
    assert_eq!(refresh(&provider, again.text("refresh_token")).await.unwrap().status, StatusCode::OK);
    assert_eq!((provider.judge().refreshes_accepted, provider.judge().reuse_detected), (3, 0));
}

#[tokio::test]
async fn a_cut_or_scripted_answer_spends_nothing() {
    let provider = builder().start().await.unwrap();
    let tokens = log_in(&provider).await;
    provider.fail_next(Endpoint::Token, Fault::Pass);
    provider.fail_next(Endpoint::Token, Fault::CutBefore);
    let unavailable = Answer::oauth_error(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable");
    let unavailable = unavailable.header(http::header::RETRY_AFTER, http::HeaderValue::from_static("7"));
    provider.fail_next(Endpoint::Token, Fault::Answer(unavailable));
    assert_eq!(provider.pending_faults(), 3);
    let second = refresh(&provider, tokens.text("refresh_token")).await.unwrap();
    let second = second.text("refresh_token");
    assert!(refresh(&provider, second).await.is_err());
    let answer = refresh(&provider, second).await.unwrap();
    assert_eq!(
        (answer.status, answer.text("error")),
        (StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable")
    );
    assert_eq!(answer.headers[http::header::RETRY_AFTER], "7");
    assert_eq!(provider.judge().refreshes_accepted, 1);
    assert_eq!(refresh(&provider, second).await.unwrap().status, StatusCode::OK);
    assert_eq!((provider.pending_faults(), provider.judge().requests_to(Endpoint::Token)), (0, 5));
}

#[tokio::test]
async fn odd_answers_are_odd_in_one_thing_only() {
    let provider = builder().start().await.unwrap();
    let mut token = log_in(&provider).await.text("refresh_token").to_owned();
    for (odd, name, expected) in [
        (OddAnswer::TokenType("Bearer:"), "token_type", json!("Bearer:")),
        (OddAnswer::NoTokenType, "token_type", json!(null)),
        (OddAnswer::NoAccessToken, "access_token", json!(null)),
        (OddAnswer::NoIdToken, "id_token", json!(null)),
        (OddAnswer::ExpiresInText, "expires_in", json!("300")),
        (OddAnswer::NoExpiresIn, "expires_in", json!(null)),
        (OddAnswer::ScopeArray, "scope", json!(["openid", "offline_access"])),
    ] {
        provider.fail_next(Endpoint::Token, Fault::Odd(odd));
        let answer = refresh(&provider, &token).await.unwrap();
        assert_eq!(answer.json[name], expected, "{odd:?}");
        let members = answer.json.as_object().unwrap().len();
        assert_eq!(members, if expected.is_null() { 5 } else { 6 }, "{odd:?}");
        token = answer.text("refresh_token").to_owned();
    }
    provider.fail_next(Endpoint::Token, Fault::rewrite(|answer| answer.set("expires_in", -1)));
    let answer = refresh(&provider, &token).await.unwrap();
    assert_eq!(answer.json["expires_in"], -1);
    provider.fail_next(Endpoint::Token, Fault::Odd(OddAnswer::ErrorWithStatus200("invalid_grant")));
    let answer = refresh(&provider, answer.text("refresh_token")).await.unwrap();
    assert_eq!((answer.status, answer.json), (StatusCode::OK, json!({ "error": "invalid_grant" })));
}

#[tokio::test]
async fn bad_id_tokens_are_asked_for_one_by_one() {
    let provider = builder().start().await.unwrap();
    let mut token = log_in(&provider).await.text("refresh_token").to_owned();
    for bad in [BadIdToken::Signature, BadIdToken::Audience, BadIdToken::Without("sub")] {
        provider.fail_next(Endpoint::Token, Fault::Odd(OddAnswer::BadIdToken(bad)));
        let answer = refresh(&provider, &token).await.unwrap();
        assert_eq!(answer.text("id_token").split('.').count(), 3);
        token = answer.text("refresh_token").to_owned();
    }
}

#[tokio::test]
async fn a_held_answer_is_processed_and_waits() {
    let provider = builder().start().await.unwrap();
    let tokens = log_in(&provider).await;
    let hold = Hold::new();
    provider.fail_next(Endpoint::Token, Fault::HoldAnswer(hold.clone()));
    let (answer, ()) = tokio::join!(refresh(&provider, tokens.text("refresh_token")), async {
        hold.wait_for_arrivals(1).await;
        assert_eq!(provider.judge().refreshes_accepted, 1);
        hold.release();
    });
    assert_eq!(answer.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn delays_pass_on_the_clock_of_the_provider() {
    let clock = ManualClock::new();
    let provider = builder().clock(Arc::new(clock.clone())).start().await.unwrap();
    let tokens = log_in(&provider).await;
    provider.fail_next(Endpoint::Token, Fault::Delay(Duration::from_secs(3_600)));
    let (answer, ()) = tokio::join!(refresh(&provider, tokens.text("refresh_token")), async {
        clock.wait_for_sleepers(1).await;
        assert_eq!(provider.judge().refreshes_accepted, 0);
        clock.advance(Duration::from_secs(3_600));
    });
    assert_eq!(answer.unwrap().status, StatusCode::OK);
}
