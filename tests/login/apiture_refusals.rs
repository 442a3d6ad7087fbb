//! Where the document says that the flow has to stop, and where it cannot go on.

use std::time::Duration;

use http::StatusCode;
use oidc_core::{Cause, GrantErrorKind};
use oidc_flow::{
    Callback, CallbackFault, LoginError, LoginStart, OidcClient,
    provider::{Environment, ProviderErrorKind},
};
use oidc_testkit::ManualClock;
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::{
    apiture::{AUTHORIZE, DISCOVERY, ENVIRONMENTS, TOKEN, client, metadata, production, tokens},
    stage::Stage,
};

async fn started() -> (Stage, OidcClient, LoginStart) {
    let stage = production().await;
    let client = client(&stage, Environment::Production, &ManualClock::new());
    let start = client.login().scopes(["banking/read"]).start().await.unwrap();
    (stage, client, start)
}

// AUT-01, AUT-02, AUT-10
#[tokio::test]
async fn a_callback_with_another_state_stops_the_flow_and_leaves_the_login_alone() {
    let (stage, client, start) = started().await;
    let other = client.login().start().await.unwrap();
    stage.logs_in(AUTHORIZE, "code-1").await;
    stage.answers(TOKEN, tokens("access-1", "refresh-1")).await;
    let right = stage.visit(&start.url).await.unwrap();
    for forged in [
        "code=stolen&state=guessed".to_owned(),
        "code=stolen".to_owned(),
        "code=stolen&state=".to_owned(),
        "error=access_denied&state=guessed".to_owned(),
        "error=access_denied".to_owned(),
        right.replace(start.pending.state(), other.pending.state()),
        right.replace(start.pending.state(), &start.pending.state().to_lowercase()),
    ] {
        let refused = start.pending.check(&Callback::parse(&forged).unwrap());
        assert!(matches!(refused, Err(LoginError::StateMismatch)), "{forged}");
    }
    assert!(stage.requests(TOKEN).await.is_empty());

    let answer = start.pending.check(&Callback::parse(&right).unwrap()).unwrap();
    let mixed_up = client.finish_login(other.pending, answer).await;
    assert!(matches!(mixed_up, Err(LoginError::StateMismatch)));
    assert!(stage.requests(TOKEN).await.is_empty());

    let answer = start.pending.check(&Callback::parse(&right).unwrap()).unwrap();
    assert!(client.finish_login(start.pending, answer).await.is_ok());
    assert_eq!(stage.requests(TOKEN).await.len(), 1);
}

#[tokio::test]
async fn invalid_parameters_end_at_the_provider_with_a_4xx() {
    let (stage, _, start) = started().await;
    assert_eq!(stage.visit(&start.url).await, Err(StatusCode::NOT_FOUND));
    assert!(stage.requests(TOKEN).await.is_empty());
}

// AUT-23
#[tokio::test]
async fn an_error_in_the_redirect_is_typed_and_costs_no_token_request() {
    for (error, interactive) in [
        ("access_denied", false),
        ("invalid_request", false),
        ("invalid_scope", false),
        ("server_error", false),
        ("login_required", true),
    ] {
        let (stage, _, start) = started().await;
        stage.turns_away(AUTHORIZE, error).await;
        let query = stage.visit(&start.url).await.unwrap();
        let refused = start.pending.check(&Callback::parse(&query).unwrap()).unwrap_err();
        assert_eq!(refused.refusal().unwrap().code(), error);
        assert_eq!(refused.needs_interaction(), interactive, "{error}");
        assert_eq!(matches!(refused, LoginError::AccessDenied(_)), error == "access_denied");
        assert!(stage.requests(TOKEN).await.is_empty());
    }
}

// AUT-07
#[tokio::test]
async fn a_callback_without_a_code_is_none() {
    let (stage, _, start) = started().await;
    let state = start.pending.state();
    for query in [format!("state={state}"), format!("code=&state={state}"), String::new()] {
        let refused = Callback::parse(&query).unwrap_err();
        assert!(
            matches!(refused, LoginError::InvalidCallback(CallbackFault::NeitherCodeNorError)),
            "{query}"
        );
    }
    let two = Callback::parse(&format!("code=a&code=b&state={state}")).unwrap_err();
    assert!(matches!(two, LoginError::InvalidCallback(CallbackFault::Ambiguous)));
    assert!(stage.requests(TOKEN).await.is_empty());
}

// AUT-03, TOK-06
#[tokio::test]
async fn an_expired_code_is_sent_once_and_ends_the_login() {
    for status in [400, 401, 200] {
        let (stage, client, start) = started().await;
        stage.logs_in(AUTHORIZE, "expired").await;
        let answer = ResponseTemplate::new(status).set_body_json(
            json!({ "error": "invalid_grant", "error_description": "grant request is invalid" }),
        );
        stage.answers(TOKEN, answer).await;
        let query = stage.visit(&start.url).await.unwrap();
        let answer = start.pending.check(&Callback::parse(&query).unwrap()).unwrap();
        let refused = client.finish_login(start.pending, answer).await.unwrap_err();
        let LoginError::Exchange(error) = refused else { panic!("{refused:?}") };
        assert_eq!(error.kind(), GrantErrorKind::Refused(Cause::GrantRejected));
        assert_eq!((error.code(), error.status()), (Some("invalid_grant"), Some(status)));
        assert_eq!(stage.requests(TOKEN).await.len(), 1);
    }
}

