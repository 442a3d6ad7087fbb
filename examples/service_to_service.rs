//! A service that calls an API in its own name, with client credentials: over hyper and over reqwest.
//!
//! `cargo run --example service_to_service` uses a provider and an API of its own. With `OIDC_ISSUER`, `OIDC_CLIENT_ID`,
//! `OIDC_CLIENT_SECRET` and `API_URL` set (and `OIDC_SCOPES`, if any), it calls that API with tokens of that provider.

use std::{env, time::Duration};

use examples::{Outcome, Stopwatch};
use http::Request;
use oidc_kit::{
    BearerLayer, ClientAuth, Issuer, OidcClient, Origins, Provider, RefreshingSource, ReqwestService,
    ReqwestTransport, Secret,
};
use oidc_testkit::{ProtectedApi, TestClient, TestProvider};
use tower::{Layer, ServiceExt};

#[tokio::main]
async fn main() -> Outcome {
    let watch = Stopwatch::start();
    match env::var("OIDC_ISSUER") {
        Ok(issuer) => real(&watch, &issuer).await,
        Err(_) => offline(&watch).await,
    }
}

async fn real(watch: &Stopwatch, issuer: &str) -> Outcome {
    let (url, scopes) = (env::var("API_URL")?, env::var("OIDC_SCOPES").unwrap_or_default());
    let client = OidcClient::builder(Provider::discover(Issuer::new(issuer)?), env::var("OIDC_CLIENT_ID")?)
        .auth(ClientAuth::secret_basic(Secret::from(env::var("OIDC_CLIENT_SECRET")?)))
        .build(ReqwestTransport::new()?)?;
    let grant = client.client_credentials(scopes.split_ascii_whitespace())?;
    let tokens = RefreshingSource::builder(grant).build()?;
    let origin = url::Url::parse(&url)?.origin().ascii_serialization();
    call_with_reqwest(watch, tokens, Origins::only([origin])?, &url).await
}

async fn offline(watch: &Stopwatch) -> Outcome {
    let provider = TestProvider::builder()
        .client(TestClient::confidential("billing", "s3cret"))
        .access_token_lifetime(Duration::from_secs(2))
        .start()
        .await?;
    let api = ProtectedApi::start(&provider).await?;
    let known = Provider::discover(Issuer::insecure_loopback(provider.issuer())?).allow_insecure_loopback();
    let client = OidcClient::builder(known, "billing")
        .auth(ClientAuth::secret_basic(Secret::from("s3cret")))
        .build(ReqwestTransport::builder(Default::default()).allow_loopback().build()?)?;
    let tokens = RefreshingSource::builder(client.client_credentials(["invoices/read"])?).build()?;

    // One source, two clients: they share the token and its renewal.
    let origins = Origins::insecure_loopback([api.url()])?;
    let hyper = BearerLayer::new(tokens.clone(), origins.clone()).layer(examples::http_client());
    for _ in 0..3 {
        let request = Request::get(api.url()).body(http_body_util::Empty::new())?;
        watch.say(format_args!("hyper: {}", hyper.clone().oneshot(request).await?.status()));
        call_with_reqwest(watch, tokens.clone(), origins.clone(), api.url()).await?;
        watch.pause(Duration::from_millis(1_500)).await;
    }
    let requests = provider.judge().grants("client_credentials");
    watch.say(format_args!(
        "{} calls, {} refused, {requests} token requests",
        api.calls(),
        api.unauthorized()
    ));
    (api.unauthorized() == 0 && requests < api.calls()).then_some(()).ok_or_else(|| "not as promised".into())
}

async fn call_with_reqwest(
    watch: &Stopwatch,
    tokens: RefreshingSource,
    origins: Origins,
    url: &str,
) -> Outcome {
    let service = ReqwestService::new(reqwest::Client::builder())?;
    let client = BearerLayer::new(tokens, origins).layer(service);
    let response = client.oneshot(Request::get(url).body(reqwest::Body::default())?).await?;
    watch.say(format_args!("reqwest: {}", response.status()));
    response.status().is_success().then_some(()).ok_or_else(|| "refused".into())
}
