//! Apiture Digital Banking: a public client, OpenID Connect with PKCE.

use std::{sync::Arc, time::Duration};

use oidc_core::Secret;
use oidc_flow::{
    Callback, OidcClient, PendingLogin, Session,
    provider::{Environment, apiture},
};
use oidc_testkit::ManualClock;
use serde_json::{Value, json};
use tests::Form;
use wiremock::ResponseTemplate;

use crate::stage::{Api, CALLBACK, Stage, challenge_of};

pub(crate) const DISCOVERY: &str = "/oidc/.well-known/openid-configuration";
pub(crate) const AUTHORIZE: &str = "/oidc/authorize";
pub(crate) const TOKEN: &str = "/oidc/token";
pub(crate) const CLIENT: &str = "a1b2-banking.app";

pub(crate) const ENVIRONMENTS: [(Environment, &str); 3] = [
    (Environment::Production, "https://auth.apiture.com"),
    (Environment::Cat, "https://cat-oidc.apiture-comm-preprod.com"),
    (Environment::Cat2, "https://cat2-oidc.apiture-comm-preprod.com"),
];

pub(crate) fn metadata(origin: &str, issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{origin}{AUTHORIZE}"),
        "token_endpoint": format!("{origin}{TOKEN}"),
        "userinfo_endpoint": format!("{origin}/oidc/me"),
        "jwks_uri": format!("{origin}/oidc/jwks"),
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
    })
}

/// The four properties of the document's token answer.
pub(crate) fn tokens(access: &str, refresh: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "access_token": access, "token_type": "Bearer:", "expires_in": 900, "refresh_token": refresh,
    }))
}

pub(crate) fn client(stage: &Stage, environment: Environment, clock: &ManualClock) -> OidcClient {
    OidcClient::builder(apiture(environment), CLIENT)
        .redirect_uri(CALLBACK)
        .clock(Arc::new(clock.clone()))
        .build(stage.transport.clone())
        .unwrap()
}

/// Production, up to its login page.
pub(crate) async fn production() -> Stage {
    let stage = Stage::at("https://auth.apiture.com").await;
    stage.document(DISCOVERY, &metadata("https://auth.apiture.com", "https://auth.apiture.com/oidc/")).await;
    stage
}

/// The login of the document, up to the tokens.
async fn log_in(stage: &Stage, client: &OidcClient) -> Session {
    stage.logs_in(AUTHORIZE, "SplxlOBeZQQYbYS6WxSbIA").await;
    let start = client.login().scopes(["banking/read"]).offline_access().start().await.unwrap();
    let query = stage.visit(&start.url).await.unwrap();
    let answer = start.pending.check(&Callback::parse(&query).unwrap()).unwrap();
    client.finish_login(start.pending, answer).await.unwrap()
}

#[tokio::test]
async fn the_configuration_comes_from_the_discovery_url_of_the_environment() {
    for (environment, origin) in ENVIRONMENTS {
        // The document gives the authority with a slash at its end; both spellings are found in the field.
        for issuer in [format!("{origin}/oidc/"), format!("{origin}/oidc")] {
            let stage = Stage::at(origin).await;
            stage.document(DISCOVERY, &metadata(origin, &issuer)).await;
            let client = client(&stage, environment, &ManualClock::new());
            let start = client.login().start().await.unwrap();
            client.login().start().await.unwrap();
            assert!(start.url.as_str().starts_with(&format!("{origin}{AUTHORIZE}?")));
            let asked = stage.requests(DISCOVERY).await;
            assert_eq!(asked.len(), 1, "{issuer}");
            assert_eq!((asked[0].method.as_str(), asked[0].url.query()), ("GET", None));
        }
    }
}

