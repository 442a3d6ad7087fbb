//! Tokens for the application itself.

use std::{sync::Arc, time::Duration};

use http::{Request, StatusCode};
use http_body_util::Full;
use oidc_core::{ConfigError, Scopes, Target, TokenErrorKind, TokenSource};
use oidc_flow::ClientAuth;
use oidc_refresh::{RefreshingSource, RefreshingSourceBuilder};
use oidc_testkit::{Answer, Endpoint, Fault};
use tests::World;

fn source(world: &World, scopes: &[&str]) -> RefreshingSourceBuilder {
    let grant = world.service.client_credentials(scopes.iter().copied()).unwrap();
    RefreshingSource::builder(grant).clock(Arc::new(world.clock.clone()))
}

// GRA-01, TOK-19
#[tokio::test]
async fn a_service_gets_its_own_tokens_and_new_ones_when_they_end() {
    let world = World::start().await;
    let client = world.api_client(&source(&world, &["invoices/read", "invoices/write"]).build().unwrap());
    for round in 1..=3 {
        for _ in 0..5 {
            let answer = world.get_ok(&client).await;
            assert_eq!(answer["client"], "service");
            assert_eq!(answer["scope"], "invoices/read invoices/write");
            assert!(answer["subject"].is_null());
        }
        assert_eq!(world.provider.judge().grants("client_credentials"), round);
        world.clock.advance(World::LIFE);
    }
    let judge = world.provider.judge();
    for parameters in &judge.token_parameters {
        let names: Vec<_> = parameters.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["grant_type", "scope"], "the rest is in the Authorization header");
    }
    assert_eq!((judge.clients_refused, judge.logins, world.api.unauthorized()), (0, 0, 0));
}

// GRA-02
#[tokio::test]
async fn the_secret_goes_where_the_client_was_told_to_put_it() {
    let world = World::start().await;
    let auth = ClientAuth::secret_post(oidc_core::Secret::from(World::SECRET));
    let client = World::client_of(world.provider.issuer(), &world.clock, "service", auth);
    let grant = client.client_credentials(["a"]).unwrap();
    let source = RefreshingSource::builder(grant).clock(Arc::new(world.clock.clone())).build().unwrap();
    world.get_ok(&world.api_client(&source)).await;
    let judge = world.provider.judge();
    let names: Vec<_> = judge.token_parameters[0].iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["grant_type", "scope", "client_id", "client_secret"]);
}

// TOK-13
#[tokio::test]
async fn one_service_has_a_token_for_each_target() {
    let world = World::start().await;
    let reader = source(&world, &["read"]).build().unwrap();
    let writer = source(&world, &["read"]);
    let writer =
        writer.target(Target::granted().with_scopes(Scopes::new(["write"]).unwrap())).build().unwrap();
    assert_eq!(world.get_ok(&world.api_client(&reader)).await["scope"], "read");
    assert_eq!(world.get_ok(&world.api_client(&writer)).await["scope"], "write");
}

// REF-09
#[tokio::test]
async fn a_wrong_secret_is_tried_once_a_minute_and_not_more() {
    let world = World::start().await;
    let auth = ClientAuth::secret_basic(oidc_core::Secret::from("wrong"));
    let client = World::client_of(world.provider.issuer(), &world.clock, "service", auth);
    let grant = client.client_credentials(["a"]).unwrap();
    let source = RefreshingSource::builder(grant).clock(Arc::new(world.clock.clone())).build().unwrap();
    let client = world.api_client(&source);
    for _ in 0..10 {
        assert!(!matches!(world.get_err(&client).await.kind(), TokenErrorKind::ReauthRequired(_)));
        world.clock.advance(Duration::from_secs(5));
    }
    assert_eq!(world.provider.judge().clients_refused, 1);
    world.clock.advance(Duration::from_secs(10));
    world.get_err(&client).await;
    assert_eq!(world.provider.judge().clients_refused, 2);
}

#[tokio::test]
async fn a_public_client_has_no_credentials() {
    let world = World::start().await;
    let refused = world.client.client_credentials(["a"]).unwrap_err();
    assert!(matches!(refused, ConfigError::Invalid { field: "auth", .. }));
}

// LAY-17
#[tokio::test]
async fn without_a_token_nothing_reaches_the_api() {
    let world = World::start().await;
    for _ in 0..2 {
        let answer = Answer::oauth_error(StatusCode::BAD_REQUEST, "invalid_scope");
        world.provider.fail_next(Endpoint::Token, Fault::Answer(answer));
    }
    let client = world.api_client(&source(&world, &["a"]).build().unwrap());
    assert!(!world.get_err(&client).await.is_transient());
    assert_eq!(world.api.calls(), 0);
}

// LAY-01
#[tokio::test]
async fn requests_to_other_places_carry_no_token() {
    let (world, other) = (World::start().await, World::start().await);
    let source = source(&world, &["a"]).build().unwrap();
    source.token().await.unwrap();
    let client = world.api_client(&source);
    let request = Request::get(other.api.url()).body(Full::default()).unwrap();
    let answer = tower::ServiceExt::oneshot(client, request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(other.api.tokens(), [None]);
    assert_eq!(world.provider.judge().grants("client_credentials"), 1, "no renewal for a foreign answer");
}
