//! How a provider is set up.

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use oidc_core::{Clock, SystemClock};

use super::{
    Endpoint, JsonObject, RefreshTokens, Rotation, SigningAlgorithm, TestClient, TestProvider, TestUser,
    dispatch,
    faults::Rewrite,
    keys::Keys,
    ledger::Rules,
    state::{Config, Shared},
};
use crate::server::Bound;

/// Sets up a [`TestProvider`]; made by [`TestProvider::builder`]. Durations are precise to the nanosecond.
#[derive(Debug)]
#[must_use]
pub struct TestProviderBuilder {
    port: u16,
    user: TestUser,
    config: Config,
}

impl TestProviderBuilder {
    pub(super) fn new() -> Self {
        let rules = Rules {
            rotation: Rotation::default(),
            revoke_family: true,
            code_lifetime: Duration::from_secs(60),
            access_lifetime: Duration::from_secs(300),
            refresh_lifetime: None,
        };
        let config = Config {
            clock: Arc::new(SystemClock::new()),
            clients: Vec::new(),
            rules,
            refresh_tokens: RefreshTokens::default(),
            id_token_lifetime: Duration::from_secs(300),
            id_token_on_refresh: true,
            authorized_party: false,
            signing: SigningAlgorithm::default(),
            metadata: None,
            paths: BTreeMap::new(),
        };
        Self { port: 0, user: TestUser::default(), config }
    }

    /// Registers a client. Without any, nobody can log in.
    pub fn client(mut self, client: TestClient) -> Self {
        self.config.clients.push(client);
        self
    }

    /// Sets who is at the login page; by default Alice, who logs in at once.
    pub fn user(mut self, user: TestUser) -> Self {
        self.user = user;
        self
    }

    /// Sets how long access tokens live; by default 300 s. `expires_in` is this in whole seconds, rounded
    /// down, and at least 1.
    pub fn access_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.config.rules.access_lifetime = lifetime;
        self
    }

    /// Sets how long refresh tokens live, each from when it was issued; by default for ever.
    pub fn refresh_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.config.rules.refresh_lifetime = Some(lifetime);
        self
    }

    /// Sets how long codes live; by default 60 s.
    pub fn code_lifetime(mut self, lifetime: Duration) -> Self {
        self.config.rules.code_lifetime = lifetime;
        self
    }

    /// Sets how long ID tokens live; by default 300 s.
    pub fn id_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.config.id_token_lifetime = lifetime;
        self
    }

    /// Sets what becomes of used refresh tokens; by default [`Rotation::Strict`].
    pub fn rotation(mut self, rotation: Rotation) -> Self {
        self.config.rules.rotation = rotation;
        self
    }

    /// Only refuses a refresh token that is used again; by default that ends the whole login.
    pub fn keep_family_on_reuse(mut self) -> Self {
        self.config.rules.revoke_family = false;
        self
    }

    /// Sets which logins get a refresh token; by default [`RefreshTokens::OfflineAccess`].
    pub fn refresh_tokens(mut self, refresh_tokens: RefreshTokens) -> Self {
        self.config.refresh_tokens = refresh_tokens;
        self
    }

    /// Sets whether refresh answers have an ID token too; by default they have.
    pub fn id_token_on_refresh(mut self, issued: bool) -> Self {
        self.config.id_token_on_refresh = issued;
        self
    }

    /// Adds the claim `azp` to ID tokens.
    pub fn authorized_party(mut self) -> Self {
        self.config.authorized_party = true;
        self
    }

    /// Sets how ID tokens are signed; by default with RS256.
    pub fn signing_algorithm(mut self, algorithm: SigningAlgorithm) -> Self {
        self.config.signing = algorithm;
        self
    }

    /// Changes the metadata documents, each time before one is handed out.
    pub fn metadata(mut self, change: impl Fn(&mut JsonObject) + Send + Sync + 'static) -> Self {
        self.config.metadata = Some(Rewrite::new(change));
        self
    }

    /// Sets where the time comes from; by default from the system.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.config.clock = clock;
        self
    }

    /// Moves an endpoint to another path below the issuer, such as `/connect/token`. Metadata names the new
    /// one; where the discovery document is does not change.
    pub fn path(mut self, endpoint: Endpoint, path: impl Into<String>) -> Self {
        self.config.paths.insert(endpoint, path.into());
        self
    }

    /// Sets the port, for a provider that comes back after another one was dropped; by default any that is
    /// free.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Starts the provider on 127.0.0.1, on the tokio runtime that this is called on.
    ///
    /// # Errors
    /// Where the port cannot be had, no keys can be made, or an endpoint's path is not `/` followed by
    /// letters, digits, `/`, `-`, `_` and `.`.
    pub async fn start(self) -> io::Result<TestProvider> {
        if !self.config.paths.values().all(|path| is_path(path)) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path of an endpoint is not usable"));
        }
        let bound = Bound::new(self.port).await?;
        let shared = Arc::new(Shared::new(self.config, bound.origin(), self.user, Keys::generate()?));
        let router = dispatch::router(Arc::clone(&shared));
        let server = bound.serve({
            let shared = Arc::clone(&shared);
            move |request| dispatch::serve(Arc::clone(&shared), router.clone(), request)
        });
        Ok(TestProvider { shared, _server: server })
    }
}

fn is_path(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
    path.len() > 1 && path.starts_with('/') && path.bytes().all(is_plain)
}
