//! Refreshes, with good and bad answers.

mod date;
mod dead;
mod hints;

use std::sync::Arc;

use oidc_core::{AccessToken, BootTime, Clock, Lifetime, Scopes, TransportError, TransportErrorKind};
use oidc_testkit::ManualClock;
use serde_json::json;

use super::*;
use crate::fake::{FakeTransport, Signer, client, oauth_provider, provider};

struct Login {
    client: OidcClient,
    transport: FakeTransport,
    clock: ManualClock,
    signer: Signer,
}

impl Login {
    fn at(provider: crate::provider::Provider) -> Self {
        let (client, transport, clock) = client(provider);
        Self { client, transport, clock, signer: Signer::new() }
    }

    /// Keys are there before the refresh, as `prepare` sees to.
    async fn prepared() -> Self {
        let login = Self::at(provider());
        login.transport.answer(200, &login.signer.keys());
        login.client.refresh_grant().prepare().await.unwrap();
        assert_eq!(login.transport.requests().len(), 1);
        login
    }

    fn current(&self) -> TokenSet {
        let lifetime = Lifetime::new(self.clock.wall(), None);
        let access =
            AccessToken::bearer("canary-old".into(), lifetime).unwrap().with_scopes(Scopes::parse("x y"));
        TokenSet::new(access)
            .with_refresh_token("canary-r".into())
            .with_id_token(self.signer.id_token(&self.clock, "jo", &json!({"nonce": "n"})).into())
    }

    fn gate(&self) -> SendGate {
        SendGate::new(Arc::new(self.clock.clone()), BootTime::NEVER)
    }

    async fn refresh(&self, target: &Target) -> Result<TokenSet, GrantError> {
        self.client.refresh_grant().obtain(target, Some(&self.current()), &self.gate()).await
    }

    fn answer_with(&self, id_token: &str) {
        let body = json!({"access_token": "a", "token_type": "Bearer:", "refresh_token": "canary-r2", "id_token": id_token});
        self.transport.answer(200, &body.to_string());
    }
}

fn salvaged(error: &GrantError) -> Option<&str> {
    error.salvage().and_then(TokenSet::refresh).map(Secret::expose)
}

fn owned<const N: usize>(pairs: [(&str, &str); N]) -> [(String, String); N] {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))
}

#[tokio::test]
async fn a_refresh_hands_over_what_came_back() {
    let login = Login::prepared().await;
    let id_token = login.signer.id_token(&login.clock, "jo", &json!({}));
    login.answer_with(&id_token);
    let tokens = login.refresh(&Target::granted()).await.unwrap();
    assert_eq!(tokens.access().unwrap().value().expose(), "a");
    assert_eq!(tokens.access().unwrap().scopes(), Some(&Scopes::parse("x y")), "as before");
    assert_eq!(tokens.refresh().unwrap().expose(), "canary-r2");
    assert_eq!(tokens.id_token().unwrap().expose(), id_token);
    let expected = owned([
        ("grant_type", "refresh_token"),
        ("refresh_token", "canary-r"),
        ("client_id", "my client"),
        ("client_secret", "canary-secret"),
    ]);
    assert_eq!(login.transport.form().1, expected);
}

