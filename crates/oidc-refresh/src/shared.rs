//! One login as all its handles, and its refresh in flight, share it.

use std::{
    fmt,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use oidc_core::{
    AccessToken, BootTime, Clock, Credential, Grant, KeyId, SavedLogin, SystemClock, Target, TargetId,
    TokenError, TokenStore,
};

use crate::{
    decide::Timing,
    desk::{Mode, Reason, Token},
    event::Listener,
    memory::{Memory, Open},
    policy::RefreshPolicy,
    pool::Shelved,
    random,
    snapshot::Snapshot,
    status::Origin,
};

/// Keeps one login alive and gives its credential: what [`TokenPool::source`](crate::TokenPool::source) gives for each user.
///
/// A [`RefreshingSource`](crate::RefreshingSource) is a handle of one, and what is said there holds here.
///
/// There may be a million, so what can be shared is, and the rest is small while nothing happens. The order of the fields puts what
/// `peek` reads next to the counts of the `Arc`: with a million users each line of the cache is a trip to memory.
#[repr(C)]
pub struct LoginSource {
    pub(crate) memory: Memory,
    pub(crate) setup: Arc<Setup>,
    me: Weak<Self>,
    pub(crate) key: KeyId,
    /// Somebody asked the pool for it lately.
    marked: AtomicBool,
}

/// What many sources have in common: all of a pool that are for one target.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) grant: Arc<dyn Grant>,
    pub(crate) store: Arc<dyn TokenStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) policy: RefreshPolicy,
    pub(crate) target: Target,
    pub(crate) target_id: TargetId,
    pub(crate) listener: Listener,
    /// Random, so that two instances refresh the same login at different times.
    seed: u64,
}

/// What a source is made of, beside store and login.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) grant: Arc<dyn Grant>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) policy: RefreshPolicy,
    pub(crate) target: Target,
    pub(crate) listener: Listener,
}

impl Parts {
    pub(crate) fn new(grant: impl Grant) -> Self {
        let (policy, target, listener) = Default::default();
        Self { grant: Arc::new(grant), clock: Arc::new(SystemClock::new()), policy, target, listener }
    }

    pub(crate) fn over(self, store: Arc<dyn TokenStore>) -> Setup {
        let Self { grant, clock, policy, target, listener } = self;
        let target_id = target.id();
        Setup { grant, store, clock, policy, target, target_id, listener, seed: random::number() }
    }
}

impl Setup {
    /// The same for another target.
    pub(crate) fn for_target(&self, target: &Target) -> Self {
        Self {
            grant: self.grant.clone(),
            store: self.store.clone(),
            clock: self.clock.clone(),
            policy: self.policy.clone(),
            target: target.clone(),
            target_id: target.id(),
            listener: self.listener.clone(),
            seed: self.seed,
        }
    }

    /// The source of one login.
    pub(crate) fn source(self: &Arc<Self>, key: KeyId) -> Arc<LoginSource> {
        Arc::new_cyclic(|me| LoginSource {
            memory: Memory::default(),
            setup: self.clone(),
            me: me.clone(),
            key,
            marked: AtomicBool::new(false),
        })
    }
}

