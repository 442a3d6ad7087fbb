//! The credentials of many users.

mod shelf;

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use oidc_core::{Clock, ConfigError, Grant, KeyId, Target, TokenError, TokenKey, TokenSet, TokenStore};

use self::shelf::Shelf;
pub(crate) use self::shelf::Shelved;
use crate::{
    desk::Reason,
    event::{Event, Listener},
    policy::RefreshPolicy,
    shared::{LoginSource, Parts, Setup},
};

/// The logins of many users in one store: gives each its [`LoginSource`], and begins and ends logins.
///
/// Clones share everything. A pool keeps as many sources as its [`capacity`](TokenPoolBuilder::capacity) says. Where there are more, those
/// go that nobody holds and that were not asked for longest, approximately; the store still has their tokens, and the next who asks
/// gets a new source that reads them from there. Nothing is lost: a source stays while somebody has a handle of it, a refresh is in flight or
/// its tokens are not saved yet, a sign-out is under way, or a failure stands. There is no timer and no task for any of this.
///
/// What coordinates refreshes is the lease in the store, not the pool: should there be two sources for one login, in one process or in two,
/// only one of them spends the refresh token, and the other one adopts what it wins.
#[derive(Clone)]
pub struct TokenPool(Arc<Inner>);

struct Inner {
    setup: Arc<Setup>,
    /// What the sources of other targets have in common.
    others: Mutex<HashMap<Target, Arc<Setup>>>,
    sources: Shelf<LoginSource>,
    closed: AtomicBool,
}

impl TokenPool {
    /// Starts to build a pool over `store`, whose tokens are renewed with `grant`.
    pub fn builder(store: impl TokenStore, grant: impl Grant) -> TokenPoolBuilder {
        TokenPoolBuilder { parts: Parts::new(grant), store: Arc::new(store), capacity: CAPACITY }
    }

    /// The source of one login, whether anybody is logged in or not. Ask for it per request or keep it: it is the same one.
    pub fn source(&self, key: &TokenKey) -> Arc<LoginSource> {
        self.find(&key.id(), &self.0.setup)
    }

    /// The source of one login for another `target`: another access token that hangs on the same refresh token.
    pub fn source_for(&self, key: &TokenKey, target: &Target) -> Arc<LoginSource> {
        self.find(&key.id(), &self.setup(target))
    }

    /// How many sources there are at the moment.
    pub fn len(&self) -> usize {
        self.0.sources.len()
    }

    /// Whether there is no source at the moment.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Starts a login: `tokens` are durable when this returns. See [`LoginSource::sign_in`].
    ///
    /// # Errors
    /// As [`LoginSource::sign_in`].
    pub async fn sign_in(&self, key: &TokenKey, tokens: &TokenSet) -> Result<(), TokenError> {
        self.source(key).sign_in(tokens).await?;
        self.forget_others(&key.id());
        Ok(())
    }

    /// Ends a login, for every target. See [`LoginSource::sign_out`].
    ///
    /// # Errors
    /// As [`LoginSource::sign_out`].
    pub async fn sign_out(&self, key: &TokenKey) -> Result<Option<TokenSet>, TokenError> {
        self.forget_others(&key.id());
        let outcome = self.source(key).sign_out().await;
        // Somebody may have asked the store before it knew.
        self.forget_others(&key.id());
        outcome
    }

    /// Closes all sources, those included that are asked for later, and waits for the refreshes in flight together. See
    /// [`LoginSource::shutdown`].
    ///
    /// # Errors
    /// [`TokenErrorKind::Closed`](oidc_core::TokenErrorKind::Closed) where that took longer than `shutdown_drain`.
    pub async fn shutdown(&self) -> Result<(), TokenError> {
        self.0.closed.store(true, Ordering::Relaxed);
        let mut busy = Vec::new();
        for portion in self.0.sources.portions() {
            portion.each(|source| {
                if source.close() {
                    busy.push(source.clone());
                }
            });
            tokio::task::yield_now().await;
        }
        let Some(first) = busy.first() else { return Ok(()) };
        let landed = futures_util::future::join_all(busy.iter().map(|source| source.landed()));
        let landed = first.within(self.0.setup.policy.shutdown_drain, landed).await;
        landed.map(drop).ok_or_else(Reason::closed)
    }

    /// Made under the lock of its place on the shelf, so that a shutdown sees it or it sees the shutdown.
    fn find(&self, key: &KeyId, setup: &Arc<Setup>) -> Arc<LoginSource> {
        self.0.sources.get(
            key,
            |source| source.is_for(setup),
            || {
                let source = setup.source(*key);
                if self.0.closed.load(Ordering::Relaxed) {
                    source.close();
                }
                source
            },
        )
    }

    /// What sources for `target` have in common. Those of targets that no source is for are dropped before the next is made.
    fn setup(&self, target: &Target) -> Arc<Setup> {
        let own = &self.0.setup;
        if *target == own.target {
            return own.clone();
        }
        let mut others = self.0.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(setup) = others.get(target) {
            return setup.clone();
        }
        others.retain(|_, setup| Arc::strong_count(setup) > 1);
        let setup = Arc::new(own.for_target(target));
        others.insert(target.clone(), setup.clone());
        setup
    }

    /// What sources of other targets hold belongs to the login before: they ask the store again.
    fn forget_others(&self, key: &KeyId) {
        self.0.sources.each_of(key, |source| {
            if !source.is_for(&self.0.setup) {
                source.forget();
            }
        });
    }
}

impl fmt::Debug for TokenPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenPool").field("sources", &self.len()).finish_non_exhaustive()
    }
}

/// About 170 MB of users whose access token has 1,200 bytes.
const CAPACITY: usize = 100_000;

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

    /// How many sources are kept before those are dropped that nobody uses. Default 100,000; each takes some 450 bytes and the length of its
    /// tokens, so that a million users with access tokens of 1,200 bytes fit into 1.7 GB.
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
        let (others, closed) = Default::default();
        let (setup, sources) = (Arc::new(parts.over(store)), Shelf::new(capacity));
        Ok(TokenPool(Arc::new(Inner { setup, others, sources, closed })))
    }
}
