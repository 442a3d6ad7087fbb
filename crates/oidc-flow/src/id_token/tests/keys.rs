//! The rows JWK, as far as they are about which key is used and when keys are fetched.

use oidc_core::TransportErrorKind;

use super::*;
use crate::provider::{ProviderErrorKind, fake::Page};

fn token(world: &World, signer: &TestKey, header: Value) -> String {
    signer.token(SigningAlgorithm::Es256, header, &world.claims())
}

async fn verify(world: &World, signer: &TestKey, kid: &str) -> Result<IdTokenClaims, IdTokenError> {
    world.verify_token(&token(world, signer, json!({ "kid": kid })), &world.checks()).await
}

fn other_key() -> TestKey {
    TestKey::new(SigningAlgorithm::Es256)
}

#[tokio::test]
async fn keys_are_fetched_once() {
    let world = World::new();
    for _ in 0..10 {
        assert!(verify(&world, key(), "a").await.is_ok());
    }
    assert_eq!(world.web.requests(), [KEYS]);
}

// DIS-14
#[tokio::test]
async fn a_hundred_logins_at_once_ask_once() {
    let world = World::new();
    world.web.set_open(false);
    let everyone = futures_util::future::join_all((0..100).map(|_| verify(&world, key(), "a")));
    let opens = async { world.web.set_open(true) };
    let (verified, _) = tokio::join!(everyone, opens);
    assert!(verified.iter().all(Result::is_ok));
    assert_eq!(world.web.requests(), [KEYS]);
}

// JWK-02
#[tokio::test]
async fn a_key_that_was_rotated_just_now_is_fetched() {
    let world = World::new();
    assert!(verify(&world, key(), "a").await.is_ok());
    let newer = other_key();
    world.publish(&[newer.jwk(Some("b"))]);
    assert!(verify(&world, &newer, "b").await.is_ok());
    assert_eq!(world.web.requests().len(), 2);
    assert_refused!(verify(&world, key(), "a").await, IdTokenError::KeysNotYetAvailable { .. });
    assert_eq!(world.web.requests().len(), 0);
}

// JWK-01, JWK-06
#[tokio::test]
async fn unknown_keys_cost_little_and_hurt_nobody() {
    let world = World::new();
    let stranger = other_key();
    assert_refused!(verify(&world, &stranger, "x").await, IdTokenError::UnknownKey);
    assert_eq!(world.web.requests().len(), 1, "what was fetched for this token is not fetched again");
    assert_refused!(verify(&world, &stranger, "x").await, IdTokenError::UnknownKey);
    assert_eq!(world.web.requests().len(), 1);
    for kid in 0..1000 {
        let refused = verify(&world, &stranger, &kid.to_string()).await;
        assert_refused!(refused, IdTokenError::KeysNotYetAvailable { source: None, .. });
    }
    assert!(verify(&world, key(), "a").await.is_ok());
    assert_eq!(world.web.requests().len(), 0);
    world.clock.advance(seconds(30));
    for kid in 0..1000 {
        assert!(verify(&world, &stranger, &kid.to_string()).await.is_err());
    }
    assert_eq!(world.web.requests().len(), 1);
}

// JWK-03
#[tokio::test]
async fn in_the_cool_down_a_new_key_is_not_known_yet() {
    let world = World::new();
    let (second, third) = (other_key(), other_key());
    assert!(verify(&world, key(), "a").await.is_ok());
    world.publish(&[second.jwk(Some("b"))]);
    assert!(verify(&world, &second, "b").await.is_ok());
    world.publish(&[second.jwk(Some("b")), third.jwk(Some("c"))]);
    world.clock.advance(seconds(10));
    let error = verify(&world, &third, "c").await.unwrap_err();
    assert!(error.is_transient());
    assert!(
        matches!(error, IdTokenError::KeysNotYetAvailable { retry_after, .. } if retry_after == seconds(20))
    );
    world.clock.advance(seconds(20));
    assert!(verify(&world, &third, "c").await.is_ok());
}

