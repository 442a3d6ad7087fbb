//! The test provider over its real HTTP interface.

use std::time::Duration;

use crate::support::{
    CALLBACK, CHALLENGE, VERIFIER, authorize, basic, log_in, redeem, refresh, send, token, value,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{StatusCode, header};
use oidc_testkit::{
    ApiBehaviour, ClientAuthentication, Endpoint, ManualClock, ProtectedApi, RefreshTokens, Rotation,
    SigningAlgorithm, TestClient, TestProvider, TestProviderBuilder, TestUser, browse,
};
use serde_json::Value;
use std::sync::Arc;

fn builder() -> TestProviderBuilder {
    TestProvider::builder().client(
        TestClient::public("app")
            .redirect_uri("http://127.0.0.1/callback")
            .post_logout_redirect_uri("https://app.example/bye"),
    )
}

async fn provider() -> TestProvider {
    builder().start().await.unwrap()
}

fn claims(id_token: &str) -> Value {
    let payload = id_token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[tokio::test]
async fn a_login_gives_tokens_that_the_api_takes() {
    let provider = provider().await;
    let api = ProtectedApi::start(&provider).await.unwrap();
    let callback = authorize(&provider, &[]).await;
    assert_eq!((value(&callback, "state"), value(&callback, "iss")), ("s1", provider.issuer()));
    let tokens = redeem(&provider, value(&callback, "code")).await.unwrap();
    assert_eq!(tokens.headers[header::CACHE_CONTROL], "no-store");
    assert_eq!((tokens.text("token_type"), &tokens.json["expires_in"]), ("Bearer", &Value::from(300)));
    let access = tokens.text("access_token");
    assert!(provider.is_live(access));

    let bearer = format!("Bearer {access}");
    let answer = send("GET", &format!("{}/any/path", api.url()), Some(&bearer), &[]).await.unwrap();
    assert_eq!((answer.status, answer.text("subject")), (StatusCode::OK, "alice"));
    let userinfo = send("GET", &provider.url(Endpoint::Userinfo), Some(&bearer), &[]).await.unwrap();
    assert_eq!(userinfo.text("sub"), "alice");

    let judge = provider.judge();
    assert_eq!((judge.logins, judge.grants("authorization_code"), api.calls()), (1, 1, 1));
    assert!(judge.authorize_queries[0].contains("code_challenge="));
    assert_eq!(judge.token_parameters[0][0], ("grant_type".to_owned(), "authorization_code".to_owned()));
}

#[tokio::test]
async fn an_id_token_says_who_logged_in_where_and_when() {
    let clock = ManualClock::new();
    let now = clock.wall_seconds();
    let provider = builder()
        .clock(Arc::new(clock.clone()))
        .signing_algorithm(SigningAlgorithm::Es256)
        .authorized_party()
        .start()
        .await
        .unwrap();
    let callback = authorize(&provider, &[("acr_values", "mfa pwd")]).await;
    clock.advance(Duration::from_secs(5));
    let tokens = redeem(&provider, value(&callback, "code")).await.unwrap();
    let claims = claims(tokens.text("id_token"));
    assert_eq!(claims["iss"], provider.issuer());
    assert_eq!(
        (&claims["sub"], &claims["aud"], &claims["azp"]),
        (&"alice".into(), &"app".into(), &"app".into())
    );
    assert_eq!((&claims["nonce"], &claims["acr"]), (&"n1".into(), &"mfa".into()));
    assert_eq!((&claims["auth_time"], &claims["iat"]), (&now.into(), &(now + 5).into()));
    assert_eq!(claims["exp"], now + 5 + 300);
    assert!(claims["at_hash"].is_string());

    let refreshed = refresh(&provider, tokens.text("refresh_token")).await.unwrap();
    let again = self::claims(refreshed.text("id_token"));
    assert_eq!((&again["auth_time"], again.get("nonce")), (&now.into(), None));
}

trait Seconds {
    fn wall_seconds(&self) -> u64;
}

impl Seconds for ManualClock {
    fn wall_seconds(&self) -> u64 {
        let wall = oidc_core::Clock::wall(self);
        wall.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap().as_secs()
    }
}

#[tokio::test]
async fn metadata_and_key_set_are_where_they_are_said_to_be() {
    let provider = builder().metadata(|document| document.set("extra", true)).start().await.unwrap();
    for path in ["openid-configuration", "oauth-authorization-server"] {
        let url = format!("{}/.well-known/{path}", provider.issuer());
        let metadata = send("GET", &url, None, &[]).await.unwrap();
        assert_eq!(
            (metadata.text("issuer"), &metadata.json["extra"]),
            (provider.issuer(), &Value::Bool(true))
        );
        assert_eq!(metadata.text("token_endpoint"), provider.url(Endpoint::Token));
        let keys = send("GET", metadata.text("jwks_uri"), None, &[]).await.unwrap();
        assert_eq!(keys.json["keys"].as_array().unwrap().len(), 2);
    }
    provider.rotate_keys().unwrap();
    let keys = send("GET", &provider.url(Endpoint::Jwks), None, &[]).await.unwrap();
    assert_eq!(keys.json["keys"].as_array().unwrap().len(), 4);
    assert_eq!(
        (provider.judge().requests_to(Endpoint::Discovery), provider.judge().requests_to(Endpoint::Jwks)),
        (2, 3)
    );
}

#[tokio::test]
async fn a_reused_refresh_token_ends_the_login_and_its_access_tokens() {
    let provider = provider().await;
    let api = ProtectedApi::start(&provider).await.unwrap();
    let first = log_in(&provider).await;
    let second = refresh(&provider, first.text("refresh_token")).await.unwrap();
    assert_ne!(first.text("refresh_token"), second.text("refresh_token"));
    let reused = refresh(&provider, first.text("refresh_token")).await.unwrap();
    assert_eq!((reused.status, reused.text("error")), (StatusCode::BAD_REQUEST, "invalid_grant"));
    let dead = refresh(&provider, second.text("refresh_token")).await.unwrap();
    assert_eq!(dead.text("error"), "invalid_grant");

    let bearer = format!("Bearer {}", second.text("access_token"));
    let answer = send("GET", api.url(), Some(&bearer), &[]).await.unwrap();
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer error=\"invalid_token\"");
    let judge = provider.judge();
    assert_eq!((judge.refreshes_accepted, judge.reuse_detected, judge.families_revoked), (1, 1, 1));
    assert_eq!(judge.refresh_tokens_resent(), [(first.text("refresh_token"), 2)]);
    assert_eq!((api.calls(), api.unauthorized()), (1, 1));
}

#[tokio::test]
async fn a_replayed_code_ends_the_login() {
    let provider = provider().await;
    let callback = authorize(&provider, &[]).await;
    let tokens = redeem(&provider, value(&callback, "code")).await.unwrap();
    let replayed = redeem(&provider, value(&callback, "code")).await.unwrap();
    assert_eq!(replayed.text("error"), "invalid_grant");
    assert!(!provider.is_live(tokens.text("access_token")));
    assert_eq!((provider.judge().codes_replayed, provider.judge().families_revoked), (1, 1));
}

#[tokio::test]
async fn pkce_is_demanded_with_s256() {
    let provider = provider().await;
    for change in
        [[("code_challenge", "")], [("code_challenge_method", "plain")], [("code_challenge", "short")]]
    {
        let callback = authorize(&provider, &change).await;
        assert_eq!(value(&callback, "error"), "invalid_request", "{change:?}");
    }
    let callback = authorize(&provider, &[]).await;
    let form = |verifier| {
        [
            ("grant_type", "authorization_code"),
            ("client_id", "app"),
            ("code", value(&callback, "code")),
            ("redirect_uri", CALLBACK),
            ("code_verifier", verifier),
        ]
    };
    for wrong in [CHALLENGE, &VERIFIER[..42]] {
        assert_eq!(token(&provider, &form(wrong)).await.unwrap().text("error"), "invalid_grant");
    }
    assert_eq!(token(&provider, &form("")).await.unwrap().text("error"), "invalid_request");
    assert_eq!(token(&provider, &form(VERIFIER)).await.unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn without_a_known_client_and_redirect_uri_nobody_is_redirected() {
    let provider = provider().await;
    for query in
        ["client_id=other", "client_id=app&redirect_uri=https://evil.example/", "client_id=app&client_id=app"]
    {
        let visit = browse(&format!("{}?{query}", provider.url(Endpoint::Authorize))).await.unwrap();
        assert_eq!((visit.status(), visit.location()), (StatusCode::BAD_REQUEST, None));
        assert!(visit.callback_query().is_err());
    }
}

#[tokio::test]
async fn the_user_refuses_or_must_be_seen() {
    let provider = provider().await;
    let error = |callback: Vec<(String, String)>| value(&callback, "error").to_owned();
    assert_eq!(error(authorize(&provider, &[("prompt", "none")]).await), "login_required");
    authorize(&provider, &[]).await;
    assert!(!value(&authorize(&provider, &[("prompt", "none")]).await, "code").is_empty());
    assert_eq!(error(authorize(&provider, &[("prompt", "none"), ("max_age", "0")]).await), "login_required");
    assert_eq!(error(authorize(&provider, &[("prompt", "none login")]).await), "invalid_request");
    provider.set_user(TestUser::refusing("access_denied"));
    let refused = authorize(&provider, &[]).await;
    assert_eq!((value(&refused, "state"), value(&refused, "iss")), ("s1", provider.issuer()));
    assert_eq!(error(refused), "access_denied");
    provider.set_user(TestUser::new("bob").with_session().claim("email", "bob@example.com"));
    let callback = authorize(&provider, &[("prompt", "none")]).await;
    let tokens = redeem(&provider, value(&callback, "code")).await.unwrap();
    let bearer = format!("Bearer {}", tokens.text("access_token"));
    let userinfo = send("POST", &provider.url(Endpoint::Userinfo), Some(&bearer), &[]).await.unwrap();
    assert_eq!((userinfo.text("sub"), userinfo.text("email")), ("bob", "bob@example.com"));
    assert_eq!(provider.judge().logins, 3);
}

#[tokio::test]
async fn confidential_clients_show_their_secret_the_way_they_are_registered() {
    let provider = builder()
        .client(TestClient::confidential("web", "p:w ü"))
        .client(TestClient::confidential("post", "s").authentication(ClientAuthentication::Post))
        .start()
        .await
        .unwrap();
    let url = provider.url(Endpoint::Token);
    let grant = ("grant_type", "client_credentials");
    let good =
        send("POST", &url, Some(&basic("web", "p%3Aw+%C3%BC")), &[grant, ("scope", "a b")]).await.unwrap();
    assert_eq!((good.status, good.text("scope")), (StatusCode::OK, "a b"));
    assert_eq!((good.json.get("refresh_token"), good.json.get("id_token")), (None, None));
    let good = token(&provider, &[grant, ("client_id", "post"), ("client_secret", "s")]).await.unwrap();
    assert_eq!(good.status, StatusCode::OK);

    let raw = send("POST", &url, Some(&basic("web", "p:w ü")), &[grant]).await.unwrap();
    assert_eq!((raw.status, raw.text("error")), (StatusCode::UNAUTHORIZED, "invalid_client"));
    assert!(raw.headers.contains_key(header::WWW_AUTHENTICATE));
    let wrong_way = send("POST", &url, Some(&basic("post", "s")), &[grant]).await.unwrap();
    assert_eq!(wrong_way.text("error"), "invalid_client");
    let twice = [grant, ("client_id", "web"), ("client_secret", "p:w ü")];
    let twice = send("POST", &url, Some(&basic("web", "p%3Aw+%C3%BC")), &twice).await.unwrap();
    assert_eq!(twice.text("error"), "invalid_request");
    for form in [[grant, ("client_id", "web")], [grant, ("client_id", "unknown")]] {
        assert_eq!(token(&provider, &form).await.unwrap().text("error"), "invalid_client");
    }
    let public = token(&provider, &[grant, ("client_id", "app")]).await.unwrap();
    assert_eq!(public.text("error"), "unauthorized_client");
    assert_eq!(provider.judge().clients_refused, 5);
}

#[tokio::test]
async fn refresh_tokens_are_narrowed_and_bound_to_their_client() {
    let provider = builder().client(TestClient::public("other")).start().await.unwrap();
    let tokens = provider.sign_in("app", "alice", &["a", "b"]).unwrap();
    let refresh_token = tokens.refresh().unwrap().expose();
    let form = |client, scope| {
        [
            ("grant_type", "refresh_token"),
            ("client_id", client),
            ("refresh_token", refresh_token),
            ("scope", scope),
        ]
    };
    assert_eq!(token(&provider, &form("other", "")).await.unwrap().text("error"), "invalid_grant");
    assert_eq!(token(&provider, &form("app", "a c")).await.unwrap().text("error"), "invalid_scope");
    assert_eq!(token(&provider, &form("app", "b")).await.unwrap().text("scope"), "b");
    assert!(provider.sign_in("unknown", "alice", &[]).is_err());
}

#[tokio::test]
async fn who_gets_a_refresh_token_is_up_to_the_provider() {
    let asked = |scope| [("scope", scope)];
    for (policy, scope, expected) in [
        (RefreshTokens::OfflineAccess, "openid", false),
        (RefreshTokens::OfflineAccess, "openid offline_access", true),
        (RefreshTokens::OfflineAccess, "read", true),
        (RefreshTokens::Always, "openid", true),
        (RefreshTokens::Never, "openid offline_access", false),
    ] {
        let provider = builder().refresh_tokens(policy).start().await.unwrap();
        let callback = authorize(&provider, &asked(scope)).await;
        let tokens = redeem(&provider, value(&callback, "code")).await.unwrap();
        assert_eq!(tokens.json.get("refresh_token").is_some(), expected, "{policy:?} {scope}");
        assert_eq!(tokens.json.get("id_token").is_some(), scope.contains("openid"));
    }
}

#[tokio::test]
async fn access_tokens_die_by_the_clock_and_by_revocation() {
    let clock = ManualClock::new();
    let provider = builder()
        .clock(Arc::new(clock.clone()))
        .access_token_lifetime(Duration::from_millis(1_500))
        .rotation(Rotation::Never)
        .start()
        .await
        .unwrap();
    let tokens = log_in(&provider).await;
    assert_eq!(tokens.json["expires_in"], 1);
    clock.advance(Duration::from_millis(1_499));
    assert!(provider.is_live(tokens.text("access_token")));
    clock.advance(Duration::from_millis(1));
    assert!(!provider.is_live(tokens.text("access_token")));

    let again = refresh(&provider, tokens.text("refresh_token")).await.unwrap();
    assert_eq!(again.json.get("refresh_token"), None);
    provider.revoke_access_tokens();
    assert!(!provider.is_live(again.text("access_token")));
    assert_eq!(refresh(&provider, tokens.text("refresh_token")).await.unwrap().status, StatusCode::OK);

    let form = [("client_id", "app"), ("token", tokens.text("refresh_token"))];
    let revoked = send("POST", &provider.url(Endpoint::Revocation), None, &form).await.unwrap();
    assert_eq!(revoked.status, StatusCode::OK);
    assert_eq!(
        refresh(&provider, tokens.text("refresh_token")).await.unwrap().text("error"),
        "invalid_grant"
    );
}

#[tokio::test]
async fn logout_ends_the_session_and_returns_only_where_it_may() {
    let provider = provider().await;
    let tokens = log_in(&provider).await;
    let logout = |query: String| {
        let url = format!("{}?{query}", provider.url(Endpoint::EndSession));
        async move { browse(&url).await.unwrap() }
    };
    let hint = tokens.text("id_token");
    let bad = logout(format!("id_token_hint={hint}&post_logout_redirect_uri=https://evil.example")).await;
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
    assert!(!value(&authorize(&provider, &[("prompt", "none")]).await, "code").is_empty());
    let good =
        logout(format!("id_token_hint={hint}&post_logout_redirect_uri=https://app.example/bye&state=x"))
            .await;
    assert_eq!(good.location().unwrap().as_str(), "https://app.example/bye?state=x");
    assert_eq!(value(&authorize(&provider, &[("prompt", "none")]).await, "error"), "login_required");
}

#[tokio::test]
async fn the_api_can_be_told_to_refuse() {
    let provider = provider().await;
    let api = ProtectedApi::start(&provider).await.unwrap();
    let tokens = provider.sign_in("app", "alice", &["read"]).unwrap();
    let bearer = format!("Bearer {}", tokens.access().unwrap().value().expose());
    for (behaviour, status) in [
        (ApiBehaviour::AlwaysUnauthorized, 401),
        (ApiBehaviour::InsufficientScope, 403),
        (ApiBehaviour::Answer(oidc_testkit::Answer::new(StatusCode::IM_A_TEAPOT)), 418),
        (ApiBehaviour::Honest, 200),
    ] {
        api.behave(behaviour);
        assert_eq!(send("GET", api.url(), Some(&bearer), &[]).await.unwrap().status, status);
    }
    let bare = send("GET", api.url(), None, &[]).await.unwrap();
    assert_eq!(bare.headers[header::WWW_AUTHENTICATE], "Bearer");
    assert_eq!((api.calls(), api.unauthorized(), api.tokens().last()), (5, 2, Some(&None)));
}

#[tokio::test]
async fn a_dropped_provider_is_gone_and_can_come_back_on_its_port() {
    let provider = provider().await;
    let issuer = provider.issuer().to_owned();
    let port = issuer.rsplit_once(':').unwrap().1.parse().unwrap();
    log_in(&provider).await;
    drop(provider);
    // The task ends at its next turn.
    tokio::task::yield_now().await;
    assert!(browse(&issuer).await.is_err());
    let provider = builder().port(port).start().await.unwrap();
    assert_eq!(provider.issuer(), issuer);
    log_in(&provider).await;
}
