//! From the callback to the tokens, with good and bad answers.

mod date;

use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use oidc_core::{GrantErrorKind, Scopes, TransportError, TransportErrorKind};
use oidc_testkit::ManualClock;
use serde_json::{Value, json};

use super::*;
use crate::{
    Callback, ClientAuth, IdTokenError, LoginRequest, LoginStart,
    fake::{FakeTransport, Signer, builder, client, oauth_provider, provider, seconds},
    provider::{IdTokens, Profile},
};

/// A provider that answers a login, and the client that logs in.
struct Login {
    client: OidcClient,
    transport: FakeTransport,
    clock: ManualClock,
    signer: Signer,
    start: LoginStart,
}

impl Login {
    async fn start() -> Self {
        Self::at(provider()).await
    }

    async fn at(provider: crate::provider::Provider) -> Self {
        let (client, transport, clock) = client(provider);
        let start = client.login().scopes(["a"]).resource("https://api.example").start().await.unwrap();
        let signer = Signer::new();
        transport.answer(200, &signer.keys());
        Self { client, transport, clock, signer, start }
    }

    fn nonce(&self) -> Value {
        json!(self.start.pending.nonce.as_ref().map(Secret::expose))
    }

    fn id_token(&self, changes: &Value) -> String {
        let mut all = json!({"nonce": self.nonce()});
        all.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        self.signer.id_token(&self.clock, "jo", &all)
    }

    async fn finish(self) -> (Result<Session, LoginError>, FakeTransport) {
        let query = format!("code=canary-code&state={}", self.start.pending.state());
        let answer = self.start.pending.check(&Callback::parse(&query).unwrap()).unwrap();
        (self.client.finish_login(self.start.pending, answer).await, self.transport)
    }
}

fn tokens(id_token: &str) -> String {
    json!({"access_token": "canary-a", "refresh_token": "canary-r", "expires_in": 300, "id_token": id_token})
        .to_string()
}

