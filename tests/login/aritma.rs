//! Aritma ID: a confidential client, Authorization Code, no discovery.

use std::{sync::Arc, time::Duration};

use http::header;
use oidc_core::{Issuer, Secret};
use oidc_flow::{Callback, ClientAuth, LoginRequest, OidcClient, Prompt, Session, provider::aritma_id};
use oidc_testkit::ManualClock;
use serde_json::json;
use tests::Form;
use wiremock::ResponseTemplate;

use crate::stage::{Api, CALLBACK, Stage, challenge_of};

pub(crate) const BASE: &str = "https://id.aritma.example";
pub(crate) const AUTHORIZE: &str = "/connect/authorize";
pub(crate) const TOKEN: &str = "/connect/token";
pub(crate) const CLIENT: &str = "YOUR_APP";
const SECRET: &str = "a secret: with %, & and +";

pub(crate) fn tokens(access: &str) -> ResponseTemplate {
    ResponseTemplate::new(200)
        .set_body_json(json!({ "access_token": access, "token_type": "Bearer", "expires_in": 3600 }))
}

fn tokens_with_refresh(access: &str, refresh: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({
        "access_token": access, "token_type": "Bearer", "expires_in": 3600, "refresh_token": refresh,
        "scope": "bankservice offline_access",
    }))
}

/// A client without a redirect URI of its own.
pub(crate) fn bare_client(stage: &Stage, clock: &ManualClock) -> OidcClient {
    OidcClient::builder(aritma_id(Issuer::new(BASE).unwrap()).unwrap(), CLIENT)
        .auth(ClientAuth::secret_post(Secret::from(SECRET)))
        .clock(Arc::new(clock.clone()))
        .build(stage.transport.clone())
        .unwrap()
}

/// The `/` and `/callback` of the document's example.
pub(crate) async fn log_in(stage: &Stage, client: &OidcClient, request: LoginRequest) -> Session {
    let start = request.start().await.unwrap();
    let query = stage.visit(&start.url).await.unwrap();
    let answer = start.pending.check(&Callback::parse(&query).unwrap()).unwrap();
    client.finish_login(start.pending, answer).await.unwrap()
}

// The URL that the document's example builds, and the PKCE parameters, which are always sent.
#[tokio::test]
async fn the_authorization_request_has_the_parameters_of_the_document() {
    let stage = Stage::at(BASE).await;
    let client = bare_client(&stage, &ManualClock::new());
    let request = client.login().redirect_uri(CALLBACK).scopes(["bankservice"]);
    let url = request.start().await.unwrap().url;
    let sent = Form::parse(url.query().unwrap());
    let (state, challenge) = (sent.value("state"), sent.value("code_challenge"));
    assert_eq!(
        url.as_str(),
        format!(
            "https://id.aritma.example/connect/authorize?response_type=code&client_id=YOUR_APP\
             &redirect_uri=https%3A%2F%2Fapp.example%2Fcallback&scope=bankservice\
             &state={state}&code_challenge={challenge}&code_challenge_method=S256"
        )
    );
    assert!(stage.requests("/.well-known/openid-configuration").await.is_empty());
}

#[tokio::test]
async fn every_option_of_the_document_becomes_its_parameter() {
    let stage = Stage::at(BASE).await;
    let client = bare_client(&stage, &ManualClock::new());
    let login = || client.login().redirect_uri(CALLBACK).scopes(["bankservice", "profile", "email"]);
    for (request, scope, prompt, acr_values) in [
        (login(), "bankservice email profile", None, None),
        (login().offline_access(), "offline_access bankservice email profile", None, None),
        (login().prompt(Prompt::None), "bankservice email profile", Some("none"), None),
        (login().prompt(Prompt::Login), "bankservice email profile", Some("login"), None),
        (
            login().prompt(Prompt::Login).acr_values(["mfa"]),
            "bankservice email profile",
            Some("login"),
            Some("mfa"),
        ),
    ] {
        let url = request.start().await.unwrap().url;
        assert!(!url.as_str().contains('+'));
        let sent = Form::parse(url.query().unwrap());
        assert_eq!(sent.value("scope"), scope);
        assert_eq!((sent.get("prompt"), sent.get("acr_values")), (prompt, acr_values));
        assert_eq!(sent.get("nonce"), None, "nothing of OpenID Connect unasked");
    }
}