// TOK-15, TOK-16
// IDT-15
#[tokio::test]
async fn what_is_not_in_the_answer_is_not_in_the_result() {
    let login = Login::at(oauth_provider());
    login.transport.answer(200, r#"{"access_token":"a"}"#);
    let tokens = login.refresh(&Target::granted()).await.unwrap();
    assert_eq!((tokens.refresh(), tokens.id_token()), (None, None));
    login.transport.answer(200, r#"{"access_token":"a","refresh_token":"canary-r"}"#);
    let tokens = login.refresh(&Target::granted()).await.unwrap();
    assert_eq!(tokens.refresh().unwrap().expose(), "canary-r");
}

#[tokio::test]
async fn a_target_says_what_the_token_is_for() {
    let login = Login::at(oauth_provider());
    let target = Target::granted()
        .with_scopes(Scopes::parse("b a"))
        .with_resource("https://api.example/2")
        .and_then(|target| target.with_resource("https://api.example/1"))
        .and_then(|target| target.with_parameter("audience", "x y"))
        .unwrap();
    login.transport.answer(200, r#"{"access_token":"a"}"#);
    let tokens = login.refresh(&target).await.unwrap();
    assert_eq!(tokens.access().unwrap().scopes(), Some(&Scopes::parse("a b")));
    let expected = owned([
        ("grant_type", "refresh_token"),
        ("refresh_token", "canary-r"),
        ("scope", "a b"),
        ("resource", "https://api.example/1"),
        ("resource", "https://api.example/2"),
        ("audience", "x y"),
        ("client_id", "my client"),
        ("client_secret", "canary-secret"),
    ]);
    assert_eq!(login.transport.form().1, expected);
    login.transport.answer(200, r#"{"access_token":"a","scope":"a"}"#);
    let tokens = login.refresh(&target).await.unwrap();
    assert_eq!(tokens.access().unwrap().scopes(), Some(&Scopes::parse("a")), "narrower is seen");
}

// REF-13, REF-14, REF-15
#[tokio::test]
async fn nothing_is_sent_twice_and_only_what_was_not_sent_was_not_processed() {
    for (failure, kind) in [
        (TransportError::not_sent(TransportErrorKind::Connect), GrantErrorKind::NotProcessed),
        (TransportError::not_sent(TransportErrorKind::Tls), GrantErrorKind::NotProcessed),
        (TransportError::maybe_sent(TransportErrorKind::Timeout), GrantErrorKind::OutcomeUnknown),
        (TransportError::maybe_sent(TransportErrorKind::Interrupted), GrantErrorKind::OutcomeUnknown),
        (TransportError::maybe_sent(TransportErrorKind::TooLarge), GrantErrorKind::OutcomeUnknown),
    ] {
        let login = Login::at(oauth_provider());
        login.transport.push(Err(failure));
        assert_eq!(login.refresh(&Target::granted()).await.unwrap_err().kind(), kind);
        assert_eq!(login.transport.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_closed_gate_lets_nothing_out() {
    let login = Login::at(oauth_provider());
    let gate = login.gate();
    gate.close();
    let error = login.client.refresh_grant().obtain(&Target::granted(), Some(&login.current()), &gate).await;
    assert_eq!(error.unwrap_err().kind(), GrantErrorKind::NotProcessed);
    assert!(login.transport.requests().is_empty() && !gate.was_passed());
}

#[tokio::test]
async fn without_a_refresh_token_nobody_is_logged_in() {
    let login = Login::at(oauth_provider());
    let grant = login.client.refresh_grant();
    for current in [None, Some(TokenSet::default())] {
        let error = grant.obtain(&Target::granted(), current.as_ref(), &login.gate()).await.unwrap_err();
        assert_eq!(error.kind(), GrantErrorKind::Refused(Cause::LoggedOut));
    }
    assert!(login.transport.requests().is_empty());
}

// TOK-18
#[tokio::test]
async fn a_lost_successor_leaves_the_outcome_open_and_keeps_the_access_token() {
    let login = Login::at(oauth_provider());
    login.transport.answer(200, r#"{"access_token":"a","refresh_token":{"value":"r"}}"#);
    let error = login.refresh(&Target::granted()).await.unwrap_err();
    assert_eq!(error.kind(), GrantErrorKind::OutcomeUnknown);
    let salvage = error.salvage().unwrap();
    assert_eq!((salvage.access().unwrap().value().expose(), salvage.refresh()), ("a", None));
}

#[tokio::test]
async fn another_users_tokens_are_not_kept() {
    let login = Login::prepared().await;
    let stranger = Signer::new();
    for (signer, sub, changes) in [
        (&login.signer, "mallory", json!({})),
        (&login.signer, "jo", json!({"iss": "https://id.example/"})),
        (&login.signer, "mallory", json!({"exp": 1})),
        (&stranger, "mallory", json!({})),
    ] {
        login.answer_with(&signer.id_token(&login.clock, sub, &changes));
        let error = login.refresh(&Target::granted()).await.unwrap_err();
        assert_eq!(error.kind(), GrantErrorKind::Refused(Cause::RefreshMismatch));
        assert!(error.salvage().is_none());
    }
}

#[tokio::test]
async fn an_id_token_that_is_not_good_costs_the_access_token_and_not_the_refresh_token() {
    let login = Login::prepared().await;
    let stranger = Signer::new();
    let bad = [
        stranger.id_token(&login.clock, "jo", &json!({})),
        login.signer.id_token(&login.clock, "jo", &json!({"aud": "other"})),
        login.signer.id_token(&login.clock, "jo", &json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"})),
        "not.a.token".to_owned(),
    ];
    for id_token in bad {
        login.answer_with(&id_token);
        let error = login.refresh(&Target::granted()).await.unwrap_err();
        assert_eq!((error.kind(), salvaged(&error)), (GrantErrorKind::Misconfigured, Some("canary-r2")));
        assert!(!format!("{error:?}").contains("canary"));
    }
}

// REF-05
#[tokio::test]
async fn an_id_token_that_cannot_be_checked_now_is_left_out() {
    let login = Login::at(provider());
    login.transport.answer(500, "");
    login.client.refresh_grant().prepare().await.unwrap();
    login.answer_with(&login.signer.id_token(&login.clock, "jo", &json!({})));
    let tokens = login.refresh(&Target::granted()).await.unwrap();
    assert_eq!((tokens.refresh().unwrap().expose(), tokens.id_token()), ("canary-r2", None));

    let login = Login::prepared().await;
    for late in [json!({"exp": 1, "iat": 1}), json!({"iat": 99_999_999_999_u64, "exp": 100_000_000_000_u64})]
    {
        login.answer_with(&login.signer.id_token(&login.clock, "jo", &late));
        let tokens = login.refresh(&Target::granted()).await.unwrap();
        assert_eq!((tokens.refresh().unwrap().expose(), tokens.id_token()), ("canary-r2", None), "{late}");
    }
}

#[tokio::test]
async fn keys_that_do_not_come_hold_nothing_up() {
    #[derive(Debug)]
    struct KeysHang(FakeTransport);
    #[async_trait]
    impl oidc_core::HttpTransport for KeysHang {
        async fn send(
            &self,
            request: http::Request<bytes::Bytes>,
        ) -> Result<http::Response<bytes::Bytes>, TransportError> {
            if request.uri().path() == "/keys" {
                std::future::pending().await
            } else {
                self.0.send(request).await
            }
        }
    }
    let login = Login::at(provider());
    let client =
        crate::fake::builder(provider(), &login.clock).build(KeysHang(login.transport.clone())).unwrap();
    login.answer_with(&login.signer.id_token(&login.clock, "jo", &json!({})));
    let (current, gate, clock) = (login.current(), login.gate(), login.clock.clone());
    let grant = client.refresh_grant();
    let refreshing =
        tokio::spawn(async move { grant.obtain(&Target::granted(), Some(&current), &gate).await });
    clock.wait_for_sleepers(1).await;
    clock.advance(RefreshGrant::KEYS_WITHIN);
    let tokens = refreshing.await.unwrap().unwrap();
    assert_eq!((tokens.refresh().unwrap().expose(), tokens.id_token()), ("canary-r2", None));
}

#[tokio::test]
async fn an_imported_login_takes_the_first_good_id_token() {
    let login = Login::prepared().await;
    let id_token = login.signer.id_token(&login.clock, "jo", &json!({}));
    login.answer_with(&id_token);
    let imported = TokenSet::from_refresh_token("canary-r".into());
    let tokens =
        login.client.refresh_grant().obtain(&Target::granted(), Some(&imported), &login.gate()).await;
    assert_eq!(tokens.unwrap().id_token().unwrap().expose(), id_token);
}

#[tokio::test]
async fn what_nobody_needs_is_given_back() {
    let login = Login::at(oauth_provider());
    login.transport.answer(200, "");
    login.client.refresh_grant().discard(&"canary-r9".into()).await;
    let (request, form) = login.transport.form();
    assert_eq!(request.uri(), "https://id.example/revoke");
    assert_eq!(form[..2], owned([("token", "canary-r9"), ("token_type_hint", "refresh_token")]));
    login.transport.answer(503, "");
    login.client.refresh_grant().discard(&"canary-r9".into()).await;
}

#[tokio::test]
async fn a_provider_that_is_down_is_not_the_clients_fault() {
    let issuer = oidc_core::Issuer::new("https://id.example").unwrap();
    let login = Login::at(crate::provider::Provider::discover(issuer));
    login.transport.push(Err(TransportError::not_sent(TransportErrorKind::Connect)));
    let error = login.client.refresh_grant().prepare().await.unwrap_err();
    assert_eq!(error.kind(), GrantErrorKind::NotProcessed);
}
