//! A provider, an API that takes its tokens, and clients of both, all on one clock.

use std::{pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use oidc_core::{Clock, Issuer, MemoryStore, Secret, SystemClock, TokenError, TokenKey, TokenStore};
use oidc_flow::{Callback, ClientAuth, LoginRequest, OidcClient, Session, provider::Provider};
use oidc_refresh::RefreshingSource;
use oidc_testkit::{ManualClock, ProtectedApi, TestClient, TestProvider, TestProviderBuilder, browse};
use oidc_tower::{Bearer, BearerLayer, BoxError, Origins};
use oidc_transport::ReqwestTransport;
use serde_json::Value;
use tower::{Layer, ServiceExt};

use crate::{Http, http_client, reqwest_builder};

/// A client of the world's API whose requests carry the tokens of one source.
pub type ApiClient = Bearer<Http, RefreshingSource>;

/// The world of one test.
pub struct World {
    /// The time. It moves when the test says so.
    pub clock: ManualClock,
    /// The provider.
    pub provider: TestProvider,
    /// The API.
    pub api: ProtectedApi,
    /// A public client.
    pub client: OidcClient,
    /// A confidential client.
    pub service: OidcClient,
}

impl World {
    /// How long access tokens live.
    pub const LIFE: Duration = Duration::from_secs(100);
    /// The secret of the confidential client.
    pub const SECRET: &str = "Kq7vTf2nWx9bRm4cZs6d";
    /// Where users come back to.
    pub const CALLBACK: &str = "http://127.0.0.1/callback";

    /// A world whose provider rotates strictly.
    pub async fn start() -> Self {
        Self::with(|provider| provider).await
    }

    /// A world whose provider is changed before it starts.
    pub async fn with(change: impl FnOnce(TestProviderBuilder) -> TestProviderBuilder) -> Self {
        let clock = ManualClock::new();
        let provider = change(Self::provider(&clock)).start().await.unwrap();
        Self::around(provider, clock).await
    }

    /// The provider as it is set up by default.
    pub fn provider(clock: &ManualClock) -> TestProviderBuilder {
        let back = |client: TestClient| {
            client.redirect_uri(Self::CALLBACK).post_logout_redirect_uri("http://127.0.0.1/bye")
        };
        TestProvider::builder()
            .clock(Arc::new(clock.clone()))
            .access_token_lifetime(Self::LIFE)
            .client(back(TestClient::public("app")))
            .client(back(TestClient::confidential("service", Self::SECRET)))
    }

    /// The rest of a world whose provider is there.
    pub async fn around(provider: TestProvider, clock: ManualClock) -> Self {
        let api = ProtectedApi::start(&provider).await.unwrap();
        let client = Self::client_of(provider.issuer(), &clock, "app", ClientAuth::none());
        let auth = ClientAuth::secret_basic(Secret::from(Self::SECRET));
        let service = Self::client_of(provider.issuer(), &clock, "service", auth);
        Self { clock, provider, api, client, service }
    }

    /// A client of the provider at `issuer`, whether there is one or not.
    pub fn client_of(issuer: &str, clock: &ManualClock, id: &str, auth: ClientAuth) -> OidcClient {
        let provider = Provider::discover(Issuer::insecure_loopback(issuer).unwrap());
        OidcClient::builder(provider, id)
            .auth(auth)
            .redirect_uri(Self::CALLBACK)
            .clock(Arc::new(clock.clone()))
            .build(transport())
            .unwrap()
    }

    /// Logs the provider's user in, through a browser.
    pub async fn log_in(&self) -> Session {
        let request = self.client.login().scopes(["profile"]).offline_access();
        finish(&self.client, request).await.unwrap()
    }

    /// A source for the login `key` of the public client, on a store of its own.
    pub fn source(&self, key: &TokenKey) -> RefreshingSource {
        let store = MemoryStore::with_clock(Arc::new(self.clock.clone()));
        self.source_on(store, key)
    }

    /// A source for the login `key` of the public client.
    pub fn source_on(&self, store: impl TokenStore, key: &TokenKey) -> RefreshingSource {
        let builder = RefreshingSource::builder(self.client.refresh_grant()).store(store, key.clone());
        builder.clock(Arc::new(self.clock.clone())).build().unwrap()
    }

    /// A source whose user has just logged in.
    pub async fn signed_in(&self) -> RefreshingSource {
        let session = self.log_in().await;
        let source = self.source(&session.key);
        source.sign_in(&session.tokens).await.unwrap();
        source
    }

    /// hyper's client, with the tokens of `source` for the world's API.
    pub fn api_client(&self, source: &RefreshingSource) -> ApiClient {
        BearerLayer::new(source.clone(), self.origins()).layer(http_client())
    }

    /// The world's API.
    pub fn origins(&self) -> Origins {
        Origins::insecure_loopback([self.api.url()]).unwrap()
    }

    /// A GET request to the API.
    pub fn request(&self) -> Request<Full<Bytes>> {
        Request::get(format!("{}/accounts", self.api.url())).body(Full::default()).unwrap()
    }

    /// Sends a GET request to the API.
    ///
    /// # Errors
    /// Those of the layer and the client.
    pub async fn get(&self, client: &ApiClient) -> Result<Response<Incoming>, BoxError> {
        client.clone().oneshot(self.request()).await
    }

    /// Sends a GET request to the API, which has to go well; gives the API's answer.
    ///
    /// # Panics
    /// Where it does not.
    pub async fn get_ok(&self, client: &ApiClient) -> Value {
        let answer = self.get(client).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        json(answer).await
    }

    /// Sends a GET request to the API, which has to fail for want of a token; gives the reason.
    ///
    /// # Panics
    /// Where it does not.
    pub async fn get_err(&self, client: &ApiClient) -> TokenError {
        let error = self.get(client).await.unwrap_err();
        error.downcast_ref::<TokenError>().expect("no token").clone()
    }

    /// Waits for `future` while time passes at its usual pace: for what waits a moment in between.
    pub async fn while_time_passes<F: Future>(&self, future: F) -> F::Output {
        const STEP: Duration = Duration::from_millis(10);
        let real = SystemClock::new();
        let mut future = pin!(future);
        loop {
            let moment = real.sleep_until(real.boot().after(STEP));
            tokio::select! {
                output = &mut future => return output,
                () = moment => self.clock.advance(STEP),
            }
        }
    }

    /// No refresh token was sent after it had been replaced, and none twice.
    ///
    /// # Panics
    /// Where one was.
    pub fn assert_each_spent_once(&self) {
        let judge = self.provider.judge();
        assert_eq!((judge.reuse_detected, judge.families_revoked), (0, 0));
        assert_eq!(judge.refresh_tokens_resent(), []);
    }
}

/// Takes a login from its start through the browser to its tokens.
///
/// # Errors
/// Those of the login.
pub async fn finish(client: &OidcClient, request: LoginRequest) -> Result<Session, oidc_flow::LoginError> {
    let start = request.start().await?;
    let visit = browse(start.url.as_str()).await.unwrap();
    let answer = start.pending.check(&Callback::parse(visit.callback_query().unwrap())?)?;
    client.finish_login(start.pending, answer).await
}

fn transport() -> ReqwestTransport {
    ReqwestTransport::builder(reqwest_builder()).allow_loopback().build().unwrap()
}

/// The body of an answer, as JSON.
///
/// # Panics
/// Where it is none.
pub async fn json(answer: Response<Incoming>) -> Value {
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}
