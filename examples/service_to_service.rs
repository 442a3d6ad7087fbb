//! A service that calls an API in its own name, with client credentials: over hyper and over reqwest.
//!
//! `cargo run --example service_to_service` uses a provider and an API of its own. With the variables of
//! `examples/support/real.rs` set, it calls a real API with tokens of a real provider.

use std::time::Duration;

use examples::{Outcome, Stopwatch, real::Real};
use http::Request;
use oidc_kit::{
    BearerLayer, ClientAuth, Issuer, OidcClient, Origins, Provider, RefreshingSource, ReqwestClient,
    ReqwestTransport, Secret,
};
use oidc_testkit::{ProtectedApi, TestClient, TestProvider};
use tower::{Layer, ServiceExt};

#[tokio::main]
async fn main() -> Outcome {
    let watch = Stopwatch::start();
    match Real::from_env()? {
        Some(real) => with_real_provider(&watch, real).await,
        None => offline(&watch).await,
    }
}

async fn with_real_provider(watch: &Stopwatch, real: Real) -> Outcome {
    let grant = real.client.client_credentials(real.scopes())?;
    let tokens = RefreshingSource::builder(grant).build()?;
    call_with_reqwest(watch, tokens, real.origins, &real.api_url).await
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
    let api = ReqwestClient::new(reqwest::Client::builder(), BearerLayer::new(tokens, origins))?;
    let response = api.send(api.get(url)).await?;
    watch.say(format_args!("reqwest: {}", response.status()));
    response.status().is_success().then_some(()).ok_or_else(|| "refused".into())
}
