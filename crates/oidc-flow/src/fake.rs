//! A transport in memory, and the clients that the tests speak through it.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex},
    time::SystemTime,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, header::CONTENT_TYPE};
use oidc_core::{Clock, HttpTransport, Issuer, TransportError, TransportErrorKind};
use oidc_testkit::ManualClock;
use serde_json::{Value, json};

use crate::{
    ClientAuth, OidcClient, OidcClientBuilder, SigningAlgorithm,
    jose::signing::TestKey,
    provider::{IdTokens, Profile, Provider, ProviderMetadata, ProviderMetadataBuilder},
};

type Outcome = Result<Response<Bytes>, TransportError>;

/// Gives the answers it was told to give, in order, and remembers what was asked. Clones are one.
#[derive(Clone, Default)]
pub(crate) struct FakeTransport(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    outcomes: VecDeque<Outcome>,
    requests: Vec<Request<Bytes>>,
}

impl FakeTransport {
    pub(crate) fn answer(&self, status: u16, body: &str) {
        self.push(Ok(response(status, body)));
    }

    pub(crate) fn push(&self, outcome: Outcome) {
        self.0.lock().unwrap().outcomes.push_back(outcome);
    }

    /// What was asked since the last look.
    pub(crate) fn requests(&self) -> Vec<Request<Bytes>> {
        std::mem::take(&mut self.0.lock().unwrap().requests)
    }

    /// The one request since the last look, and the parameters of its form.
    pub(crate) fn form(&self) -> (Request<Bytes>, Vec<(String, String)>) {
        let [request] = <[_; 1]>::try_from(self.requests()).unwrap();
        let form = url::form_urlencoded::parse(request.body()).into_owned().collect();
        (request, form)
    }
}

#[async_trait]
impl HttpTransport for FakeTransport {
    async fn send(&self, request: Request<Bytes>) -> Outcome {
        let mut inner = self.0.lock().unwrap();
        inner.requests.push(request);
        inner.outcomes.pop_front().unwrap_or(Err(TransportError::maybe_sent(TransportErrorKind::Timeout)))
    }
}

impl fmt::Debug for FakeTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeTransport")
    }
}

pub(crate) fn response(status: u16, body: &str) -> Response<Bytes> {
    let response = Response::builder().status(status).header(CONTENT_TYPE, "application/json");
    response.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

pub(crate) const ISSUER: &str = "https://id.example";

/// A provider with every endpoint, and an authorization endpoint that has a query of its own.
pub(crate) fn metadata() -> ProviderMetadataBuilder {
    ProviderMetadata::builder(Issuer::new(ISSUER).unwrap())
        .authorization_endpoint("https://id.example/authorize?tenant=a%20b")
        .and_then(|metadata| metadata.token_endpoint("https://id.example/token"))
        .and_then(|metadata| metadata.userinfo_endpoint("https://id.example/userinfo"))
        .and_then(|metadata| metadata.jwks_uri("https://id.example/keys"))
        .and_then(|metadata| metadata.revocation_endpoint("https://id.example/revoke"))
        .and_then(|metadata| metadata.end_session_endpoint("https://id.example/logout?ui=1"))
        .unwrap()
        .id_token_signing_algs([SigningAlgorithm::EdDsa])
}

pub(crate) fn provider() -> Provider {
    Provider::by_hand(metadata().build().unwrap())
}

/// A provider whose ID tokens nobody can verify.
pub(crate) fn oauth_provider() -> Provider {
    provider().with_profile(Profile::default().with_id_tokens(IdTokens::Never))
}

pub(crate) fn builder(provider: Provider, clock: &ManualClock) -> OidcClientBuilder {
    OidcClient::builder(provider, "my client")
        .redirect_uri("https://app.example/callback?a=b")
        .clock(Arc::new(clock.clone()))
}

/// A confidential client with the transport that it speaks through.
pub(crate) fn client(provider: Provider) -> (OidcClient, FakeTransport, ManualClock) {
    let (transport, clock) = (FakeTransport::default(), ManualClock::new());
    let client = builder(provider, &clock)
        .auth(ClientAuth::secret_post("canary-secret".into()))
        .build(transport.clone())
        .unwrap();
    (client, transport, clock)
}

/// Signs ID tokens as the provider.
pub(crate) struct Signer(TestKey);

impl Signer {
    pub(crate) fn new() -> Self {
        Self(TestKey::new(SigningAlgorithm::EdDsa))
    }

    /// The key set that the provider publishes.
    pub(crate) fn keys(&self) -> String {
        json!({"keys": [self.0.jwk(Some("k"))]}).to_string()
    }

    /// An ID token for `sub`, issued now, with these claims changed.
    pub(crate) fn id_token(&self, clock: &ManualClock, sub: &str, changes: &Value) -> String {
        let now = seconds(clock);
        let mut claims = json!({"iss": ISSUER, "aud": "my client", "sub": sub, "iat": now, "exp": now + 300});
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        self.0.token(SigningAlgorithm::EdDsa, json!({"kid": "k"}), &claims)
    }
}

/// The time as ID tokens tell it.
pub(crate) fn seconds(clock: &ManualClock) -> u64 {
    clock.wall().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}
