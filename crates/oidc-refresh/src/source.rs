//! One credential that renews itself.

use std::sync::Arc;

use async_trait::async_trait;
use oidc_core::{
    BootTime, Clock, ConfigError, Credential, Generation, Grant, KeyId, MemoryStore, Target, TokenError,
    TokenErrorKind, TokenKey, TokenSet, TokenSource, TokenStore,
};

use crate::{
    desk::{Desk, Entry, Exit, Landing, Reason, Upkeep},
    event::{Event, Listener},
    policy::RefreshPolicy,
    shared::{Call, Parts, Shared},
    snapshot::Snapshot,
    status::Status,
    telemetry,
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
pub struct RefreshingSource {
    pub(crate) shared: Arc<Shared>,
}

impl RefreshingSource {
    /// Starts to build a source that wins its tokens with `grant`.
    pub fn builder(grant: impl Grant) -> RefreshingSourceBuilder {
        RefreshingSourceBuilder { parts: Parts::new(grant), store: None }
    }

    /// Starts a login with `tokens`: they are durable when this returns, and used from then on.
    ///
    /// A login that somebody signed out meanwhile stays signed out, and one that somebody else started meanwhile stays.
    ///
    /// # Errors
    /// [`TokenErrorKind::Store`] where the tokens could not be saved (they are not used then), [`TokenErrorKind::ReauthRequired`] where
    /// a sign-out came in between. Dropping the future leaves the login started or not.
    pub async fn sign_in(&self, tokens: &TokenSet) -> Result<(), TokenError> {
        self.shared.sign_in(tokens).await
    }

    /// Ends the login here at once and in the store, and gives what there was, for revocation and for `id_token_hint`.
    ///
    /// A refresh in flight loses against it: what it wins is revoked. Other processes see it after `revalidate_after`.
    ///
    /// # Errors
    /// [`TokenErrorKind::Store`] where the store could not be told yet: this process has forgotten the tokens and goes on trying, others
    /// may still have them. Dropping the future changes nothing about that.
    pub async fn sign_out(&self) -> Result<Option<TokenSet>, TokenError> {
        self.shared.sign_out().await
    }

    /// Which login it keeps: the hash of its [`TokenKey`], which stores and logs know it by.
    pub fn key(&self) -> KeyId {
        self.shared.key
    }

    /// What is known of the credential, without secrets. No I/O.
    ///
    /// A health check asks [`Status::is_ready`].
    pub fn status(&self) -> Status {
        self.shared.status()
    }

    /// Whether a refresh is in flight, the write of its tokens included.
    pub(crate) fn is_busy(&self) -> bool {
        self.shared.state().desk.is_in_flight()
    }

    /// Closes the source: no more credentials, and a refresh in flight is waited for until its tokens are saved.
    ///
    /// # Errors
    /// [`TokenErrorKind::Closed`] where that took longer than `shutdown_drain`.
    pub async fn shutdown(&self) -> Result<(), TokenError> {
        self.shared.shutdown().await
    }
}

#[async_trait]
impl TokenSource for RefreshingSource {
    fn peek(&self) -> Option<Credential> {
        let snapshot = self.shared.snapshot.load();
        let snapshot = snapshot.as_ref()?;
        let now = self.shared.clock.coarse();
        match snapshot.quiet(now) {
            Some(credential) => Some(credential.clone()),
            None => self.shared.attend(snapshot, now),
        }
    }

    async fn token(&self) -> Result<Credential, TokenError> {
        match self.peek() {
            Some(credential) => Ok(credential),
            None => self.shared.wait().await,
        }
    }

    async fn renew(&self, rejected: Generation) -> Result<Credential, TokenError> {
        self.reject(rejected);
        self.token().await
    }

    fn reject(&self, rejected: Generation) {
        if self.shared.is_current(rejected) {
            self.shared.reject(rejected);
        }
    }
}

impl Shared {
    /// The slow half of `peek`: something has to be done about the credential, in the background if it is still good.
    #[cold]
    fn attend(self: &Arc<Self>, snapshot: &Arc<Snapshot>, now: BootTime) -> Option<Credential> {
        let credential = snapshot.good(now)?.clone();
        let (upkeep, next) = snapshot.token().upkeep(now, &self.policy);
        if snapshot.claim_attention(now, next) {
            telemetry::used(snapshot.timing().ends_at, now);
            match upkeep {
                Upkeep::Refresh => self.refresh_behind(),
                Upkeep::Look => self.look_behind(),
            }
        }
        Some(credential)
    }

    fn refresh_behind(self: &Arc<Self>) {
        let mut state = self.state();
        if let Some(ticket) = state.desk.remind(self.clock.boot(), self.token()) {
            // Without a runtime the credential is served until its end, and then the caller learns why.
            let _ = self.launch(&mut state, ticket);
        }
    }

    /// A credential for a caller who waits.
    async fn wait(self: &Arc<Self>) -> Result<Credential, TokenError> {
        loop {
            let mut call = match self.enter()? {
                Entered::Served(credential) => return Ok(credential),
                Entered::Waits(call) => call,
            };
            let landing = match call.wait_for(Option::is_some).await {
                Ok(landing) => landing.clone().unwrap_or(Landing::Changed),
                Err(_) => Landing::Failed(TokenError::new(TokenErrorKind::Internal)),
            };
            let snapshot = self.snapshot.load_full();
            let token = snapshot.as_ref().map(|snapshot| snapshot.token());
            match (Desk::leave(self.clock.boot(), token, landing), snapshot) {
                (Exit::Serve, Some(snapshot)) => return Ok(snapshot.credential().clone()),
                (Exit::Fail(error), _) => return Err(error),
                (Exit::Serve | Exit::Again, _) => {}
            }
        }
    }

    fn enter(self: &Arc<Self>) -> Result<Entered, TokenError> {
        let mut state = self.state();
        let snapshot = self.snapshot.load_full();
        let token = snapshot.as_ref().map(|snapshot| snapshot.token());
        match (state.desk.enter(self.clock.boot(), token), snapshot) {
            (Entry::Serve, Some(snapshot)) => Ok(Entered::Served(snapshot.credential().clone())),
            (Entry::Start(ticket), _) => self.launch(&mut state, ticket).map(Entered::Waits),
            (Entry::Serve | Entry::Wait(_), _) => {
                state.call.clone().map(Entered::Waits).ok_or_else(Reason::closed)
            }
            (Entry::Fail(error), _) => Err(error),
        }
    }

    fn is_current(&self, generation: Generation) -> bool {
        self.snapshot.load().as_ref().is_some_and(|snapshot| snapshot.credential().generation() == generation)
    }

    fn reject(&self, generation: Generation) {
        let mut state = self.state();
        let snapshot = self.snapshot.load();
        let current = snapshot.as_ref().filter(|snapshot| snapshot.credential().generation() == generation);
        if let Some(snapshot) = current.filter(|snapshot| snapshot.reject()) {
            telemetry::rejected(&self.key);
            state.desk.reject(self.clock.boot(), &snapshot.token(), &self.policy);
        }
    }

    async fn shutdown(&self) -> Result<(), TokenError> {
        self.state().desk.close();
        self.snapshot.store(None);
        let landed = async {
            loop {
                let Some(mut call) = self.state().call.clone() else { return };
                // What it says is for others: either the flight goes on, or there is nothing to watch any more.
                let _ = call.changed().await;
            }
        };
        self.within(self.policy.shutdown_drain, landed).await.ok_or_else(Reason::closed)
    }
}

enum Entered {
    Served(Credential),
    Waits(Call),
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
        Ok(RefreshingSource { shared: Arc::new(parts.assemble(store, key)) })
    }
}

/// The key of a login that nobody else sees.
fn private_key() -> Result<KeyId, ConfigError> {
    let issuer = oidc_core::Issuer::new("https://this.source.invalid")?;
    Ok(TokenKey::new(issuer, "", oidc_core::Subject::App).id())
}