impl LoginSource {
    /// What is known beside the credential. Never kept across an await.
    pub(crate) fn state(&self) -> Open<'_> {
        self.memory.open(&self.key)
    }

    /// A handle for what goes on without a caller.
    pub(crate) fn handle(&self) -> Result<Arc<Self>, TokenError> {
        self.me.upgrade().ok_or_else(TokenError::closed)
    }

    /// Which login it keeps: the hash of its [`TokenKey`](oidc_core::TokenKey), which stores and logs know it by.
    pub fn key(&self) -> KeyId {
        self.key
    }

    pub(crate) fn is_for(&self, setup: &Arc<Setup>) -> bool {
        Arc::ptr_eq(&self.setup, setup)
    }

    /// What the desk sees of the token that is there.
    pub(crate) fn shown(&self) -> Option<Token> {
        self.memory.snapshot().as_ref().map(|snapshot| snapshot.token())
    }

    /// Publishes the access token of `login`. Says whether it can be used now.
    ///
    /// A token that is there already keeps its generation, and stays rejected if it was. One that `login` does not have is another
    /// login's.
    pub(crate) fn publish(&self, state: &mut Open<'_>, login: &SavedLogin, origin: Origin) -> bool {
        let now = self.setup.clock.boot();
        if state.desk.mode() == Mode::Closed {
            return false;
        }
        let Some(access) = login.access(self.setup.target_id) else {
            state.show(None);
            return false;
        };
        let current = self.memory.snapshot_full();
        let credential = Credential::new(access);
        match current {
            Some(current) if current.credential().is_same_token(&credential) => {
                return current.good(now).is_some();
            }
            Some(current) if !current.token().rejected => state.desk.forget_rejections(),
            _ => {}
        }
        let (timing, look_at) = self.timing(login, access, now);
        let snapshot = Snapshot::new(credential, origin, timing, now, look_at);
        let good = snapshot.good(now).is_some();
        state.show(Some(Arc::new(snapshot)));
        good
    }

    /// Publishes what the provider has just given. A token that it has given before lives as long as it says now, but stays
    /// rejected if it was.
    pub(crate) fn publish_won(&self, state: &mut Open<'_>, login: &SavedLogin) {
        let Some((current, access)) = self.memory.snapshot_full().zip(login.access(self.setup.target_id))
        else {
            self.publish(state, login, Origin::Refresh);
            return;
        };
        if !current.credential().is_same_token(&Credential::new(access)) {
            self.publish(state, login, Origin::Refresh);
        } else if !current.token().rejected {
            let (timing, look_at) = self.timing(login, access, self.setup.clock.boot());
            state.show(Some(Arc::new(current.prolonged(timing, look_at))));
        }
    }

    /// When a token that is there from `now` on has to be looked after, and when the store is asked about it first. By one look at the
    /// clock: by a second one, a token that has ended would seem to have a moment left.
    fn timing(&self, login: &SavedLogin, access: &AccessToken, now: BootTime) -> (Timing, BootTime) {
        let Setup { grant, clock, policy, .. } = &*self.setup;
        let renewable = !grant.spends() || login.refresh().is_some();
        let timing = Timing::of(access, clock.wall(), now, renewable, policy, self.jitter());
        (timing, now.after(policy.revalidate_after))
    }

    /// Uniform over all of `u64`, and fixed for this key and instance.
    fn jitter(&self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = *self.key.as_bytes();
        u64::from_be_bytes([a, b, c, d, e, f, g, h]) ^ self.setup.seed
    }

    /// Waits for `future`, but not longer than `limit`.
    pub(crate) async fn within<T>(&self, limit: Duration, future: impl Future<Output = T>) -> Option<T> {
        let deadline = self.setup.clock.boot().after(limit);
        let timer = std::pin::pin!(self.setup.clock.sleep_until(deadline));
        match futures_util::future::select(std::pin::pin!(future), timer).await {
            futures_util::future::Either::Left((output, _)) => Some(output),
            futures_util::future::Either::Right(_) => None,
        }
    }
}

impl Shelved for LoginSource {
    fn key(&self) -> &KeyId {
        &self.key
    }

    /// Written only where it changes something, so that threads that ask for the same one do not take the line from each other.
    fn mark(&self) {
        if !self.marked.load(Ordering::Relaxed) {
            self.marked.store(true, Ordering::Relaxed);
        }
    }

    fn take_mark(&self) -> bool {
        self.marked.swap(false, Ordering::Relaxed)
    }

    fn is_idle(&self) -> bool {
        self.memory.is_idle(self.setup.clock.coarse())
    }
}

impl fmt::Debug for LoginSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginSource")
            .field("key", &self.key)
            .field("target", &self.setup.target)
            .finish_non_exhaustive()
    }
}
