//! Login requests and the parameters that they become.

use oidc_core::Issuer;

use super::*;
use crate::{
    fake::{FakeTransport, client, oauth_provider, provider},
    provider::{Profile, Provider, ProviderMetadata, aritma_id},
};

/// Starts a login and gives the parameters of its URL but for the random ones.
async fn parameters(request: LoginRequest) -> Result<Vec<(String, String)>, ConfigError> {
    match request.start().await {
        Ok(start) => {
            let random = ["state", "nonce", "code_challenge"];
            let pairs = start.url.query_pairs().into_owned();
            Ok(pairs.filter(|(name, _)| !random.contains(&name.as_str())).collect())
        }
        Err(LoginError::Config(error)) => Err(error),
        Err(other) => panic!("{other:?}"),
    }
}

fn value(parameters: &[(String, String)], name: &str) -> Option<String> {
    parameters.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone())
}

#[tokio::test]
async fn a_bare_login_asks_for_openid_and_nothing_else() {
    let (client, transport, _) = client(provider());
    let expected = [
        ("tenant", "a b"),
        ("response_type", "code"),
        ("client_id", "my client"),
        ("redirect_uri", "https://app.example/callback?a=b"),
        ("scope", "openid"),
        ("code_challenge_method", "S256"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(parameters(client.login()).await.unwrap(), expected);
    assert!(transport.requests().is_empty());
}

#[tokio::test]
async fn every_setting_becomes_its_parameter() {
    let (client, ..) = client(provider());
    let request = client
        .login()
        .scopes(["banking/write", "banking/read"])
        .scopes(["openid"])
        .offline_access()
        .prompt(Prompt::Login)
        .prompt(Prompt::SelectAccount)
        .acr_values(["urn:a", "urn:b"])
        .max_age(Duration::from_millis(90_500))
        .login_hint("jo@example.com & co")
        .ui_locales(["de-CH", "en"])
        .resource("https://api.example/b")
        .resource("https://api.example/a")
        .parameter("audience", "x y")
        .redirect_uri("http://127.0.0.1:49152/callback");
    let all = parameters(request).await.unwrap();
    for (name, expected) in [
        ("scope", "openid offline_access banking/read banking/write"),
        ("prompt", "login select_account"),
        ("acr_values", "urn:a urn:b"),
        ("max_age", "90"),
        ("login_hint", "jo@example.com & co"),
        ("ui_locales", "de-CH en"),
        ("audience", "x y"),
        ("redirect_uri", "http://127.0.0.1:49152/callback"),
    ] {
        assert_eq!(value(&all, name).as_deref(), Some(expected), "{name}");
    }
    let resources: Vec<_> =
        all.iter().filter(|(name, _)| name == "resource").map(|(_, value)| value.as_str()).collect();
    assert_eq!(resources, ["https://api.example/a", "https://api.example/b"]);
}

#[tokio::test]
async fn plain_oauth_adds_nothing_and_its_tokens_belong_to_nobody_in_particular() {
    for (client, ..) in [client(oauth_provider()), client(provider())] {
        let start = client.login().oauth_only().scopes(["bankservice"]).start().await.unwrap();
        let url = start.url.as_str();
        assert!(url.contains("&scope=bankservice&") && !url.contains("nonce"), "{url}");
        let other = client.login().oauth_only().start().await.unwrap();
        assert!(!other.url.as_str().contains("scope="));
        assert!(start.pending.subject.is_some());
        assert_ne!(start.pending.subject, other.pending.subject);
        let named = client.login().oauth_only().user("jo").start().await.unwrap();
        assert_eq!(named.pending.subject, Some(Subject::user("jo").unwrap()));
    }
}

#[tokio::test]
async fn what_asks_for_a_refresh_token_is_the_profiles() {
    for (scope, expected) in [(Some("offline"), "openid offline"), (None, "openid")] {
        let profile = Profile::default().with_offline_access(scope.map(str::to_owned));
        let (client, ..) = client(provider().with_profile(profile));
        let all = parameters(client.login().offline_access()).await.unwrap();
        assert_eq!(value(&all, "scope").as_deref(), Some(expected));
    }
}

// AUT-21
#[tokio::test]
async fn parameters_of_the_protocol_are_reserved() {
    let (client, ..) = client(provider());
    for name in [
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "redirect_uri",
        "response_type",
        "response_mode",
        "client_id",
        "client_secret",
        "scope",
        "prompt",
        "max_age",
        "request",
        "request_uri",
        "resource",
    ] {
        let refused = parameters(client.login().parameter(name, "x")).await;
        assert_eq!(refused, Err(ConfigError::ReservedParameter { name: name.to_owned() }));
    }
}

#[tokio::test]
async fn what_cannot_work_is_refused_before_anything_is_sent() {
    let (oidc, transport, _) = client(provider());
    let (oauth, ..) = client(oauth_provider());
    for (request, field) in [
        (oidc.login().prompt(Prompt::None).prompt(Prompt::Login), "prompt"),
        (oidc.login().scopes(["a b"]), "scope"),
        (oidc.login().scopes([""]), "scope"),
        (oidc.login().acr_values([""]), "acr_values"),
        (oidc.login().acr_values(["a b"]), "acr_values"),
        (oidc.login().ui_locales(["de CH"]), "ui_locales"),
        (oidc.login().resource("api"), "resource"),
        (oidc.login().resource("https://api.example/#a"), "resource"),
        (oidc.login().parameter("a", "1").parameter("a", "2"), "parameter"),
        (oidc.login().parameter("", "1"), "parameter"),
        (oidc.login().redirect_uri("https://app.example/#a"), "redirect_uri"),
        (oidc.login().user("jo"), "user"),
        (oauth.login().user(""), "subject"),
        (oauth.login().max_age(Duration::ZERO), "max_age"),
    ] {
        let error = parameters(request).await.unwrap_err();
        assert!(error.to_string().starts_with(field), "{field}: {error}");
    }
    assert!(transport.requests().is_empty());
}

#[tokio::test]
async fn only_plain_oauth_does_without_a_redirect_uri() {
    let client = OidcClient::builder(provider(), "me").build(FakeTransport::default()).unwrap();
    assert_eq!(parameters(client.login()).await, Err(ConfigError::Missing { field: "redirect_uri" }));
    let all = parameters(client.login().oauth_only()).await.unwrap();
    assert_eq!(value(&all, "redirect_uri"), None);
}

#[tokio::test]
async fn mfa_at_aritma_needs_the_login_page() {
    let provider = aritma_id(Issuer::new("https://id.aritma.example").unwrap()).unwrap();
    let (client, ..) = client(provider);
    let mfa = || client.login().scopes(["bankservice"]).acr_values(["mfa"]);
    assert!(matches!(parameters(mfa()).await, Err(ConfigError::Invalid { .. })));
    assert!(matches!(parameters(mfa().prompt(Prompt::Consent)).await, Err(ConfigError::Invalid { .. })));
    let all = parameters(mfa().prompt(Prompt::Login)).await.unwrap();
    assert_eq!(
        (value(&all, "prompt").as_deref(), value(&all, "acr_values").as_deref()),
        (Some("login"), Some("mfa"))
    );
    assert_eq!(value(&all, "scope").as_deref(), Some("bankservice"));
}

#[tokio::test]
async fn a_provider_without_a_login_page_says_so() {
    let issuer = Issuer::new("https://id.example").unwrap();
    let metadata = ProviderMetadata::builder(issuer).token_endpoint("https://id.example/t").unwrap();
    let (client, ..) = client(Provider::by_hand(metadata.build().unwrap()));
    assert!(matches!(client.login().start().await, Err(LoginError::Provider(_))));
}
