//! Where logins begin and end.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use oidc_core::{
    Cause, Issuer, MemoryStore, Secret, Subject, TokenErrorKind, TokenKey, TokenSet, TokenSource,
};
use oidc_flow::{EndpointError, LoginError, Prompt};
use oidc_testkit::{Answer, Endpoint, Fault, Hold, TestUser, browse};
use tests::{World, finish};

// TOK-16
#[tokio::test]
async fn an_existing_refresh_token_is_taken_over() {
    let world = World::start().await;
    let tokens = world.provider.sign_in("app", "jo", &["read"]).unwrap();
    let imported = TokenSet::from_refresh_token(tokens.refresh().unwrap().clone());
    let source = world.source(&world.client.key(Subject::user("jo").unwrap()));
    source.sign_in(&imported).await.unwrap();
    assert!(source.peek().is_none());
    let client = world.api_client(&source);
    for _ in 0..3 {
        let answer = world.get_ok(&client).await;
        assert_eq!((&answer["subject"], &answer["scope"]), (&"jo".into(), &"read".into()));
        world.clock.advance(World::LIFE);
    }
    assert_eq!(world.provider.judge().refreshes_accepted, 3);
    world.assert_each_spent_once();
}

// LGO-10, LGO-11
#[tokio::test]
async fn signing_out_ends_the_login_here_and_at_the_provider() {
    let world = World::start().await;
    let source = world.signed_in().await;
    let client = world.api_client(&source);
    world.get_ok(&client).await;
    let tokens = source.sign_out().await.unwrap().unwrap();
    let access = tokens.access().unwrap().value().clone();
    assert!(world.provider.is_live(access.expose()));
    world.client.revoke(&tokens).await.unwrap();
    assert!(!world.provider.is_live(access.expose()));

    for _ in 0..3 {
        let error = world.get_err(&client).await;
        assert_eq!(error.kind(), TokenErrorKind::ReauthRequired(Cause::LoggedOut));
        world.clock.advance(Duration::from_secs(3600));
    }
    assert_eq!((world.api.calls(), world.provider.judge().grants("refresh_token")), (1, 0));
    assert!(source.sign_out().await.unwrap().is_none(), "there is nothing left to sign out of");
}

// CAN-07, LGO-12
#[tokio::test]
async fn a_sign_out_wins_against_the_refresh_in_flight_whose_tokens_are_revoked() {
    let world = World::start().await;
    let source = world.signed_in().await;
    let hold = Hold::new();
    world.provider.fail_next(Endpoint::Token, Fault::HoldAnswer(hold.clone()));
    world.clock.advance(World::LIFE);
    let waiting = tokio::spawn({
        let source = source.clone();
        async move { source.token().await }
    });
    hold.wait_for_arrivals(1).await;
    source.sign_out().await.unwrap();
    hold.release();
    let error = waiting.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), TokenErrorKind::ReauthRequired(Cause::LoggedOut));
    while world.provider.judge().requests_to(Endpoint::Revocation) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn two_sources_on_one_store_are_one_login() {
    let world = World::start().await;
    let session = world.log_in().await;
    let store = Arc::new(MemoryStore::with_clock(Arc::new(world.clock.clone())));
    let sources = [world.source_on(store.clone(), &session.key), world.source_on(store, &session.key)];
    sources[0].sign_in(&session.tokens).await.unwrap();
    let clients = sources.each_ref().map(|source| world.api_client(source));
    for round in 1..=4 {
        world.clock.advance(World::LIFE);
        let both = async { tokio::join!(world.get_ok(&clients[0]), world.get_ok(&clients[1])) };
        world.while_time_passes(both).await;
        assert_eq!(world.provider.judge().grants("refresh_token"), round);
    }
    world.assert_each_spent_once();
}

// IDT-16
#[tokio::test]
async fn userinfo_tells_about_the_user_of_the_login_and_no_other() {
    let alice = TestUser::new("alice").claim("email", "alice@example.com");
    let world = World::with(|provider| provider.user(alice)).await;
    let session = world.log_in().await;
    let access = session.tokens.access().unwrap();
    let info = world.client.userinfo(&session.key, access).await.unwrap();
    assert_eq!(
        (info.subject(), info.claim::<String>("email").as_deref()),
        ("alice", Some("alice@example.com"))
    );

    world.provider.fail_next(Endpoint::Userinfo, Fault::rewrite(|claims| claims.set("sub", "mallory")));
    let other = world.client.userinfo(&session.key, access).await;
    assert!(matches!(other, Err(EndpointError::SubjectMismatch)));

    let elsewhere =
        TokenKey::new(Issuer::new("https://other.example").unwrap(), "app", Subject::user("alice").unwrap());
    let asked = world.provider.judge().requests_to(Endpoint::Userinfo);
    assert!(matches!(world.client.userinfo(&elsewhere, access).await, Err(EndpointError::Config(_))));
    assert_eq!(world.provider.judge().requests_to(Endpoint::Userinfo), asked, "the token was not sent");

    world.provider.revoke_access_tokens();
    let refused = world.client.userinfo(&session.key, access).await;
    assert!(matches!(refused, Err(EndpointError::Status { status: 401, .. })));
}

// LGO-07
#[tokio::test]
async fn the_logout_url_ends_the_session_and_brings_the_user_back() {
    let world = World::start().await;
    let session = world.log_in().await;
    let silent = || world.client.login().prompt(Prompt::None);
    assert!(finish(&world.client, silent()).await.is_ok(), "the provider knows the user");

    let url = world.client.logout_url().id_token_hint(session.tokens.id_token().unwrap());
    let url = url.post_logout_redirect_uri("http://127.0.0.1/bye").state("s 1").build().await.unwrap();
    let visit = browse(url.as_str()).await.unwrap();
    assert_eq!(visit.location().unwrap().as_str(), "http://127.0.0.1/bye?state=s+1");
    let refused = finish(&world.client, silent()).await.unwrap_err();
    assert!(matches!(refused, LoginError::LoginRequired(_)));
}

// LGO-10
#[tokio::test]
async fn a_revocation_that_fails_says_so_and_whether_to_try_again() {
    let world = World::start().await;
    let tokens = world.log_in().await.tokens;
    let busy = Answer::new(StatusCode::SERVICE_UNAVAILABLE);
    world.provider.fail_next(Endpoint::Revocation, Fault::Answer(busy));
    let error = world.client.revoke(&tokens).await.unwrap_err();
    assert!(error.is_transient());
    assert_eq!(world.provider.judge().requests_to(Endpoint::Revocation), 2, "both tokens were tried");
    assert!(world.client.revoke(&tokens).await.is_ok());
    let unknown = TokenSet::from_refresh_token(Secret::from("never issued"));
    assert!(world.client.revoke(&unknown).await.is_ok());
}
