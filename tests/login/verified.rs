//! Logins with OpenID Connect, from the browser to the verified claims, at a provider that signs and lies.

use std::{sync::Arc, time::Duration};

use oidc_core::{Cause, GrantErrorKind};
use oidc_flow::{Callback, IdTokenError, LoginError, OidcClient, Prompt, Session};
use oidc_testkit::{BadIdToken, Endpoint, Fault, OddAnswer, SigningAlgorithm, TestUser, browse};
use tests::{World, finish};
use tokio::task::JoinSet;

async fn log_in(client: &OidcClient) -> Result<Session, LoginError> {
    finish(client, client.login()).await
}

#[tokio::test]
async fn the_claims_are_those_of_a_verified_token() {
    for algorithm in [SigningAlgorithm::Rs256, SigningAlgorithm::Es256] {
        let world = World::with(|provider| provider.signing_algorithm(algorithm).authorized_party()).await;
        let session = log_in(&world.client).await.unwrap();
        let claims = session.claims.unwrap();
        assert_eq!((claims.subject(), claims.issuer().as_str()), ("alice", world.provider.issuer()));
        assert_eq!((claims.audiences(), claims.claim::<String>("nonce")), (&["app".to_owned()][..], None));
        assert_eq!(session.key, world.client.key(oidc_core::Subject::user("alice").unwrap()));
        assert!(session.tokens.id_token().is_some());
        assert!(session.tokens.refresh().is_none(), "nobody asked for one");
    }
}

// IDT-01, IDT-02, IDT-08, IDT-10, IDT-11, IDT-12, JOS-01, JWK-06
#[tokio::test]
async fn a_token_that_is_not_good_in_one_thing_logs_nobody_in() {
    let world = World::with(|provider| provider.signing_algorithm(SigningAlgorithm::Es256)).await;
    use BadIdToken as Bad;
    use IdTokenError as E;
    type Check = fn(&E) -> bool;
    let cases: [(Bad, Check); 15] = [
        (Bad::Signature, |error| matches!(error, E::BadSignature)),
        (Bad::AlgorithmNone, |error| matches!(error, E::AlgNotAllowed)),
        (Bad::UnknownKey, |error| matches!(error, E::UnknownKey | E::KeysNotYetAvailable { .. })),
        (Bad::ForgedKey, |error| matches!(error, E::BadSignature)),
        (Bad::Issuer, |error| matches!(error, E::Issuer)),
        (Bad::Audience, |error| matches!(error, E::Audience)),
        (Bad::Nonce, |error| matches!(error, E::Nonce)),
        (Bad::AccessTokenHash, |error| matches!(error, E::AccessTokenHash)),
        (Bad::Expired, |error| matches!(error, E::Expired | E::ClockSkew { .. })),
        (Bad::IssuedInFuture, |error| matches!(error, E::IssuedAt | E::ClockSkew { .. })),
        (Bad::Without("nonce"), |error| matches!(error, E::Nonce)),
        (Bad::Without("sub"), |error| matches!(error, E::Malformed(_) | E::Subject)),
        (Bad::Without("aud"), |error| matches!(error, E::Malformed(_) | E::Audience)),
        (Bad::Without("exp"), |error| matches!(error, E::Malformed(_))),
        (Bad::Without("iss"), |error| matches!(error, E::Malformed(_) | E::Issuer)),
    ];
    for (bad, is_expected) in cases {
        world.provider.fail_next(Endpoint::Token, Fault::Odd(OddAnswer::BadIdToken(bad)));
        let refused = log_in(&world.client).await.unwrap_err();
        let LoginError::InvalidIdToken(error) = refused else { panic!("{bad:?}: {refused:?}") };
        assert!(is_expected(&error), "{bad:?}: {error:?}");
        world.clock.advance(Duration::from_secs(60));
    }
    assert!(log_in(&world.client).await.is_ok());
}

// TOK-01, TOK-03, TOK-05, TOK-06, TOK-12
#[tokio::test]
async fn what_is_odd_about_an_answer_counts_only_where_it_matters() {
    let world = World::with(|provider| provider.signing_algorithm(SigningAlgorithm::Es256)).await;
    for (odd, fails) in [
        (OddAnswer::TokenType("Bearer:"), None),
        (OddAnswer::TokenType("BEARER"), None),
        (OddAnswer::NoTokenType, None),
        (OddAnswer::NoExpiresIn, None),
        (OddAnswer::ExpiresInText, None),
        (OddAnswer::ScopeArray, None),
        (OddAnswer::NoRefreshToken, None),
        (OddAnswer::TokenType("DPoP"), Some(GrantErrorKind::Misconfigured)),
        (OddAnswer::NoAccessToken, Some(GrantErrorKind::OutcomeUnknown)),
        (OddAnswer::ErrorWithStatus200("invalid_grant"), Some(GrantErrorKind::Refused(Cause::GrantRejected))),
    ] {
        world.provider.fail_next(Endpoint::Token, Fault::Odd(odd));
        let outcome = finish(&world.client, world.client.login().offline_access()).await;
        match (outcome, fails) {
            (Ok(session), None) => assert!(session.claims.is_some(), "{odd:?}"),
            (Err(LoginError::Exchange(error)), Some(kind)) => assert_eq!(error.kind(), kind, "{odd:?}"),
            (outcome, _) => panic!("{odd:?}: {outcome:?}"),
        }
    }
    world.provider.fail_next(Endpoint::Token, Fault::Odd(OddAnswer::NoIdToken));
    assert!(matches!(log_in(&world.client).await, Err(LoginError::MissingIdToken)));
}

