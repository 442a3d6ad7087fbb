//! Where the login at Aritma ID ends early.

use oidc_core::{Cause, ConfigError, GrantErrorKind, Issuer};
use oidc_flow::{Callback, LoginError, Prompt, provider::aritma_id};
use oidc_testkit::ManualClock;
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::{
    aritma::{AUTHORIZE, BASE, TOKEN, bare_client, tokens},
    stage::{CALLBACK, Stage},
};

// The document: "must be used together with prompt=login".
#[tokio::test]
async fn mfa_without_a_forced_login_is_a_mistake_that_costs_no_request() {
    let stage = Stage::at(BASE).await;
    let client = bare_client(&stage, &ManualClock::new());
    let login = || client.login().redirect_uri(CALLBACK).scopes(["bankservice"]);
    for request in [
        login().acr_values(["mfa"]),
        login().acr_values(["mfa"]).prompt(Prompt::None),
        login().acr_values(["mfa"]).prompt(Prompt::Consent),
        login().acr_values(["pwd", "mfa"]),
    ] {
        let refused = request.start().await.unwrap_err();
        assert!(matches!(refused, LoginError::Config(ConfigError::Invalid { .. })), "{refused:?}");
    }
    for request in [login().acr_values(["pwd"]), login().acr_values(["mfa"]).prompt(Prompt::Login)] {
        assert!(request.start().await.is_ok());
    }
    assert!(stage.requests(AUTHORIZE).await.is_empty() && stage.requests(TOKEN).await.is_empty());
}

// AUT-23
#[tokio::test]
async fn a_silent_login_without_a_session_is_typed_and_goes_on_with_a_page() {
    let stage = Stage::at(BASE).await;
    let client = bare_client(&stage, &ManualClock::new());
    stage.turns_away(AUTHORIZE, "login_required").await;
    let request = client.login().redirect_uri(CALLBACK).scopes(["bankservice"]).prompt(Prompt::None);
    let start = request.start().await.unwrap();
    let query = stage.visit(&start.url).await.unwrap();
    let refused = start.pending.check(&Callback::parse(&query).unwrap()).unwrap_err();
    assert!(matches!(refused, LoginError::LoginRequired(_)) && refused.needs_interaction());
    assert!(stage.requests(TOKEN).await.is_empty());
    assert_eq!(stage.requests(AUTHORIZE).await.len(), 1, "nothing is asked again by itself");
}

// AUT-01
#[tokio::test]
async fn a_callback_with_another_state_reaches_no_token_endpoint() {
    let stage = Stage::at(BASE).await;
    let client = bare_client(&stage, &ManualClock::new());
    stage.logs_in(AUTHORIZE, "AUTHORIZATION_CODE").await;
    let start = client.login().redirect_uri(CALLBACK).scopes(["bankservice"]).start().await.unwrap();
    stage.visit(&start.url).await.unwrap();
    for query in ["code=AUTHORIZATION_CODE&state=STATE", "code=AUTHORIZATION_CODE"] {
        let refused = start.pending.check(&Callback::parse(query).unwrap());
        assert!(matches!(refused, Err(LoginError::StateMismatch)));
    }
    assert!(stage.requests(TOKEN).await.is_empty());
}

// TOK-07, TOK-10
#[tokio::test]
async fn what_the_token_endpoint_refuses_is_told_apart() {
    for (status, code, kind) in [
        (400, "invalid_grant", GrantErrorKind::Refused(Cause::GrantRejected)),
        (400, "invalid_client", GrantErrorKind::Misconfigured),
        (401, "invalid_client", GrantErrorKind::Misconfigured),
        (400, "unauthorized_client", GrantErrorKind::Misconfigured),
        (503, "temporarily_unavailable", GrantErrorKind::NotProcessed),
    ] {
        let stage = Stage::at(BASE).await;
        let client = bare_client(&stage, &ManualClock::new());
        stage.logs_in(AUTHORIZE, "AUTHORIZATION_CODE").await;
        let answer = ResponseTemplate::new(status).set_body_json(json!({ "error": code }));
        stage.answers(TOKEN, answer).await;
        stage.answers(TOKEN, tokens("never")).await;
        let start = client.login().redirect_uri(CALLBACK).start().await.unwrap();
        let query = stage.visit(&start.url).await.unwrap();
        let answer = start.pending.check(&Callback::parse(&query).unwrap()).unwrap();
        let refused = client.finish_login(start.pending, answer).await.unwrap_err();
        let LoginError::Exchange(error) = refused else { panic!("{refused:?}") };
        assert_eq!((error.kind(), error.code()), (kind, Some(code)), "{status}");
        assert_eq!(stage.requests(TOKEN).await.len(), 1);
    }
}

#[test]
fn the_base_has_to_be_one_that_secrets_may_be_sent_to() {
    for base in ["http://id.aritma.example", "https://user@id.aritma.example", "https://id.aritma.example?a"]
    {
        assert!(Issuer::new(base).is_err(), "{base}");
    }
    for (base, endpoint) in [
        ("https://id.aritma.example", "https://id.aritma.example"),
        ("https://id.aritma.example/", "https://id.aritma.example"),
        ("https://login.example/aritma/", "https://login.example/aritma"),
    ] {
        let provider = aritma_id(Issuer::new(base).unwrap()).unwrap();
        assert_eq!(provider.authority().as_str(), base);
        let shown = format!("{provider:?}");
        assert!(
            shown.contains("connect/authorize") && shown.contains("connect/token"),
            "{endpoint}: {shown}"
        );
    }
}
