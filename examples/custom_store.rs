//! A token store of one's own in under 40 lines: three methods over a folder.
//!
//! `cargo run --example custom_store` logs a user in once and then starts over, as a restarted program would: the second start finds
//! the login in the folder. With the variables of `examples/support/real.rs` set, it does so with a real provider and API. Each login is one file; `SingleProcess` makes of the three methods a store that renews safely. Files
//! of your own are readable by whoever may read the folder: real secrets belong where they are encrypted.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use examples::{Outcome, Stopwatch, real::Real};
use http::Request;
use oidc_kit::{
    BearerLayer, Callback, Issuer, OidcClient, Origins, Provider, RefreshingSource, ReqwestService,
    ReqwestTransport, SimpleStore, SingleProcess,
    core::{KeyId, StoreError, StoreErrorKind},
    flow::Session,
};
use oidc_testkit::{ProtectedApi, TestClient, TestProvider, browse};
use tower::{Layer, ServiceExt};

// The store: from here …
#[derive(Debug)]
struct Folder(PathBuf);

#[async_trait::async_trait]
impl SimpleStore for Folder {
    async fn load(&self, key: &KeyId) -> Result<Option<Vec<u8>>, StoreError> {
        match std::fs::read(self.0.join(key.to_string())) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    }

    async fn save(&self, key: &KeyId, bytes: &[u8]) -> Result<(), StoreError> {
        // Under another name first, so that a crash leaves the old file or the new one, never half of one.
        let (new, path) = (self.0.join(format!("{key}.new")), self.0.join(key.to_string()));
        let write = || {
            let mut file = std::fs::File::create(&new)?;
            io::Write::write_all(&mut file, bytes)?;
            file.sync_all()?;
            std::fs::rename(&new, &path)
        };
        write().map_err(unavailable)
    }

    async fn remove(&self, key: &KeyId) -> Result<(), StoreError> {
        match std::fs::remove_file(self.0.join(key.to_string())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unavailable(error)),
            _ => Ok(()),
        }
    }
}

fn unavailable(error: io::Error) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable).with_source(error)
}
// … to here.

const REDIRECT_URI: &str = "http://127.0.0.1/callback";

#[tokio::main]
async fn main() -> Outcome {
    let watch = Stopwatch::start();
    let folder = std::env::temp_dir().join(format!("custom-store-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let outcome = match Real::from_env()? {
        Some(real) => with_real_provider(&watch, &folder, real).await,
        None => offline(&watch, &folder).await,
    };
    std::fs::remove_dir_all(&folder)?;
    outcome
}

async fn offline(watch: &Stopwatch, folder: &Path) -> Outcome {
    let provider = TestProvider::builder()
        .client(TestClient::public("custom-store").redirect_uri(REDIRECT_URI))
        .access_token_lifetime(Duration::from_secs(2))
        .start()
        .await?;
    let api = ProtectedApi::start(&provider).await?;
    let known = Provider::discover(Issuer::insecure_loopback(provider.issuer())?).allow_insecure_loopback();
    let transport = ReqwestTransport::builder(Default::default()).allow_loopback().build()?;
    let client = OidcClient::builder(known, "custom-store").redirect_uri(REDIRECT_URI).build(transport)?;
    let login = client.login().offline_access().start().await?;
    let visit = browse(login.url.as_str()).await?;
    let callback = login.pending.check(&Callback::parse(visit.callback_query()?)?)?;
    let session = client.finish_login(login.pending, callback).await?;

    let origins = Origins::insecure_loopback([api.url()])?;
    start_twice(watch, folder, &client, &session, &origins, api.url()).await?;
    let judge = provider.judge();
    watch.say(format_args!("{} login, {} refresh", judge.logins, judge.refreshes_accepted));
    let as_promised = judge.logins == 1 && judge.refreshes_accepted == 1 && api.unauthorized() == 0;
    as_promised.then_some(()).ok_or_else(|| "not as promised".into())
}

async fn with_real_provider(watch: &Stopwatch, folder: &Path, real: Real) -> Outcome {
    let session = real.log_in(watch).await?;
    start_twice(watch, folder, &real.client, &session, &real.origins, &real.api_url).await
}

/// The first start saves the login, the second one finds it.
async fn start_twice(
    watch: &Stopwatch,
    folder: &Path,
    client: &OidcClient,
    session: &Session,
    origins: &Origins,
    url: &str,
) -> Outcome {
    let source = || {
        let store = SingleProcess::new(Folder(folder.to_owned()));
        RefreshingSource::builder(client.refresh_grant()).store(store, session.key.clone()).build()
    };
    let first = source()?;
    first.sign_in(&session.tokens).await?;
    watch.say(format_args!("first start: logged in, the login is in {}", folder.display()));
    call(watch, first, origins, url).await?;
    watch.pause(Duration::from_secs(3)).await;
    watch.say("second start: no login, the folder has it");
    call(watch, source()?, origins, url).await
}

async fn call(watch: &Stopwatch, tokens: RefreshingSource, origins: &Origins, url: &str) -> Outcome {
    let layer = BearerLayer::new(tokens, origins.clone());
    let service = layer.layer(ReqwestService::new(reqwest::Client::builder())?);
    let response = service.oneshot(Request::get(url).body(reqwest::Body::default())?).await?;
    watch.say(format_args!("the API answers {}", response.status()));
    response.status().is_success().then_some(()).ok_or_else(|| "refused".into())
}