// JWK-02
#[tokio::test]
async fn a_provider_may_change_its_keys_between_two_logins() {
    let world = World::with(|provider| provider.signing_algorithm(SigningAlgorithm::Es256)).await;
    log_in(&world.client).await.unwrap();
    let before = world.provider.judge().requests_to(Endpoint::Jwks);
    log_in(&world.client).await.unwrap();
    assert_eq!((before, world.provider.judge().requests_to(Endpoint::Jwks)), (1, 1), "keys are kept");
    for retire in [false, true] {
        world.clock.advance(Duration::from_secs(300));
        world.provider.rotate_keys().unwrap();
        if retire {
            world.provider.retire_keys();
        }
        log_in(&world.client).await.unwrap();
    }
    assert_eq!(world.provider.judge().requests_to(Endpoint::Jwks), 3);
}

// DIS-14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_logins_at_once_ask_for_metadata_and_keys_once() {
    let world = Arc::new(World::with(|provider| provider.signing_algorithm(SigningAlgorithm::Es256)).await);
    let mut logins = JoinSet::new();
    for _ in 0..32 {
        let world = world.clone();
        logins.spawn(async move { log_in(&world.client).await.unwrap() });
    }
    logins.join_all().await;
    let judge = world.provider.judge();
    assert_eq!((judge.requests_to(Endpoint::Discovery), judge.requests_to(Endpoint::Jwks)), (1, 1));
    assert_eq!((judge.logins, judge.codes_replayed), (32, 0));
}

// AUT-16
#[tokio::test]
async fn a_code_that_was_won_in_another_login_is_of_no_use() {
    let world = World::start().await;
    let (victim, attacker) =
        (world.client.login().start().await.unwrap(), world.client.login().start().await.unwrap());
    let visit = browse(victim.url.as_str()).await.unwrap();
    let swapped = visit.callback_query().unwrap().replace(victim.pending.state(), attacker.pending.state());
    let answer = attacker.pending.check(&Callback::parse(&swapped).unwrap()).unwrap();
    let refused = world.client.finish_login(attacker.pending, answer).await.unwrap_err();
    assert!(matches!(refused, LoginError::Exchange(error) if error.code() == Some("invalid_grant")));
}

// AUT-12, AUT-13
#[tokio::test]
async fn a_callback_of_another_provider_is_not_taken() {
    let (world, other) = (World::start().await, World::start().await);
    let start = world.client.login().start().await.unwrap();
    let visit = browse(start.url.as_str()).await.unwrap();
    let query = visit.callback_query().unwrap();
    let mixed_up = query.replace(
        &url::form_urlencoded::byte_serialize(world.provider.issuer().as_bytes()).collect::<String>(),
        &url::form_urlencoded::byte_serialize(other.provider.issuer().as_bytes()).collect::<String>(),
    );
    assert_ne!(mixed_up, query);
    let without = query.split("&iss=").next().unwrap();
    for forged in [mixed_up.as_str(), without] {
        let refused = start.pending.check(&Callback::parse(forged).unwrap());
        assert!(matches!(refused, Err(LoginError::IssuerMismatch)), "{forged}");
    }
    assert!(start.pending.check(&Callback::parse(query).unwrap()).is_ok());
}

// AUT-23, IDT-13
#[tokio::test]
async fn what_was_asked_of_the_authentication_is_in_the_claims() {
    let world = World::with(|provider| provider.user(TestUser::new("alice").with_session())).await;
    let session = finish(&world.client, world.client.login().prompt(Prompt::None)).await.unwrap();
    assert_eq!(session.claims.unwrap().subject(), "alice");

    world.clock.advance(Duration::from_secs(600));
    let now = oidc_core::Clock::wall(&world.clock);
    let request = world.client.login().max_age(Duration::from_secs(60)).acr_values(["mfa"]);
    let claims = finish(&world.client, request).await.unwrap().claims.unwrap();
    assert_eq!((claims.acr(), claims.auth_time()), (Some("mfa"), Some(now)), "the user logged in again");

    world.clock.advance(Duration::from_secs(600));
    let silent = world.client.login().prompt(Prompt::None).max_age(Duration::from_secs(60));
    let refused = finish(&world.client, silent).await.unwrap_err();
    assert!(matches!(refused, LoginError::LoginRequired(_)), "{refused:?}");

    world.provider.end_session();
    let refused = finish(&world.client, world.client.login().prompt(Prompt::None)).await.unwrap_err();
    assert!(refused.needs_interaction());
}

// IDT-13
#[tokio::test]
async fn a_provider_that_cannot_prove_the_time_of_the_login_is_not_believed() {
    let world = World::start().await;
    let odd = OddAnswer::BadIdToken(BadIdToken::Without("auth_time"));
    world.provider.fail_next(Endpoint::Token, Fault::Odd(odd));
    let request = world.client.login().max_age(Duration::from_secs(60));
    let refused = finish(&world.client, request).await.unwrap_err();
    assert!(matches!(refused, LoginError::InvalidIdToken(IdTokenError::AuthTime)), "{refused:?}");
}