// The example of the document, from `/` over `/callback` to the list of companies.
#[tokio::test]
async fn the_login_of_the_document_from_the_browser_to_the_list_of_companies() {
    let (stage, clock) = (Stage::at(BASE).await, ManualClock::new());
    let client = bare_client(&stage, &clock);
    stage.logs_in(AUTHORIZE, "AUTHORIZATION_CODE").await;
    stage.answers(TOKEN, tokens("aritma-access")).await;
    let request = client.login().redirect_uri(CALLBACK).scopes(["bankservice"]).user("jo");
    let session = log_in(&stage, &client, request).await;

    let sent = Form::parse(stage.requests(AUTHORIZE).await[0].url.query().unwrap());
    let exchange = &stage.token_requests(TOKEN).await[0];
    assert_eq!(
        exchange.without(&["code_verifier"]),
        [
            ("client_id", CLIENT),
            ("client_secret", SECRET),
            ("code", "AUTHORIZATION_CODE"),
            ("grant_type", "authorization_code"),
            ("redirect_uri", CALLBACK),
        ]
    );
    assert_eq!(challenge_of(exchange.value("code_verifier")), sent.value("code_challenge"));
    assert_eq!(stage.requests(TOKEN).await[0].headers[header::ACCEPT], "application/json");

    assert!(session.claims.is_none() && session.tokens.id_token().is_none());
    assert!(session.tokens.refresh().is_none(), "nobody asked for one");
    let companies = json!([{ "id": 1, "name": "Fjord AS" }]);
    let login = (session.key, &session.tokens);
    let api = Api::of(&client, &clock, login, ("/api/v3/companies", &companies)).await;
    assert_eq!(api.get("/api/v3/companies").await, (companies, "Bearer aritma-access".to_owned()));
}

// RFC 6749 §4.1.3
#[tokio::test]
async fn a_redirect_uri_goes_to_the_token_endpoint_only_if_it_went_to_the_authorization_endpoint() {
    let stage = Stage::at(BASE).await;
    let client = bare_client(&stage, &ManualClock::new());
    stage.logs_in(AUTHORIZE, "AUTHORIZATION_CODE").await;
    for (request, sent) in [
        (client.login().scopes(["bankservice"]), None),
        (client.login().scopes(["bankservice"]).redirect_uri(CALLBACK), Some(CALLBACK)),
    ] {
        stage.answers(TOKEN, tokens("aritma-access")).await;
        log_in(&stage, &client, request).await;
        let authorize = stage.requests(AUTHORIZE).await.pop().unwrap();
        assert_eq!(Form::parse(authorize.url.query().unwrap()).get("redirect_uri"), sent);
        let exchange = stage.token_requests(TOKEN).await.pop().unwrap();
        assert_eq!(exchange.get("redirect_uri"), sent);
        let others: Vec<_> = exchange.names().into_iter().filter(|name| *name != "redirect_uri").collect();
        assert_eq!(others, ["client_id", "client_secret", "code", "code_verifier", "grant_type"]);
    }
}

// TOK-12
#[tokio::test]
async fn offline_access_brings_a_refresh_token_that_is_spent_with_the_secret() {
    let (stage, clock) = (Stage::at(BASE).await, ManualClock::new());
    let client = bare_client(&stage, &clock);
    stage.logs_in(AUTHORIZE, "AUTHORIZATION_CODE").await;
    stage.answers(TOKEN, tokens_with_refresh("access-1", "refresh-1")).await;
    let request = client.login().redirect_uri(CALLBACK).scopes(["bankservice"]).offline_access().user("jo");
    let session = log_in(&stage, &client, request).await;
    let login = (session.key, &session.tokens);
    let api = Api::of(&client, &clock, login, ("/api/v3/companies", &json!([]))).await;
    for (access, refresh, spent) in
        [("access-2", "refresh-2", "refresh-1"), ("access-3", "refresh-3", "refresh-2")]
    {
        stage.answers(TOKEN, tokens_with_refresh(access, refresh)).await;
        clock.advance(Duration::from_secs(3600));
        assert_eq!(api.get("/api/v3/companies").await.1, format!("Bearer {access}"));
        assert_eq!(
            stage.token_requests(TOKEN).await.last().unwrap().without(&[]),
            [
                ("client_id", CLIENT),
                ("client_secret", SECRET),
                ("grant_type", "refresh_token"),
                ("refresh_token", spent),
            ]
        );
    }
}

// Nobody knows Aritma's keys, so an ID token that comes all the same proves nothing.
#[tokio::test]
async fn an_id_token_that_nobody_can_verify_is_not_kept() {
    let stage = Stage::at(BASE).await;
    let client = bare_client(&stage, &ManualClock::new());
    stage.logs_in(AUTHORIZE, "AUTHORIZATION_CODE").await;
    let answer = json!({
        "access_token": "a", "token_type": "Bearer", "expires_in": 3600,
        "id_token": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtYWxsb3J5In0.",
    });
    stage.answers(TOKEN, ResponseTemplate::new(200).set_body_json(answer)).await;
    let request = client.login().redirect_uri(CALLBACK).scopes(["openid", "bankservice"]);
    let session = log_in(&stage, &client, request).await;
    assert!(session.claims.is_none() && session.tokens.id_token().is_none());
    assert!(!format!("{:?}", session.key).contains("mallory"));
}