// AUT-17, TOK-07, TOK-08
#[tokio::test]
async fn a_code_is_never_sent_twice_whatever_the_answer() {
    for (status, body, kind) in [
        (400, "<html>Bad Request</html>", GrantErrorKind::Misconfigured),
        (401, "", GrantErrorKind::Misconfigured),
        (403, r#"{"error":"invalid_client"}"#, GrantErrorKind::Misconfigured),
        (429, "", GrantErrorKind::NotProcessed),
        (500, "", GrantErrorKind::OutcomeUnknown),
        (503, "busy", GrantErrorKind::OutcomeUnknown),
        (200, "<html>Log in</html>", GrantErrorKind::OutcomeUnknown),
        (200, r#"{"access_token":"a","token_type":"Bear"#, GrantErrorKind::OutcomeUnknown),
        (302, "", GrantErrorKind::Misconfigured),
    ] {
        let (stage, client, start) = started().await;
        stage.logs_in(AUTHORIZE, "code-1").await;
        let elsewhere = "https://auth.apiture.com/oidc/elsewhere";
        let answer = ResponseTemplate::new(status).insert_header("location", elsewhere).set_body_string(body);
        stage.answers(TOKEN, answer).await;
        let query = stage.visit(&start.url).await.unwrap();
        let answer = start.pending.check(&Callback::parse(&query).unwrap()).unwrap();
        let refused = client.finish_login(start.pending, answer).await.unwrap_err();
        let LoginError::Exchange(error) = refused else { panic!("{refused:?}") };
        assert_eq!(error.kind(), kind, "{status} {body}");
        assert_eq!(stage.requests(TOKEN).await.len(), 1);
        assert!(stage.requests("/oidc/elsewhere").await.is_empty());
    }
}

// AUT-05
#[tokio::test]
async fn a_login_that_took_too_long_costs_no_token_request() {
    let (stage, clock) = (production().await, ManualClock::new());
    let client = client(&stage, Environment::Production, &clock);
    let start = client.login().start().await.unwrap();
    stage.logs_in(AUTHORIZE, "code-1").await;
    let query = stage.visit(&start.url).await.unwrap();
    let answer = start.pending.check(&Callback::parse(&query).unwrap()).unwrap();
    clock.advance(Duration::from_secs(601));
    assert!(matches!(client.finish_login(start.pending, answer).await, Err(LoginError::Expired)));
    assert!(stage.requests(TOKEN).await.is_empty());
}

// AUT-12
#[tokio::test]
async fn a_login_of_one_environment_is_not_finished_at_another() {
    let (stage, _, start) = started().await;
    stage.logs_in(AUTHORIZE, "code-1").await;
    let query = stage.visit(&start.url).await.unwrap();
    let answer = start.pending.check(&Callback::parse(&query).unwrap()).unwrap();
    let other = client(&stage, Environment::Cat, &ManualClock::new());
    assert!(matches!(other.finish_login(start.pending, answer).await, Err(LoginError::OtherClient)));
    assert!(stage.requests(TOKEN).await.is_empty());
}

// DIS-01, DIS-02
#[tokio::test]
async fn a_configuration_of_another_issuer_is_refused() {
    for (environment, origin) in ENVIRONMENTS {
        let foreign = ENVIRONMENTS.iter().filter(|(other, _)| *other != environment);
        let mut issuers: Vec<String> = foreign.map(|(_, origin)| format!("{origin}/oidc/")).collect();
        issuers.extend(
            ["", "/", "/oidc//", "/OIDC/", "/oidc/x", "/oidc/?a"].map(|end| format!("{origin}{end}")),
        );
        issuers.push(format!("{origin}:443/oidc/"));
        issuers.push(format!("{}/oidc/", origin.replace("https", "http")));
        for issuer in issuers {
            let stage = Stage::at(origin).await;
            stage.document(DISCOVERY, &metadata(origin, &issuer)).await;
            let client = client(&stage, environment, &ManualClock::new());
            let refused = client.login().start().await.unwrap_err();
            let LoginError::Provider(error) = refused else { panic!("{refused:?}") };
            assert_eq!(error.kind(), ProviderErrorKind::IssuerMismatch, "{issuer}");
        }
    }
}

// DIS-13
#[tokio::test]
async fn an_environment_that_is_down_is_asked_again_later() {
    let (stage, clock) = (Stage::at("https://auth.apiture.com").await, ManualClock::new());
    let client = client(&stage, Environment::Production, &clock);
    for _ in 0..3 {
        let refused = client.login().start().await.unwrap_err();
        assert!(matches!(refused, LoginError::Provider(error) if !error.is_transient()));
    }
    let asked = stage.requests(DISCOVERY).await.len();
    assert_eq!(asked, 1, "a failure is remembered");
    stage.document(DISCOVERY, &metadata("https://auth.apiture.com", "https://auth.apiture.com/oidc/")).await;
    clock.advance(Duration::from_secs(60));
    assert!(client.login().start().await.is_ok());
}
