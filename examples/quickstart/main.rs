//! The whole job in one file: a user logs in once, and from then on every request carries a fresh token.
//!
//! `cargo run --example quickstart` starts a provider of its own, whose access tokens live for 3 seconds and whose refresh tokens may be
//! used once, and an API that wants these tokens. One user logs in; then 8 tasks call the API for 12 seconds. What is counted at the
//! end was counted by the provider and the API.
//!
//! With `--chaos` nearly everything goes wrong meanwhile, and the outcome is the same: see `chaos.rs`.
//!
//! With the variables of `examples/support/real.rs` set, it logs you in at a real provider and calls a real API instead.

mod chaos;
mod trouble;

use std::time::Duration;

use examples::{Error, Http, Outcome, Stopwatch, http_client, real::Real};
use http::{Request, StatusCode};
use http_body_util::Empty;
use oidc_kit::{
    BearerLayer, Callback, Issuer, MemoryStore, OidcClient, Origins, Provider, RefreshingSource,
    ReqwestService, ReqwestTransport, tower::Bearer,
};
use oidc_testkit::{ProtectedApi, Rotation, TestClient, TestProvider, browse};
use tower::{Layer, ServiceExt};

const REDIRECT_URI: &str = "http://127.0.0.1/callback";

#[tokio::main]
async fn main() -> Outcome {
    match (chaos::seed(std::env::args().skip(1))?, Real::from_env()?) {
        (Some(seed), _) => chaos::run(seed).await,
        (None, Some(real)) => with_real_provider(real).await,
        (None, None) => offline().await,
    }
}

#[expect(clippy::print_stdout, reason = "the last line is for programs")]
async fn offline() -> Outcome {
    let watch = Stopwatch::start();
    let provider = start_provider(Rotation::Strict).await?;
    let api = ProtectedApi::start(&provider).await?;
    watch.say(format_args!("provider at {}, API at {}", provider.issuer(), api.url()));

    let tokens = sign_in(&provider).await?;
    watch.say("logged in");

    // The layer attaches the tokens. That is all.
    let layer = BearerLayer::new(tokens, Origins::insecure_loopback([api.url()])?);
    let service = layer.layer(http_client());

    let tasks: Vec<_> = (0..8).map(|_| tokio::spawn(call(service.clone(), api.url().to_owned()))).collect();
    for _ in 0..6 {
        watch.pause(Duration::from_secs(2)).await;
        let refreshes = provider.judge().refreshes_accepted;
        watch.say(format_args!("{} calls, {refreshes} refreshes so far", api.calls()));
    }
    let mut unauthorized = 0;
    for task in tasks {
        unauthorized += task.await??;
    }

    let (calls, judge) = (api.calls(), provider.judge());
    let (refreshes, logins) = (judge.refreshes_accepted, judge.logins);
    if judge.reuse_detected > 0 {
        return Err("a refresh token was spent twice".into());
    }
    println!("calls={calls} unauthorized={unauthorized} refreshes={refreshes} logins={logins}");
    let as_promised = calls >= 200 && unauthorized == 0 && refreshes >= 3 && logins == 1;
    as_promised.then_some(()).ok_or_else(|| "not as promised".into())
}

async fn start_provider(rotation: Rotation) -> Result<TestProvider, Error> {
    let provider = TestProvider::builder()
        .client(TestClient::public("quickstart").redirect_uri(REDIRECT_URI))
        .access_token_lifetime(Duration::from_secs(3))
        .rotation(rotation);
    Ok(provider.start().await?)
}

/// Logs the user in, and gives the source that keeps the login alive.
async fn sign_in(provider: &TestProvider) -> Result<RefreshingSource, Error> {
    // Who we are, and where. No I/O yet.
    let known = Provider::discover(Issuer::insecure_loopback(provider.issuer())?).allow_insecure_loopback();
    let transport = ReqwestTransport::builder(Default::default()).allow_loopback().build()?;
    let client = OidcClient::builder(known, "quickstart").redirect_uri(REDIRECT_URI).build(transport)?;

    // The user logs in. `browse` plays the browser; a web app redirects to `login.url` and gets the callback as a request.
    let login = client.login().offline_access().start().await?;
    let visit = browse(login.url.as_str()).await?;
    let callback = login.pending.check(&Callback::parse(visit.callback_query()?)?)?;
    let session = client.finish_login(login.pending, callback).await?;

    // The tokens live in a store, and the source keeps them alive.
    let store = MemoryStore::new();
    let tokens = RefreshingSource::builder(client.refresh_grant()).store(store, session.key).build()?;
    tokens.sign_in(&session.tokens).await?;
    Ok(tokens)
}

async fn with_real_provider(real: Real) -> Outcome {
    let watch = Stopwatch::start();
    let session = real.log_in(&watch).await?;
    let grant = real.client.refresh_grant();
    let tokens = RefreshingSource::builder(grant).store(MemoryStore::new(), session.key).build()?;
    tokens.sign_in(&session.tokens).await?;
    let service =
        BearerLayer::new(tokens, real.origins).layer(ReqwestService::new(reqwest::Client::builder())?);
    for _ in 0..12 {
        let request = Request::get(&real.api_url).body(reqwest::Body::default())?;
        watch.say(service.clone().oneshot(request).await?.status());
        watch.pause(Duration::from_secs(1)).await;
    }
    Ok(())
}

/// Calls the API for 12 seconds. Gives how many answers were 401.
async fn call(service: Bearer<Http, RefreshingSource>, url: String) -> Result<u64, Error> {
    let watch = Stopwatch::start();
    let mut unauthorized = 0;
    while watch.elapsed() < Duration::from_secs(12) {
        let response = service.clone().oneshot(Request::get(&url).body(Empty::new())?).await?;
        unauthorized += u64::from(response.status() == StatusCode::UNAUTHORIZED);
        watch.pause(Duration::from_millis(20)).await;
    }
    Ok(unauthorized)
}