#[tokio::test]
async fn a_login_ends_with_tokens_and_claims() {
    let login = Login::start().await;
    login.transport.answer(200, &tokens(&login.id_token(&json!({"email": "jo@example.com"}))));
    let verifier = login.start.pending.verifier.expose().to_owned();
    let client = login.client.clone();
    let (session, transport) = login.finish().await;
    let session = session.unwrap();
    assert_eq!(session.key, client.key(Subject::user("jo").unwrap()));
    assert_eq!(session.claims.as_ref().unwrap().subject(), "jo");
    let access = session.tokens.access().unwrap();
    assert_eq!((access.value().expose(), access.scopes()), ("canary-a", Some(&Scopes::parse("openid a"))));
    assert_eq!(session.tokens.refresh().unwrap().expose(), "canary-r");
    assert!(session.tokens.id_token().is_some());
    assert!(!format!("{session:#?}").contains("canary"));

    let [keys, request] = <[_; 2]>::try_from(transport.requests()).unwrap();
    assert_eq!(keys.uri(), "https://id.example/keys");
    assert_eq!(
        (request.method().as_str(), request.uri().to_string().as_str()),
        ("POST", "https://id.example/token")
    );
    assert_eq!(request.headers()[CONTENT_TYPE], "application/x-www-form-urlencoded");
    assert_eq!(request.headers()[ACCEPT], "application/json");
    let form: Vec<(String, String)> = url::form_urlencoded::parse(request.body()).into_owned().collect();
    let expected = [
        ("grant_type", "authorization_code"),
        ("code", "canary-code"),
        ("code_verifier", &verifier),
        ("redirect_uri", "https://app.example/callback?a=b"),
        ("resource", "https://api.example"),
        ("client_id", "my client"),
        ("client_secret", "canary-secret"),
    ];
    assert_eq!(form, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn the_redirect_uri_goes_along_only_if_it_went_before() {
    let transport = FakeTransport::default();
    let client = OidcClient::builder(oauth_provider(), "me").build(transport.clone()).unwrap();
    let start = client.login().start().await.unwrap();
    transport.answer(200, r#"{"access_token":"a"}"#);
    let answer = Callback::parse(&format!("code=c&state={}", start.pending.state())).unwrap();
    let answer = start.pending.check(&answer).unwrap();
    let verifier = start.pending.verifier.clone();
    let expected = [
        ("grant_type", "authorization_code"),
        ("code", "c"),
        ("code_verifier", verifier.expose()),
        ("client_id", "me"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let session = client.finish_login(start.pending, answer).await.unwrap();
    assert_eq!(transport.form().1, expected);
    assert!(session.claims.is_none() && session.tokens.refresh().is_none());
}

#[tokio::test]
async fn plain_oauth_claims_nothing_whatever_comes() {
    let login = Login::at(oauth_provider()).await;
    login.transport.requests();
    let transport = FakeTransport::default();
    let client = builder(oauth_provider(), &login.clock).build(transport.clone()).unwrap();
    for (user, named) in [(Some("me"), true), (None, false)] {
        let request = user.into_iter().fold(client.login(), |login, user| login.user(user));
        let pending = request.start().await.unwrap().pending;
        transport.answer(200, &tokens(&login.id_token(&json!({}))));
        let callback = Callback::parse(&format!("code=c&state={}", pending.state())).unwrap();
        let answer = pending.check(&callback).unwrap();
        let session = client.finish_login(pending, answer).await.unwrap();
        assert!(session.claims.is_none() && session.tokens.id_token().is_none());
        assert_eq!(*session.key.subject() == Subject::user("me").unwrap(), named);
        assert_ne!(*session.key.subject(), Subject::user("jo").unwrap());
    }
    assert_eq!(transport.requests().len(), 2, "no keys were asked for");
}

// AUT-16, IDT
#[tokio::test]
async fn an_id_token_that_is_not_good_ends_the_login() {
    for (changes, is_expected) in [
        (
            json!({"nonce": "other"}),
            (|error| matches!(error, IdTokenError::Nonce)) as fn(&IdTokenError) -> bool,
        ),
        (json!({"nonce": null}), |error| matches!(error, IdTokenError::Nonce | IdTokenError::Malformed(_))),
        (json!({"aud": "other"}), |error| {
            matches!(error, IdTokenError::Audience | IdTokenError::AuthorizedParty)
        }),
        (json!({"iss": "https://id.example/"}), |error| matches!(error, IdTokenError::Issuer)),
        (json!({"exp": 1}), |_| true),
        (json!({"sub": ""}), |_| true),
        (json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}), |error| {
            matches!(error, IdTokenError::AccessTokenHash)
        }),
        (json!({"c_hash": "AAAAAAAAAAAAAAAAAAAAAA"}), |error| matches!(error, IdTokenError::CodeHash)),
    ] {
        let login = Login::start().await;
        login.transport.answer(200, &tokens(&login.id_token(&changes)));
        match login.finish().await.0.unwrap_err() {
            LoginError::InvalidIdToken(error) => assert!(is_expected(&error), "{changes}: {error:?}"),
            other => panic!("{changes}: {other:?}"),
        }
    }
    for bad in ["canary", "canary.canary.canary", "a.b.c.d.e"] {
        let login = Login::start().await;
        login.transport.answer(200, &tokens(bad));
        let error = login.finish().await.0.unwrap_err();
        assert!(matches!(error, LoginError::InvalidIdToken(_)), "{bad}");
        assert!(!format!("{error:?}").contains("canary"));
    }
}

#[tokio::test]
async fn max_age_needs_its_proof() {
    for (auth_time, good) in [(Some(30), true), (Some(3_000), false), (None, false)] {
        let (client, transport, clock) = client(provider());
        let start = client.login().max_age(Duration::from_secs(60)).start().await.unwrap();
        let login = Login { client, transport, clock, signer: Signer::new(), start };
        login.transport.answer(200, &login.signer.keys());
        let now = seconds(&login.clock);
        let changes = json!({"auth_time": auth_time.map(|ago| now - ago)});
        login.transport.answer(200, &tokens(&login.id_token(&changes)));
        assert_eq!(login.finish().await.0.is_ok(), good, "{auth_time:?}");
    }
}

#[tokio::test]
async fn a_missing_id_token_is_missed_only_where_one_is_due() {
    let without = r#"{"access_token":"a","refresh_token":"r","id_token":null}"#;
    let login = Login::start().await;
    login.transport.answer(200, without);
    assert!(matches!(login.finish().await.0, Err(LoginError::MissingIdToken)));

    let profile = Profile::default().with_id_tokens(IdTokens::IfPresent);
    let (client, transport, _) = client(provider().with_profile(profile));
    let login = async |request: LoginRequest| {
        let pending = request.start().await.unwrap().pending;
        transport.answer(200, without);
        let callback = Callback::parse(&format!("code=c&state={}", pending.state())).unwrap();
        let answer = pending.check(&callback).unwrap();
        client.finish_login(pending, answer).await
    };
    let session = login(client.login()).await.unwrap();
    assert!(session.claims.is_none() && session.tokens.refresh().is_some());
    let unproved = login(client.login().max_age(Duration::from_secs(60))).await;
    assert!(matches!(unproved, Err(LoginError::MissingIdToken)));
}

// AUT-17
#[tokio::test]
async fn a_code_is_sent_again_only_if_it_was_not_sent() {
    let sends = |first: Result<http::Response<bytes::Bytes>, TransportError>| async {
        let login = Login::start().await;
        login.transport.push(first);
        login.transport.answer(200, &tokens(&login.id_token(&json!({}))));
        let (session, transport) = login.finish().await;
        (session, transport.requests().len() - 1)
    };
    let (session, count) = sends(Err(TransportError::not_sent(TransportErrorKind::Connect))).await;
    assert_eq!((session.is_ok(), count), (true, 2));
    for lost in [
        Err(TransportError::maybe_sent(TransportErrorKind::Timeout)),
        Err(TransportError::maybe_sent(TransportErrorKind::Interrupted)),
        Ok(crate::fake::response(503, "")),
        Ok(crate::fake::response(502, "<html>canary</html>")),
        Ok(crate::fake::response(200, "<html>canary</html>")),
    ] {
        let (session, count) = sends(lost).await;
        let Err(LoginError::Exchange(error)) = session else { panic!("{session:?}") };
        assert_eq!((error.kind(), count), (GrantErrorKind::OutcomeUnknown, 1));
        assert!(!format!("{error:?}").contains("canary"));
    }
}

#[tokio::test]
async fn a_code_that_never_left_twice_is_not_sent_a_third_time() {
    let login = Login::start().await;
    for _ in 0..3 {
        login.transport.push(Err(TransportError::not_sent(TransportErrorKind::Connect)));
    }
    let (session, transport) = login.finish().await;
    let Err(LoginError::Exchange(error)) = session else { panic!("{session:?}") };
    assert_eq!((error.kind(), transport.requests().len()), (GrantErrorKind::NotProcessed, 3));
}

#[tokio::test]
async fn a_refused_code_is_refused() {
    let login = Login::start().await;
    login.transport.answer(400, r#"{"error":"invalid_grant","error_description":"canary"}"#);
    let (session, _) = login.finish().await;
    let Err(LoginError::Exchange(error)) = session else { panic!("{session:?}") };
    assert_eq!(error.code(), Some("invalid_grant"));
    assert!(matches!(error.kind(), GrantErrorKind::Refused(_)));
    assert!(!format!("{error:?}").contains("canary"));
}

// AUT-01, AUT-05, AUT-12
#[tokio::test]
async fn a_code_goes_nowhere_but_where_its_login_began() {
    let login = Login::start().await;
    let answer_to = |pending: &PendingLogin| {
        let query = format!("code=c&state={}", pending.state());
        pending.check(&Callback::parse(&query).unwrap()).unwrap()
    };
    let started = || async { login.client.login().start().await.unwrap().pending };
    let finish = |client: OidcClient, pending: PendingLogin, answer| async move {
        client.finish_login(pending, answer).await.unwrap_err()
    };
    let other = OidcClient::builder(provider(), "other")
        .redirect_uri("https://app.example/")
        .build(login.transport.clone());
    let elsewhere = oidc_core::Issuer::new("https://id.example/").unwrap();
    let elsewhere =
        builder(crate::provider::Provider::discover(elsewhere), &login.clock).build(login.transport.clone());
    for client in [other.unwrap(), elsewhere.unwrap()] {
        let pending = started().await;
        let answer = answer_to(&pending);
        assert!(matches!(finish(client, pending, answer).await, LoginError::OtherClient));
    }
    let (pending, answer) = (started().await, answer_to(&started().await));
    assert!(matches!(finish(login.client.clone(), pending, answer).await, LoginError::StateMismatch));
    let pending = started().await;
    let answer = answer_to(&pending);
    login.clock.advance(Duration::from_secs(601));
    assert!(matches!(finish(login.client.clone(), pending, answer).await, LoginError::Expired));
    assert!(login.transport.requests().is_empty());
}

#[tokio::test]
async fn a_provider_without_keys_costs_no_code() {
    let (client, transport, _) = client(provider());
    transport.answer(500, "");
    let pending = client.login().start().await.unwrap().pending;
    let callback = Callback::parse(&format!("code=c&state={}", pending.state())).unwrap();
    let answer = pending.check(&callback).unwrap();
    assert!(matches!(client.finish_login(pending, answer).await, Err(LoginError::Provider(_))));
    assert_eq!(transport.requests().len(), 1);
}

// GRA-02
#[tokio::test]
async fn each_client_shows_itself_in_its_one_way() {
    for (auth, in_form, in_header) in [
        (ClientAuth::none(), "&client_id=my+client", None),
        (ClientAuth::secret_post("s s".into()), "&client_id=my+client&client_secret=s+s", None),
        (ClientAuth::secret_basic("s s".into()), "", Some("Basic bXkrY2xpZW50OnMrcw==")),
    ] {
        let (transport, clock) = (FakeTransport::default(), ManualClock::new());
        let client = builder(oauth_provider(), &clock).auth(auth).build(transport.clone()).unwrap();
        let pending = client.login().start().await.unwrap().pending;
        let callback = Callback::parse(&format!("code=c&state={}", pending.state())).unwrap();
        let answer = pending.check(&callback).unwrap();
        transport.answer(401, r#"{"error":"invalid_client"}"#);
        let Err(LoginError::Exchange(error)) = client.finish_login(pending, answer).await else { panic!() };
        assert_eq!(error.kind(), GrantErrorKind::Misconfigured);
        let [request] = <[_; 1]>::try_from(transport.requests()).unwrap();
        let body = std::str::from_utf8(request.body()).unwrap();
        assert!(
            body.ends_with(&format!("redirect_uri=https%3A%2F%2Fapp.example%2Fcallback%3Fa%3Db{in_form}")),
            "{body}"
        );
        assert_eq!(request.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap()), in_header);
    }
}
