//! Apiture Digital Banking: a program logs its user in as a public client with PKCE and reads from the banking API.
//!
//! `cargo run --example apiture` plays everything with a provider and an API of its own. With `APITURE_CLIENT_ID` and `APITURE_API_URL`
//! set, it uses the real one: `APITURE_ENVIRONMENT` is `production`, `cat` (default) or `cat2`, and `APITURE_REDIRECT_URI` is the one
//! registered in the developer portal, on this machine (default `http://127.0.0.1:8400/callback`).

use std::{env, time::Duration};

use examples::{Error, Outcome, Stopwatch, loopback};
use http::Request;
use oidc_kit::{
    BearerLayer, Callback, Issuer, MemoryStore, OidcClient, Origins, Provider, RefreshingSource,
    ReqwestService, ReqwestTransport,
    provider::{Environment, apiture},
};
use oidc_testkit::{ProtectedApi, TestClient, TestProvider, TestUser, browse};
use tower::{Layer, ServiceExt};

#[tokio::main]
async fn main() -> Outcome {
    let watch = Stopwatch::start();
    match env::var("APITURE_CLIENT_ID") {
        Ok(client_id) => real(&watch, client_id).await,
        Err(_) => offline(&watch).await,
    }
}

async fn real(watch: &Stopwatch, client_id: String) -> Outcome {
    let environment = match env::var("APITURE_ENVIRONMENT").as_deref() {
        Ok("production") => Environment::Production,
        Ok("cat2") => Environment::Cat2,
        Ok("cat") | Err(_) => Environment::Cat,
        Ok(_) => return Err("APITURE_ENVIRONMENT is production, cat or cat2".into()),
    };
    let redirect_uri =
        env::var("APITURE_REDIRECT_URI").unwrap_or_else(|_| "http://127.0.0.1:8400/callback".to_owned());
    let client = OidcClient::builder(apiture(environment), client_id)
        .redirect_uri(&redirect_uri)
        .build(ReqwestTransport::new()?)?;
    let api = env::var("APITURE_API_URL")?;
    let origin = url::Url::parse(&api)?.origin().ascii_serialization();
    let tokens = log_in(watch, &client, |url| async move {
        watch.say(format_args!("open this in your browser: {url}"));
        loopback::wait_for_callback(&redirect_uri).await
    })
    .await?;
    read(watch, &tokens, Origins::only([origin])?, &api).await
}

async fn offline(watch: &Stopwatch) -> Outcome {
    let redirect_uri = "http://127.0.0.1/callback";
    let provider = TestProvider::builder()
        .client(TestClient::public("mobile-app").redirect_uri(redirect_uri))
        .user(TestUser::new("member-1"))
        .access_token_lifetime(Duration::from_secs(2))
        .start()
        .await?;
    let api = ProtectedApi::start(&provider).await?;
    // What is particular about Apiture, at another address.
    let known = Provider::discover(Issuer::insecure_loopback(provider.issuer())?)
        .with_profile(apiture(Environment::Cat).profile().clone())
        .allow_insecure_loopback();
    let client = OidcClient::builder(known, "mobile-app")
        .redirect_uri(redirect_uri)
        .build(ReqwestTransport::builder(Default::default()).allow_loopback().build()?)?;
    let tokens = log_in(watch, &client, |url| async move {
        let visit = browse(&url).await?;
        Ok(visit.callback_query()?.to_owned())
    })
    .await?;
    let url = format!("{}/banking/accounts", api.url());
    for _ in 0..4 {
        read(watch, &tokens, Origins::insecure_loopback([api.url()])?, &url).await?;
        watch.pause(Duration::from_secs(1)).await;
    }
    let judge = provider.judge();
    watch.say(format_args!("{} login, {} refreshes", judge.logins, judge.refreshes_accepted));
    let as_promised = judge.logins == 1 && judge.refreshes_accepted >= 1 && api.unauthorized() == 0;
    as_promised.then_some(()).ok_or_else(|| "not as promised".into())
}

/// Logs the user in. `browser` takes the URL to the user and brings the query of the callback.
async fn log_in<F>(
    watch: &Stopwatch,
    client: &OidcClient,
    browser: impl FnOnce(String) -> F,
) -> Result<RefreshingSource, Error>
where
    F: Future<Output = Result<String, Error>>,
{
    let login = client.login().offline_access().scopes(["banking/read"]).start().await?;
    let query = browser(login.url.to_string()).await?;
    let callback = login.pending.check(&Callback::parse(&query)?)?;
    let session = client.finish_login(login.pending, callback).await?;
    watch.say("logged in");
    let source =
        RefreshingSource::builder(client.refresh_grant()).store(MemoryStore::new(), session.key).build()?;
    source.sign_in(&session.tokens).await?;
    Ok(source)
}

async fn read(watch: &Stopwatch, tokens: &RefreshingSource, origins: Origins, url: &str) -> Outcome {
    let service = ReqwestService::new(reqwest::Client::builder())?;
    let client = BearerLayer::new(tokens.clone(), origins).layer(service);
    let response = client.oneshot(Request::get(url).body(reqwest::Body::default())?).await?;
    watch.say(format_args!("GET {}: {}", url::Url::parse(url)?.path(), response.status()));
    response.status().is_success().then_some(()).ok_or_else(|| "refused".into())
}