// JWK-04
#[tokio::test]
async fn a_broken_key_endpoint_does_not_unlearn_keys() {
    let world = World::new();
    assert!(verify(&world, key(), "a").await.is_ok());
    let newer = other_key();
    for (index, page) in [
        Page::Answer(500, vec![], "{}".into()),
        Page::Answer(302, vec![("location", "https://evil.example".into())], "".into()),
        Page::Answer(404, vec![], "".into()),
        Page::Answer(200, vec![], "".into()),
        Page::Answer(200, vec![], r#"{"keys":null}"#.into()),
        Page::Answer(200, vec![], "<html>".into()),
        Page::Failure(TransportErrorKind::Timeout),
        Page::Panic,
    ]
    .into_iter()
    .enumerate()
    {
        world.clock.advance(seconds(60));
        world.web.put_page(KEYS, page);
        let mut claims = world.claims();
        claims["exp"] = (world.now() + 3600).into();
        let refused = world
            .verify_token(
                &newer.token(SigningAlgorithm::Es256, json!({"kid": "b"}), &claims),
                &world.checks(),
            )
            .await;
        assert_refused!(refused, IdTokenError::KeysNotYetAvailable { source: Some(_), .. }, "{index}");
        assert!(verify(&world, key(), "a").await.is_ok(), "{index}");
        assert_eq!(world.web.requests().len(), if index == 0 { 2 } else { 1 }, "{index}");
    }
}

// JWK-04
#[tokio::test]
async fn without_keys_nothing_is_accepted_and_failures_are_remembered() {
    let world = World::new();
    world.web.put_status(KEYS, 503);
    for _ in 0..10 {
        let error = verify(&world, key(), "a").await.unwrap_err();
        assert!(error.is_transient());
        assert_refused!(Err::<(), _>(error), IdTokenError::KeysNotYetAvailable { source: Some(_), .. });
    }
    assert_eq!(world.web.requests().len(), 1);
    world.publish(&[]);
    world.clock.advance(seconds(1));
    assert_refused!(verify(&world, key(), "a").await, IdTokenError::UnknownKey);
    world.clock.advance(seconds(30));
    world.publish(&[key().jwk(Some("a"))]);
    assert!(verify(&world, key(), "a").await.is_ok());
}

// JWK-05
#[tokio::test]
async fn a_token_without_a_key_name_is_tried_with_the_keys_of_its_kind() {
    let world = World::new();
    let verify = async |keys: &[Value], signer: &TestKey| {
        world.publish(keys);
        world.clock.advance_boot(seconds(3600));
        world.verify_token(&token(&world, signer, json!({})), &world.checks()).await
    };
    let others: Vec<_> = (0..8).map(|_| other_key()).collect();
    let jwks = |count: usize| others.iter().take(count).map(|key| key.jwk(None)).collect::<Vec<_>>();
    assert!(verify(&[key().jwk(None)], key()).await.is_ok());
    assert!(verify(&[key().jwk(Some("a"))], key()).await.is_ok());
    assert!(verify(&[jwks(7), vec![key().jwk(None)]].concat(), key()).await.is_ok());
    assert_refused!(
        verify(&[jwks(8), vec![key().jwk(None)]].concat(), key()).await,
        IdTokenError::BadSignature
    );
    assert!(
        verify(&[jwks(3), vec![TestKey::rsa().jwk(None); 8], vec![key().jwk(None)]].concat(), key())
            .await
            .is_ok()
    );
    assert_refused!(verify(&[TestKey::rsa().jwk(None)], key()).await, IdTokenError::UnknownKey);
}

// JWK-05
#[tokio::test]
async fn keys_without_names_are_rotated_as_well() {
    let world = World::new();
    world.publish(&[key().jwk(None)]);
    assert!(world.verify_token(&token(&world, key(), json!({})), &world.checks()).await.is_ok());
    let newer = other_key();
    world.publish(&[newer.jwk(None)]);
    assert!(world.verify_token(&token(&world, &newer, json!({})), &world.checks()).await.is_ok());
    for _ in 0..10 {
        let refused = world.verify_token(&token(&world, &other_key(), json!({})), &world.checks()).await;
        assert_refused!(refused, IdTokenError::BadSignature);
    }
    assert_eq!(world.web.requests().len(), 2);
}

// JWK-06
#[tokio::test]
async fn a_named_key_is_never_replaced_by_another_one() {
    let world = World::new();
    world.publish(&[key().jwk(None), key().jwk(Some("b")), key().jwk(Some(""))]);
    assert_refused!(verify(&world, key(), "a").await, IdTokenError::UnknownKey);
    assert!(verify(&world, key(), "b").await.is_ok());
    assert!(verify(&world, key(), "").await.is_ok());
    assert_refused!(verify(&world, &other_key(), "b").await, IdTokenError::BadSignature);
    assert_eq!(world.web.requests().len(), 1);
}

// JWK-07
#[tokio::test]
async fn keys_of_one_name_are_all_tried() {
    let world = World::new();
    world.publish(&[
        TestKey::rsa().jwk(Some("a")),
        other_key().jwk(Some("a")),
        key().jwk(Some("a")),
        key().jwk(Some("a")),
        TestKey::new(SigningAlgorithm::EdDsa).jwk(Some("a")),
    ]);
    assert!(verify(&world, key(), "a").await.is_ok());
    assert_refused!(verify(&world, &other_key(), "a").await, IdTokenError::BadSignature);
}

// JWK-08, JWK-09
#[tokio::test]
async fn keys_for_other_purposes_verify_nothing() {
    let world = World::new();
    for (name, value) in
        [("use", json!("enc")), ("key_ops", json!(["encrypt"])), ("alg", json!("ES384")), ("d", json!("AA"))]
    {
        let mut jwk = key().jwk(Some("a"));
        jwk[name] = value;
        world.publish(&[jwk, json!({"kty": "oct", "k": "AA", "kid": "a"})]);
        world.clock.advance_boot(seconds(3600));
        assert_refused!(verify(&world, key(), "a").await, IdTokenError::UnknownKey, "{name}");
    }
}

// JWK-12
#[tokio::test]
async fn headers_of_the_key_set_count_within_bounds() {
    for (headers, seconds_kept) in [
        (vec![], 3600),
        (vec![("content-type", "text/html".to_owned())], 3600),
        (vec![("cache-control", "max-age=0".to_owned())], 30),
        (vec![("cache-control", "no-store".to_owned())], 3600),
        (vec![("cache-control", "public, Max-Age=600, must-revalidate".to_owned())], 600),
        (vec![("cache-control", "max-age=99999999".to_owned())], 24 * 3600),
        (vec![("cache-control", "max-age=99999999999999999999999".to_owned())], 3600),
        (vec![("cache-control", "max-age=-1".to_owned())], 3600),
        (vec![("etag", "\"a\"".to_owned())], 3600),
    ] {
        let world = World::new();
        let keys = json!({"keys": [key().jwk(Some("a"))]}).to_string();
        world.web.put_page(KEYS, Page::Answer(200, headers.clone(), keys.into()));
        for (advance, requests) in [(0, 1), (seconds_kept - 1, 0), (1, 1)] {
            world.clock.advance_boot(seconds(advance));
            assert!(verify(&world, key(), "a").await.is_ok());
            assert_eq!(world.web.requests().len(), requests, "{headers:?} {advance}");
        }
    }
}

// JWK-13
#[tokio::test]
async fn a_token_cannot_bring_its_own_key() {
    let world = World::new();
    let mallory = other_key();
    let header = json!({
        "kid": "a",
        "jwk": mallory.jwk(Some("a")),
        "jku": "https://evil.example/keys",
        "x5u": "https://evil.example/cert",
        "x5c": ["AA"],
    });
    let refused = world.verify_token(&token(&world, &mallory, header.clone()), &world.checks()).await;
    assert_refused!(refused, IdTokenError::BadSignature);
    assert!(world.verify_token(&token(&world, key(), header), &world.checks()).await.is_ok());
    assert_eq!(world.web.requests(), [KEYS]);
}

#[tokio::test]
async fn what_is_not_known_of_a_provider_is_not_made_up() {
    let world = World::new();
    let authority = Issuer::new(ISSUER).unwrap();
    for (builder, field) in [
        (ProviderMetadata::builder(authority.clone()), "jwks_uri"),
        (ProviderMetadata::builder_without_issuer(authority), "issuer"),
    ] {
        let metadata =
            builder.id_token_signing_algs(SigningAlgorithm::ALL).token_endpoint("https://id.example/token");
        let provider = Provider::by_hand(metadata.unwrap().build().unwrap());
        let state = ProviderState::new(provider, Arc::new(world.web.clone()), Arc::new(world.clock.clone()));
        let token = Secret::from(token(&world, key(), json!({"kid": "a"})));
        let IdTokenError::Provider(error) = state.verify_id_token(&token, &world.checks()).await.unwrap_err()
        else {
            panic!("not the provider's")
        };
        assert_eq!(error.kind(), ProviderErrorKind::MissingEndpoint { field });
    }
    assert!(world.web.requests().is_empty());
}
