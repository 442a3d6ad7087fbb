//! A token endpoint inside this process, and clients and sources that use it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use oidc_core::{Clock, HttpTransport, Issuer, Secret, SystemClock, TransportError};
use oidc_flow::{
    ClientAuth, OidcClient,
    provider::{Provider, ProviderMetadata},
};
use oidc_refresh::{RefreshPolicy, RefreshingSource};

use crate::request::token;

/// Answers every request after some time, and counts them. Clones are the same endpoint.
#[derive(Clone)]
pub(crate) struct Endpoint {
    takes: Duration,
    body: Bytes,
    is_down: Arc<AtomicBool>,
    requests: Arc<AtomicUsize>,
}

impl Endpoint {
    /// Gives a token that lives for `life`.
    pub(crate) fn giving(life: Duration, takes: Duration) -> Self {
        let token = token();
        let body =
            format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":{}}}"#, life.as_secs());
        Self { takes, body: body.into(), is_down: Arc::default(), requests: Arc::default() }
    }

    /// From now on the answer is 503, and says nothing.
    pub(crate) fn fail(&self) {
        self.is_down.store(true, Ordering::Relaxed);
    }

    /// How many requests there were.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// A source that signs in here as a service does, with client credentials.
    pub(crate) fn source(&self, policy: RefreshPolicy) -> RefreshingSource {
        let grant = self.client().client_credentials(["accounts/read"]).expect("a scope");
        RefreshingSource::builder(grant).policy(policy).build().expect("a good policy")
    }

    /// A client of the provider that the endpoint belongs to.
    pub(crate) fn client(&self) -> OidcClient {
        let metadata = ProviderMetadata::builder(Issuer::new("https://id.example").expect("an issuer"))
            .token_endpoint("https://id.example/token")
            .and_then(|metadata| metadata.build())
            .expect("good metadata");
        OidcClient::builder(Provider::by_hand(metadata), "bench")
            .auth(ClientAuth::secret_basic(Secret::from("Kq7vTf2nWx9bRm4cZs6d")))
            .build(self.clone())
            .expect("a good client")
    }
}

#[async_trait]
impl HttpTransport for Endpoint {
    async fn send(&self, _: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if !self.takes.is_zero() {
            let clock = SystemClock::new();
            clock.sleep_until(clock.boot().after(self.takes)).await;
        }
        if self.is_down.load(Ordering::Relaxed) {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            return Ok(response);
        }
        let mut response = Response::new(self.body.clone());
        response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
        Ok(response)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").finish_non_exhaustive()
    }
}
