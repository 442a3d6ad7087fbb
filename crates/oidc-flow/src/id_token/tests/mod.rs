//! ID tokens from a provider in memory, signed for real.

mod claims;
mod keys;
mod times;
mod tokens;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use oidc_core::{Clock, Issuer, Secret};
use oidc_testkit::ManualClock;
use serde_json::{Value, json};

use super::{IdTokenChecks, IdTokenClaims, IdTokenError, NonceCheck};
use crate::{
    jose::{SigningAlgorithm, signing::TestKey},
    provider::{Provider, ProviderMetadata, ProviderState, fake::FakeWeb},
};

const ISSUER: &str = "https://id.example";
const KEYS: &str = "https://id.example/keys";
const CLIENT: &str = "client";
const NONCE: &str = "n-0S6_WzA2Mj";

/// A provider that signs with ES256, and a client that has asked it for an ID token.
struct World {
    web: FakeWeb,
    clock: ManualClock,
    state: ProviderState,
    nonce: Secret,
}

impl World {
    fn new() -> Self {
        let (web, clock) = (FakeWeb::new(), ManualClock::new());
        let metadata = ProviderMetadata::builder(Issuer::new(ISSUER).unwrap())
            .token_endpoint("https://id.example/token")
            .and_then(|metadata| metadata.jwks_uri(KEYS))
            .and_then(|metadata| metadata.id_token_signing_algs(SigningAlgorithm::ALL).build());
        let provider = Provider::by_hand(metadata.unwrap());
        let state = ProviderState::new(provider, Arc::new(web.clone()), Arc::new(clock.clone()));
        let world = Self { web, clock, state, nonce: Secret::from(NONCE) };
        world.publish(&[key().jwk(Some("a"))]);
        world
    }

    fn publish(&self, keys: &[Value]) {
        self.web.put(KEYS, json!({ "keys": keys }));
    }

    fn now(&self) -> u64 {
        let now = self.clock.wall().duration_since(SystemTime::UNIX_EPOCH);
        now.unwrap().as_secs()
    }

    /// The claims of a good token.
    fn claims(&self) -> Value {
        let now = self.now();
        json!({"iss": ISSUER, "sub": "alice", "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": NONCE})
    }

    /// The claims of a good token, but for one.
    fn with(&self, name: &str, value: impl Into<Value>) -> Value {
        let mut claims = self.claims();
        claims[name] = value.into();
        claims
    }

    /// The claims of a good token, without one.
    fn without(&self, name: &str) -> Value {
        let mut claims = self.claims();
        claims.as_object_mut().unwrap().remove(name).unwrap();
        claims
    }

    fn checks(&self) -> IdTokenChecks<'_> {
        IdTokenChecks::new(CLIENT, NonceCheck::Sent(&self.nonce))
    }

    /// What becomes of these claims in a token that is signed well.
    async fn verify(&self, claims: &Value) -> Result<IdTokenClaims, IdTokenError> {
        self.verify_with(claims, &self.checks()).await
    }

    async fn verify_with(
        &self,
        claims: &Value,
        checks: &IdTokenChecks<'_>,
    ) -> Result<IdTokenClaims, IdTokenError> {
        let token = key().token(SigningAlgorithm::Es256, json!({"kid": "a"}), claims);
        self.verify_token(&token, checks).await
    }

    async fn verify_token(
        &self,
        token: &str,
        checks: &IdTokenChecks<'_>,
    ) -> Result<IdTokenClaims, IdTokenError> {
        self.state.verify_id_token(&Secret::from(token), checks).await
    }
}

fn key() -> &'static TestKey {
    TestKey::shared(SigningAlgorithm::Es256)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Asserts that a result is an error of this shape.
macro_rules! assert_refused {
    ($result:expr, $pattern:pat $(, $($about:tt)+)?) => {{
        let result = $result;
        assert!(matches!(&result, Err($pattern)), "{result:?}: {}", assert_refused!(@about $($($about)+)?));
    }};
    (@about) => { "" };
    (@about $($about:tt)+) => { format!($($about)+) };
}
use assert_refused;