// AUT-14, AUT-15
#[tokio::test]
async fn the_authorization_request_is_written_as_the_document_writes_it() {
    let stage = production().await;
    let client = client(&stage, Environment::Production, &ManualClock::new());
    let request = client.login().scopes(["banking/read", "banking/write"]).offline_access();
    let url = request.start().await.unwrap().url;

    let sent = Form::parse(url.query().unwrap());
    let (state, nonce) = (sent.value("state"), sent.value("nonce"));
    let challenge = sent.value("code_challenge");
    assert_eq!(
        url.as_str(),
        format!(
            "https://auth.apiture.com/oidc/authorize?response_type=code&client_id=a1b2-banking.app\
             &redirect_uri=https%3A%2F%2Fapp.example%2Fcallback\
             &scope=openid%20offline_access%20banking/read%20banking/write\
             &state={state}&nonce={nonce}&code_challenge={challenge}&code_challenge_method=S256"
        )
    );
    for random in [state, nonce, challenge] {
        assert_eq!(random.len(), 43);
        assert!(random.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')));
    }
}

// AUT-14, TOK-03, TOK-15
#[tokio::test]
async fn the_login_of_the_document_from_discovery_to_the_api() {
    let (stage, clock) = (production().await, ManualClock::new());
    let client = client(&stage, Environment::Production, &clock);
    stage.answers(TOKEN, tokens("C1AC67D1EB404070B61DB7ECD5C635A7", "refresh-1")).await;
    let session = log_in(&stage, &client).await;

    let sent = Form::parse(stage.requests(AUTHORIZE).await[0].url.query().unwrap());
    let exchange = &stage.token_requests(TOKEN).await[0];
    assert_eq!(
        exchange.without(&["code_verifier"]),
        [
            ("client_id", CLIENT),
            ("code", "SplxlOBeZQQYbYS6WxSbIA"),
            ("grant_type", "authorization_code"),
            ("redirect_uri", CALLBACK),
        ]
    );
    assert_eq!(challenge_of(exchange.value("code_verifier")), sent.value("code_challenge"));

    // The answer has no ID token, so nothing is claimed about the user.
    assert!(session.claims.is_none());
    assert_eq!(session.tokens.refresh(), Some(&Secret::from("refresh-1")));
    let access = session.tokens.access().unwrap();
    assert_eq!(access.lifetime().expires_in(), Some(Duration::from_secs(900)));
    assert!(access.scopes().unwrap().contains("banking/read"));

    let accounts = json!({ "items": [{ "id": "f0e1" }] });
    let login = (session.key, &session.tokens);
    let api = Api::of(&client, &clock, login, ("/banking/accounts", &accounts)).await;
    let expected = (accounts, "Bearer C1AC67D1EB404070B61DB7ECD5C635A7".to_owned());
    assert_eq!(api.get("/banking/accounts").await, expected);
    assert_eq!(stage.requests(TOKEN).await.len(), 1);
}

// TOK-15, TOK-16
#[tokio::test]
async fn the_token_is_refreshed_with_the_newest_refresh_token() {
    let (stage, clock) = (production().await, ManualClock::new());
    let client = client(&stage, Environment::Production, &clock);
    stage.answers(TOKEN, tokens("access-1", "refresh-1")).await;
    let session = log_in(&stage, &client).await;
    let login = (session.key, &session.tokens);
    let api = Api::of(&client, &clock, login, ("/banking/accounts", &json!([]))).await;
    assert_eq!(api.get("/banking/accounts").await.1, "Bearer access-1");

    let without_refresh_token = ResponseTemplate::new(200)
        .set_body_json(json!({ "access_token": "access-3", "token_type": "Bearer:", "expires_in": 900 }));
    for (answer, access, spent) in [
        (tokens("access-2", "refresh-2"), "access-2", "refresh-1"),
        (without_refresh_token, "access-3", "refresh-2"),
        (tokens("access-4", "refresh-4"), "access-4", "refresh-2"),
        (tokens("access-5", "refresh-5"), "access-5", "refresh-4"),
    ] {
        stage.answers(TOKEN, answer).await;
        clock.advance(Duration::from_secs(900));
        assert_eq!(api.get("/banking/accounts").await.1, format!("Bearer {access}"));
        assert_eq!(
            stage.token_requests(TOKEN).await.last().unwrap().without(&[]),
            [("client_id", CLIENT), ("grant_type", "refresh_token"), ("refresh_token", spent)]
        );
    }
    assert_eq!(stage.requests(TOKEN).await.len(), 5);
}

// The document leaves it to the developer to keep state and verifier from the first request to the callback.
#[tokio::test]
async fn a_login_survives_a_restart_between_request_and_callback() {
    let (stage, clock) = (production().await, ManualClock::new());
    stage.answers(TOKEN, tokens("access-1", "refresh-1")).await;
    stage.logs_in(AUTHORIZE, "code-1").await;
    let start = client(&stage, Environment::Production, &clock).login().start().await.unwrap();
    let (query, kept) = (stage.visit(&start.url).await.unwrap(), start.pending.to_secret());
    drop(start);

    let client = client(&stage, Environment::Production, &clock);
    let pending = PendingLogin::from_secret(&kept).unwrap();
    let callback = Callback::parse(&query).unwrap();
    assert_eq!(callback.state(), Some(pending.state()));
    let answer = pending.check(&callback).unwrap();
    let session = client.finish_login(pending, answer).await.unwrap();
    assert_eq!(session.tokens.access().unwrap().value(), &Secret::from("access-1"));
}
