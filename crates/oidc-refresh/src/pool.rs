//! The credentials of many users.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use oidc_core::{
    Clock, ConfigError, Grant, KeyId, Target, TargetId, TokenError, TokenKey, TokenSet, TokenStore,
};

use crate::{
    event::{Event, Listener},
    policy::RefreshPolicy,
    shared::Parts,
    source::RefreshingSource,
};

/// The logins of many users in one store: gives each its [`RefreshingSource`], and begins and ends logins.
///
/// Clones share everything. Sources that nobody uses are dropped when there are too many; the store still has their tokens.
#[derive(Clone)]
pub struct TokenPool(Arc<Inner>);

struct Inner {
    parts: Parts,
    store: Arc<dyn TokenStore>,
    capacity: usize,
    sources: Mutex<HashMap<(KeyId, TargetId), Arc<RefreshingSource>>>,
}

impl TokenPool {
    /// Starts to build a pool over `store`, whose tokens are renewed with `grant`.
    pub fn builder(store: impl TokenStore, grant: impl Grant) -> TokenPoolBuilder {
        TokenPoolBuilder { parts: Parts::new(grant), store: Arc::new(store), capacity: 10_000 }
    }

    /// The source of one login, whether anybody is logged in or not. Ask for it per request or keep it: it is the same one.
    pub fn source(&self, key: &TokenKey) -> Arc<RefreshingSource> {
        self.source_for(key, &self.0.parts.target)
    }

    /// The source of one login for another `target`: another access token that hangs on the same refresh token.
    pub fn source_for(&self, key: &TokenKey, target: &Target) -> Arc<RefreshingSource> {
        let mut sources = self.sources();
        if let Some(source) = sources.get(&(key.id(), target.id())) {
            return source.clone();
        }
        if sources.len() >= self.0.capacity {
            sources.retain(|_, source| Arc::strong_count(source) > 1 || source.is_busy());
        }
        let parts = Parts { target: target.clone(), ..self.0.parts.clone() };
        let shared = parts.assemble(self.0.store.clone(), key.id());
        let source = Arc::new(RefreshingSource { shared: Arc::new(shared) });
        sources.insert((key.id(), target.id()), source.clone());
        source
    }

    /// Starts a login: `tokens` are durable when this returns. See [`RefreshingSource::sign_in`].
    ///
    /// # Errors
    /// As [`RefreshingSource::sign_in`].
    pub async fn sign_in(&self, key: &TokenKey, tokens: &TokenSet) -> Result<(), TokenError> {
        self.source(key).sign_in(tokens).await?;
        self.forget_others(key);
        Ok(())
    }

    /// Ends a login, for every target. See [`RefreshingSource::sign_out`].
    ///
    /// # Errors
    /// As [`RefreshingSource::sign_out`].
    pub async fn sign_out(&self, key: &TokenKey) -> Result<Option<TokenSet>, TokenError> {
        self.forget_others(key);
        self.source(key).sign_out().await
    }

    /// Closes all sources, one after the other. See [`RefreshingSource::shutdown`].
    ///
    /// # Errors
    /// The first failure, after all have been closed.
    pub async fn shutdown(&self) -> Result<(), TokenError> {
        let sources: Vec<_> = self.sources().values().cloned().collect();
        let closing = sources.iter().map(|source| source.shutdown());
        futures_util::future::join_all(closing).await.into_iter().collect()
    }

    /// What sources of other targets hold belongs to the login before: they ask the store again.
    fn forget_others(&self, key: &TokenKey) {
        let (id, own) = (key.id(), self.0.parts.target.id());
        for ((key, target), source) in self.sources().iter() {
            if *key == id && *target != own {
                source.shared.forget();
            }
        }
    }

    fn sources(&self) -> MutexGuard<'_, HashMap<(KeyId, TargetId), Arc<RefreshingSource>>> {
        self.0.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TokenPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenPool").field("sources", &self.sources().len()).finish_non_exhaustive()
    }
}

/// Builds a [`TokenPool`].
#[derive(Debug)]
pub struct TokenPoolBuilder {
    parts: Parts,
    store: Arc<dyn TokenStore>,
    capacity: usize,
}

impl TokenPoolBuilder {
    /// Takes the time from `clock` instead of the system.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.parts.clock = clock;
        self
    }

    /// Calls `listener` whenever something happens to a login that nobody may be waiting for. [`Event`] says when and how.
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

    /// Asks for access tokens for `target` instead of what each login was granted.
    #[must_use]
    pub fn target(mut self, target: Target) -> Self {
        self.parts.target = target;
        self
    }

    /// How many sources are kept before those that nobody uses are dropped. Default 10,000.
    #[must_use]
    pub fn capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity;
        self
    }

    /// The pool.
    ///
    /// # Errors
    /// [`ConfigError`] where the policy contradicts itself.
    pub fn build(self) -> Result<TokenPool, ConfigError> {
        let Self { parts, store, capacity } = self;
        parts.policy.validate()?;
        Ok(TokenPool(Arc::new(Inner { parts, store, capacity, sources: Mutex::default() })))
    }
}
