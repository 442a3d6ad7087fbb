//! One credential that renews itself.

use std::{ops::Deref, sync::Arc};

use async_trait::async_trait;
use oidc_core::{
    Clock, ConfigError, Credential, Generation, Grant, KeyId, MemoryStore, Target, TokenError, TokenKey,
    TokenSource, TokenStore,
};

use crate::{
    event::{Event, Listener},
    policy::RefreshPolicy,
    shared::{LoginSource, Parts},
};

/// Keeps one login alive and gives its credential: the [`TokenSource`] that the layer wants.
///
/// Clones share one credential and one refresh in flight. Building one does no I/O and spawns nothing; the first use reads
/// the store. A refresh runs on the tokio runtime of whoever needed it first, detached from all who wait: dropping any future
/// of this type stops no refresh and loses no token.
///
/// A token that is good is served whatever else goes wrong: provider down, store down, even refresh token refused. Only when it
/// has ended, or an API rejected it, do callers wait or get an error.
#[derive(Clone, Debug)]
pub struct RefreshingSource(pub(crate) Arc<LoginSource>);

impl RefreshingSource {
    /// Starts to build a source that wins its tokens with `grant`.
    pub fn builder(grant: impl Grant) -> RefreshingSourceBuilder {
        RefreshingSourceBuilder { parts: Parts::new(grant), store: None }
    }
}

/// Logins begin and end at what all clones share: [`sign_in`](LoginSource::sign_in), [`sign_out`](LoginSource::sign_out),
/// [`status`](LoginSource::status), [`shutdown`](LoginSource::shutdown), and [`key`](LoginSource::key).
impl Deref for RefreshingSource {
    type Target = LoginSource;

    fn deref(&self) -> &LoginSource {
        &self.0
    }
}

#[async_trait]
impl TokenSource for RefreshingSource {
    fn peek(&self) -> Option<Credential> {
        self.0.peek()
    }

    async fn token(&self) -> Result<Credential, TokenError> {
        self.0.token().await
    }

    async fn renew(&self, rejected: Generation) -> Result<Credential, TokenError> {
        self.0.renew(rejected).await
    }

    fn reject(&self, rejected: Generation) {
        self.0.reject(rejected);
    }
}

/// Builds a [`RefreshingSource`].
#[derive(Debug)]
pub struct RefreshingSourceBuilder {
    parts: Parts,
    store: Option<(Arc<dyn TokenStore>, TokenKey)>,
}

impl RefreshingSourceBuilder {
    /// Keeps the tokens in `store` under `key`. Everybody who uses the same key of the same store shares one login.
    ///
    /// Without, they live in a [`MemoryStore`] of this source: right for tokens that can be won again at any time.
    #[must_use]
    pub fn store(mut self, store: impl TokenStore, key: TokenKey) -> Self {
        self.store = Some((Arc::new(store), key));
        self
    }

    /// Takes the time from `clock` instead of the system.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.parts.clock = clock;
        self
    }

    /// Calls `listener` whenever something happens to the login that nobody may be waiting for. [`Event`] says when and how.
    #[must_use]
    pub fn on_event(mut self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.parts.listener = Listener::new(listener);
        self
    }

    /// Sets the numbers.
    #[must_use]
    pub fn policy(mut self, policy: RefreshPolicy) -> Self {
        self.parts.policy = policy;
        self
    }

    /// Asks for access tokens for `target` instead of what the login was granted.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.parts.target = target;
        self
    }

    /// The source.
    ///
    /// # Errors
    /// [`ConfigError`] where the policy contradicts itself, or where a grant that spends refresh tokens has no store to share them in.
    pub fn build(self) -> Result<RefreshingSource, ConfigError> {
        let Self { parts, store } = self;
        parts.policy.validate()?;
        let (store, key) = match store {
            Some((store, key)) => (store, key.id()),
            None if parts.grant.spends() => return Err(ConfigError::Missing { field: "store" }),
            None => (
                Arc::new(MemoryStore::with_clock(parts.clock.clone())) as Arc<dyn TokenStore>,
                private_key()?,
            ),
        };
        Ok(RefreshingSource(Arc::new(parts.over(store)).source(key)))
    }
}

/// The key of a login that nobody else sees.
fn private_key() -> Result<KeyId, ConfigError> {
    let issuer = oidc_core::Issuer::new("https://this.source.invalid")?;
    Ok(TokenKey::new(issuer, "", oidc_core::Subject::App).id())
}
